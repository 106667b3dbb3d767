"""A class at a glance: every mark computed again, what was guessed, which mistake is commonest.

A source that cannot be read is refused in one sentence and changes nothing for the others.
"""

from __future__ import annotations

import csv
import io
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..export.packing import FORMULA_STARTS
from .compact import read_hand_in, to_text
from .format import Answer, Assignment, HandIn, asks_the_same, seed_for
from .marks import AnswerOf, Mark, mark, sheet_answers

SIGNS = {"right": "+", "wrong": "-", "to read": "?", "unreadable": "!", "": "."}
MOST_HAND_INS = 2000
MOST_BARS = 8
Drawn = Callable[[str, int], str]  # a view, a seed -> the view with that seed's numbers


@dataclass(frozen=True)
class Learner:
    """One hand-in: name, marks and answers by question, and whether the seed is the one it should be.

    did: what the file says was moved and opened.
    """

    name: str
    marks: dict[str, Mark]
    answers: dict[str, Answer]
    own_seed: bool = True
    did: tuple[str, ...] = ()


@dataclass(frozen=True)
class Class:
    """All hand-ins of one assignment. refused: (source, sentence) of what could not be read."""

    assignment: Assignment | None
    learners: tuple[Learner, ...]
    refused: tuple[tuple[str, str], ...]

    def guesses(self, question: str) -> Counter[str]:
        """How often each answer or guess was given: each counted once a learner."""
        found: Counter[str] = Counter()
        for learner in self.learners:
            if question in learner.answers:
                answer = learner.answers[question]
                found.update({shown(guess) for guess in (*answer.guesses, answer.given)})
        return found

    def misconceptions(self, question: str | None = None) -> Counter[str]:
        """Known mistakes by the number of answers that made them, in one question or in all."""
        return Counter(
            found.mistake
            for learner in self.learners
            for asked, found in learner.marks.items()
            if found.mistake and question in (None, asked)
        )


def as_it_is(view: str, seed: int) -> str:
    """Of sheets, which carry their seed."""
    return view


def collate(
    sources: Iterable[tuple[str, str]],
    answer_of: AnswerOf = sheet_answers,
    seconds: float = math.inf,
    drawn: Drawn = as_it_is,
) -> Class:
    """(name of the source, its text) pairs -> the class; the first readable one tells the assignment.

    One assignment in two languages is one table. drawn: how a view gets the numbers of a seed. Refused,
    each with a sentence: what cannot be read, another assignment, the same hand-in twice, everything
    beyond MOST_HAND_INS, and what is left after so many seconds.
    """
    end = time.monotonic() + seconds
    assignment: Assignment | None = None
    learners: list[Learner] = []
    refused: list[tuple[str, str]] = []
    seen: set[str] = set()
    for source, text in sources:
        try:
            if time.monotonic() > end:
                raise ValueError(f"not read: the {seconds:g} seconds for one collation are over")
            hand_in = read_hand_in(text)
            assignment = hand_in.assignment if assignment is None else assignment
            if not asks_the_same(hand_in.assignment, assignment):
                raise ValueError(f"it answers another assignment, {hand_in.assignment.title!r}")
            if (whole := to_text(hand_in)) in seen:
                raise ValueError("this hand-in is here already")
            if len(learners) >= MOST_HAND_INS:
                raise ValueError(f"at most {MOST_HAND_INS} hand-ins are collated at once")
        except ValueError as error:
            refused.append((source, str(error)))
            continue
        seen.add(whole)
        learners.append(_learner(hand_in, answer_of, drawn))
    return Class(assignment, tuple(learners), tuple(refused))


def _learner(hand_in: HandIn, answer_of: AnswerOf, drawn: Drawn) -> Learner:
    assignment = hand_in.assignment
    wanted = seed_for(assignment, hand_in.name)
    questions = {question.id: question for question in assignment.questions}
    if assignment.draws:
        views = {id: _drawn(question.view, wanted, drawn) for id, question in questions.items()}
        questions = {id: replace(question, view=views[id]) for id, question in questions.items()}
    answers = {answer.question: answer for answer in hand_in.answers}
    marks = {name: mark(questions[name], answer, answer_of) for name, answer in answers.items()}
    own = all(answer.inputs.get("seed", wanted) == wanted for answer in answers.values())
    if assignment.draws:
        own = own and all(_owns(answer, questions[name].view, answer_of) for name, answer in answers.items())
    return Learner(hand_in.name, marks, answers, own, hand_in.did)


