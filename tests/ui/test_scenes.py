"""The rooms of the page: a question costs one study, and a scene reads what it says it reads."""

from __future__ import annotations

import ast
import random
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from attention.ui import TABS
from attention.ui.page.fields import as_json, check_all, fields_of
from attention.ui.page.guard import Refusal
from attention.ui.page.panels import Heatmap, Later, Part
from attention.ui.page.players import Player
from attention.ui.page.questions import ask_export, ask_sheet, draw, draw_part
from attention.ui.page.scene import Place, Unready
from attention.ui.page.steps import lesson_of
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs import masks
from attention.ui.tabs.applications import classifier_study, classifier_training, reading, recommender_study
from attention.ui.tabs.decoder import parts
from attention.ui.tabs.heads import measures, runs
from attention.ui.tabs.kernel import fit, learned
from attention.ui.tabs.matchmaker import by_hand, trained
from attention.ui.tabs.model.copying import runs as circuits
from attention.ui.tabs.model.story import study as story_study
from tests.bench.learners import own_inputs
from tests.ui.views import packed

TAB = {tab.id: tab for tab in TABS}
masks_study = sys.modules[TAB["masks"].scenes[""].study.__module__]
positions = sys.modules[TAB["positions"].scenes[""].study.__module__]
story = sys.modules[story_study.__module__]
cost = {key: sys.modules[scene.study.__module__] for key, scene in TAB["cost"].scenes.items()}
why = sys.modules[TAB["model"].scenes["why"].study.__module__]
SCENES = [(tab.id, key) for tab in TABS for key in tab.scenes]


def switched(tab, key: str) -> dict[str, str]:
    """The inputs that lead to a scene."""
    return dict(zip(tab.switches, key.split(), strict=True)) if tab.switches else {}


# -- one question, one study ------------------------------------------------------------------------


def counted(tab, key: str):
    """The tab with a scene that counts its studies, and the list they are counted in."""
    scene, seen = tab.scenes[key], []

    def study(inputs):
        seen.append(inputs)
        return scene.study(inputs)

    return replace(tab, scenes=tab.scenes | {key: replace(scene, study=study)}), seen


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("id", "key"), SCENES)
def test_a_question_is_one_study(id, key, language):
    tab, seen = counted(TAB[id], key)
    view = draw(language, tab, {"inputs": switched(tab, key)})
    assert "error" not in view and len(seen) == 1
    request = {"inputs": view["inputs"], "row": 0, "column": 0}
    questions = {"sheet": ask_sheet, "export": ask_export}
    opening = [one["id"] for one in view["panels"] if one.get("opens") and "data" in one]
    for name, ask in questions.items():
        for panel in opening[:1]:
            seen.clear()
            answer = ask(language, tab, request | {"panel": panel, "format": "html"})
            own = [one for one in seen if as_json(one) == view["inputs"]]
            asking = [step for step in lesson_of(tab, language) if step.inputs == view["inputs"]]
            assert "error" not in answer and 1 <= len(own) <= 1 + len(asking), name  # a saved page asks too
    for part in tab.scenes[key].parts:
        seen.clear()
        assert "error" not in draw_part(language, tab, part, request) and len(seen) == 1, part


# what costs time, where a scene calls it, and how often for one view: each call asks for something else
COSTLY = {
    ("matchmaker", "steps"): [(by_hand, "forward_steps", 1)],
    ("matchmaker", "training"): [(trained, "train_dating", 1)],
    ("kernel", "average"): [(fit, "average_pooling", 1)],
    ("kernel", "bandwidth"): [(fit, "nadaraya_watson", 4)],  # queries, points, others, an exercise's width
    ("kernel", "learned"): [(learned, "train_widths", 1)],  # apart and itself
    # without a mask, with it, an exercise's causal one
    ("masks", ""): [(masks_study, "attend_batch", 2), (masks, "attend_batch", 1)],
    ("heads", "overview"): [(runs, "run", 1)],
    ("heads", "touch"): [(runs, "run", 1)],  # nothing is changed yet
    ("heads", "understand"): [(runs, "run", 1), (measures, "roles", 1), (measures, "statistics", 1)],
    ("positions", ""): [(positions, "shuffle_experiment", 2)],  # with no positions, and an exercise's
    ("decoder", "translate"): [(parts, "translate", 4)],  # three kinds, and an exercise's date
    ("decoder", "train"): [(parts, "translate", 1)],  # for what it could not read
    ("applications", "classifier use"): [
        (classifier_study, "classify", 1),
        (reading, "classify", 1),
    ],  # as learned, and an exercise's even one
    ("applications", "classifier train"): [(classifier_training, "classify", 1)],
    ("applications", "recommender use"): [(recommender_study, "recommend", 1)],
    ("cost", "tiles"): [(cost["tiles"], "tile_steps", 1)],
    ("cost", "window"): [(cost["window"], "read", 3)],  # the stories in all settings, examples in two
    ("cost", "linear"): [(cost["linear"], "recover", 1), (cost["linear"], "linear_steps", 2)],
    ("applications", "recommender train"): [],  # nothing before the first chunk
    ("model", "copy"): [(circuits, "record", 1)],  # the control waits until the page asks
    ("model", "story"): [(story, "write", 1)],
    # both sentences; the chosen head replaced, and silent; all heads replaced, and silent
    ("model", "why"): [
        (why, "run", 2),
        (why, "patch", 2),
        (why, "patch_grid", 2),
        (why, "logit_parts", 1),
        (why, "lens", 1),
        (why, "score_parts", 1),
        (why, "walk", 1),
    ],
    # with a cache, step by step; without, by one pass
    ("cost", "cache"): [(cost["cache"], "keep_ledger", 1), (cost["cache"], "reread", 1)],
    ("cost", "share"): [
        (cost["share"], "run_forms", 1),  # six sizes and five ranks in one pass
        (cost["share"], "run_texts", 2),  # three other sentences, as it is and as chosen
        (cost["share"], "rotary_proof", 1),
    ],
}


