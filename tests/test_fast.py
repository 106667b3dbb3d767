"""The tricks of fast.py give the numbers of the plain path; NaN behind a mask leaks from neither."""

import math
from dataclasses import dataclass

import pytest
import torch

from attention import attend
from attention.fast import dot_scores, softmax_over
from attention.masks import masked_softmax
from attention.scoring import Dot

B, H, N, M, D, V = 2, 3, 4, 5, 8, 6


def rand(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def qkv(dtype=torch.float32):
    return rand(B, H, N, D, seed=1, dtype=dtype), rand(B, H, M, D, seed=2, dtype=dtype), rand(
        B, H, M, V, seed=3, dtype=dtype
    )  # fmt: skip


@dataclass(frozen=True)
class Plain:
    """The dot product under a name that fast.py does not know."""

    def __call__(self, query, key):
        return Dot()(query, key)

    def default_scale(self, d):
        return Dot().default_scale(d)


MASK = rand(B, 1, N, M, seed=4) > 0
MASK[..., 0] = True
EMPTY = MASK.clone()
EMPTY[0, 0, 2] = False
CASES = {
    "plain": {},
    "a power of two": dict(scale=0.25),
    "no power of two": dict(scale=0.3),
    "scale one": dict(scale=1.0),
    "scale zero": dict(scale=0.0),
    "temperature": dict(temperature=3.0),
    "mask": dict(mask=MASK),
    "an empty row": dict(mask=EMPTY),
    "nothing at all": dict(mask=torch.zeros(N, M).bool()),
    "bias": dict(bias=rand(H, N, M, seed=9)),
    "mask, bias, temperature": dict(mask=EMPTY, bias=rand(N, M, seed=9), temperature=0.7),
    "dropout": dict(mask=MASK, dropout=0.5),
}


def seeded(case):
    return case | ({"generator": torch.Generator().manual_seed(0)} if "dropout" in case else {})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_fast_path_equals_the_plain_one_bit_for_bit(case, dtype):
    case = {name: x.to(dtype) if name == "bias" else x for name, x in case.items()}
    one, other = attend(*qkv(dtype), **seeded(case)), attend(*qkv(dtype), scoring=Plain(), **seeded(case))
    assert torch.equal(one.weights, other.weights)
    assert torch.equal(one.scores, other.scores)
    assert torch.equal(one.output, other.output)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_its_gradients_do_too(case):
    gradients = []
    for scoring in (None, Plain()):
        tensors = [tensor.requires_grad_() for tensor in qkv()]
        attend(*tensors, scoring=scoring, **seeded(case)).output.square().sum().backward()
        gradients.append([tensor.grad for tensor in tensors])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_fused_kernel_equals_the_plain_path_to_rounding(case):
    if "dropout" in case:
        case = case | {"dropout": 0.0}
    pooled = attend(*qkv(), **case, need_weights=False)
    assert pooled.weights is None and pooled.scores is None
    torch.testing.assert_close(pooled.output, attend(*qkv(), **case, scoring=Plain()).output)


def test_inputs_and_scores_are_left_as_they_were():
    tensors, before = qkv(), qkv()
    attended = attend(*tensors, MASK, scale=0.5)
    weights = attended.weights.clone()
    assert not torch.equal(attended.scores, weights)
    assert torch.equal(attended.weights, weights)  # looking at the scores did not touch them
    for tensor, same in zip(tensors, before, strict=True):
        assert torch.equal(tensor, same)


def test_the_scores_lend_their_memory_to_the_weights():
    scores = dot_scores(*qkv()[:2], 0.3)
    weights = softmax_over(scores, MASK)
    assert weights.data_ptr() == scores.data_ptr()
    assert torch.equal(weights, masked_softmax(dot_scores(*qkv()[:2], 0.3), MASK))


STRANGE = pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
PATHS = {"fast": {}, "plain": {"scoring": Plain()}, "fused": {"need_weights": False},
         "sinks": {"sinks": torch.zeros(1, 1)}}  # fmt: skip
EACH_PATH = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)


@STRANGE
@EACH_PATH
@pytest.mark.parametrize("place", ["key", "value", "both"])
def test_what_stands_behind_a_mask_reaches_nobody(path, place, strange):
    query, key, value = qkv()
    mask = torch.tensor([True, True, False, True, False])
    expected = attend(query, key, value, mask, **path).output
    if place != "value":
        key[..., 2, 3] = strange
        key[0, 1, 4] = strange
    if place != "key":
        value[..., 2, 3] = strange
        value[0, 1, 4] = strange
    got = attend(query, key, value, mask, **path).output
    torch.testing.assert_close(got, expected)


@STRANGE
@EACH_PATH
def test_a_causal_mask_hides_a_strange_token_from_those_before_it_only(path, strange):
    query, key, value = rand(N, D, seed=1), rand(N, D, seed=2), rand(N, V, seed=3)
    mask = torch.ones(N, N).bool().tril()
    expected = attend(query, key, value, mask, **path).output
    value[2, 1] = strange
    got = attend(query, key, value, mask, **path).output
    torch.testing.assert_close(got[:2], expected[:2])
    assert not got[2:, 1].isfinite().any()
    torch.testing.assert_close(got[:, 2:], expected[:, 2:])


@EACH_PATH
def test_nan_that_may_be_attended_is_never_silent(path):
    for place in range(3):
        tensors = qkv()
        tensors[place][0, 0, 1, 1] = math.nan
        output = attend(*tensors, **path).output
        assert output[0, 0].isnan().any() and output[1].isfinite().all()


@EACH_PATH
def test_an_empty_row_is_zero_whatever_stands_in_the_numbers(path):
    query, key, value = qkv()
    mask = torch.ones(N, M).bool()
    mask[1] = False
    query[..., 1, 0] = key[..., 0, 0] = value[..., 0, 0] = math.nan
    assert attend(query, key, value, mask, **path).output[..., 1, :].abs().max() == 0
