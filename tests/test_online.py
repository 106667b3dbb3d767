"""Cost, tiles: the running softmax is attend(), whatever the tile, forward and backward."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attention import attend
from attention.count import Count
from attention.masks import causal_mask
from attention.online import online_attend, tile_steps, weight_from_lse
from attention.scoring import Additive, Bilinear, Dot, Gaussian

B, H, N, M, D, V = 2, 3, 13, 17, 8, 5


def rand(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def qkv(dtype=torch.float32, n=N, m=M):
    shapes = (B, H, n, D), (B, H, m, D), (B, H, m, V)
    return [rand(*shape, seed=i, dtype=dtype) for i, shape in enumerate(shapes)]


def block_mask():
    """Row 3 may attend nothing; of the tiles of 4 whole ones are blocked."""
    mask = causal_mask(N, M).clone()
    mask[3] = False
    mask[8:12, 0:8] = False
    return mask


def test_a_row_by_hand():
    key = torch.tensor([[1.0], [3.0]])
    value = torch.tensor([[10.0], [20.0]])
    first, second = tile_steps(torch.ones(1, 1), key, value, tile=1, scale=1.0)
    assert (first.maximum.item(), first.total.item(), first.output.item()) == (1, 1, 10)
    # the larger score arrives: what was summed shrinks by e^(1 - 3)
    assert second.rescale.item() == pytest.approx(math.exp(-2))
    assert second.total.item() == pytest.approx(1 + math.exp(-2))
    assert second.output.item() == pytest.approx(20 + 10 * math.exp(-2))
    attended = online_attend(torch.ones(1, 1), key, value, tile=1, scale=1.0)
    assert attended.output.item() == pytest.approx((20 + 10 * math.exp(-2)) / (1 + math.exp(-2)))
    assert attended.lse.item() == pytest.approx(math.log(math.exp(1) + math.exp(3)))


OPTIONS = {
    "plain": {},
    "bias": {"bias": rand(H, N, M, seed=8)},
    "bias of one row": {"bias": rand(1, M, seed=8)},
    "soft cap": {"softcap": 0.7, "temperature": 1.7},
    "scale": {"scale": 0.9, "temperature": 0.5},
    "sinks": {"sinks": rand(H, 1, 1, seed=9)},
    "all": {"bias": rand(N, M, seed=8), "softcap": 2.0, "sinks": rand(N, 1, seed=9), "scale": 0.4},
    "bilinear": {"scoring": Bilinear(rand(D, D, seed=5) / D)},
    "additive": {"scoring": Additive(rand(3, D, seed=6), rand(3, D, seed=7), rand(3, seed=8))},
    "gaussian": {"scoring": Gaussian(2.0)},
}
MASKS = {"none": None, "blocks": block_mask(), "padding": rand(B, 1, 1, M, seed=4) > -0.5}


@pytest.mark.parametrize("tile", [1, 2, 4, 5, 16, 64])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_equals_attend_for_every_tile_mask_and_option(tile, mask, options):
    ours = online_attend(*qkv(), mask, tile=tile, **options)
    theirs = attend(*qkv(), mask, **options)
    torch.testing.assert_close(ours.output, theirs.output, atol=1e-6, rtol=0)
    if mask is MASKS["blocks"]:
        assert ours.output[..., 3, :].abs().max() == 0
        if "sinks" not in options:
            assert (ours.lse[..., 3] == -math.inf).all()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 9), m=st.integers(0, 9), tile=st.integers(1, 12), seed=st.integers(0, 999))
def test_equals_attend_for_any_shape_and_any_mask(n, m, tile, seed):
    tensors = qkv(n=n, m=m)
    mask = rand(n, m, seed=seed) > 0.5
    expected = attend(*tensors, mask).output
    torch.testing.assert_close(online_attend(*tensors, mask, tile=tile).output, expected, atol=1e-6, rtol=0)


def test_scores_far_above_what_exp_can_hold():
    query, key, value = qkv()
    ours = online_attend(query * 300, key, value, tile=3)
    assert ours.output.isfinite().all() and ours.lse.max() > 100  # exp(100) is no float32
    # a float32 near 1,000 is known to 6e-5, and so is its exponential
    torch.testing.assert_close(ours.output, attend(query * 300, key, value).output, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(dtype):
    ours = online_attend(*(x.to(dtype) for x in qkv()), tile=4)
    assert ours.output.dtype == dtype and ours.lse.dtype == torch.float32
    torch.testing.assert_close(ours.output.float(), attend(*qkv()).output, atol=0.03, rtol=0.03)


def test_leading_dimensions_broadcast():
    query, key, value = rand(N, D), rand(H, M, D, seed=1), rand(B, 1, M, V, seed=2)
    ours = online_attend(query, key, value, tile=4).output
    torch.testing.assert_close(ours, attend(query, key, value).output, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("name", OPTIONS)
def test_gradients_equal_attends(mask, name):
    def gradients(function, **more):
        options = dict(OPTIONS[name])
        leaves = [x.double().requires_grad_() for x in qkv()]
        for key in ("bias", "sinks"):
            if key in options:
                options[key] = options[key].double().requires_grad_()
                leaves.append(options[key])
        if "scoring" in options:
            fields = {key: x.double().requires_grad_() if isinstance(x, torch.Tensor) else x
                      for key, x in vars(options["scoring"]).items()}  # fmt: skip
            options["scoring"] = type(options["scoring"])(**fields)
            leaves += [x for x in fields.values() if isinstance(x, torch.Tensor)]
        output = function(*leaves[:3], mask, **options, **more).output
        return torch.autograd.grad(output, leaves, rand(B, H, N, V, seed=3).double())

    for ours, theirs in zip(gradients(online_attend, tile=4), gradients(attend), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-9)


def test_gradients_pass_the_numerical_check_the_log_sum_exp_included():
    leaves = [x[0, 0].requires_grad_() for x in qkv(torch.float64, n=4, m=5)]
    leaves.append(rand(4, 1, seed=9, dtype=torch.float64).requires_grad_())
    mask = causal_mask(4, 5)

    def both(query, key, value, sinks):
        attended = online_attend(query, key, value, mask, tile=2, sinks=sinks)
        return attended.output, attended.lse

    assert torch.autograd.gradcheck(both, leaves)


def test_wholly_masked_tiles_are_skipped_and_counted():
    query, key, value = (rand(16, 4, seed=i) for i in range(3))
    attended = online_attend(query, key, value, causal_mask(16), tile=4)
    assert (attended.tiles, attended.skipped) == (16, 6)  # a causal mask leaves 4 + 3 + 2 + 1 of 4 x 4
    # twice: once for the scores and once for the values, d = v = 4
    with Count() as count:
        online_attend(query, key, value, causal_mask(16), tile=4)
    assert count.multiplications == 2 * 10 * 4 * 4 * 4


def test_what_stands_in_a_skipped_tile_is_never_read():
    query, key, value = (rand(8, 4, seed=i) for i in range(3))
    key[4:], value[4:] = math.nan, math.nan
    mask = torch.arange(8) < 4
    assert online_attend(query, key, value, mask, tile=4).output.isfinite().all()


@pytest.mark.parametrize("strange", [math.nan, math.inf])
def test_what_stands_behind_the_mask_reaches_nobody_and_what_may_be_seen_does(strange):
    query, key, value = (rand(2, 8, 4, seed=i) for i in range(3))
    value[0, 5, 1] = strange
    key[0, 6] = strange
    mask = causal_mask(8)
    output = online_attend(query, key, value, mask, tile=3).output
    clean = online_attend(query, key.nan_to_num(0, 0), value.nan_to_num(0, 0), mask, tile=3).output
    assert torch.equal(output[0, :5], clean[0, :5]) and torch.equal(output[1], clean[1])
    assert not output[0, 5, 1].isfinite() and output[0, 5, [0, 2, 3]].isfinite().all()


def test_no_tensor_of_the_matrix_size_is_ever_made():
    query, key, value = (rand(256, 16, seed=i).requires_grad_() for i in range(3))
    with Count() as ours:
        attended = online_attend(query, key, value, tile=32)
        attended.output.sum().backward()
    with Count() as whole:
        attend(query, key, value).output.sum().backward()
    assert ours.largest == 256 * 16 and whole.largest == 256 * 256
    assert ours.peak < whole.peak / 4
    # q, k, v, output: 32 x 16; scores and their exponentials: 32 x 32; maximum, rescale, total: 32
    assert attended.held == 4 * 32 * 16 + 2 * 32 * 32 + 3 * 32


def test_any_weight_comes_back_from_the_log_sum_exp():
    mask = block_mask()
    for options in OPTIONS.values():
        query, key, value = qkv()
        lse = online_attend(query, key, value, mask, tile=4, **options).lse
        weights = attend(query, key, value, mask, **options).weights
        for row, column in ((0, 0), (3, 2), (5, 9), (9, 1), (N - 1, M - 1)):
            one = weight_from_lse(query, key, lse, row, column, mask, **options)
            torch.testing.assert_close(one, weights[..., row, column], atol=1e-6, rtol=1e-5)


def test_the_steps_do_not_change_afterwards_and_end_in_the_output():
    query, key, value = qkv()
    steps = list(tile_steps(query, key, value, block_mask(), tile=4))
    assert len(steps) == 4 * 5 and any(step.scores is None for step in steps)
    for step in steps:
        assert (step.rescale <= 1).all() and step.total.isfinite().all()
        if step.columns.stop == M:
            total = step.total.masked_fill(step.total == 0, 1)
            expected = attend(query, key, value, block_mask()).output[..., step.rows, :]
            torch.testing.assert_close(step.output / total, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"tile": 0}, "tile must be at least 1"),
        ({"temperature": 0.0}, "above 0"),
        ({"softcap": -1.0}, "above 0"),
        ({"bias": rand(3, 3)}, "does not broadcast"),
        ({"mask": torch.zeros(N, M)}, "boolean"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        online_attend(*qkv(), **change)
    with pytest.raises(ValueError, match="outside"):
        weight_from_lse(*qkv()[:2], torch.zeros(B, H, N), N, 0)


def test_dot_is_the_default_scoring():
    query, key, value = qkv()
    ours = online_attend(query, key, value, scoring=Dot())
    assert torch.equal(ours.output, online_attend(query, key, value).output)
