"""Chapter 14: every pitfall shows the fact it claims, by a computation of its own."""

import math

import pytest
import torch
from torch import nn

from attention import pitfalls
from attention.decode.cache_exercises import EXERCISES
from attention.pitfalls import softmax_jacobian

PITFALLS = pitfalls.PITFALLS | EXERCISES

IDS = {
    "scale_by_d_model",
    "no_scaling",
    "softmax_axis",
    "all_zero_mask",
    "inverted_mask",
    "split_without_transpose",
    "heads_not_dividing",
    "average_over_padding",
    "full_width_heads",
    "dropout_on_weights",
    "cache_restart",
    "cache_twice",
    "cache_corner",
    "cache_evict",
    "cache_shared",
}


def test_all_fifteen_are_there():
    assert set(PITFALLS) == IDS
    assert {found.tab for found in PITFALLS.values()} == {"matchmaker", "masks", "heads", "cost"}


@pytest.mark.parametrize("name", sorted(IDS))
def test_a_seed_gives_the_same_numbers_and_leaves_torch_alone(name):
    state = torch.random.get_rng_state()
    one, two = PITFALLS[name](seed=3), PITFALLS[name](seed=3)
    assert one.readouts == two.readouts
    for side in ("right", "wrong"):
        for key, tensor in getattr(one, side).items():
            torch.testing.assert_close(tensor, getattr(two, side)[key], equal_nan=True)
            assert key == "minus_inf" or tensor.isfinite().all()
    assert all(math.isfinite(number) for number in one.readouts.values())
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("name", sorted(IDS))
def test_parameters_outside_their_limits_are_refused(name):
    pitfall = PITFALLS[name]
    for parameter, (low, high) in pitfall.limits.items():
        for outside in (low - 1, high + 1, math.nan):
            with pytest.raises(ValueError, match=parameter):
                pitfall(**{parameter: outside})
    with pytest.raises(ValueError, match="no parameter 'colour'"):
        pitfall(colour=1)


def test_scaling_by_d_model_shrinks_scores_by_the_root_of_the_number_of_heads():
    found = PITFALLS["scale_by_d_model"](d_model=64, num_heads=16, n=32)
    torch.testing.assert_close(found.wrong["scores"] * 4, found.right["scores"])
    assert found.readouts["right_deviation"] == pytest.approx(1, abs=0.1)
    assert found.readouts["wrong_deviation"] == pytest.approx(1 / 4, abs=0.03)
    r = found.readouts
    assert r["right_entropy"] < r["wrong_entropy"] < r["even_entropy"]


def test_without_scaling_the_variance_is_d_and_the_gradient_dies():
    found = PITFALLS["no_scaling"](seed=1, draws=400)
    widths = found.wrong["d"]
    assert widths.tolist() == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert (found.wrong["variance"] / widths - 1).abs().max() < 0.2
    assert (found.right["variance"] - 1).abs().max() < 0.2
    for name in ("entropy", "gradient"):
        torch.testing.assert_close(found.wrong[name][0], found.right[name][0])  # d = 1: no difference
        assert found.wrong[name][-1] < 0.25 * found.right[name][-1]
    assert (found.wrong["entropy"].diff() < 0).all()


def test_jacobian_equals_autograd():
    scores = torch.randn(6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda s: s.softmax(-1), scores)
    torch.testing.assert_close(softmax_jacobian(scores.softmax(-1)), expected)


def test_jacobian_of_two_even_keys_by_hand():
    expected = torch.tensor([[0.25, -0.25], [-0.25, 0.25]])
    torch.testing.assert_close(softmax_jacobian(torch.tensor([0.5, 0.5])), expected)


def test_softmax_over_the_wrong_axis_makes_columns_sum_to_one():
    found = PITFALLS["softmax_axis"](n=3, m=5)
    exp = found.right["scores"].exp()
    torch.testing.assert_close(found.right["weights"], exp / exp.sum(1, keepdim=True))
    torch.testing.assert_close(found.wrong["weights"], exp / exp.sum(0, keepdim=True))
    assert found.readouts["right_largest_error"] < 1e-6
    assert found.readouts["wrong_largest_error"] > 0.1


