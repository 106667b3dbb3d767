"""Chapter 3: attend() equals PyTorch, keeps its rules, and every cell of it adds up."""

import math

import pytest
import torch
import torch.nn.functional as F

from attention import attend, explain
from attention.scoring import Additive, Bilinear, Dot, Gaussian

B, H, N, M, D, V = 2, 3, 4, 5, 8, 6
BOTH = pytest.mark.parametrize("need_weights", [True, False])


def rand(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def qkv(dtype=torch.float64):
    tensors = rand(B, H, N, D, seed=1), rand(B, H, M, D, seed=2), rand(B, H, M, V, seed=3)
    return [tensor.to(dtype) for tensor in tensors]


def some_mask(*shape):
    mask = rand(*shape, seed=4) > 0
    mask[..., 0] = True  # nobody is left without a key
    return mask


def scorings(d=D, u=3):
    additive = Additive(rand(u, d, seed=6), rand(u, d, seed=7), rand(u, seed=8))
    return [Dot(), Bilinear(rand(d, d, seed=5) / d), additive, Gaussian(2.0)]


ALL_SCORINGS = pytest.mark.parametrize("scoring", scorings(), ids=lambda s: type(s).__name__)


def test_attention_by_hand():
    # scores 3, 1, 0.5 as in the matchmaker: d = 1, so dividing by sqrt(d) changes nothing
    one = torch.ones(1, 1)
    attended = attend(one, torch.tensor([[3.0], [1.0], [0.5]]), torch.tensor([[1.0], [2.0], [4.0]]))
    terms = [math.exp(3), math.exp(1), math.exp(0.5)]
    assert attended.scores.tolist() == [[3.0, 1.0, 0.5]]
    assert [round(w, 2) for w in attended.weights[0].tolist()] == [0.82, 0.11, 0.07]
    output = (terms[0] + 2 * terms[1] + 4 * terms[2]) / sum(terms)
    assert attended.output.item() == pytest.approx(output)


@BOTH
@pytest.mark.parametrize("mask", [None, some_mask(N, M), some_mask(B, 1, 1, M)], ids=str)
def test_output_and_gradients_equal_pytorch(need_weights, mask):
    ours = [tensor.requires_grad_() for tensor in qkv()]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    output = attend(*ours, mask, need_weights=need_weights).output
    expected = F.scaled_dot_product_attention(*theirs, attn_mask=mask)
    torch.testing.assert_close(output, expected)
    output.square().sum().backward()
    expected.square().sum().backward()
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, its.grad)


@BOTH
def test_bias_scale_and_temperature_equal_pytorch(need_weights):
    query, key, value = qkv()
    bias = rand(H, N, M, seed=9)
    options = dict(scale=0.3, temperature=2.0, bias=bias, need_weights=need_weights)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=0.15)
    torch.testing.assert_close(attend(query, key, value, **options).output, expected)
    mask = some_mask(N, M)
    expected = F.scaled_dot_product_attention(
        query, key, value, attn_mask=bias.masked_fill(~mask, float("-inf")), scale=0.15
    )
    torch.testing.assert_close(attend(query, key, value, mask, **options).output, expected)


@BOTH
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_finite_and_close(need_weights, dtype):
    mask = some_mask(N, M)
    mask[1] = False
    output = attend(*qkv(dtype), mask, need_weights=need_weights).output
    assert output.dtype == dtype and output.isfinite().all()
    torch.testing.assert_close(output.double(), attend(*qkv(), mask).output, atol=0.03, rtol=0.03)


@BOTH
@pytest.mark.parametrize("with_bias", [False, True])
def test_a_fully_masked_row_is_zero_with_finite_gradients(need_weights, with_bias):
    tensors = [tensor.requires_grad_() for tensor in qkv()]
    mask = some_mask(N, M)
    mask[2] = False
    bias = rand(N, M, seed=9) if with_bias else None
    attended = attend(*tensors, mask, bias=bias, need_weights=need_weights)
    assert attended.output[..., 2, :].abs().max() == 0
    assert attended.output[..., 1, :].abs().min() > 0
    if need_weights:
        expected = torch.ones(B, H, N, dtype=torch.float64)
        expected[..., 2] = 0
        torch.testing.assert_close(attended.weights.sum(-1), expected)
    attended.output.square().sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in tensors)


@ALL_SCORINGS
def test_a_masked_key_changes_nothing(scoring):
    query, key, value = qkv()
    mask = torch.tensor([True, True, False, True, False])
    masked = attend(query, key, value, mask, scoring=scoring).output
    removed = attend(query, key[..., mask, :], value[..., mask, :], scoring=scoring).output
    torch.testing.assert_close(masked, removed)


@BOTH
def test_no_keys_at_all_gives_zeros(need_weights):
    output = attend(rand(2, D), rand(0, D), rand(0, V), need_weights=need_weights).output
    assert output.shape == (2, V) and output.abs().max() == 0


