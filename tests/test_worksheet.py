"""A worksheet: the same for a seed, marked by the digits typed, printable with a key."""

from __future__ import annotations

import pytest

from attention.digits import Typed, read_number
from attention.mistakes import wrong_tables
from attention.paper import KINDS, TABLES, Cell, cells, draw, number
from attention.worksheet import make_worksheet, mark, mark_cell, to_html, to_text


@pytest.mark.parametrize(
    ("text", "value", "half"),
    [
        ("0.25", 0.25, 0.005), ("0,25", 0.25, 0.005), ("－１．５", -1.5, 0.05), ("−2", -2, 0.5), 
        ("–0.5", -0.5, 0.05), ("１，５", 1.5, 0.05), 
        (".5", 0.5, 0.05), ("1/4", 0.25, 0), ("1e-3", 0.001, 0.0005), 
        (" +3. ", 3, 0.5),
    ],
)  # fmt: skip
def test_numbers_as_people_type_them(text, value, half):
    assert read_number(text) == Typed(value, pytest.approx(half))


@pytest.mark.parametrize(
    "text", ["abc", "", " ", "1,000.5", "1,2,3", "inf", "nan", "1/0", "--1", "1" * 41, "0x1", "e5"]
)
def test_anything_else_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="number|commas") as caught:
        read_number(text)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError):
        mark_cell(draw(0), Cell("weight", 0, 0), text)


@pytest.mark.parametrize("kind", KINDS)
def test_blanks_are_the_seeds_and_touch_every_table(kind):
    one = make_worksheet(5, 7, kind=kind)
    assert one == make_worksheet(5, 7, kind=kind) != make_worksheet(5, 8, kind=kind)
    assert {cell.table for cell in one.blanks} == set(TABLES) and len(one.blanks) == 8
    assert len(make_worksheet(5, 7, len(cells(one.sheet)), kind).blanks) == len(cells(one.sheet))


def test_marks_follow_the_digits_typed():
    sheet, cell = draw(0), Cell("weight", 1, 2)  # 0.5465
    assert number(sheet, cell) == pytest.approx(0.5465, abs=1e-4)
    typed = ("0.547", "0.55", "0,5465", "0.5", "1", "0.548", "0.56")
    assert [mark_cell(sheet, cell, x).verdict for x in typed] == [
        "right", "right", "right", "coarse", "coarse", "wrong", "wrong",
    ]  # fmt: skip


def test_a_whole_sheet_names_what_one_cell_leaves_open():
    sheet = draw(1)
    wrong = wrong_tables(sheet, "not_renormalised")
    answers = {
        cell: f"{wrong[cell.table][cell.row, cell.column].item():.3f}"
        for cell in (Cell("weight", 0, 0), Cell("output", 0, 0), Cell("weight", 0, 3))
    }
    marks, whole = mark(sheet, answers)
    assert whole is not None and whole.key == "not_renormalised"
    assert marks[Cell("weight", 0, 0)].mistake == ""  # unmasked gives the same number


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_hides_what_the_key_shows(lang):
    work = make_worksheet(2, 3)
    for render in (to_text, to_html):
        page, key = render(work, lang), render(work, lang, key=True)
        assert (
            page.count(">____<" if render is to_html else " ____") >= 8
            and "____" not in key.split("<h1>")[-1]
        )
        for cell in work.blanks:
            value = number(work.sheet, cell)
            assert f"[{value:.0f}]" in key or f"[{value:.3f}]" in key
    assert "http" not in to_html(work) and "<script" not in to_html(work)


def test_seeds_and_cells_outside_are_refused():
    for bad in (-1, 2**53 + 1, True, 1.0):
        with pytest.raises(ValueError, match="seed"):
            draw(bad)
    with pytest.raises(ValueError, match="kind"):
        draw(0, "other")
    with pytest.raises(ValueError, match="3 rows and 4 columns"):
        number(draw(0), Cell("weight", 3, 0))
    with pytest.raises(ValueError, match="blanks"):
        make_worksheet(0, 0, 0)
