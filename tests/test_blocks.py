"""Long texts: attention by blocks of queries gives the bytes that packing makes of the whole weights."""

import pytest
import torch

from attention import attend
from attention.blocks import SIDE, attend_by_blocks, pack_thumbnails, weights_at
from attention.count import Count
from attention.masks import causal_mask
from attention.packing import OVERVIEW_SIDE, pack_overview
from attention.windows import window_mask

H, D, V = 3, 16, 8


def rand(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def qkv(n, m):
    return rand(H, n, D) * 2, rand(H, m, D, seed=1), rand(H, m, V, seed=2)


def masks(n, m):
    return {
        "none": None,
        "causal": causal_mask(n, m),
        "window": window_mask(n, m, 9)[None],
        "padding": torch.arange(m)[None, None] < m * 2 // 3,
        "some rows empty": (rand(H, n, m, seed=3) > 0) & (torch.arange(n) % 7 > 0)[:, None],
    }


@pytest.mark.parametrize("n, m", [(1, 1), (64, 64), (130, 130), (128, 200), (301, 77), (7, 500)])
@pytest.mark.parametrize("kind", masks(1, 1))
@pytest.mark.parametrize("block_bytes", [1, 40_000, 2**24])
def test_output_and_bytes_equal_those_of_the_whole(n, m, kind, block_bytes):
    tensors, mask = [x.double() for x in qkv(n, m)], masks(n, m)[kind]
    output, blocks = attend_by_blocks(*tensors, mask, block_bytes=block_bytes)
    whole = attend(*tensors, mask)
    torch.testing.assert_close(output, whole.output)
    assert pack_thumbnails([blocks, blocks]) == pack_overview([whole.weights, whole.weights])


def test_thumbnails_are_as_large_as_packings():
    assert SIDE == OVERVIEW_SIDE


@pytest.mark.parametrize("side", [5, 64, 1000])
def test_float32_gives_the_same_bytes_with_every_option(side):
    tensors = qkv(300, 300)
    options = {
        "scale": 0.5,
        "softcap": 3.0,
        "bias": rand(H, 300, 300, seed=4),
        "sinks": rand(H, 1, 1, seed=5),
    }
    for mask in (causal_mask(300), window_mask(300, 300, 40)):
        output, blocks = attend_by_blocks(*tensors, mask, side=side, block_bytes=100_000, **options)
        weights = attend(*tensors, mask, **options).weights
        assert blocks.blocks > 5
        assert pack_thumbnails([blocks]) == pack_overview([weights], side)


def test_a_row_of_a_thumbnail_may_take_several_blocks():
    tensors = qkv(256, 256)
    output, blocks = attend_by_blocks(*tensors, side=2, block_rows=10)
    assert blocks.pool_rows == 128 and blocks.blocks == 26  # 13 blocks of 10 rows, or 8, for each group
    assert pack_thumbnails([blocks]) == pack_overview([attend(*tensors).weights], 2)


def test_memory_is_bounded_whatever_the_length():
    limit, peaks = 200_000, []
    for n in (500, 1000, 2000):
        tensors, mask = qkv(n, n), causal_mask(n)
        with Count() as count:
            output, blocks = attend_by_blocks(*tensors, mask, block_bytes=limit)
        peaks.append(count.peak - output.numel() * 4 - blocks.levels.numel())
    # weights, their mask, the pooled rows, and one more of a block's size while scores become weights
    assert max(peaks) < 4 * limit < H * 2000 * 2000 * 4 / 50


def test_keys_behind_the_mask_are_not_multiplied():
    n, block = 256, 32
    tensors = rand(H, n, D), rand(H, n, D, seed=1), rand(H, n, D, seed=2)
    with Count() as whole:
        attend_by_blocks(*tensors, block_rows=block)
    with Count() as causal:
        attend_by_blocks(*tensors, causal_mask(n), block_rows=block)
    with Count() as window:
        attend_by_blocks(*tensors, window_mask(n, n, block), block_rows=block)
    parts = n // block
    assert causal.multiplications * 2 * parts == whole.multiplications * (parts + 1)
    assert window.multiplications <= whole.multiplications * 2 / parts


def test_any_part_of_the_matrix_comes_back_exactly():
    tensors, mask = qkv(90, 90), causal_mask(90)
    bias = rand(1, 90, seed=4)
    weights = attend(*tensors, mask, bias=bias).weights
    found = weights_at(*tensors[:2], slice(30, 50), slice(10, 45), mask, bias=bias)
    torch.testing.assert_close(found, weights[:, 30:50, 10:45], atol=1e-7, rtol=0)
    output, blocks = attend_by_blocks(*tensors, mask, bias=bias, block_bytes=1)
    cell = weights_at(*tensors[:2], slice(40, 42), slice(20, 22), mask, bias=bias)  # 90 / 64 -> 2 x 2
    byte = (255 * cell.amax((-2, -1)).sqrt() + 0.5).to(torch.uint8)
    assert torch.equal(blocks.levels[:, 20, 10], byte)


def test_what_cannot_be_is_refused():
    query, key, value = qkv(4, 4)
    with pytest.raises(ValueError, match="one layer"):
        attend_by_blocks(query[0], key[0], value[0])
    with pytest.raises(ValueError, match="boolean"):
        attend_by_blocks(query, key, value, torch.zeros(4, 4))
    key[0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="numbers in"):
        attend_by_blocks(query, key, value)
    with pytest.raises(ValueError, match="one shape"):
        pack_thumbnails([])
