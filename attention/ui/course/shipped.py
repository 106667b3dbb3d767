"""Opening an assignment: one that comes with the project, by its name, or a teacher's, by its text."""

from __future__ import annotations

import json
from functools import cache

from ...assets import assets
from ...course import Assignment, read_assignment, to_json, to_text
from ...course.format import LARGEST_SEED
from ..page.guard import Json, Refusal, whole
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


def opened(given: object, page: PageAnswers, language: str, seed: object = None) -> Json:
    """A name or an assignment's text -> the assignment as JSON, its text, and its steps as inputs.

    seed: of a learner's own numbers, which the page computes from their name; None for none.
    Raises ``Refusal`` for what cannot be read, or whose steps do not open.
    """
    if not isinstance(given, str) or len(given) > MOST:
        raise Refusal("bad_assignment")
    try:
        found = shipped(given, language) if given in SHIPPED else read_assignment(given)
        number = found.seed if seed is None else whole(seed, LARGEST_SEED)
        views = [drawn(page, step.view, number) if found.draws else step.view for step in found.steps]
        places = [place(page, view) for view in views]
    except ValueError as error:
        raise Refusal("bad_assignment") from error
    return {"assignment": json.loads(to_json(found)), "text": to_text(found), "places": places}


def drawn(page: PageAnswers, view: str, seed: int) -> str:
    """The view with the numbers of a seed, where it has any."""
    return view if view == "?" else page.drawn(view, seed)


def place(page: PageAnswers, query: str) -> Json | None:
    """Where a step stands: link, tab, step of its lesson, inputs; None for a question that stands alone."""
    if query == "?":
        return None
    view = page.view(query)
    return {"view": query, "tab": view.tab.id, "step": view.step, "inputs": view.inputs}
