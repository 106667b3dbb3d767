"""The same claims as exercises: right and wrong side by side, each with one thing to turn."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..multihead import MultiHeadAttention
from ..pitfalls.exercise import Exercise, by_id, pitfall
from ..pooling import attend
from .claims import (
    batched_shapes,
    identity_heatmap,
    random_weights_spread,
    regularised,
    score_count,
)


def _seed(generator: torch.Generator) -> int:
    return int(torch.randint(2**31, (), generator=generator))


@pitfall("masks", m=(1, 16))
def mask_for_widths(generator: torch.Generator, m: int = 5) -> Exercise:
    """ "A mask is for mismatched dimensions": 3 queries of 4 features, m keys of 4 and of 6.

    runs (2, 2): 1 where attend() runs; rows: keys of 4, of 6; columns: without a mask, with one (3, m).
    """
    query, value = torch.randn(3, 4, generator=generator), torch.randn(m, 2, generator=generator)
    mask = torch.ones(3, m, dtype=torch.bool)
    keys = [torch.randn(m, width, generator=generator) for width in (4, 6)]
    runs = torch.tensor([[_runs(query, key, value, one) for one in (None, mask)] for key in keys])
    weights = attend(query, keys[0], value).weights
    assert weights is not None
    return Exercise({"runs": runs, "weights": weights}, {}, {"saved_by_the_mask": runs[1, 1].item()})


def _runs(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> float:
    try:
        attend(query, key, value, mask)
    except ValueError:
        return 0.0
    return 1.0


@pitfall("matchmaker", d=(2, 512), n=(2, 32))
def randn_matrices(generator: torch.Generator, d: int = 64, n: int = 8) -> Exercise:
    """W_q and W_k by ``randn(d, d)`` against Glorot's: weights (n, n) over tokens of unit variance."""
    plain, glorot = random_weights_spread(d, n, _seed(generator))
    readouts = {
        f"{way}_{name}": getattr(spread, name)
        for way, spread in (("right", glorot), ("wrong", plain))
        for name in ("scores", "largest_weight")
    }
    return Exercise({"weights": glorot.weights}, {"weights": plain.weights}, readouts)


@pitfall("matchmaker", strength=(0.0, 10.0))
def l2_weights(generator: torch.Generator, strength: float = 0.3) -> Exercise:
    """L2 on the attention weights against L2 on the matrices: weights (3, 5) without, and with each."""
    seed = _seed(generator) % 50  # few, so that a class draws the same ones
    kinds = {kind: regularised(kind, strength, 150, seed) for kind in ("none", "weights", "matrices")}
    rows = torch.tensor([found.weights for found in kinds.values()])
    readouts = {f"{kind}_entropy": found.entropy for kind, found in kinds.items()}
    readouts |= {f"{kind}_norm": found.norm for kind, found in kinds.items()}
    return Exercise({"weights": rows}, {}, readouts)


@pitfall("heads", num_heads=(1, 48), n=(1, 512))
def heads_memory(generator: torch.Generator, num_heads: int = 8, n: int = 64) -> Exercise:
    """ "Several heads need less memory": counts (2, 2), one head and all; projections and scores."""
    one, more = (score_count(n, heads, 48) for heads in (1, num_heads))
    counts = torch.tensor([[one.projected, one.all_heads], [more.projected, more.all_heads]])
    return Exercise({"counts": counts.float()}, {}, {"ratio": more.all_heads / one.all_heads})


@pitfall("heads", d_model=(2, 64))
def four_layers(generator: torch.Generator, d_model: int = 8) -> Exercise:
    """ "Q, K and V come from four linear layers": moved (4, 4), 1 where changing a layer moves a result.

    Rows: the layers that make query, key, value, and the last one; columns: query, key, value, output.
    """
    layer = MultiHeadAttention(d_model, 2, bias=False, generator=generator)
    x = torch.randn(1, 3, d_model, generator=generator)
    parts = [*layer.w_qkv.chunk(3), layer.w_o]
    moved = torch.zeros(4, 4)
    with torch.no_grad():
        before = [*layer.project(x), layer(x).output]
        for row, part in enumerate(parts):
            kept = part.clone()
            part += 0.5 * torch.randn(part.shape, generator=generator)
            for column, (old, new) in enumerate(
                zip(before, [*layer.project(x), layer(x).output], strict=True)
            ):
                moved[row, column] = float(not torch.allclose(old, new))
            part.copy_(kept)
    makers = moved[:, :3].any(-1).sum().item()
    return Exercise({"moved": moved}, {}, {"makers": makers, "parameters": float(d_model**2)})


