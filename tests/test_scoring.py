"""Chapter 1: every score is the sum of its terms."""

import math

import pytest
import torch

from attention.scoring import Additive, Bilinear, Dot, Gaussian

D, U = 4, 3


def rand(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


SCORINGS = [
    Dot(),
    Bilinear(rand(D, D, seed=1)),
    Additive(rand(U, D, seed=2), rand(U, D, seed=3), rand(U, seed=4)),
    Gaussian(0.7),
    Gaussian(torch.tensor(0.7, dtype=torch.float64)),
]


def test_dot_by_hand():
    scores = Dot()(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 1.0], [0.0, -1.0]]))
    assert scores.tolist() == [[5.0, -2.0]]


def test_bilinear_by_hand():
    weight = torch.tensor([[0.0, 1.0], [2.0, 0.0]])  # q^T W = (2 q2, q1)
    scores = Bilinear(weight)(torch.tensor([[1.0, 3.0]]), torch.tensor([[10.0, 1.0]]))
    assert scores.item() == 2 * 3 * 10 + 1 * 1


def test_bilinear_with_the_identity_is_the_dot_product():
    query, key = rand(3, D), rand(5, D, seed=9)
    identity = torch.eye(D, dtype=torch.float64)
    torch.testing.assert_close(Bilinear(identity)(query, key), Dot()(query, key))


def test_additive_by_hand():
    one = torch.tensor([[1.0]])
    score = Additive(one, 2 * one, torch.tensor([3.0]))(one * 0.5, one * 0.25)
    assert score.item() == pytest.approx(3 * math.tanh(0.5 + 0.5))


def test_additive_takes_queries_and_keys_of_different_width():
    scoring = Additive(rand(U, 2), rand(U, 5), rand(U))
    assert scoring(rand(3, 2), rand(4, 5)).shape == (3, 4)


def test_gaussian_by_hand():
    score = Gaussian(2.0)(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 3.0]]))
    assert score.item() == pytest.approx(-(1 + 9) / (2 * 4))


@pytest.mark.parametrize("scoring", SCORINGS, ids=lambda scoring: type(scoring).__name__)
def test_factors_multiply_and_sum_to_the_score(scoring):
    query, key = rand(3, D, seed=5), rand(6, D, seed=6)
    scores = scoring(query, key)
    for i in range(3):
        for j in range(6):
            left, right = scoring.factors(query[i], key[j])
            torch.testing.assert_close((left * right).sum(), scores[i, j])


@pytest.mark.parametrize("scoring", SCORINGS, ids=lambda scoring: type(scoring).__name__)
def test_leading_dimensions_broadcast(scoring):
    query, key = rand(2, 1, 3, D, seed=5), rand(7, 6, D, seed=6)
    scores = scoring(query, key)
    assert scores.shape == (2, 7, 3, 6)
    torch.testing.assert_close(scores[1, 4], scoring(query[1, 0], key[4]))


def test_only_the_dot_product_asks_for_one_over_root_d():
    assert Dot().default_scale(16) == 0.25
    assert [scoring.default_scale(16) for scoring in SCORINGS[1:]] == [1.0] * 4


@pytest.mark.parametrize("bandwidth", [0, -1.0, float("nan")])
def test_gaussian_refuses_a_bandwidth_that_is_not_positive(bandwidth):
    with pytest.raises(ValueError, match="bandwidth must be greater than 0"):
        Gaussian(bandwidth)


@pytest.mark.parametrize("scoring", SCORINGS, ids=lambda scoring: type(scoring).__name__)
def test_widths_that_do_not_fit_are_refused(scoring):
    with pytest.raises(ValueError, match=r"5 and 4|4 and 5|got 5"):
        scoring(rand(3, 5), rand(6, 4))


def test_a_vector_without_rows_is_refused():
    with pytest.raises(ValueError, match="at least two dimensions"):
        Dot()(rand(D), rand(3, D))
