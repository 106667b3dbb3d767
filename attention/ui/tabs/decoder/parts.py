"""What both scenes of the decoder tab share: the inputs, the names of characters, an opened weight."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache

from ....seq2seq import dates
from ....seq2seq.bahdanau import KINDS, LENGTH
from ....seq2seq.translation import TRAINED, Translation, explain_step, load, translate
from ...page.fields import Choice, Number, Text, Whole, given
from ...page.guard import Refusal
from ...page.scene import Place, Task
from ...page.sheet import Sheet, cell_sheet
from ...page.texts import Words

SHOWN_SPACE = {" ": "␣", "\t": "⇥", "\n": "↵"}


@dataclass(frozen=True)
class Inputs:
    """Both scenes' inputs; ``mode`` is the scene. The text is last: a text box tells of its change
    while the inputs after it still hold their old values."""

    mode: str = given(Choice("translate", ("translate", "train")))
    attention: str = given(Choice("additive", KINDS))
    step: int = given(Whole(LENGTH, 1, LENGTH))
    steps: int = given(Whole(300, 20, 500, 20))
    seed: int = given(Whole(0, 0, 99))
    learning_rate: float = given(Number(0.005, 0.0005, 0.05, 0.0005))
    text: str = given(Text("Friday, 3 May 1996", dates.MAX_LENGTH))


@lru_cache(maxsize=256)  # a pure result, for the next learner with the same date
def written(attention: str, text: str) -> Translation:
    """A shipped model's answer."""
    return translate(load(attention), text)


@cache
def held_out() -> dict[str, float]:
    """Each shipped model's share of held-out dates written exactly right, by the chapter's command."""
    shares: dict[str, float] = json.loads((TRAINED / "seq2seq_held_out.json").read_text("utf-8"))
    return shares


def columns_of(shown: Translation) -> list[str]:
    """The characters read; blanks get a visible sign."""
    return [SHOWN_SPACE.get(character, character) for character in shown.input_tokens]


def rows_of(shown: Translation) -> list[str]:
    """The characters written, numbered, since several are the same."""
    return [f"{place}. {character}" for place, character in enumerate(shown.output, start=1)]


def opened(shown: Translation, words: Words, place: Place) -> Sheet:
    """The sheet of one weight of any translation."""
    if shown.alignments is None:
        raise Refusal("no_such_cell")
    row, column = place.within(LENGTH, len(shown.input_tokens)).row, place.column
    left, right = words(f"decoder.left_{shown.attention}"), words(f"decoder.right_{shown.attention}")
    query = words("decoder.query_name", place=row + 1, character=shown.output[row])
    key = words("decoder.key_name", place=column + 1, character=columns_of(shown)[column])
    return cell_sheet(explain_step(shown, row, column), words, query, key, left=left, right=right)


def notices_of(shown: Translation, words: Words) -> list[str]:
    """Characters that were never trained on, and dates with two meanings."""
    found = []
    unknown = {c: None for c, known in zip(columns_of(shown), shown.known, strict=True) if not known}
    if unknown:
        found.append(words("decoder.unknown", characters=" ".join(unknown)))
    if dates.is_ambiguous("".join(shown.input_tokens)):
        found.append(words("decoder.ambiguous"))
    return found


def worst_kind(words: Words) -> Task:
    """Which of the shipped models writes the fewest held-out dates exactly."""
    shares = held_out()
    names = [words(f"decoder.attention.{kind}") for kind in KINDS]
    comma = "，" if words.language == "zh" else ", "
    listed = comma.join(f"{name} {shares[kind]:.1%}" for name, kind in zip(names, KINDS, strict=True))
    worst = min(range(len(KINDS)), key=lambda place: shares[KINDS[place]])
    why = words("decoder.task_worst_why", shares=listed)
    return Task("worst", words("decoder.task_worst"), worst, why, names, hides=["kinds"])
