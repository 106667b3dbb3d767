"""What the heads tab does at once: the weights of all layers, and the runs that one answer needs."""

import pytest
import torch

from attention.export.heatmap import pack_overview
from attention.pretrained import Changes, adopt, run
from attention.ui import TABS
from attention.ui.page.questions import draw
from attention.ui.tabs.heads import runs
from attention.ui.tabs.heads.captured import AT_ONCE, pack_block
from tests.tiny_models import build, plain, tokens_for

HEADS = next(tab for tab in TABS if tab.id == "heads")
CHANGED = Changes(uniform={(0, 1)}, temperature=((1, 2, 3.0),), forbid={1})


@pytest.mark.parametrize("kind", ["self", "decoder", "cross"])
@pytest.mark.parametrize("name", ["bert", "llama", "gemma3", "gpt_oss", "t5", "bart"])
def test_all_layers_at_once_are_the_layers_one_by_one(name, kind):
    model = adopt(build(name))
    for changes in (None, CHANGED):
        ran = run(model, tokens_for(model), changes, capture="all")
        layers = tuple(layer for layer in ran.layers if layer.kind == kind)
        if not layers:
            assert kind != "self" and model.kind != "encoder-decoder"
            continue
        captured = runs.Captured(model, ran, layers)
        for end in (1, None):
            [block] = captured.blocks(end)
            want = torch.stack([layer.weights for layer in layers[:end]])
            torch.testing.assert_close(block, want, atol=1e-6, rtol=1e-5)


def test_a_longer_text_comes_layer_by_layer():
    model = adopt(build("distilbert"))
    ran = run(model, plain(AT_ONCE + 1), capture="all")
    blocks = list(runs.Captured(model, ran, tuple(ran.layers)).blocks())
    assert [len(block) for block in blocks] == [1] * len(ran.layers)
    for block, layer in zip(blocks, ran.layers, strict=True):
        torch.testing.assert_close(block[0], layer.weights, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("size", [5, AT_ONCE, AT_ONCE + 5])
def test_a_block_is_packed_as_its_layers_are(size):
    weights = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    special = [True] + [False] * (size - 2) + [True]
    kept = weights[..., 1:-1, 1:-1] / weights[..., 1:-1, 1:-1].sum(-1, keepdim=True)
    for hidden, shown in ((None, weights), (special, kept)):
        assert pack_block(weights, hidden) == [pack_overview([layer]) for layer in shown]
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        pack_block(-weights, None)


def passes(inputs):
    """How often a whole model runs for this answer."""
    model = runs.model_of("minilm", patience=120)
    assert model.batches  # tried once, by three short runs of its own
    count = []
    handle = model.module.register_forward_hook(lambda *_: count.append(1))
    try:
        view = draw("en", HEADS, {"inputs": {"look": "touch", "text": "One cat saw one dog.", **inputs}})
    finally:
        handle.remove()
    assert "error" not in view
    return len(count)


def test_an_answer_about_a_change_takes_one_pass(monkeypatch):
    monkeypatch.setattr(runs, "_kept", type(runs._kept)())
    assert passes({"look": "overview"}) == 1
    assert passes({}) == 0  # the very run that the overview showed
    # the change, and the same at another position
    assert passes({"positions": False, "shuffle": 3, "forbid": "cat"}) == 1
    runs._kept.clear()
    assert passes({"positions": False, "shuffle": 3, "forbid": "cat"}) == 1
    assert passes({"shuffle": 3}) == 1  # beside it stands the text as typed, which is kept
    assert passes({"shuffle": 3, "knock_out": "1.2"}) == 1
