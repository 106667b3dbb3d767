"""Every head at once, and one of them opened."""

from __future__ import annotations

from ...page.guard import Refusal
from ...page.panels import Panel
from ...page.scene import Place, Task
from ...page.sheet import Sheet
from ...page.texts import Words
from . import code
from .inputs import Inputs
from .opened import as_it_is, every_head, head_part, is_small, later, open_head, weight_sheet
from .study import Study, look, notices, results
from .tasks import exercises

__all__ = ["head", "notices", "panels", "results", "sheet", "snippet", "study", "tasks"]


def study(inputs: Inputs) -> Study:
    """One run, untouched."""
    plain = look(inputs, code.of_open_head(inputs))
    return Study(inputs, plain, plain, as_it_is(plain, inputs))


def panels(s: Study, words: Words) -> list[Panel]:
    """The overview, then the open head: at once while it is small, else on demand."""
    opening = head(s, words) if is_small(s.plain) else [later("head", words)]
    return [*every_head(s.shown, s.inputs, words), *opening]


def head(s: Study, words: Words) -> list[Panel]:
    """The panels that change when another head is picked."""
    return head_part(open_head(s.shown, s.opened, s.inputs, words))


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of the open head."""
    if place.panel != "weights":
        raise Refusal("no_such_cell")
    return weight_sheet(s.shown, s.opened, s.inputs, words, place)


def snippet(s: Study) -> str:
    """The open head's weights."""
    return code.of_open_head(s.inputs, s.plain)


def tasks(s: Study, words: Words) -> list[Task]:
    """Predict, then look."""
    return exercises(s.shown, s.opened, words)
