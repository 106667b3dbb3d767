"""By hand on the page: what is asked for can be worked out, is hidden elsewhere, and is marked."""

from __future__ import annotations

import json
import re

import pytest
import torch

from attention.mistakes import MISTAKES, changed_cells, wrong_tables
from attention.paper import KINDS
from attention.ui import BY_ID, TABS
from attention.ui.page.hand import blanks_of, work_out
from attention.ui.page.questions import ask_hand, ask_sheet, view_of
from attention.ui.page.sheet import Grid, Section
from attention.worksheet import make_worksheet

CELLS = {  # tab -> (inputs, panel) whose cell (0, 1) opens a weight
    "matchmaker": ({"scale": True}, "weights"),
    "masks": ({}, "before"),
    "kernel": ({}, "weights"),
    "positions": ({}, "weights"),
    "decoder": ({}, "alignment"),
}


def hand(tab, language="en", **asked):
    return ask_hand(language, BY_ID[tab], {"inputs": {}, "seed": 1, **asked})


def opened(tab):
    """The cell of a tab's first picture that opens into a softmax, and its inputs."""
    view = view_of(BY_ID[tab], "en", CELLS[tab][0])
    for panel in view["panels"]:
        place = {"inputs": view["inputs"], "panel": panel["id"], "row": 0, "column": 1}
        for frame in ("", "@1"):
            sheet = ask_sheet("en", BY_ID[tab], place | {"panel": panel["id"] + frame})
            if len(sheet.get("sections", ())) >= 3:
                return place | {"panel": panel["id"] + frame}
    raise AssertionError(f"{tab}: no cell opens into a weight")


def texts(sections):
    for section in sections:
        yield section["text"]
        for row in [*section.get("table", {}).get("rows", ()), *section.get("lines", ())]:
            yield from (entry for entry in row if isinstance(entry, str))


@pytest.mark.parametrize("tab", CELLS)
def test_blanks_of_any_tab_are_hidden_and_their_answers_are_right(tab):
    place = opened(tab)
    for seed in range(4):
        shown = hand(tab, **place | {"seed": seed, "reveal": True})
        answers = shown["answers"]
        assert 1 <= len(answers) <= 4 and shown["sections"] == hand(tab, **place | {"seed": seed})["sections"]
        for text in texts(shown["sections"]):
            for answer in answers.values():
                assert not re.search(rf"(?<![\w.-]){re.escape(answer)}(?![\w.])", text), (text, answer)
        marked = hand(tab, **place | {"seed": seed, "given": answers})["marks"]
        assert {one["verdict"] for one in marked.values()} == {"right"} and set(marked) == set(answers)
        off = {sign: f"{float(text) + 0.7357:.4f}" for sign, text in answers.items()}
        assert all(one["verdict"] == "wrong" for one in hand(tab, **place, given=off)["marks"].values())


def test_a_formula_is_worked_out_and_words_are_not():
    assert work_out("exp(-1.5 - (-1.5)) × 2") == 2 and work_out("9,216 / 2") == 4608
    for text in ("1.5", "Σ", "exp(-∞)", "1 / 0", "__import__('os')", "2 ** 9 ** 9", "a" * 9000, "(" * 500):
        assert work_out(text) is None


def test_no_number_is_asked_for_that_stands_before_or_cannot_be_worked_out():
    rows = [
        ["1", "2.0000", "1.5000", "3.0000"],
        ["2", "0.5000", "3.0000", "1.5000"],
        ["Sum", "", "", "4.5000"],
    ]
    table = Grid(["", "q", "k", "q × k"], rows, total=True)
    lines = [
        ["score", "Σ", "4.5000"],
        ["scaled", "4.5000 × 0.5000", "2.2500"],
        ["of all", "Σ of others", "7.0000"],
    ]
    found = blanks_of([Section(table=table, lines=lines)])
    assert [(one.label, one.written) for one in found] == [
        ("1", "3.0000"),
        ("Sum", "4.5000"),
        ("scaled", "2.2500"),
    ]


