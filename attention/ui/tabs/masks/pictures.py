"""What the masks tab draws: the batch, its mask, the weights with and without it, and what leaks."""

from __future__ import annotations

import torch
from torch import Tensor

from ....masks import softmax_with_minus_1e9, softmax_with_minus_inf
from ....padding import drift, leak
from ....pooling import attend
from ...page.panels import Axis, Heatmap, Look, Panel, Readouts, Scale, heading, signed
from ...page.plots import Curve, Plot
from ...page.texts import Words
from .study import Study

LONGER = 16  # filled-up positions over which the drift is drawn
CONVENTIONS = ("minus_inf", "minus_1e9", "half", "zeros")


def panels(s: Study, words: Words) -> list[Panel]:
    """Four steps: fill up, mask, attend without and with the mask, and what leaks."""
    return [*fill_and_mask(s, words), *attention(s, words), *leaking(s, words), *nothing_left(s, words)]


def fill_and_mask(s: Study, words: Words) -> list[Panel]:
    """The batch as ids, the chosen sentence's mask, and its scores."""
    n, ids = len(s.tokens), s.batch.ids
    sentences = [words("masks.line", number=i + 1) for i in range(len(s.batch.tokens))]
    scores = s.bare.scores[s.chosen]
    queries, keys = axes(s, words)
    return [
        heading(words("masks.step_fill"), words("masks.step_fill_text")),
        Heatmap("ids", words("masks.ids"), ids.float(), Axis(sentences),
                Axis([str(i + 1) for i in range(n)]), Scale(high=ids.max().item()),
                Look(digits=0, wide=True, cells=s.batch.tokens), words("masks.ids_caption"), ids == 0),
        heading(words("masks.step_mask", number=s.chosen + 1), words("masks.step_mask_text")),
        Heatmap("mask", words("masks.mask_title"), s.allowed.float(), queries, keys, look=Look(digits=0),
                caption=words("masks.mask_caption"), masked=~s.allowed),
        Heatmap("scores", words("masks.scores"), scores, queries, keys, signed(scores),
                caption=words("masks.scores_caption"), masked=~s.allowed),
    ]  # fmt: skip


def attention(s: Study, words: Words) -> list[Panel]:
    """Weights and outputs of the chosen sentence, without and with the mask."""
    queries, keys = axes(s, words)
    features = Axis([words("masks.feature", number=i + 1) for i in range(s.batch.vectors.shape[-1])])
    drawn: list[Panel] = [heading(words("masks.step_attend"), words("masks.step_attend_text"))]
    for id, attended, hatched in (("before", s.bare, None), ("after", s.kept, ~s.allowed)):
        weights, look = attended.weights[s.chosen], Look(sums=True)
        drawn.append(Heatmap(id, words(f"masks.{id}"), weights, queries, keys, look=look, masked=hatched))
    for id, attended in (("output_before", s.bare), ("output_after", s.kept)):
        output = attended.output[s.chosen]
        drawn.append(Heatmap(id, words(f"masks.{id}"), output, queries, features, signed(output)))
    return drawn


def leaking(s: Study, words: Words) -> list[Panel]:
    """How much weight falls on padding, and how far the output drifts as the neighbour grows."""
    after = leak(s.kept.weights, s.batch.lengths)[s.chosen].item()
    extra = torch.arange(LONGER + 1)
    note = words("masks.leak_note" if s.batch.lengths[s.chosen] else "masks.leak_empty")
    curves = [
        Curve(words(f"masks.drift_{mask}"), "line", extra, torch.as_tensor(drift(s.lines, mask)), role)
        for mask, role in (("none", "data"), ("padding", "accent"))
    ]
    return [
        heading(words("masks.step_leak"), words("masks.step_leak_text")),
        Readouts("leak", [
            (words("masks.leak_before"), f"{s.leaked:.1%}", note),
            (words("masks.leak_after"), f"{after:.1%}", words("masks." + s.inputs.mask)),
        ]),
        Plot("drift", words("masks.drift"), curves, words("masks.drift_x"), words("masks.drift_y"),
             words("masks.drift_caption")),
    ]  # fmt: skip


def nothing_left(s: Study, words: Words) -> list[Panel]:
    """A row in which nothing may be attended, by convention."""
    names = Axis([words("masks." + name) for name in CONVENTIONS])
    return [
        heading(words("masks.step_empty"), words("masks.step_empty_text")),
        Heatmap("conventions", words("masks.conventions"), fully_masked(s.bare.scores[s.chosen, 0]), names,
                axes(s, words)[1], look=Look(wide=True, sums=True),
                caption=words("masks.conventions_caption")),
    ]  # fmt: skip


def axes(s: Study, words: Words) -> tuple[Axis, Axis]:
    """The chosen sentence as queries and as keys."""
    return Axis(s.tokens, words("masks.query")), Axis(s.tokens, words("masks.key"))


def fully_masked(scores: Tensor) -> Tensor:
    """Weights (4, n) of a row in which nothing may be attended, one row for each convention."""
    nothing = torch.zeros_like(scores, dtype=torch.bool)
    try:
        half = softmax_with_minus_1e9(scores.half(), nothing).float()
    except OverflowError:  # the point of this row: half precision cannot hold -1e9
        half = torch.full_like(scores, float("inf"))
    zeros = attend(torch.ones(1, 1), torch.ones(len(scores), 1), scores[:, None], nothing).weights[0]
    rows = [softmax_with_minus_inf(scores, nothing), softmax_with_minus_1e9(scores, nothing), half, zeros]
    return torch.stack(rows)