@BOTH
def test_leading_dimensions_broadcast(need_weights):
    query, key, value = rand(B, 1, N, D), rand(H, M, D, seed=2), rand(1, H, M, V, seed=3)
    output = attend(query, key, value, need_weights=need_weights).output
    torch.testing.assert_close(output[1, 2], attend(query[1, 0], key[2], value[0, 2]).output)


def test_scale_zero_is_the_average_with_and_without_weights():
    query, key, value = qkv()
    average = value.mean(-2, keepdim=True).expand(B, H, N, V)
    for need_weights in (True, False):
        output = attend(query, key, value, scale=0.0, need_weights=need_weights).output
        torch.testing.assert_close(output, average)


@ALL_SCORINGS
@pytest.mark.parametrize("scale", [None, 1.0, 4.0])
def test_temperature_divides_the_scores(scoring, scale):
    plain = attend(*qkv(), scoring=scoring, scale=scale)
    warm = attend(*qkv(), scoring=scoring, scale=scale, temperature=4.0)
    torch.testing.assert_close(warm.scores * 4, plain.scores)
    torch.testing.assert_close(warm.weights, torch.softmax(plain.scores / 4, dim=-1))


def test_softcap_bounds_the_scores_before_the_bias():
    bias = torch.full((N, M), 10.0, dtype=torch.float64)
    attended = attend(*qkv(), scale=5.0, softcap=2.0, bias=bias)
    raw = Dot()(*qkv()[:2]) * 5
    torch.testing.assert_close(attended.scores, 2 * torch.tanh(raw / 2) + 10)
    assert (attended.scores - 10).abs().max() <= 2


def test_a_sink_takes_its_share_of_the_row():
    # two keys with logits ln 2 and ln 1, a sink of ln 3: weights 2/6 and 1/6
    key = torch.tensor([[math.log(2)], [0.0]])
    value = torch.tensor([[6.0], [12.0]])
    sinks = torch.tensor([[math.log(3)]])
    attended = attend(torch.ones(1, 1), key, value, scale=1.0, sinks=sinks)
    torch.testing.assert_close(attended.weights, torch.tensor([[2 / 6, 1 / 6]]))
    assert attended.weights.sum() < 1
    assert attended.output.item() == pytest.approx(2 + 2)


def test_rows_with_a_sink_sum_to_less_than_one_and_masked_ones_to_zero():
    mask = some_mask(N, M)
    mask[0] = False
    attended = attend(*qkv(), mask, sinks=rand(H, 1, 1, seed=3))
    rows = attended.weights.sum(-1)
    assert (rows[..., 1:] < 1).all() and (rows[..., 1:] > 0).all()
    assert rows[..., 0].abs().max() == 0
    assert (attended.weights == 0)[..., ~mask].all()


def test_dropout_is_reproducible_and_keeps_the_mean():
    def run(seed):
        return attend(*qkv(), dropout=0.5, generator=torch.Generator().manual_seed(seed)).weights

    assert torch.equal(run(1), run(1)) and not torch.equal(run(1), run(2))
    kept = run(1) != 0
    torch.testing.assert_close(run(1)[kept], 2 * attend(*qkv()).weights[kept])
    assert 0.3 < kept.double().mean() < 0.7


def test_dropout_draws_from_its_generator_only():
    before = torch.random.get_rng_state()
    attend(*qkv(), dropout=0.5, generator=torch.Generator().manual_seed(1), need_weights=False)
    assert torch.equal(before, torch.random.get_rng_state())


