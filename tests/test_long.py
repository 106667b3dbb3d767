"""Long texts through whole models: thumbnails made block by block equal those of the whole weights."""

import base64

import pytest
import torch
import transformers as T

from attention.count import Count
from attention.export.packing import pack_overview
from attention.pretrained import Changes, run
from attention.pretrained.blocks import pack_thumbnails
from attention.pretrained.model import adopt
from tests.tiny_models import EVERY, build, plain, tokens_for

TOUCHED = Changes(knock_out={(0, 1)}, uniform={(1, 1)}, temperature=((0, 0, 2.0),), forbid={2})


@pytest.mark.parametrize("name", list(EVERY))
def test_thumbnails_in_the_place_of_weights(name):
    model = adopt(build(name))
    tokens = tokens_for(model, 20)
    for changes, side in ((None, 64), (None, 6), (TOUCHED, 6)):
        whole, short = run(model, tokens, changes), run(model, tokens, changes, side=side)
        torch.testing.assert_close(whole.hidden, short.hidden, atol=1e-5, rtol=1e-5)
        assert len(whole.layers) == len(short.layers) > 0
        for a, b in zip(whole.layers, short.layers, strict=True):
            assert b.weights is None and b.kind == a.kind
            assert off_by(pack_thumbnails([b.thumbnails]), pack_overview([a.weights], side)) <= 1


def off_by(got, want):
    """How far the bytes of two packed overviews of one shape are apart; all else must be equal."""
    assert got | {"data": ""} == want | {"data": ""}
    a, b = (torch.tensor(list(base64.b64decode(one["data"]))) for one in (got, want))
    return (a - b).abs().max().item()


def test_no_layers_weights_are_ever_whole():
    """512 tokens and 8 heads: a layer's weights take 8.4 MB, and no such tensor is made."""
    config = T.LlamaConfig(
        vocab_size=99, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=8,
        max_position_embeddings=512,
    )  # fmt: skip
    model = adopt(T.LlamaForCausalLM(config))
    peaks = {}
    for side in (None, 64):
        with Count() as count:
            run(model, plain(512), side=side)
        peaks[side] = count.peak
    whole = 8 * 512 * 512 * 4
    assert peaks[None] > 2 * whole and peaks[64] < 1.5 * whole
