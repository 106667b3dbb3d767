"""What a view asks, computed again from its link: the page's side of :mod:`attention.course.marks`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ...course import Question, Results
from ...course.format import Inputs
from ...course.marks import sheet_answers
from ...digits import read_number
from ..page import link
from ..page.fields import Whole, as_json, check_all
from ..page.guard import Json, Refusal
from ..page.panels import Saved, Table
from ..page.scene import Scene, Tab
from ..page.steps import base_of, begins_at, free_play, lesson_of
from ..page.texts import words_for

PATIENCE = 25.0  # seconds an answer's model may take to load
VIEWS = 512  # kept of the views that were asked about: a class answers the same few
LINKS = 512  # kept of the links that were read
PICTURES = 16  # views whose pictures are kept, which may be large


@dataclass(frozen=True)
class View:
    """A view that a link opens. step: of its tab's lesson, 0 for none."""

    tab: Tab[Any]
    step: int
    inputs: Json


class PageAnswers:
    """An ``answer_of`` for hand-ins: inputs {"view": "?tab=..."} of a step, or those of a sheet."""

    def __init__(self, tabs: Sequence[Tab[Any]]) -> None:
        self.tabs = {tab.id: tab for tab in tabs}
        self.asked = lru_cache(VIEWS)(self._asked)
        self.shown = lru_cache(PICTURES)(self._shown)
        self.view = lru_cache(LINKS)(self._view)
        self.drawn = lru_cache(LINKS)(self._drawn)

    def __call__(self, inputs: Inputs) -> Results:
        if "view" not in inputs:
            return sheet_answers(inputs)
        view = inputs["view"]
        if not isinstance(view, str) or set(inputs) != {"view"}:
            raise ValueError("an answer to a step has one input, its view")
        return ViewResults(self, view)

    def _view(self, query: str) -> View:
        """The view of a link from its ? on. Raises ``ValueError`` for one that does not open as it is."""
        fields = {id: tab.fields for id, tab in self.tabs.items()}

        def begin(id: str, step: str | None, named: bool) -> tuple[int, Mapping[str, object]]:
            at = begins_at(self.tabs[id], step, named)
            return at, base_of(self.tabs[id], at)

        found = link.read(query, fields, begin)
        if found.tab is None or not found.good:
            raise ValueError(f"no view opens from {query[:60]!r}")
        tab = self.tabs[found.tab]
        try:
            return View(tab, found.step, as_json(check_all(tab.id, tab.inputs, found.values)))
        except Refusal as refused:
            raise ValueError(f"the inputs of {query[:60]!r} do not fit together: {refused.key}") from None

    def _drawn(self, query: str, seed: int) -> str:
        """The link of the view with the numbers of a seed; as it is where none are drawn."""
        view = self.view(query)
        changed = drawn_numbers(view.tab, view.step, view.inputs, seed)
        if not changed:
            return query
        address = link.write(view.tab.id, view.tab.fields, {**view.inputs, **changed})
        return f"?{address}" if "&" in address else f"?{address}&step=free"

    def tasks(self, view: View, language: str = "en") -> Sequence[Json]:
        """The questions of a view as the page gets them."""
        return self.asked(view.tab.id, json.dumps(view.inputs, sort_keys=True), language)

    def _asked(self, id: str, inputs: str, language: str) -> Sequence[Json]:
        scene, study = self._studied(id, inputs)
        return [task.encode() for task in scene.tasks(study, words_for(language))]

    def numbers(self, view: View, language: str = "en") -> Mapping[str, Saved]:
        """Every picture of a view that has numbers, by its id."""
        return self.shown(view.tab.id, json.dumps(view.inputs, sort_keys=True), language)

    def _shown(self, id: str, inputs: str, language: str) -> Mapping[str, Saved]:
        scene, study = self._studied(id, inputs)
        panels = scene.panels(study, words_for(language))
        return {panel.id: panel for panel in panels if isinstance(panel, Saved)}

    def _studied(self, id: str, inputs: str) -> tuple[Scene[Any, Any], Any]:
        tab = self.tabs[id]
        checked = check_all(id, tab.inputs, json.loads(inputs))
        scene = tab.scene_of(checked)
        try:
            scene.ready(checked, PATIENCE)
            return scene, scene.study(checked)
        except Refusal as refused:
            raise ValueError(f"the view cannot be computed: {refused.key}") from None

    def prompt(self, question: Question, language: str) -> str:
        """What is asked: of the page's own questions in this language, where their view opens."""
        if question.kind != "task":
            return question.prompt
        try:
            return str(task_of(self.tasks(self.view(question.view), language), question.task)["question"])
        except ValueError:
            return question.prompt

    def options(self, question: Question, language: str) -> Sequence[str]:
        """The choices of a question in words, () where it has none or its view does not open."""
        if question.kind != "task":
            return question.choices
        try:
            found = task_of(self.tasks(self.view(question.view), language), question.task)
        except ValueError:
            return ()
        return tuple(found.get("options", ()))


