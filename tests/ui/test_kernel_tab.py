"""The kernel tab: its pictures, sheets, snippet and gate."""

from __future__ import annotations

import contextlib
import io
import json
import math

import numpy as np
import pytest
import torch

from attention.ui.page import link
from attention.ui.page.fields import as_json, check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_sheet, endpoint, view_of
from attention.ui.page.steps import lesson_of
from attention.ui.page.texts import words_for
from attention.ui.tabs.kernel import TAB
from attention.ui.tabs.kernel.fit import places
from attention.ui.tabs.kernel.inputs import read_points
from tests.ui.views import matrix_of, packed, panel

CASES = [{}] + [changes for _, changes in TAB.examples] + [
    {"method": "learned", "num_points": 5, "steps": 3},
    {"method": "average", "points": "1, 2\n1, 4"},
    {"points": "-3 1\n2，5\n\n7\t-1e1", "bandwidth": 0.02},
    {"num_points": 2, "noise": 0, "bandwidth": 10},
]  # fmt: skip


def checked(changes):
    return check_all("kernel", TAB.inputs, changes)


def test_two_points_by_hand():
    """Keys 0 and 1, h = 1: the query 0 has scores 0 and -1/2, and the values 10 and 20."""
    view = view_of(TAB, "en", {"points": "1, 20\n0, 10", "bandwidth": 1})
    near = 1 / (1 + math.exp(-0.5))
    weights = matrix_of(panel(view, "weights"))
    np.testing.assert_allclose(weights[0], [near, 1 - near], rtol=1e-5)
    prediction = packed(panel(view, "fit")["series"][1]["y"])
    assert math.isclose(prediction[0], 10 * near + 20 * (1 - near), rel_tol=1e-5)


