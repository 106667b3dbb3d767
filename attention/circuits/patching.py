"""Replace what a head wrote, and see what becomes of the answer.

Two sentences of equal length; a head (at one position, or at all) gets the output it had in the other
one. What then changes was carried by that head (activation patching: Meng et al. 2022, "causal tracing";
Wang et al. 2022 for heads). Without an other sentence the head is knocked out: its output is zero.

A share in :func:`~.parts.logit_parts` says what a head writes towards the answer directly. Here later
parts react: a head with a large share may turn out to matter little, since others make up for it, and
one without a share may decide everything through those that read it. ``compare`` points them out.

Shapes: L attention layers, h heads, n tokens, D features, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..pretrained.model import Model
from ..pretrained.session import SESSION, Session
from ..pretrained.tokens import Tokens
from .layout import Context, Layout, Stream, Writer, inside
from .parts import logit_direction, logit_offset
from .walk import Walk, Walked, layout_of, walk

MOST_ROWS = 4096  # tokens sent through a layer at once: keeps the memory of a grid small


@dataclass(frozen=True, eq=False)
class Patched:
    """``before + change == after``, of the last hidden states (n, D) and, if there are next words, of
    the logits (V,) after the last token. heads, position: what was replaced."""

    hidden_before: Tensor
    hidden_after: Tensor
    before: Tensor | None
    after: Tensor | None
    heads: tuple[tuple[int, int], ...]
    position: int | None

    @property
    def change(self) -> Tensor | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def moved(self) -> Tensor:
        """How far each token's vector moved: (n,)."""
        return (self.hidden_after - self.hidden_before).square().sum(-1).sqrt()


@torch.inference_mode()
def patch(
    model: Model,
    tokens: Tokens,
    other: Tokens | None,
    heads: Iterable[tuple[int, int]],
    position: int | None = None,
) -> Patched:
    """Run ``tokens`` with the outputs of ``heads`` taken from a run of ``other``.

    other: of equal length, or None to put zeros in their place. heads: (layer, head) pairs, layers
    counted as in :class:`~attention.pretrained.model.Model`. position: of one token, counted as in
    tokens (source then target), default all. Raises ``ValueError`` for sentences that differ in
    length, and for heads or positions that are not there.
    """
    layout = layout_of(model)
    wanted = tuple(sorted({(int(layer), int(head)) for layer, head in heads}))
    _check(model, tokens, other, wanted, position)
    given = None if other is None else _heads(layout, walk(model, layout, other))
    kept: dict[int, Tensor] = {}

    def change(writer: Writer, own: Tensor) -> Tensor | None:
        kept[writer.layer] = own
        chosen = [head for layer, head in wanted if layer == writer.layer]
        rows = _rows(layout, tokens, writer, position)
        if not chosen or rows is None:
            return None
        new = torch.zeros_like(own) if given is None else given[writer.layer]
        delta = torch.zeros_like(own)
        delta[chosen, rows] = new[chosen, rows] - own[chosen, rows]
        return (delta @ writer.projection(model.num_heads)).sum(0)

    before, after = walk(model, layout, tokens), walk(model, layout, tokens, change=change)
    ends = [torch.cat([stream.last for stream in way.streams]) for way in (before, after)]
    logits: list[Tensor | None] = [None, None]
    if model.has_logits:
        unembed = inside(model).get_output_embeddings()
        logits = [unembed(way.streams[-1].last[-1] * layout.scale) for way in (before, after)]
    return Patched(ends[0], ends[1], logits[0], logits[1], wanted, position)


