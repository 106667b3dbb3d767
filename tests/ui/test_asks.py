"""What the lessons of the decoder and the applications ask: each answer, found again in another way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from attention.classifier import classify, load_classifier
from attention.recommender.items import ITEMS
from attention.seq2seq import load, translate
from attention.ui.page.questions import view_of
from attention.ui.page.steps import lesson_of
from attention.ui.tabs.applications import READS
from attention.ui.tabs.applications import TAB as APPLICATIONS
from attention.ui.tabs.decoder import TAB as DECODER
from tests.ui.views import matrix_of, panel

CAKE = READS | {"history": "16,17,18,19,20,48", "k": 8}


def asked(tab, changes, id):
    """A question of a view, None where it is not asked."""
    return next((task for task in view_of(tab, "en", changes)["tasks"] if task["id"] == id), None)


@pytest.mark.parametrize(("text", "month"), [
    ("3 May 1996", "May"), ("Friday, 3 May 1996", "May"), ("Mon Mar 4 2019", "Mar"),
    ("4 September 1996", "September"),
])  # fmt: skip
def test_the_weight_on_a_month_is_the_sum_over_its_letters(text, month):
    shown = translate(load("additive"), text)
    at = text.index(month)
    share = sum(shown.alignments[6, at + i].item() for i in range(len(month)))
    task = asked(DECODER, {"text": text}, "letters")
    assert math.isclose(task["answer"], 100 * share, abs_tol=1e-3) and f"“{month}”" in task["question"]


def test_no_letters_no_question_about_them():
    assert asked(DECODER, {"text": "3/5/1996"}, "letters") is None
    assert asked(DECODER, {"attention": "none"}, "year") is None  # nothing to look with


def test_the_decoder_is_sure_of_what_nobody_can_know():
    for text in ("3/5/1996", "31 April 1996", "hello"):
        share = math.prod(max(row) for row in translate(load("additive"), text).probabilities.tolist())
        task = asked(DECODER, {"text": text}, "sure")
        assert math.isclose(task["answer"], 100 * share, rel_tol=1e-5)
    assert asked(DECODER, {"text": "3/5/1996"}, "sure")["answer"] > 99


@pytest.mark.parametrize(("text", "reached"), [
    ("31 April 1996", True), ("30 February 1997", True), ("30 April 1996", False), ("14 July 1789", False),
    ("hello", False), ("3/5/1996", False), ("32 May 1996", False),
])  # fmt: skip
def test_only_a_day_that_the_calendar_lacks_reaches_the_goal(text, reached):
    assert asked(DECODER, {"text": text}, "no_day")["reached"] is reached


def test_the_lesson_says_of_its_dates_what_the_models_do():
    months = translate(load("additive"), "3 September 1996").alignments[6]
    assert sorted(months.topk(2).indices.tolist()) == [4, 7]  # "which two letters it chooses there": p and m
    assert translate(load("none"), "May 3rd, 1996").output == "1996-05-02"  # "wrong by a day"
    assert all(translate(load(kind), "May 3rd, 1996").output == "1996-05-03" for kind in ("additive", "dot"))


def test_of_each_word_silenced_alone_not_and_bad_turn_the_soup():
    model, text = load_classifier(), "the soup was not bad"
    learned = classify(model, text)
    for i, word in enumerate(learned.tokens):
        factors = [0.0 if j == i else 1.0 for j in range(len(learned.tokens))]
        changes = {"text": text, "override": "drag", "token_weights": ",".join(f"{one:g}" for one in factors)}
        assert asked(APPLICATIONS, changes, "turn")["reached"] is (word in ("not", "bad"))


def test_nearly_half_of_the_attention_can_go_unnoticed():
    text, model = "a funny and moving film", load_classifier()
    learned = classify(model, text)
    shares = learned.weights.mean((0, 1)).tolist()
    assert [0.45 < share < 0.5 for share in shares] == [False, False, True, True, False]  # as the hint says
    for token_weights, reached in (("1,1,1,0", True), ("0", False), ("1,0", False), ("1,1,1", False)):
        changes = {"text": text, "override": "drag", "token_weights": token_weights}
        assert asked(APPLICATIONS, changes, "quiet")["reached"] is reached, token_weights


def test_the_permutations_that_turn_a_verdict_are_counted():
    text, model = "the soup was not bad", load_classifier()
    turned = [classify(model, text, permute_seed=seed).moved for seed in range(50)]
    assert not turned[0]  # "with seed 0 the verdict stays"
    assert asked(APPLICATIONS, {"text": text, "override": "permute"}, "shuffled")["answer"] == sum(turned)


def test_equal_weights_cannot_tell_two_orders_apart():
    values = [panel(view_of(APPLICATIONS, "en", {"text": text, "override": "uniform"}), "contributions")
              for text in ("greasy , not tasty", "tasty , not greasy")]  # fmt: skip
    first, second = (np.asarray(matrix_of(one)).sum(-1) for one in values)
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_the_sharpest_candidate_finds_the_cake_which_equal_weights_lose():
    view = view_of(APPLICATIONS, "en", CAKE)
    weights = matrix_of(panel(view, "weights"))
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    task = asked(APPLICATIONS, CAKE, "sharp")
    assert task["answer"] == column == 5 and f"Recommendation {row + 1} " in task["question"]
    theme = {item.name_en: item.theme for item in ITEMS}
    names = [label.split(". ", 1)[1] for label in panel(view, "weights")["rows"]]
    assert sum(theme[name] == ITEMS[48].theme for name in names) == 5  # "five of the first eight"
    assert not asked(APPLICATIONS, CAKE, "lost")["reached"]
    assert asked(APPLICATIONS, CAKE | {"even": True}, "lost")["reached"]


def test_the_first_guess_is_the_largest_of_the_column_shown():
    shown = matrix_of(panel(view_of(APPLICATIONS, "en", READS), "recall"))
    task = asked(APPLICATIONS, READS, "first")
    assert task["answer"] == shown[:, 0].argmax() and shown[:, 2].argmax() == 0  # ten guesses: attention


def test_steps_show_their_question_in_their_own_words():
    for tab in (DECODER, APPLICATIONS):
        for step in lesson_of(tab, "en"):
            assert asked(tab, step.inputs, step.task), (tab.id, step.title)


def test_what_has_no_answer_is_not_asked():
    garbage = {"text": "-", "attention": "dot"}
    assert not translate(load("dot"), "-").output[:4].isdigit()  # "three digits of the year"
    assert asked(DECODER, garbage, "year") is None and asked(DECODER, garbage, "open") is not None
    one = {"text": "good"}  # its row is a single weight of 1
    assert asked(APPLICATIONS, one, "shuffled") is None and asked(APPLICATIONS, one, "word") is None
    assert asked(APPLICATIONS, one, "label") is not None
    for id in ("look", "sharp"):  # which item it looks at most, beside a picture of equal weights
        assert asked(APPLICATIONS, CAKE, id) is not None
        assert asked(APPLICATIONS, CAKE | {"even": True}, id) is None
