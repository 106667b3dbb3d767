"""A tab is a few scenes, and a scene is one way through: inputs -> study -> everything shown.

``study`` computes once what the inputs ask for; pictures, sheet, snippet, exercises, notices and
results only read it. A scene is made of plain functions, one file or folder each; no scene imports
another, and nobody asks which mode a tab is in: :meth:`Tab.scene_of` looks it up by the inputs that
tell (``switches``), which are the scene's place in a link.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .fields import Field, Inputs, as_json, fields_of
from .guard import Json, Refusal
from .panels import Panel
from .sheet import Sheet
from .texts import Words

I = TypeVar("I", bound=Inputs)  # noqa: E741  (a tab's inputs)
S = TypeVar("S")  # a scene's study


@dataclass(frozen=True)
class Task:
    """A question with a computed answer: commit, then look. hides: ids of panels that would give it away.

    A choice where there are ``options`` (``answer`` is the index of the right one), else a number that
    may be off by ``tolerance``; with ``bar`` (low, high) it is dragged along a bar instead of typed.
    cell: (panel, row, column) of the number asked for, where the guess stays beside the truth.
    """

    id: str
    question: str
    answer: float
    why: str
    options: Sequence[str] | None = None
    tolerance: float = 0.0
    unit: str = ""
    hides: Sequence[str] = ()
    bar: tuple[float, float] | None = None
    cell: tuple[str, int, int] | None = None

    def encode(self) -> Json:
        task: Json = {"id": self.id, "question": self.question, "answer": self.answer, "why": self.why}
        if self.options is None:
            task |= {"kind": "number", "tolerance": self.tolerance}
        else:
            task |= {"kind": "choice", "options": list(self.options)}
        if self.unit:
            task["unit"] = self.unit
        if self.hides:
            task["hides"] = list(self.hides)
        if self.bar:
            task["bar"] = list(self.bar)
        if self.cell:
            task["cell"] = list(self.cell)
        return task


@dataclass(frozen=True)
class Point:
    """A question answered by opening a cell of ``panel``: any of ``cells`` (row, column) is right."""

    id: str
    question: str
    panel: str
    cells: Sequence[tuple[int, int]]
    why: str
    hides: Sequence[str] = ()

    def encode(self) -> Json:
        cells = [list(cell) for cell in self.cells]
        return {"kind": "point", "id": self.id, "question": self.question, "panel": self.panel,
                "cells": cells, "why": self.why, "hides": list(self.hides)}  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """Something to make happen with the inputs: whether these inputs reach it, and how far they are.

    now: the state in words, such as "Ann gets 0.82 of 0.99".
    """

    id: str
    question: str
    reached: bool
    now: str
    why: str

    def encode(self) -> Json:
        return {"kind": "goal", "id": self.id, "question": self.question, "reached": self.reached,
                "now": self.now, "why": self.why}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A cell that was asked about. frame: what follows "@" in the panel's id, "" for nothing."""

    panel: str
    row: int
    column: int
    frame: str = ""

    def within(self, rows: int, columns: int) -> Place:
        """This place, if a matrix of that shape has it; raises ``Refusal`` otherwise."""
        if self.row >= rows or self.column >= columns:
            raise Refusal("no_such_cell")
        return self


class Unready(Refusal):
    """A study waits for what is on its way, or could not be had: ``why`` in words.

    The view shows ``panel`` in place of its pictures, and ``code`` beside it.
    """

    def __init__(self, why: Refusal, panel: Callable[[Words], Panel], code: str) -> None:
        super().__init__(why.key, **why.values)
        self.panel, self.code = panel, code


def no_sheet(study: Any, words: Words, place: Place) -> Sheet:
    """Of a scene none of whose cells open."""
    raise Refusal("no_such_cell")


def at_once(inputs: Any, seconds: float | None) -> None:
    """Of a scene that needs nothing that is on its way."""


def nothing(study: Any, words: Words) -> Sequence[Any]:
    """Of a scene without exercises, or without anything to notice."""
    return ()


@dataclass(frozen=True)
class Carried:
    """One chunk of a training: the state that the page carries on, and what the chunk did."""

    state: bytes
    shown: Json


@dataclass(frozen=True)
class Trainer(Generic[I]):
    """A training that goes on in chunks of about a second; between them the page carries its state.

    steps: of the whole run. advance: (inputs, state or None to begin, steps of this chunk, words).
    sheet: the arithmetic of a weight of the state. limit: the longest state in bytes.
    """

    chunk: int
    steps: Callable[[I], int]
    advance: Callable[[I, bytes | None, int, Words], Carried]
    sheet: Callable[[I, bytes, Words, Place], Sheet]
    limit: int


@dataclass(frozen=True, kw_only=True)
class Scene(Generic[I, S]):
    """One mode of a tab, as functions of its study.

    fields: names of the inputs it reads, its switches apart. results: plain numbers for the API. plain: a
    program of PyTorch alone that prints what ``snippet`` prints, "" where there is none.
    tasks: what the lesson's steps and the exercises ask. parts: pictures that the page asks for by
    themselves, by name, each the answer to a ``Later`` panel; None: draw the whole view again. ready:
    waits for what a study needs, so many seconds or (None) as long as it takes; for programs and
    notebooks, which do not ask again as the page does. drawn: (inputs, seed) -> inputs whose numbers are
    drawn from the seed, for learners who get numbers of their own; None: the input ``seed`` is set.
    """

    fields: tuple[str, ...]
    study: Callable[[I], S]
    panels: Callable[[S, Words], Sequence[Panel]]
    snippet: Callable[[S], str]
    results: Callable[[S], Json]
    sheet: Callable[[S, Words, Place], Sheet] = no_sheet
    tasks: Callable[[S, Words], Sequence[Task | Point | Goal]] = nothing
    notices: Callable[[S, Words], Sequence[str]] = nothing
    parts: Mapping[str, Callable[[S, Words], Sequence[Panel] | None]] = field(default_factory=dict)
    ready: Callable[[I, float | None], None] = at_once
    trainer: Trainer[I] | None = None
    plain: Callable[[S], str] | None = None
    drawn: Callable[[I, int], Mapping[str, object]] | None = None


@dataclass(frozen=True, kw_only=True)
class Tab(Generic[I]):
    """A few scenes over the same inputs. ``id`` names it in links, words, lessons and the API.

    scenes: by the values of ``switches``, joined with a blank ("" where there is one scene).
    examples: (name, changed inputs); the name is looked up in the tab's words. picks: names of the
    inputs that a click in a picture may set. layout: its own arrangement of the widgets. slow:
    the first picture may take seconds, since a model has to be loaded.
    """

    id: str
    inputs: type[I]
    scenes: Mapping[str, Scene[I, Any]]
    switches: tuple[str, ...] = ()
    examples: Sequence[tuple[str, Mapping[str, object]]] = ()
    picks: tuple[str, ...] = ()
    layout: Callable[..., None] | None = None
    slow: bool = False

    @property
    def fields(self) -> tuple[Field[Any], ...]:
        return fields_of(self.inputs)

    def scene_of(self, inputs: I) -> Scene[I, Any]:
        """The scene that these inputs are in."""
        given = as_json(inputs)
        return self.scenes[" ".join(str(given[name]) for name in self.switches)]