def test_empty_row_is_zeros_nan_or_uniform():
    found = PITFALLS["all_zero_mask"](m=4)
    assert found.right["weights"][1].tolist() == [0, 0, 0, 0]
    assert found.wrong["minus_inf"][1].isnan().all()
    assert found.wrong["minus_1e9"][1].tolist() == [0.25] * 4
    for weights in (found.right["weights"], *found.wrong.values()):  # the usual row is untouched
        torch.testing.assert_close(weights[0], found.right["scores"][0].softmax(-1))


def test_inverted_mask_looks_at_padding_only():
    found = PITFALLS["inverted_mask"](n=5, real=3)
    assert found.right["may"].tolist() == [True, True, True, False, False]
    assert found.right["weights"][:, 3:].sum() == 0 and found.wrong["weights"][:, :3].sum() == 0
    assert found.readouts["right_on_padding"] == 0
    assert found.readouts["wrong_on_padding"] == pytest.approx(1)
    assert found.readouts["sdpa_moved"] > 0.1


def test_the_layer_itself_reads_true_as_may_not_attend():
    layer = nn.MultiheadAttention(8, 1, batch_first=True)
    x = torch.randn(1, 4, 8)
    weights = layer(x, x, x, key_padding_mask=torch.tensor([[True, False, False, False]]))[1]
    assert (weights[0, :, 0] == 0).all()


def test_splitting_by_view_lets_the_future_in():
    found = PITFALLS["split_without_transpose"](n=6, num_heads=2, changed=3)
    assert (found.right["moved"][:3] == 0).all() and (found.right["moved"][3:] > 0).all()
    assert (found.wrong["moved"][:3] > 1e-3).all()
    assert found.right["tokens"][:, :, 0].tolist() == [[0, 1, 2, 3, 4, 5]] * 2
    assert found.wrong["tokens"][:, :, 0].tolist() == [[0, 0, 1, 1, 2, 2], [3, 3, 4, 4, 5, 5]]
    assert found.readouts["right_rows_of_one_token"] == 1
    assert found.readouts["wrong_rows_of_one_token"] == pytest.approx(1 / 6)


def test_changed_token_must_exist():
    with pytest.raises(ValueError, match="tokens 0 to 3, got 9"):
        PITFALLS["split_without_transpose"](n=4, changed=9)


@pytest.mark.parametrize(("d_model", "num_heads", "lost", "fits"), [(10, 3, 1, 2), (12, 5, 2, 4)])
def test_rounding_the_width_down_loses_features(d_model, num_heads, lost, fits):
    found = PITFALLS["heads_not_dividing"](d_model=d_model, num_heads=num_heads)
    assert found.readouts["remainder"] == found.readouts["lost_features"] == lost
    assert found.readouts["fitting_heads"] == fits and fits in found.right["divisors"]
    assert (found.wrong["used"][-lost:] == 0).all() and (found.wrong["used"][:-lost] > 0).all()
    assert (found.right["used"] > 0).all()


def test_plain_mean_moves_with_the_padding_as_the_formula_says():
    found = PITFALLS["average_over_padding"](real=3, most=12)
    assert (found.right["moved"] < 1e-6).all()
    # mean = (3 words + k padding) / (3 + k): it moves by k / (3 + k) of the way to the padding
    k = torch.arange(13)
    way = k / (3 + k)
    torch.testing.assert_close(
        found.wrong["moved"], way * (found.wrong["moved"][-1] / way[-1]), atol=1e-5, rtol=1e-4
    )
    assert found.readouts["wrong_moved"] > 0.5


