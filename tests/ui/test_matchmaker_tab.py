"""The matchmaker tab: its picture says what attention computes, its people have names, its tasks hold."""

from __future__ import annotations

import base64
from itertools import product

import numpy as np
import pytest
import torch

from attention import attend
from attention.steps import SCORINGS, make_projections, make_scoring
from attention.ui.page import link
from attention.ui.page.fields import as_json, check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_export, ask_sheet, view_of
from attention.ui.page.texts import LANGUAGES
from attention.ui.tabs.matchmaker import TAB
from attention.ui.tabs.matchmaker.inputs import PEOPLE
from tests.ui.views import matrix_of, packed, panel

BOAST = dict(TAB.examples[2][1])


def picture(changes=None, language="en"):
    return panel(view_of(TAB, language, changes or {}), "match")


def tasks_of(changes=None, language="en"):
    return {task["id"]: task for task in view_of(TAB, language, changes or {})["tasks"]}


# -- the picture -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scoring", "projections"), list(product(SCORINGS, (False, True))))
def test_every_number_of_the_picture_is_attentions_own(scoring, projections):
    changes = {"scoring": scoring, "projections": projections, "temperature": 0.7, "scale": True}
    shown = picture(changes)
    query, keys, values = (torch.tensor(PEOPLE[part]).double() for part in ("query", "keys", "values"))
    if projections:
        matrices = [one.double() for one in make_projections(3, 3)]
        query, keys, values = (x @ w for x, w in zip((query, keys, values), matrices, strict=True))
    rule = make_scoring(scoring, 3)
    rule = type(rule)(**{name: one.double() for name, one in vars(rule).items()})
    theirs = attend(query[None], keys, values, scoring=rule, scale=3**-0.5, temperature=0.7)
    np.testing.assert_allclose(shown["shares"], theirs.weights[0], rtol=1e-6)
    np.testing.assert_allclose(shown["output"], theirs.output[0], rtol=1e-6)
    np.testing.assert_allclose(np.sum(shown["terms"], axis=1), shown["scores"], rtol=1e-6)
    np.testing.assert_allclose(np.multiply(shown["left"], shown["right"]), shown["terms"], rtol=1e-6)
    np.testing.assert_allclose(np.divide(shown["numerators"], shown["denominator"]), shown["shares"])
    np.testing.assert_allclose(np.sum(shown["contributions"], axis=0), shown["output"])
    np.testing.assert_allclose(shown["keys"], keys, rtol=1e-6)
    assert shown["typed"] is not projections


def test_the_picture_comes_first_and_its_shares_open():
    view = view_of(TAB, "en", {})
    assert view["panels"][0]["id"] == "match"
    for row, panel_id in ((0, "weights"), (1, "output")):
        cell = {"inputs": {}, "panel": panel_id, "row": 0, "column": 1}
        assert ask_sheet("en", TAB, cell | {"panel": "match", "row": row}) == ask_sheet("en", TAB, cell)
    assert "error" in ask_sheet("en", TAB, {"inputs": {}, "panel": "match", "row": 2, "column": 0})


def test_the_pictures_numbers_are_saved_with_the_names_of_their_columns():
    file = ask_export("en", TAB, {"inputs": {}, "panel": "match", "format": "csv"})
    rows = base64.b64decode(file["base64"]).decode("utf-8-sig").splitlines()
    assert "q × k kind" in rows[0] and "w × v tall" in rows[0]
    assert [float(x) for x in rows[1].split(",")[1:5]] == [1.5, 1.0, 0.5, 3.0]


# -- names of traits ---------------------------------------------------------------------------------


def test_traits_have_names_in_both_languages_and_facts_take_them_over():
    assert picture()["traits"] == picture()["facts"] == ["kind", "funny", "tall"]
    assert picture(language="zh")["traits"] == ["善良", "幽默", "高挑"]
    named = PEOPLE | {"traits": ["honest", "", ""], "facts": ["", "", "rich"]}
    assert picture({"people": named})["traits"] == ["honest", "funny", "tall"]
    assert picture({"people": named})["facts"] == ["honest", "funny", "rich"]
    sheet = ask_sheet("en", TAB, {"inputs": {"people": named}, "panel": "weights", "row": 0, "column": 0})
    assert [row[0] for row in sheet["sections"][0]["table"]["rows"]] == ["honest", "funny", "tall", "Sum"]
    assert [row[0] for row in sheet["sections"][3]["table"]["rows"]] == ["honest", "funny", "rich"]


