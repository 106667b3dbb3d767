"""Cost, linear: matrix and state agree, random features recover the kernel chapter, delta overwrites."""

import math

import pytest
import torch

from attention.kernel import make_data
from attention.linear import (
    Fourier,
    Positive,
    delta_steps,
    linear_attend,
    linear_steps,
    positive_part,
    random_directions,
)
from attention.masks import causal_mask
from attention.random_features import error_curve, recover


def rand(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_linear_attention_by_hand():
    # elu(x) + 1 is x + 1 above 0 and e^x below
    query, key, value = torch.tensor([[1.0]]), torch.tensor([[2.0], [-1.0]]), torch.tensor([[10.0], [20.0]])
    low = math.exp(-1)
    attended = linear_attend(query, key, value)
    assert attended.scores[0].tolist() == pytest.approx([2 * 3, 2 * low])
    assert attended.output.item() == pytest.approx((3 * 10 + low * 20) / (3 + low))


@pytest.mark.parametrize(
    "features", [positive_part, Positive(random_directions(16, 4))], ids=["elu", "random"]
)
def test_matrix_and_running_state_agree_at_every_step(features):
    query, key, value = rand(2, 3, 40, 4) / 2, rand(2, 3, 40, 4, seed=1) / 2, rand(2, 3, 40, 5, seed=2)
    whole = linear_attend(query, key, value, features=features, causal=True)
    steps = list(linear_steps(query, key, value, features))
    assert len(steps) == 40
    for at, state in enumerate(steps):
        torch.testing.assert_close(state.output, whole.output[..., at, :], atol=1e-5, rtol=0)
        assert state.memory.shape == steps[0].memory.shape  # however long the text
    torch.testing.assert_close(whole.weights.sum(-1), torch.ones(2, 3, 40))


def test_the_weights_are_the_kernel_of_every_pair():
    query, key = rand(3, 4), rand(5, 4, seed=1)
    attended = linear_attend(query, key, rand(5, 2, seed=2))
    for i in range(3):
        pairs = [(positive_part(query[i]) @ positive_part(key[j])).item() for j in range(5)]
        assert attended.weights[i].tolist() == pytest.approx([pair / sum(pairs) for pair in pairs], rel=1e-5)


def test_masks_and_empty_rows():
    query, key, value = rand(6, 4), rand(6, 4, seed=1), rand(6, 2, seed=2)
    masked = linear_attend(query, key, value, causal_mask(6)).output
    assert torch.equal(masked, linear_attend(query, key, value, causal=True).output)
    empty = linear_attend(query, key, value, torch.zeros(6, 6, dtype=torch.bool))
    assert empty.output.abs().max() == 0


@pytest.mark.parametrize("kind", [Fourier, Positive])
def test_random_features_have_the_gaussian_kernel_as_their_mean(kind):
    features = kind(random_directions(200_000, 3).double())
    q, k = rand(3, dtype=torch.float64) / 2, rand(3, seed=1, dtype=torch.float64) / 2
    expected = math.exp(-((q - k).square().sum().item()) / 2)
    assert (features(q) @ features(k)).item() == pytest.approx(expected, abs=0.01)
    if kind is Positive:
        assert (features(q) > 0).all()


@pytest.mark.parametrize("kind", ["fourier", "positive"])
def test_the_error_falls_like_one_over_the_square_root(kind):
    curve = error_curve(torch.linspace(0, 1, 9), [16, 64, 256, 1024], kind=kind, seeds=16)
    assert curve.exponent == pytest.approx(-0.5, abs=0.15)
    assert list(curve.kernel_errors) == sorted(curve.kernel_errors, reverse=True)


@pytest.mark.parametrize("bandwidth", [0.3, 1.0])
def test_kernel_regression_is_recovered_within_the_stated_error(bandwidth):
    x, y = make_data(50, 0.5, seed=0)
    places, errors = torch.linspace(0, 5, 60), []
    for features in (64, 1024, 16384):
        found = recover(places, x, y, bandwidth, features)
        assert ((found.output - found.exact).abs() <= found.bound + 1e-9).all()
        errors.append(found.error)
    assert found.bound.isfinite().all() and found.error < 0.1 and found.kernel_error < 0.03
    assert errors == sorted(errors, reverse=True)


def test_positive_features_recover_it_where_the_places_are_near():
    x, y = make_data(50, 0.5, seed=0)
    found = recover(torch.linspace(0, 5, 60), x, y, 2.5, 4096, kind="positive")
    assert found.error < 0.1 and ((found.output - found.exact).abs() <= found.bound + 1e-9).all()


def test_the_delta_rule_overwrites_where_the_sum_mixes():
    key, value = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), torch.tensor([[5.0], [7.0], [9.0]])
    query = torch.tensor([[1.0, 0.0]]).expand(3, 2)
    assert [state.output.item() for state in delta_steps(query, key, value)] == [5, 5, 9]
    assert [state.output.item() for state in delta_steps(query, key, value, 0.5)] == [2.5, 2.5, 5.75]
    # the sum keeps both 5 and 9 under the same key
    sums = [s.output.item() for s in linear_steps(query, key, value, lambda x: x)]
    assert sums == [5, 5, 7]


def test_the_delta_rule_equals_a_loop_over_matrices():
    query, key, value = (
        rand(9, 4, dtype=torch.float64),
        rand(9, 4, seed=1).double(),
        rand(9, 3, seed=2).double(),
    )
    rate, memory = (
        torch.rand(9, generator=torch.Generator().manual_seed(3)).double(),
        torch.zeros(3, 4).double(),
    )
    for at, state in enumerate(delta_steps(query, key, value, rate)):
        k, q = key[at] / key[at].norm(), query[at] / query[at].norm()
        memory = memory @ (torch.eye(4) - rate[at] * torch.outer(k, k)) + rate[at] * torch.outer(value[at], k)
        torch.testing.assert_close(state.output, memory @ q, atol=1e-10, rtol=0)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="rate"):
        next(delta_steps(rand(1, 2), rand(1, 2), rand(1, 1), 2.0))
    x, y = make_data(5)
    with pytest.raises(ValueError, match="kind"):
        recover(x, x, y, 1.0, 8, kind="cosine")
    with pytest.raises(ValueError, match="bandwidth"):
        recover(x, x, y, 0.0, 8)
