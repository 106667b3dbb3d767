"""Attention backwards: the gradients written out are those that autograd finds."""

import pytest
import torch

from attention import attend
from attention.gradient import attention_gradients, softmax_gradient


def rand(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_softmax_gradient_is_the_formula_and_sums_to_nothing():
    weights, gains = rand(4, 3, 7, seed=0).softmax(-1), rand(4, 3, 7, seed=1)
    found = softmax_gradient(weights, gains)
    torch.testing.assert_close(found, weights * (gains - (weights * gains).sum(-1, keepdim=True)))
    torch.testing.assert_close(found.sum(-1), torch.zeros(4, 3, dtype=torch.float64))  # moving all moves none


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_all_gradients_are_autograds(dropout, scale):
    query, key, value = (
        rand(2, n, d, seed=n).requires_grad_() for n, d in ((3, 4), (5, 4), (5, 6))
    )  # fmt: skip
    upstream = rand(2, 3, 6, seed=9)
    attended = attend(
        query, key, value, scale=scale, dropout=dropout, generator=torch.Generator().manual_seed(7)
    )
    expected = torch.autograd.grad(attended.output, (query, key, value), upstream)
    keep = torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(7)) >= dropout
    with torch.no_grad():
        weights = (scale * query @ key.mT).softmax(-1)
        found = attention_gradients(
            query, key, value, weights, upstream, scale=scale, keep=keep if dropout else None, dropout=dropout
        )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_key_behind_a_mask_has_no_part():
    query, key, value, upstream = (rand(1, n, 4, seed=n + 10) for n in (2, 3, 3, 2))
    mask = torch.tensor([True, False, True])
    weights = attend(query, key, value, mask).weights
    found = attention_gradients(query, key, value, weights, upstream, scale=0.5)
    assert not found.key[0, 1].any() and not found.value[0, 1].any()
    rest = attention_gradients(query, key[:, mask], value[:, mask], weights[..., mask], upstream, scale=0.5)
    torch.testing.assert_close(found.query, rest.query)


def test_a_gradient_says_how_the_loss_moves():
    """By differences, without autograd: the loss after a small step, less the loss before, over the step."""
    query, key, value, upstream = (rand(1, n, 4, seed=n + 20) for n in (2, 3, 3, 2))

    def loss(query):
        return (attend(query, key, value).output * upstream).sum()

    weights = attend(query, key, value).weights
    found = attention_gradients(query, key, value, weights, upstream, scale=0.5).query
    for row, column in ((0, 0), (1, 3)):
        step = torch.zeros_like(query)
        step[0, row, column] = 1e-6
        slope = (loss(query + step) - loss(query - step)) / 2e-6
        assert found[0, row, column].item() == pytest.approx(slope.item(), rel=1e-6)
