"""Chapter 7: encodings depend on distance alone, and attention without them cannot see order."""

import math

import pytest
import torch

from attention.position import (
    embed_words,
    encode_positions,
    match_words,
    rotate,
    shuffle_experiment,
    similarity_by_distance,
    sinusoidal_encoding,
)

DOG, MAN = ["the", "dog", "bit", "the", "man"], ["the", "man", "bit", "the", "dog"]
DOG_VECTOR = [-1.401119, -0.553417]  # written down from the first run


@pytest.mark.parametrize("d", [1, 2, 5, 8])
def test_encoding_equals_the_formula_entry_by_entry(d):
    expected = [
        [(math.cos if j % 2 else math.sin)(p / 10000 ** (2 * (j // 2) / d)) for j in range(d)]
        for p in range(50)
    ]
    torch.testing.assert_close(sinusoidal_encoding(50, d), torch.tensor(expected))


def test_encoding_stays_exact_far_out():
    encoding = encode_positions(torch.tensor([123_457]), 6)[0].tolist()
    angles = [123_457 / 10000 ** (2 * i / 6) for i in range(3)]
    expected = [f(angle) for angle in angles for f in (math.sin, math.cos)]
    assert encoding == pytest.approx(expected, abs=1e-6)


def test_encoding_of_length_zero_is_empty():
    assert sinusoidal_encoding(0, 7).shape == (0, 7)


@pytest.mark.parametrize("d", [2, 16, 64])
def test_dot_product_of_two_positions_depends_on_their_distance_only(d):
    n = 80
    encoding = sinusoidal_encoding(n, d).double()
    products = encoding @ encoding.T
    by_distance = similarity_by_distance(torch.arange(n), d).double()
    distance = (torch.arange(n)[:, None] - torch.arange(n)).abs()
    torch.testing.assert_close(products, by_distance[distance], atol=1e-4, rtol=0)
    assert by_distance[0].item() == pytest.approx(d / 2)


def test_with_odd_d_only_the_lone_sine_breaks_the_rule():
    encoding = sinusoidal_encoding(40, 7).double()
    pairs = encoding[:, :6] @ encoding[:, :6].T
    by_distance = similarity_by_distance(torch.arange(40), 7).double()
    torch.testing.assert_close(pairs[3, 3:], by_distance[:37], atol=1e-5, rtol=0)
    whole = encoding @ encoding.T
    assert (whole.diagonal(5) - whole[0, 5]).abs().max() > 1e-4


def test_rotation_equals_multiplication_by_a_unit_complex_number():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 9, 6, generator=generator, dtype=torch.float64)
    angles = torch.arange(9).double()[:, None] * 10000 ** (-torch.arange(0, 6, 2).double() / 6)
    expected = torch.view_as_complex(x.unflatten(-1, (3, 2))) * torch.polar(torch.ones_like(angles), angles)
    rotated = rotate(x, torch.arange(9))
    torch.testing.assert_close(rotated, torch.view_as_real(expected).flatten(-2))
    torch.testing.assert_close(rotated.norm(dim=-1), x.norm(dim=-1))


def test_rotary_score_depends_on_relative_distance_only():
    generator = torch.Generator().manual_seed(2)
    query, key = torch.randn(2, 1, 8, generator=generator, dtype=torch.float64)

    def score(p, r):
        at = rotate(query, torch.tensor([p])) @ rotate(key, torch.tensor([r])).T
        return at.item()

    assert score(7, 3) == pytest.approx(score(1004, 1000), abs=1e-9)
    assert score(5, 5) == pytest.approx((query @ key.T).item(), abs=1e-12)
    assert abs(score(7, 3) - score(3, 7)) > 1e-3


def test_rotation_of_position_one_by_hand():
    # d = 2: one pair, one radian per position
    rotated = rotate(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert rotated[0].tolist() == pytest.approx([math.cos(1), math.sin(1)])


def test_words_keep_their_vector_beside_other_words():
    both = embed_words(["dog", "man", "dog"], 16, seed=3)
    assert torch.equal(both[0], both[2]) and torch.equal(both[1], embed_words(["man"], 16, seed=3)[0])
    assert not torch.equal(both[0], embed_words(["dog"], 16, seed=4)[0])
    # the vectors must not change from process to process
    assert embed_words(["dog"], 2)[0].tolist() == pytest.approx(DOG_VECTOR, abs=1e-5)


def test_without_positions_the_outputs_only_change_places():
    found = shuffle_experiment(DOG, MAN)
    assert found.shuffled == MAN and found.difference < 1e-6
    torch.testing.assert_close(found.restored_weights, found.first.weights)
    assert (found.second.output[4] - found.first.output[1]).abs().max() < 1e-6  # "dog"
    # the words really moved: row by row the outputs differ
    assert (found.second.output - found.first.output).abs().max() > 0.1


@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
@pytest.mark.parametrize("seed", range(3))
def test_with_positions_the_two_sentences_differ(kind, seed):
    found = shuffle_experiment(DOG, MAN, seed=seed, use_positions=True, kind=kind)
    assert found.difference > 0.02
    assert found.moved.shape == (5,) and found.moved.max().item() == found.difference


def test_default_order_is_a_permutation_of_the_seed():
    words = [str(i) for i in range(9)]
    found = shuffle_experiment(words, seed=1)
    assert sorted(found.shuffled) == words and found.shuffled != words
    assert shuffle_experiment(words, seed=1).shuffled == found.shuffled
    assert found.difference < 1e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sinusoidal_encoding(-1, 4), "length"),
        (lambda: sinusoidal_encoding(4, 0), "d must"),
        (lambda: rotate(torch.zeros(2, 5), torch.arange(2)), "even, got 5"),
        (lambda: shuffle_experiment([]), "at least one word"),
        (lambda: shuffle_experiment(DOG, ["the", "cat"]), "same words"),
        (lambda: shuffle_experiment(DOG, kind="learned"), "kind"),
        (lambda: match_words(["a", "a"], ["a"]), "same words"),
    ],
)
def test_broken_rules_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
