"""What each kind of attention writes for a date."""

from __future__ import annotations

from dataclasses import dataclass

from ....seq2seq.bahdanau import KINDS
from ....seq2seq.date_parse import Reading, reading
from ....seq2seq.translation import Translation
from .parts import Inputs, written


@dataclass(frozen=True, eq=False)
class Study:
    """What each kind of attention writes for the text. meaning: its day, or why none; truth: in ISO."""

    inputs: Inputs
    answers: dict[str, Translation]
    meaning: Reading

    @property
    def truth(self) -> str | None:
        return None if self.meaning.day is None else self.meaning.day.isoformat()

    @property
    def shown(self) -> Translation:
        """The answer of the chosen kind."""
        return self.answers[self.inputs.attention]


def study(inputs: Inputs) -> Study:
    """Ask all three."""
    answers = {kind: written(kind, inputs.text) for kind in KINDS}
    return Study(inputs, answers, reading(inputs.text))
