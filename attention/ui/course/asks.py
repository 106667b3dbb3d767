"""Small questions of the page: a number of a view, the QR code of a link, the test before and after."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import segno

from ...misconceptions import Item, make_test
from ...paper import tables
from ..page.guard import Json, Refusal, question_of, told, whole
from ..page.panels import Saved
from ..page.sheet import show
from ..page.texts import words_for
from .answers import PageAnswers, drawn_numbers, tables_of
from .table import named

MOST_LABELS = 64  # rows or columns of a picture that a menu offers
LONGEST_QR = 1273  # bytes: 117 modules a side, which a phone still reads from a wall
LARGEST_TEST = 999_999  # the seed of a test
SHEETS = 10_000  # rows and columns that a question may name


def _view(page: PageAnswers, query: object) -> Any:
    if not isinstance(query, str):
        raise Refusal("bad_request")
    try:
        return page.view(query)
    except ValueError:
        raise Refusal("bad_view") from None


def title_of(picture: Saved, otherwise: str = "") -> str:
    """What stands above a picture."""
    return str(getattr(picture, "title", "")) or otherwise


@told
def ask_numbers(language: str, page: PageAnswers, request: object) -> Json:
    """{"view"} -> its pictures with the labels of their rows and columns, and whether a seed draws it."""
    view = _view(page, question_of(request).get("view"))
    try:
        found = page.numbers(view, language)
    except ValueError:
        raise Refusal("bad_view") from None
    tables = tables_of(found)
    panels = [
        {"id": id, "title": title_of(found[id], id), "rows": list(table.rows)[:MOST_LABELS],
         "columns": list(table.columns)[:MOST_LABELS]}
        for id, table in tables.items() if table.values.size
    ]  # fmt: skip
    return {"panels": panels, "draws": bool(drawn_numbers(view.tab, view.step, view.inputs, 0))}


@told
def ask_number(language: str, page: PageAnswers, request: object) -> Json:
    """{"view", "base", "panel", "row", "column"} -> the number of the view, its name, the pictures that
    show it, and whether something was moved since ``base``; own: and nothing that may not be."""
    asked = question_of(request)
    view, base = _view(page, asked.get("view")), asked.get("base")
    panel, row, column = asked.get("panel"), *(whole(asked.get(side), SHEETS) for side in ("row", "column"))
    if not isinstance(panel, str) or not isinstance(base, str):
        raise Refusal("bad_request")
    try:
        results = page({"view": str(asked["view"])})
        number = results.number(panel, row, column)
        pictures = page.numbers(view, language)
        table = pictures[panel].table()
    except ValueError:
        raise Refusal("bad_view") from None
    try:
        moved, own = results.moved(base), results.owns(base)
    except ValueError:
        moved, own = False, False
    names = title_of(pictures[panel]), table.rows[row], table.columns[column]
    label = " · ".join(one for one in names if one)
    value = number if math.isfinite(number) else None
    tables = tables_of(pictures).items()
    shown = [id for id, one in tables if np.isclose(one.values, number, rtol=1e-5).any()]
    return {"value": value, "label": label, "moved": moved, "own": own, "shown": shown}


@told
def ask_qr(language: str, page: PageAnswers, request: object) -> Json:
    """{"link"} -> its QR code as rows of 0 and 1, dark is 1, a quiet edge of four included.

    A longer link is refused, with what to do instead.
    """
    link = question_of(request).get("link")
    if not isinstance(link, str) or not link.startswith(("http://", "https://")):
        raise Refusal("bad_request")
    size = len(link.encode())
    if size > LONGEST_QR:
        raise Refusal("qr_too_long", length=size, limit=LONGEST_QR)
    code = segno.make_qr(link, error="l", boost_error=True)
    return {"rows": ["".join(map(str, row)) for row in code.matrix_iter(border=4)]}


@told
def ask_test(language: str, page: PageAnswers, request: object) -> Json:
    """{"seed", "after"} -> the twelve items before, or their twins after, with what each choice means."""
    asked = question_of(request)
    after = asked.get("after") is True
    test = make_test(whole(asked.get("seed"), LARGEST_TEST), after)
    return {"items": [_item(item, language) for item in test]}


def _item(item: Item, language: str) -> Json:
    sheet, words = item.sheet, words_for(language)
    score = tables(sheet)["score"]
    shown = {"query": sheet.query, "key": sheet.key, "value": sheet.value}
    rows = {name: [[f"{number:g}" for number in row] for row in given] for name, given in shown.items()}
    kind = "attention" if sheet.kind == "attention" else "distance"
    given = {"d": sheet.d, "d_model": sheet.d_model, "bandwidth": f"{sheet.bandwidth:g}"}
    return {
        "mistake": item.mistake, "prompt": item.prompt(language), "right": item.right,
        "setting": words(f"course.test_{kind}", **given), "tables": rows,
        "padding": {"key": [not any(row[j] for row in sheet.mask) for j in range(score.shape[1])],
                    "query": [not real for real in sheet.real]},
        "choices": [
            {"text": show(one.number, 3), "mistake": one.mistake, "says": named(one.mistake, words)}
            for one in item.choices
        ],
    }  # fmt: skip
