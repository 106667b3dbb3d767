"""Cost, share: grouped heads are PyTorch's, latent attention is the original at full rank and DeepSeek's."""

import pytest
import torch
import torch.nn.functional as F
import transformers as T

from attention import attend
from attention.count import Count, bytes_of
from attention.masks import causal_mask
from attention.position import rotate
from attention.sharing import Latent, grouped_attend, share_heads

B, H, N, M, D = 2, 12, 5, 9, 8


def rand(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_share_heads_by_hand():
    heads = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]], [[7.0, 8.0]]])
    assert share_heads(heads, 2).tolist() == [[[2, 3]], [[6, 7]]]
    assert share_heads(heads, 1).tolist() == [[[4, 5]]]
    assert share_heads(heads, 2, repeat=True)[:, 0, 0].tolist() == [2, 2, 6, 6]
    assert torch.equal(share_heads(heads, 4), heads)


def test_pooling_a_projection_pools_its_keys():
    w_k, x = rand(H, D, 7), rand(M, 7, seed=1)
    torch.testing.assert_close(share_heads(x @ w_k.mT, 3), x @ share_heads(w_k, 3).mT)


def test_pooling_turned_keys_is_turning_pooled_ones():
    """So a model's keys may be pooled where its attention gets them, rotary positions or not."""
    keys, at = rand(H, M, D), torch.arange(M)
    torch.testing.assert_close(share_heads(rotate(keys, at), 3), rotate(share_heads(keys, 3), at))


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("n", [1, N])
def test_grouped_equals_enable_gqa(groups, need_weights, n):
    query, key, value = rand(B, H, n, D), rand(B, groups, M, D, seed=1), rand(B, groups, M, D, seed=2)
    masks = [None, causal_mask(n, M), rand(B, 1, 1, M, seed=3) > -1, rand(B, H, n, M, seed=4) > -1]
    for mask in masks:
        ours = grouped_attend(query, key, value, mask, need_weights=need_weights)
        theirs = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)
        torch.testing.assert_close(ours.output, theirs, atol=1e-6, rtol=0)


def test_weights_scores_bias_and_sinks_are_those_of_repeated_keys():
    query, key, value = rand(B, H, N, D), rand(B, 3, M, D, seed=1), rand(B, 3, M, D, seed=2)
    options = {"bias": rand(H, N, M, seed=5), "sinks": rand(H, 1, 1, seed=6), "softcap": 2.0}
    ours = grouped_attend(query, key, value, causal_mask(N, M), **options)
    repeated = key.repeat_interleave(4, 1), value.repeat_interleave(4, 1)
    theirs = attend(query, *repeated, causal_mask(N, M), **options)
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, atol=1e-6, rtol=0)


def test_no_key_is_copied():
    query, key, value = rand(1, H, 1, D), rand(1, 1, 500, D, seed=1), rand(1, 1, 500, D, seed=2)
    with Count() as count:
        grouped_attend(query, key, value)
    assert count.largest == H * 500 and count.multiplications == 2 * H * 500 * D
    assert bytes_of(key, value) == bytes_of(*(rand(1, H, 500, D) for _ in range(2))) / H


# --- latent

WIDTH, P = 20, 4


def heads_and_positions():
    w_q, w_k, w_v = rand(3, D, WIDTH), rand(3, D, WIDTH, seed=1), rand(3, 6, WIDTH, seed=2)
    return w_q, w_k, w_v, rand(3, P, WIDTH, seed=3), rand(P, WIDTH, seed=4)


