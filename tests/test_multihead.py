"""Chapter 6: several heads equal PyTorch's layer, keep the mask rule, and cost what one costs."""

import pytest
import torch
from torch import nn

from attention.masks import causal_mask, padding_mask
from attention.multihead import (
    MultiHeadAttention,
    SelfAttention,
    count_multiplications,
    merge_heads,
    split_heads,
)
from attention.pooling import attend

B, N, M, D_MODEL, HEADS = 3, 5, 7, 12, 4


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rand(*shape, seed=1):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def pair(bias=True):
    """Our layer and PyTorch's, with the same weights, in float64."""
    theirs = nn.MultiheadAttention(D_MODEL, HEADS, bias=bias, batch_first=True).double()
    if bias:  # PyTorch's are zeros at first, and a lost zero would not be seen
        nn.init.normal_(theirs.in_proj_bias), nn.init.normal_(theirs.out_proj.bias)
    ours = MultiHeadAttention(D_MODEL, HEADS, bias=bias).double().load_from_torch(theirs)
    return ours, theirs


def test_one_head_by_hand():
    layer = SelfAttention(2)
    with torch.no_grad():
        layer.w_q.copy_(torch.eye(2)), layer.w_k.zero_(), layer.w_v.copy_(2 * torch.eye(2))
    found = layer(torch.tensor([[1.0, 0.0], [3.0, 4.0]]))
    # keys of zero: even weights, so twice the mean of the rows
    assert found.weights.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert found.output.tolist() == [[4, 4], [4, 4]]


def test_split_keeps_tokens_and_cuts_features():
    x = torch.arange(12).reshape(1, 3, 4)  # token t has features 4t .. 4t+3
    heads = split_heads(x, 2)
    assert heads.tolist() == [[[[0, 1], [4, 5], [8, 9]], [[2, 3], [6, 7], [10, 11]]]]
    assert torch.equal(merge_heads(heads), x)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["none", "padding", "causal", "both", "per head"])
def test_layer_equals_pytorch_forward_and_backward(kind, bias):
    ours, theirs = pair(bias)
    x = rand(B, N, D_MODEL)
    may = padding_mask(torch.tensor([N, 2, 1]), N) if kind in ("padding", "both") else None
    ignored = None if may is None else ~may[:, 0]  # (b, m), True = may not
    causal = kind in ("causal", "both")
    forbidden = ~causal_mask(N) if causal else None
    if kind == "per head":
        may = torch.rand(B, HEADS, N, N, generator=generator(4)) > 0.4
        may[..., 0] = True
        forbidden = ~may.flatten(0, 1)

    results = []
    for run in (
        lambda x: tuple(ours(x, mask=may, causal=causal))[:2],
        lambda x: theirs(x, x, x, key_padding_mask=ignored, attn_mask=forbidden, average_attn_weights=False),
    ):
        inputs = x.clone().requires_grad_()
        output, weights = run(inputs)
        # weights take part in the loss: their gradient must be right too
        (output.sin().sum() + (weights**2).sum()).backward()
        results.append((output, weights, inputs.grad))
    for mine, yours in zip(*results, strict=True):
        torch.testing.assert_close(mine, yours)
    torch.testing.assert_close(ours.w_qkv.grad, theirs.in_proj_weight.grad)
    torch.testing.assert_close(ours.w_o.grad, theirs.out_proj.weight.grad)
    if bias:
        torch.testing.assert_close(ours.b_qkv.grad, theirs.in_proj_bias.grad)
        torch.testing.assert_close(ours.b_o.grad, theirs.out_proj.bias.grad)


def test_cross_attention_equals_pytorch():
    ours, theirs = pair()
    query, key, value = (
        rand(B, N, D_MODEL),
        rand(B, M, D_MODEL, seed=2),
        rand(B, M, D_MODEL, seed=3),
    )
    output, weights = theirs(query, key, value, average_attn_weights=False)
    found = ours(query, key, value)
    torch.testing.assert_close((found.output, found.weights), (output, weights))
    torch.testing.assert_close(ours(query, key).output, theirs(query, key, key)[0])
    assert found.weights.shape == (B, HEADS, N, M)


def test_float32_equals_pytorch_in_eval_mode():
    ours, theirs = pair()
    ours, theirs = ours.float().eval(), theirs.float().eval()
    x = rand(B, N, D_MODEL).float()
    with torch.no_grad():  # PyTorch takes its fast path here
        output, weights = theirs(x, x, x, average_attn_weights=False)
        found = ours(x)
    torch.testing.assert_close((found.output, found.weights), (output, weights))


@pytest.mark.parametrize("grad", [True, False])
def test_scores_are_unmasked_and_give_the_weights(grad):
    ours, _ = pair()
    may = padding_mask(torch.tensor([N, 2, 1]), N)
    with torch.set_grad_enabled(grad):
        found = ours(rand(B, N, D_MODEL), mask=may)
    query, key, _ = ours.project(rand(B, N, D_MODEL))
    expected = query @ key.transpose(-2, -1) / (D_MODEL / HEADS) ** 0.5
    torch.testing.assert_close(found.scores, expected)
    masked = found.scores.masked_fill(~may[:, None], -torch.inf)
    torch.testing.assert_close(found.weights, masked.softmax(-1))


