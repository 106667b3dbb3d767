"""The positions tab: order lost, order found, and every number opened."""

from __future__ import annotations

import contextlib
import io
import math
import re

import numpy as np
import pytest
import torch

from attention.pooling import attend
from attention.ui.page import link
from attention.ui.page.fields import check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_sheet, endpoint, view_of
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.positions import TAB, results
from attention.ui.tabs.positions.study import study
from tests.ui.views import matrix_of, panel

CASES = [{}, *(changes for _, changes in TAB.examples), {"text": "one", "other": ""}, {"d": 1}]


def shown(changes, id, language="en"):
    return matrix_of(panel(view_of(TAB, language, changes), id))


def sheet(changes, id, row, column, language="en"):
    return ask_sheet(language, TAB, {"inputs": changes, "panel": id, "row": row, "column": column})


def number(text):
    return float(text)


def test_without_positions_the_outputs_only_change_places():
    """By hand: "the dog bit the man" -> "the man bit the dog" swaps rows 1 and 4."""
    first, second = shown({}, "output"), shown({}, "output_other")
    np.testing.assert_allclose(second, first[[0, 4, 2, 3, 1]], atol=1e-6)
    weights, other = shown({}, "weights"), shown({}, "weights_other")
    swap = [0, 4, 2, 3, 1]
    np.testing.assert_allclose(other, weights[swap][:, swap], atol=1e-6)
    assert np.abs(first[1] - first[4]).max() > 0.1  # dog and man do differ, else nothing is shown


@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
def test_with_positions_the_outputs_differ(kind):
    assert np.abs(shown({"positions": kind}, "difference")).max() > 0.05
    figures = panel(view_of(TAB, "en", {"positions": kind}), "moved")["items"]
    assert float(figures[0]["value"]) > 0.1 and figures[1]["value"] == "5 / 5"


def test_without_positions_the_readout_is_rounding():
    figures = panel(view_of(TAB, "en", {}), "moved")["items"]
    assert float(figures[0]["value"]) < 1e-5 and figures[1]["value"] == "0 / 5"
    labels = panel(view_of(TAB, "en", {}), "difference")["cell_labels"]
    assert {label for row in labels for label in row} <= {"0", "≈ 0"}


def test_the_encoding_is_sine_and_cosine():
    encoding = shown({"d": 5, "length": 8}, "encoding")
    assert encoding.shape == (8, 5)
    assert encoding[3, 2] == pytest.approx(math.sin(3 * 10000 ** (-2 / 5)), abs=1e-6)
    assert encoding[3, 3] == pytest.approx(math.cos(3 * 10000 ** (-2 / 5)), abs=1e-6)


def test_the_dot_product_depends_on_the_distance_alone():
    dot = shown({"d": 8, "length": 20}, "dot")
    for k in (0, 1, 5):
        np.testing.assert_allclose(np.diag(dot, k), dot[0, k], atol=1e-5)
    assert np.ptp(np.diag(shown({"d": 1, "length": 20}, "dot"), 1)) > 0.5  # a lone sine knows p


def test_rotary_scores_depend_on_the_distance_alone():
    scores = shown({"length": 20}, "rotary_scores")
    for k in (-4, 0, 3):
        np.testing.assert_allclose(np.diag(scores, k), scores[max(-k, 0), max(k, 0)], atol=1e-5)
    assert not np.allclose(scores, scores.T)


@pytest.mark.parametrize("kind", ["none", "sinusoidal", "rotary"])
@pytest.mark.parametrize("second", [False, True])
def test_the_sheet_reads_what_the_experiment_read(kind, second):
    found = study(check_all("positions", TAB.inputs, {"positions": kind}))
    reading = found.read(second)
    ours = attend(reading.query, reading.key, reading.value)
    theirs = found.orders.second if second else found.orders.first
    torch.testing.assert_close(ours.weights, theirs.weights)
    torch.testing.assert_close(ours.output, theirs.output)


