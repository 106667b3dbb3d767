"""Cost, ledger and damage: counts are the shapes' own, old keys rest, pooled and squeezed models add up."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
import transformers as T

from attention.count import Products
from attention.damage import (
    latent_bases,
    rotary_proof,
    run_forms,
    run_shared,
    run_squeezed,
    run_texts,
)
from attention.decode import forward, write
from attention.decode.decoders import decoder_of, projections
from attention.ledger import first_written, keep_ledger, reread
from attention.sharing import Latent, share_heads

D, H, LAYERS, VOCABULARY = 32, 4, 3, 61


def drawn(module):
    generator = torch.Generator().manual_seed(5)
    for name, weight in module.named_parameters():
        if weight.dim() > 1:
            weight.data.normal_(0, 1.0 if "wte" in name or "embed" in name else 0.3, generator=generator)
        elif "bias" in name:
            weight.data.normal_(0, 0.3, generator=generator)
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def gpt2():
    config = T.GPT2Config(
        vocab_size=VOCABULARY, n_embd=D, n_layer=LAYERS, n_head=H, n_positions=64, n_inner=48
    )
    return drawn(T.GPT2LMHeadModel(config))


@pytest.fixture(scope="module")
def bert():
    config = T.BertConfig(
        vocab_size=VOCABULARY, hidden_size=D, num_hidden_layers=LAYERS, num_attention_heads=H,
        intermediate_size=48, max_position_embeddings=64,
    )  # fmt: skip
    return drawn(T.BertModel(config))


def ids(n):
    return torch.randint(0, VOCABULARY, (n,), generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("cached", [True, False])
def test_counts_are_those_of_the_shapes(gpt2, cached):
    """4 D^2 and 2 x 48 D a token and layer, two products of D a pair, one row of words."""
    for at, step in enumerate(keep_ledger(decoder_of(gpt2), ids(5), 4, cached=cached)):
        n, m = (1 if cached and at else 5 + at), 5 + at
        assert step.read == n and step.keys.shape == (LAYERS, H, m, D // H)
        assert step.parts == {
            "projections": LAYERS * n * 3 * D * D, "attention": LAYERS * 2 * n * m * D,
            "rest": LAYERS * n * (D * D + 2 * 48 * D), "words": D * VOCABULARY,
        }  # fmt: skip
        assert step.bytes == (2 * LAYERS * D * 4 * m if cached else 0)


def test_a_ledger_writes_what_write_writes(gpt2):
    decoder, prompt = decoder_of(gpt2), ids(5)
    written = write(decoder, prompt, 8)
    for cached in (True, False):
        ledger = keep_ledger(decoder, prompt, 8, cached=cached)
        assert [step.token for step in ledger] == written.tokens
        torch.testing.assert_close(
            torch.stack([step.logits for step in ledger]), written.logits, atol=1e-4, rtol=0
        )


def test_reading_again_in_one_pass_is_reading_again_step_by_step(gpt2, monkeypatch):
    decoder, prompt, counts = decoder_of(gpt2), ids(5), {}
    cached, expected = keep_ledger(decoder, prompt, 7), keep_ledger(decoder, prompt, 7, cached=False)
    for _ in range(2):  # counted, and known
        for one, step in zip(reread(decoder, prompt, cached, counts), expected, strict=True):
            assert (one.read, one.token, one.parts, one.bytes) == (step.read, step.token, step.parts, 0)
            for name in ("logits", "queries", "keys", "values"):
                torch.testing.assert_close(getattr(one, name), getattr(step, name), atol=1e-4, rtol=0)
    passes = []
    monkeypatch.setattr("attention.ledger.forward", lambda *a, **b: passes.append(a[1]) or forward(*a, **b))
    reread(decoder, prompt, cached, counts)
    assert [tuple(text.shape) for text in passes] == [(1, 11)]
    # a ledger that wrote something else is not believed
    false = [replace(step, token=(step.token + 1) % VOCABULARY) for step in cached]
    assert [one.token for one in reread(decoder, prompt, false, counts)] == [one.token for one in expected]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("form", [("shared", None), ("shared", 2), ("latent", 7)])
def test_several_texts_in_one_pass_are_each_by_itself(gpt2, bert, causal, form):
    module, (kind, size) = (gpt2 if causal else bert), form
    decoder, bases = decoder_of(module), latent_bases(module, LAYERS)
    texts = [ids(n) for n in (4, 9, 1)]
    shared = kind == "shared"
    found = run_texts(decoder, texts, size, *bases, shared=shared, causal=causal)
    for text, rows in zip(texts, found, strict=True):
        if shared:
            alone, _ = run_shared(decoder, text, size, causal=causal)
        else:
            alone, _ = run_squeezed(decoder, text, *bases, size, causal=causal)
        torch.testing.assert_close(rows, alone, atol=1e-4, rtol=0)


def test_old_keys_rest_under_the_mask_and_move_without(gpt2):
    decoder = decoder_of(gpt2)
    for cached, causal, moves in ((True, True, False), (False, True, False), (False, False, True)):
        ledger = keep_ledger(decoder, ids(5), 6, cached=cached, causal=causal)
        change = (first_written(ledger)[0] - ledger[-1].keys).abs().amax((1, 2, 3))
        assert change[0] < 1e-5 and (change[1:] > 1e-2).all() == moves and (moves or change.max() < 1e-5)
    with pytest.raises(ValueError, match="cached=False"):
        keep_ledger(decoder, ids(5), 2, causal=False)


def test_bert_opened_by_hand_is_the_librarys(bert):
    text = ids(9)
    expected = bert(text[None]).last_hidden_state
    torch.testing.assert_close(
        forward(decoder_of(bert), text[None], causal=False), expected, atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_sharing_heads_is_sharing_the_rows_of_their_matrices(gpt2, groups):
    """The same model with its key and value rows averaged, run by the library."""
    again = T.GPT2LMHeadModel(gpt2.config).eval()
    again.load_state_dict(gpt2.state_dict())
    for block in again.transformer.h:
        own = block.attn.c_attn
        for start in (D, 2 * D):
            part = slice(start, start + D)
            rows = own.weight.data[:, part].T.reshape(H, D // H, D)
            own.weight.data[:, part] = share_heads(rows, groups, repeat=True).reshape(D, D).T
            bias = own.bias.data[part].reshape(H, D // H, 1)
            own.bias.data[part] = share_heads(bias, groups, repeat=True).flatten()
    logits, each = run_shared(decoder_of(gpt2), ids(9), groups, causal=True)
    torch.testing.assert_close(logits, again(ids(9)[None]).logits[0], atol=1e-4, rtol=0)
    assert each == 2 * LAYERS * groups * (D // H) * 4


@pytest.mark.parametrize("causal", [True, False])
def test_a_squeezed_model_is_whole_at_full_rank(gpt2, bert, causal):
    module = gpt2 if causal else bert
    decoder, text = decoder_of(module), ids(9)
    bases, biases = latent_bases(module, LAYERS)
    expected = forward(decoder, text[None], causal=causal)[0]
    errors = []
    for rank in (D, 16, 4):
        rows, each = run_squeezed(decoder, text, bases, biases, rank, causal=causal)
        errors.append((rows - expected).abs().max().item())
        assert each == LAYERS * rank * 4
    assert errors[0] < 1e-3 and errors[1] > 1e-2 and errors[2] > errors[0]


def test_counts_kept_for_equal_shapes_are_those_counted_anew(gpt2, monkeypatch):
    decoder, counts = decoder_of(gpt2), {}
    for cached, causal in ((True, True), (False, True), (False, False)):
        for n in (5, 7, 5):
            anew = keep_ledger(decoder, ids(n), 4, cached=cached, causal=causal)
            kept = keep_ledger(decoder, ids(n), 4, cached=cached, causal=causal, counts=counts)
            assert [(one.parts, one.token, one.bytes) for one in kept] == [
                (one.parts, one.token, one.bytes) for one in anew
            ]
    known = len(counts)
    monkeypatch.setattr(Products, "__enter__", lambda self: pytest.fail("counted again"))
    assert keep_ledger(decoder, ids(6)[:5], 4, counts=counts)[3].parts == counts[1, 7, True]
    assert len(counts) == known


@pytest.mark.parametrize("causal", [True, False])
def test_many_forms_in_one_pass_are_each_by_itself(gpt2, bert, causal):
    """To rounding: a batch multiplies in another order."""
    module = gpt2 if causal else bert
    decoder, text, bases = decoder_of(module), ids(9), latent_bases(module, LAYERS)
    groups, ranks = (4, 2, 1), (D, 7, 1)
    alone = [run_shared(decoder, text, size, causal=causal) for size in groups]
    alone += [run_squeezed(decoder, text, *bases, rank, causal=causal) for rank in ranks]
    found = run_forms(decoder, text, groups, ranks, *bases, causal=causal)
    for (rows, each), (expected, its) in zip(found, alone, strict=True):
        torch.testing.assert_close(rows, expected, atol=1e-5, rtol=1e-5)
        assert each == its
    assert (found[0][0] - found[2][0]).abs().max() > 1e-2  # the forms do differ
    with pytest.raises(ValueError, match="at least one form"):
        run_forms(decoder, text, (), causal=causal)


def test_a_basis_is_the_latent_forms(gpt2):
    """U U^T (W x) are the keys that Latent makes from its r numbers."""
    w_q, w_k, w_v, _ = projections(gpt2, 1)
    x, none = torch.randn(5, D, generator=torch.Generator().manual_seed(1)), torch.zeros(H, 0, D)
    latent = Latent.of_heads(w_q, w_k, w_v, 7, none, none[0])
    basis = latent_bases(gpt2, LAYERS)[0][1][:, :7]
    kept = latent.keep(x[None], torch.arange(5))[0]
    both = torch.cat([w_k, w_v]).flatten(0, 1) @ x.T
    expected = torch.cat([latent.up_key, latent.up_value]).flatten(0, 1) @ kept[0].T
    torch.testing.assert_close(basis @ (basis.T @ both), expected, atol=1e-4, rtol=0)


def test_the_rotary_part_and_the_full_rank_add_up(gpt2):
    x = F.layer_norm(torch.randn(7, D, generator=torch.Generator().manual_seed(2)), (D,))
    found = rotary_proof(*(part.double() for part in (*projections(gpt2, 0)[:3], x)), 6)
    assert found["full"] < 1e-10 and found["absorbed"] < 1e-10 and found["squeezed"] > 1e-2
    assert found["kept"] == 6 + 8 and found["keys"] == 2 * D + 8
