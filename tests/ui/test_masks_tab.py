"""The masks tab against sums done by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from attention.padding import read_batch
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_sheet, endpoint, view_of
from attention.ui.page.texts import words_for
from attention.ui.tabs.masks import TAB
from tests.ui.views import matrix_of, panel


def test_numbers_are_their_own_vectors():
    """Line "2 1", padded to 3, no mask: row of the 2 has scores 4, 2, 0."""
    view = view_of(TAB, "en", {"text": "3 1 2\n2 1", "mask": "none", "sentence": 2})
    scores = matrix_of(panel(view, "scores"))
    np.testing.assert_allclose(scores[0], [4, 2, 0])
    expected = np.exp([4, 2, 0]) / np.exp([4, 2, 0]).sum()
    np.testing.assert_allclose(matrix_of(panel(view, "after"))[0], expected, rtol=1e-5)


def test_the_padding_mask_stops_the_leak():
    view = view_of(TAB, "en", {"mask": "padding"})
    figures = panel(view, "leak")["items"]
    assert figures[0]["value"] != "0.0%" and figures[1]["value"] == "0.0%"


def test_the_three_conventions_of_a_fully_masked_row():
    conventions = matrix_of(panel(view_of(TAB, "en", {}), "conventions"))
    m = conventions.shape[1]
    assert np.isnan(conventions[0]).all()
    np.testing.assert_allclose(conventions[1], 1 / m)
    assert np.isinf(conventions[2]).all()
    assert (conventions[3] == 0).all()


def test_an_empty_sentence_gets_zeros():
    view = view_of(TAB, "en", {"text": "a b\n\nc", "sentence": 2, "mask": "padding"})
    assert (matrix_of(panel(view, "after")) == 0).all()


def test_the_sheet_adds_up_to_the_weight_on_screen():
    view = view_of(TAB, "en", {})
    shown = matrix_of(panel(view, "after"))[0, 1]
    sheet = ask_sheet("en", TAB, {"inputs": {}, "panel": "after", "row": 0, "column": 1})
    rows = sheet["sections"][0]["table"]["rows"]
    total = sum(float(row[3]) for row in rows[:-1])
    assert math.isclose(total, float(rows[-1][3]), abs_tol=2e-4)
    numerator, denominator, weight = (float(line[2]) for line in sheet["sections"][2]["lines"])
    assert math.isclose(numerator / denominator, weight, abs_tol=2e-4)
    assert math.isclose(weight, shown, abs_tol=1e-4)


@pytest.mark.parametrize(
    ("changes", "label"),
    [({"text": "   "}, "masks.text"), ({"text": "a\n" * 20 + "b"}, "masks.text"),
     ({"text": "x " * 300}, "masks.text"), ({"sentence": 7}, "masks.sentence"),
     ({"text": "x" * 1001}, "masks.text"), ({"sentence": math.nan}, "masks.sentence")],
)  # fmt: skip
def test_bad_input_is_named(changes, label):
    for language in ("en", "zh"):
        with pytest.raises(Refusal) as caught:
            view_of(TAB, language, changes)
        words = words_for(language)
        assert words(label) in caught.value.sentence(words)


@pytest.mark.parametrize(
    "text", ["😀 👩‍👩‍👧", "مرحبا بالعالم", "$x^2^2$", "<img src=x onerror=alert(1)>", "a"]
)
def test_any_writing_is_text(text):
    assert view_of(TAB, "en", {"text": text, "sentence": 1})["panels"]


@pytest.mark.parametrize("number", ["99999999999999999999", "-10001", "9" * 400])
def test_a_number_too_large_for_its_square_is_named(number):
    """Its score was infinite, every weight NaN, and the leak "nan%"."""
    with pytest.raises(Refusal) as caught:
        view_of(TAB, "en", {"text": f"1 2\n3 {number}"})
    sentence = caught.value.sentence(words_for("en"))
    assert "line 2" in sentence and number[:10] in sentence and len(sentence) < 200
    with pytest.raises(ValueError, match="10000"):
        read_batch(["1 2", number])


@pytest.mark.parametrize("text", ["10000 -10000\n9999.99", f"cats {'9' * 300}", "0.0001 10000"])
def test_the_largest_numbers_give_finite_answers(text):
    json.dumps(endpoint(TAB)(text=text), allow_nan=False)