def _check(
    model: Model, tokens: Tokens, other: Tokens | None, heads: Iterable[tuple[int, int]],
    position: int | None = None,
) -> None:  # fmt: skip
    if other is not None and tokens.segment != other.segment:
        raise ValueError(
            f"both sentences need the same number of tokens, so that each place has its partner: got "
            f"{len(tokens)} and {len(other)}"
            + ("" if len(tokens) != len(other) else ", divided in other places")
            + "; change a word for one of the same length"
        )
    for layer, head in heads:
        if not (0 <= layer < model.num_layers and 0 <= head < model.num_heads):
            raise ValueError(
                f"layer must lie in [0, {model.num_layers - 1}] and head in "
                f"[0, {model.num_heads - 1}], got ({layer}, {head})"
            )
    if position is not None and not 0 <= position < len(tokens):
        raise ValueError(f"position must lie in [0, {len(tokens) - 1}], got {position}")


def _heads(layout: Layout, way: Walk) -> dict[int, Tensor]:
    """Layer -> its heads' outputs (h, n, d)."""
    return {
        writer.layer: seen.heads
        for stream, walked in zip(layout.streams, way.streams, strict=True)
        for writer, seen in zip(stream.writers, walked.seen, strict=True)
        if seen.heads is not None
    }


def _rows(layout: Layout, tokens: Tokens, writer: Writer, position: int | None) -> slice | None:
    """Which rows of a layer a position of the shown sequence is; None if it belongs elsewhere."""
    if position is None:
        return slice(None)
    first = 0
    if len(layout.streams) > 1:
        source = tokens.segment.count(0)
        if (position < source) != (writer.kind == "self"):
            return None
        first = 0 if writer.kind == "self" else source
    return slice(position - first, position - first + 1)


@dataclass(frozen=True, eq=False)
class Grid:
    """What patching each head does to one number: ``base + effects[layer, head, position]``.

    The number is the logit (difference) after the last token; in an encoder the cosine of the
    sentence's vector with the other sentence's (its own, if heads were knocked out).
    effects (L, h, n), NaN where the layer has no such position or was not reached; whole (L, h): at
    all positions at once. base: unpatched; goal: the other sentence's own number. done: layers done.
    """

    effects: Tensor
    whole: Tensor
    base: float
    goal: float | None
    done: int

    def strongest(self, count: int = 5) -> list[tuple[int, int, float]]:
        """(layer, head, effect) of the heads that move the number most, at all positions at once."""
        order = self.whole.nan_to_num(0).abs().flatten().argsort(descending=True)[:count].tolist()
        places = [divmod(at, self.whole.shape[1]) for at in order]
        return [(layer, head, self.whole[layer, head].item()) for layer, head in places]


def patch_grid(
    model: Model,
    tokens: Tokens,
    other: Tokens | None,
    target: int | str | None = None,
    instead: int | str | None = None,
    *,
    each_position: bool = True,
    layers: Collection[int] | None = None,
    report: Callable[[int, int], bool | None] = lambda done, of: None,
) -> Grid:
    """Every head of every layer (default), at every position and at all, patched by itself.

    target, instead: the word, and the one it is held against; needed where there are next words.
    each_position: False patches whole heads only, n times cheaper. report(done, of): called after each
    layer; when it returns True the grid stops there, the rest stays NaN.
    Raises ``ValueError`` as :func:`patch` does, or for a decoder without a target.
    """
    layout = layout_of(model)
    _check(model, tokens, other, ())
    wanted = list(range(model.num_layers)) if layers is None else sorted(set(layers))
    _check(model, tokens, other, [(layer, 0) for layer in wanted])
    n = len(tokens)
    effects = torch.full((model.num_layers, model.num_heads, n), float("nan"))
    whole = torch.full((model.num_layers, model.num_heads), float("nan"))
    with torch.inference_mode():
        own = walk(model, layout, tokens)
        theirs = None if other is None else walk(model, layout, other)
        measure = _measure(model, layout, own if theirs is None else theirs, target, instead)
        given = None if theirs is None else _heads(layout, theirs)
        base = measure(own.streams[-1].last[None])[0].item()
        goal = None if theirs is None else measure(theirs.streams[-1].last[None])[0].item()
        done = 0
        for layer in wanted:
            number, place = layout.find(layer)
            found = _one_layer(
                model, layout, own, number, place, None if given is None else given[layer],
                measure, each_position,
            ) - base  # fmt: skip
            whole[layer] = found[:, -1]
            if each_position:
                first = tokens.segment.count(0) if number else 0
                effects[layer, :, first : first + found.shape[1] - 1] = found[:, :-1]
            done += 1
            if report(done, len(wanted)) is True:
                break
    return Grid(effects, whole, base, goal, done)


