"""Pitfalls, claims and programs on the page: each answer is what the numbers say, in both languages."""

from __future__ import annotations

import json

import numpy as np
import pytest

from attention.decode.cache_exercises import EXERCISES
from attention.pitfalls import PITFALLS
from attention.pitfalls_code import CLAIMS, PROGRAMS
from attention.ui import TABS
from attention.ui.page.pitfalls import (
    EVERY,
    PICTURES,
    QUESTIONS,
    ask_pitfalls,
    defaults,
    exercise,
    pitfalls_of,
)
from attention.ui.page.texts import LANGUAGES, words_for
from tests.ui.views import matrix_of

HOMES = {
    "matchmaker": {
        "no_scaling",
        "softmax_axis",
        "dropout_on_weights",
        "randn_matrices",
        "l2_weights",
        "library",
        "party",
    },
    "masks": {"all_zero_mask", "inverted_mask", "average_over_padding", "mask_for_widths"},
    "heads": {
        "scale_by_d_model",
        "split_without_transpose",
        "heads_not_dividing",
        "full_width_heads",
        "heads_memory",
        "four_layers",
        "batched_products",
        "eye_heatmap",
    },
    "applications": {"channel_attention"},
    "cost": {"cache_restart", "cache_twice", "cache_corner", "cache_evict", "cache_shared"},
}
RIGHT = {  # what happens, known without the package
    "no_scaling": "less than a quarter", "softmax_axis": "every column sums to 1, and the rows to anything",
    "dropout_on_weights": "1 on average, each single row more or less", "all_zero_mask": "NaN",
    "inverted_mask": "on the padding (2 places)",
    "average_over_padding": "a mix of the words and the padding's own vector",
    "scale_by_d_model": "flatter: every key gets nearly the same",
    "split_without_transpose": "earlier ones too: the future leaks",
    "heads_not_dividing": "no head ever sees it", "full_width_heads": "as many times as there are heads",
    "cache_restart": "0: on its own place", "cache_twice": "-3: the place of the key counts twice",
    "cache_corner": "one: the first", "cache_evict": "0: both have the same place",
    "cache_shared": "a part of it",
    "randn_matrices": "one key gets nearly all", "l2_weights": "even rows: every key the same",
    "library": "only what you read", "party": "whom you attend to, and so what you hear",
    "mask_for_widths": "nothing: it stops with a mask as without",
    "heads_memory": "as many times more as there are heads",
    "four_layers": "three; the last mixes the heads afterwards",
    "batched_products": "(3, 2, 4): each left times its own right",
    "eye_heatmap": "every word looks at itself alone, whatever the text",
    "channel_attention": "not 1: each stands for itself",
}  # fmt: skip
IDS = sorted(RIGHT)


def panel(panels, id):
    return matrix_of(next(p for p in panels if p["id"] == f"pitfalls.{id}"))


def test_every_pitfall_has_a_question_pictures_and_a_home():
    assert set(QUESTIONS) == set(PICTURES) == set(EVERY) == set(RIGHT)
    assert len(EVERY) == len(PITFALLS) + len(EXERCISES) + len(CLAIMS), "two of one name"
    homes = {tab.id: set(pitfalls_of(tab.id)) for tab in TABS if pitfalls_of(tab.id)}
    assert homes == HOMES


@pytest.mark.parametrize("id", IDS)
def test_the_answer_is_what_happens(id):
    found = exercise(id, words_for("en"))
    assert found["options"][found["answer"]] == RIGHT[id]
    assert len(set(found["options"])) == 3


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_answer_does_not_hang_on_the_seed(id, seed):
    question = QUESTIONS[id]
    answers = {question.answer(EVERY[id](s, **defaults(id))) for s in (0, seed)}
    assert len(answers) == 1


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_section_is_plain_json_with_every_place_filled(id, language):
    found = exercise(id, words_for(language))
    json.dumps(found, allow_nan=False)
    for text in (found["question"], found["why"], found["title"], *found["options"]):
        assert text and "{" not in text
    assert found["knob"]["value"] in found["knob"]["choices"]
    ids = [one["id"] for one in found["panels"]]
    assert len(ids) == len(set(ids)) and any(one["kind"] == "heatmap" for one in found["panels"])
    assert not any(one.get("opens") for one in found["panels"])


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_turn_of_the_knob_draws(id, language):
    tab = EVERY[id].tab
    for value in QUESTIONS[id].choices:
        answer = ask_pitfalls(language, tab, {"inputs": {}, "pitfall": id, "seed": 5, "value": value})
        assert answer["panels"], (id, value, answer)
        json.dumps(answer, allow_nan=False)


