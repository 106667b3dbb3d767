"""The large pass as one picture, and the arithmetic of every number in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .....circuits import logit_parts
from .....circuits.parts import backwards, logit_direction
from .....circuits.walk import freeze, layout_of, stream_parts, walk
from .....pretrained import explain_head
from ....page.guard import Json, Refusal
from ....page.panels import Panel, heading
from ....page.scene import Place
from ....page.sheet import TOP, Grid, Section, Sheet, cell_sheet, product_rows, show
from ....page.texts import Words
from .drawn import save_stack
from .large import Large
from .picture import Column, ending
from .sheets import choice_section, share_section
from .study import Point

SAID = ("head", "weights", "next_title", "drawn_here", "typed", "one", "go", "stop", "undo", "again", "hint")
VISIBLE = 0.002  # of the line: a stretch below is no pixel
OWN = ("begun", "layer", "net", "total", "size", "would_say")  # what this picture alone says


@dataclass(frozen=True, eq=False)
class Stack(Column):
    """A row a layer: its strongest head over the words, every head's share, the feed-forward's, the total.

    points, names: of the picture, from the words down. begun: the parts before the first layer. lens:
    (word, share) that each layer would say, first the embedding.
    """

    begun: Sequence[str]
    lens: Sequence[tuple[str, float]]

    def encode(self) -> Json:
        lens = [list(one) for one in self.lens]
        return super().encode() | {"kind": "stack", "begun": list(self.begun), "lens": lens}

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        """As the page draws it, in its light colours."""
        return save_stack(self, self.begun, self.lens, format, notes)


def large_panels(s: Large, words: Words) -> list[Panel]:
    """The pass of the column that is looked at."""
    text = words("model.story_big_text", word=s.spelled(s.target), logit=show(s.shares.total, 2))
    return [heading(words("model.story_heading"), text), stack(s, words)]


def stack(s: Large, words: Words) -> Stack:
    said = {key: words(f"model.story_say_{key}") for key in SAID}
    said |= {f"big_{key}": words(f"model.story_big_{key}") for key in OWN}
    seen = [(word, start, stop) for word, start, stop in s.stretches if stop - start > VISIBLE]
    return Stack(
        "pass", words("model.story_title", word=s.names[s.place]),
        words("model.story_big_caption", word=s.spelled(s.target), place=s.place + 1),
        s.shown, [point_name(s, point, words) for point in s.shown], **ending(s) | {"stretches": seen},
        words=said, begun=[words(f"model.why_part_{s.shares.parts[at].kind}") for at in s.begun],
        lens=[(s.spelled(row[0][0]), row[0][1]) for row in s.lens.words(1)],
    )  # fmt: skip


def point_name(s: Large, point: Point, words: Words) -> str:
    """What a point is called; layers and heads from 0, as the instruments count them."""
    if point.kind == "logits":
        return words("model.story_point_logits")
    return words(f"model.story_big_point_{point.kind}", layer=point.layer, head=point.head)


# -- sheets ----------------------------------------------------------------------------------------


def large_sheet(s: Large, words: Words, place: Place) -> Sheet:
    """Of ``pass``: (point, number)."""
    if place.panel != "pass":
        raise Refusal("no_such_cell")
    place.within(len(s.shown), 10**6)
    point = s.shown[place.row]
    at = place.within(len(s.shown), len(point.values)).column
    if point.kind == "begun":
        return part_sheet(s, words, s.begun[at])
    if point.kind == "weights":
        return weight_sheet(s, words, point, at)
    if point.kind == "shares":
        return part_sheet(s, words, s.at("head", point.layer)[at])
    if point.kind == "net":
        return part_sheet(s, words, s.at("feed_forward", point.layer)[0])
    if point.kind == "total":
        return total_sheet(s, words, point.layer)
    return size_sheet(s, words) if point.kind == "size" else word_sheet(s, words, at)


def named(s: Large, at: int, words: Words) -> str:
    part = s.shares.parts[at]
    return words(f"model.why_part_{part.kind}", layer=part.layer, head=part.head)


def part_sheet(s: Large, words: Words, at: int) -> Sheet:
    """A part's share as a product of what it wrote with how the word reads; a head's by token too."""
    share, part = s.shares.values[at].item(), s.shares.parts[at]
    wrote, reads, constant = written(s, at)
    terms = wrote * reads
    rows = product_rows(wrote, reads, terms, terms.sum().item(), words)
    if constant:
        rows.append([words("model.story_big_constant"), "", "", show(constant)])
    rows.append([words("sheet.sum"), "", "", show(share)])
    columns = [words("sheet.dimension"), words("model.story_big_wrote"), words("model.story_big_reads"),
               words("sheet.product")]  # fmt: skip
    about = words("model.story_big_part_text", word=s.spelled(s.target), size=show(s.size.item()))
    sections = [Section(words("model.story_big_share"),
                        f"{about} {words('sheet.sorted', top=TOP, count=len(terms))}",
                        Grid(columns, rows, total=True),
                        [(words("model.story_big_length"), "", show(wrote.norm().item()))])]  # fmt: skip
    moved = s.shares.moved[at]
    if part.kind == "head" and moved is not None:
        assert part.layer is not None and part.head is not None
        sections.insert(0, moved_section(s, words, s.weights(part.layer, part.head), moved))
    return Sheet(words("model.story_big_part", part=named(s, at, words), share=show(share, 2),
                       word=s.spelled(s.target)), sections)  # fmt: skip


def moved_section(s: Large, words: Words, weights: Tensor, moved: Tensor) -> Section:
    """A head's share by the tokens that it was moved from, the largest first."""
    order = moved.abs().argsort(descending=True)[:TOP].tolist()
    rows = [[f"{s.names[j]} ({j + 1})", show(weights[j].item()), show(moved[j].item())] for j in order]
    if len(moved) > len(order):
        rest = [
            moved.sum().item() - moved[order].sum().item(),
            weights.sum().item() - weights[order].sum().item(),
        ]
        rows.append([words("model.why_others", count=len(moved) - len(order)), show(rest[1]), show(rest[0])])
    rows.append([words("sheet.sum"), show(weights.sum().item()), show(moved.sum().item())])
    columns = [words("model.why_from"), words("sheet.weight"), words("model.why_share")]
    return Section(words("model.why_moved"), table=Grid(columns, rows, total=True))


