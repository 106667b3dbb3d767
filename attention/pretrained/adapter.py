"""Chapter 11, part 1: how a pretrained model comes to run this package's ``attend``.

transformers lets a model name the function that computes its attention. The one registered here is
:func:`matchmaker_attention`, which calls :func:`attention.pooling.attend` and nothing else. What a
caller wants to see or change travels in a ``contextvars.ContextVar``, never on a module, so any
number of threads can share one model.

Shapes: b batch, h heads, n queries, m keys, d features; here b is 1 whenever something is captured.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..cell import Cell, explain
from ..masks import causal_mask
from ..pooling import attend
from .blocks import Thumbnails, attend_by_blocks

NAME = "attention_matchmaker"


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

    def heads(self, layer: int) -> dict[int, dict[str, Any]]:
        """The heads of this layer to attend anew -> the arguments of attend() they change."""
        changed: dict[int, dict[str, Any]] = {}
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
    heads: dict[int, dict[str, Any]] = field(default_factory=dict)
    thumbnails: Thumbnails | None = None

    def arguments(self, head: int) -> dict[str, Any]:
        """What attend() and explain() need for one head, beyond query, key and value."""
        arguments = {
            "mask": _of_head(self.mask, head),
            "bias": _of_head(self.bias, head),
            "sinks": _of_head(self.sinks, head),
            "scale": self.scale,
            "softcap": self.softcap,
        }
        return {**arguments, **self.heads.get(head, {})}


def explain_head(layer: Layer, head: int, row: int, column: int) -> Cell:
    """Open one cell of one real head; its weight is ``layer.weights[head, row, column]``.

    A knocked-out head shows the weights it would have used; its output never leaves it.
    Raises ``ValueError`` for a layer that was captured without its queries, or a cell outside.
    """
    if layer.query is None:
        raise ValueError('this layer holds no queries: run the model with capture="all"')
    if not 0 <= head < layer.query.shape[0]:
        raise ValueError(f"head must lie in [0, {layer.query.shape[0] - 1}], got {head}")
    query, key, value = layer.query[head], layer.key[head], layer.value[head]
    return explain(query, key, value, row, column, **layer.arguments(head))


@dataclass
class Session:
    """One forward pass: what to capture, what to change, and what was seen.

    capture: "weights", "all" or None; only: the layers to capture, default every one; each: called
    with every captured Layer, its answer is kept in the Layer's place (so that 270 heads at 512
    tokens can be pooled one layer at a time). kinds: every layer's kind, default "self". sources:
    in an encoder-decoder model, how many tokens are the source's. prescales: what each layer's
    queries were multiplied by before they came here, default 1. on_call: told of every call. side:
    layers hold thumbnails of at most side x side instead of weights, at bounded memory.
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
    layers: list[Any] = field(default_factory=list)
    calls: int = 0


SESSION: ContextVar[Session | None] = ContextVar("attention_matchmaker_session", default=None)


def matchmaker_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """The function a model calls: query (b, h, n, d), key and value (b, h or fewer, m, d).

    Returns output (b, n, h, d) and weights (b, h, n, m) or None. Of the further arguments it
    knows position_bias (T5), softcap (Gemma 2), s_aux (the sinks of gpt-oss), sinks (one per query,
    Inkling 2), indices (the keys chosen for each query, Hunyuan 4) and is_causal.
    """
    session = SESSION.get() or _PLAIN
    index = session.calls
    if session is not _PLAIN:  # that one is everybody's
        session.calls = index + 1
    if key.shape[1] != query.shape[1]:  # grouped heads: several queries' heads share one key's
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    bias = kwargs.get("position_bias")
    mask, bias = _boolean_mask(module, query, key, attention_mask, bias, kwargs.get("is_causal"))
    if kwargs.get("indices") is not None:
        mask = _only_chosen(mask, kwargs["indices"], key.shape[2])
    sinks = kwargs.get("s_aux")
    sinks = kwargs.get("sinks") if sinks is None else sinks.reshape(1, -1, 1, 1)
    options = {
        "scale": query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        "bias": bias,
        "softcap": kwargs.get("softcap"),
        "sinks": sinks,
    }
    kind = session.kinds[index] if index < len(session.kinds) else "self"
    heads: dict[int, dict[str, Any]] = {}
    if session.changes is not None:
        mask = _changed_mask(session, kind, mask, query, key)
        if session.changes.no_scale:
            options["scale"] = 1 / session.prescales[index] if index < len(session.prescales) else 1.0
        if not session.changes.positions and bias is not None:
            options["bias"] = torch.zeros_like(bias)
        heads = session.changes.heads(index)

    wanted = session is _PLAIN or (
        session.capture is not None and (session.only is None or index in session.only)
    )
    dropout = dropout if module.training else 0.0
    thumbnails: Thumbnails | None = None
    if wanted and session.side is not None:
        output, thumbnails = _in_blocks(session.side, query, key, value, mask, **options)
        weights = None
    else:
        attended = attend(query, key, value, mask, dropout=dropout, need_weights=wanted, **options)
        output, weights = attended.output, attended.weights
    for head, changed in heads.items():  # a changed head is attended again, by its own rules
        one = slice(head, head + 1)
        own = {name: _of_heads(given, one) for name, given in options.items()} | changed
        its = query[:, one], key[:, one], value[:, one], _of_heads(mask, one)
        if thumbnails is not None and session.side is not None:
            output[:, one], anew = _in_blocks(session.side, *its, **own)
            thumbnails.levels[one] = anew.levels
            continue
        again = attend(*its, need_weights=wanted, **own)
        output[:, one] = again.output
        if wanted:
            weights[:, one] = again.weights
    if session.changes is not None:
        for layer, head in session.changes.knock_out:
            if layer == index:
                output[:, head] = 0

    if session.on_call is not None:
        session.on_call(
            module=module, query=query, mask=mask, scale=options["scale"],
            output=output[0].transpose(0, 1),
        )  # fmt: skip
    if wanted and session is not _PLAIN:
        shown = None if weights is None else weights[0]
        seen = Layer(index, kind, shown, thumbnails=thumbnails)
        if session.capture == "all":
            seen = Layer(
                index, kind, shown, query[0], key[0], value[0], _first(mask),
                _first(options["bias"]), options["scale"], options["softcap"],
                _first(options["sinks"]), heads, thumbnails,
            )  # fmt: skip
        session.layers.append(seen if session.each is None else session.each(seen))
    return output.transpose(1, 2).contiguous(), weights