def answered(tab, place, label, number, language="en"):
    """The mark of a number typed for the line of this label, whichever seed asks for it."""
    for seed in range(60):
        shown = hand(tab, language, **place | {"seed": seed})
        for section in shown["sections"]:
            for row in section.get("lines", ()):
                if row[0] == label and isinstance(row[-1], dict):
                    sign = row[-1]["blank"]
                    return hand(tab, language, **place | {"seed": seed, "given": {sign: number}})["marks"][
                        sign
                    ]
    raise AssertionError(f"no seed asks for {label}")


def test_a_weight_without_the_root_is_named_in_both_languages():
    keys, values = [[1, 0, 1], [0, 1, 0.5], [0.5, 0, 0]], [[1.0], [2.0], [3.0]]
    people = {"names": ["Ann", "Bo", "Cai"], "query": [1.0, 0.5, 2.0], "keys": keys, "values": values}
    inputs = {"people": people, "scale": True}
    place = {"inputs": inputs, "panel": "weights", "row": 0, "column": 1}
    scores = torch.tensor(people["keys"]) @ torch.tensor(people["query"])
    wrong = f"{scores.softmax(0)[1].item():.3f}"
    for language in ("en", "zh"):
        label = {"en": "Weight", "zh": "权重"}[language]
        found = answered("matchmaker", place, label, wrong, language)
        assert found["says"] == MISTAKES["no_scale"].says[language]
    right = f"{(scores / 3**0.5).softmax(0)[1].item():.3f}"
    assert answered("matchmaker", place, "Weight", right)["verdict"] == "right"
    assert answered("matchmaker", place, "Weight", right[:4])["verdict"] == "coarse"
    assert answered("matchmaker", place, "Weight", right.replace(".", ","))["verdict"] == "right"
    assert answered("matchmaker", place, "Weight", "one half")["verdict"] == "unreadable"


@pytest.mark.parametrize("key", MISTAKES)
def test_each_mistake_is_named_on_a_sheet_of_its_own(key):
    kind = MISTAKES[key].kinds[0]
    named = seen = 0
    for seed in range(12):
        work = make_worksheet(seed, seed, kind=kind)
        wrong = wrong_tables(work.sheet, key)
        given = {
            f"{cell.table}.{cell.row}.{cell.column}": f"{wrong[cell.table][cell.row, cell.column].item():.3f}"
            for cell in work.blanks
        }
        shown = hand("masks", "zh", paper=kind, seed=seed, given=given)
        says = {one["says"] for one in shown["marks"].values()} | {shown.get("together")}
        assert not says & {other.says["zh"] for name, other in MISTAKES.items() if name != key}
        named += MISTAKES[key].says["zh"] in says
        seen += bool(set(work.blanks) & set(changed_cells(work.sheet, key)))
    assert named >= 0.75 * seen >= 3  # two mistakes may give the same numbers in the eight cells asked for


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawn_sheet_with_its_answers_and_its_pages(kind):
    shown = hand("kernel", paper=kind, seed=4, reveal=True)
    marks = hand("kernel", paper=kind, seed=4, given=shown["answers"])["marks"]
    assert len(marks) == 8 and {one["verdict"] for one in marks.values()} == {"right"}
    sheet, key = (hand("kernel", paper=kind, seed=4, print=which)["html"] for which in ("sheet", "key"))
    assert sheet.count(">____<") == 8 and "____" not in key.split("<h1>")[1]
    assert all(f"[{answer}]" in key for answer in shown["answers"].values())


@pytest.mark.parametrize("asked", [
    {}, {"seed": -1}, {"seed": "1"}, {"seed": 2**53 + 1}, {"given": []}, {"given": {"a": 1}},
    {"given": {"a": "1" * 201}},
    {"given": {str(i): "1" for i in range(101)}}, {"paper": "other"}, {"paper": "attention", "seed": True},
    {"panel": "before", "row": 0}, {"panel": "before", "row": 0, "column": 10**9},
])  # fmt: skip
def test_a_malformed_question_gets_a_sentence(asked):
    assert set(hand("masks", **asked)) == {"error"}


def test_markup_typed_stays_text():
    typed = "<img src=x>"
    shown = hand("masks", paper="attention", given={"weight.0.0": typed, "<b>": typed})
    assert typed not in json.dumps(shown)


def test_every_tab_whose_cells_open_has_it():
    from attention.ui.page.questions import server_functions

    for tab in TABS:
        assert {"sheet", "hand"} <= set(server_functions(tab, "en"))