@pytest.mark.parametrize("kind", ["none", "sinusoidal", "rotary"])
@pytest.mark.parametrize("id", ["weights", "weights_other"])
def test_weight_sheets_add_up_to_the_number_on_screen(kind, id):
    changes = {"positions": kind}
    matrix = shown(changes, id)
    for row, column in ((0, 0), (1, 4), (4, 2)):  # both words of (1, 4) move
        page = sheet(changes, id, row, column)
        rows = page["sections"][0]["table"]["rows"]
        assert math.isclose(sum(number(r[3]) for r in rows[:-1]), number(rows[-1][3]), abs_tol=1e-3)
        numerator, denominator, weight = (number(line[2]) for line in page["sections"][2]["lines"])
        assert math.isclose(numerator / denominator, weight, abs_tol=3e-4)
        assert math.isclose(weight, matrix[row, column], abs_tol=1e-4)
        pair = [number(line[2]) for line in page["sections"][-1]["lines"]]
        assert math.isclose(pair["other" in id], matrix[row, column], abs_tol=1e-6)


@pytest.mark.parametrize("id", ["output", "output_other", "difference"])
def test_output_sheets_add_up_to_the_number_on_screen(id):
    changes = {"positions": "sinusoidal"}
    matrix = shown(changes, id)
    for row, column in ((0, 0), (4, 7)):
        page = sheet(changes, id, row, column)
        before, after, change = (number(line[2]) for line in page["sections"][-1]["lines"])
        assert math.isclose(after - before, change, abs_tol=2e-7)
        value = {"output": before, "output_other": after, "difference": change}[id]
        assert math.isclose(value, matrix[row, column], abs_tol=2e-7)
        if id != "difference":
            rows = page["sections"][0]["table"]["rows"]
            assert math.isclose(number(rows[-1][3]), matrix[row, column], abs_tol=1e-4)
            assert math.isclose(sum(number(r[3]) for r in rows[:-1]), number(rows[-1][3]), abs_tol=3e-4)


@pytest.mark.parametrize(("place", "dimension"), [(0, 0), (7, 3), (31, 15), (20, 4)])
def test_encoding_sheets_compute_the_cell(place, dimension):
    value = shown({}, "encoding")[place, dimension]
    lines = sheet({}, "encoding", place, dimension)["sections"][0]["lines"]
    frequency, _, angle, last = (number(line[2]) for line in lines)
    assert math.isclose(place * frequency, angle, abs_tol=1e-5)
    wave = math.cos if dimension % 2 else math.sin
    assert math.isclose(wave(angle), last, abs_tol=1e-4)
    assert math.isclose(last, value, abs_tol=1e-4)


@pytest.mark.parametrize("d", [1, 5, 16])
@pytest.mark.parametrize("id", ["dot", "rotary_scores"])
def test_dot_product_sheets_add_up_both_ways(d, id):
    changes = {"d": d, "length": 12}
    if id == "rotary_scores" and d % 2:
        assert "error" in sheet(changes, id, 0, 0)
        return
    for row, column in ((0, 0), (3, 9), (11, 2)):
        page = sheet(changes, id, row, column)
        totals = []
        for section in page["sections"]:
            rows = section["table"]["rows"]
            assert math.isclose(sum(number(r[2]) for r in rows[:-1]), number(rows[-1][2]), abs_tol=1e-3)
            totals.append(number(rows[-1][2]))
        assert math.isclose(*totals, abs_tol=2e-4)
        for place, products, result in page["sections"][0]["table"]["rows"][:-1]:
            by_hand = sum(math.prod(map(float, part.split(" × "))) for part in products.split(" + "))
            assert math.isclose(by_hand, number(result), abs_tol=1e-3), place
        final = number(page["sections"][0]["lines"][0][2]) if id == "rotary_scores" else totals[0]
        assert math.isclose(final, shown(changes, id)[row, column], abs_tol=2e-4)


