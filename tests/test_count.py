"""Cost is counted from the tensors that were made, and an exponent is that of a power law."""

import pytest
import torch
import torch.nn.functional as F

from attention import attend
from attention.count import Count, bytes_of, count_curve, fit_exponent, measure_curve
from attention.multihead import MultiHeadAttention, count_multiplications


def test_the_multiplications_of_a_layer_are_those_of_the_formula():
    layer = MultiHeadAttention(16, 4, generator=torch.Generator().manual_seed(0))
    x = torch.rand(1, 10, 16, generator=torch.Generator().manual_seed(1))
    with Count() as whole, torch.no_grad():
        layer(x)
    assert whole.multiplications == count_multiplications(10, 16, 4).total
    with Count() as fused, torch.no_grad():
        layer(x, need_weights=False)
    assert fused.multiplications == whole.multiplications


@pytest.mark.parametrize("heads", [1, 3])
def test_the_fused_kernel_counts_scores_and_weighted_sum(heads):
    query, key, value = torch.rand(2, heads, 5, 8), torch.rand(2, heads, 7, 8), torch.rand(2, heads, 7, 4)
    with Count() as count:
        F.scaled_dot_product_attention(query, key, value)
    assert count.multiplications == 2 * heads * 5 * 7 * (8 + 4)


def test_bytes_are_those_of_new_tensors_and_freed_ones_do_not_add_up():
    x = torch.ones(100)
    with Count() as count:
        for _ in range(10):
            y = x + 1  # 400 bytes; the old one is freed as the new one takes its name
        view = y[:50].reshape(5, 10)
        view += 1
    assert count.made == 4000 and count.peak == 800 and count.largest == 100
    assert bytes_of(x, view) == 600


def test_a_tensor_made_before_is_not_counted():
    x = torch.ones(1000)
    with Count() as count:
        x.t()
        x.mul_(2)
    assert count.made == 0


def test_the_exponent_of_a_power_law():
    lengths = [3, 10, 50]
    assert fit_exponent(lengths, [7 * n**1.5 for n in lengths]) == pytest.approx(1.5)
    for lengths, costs in (([2, 2], [1.0, 1.0]), ([1, 2], [1.0]), ([1, 2], [0.0, 1.0])):
        with pytest.raises(ValueError, match="two different lengths"):
            fit_exponent(lengths, costs)


def test_attention_is_quadratic_and_its_projections_are_linear():
    def scores(n):
        x = torch.ones(n, 8)
        attend(x, x, x)

    assert count_curve(scores, [16, 32, 64]).exponent == pytest.approx(2)
    assert count_curve(lambda n: torch.ones(n, 8) @ torch.ones(8, 8), [16, 32]).exponent == pytest.approx(1)
    peak = count_curve(scores, [64, 256], "peak")
    assert peak.costs[1] >= 4 * 256 * 256


def test_a_measured_curve_has_one_time_for_each_length():
    seen = []
    curve = measure_curve(seen.append, [4, 8], repeats=2)
    assert seen == [4, 4, 4, 8, 8, 8] and len(curve.costs) == 2 and min(curve.costs) > 0
