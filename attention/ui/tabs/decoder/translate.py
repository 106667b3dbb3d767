"""The decoder that looks back: a date typed in any way, written as ISO with three kinds of attention.

Two modes: "translate" asks the shipped models, "train" trains a small one live (decoder_training).
"""

from __future__ import annotations

import json
import math
from datetime import date
from functools import lru_cache, partial
from typing import Any

import torch

from .. import dates
from ..bahdanau import KINDS, LENGTH, TARGET, generator_for
from ..date_parse import true_date
from ..translation import TRAINED, Translation, load, translate
from . import decoder_training
from .decoder_parts import FIELDS, ID, columns_of, opened, rows_of
from .guard import Refusal
from .tab import Controls
from .texts import Words
from .view import heading, heatmap, numbers

TRAINING = ("steps", "seed", "learning_rate")
PICKS = ("attention", "step", "text")  # what the page itself may set
# one day that no model was trained on, in six ways
EXAMPLES = (
    ("example_english", {}),
    ("example_ordinal", {"text": "May 3rd, 1996"}),
    ("example_chinese", {"text": "一九九六年五月三日"}),
    ("example_numeric", {"text": "3.5.1996"}),
    ("example_mixed", {"text": "1996年5月3日 周五", "attention": "dot"}),
    ("example_ambiguous", {"text": "3/5/1996"}),
)  # fmt: skip
ASK = "3/5/1997"  # the exercise's ambiguous date


def controls(words: Words) -> dict[str, Any]:
    """What to read on top; the knobs of the training only in its mode."""
    import gradio as gr

    fields = {field.name: field for field in FIELDS}
    made = Controls(ID, FIELDS, words)
    made.place("mode", "text", "attention")
    # the page steps by itself and tells this hidden slider, so that links keep the step
    step = fields["step"]
    made["step"] = gr.Slider(step.low, step.high, value=step.default, step=1, visible=False)
    with gr.Column(visible=False) as knobs:
        made.place(*TRAINING)
    made["mode"].change(
        None, made["mode"], knobs, js="(mode) => ({visible: mode === 'train', __type__: 'update'})",
        queue=False, api_visibility="private",
    )  # fmt: skip
    return made


@lru_cache(maxsize=256)
def written(attention: str, text: str) -> Translation:
    """A shipped model's answer; a pure function, so a small cache is safe to share."""
    return translate(load(attention), text)


@lru_cache(maxsize=1)
def held_out() -> dict[str, Any]:
    """Each shipped model's share of held-out dates written exactly right, by the chapter's command."""
    return json.loads((TRAINED / "seq2seq_held_out.json").read_text("utf-8"))


@lru_cache(maxsize=1)
def more_dates() -> tuple[str, ...]:
    """Held-out dates for the button that offers another."""
    rows = dates.sample(40, held_out=True, generator=generator_for(1, 0))
    return tuple(text for text, _, _ in rows)


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The stage with its steps, the three kinds side by side, the scores; or the training."""
    if values["mode"] == "train":
        return decoder_training.panels(values, words)
    shown = written(values["attention"], values["text"])
    return [
        heading(words("decoder.stage"), words(f"decoder.stage_{values['attention']}")),
        alignment(shown, values, words),
        heading(words("decoder.kinds"), words("decoder.kinds_text")),
        kinds(values, words),
        *scores(shown, words),
    ]


def alignment(shown: Translation, values: dict[str, Any], words: Words) -> dict[str, Any]:
    """The step-by-step panel: rows of weights, and the probabilities of the next character."""
    name = words(f"decoder.attention.{shown.attention}")
    title = words("decoder.alignment", name=name)
    rows, columns = rows_of(shown), columns_of(shown)
    if shown.alignments is None:
        panel: dict[str, Any] = {"title": words("decoder.no_alignment"), "rows": rows, "columns": columns}
    else:
        panel = heatmap("alignment", title, shown.alignments, rows, columns,
                        row_title=words("decoder.written"), column_title=words("decoder.read"))  # fmt: skip
    return panel | {
        "kind": "alignment", "id": "alignment", "wide": True, "caption": truth_line(values["text"], words),
        "output": shown.output, "unknown": [not known for known in shown.known],
        "probabilities": numbers(shown.probabilities), "characters": TARGET,
        "more": list(more_dates()), "words": words.section("decoder.page"),
    }  # fmt: skip


def kinds(values: dict[str, Any], words: Words) -> dict[str, Any]:
    """One card for each kind of attention: its answer, whether it is right, its held-out share."""
    truth, cards = true_date(values["text"]), []
    for kind in KINDS:
        shown = written(kind, values["text"])
        verdict = "unmarked" if truth is None else "right" if shown.output == truth else "wrong"
        cards.append({
            "id": kind, "name": words(f"decoder.attention.{kind}"), "chosen": kind == values["attention"],
            "output": shown.output, "truth": truth, "verdict": verdict,
            "sentence": words(f"decoder.verdict_{verdict}", truth=truth or ""),
            "share": words("decoder.share", share=f"{held_out()[kind]:.1%}",
                           count=f"{held_out()['count']:,}"),
            "data": None if shown.alignments is None else numbers(shown.alignments),
            "columns": columns_of(shown),
        })  # fmt: skip
    return {"kind": "decoders", "id": "kinds", "title": "", "wide": True, "cards": cards,
            "words": words.section("decoder.page")}  # fmt: skip


def scores(shown: Translation, words: Words) -> list[dict[str, Any]]:
    """The scores behind the weights, where there are any."""
    if shown.scores is None:
        return []
    return [
        heading(words("decoder.behind"), words(f"decoder.score_{shown.attention}")),
        heatmap("scores", words("decoder.scores"), shown.scores, rows_of(shown), columns_of(shown),
                row_title=words("decoder.written"), column_title=words("decoder.read"),
                diverging=True, digits=1, wide=True),
    ]  # fmt: skip


def truth_line(text: str, words: Words) -> str:
    """The true date of a text, and whether its day was trained on."""
    truth = true_date(text)
    if truth is None:
        return words("decoder.truth_ambiguous" if dates.is_ambiguous(text) else "decoder.truth_none")
    side = "held_out" if dates.is_held_out(date.fromisoformat(truth)) else "trained"
    return words(f"decoder.truth_{side}", truth=truth)


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """Characters that were never trained on, and dates with two meanings."""
    shown, found = written("none", values["text"]), []
    unknown = {c: None for c, known in zip(columns_of(shown), shown.known, strict=True) if not known}
    if unknown:
        found.append(words("decoder.unknown", characters=" ".join(unknown)))
    if dates.is_ambiguous(values["text"]):
        found.append(words("decoder.ambiguous"))
    return found


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of one weight; "kinds@dot" is a cell of the card of that kind."""
    name, _, kind = panel.partition("@")
    kind = kind or values["attention"]
    if name not in ("alignment", "scores", "kinds") or kind not in KINDS or kind == "none":
        raise Refusal("no_such_cell")
    return opened(written(kind, values["text"]), words, row, column)


