"""The arithmetic of every number of the picture: row = which point, column = which of its numbers.

Every sheet ends in the very number that the picture shows, out of numbers that stand one step before
it in the picture and out of the model's weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from .....cell import explain
from .....masks import causal_mask
from .....storyteller.transformer import Layer, LayerPoints
from .....storyteller.writing import Choice, spoken
from ....page.scene import Place
from ....page.sheet import TOP, Grid, Section, Sheet, bracketed, cell_sheet, output_sheet, product_rows, show
from ....page.texts import Words
from ..inputs import Inputs
from .study import Point, Study

Terms = Sequence[tuple[str, float]]  # what is added up, by name


class Said(Protocol):
    """A study that has a next word: what the sheets of its share and of its choice read."""

    @property
    def inputs(self) -> Inputs: ...
    @property
    def given(self) -> int: ...
    @property
    def place(self) -> int: ...
    @property
    def logits(self) -> Tensor: ...
    @property
    def candidates(self) -> Choice: ...
    @property
    def drawn(self) -> Choice | None: ...
    def share(self, word: int) -> float: ...


NORMS = ("norm_1", "norm_2", "normed")


def point_name(point: Point, words: Words) -> str:
    """What a point is called: "Head 0.1: query", both counted from 0."""
    of = {"layer": point.layer, "head": f"{point.layer}.{point.head}"}
    return words(f"model.story_point_{point.kind}", **of)


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """Of ``pass``: (point, number). Raises ``Refusal`` outside."""
    place.within(len(s.shown), 10**6)
    point = s.shown[place.row]
    column = place.within(len(s.shown), len(point.values)).column
    if point.kind == "weights":
        return weight_sheet(s, words, point, column)
    if point.kind == "head":
        return head_sheet(s, words, point, column)
    if point.kind == "logits":
        return word_sheet(s, words, column)
    title = words("model.story_number", point=point_name(point, words), number=column + 1,
                  word=s.names[s.place])  # fmt: skip
    if point.kind in NORMS:
        return Sheet(title, norm_sections(s, words, point, column))
    if point.kind in ("embedding", "position"):
        return Sheet(title, [stored(s, words, point, column)])
    return Sheet(title, sums(s, words, point, column))


def stored(s: Study, words: Words, point: Point, column: int) -> Section:
    """A number that was learned and is only looked up."""
    row = s.names[s.place] if point.kind == "embedding" else str(s.place + 1)
    letter = "E" if point.kind == "embedding" else "P"
    line = (words("model.story_stored"), f"{letter}[{row}, {column + 1}]", show(point.values[column].item()))
    return Section(text=words(f"model.story_{point.kind}_text"), lines=[line])


def norm_sections(s: Study, words: Words, point: Point, column: int) -> list[Section]:
    """Mean off, divided by the spread, then the learned gain and bias."""
    before, norm = normed_from(s, point)
    mean, variance = before.mean().item(), before.var(correction=0).item()
    spread = (variance + norm.eps) ** 0.5
    plain = (before[column].item() - mean) / spread
    gain, bias = norm.weight[column].item(), norm.bias[column].item()
    lines = [
        (words("model.story_before"), f"x[{column + 1}]", show(before[column].item())),
        (words("model.story_mean"), f"Σ x / {len(before)}", show(mean)),
        (words("model.story_spread"), f"√({show(variance)} + {norm.eps:g})", show(spread)),
        (words("model.story_plain"), f"({show(before[column].item())} - {bracketed(mean)}) / {show(spread)}",
         show(plain)),
        (words("model.story_scaled"), f"{show(plain)} × {bracketed(gain)} + {bracketed(bias)}",
         show(point.values[column].item())),
    ]  # fmt: skip
    return [Section(text=words("model.story_norm_text"), lines=lines)]


def normed_from(s: Study, point: Point) -> tuple[Tensor, torch.nn.LayerNorm]:
    """What a norm reads, and the norm."""
    if point.kind == "normed":
        return s.points.layers[-1].after[s.place], s.model.norm
    layer, module = parts(s, point)
    if point.kind == "norm_1":
        return layer.stream[s.place], module.norm_1
    return layer.middle[s.place], module.norm_2


def parts(s: Study, point: Point) -> tuple[LayerPoints, Layer]:
    """The numbers and the module of a point's layer."""
    module = s.model.layers[point.layer]
    assert isinstance(module, Layer)
    return s.points.layers[point.layer], module