@pytest.mark.parametrize("changes", CASES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_view_is_drawn(changes, language):
    view = view_of(TAB, language, changes)
    json.dumps(view, allow_nan=False)
    assert all(p["id"] or p["kind"] == "heading" for p in view["panels"])
    weights = matrix_of(panel(view, "weights"))
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert 3 <= len(view["tasks"]) <= 7
    for task in view["tasks"]:
        assert task["why"]
        assert task["kind"] == "goal" or math.isfinite(task["answer"])


@pytest.mark.parametrize("changes", CASES)
def test_the_bars_are_the_rows_of_the_heatmap(changes):
    view = view_of(TAB, "en", changes)
    rows = panel(view, "fit")["rows"]
    assert rows["panel"] == "weights"
    np.testing.assert_array_equal(packed(rows["matrix"]), matrix_of(panel(view, "weights")))
    x = packed(rows["x"])
    assert (np.diff(x) >= 0).all() and len(x) == packed(rows["matrix"]).shape[1]
    np.testing.assert_array_equal(packed(rows["queries"]), packed(panel(view, "fit")["series"][1]["x"]))


@pytest.mark.parametrize("changes", CASES)
def test_sheets_add_up_to_the_weight_on_screen(changes):
    view = view_of(TAB, "en", changes)
    for id in ("weights", "train_weights"):
        found = [p for p in view["panels"] if p["id"] == id]
        if not found:
            continue
        matrix = matrix_of(found[0])
        for row, column in ((0, 0), (matrix.shape[0] // 2, matrix.shape[1] // 2), (1, matrix.shape[1] - 1)):
            request = {"inputs": changes, "panel": id, "row": row, "column": column}
            sheet = ask_sheet("en", TAB, request)
            assert "error" not in sheet
            if "table" not in sheet["sections"][0]:  # by distance: what is said is exp(-d²/2)'s exponent
                (_, _, apart), (_, _, widths) = sheet["sections"][0]["lines"]
                score = float(sheet["sections"][1]["lines"][0][2])
                assert float(apart) * float(widths) >= 0
                assert math.isclose(-(float(widths) ** 2) / 2, score, rel_tol=1e-3, abs_tol=1e-3)
            numerator, denominator, weight = (float(line[2]) for line in sheet["sections"][2]["lines"])
            if denominator:
                assert math.isclose(numerator / denominator, weight, abs_tol=2e-4)
            assert math.isclose(weight, matrix[row, column], abs_tol=2e-4)
            assert math.isclose(sheet["weight"], matrix[row, column], abs_tol=1e-4)


def test_a_sheet_by_hand_is_a_distance_an_exponential_and_a_share():
    """Keys 0 and 3, h = 2, the query 0: the far point is 1.5 bandwidths away, its score -1.125."""
    request = {
        "inputs": {"points": "0, 10\n3, 20", "bandwidth": 2},
        "panel": "weights",
        "row": 0,
        "column": 1,
    }
    distance, score, softmax, _ = ask_sheet("en", TAB, request)["sections"]
    assert [line[1:] for line in distance["lines"]] == [
        ["0.0000 - 3.0000", "-3.0000"], ["(-3.0000) / 2.0000", "-1.5000"]]  # fmt: skip
    assert score["lines"][0][1:] == ["-(-1.5000)^2 / 2", "-1.1250"]
    numerator, weight = math.exp(-1.125), math.exp(-1.125) / (1 + math.exp(-1.125))
    assert [line[2] for line in softmax["lines"]][::2] == [f"{numerator:.4f}", f"{weight:.4f}"]


def tasks_of(changes):
    return {task["id"]: task for task in view_of(TAB, "en", changes)["tasks"]}


def test_the_bandwidth_that_errs_least_is_found_and_no_other_reaches_the_goal():
    error = {h: endpoint(TAB)(bandwidth=h)["error_to_truth"] for h in (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)}
    least = min(error, key=error.get)
    for h in error:
        goal = tasks_of({"bandwidth": h})["least"]
        assert goal["reached"] == (h == least) and f"{error[h]:.4f}" in goal["now"]
    assert "least" not in tasks_of({"points": "0, 1\n1, 2\n2, 2"})  # nobody knows the truth


def test_the_answer_here_is_the_prediction_and_the_plot_that_asks_does_not_show_it():
    view = view_of(TAB, "en", {"bandwidth": 0.3})
    here = tasks_of({"bandwidth": 0.3})["here"]
    prediction = packed(panel(view, "fit")["series"][1]["y"])
    assert here["answer"] == pytest.approx(prediction[25]) and "fit" in here["hides"]
    names = [series["name"] for series in panel(view, "asked")["series"]]
    assert names == ["data", "the query"]


def test_a_point_that_may_not_look_at_itself_is_hatched_and_weighs_nothing():
    shown = panel(view_of(TAB, "en", {"method": "learned", "steps": 2}), "train_weights")
    assert (np.diag(matrix_of(shown)) == 0).all() and (np.diag(shown["masked"]) == 1).all()
    changes = {"method": "learned", "steps": 2, "exclude_self": False}
    shown = panel(view_of(TAB, "en", changes), "train_weights")
    assert (np.diag(matrix_of(shown)) > 0).all() and shown["masked"] is None


def test_looking_at_itself_narrows_the_kernel_and_fools_the_loss():
    view = view_of(TAB, "en", {"method": "learned", "steps": 60, "learning_rate": 5})
    apart, itself, left_out = (packed(s["y"]) for s in panel(view, "loss")["series"])
    assert itself[-1] < apart[-1] < left_out[-1]
    apart, itself = (packed(s["y"]) for s in panel(view, "widths")["series"])
    assert itself[-1] > apart[-1]


def test_average_pooling_left_out_is_the_mean_of_the_others():
    view = view_of(TAB, "en", {"method": "average", "points": "0, 0\n1, 0\n2, 3"})
    assert panel(view, "errors")["items"][0]["value"] == "2.0000"  # (1 + 1 + 4) / 3
    assert panel(view, "errors")["items"][1]["value"] == "4.5000"  # (1.5² + 1.5² + 3²) / 3


@pytest.mark.parametrize("changes", CASES)
def test_the_snippet_prints_the_numbers_shown(changes):
    view = view_of(TAB, "en", changes)
    assert len(view["code"].splitlines()) <= 30
    scope, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(view["code"], scope)  # noqa: S102
    shown = packed(panel(view, "fit")["series"][1]["y"])
    np.testing.assert_allclose(scope["output"].detach().numpy(), shown, rtol=1e-5, atol=1e-6)
    weights = matrix_of(panel(view, "weights"))
    np.testing.assert_allclose(scope["weights"].detach().numpy(), weights, atol=1e-6)
    assert printed.getvalue()


@pytest.mark.parametrize("changes", CASES)
def test_a_link_restores_the_inputs(changes):
    values = checked(changes)
    query = link.write("kernel", TAB.fields, as_json(values))
    tab, restored, good, _ = link.read(query, {"kernel": TAB.fields})
    assert tab == "kernel" and good and checked(restored) == values


@pytest.mark.parametrize("changes", CASES)
def test_results_are_plain_numbers(changes):
    found = endpoint(TAB)(**changes)
    json.dumps(found, allow_nan=False)
    sums = np.array(found["weights"]) @ found["y"]
    np.testing.assert_allclose(sums, found["prediction"], rtol=1e-4, atol=1e-5)


BAD = [
    ({"bandwidth": 0}, "kernel.bandwidth", ""),
    ({"bandwidth": math.nan}, "kernel.bandwidth", ""),
    ({"num_points": 1}, "kernel.num_points", ""),
    ({"noise": -1}, "kernel.noise", ""),
    ({"seed": 1.5}, "kernel.seed", ""),
    ({"learning_rate": "inf"}, "kernel.learning_rate", ""),
    ({"method": "magic"}, "kernel.method", ""),
    ({"exclude_self": "yes"}, "kernel.exclude_self", ""),
    ({"points": "1, 2\n3"}, "kernel.points", "2"),
    ({"points": "1, 2\n\n3, 4, 5"}, "kernel.points", "3"),
    ({"points": "1, 2\n3, nan"}, "kernel.points", "2"),
    ({"points": "1, 2\n<b>, 3"}, "kernel.points", "2"),
    ({"points": "1, 2\n1e9, 3"}, "kernel.points", "2"),
    ({"points": "1, 2"}, "kernel.points", ""),
    ({"points": "1, 2\n" * 201}, "kernel.points", "201"),
    ({"points": "1" * 8001}, "kernel.points", ""),
]


@pytest.mark.parametrize(("changes", "label", "line"), BAD)
def test_bad_input_is_named(changes, label, line):
    for language in ("en", "zh"):
        with pytest.raises(Refusal) as caught:
            view_of(TAB, language, changes)
        words = words_for(language)
        sentence = caught.value.sentence(words)
        assert words(label) in sentence and line in sentence


def test_a_training_that_runs_away_is_said_and_drawn():
    points = "\n".join(f"{i}, {1000 * (-1) ** i}" for i in range(6))
    changes = {"method": "learned", "points": points, "learning_rate": 50, "steps": 50}
    view = view_of(TAB, "en", changes)
    assert matrix_of(panel(view, "weights")).shape == (50, 6)
    assert np.isfinite(matrix_of(panel(view, "weights"))).all()


def test_pasted_points_come_sorted_and_full_width_signs_are_read():
    x, y = read_points("２，３\n-1 5\n")
    torch.testing.assert_close(x, torch.tensor([-1.0, 2.0]))
    torch.testing.assert_close(y, torch.tensor([5.0, 3.0]))
    assert read_points(" \n ") is None


def test_pasted_points_are_said_to_replace_the_made_ones():
    for method in ("average", "bandwidth", "learned"):
        changes = {"method": method, "steps": 2}
        said = [words_for("en")("kernel.own_points")]
        assert view_of(TAB, "en", changes)["notices"] == []
        assert view_of(TAB, "en", changes | {"points": "0, 1\n1, 2\n2, 2"})["notices"] == said


def test_labels_tell_places_apart_at_any_scale():
    for span in (0.05, 0.7, 5, 23, 480, 9000):
        labels = places(torch.linspace(0, span, 50))
        assert len(set(labels)) == 50
    assert places(torch.tensor([-0.001, 5.0]))[0] == "0.00"


def test_cells_outside_are_refused():
    for id, row in (("weights", 50), ("train_weights", 0), ("fit", 0)):
        request = {"inputs": {}, "panel": id, "row": row, "column": 0}
        assert "error" in ask_sheet("en", TAB, request)


def test_no_step_shows_the_training_that_a_later_one_asks_about():
    steps = lesson_of(TAB, "en")
    asks = next(i for i, step in enumerate(steps) if step.task == "self")
    drawn = {id for step in steps[:asks] for id in step.panels}
    view = view_of(TAB, "en", steps[asks].inputs)
    both = {one["id"] for one in view["panels"] if words_for("en")("kernel.itself") in json.dumps(one)}
    assert {"loss", "widths"} <= both and not drawn & both
