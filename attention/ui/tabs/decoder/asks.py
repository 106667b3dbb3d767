"""What the lesson of the decoder asks of a date that was written: every answer is computed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from ....seq2seq import dates
from ....seq2seq.bahdanau import KINDS, LENGTH
from ....seq2seq.translation import Translation
from ...page.scene import Goal, Point, Task
from ...page.texts import Words
from .parts import columns_of, held_out, worst_kind, written
from .study import Study

ASK = "3/5/1997"  # the exercise's ambiguous date
YEAR, MONTH = 3, 6  # rows in which the last digit of the year and of the month is written
SURE = 0.95  # from which on an answer is called confident
DATED = re.compile(r"[0-9]{4}-[0-9]{2}-")  # a text that means no date may be answered with something else
LETTERS = re.compile("|".join([*dates.MONTHS, *(name[:3] for name in dates.MONTHS)]), re.IGNORECASE)


def tasks(s: Study, words: Words) -> list[Task | Point | Goal]:
    """Where the chosen kind looks, what all three are worth, and how sure it is of nonsense."""
    looking = s.answers["additive"] if s.shown.alignments is None else s.shown
    assert looking.alignments is not None
    best, count = max(KINDS, key=lambda kind: held_out()[kind]), len(looking.input_tokens)
    return [
        *([looks(looking, words)] if count > 1 else []),
        *([] if s.shown.alignments is None else looked(s.shown, s.shown.alignments, words)),
        Task("count", words("decoder.task_count", count=count), float(LENGTH * count),
             words("decoder.task_count_why", count=count)),
        unaided(words),
        worst_kind(words),
        Task("ambiguous", words("decoder.task_ambiguous", text=ASK), 1,
             words("decoder.task_ambiguous_why", output=written(best, ASK).output),
             [words(f"decoder.task_ambiguous_{reply}") for reply in ("asks", "writes", "empty")]),
        sure(s, words),
        no_such_day(s, words),
    ]  # fmt: skip


def looks(shown: Translation, words: Words) -> Task:
    """At which place the last character is looked up."""
    assert shown.alignments is not None
    last = shown.alignments[-1]
    options, answer = places(last.tolist())
    name = words(f"decoder.attention.{shown.attention}")
    return Task(
        "looks", words("decoder.task_looks", name=name, character=shown.output[-1]), answer,
        words("decoder.task_looks_why", weight=f"{last.max().item():.2f}"),
        keys(shown, options, words), hides=["alignment", "kinds"],
    )  # fmt: skip


def places(weights: Sequence[float]) -> tuple[list[int], int]:
    """Up to four places of the text, the one with the largest weight among them, and where it stands."""
    most = max(range(len(weights)), key=lambda place: weights[place])
    spread = torch.linspace(0, len(weights) - 1, 4).round().int().tolist()
    options = sorted({most, *[place for place in spread if place != most][:3]})
    return options, options.index(most)


def keys(shown: Translation, at: Sequence[int], words: Words) -> list[str]:
    """The names of some characters read."""
    columns = columns_of(shown)
    return [words("decoder.key_name", place=j + 1, character=columns[j]) for j in at]


def looked(shown: Translation, weights: Tensor, words: Words) -> list[Task | Point]:
    """Where the year, the month in letters and the last character are looked up, of a kind that looks."""
    row = weights[YEAR].tolist()
    most, count = max(range(len(row)), key=lambda j: row[j]), len(row)
    options = sorted(sorted(range(count), key=lambda j: -row[j])[:4])
    hides = ["alignment", "kinds", "scores"]
    dated = DATED.match(shown.output) is not None
    asked: list[Task | Point] = [] if count == 1 or not dated else [
        Task("year", words("decoder.task_year", character=shown.output[YEAR]), options.index(most),
             words("decoder.task_year_why", key=keys(shown, [most], words)[0], weight=f"{row[most]:.2f}"),
             keys(shown, options, words), hides=hides),
    ]  # fmt: skip
    if dated and (month := LETTERS.search("".join(shown.input_tokens))):
        share = weights[MONTH, month.start() : month.end()]
        parts = " + ".join(f"{weight:.3f}" for weight in share.tolist())
        given = {"month": month[0], "character": shown.output[MONTH]}
        why = words("decoder.task_letters_why", parts=parts, share=f"{share.sum():.1%}", **given)
        question = words("decoder.task_letters", **given)
        asked.append(Task("letters", question, 100 * share.sum().item(), why, tolerance=10.0, unit="%",
                          hides=hides, bar=(0.0, 100.0)))  # fmt: skip
    last = weights[-1]
    best = int(last.argmax())
    why = words("decoder.task_open_why", key=keys(shown, [best], words)[0], weight=f"{last[best].item():.2f}")
    question = words("decoder.task_open", character=shown.output[-1])
    return [*asked, Point("open", question, "alignment", [(LENGTH - 1, best)], why)]


def unaided(words: Words) -> Task:
    """How often a decoder that cannot look back is right."""
    shares = held_out()
    listed = {kind: f"{shares[kind]:.1%}" for kind in KINDS}
    return Task("unaided", words("decoder.task_unaided", count=f"{shares['count']:,}"), 100 * shares["none"],
                words("decoder.task_unaided_why", **listed), tolerance=7.0, unit="%", hides=["kinds"],
                bar=(0.0, 100.0))  # fmt: skip


def sureness(shown: Translation) -> float:
    """The probability of the whole answer: the product of its characters' probabilities."""
    return shown.probabilities.max(-1).values.prod().item()


def sure(s: Study, words: Words) -> Task:
    """How probable the answer is to the one who gives it."""
    share = sureness(s.shown)
    why = words("decoder.task_sure_why", output=s.shown.output, share=f"{share:.1%}")
    return Task("sure", words("decoder.task_sure"), 100 * share, why, tolerance=10.0, unit="%",
                hides=["alignment", "kinds"], bar=(0.0, 100.0))  # fmt: skip


def no_such_day(s: Study, words: Words) -> Goal:
    """A day that no calendar has, written with confidence."""
    share = sureness(s.shown)
    told = {"output": s.shown.output, "share": f"{share:.1%}"}
    day = "real" if s.meaning.day else "none" if s.meaning.why == "day" else "other"
    now, why = words(f"decoder.goal_no_day_{day}", **told), words("decoder.goal_no_day_why", **told)
    question = words("decoder.goal_no_day", share=f"{SURE:.0%}")
    return Goal("no_day", question, day == "none" and share > SURE, now, why)