def sums(s: Study, words: Words, point: Point, i: int) -> list[Section]:
    """Everything that is a sum: of the stream, of a projection, of a feed-forward net."""
    at, value = s.place, point.values[i].item()
    if point.kind == "stream":
        added = [("embedding", s.points.embedding[at, i]), ("position", s.points.position[at, i])]
        return [addends(words, [(words(f"model.story_term_{n}"), v.item()) for n, v in added], value)]
    layer, module = parts(s, point)
    if point.kind in ("query", "key", "value"):
        row = projected_row(point, module, i)
        bias = bias_of(module.attention.b_qkv, row)
        return [products(words, "norm_1", layer.normed[at], module.attention.w_qkv[row], bias, value)]
    if point.kind == "written":
        d = module.attention.d
        weights = module.attention.w_o[i, point.head * d : (point.head + 1) * d]
        return [products(words, "head", layer.heads[point.head, at], weights, None, value)]
    if point.kind == "middle":
        terms = [(words("model.story_term_stream"), layer.stream[at, i].item())]
        for head, one in enumerate(layer.written):
            name = words("model.story_term_head", head=f"{point.layer}.{head}")
            terms.append((name, one[at, i].item()))
        terms.append((words("model.story_bias"), bias_of(module.attention.b_o, i)))
        return [addends(words, terms, value)]
    if point.kind == "hidden":
        return hidden(words, layer.read[at], module, i, value)
    if point.kind == "feed_forward":
        return [products(words, "hidden", layer.hidden[at], module.w_2[i], module.b_2[i].item(), value)]
    terms = [(words("model.story_term_middle"), layer.middle[at, i].item()),
             (words("model.story_term_feed_forward"), layer.feed_forward[at, i].item())]  # fmt: skip
    return [addends(words, terms, value)]


def bias_of(bias: Tensor | None, i: int) -> float:
    """Number i of a bias, 0 where there is none."""
    return 0.0 if bias is None else bias[i].item()


def projected_row(point: Point, module: Layer, i: int) -> int:
    """The row of w_qkv that makes number i of a head's query, key or value."""
    attention = module.attention
    part = ("query", "key", "value").index(point.kind)
    return part * attention.d_model + point.head * attention.d + i


def hidden(words: Words, read: Tensor, module: Layer, i: int, value: float) -> list[Section]:
    """A neuron: a weighted sum, then the gelu."""
    bias = module.b_1[i].item()
    total = (read @ module.w_1[i]).item() + bias
    inner = f"0.7979 × ({show(total)} + 0.0447 × {show(total**3)})"
    line = (words("model.story_gelu"), f"{show(total)} / 2 × (1 + tanh({inner}))", show(value))
    return [products(words, "norm_2", read, module.w_1[i], bias, total),
            Section("gelu", words("model.story_gelu_text"), lines=[line])]  # fmt: skip


def addends(words: Words, terms: Terms, total: float) -> Section:
    """A few numbers and their sum."""
    rows = [[name, show(term)] for name, term in terms] + [[words("sheet.sum"), show(total)]]
    columns = [words("model.story_term"), words("model.story_what_number")]
    return Section(text=words("model.story_sum_text"), table=Grid(columns, rows, total=True))


def products(
    words: Words, source: str, left: Tensor, right: Tensor, bias: float | None, total: float
) -> Section:
    """Numbers of one vector times learned weights: the largest products, the others in one line."""
    terms = left * right
    rows = product_rows(left, right, terms, terms.double().sum().item(), words)
    if bias is not None:
        rows.append([words("model.story_bias"), "", "", show(bias)])
    rows.append([words("sheet.sum"), "", "", show(total)])
    columns = [words("sheet.dimension"), words(f"model.story_from_{source}"), words("model.story_weight"),
               words("sheet.product")]  # fmt: skip
    about = words("sheet.sorted", top=TOP, count=len(terms)) if len(terms) > TOP else ""
    return Section(text=about, table=Grid(columns, rows, total=True))


