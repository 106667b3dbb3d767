"""Cost, window: the mask is the rolling cache, the learned sink is gpt-oss's, reach is counted."""

from types import SimpleNamespace

import pytest
import torch
from transformers.models.gpt_oss.modeling_gpt_oss import eager_attention_forward

from attention import attend
from attention.masks import causal_mask
from attention.windows import loss_by_position, reach, rolling_attend, window_mask


def rand(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n, m, window, sinks", [(5, 5, 2, 0), (5, 5, 2, 2), (3, 7, 1, 1), (4, 4, 9, 3)])
def test_the_mask_equals_the_rule_cell_by_cell(n, m, window, sinks):
    mask = window_mask(n, m, window, sinks)
    for row in range(n):
        at = row + m - n
        for j in range(m):
            assert mask[row, j].item() == (j <= at and (at - j < window or j < sinks))


def test_a_window_as_long_as_the_text_is_the_causal_mask():
    assert torch.equal(window_mask(6, 6, 6), causal_mask(6))
    assert torch.equal(window_mask(2, 6, 9), causal_mask(2, 6))


@pytest.mark.parametrize("window, sinks", [(1, 0), (3, 0), (3, 2), (40, 0)])
def test_the_mask_equals_a_token_by_token_rolling_cache(window, sinks):
    query, key, value = (rand(2, 3, 20, 8, seed=i) for i in range(3))
    expected = attend(query, key, value, window_mask(20, 20, window, sinks)).output
    steps = []
    for attended, cache in rolling_attend(query, key, value, window, sinks):
        assert cache.length <= window + sinks
        steps.append(attended.output)
    torch.testing.assert_close(torch.cat(steps, -2), expected, atol=1e-6, rtol=0)


def test_a_learned_sink_equals_gpt_oss():
    query, key, value = rand(2, 6, 9, 8), rand(2, 3, 9, 8, seed=1), rand(2, 3, 9, 8, seed=2)
    sinks, mask = rand(6, seed=3), window_mask(9, 9, 4)
    module = SimpleNamespace(num_key_value_groups=2, sinks=sinks, training=False)
    bias = torch.zeros(9, 9).masked_fill(~mask, -torch.inf)
    output, weights = eager_attention_forward(module, query, key, value, bias, scaling=8**-0.5)
    key, value = key.repeat_interleave(2, 1), value.repeat_interleave(2, 1)
    ours = attend(query, key, value, mask, sinks=sinks.reshape(1, 6, 1, 1))
    torch.testing.assert_close(ours.output.transpose(1, 2), output, atol=1e-6, rtol=0)
    torch.testing.assert_close(ours.weights, weights, atol=1e-6, rtol=0)
    assert (ours.weights.sum(-1) < 1).all()


def test_a_window_reaches_its_width_less_one_further_with_every_layer():
    heard = reach([window_mask(30, 30, 4)] * 5)
    for layer in range(5):
        oldest = [row.nonzero()[0, 0].item() for row in heard[layer]]
        assert oldest == [max(0, i - 3 * (layer + 1)) for i in range(30)]
        assert heard[layer].sum(-1).tolist() == [min(i, 3 * (layer + 1)) + 1 for i in range(30)]


def test_reach_equals_following_every_path():
    masks = [rand(7, 7, seed=s) > 0.8 for s in range(3)]
    known = [{i} for i in range(7)]
    for mask, found in zip(masks, reach(masks), strict=True):
        known = [known[i] | set().union(*(known[k] for k in range(7) if mask[i, k])) for i in range(7)]
        assert [set(row.nonzero()[:, 0].tolist()) for row in found] == known


def test_loss_by_position_by_hand():
    logits = torch.tensor([[0.0, 0.0], [3.0, 0.0], [9.0, 9.0]])
    # two alike: ln 2; then the likely token, ln(1 + e^-3), or the unlikely one, 3 more
    for last, expected in ((0, 0.048587), (1, 3.048587)):
        loss = loss_by_position(logits, torch.tensor([1, 1, last]))
        torch.testing.assert_close(loss, torch.tensor([0.693147, expected]))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="window must be at least 1"):
        window_mask(3, 3, 0)
    with pytest.raises(ValueError, match="at least one layer"):
        reach([])
    with pytest.raises(ValueError, match="two ids"):
        loss_by_position(rand(1, 4), torch.tensor([0]))
