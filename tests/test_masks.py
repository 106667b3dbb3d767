"""Chapter 2: True = may attend; the softmax of nothing is zeros, by rule."""

import math

import pytest
import torch

from attention.masks import (
    causal_mask,
    check_mask,
    masked_softmax,
    pad_sequences,
    padding_mask,
    softmax_with_minus_1e9,
    softmax_with_minus_inf,
    weighted_sum,
)

SCORES = torch.tensor([[3.0, 1.0, 0.5], [2.0, 2.0, 2.0]])
LAST_ROW_EMPTY = torch.tensor([[True, True, False], [False, False, False]])


def test_softmax_of_the_starting_example():
    weights = masked_softmax(torch.tensor([3.0, 1.0, 0.5])[None])
    assert [round(weight, 2) for weight in weights[0].tolist()] == [0.82, 0.11, 0.07]


def test_weights_sum_to_one_or_to_zero():
    weights = masked_softmax(SCORES, LAST_ROW_EMPTY)
    torch.testing.assert_close(weights.sum(-1), torch.tensor([1.0, 0.0]))


def test_masked_cells_are_exactly_zero_whatever_their_score():
    scores = torch.tensor([[0.0, 1e30], [-1e30, 1e30]])
    weights = masked_softmax(scores, torch.tensor([[True, False], [True, False]]))
    assert weights.tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_the_masked_key_might_as_well_not_exist():
    kept = masked_softmax(SCORES, torch.tensor([True, False, True]))[:, [0, 2]]
    torch.testing.assert_close(kept, torch.softmax(SCORES[:, [0, 2]], dim=-1))


def test_an_empty_row_has_finite_gradients():
    scores = SCORES.clone().requires_grad_()
    masked_softmax(scores, LAST_ROW_EMPTY).square().sum().backward()
    assert scores.grad.isfinite().all()
    assert scores.grad[1].tolist() == [0.0, 0.0, 0.0]
    assert scores.grad[0, :2].abs().min() > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(dtype):
    scores = torch.zeros(1, 3000, dtype=dtype)
    weights = masked_softmax(scores, torch.ones(1, 3000, dtype=torch.bool))
    assert weights.dtype == dtype
    torch.testing.assert_close(weights.float().sum(), torch.tensor(1.0), rtol=5e-3, atol=0)


def test_minus_inf_alone_makes_an_empty_row_nan():
    weights = softmax_with_minus_inf(SCORES, LAST_ROW_EMPTY)
    assert weights[1].isnan().all()
    torch.testing.assert_close(weights[0], masked_softmax(SCORES, LAST_ROW_EMPTY)[0])


def test_minus_1e9_makes_an_empty_row_uniform():
    weights = softmax_with_minus_1e9(SCORES, LAST_ROW_EMPTY)
    torch.testing.assert_close(weights[1], torch.full((3,), 1 / 3))
    torch.testing.assert_close(weights[0], masked_softmax(SCORES, LAST_ROW_EMPTY)[0])


def test_minus_1e9_overflows_fp16_but_not_bf16():
    with pytest.raises(OverflowError, match="float16"):
        softmax_with_minus_1e9(SCORES.half(), LAST_ROW_EMPTY)
    assert softmax_with_minus_1e9(SCORES.bfloat16(), LAST_ROW_EMPTY).isfinite().all()


def test_pad_sequences_fills_on_the_right():
    padded, lengths = pad_sequences([[5, 6, 7], [], [8]], padding=-1)
    assert padded.tolist() == [[5, 6, 7], [-1, -1, -1], [8, -1, -1]]
    assert padded.dtype == torch.int64 and lengths.tolist() == [3, 0, 1]


def test_pad_sequences_keeps_fractions_and_reaches_a_given_length():
    padded, lengths = pad_sequences([[1, 2.5], [3]], length=4)
    assert padded.tolist() == [[1, 2.5, 0, 0], [3, 0, 0, 0]] and lengths.tolist() == [2, 1]


def test_only_empty_sequences_pad_to_width_zero():
    assert pad_sequences([[], []])[0].shape == (2, 0)


@pytest.mark.parametrize("arguments", [([],), ([[1, 2]], 0, 1)])
def test_pad_sequences_refuses_no_sequences_and_a_short_length(arguments):
    with pytest.raises(ValueError, match="at least"):
        pad_sequences(*arguments)


def test_padding_mask_marks_the_real_keys():
    mask = padding_mask(torch.tensor([2, 0]), 3)
    assert mask.tolist() == [[[True, True, False]], [[False, False, False]]]


@pytest.mark.parametrize("length", [4, -1])
def test_padding_mask_refuses_impossible_lengths(length):
    with pytest.raises(ValueError, match=r"\[0, 3\]"):
        padding_mask(torch.tensor([2, length]), 3)


def test_causal_mask_looks_back_only():
    assert causal_mask(3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert causal_mask(2, 4).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_a_mask_that_is_not_boolean_is_refused(dtype):
    with pytest.raises(ValueError, match="mask must be boolean"):
        masked_softmax(SCORES, LAST_ROW_EMPTY.to(dtype))


@pytest.mark.parametrize("shape", [(2,), (3, 3), (2, 1, 3), (1, 2, 3)])
def test_a_mask_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match="does not broadcast"):
        check_mask(torch.ones(shape, dtype=torch.bool), SCORES.shape)


@pytest.mark.parametrize("shape", [(), (3,), (2, 1), (1, 3), (1, 1)])
def test_a_mask_that_broadcasts_is_taken(shape):
    check_mask(torch.ones(shape, dtype=torch.bool), SCORES.shape)


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
def test_what_stands_behind_a_mask_does_not_matter(strange):
    scores = torch.tensor([[1.0, 2.0, strange], [0.5, 0.5, strange]])
    mask = torch.tensor([True, True, False])
    weights = masked_softmax(scores, mask)
    expected = torch.softmax(torch.tensor([[1.0, 2.0], [0.5, 0.5]]), dim=-1)
    torch.testing.assert_close(weights, torch.cat([expected, torch.zeros(2, 1)], dim=1))


def test_the_softmax_leaves_its_scores_alone():
    before = SCORES.clone()
    masked_softmax(SCORES, LAST_ROW_EMPTY)
    assert torch.equal(SCORES, before)


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
def test_a_strange_value_counts_for_those_who_may_look_at_it_only(strange):
    weights = torch.tensor([[0.25, 0.75, 0.0], [0.5, 0.25, 0.25]])
    value = torch.tensor([[4.0, 1.0], [8.0, 1.0], [strange, 2.0]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    got = weighted_sum(weights, value, mask)
    assert got[0].tolist() == [7.0, 1.0]  # 0.25 * 4 + 0.75 * 8
    assert got[1, 1] == 1.25
    torch.testing.assert_close(got[1, 0], torch.tensor(strange), equal_nan=True)
    assert weighted_sum(weights, value).isnan().any()  # without a mask 0 * NaN stands


def test_a_strange_value_is_hidden_in_its_own_batch_only():
    weights = torch.tensor([[[0.5, 0.5]], [[1.0, 0.0]]])  # (b, n, m)
    value = torch.tensor([[[1.0], [math.nan]], [[3.0], [math.nan]]])
    mask = torch.tensor([[[True, True]], [[True, False]]])
    got = weighted_sum(weights, value, mask)
    assert got[0].isnan().all() and got[1].item() == 3.0
