"""The scene ``copy``: two layers of attention learn to continue what they saw once.

One scene with five stages, each a study of its own that says what it shows: ``learn`` (the recorded
training), ``seeds`` (ten of them, live), ``use`` (letters of one's own, a head knocked out), ``lengths``
(what one fixed length teaches), ``models`` (the same scores on real models).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from .....training import MAX_BYTES
from ....page.guard import Json
from ....page.panels import Panel
from ....page.scene import Carried, Goal, Place, Point, Scene, Task, Trainer
from ....page.sheet import Sheet
from ....page.tab import Controls
from ....page.texts import Words
from ..inputs import Inputs
from . import learn, lengths, models, seeds, use
from .runs import STEPS


class Stage(Protocol):
    """The study of one stage, and everything shown of it."""

    @property
    def inputs(self) -> Inputs: ...
    def panels(self, words: Words) -> Sequence[Panel]: ...
    def sheet(self, words: Words, place: Place) -> Sheet: ...
    def snippet(self) -> str: ...
    def plain(self) -> str: ...
    def results(self) -> Json: ...
    def tasks(self, words: Words) -> Sequence[Task | Point | Goal]: ...
    def notices(self, words: Words) -> Sequence[str]: ...


STAGES: dict[str, Callable[[Inputs], Stage]] = {
    "learn": learn.study, "seeds": seeds.study, "use": use.study, "lengths": lengths.study,
    "models": models.study,
}  # fmt: skip


def study(inputs: Inputs) -> Stage:
    """What the chosen stage needs, computed or remembered."""
    return STAGES[inputs.stage](inputs)


def beside(s: Stage, words: Words) -> Sequence[Panel] | None:
    """The control's loss; None where the page has moved on to another stage."""
    return s.beside(words) if isinstance(s, learn.Learn) else None


def advance(inputs: Inputs, state: bytes | None, steps: int, words: Words) -> Carried:
    return seeds.chunk(inputs, state, steps)


def layout_copy(controls: Controls) -> None:
    """What to look at first; below it only what that stage reads."""
    controls.place("stage")
    controls.place("run_seed")
    with controls.only("learn"):
        controls.place("layers")
    with controls.only("use"):
        controls.place("sequence", "knock")
    with controls.only("lengths"):
        controls.place("length")
    with controls.only("models"):
        controls.place("ranked")


SCENE = Scene(
    fields=("stage", "layers", "run_seed", "sequence", "knock", "length", "ranked"),
    study=study,
    panels=lambda s, words: s.panels(words),
    sheet=lambda s, words, place: s.sheet(words, place),
    snippet=lambda s: s.snippet(),
    results=lambda s: s.results(),
    tasks=lambda s, words: s.tasks(words),
    notices=lambda s, words: s.notices(words),
    parts={"beside": beside},
    ready=models.ready,
    plain=lambda s: s.plain(),
    trainer=Trainer(seeds.CHUNK, lambda inputs: STEPS, advance, seeds.trained_sheet, MAX_BYTES),
)
