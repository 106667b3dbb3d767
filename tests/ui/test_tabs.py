"""What holds for every tab: drawn in both languages, opened, linked, run as code, saved."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math

import pytest

from attention.ui import TABS
from attention.ui.page.exports import TYPES
from attention.ui.page.questions import ask_export, ask_sheet, endpoint, view_of
from attention.ui.page.texts import LANGUAGES

CASES = [(tab, {}) for tab in TABS] + [(tab, changes) for tab in TABS for _, changes in tab.examples]
IDS = [f"{tab.id}-{i}" for i, (tab, _) in enumerate(CASES)]


@pytest.fixture(scope="module", params=CASES, ids=IDS)
def drawn(request):
    tab, changes = request.param
    return tab, {language: whole(tab, language, changes) for language in LANGUAGES}


def whole(tab, language, changes):
    """The payload once its model, if it needs one, has been loaded."""
    for _ in range(80):
        view = view_of(tab, language, changes)
        if not any(panel["kind"] == "waiting" for panel in view["panels"]):
            return view
    pytest.fail("the model never came")


def opening(view):
    return [
        panel for panel in view["panels"] if panel.get("opens") and "data" in panel and "picks" not in panel
    ]  # there a click picks the cell


def test_the_payload_is_plain_json_without_nan(drawn):
    for view in drawn[1].values():
        json.dumps(view, allow_nan=False)


def test_panel_ids_are_unique(drawn):
    ids = [panel["id"] for panel in drawn[1]["en"]["panels"] if panel["id"]]
    assert len(ids) == len(set(ids))


def test_both_languages_show_the_same_numbers(drawn):
    english, chinese = drawn[1]["en"], drawn[1]["zh"]
    assert english["link"] == chinese["link"]
    assert [p.get("data") for p in english["panels"]] == [p.get("data") for p in chinese["panels"]]


def test_the_corner_cells_of_every_heatmap_open(drawn):
    tab, views = drawn
    for language, view in views.items():
        for panel in opening(view):
            n, m = panel["data"]["shape"]
            for row, column in {(0, 0), (n - 1, m - 1)}:
                question = {"inputs": view["inputs"], "panel": panel["id"], "row": row, "column": column}
                sheet = ask_sheet(language, tab, question)
                assert "error" not in sheet, (panel["id"], row, column, sheet)
                assert sheet["sections"]
                json.dumps(sheet, allow_nan=False)


def test_a_cell_outside_is_refused_in_a_sentence(drawn):
    tab, views = drawn
    for panel in opening(views["en"]):
        question = {"inputs": views["en"]["inputs"], "panel": panel["id"], "row": 9000, "column": 0}
        assert "error" in ask_sheet("en", tab, question)


def test_the_snippet_is_short_and_runs(drawn):
    code = drawn[1]["en"]["code"]
    assert len(code.strip().splitlines()) <= 30
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "snippet", "exec"), {})
    assert printed.getvalue().strip()


def test_the_api_answers_with_finite_numbers(drawn):
    tab, views = drawn
    results = endpoint(tab)(**views["en"]["inputs"])
    json.dumps(results, allow_nan=False)
    assert results


def test_tasks_are_answerable(drawn):
    for view in drawn[1].values():
        for task in view["tasks"]:
            assert task["question"] and task["why"]
            if task["kind"] == "choice":
                assert 0 <= task["answer"] < len(task["options"])
            elif task["kind"] == "number":
                assert math.isfinite(task["answer"])
            elif task["kind"] == "point":
                assert task["cells"] and task["panel"] in {panel["id"] for panel in view["panels"]}
            else:
                assert task["kind"] == "goal" and task["now"] and isinstance(task["reached"], bool)


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_every_tab_asks_three_questions_at_least(tab):
    assert len(view_of(tab, "en", {})["tasks"]) >= 3


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
@pytest.mark.parametrize("format", [one for one in TYPES if one != "safetensors"])  # of plain programs alone
def test_the_first_heatmap_can_be_saved(tab, format):
    view = view_of(tab, "zh", {})
    panels = opening(view) or [panel for panel in view["panels"] if panel["kind"] == "heatmap"]
    if not panels:
        pytest.fail(f"{tab.id} shows no heatmap")
    file = ask_export("zh", tab, {"inputs": {}, "panel": panels[0]["id"], "format": format})
    assert "error" not in file, file
    data = base64.b64decode(file["base64"])
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "csv": b"\xef\xbb\xbf", "npz": b"PK", "html": b"<!doctype"}
    assert data.startswith(starts[format])


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
@pytest.mark.parametrize(
    "question",
    [
        None,
        3,
        [],
        {},
        {"inputs": 1},
        {"inputs": {}, "panel": 3, "row": 0, "column": 0},
        {"inputs": {}, "panel": "x", "row": True, "column": -1},
    ],
)
def test_a_malformed_question_gets_a_sentence(tab, question):
    assert set(ask_sheet("en", tab, question)) == {"error"}
    assert set(ask_export("en", tab, question)) == {"error"}