@dataclass(frozen=True)
class ViewResults:
    """What the page asks at a view, by the answer's own inputs."""

    page: PageAnswers
    query: str

    @cached_property
    def view(self) -> View:
        return self.page.view(self.query)

    def number(self, panel: str, row: int, column: int) -> float:
        """A number of a picture's table."""
        pictures = self.page.numbers(self.view)
        if panel not in pictures:
            raise ValueError(f"this view has the numbers of {', '.join(pictures)}; no {panel[:40]!r}")
        values = pictures[panel].table().values
        if not (row < values.shape[0] and column < values.shape[1]):
            raise ValueError(f"{panel} has {values.shape[0]} rows and {values.shape[1]} columns")
        return float(values[row, column])

    def misconception(self, panel: str, row: int, column: int, given: str) -> str:
        """Known mistakes are those of sheets."""
        return ""

    def judge(self, view: str, task: str, given: str) -> bool:
        """Whether the answer is right for its own inputs, which the step at ``view`` must allow."""
        found = task_of(self.page.tasks(self.view), task)
        return is_right(found, given, self.moved(view))

    def moved(self, view: str) -> bool:
        """Whether any input differs from the view's; one that its step holds raises ``ValueError``."""
        return moved_from(self.page.view(view), self.view)

    def owns(self, view: str) -> bool:
        """Whether what a seed draws stands as in that view."""
        base = self.page.view(view)
        if base == self.view:
            return True
        names = drawn_numbers(base.tab, base.step, base.inputs, 0)
        return all(self.view.inputs[name] == base.inputs[name] for name in names)


def tables_of(pictures: Mapping[str, Saved]) -> Mapping[str, Table]:
    """The tables of pictures that have one; a player has one for every frame, and is left out."""
    found = {}
    for id, picture in pictures.items():
        try:
            found[id] = picture.table()
        except Refusal:
            continue
    return found


def drawn_numbers(tab: Tab[Any], step: int, inputs: Json, seed: int) -> Mapping[str, object]:
    """The inputs that hold numbers drawn from a seed, drawn: of free play alone, since what a step says
    speaks of its own numbers. Those that the scene draws, else its input ``seed``."""
    if step and step != free_play(tab):
        return {}
    checked = check_all(tab.id, tab.inputs, inputs)
    scene = tab.scene_of(checked)
    if scene.drawn is not None:
        return scene.drawn(checked, seed)
    field = next((one for one in tab.fields if one.name == "seed" and "seed" in scene.fields), None)
    return {"seed": field.low + seed % (field.high - field.low + 1)} if isinstance(field, Whole) else {}


def task_of(tasks: Sequence[Json], id: str) -> Any:
    """The task of that id. Raises ``ValueError``."""
    for task in tasks:
        if task["id"] == id:
            return task
    raise ValueError(f"this view does not ask {id[:40]!r}")


def moved_from(base: View, now: View) -> bool:
    """Whether any input was moved. Raises ``ValueError`` where the step lets nobody move it."""
    if now.tab is not base.tab or now.step != base.step:
        raise ValueError("the answer was given at another step")
    moved = {name for name, value in now.inputs.items() if value != base.inputs[name]}
    if base.step and base.step != free_play(base.tab):
        lesson = lesson_of(base.tab, "en")
        held = moved - set(lesson[base.step - 1].controls) - set(base.tab.picks)
        if held:
            raise ValueError(f"the step does not let anybody move {', '.join(sorted(held))}")
    return bool(moved)


def is_right(task: Any, given: str, moved: bool) -> bool:
    """The rule of the page's own script (assets/view/page/question.js). Raises ``ValueError``."""
    kind = task["kind"]
    if kind == "goal":
        return bool(task["reached"]) and moved
    if kind == "point":
        places = given.split(",")
        if len(places) != 2 or not all(one.isascii() and one.isdigit() and len(one) < 6 for one in places):
            raise ValueError("a cell is its row and column, such as 0,2")
        return [int(one) for one in places] in task["cells"]
    if kind == "choice":
        if given not in [str(place) for place in range(len(task["options"]))]:
            raise ValueError(f"a choice is a number from 0 to {len(task['options']) - 1}, got {given[:40]!r}")
        return int(given) == task["answer"]
    return bool(abs(read_number(given).value - task["answer"]) <= task["tolerance"] + 1e-9)
