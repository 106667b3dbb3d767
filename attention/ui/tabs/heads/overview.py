"""Every head at once, and one of them opened."""

from __future__ import annotations

from ...page.panels import Panel, Part
from ...page.scene import Scene
from ...page.texts import Words
from . import asks, zoom
from .inputs import READING, Inputs
from .measures import able
from .measures import frames as measured_frames
from .opened import as_it_is, every_head, is_small, later, open_head
from .plain import plain
from .study import Study, code_of, look, notices, ready, results, sheet


def study(inputs: Inputs) -> Study:
    """One run, untouched; of a long text, a region of the open head."""
    plain = look(inputs, code_of(inputs))
    return Study(plain, zoom.open_region(plain, inputs) if plain.long else as_it_is(plain, inputs))


def panels(s: Study, words: Words) -> list[Panel]:
    """The grid and the open head: at once while it is small, else on demand; the roles come last."""
    opening = head(s, words) if is_small(s.plain) else [later("head", words)]
    title, grid = every_head(s.shown, s.inputs, words)
    return [title, *([later("frames", words)] if able(s.plain) else []), grid, *opening]


def head(s: Study, words: Words) -> list[Panel]:
    """The panels that change when another head is picked, or another region of a long one."""
    return zoom.open_map(s.opened, words) if s.plain.long else open_head(s.opened, words)


def frames(s: Study, words: Words) -> list[Panel]:
    """The heads' roles, which take as long as the run itself: asked for once the picture stands."""
    return [Part("frames", measured_frames(s.plain, words))] if able(s.plain) else []


def snippet(s: Study) -> str:
    """The open head's weights, or those of its region."""
    return zoom.code(s.opened) if s.plain.long else code_of(s.inputs, s.opened)


def tasks(s: Study, words: Words) -> list[asks.Asked]:
    """Those of any open head; a region is no whole head to ask about."""
    return [] if s.plain.long else asks.of_a_head(s, words)


SCENE = Scene(
    fields=(*READING, "zoom"), study=study, panels=panels, sheet=sheet, snippet=snippet, results=results,
    tasks=tasks, notices=notices, parts={"head": head, "frames": frames}, ready=ready,
    plain=plain,
)  # fmt: skip
