"""What an assignment and a hand-in are: frozen, typed, with a version and a limit on everything.

Every text is only text: nothing here is ever run or written as HTML. A rule that is broken raises
``ValueError`` with the rule and what was met.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field, replace

from ..typed import HIDDEN
from .checks import check_many, check_number, check_one_of, check_text, check_whole, refusal

VERSION = 1
KINDS = ("text", "number", "choice", "target", "task")
RELATIONS = ("at least", "at most", "equal")
MARKS = ("at once", "at the end")

SHORT, LONG = 200, 2000  # characters: a name, a title; a question, an answer
MOST_STEPS, MOST_QUESTIONS, MOST_CHOICES, MOST_INPUTS = 60, 40, 12, 40
MOST_GUESSES = 20  # kept of an answer, the last ones
MOST_ATTEMPTS = 1000
MOST_DONE = 200  # lines of what a learner did
LARGEST_SEED = 2**53

Input = str | int | float | bool
Inputs = dict[str, Input]


def check_inputs(name: str, inputs: object) -> None:
    """Flat: short names to texts, finite numbers or True and False. Nothing nested."""
    if not isinstance(inputs, dict) or len(inputs) > MOST_INPUTS:
        raise refusal(f"{name} must be at most {MOST_INPUTS} named inputs", inputs)
    for key, given in inputs.items():
        check_text(f"a name in {name}", key, SHORT, 1)
        if isinstance(given, str):
            check_text(f"{name} {key!r}", given, LONG)
        elif not isinstance(given, bool):
            check_number(f"{name} {key!r}", given)


@dataclass(frozen=True)
class Step:
    """A view of the page: the part of its link after the address, and a note of the teacher's.

    view: "?" for none, where a question stands alone. question: the id of the one asked here, "" for none.
    """

    view: str
    note: str = ""
    question: str = ""

    def __post_init__(self) -> None:
        check_text("a step's view", self.view, LONG, 1)
        check_text("a step's note", self.note, LONG)
        check_text("a step's question", self.question, 40)
        if not self.view.startswith("?"):
            raise refusal("a step's view must be the part of a link from its ? on", self.view)


@dataclass(frozen=True)
class Target:
    """ "Make this happen": one number of the results, e.g. weights row 0 column 0 at least 0.99."""

    panel: str
    row: int
    column: int
    relation: str
    value: float
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        check_text("a target's panel", self.panel, SHORT, 1)
        check_whole("a target's row", self.row, 0, 10_000)
        check_whole("a target's column", self.column, 0, 10_000)
        check_one_of("a target's relation", self.relation, RELATIONS)
        check_number("a target's value", self.value)
        check_number("a target's tolerance", self.tolerance)
        if self.tolerance < 0:
            raise refusal("a target's tolerance must be at least 0", self.tolerance)

    def met(self, number: float) -> bool:
        """Whether the number found is as the target wants it; NaN never is."""
        if math.isnan(number):
            return False
        if self.relation == "at least":
            return number >= self.value - self.tolerance
        if self.relation == "at most":
            return number <= self.value + self.tolerance
        return abs(number - self.value) <= self.tolerance + 1e-9


@dataclass(frozen=True)
class Question:
    """A question of the teacher's, or the page's own at a view. kind: one of KINDS.

    task: asked by the page itself, at ``view`` (of a link, from its ? on) under the name ``task``.
    text: no mark, the teacher reads it. choice: choices, and answer the right one's place from 0.
    number: either a fixed answer, within tolerance or the digits typed, or target names the panel
    and cell that hold it, computed from the inputs the answer was given for. target: met or not.
    view: where it is asked, for a task, and for a number or a target of a view; "" on a sheet.
    """

    id: str
    kind: str
    prompt: str
    choices: tuple[str, ...] = ()
    answer: float | None = None
    tolerance: float = 0.0
    target: Target | None = None
    view: str = ""
    task: str = ""

    def __post_init__(self) -> None:
        check_text("a question's id", self.id, 40, 1)
        check_one_of("a question's kind", self.kind, KINDS)
        check_text("a question's prompt", self.prompt, LONG, 1)
        check_many("choices", self.choices, MOST_CHOICES, str)
        for choice in self.choices:
            check_text("a choice", choice, SHORT, 1)
        check_number("a question's tolerance", self.tolerance)
        if self.answer is not None:
            check_number("a question's answer", self.answer)
        if self.target is not None and type(self.target) is not Target:
            raise refusal("a question's target must be a target", self.target)
        check_text("a question's view", self.view, LONG)
        check_text("a question's task", self.task, SHORT)
        self._check_kind()

    def _check_kind(self) -> None:
        if self.kind == "choice":
            if len(self.choices) < 2:
                raise refusal("a choice needs at least two choices", list(self.choices))
            check_whole("the answer of a choice", self.answer, 0, len(self.choices) - 1)
        elif self.choices:
            raise refusal(f"a question of kind {self.kind} has no choices", list(self.choices))
        if (self.kind == "task") != bool(self.view and self.task):
            raise refusal("a view and a task belong to questions of kind task, and to no others", self.kind)
        if self.kind == "target" and self.target is None:
            raise refusal("a question of kind target needs its target", None)
        if self.kind == "number" and (self.answer is None) == (self.target is None):
            raise refusal("a number is either a fixed answer or a cell of the results", self.answer)


@dataclass(frozen=True)
class Assignment:
    """What a teacher sends. seed: of the numbers; own_numbers: each learner's from their name.

    veiled: ids of questions whose answer stays veiled to the end (or of panels, veiled throughout).
    names: whether learners are asked for a name. id: of one that exists in several languages.
    """

    title: str
    steps: tuple[Step, ...] = ()
    questions: tuple[Question, ...] = ()
    veiled: tuple[str, ...] = ()
    seed: int = 0
    own_numbers: bool = False
    marks: str = "at once"
    names: bool = True
    id: str = ""
    version: int = VERSION

    def __post_init__(self) -> None:
        check_version(self.version)
        check_text("a title", self.title, SHORT, 1)
        check_many("steps", self.steps, MOST_STEPS, Step)
        check_many("questions", self.questions, MOST_QUESTIONS, Question)
        check_many("veiled", self.veiled, MOST_STEPS, str)
        for name in self.veiled:
            check_text("a veiled name", name, SHORT, 1)
        check_whole("a seed", self.seed, 0, LARGEST_SEED)
        for name in ("own_numbers", "names"):
            if not isinstance(getattr(self, name), bool):
                raise refusal(f"{name} must be true or false", getattr(self, name))
        check_text("an assignment's id", self.id, 40)
        check_one_of("marks", self.marks, MARKS)
        ids = [question.id for question in self.questions]
        if len(set(ids)) < len(ids):
            raise refusal("every question needs an id of its own", ids)
        here = [step.question for step in self.steps if step.question]
        if len(set(here)) < len(here) or not set(here) <= set(ids):
            raise refusal("a step asks one of the questions, each once", here)

    @property
    def draws(self) -> bool:
        """Whether numbers are drawn anew, rather than left as they were collected."""
        return self.own_numbers or self.seed > 0


def asks_the_same(one: Assignment, other: Assignment) -> bool:
    """Whether they differ in their language at most: in titles, notes and the words of the page's own
    questions; with an id, in those of all questions."""
    return one == other or _without_words(one) == _without_words(other)


def _without_words(assignment: Assignment) -> Assignment:
    spoken = [
        replace(one, prompt=".", choices=(".",) * len(one.choices))
        if one.kind == "task" or assignment.id
        else one
        for one in assignment.questions
    ]
    steps = tuple(replace(step, note="") for step in assignment.steps)
    return replace(assignment, title=".", steps=steps, questions=tuple(spoken))


@dataclass(frozen=True)
class Answer:
    """An answer and the inputs it was given for. given: text as typed, or a choice's place as text.

    attempts: how often it was tried, as the file says. guesses: what was tried, the last at the end.
    """

    question: str
    given: str
    inputs: Inputs = field(default_factory=dict)
    attempts: int = 1
    guesses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_text("an answer's question", self.question, 40, 1)
        check_text("an answer", self.given, LONG)
        check_inputs("inputs", self.inputs)
        check_whole("attempts", self.attempts, 1, MOST_ATTEMPTS)
        check_many("guesses", self.guesses, MOST_GUESSES, str)
        for guess in self.guesses:
            check_text("a guess", guess, SHORT)


@dataclass(frozen=True)
class HandIn:
    """What comes back: the assignment it answers, a name ("" where none was asked), the answers.

    did: what was moved and opened, in order, a short line each: the place of the step, then what.
    """

    assignment: Assignment
    name: str = ""
    answers: tuple[Answer, ...] = ()
    did: tuple[str, ...] = ()
    version: int = VERSION

    def __post_init__(self) -> None:
        check_version(self.version)
        if type(self.assignment) is not Assignment:
            raise refusal("a hand-in carries its assignment", self.assignment)
        check_text("a name", self.name, SHORT)
        check_many("answers", self.answers, MOST_QUESTIONS, Answer)
        check_many("what was done", self.did, MOST_DONE, str)
        for line in self.did:
            check_text("a line of what was done", line, SHORT)
        known = {question.id for question in self.assignment.questions}
        asked = [answer.question for answer in self.answers]
        if len(set(asked)) < len(asked) or not set(asked) <= known:
            raise refusal(f"one answer to each of the questions {sorted(known)}", asked)


def check_version(version: object) -> None:
    """Raise ``ValueError`` for a version that this program does not read."""
    if isinstance(version, bool) or not isinstance(version, int) or version != VERSION:
        raise refusal(f"this program reads version {VERSION}; update it, or export again", version)


def seed_for(assignment: Assignment, name: str) -> int:
    """The seed of a learner's numbers: the assignment's, or with own_numbers one from the name.

    Names are compared without case, width, surrounding space and marks that nobody sees, so a retyped name
    gives the same. FNV-1a of 32 bits (Fowler, Noll, Vo), which a browser computes as easily
    (assets/view/course/seed.js).
    """
    if not assignment.own_numbers:
        return assignment.seed
    plain = " ".join(unicodedata.normalize("NFKC", name).lower().split())
    plain = "".join(c for c in plain if c != HIDDEN and unicodedata.category(c) != "Cf")
    seed = 0x811C9DC5
    for byte in f"{assignment.seed}:{plain}".encode():
        seed = (seed ^ byte) * 0x01000193 % 2**32
    return seed
