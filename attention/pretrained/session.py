"""Chapter 12, part 1: what a run wants to see and to change, and what was seen of each layer.

Both travel in a ``contextvars.ContextVar``, never on a module, so any number of threads can share one
model.

Shapes: h heads, n queries, m keys, d features.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypedDict

from torch import Tensor

from ..cell import Cell, explain
from .blocks import Thumbnails


class Rules(TypedDict, total=False):
    """What attend() and explain() are given beside queries, keys and values."""

    mask: Tensor | None
    bias: Tensor | None
    sinks: Tensor | None
    scale: float | None
    softcap: float | None
    temperature: float


@dataclass(frozen=True)
class Changes:
    """What to change in a run; every field's default changes nothing. Hashable.

    knock_out, uniform: (layer, head) pairs; a knocked-out head's output is zero, a uniform one
        spreads its weight evenly over the keys it may attend.
    temperature: (layer, head, t) triples, t > 0; that head's scores are divided by t.
    no_scale: True leaves the scaled dot product's 1/sqrt(d) out, in every head, also where a model
        takes it into its queries before (OPT); one without it (T5) refuses.
    forbid: positions in the shown sequence that no query may attend as keys.
    causal: False lets a decoder look ahead (a sliding window keeps its width, on both sides), True
        forbids an encoder to; None leaves it as trained. Cross-attention keeps its mask.
    shuffle_seed: shuffles the words (not the special tokens) before the run; None leaves them.
    positions: False gives every token the same position (relative ones become zero).
    position: which one that is, counted from 0. A learned table has an own row for each, and in BERT row 0
        is the one of [CLS]; where only distances count (rotary, T5) it makes no difference.
    """

    knock_out: frozenset[tuple[int, int]] = frozenset()
    uniform: frozenset[tuple[int, int]] = frozenset()
    temperature: tuple[tuple[int, int, float], ...] = ()
    no_scale: bool = False
    forbid: frozenset[int] = frozenset()
    causal: bool | None = None
    shuffle_seed: int | None = None
    positions: bool = True
    position: int = 0

    def __post_init__(self) -> None:
        for name in ("knock_out", "uniform", "forbid"):  # lists and sets are welcome
            object.__setattr__(self, name, frozenset(getattr(self, name)))
        object.__setattr__(self, "temperature", tuple(map(tuple, self.temperature)))
        for _, _, temperature in self.temperature:
            if not 0 < temperature < float("inf"):
                raise ValueError(f"a head's temperature must be above 0, got {temperature}")

    def heads(self, layer: int) -> dict[int, Rules]:
        """The heads of this layer to attend anew -> the arguments of attend() they change."""
        changed: dict[int, Rules] = {}
        for at, head, temperature in self.temperature:
            if at == layer:
                changed[head] = {"temperature": float(temperature)}
        for at, head in self.uniform:
            if at == layer:  # equal scores, whatever was added to them
                changed[head] = {"scale": 0.0, "bias": None, "softcap": None, "sinks": None}
        return changed


@dataclass(frozen=True)
class Layer:
    """One attention layer of one run: everything attend() was given, and the weights it gave.

    index: its number in order of calls. kind: "self", or in an encoder-decoder model "self" (the
    encoder), "decoder" and "cross". weights (h, n, m), or None. The rest is None unless everything
    was captured: query (h, n, d), key (h, m, d), value (h, m, v), mask (1 or h, n, m), bias
    (1 or h, n, m), sinks (h, 1 or n, 1); heads: arguments that single heads changed. thumbnails: in
    the weights' place, where they were asked for.
    """

    index: int
    kind: str
    weights: Tensor | None = None
    query: Tensor | None = None
    key: Tensor | None = None
    value: Tensor | None = None
    mask: Tensor | None = None
    bias: Tensor | None = None
    scale: float | None = None
    softcap: float | None = None
    sinks: Tensor | None = None
    heads: dict[int, Rules] = field(default_factory=dict)
    thumbnails: Thumbnails | None = None

    def arguments(self, head: int) -> Rules:
        """What attend() and explain() need for one head, beyond query, key and value."""
        arguments: Rules = {
            "mask": _of_head(self.mask, head),
            "bias": _of_head(self.bias, head),
            "sinks": _of_head(self.sinks, head),
            "scale": self.scale,
            "softcap": self.softcap,
        }
        return {**arguments, **self.heads.get(head, {})}


def _of_head(tensor: Tensor | None, head: int) -> Tensor | None:
    """(1 or h, n, m) -> (n, m)."""
    return None if tensor is None else tensor[head if tensor.shape[0] > 1 else 0]


def explain_head(layer: Layer, head: int, row: int, column: int) -> Cell:
    """Open one cell of one real head; its weight is ``layer.weights[head, row, column]``.

    A knocked-out head shows the weights it would have used; its output never leaves it.
    Raises ``ValueError`` for a layer that was captured without its queries, or a cell outside.
    """
    if layer.query is None or layer.key is None or layer.value is None:
        raise ValueError('this layer holds no queries: run the model with capture="all"')
    if not 0 <= head < layer.query.shape[0]:
        raise ValueError(f"head must lie in [0, {layer.query.shape[0] - 1}], got {head}")
    query, key, value = layer.query[head], layer.key[head], layer.value[head]
    if not (0 <= row < len(query) and 0 <= column < len(key)):
        raise ValueError(f"cell ({row}, {column}) lies outside {len(query)} queries x {len(key)} keys")
    rules = layer.arguments(head)  # of one row alone: a long text's matrix would be large
    rules = {name: _of_row(rule, row) for name, rule in rules.items()}  # type: ignore[assignment]
    return explain(query[row : row + 1], key, value, 0, column, **rules)


def _of_row(rule: Any, row: int) -> Any:
    """What of a mask, bias or sinks (n or 1, ...) concerns one query; any other rule as it is."""
    return rule[row : row + 1] if isinstance(rule, Tensor) and rule.dim() > 1 and len(rule) > 1 else rule


@dataclass
class Session:
    """One forward pass: what to capture, what to change, and what was seen.

    capture: "weights", "all" or None; only: the layers to capture, default every one; each: called
    with every captured Layer, its answer is kept in the Layer's place (so that 270 heads at 512
    tokens can be pooled one layer at a time). kinds: every layer's kind, default "self". sources:
    in an encoder-decoder model, how many tokens are the source's. prescales: what each layer's
    queries were multiplied by before they came here, default 1. on_call: told of every call. side:
    layers hold thumbnails of at most side x side instead of weights, at bounded memory. allowed
    (b, 1, 1, m): for a batch of one text, which keys the queries of each row may attend. rows: for a batch
    of one text, a session for each row in this one's place.
    """

    capture: str | None = None
    changes: Changes | None = None
    only: Collection[int] | None = None
    each: Callable[[Layer], Any] | None = None
    kinds: tuple[str, ...] = ()
    sources: int | None = None
    prescales: tuple[float, ...] = ()
    on_call: Callable[..., None] | None = None
    side: int | None = None
    allowed: Tensor | None = None
    rows: tuple[Session, ...] = ()
    layers: list[Any] = field(default_factory=list)
    calls: int = 0


SESSION: ContextVar[Session | None] = ContextVar("attention_matchmaker_session", default=None)