Measure = Callable[[Tensor], Tensor]  # last hidden states (b, n, D) -> (b,)


def _measure(
    model: Model, layout: Layout, reference: Walk, target: int | str | None, instead: int | str | None
) -> Measure:  # fmt: skip
    if model.has_logits:
        if target is None:
            raise ValueError("a model with next words needs a target: the word whose logit to watch")
        direction = logit_direction(model, layout, target, instead).float().to(inside(model).device)
        offset = logit_offset(model, target, instead)
        return lambda last: last[:, -1] @ direction + offset
    goal = F.normalize(reference.streams[-1].last.mean(0), dim=0)
    return lambda last: F.normalize(last.mean(1), dim=-1) @ goal


def _one_layer(
    model: Model, layout: Layout, own: Walk, number: int, place: int, given: Tensor | None,
    measure: Measure, each_position: bool,
) -> Tensor:  # fmt: skip
    """The measure for every variant of one layer: (h, n + 1), or (h, 1); the last at all positions.

    Up to this layer all variants are the run that is known. From here each differs, at first only in
    its patched row: as long as parts work row by row (feed-forwards, norms), only those are computed.
    """
    stream, walked = layout.streams[number], own.streams[number]
    writer, seen = stream.writers[place], walked.seen[place]
    assert seen.heads is not None
    new = torch.zeros_like(seen.heads) if given is None else given
    delta = (new - seen.heads) @ writer.projection(model.num_heads)  # (h, n, D)
    rows = writer.add(seen.stream, seen.written + delta)  # (h, n, D): row i is patched at i alone
    h, n, width = rows.shape
    following = place + 1
    while following < len(stream.writers) and stream.writers[following].kind == "feed_forward":
        feed = stream.writers[following]
        rows = feed.add(rows, feed.write(feed.read(rows), Context()))
        following += 1
    ended = following == len(stream.writers)
    base = walked.end if ended else walked.seen[following].stream
    variants = rows[:, None]  # (h, 1, n, D): all rows patched
    if each_position:
        single = base.expand(h, n, n, width).clone()
        single[:, torch.arange(n), torch.arange(n)] = rows
        variants = torch.cat([single, variants], 1)
    flat = variants.flatten(0, 1)  # (h * (n + 1), n, D)
    size = max(1, MOST_ROWS // n)
    found = [measure(_finish(layout, own, number, following, part)) for part in torch.split(flat, size)]
    return torch.cat(found).reshape(h, -1).cpu()


def _finish(layout: Layout, own: Walk, number: int, following: int, x: Tensor) -> Tensor:
    """Variants (b, n, D) from one writer of one stream to the last hidden states (b, n', D)."""
    for at in range(number, len(layout.streams)):
        stream = layout.streams[at]
        if at > number:  # the decoder begins anew, beside a memory of its own for each variant
            begun = _begin(stream, own.streams[at])
            memory, x, following = x, begun.expand(len(x), *begun.shape), 0
        context = stream.context(torch.arange(x.shape[1], device=x.device))
        if at > 0:
            shown = memory if at > number else own.streams[at - 1].last.expand(len(x), -1, -1)
            context = replace(context, memory=shown)
        for writer in stream.writers[following:]:
            x = writer.add(x, _fused(writer, writer.read(x), context))
        x = stream.finish(x)
    return x


def _begin(stream: Stream, walked: Walked) -> Tensor:
    return walked.seen[0].stream


def _fused(writer: Writer, read: Tensor, context: Context) -> Tensor:
    """One writer without capture: attention then takes the fused kernel."""
    token = SESSION.set(Session(capture=None))
    try:
        return writer.write(read, context)
    finally:
        SESSION.reset(token)