def written(s: Large, at: int) -> tuple[Tensor, Tensor, float]:
    """What a part wrote (D,), how the word reads the stream (D,), and what the norm's own bias adds."""
    model, stream = s.model, layout_of(s.model).streams[-1]
    names, table = stream_parts(model, stream, s.way, [s.place])
    direction = logit_direction(model, layout_of(model), s.target, None)
    frozen = freeze(stream.last, s.way.end[s.place : s.place + 1])
    wrote, reads = table[at, 0], backwards(frozen, direction)
    return (
        wrote,
        reads,
        s.shares.values[at].item() - (wrote @ reads).item() if names[at].kind == "bias" else 0.0,
    )


def weight_sheet(s: Large, words: Words, point: Point, column: int) -> Sheet:
    """A weight of the strongest head: query times key, softmax, value."""
    seen = walk(s.model, layout_of(s.model), s.prefix, keep={point.layer}).streams[-1].seen
    whole = next(one.whole for one in seen if one.whole is not None)
    cell = explain_head(whole, point.head, s.place, column)
    return cell_sheet(cell, words, s.names[s.place], s.names[column])


def total_sheet(s: Large, words: Words, layer: int) -> Sheet:
    """The running total: what came down the spine, the layer's heads, its feed-forward."""
    heads = s.at("head", layer)
    own = [*heads, *s.at("feed_forward", layer)]
    rows = [[words("model.story_big_above"), show(s.running[layer])]]
    rows += [[named(s, at, words), show(s.shares.values[at].item())] for at in own]
    rows.append([words("sheet.sum"), show(s.running[layer + 1])])
    columns = [words("model.why_part"), words("model.why_share")]
    said = [[s.spelled(word), show(share)] for word, share in s.lens.words(5)[layer + 1]]
    return Sheet(words("model.story_big_point_total", layer=layer), [
        Section(table=Grid(columns, rows, total=True)),
        Section(words("model.why_lens"), words("model.why_lens_text"),
                Grid([words("model.why_word"), words("model.why_p")], said)),
    ])  # fmt: skip


def size_sheet(s: Large, words: Words) -> Sheet:
    """What the last norm divides by."""
    last, end = layout_of(s.model).streams[-1].last, s.way.end[-1].double().cpu()
    centred = isinstance(last, torch.nn.LayerNorm)
    eps = last.eps if centred else last.variance_epsilon
    inner = end.var(correction=0).item() if centred else end.square().mean().item()
    lines = [(words("model.story_mean"), f"Σ x / {len(end)}", show(end.mean().item()))] if centred else []
    name = "variance" if centred else "squares"
    lines += [
        (
            words(f"model.story_big_{name}"),
            f"Σ {'(x - mean)²' if centred else 'x²'} / {len(end)}",
            show(inner),
        ),
        (words("model.story_big_size"), f"√({show(inner)} + {eps:g})", show(s.size.item())),
    ]
    return Sheet(
        words("model.story_big_point_size"), [Section(text=words("model.story_big_size_text"), lines=lines)]
    )


def word_sheet(s: Large, words: Words, column: int) -> Sheet:
    """A candidate: its logit layer by layer, its share, and whether the drawn number fell on it."""
    word = s.candidate_words[column]
    parts = s.shares if word == s.target else logit_parts(s.model, s.prefix, word)
    rows = [
        [words(f"model.why_part_{parts.parts[at].kind}"), show(parts.values[at].item())] for at in s.begun
    ]
    for layer in range(s.model.num_layers):
        own = parts.values[s.at("head", layer) + s.at("feed_forward", layer)].sum().item()
        rows.append([words("model.story_big_layer", layer=layer), show(own)])
    rows.append([words("sheet.sum"), show(parts.values.sum().item())])
    columns = [words("model.why_part"), words("model.why_share")]
    title = words("model.story_word", word=s.spelled(word), after=s.names[s.place])
    logit = Section(words("model.story_logit_title"), words("model.story_big_logit_text"),
                    Grid(columns, rows, total=True))  # fmt: skip
    return Sheet(title, [logit, share_section(s, words, word), *choice_section(s, words, word)])
