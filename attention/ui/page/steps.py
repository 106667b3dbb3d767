"""A tab's lesson: numbered steps, then free play. Text files that a teacher can edit.

``assets/tabs/NAME/steps.LANGUAGE.md`` holds the steps, each begun by its title:

    ## Who wins?
    set: temperature=1&scale=0
    controls: temperature
    panels: weights
    cells: weights.0.0
    task: first
    hint: Divide Ann's numerator by the sum of all three.

    What the step says, a formula at most.

``set`` is written as a link is, and what it does not name stands on its default; ``controls``, ``panels``
and ``cells`` are all that is in sight or marked; ``task`` names a question of the scene, whose answer is
computed; ``solve``, for a question of the kind "make it happen", is one way to do so. A mistake in a file
raises ``ValueError`` with the file and the step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import link
from .fields import as_json, check_all
from .guard import Json, Refusal
from .scene import Tab
from .texts import TABS

KEYS = ("set", "controls", "panels", "cells", "task", "solve", "hint")
LINE = re.compile(r"^(\w+):[ \t]*(.*)$")
CELL = re.compile(r"([\w-]+(?:@\d+)?)\.(\d+)\.(\d+)")
Lesson = tuple["Step", ...]


@dataclass(frozen=True)
class Step:
    """One step. inputs: all of the tab's; solve: inputs that reach its goal, None where it has none."""

    title: str
    text: str
    inputs: Json
    controls: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    cells: tuple[tuple[str, int, int], ...] = ()
    task: str = ""
    solve: Json | None = field(default=None, repr=False)
    hint: str = ""

    def encode(self) -> Json:
        return {
            "title": self.title, "text": self.text, "inputs": self.inputs,
            "controls": list(self.controls), "panels": list(self.panels),
            "cells": [list(cell) for cell in self.cells], "task": self.task, "hint": self.hint,
        }  # fmt: skip


_lessons: dict[tuple[str, str], Lesson] = {}  # by tab and language; the files do not change while it runs


def lesson_of(tab: Tab[Any], language: str) -> Lesson:
    """The steps of a tab in a language, () where it has no lesson yet."""
    key = tab.id, language
    if key not in _lessons:
        path = TABS / tab.id / f"steps.{language}.md"
        _lessons[key] = read(tab, path) if path.exists() else ()
    return _lessons[key]


def read(tab: Tab[Any], path: Path) -> Lesson:
    """The steps of a file, checked against the tab's fields. Raises ``ValueError``."""
    parts = re.split(r"^## +", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return tuple(_step(tab, part, f"{path.name} of {tab.id}, step {n}") for n, part in enumerate(parts, 1))


def _step(tab: Tab[Any], part: str, where: str) -> Step:
    title, _, rest = part.partition("\n")
    given: dict[str, str] = {}
    lines = rest.strip("\n").split("\n")
    while lines and (found := LINE.match(lines[0])) and found[1] in KEYS:
        given[found[1]] = found[2].strip()
        lines.pop(0)
    names = tuple(_list(given.get("controls", "")))
    unknown = set(names) - {one.name for one in tab.fields}
    if unknown:
        raise ValueError(f"{where}: no such control: {', '.join(sorted(unknown))}")
    cells = []
    for cell in _list(given.get("cells", "")):
        if not (at := CELL.fullmatch(cell)):
            raise ValueError(f"{where}: a cell is panel.row.column, got {cell!r}")
        cells.append((at[1], int(at[2]), int(at[3])))
    text = "\n".join(lines).strip()
    if not title.strip() or not text:
        raise ValueError(f"{where}: a step needs a title and a text")
    inputs = _inputs(tab, given.get("set", ""), {}, where)
    solve = _inputs(tab, given["solve"], inputs, where) if "solve" in given else None
    return Step(
        title.strip(), text, inputs, names, tuple(_list(given.get("panels", ""))), tuple(cells),
        given.get("task", ""), solve, given.get("hint", ""),
    )  # fmt: skip


def _list(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _inputs(tab: Tab[Any], query: str, base: Mapping[str, object], where: str) -> Json:
    """The tab's inputs, written as in a link, laid over ``base`` (else the defaults)."""
    values, odd = link.values(query, tab.fields, base)
    if odd:
        raise ValueError(f"{where}: {', '.join(odd)} cannot be set so")
    try:
        return as_json(check_all(tab.id, tab.inputs, values))
    except Refusal as refused:
        raise ValueError(f"{where}: {refused.key} {refused.values}") from None


def begins_at(tab: Tab[Any], step: str | None, named: bool) -> int:
    """The step that a link opens: 1 where it names no step and no input, else free play (the last).

    step: as the link has it, None for none. named: whether the link names inputs. 0: no lesson.
    """
    count = len(lesson_of(tab, "en"))
    if not count:
        return 0
    if step is None:
        return count + 1 if named else 1
    return min(int(step), count + 1) if re.fullmatch(r"[1-9]\d?", step) else count + 1


def free_play(tab: Tab[Any]) -> int:
    """The number of the last step, where everything may be moved; 0 without a lesson."""
    return begins_at(tab, None, True)


def base_of(tab: Tab[Any], step: int) -> Mapping[str, object]:
    """The inputs that a step begins with; of free play nothing but the defaults."""
    lesson = lesson_of(tab, "en")
    return lesson[step - 1].inputs if 0 < step <= len(lesson) else {}
