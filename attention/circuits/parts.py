"""A logit, and a score, as sums of what wrote them.

``logit_parts``: the model's logit for a word (or the difference of two candidates) is a product of the
stream's end with a fixed direction, and the stream is a sum, so every head, feed-forward and embedding
has a share in it (Elhage et al. 2021; the "direct logit attribution" of Wang et al. 2022). Between them
stands the last norm, and there are two ways to deal with it:

- ``"shared"``: its size is frozen at what it was, so it is linear, and is **shared out** to all parts.
  A part's share does not depend on the order of the parts, and splits further, by source token.
- ``"sum"``: the norm is **applied to the sum** that has come together so far, at that sum's own size;
  a part's share is by how much the logit moved when it came in. It depends on the order (the model's:
  embedding, position, bias, then layer by layer), and its running totals are the lens of the logit.

A share is what a part *says*, not what would happen without it: later parts read it too, and others
may step in (:mod:`.patching` measures that). Neither is a weight on its own (Jain and Wallace 2019).

``score_parts``: a score is a product of a query and a key, both linear in their streams once the norm
before them is frozen, so it is a double sum over who wrote the query's stream and who the key's.

Shapes: P parts, n tokens, D features, h heads, d features of a head, m source tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..pretrained.model import Model
from ..pretrained.session import explain_head
from ..pretrained.tokens import Tokens
from .layout import Layout, Stream, inside
from .walk import Frozen, Part, Walked, captured, freeze, layout_of, stream_parts, walk

CONVENTIONS = ("shared", "sum")


@dataclass(frozen=True, eq=False)
class LogitParts:
    """``values.sum() == total``: the logit of target, or target's minus other's.

    parts, values (P,): who, and its share, float64. total: the model's own, as it computes it.
    moved: for every head of "shared", (m,), its share by the token it was moved from; None otherwise.
    position: of the token after which the word would stand.
    """

    parts: tuple[Part, ...]
    values: Tensor
    total: float
    moved: tuple[Tensor | None, ...]
    convention: str
    position: int
    target: int
    other: int | None

    def largest(self, count: int = 10) -> list[tuple[Part, float]]:
        """The parts with the largest shares, of either sign."""
        order = self.values.abs().argsort(descending=True)[:count].tolist()
        return [(self.parts[at], self.values[at].item()) for at in order]


@torch.inference_mode()
def logit_parts(
    model: Model,
    tokens: Tokens,
    target: int | str,
    other: int | str | None = None,
    convention: str = "shared",
    position: int | None = None,
) -> LogitParts:
    """Who spoke for the next word ``target`` (rather than ``other``), and how loudly.

    target, other: numbers or entries of the vocabulary. convention: "shared" or "sum", see above.
    position: after which token the word would stand, default the last (in an encoder-decoder model,
    of the target text). Raises ``ValueError`` for a model whose logits are no such sum.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {CONVENTIONS}, got {convention!r}")
    layout = speaking_layout(model)
    direction = logit_direction(model, layout, target, other)
    offset = logit_offset(model, target, other)
    stream = layout.streams[-1]
    length = tokens.segment.count(1) if len(layout.streams) > 1 else len(tokens)
    at = length - 1 if position is None else position
    if not 0 <= at < length:
        raise ValueError(f"position must lie in [0, {length - 1}], got {position}")
    walked = walk(model, layout, tokens, query=at).streams[-1]
    names, table = stream_parts(model, stream, walked, [at])
    parts = table[:, 0]  # (P, D)
    end = walked.end[at : at + 1]
    frozen = freeze(stream.last, end)
    moved: list[Tensor | None] = [None] * len(names)
    if convention == "shared":
        values = frozen.linear(parts[:, None])[:, 0] @ direction
        _moved_from(model, stream, walked, backwards(frozen, direction), names, moved)
    else:
        running = parts.cumsum(0)
        sizes = freeze(stream.last, running)
        logits = sizes.linear(running) @ direction
        values = logits - torch.cat([torch.zeros(1, dtype=logits.dtype), logits[:-1]])
    values[names.index(Part("bias"))] += frozen.bias @ direction + offset
    total = (walked.last[at].cpu().double() @ direction).item() + offset
    return LogitParts(
        tuple(names), values, total, tuple(moved), convention, at, number_of(model, target),
        None if other is None else number_of(model, other),
    )  # fmt: skip


def backwards(frozen: Frozen, direction: Tensor) -> Tensor:
    """(D,) with ``frozen.linear(part) @ direction == part @ result``, at one position."""
    result = direction * frozen.weight * frozen.size[0]
    return result - result.mean() if frozen.centred else result


def _moved_from(
    model: Model, stream: Stream, walked: Walked, direction: Tensor, names: list[Part],
    moved: list[Tensor | None],
) -> None:  # fmt: skip
    """Fill in each head's share by source token: ``weight * (value W_O) . direction``."""
    for writer, seen in zip(stream.writers, walked.seen, strict=True):
        if seen.value is None or seen.weights is None:
            continue
        reads = writer.projection(model.num_heads).detach().cpu().double() @ direction  # (h, d)
        shares = (seen.value.cpu().double() @ reads[..., None])[..., 0] * seen.weights.cpu().double()
        start = names.index(Part("head", writer.layer, 0))
        moved[start : start + len(shares)] = list(shares)