Q, K, X = rand(2, 4), rand(5, 4), rand(5, 3)
BAD = {
    "more values than keys": ((Q, K, rand(9, 3)), {}, "5 keys and 9 values"),
    "fewer values than keys": ((Q, K, rand(4, 3)), {}, "5 keys and 4 values"),
    "widths": ((Q, rand(5, 3), X), {}, "share their last dimension"),
    "query without rows": ((Q[0], K, X), {}, "at least two dimensions"),
    "key without rows": ((Q, K[0], X), {}, "at least two dimensions"),
    "value without features": ((Q, K, X[:, 0]), {}, "at least two dimensions"),
    "batches": ((rand(2, 2, 4), rand(3, 5, 4), rand(3, 5, 3)), {}, "leading dimensions"),
    "integer mask": ((Q, K, X, torch.ones(2, 5).long()), {}, "mask must be boolean"),
    "float mask": ((Q, K, X, torch.zeros(2, 5)), {}, "mask must be boolean"),
    "mask shape": ((Q, K, X, torch.ones(3, 5).bool()), {}, "mask of shape"),
    "bias shape": ((Q, K, X), dict(bias=rand(3, 3)), "bias of shape"),
    "temperature zero": ((Q, K, X), dict(temperature=0.0), "temperature must be greater than 0"),
    "temperature nan": ((Q, K, X), dict(temperature=math.nan), "temperature"),
    "dropout one": ((Q, K, X), dict(dropout=1.0), "dropout"),
    "softcap zero": ((Q, K, X), dict(softcap=0.0), "softcap must be greater than 0"),
    "sinks shape": ((Q, K, X), dict(sinks=rand(3, 1)), "sinks of shape"),
    "integer mask with sinks": (
        (Q, K, X, torch.ones(2, 5).long()), dict(sinks=rand(1, 1)), "mask must be boolean"
    ),
    "mask shape with sinks": (
        (Q, K, X, torch.ones(3, 5).bool()), dict(sinks=rand(1, 1)), "mask of shape"
    ),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("arguments, options, words", BAD.values(), ids=BAD)
def test_what_breaks_a_rule_is_a_value_error(arguments, options, words, need_weights):
    with pytest.raises(ValueError, match=words):
        attend(*arguments, **options, need_weights=need_weights)


EXTRAS = {
    "plain": {},
    "mask": dict(mask=some_mask(N, M)),
    "empty row": dict(mask=some_mask(N, M) & torch.tensor([[True], [False], [True], [True]])),
    "bias and temperature": dict(bias=rand(N, M, seed=9), temperature=0.5),
    "softcap": dict(softcap=1.5, scale=2.0, mask=some_mask(1, M)),
    "softcap, temperature, bias": dict(softcap=1.5, temperature=3.0, bias=rand(1, M, seed=9)),
    "sinks": dict(sinks=rand(N, 1, seed=9), mask=some_mask(N, M)),
    "sink over an empty row": dict(sinks=rand(1, 1, seed=9), mask=torch.zeros(N, M).bool()),
}


@ALL_SCORINGS
@pytest.mark.parametrize("extras", EXTRAS.values(), ids=EXTRAS)
def test_every_cell_adds_up(scoring, extras):
    query, key, value = (tensor[0, 0].float() for tensor in qkv())
    narrow = {name: getattr(scoring, name).float() for name in vars(scoring) if name != "bandwidth"}
    options = {k: x.float() if k in ("bias", "sinks") else x for k, x in extras.items()}
    attended = attend(query, key, value, **options, scoring=type(scoring)(**{**vars(scoring), **narrow}))
    for row in range(N):
        cells = [explain(query, key, value, row, j, scoring=scoring, **extras) for j in range(M)]
        for column, cell in enumerate(cells):
            near = dict(rel=1e-12, abs=1e-14)
            assert cell.terms.sum().item() == pytest.approx(cell.raw, **near)
            torch.testing.assert_close(cell.left * cell.right, cell.terms)
            scaled = cell.raw * cell.scale / cell.temperature
            if cap := extras.get("softcap"):
                scaled = cap * math.tanh(cell.raw * cell.scale / cap) / cell.temperature
            assert cell.scaled == pytest.approx(scaled, **near)
            assert cell.logit == pytest.approx(cell.scaled + cell.bias, **near)
            if cell.allowed:
                assert cell.numerator == pytest.approx(math.exp(cell.logit - cell.shift), **near)
                quotient = cell.numerator / cell.denominator
                assert cell.weight == pytest.approx(quotient, **near)
            else:
                assert cell.numerator == cell.weight == 0
            torch.testing.assert_close(cell.contribution, cell.weight * value[column].double())
            # float32 attend() to its own rounding
            assert cell.logit == pytest.approx(attended.scores[row, column].item(), abs=1e-5)
            assert cell.weight == pytest.approx(attended.weights[row, column].item(), abs=1e-5)
        summed = sum(cell.contribution for cell in cells)
        torch.testing.assert_close(summed, cells[0].output, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(summed.float(), attended.output[row], rtol=1e-5, atol=1e-5)
        sink = extras["sinks"].expand(N, 1)[row].item() if "sinks" in extras else -math.inf
        denominator = sum(cell.numerator for cell in cells) + math.exp(sink - cells[0].shift)
        assert cells[0].denominator == pytest.approx(denominator, rel=1e-12)


def test_minus_infinity_as_bias_still_opens():
    bias = torch.zeros(1, 2)
    bias[0, 1] = -math.inf
    cell = explain(torch.ones(1, 1), torch.ones(2, 1), torch.ones(2, 1), 0, 1, bias=bias)
    assert (cell.scaled, cell.numerator, cell.weight) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("row, column", [(-1, 0), (0, -1), (2, 0), (0, 5)])
def test_a_cell_outside_is_refused(row, column):
    with pytest.raises(ValueError, match="lies outside 2 queries x 5 keys"):
        explain(Q, K, X, row, column)


def test_explain_opens_one_head_at_a_time():
    with pytest.raises(ValueError, match="one head"):
        explain(*qkv(), 0, 0)
