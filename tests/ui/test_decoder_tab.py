"""The decoder tab: stage, cards, sheets, snippet, and a training carried by the page."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math

import numpy as np
import pytest
import torch

from attention import seq2seq
from attention.seq2seq.bahdanau import KINDS
from attention.seq2seq.translation import evaluate, load
from attention.ui.page import busy, link
from attention.ui.page.fields import as_json, check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_sheet, ask_trained, draw, endpoint, train, view_of
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.decoder import TAB
from attention.ui.tabs.decoder import train as training
from attention.ui.tabs.decoder.parts import held_out
from tests.ui.views import matrix_of, packed, panel

CASES = [{}, *[changes for _, changes in TAB.examples], {"attention": "none"}, {"attention": "dot"},
         {"text": "3~May~1996 <b>"}, {"text": "x"}, {"text": "9" * 40}, {"text": " 3\tMay 1996"}]  # fmt: skip
TRAIN = {"mode": "train", "steps": 20, "seed": 3, "attention": "additive"}


def values(changes):
    return check_all("decoder", TAB.inputs, changes)


def chunk(changes, state=None, step=0, language="en"):
    return train(language, TAB, {"inputs": changes, "state": state, "step": step})


@pytest.mark.parametrize("changes", [*CASES, TRAIN])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_view_is_drawn(changes, language):
    view = view_of(TAB, language, changes)
    json.dumps(view, allow_nan=False)
    ids = [p["id"] for p in view["panels"] if p["kind"] != "heading"]
    assert all(ids) and len(set(ids)) == len(ids)
    assert 3 <= len(view["tasks"]) <= 10


@pytest.mark.parametrize("changes", CASES)
def test_rows_of_weights_and_probabilities_sum_to_one(changes):
    view = view_of(TAB, "en", changes)
    stage = panel(view, "alignment")
    np.testing.assert_allclose(packed(stage["probabilities"]).sum(-1), 1, rtol=1e-5)
    assert [row.split(". ")[1] for row in stage["rows"]] == list(stage["output"])
    most = packed(stage["probabilities"]).argmax(-1)
    assert "".join(stage["characters"][i] for i in most) == stage["output"]
    if view["inputs"]["attention"] == "none":
        assert "data" not in stage
    else:
        np.testing.assert_allclose(matrix_of(stage).sum(-1), 1, rtol=1e-5)
        scores = matrix_of(panel(view, "scores"))
        softmax = np.exp(scores - scores.max(-1, keepdims=True))
        np.testing.assert_allclose(softmax / softmax.sum(-1, keepdims=True), matrix_of(stage), atol=1e-5)


def test_year_digits_are_read_from_the_year():
    """Alignment of a trained model: writing 1996 after reading ``3 May 1996`` looks at 1996."""
    weights = matrix_of(panel(view_of(TAB, "en", {"text": "3 May 1996"}), "alignment"))
    assert (weights[:4, 6:].sum(-1) > 0.9).all()
    assert weights[9, 0] > 0.5  # and the last digit of the day at the day


@pytest.mark.parametrize("changes", [{}, {"attention": "dot"}, {"text": "1996年5月3日"}])
def test_sheets_add_up_to_the_weight_on_screen(changes):
    view = view_of(TAB, "en", changes)
    for id in ("alignment", "scores", "kinds@additive", "kinds@dot"):
        kind = id.partition("@")[2] or view["inputs"]["attention"]
        card = next(c for c in panel(view, "kinds")["cards"] if c["id"] == kind)
        matrix = packed(card["data"])
        n, m = matrix.shape
        for row, column in ((0, 0), (4, m // 2), (n - 1, m - 1), (2, int(matrix[2].argmax()))):
            sheet = ask_sheet("en", TAB, {"inputs": changes, "panel": id, "row": row, "column": column})
            assert "error" not in sheet, sheet
            table = sheet["sections"][0]["table"]["rows"]
            total = sum(float(line[3]) for line in table[:-1])
            assert math.isclose(total, float(table[-1][3]), abs_tol=2e-3)
            product = float(table[0][1]) * float(table[0][2])
            assert math.isclose(product, float(table[0][3]), abs_tol=2e-3)
            numerator, denominator, weight = (float(line[2]) for line in sheet["sections"][2]["lines"])
            assert math.isclose(numerator / denominator, weight, abs_tol=2e-4)
            assert math.isclose(weight, matrix[row, column], abs_tol=1e-4)


@pytest.mark.parametrize("id", ["alignment", "scores", "kinds@none", "kinds", "kinds@magic", "other"])
def test_cells_that_are_not_there_are_refused(id):
    for row, column in ((10, 0), (0, 40)):
        assert "error" in ask_sheet("en", TAB, {"inputs": {}, "panel": id, "row": row, "column": column})
    if "@" in id or id == "other":
        assert "error" in ask_sheet("en", TAB, {"inputs": {}, "panel": id, "row": 0, "column": 0})
    request = {"inputs": {"attention": "none"}, "panel": "alignment", "row": 0, "column": 0}
    assert "error" in ask_sheet("en", TAB, request)


@pytest.mark.parametrize("kind", KINDS)
def test_the_shares_shown_hold_on_a_sample(kind):
    """800 other held-out dates; four standard errors of the difference."""
    share = held_out()[kind]
    error = math.sqrt(share * (1 - share) * (1 / 800 + 1 / held_out()["count"]))
    measured = evaluate(load(kind), 800, seed=5).exact
    assert abs(measured - share) <= 4 * error + 0.002
    card = next(c for c in panel(view_of(TAB, "en", {}), "kinds")["cards"] if c["id"] == kind)
    assert f"{share:.1%}" in card["share"] and "4,000" in card["share"]


def test_the_shares_come_from_the_chapters_command(tmp_path):
    seq2seq.main(["evaluate", "--count", "40", "--save", str(tmp_path / "shares.json")])
    saved = json.loads((tmp_path / "shares.json").read_text())
    assert saved.keys() == held_out().keys() and saved["count"] == 40
    assert saved["additive"] == evaluate(load("additive"), 40).exact


def test_answers_are_marked_against_the_true_date():
    cards = panel(view_of(TAB, "en", {"text": "May 3rd, 1996"}), "kinds")["cards"]
    assert [card["verdict"] for card in cards] == ["right", "right", "wrong"]
    assert "1996-05-03" in cards[2]["sentence"] and cards[2]["output"] != "1996-05-03"
    cards = panel(view_of(TAB, "zh", {"text": "3/5/1996"}), "kinds")["cards"]
    assert {card["verdict"] for card in cards} == {"unmarked"}


def test_examples_are_of_a_day_that_was_never_trained_on():
    for _, changes in TAB.examples[:-1]:
        caption = panel(view_of(TAB, "en", changes), "alignment")["caption"]
        assert "No model was trained on this day" in caption
    caption = panel(view_of(TAB, "en", {"text": "3 May 1997"}), "alignment")["caption"]
    assert "1997-05-03" in caption and "among the training days" in caption


def test_unknown_characters_and_two_readings_are_said():
    view = view_of(TAB, "en", {"text": "3~May~1996é"})
    assert view["notices"] and "~ é" in view["notices"][0]
    assert [i for i, flag in enumerate(panel(view, "alignment")["unknown"]) if flag] == [1, 5, 10]
    assert view_of(TAB, "en", {"text": "3/5/1996"})["notices"]
    assert not view_of(TAB, "en", {})["notices"]


@pytest.mark.parametrize("changes", CASES)
def test_the_snippet_prints_the_numbers_shown(changes):
    view = view_of(TAB, "en", changes)
    scope, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(view["code"], scope)  # noqa: S102
    stage = panel(view, "alignment")
    np.testing.assert_allclose(scope["shown"].probabilities, packed(stage["probabilities"]), atol=1e-6)
    if "data" in stage:
        np.testing.assert_allclose(scope["shown"].alignments, matrix_of(stage), atol=1e-6)
    for card in panel(view, "kinds")["cards"]:
        assert f"{card['id']} {card['output']}" in printed.getvalue()


@pytest.mark.parametrize("changes", [*CASES, TRAIN, {"step": 3, "learning_rate": 0.01}])
def test_a_link_restores_the_inputs(changes):
    checked = values(changes)
    query = link.write("decoder", TAB.fields, as_json(checked))
    tab, restored, good, _ = link.read(query, {"decoder": TAB.fields})
    assert tab == "decoder" and good and values(restored) == checked


def test_the_text_is_the_last_input():
    """A text box fires while later inputs are still old: a link would lose them."""
    assert TAB.fields[-1].name == "text" and TAB.picks[-1] == "text"


BAD = [{"text": ""}, {"text": " \n"}, {"text": "x" * 41}, {"text": 3}, {"attention": "loud"}, {"mode": 1},
       {"step": 0}, {"step": 11}, {"step": 1.5}, {"steps": 501}, {"steps": math.nan}, {"seed": -1},
       {"learning_rate": 0}, {"learning_rate": 1}]  # fmt: skip


@pytest.mark.parametrize("changes", BAD)
def test_bad_input_is_named(changes):
    for language in LANGUAGES:
        with pytest.raises(Refusal) as caught:
            view_of(TAB, language, changes)
        words = words_for(language)
        assert words(f"decoder.{next(iter(changes))}") in caught.value.sentence(words)


def test_results_are_plain_numbers():
    found = endpoint(TAB)()
    json.dumps(found, allow_nan=False)
    assert found["truth"] == found["answers"]["additive"]["output"] == "1996-05-03"
    assert found["answers"]["none"]["weights"] is None


def test_look_is_the_view_of_other_inputs():
    changes = {"text": "3.5.1996", "attention": "dot"}
    assert draw("zh", TAB, {"inputs": changes}) == view_of(TAB, "zh", changes)
    for request in (None, [], {}, {"inputs": {"text": ""}}, {"inputs": {"magic": 1}}):
        assert set(draw("zh", TAB, request)) == {"error"}


# ---- training, carried by the page


@pytest.fixture(scope="module")
def first():
    answer = chunk(TRAIN | {"steps": 40})
    assert "error" not in answer, answer
    return answer


def test_a_chunk_brings_losses_weights_and_the_next_state(first):
    assert first["step"] == len(first["losses"]) == 20
    assert first["losses"][0] == pytest.approx(math.log(11), abs=0.2)
    assert np.mean(first["losses"][-5:]) < np.mean(first["losses"][:5])
    np.testing.assert_allclose(packed(first["data"]).sum(-1), 1, rtol=1e-5)
    assert len(first["state"]) < 2_800_000
    json.dumps(first, allow_nan=False)


def test_the_next_chunk_goes_on_and_ends_where_asked(first):
    second = chunk(TRAIN | {"steps": 30}, first["state"], 20)
    assert second["step"] == 30 and len(second["losses"]) == 10
    assert np.mean(second["losses"]) < np.mean(first["losses"])


def test_the_same_seed_gives_the_same_numbers_in_every_language(first):
    again = chunk(TRAIN | {"steps": 40}, language="zh")
    assert again == first


def test_the_training_snippet_prints_what_the_page_shows(first):
    view = view_of(TAB, "en", TRAIN)
    assert len(view["code"].splitlines()) <= 30
    scope = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(view["code"], scope)  # noqa: S102
    assert scope["record"].losses == first["losses"]
    np.testing.assert_array_equal(scope["record"].example.alignments, packed(first["data"]))
    assert endpoint(TAB)(**TRAIN)["losses"] == first["losses"]


def test_a_cell_of_a_training_opens_from_its_state(first):
    inputs = TRAIN | {"steps": 40}
    weights = packed(first["data"])
    for row, column in ((0, 0), (9, 17), (3, 16)):
        request = {"inputs": inputs, "state": first["state"], "row": row, "column": column}
        sheet = ask_trained("en", TAB, request)
        assert sheet["weight"] == pytest.approx(weights[row, column], abs=1e-6)
    wrong = [{"column": 18}, {"row": True}, {"row": 10}, {"column": -1}, {"state": None}, {"state": "AAAA"}]
    for change in wrong:
        request = {"inputs": inputs, "state": first["state"], "row": 0, "column": 0} | change
        assert set(ask_trained("en", TAB, request)) == {"error"}


@pytest.mark.parametrize("change", [
    {"state": 3}, {"state": "not base64!"}, {"state": "AAAA"}, {"state": "A" * 2_800_004},
    {"step": -1}, {"step": 40}, {"step": True}, {"step": 1.0}, {"step": None},
    {"inputs": None}, {"inputs": {"seed": 4}}, {"inputs": {"x": 1}}, {"inputs": {"attention": "dot"}},
])  # fmt: skip
def test_a_changed_request_gets_a_sentence(first, change):
    inputs = change.get("inputs", {})
    inputs = None if inputs is None else TRAIN | {"steps": 40} | inputs
    whole = {"inputs": inputs, "state": first["state"], "step": 20}
    rest = {name: value for name, value in change.items() if name != "inputs"}
    for language in LANGUAGES:
        answer = train(language, TAB, whole | rest)
        assert set(answer) == {"error"} and "{" not in answer["error"]
        assert words_for(language)("errors.unforeseen")[:12] not in answer["error"]


@pytest.mark.parametrize("request_", [None, 3, [], "x", {}])
def test_no_request_at_all_gets_a_sentence(request_):
    for ask in (train, ask_trained):
        assert set(ask("en", TAB, request_)) == {"error"}


def test_a_state_with_other_numbers_is_refused(first):
    raw = bytearray(base64.b64decode(first["state"]))
    raw[-4:] = np.float32(np.nan).tobytes()
    answer = chunk(TRAIN | {"steps": 40}, base64.b64encode(bytes(raw)).decode(), 20)
    assert set(answer) == {"error"}


def test_no_free_place_is_said_with_a_time_to_ask_again(monkeypatch):
    def full(*given, **named):
        raise Refusal("busy")

    monkeypatch.setattr(training, "slot", full)
    answer = chunk(TRAIN)
    assert answer == {"error": words_for("en")("errors.busy"), "retry": 2.0}
    assert busy.WAITING >= 8


def test_training_leaves_torchs_global_generator_alone():
    before = torch.get_rng_state()
    chunk(TRAIN)
    assert torch.equal(before, torch.get_rng_state())
