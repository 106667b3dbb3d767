"""What the heads tab says of a change and of its heads, counted again from the model's own runs."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch

from attention.heads import roles
from attention.pretrained import Changes, load_model, run, tokenize
from attention.ui.page.questions import ask_sheet, draw_part, view_of
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.heads import TAB
from attention.ui.tabs.heads.inputs import ANIMAL
from attention.ui.tabs.heads.runs import model_of
from tests.ui.views import matrix_of, panel

both = pytest.mark.parametrize("language", LANGUAGES)
KNOCKED = {"look": "touch", "knock_out": "0.2", "layer": 1, "head": 9}


@pytest.fixture(scope="module", autouse=True)
def minilm():
    return model_of("minilm", None)


def weights_of(changes=None, text=ANIMAL):
    """Every head's weights (layers, heads, n, n), and the run."""
    model = load_model("minilm")
    ran = run(model, tokenize(model, text), changes)
    return torch.stack([layer.weights for layer in ran.layers]), ran


def asked(id, language="en", **inputs):
    return next(task for task in view_of(TAB, language, inputs)["tasks"] if task["id"] == id)


# what changed


def test_the_grid_holds_every_heads_difference():
    view = view_of(TAB, "en", KNOCKED)
    before, after = weights_of()[0], weights_of(Changes(knock_out={(0, 2)}))[0]
    grid = panel(view, "overview")
    drawn = np.frombuffer(b"".join(map(base64.b64decode, grid["thumbnails"])), np.uint8).reshape(
        6, 12, 15, 15
    )
    expected = (after - before).abs().sqrt() * 255
    assert np.abs(drawn - expected.numpy()).max() <= 0.51
    amounts = (after - before).abs().sum(-1).mean(-1) / 2
    shown = np.array(grid["amounts"], dtype=float)
    np.testing.assert_allclose(shown, amounts, atol=0.006)
    assert grid["marks"] == [[0, 2]]
    order = amounts.flatten().argsort(descending=True)[:3].tolist()
    assert [one[:2] for one in panel(view, "went")["items"]][:3] == [[*divmod(i, 12)] for i in order]


def test_before_after_and_difference_stand_beside_each_other_and_open():
    view = view_of(TAB, "en", KNOCKED)
    before, after, change = (
        matrix_of(panel(view, id)) for id in ("weights_before", "weights", "weights_change")
    )
    np.testing.assert_allclose(after - before, change, atol=1e-6)
    page = ask_sheet("en", TAB, {"inputs": KNOCKED, "panel": "weights_change", "row": 3, "column": 2})
    lines = page["sections"][0]["lines"]
    assert float(lines[2][2]) == pytest.approx(change[3, 2], abs=1e-4)
    assert float(lines[1][2]) - float(lines[0][2]) == pytest.approx(change[3, 2], abs=2e-4)


@pytest.mark.parametrize("hide", [False, True])
def test_shuffled_words_are_put_back_before_they_are_compared(hide):
    inputs = {"look": "touch", "shuffle": 7, "positions": False, "position": 7, "hide_special": hide}
    unshuffled = view_of(TAB, "en", inputs | {"shuffle": 0})
    view = view_of(TAB, "en", inputs)  # without positions the order tells nothing
    for id in ("overview", "weights_change"):
        one, other = panel(view, id), panel(unshuffled, id)
        if id == "overview":
            np.testing.assert_allclose(
                np.array(one["amounts"], dtype=float), np.array(other["amounts"], dtype=float), atol=0.011
            )
        else:
            assert one["rows"] == other["rows"]
            np.testing.assert_allclose(matrix_of(one), matrix_of(other), atol=1e-4)


@both
def test_a_silenced_heads_own_weights_do_not_differ_and_the_page_says_why(language):
    words = words_for(language)
    view = view_of(TAB, language, KNOCKED | {"layer": 0, "head": 2})
    assert np.abs(matrix_of(panel(view, "weights_change"))).max() < 1e-6
    assert panel(view, "weights_change")["caption"] == words("heads.own_silent")
    beside = view_of(TAB, language, KNOCKED | {"layer": 0, "head": 3})
    assert panel(beside, "weights_change")["caption"] == words("heads.own_still")
    assert panel(view, "went")["caption"].startswith(words("heads.went_still_one"))
    deeper = view_of(TAB, language, KNOCKED | {"knock_out": "3.1"})
    assert panel(deeper, "went")["caption"].startswith(words("heads.went_still", last=3))
    warm = view_of(TAB, language, {"look": "touch", "temper": 2.0})  # layer 3 itself changes
    assert panel(warm, "went")["caption"] == words("heads.went_text")


def test_before_any_change_the_grid_shows_the_heads_as_they_are():
    view = view_of(TAB, "en", {"look": "touch"})
    ids = [one["id"] for one in view["panels"]]
    assert "went" not in ids and "weights_change" not in ids
    assert "amounts" not in panel(view, "overview")


# roles


