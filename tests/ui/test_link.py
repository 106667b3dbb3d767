"""Links carry the inputs, all of them and nothing else; a bad link opens with defaults."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import urlencode

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention.typed import visible
from attention.ui import FIELDS, TABS, open_link, opened
from attention.ui.page import link
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_sheet, draw
from attention.ui.page.steps import free_play
from attention.ui.page.tab import Controls, is_early
from attention.ui.page.texts import words_for


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_every_example_survives_the_link(tab):
    for _, changes in tab.examples:
        values = {field.name: field.default for field in tab.fields} | changes
        assert link.read(link.write(tab.id, tab.fields, values), FIELDS)[:3] == (tab.id, values, True)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=400))
def test_any_text_survives_the_link(text):
    if not text.strip():
        return
    values = {"text": visible(text), "mask": "both", "sentence": 3, "extra": 1}
    query = link.write("masks", FIELDS["masks"], values | {"text": text})
    assert link.read("?" + query, FIELDS)[:3] == ("masks", values, True)


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
    tab, values, good, _ = link.read(query, FIELDS)
    assert not good
    if tab == "masks":
        assert values == {field.name: field.default for field in FIELDS["masks"]}


@pytest.mark.parametrize(
    ("query", "step"), [("step=3", 3), ("embed=1&step=3&lang=zh", 3), ("step=99", 0), ("step=x", 0)]
)
def test_a_step_without_a_tab_is_of_the_first_lesson(query, step):
    first = TABS[0]
    found = opened(f"?{query}")
    assert (found.tab, found.step, found.good) == (first.id, step or free_play(first), True)
    assert opened("?embed=1").tab is None
    for language in ("en", "zh"):
        selected, notice, *rest = open_link(language, f"?{query}")
        shown = rest[len(first.fields)]
        assert (shown["step"], shown["language"]) == (step or free_play(first), language)


def test_a_link_cannot_unfold_into_a_flood():
    bomb = base64.urlsafe_b64encode(zlib.compress(b"a" * 50_000_000)).decode().rstrip("=")
    assert link.read(f"tab=masks&text=~{bomb}", FIELDS)[2] is False


@given(st.text(max_size=200))
def test_no_query_is_an_error(query):
    link.read(query, FIELDS)
    link.read("tab=masks&text=" + query, FIELDS)


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_text_boxes_are_set_last_when_a_link_opens(tab):
    """A text box tells of its change at once, with whatever its neighbours hold at that moment."""
    words = words_for("en")
    with gr.Blocks():
        controls = Controls(tab, words)
        if tab.layout is None:
            controls.place()
        else:
            tab.layout(controls, words)
    for field in tab.fields:
        boxed = isinstance(controls[field.name], gr.Textbox)
        assert is_early(field) is not boxed, field.name


def packed(text):
    return "~" + base64.urlsafe_b64encode(
        zlib.compress(text.encode("utf-8", "surrogatepass"))
    ).decode().rstrip("=")


DEEP = ["[" * 3000, "[" * 3000 + "]" * 3000, '{"a":' * 3000, "[[[[[[[[]]]]]]]]", "[" + "[]," * 9000 + "1]"]
HOSTILE = [
    "", " ", "~", "~~", "~abc", "nan", "-1", "1e999", "9" * 300, "0x10", "²", "٣", "true", "null", "{}", "[]",
    '{"names":[],"query":[],"keys":[],"values":[]}', '{"names":["a"],"query":[1],"keys":[1],"values":[[1]]}',
    '{"names":["a"],"query":[1],"keys":[[1]],"values":[null]}',
    '{"names":[1],"query":1,"keys":"","values":{}}',
    "\u202e\u200b", "\ud800", "<img src=x onerror=alert(1)>", "a\x00b", "x" * 25_000, "9" * 20 + " 1",
    "1, 2\n3, 4", "1,1,1,1", "3.1, 99.99", "0, 1, 2, 3", "%s%n{0}{field}", "../../etc/passwd", "é́́́",
    *DEEP, *map(packed, DEEP), packed("a" * 99_999), packed("\ud800"), packed("[" * 99_999),
]  # fmt: skip


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_no_hostile_link_is_an_unforeseen_error(tab, caplog):
    """Every input of every tab by every hostile text: a picture or a notice, never a reference number."""
    for field in tab.fields:
        for text in HOSTILE:
            query = f"?tab={tab.id}&" + urlencode({field.name: text}, errors="surrogatepass")
            found, values, good, _ = link.read(query, FIELDS)
            if len(query) > link.QUERY:
                assert not good
                continue
            assert found == tab.id
            if values[field.name] == field.default or tab.slow:
                continue  # what the tab opens with is looked at elsewhere
            shown = open_link("en", query)
            assert "Reference" not in str(shown[1]), (field.name, text[:60])
    assert not caplog.records


def test_brackets_are_bounded_and_not_an_error():
    for text in [*DEEP, *map(packed, DEEP)]:
        query = "tab=matchmaker&" + urlencode({"people": text})
        tab, values, good, _ = link.read(query, FIELDS)
        assert tab in ("matchmaker", None) and not good


@pytest.mark.parametrize(
    "panel", ["training@²", "training@٣", "training@-1", "training@", "training@99999", "x@0"]
)
def test_a_frame_that_is_none_is_a_cell_that_is_none(panel):
    request = {"inputs": {"mode": "training", "steps": 10}, "panel": panel, "row": 0, "column": 0}
    matchmaker = next(tab for tab in TABS if tab.id == "matchmaker")
    assert ask_sheet("en", matchmaker, request) == {"error": words_for("en")("errors.no_such_cell")}


# (a link, the inputs that stand in place of those that do not fit the others, the last of the range told)
UNFIT = [
    ("tab=model&scene=why&layer=3", {"layer": 1}, "1"),
    ("tab=model&place=70&text=ann+reads", {"place": 2}, "2"),
    ("tab=heads&model=storyteller&layer=1&head=9", {"head": 3}, "3"),
    ("tab=heads&model=storyteller&head=9&text=ann+reads", {"layer": 1, "head": 3}, "1"),
    ("tab=positions&positions=rotary&d=7", {"d": 16}, "7"),  # an odd width
]


@pytest.mark.parametrize(("query", "instead", "last"), UNFIT)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_number_of_a_link_that_the_others_do_not_allow_gives_way_and_the_page_says_so(
    query, instead, last, language
):
    """The nearest that fits stands in its place, the default where no range is told; all others stay."""
    words, asked = words_for(language), opened(f"?{query}")
    tab = next(tab for tab in TABS if tab.id == asked.tab)
    if tab.slow:
        view = draw(language, tab, {"inputs": asked.values, "step": asked.step, "linked": True})
        said = view["mended"]
    else:
        _, notice, *updates = open_link(language, f"?{query}")
        view = next(one for one in updates if isinstance(one, dict) and "panels" in one)
        said = notice.value
    assert view["inputs"] == asked.values | instead
    assert words("app.unfit_link") in said and last in said
    assert all(words(f"{tab.id}.{name}") in said for name in instead)


def test_what_a_learner_sets_is_refused_as_before():
    """Only a link is mended: a field that was moved keeps its number, and the refusal stands at it."""
    tab = next(tab for tab in TABS if tab.id == "model")
    values = {"scene": "why", "layer": 3}
    assert draw("en", tab, {"inputs": values}) == {"error": "Layer: please choose a number from 0 to 1."}
    assert draw("en", tab, {"inputs": values, "linked": False}).keys() == {"error"}


def test_a_refusal_that_no_input_caused_stays_one():
    def busy(values):
        raise Refusal("busy")

    with pytest.raises(Refusal, match="busy"):
        link.mended("model", {"layer": 3}, {"layer": 0}, busy)


def test_where_no_single_default_helps_all_inputs_take_theirs():
    def show(values):
        if values != {"a": 0, "b": 0}:
            raise Refusal("out_of_range", field="model.a")
        return values

    assert link.mended("model", {"a": 1, "b": 2}, {"a": 0, "b": 0}, show)[0] == {"a": 0, "b": 0}


def test_two_inputs_that_each_fit_only_the_others_old_value_end_at_the_defaults():
    def swaps(values):
        if values == base:
            return values
        name = "a" if values["a"] == values["b"] else "b"  # to be moved, to and fro, for ever
        end = str(1 - values[name])
        raise Refusal("out_of_range", field=f"tab.{name}", low=end, high=end)

    base = {"a": 5, "b": 5}
    assert link.mended("tab", {"a": 0, "b": 0}, base, swaps)[0] == base