def weight_sheet(s: Study, words: Words, point: Point, column: int) -> Sheet:
    """A weight: query times key, softmax, value."""
    layer, _ = parts(s, point)
    h, n = point.head, len(s.ids)
    cell = explain(layer.query[h], layer.key[h], layer.value[h], s.place, column, causal_mask(n, n))
    return cell_sheet(cell, words, s.names[s.place], s.names[column])


def head_sheet(s: Study, words: Words, point: Point, i: int) -> Sheet:
    """A number of what a head gathered: weights times values."""
    layer, _ = parts(s, point)
    seen = slice(s.place + 1)
    title = words("model.story_number", point=point_name(point, words), number=i + 1, word=s.names[s.place])
    weights, values = layer.weights[point.head, s.place, seen], layer.value[point.head, seen, i]
    return output_sheet(words, title, weights, values, numbered(s.names[seen]))


def numbered(names: Sequence[str]) -> list[str]:
    """Words with their places, since a word may stand twice."""
    return [f"{at + 1} {name}" for at, name in enumerate(names)]


def word_sheet(s: Study, words: Words, column: int) -> Sheet:
    """A candidate: its logit, its share, and whether the drawn number fell on it."""
    word = s.candidate_words[column]
    logit = s.logits[word].item()
    first = products(words, "normed", s.points.normed[s.place], s.model.embedding[word], None, logit)
    title = words("model.story_word", word=spoken(word), after=s.names[s.place])
    about = words("model.story_logit_text") + " " + first.text
    logit_section = Section(words("model.story_logit_title"), about, first.table)
    return Sheet(title, [logit_section, share_section(s, words, word), *choice_section(s, words, word)])


def share_section(s: Said, words: Words, word: int) -> Section:
    """From the logit to the probability."""
    found, temperature = s.candidates, s.inputs.temperature
    if word not in found.words:
        text = words("model.story_left_out", k=s.inputs.top_k)
        return Section(words("model.story_share_title"), text)
    scaled = s.logits.double()[list(found.words)] / temperature
    shift, own = scaled.max().item(), s.logits[word].item() / temperature
    numerators = (scaled - shift).exp()
    numerator, denominator = numerators[found.words.index(word)].item(), numerators.sum().item()
    lines = [
        (words("model.story_heated"), f"{show(s.logits[word].item())} / {temperature:g}", show(own)),
        (words("sheet.numerator"), f"exp({show(own)} - {bracketed(shift)})", show(numerator)),
        (words("sheet.denominator"), words("model.story_of_words", count=len(found.words)),
         show(denominator)),
        (words("model.story_share"), f"{show(numerator)} / {show(denominator)}", show(s.share(word))),
    ]  # fmt: skip
    text = words("model.story_top_k_text", k=s.inputs.top_k) if s.inputs.top_k else ""
    return Section(words("model.story_share_title"), text, lines=lines)


def choice_section(s: Said, words: Words, word: int) -> list[Section]:
    """Whose stretch the drawn number fell on."""
    if s.drawn is None or word not in s.candidates.words:
        return []
    found = s.candidates
    at = found.words.index(word)
    start = sum(found.shares[:at])
    stop = start + found.shares[at]
    lines = [
        (words("model.story_start"), words("model.story_start_formula", count=at), show(start)),
        (words("model.story_stop"), f"{show(start)} + {show(found.shares[at])}", show(stop)),
        (words("model.story_drawn", seed=s.inputs.seed, number=s.place - s.given + 2), "", show(found.drawn)),
    ]  # fmt: skip
    said = words("model.story_fell" if word == found.word else "model.story_fell_not")
    return [Section(words("model.story_choice_title"), said, lines=lines)]