def _drawn(view: str, seed: int, drawn: Drawn) -> str:
    try:
        return drawn(view, seed) if view else view
    except ValueError:  # no such view: its answers are unreadable, and say why
        return view


def _owns(answer: Answer, view: str, answer_of: AnswerOf) -> bool:
    try:
        return not view or answer_of(answer.inputs).owns(view)
    except ValueError:
        return True  # told as unreadable


def shown(text: str, most: int = 40) -> str:
    """Text for one line of a terminal: no control characters (no escape codes), cut at ``most``."""
    line = "".join(letter if letter.isprintable() else "\N{WHITE SQUARE}" for letter in text.strip())
    return line if len(line) <= most else line[: most - 1] + "…"


def to_csv(found: Class) -> str:
    """The table as CSV: verdict, answer, attempts and mistake of each question, one row a learner.

    No cell can start a formula in a spreadsheet: such text gets an apostrophe before it.
    """
    questions = [] if found.assignment is None else [q.id for q in found.assignment.questions]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    columns = ("verdict", "answer", "attempts", "mistake")
    head = ["name", "numbers of their own seed", *(f"{q} {column}" for q in questions for column in columns)]
    writer.writerow(map(harmless, head))
    for learner in found.learners:
        row = [learner.name, "yes" if learner.own_seed else "no"]
        for question in questions:
            answer, got = learner.answers.get(question), learner.marks.get(question)
            if answer is None or got is None:
                row += ["", "", "", ""]
            else:
                row += [got.verdict, answer.given, str(answer.attempts), got.mistake]
        writer.writerow(map(harmless, row))
    return text.getvalue()


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula.

    A plain number such as -0.5 stays one.
    """
    risky = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    if not risky:
        return text
    try:
        number = math.isfinite(float(text)) and text.isascii() and text == text.strip()
    except ValueError:
        number = False
    return text if number else "'" + text


def report(found: Class, bars: int = MOST_BARS) -> str:
    """The class as plain text: table, legend, histogram and misconception of every question."""
    lines: list[str] = []
    if found.assignment is not None:
        questions = found.assignment.questions
        width = max([4, *(len(shown(learner.name)) for learner in found.learners)])
        lines += [shown(found.assignment.title, 200), ""]
        lines.append("name".ljust(width) + "  " + "  ".join(shown(q.id, 12).rjust(3) for q in questions))
        for learner in found.learners:
            signs = []
            for q in questions:
                got = learner.marks.get(q.id)
                signs.append(SIGNS["" if got is None else got.verdict].rjust(max(3, len(shown(q.id, 12)))))
            note = "" if learner.own_seed else "  (not the numbers of this name)"
            lines.append(shown(learner.name).ljust(width) + "  " + "  ".join(signs) + note)
        lines += ["", "+ right  - wrong  ? to read  ! unreadable  . no answer", ""]
        for q in questions:
            lines += _histogram(found, q.id, shown(q.prompt, 70), bars)
        common = found.misconceptions().most_common(1)
        lines.append(
            f"commonest misconception: {common[0][0]} ({common[0][1]} answers)"
            if common
            else "no wrong answer is that of exactly one known mistake"
        )
    for source, why in found.refused:
        lines.append(f"refused {shown(source[-60:], 60)}: {shown(why, 200)}")  # a path's end tells
    lines.append(
        "Marks are computed from inputs and answers. Names, attempts and who typed are as the files say."
    )
    return "\n".join(lines) + "\n"


def _histogram(found: Class, question: str, prompt: str, bars: int) -> list[str]:
    guesses = found.guesses(question)
    lines = [f"{shown(question)}: {prompt}"]
    for text, count in sorted(guesses.items(), key=lambda item: (-item[1], item[0]))[:bars]:
        lines.append(f"  {text or '(empty)':<40} {'#' * min(count, 40)} {count}")
    if len(guesses) > bars:
        lines.append(f"  and {len(guesses) - bars} other answers")
    mistakes = found.misconceptions(question).most_common(1)
    if mistakes:
        lines.append(f"  commonest mistake: {mistakes[0][0]} ({mistakes[0][1]})")
    return [*lines, ""]
