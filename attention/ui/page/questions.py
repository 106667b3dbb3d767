"""What the page and programs ask, and how every tab answers: one way for all scenes.

inputs -> checked -> the scene's study, computed once -> pictures, sheet, file or results. Everything
here is a pure function of its arguments, so any replica answers any question; no event uses the
queue. A question comes as {"inputs": {...}, ...}; an error is told in one sentence (``guard.told``).
"""

from __future__ import annotations

import base64
import binascii
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from . import link
from .exports import export, notes_of, trained, trained_files
from .fields import as_json, check_all
from .guard import Json, Refusal, answer, inputs_of, question_of, told, whole
from .hand import blanked, paper
from .panels import Later, Panel, Part
from .saved import above, below, sheets_of
from .scene import Place, Scene, Tab, Trainer, Unready
from .sheet import Sheet
from .steps import base_of, free_play, lesson_of
from .texts import words_for
from .view import to_html

LARGEST = 9_999  # row or column of a cell that is asked about
RETRY = 2.0  # seconds after which a training asks again when all places are taken
PATIENCE = 25.0  # seconds a program waits for a model
AnyTab = Tab[Any]


def view_of(tab: AnyTab, language: str, values: Mapping[str, object], step: int = 0) -> Json:
    """The view of a tab for these inputs, as the page draws it; step: of its lesson, 0 for none.

    Raises ``Refusal`` for an input that breaks a rule.
    """
    inputs, words = check_all(tab.id, tab.inputs, values), words_for(language)
    scene = tab.scene_of(inputs)
    try:
        study = scene.study(inputs)
    except Unready as unready:
        return framed(tab, language, inputs, [unready.panel(words)], unready.code, step)
    return encoded(tab, language, inputs, study, scene.panels(study, words), step)


def encoded(
    tab: AnyTab, language: str, inputs: Any, study: Any, panels: Sequence[Panel], step: int = 0
) -> Json:
    """These panels of a study with everything around them, as JSON."""
    scene, words = tab.scene_of(inputs), words_for(language)
    plain: Json = {}
    if scene.plain is not None:
        program = scene.plain(study)
        plain = {"plain": program, "files": trained_files(program)}
    return (
        framed(tab, language, inputs, panels, scene.snippet(study), step)
        | plain
        | {
            "notices": list(scene.notices(study, words)),
            "tasks": [task.encode() for task in scene.tasks(study, words)],
        }
    )


def framed(tab: AnyTab, language: str, inputs: Any, panels: Sequence[Panel], code: str, step: int) -> Json:
    """Panels and a snippet as a view, without notices or exercises."""
    given = as_json(inputs)
    address = partial(link.write, tab.id, tab.fields, given, base=base_of(tab, step))
    bare = step == free_play(tab) and address() != link.write(tab.id, tab.fields, as_json(tab.inputs()))
    return {
        "tab": tab.id, "language": language, "inputs": given, "step": step,
        "link": address(step=0 if bare else step),  # a link with inputs opens free play as it is
        "panels": [panel.encode() for panel in panels], "code": code, "notices": [], "tasks": [],
    }  # fmt: skip


def studied(tab: AnyTab, request: object) -> tuple[Any, Scene[Any, Any], Any]:
    """The checked inputs of a question, their scene, and its study."""
    inputs = check_all(tab.id, tab.inputs, inputs_of(request))
    scene = tab.scene_of(inputs)
    return inputs, scene, scene.study(inputs)


@told
def draw(language: str, tab: AnyTab, request: object) -> Json:
    """{"inputs", "step", "linked"} -> the view. linked: a link has set the inputs (:func:`linked_view`)."""
    values, step = inputs_of(request), step_of(tab, request)
    if question_of(request).get("linked") is not True:
        return view_of(tab, language, values, step)
    view, said = linked_view(tab, language, values, step)
    return view | {"mended": said} if said else view


