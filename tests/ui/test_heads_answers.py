"""The four answers where a weight is 0 and where no W_O follows the heads."""

from types import SimpleNamespace

import pytest
import torch
from attention.ui.heads_runs import Study
from attention.ui.texts import LANGUAGES, words_for

from attention.pretrained import Changes, adopt, output_projection, run
from attention.ui import heads_answers
from tests.tiny_models import build, plain

VALUES = {"layer": 1, "head": 2, "token": 3}


def studied(name, changes=None):
    """A study of nine tokens of a tiny model, as the page keeps it."""
    model = adopt(build(name))
    ran = run(model, plain(9), changes, capture="all")
    return Study(model, ran, tuple(ran.layers))


def lengths_by_hand(seen):
    layer = seen.layers[1]
    projection = output_projection(seen.model, 1)
    value = layer.value[2] if projection is None else layer.value[2] @ projection[2]
    return value.norm(dim=-1)


@pytest.mark.parametrize("name", ["llama", "bitnet", "modernbert_decoder", "deepseek_v3"])
def test_a_key_of_weight_zero_keeps_its_vectors_length(name):
    """Token 3 of a decoder cannot look at token 7, whose vector has a length all the same."""
    seen = studied(name)
    found = heads_answers.four(seen, VALUES)
    assert (found.weights[4:] == 0).all() and (found.added[4:] == 0).all()
    torch.testing.assert_close(found.lengths, lengths_by_hand(seen))
    assert (found.lengths[4:] > 0.1).all()
    torch.testing.assert_close(found.added, found.weights * found.lengths)
    lines = heads_answers._norm(found, 7, words_for("en"))["lines"]
    assert float(lines[1][2]) == pytest.approx(found.lengths[7].item(), abs=1e-3)
    assert float(lines[0][2]) == float(lines[2][2]) == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "projected"), [("llama", True), ("modernbert", True), ("bitnet", False)])
def test_the_label_says_whether_w_o_was_used(name, projected, language):
    seen, words = studied(name), words_for(language)
    names = [str(at) for at in range(9)]
    head, picture = heads_answers.panels(seen, VALUES, words, names)
    label = "w × ‖v W‖" if projected else "w × ‖v‖"
    assert picture["columns"][1] == label
    row = heads_answers.four(seen, VALUES).keys.index(2)
    sheet = heads_answers.sheet(seen, VALUES, words, row, 1, names)
    about, arithmetic, table = sheet["sections"]
    assert about["title"] == label and table["lines"][1][0] == label
    assert arithmetic["lines"][1][1] == ("‖v W‖" if projected else "‖v‖")
    assert ("W_O" in about["text"]) and (("Kobayashi" in about["text"]) == projected)


def test_a_change_that_a_model_cannot_make_is_said_for_what_it_is(monkeypatch):
    from attention.ui.guard import Refusal

    from attention.ui import heads_runs

    models = {name: adopt(build(name)) for name in ("bart", "llama")}
    models["t5"] = adopt(build("t5_alone"))
    monkeypatch.setattr(heads_runs, "model_of", lambda name, patience: models[name])
    tokens = SimpleNamespace(llama=plain(9), bart=plain(8, 5), t5=plain(8, 5))
    monkeypatch.setattr(heads_runs, "tokenize", lambda model, text, pair: getattr(tokens, text))
    for name, changes, key in (
        ("bart", Changes(positions=False), "model_change_positions"),
        ("t5", Changes(no_scale=True), "model_change_no_scale"),
    ):
        monkeypatch.setattr(heads_runs, "_run", lambda model, tokens, side, hidden, changes, logits:
                            run(model, tokens, changes))  # fmt: skip
        with pytest.raises(Refusal) as refused:
            heads_runs.study(name, name, changes=changes)
        assert refused.value.key == key
        for language in LANGUAGES:
            assert words_for(language)("heads.look") in refused.value.sentence(words_for(language))
