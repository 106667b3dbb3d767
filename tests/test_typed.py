"""Nothing hides in a typed text, and nothing that spells a word is lost."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention.typed import FILLERS, HIDDEN, visible

ALIKE = [
    "pay\u200bpal",
    "\u202eevil",
    "a\u2066b\u2069",
    "x\ufeff",
    "soft\u00adhyphen",
    "\u3164",
    "a\x00b",
    "\ud800",
]
SPELT = [
    "👩\u200d💻",
    "❤\ufe0f\u200d🔥",
    "می\u200cخواهم",
    "क्\u200dष",
    "1\ufe0f\u20e3",
    "葛\U000e0100",
    "e\u0301",
    "中文，",
]


@pytest.mark.parametrize("text", ALIKE)
def test_what_draws_nothing_or_turns_letters_around_is_in_sight(text):
    shown = visible(text)
    assert HIDDEN in shown and len(shown) == len(text)
    shown.encode("utf-8")


@pytest.mark.parametrize("text", SPELT)
def test_what_spells_something_stays(text):
    assert visible(text) == text


def test_joiners_and_selectors_where_they_join_nothing_are_in_sight():
    assert visible("a\u200db") == f"a{HIDDEN}b" and visible("我\u200d你") == f"我{HIDDEN}你"
    assert visible("a\ufe0f") == f"a{HIDDEN}" and visible("\ufe0f") == HIDDEN


@given(st.text())
def test_nothing_hidden_is_left_and_twice_is_once(text):
    shown = visible(text)
    assert visible(shown) == shown and len(shown) <= len(text)
    left = {letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cf", "Cs")}
    assert left <= {"\n", "\t", "\u200c", "\u200d"} and not left & FILLERS
    assert shown.splitlines() == shown.split("\n") or shown.endswith("\n") or not shown
