"""A mark is a function of the question, the inputs and the answer: anyone can compute it again.

The page's studies are pure functions of their inputs; whoever marks hands one in as ``answer_of``.

>>> question = Question("q1", "number", "1/3 to three decimals?", answer=1 / 3)
>>> mark(question, Answer("q1", "0.333")).verdict, mark(question, Answer("q1", "0.5")).verdict
('right', 'wrong')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..digits import read_number
from ..mistakes import diagnose
from ..paper import TABLES, Cell, draw, tables
from .format import Answer, Inputs, Question, Target

COARSEST = 0.005  # a number needs two decimals: "0" is no answer to 0.31
VERDICTS = ("right", "wrong", "to read", "unreadable")


class Results(Protocol):
    """What a view shows for its inputs: numbers by the name of their panel."""

    def number(self, panel: str, row: int, column: int) -> float:
        """One number. Raises ``ValueError`` when there is no such panel or cell."""
        ...

    def misconception(self, panel: str, row: int, column: int, given: str) -> str:
        """Key of the one known mistake that gives this number there, or "" for none."""
        ...

    def judge(self, view: str, task: str, given: str) -> bool:
        """Whether the page's own question at a view is answered by this. Raises ``ValueError``."""
        ...

    def moved(self, view: str) -> bool:
        """Whether an input of the view was moved. Raises ``ValueError`` where it may not be."""
        ...

    def owns(self, view: str) -> bool:
        """Whether the numbers that a seed draws are those of the view."""
        ...


class AnswerOf(Protocol):
    """Inputs as the page takes them -> what it shows. Raises ``ValueError`` for bad inputs."""

    def __call__(self, inputs: Inputs) -> Results: ...


@dataclass(frozen=True)
class Mark:
    """verdict: one of VERDICTS; "to read" is the teacher's. mistake: key of a known one, or "".

    why: a sentence where the answer or its inputs could not be read, "" otherwise.
    """

    verdict: str
    mistake: str = ""
    why: str = ""


@dataclass(frozen=True)
class SheetResults:
    """The results of a sheet by hand (:mod:`attention.paper`), as the tests and the chapters use it."""

    seed: int
    kind: str

    def number(self, panel: str, row: int, column: int) -> float:
        """The right number of the sheet's cell."""
        table = tables(draw(self.seed, self.kind)).get(panel)
        if table is None or not (0 <= row < table.shape[0] and 0 <= column < table.shape[1]):
            raise ValueError(f"a sheet has the tables {', '.join(TABLES)}; no {panel[:40]!r} {row}, {column}")
        return float(table[row, column])

    def misconception(self, panel: str, row: int, column: int, given: str) -> str:
        """By :func:`attention.mistakes.diagnose`."""
        found = diagnose(draw(self.seed, self.kind), Cell(panel, row, column), given)
        return "" if found is None else found.key

    def judge(self, view: str, task: str, given: str) -> bool:
        """A sheet asks nothing by itself."""
        raise ValueError("an answer to a step carries its view")

    def moved(self, view: str) -> bool:
        """A sheet is no view."""
        raise ValueError("an answer to a step carries its view")

    def owns(self, view: str) -> bool:
        """A sheet is no view."""
        return not view


def sheet_answers(inputs: Inputs) -> Results:
    """An ``answer_of`` for worksheets: inputs seed and, if it is no attention sheet, kind."""
    seed, kind = inputs.get("seed"), inputs.get("kind", "attention")
    if isinstance(seed, bool) or not isinstance(seed, int) or not isinstance(kind, str):
        raise ValueError(f"a sheet's inputs are a whole number seed and a text kind, got {inputs}"[:200])
    draw(seed, kind)  # refuses what lies outside
    return SheetResults(seed, kind)


def mark(question: Question, answer: Answer, answer_of: AnswerOf = sheet_answers) -> Mark:
    """Mark one answer from its inputs. Never raises for what a learner gave: it is "unreadable"."""
    if question.kind == "text":
        return Mark("to read")
    try:
        if question.kind == "choice":
            return _choice(question, answer)
        if question.kind == "task":
            right = answer_of(answer.inputs).judge(question.view, question.task, answer.given)
            return Mark("right" if right else "wrong")
        if question.kind == "target":
            target = _target(question)
            results = answer_of(answer.inputs)
            moved = not question.view or results.moved(question.view)  # what stood there was not made so
            found = results.number(target.panel, target.row, target.column)
            return Mark("right" if moved and target.met(found) else "wrong")
        return _number(question, answer, answer_of)
    except ValueError as error:
        return Mark("unreadable", why=str(error))


def _choice(question: Question, answer: Answer) -> Mark:
    places = [str(place) for place in range(len(question.choices))]
    if answer.given.strip() not in places:
        raise ValueError(f"a choice is a number from 0 to {len(places) - 1}, got {answer.given[:40]!r}")
    return Mark("right" if int(answer.given) == question.answer else "wrong")


def _target(question: Question) -> Target:
    if question.target is None:
        raise ValueError(f"question {question.id!r} has no target")
    return question.target


def _number(question: Question, answer: Answer, answer_of: AnswerOf) -> Mark:
    typed = read_number(answer.given)
    slack = max(question.tolerance, min(typed.half_unit, COARSEST)) + 1e-9
    if question.answer is not None:
        return Mark("right" if abs(typed.value - question.answer) <= slack else "wrong")
    target, results = _target(question), answer_of(answer.inputs)
    place = target.panel, target.row, target.column
    if question.view:
        results.moved(question.view)  # refuses inputs that its step does not allow
    if abs(typed.value - results.number(*place)) <= slack:
        return Mark("right")
    return Mark("wrong", results.misconception(*place, answer.given))
