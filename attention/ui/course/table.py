"""A class as the page draws it: the same :func:`attention.course.collate` as the command line's, as JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ...course import Class, Mark, Question
from ...course.collate import Learner, shown, to_csv
from ...digits import read_number
from ...mistakes import MISTAKES
from ..page.guard import Json
from ..page.texts import Words
from .answers import PageAnswers

MOST_ROWS, MOST_BARS, MOST_REFUSED, MOST_DONE = 400, 12, 50, 60
# what a refusal is about, by the sentence of the chapter: (pattern, key of the words)
REASONS = [
    (r"reads version", "refused_version"), (r"cut off|broken", "refused_cut"),
    (r"another assignment", "refused_other"), (r"here already", "refused_twice"),
    (r"begins with|not read: (?!the)", "refused_kind"),
    (r"not read: the|at most|too many|nested", "refused_much"),
]  # fmt: skip


def reason(sentence: str) -> str:
    """Key of the words that say why a source was refused."""
    return next((key for pattern, key in REASONS if re.search(pattern, sentence)), "refused_rule")


def as_table(found: Class, page: PageAnswers, words: Words) -> Json:
    """Learners and questions, bars of guesses, mistakes by name, the CSV, and what was refused and why."""
    asked = () if found.assignment is None else found.assignment.questions
    options = {question.id: page.options(question, words.language) for question in asked}
    common = found.misconceptions().most_common(1)
    return {
        "title": "" if found.assignment is None else found.assignment.title,
        "count": len(found.learners),
        "questions": [
            _question(found, question, options[question.id], page.prompt(question, words.language), words)
            for question in asked
        ],
        "learners": [
            {"name": shown(one.name, 80), "own": one.own_seed, "right": right_of(one.marks),
             "did": [shown(line, 80) for line in one.did[:MOST_DONE]],
             "cells": [_cell(one, question.id, options[question.id], words) for question in asked]}
            for one in found.learners[:MOST_ROWS]
        ],
        "common": {"says": named(common[0][0], words), "count": common[0][1]} if common else None,
        "refused": [_refused(source, why, words) for source, why in found.refused[:MOST_REFUSED]],
        "refused_count": len(found.refused),
        "csv": to_csv(found) if found.learners else "",
    }  # fmt: skip


def _refused(source: str, why: str, words: Words) -> Json:
    said = words(f"course.{reason(why)}")
    return {"source": shown(source[-60:], 60), "why": said, "detail": shown(why, 300)}


def right_of(marks: Mapping[str, Mark]) -> int:
    """How many marks are right."""
    return sum(one.verdict == "right" for one in marks.values())


def named(mistake: str, words: Words) -> str:
    """The sentence of a known mistake, "" for none."""
    return MISTAKES[mistake].says[words.language] if mistake in MISTAKES else mistake


def label(text: str, options: Sequence[str]) -> str:
    """An answer as people know it: a choice's words in place of its number."""
    short = shown(text)
    return options[int(short)] if short.isascii() and short.isdigit() and int(short) < len(options) else short


def _cell(learner: Learner, id: str, options: Sequence[str], words: Words) -> Json:
    answer, mark = learner.answers.get(id), learner.marks.get(id)
    if answer is None or mark is None:
        return {"verdict": "", "given": ""}
    cell = {"verdict": mark.verdict, "given": label(answer.given, options), "tries": answer.attempts}
    if mark.mistake:
        cell["mistake"] = named(mark.mistake, words)
    return cell


def _question(found: Class, question: Question, options: Sequence[str], prompt: str, words: Words) -> Json:
    guesses = found.guesses(question.id)
    right = {
        shown(one.answers[question.id].given)
        for one in found.learners
        if question.id in one.marks and one.marks[question.id].verdict == "right"
    }
    ordered = in_order(guesses)
    mistakes = found.misconceptions(question.id).most_common(1)
    wrong = next((text for text, _ in guesses.most_common() if text not in right), "")
    judged = guesses[wrong] > 1 and question.kind != "text"
    verdicts = Counter(one.marks[question.id].verdict for one in found.learners if question.id in one.marks)
    return {
        "id": shown(question.id, 12), "prompt": prompt, "kind": question.kind,
        "bars": [
            {"label": label(text, options), "count": guesses[text], "right": text in right}
            for text in ordered[:MOST_BARS]
        ],
        "more": max(0, len(ordered) - MOST_BARS),
        "verdicts": dict(verdicts),
        "wrong": {"says": label(wrong, options), "count": guesses[wrong]} if judged else None,
        "mistake": {"says": named(mistakes[0][0], words), "count": mistakes[0][1]} if mistakes else None,
    }  # fmt: skip


def in_order(guesses: Counter[str]) -> list[str]:
    """Numbers by size, where all are numbers and few; else the commonest first."""
    common = sorted(guesses, key=lambda text: (-guesses[text], text))
    if len(common) > MOST_BARS:
        return common
    try:
        return sorted(common, key=lambda text: read_number(text).value)
    except ValueError:
        return common
