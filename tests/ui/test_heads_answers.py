"""The four answers where a weight is 0 and where no W_O follows the heads."""

import pytest
import torch

from attention.pretrained import Changes, adopt, output_projection, run
from attention.ui.page.guard import Refusal
from attention.ui.page.scene import Place
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.heads import answers, runs
from attention.ui.tabs.heads.inputs import Inputs
from tests.tiny_models import build, plain

INPUTS = Inputs(layer=1, head=2, token=3)


def studied(name, changes=None):
    """A run of nine tokens of a tiny model, as the page keeps it."""
    model = adopt(build(name))
    ran = run(model, plain(9), changes, capture="all")
    return runs.Captured(model, ran, tuple(ran.layers))


def lengths_by_hand(seen):
    layer = seen.layers[1]
    projection = output_projection(seen.model, 1)
    value = layer.value[2] if projection is None else layer.value[2] @ projection[2]
    return value.norm(dim=-1)


@pytest.mark.parametrize("name", ["llama", "bitnet", "modernbert_decoder", "deepseek_v3"])
def test_a_key_of_weight_zero_keeps_its_vectors_length(name):
    """Token 3 of a decoder cannot look at token 7, whose vector has a length all the same."""
    seen = studied(name)
    found = answers.four(seen, INPUTS)
    assert (found.weights[4:] == 0).all() and (found.added[4:] == 0).all()
    torch.testing.assert_close(found.lengths, lengths_by_hand(seen))
    assert (found.lengths[4:] > 0.1).all()
    torch.testing.assert_close(found.added, found.weights * found.lengths)
    lines = answers._norm(found, 7, words_for("en")).lines
    assert float(lines[1][2]) == pytest.approx(found.lengths[7].item(), abs=1e-3)
    assert float(lines[0][2]) == float(lines[2][2]) == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "projected"), [("llama", True), ("modernbert", True), ("bitnet", False)])
def test_the_label_says_whether_w_o_was_used(name, projected, language):
    seen, words = studied(name), words_for(language)
    head, picture = answers.panels(seen, INPUTS, words)
    label = "w × ‖v W‖" if projected else "w × ‖v‖"
    assert picture.encode()["columns"][1] == label
    row = answers.four(seen, INPUTS).keys.index(2)
    sheet = answers.sheet(seen, INPUTS, words, Place("answers", row, 1)).encode()
    about, arithmetic, table = sheet["sections"]
    assert about["title"] == label and table["lines"][1][0] == label
    assert arithmetic["lines"][1][0].endswith(" ‖v W‖" if projected else " ‖v‖")
    assert ("W_O" in about["text"]) and (("Kobayashi" in about["text"]) == projected)


@pytest.mark.parametrize(
    ("built", "changes", "key"),
    [("bart", Changes(positions=False), "model_change_positions"),
     ("t5_alone", Changes(no_scale=True), "model_change_no_scale")],
)  # fmt: skip
def test_a_change_that_a_model_cannot_make_is_said_for_what_it_is(monkeypatch, built, changes, key):
    model = adopt(build(built))
    monkeypatch.setattr(runs, "model_of", lambda name, patience: model)
    monkeypatch.setattr(runs, "tokenize", lambda model, text, pair: plain(8, 5))
    with pytest.raises(Refusal) as refused:
        runs.capture(built, "eight tokens", changes=changes)
    assert refused.value.key == key
    for language in LANGUAGES:
        assert words_for(language)("heads.look") in refused.value.sentence(words_for(language))