def linked_view(tab: AnyTab, language: str, values: Mapping[str, object], step: int = 0) -> tuple[Json, str]:
    """The view of what a link names, and in words what of it did not fit, "" where all did."""
    words, base = words_for(language), as_json(tab.inputs()) | dict(base_of(tab, step))
    view, met = link.mended(tab.id, values, base, lambda some: view_of(tab, language, some, step))
    return view, " ".join([words("app.unfit_link"), *(one.sentence(words) for one in met)]) if met else ""


def step_of(tab: AnyTab, request: object) -> int:
    """The step of the lesson that a question comes from, 0 for none."""
    return whole(question_of(request).get("step", 0), free_play(tab))


@told
def ask_lesson(language: str, tab: AnyTab, request: object) -> Json:
    """The lesson of a tab: its steps, free play apart."""
    return {"steps": [step.encode() for step in lesson_of(tab, language)]}


@told
def draw_part(language: str, tab: AnyTab, name: str, request: object) -> Json:
    """{"inputs"} -> the view with the panels of one part alone; those of other parts stay.

    everything: the whole view had to be drawn again.
    """
    inputs, scene, study = studied(tab, request)
    if name not in scene.parts:
        raise Refusal("bad_request")
    panels = scene.parts[name](study, words_for(language))
    whole_view = panels is None
    if panels is None:
        panels = scene.panels(study, words_for(language))
    step = step_of(tab, request)
    return encoded(tab, language, inputs, study, panels, step) | {"everything": whole_view}


@told
def ask_sheet(language: str, tab: AnyTab, request: object) -> Json:
    """{"inputs", "panel", "row", "column"} -> the arithmetic of one cell."""
    return _sheet(tab, request, language).encode()


def _sheet(tab: AnyTab, request: object, language: str) -> Sheet:
    """The sheet of the cell that a question names."""
    asked = question_of(request)
    panel = asked.get("panel")
    if not isinstance(panel, str):
        raise Refusal("bad_request")
    name, _, frame = panel.partition("@")
    place = Place(name, whole(asked.get("row"), LARGEST), whole(asked.get("column"), LARGEST), frame)
    _, scene, study = studied(tab, request)
    return scene.sheet(study, words_for(language), place)


@told
def ask_hand(language: str, tab: AnyTab, request: object) -> Json:
    """By hand: {"inputs", "panel", "row", "column", "seed", "given"} -> that sheet with blanks, marked.

    {"paper", "seed", "given"}: a drawn sheet in its place. "reveal": with the answers.
    """
    asked, words = question_of(request), words_for(language)
    if "paper" in asked:
        return paper(asked, words)
    return blanked(_sheet(tab, request, language), asked, words)


@told
def ask_export(language: str, tab: AnyTab, request: object) -> Json:
    """{"inputs", "panel", "format"} -> {"name", "type", "base64"}, a file for the learner."""
    inputs, scene, study = studied(tab, request)
    asked = question_of(request)
    if asked.get("format") == "safetensors":
        return trained(scene.plain(study) if scene.plain is not None else "", asked.get("panel"))
    panels = complete(scene, study, language)
    bare = [one.panel if isinstance(one, Part) else one for one in panels]
    notes = notes_of(tab, scene, inputs, language, asked.get("address"))
    *_, address = notes

    def page() -> str:
        taken = {"sheets": sheets_of(scene, study, bare, words_for(language)), "home": address}
        head = above(tab, scene, inputs, language)
        foot = below(tab, scene, study, language, address)
        return to_html(encoded(tab, language, inputs, study, panels) | taken, head, foot)

    return export(tab.id, bare, page, asked.get("panel"), asked.get("format"), notes)


def complete(scene: Scene[Any, Any], study: Any, language: str) -> list[Panel]:
    """Every panel of a study, those included that the page asks for later."""
    words = words_for(language)
    panels: list[Panel] = []
    waiting = list(scene.panels(study, words))
    while waiting:
        panel = waiting.pop(0)
        if isinstance(panel, Later):
            waiting[:0] = scene.parts[panel.id](study, words) or []
        else:
            panels.append(panel)
    return panels