@pitfall("heads", n=(1, 8))
def batched_products(generator: torch.Generator, n: int = 3) -> Exercise:
    """(n, 2, 3)(n, 3, 4): away (n, n), how far product i of the batch is from left i times right j."""
    left, right = torch.randn(n, 2, 3, generator=generator), torch.randn(n, 3, 4, generator=generator)
    together, every = torch.bmm(left, right), left[:, None] @ right[None]  # (n, 2, 4), (n, n, 2, 4)
    away = (together[:, None] - every).abs().amax((-2, -1))
    away = away.masked_fill(away < 1e-6, 0.0)  # float32's rounding
    shape = batched_shapes(n, 2, 3, 4)
    return Exercise({"away": away}, {}, {"dimensions": float(len(shape)), "first": float(shape[0])})


@pitfall("heads", d=(2, 512))
def eye_heatmap(generator: torch.Generator, d: int = 8) -> Exercise:
    """``eye(10)`` printed as attention against the weights of ten random tokens of width d, (10, 10)."""
    eye, weights, diagonal = identity_heatmap(10, d, _seed(generator))
    off = eye.sum() - eye.diagonal().sum()
    readouts = {"diagonal": diagonal, "smallest": weights.min().item(), "eye_elsewhere": off.item()}
    return Exercise({"weights": weights}, {"weights": eye}, readouts)


@pitfall("applications", bright=(0.0, 8.0))
def channel_attention(generator: torch.Generator, bright: float = 1.0) -> Exercise:
    """Channel and spatial attention of an image (3, 3, 3): sigmoids of means, not a softmax.

    channels (2, 3): sigmoid and softmax of the channels' means; places (3, 3): sigmoid of the mean over
    channels. bright: factor on channel 2. The published ones put the means through a small learned
    network first: Hu et al. 2018 (channels), Woo et al. 2018 (places too).
    """
    image = torch.rand(3, 3, 3, generator=generator) * torch.tensor([1.0, bright, 1.0])[:, None, None]
    means = image.mean((1, 2))
    channels = torch.stack([means.sigmoid(), means.softmax(0)])
    places = image.mean(0).sigmoid()
    return Exercise(
        {"channels": channels, "places": places}, {},
        {"channel_sum": channels[0].sum().item(), "softmax_sum": channels[1].sum().item()},
    )  # fmt: skip


@pitfall("matchmaker", space=(0.0, 1.0))
def library(generator: torch.Generator, space: float = 0.25) -> Exercise:
    """Query: what you ask; keys: labels of three books; values: their pages. Then one book is rewritten.

    query (1, 2) by subject (cooking, space), key (3, 2), value (3, 2); weights (2, 3) and output (2, 2)
    before and after the pages of book 1 are rewritten, its label left as it is.
    """
    query = 3 * torch.tensor([[1 - space, space]])
    key = torch.tensor([[2.0, 0.0], [0.0, 2.0], [1.2, 1.2]])
    value = torch.tensor([[9.0, 0.0], [0.0, 8.0], [4.0, 5.0]])
    rewritten = value.clone()
    rewritten[0] = torch.tensor([1.0, 7.0])
    return _before_after(query, key, value, key, rewritten)


@pitfall("matchmaker", focus=(0.0, 8.0))
def party(generator: torch.Generator, focus: float = 2.0) -> Exercise:
    """Query: the voice you listen for; keys: three voices; values: what they say. Then one voice changes.

    focus: factor of the query, how hard you listen. Shapes as in :func:`library`; features of a voice:
    high, near; of what is said: gossip, news.
    """
    query = focus * torch.tensor([[1.0, 0.5]])
    key = torch.tensor([[1.5, 0.5], [0.0, 1.5], [0.8, 0.2]])
    value = torch.tensor([[8.0, 1.0], [2.0, 6.0], [5.0, 5.0]])
    hoarse = key.clone()
    hoarse[0] = torch.tensor([-0.5, 0.5])
    return _before_after(query, key, value, hoarse, value)


def _before_after(query: Tensor, key: Tensor, value: Tensor, new_key: Tensor, new_value: Tensor) -> Exercise:
    found = [attend(query, *sides, scale=1 / math.sqrt(2)) for sides in ((key, value), (new_key, new_value))]
    weights, output = (torch.cat([getattr(one, name) for one in found]) for name in ("weights", "output"))
    moved = {"weights_moved": (weights[0] - weights[1]).abs().max().item()}
    moved["output_moved"] = (output[0] - output[1]).abs().max().item()
    return Exercise(
        {"query": query, "key": key, "value": value, "weights": weights, "output": output}, {}, moved
    )


CLAIMS = by_id(
    mask_for_widths, randn_matrices, l2_weights, heads_memory, four_layers, batched_products, eye_heatmap,
    channel_attention, library, party,
)  # fmt: skip
