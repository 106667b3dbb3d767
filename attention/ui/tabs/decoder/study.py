"""What each kind of attention writes for a date."""

from __future__ import annotations

from dataclasses import dataclass

from ....seq2seq.date_parse import Reading, reading
from ....seq2seq.translation import Translation
from .parts import Inputs, written_by_all


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
    return Study(inputs, written_by_all(inputs.text), reading(inputs.text))