def told_apart(value) -> object:
    """Something equal for equal arguments: tensors by their numbers."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), value.flatten().tolist()
    if isinstance(value, dict):
        return {name: told_apart(one) for name, one in value.items()}
    if isinstance(value, torch.nn.Module):
        return id(value)
    return [told_apart(one) for one in value] if isinstance(value, list | tuple) else repr(value)


def watch(monkeypatch, where, name: str) -> list:
    """The arguments that ``where.name`` is called with from now on."""
    real: Callable = getattr(where, name)
    calls: list = []

    def call(*arguments, **named):
        calls.append(told_apart((arguments, named)))
        return real(*arguments, **named)

    monkeypatch.setattr(where, name, call)
    return calls


def forget(monkeypatch) -> None:
    """Nothing is known from an earlier question."""
    monkeypatch.setattr(runs, "_kept", OrderedDict())
    monkeypatch.setattr(circuits, "_kept", OrderedDict())
    for remembered in (parts.written, learned._train, trained._train,
                       cost["cache"]._of_small, cost["cache"]._of_large,
                       cost["share"].others_of, cost["share"].answers_of, cost["share"].proof,
                       cost["window"].accuracy):  # fmt: skip
        remembered.cache_clear()


def test_every_scene_says_what_it_costs():
    assert set(COSTLY) == set(SCENES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("id", "key"), SCENES)
def test_a_view_computes_nothing_twice(monkeypatch, id, key, language):
    forget(monkeypatch)
    watched = {name: (watch(monkeypatch, where, name), count) for where, name, count in COSTLY[id, key]}
    assert "error" not in draw(language, TAB[id], {"inputs": switched(TAB[id], key)})
    for name, (calls, count) in watched.items():
        assert len(calls) == count, name
        assert all(calls[i] != calls[j] for i in range(count) for j in range(i)), f"{name}: the same again"


def test_a_changed_head_is_one_pass_with_the_unchanged_and_another_head_none(monkeypatch):
    forget(monkeypatch)
    alone, together = watch(monkeypatch, runs, "run"), watch(monkeypatch, runs, "run_together")
    inputs = {"look": "touch", "knock_out": "3.1"}
    for language, asked in (("en", inputs), ("en", inputs | {"head": 5}), ("zh", inputs | {"layer": 2})):
        assert "error" not in draw(language, TAB["heads"], {"inputs": asked})
        assert (len(alone), len(together)) == (0, 1)


def test_another_head_has_answers_of_its_own():
    """What is remembered of a run is remembered by head: the first answer is that head's own weights."""
    for layer, head in ((3, 1), (3, 2), (2, 1)):
        request = {"inputs": {"look": "understand", "layer": layer, "head": head, "token": 9}}
        [_, answers] = draw_part("en", TAB["heads"], "answers", request)["panels"]
        opened = draw_part("en", TAB["heads"], "head", request)["panels"]
        weights = packed(next(one for one in opened if one["id"] == "weights")["data"])
        assert np.isin(packed(answers["data"])[:, 0], weights[9]).all()


# -- a scene reads what it declares -----------------------------------------------------------------


