"""Opening an assignment: one that comes with the project, by its name, or a teacher's, by its text."""

from __future__ import annotations

import json
from functools import cache

from ...assets import assets
from ...course import Assignment, read_assignment, to_json, to_text
from ..page.guard import Json, Refusal
from .answers import PageAnswers

SHIPPED = ("lesson", "course")
FOLDER = assets() / "course"
MOST = 30_000  # characters of a link's part


@cache
def shipped(name: str, language: str) -> Assignment:
    """An assignment of the project's own, from assets/course. Raises ``ValueError``."""
    if name not in SHIPPED:
        raise ValueError(f"an assignment of the project's is one of {', '.join(SHIPPED)}, got {name!r}")
    return read_assignment((FOLDER / f"{name}.{language}.json").read_text("utf-8"))


def opened(given: object, page: PageAnswers, language: str) -> Json:
    """A name or an assignment's text -> the assignment as JSON, its text, and its steps as inputs.

    Raises ``Refusal`` for what cannot be read, or whose steps do not open.
    """
    if not isinstance(given, str) or len(given) > MOST:
        raise Refusal("bad_assignment")
    try:
        found = shipped(given, language) if given in SHIPPED else read_assignment(given)
        places = [place(page, step.view) for step in found.steps]
    except ValueError as error:
        raise Refusal("bad_assignment") from error
    return {"assignment": json.loads(to_json(found)), "text": to_text(found), "places": places}


def place(page: PageAnswers, query: str) -> Json | None:
    """Where a step stands: tab, step of its lesson, inputs; None for a question that stands alone."""
    if query == "?":
        return None
    view = page.view(query)
    return {"tab": view.tab.id, "step": view.step, "inputs": view.inputs}
