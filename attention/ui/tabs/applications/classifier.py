"""The classifier: predict, open the heads, then meddle with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from ....classifier import explain_cell, load_classifier, permute
from ....classifier.reviews import LABELS
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Look, Panel, Readouts, heading, signed
from ...page.plots import Curve, PairBars, Plot
from ...page.scene import Place, Scene
from ...page.sheet import Section, Sheet, cell_sheet, output_sheet, show
from ...page.texts import Words
from .classifier_asks import tasks
from .classifier_study import Study, study
from .fields import LARGEST, SHUFFLES, say
from .marks import marks
from .plain import classified
from .reading import received_sheet, unknown_words

MODELS = ("attention", "bag", "uniform", "permuted")
GROUPS = ("all", "new", "negation", "double")
Say = Callable[..., str]


@dataclass(frozen=True, eq=False)
class TokenBars(Panel):
    """A bar for each token, dragged to make it count more or less."""

    title: str
    caption: str
    study: Study
    words: dict[str, str]

    def encode(self) -> Json:
        s, how = self.study, self.study.inputs.override
        factors = [round(x, 4) for x in s.factors.tolist()] if how == "drag" else [1.0] * len(s.names)
        return {
            "kind": "tokenbars", "id": self.id, "title": self.title, "caption": self.caption,
            "wide": True, "tokens": s.names, "high": LARGEST,
            "learned": s.read.original_weights.mean(-2).mean(0).tolist(),
            "now": s.received.mean(0).tolist(), "drag": how == "drag", "changed": how != "none",
            "factors": factors, "words": self.words,
        }  # fmt: skip


def panels(s: Study, words: Words) -> list[Panel]:
    """Prediction, bars, heads, shares, permutations and marks."""
    w = partial(say, words)
    return [*prediction(s, w), *heads(s, w), *shares(s, w), *doubts(s, w)]


def prediction(s: Study, w: Say) -> list[Panel]:
    """The verdict, and what each token counts for it."""
    read, how = s.read, s.inputs.override
    series = [(w("learned"), read.original_probabilities.tolist())]
    if how != "none":
        series.append((w(f"override.{how}"), read.probabilities.tolist()))
    caption = "" if read.decided else w("undecided_caption")
    return [
        heading(w("predict_title"), w("predict_text")),
        PairBars("prediction", w("prediction"), [w(label) for label in LABELS], series, caption, 4),
        Readouts("verdict", verdict(s, w)),
        TokenBars("bars", w("bars"), w("bars_caption"), s,
                  {key: w(key) for key in ("reset", "share", "factor")}),
    ]  # fmt: skip


def verdict(s: Study, w: Say) -> list[tuple[str, str, str]]:
    """The label in words, and whether the change moved it; none where no word is known."""
    read = s.read
    if read.label is None:
        return [(w("label"), w("undecided"), w("undecided_note"))]
    label = (w("label"), w(read.label), w("label_note", share=show(read.probabilities.max().item())))
    if s.inputs.override == "none":
        return [label]
    distance = (read.probabilities - read.original_probabilities).abs().sum().item() / 2
    moved = (w("moves"), w("moved" if read.moved else "stayed"), w("moves_note"))
    return [label, moved, (w("distance"), f"{distance:.3f}", w("distance_note"))]


def heads(s: Study, w: Say) -> list[Panel]:
    """Each head's weights."""
    rows, columns = Axis(s.names, w("query")), Axis(s.names, w("key"))
    return [
        heading(w("heads_title"), w(f"heads_text_{s.inputs.override}")),
        *(Heatmap(f"head_{h}", w("head", number=h + 1), weights, rows, columns)
          for h, weights in enumerate(s.read.weights)),
    ]  # fmt: skip


def shares(s: Study, w: Say) -> list[Panel]:
    """What each head takes from each token, and what each token adds to the logits."""
    read, classes = s.read, [w(label) for label in LABELS]
    names = [w("head", number=h + 1) for h in range(len(s.received))]
    added = torch.cat([read.contributions, read.base[None]]).T
    logits = " · ".join(f"{name} {show(x, 3)}" for name, x in zip(classes, read.logits.tolist(), strict=True))
    look = Look(sums=True, wide=True)
    return [
        heading(w("shares_title"), w("shares_text")),
        Heatmap("received", w("received"), s.received, Axis(names), Axis(s.names), look=look,
                caption=w("received_caption")),
        Heatmap("contributions", w("contributions"), added, Axis(classes), Axis([*s.names, w("bias")]),
                signed(added), look, w("contributions_caption", logits=logits)),
    ]  # fmt: skip