@pytest.mark.parametrize("changes", CASES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cell_of_every_opening_panel_has_a_sheet(changes, language):
    view = view_of(TAB, language, changes)
    for one in view["panels"]:
        if one["kind"] == "heatmap":
            n, m = one["data"]["shape"]
            for row, column in {(0, 0), (n - 1, 0), (0, m - 1), (n - 1, m - 1)}:
                assert "error" not in sheet(changes, one["id"], row, column, language), one["id"]
            assert "error" in sheet(changes, one["id"], n, 0, language)


def lines_of(page):
    return [number(line[2]) for line in page["sections"][0]["lines"]]


@pytest.mark.parametrize("heads", [1, 4, 6, 16])
def test_alibi_is_what_attention_does_with_it(heads):
    """The curve and the sheet by attention itself: equal scores, so the weights are the bias alone."""
    changes = {"heads": heads, "length": 12}
    table, same = shown(changes, "alibi"), torch.ones(1, 1, 4)
    assert table.shape == (heads, 12)
    for head in {0, heads - 1}:
        bias = torch.tensor(table[head].copy()).flip(-1)[None, None]
        weights = attend(same, same.expand(1, 12, 4), same.expand(1, 12, 4), bias=bias).weights[0, 0].flip(-1)
        slope, penalty, times = lines_of(sheet(changes, "alibi", head, 7))
        assert penalty == pytest.approx(table[head, 7], abs=1e-4) == pytest.approx(-7 * slope, abs=1e-4)
        assert times == pytest.approx((weights[7] / weights[0]).item(), abs=1e-4)


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("changes", [{}, {"d": 64, "length": 64, "factor": 8}, {"d": 4, "length": 3}])
def test_slowed_hands_are_transformers_own(row, changes):
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    given = {"d": 16, "length": 32, "factor": 4} | changes
    kind = ("linear", "dynamic", "yarn")[row]
    factor = given["factor"] - 1 if kind == "dynamic" else given["factor"]  # at twice the length: one more
    rope = {"rope_type": kind, "rope_theta": 10000.0, "factor": float(factor)}
    if kind == "yarn":
        rope["original_max_position_embeddings"] = given["length"]
    config = LlamaConfig(hidden_size=given["d"], num_attention_heads=1, rope_parameters=rope,
                         max_position_embeddings=given["length"])  # fmt: skip
    theirs, _ = ROPE_INIT_FUNCTIONS[kind](config, device="cpu", seq_len=2 * given["length"])
    plain = 10000.0 ** (-torch.arange(0, given["d"], 2) / given["d"])
    table = shown(changes, "slowed")
    np.testing.assert_allclose(table[row], (plain / theirs).numpy(), rtol=1e-4)
    column = table.shape[1] - 1
    found = lines_of(sheet(changes, "slowed", row, column))
    assert found[-3] == pytest.approx(table[row, column], abs=2e-4)
    assert found[-2] == pytest.approx(given["factor"] * given["length"] * theirs[column].item(), abs=1e-3)


def test_a_scaling_is_chosen_by_what_it_does_to_the_hands():
    def goal(scaling):
        return next(t for t in view_of(TAB, "en", {"scaling": scaling})["tasks"] if t["id"] == "stretch")

    assert [goal(kind)["reached"] for kind in ("linear", "ntk", "yarn")] == [False, True, True]
    fade = next(task for task in view_of(TAB, "en", {})["tasks"] if task["id"] == "fade")
    assert fade["answer"] == pytest.approx(math.exp(-1))  # 4 places of a slope of a quarter


def printed(view):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(view["code"], "snippet", "exec"), {})
    return [float(x) for x in re.findall(r"-?\d+\.\d*(?:e[+-]\d+)?|-?\d+", out.getvalue())]


