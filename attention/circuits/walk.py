"""A text passing a model's writers one by one, and its stream taken apart again.

``walk`` records what every part read, wrote and saw; ``stream_parts`` gives any point of the stream as
the sum of everything written before it, each part carried through the norms on its way with their
sizes frozen. The parts are kept in float64, so that adding them up loses nothing that the model had.

Shapes: n tokens, D features, h heads, d features of a head, P parts, k positions.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..pretrained.model import Model
from ..pretrained.session import SESSION, Layer, Session
from ..pretrained.tokens import Tokens
from .layout import Context, Layout, Stream, Writer, inside, read_layout


class Part(NamedTuple):
    """A summand's name. kind: "embedding", "position", "bias", "head" or "feed_forward".

    "bias" is everything that does not depend on the text: the biases behind the heads and of the
    norms. layer, head: None where there is none.
    """

    kind: str
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """One writer on its way: stream (n, D) before, written (n, D), and an attention's insides.

    heads (h, n, d): the weighted values; value (h, m, d); weights (h, m) of one query; whole: the
    captured layer, where it was asked for.
    """

    stream: Tensor
    written: Tensor
    heads: Tensor | None = None
    value: Tensor | None = None
    weights: Tensor | None = None
    whole: Layer | None = None


@dataclass(frozen=True, eq=False)
class Walked:
    """One stream's way: parts it began with, what was seen at each writer, its end before and after
    the last norm, both (n, D)."""

    begun: dict[str, Tensor]
    seen: tuple[Seen, ...]
    end: Tensor
    last: Tensor


@dataclass(frozen=True, eq=False)
class Walk:
    streams: tuple[Walked, ...]


Change = Callable[[Writer, Tensor], Tensor | None]


@torch.inference_mode()
def walk(
    model: Model,
    layout: Layout,
    tokens: Tokens,
    *,
    query: int = -1,
    keep: Collection[int] = (),
    change: Change | None = None,
) -> Walk:
    """Send tokens through the layout's writers.

    query: whose weights to keep in each layer of the last stream. keep: layers to keep as a whole.
    change(writer, heads (h, n, d)) -> what an attention layer writes on top (n, D), or None.
    """
    streams: list[Walked] = []
    for number, stream in enumerate(layout.streams):
        ids, segment = ids_of(model, layout, tokens, number)
        begun = stream.embed(ids, segment)
        x = sum(begun.values())[None]  # type: ignore[index]
        x = x if stream.first is None else stream.first(x)
        context = stream.context(torch.arange(len(ids), device=ids.device))
        if streams:
            context = replace(context, memory=streams[-1].last[None])
        row = query if number == len(layout.streams) - 1 else -1
        seen: list[Seen] = []
        for writer in stream.writers:
            if writer.kind == "feed_forward":
                written = writer.write(writer.read(x), context)
                seen.append(Seen(x[0], written[0]))
            else:
                written, layer = captured(writer, writer.read(x), context)
                assert layer.weights is not None and layer.value is not None
                heads = layer.weights @ layer.value
                extra = None if change is None else change(writer, heads)
                written = written if extra is None else written + extra
                whole = layer if writer.layer in keep else None
                weights = layer.weights[:, row].clone()  # a view would keep all of them
                seen.append(Seen(x[0], written[0], heads, layer.value, weights, whole))
            x = writer.add(x, written)
        streams.append(Walked(begun, tuple(seen), x[0], stream.finish(x)[0]))
    return Walk(tuple(streams))


def captured(writer: Writer, read: Tensor, context: Context) -> tuple[Tensor, Layer]:
    """One attention module by itself: what it writes, and everything attend() was given."""
    session = Session(capture="all")
    token = SESSION.set(session)
    try:
        written = writer.write(read, context)
    finally:
        SESSION.reset(token)
    layer: Layer = session.layers[0]
    return written, layer


def ids_of(model: Model, layout: Layout, tokens: Tokens, stream: int) -> tuple[Tensor, Tensor]:
    """The ids and segments of one stream: all tokens, or the source's and the target's."""
    device = inside(model).device
    ids = torch.tensor(tokens.ids, device=device)
    segment = torch.tensor(tokens.segment, device=device)
    if len(layout.streams) == 1:
        # only an encoder tells its two texts apart
        return ids, segment if model.kind == "encoder" else torch.zeros_like(segment)
    return ids[segment == stream], segment[segment == stream]


@dataclass(frozen=True, eq=False)
class Frozen:
    """A norm at some points, its size frozen: ``part -> centre(part) * size * weight``, and bias.

    size (k, 1): one over the deviation (or root mean square) of the whole there; weight, bias (D,).
    """

    size: Tensor
    weight: Tensor
    bias: Tensor
    centred: bool

    def linear(self, parts: Tensor) -> Tensor:
        """parts (..., k, D) -> their shares; without the bias."""
        if self.centred:
            parts = parts - parts.mean(-1, keepdim=True)
        return parts * self.size * self.weight


def freeze(norm: Any, x: Tensor) -> Frozen:
    """The norm as it acts on x (k, D). Raises ``ValueError`` for a norm of another kind."""
    x = x.detach().cpu().double()
    weight = norm.weight.detach().cpu().double()
    if isinstance(norm, nn.LayerNorm):
        bias = torch.zeros_like(weight) if norm.bias is None else norm.bias.detach().cpu().double()
        size = (x.var(-1, unbiased=False, keepdim=True) + norm.eps).rsqrt()
        return Frozen(size, weight, bias, True)
    eps = getattr(norm, "variance_epsilon", None)
    if eps is None:
        raise ValueError(f"a norm of kind {type(norm).__name__} is not known to be linear when frozen")
    size = (x.square().mean(-1, keepdim=True) + eps).rsqrt()
    return Frozen(size, weight, torch.zeros_like(weight), False)


def stream_parts(
    model: Model, stream: Stream, walked: Walked, positions: Sequence[int], stop: int | None = None
) -> tuple[list[Part], Tensor]:
    """The stream before writer ``stop`` (default: at its end) as a sum: names, and parts (P, k, D)."""
    at = list(positions)
    names = [Part(kind) for kind in walked.begun]
    parts = [part[at].cpu().double()[None] for part in walked.begun.values()]
    names.append(Part("bias"))
    bias = len(parts)
    parts.append(torch.zeros_like(parts[0]))
    table = torch.cat(parts)
    if stream.first is not None:
        table = _through(freeze(stream.first, table.sum(0)), table, bias)
    for writer, seen in list(zip(stream.writers, walked.seen, strict=True))[:stop]:
        if seen.heads is None:
            added = seen.written[at].cpu().double()[None]
            names.append(Part("feed_forward", writer.layer))
        else:
            w_o = writer.projection(model.num_heads).detach().cpu().double()
            added = seen.heads[:, at].cpu().double() @ w_o  # (h, k, D)
            names += [Part("head", writer.layer, head) for head in range(len(added))]
            if getattr(writer.out, "bias", None) is not None:
                table[bias] += writer.out.bias.detach().cpu().double()
        table = torch.cat([table, added])
        if writer.after is not None:
            total = (seen.stream + seen.written)[at]
            table = _through(freeze(writer.after, total), table, bias)
    return names, table


def _through(norm: Frozen, table: Tensor, bias: int) -> Tensor:
    """All parts through a frozen norm, whose own bias joins the part called bias."""
    table = norm.linear(table)
    table[bias] += norm.bias
    return table


_layouts: weakref.WeakKeyDictionary[Model, Layout] = weakref.WeakKeyDictionary()


def layout_of(model: Model) -> Layout:
    """The model's streams. Raises ``ValueError`` with the reason for a model whose parts do not sum."""
    if model not in _layouts:
        layout = read_layout(model)
        _prove(model, layout)
        _layouts[model] = layout
    return _layouts[model]


def _prove(model: Model, layout: Layout) -> None:
    """The walk's last hidden states are the model's own, or ``ValueError``."""
    from ..pretrained import run

    both = len(layout.streams) > 1
    segment = (0, 0, 0, 1, 1) if both else (0,) * 5
    flags = (False,) * 5
    tokens = Tokens((3, 4, 5, 6, 7), ("",) * 5, flags, flags, segment, (0, 1, 2, 0, 1))
    found = torch.cat([stream.last for stream in walk(model, layout, tokens).streams])
    # with weights, as the walk computes them: the fused kernel rounds otherwise
    if not torch.allclose(found, run(model, tokens).hidden, atol=1e-4, rtol=1e-3):
        raise ValueError(
            "this model's parts do not add up to what it computes, so it cannot be split into them"
        )