@both
def test_the_frames_are_the_roles_that_the_chapter_gives(language):
    key = draw_part(language, TAB, "frames", {"inputs": {}})["panels"][0]
    weights, ran = weights_of()
    given = roles(list(weights), ran.tokens.ids, list(ran.tokens.special))
    assert [one[:2] for one in key["heads"]] == [[one.layer, one.head] for one in given]
    [back] = [one for one in key["heads"] if one[:2] == [0, 2]]
    assert key["items"][back[2]]["role"] == "previous" and back[3:] == ["1.00", "0.07"]
    for item in key["items"]:
        own = {(one.layer, one.head) for one in given if one.role == item["role"]}
        assert item["count"] == len(own)


# what is asked


def test_the_strongest_key_is_a_cell_to_be_opened():
    task = asked("look")
    weights, ran = weights_of()
    row = ran.tokens.tokens.index("it")
    assert task["cells"] == [[row, int(weights[3, 1, row].argmax())]] and task["panel"] == "weights"


def test_of_equal_weights_none_is_the_strongest():
    tasks = {task["id"]: task for task in view_of(TAB, "en", {"look": "touch", "uniform": "3.1"})["tasks"]}
    assert "strongest" not in tasks and len(tasks["look"]["cells"]) == 15
    assert tasks["even"]["answer"] == 1 / 15
    for cut in ({"minimum": 0.5}, {"part": "A->B", "pair": "Someone makes music."}):  # a part is not shown
        asked = {task["id"] for task in view_of(TAB, "en", {"look": "understand"} | cut)["tasks"]}
        assert not {"strongest", "even", "three", "special", "look"} & asked


def test_a_row_that_sees_one_key_is_not_asked_about():
    """A decoder's first word sees itself alone; the last sees all."""
    model_of("storyteller", None)
    text = {"model": "storyteller", "layer": 1, "head": 0}
    tasks = {task["id"]: task for task in view_of(TAB, "en", text | {"text": "ann and bo went to"})["tasks"]}
    assert tasks["even"]["answer"] == 1 / 5 and "“to”" in tasks["even"]["question"]
    alone = [task["id"] for task in view_of(TAB, "en", text | {"text": "ann"})["tasks"]]
    assert not {"even", "three", "strongest"} & set(alone)


def test_a_head_that_looks_back_by_one_is_a_goal():
    reached = {(layer, head): asked("back", layer=layer, head=head)["reached"]
               for layer, head in ((3, 1), (0, 2), (1, 8), (1, 9))}  # fmt: skip
    assert reached == {(3, 1): False, (0, 2): True, (1, 8): False, (1, 9): False}


def test_which_head_changed_most_and_which_could_not():
    task = asked("moves", **KNOCKED)
    before, after = weights_of()[0], weights_of(Changes(knock_out={(0, 2)}))[0]
    amounts = (after - before).abs().sum(-1).mean(-1) / 2
    names = [words_for("en")("heads.cell", layer=at, head=h) for at in range(6) for h in range(12)]
    places = [names.index(option) for option in task["options"]]
    assert task["answer"] == int(amounts.flatten()[places].argmax())
    assert names[int(amounts.flatten().argmax())] == task["options"][task["answer"]]
    assert {"overview", "went", "weights_change"} <= set(task["hides"])
    assert not [t for t in view_of(TAB, "en", {"look": "touch"})["tasks"] if t["id"] == "moves"]


def test_whose_loss_moves_the_token_most_is_found_by_losing_each():
    task = asked("loss", look="understand")
    model = load_model("minilm")
    tokens = tokenize(model, ANIMAL)
    plain = run(model, tokens).hidden
    far = [(run(model, tokens, Changes(forbid={j})).hidden - plain)[9].norm() for j in range(15)]
    best = int(torch.stack(far).argmax())
    assert task["options"][task["answer"]] == f"{tokens.tokens[best]} ({best})"
    long = view_of(TAB, "en", {"look": "understand", "text": "word " * 40})["tasks"]
    assert "loss" not in [one["id"] for one in long]  # it would take a run for each token


# what the steps say


@both
def test_what_the_steps_say_of_the_model_is_so(language):
    weights, ran = weights_of()
    row = ran.tokens.tokens.index("it")
    assert row == 9  # "the tenth"
    wide, other = weights_of(text=ANIMAL.replace("tired", "wide"))
    assert other.tokens.tokens[int(wide[3, 1, row].argmax())] == "animal"
    assert f"{wide[3, 1, row].max():.2f}" == "0.32" and wide[3, 1, row].max() < weights[3, 1, row].max()
    assert weights[2, 7, :, 0].min() > 0.3  # dark from top to bottom
    assert weights[0, 2].diagonal(-1).min() > 0.99  # gives all of its weight
    given = roles(list(weights), ran.tokens.ids, list(ran.tokens.special))
    assert sum(one.role == "sink" for one in given) > 36  # "many heads"
    one = asked("vector", language, look="touch", knock_out="3.1")
    assert "0.9978" in one["now"] and not one["reached"]
    assert asked("vector", language, look="touch", knock_out="3,4,5")["reached"]
    table = matrix_of(draw_part(language, TAB, "answers", {"inputs": {"look": "understand"}})["panels"][1])
    names = [ran.tokens.tokens[int(i)] for i in table.argmax(0)[:3]]
    assert names == ["animal", "animal", "[CLS]"]
    turned = "The street did not cross the animal because it was too tired."
    assert asked("turn", language, text=turned)["reached"] and not asked("turn", language)["reached"]
    assert "it" in json.dumps(asked("turn", language, text="No such word here."))
