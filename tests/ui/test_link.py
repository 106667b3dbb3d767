"""Links carry the inputs, all of them and nothing else; a bad link opens with defaults."""

from __future__ import annotations

import base64
import zlib

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention.typed import visible
from attention.ui import FIELDS, TABS, link
from attention.ui.tab import component, is_early
from attention.ui.texts import words_for


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.ID)
def test_every_example_survives_the_link(tab):
    for _, changes in tab.EXAMPLES:
        values = {field.name: field.default for field in tab.FIELDS} | changes
        assert link.read(link.write(tab.ID, tab.FIELDS, values), FIELDS) == (tab.ID, values, True)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=400))
def test_any_text_survives_the_link(text):
    if not text.strip():
        return
    values = {"text": visible(text), "mask": "both", "sentence": 3, "extra": 1}
    query = link.write("masks", FIELDS["masks"], values | {"text": text})
    assert link.read("?" + query, FIELDS) == ("masks", values, True)


def test_defaults_are_left_out():
    values = {field.name: field.default for field in FIELDS["masks"]}
    assert link.write("masks", FIELDS["masks"], values) == "tab=masks"


def test_long_text_is_shorter_than_itself():
    values = {field.name: field.default for field in FIELDS["masks"]}
    values["text"] = "the cat sat on the mat\n" * 20
    assert len(link.write("masks", FIELDS["masks"], values)) < len(values["text"]) / 2


@pytest.mark.parametrize(
    "query",
    [
        "tab=masks&sentence=99",
        "tab=masks&mask=None",
        "tab=masks&text=~abc",
        "tab=nowhere",
        "tab=masks&sentence=nan",
    ],
)
def test_a_bad_link_opens_with_defaults_and_says_so(query):
    tab, values, good = link.read(query, FIELDS)
    assert not good
    if tab == "masks":
        assert values == {field.name: field.default for field in FIELDS["masks"]}


def test_a_link_cannot_unfold_into_a_flood():
    bomb = base64.urlsafe_b64encode(zlib.compress(b"a" * 50_000_000)).decode().rstrip("=")
    assert link.read(f"tab=masks&text=~{bomb}", FIELDS)[2] is False


@given(st.text(max_size=200))
def test_no_query_is_an_error(query):
    link.read(query, FIELDS)
    link.read("tab=masks&text=" + query, FIELDS)


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.ID)
def test_text_boxes_are_set_last_when_a_link_opens(tab):
    """A text box tells of its change at once, with whatever its neighbours hold at that moment."""
    words = words_for("en")
    with gr.Blocks():
        if hasattr(tab, "controls"):
            controls = tab.controls(words)
        else:
            controls = {field.name: component(field, tab.ID, words) for field in tab.FIELDS}
    for field in tab.FIELDS:
        boxed = isinstance(controls[field.name], gr.Textbox)
        assert is_early(field) is not boxed, field.name
