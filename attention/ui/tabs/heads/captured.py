"""One run of a real model as the heads tab keeps it, and everything that comes back from it.

What is kept of a run are its queries, keys and values: a head's weights come back from them through
``attend`` in a millisecond, and they take a hundredth of the room that all weights would. Of a long text
every head's thumbnail is kept, and the vectors of a few neighbouring layers; for others it is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ....export.heatmap import pack_overview
from ....heads import hide_special
from ....pooling import attend
from ....pretrained import Layer, Model, Run, Tokens
from ....pretrained.blocks import SIDE, Thumbnails, pack_thumbnails
from ....pretrained.device import ON_A_CPU
from ...page.busy import slot
from .memo import Memo

FORWARDS = 2  # at once in one process
WHOLE = ON_A_CPU  # tokens up to which a layer's weights are made whole, and all layers' vectors are kept
AT_ONCE = SIDE  # tokens up to which all layers' weights are made in one product, and no thumbnail is pooled
VECTORS = 128 * 2**20  # bytes of the vectors kept of a longer text: those of some layers


@contextmanager
def places(tokens: int) -> Iterator[None]:
    """A place to run a model; of all places long texts, which may take half a minute, get one."""
    with ExitStack() as held:
        if tokens > WHOLE:
            held.enter_context(slot("long", limit=1, wait=45.0, waiting=2))
        held.enter_context(slot("forward", limit=FORWARDS))
        yield


def together(model: Model, tokens: int) -> int:
    """Of how many layers of a long text the vectors are kept at one time."""
    return max(1, VECTORS // (3 * tokens * model.num_heads * model.d_head * model.module.dtype.itemsize))


def with_vectors(layers: Sequence[Layer]) -> dict[int, Layer]:
    """Those layers of a long text that hold their vectors, by number."""
    return {at: layer for at, layer in enumerate(layers) if layer.query is not None}


@dataclass(frozen=True, eq=False)
class Captured:
    """A model, its tokens, and one run whose layers hold everything but their weights.

    layers: those of the kind looked at; of a long text :meth:`layer` alone has their vectors.
    thumbnails: by whether special tokens are hidden, filled when first wanted; those of a long text
    show all. memo: what was computed from this run. no_gpu: a lent GPU was wanted for it and refused,
    so the CPU did it. again: runs a long text up to the layers kept with the one of this number.
    """

    model: Model
    run: Run
    layers: tuple[Layer, ...]
    thumbnails: dict[bool, list[dict[str, Any]]] = field(default_factory=dict)
    memo: Memo = field(default_factory=Memo)
    no_gpu: bool = False
    again: Callable[[int], dict[int, Layer]] | None = None

    @property
    def tokens(self) -> Tokens:
        return self.run.tokens

    @property
    def long(self) -> bool:
        """Whether no head's weights are ever whole."""
        return len(self.tokens) > WHOLE

    def layer(self, at: int) -> Layer:
        """One layer with its vectors: of a long text it may have to be run again, up to there."""
        if not self.long:
            return self.layers[at]
        group = at // together(self.model, len(self.tokens))
        held = self.memo.held("vectors", group)
        if held is None:
            assert self.again is not None
            with places(len(self.tokens)):  # who waits here waits in a line that has an end
                held = self.memo.once("vectors", group, partial(self.again, at))
        layer: Layer = held[at]
        return layer

    def vectors(self, layer: int) -> tuple[Tensor, Tensor, Tensor]:
        """The queries (h, n, d), keys (h, m, d) and values (h, m, v) of one layer."""
        seen = self.layer(layer)
        assert seen.query is not None and seen.key is not None and seen.value is not None
        return seen.query, seen.key, seen.value

    def weights(self, layer: int, head: int) -> Tensor:
        """One head's weights (n, m), as the model used them."""
        query, key, value = (each[head] for each in self.vectors(layer))
        return attend(query, key, value, **self.layer(layer).arguments(head)).weights

    def layer_weights(self, layer: int) -> Tensor:
        """All heads' weights of one layer (h, n, m), changed heads included."""
        seen = self.layers[layer]
        weights = attend(
            *self.vectors(layer), seen.mask, scale=seen.scale, softcap=seen.softcap, bias=seen.bias,
            sinks=seen.sinks,
        ).weights  # fmt: skip
        for head in seen.heads:
            weights[head] = self.weights(layer, head)
        return weights

    def blocks(self, end: int | None = None) -> Iterator[Tensor]:
        """All heads' weights up to the layer ``end``: of a short text (layers, h, n, m) at once, else of
        one layer at a time."""
        layers = self.layers[:end]
        if len(self.tokens) > AT_ONCE:
            yield from (self.layer_weights(at)[None] for at in range(len(layers)))
        elif len({_shapes(layer) for layer in layers}) > 1:  # some layers have other rules
            yield torch.stack([self.layer_weights(at) for at in range(len(layers))])
        else:
            query, key, mask, bias, sinks = (
                _stacked([getattr(layer, name) for layer in layers])
                for name in ("query", "key", "mask", "bias", "sinks")
            )
            assert query is not None and key is not None
            every: Tensor = attend(
                query, key, key[..., :1], mask, scale=layers[0].scale, softcap=layers[0].softcap,
                bias=bias, sinks=sinks,
            ).weights  # fmt: skip
            for at, layer in enumerate(layers):
                for head in layer.heads:
                    every[at, head] = self.weights(at, head)
            yield every

    def sides(self) -> tuple[list[int], list[int]]:
        """The positions that are queries and those that are keys, in the shown sequence."""
        if self.model.kind != "encoder-decoder":
            everything = list(range(len(self.tokens)))
            return everything, everything
        parts, kind = self.tokens.segment, self.layers[0].kind
        source, target = ([i for i, part in enumerate(parts) if part == side] for side in (0, 1))
        return (source if kind == "self" else target), (target if kind == "decoder" else source)

    def overview(self, hidden: bool) -> list[dict[str, Any]]:
        """Every layer packed for the page, special tokens hidden or not."""
        hidden = hidden and not self.long
        if hidden not in self.thumbnails:
            special = self.special(hidden)
            with slot("forward", limit=FORWARDS):
                self.thumbnails[hidden] = [
                    one for block in self.blocks() for one in pack_block(block, special)
                ]
        return self.thumbnails[hidden]

    def special(self, hidden: bool) -> list[bool] | None:
        """Which positions are special tokens, if they are to be hidden and hiding makes sense."""
        if self.long:
            return None
        queries, keys = self.sides()
        return hideable([self.tokens.special[i] for i in keys]) if hidden and queries == keys else None


