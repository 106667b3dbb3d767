"""Every step of every lesson: its settings are legal, it asks of what it shows, its answer is computed."""

from __future__ import annotations

import re
from functools import cache

import pytest

from attention.ui import TABS
from attention.ui.page import link
from attention.ui.page.fields import check_all
from attention.ui.page.questions import ask_lesson, view_of
from attention.ui.page.steps import base_of, begins_at, free_play, lesson_of, read
from attention.ui.page.texts import LANGUAGES

TAB = {tab.id: tab for tab in TABS}
LESSONS = [tab for tab in TABS if lesson_of(tab, "en")]
STEPS = [(tab.id, n) for tab in LESSONS for n in range(1, len(lesson_of(tab, "en")) + 1)]
FORMULA = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)


@cache
def drawn(id: str, n: int, language: str):
    """The view of a step, once what it needs is there."""
    tab = TAB[id]
    step = lesson_of(tab, language)[n - 1]
    inputs = check_all(tab.id, tab.inputs, step.inputs)
    tab.scene_of(inputs).ready(inputs, None)
    return step, view_of(tab, language, step.inputs, n)


def asked(id: str, n: int, language: str):
    """The question of a step as the page gets it, None for none."""
    step, view = drawn(id, n, language)
    return next((task for task in view["tasks"] if task["id"] == step.task), None)


@pytest.mark.parametrize("tab", LESSONS, ids=lambda tab: tab.id)
def test_a_lesson_has_four_to_eight_steps_alike_in_both_languages(tab):
    first, second = (lesson_of(tab, language) for language in LANGUAGES)
    assert 4 <= len(first) <= 8
    for one, other in zip(first, second, strict=True):
        for part in ("inputs", "controls", "panels", "cells", "task", "solve"):
            assert getattr(one, part) == getattr(other, part), part
        assert bool(one.hint) == bool(other.hint)
        assert one.text != other.text and one.title != other.title


@pytest.mark.parametrize("tab", LESSONS, ids=lambda tab: tab.id)
def test_a_step_is_short(tab):
    for step in lesson_of(tab, "en"):
        assert len(FORMULA.sub(" ", step.text).split()) <= 60, step.title
    for step in lesson_of(tab, "zh"):
        assert len(re.findall(r"[\u4e00-\u9fff]", step.text)) <= 130, step.title
    for language in LANGUAGES:
        for step in lesson_of(tab, language):
            assert len(FORMULA.findall(step.text)) <= 1, step.title


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("id", "n"), STEPS)
def test_a_step_asks_of_what_it_shows(id, n, language):
    step, view = drawn(id, n, language)
    shown = {panel["id"]: panel for panel in view["panels"]}
    assert set(step.panels) <= set(shown), (set(step.panels) - set(shown), sorted(shown))
    for panel, row, column in step.cells:
        matrix = shown[panel.split("@")[0]]
        assert not step.panels or panel.split("@")[0] in step.panels
        if "data" in matrix:
            rows, columns = matrix["data"]["shape"][:2]
            assert row < rows and column < columns
    if not step.task:
        return
    task = asked(id, n, language)
    assert task is not None, (step.task, [one["id"] for one in view["tasks"]])
    in_sight = set(step.panels) or set(shown)
    later = {one["ask"] for one in view["panels"] if one["kind"] == "later"}  # their panels come afterwards
    assert later or set(task.get("hides", ())) <= set(shown)
    if task["kind"] == "point":
        assert task["panel"] in in_sight and task["panel"] not in task["hides"] and task["cells"]
    if task["kind"] == "choice":
        assert 0 <= task["answer"] < len(task["options"])
    assert task["question"].strip() and task["why"].strip()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("id", "n"), STEPS)
def test_a_step_does_not_tell_its_own_answer(id, n, language):
    step, task = lesson_of(TAB[id], language)[n - 1], asked(id, n, language)
    if task is None or task["kind"] != "number" or abs(task["answer"] - round(task["answer"])) < 0.005:
        return  # a whole number may well stand there
    told = f"{step.title} {step.text} {step.hint}"
    for digits in (1, 2, 3, 4):
        assert f"{task['answer']:.{digits}f}" not in told, (digits, told)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("id", "n"), STEPS)
def test_a_goal_is_not_reached_at_first_and_can_be(id, n, language):
    step, task = lesson_of(TAB[id], language)[n - 1], asked(id, n, language)
    if task is None or task["kind"] != "goal":
        assert step.solve is None
        return
    assert not task["reached"] and step.controls
    assert step.solve is not None, "a goal needs one way to reach it"
    moved = {name for name in step.inputs if step.inputs[name] != step.solve[name]}
    assert moved and moved <= set(step.controls) | set(TAB[id].picks)
    after = next(one for one in view_of(TAB[id], language, step.solve, n)["tasks"] if one["id"] == step.task)
    assert after["reached"] and after["now"] != task["now"]


@pytest.mark.parametrize("tab", LESSONS, ids=lambda tab: tab.id)
def test_most_steps_ask_before_they_show(tab):
    asking = [step for step in lesson_of(tab, "en") if step.task]
    assert len(asking) >= len(lesson_of(tab, "en")) / 2


def test_the_first_step_of_the_page_begins_with_the_defaults():
    """Gradio's inputs stand on their defaults when the page opens."""
    if lesson_of(TABS[0], "en"):
        assert lesson_of(TABS[0], "en")[0].inputs == view_of(TABS[0], "en", {})["inputs"]


@pytest.mark.parametrize("tab", LESSONS, ids=lambda tab: tab.id)
def test_a_step_is_part_of_the_link(tab):
    fields = {tab.id: tab.fields}

    def begin(id, step, named):
        at = begins_at(tab, step, named)
        return at, base_of(tab, at)

    for n, step in enumerate(lesson_of(tab, "en"), 1):
        address = view_of(tab, "en", step.inputs, n)["link"] if not tab.slow else f"tab={tab.id}&step={n}"
        assert address == f"tab={tab.id}&step={n}"
        assert link.read(address, fields, begin) == (tab.id, step.inputs, True, n)
    last = free_play(tab)
    assert link.read(f"tab={tab.id}", fields, begin).step == 1
    assert link.read(f"tab={tab.id}&step=99", fields, begin).step == last
    assert link.read(f"tab={tab.id}&step=free", fields, begin).step == last
    assert link.read(f"tab={tab.id}&panel=x", fields, begin).step == last
    some = link.in_link(tab.fields[0])
    assert (
        link.read(f"tab={tab.id}&{some}={tab.fields[0].write(tab.fields[0].default)}", fields, begin).step
        == last
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_told_the_steps_but_not_how_to_solve_them(language):
    for tab in LESSONS:
        steps = ask_lesson(language, tab, {})["steps"]
        assert len(steps) == len(lesson_of(tab, language)) and all("solve" not in step for step in steps)


@pytest.mark.parametrize(("text", "said"), [
    ("## A\nset: nothing=1\n\nText", "nothing cannot be set so"),
    ("## A\nset: extra=99\n\nText", "extra cannot be set so"),
    ("## A\ncontrols: nose\n\nText", "no such control: nose"),
    ("## A\ncells: after\n\nText", "a cell is panel.row.column"),
    ("## A\nset: extra=1\n", "needs a title and a text"),
])  # fmt: skip
def test_a_mistake_in_a_lesson_names_file_and_step(tmp_path, text, said):
    path = tmp_path / "steps.en.md"
    path.write_text("## Fine\n\nText\n\n" + text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"steps.en.md of masks, step 2: .*{said}"):
        read(TAB["masks"], path)
