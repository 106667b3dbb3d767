"""The built-in decoder in the heads tab: next words, changes, and words that it does not know."""

from __future__ import annotations

import pytest

from attention import load_model
from attention.storyteller.sentences import vocabulary
from attention.ui.page.loads import model_of
from attention.ui.page.questions import draw, endpoint
from attention.ui.tabs.heads import TAB
from tests.ui.views import packed

ENGLISH = "ann and bo went to the park . ann gave the ball to"
CHINESE = "小安和小波去了公园。小安把球给了"


@pytest.fixture(scope="module", autouse=True)
def built_in():
    return model_of("storyteller", None)


def ask(language="en", **changes):
    inputs = {"look": "touch", "model": "storyteller", "text": ENGLISH, "layer": 1, "head": 0} | changes
    return draw(language, TAB, {"inputs": inputs})


def test_it_loads_by_its_name_and_is_offered():
    model = load_model("storyteller", device="cpu")
    assert (model.name, model.kind, model.has_logits) == ("storyteller", "decoder", True)
    assert "storyteller" in next(one.options for one in TAB.fields if one.name == "model")


@pytest.mark.parametrize(("text", "word"), [(ENGLISH, "bo"), (CHINESE, "小波")])
def test_the_next_word_comes_and_changes_move_it(text, word):
    call = endpoint(TAB)
    given = {"look": "touch", "model": "storyteller", "text": text, "layer": 1, "head": 0}
    at = call(**given)["tokens"].index(word)
    for change in ({"knock_out": "0, 1"}, {"forbid": str(at)}):
        found = call(**given, **change)["outcome"]
        first, share = found["next_before"][0]
        assert first == word and dict(found["next_after"]).get(word, 0) < share / 2


def test_without_the_causal_mask_words_look_ahead():
    view = ask(causal="off")
    weights = packed(next(one for one in view["panels"] if one["id"] == "weights")["data"])
    assert weights[0, 1:].sum() > 0.01


@pytest.mark.parametrize(("language", "text"), [("en", "the dog sings"), ("zh", "小狗唱歌")])
def test_a_word_it_does_not_know_is_explained(language, text):
    [notice] = [one for one in ask(language, text=text, look="overview")["notices"] if "<unk>" in one]
    assert str(len(vocabulary())) in notice
    assert ("小安" if language == "zh" and "小狗" in text else "ann") in notice