def test_the_knob_and_the_dice_move_the_numbers():
    ask = {"pitfall": "softmax_axis", "seed": 0, "value": 3}
    before, dice, knob = (
        ask_pitfalls("en", "matchmaker", ask | change)["panels"] for change in ({}, {"seed": 1}, {"value": 6})
    )
    assert not np.allclose(panel(before, "softmax_axis.wrong"), panel(dice, "softmax_axis.wrong"))
    assert panel(knob, "softmax_axis.wrong").shape == (6, 5)


def test_the_pictures_show_the_mistake():
    words = words_for("en")
    axis = exercise("softmax_axis", words)["panels"]
    np.testing.assert_allclose(panel(axis, "softmax_axis.right").sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(panel(axis, "softmax_axis.wrong").sum(0), 1, rtol=1e-5)
    empty = exercise("all_zero_mask", words)["panels"]
    assert np.isnan(panel(empty, "all_zero_mask.minus_inf")[1]).all()
    np.testing.assert_allclose(panel(empty, "all_zero_mask.minus_1e9")[1], 0.25)
    assert (panel(empty, "all_zero_mask.zeros")[1] == 0).all()
    inverted = exercise("inverted_mask", words)["panels"]
    assert (panel(inverted, "inverted_mask.wrong")[:, :3] == 0).all()
    moved = panel(exercise("split_without_transpose", words)["panels"], "split_without_transpose.moved")
    assert (moved[0, :3] == 0).all() and (moved[1, :3] > 0.1).any()
    used = panel(exercise("heads_not_dividing", words)["panels"], "heads_not_dividing.used")
    assert (used[0] > 0).all() and used[1, -1] == 0
    counts = panel(exercise("full_width_heads", words)["panels"], "full_width_heads.counts").sum(1)
    assert counts[0] == pytest.approx(counts[1]) and counts[2] == pytest.approx(12 * counts[0])


@pytest.mark.parametrize("request_", [
    None, [], {"pitfall": "inverted_mask"}, {"pitfall": "softmax_axis"}, {"pitfall": 3, "value": 2},
    {"pitfall": "softmax_axis", "value": 99}, {"pitfall": "softmax_axis", "value": True},
    {"pitfall": "softmax_axis", "value": "nan"}, {"pitfall": "softmax_axis", "value": 3, "seed": -1},
    {"pitfall": "softmax_axis", "value": 3, "seed": 10**9},
    {"pitfall": "softmax_axis", "value": 3, "seed": 1.5}, {"pitfall": ["softmax_axis"], "value": 3},
])  # fmt: skip
def test_a_malformed_question_gets_a_sentence(request_):
    answer = ask_pitfalls("zh", "matchmaker", request_)
    assert set(answer) == {"error"} and "编号" not in answer["error"]


@pytest.mark.parametrize("tab", HOMES)
def test_the_page_gets_the_words_it_needs(tab):
    answer = ask_pitfalls("en", tab, {"inputs": {}})
    assert [one["id"] for name in ("exercises", "claims") for one in answer[name]] == pitfalls_of(tab)
    assert {"exercises", "claims", "bugs", "wrong", "again", "run", "show"} <= set(answer["words"])


def test_every_broken_program_is_in_a_tab_with_what_happens_and_its_repair():
    shown = {}
    for tab in TABS:
        chinese = ask_pitfalls("zh", tab.id, {})["bugs"]
        for one, other in zip(ask_pitfalls("en", tab.id, {})["bugs"], chinese, strict=True):
            program = shown[one["id"]] = PROGRAMS[one["id"]]
            assert program.tab == tab.id
            assert "\n".join(one["code"]) == program.broken.rstrip("\n")
            assert (program.raises or program.wrong) in one["happens"] and one["lines"]
            assert program.prints in one["prints"] and program.prints in other["prints"]
            kept = [text for i, text in enumerate(one["code"], 1) if i not in one["lines"]]
            assert set(program.repaired.splitlines()) - set(kept) <= {
                text for sign, text in one["repair"] if sign == "+"
            }
            assert one["title"] != other["title"] and other["why"] and "{" not in one["why"]
    assert set(shown) == set(PROGRAMS)