def hideable(special: list[bool]) -> list[bool] | None:
    """The special tokens, None if there are none or nothing else."""
    return special if any(special) and not all(special) else None


def _shapes(layer: Layer) -> tuple[Any, ...]:
    """What layers must have in common for one product of all."""
    tensors = (layer.query, layer.key, layer.mask, layer.bias, layer.sinks)
    return layer.scale, layer.softcap, *(None if each is None else each.shape for each in tensors)


def _stacked(tensors: Sequence[Tensor | None]) -> Tensor | None:
    """One tensor of each layer, of one shape -> (layers, ...); None where they are none."""
    return torch.stack([each for each in tensors if each is not None]) if tensors[0] is not None else None


def pack_block(block: Tensor, special: list[bool] | None) -> list[dict[str, Any]]:
    """Weights (layers, h, n, m) packed for the page, each layer by itself."""
    shown = block if special is None else hide_special(block, special)
    *_, n, m = shown.shape
    if max(n, m) > SIDE:
        return [pack_overview([weights]) for weights in shown]
    low, high = torch.aminmax(shown)
    if not (low >= 0 and high <= 1.001):  # NaN fails too; 0.001 for rounding in half precision
        raise ValueError(f"weights must be numbers in [0, 1], but range from {low} to {high}")
    levels = shown.sqrt().mul_(255).add_(0.5).to(torch.uint8)
    return [pack_thumbnails([Thumbnails(layer, (n, m), 1, 1, 1)]) for layer in levels]


def pack(weights: Tensor, special: list[bool] | None) -> dict[str, Any]:
    return pack_overview([weights if special is None else hide_special(weights, special)])