def doubts(s: Study, w: Say) -> list[Panel]:
    """What permuted weights do, here and on held-out reviews; and what attention is worth."""
    found, reviews = marks(), f"{marks()['reviews']:,}"
    learned = torch.full((2,), s.read.original_probabilities[1].item())
    accuracy = torch.tensor([[found["classifier"][model][group] for group in GROUPS] for model in MODELS])
    return [
        heading(w("why_title"), w("why_text")),
        Plot("shuffles", w("shuffles", count=SHUFFLES), [
            Curve(w("shuffled"), "points", torch.arange(SHUFFLES), s.shuffled, "data"),
            Curve(w("learned"), "line", torch.tensor([0, SHUFFLES - 1]), learned, "accent"),
        ], w("permute_seed"), "P(" + w("positive") + ")",
            w("shuffles_caption", moved=f"{found['permuting']['moved']:.0%}", count=reviews)),
        Heatmap("marks", w("marks"), accuracy, Axis([w(f"model_{m}") for m in MODELS]),
                Axis([w(f"group_{g}") for g in GROUPS]), look=Look(opens=False, digits=3),
                caption=w("marks_caption", count=reviews, new=f"{found['new_reviews']:,}")),
    ]  # fmt: skip


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A weight of a head, what a token receives, or what it adds to a logit."""
    w, n = partial(say, words), len(s.names)
    for head in range(len(s.received)):
        if place.panel == f"head_{head}":
            return weight_sheet(s, words, head, place.within(n, n))
    if place.panel == "received":
        return received_sheet(s.read, words, place)
    if place.panel != "contributions":
        raise Refusal("no_such_cell")
    row, column = place.within(len(LABELS), n + 1).row, place.column
    if column == n:
        return bias_sheet(s, w, row)
    return output_sheet(
        words, w("adds_to", key=s.names[column], label=w(LABELS[row])), s.received[:, column],
        s.effects[:, column, row], [w("head", number=h + 1) for h in range(len(s.received))],
        about=Section(w("adds_how"), w("adds_text")), columns=(w("head_word"), w("share"), w("effect")),
    )  # fmt: skip


def bias_sheet(s: Study, w: Say, label: int) -> Sheet:
    """The part of a logit that no token moves: W b_o + b."""
    whole, own = s.read.base[label].item(), load_classifier().bias[label].item()
    through, b = show(whole - own), show(own)
    lines = [("W b_o", "", through), ("b", "", b), (w("bias"), f"{through} + {b}", show(whole))]
    return Sheet(w("bias_title", label=w(LABELS[label])), [Section(lines=lines)])


def weight_sheet(s: Study, words: Words, head: int, place: Place) -> Sheet:
    """The learned weight from query and key to softmax; then what was done to it."""
    read, names, row, column = s.read, s.names, place.row, place.column
    page = cell_sheet(explain_cell(read, head, row, column), words, names[row], names[column])
    before, after = read.original_weights[head, row], read.weights[head, row, column].item()
    how, weight = s.inputs.override, words("sheet.weight")
    if how == "none":
        return page
    if how == "drag":
        part, total = (before * s.factors)[column].item(), (before * s.factors).sum().item()
        product = f"{show(before[column].item())} × {show(s.factors[column].item(), 2)}"
        lines = [
            (words("applications.scaled"), product, show(part)),
            (words("applications.row_sum"), "Σ", show(total)),
            (weight, f"{show(part)} / {show(total)}", show(after)),
        ]
    elif how == "uniform":
        lines = [(weight, f"1 / {len(names)}", show(after))]
    else:  # which key's weight came here: shuffle the numbers of the keys in the same way
        places = torch.arange(len(names)).expand(read.weights.shape)
        source = int(permute(places, s.inputs.permute_seed)[head, row, column])
        lines = [(weight, words("applications.came_from", key=names[source]), show(after))]
    return page.then(Section(words("applications.changed_title"), lines=lines), weight=after)


def snippet(s: Study) -> str:
    """Tokens, weights and probabilities, with the change that is set."""
    how, factors = s.inputs.override, [round(x, 6) for x in s.factors.tolist()]
    changes = {
        "permute": f"permute_seed={s.inputs.permute_seed}",
        "uniform": "weights_override=torch.ones_like(seen.weights)",
        "drag": "weights_override=seen.weights * factors",
    }
    given = f"factors = torch.tensor({factors})  # one for each token\n" if how == "drag" else ""
    change = "" if how == "none" else f"{given}seen = classify(model, text, {changes[how]})\n"
    return f"""import torch
from attention.classifier import classify, load_classifier

model = load_classifier()
text = {s.inputs.text!r}
seen = classify(model, text)
{change}print(seen.tokens)
print(seen.weights)        # heads x queries x keys
print(seen.logits)         # negative, positive
print(seen.probabilities)
"""


def results(s: Study) -> Json:
    read = s.read
    return {
        "tokens": read.tokens, "known": read.known, "label": read.label, "moved": read.moved,
        "classes": list(LABELS), "probabilities": read.probabilities.tolist(),
        "learned_probabilities": read.original_probabilities.tolist(),
        "logits": read.logits.tolist(), "weights": read.weights.tolist(),
        "contributions": read.contributions.tolist(), "base": read.base.tolist(),
    }  # fmt: skip


SCENE = Scene(
    fields=("text", "override", "token_weights", "permute_seed"), study=study, panels=panels, sheet=sheet,
    snippet=snippet, results=results, tasks=tasks, notices=lambda s, words: unknown_words(s.read, words),
    plain=classified,
)  # fmt: skip
