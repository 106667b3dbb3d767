"""The applications tab: what is dragged moves what it says, and every number adds up."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
import torch

from attention.recommender.items import ITEMS
from attention.ui.page import link
from attention.ui.page.fields import as_json, check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_sheet, ask_trained, endpoint, train, view_of
from attention.ui.page.texts import words_for
from attention.ui.tabs.applications import READS, TAB, classifier, history, recommender, training
from attention.ui.tabs.applications.marks import marks, measure
from tests.ui.views import matrix_of, packed, panel

results = endpoint(TAB)
CLASSIFIER = [
    {},
    {"text": "good , not bad"},
    {"text": "这家旅馆很吵闹，并不干净。"},
    {"text": 'a "quoted" \\ zyzzyva\'s soup was not bad'},
    {"override": "drag", "token_weights": "0, 1, 2.5"},
    {"override": "drag", "token_weights": "0,0,0,0,0,0"},
    {"override": "permute", "permute_seed": 7},
    {"override": "uniform", "text": "bad"},
    {"override": "drag", "token_weights": "2", "text": "xyzzy !"},
]
RECOMMENDER = [
    READS,
    READS | {"user": "u3", "k": 20},
    READS | {"history": "48,16,17"},
    READS | {"history": "-", "k": 1},
    READS | {"even": True},
]
CASES = CLASSIFIER + RECOMMENDER


def checked(changes):
    return check_all(TAB.id, TAB.inputs, changes)


def opened(changes, id, row, column, language="en"):
    found = ask_sheet(language, TAB, {"inputs": changes, "panel": id, "row": row, "column": column})
    assert "error" not in found, found
    return found


def number(text):
    return float(text.replace("∞", "inf"))


@pytest.mark.parametrize("changes", CLASSIFIER)
def test_every_head_opens_on_the_weight_shown(changes):
    view = view_of(TAB, "en", changes)
    for h in range(4):
        shown = matrix_of(panel(view, f"head_{h}"))
        n = len(shown)
        for row, column in {(0, 0), (n - 1, 0), (n // 2, n - 1)}:
            found = opened(changes, f"head_{h}", row, column)
            assert found["weight"] == pytest.approx(shown[row, column], abs=1e-6)
            # the last line of the last section of arithmetic ends in the number of the cell
            last = found["sections"][-1 if view["inputs"]["override"] != "none" else 2]["lines"][-1]
            assert number(last[2]) == pytest.approx(shown[row, column], abs=6e-5)


@pytest.mark.parametrize("changes", CLASSIFIER)
def test_the_sheets_of_shares_add_up_to_their_cells(changes):
    view = view_of(TAB, "zh", changes)
    for id in ("received", "contributions"):
        shown = matrix_of(panel(view, id))
        for row in range(len(shown)):
            for column in (0, shown.shape[1] - 1):
                section = opened(changes, id, row, column, "zh")["sections"][0]
                last = section["table"]["rows"][-1][-1] if "table" in section else section["lines"][-1][-1]
                assert number(last) == pytest.approx(shown[row, column], abs=1e-4)


@pytest.mark.parametrize("changes", CLASSIFIER)
def test_what_the_tokens_add_is_the_logits(changes):
    view, found = view_of(TAB, "en", changes), results(**changes)
    sums = matrix_of(panel(view, "contributions")).sum(1)
    np.testing.assert_allclose(sums, found["logits"], atol=1e-4)
    series = panel(view, "prediction")["series"]
    np.testing.assert_allclose(series[-1]["values"], torch.tensor(found["logits"]).softmax(0), atol=1e-5)


def test_the_shuffled_points_are_what_the_seed_gives():
    points = classifier.study(checked({})).shuffled
    for seed in (0, 7, 49):
        found = results(**{"override": "permute", "permute_seed": seed})
        assert points[seed].item() == pytest.approx(found["probabilities"][1], abs=1e-5)


def test_a_silenced_word_gets_no_weight_and_moves_the_verdict():
    text = "the soup was not bad"
    before, after = (results(**{"text": text} | c) for c in (
        {}, {"override": "drag", "token_weights": "1,1,1,0"}))  # fmt: skip
    weights = np.array(after["weights"])
    assert before["label"] == "positive" and after["label"] == "negative" and after["moved"]
    assert (weights[:, :, 3] == 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_the_same_words_in_another_order_change_the_verdict():
    labels = [results(**{"text": t})["label"] for t in ("good , not bad", "bad , not good")]
    assert labels == ["positive", "negative"]


def test_a_word_never_met_is_marked_and_named():
    view = view_of(TAB, "en", {"text": "the zyzzyva was good"})
    assert "zyzzyva" in view["notices"][0]
    assert panel(view, "bars")["tokens"][1] == "zyzzyva°"


@pytest.mark.parametrize("changes", RECOMMENDER)
def test_scores_add_up_and_rank(changes):
    view, found = view_of(TAB, "en", changes), results(**changes)
    shown = matrix_of(panel(view, "scores"))
    np.testing.assert_allclose(shown.sum(1), found["scores"], atol=1e-4)
    assert found["scores"] == sorted(found["scores"], reverse=True)
    assert not set(found["ranking"]) & set(found["history"])
    for row in range(len(shown)):
        lines = opened(changes, "scores", row, 0)["sections"][-1]["lines"]
        assert number(lines[-1][2]) == pytest.approx(found["scores"][row], abs=1e-4)


@pytest.mark.parametrize("changes", [c for c in RECOMMENDER if c.get("history") != "-"])
def test_every_candidates_weight_opens(changes):
    shown = matrix_of(panel(view_of(TAB, "en", changes), "weights"))
    np.testing.assert_allclose(shown.sum(1), 1, atol=1e-5)
    for row in range(len(shown)):
        for column in (0, shown.shape[1] - 1):
            weight = opened(changes, "weights", row, column)["weight"]
            assert weight == pytest.approx(shown[row, column], abs=1e-6)


def test_an_empty_history_leaves_popularity_alone():
    found = results(**READS | {"history": "-"})
    assert found["scores"] == found["popularity"] and found["weights"][0] == []


def test_names_come_in_the_pages_language():
    item = history.history_of(checked(READS))[0]
    for language, name in (("en", ITEMS[item].name_en), ("zh", ITEMS[item].name_zh)):
        assert panel(view_of(TAB, language, READS), "weights")["columns"][0] == name


@pytest.mark.parametrize("changes", CASES)
def test_the_snippet_prints_the_numbers_shown(changes):
    view, found = view_of(TAB, "en", changes), results(**changes)
    assert len(view["code"].splitlines()) <= 30
    scope, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(view["code"], scope)  # noqa: S102
    weights = scope["seen"].weights
    if view["inputs"]["app"] == "recommender":
        assert printed.getvalue().strip().endswith("True")
        weights = weights[scope["top"]]
        np.testing.assert_allclose(scope["seen"].scores[scope["top"]], found["scores"], atol=1e-6)
    else:
        np.testing.assert_allclose(scope["seen"].probabilities, found["probabilities"], atol=1e-6)
    np.testing.assert_allclose(weights, np.array(found["weights"]), atol=1e-6)


@pytest.mark.parametrize("changes", [*CASES, *(changes for _, changes in TAB.examples)])
def test_a_link_restores_the_inputs(changes):
    values = as_json(checked(changes))
    name, restored, good, _ = link.read(link.write(TAB.id, TAB.fields, values), {TAB.id: TAB.fields})
    assert name == TAB.id and good and restored == values


@pytest.mark.parametrize("changes", CASES)
def test_results_are_plain_numbers(changes):
    json.dumps(results(**changes), allow_nan=False)


@pytest.mark.parametrize("changes", [{}, READS, {"mode": "train"}, READS | {"mode": "train"}])
def test_tasks_are_computed_and_hide_panels_that_are_there(changes):
    view = view_of(TAB, "zh", changes)
    ids = {one["id"] for one in view["panels"]}
    for task in view["tasks"]:
        assert set(task.get("hides", [])) <= ids
    if changes == {}:
        answers = {task["id"]: task["answer"] for task in view["tasks"] if task["kind"] != "goal"}
        assert answers["pairs"] == 50 and answers["label"] == 1


BAD = [
    ({"text": " "}, "text"),
    ({"text": "好" * 65}, "text"),
    ({"text": "a" * 301}, "text"),
    ({"token_weights": "1,-1"}, "token_weights"),
    ({"token_weights": "1,nan"}, "token_weights"),
    ({"token_weights": "9"}, "token_weights"),
    ({"token_weights": "2," * 65}, "token_weights"),
    ({"token_weights": [1]}, "token_weights"),
    ({"override": "off"}, "override"),
    ({"permute_seed": 0.5}, "permute_seed"),
    (READS | {"user": "u6"}, "user"),
    (READS | {"history": "1,1"}, "history"),
    (READS | {"history": "64"}, "history"),
    (READS | {"history": "1.5"}, "history"),
    (READS | {"history": "<b>"}, "history"),
    (READS | {"history": ",".join(map(str, range(21)))}, "history"),
    (READS | {"k": 0}, "k"),
    (READS | {"even": 1}, "even"),
    ({"learning_rate": 1}, "learning_rate"),
]


@pytest.mark.parametrize(("changes", "label"), BAD)
def test_bad_input_is_named(changes, label):
    for language in ("en", "zh"):
        with pytest.raises(Refusal) as caught:
            view_of(TAB, language, changes)
        words = words_for(language)
        assert words(f"applications.{label}") in caught.value.sentence(words)


def test_cells_outside_are_refused():
    for changes, id, row, column in (
        ({}, "head_0", 6, 0), ({}, "head_4", 0, 0), ({}, "received", 4, 0), ({}, "contributions", 0, 7),
        ({}, "marks", 0, 0), (READS, "weights", 10, 0), (READS, "weights", 0, 8), (READS, "scores", 0, 9),
        ({"mode": "train"}, "head_0", 0, 0),
    ):  # fmt: skip
        assert "error" in ask_sheet("en", TAB, {"inputs": changes, "panel": id, "row": row, "column": column})


def test_the_marks_shown_are_what_the_weights_shipped_earn():
    # else: python -m attention.ui.tabs.applications.marks
    shown, found = marks(), measure()
    assert shown["reviews"] == found["reviews"] and shown["users"] == found["users"]
    for part in ("classifier", "recommender"):
        for name, group in found[part].items():
            assert shown[part][name] == pytest.approx(group, abs=0.005), (part, name)
    assert shown["permuting"] == pytest.approx(found["permuting"], abs=0.01)


def test_attention_beats_what_cannot_see_order_and_breaking_it_shows():
    found = marks()["classifier"]
    assert found["attention"]["negation"] > 0.9
    for broken in ("bag", "uniform", "permuted"):
        assert found[broken]["negation"] < 0.7
    found = marks()["recommender"]
    assert found["attention"]["10"] > found["mean"]["10"] > found["uniform"]["10"] > found["popularity"]["10"]


def test_the_fair_baseline_and_the_new_sentences_stand_on_the_page():
    view, found = view_of(TAB, "en", READS), marks()["recommender"]
    shown = panel(view, "recall")
    assert shown["columns"] == ["k = 1", "k = 5", "k = 10"]
    for model, row in zip(recommender.MODELS, matrix_of(shown), strict=True):
        np.testing.assert_allclose(row, [found[model][k] for k in ("1", "5", "10")], atol=1e-6)
    # what its caption says of the numbers above it
    ahead = {k: found["attention"][k] - found["mean"][k] for k in ("1", "5", "10")}
    assert ahead["1"] < -0.01 and abs(ahead["5"]) < 0.02 and ahead["10"] > 0.05
    shown, found = panel(view_of(TAB, "en", {}), "marks"), marks()
    assert f"{found['new_reviews']:,}" in shown["caption"] and found["new_reviews"] < found["reviews"]
    row = matrix_of(shown)[classifier.MODELS.index("attention")]
    wanted = [found["classifier"]["attention"][group] for group in ("all", "new", "negation", "double")]
    np.testing.assert_allclose(row, wanted, atol=1e-6)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("override", ["none", "permute", "uniform"])
def test_no_verdict_when_every_word_is_unknown(language, override):
    words = words_for(language)
    changes = {"text": "xyzzy, qwxz!", "override": override}
    view, found = view_of(TAB, language, changes), results(**changes)
    assert found["label"] is None and not found["moved"]
    said = json.dumps(panel(view, "verdict"), ensure_ascii=False)
    assert words("applications.undecided") in said
    for label in ("positive", "negative"):
        assert words(f"applications.{label}") not in said
    assert panel(view, "prediction")["caption"] == words("applications.undecided_caption")
    assert view["notices"] == [words("applications.undecided_notice")]
    assert [task["id"] for task in view["tasks"]] == ["pairs"]
    inputs = {"text": "xyzzy", "mode": "train", "steps": 20}
    trained = train(language, TAB, {"inputs": inputs, "state": None, "step": 0})
    assert trained["output"] == words("applications.undecided_short")


@pytest.mark.parametrize("changes", [{"text": "好看，不难看"}, READS | {"history": "3,20,48"}])
def test_a_training_goes_on_from_the_state_and_its_cells_open(changes):
    inputs = changes | {"mode": "train", "steps": 40}
    first = train("zh", TAB, {"inputs": inputs, "state": None, "step": 0})
    assert "error" not in first, first
    again = train("zh", TAB, {"inputs": inputs, "state": None, "step": 0})
    assert again == first  # the same seed, the same numbers
    second = train("zh", TAB, {"inputs": inputs, "state": first["state"], "step": first["step"]})
    assert second["step"] == 2 * first["step"] and second["losses"] != first["losses"]
    weights = packed(second["data"])
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    for row, column in ((0, 0), (len(weights) - 1, weights.shape[1] - 1)):
        place = {"row": row, "column": column}
        found = ask_trained("zh", TAB, {"inputs": inputs, "state": second["state"]} | place)
        assert "error" not in found, found
        section = found["sections"][0 if inputs.get("app") is None else 2]
        last = section["table"]["rows"][-1][-1] if "table" in section else section["lines"][-1][-1]
        assert number(last) == pytest.approx(weights[row, column], abs=1e-4)
    # a state of the other application, or one that was changed, is refused in a sentence
    other = {"mode": "train"} | ({} if changes.get("app") else READS)
    for strange in ({"inputs": other, "state": first["state"]}, {"inputs": inputs, "state": "AAAA"},
                    {"inputs": inputs, "state": "é"}, {"inputs": inputs, "state": 3}):  # fmt: skip
        assert set(train("zh", TAB, strange | {"step": 0})) == {"error"}
        assert set(ask_trained("zh", TAB, strange | {"row": 0, "column": 0})) == {"error"}


MALFORMED = [None, 3, {}, {"inputs": {}}, {"inputs": {}, "step": True}, {"inputs": {}, "step": 400},
             {"inputs": {"k": 0}, "step": 0}]  # fmt: skip


@pytest.mark.parametrize("request_", MALFORMED)
def test_a_malformed_training_question_gets_a_sentence(request_):
    for ask in (train, ask_trained):
        assert set(ask("en", TAB, request_)) == {"error"}


def test_a_busy_server_says_when_to_ask_again(monkeypatch):
    def full(*_, **__):
        raise Refusal("busy")

    monkeypatch.setattr(training, "free_place", full)
    for inputs in ({"mode": "train"}, READS | {"mode": "train"}):
        found = train("en", TAB, {"inputs": inputs, "state": None, "step": 0})
        assert found["retry"] > 0 and found["error"]