@pytest.mark.parametrize("kind", ["none", "padding", "causal"])
def test_without_weights_the_output_is_the_same(kind):
    ours, _ = pair()
    may = padding_mask(torch.tensor([N, 2, 1]), N) if kind == "padding" else None
    options = {"mask": may, "causal": kind == "causal"}
    plain = ours(rand(B, N, D_MODEL), **options)
    fused = ours(rand(B, N, D_MODEL), need_weights=False, **options)
    torch.testing.assert_close(fused.output, plain.output)
    assert fused.weights is None and fused.scores is None


def test_empty_row_gives_zero_weights_and_finite_gradients():
    ours, _ = pair()
    x = rand(B, N, D_MODEL).requires_grad_()
    found = ours(x, mask=padding_mask(torch.tensor([N, 2, 0]), N))
    found.output.sum().backward()
    assert (found.weights[2] == 0).all()
    torch.testing.assert_close(found.output[2], ours.b_o.expand(N, D_MODEL))
    assert all(p.grad.isfinite().all() for p in ours.parameters()) and x.grad.isfinite().all()


def test_all_mask_shapes_mean_the_same():
    ours, _ = pair()
    x = rand(B, N, D_MODEL)
    expected = ours(x, causal=True).output
    causal = causal_mask(N)
    for mask in (causal, causal[None], causal.expand(B, N, N), causal.expand(B, HEADS, N, N)):
        torch.testing.assert_close(ours(x, mask=mask).output, expected)


def test_every_head_is_attend_on_its_slice():
    ours, _ = pair()
    x = rand(B, N, D_MODEL)
    width = D_MODEL // HEADS
    q, k, v = (x @ part.T + b for part, b in zip(ours.w_qkv.chunk(3), ours.b_qkv.chunk(3), strict=True))
    for head in range(HEADS):
        own = slice(head * width, (head + 1) * width)
        alone = attend(q[..., own], k[..., own], v[..., own])
        torch.testing.assert_close(ours(x).weights[:, head], alone.weights)


def test_generator_fixes_weights_and_dropout():
    one, two = (MultiHeadAttention(D_MODEL, HEADS, 0.5, generator=generator(7)) for _ in range(2))
    assert torch.equal(one.w_qkv, two.w_qkv) and torch.equal(one.w_o, two.w_o)
    x = rand(B, N, D_MODEL).float()
    first, second = one(x, generator=generator()), two(x, generator=generator())
    assert torch.equal(first.output, second.output)
    assert (first.weights == 0).any() and not (one.eval()(x).weights == 0).any()


def test_one_head_of_full_width_has_the_weights_of_self_attention():
    layer, single = MultiHeadAttention(6, 1, bias=False), SelfAttention(6)
    with torch.no_grad():
        layer.w_qkv.copy_(torch.cat([single.w_q, single.w_k, single.w_v]))
        layer.w_o.copy_(torch.eye(6))
    x = rand(2, 4, 6).float()
    for causal in (False, True):
        ours, alone = layer(x, causal=causal), single(x, causal=causal)
        torch.testing.assert_close(ours.output, alone.output)
        torch.testing.assert_close(ours.weights[:, 0], alone.weights)


def test_many_heads_cost_what_one_costs():
    # by hand, n = 2, d_model = 4: 3*2*4*4, 2*2*4, 2*2*4, 2*4*4
    assert tuple(count_multiplications(2, 4, 1)) == (96, 16, 16, 32)
    assert count_multiplications(2, 4, 2) == count_multiplications(2, 4, 1)
    assert count_multiplications(2, 4, 2, per_head_full_width=True).total == 2 * 160


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MultiHeadAttention(10, 3), "1, 2, 5, 10 heads"),
        (lambda: MultiHeadAttention(8, 0), "at least 1"),
        (lambda: split_heads(torch.zeros(2, 9), 2), "1, 3, 9 heads"),
        (lambda: pair()[0](rand(N, D_MODEL)), "query must be"),
        (lambda: pair()[0](rand(B, N, 5)), "query must be"),
        (lambda: pair()[0](rand(B, N, D_MODEL), rand(B, M, 5)), "key must be"),
        (lambda: pair()[0](rand(B, N, D_MODEL), mask=torch.ones(B, N).bool()), r"mask\[:, None\]"),
        (lambda: pair()[0](rand(B, N, D_MODEL), mask=torch.ones(N, N)), "boolean"),
        (lambda: pair()[0].load_from_torch(nn.MultiheadAttention(D_MODEL, 2)), "same"),
        (lambda: pair()[0].load_from_torch(nn.MultiheadAttention(D_MODEL, HEADS, kdim=2)), "plain"),
    ],
)
def test_broken_rules_are_named_with_their_cure(call, message):
    with pytest.raises(ValueError, match=message):
        call()