def _in_blocks(
    side: int, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None,
    *, bias: Tensor | None, sinks: Tensor | None, **options: Any,
) -> tuple[Tensor, Thumbnails]:  # fmt: skip
    """One text's layer, or one head of it, by blocks of queries: output (1, h, n, v) and thumbnails."""
    output, thumbnails = attend_by_blocks(
        query[0], key[0], value[0], _first(mask), bias=_first(bias), sinks=_first(sinks), side=side,
        **options,
    )  # fmt: skip
    return output[None], thumbnails


_PLAIN = Session(capture="weights")  # outside a run of ours: weights for output_attentions


def _boolean_mask(
    module: torch.nn.Module, query: Tensor, key: Tensor, mask: Tensor | None, bias: Tensor | None,
    is_causal: bool | None,
) -> tuple[Tensor | None, Tensor | None]:  # fmt: skip
    """Whatever mask the model made -> boolean mask (True = may attend) and what is left as bias."""
    n, m = query.shape[2], key.shape[2]
    if mask is None:  # None means "all", but in a causal layer "all up to here", as in sdpa
        is_causal = getattr(module, "is_causal", False) if is_causal is None else is_causal
        return (causal_mask(n, m, query.device) if is_causal and n > 1 else None), bias
    mask = mask[..., :m]
    if mask.dtype == torch.bool:
        return mask, bias
    allowed = mask > torch.finfo(mask.dtype).min / 2  # additive masks hold the lowest number
    rest = mask.masked_fill(~allowed, 0)
    if rest.any():
        bias = rest if bias is None else bias + rest
    return allowed, bias


def _only_chosen(mask: Tensor | None, indices: Tensor, m: int) -> Tensor:
    """The mask without the keys that were not chosen; indices (b, n, k), below 0 for none."""
    chosen = torch.zeros(*indices.shape[:2], m + 1, dtype=torch.bool, device=indices.device)
    indices = indices.long()
    chosen = chosen.scatter_(-1, indices.where(indices >= 0, m), True)[:, None, :, :m]
    return chosen if mask is None else mask & chosen


def _changed_mask(
    session: Session, kind: str, mask: Tensor | None, query: Tensor, key: Tensor
) -> Tensor | None:
    """The mask after ``causal`` and ``forbid``; positions count source then target tokens."""
    changes, n, m = session.changes, query.shape[2], key.shape[2]
    if kind != "cross" and changes.causal is True:
        causal = causal_mask(n, m, query.device)
        mask = causal if mask is None else mask & causal
    elif kind != "cross" and changes.causal is False and mask is not None and n == m:
        mask = mask | mask.transpose(-2, -1)
    first = session.sources if kind == "decoder" and session.sources is not None else 0
    forbidden = [at - first for at in changes.forbid if 0 <= at - first < m]
    if forbidden:
        keys = torch.ones(m, dtype=torch.bool, device=query.device)
        keys[forbidden] = False
        mask = keys.expand(1, 1, n, m) if mask is None else mask & keys
    return mask


def _first(tensor: Tensor | None) -> Tensor | None:
    """The only row of the batch; a mask or bias without a batch dimension gets its head's 1."""
    if tensor is None:
        return None
    return tensor[0] if tensor.dim() == 4 else tensor.reshape(-1, *tensor.shape[-2:])


def _of_head(tensor: Tensor | None, head: int) -> Tensor | None:
    """(1 or h, n, m) -> (n, m)."""
    return None if tensor is None else tensor[head if tensor.shape[0] > 1 else 0]


def _of_heads(given: Any, one: slice) -> Any:
    """(b, 1 or h, n, m) -> (b, 1, n, m); anything that has no heads stays as it is."""
    heads = isinstance(given, Tensor) and given.dim() == 4 and given.shape[1] > 1
    return given[:, one] if heads else given


_registered = threading.Event()


def register() -> None:
    """Make ``attn_implementation="attention_matchmaker"`` known to transformers. Idempotent."""
    if _registered.is_set():
        return
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    def boolean_mask(*args: Any, **kwargs: Any) -> Tensor | None:
        # sdpa may leave a causal mask out and rely on a flag; here the mask is always there
        return sdpa_mask(*args, **{**kwargs, "allow_is_causal_skip": False})

    AttentionInterface.register(NAME, matchmaker_attention)
    AttentionMaskInterface.register(NAME, boolean_mask)
    _registered.set()