def test_mixed_features_have_numbers_for_names():
    assert (
        picture({"projections": True})["traits"] == ["1", "2", "3"] == picture({"projections": True})["facts"]
    )


def test_names_survive_a_link_and_a_link_without_names_opens():
    for people in (PEOPLE, PEOPLE | {"traits": ["a", "", "c"]}, PEOPLE | {"facts": ["", "x", ""]}):
        values = check_all(TAB.id, TAB.inputs, {"people": people})
        query = link.write(TAB.id, TAB.fields, as_json(values))
        _, restored, good = link.read(query, {TAB.id: TAB.fields})[:3]
        assert good and restored["people"] == people
    unnamed = check_all(TAB.id, TAB.inputs, {"people": PEOPLE | {"traits": ["", " ", ""]}})
    assert unnamed.people == PEOPLE  # and so the link stays short


@pytest.mark.parametrize("traits", [["one"], "abc", [1, 2, 3], {"a": 1}])
def test_names_that_are_not_one_for_each_trait_are_refused(traits):
    with pytest.raises(Refusal, match="not_people"):
        check_all(TAB.id, TAB.inputs, {"people": PEOPLE | {"traits": traits}})


# -- tasks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_blend_is_the_output_and_says_who_boasted(language):
    blend = tasks_of(BOAST, language)["blend"]
    assert blend["answer"] == pytest.approx(picture(BOAST)["output"][0]) == pytest.approx(0.31, abs=0.005)
    assert blend["bar"] == [0.1, 0.9] and "0.310" in blend["why"] and "Ann" in blend["why"]
    honest = PEOPLE | {"keys": [[0.5, 1, 1], [0.5, 0, 1], [0, 0.5, 0]]}
    assert "Ann" not in tasks_of({"people": honest}, language)["blend"]["why"]
    assert "blend" not in tasks_of({"people": PEOPLE | {"values": [[1], [1], [1]]}}, language)


def test_the_temperature_makes_the_winner_get_nearly_all():
    for temperature in (0.05, 0.2, 0.4, 0.5, 1.0, 10.0):
        goal = tasks_of({"temperature": temperature})["sharp"]
        assert goal["reached"] == (picture({"temperature": temperature})["shares"][0] >= 0.99)
    assert tasks_of({"temperature": 0.4})["sharp"]["reached"] and not tasks_of()["sharp"]["reached"]
    tie = PEOPLE | {"keys": [[1, 1, 1]] * 3}
    assert not {"sharp", "winner"} & set(tasks_of({"people": tie}))  # no temperature parts equals


def test_dividing_by_the_root_makes_the_largest_share_smaller_unless_scores_are_alike():
    assert tasks_of()["root"]["answer"] == 2
    assert tasks_of({"people": PEOPLE | {"keys": [[1, 1, 1]] * 3}})["root"]["answer"] == 1
    shares = [max(picture({"scale": on})["shares"]) for on in (False, True)]
    assert all(f"{one:.4f}" in tasks_of()["root"]["why"] for one in shares)


def test_a_question_about_a_number_veils_every_panel_that_shows_it():
    for task in tasks_of().values():
        if "cell" in task:
            assert {"match", task["cell"][0]} <= set(task["hides"])


# -- the training ------------------------------------------------------------------------------------


def test_the_bars_of_belief_are_the_rows_of_the_table_at_its_marks():
    view = view_of(TAB, "en", {"mode": "training", "steps": 60})
    bars, player = panel(view, "belief"), panel(view, "training")
    frames = packed(bars["frames"])
    assert bars["steps"] == player["steps"] and bars["follows"] == "training"
    at = [mark["frame"] for mark in player["marks"]]
    np.testing.assert_allclose(frames[at], matrix_of(panel(view, "believed")), rtol=1e-5)
    assert [("boasted" in name) for name in bars["names"]] == [True, True, False, False, False, False]
