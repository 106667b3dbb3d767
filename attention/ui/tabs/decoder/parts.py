"""What both modes of the decoder tab share: the inputs, the names of characters, an opened weight."""

from __future__ import annotations

from typing import Any

from .. import dates
from ..bahdanau import KINDS, LENGTH
from ..translation import Translation, explain_step
from .guard import Choice, Number, Refusal, Text
from .sheet import cell_sheet
from .texts import Words

ID = "decoder"
MODES = ("translate", "train")
FIELDS = (
    Choice("mode", "translate", MODES),
    Choice("attention", "additive", KINDS),
    Number("step", LENGTH, 1, LENGTH, 1),
    Number("steps", 300, 20, 500, 20),
    Number("seed", 0, 0, 99, 1),
    Number("learning_rate", 0.005, 0.0005, 0.05, 0.0005),
    # last: a text box tells of its change while the inputs after it still hold their old values
    Text("text", "Friday, 3 May 1996", dates.MAX_LENGTH),
)
SHOWN_SPACE = {" ": "␣", "\t": "⇥", "\n": "↵"}


def columns_of(shown: Translation) -> list[str]:
    """The characters read; blanks get a visible sign."""
    return [SHOWN_SPACE.get(character, character) for character in shown.input_tokens]


def rows_of(shown: Translation) -> list[str]:
    """The characters written, numbered, since several are the same."""
    return [f"{place}. {character}" for place, character in enumerate(shown.output, start=1)]


def opened(shown: Translation, words: Words, row: int, column: int) -> dict[str, Any]:
    """The sheet of one weight of any translation."""
    if shown.alignments is None or row >= LENGTH or column >= len(shown.input_tokens):
        raise Refusal("no_such_cell")
    left, right = words(f"decoder.left_{shown.attention}"), words(f"decoder.right_{shown.attention}")
    query = words("decoder.query_name", place=row + 1, character=shown.output[row])
    key = words("decoder.key_name", place=column + 1, character=columns_of(shown)[column])
    return cell_sheet(explain_step(shown, row, column), words, query, key, left=left, right=right)
