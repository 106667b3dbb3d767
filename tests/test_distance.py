"""ALiBi and rotary scaling equal transformers' own, and their curves are what attention computes."""

import math

import pytest
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.bloom.modeling_bloom import build_alibi_tensor

from attention import attend
from attention.distance import (
    alibi_bias,
    alibi_by_distance,
    alibi_slopes,
    linear_frequencies,
    ntk_frequencies,
    rotary_by_distance,
    rotate_by,
    turns_within,
    yarn_attention,
    yarn_frequencies,
)
from attention.masks import causal_mask
from attention.position import frequencies, rotate

D, TRAINED, FACTOR = 64, 2048, 4.0


def theirs(kind, **more):
    config = LlamaConfig(
        hidden_size=4 * D, num_attention_heads=4, max_position_embeddings=TRAINED,
        rope_parameters={"rope_type": kind, "rope_theta": 10000.0, "factor": FACTOR, **more},
    )  # fmt: skip
    return ROPE_INIT_FUNCTIONS[kind](config, device="cpu", seq_len=more.pop("seq_len", None))


@pytest.mark.parametrize("heads", [1, 2, 4, 6, 8, 9, 12, 16])
def test_slopes_equal_blooms(heads):
    bloom = build_alibi_tensor(torch.ones(1, 5), heads, torch.float32).reshape(heads, 5)
    ours = alibi_bias(1, 5, heads)[:, 0]  # the query stands last
    # Bloom adds slope * position: the same up to a constant of each row, which softmax does not see
    torch.testing.assert_close(ours - ours[:, :1], bloom, atol=1e-6, rtol=1e-5)
    assert (alibi_slopes(heads) > 0).all()


def test_alibi_in_attention_multiplies_the_weights_by_its_curve():
    slope = alibi_slopes(2)[0].item()
    same = torch.ones(1, 6, 4)
    weights = attend(same, same, same, causal_mask(6), bias=alibi_bias(6, 6, 2)[:1]).weights[0, 5]
    curve = alibi_by_distance(torch.arange(5, -1, -1), slope)
    torch.testing.assert_close(weights, curve / curve.sum())


def test_linear_scaling_equals_transformers():
    expected, factor = theirs("linear")
    torch.testing.assert_close(linear_frequencies(D, FACTOR).float(), expected, rtol=1e-5, atol=0)
    assert factor == 1
    x = torch.randn(3, D, generator=torch.Generator().manual_seed(0))
    at = torch.tensor([0, 100, 400])
    torch.testing.assert_close(
        rotate_by(x, at, linear_frequencies(D, FACTOR)), rotate(x, at / FACTOR), atol=1e-5, rtol=0
    )


def test_ntk_scaling_keeps_the_fastest_and_slows_the_slowest():
    scaled, plain = ntk_frequencies(D, FACTOR), frequencies(D)
    assert scaled[0].item() == plain[0].item() == 1
    assert (plain / scaled)[-1].item() == pytest.approx(FACTOR)
    assert ((plain / scaled).diff() > 0).all()


def test_ntk_scaling_equals_transformers_dynamic_at_that_length():
    # "dynamic" stretches by (factor * n / trained) - (factor - 1); at twice the length that is factor + 1
    config = LlamaConfig(
        hidden_size=4 * D, num_attention_heads=4, max_position_embeddings=TRAINED,
        rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": FACTOR},
    )  # fmt: skip
    expected, _ = ROPE_INIT_FUNCTIONS["dynamic"](config, device="cpu", seq_len=2 * TRAINED)
    torch.testing.assert_close(ntk_frequencies(D, FACTOR + 1).float(), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("factor", [2.0, 4.0, 16.0])
@pytest.mark.parametrize("trained", [256, 2048])
def test_yarn_equals_transformers(factor, trained):
    expected, attention = theirs("yarn", factor=factor, original_max_position_embeddings=trained)
    ours = yarn_frequencies(D, factor, trained)
    torch.testing.assert_close(ours.float(), expected, rtol=1e-5, atol=1e-9)
    assert yarn_attention(factor) == pytest.approx(attention)
    assert ours[0] == 1 and (frequencies(D) / ours)[-1].item() == pytest.approx(factor)


@pytest.mark.parametrize("frequency", [frequencies(D), ntk_frequencies(D, FACTOR)], ids=["plain", "ntk"])
def test_the_rotary_curve_is_the_score_of_two_equal_vectors(frequency):
    one, far = torch.ones(1, D), torch.tensor([0, 1, 7, 500])
    start = torch.tensor([40])
    scores = rotate_by(one, start, frequency) @ rotate_by(one.expand(4, D), start + far, frequency).T
    torch.testing.assert_close(scores[0] / D, rotary_by_distance(far, frequency), atol=1e-5, rtol=0)


def test_plain_frequencies_are_positions_own():
    x, at = torch.randn(2, 5, D, generator=torch.Generator().manual_seed(1)), torch.arange(5)
    torch.testing.assert_close(rotate_by(x, at, frequencies(D)), rotate(x, at))


def test_turns_within_a_text():
    # the fastest pair turns one radian a position
    assert turns_within(frequencies(4), 100)[0].item() == pytest.approx(100 / (2 * math.pi))
    stay = turns_within(frequencies(D), TRAINED) >= 32
    assert torch.equal(yarn_frequencies(D, FACTOR, TRAINED)[stay], frequencies(D)[stay])


def test_what_cannot_be_is_refused():
    for call in (
        lambda: alibi_slopes(0),
        lambda: linear_frequencies(5, 2.0),
        lambda: ntk_frequencies(2, 2.0),
        lambda: yarn_frequencies(8, 2.0, 0),
        lambda: linear_frequencies(8, 0.5),
        lambda: rotate_by(torch.zeros(1, 6), torch.arange(1), frequencies(8)),
    ):
        with pytest.raises(ValueError):
            call()
