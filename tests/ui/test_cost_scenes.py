"""Cost, as the page shows it: tiles, window and linear; every number against an independent way to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attention import attend
from attention.ui import TABS
from attention.ui.page.questions import ask_export, ask_sheet, draw
from attention.ui.page.texts import words_for
from attention.ui.tabs.cost import linear, tiles, window
from attention.ui.tabs.cost.inputs import Inputs
from attention.window_figures import figures
from attention.windows import window_mask
from tests.ui.test_sheets_formulas import check, evaluate
from tests.ui.views import matrix_of, packed, panel

TAB = next(tab for tab in TABS if tab.id == "cost")
ENGLISH = words_for("en")


def view(**inputs):
    found = draw("en", TAB, {"inputs": inputs})
    assert "error" not in found, found
    return found


def sheet(inputs, panel, row, column):
    found = ask_sheet("en", TAB, {"inputs": inputs, "panel": panel, "row": row, "column": column})
    assert "error" not in found, found
    return found


def answers(found) -> dict:
    return {task["id"]: task for task in found["tasks"]}


# -- tiles ------------------------------------------------------------------------------------------

TILES = [
    {},
    {"tile": 1},
    {"tile": 4, "queries": 7, "keys": 12},
    {"look_back": True, "queries": 12, "keys": 12},
    {"look_back": True, "queries": 12, "keys": 5, "tile": 5},
]


@pytest.mark.parametrize("inputs", TILES, ids=str)
def test_what_the_tiles_leave_is_what_attend_gives(inputs):
    s = tiles.study(Inputs(**inputs))
    whole = attend(s.query, s.key, s.value, s.mask)
    torch.testing.assert_close(s.output, whole.output, atol=1e-6, rtol=0)
    torch.testing.assert_close(s.weights, whole.weights, atol=1e-6, rtol=0)
    shown = matrix_of(panel(view(scene="tiles", **inputs), "weights"))
    np.testing.assert_allclose(shown, whole.weights, atol=1e-6)


@pytest.mark.parametrize("inputs", TILES, ids=str)
def test_the_picture_s_steps_are_a_running_softmax(inputs):
    s, drawn = tiles.study(Inputs(**inputs)), panel(view(scene="tiles", **inputs), "tiles")
    n, m = s.shape
    scores = np.full((n, m), -math.inf)
    allowed = np.ones((n, m), bool) if s.mask is None else s.mask.numpy()
    scores[allowed] = (s.query @ s.key.T / 2).numpy()[allowed]
    tile = inputs.get("tile", 3)
    assert len(drawn["steps"]) == math.ceil(n / tile) * math.ceil(m / tile)
    for step in drawn["steps"]:
        (top, bottom), right = step["rows"], step["columns"][1]
        left = step["columns"][0]
        assert step["skipped"] == (not allowed[top:bottom, left:right].any())
        seen = scores[top:bottom, :right]
        for i, row in enumerate(packed(step["state"])):
            if not np.isfinite(seen[i]).any():
                assert row[0] == -math.inf and row[2] == 0
                continue
            powers = np.exp(seen[i] - seen[i].max())
            expected = [seen[i].max(), powers.sum(), *(powers @ s.value[:right].numpy())]
            np.testing.assert_allclose(row[[0, 2, 3, 4]], expected, atol=1e-5)


def test_held_counts_the_buffers_of_the_fullest_tile():
    found = draw("en", TAB, {"inputs": {"scene": "tiles", "tile": 3}})
    # queries and keys 3 x 4, values 3 x 2, scores and numerators 3 x 3, three numbers and two outputs a row
    assert max(step["held"] for step in panel(found, "tiles")["steps"]) == 12 + 12 + 6 + 9 + 9 + 9 + 6
    whole, held = tiles.counted(3)
    assert whole == [n * n for n in tiles.LENGTHS] and set(held) == {63}


@pytest.mark.parametrize("inputs", TILES, ids=str)
def test_every_running_number_opens_into_sums_that_add_up(inputs):
    s, count = tiles.study(Inputs(**inputs)), 0
    for at, step in list(enumerate(s.steps))[:: max(len(s.steps) // 9, 1)]:
        if step.scores is None:
            continue
        for row in {step.rows.start, step.rows.stop - 1}:
            for column in range(5):
                found = sheet({"scene": "tiles", **inputs}, f"tiles@{at}", row, column)
                check(found)
                state = torch.cat([step.maximum, step.rescale, step.total, step.output], 1)
                last = found["sections"][-1]
                shown = last["lines"][-1][2] if "lines" in last else last["table"]["rows"][-1][-1]
                expected = state[row - step.rows.start, column].item()
                if math.isfinite(state[row - step.rows.start, 0]):
                    assert float(shown) == pytest.approx(expected, abs=1e-4)
                    count += 1
    assert count >= 10


def test_a_sum_s_parts_are_their_formulas():
    s = tiles.study(Inputs())
    assert s.rise is not None
    at, row = s.rise
    table = sheet({"scene": "tiles"}, f"tiles@{at}", row, 2)["sections"][-1]["table"]
    for _, formula, part in table["rows"][:-1]:
        assert evaluate(formula).meets(evaluate(part))


def test_a_weight_is_had_again_from_lse():
    found = sheet({"scene": "tiles"}, "tiles", 4, 6)
    lines = {label: (formula, value) for label, formula, value in found["sections"][-1]["lines"]}
    formula, value = lines[ENGLISH("cost.tiles_made_again")]
    assert formula.startswith("exp(") and evaluate(formula).meets(evaluate(value))
    assert float(value) == pytest.approx(found["weight"], abs=1e-4)


def test_the_questions_about_tiles_have_computed_answers():
    found = answers(view(scene="tiles", look_back=True, queries=12, keys=12))
    assert found["skip"]["answer"] == 6  # 4 x 4 tiles, those above the diagonal
    s = tiles.study(Inputs())
    at, row = s.rise
    i = row - s.steps[at].rows.start
    factor = math.exp(s.steps[at - 1].maximum[i, 0] - s.steps[at].maximum[i, 0])
    assert answers(view(scene="tiles"))["rescale"]["answer"] == pytest.approx(factor, rel=1e-5)
    assert not found["less"]["reached"]
    assert answers(view(scene="tiles", look_back=True, queries=12, keys=12, tile=2))["less"]["reached"]
    for seed in range(40):  # a maximum below 0 stands in brackets
        task = answers(view(scene="tiles", seed=seed)).get("rescale")
        if task and "from -" in task["question"]:
            assert "- -" not in task["why"]


def test_what_an_average_loses_is_told_by_what_there_was():
    """Of “ann” alone the untouched model knows the next word at 0.15, and the average keeps 0.11 of it."""
    little, lost = (answers(view(scene="share", model="storyteller", sentence=text))["kept"]
                    for text in ("ann", "ann and bo went to the park . ann gave the ball to"))  # fmt: skip
    assert 0.1 < little["answer"] < 0.15 and "finds much" in little["why"]
    assert lost["answer"] < 0.1 and "looks for none" in lost["why"]


@pytest.mark.parametrize("format", ["png", "svg", "csv", "npz"])
@pytest.mark.parametrize(("scene", "id"), [("tiles", "tiles"), ("linear", "memory"), ("window", "loss")])
def test_the_pictures_can_be_saved(scene, id, format):
    file = ask_export("en", TAB, {"inputs": {"scene": scene}, "panel": id, "format": format})
    assert "error" not in file and file["name"] == f"cost-{id}.{format}"


# -- window -----------------------------------------------------------------------------------------


def test_the_weights_obey_window_and_first_tokens():
    found = view(scene="window", window="4", first="2")
    weights, n = matrix_of(panel(found, "weights")), len(panel(found, "weights")["rows"])
    for i in range(n):
        for j in range(n):
            assert (weights[i, j] > 0) == (j <= i and (i - j < 4 or j < 2)), (i, j)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)


def test_the_losses_are_the_storyteller_s_own():
    from attention.storyteller.train import encode, load

    s = window.study(Inputs(scene="window"))
    ids = torch.tensor(encode(s.tokens))
    logits = load().points(ids).logits
    expected = torch.nn.functional.cross_entropy(logits[:-1], ids[1:], reduction="none")
    torch.testing.assert_close(s.losses["full"], expected, atol=1e-4, rtol=0)
    assert s.right["full"] > 0.9 > s.right["near"]  # a window of 8 hides what the answer needs


@pytest.mark.parametrize("inputs", [{}, {"window": "4", "layers": 3}, {"first": "2", "window": "4"}], ids=str)
def test_dots_and_sheets_agree_on_who_is_heard(inputs):
    found = view(scene="window", **inputs)
    heard = matrix_of(panel(found, "reach"))
    layers, n = heard.shape
    if not inputs.get("first"):
        width = int(inputs.get("window", "8"))
        for place in range(layers):
            back = (width - 1) * (layers - place)
            assert heard[place].sum() == min(back, n - 1) + 1
        assert answers(found)["reach"]["answer"] == heard[0].sum()
    for column in (0, n // 2, n - 1):
        table = sheet({"scene": "window", **inputs}, "reach", 0, column)["sections"][0].get("table")
        assert (table is not None) == bool(heard[0, column])


def test_a_loss_opens_into_its_probability():
    found = sheet({"scene": "window"}, "loss", 1, 3)
    [line] = [one for one in found["sections"][0]["lines"] if one[1].startswith("-ln")]
    assert evaluate(line[1]).meets(evaluate(line[2]))


def test_the_larger_model_breaks_without_and_mends_with_one_first_token():
    """What the page says of SmolLM2, from the shipped figures of every window."""
    loss = {name: np.mean(values) for name, values in figures()["loss"].items()}
    for width in ("16", "32", "64", "128"):
        damage = loss[f"{width}.0"] - loss["full"]
        assert damage > 0.4
        assert loss[f"{width}.1"] < loss[f"{width}.0"]
        assert loss[f"{width}.learned"] < loss[f"{width}.0"]
    for width in ("16", "32", "64", "128"):
        assert loss[f"{width}.1"] - loss["full"] < (loss[f"{width}.0"] - loss["full"]) / 3
    share = np.array(figures()["first_share"])
    assert share.shape == (30, 9) and share[15:].mean() > 0.4


def test_the_storyteller_parks_nothing_on_its_first_word():
    shares = [window.study(Inputs(scene="window", seed=seed)).parked_here for seed in range(5)]
    assert max(shares) < 0.1


# -- linear -----------------------------------------------------------------------------------------


def test_matrix_and_state_read_the_same():
    found = view(scene="linear")
    drawn = panel(found, "memory")
    np.testing.assert_allclose(packed(drawn["read"]), packed(drawn["output"]), atol=1e-5)
    keys, value = packed(drawn["keys"]), packed(drawn["value"])
    frames, summed = packed(drawn["frames"]), np.zeros((3, 3))
    for at in range(8):
        summed = summed + np.outer(keys[at], [*value[at], 1])
        np.testing.assert_allclose(frames[at], summed, atol=1e-5)


@pytest.mark.parametrize("inputs", [{}, {"features": 512}, {"bandwidth": 2.5, "random": "positive"}], ids=str)
def test_the_kernel_tab_s_regression_is_recovered_within_the_printed_error(inputs):
    from attention.kernel import nadaraya_watson

    s = linear.study(Inputs(scene="linear", **inputs))
    exact = nadaraya_watson(s.queries, s.x, s.y, s.inputs.bandwidth).output
    difference = (s.found.output - exact).abs()
    assert (difference <= s.found.bound + 1e-5).all()
    shown = panel(view(scene="linear", **inputs), "recovered")["items"][0]["value"]
    assert difference.max().item() <= float(shown) + 2e-4


@pytest.mark.parametrize("rate", [0.0, 0.4, 1.0])
def test_writes_by_hand(rate):
    s = linear.study(Inputs(scene="linear", rate=rate, seed=2))
    told, held = {i: [] for i in range(4)}, dict.fromkeys(range(4), 0.0)
    for at, (key, value) in enumerate(zip(s.written, s.told.tolist(), strict=True)):
        told[key].append(value)
        held[key] += rate * (value - held[key])
        for one in range(4):
            mean = sum(told[one]) / len(told[one]) if told[one] else 0
            assert s.added[at, one].item() == pytest.approx(mean, abs=1e-5)
            assert s.corrected[at, one].item() == pytest.approx(held[one], abs=1e-5)


@pytest.mark.parametrize("row", range(3))
def test_what_a_key_holds_opens_into_its_writes(row):
    for column in range(4):
        found = sheet({"scene": "linear", "rate": 0.4}, "held", row, column)
        lines = found["sections"][0].get("lines")
        for _, formula, value in lines or []:
            assert not formula or evaluate(formula).meets(evaluate(value))
        shown = matrix_of(panel(view(scene="linear", rate=0.4), "held"))[row, column]
        assert (float(lines[-1][2]) if lines else 0) == pytest.approx(float(shown), abs=1e-3)


def test_a_number_of_the_state_opens_into_what_was_added():
    frames = packed(panel(view(scene="linear"), "memory")["frames"])
    for at in (0, 5):
        for row in range(3):
            for column in range(3):
                [line] = sheet({"scene": "linear"}, f"memory@{at}", row, column)["sections"][0]["lines"]
                assert evaluate(line[1]).meets(evaluate(line[2]))
                assert float(line[2]) == pytest.approx(float(frames[at, row, column]), abs=1e-4)


def test_the_mask_of_the_page_is_the_chapter_s():
    s = window.study(Inputs(scene="window", window="4", first="1"))
    assert torch.equal(s.mask, window_mask(len(s.tokens), len(s.tokens), 4, 1))