@pytest.mark.parametrize("num_heads", [1, 4, 12])
def test_full_width_heads_cost_as_many_times_as_there_are_heads(num_heads):
    found = PITFALLS["full_width_heads"](n=128, d_model=384, num_heads=num_heads)
    assert found.readouts["ratio"] == num_heads
    assert found.readouts["right"] == found.readouts["one_head"]
    # four projections of 128 x 384 x 384, twice 128 x 128 x 384
    assert found.readouts["right"] == 4 * 128 * 384**2 + 2 * 128**2 * 384


def test_dropped_rows_sum_to_one_only_on_average():
    found = PITFALLS["dropout_on_weights"](dropout=0.3)
    calm, dropped = found.right["weights"], found.wrong["weights"]
    ratio = dropped / calm
    kept = ratio > 0
    torch.testing.assert_close(ratio[kept], torch.full_like(ratio[kept], 1 / 0.7))
    assert found.readouts["right_largest_error"] < 1e-6
    assert found.readouts["wrong_largest_error"] > 0.05
    assert found.readouts["wrong_mean_row_sum"] == pytest.approx(1, abs=0.03)


def test_no_dropout_is_the_right_way():
    found = PITFALLS["dropout_on_weights"](dropout=0.0, draws=2)
    torch.testing.assert_close(found.wrong["weights"], found.right["weights"])


def scores_at(distances, seed, n):
    """The last query's scores if its keys stood at these distances: by angles alone, without a cache."""
    query, key, _ = torch.randn(3, n, 16, generator=torch.Generator().manual_seed(seed))
    pairs = torch.view_as_complex(query[-1].view(8, 2)), torch.view_as_complex(key.view(n, 8, 2))
    speed = 10000.0 ** (-torch.arange(8) / 8)
    kept = pairs[1][-len(distances) :]
    turned = pairs[0] * torch.polar(torch.ones(8), distances[:, None] * speed)
    return (turned * kept.conj()).real.sum(-1) / 4


@pytest.mark.parametrize(
    ("name", "given", "n", "right", "wrong"),
    [("cache_restart", {"written": 3}, 7, [6, 5, 4, 3, 2, 1, 0], [0, -1, -2, -3, 0, 0, 0]),
     ("cache_twice", {"n": 5}, 5, [4, 3, 2, 1, 0], [4, 2, 0, -2, 0]),
     ("cache_evict", {"n": 6, "window": 4}, 6, [3, 2, 1, 0], [1, 0, 0, 0])],
)  # fmt: skip
def test_a_wrong_place_in_a_cache_is_a_wrong_distance(name, given, n, right, wrong):
    found = PITFALLS[name](seed=5, **given)
    for side, distances in ((found.right, right), (found.wrong, wrong)):
        assert side["distance"].tolist() == distances
        expected = scores_at(torch.tensor(distances).float(), 5, n).softmax(0)
        torch.testing.assert_close(side["weights"], expected, atol=1e-5, rtol=1e-4)
    assert found.readouts["moved"] > 0.01


def test_an_evicting_cache_that_is_not_full_makes_no_mistake():
    found = PITFALLS["cache_evict"](n=4, window=5)
    assert found.readouts["moved"] == 0 == found.readouts["gone"]


def test_the_wrong_corner_is_the_one_of_pytorch():
    found = PITFALLS["cache_corner"](n=5)
    assert found.wrong["weights"].tolist() == [1, 0, 0, 0, 0] and (found.right["weights"] > 0).all()
    key, value = torch.randn(2, 1, 5, 4)
    theirs = nn.functional.scaled_dot_product_attention(key[:, -1:], key, value, is_causal=True)
    torch.testing.assert_close(theirs[0, 0], value[0, 0])  # so is_causal=True sees the first key alone


def test_a_shared_cache_gives_weight_to_the_other_text():
    found = PITFALLS["cache_shared"](other=3)
    assert found.right["weights"][:3].sum() == 0 and found.right["weights"].sum() == pytest.approx(1)
    assert 0.05 < found.readouts["foreign"] < 0.95
