"""Everything from outside passes the guard: what it lets in, and the sentence for what it does not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention.ui import TABS
from attention.ui.page import fields
from attention.ui.page.fields import Choice, Field, Flag, Number, Text, Whole, check_all
from attention.ui.page.guard import Refusal, answer, to_number
from attention.ui.page.texts import words_for
from attention.ui.tabs.matchmaker.inputs import PEOPLE
from attention.ui.tabs.matchmaker.people import People

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class Inputs:
    size: int = fields.given(Whole(2, 1, 6))
    heat: float = fields.given(Number(1.0, 0.1, 5.0))
    on: bool = fields.given(Flag(True))
    kind: str = fields.given(Choice("a", ("a", "b")))
    text: str = fields.given(Text("hi", 20))


FIELDS: tuple[Field, ...] = fields.fields_of(Inputs)


@pytest.mark.parametrize("text", ["nan", "inf", "1_0", "0x10", "abc", "", "1e999", "true", "１２ａ"])
def test_spellings_that_float_takes_or_not_are_refused(text):
    with pytest.raises(Refusal):
        to_number(text, "x")


@pytest.mark.parametrize(("text", "number"), [("1.5", 1.5), (" -2 ", -2), ("１２", 12), ("1e3", 1000)])
def test_plain_decimals_are_read(text, number):
    assert to_number(text, "x") == number


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, None, [1], {"a": 1}, 10**400])
def test_a_number_is_a_finite_number(value):
    with pytest.raises(Refusal):
        to_number(value, "x")


@given(ANYTHING)
def test_no_value_passes_a_field_outside_its_rule(value):
    for field in FIELDS:
        try:
            checked = field.check(value, "masks.text")
        except Refusal as refusal:
            for language in ("en", "zh"):
                sentence = refusal.sentence(words_for(language))
                assert words_for(language)("masks.text") in sentence
            continue
        if isinstance(field, Number | Whole):
            assert field.low <= checked <= field.high
            assert isinstance(checked, int if isinstance(field, Whole) else float)
        elif isinstance(field, Flag):
            assert checked is True or checked is False
        elif isinstance(field, Choice):
            assert checked in field.options
        else:
            assert len(checked) <= field.limit and checked.strip()
            checked.encode("utf-8")


def test_a_missing_input_takes_its_default_and_an_unknown_one_is_refused():
    assert check_all("masks", Inputs, {}) == Inputs(2, 1.0, True, "a", "hi")
    with pytest.raises(Refusal):
        check_all("masks", Inputs, {"sise": 2})


def test_a_refusal_becomes_one_escaped_sentence():
    def refuse():
        raise Refusal("unknown_input", field="<img src=x onerror=alert(1)>")

    with pytest.raises(gr.Error) as caught:
        answer("en", refuse)
    assert "<img" not in str(caught.value.message) and "&lt;img" in caught.value.message


def test_an_unforeseen_error_shows_a_reference_and_no_trace(caplog):
    def fail():
        raise KeyError("/secret/path")

    with pytest.raises(gr.Error) as caught:
        answer("zh", fail)
    assert "secret" not in caught.value.message
    reference = next(record.args[0] for record in caplog.records)
    assert reference in caught.value.message


def test_what_hides_in_a_text_is_shown_in_every_field_that_is_typed():
    """Names, texts, lists: zero-width, right-to-left and half characters draw a sign of their own."""
    trick = "a\u200bb\u202e\ud800"
    for tab in TABS:
        for field in tab.fields:
            if isinstance(field, People):
                value = field.default | {"names": [trick, "\u202e", " \u00a0 "]}
                assert field.check(value, "x")["names"] == ["a□b□□", "□", "3"]
            elif field.kind is str and not isinstance(field, Choice):
                try:
                    assert field.check(trick, "x") == "a□b□□", field.name
                except Refusal as refusal:
                    assert field.name in ("model", "token_weights", "history", "sequence"), refusal.key


def test_an_unknown_input_of_half_a_character_is_named_all_the_same():
    with pytest.raises(Refusal) as caught:
        check_all("masks", Inputs, {"\ud800\u202e" * 99: 1})
    caught.value.sentence(words_for("zh")).encode("utf-8")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"keys": [[1, 2], [1, None], [0, 0]]}, ("key", "2", "2")),
        ({"keys": [[1, 2], "12", [0, 0]]}, ("key", "2")),
        ({"values": [None, [1, 2], [0, 0]]}, ("value", "1")),
        ({"keys": [[1, 2], [], [0, 0]]}, ("1 to 6",)),
        ({"values": [[1, 2], [1, {}], [0, 0]]}, ("value", "2", "2")),
        ({"query": [1, "nan"]}, ("query", "1", "2")),
        ({"keys": [[1, 2], [1, 1e300], [0, 0]]}, ("key", "2", "2", "-100", "100")),
    ],
)
def test_a_bad_number_among_the_people_is_named_by_its_place(changes, named):
    with pytest.raises(Refusal) as caught:
        People(PEOPLE).check(PEOPLE | {"query": [1, 2], "keys": [[1, 2]] * 3} | changes, "matchmaker.people")
    sentence = caught.value.sentence(words_for("en"))
    assert all(part in sentence for part in named), sentence
    assert sentence != caught.value.sentence(words_for("zh"))
