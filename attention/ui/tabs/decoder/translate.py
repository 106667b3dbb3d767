"""Ask the shipped models: a date goes in, ten characters come out, each with what it looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from ....seq2seq import dates
from ....seq2seq.bahdanau import KINDS, TARGET, generator_for
from ....seq2seq.translation import Translation
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Look, Panel, Saved, Table, heading, numbers, signed
from ...page.scene import Place, Scene
from ...page.sheet import Sheet
from ...page.texts import Words
from .asks import tasks
from .parts import columns_of, held_out, notices_of, opened, rows_of
from .plain import plain
from .study import Study, study


@cache
def more_dates() -> tuple[str, ...]:
    """Held-out dates for the button that offers another."""
    rows = dates.sample(40, held_out=True, generator=generator_for(1, 0))
    return tuple(text for text, _, _ in rows)


@dataclass(frozen=True, eq=False)
class Alignment(Panel, Saved):
    """The step-by-step panel: rows of weights, and the probabilities of the next character."""

    title: str
    caption: str
    shown: Translation
    axes: tuple[Axis, Axis]
    words: Mapping[str, str]

    @property
    def map(self) -> Heatmap | None:
        """The weights; None for a model without attention."""
        weights = self.shown.alignments
        return None if weights is None else Heatmap(self.id, self.title, weights, *self.axes)

    def encode(self) -> Json:
        rows, columns = (list(axis.labels) for axis in self.axes)
        drawn = {"rows": rows, "columns": columns} if self.map is None else self.map.encode()
        return drawn | {
            "kind": "alignment", "id": self.id, "title": self.title, "wide": True,
            "caption": self.caption, "output": self.shown.output,
            "unknown": [not known for known in self.shown.known],
            "probabilities": numbers(self.shown.probabilities), "characters": TARGET,
            "more": list(more_dates()), "words": dict(self.words),
        }  # fmt: skip

    def table(self) -> Table:
        if self.map is None:
            raise Refusal("bad_request")
        return self.map.table()

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        if self.map is None:
            raise Refusal("bad_request")
        return self.map.picture(format, notes)


class Card(NamedTuple):
    """A kind of attention in words. verdict: "right", "wrong" or "unmarked"."""

    name: str
    verdict: str
    sentence: str
    share: str


@dataclass(frozen=True, eq=False)
class Kinds(Panel):
    """One card for each kind of attention: its answer, whether it is right, its held-out share."""

    study: Study
    cards: Sequence[Card]
    words: Mapping[str, str]

    def encode(self) -> Json:
        cards = [
            {"id": shown.attention, "chosen": shown is self.study.shown, "output": shown.output,
             "truth": self.study.truth, "columns": columns_of(shown),
             "data": None if shown.alignments is None else numbers(shown.alignments), **card._asdict()}
            for shown, card in zip(self.study.answers.values(), self.cards, strict=True)
        ]  # fmt: skip
        return {"kind": "decoders", "id": self.id, "title": "", "wide": True, "cards": cards,
                "words": dict(self.words)}  # fmt: skip


def panels(s: Study, words: Words) -> list[Panel]:
    """The stage with its steps, the three kinds side by side, and the scores."""
    return [
        heading(words("decoder.stage"), words(f"decoder.stage_{s.shown.attention}")),
        alignment(s, words),
        heading(words("decoder.kinds"), words("decoder.kinds_text")),
        kinds(s, words),
        *scores(s.shown, words),
    ]


def axes_of(shown: Translation, words: Words) -> tuple[Axis, Axis]:
    """The characters written and those read."""
    return Axis(rows_of(shown), words("decoder.written")), Axis(columns_of(shown), words("decoder.read"))


def alignment(s: Study, words: Words) -> Alignment:
    """The chosen kind, step by step."""
    shown = s.shown
    title = words("decoder.no_alignment")
    if shown.alignments is not None:
        title = words("decoder.alignment", name=words(f"decoder.attention.{shown.attention}"))
    page = words.section("decoder.page")
    return Alignment("alignment", title, truth_line(s, words), shown, axes_of(shown, words), page)


def kinds(s: Study, words: Words) -> Kinds:
    """The three kinds side by side."""
    shares, cards = held_out(), []
    for kind, shown in s.answers.items():
        verdict = "unmarked" if s.truth is None else "right" if shown.output == s.truth else "wrong"
        share = words("decoder.share", share=f"{shares[kind]:.1%}", count=f"{shares['count']:,}")
        sentence = words(f"decoder.verdict_{verdict}", truth=s.truth or "")
        cards.append(Card(words(f"decoder.attention.{kind}"), verdict, sentence, share))
    return Kinds("kinds", s, cards, words.section("decoder.page"))


def scores(shown: Translation, words: Words) -> list[Panel]:
    """The scores behind the weights, where there are any."""
    if shown.scores is None:
        return []
    return [
        heading(words("decoder.behind"), words(f"decoder.score_{shown.attention}")),
        Heatmap("scores", words("decoder.scores"), shown.scores, *axes_of(shown, words),
                signed(shown.scores), Look(digits=1, wide=True)),
    ]  # fmt: skip


def truth_line(s: Study, words: Words) -> str:
    """The true date of the text, and whether its day was trained on."""
    if s.meaning.day is None:
        return words(f"decoder.truth_{s.meaning.why}")
    side = "held_out" if dates.is_held_out(s.meaning.day) else "trained"
    return words(f"decoder.truth_{side}", truth=s.truth)


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of one weight; "kinds@dot" is a cell of the card of that kind."""
    kind = place.frame or s.inputs.attention
    if place.panel not in ("alignment", "scores", "kinds") or kind not in KINDS:
        raise Refusal("no_such_cell")
    return opened(s.answers[kind], words, place)


def snippet(s: Study) -> str:
    """The three answers and the picture."""
    rows = "print(shown.alignments)      # written x read: each row sums to 1\n"
    return f"""from attention.seq2seq import load, translate

text = {s.inputs.text!r}
for attention in {KINDS!r}:
    print(attention, translate(load(attention), text).output)

shown = translate(load({s.inputs.attention!r}), text)
print(shown.probabilities)   # written x the characters {TARGET}
{"" if s.shown.alignments is None else rows}"""


def results(s: Study) -> Json:
    answers = {
        kind: {"output": shown.output, "probabilities": shown.probabilities.tolist(),
               "weights": None if shown.alignments is None else shown.alignments.tolist(),
               "held_out_exact": held_out()[kind]}
        for kind, shown in s.answers.items()
    }  # fmt: skip
    return {
        "read": list(s.shown.input_tokens), "truth": s.truth,
        "ambiguous": dates.is_ambiguous(s.inputs.text), "characters": TARGET, "answers": answers,
    }  # fmt: skip


SCENE = Scene(
    fields=("attention", "step", "text"), study=study, panels=panels, sheet=sheet, snippet=snippet,
    results=results, tasks=tasks, notices=lambda s, words: notices_of(s.shown, words),
    plain=plain,
)  # fmt: skip