@pytest.mark.parametrize("changes", [
    {}, {"positions": "rotary"}, {"text": "a b c", "other": "", "seed": 7}, {"text": "a b", "other": "x y"},
    {"text": "小猫 eats “fish”'s", "other": "", "positions": "sinusoidal"},
    {"d": 3, "positions": "sinusoidal"},
])  # fmt: skip
def test_the_snippet_prints_the_numbers_shown(changes):
    changes = changes | {"length": 6, "position": 2}
    view = view_of(TAB, "en", changes)
    numbers = printed(view)
    n = len(panel(view, "weights")["rows"])
    at = n  # the permutation
    for id in ("weights", "weights_other", "output", "output_other"):
        matrix = matrix_of(panel(view, id))
        np.testing.assert_allclose(numbers[at : at + matrix.size], matrix.ravel(), atol=1e-4)
        at += matrix.size
    if "positions" in changes:
        value = panel(view, "moved")["items"][0]["value"]
        assert numbers[at] == pytest.approx(float(value), abs=1e-4)
    encoding = matrix_of(panel(view, "encoding"))
    np.testing.assert_allclose(numbers[at + 1 : at + 1 + encoding.size], encoding.ravel(), atol=1e-4)
    dots = numbers[at + 1 + encoding.size :]
    np.testing.assert_allclose(dots[:6], matrix_of(panel(view, "dot"))[2], atol=1e-4)
    alibi = matrix_of(panel(view, "alibi"))
    np.testing.assert_allclose(dots[12 : 12 + alibi.size], alibi.ravel(), atol=1e-4)


@pytest.mark.parametrize("changes", CASES)
def test_the_link_restores_the_inputs(changes):
    view = view_of(TAB, "en", changes)
    tab, values, good, _ = link.read(view["link"], {"positions": TAB.fields})
    assert (tab, values, good) == ("positions", view["inputs"], True)


@pytest.mark.parametrize(
    ("changes", "label"),
    [({"text": "  "}, "text"), ({"text": "!"}, None), ({"text": "w " * 13}, "text"), ({"d": 65}, "d"),
     ({"d": 7, "positions": "rotary"}, "d"), ({"length": 0}, "length"), ({"seed": math.nan}, "seed"),
     ({"positions": "learned"}, "positions"), ({"position": 1.5}, "position"),
     ({"other": "x" * 201}, "other")],
)  # fmt: skip
def test_bad_input_is_named(changes, label):
    for language in LANGUAGES:
        if label is None:  # a sign is a word of its own
            assert view_of(TAB, language, changes)["panels"]
            continue
        with pytest.raises(Refusal) as caught:
            view_of(TAB, language, changes)
        words = words_for(language)
        assert words(f"positions.{label}") in caught.value.sentence(words)


def test_other_words_are_shuffled_on_the_page_and_refused_by_the_api():
    changes = {"other": "the cat bit the man"}
    view = view_of(TAB, "en", changes)
    assert any("same words" in note for note in view["notices"])
    assert sorted(panel(view, "weights_other")["rows"]) == sorted(panel(view, "weights")["rows"])
    with pytest.raises(Refusal) as caught:
        results(study(check_all("positions", TAB.inputs, changes)))
    assert caught.value.key == "other_words"


def test_the_api_hands_out_both_orders():
    answer = endpoint(TAB)()
    assert answer["shuffled"] == "the man bit the dog".split()
    assert answer["permutation"] == [0, 4, 2, 3, 1] and answer["difference"] < 1e-5
    assert np.array(answer["encoding"]).shape == (32, 16)


def test_upper_case_is_the_same_word():
    view = view_of(TAB, "en", {"text": "The dog bit the man", "other": "The man bit the dog"})
    assert view["notices"] == [] and panel(view, "weights")["rows"][0] == "0 the"


@pytest.mark.parametrize("changes", CASES)
def test_task_answers_follow_from_the_view(changes):
    tasks = {task["id"]: task for task in view_of(TAB, "en", changes)["tasks"]}
    assert 5 <= len(tasks) <= 9
    d = changes.get("d", 16)
    if d % 2 == 0:
        assert tasks["itself"]["answer"] == pytest.approx(d / 2, abs=1e-4)
    off = float(re.search(r"is (-?[\d.e-]+)\. What", tasks["off"]["question"]).group(1))
    assert tasks["off"]["answer"] == pytest.approx(off, abs=1e-4)
