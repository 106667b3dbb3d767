"""What is measured behind a window: the same model under every mask, and a sink that is really learned."""

from __future__ import annotations

import pytest
import torch

from attention.decode import forward
from attention.decode.decoders import decoder_of
from attention.masks import causal_mask
from attention.pretrained.adopted import to_gpt2
from attention.storyteller.train import load
from attention.window_figures import FIRST, WINDOWS, figures, learn_sinks, measure, read, text
from attention.windows import loss_by_position, window_mask

IDS = torch.randint(2, 100, (1, 20), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def decoder():
    return decoder_of(to_gpt2(load()))


def test_with_every_key_it_is_the_model_itself(decoder):
    seen = []
    logits = read(decoder, IDS, causal_mask(20), look=seen.append)
    torch.testing.assert_close(logits, load()(IDS), atol=1e-4, rtol=0)
    expected = load().points(IDS[0])
    for weights, layer in zip(seen, expected.layers, strict=True):
        torch.testing.assert_close(weights[0], layer.weights, atol=1e-5, rtol=0)


@pytest.mark.parametrize("window, first", [(3, 0), (5, 2)])
def test_behind_a_window_it_is_what_decoding_gives(decoder, window, first):
    logits = read(decoder, IDS, window_mask(20, 20, window, first))
    torch.testing.assert_close(logits, forward(decoder, IDS, window=window, sinks=first), atol=1e-5, rtol=0)


def test_a_sink_of_minus_infinity_is_none_and_a_large_one_takes_the_weight(decoder):
    mask, seen = window_mask(20, 20, 4), []
    bare = read(decoder, IDS, mask)
    off = read(decoder, IDS, mask, torch.full((2, 4), -1e4))
    torch.testing.assert_close(off, bare, atol=1e-5, rtol=0)
    read(decoder, IDS, mask, torch.full((2, 4), 50.0), seen.append)
    assert max(weights.sum(-1).max().item() for weights in seen) < 1e-3


def test_learning_sinks_lowers_the_loss_and_touches_nothing_else(decoder):
    mask = window_mask(20, 20, 4)
    before = loss_by_position(read(decoder, IDS, mask), IDS)
    sinks, losses = learn_sinks(decoder, IDS, 4, (2, 4), steps=8)
    assert sinks.shape == (2, 4) and losses[-1] < losses[0]
    torch.testing.assert_close(loss_by_position(read(decoder, IDS, mask), IDS), before)


def test_measure_covers_every_setting(decoder):
    found = measure(decoder, IDS.expand(1, -1), torch.zeros(2, 4), windows=(3,))
    assert list(found["loss"]) == ["full", *(f"3.{first}" for first in FIRST), "3.learned"]
    expected = loss_by_position(read(decoder, IDS, window_mask(20, 20, 3, 1)), IDS)[0]
    assert found["loss"]["3.1"] == pytest.approx(expected.tolist(), abs=1e-3)


def test_the_shipped_figures_are_whole():
    found = figures()
    names = {f"{window}.{kind}" for window in WINDOWS for kind in (*FIRST, "learned")}
    assert set(found["loss"]) == {"full"} | names
    assert all(len(loss) == found["tokens"] - 1 == 511 for loss in found["loss"].values())
    assert len(found["sinks"]) == 30 and len(found["sinks"][0]) == 9
    # a window shows in nothing before its width: the first w losses are those with every key
    for window in WINDOWS:
        assert found["loss"][f"{window}.0"][:window] == pytest.approx(
            found["loss"]["full"][:window], abs=2e-3
        )
    assert len(text("read")) > 2000 and text("read") != text("learn")
