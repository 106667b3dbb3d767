"""Every head at once, and one of them opened."""

from __future__ import annotations

from ...page.panels import Panel
from ...page.scene import Scene
from ...page.texts import Words
from .inputs import READING, Inputs
from .opened import as_it_is, every_head, is_small, later, open_head
from .study import Study, code_of, look, notices, ready, results, sheet, tasks


def study(inputs: Inputs) -> Study:
    """One run, untouched."""
    plain = look(inputs, code_of(inputs))
    return Study(plain, as_it_is(plain, inputs))


def panels(s: Study, words: Words) -> list[Panel]:
    """The overview, then the open head: at once while it is small, else on demand."""
    opening = head(s, words) if is_small(s.plain) else [later("head", words)]
    return [*every_head(s.shown, s.inputs, words), *opening]


def head(s: Study, words: Words) -> list[Panel]:
    """The panels that change when another head is picked."""
    return open_head(s.opened, words)


def snippet(s: Study) -> str:
    """The open head's weights."""
    return code_of(s.inputs, s.opened)


SCENE = Scene(
    fields=READING, study=study, panels=panels, sheet=sheet, snippet=snippet, results=results,
    tasks=tasks, notices=notices, parts={"head": head}, ready=ready,
)  # fmt: skip