def snippet(values: dict[str, Any]) -> str:
    """The three answers and the picture; or the training."""
    if values["mode"] == "train":
        return decoder_training.snippet(values)
    rows = "print(shown.alignments)      # written x read: each row sums to 1\n"
    return f"""from attention.seq2seq import load, translate

text = {values["text"]!r}
for attention in {KINDS!r}:
    print(attention, translate(load(attention), text).output)

shown = translate(load({values["attention"]!r}), text)
print(shown.probabilities)   # written x the characters {TARGET}
{"" if values["attention"] == "none" else rows}"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API; in mode "train" those of the first chunk of the training."""
    if values["mode"] == "train":
        return decoder_training.results(values)
    answers = {}
    for kind in KINDS:
        shown = written(kind, values["text"])
        answers[kind] = {
            "output": shown.output,
            "weights": None if shown.alignments is None else shown.alignments.tolist(),
            "probabilities": shown.probabilities.tolist(),
            "held_out_exact": held_out()[kind],
        }
    return {
        "read": list(written("none", values["text"]).input_tokens),
        "truth": true_date(values["text"]),
        "ambiguous": dates.is_ambiguous(values["text"]),
        "characters": TARGET,
        "answers": answers,
    }


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look."""
    ask = partial(task, words)
    shares = held_out()
    names = [words(f"decoder.attention.{kind}") for kind in KINDS]
    listed = ", ".join(f"{name} {shares[kind]:.1%}" for name, kind in zip(names, KINDS, strict=True))
    worst = min(range(len(KINDS)), key=lambda place: shares[KINDS[place]])
    which = ask("worst", worst, names, why={"shares": listed}, hides=["kinds"])
    if values["mode"] == "train":
        right = 0.8**LENGTH
        return [
            ask("even", math.log(len(TARGET)), tolerance=0.05, question={"count": len(TARGET)}),
            ask("power", 100 * right, tolerance=3.0, unit="%", why={"share": f"{right:.1%}"}),
            which,
        ]
    kind = "additive" if values["attention"] == "none" else values["attention"]
    shown = written(kind, values["text"])
    count = {"count": len(shown.input_tokens)}
    options, answer = places(shown, LENGTH - 1)
    columns = columns_of(shown)
    best = max(KINDS, key=lambda kind: shares[kind])
    replies = [words(f"decoder.task_ambiguous_{reply}") for reply in ("asks", "writes", "empty")]
    return [
        ask("looks", answer,
            [words("decoder.key_name", place=j + 1, character=columns[j]) for j in options],
            question={"name": words(f"decoder.attention.{kind}"), "character": shown.output[-1]},
            why={"weight": f"{shown.alignments[-1].max().item():.2f}"},
            hides=["alignment", "kinds", "scores"]),
        ask("count", float(LENGTH * count["count"]), tolerance=0, question=count, why=count),
        which,
        ask("ambiguous", 1, replies, question={"text": ASK}, why={"output": written(best, ASK).output}),
    ]  # fmt: skip


def task(words: Words, id: str, answer: float, options: list[str] | None = None, *,
         question: dict | None = None, why: dict | None = None, **more: Any) -> dict[str, Any]:  # fmt: skip
    """One exercise, worded by its id: a choice where there are options, else a number."""
    kind = {"kind": "number"} if options is None else {"kind": "choice", "options": options}
    return {"id": id, "answer": answer, "question": words(f"decoder.task_{id}", **(question or {})),
            "why": words(f"decoder.task_{id}_why", **(why or {})), **kind, **more}  # fmt: skip


def places(shown: Translation, row: int) -> tuple[list[int], int]:
    """Up to four places of the text, the most looked at of this row among them, and where it stands."""
    most = int(shown.alignments[row].argmax())
    spread = torch.linspace(0, len(shown.input_tokens) - 1, 4).round().int().tolist()
    options = sorted({most, *[place for place in spread if place != most][:3]})
    return options, options.index(most)


SERVER = {"train": decoder_training.train, "cell": decoder_training.cell}