@dataclass(frozen=True, eq=False)
class ScoreParts:
    """``matrix.sum() + bias == score``: the score of explain_head()'s cell, before the softmax.

    queries, keys: who wrote what the query (key) was made from; left (P, d), right (P', d): what the
    head makes of each, turned by position where the model does. matrix: ``scale * left @ right.T``.
    bias: what the model adds by position (T5), else 0. score: the ``logit`` of the cell.
    """

    queries: tuple[Part, ...]
    keys: tuple[Part, ...]
    matrix: Tensor
    bias: float
    score: float
    left: Tensor
    right: Tensor
    scale: float

    def largest(self, count: int = 10) -> list[tuple[Part, Part, float]]:
        """The pairs with the largest products, of either sign."""
        order = self.matrix.flatten().abs().argsort(descending=True)[:count].tolist()
        places = [divmod(at, self.matrix.shape[1]) for at in order]
        return [(self.queries[i], self.keys[j], self.matrix[i, j].item()) for i, j in places]


@torch.inference_mode()
def score_parts(model: Model, tokens: Tokens, layer: int, head: int, row: int, column: int) -> ScoreParts:
    """Where one score comes from: cell (row, column) of a head as a double sum over earlier parts.

    layer, head, row, column: as for :func:`~attention.pretrained.session.explain_head`. Rotary turns
    are part of the products; biases of the projections join the part called bias. Raises
    ``ValueError`` for a cell outside, or a model whose scores are no such sum.
    """
    layout = layout_of(model)
    if layout.scores is not None:
        raise ValueError(f"this model's scores are not a sum over its parts: {layout.scores}")
    number, place = layout.find(layer)
    stream = layout.streams[number]
    writer = stream.writers[place]
    way = walk(model, layout, tokens, keep={layer})
    walked = way.streams[number]
    whole = walked.seen[place].whole
    assert whole is not None
    cell = explain_head(whole, head, row, column)
    if whole.softcap is not None or whole.sinks is not None:
        raise ValueError("this model's scores pass a soft cap or a sink, so they are not a sum")
    device = inside(model).device
    queries, left = _read_parts(model, stream, walked, place, row)
    if writer.kind == "cross":
        source = layout.streams[0]
        keys, right = _read_parts(model, source, way.streams[0], None, column)
        context = stream.context(torch.zeros(len(left) + 1, dtype=torch.long, device=device))
        memory = _with_zero(right).to(device, torch.float32)
        context = replace(context, memory=memory[None])
        read = _with_zero(left)
    else:
        keys, right = _read_parts(model, stream, walked, place, column)
        read = torch.cat([_with_zero(left), _with_zero(right)])
        places = [row] * (len(left) + 1) + [column] * (len(right) + 1)
        context = stream.context(torch.tensor(places, device=device))
    # the module itself makes queries and keys of the parts, as if each were a token standing there:
    # so its own rotary turns are applied, whatever their convention
    _, made = captured(writer, read[None].to(device, torch.float32), context)
    assert made.query is not None and made.key is not None
    query = _affine(made.query[head][: len(left) + 1], queries)
    key = _affine(made.key[head][-len(right) - 1 :], keys)
    matrix = (query @ key.T) * cell.scale
    return ScoreParts(tuple(queries), tuple(keys), matrix, cell.bias, cell.logit, query, key, cell.scale)


def _read_parts(
    model: Model, stream: Stream, walked: Walked, place: int | None, position: int
) -> tuple[list[Part], Tensor]:
    """What a writer reads at one position as a sum (P, D); place None: what the memory holds."""
    names, table = stream_parts(model, stream, walked, [position], place)
    norm = stream.last if place is None else stream.writers[place].before
    if norm is not None:
        x = walked.end if place is None else walked.seen[place].stream
        frozen = freeze(norm, x[position : position + 1])
        table = frozen.linear(table)
        table[names.index(Part("bias"))] += frozen.bias
    return names, table[:, 0]


def _with_zero(parts: Tensor) -> Tensor:
    """(P, D) -> (P + 1, D): what comes out for nothing at all is the projection's bias."""
    return torch.cat([parts, torch.zeros_like(parts[:1])])


def _affine(made: Tensor, names: list[Part]) -> Tensor:
    """(P + 1, d) with the bias last -> (P, d) without it, but once, in the part called bias."""
    made = made.cpu().double()
    parts = made[:-1] - made[-1]
    parts[names.index(Part("bias"))] += made[-1]
    return parts


def speaking_layout(model: Model) -> Layout:
    """The layout of a model that has next words and a last norm before them, or ``ValueError``."""
    layout = layout_of(model)
    if not model.has_logits or layout.streams[-1].last is None:
        raise ValueError(
            "this model names no next word from its stream's end (its norms stand after the sums, "
            "as in BERT): choose a decoder, or use score_parts and patch, which need none"
        )
    return layout


def number_of(model: Model, word: int | str) -> int:
    """A vocabulary number; a string must be one entry of the vocabulary."""
    if isinstance(word, str):
        number = None if model.tokenizer is None else model.tokenizer.get_vocab().get(word)
        if number is None:
            raise ValueError(f"{word!r} is not one entry of this model's vocabulary; give its number")
        word = int(number)
    size = inside(model).get_output_embeddings().weight.shape[0]
    if not 0 <= word < size:
        raise ValueError(f"a word's number must lie in [0, {size - 1}], got {word}")
    return word


def logit_direction(model: Model, layout: Layout, target: int | str, other: int | str | None) -> Tensor:
    """(D,) with ``last @ direction`` the logit (difference), float64; biases are apart."""
    weight = inside(model).get_output_embeddings().weight
    direction: Tensor = weight[number_of(model, target)].detach().cpu().double()
    if other is not None:
        direction = direction - weight[number_of(model, other)].detach().cpu().double()
    return direction * layout.scale


def logit_offset(model: Model, target: int | str, other: int | str | None) -> float:
    """What the unembedding's own bias adds, 0 in most models."""
    bias = getattr(inside(model).get_output_embeddings(), "bias", None)
    if bias is None:
        return 0.0
    offset = float(bias[number_of(model, target)])
    return offset if other is None else offset - float(bias[number_of(model, other)])