def recording(tab, values):
    """Checked inputs that note which of them are read, and the set of their names."""
    names, read = {one.name for one in tab.fields}, set()

    class Recorded(tab.inputs):
        def __getattribute__(self, name):
            if name in names:
                read.add(name)
            return super().__getattribute__(name)

    checked = check_all(tab.id, tab.inputs, values)
    return Recorded(**as_json(checked)), read


def everything(scene, inputs, words) -> None:
    """All that a scene can be asked for these inputs."""
    study = scene.study(inputs)
    panels = [*scene.panels(study, words)]
    for name, part in scene.parts.items():
        if any(isinstance(one, Later) and one.id == name for one in panels):
            panels += part(study, words) or []
    for panel in (one.panel if isinstance(one, Part) else one for one in panels):
        panel.encode()
        if isinstance(panel, Heatmap | Player):
            try:
                scene.sheet(study, words, Place(panel.id, 0, 0, "0" if isinstance(panel, Player) else ""))
            except Refusal:  # a picture none of whose cells open
                pass
    scene.snippet(study), scene.results(study), scene.tasks(study, words), scene.notices(study, words)
    if scene.trainer is not None:
        assert scene.trainer.steps(inputs) > 0
        state = scene.trainer.advance(inputs, None, 1, words).state
        scene.trainer.sheet(inputs, state, words, Place("training", 0, 0))


def tries(tab, key: str):
    """What a scene is tried with: as it opens, its examples, and inputs drawn for every field."""
    yield switched(tab, key)
    for _, changes in tab.examples:
        if all(changes.get(name, value) == value for name, value in switched(tab, key).items()):
            yield dict(changes) | switched(tab, key)
    for seed in range(4):
        yield own_inputs(tab, random.Random(seed), f"try{seed}") | switched(tab, key)


@pytest.mark.parametrize(("id", "key"), SCENES)
def test_a_scene_reads_only_what_it_declares(id, key):
    tab = TAB[id]
    allowed, met = {*tab.scenes[key].fields, *tab.switches}, 0
    for values in tries(tab, key):
        if {values.get("model"), values.get("ranked")} & runs_elsewhere():
            continue
        inputs, read = recording(tab, values)
        try:
            everything(tab.scenes[key], inputs, words_for("en"))
            met += 1
        except Unready:
            pytest.fail("the model is not there")
        except Refusal:  # inputs that are fine alone and do not fit together
            pass
        assert read <= allowed, (sorted(read - allowed), values)
    assert met >= 3


def runs_elsewhere() -> set[str]:
    """Models that this machine may not have."""
    return set(next(one for one in TAB["heads"].fields if one.name == "model").options) - {"minilm"}


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_every_field_belongs_to_a_scene_and_every_scene_names_fields(tab):
    names = {one.name for one in fields_of(tab.inputs)}
    assert names == {one.name for one in fields(tab.inputs)}
    declared = [set(scene.fields) for scene in tab.scenes.values()]
    assert set().union(*declared) | set(tab.switches) == names
    assert not any(each & set(tab.switches) for each in declared)
    assert set(tab.switches) | set(tab.picks) <= names


# -- every scene has its door -----------------------------------------------------------------------


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_the_switches_lead_to_every_scene_and_nowhere_else(tab):
    options = {one.name: one.options for one in tab.fields if one.name in tab.switches}
    assert list(tab.scenes) and {*map(" ".join, product(*(options[name] for name in tab.switches)))} == {
        *tab.scenes
    }
    for key, scene in tab.scenes.items():
        assert tab.scene_of(check_all(tab.id, tab.inputs, switched(tab, key))) is scene


def imported(module: str) -> set[str]:
    """The modules that a module's text imports to run, by full name; those of a type's name left out."""
    file = Path(sys.modules[module].__file__)
    package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    tree = ast.parse(file.read_text("utf-8"))
    tree.body = [
        one for one in tree.body if not (isinstance(one, ast.If) and "TYPE_CHECKING" in ast.unparse(one.test))
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base += node.module.split(".") if node.module else []
            found |= {".".join(base), *(".".join([*base, one.name]) for one in node.names)}
    return found


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_no_scene_leans_on_another_scene(tab):
    """Not by way of a module between them either."""
    home = f"attention.ui.tabs.{tab.id}"
    modules = {scene.panels.__module__ for scene in tab.scenes.values()}
    assert all(module.startswith(home) for module in modules)
    for module in modules - {home}:
        seen, waiting = set(), {module}
        while waiting:
            one = waiting.pop()
            seen.add(one)
            waiting |= {name for name in imported(one) if name in sys.modules and name.startswith(home + ".")}
            waiting -= seen
        assert not (seen - {module}) & modules, (module, seen)