@told
def train(language: str, tab: AnyTab, request: object) -> Json:
    """One chunk of a training: {"inputs", "state", "step"} -> the next state and what it did."""
    inputs, trainer, state = _training(tab, request)
    steps = trainer.steps(inputs)
    left = steps - whole(question_of(request).get("step"), steps - 1)
    with _state_trouble():
        carried = trainer.advance(inputs, state, min(trainer.chunk, left), words_for(language))
    return {"state": base64.b64encode(carried.state).decode()} | carried.shown


@told
def ask_trained(language: str, tab: AnyTab, request: object) -> Json:
    """A weight of a training: {"inputs", "state", "row", "column"} -> its arithmetic."""
    inputs, trainer, state = _training(tab, request)
    asked = question_of(request)
    place = Place("training", whole(asked.get("row"), LARGEST), whole(asked.get("column"), LARGEST))
    if state is None:
        raise Refusal("bad_request")
    with _state_trouble():
        return trainer.sheet(inputs, state, words_for(language), place).encode()


def _training(tab: AnyTab, request: object) -> tuple[Any, Trainer[Any], bytes | None]:
    """The checked inputs of a question to a training, its trainer, and the state's bytes.

    The inside of a state is checked by the chapter; None begins.
    """
    inputs = check_all(tab.id, tab.inputs, inputs_of(request))
    trainer, state = tab.scene_of(inputs).trainer, question_of(request).get("state")
    if trainer is None:
        raise Refusal("bad_request")
    if state is None:
        return inputs, trainer, None
    if not isinstance(state, str) or len(state) > trainer.limit * 4 // 3 + 4:
        raise Refusal("bad_request")
    try:
        return inputs, trainer, base64.b64decode(state, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("training_state") from None


@contextmanager
def _state_trouble() -> Iterator[None]:
    """A changed state or a run that diverged, in the page's words; when busy, when to ask again."""
    try:
        yield
    except Refusal as refused:
        if refused.key == "busy":
            raise Refusal("busy", retry=RETRY) from None
        raise
    except ValueError as error:
        raise Refusal("training_state") from error


def server_functions(tab: AnyTab, language: str) -> dict[str, Callable[[object], Json]]:
    """Everything a tab's view may ask, by name."""
    scenes = tab.scenes.values()
    functions: dict[str, Callable[[object], Json]] = {
        "draw": partial(draw, language, tab),
        "sheet": partial(ask_sheet, language, tab),
        "hand": partial(ask_hand, language, tab),
        "export": partial(ask_export, language, tab),
    }
    if lesson_of(tab, language):
        functions["lesson"] = partial(ask_lesson, language, tab)
    for name in sorted({name for scene in scenes for name in scene.parts}):
        functions[name] = partial(draw_part, language, tab, name)
    if any(scene.trainer is not None for scene in scenes):
        functions |= {"train": partial(train, language, tab), "cell": partial(ask_trained, language, tab)}
    return functions


def endpoint(tab: AnyTab) -> Callable[..., Json]:
    """The tab's computation as a documented function: its fields are the parameters."""
    words = words_for("en")

    def results(values: Mapping[str, object]) -> Json:
        inputs = check_all(tab.id, tab.inputs, values)
        scene = tab.scene_of(inputs)
        scene.ready(inputs, PATIENCE)
        return scene.results(scene.study(inputs))

    def call(*arguments: Any, **values: Any) -> Json:
        names = [field.name for field in tab.fields]
        return answer("en", results, dict(zip(names, arguments, strict=False)) | values)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(field.name, kind, default=field.default, annotation=field.kind)
        for field in tab.fields
    ]
    call.__name__ = tab.id
    call.__signature__ = inspect.Signature(parameters, return_annotation=dict)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": dict}
    lines = [f"    {f.name}: {words(f'{tab.id}.{f.name}')}. {f.limits}" for f in tab.fields]
    call.__doc__ = words(f"{tab.id}.api") + "\n\nArgs:\n" + "\n".join(lines)
    return call