def original(x, w_q, w_k, w_v, rotary_query, rotary_key, mask):
    """Multi-head attention with P rotated features more, token by token and head by head."""
    n, output = len(x), torch.zeros(3, len(x), 6, dtype=x.dtype)

    def turn(vector, position):
        parts = []
        for i in range(P // 2):
            angle = torch.tensor(position * 10000 ** (-2 * i / P), dtype=x.dtype)
            a, b = vector[2 * i], vector[2 * i + 1]
            parts += [a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()]
        return torch.stack(parts)

    for head in range(3):
        for i in range(n):
            scores = torch.stack([
                (w_q[head] @ x[i]) @ (w_k[head] @ x[j])
                + turn(rotary_query[head] @ x[i], i) @ turn(rotary_key @ x[j], j)
                for j in range(n)
            ])  # fmt: skip
            scores = (scores / (D + P) ** 0.5).masked_fill(~mask[i], -torch.inf)
            output[head, i] = scores.softmax(0) @ (x @ w_v[head].T)
    return output


@pytest.mark.parametrize("absorbed", [False, True])
def test_latent_at_full_rank_equals_the_original(absorbed):
    heads, mask = [w / WIDTH**0.5 for w in heads_and_positions()], causal_mask(7)
    x, at = rand(7, WIDTH, seed=9), torch.arange(7)
    latent = Latent.of_heads(*heads[:3], WIDTH, *heads[3:])
    found = latent.attend(x[None], at, latent.keep(x[None], at), mask, absorbed=absorbed)
    torch.testing.assert_close(found.output[0], original(x, *heads, mask), atol=1e-5, rtol=0)
    assert found.weights.shape == (1, 3, 7, 7)


def test_absorbed_equals_unabsorbed_at_every_rank_and_never_makes_the_long_keys():
    heads, at = [w / WIDTH**0.5 for w in heads_and_positions()], torch.arange(200)
    x, errors = rand(1, 200, WIDTH, seed=9), []
    whole = None
    for rank in (WIDTH, 12, 6, 2):
        latent = Latent.of_heads(*heads[:3], rank, *heads[3:])
        kept = latent.keep(x, at)
        plain = latent.attend(x[:, -1:], at[-1:], kept).output
        with Count() as count:
            absorbed = latent.attend(x[:, -1:], at[-1:], kept, absorbed=True).output
        torch.testing.assert_close(plain, absorbed, atol=1e-5, rtol=0)
        assert count.largest <= 200 * (rank + P)  # the keys of three heads would be 3 * 200 * 12 numbers
        whole = plain if whole is None else whole
        keys = latent.up_key @ latent.down, latent.up_value @ latent.down
        errors.append(sum((a - b).square().sum().item() for a, b in zip(keys, heads[1:3], strict=True)))
        assert bytes_of(*kept) == 200 * (rank + P) * 4
    assert errors[0] < 1e-8 and errors == sorted(errors)  # the best of each rank can only get worse
    assert (plain - whole).norm() > 0.1


def test_latent_decodes_with_what_it_kept():
    heads, at = [w / WIDTH**0.5 for w in heads_and_positions()], torch.arange(6)
    latent, x = Latent.of_heads(*heads[:3], 5, *heads[3:]), rand(1, 6, WIDTH, seed=9)
    whole = latent.attend(x, at, latent.keep(x, at), causal_mask(6)).output
    parts = [latent.keep(x[:, i : i + 1], at[i : i + 1]) for i in range(6)]
    kept = tuple(torch.cat(list(side), 1) for side in zip(*parts, strict=True))
    last = latent.attend(x[:, 5:], at[5:], kept, absorbed=True).output
    torch.testing.assert_close(last, whole[:, :, 5:], atol=1e-5, rtol=0)


@pytest.mark.parametrize("absorbed", [False, True])
def test_latent_equals_the_librarys_deepseek(absorbed):
    config = T.DeepseekV2Config(
        hidden_size=32, num_attention_heads=4, num_key_value_heads=4, q_lora_rank=None, kv_lora_rank=10,
        qk_nope_head_dim=6, qk_rope_head_dim=4, v_head_dim=5, num_hidden_layers=1, first_k_dense_replace=1,
        vocab_size=9, intermediate_size=8, attn_implementation="eager",
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = T.DeepseekV2Model(config).eval().requires_grad_(False)
    theirs, x, at = model.layers[0].self_attn, rand(2, 7, 32), torch.arange(7)
    theirs.kv_a_layernorm.weight.data = 1 + rand(10, seed=4) / 3
    bias = torch.zeros(7, 7).masked_fill(~causal_mask(7), -torch.inf)[None, None]
    expected = theirs(x, bias, position_embeddings=model.rotary_emb(x, at[None]))[0]
    w_q = theirs.q_proj.weight.reshape(4, 10, 32)
    down = theirs.kv_a_proj_with_mqa.weight
    up = theirs.kv_b_proj.weight.reshape(4, 11, 10)
    norm, eps = theirs.kv_a_layernorm.weight, theirs.kv_a_layernorm.variance_epsilon
    latent = Latent(w_q[:, :6], down[:10], up[:, :6], up[:, 6:], w_q[:, 6:], down[10:], norm, eps)
    output = latent.attend(x, at, latent.keep(x, at), causal_mask(7), absorbed=absorbed).output
    ours = output.transpose(1, 2).flatten(2) @ theirs.o_proj.weight.T
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="groups must divide"):
        share_heads(rand(12, 1, 1), 5)
    with pytest.raises(ValueError, match="multiple"):
        grouped_attend(rand(1, 4, 1, 2), rand(1, 3, 5, 2), rand(1, 3, 5, 2))
    with pytest.raises(ValueError, match="rank"):
        Latent.of_heads(*heads_and_positions()[:3], 99, *heads_and_positions()[3:])
