"""Cost, cache: cached steps are the uncached model, the keys are the library's, and mistakes are found."""

import pytest
import torch
import transformers as T

from attention.cache import KeyValueCache
from attention.decode import forward, moved_keys, write
from attention.decode.cache_pitfalls import PITFALLS, first_wrong
from attention.decode.decoders import decoder_of
from attention.decode.passes import write_at_once

STEPS = 64
CONFIGS = {
    "gpt2": T.GPT2Config(vocab_size=99, n_embd=32, n_layer=3, n_head=4, n_positions=128, use_cache=True),
    "llama": T.LlamaConfig(
        vocab_size=99, hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=128,
    ),
}  # fmt: skip
CLASSES = {"gpt2": T.GPT2LMHeadModel, "llama": T.LlamaForCausalLM}


@pytest.fixture(scope="module", params=CONFIGS)
def module(request):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = CLASSES[request.param](CONFIGS[request.param]).eval()
        for name, weight in module.named_parameters():
            if weight.dim() > 1:  # large enough for sharp attention and a text that does not repeat itself
                weight.data.normal_(0, 0.3 if "wte" not in name and "embed" not in name else 1)
    return module.requires_grad_(False)


def ids(n, seed=0):
    return torch.randint(0, 99, (n,), generator=torch.Generator().manual_seed(seed))


def test_logits_equal_the_librarys(module):
    text = ids(20)[None]
    torch.testing.assert_close(forward(decoder_of(module), text), module(text).logits, atol=1e-4, rtol=1e-5)


def test_cached_steps_equal_the_uncached_logits_over_64_steps(module):
    decoder, prompt = decoder_of(module), ids(5)
    cached, whole = write(decoder, prompt, STEPS), write(decoder, prompt, STEPS, cached=False)
    torch.testing.assert_close(cached.logits, whole.logits, atol=1e-4, rtol=0)
    assert cached.tokens == whole.tokens and len(set(cached.tokens)) > 5
    assert whole.bytes == [0] * STEPS and len(cached.seconds) == STEPS


@pytest.mark.parametrize("window", [None, 4])
def test_writing_at_once_is_writing_step_by_step(module, window):
    """Whatever was guessed; a right guess takes one pass, none takes fewer passes than steps or as many."""
    decoder, prompt, text, rows = decoder_of(module), ids(5), ids(5)[None], []
    for _ in range(12):  # by definition: one pass for each token, over all there is
        rows.append(forward(decoder, text, window=window)[0, -1])
        text = torch.cat([text, rows[-1].argmax().reshape(1, 1)], -1)
    written = text[0, 5:].tolist()
    for guess in ((), written, written[:4], [*written[:6], 98, 97]):
        tokens, logits = write_at_once(decoder, prompt, 12, guess, window=window)
        assert tokens == written
        torch.testing.assert_close(logits, torch.stack(rows), atol=1e-4, rtol=0)
    passes = []
    real = decoder.logits
    decoder.logits = lambda x: passes.append(1) or real(x)
    write_at_once(decoder, prompt, 12, written, window=window)
    assert len(passes) == 1
    write_at_once(decoder, prompt, 12, window=window)
    assert len(passes) <= 1 + 13


def test_keys_and_values_equal_the_librarys_dynamic_cache(module):
    decoder, text = decoder_of(module), ids(12)[None]
    cache, theirs = KeyValueCache(), T.DynamicCache()
    forward(decoder, text[:, :7], cache)
    for at in range(7, 12):
        forward(decoder, text[:, at : at + 1], cache)
    module(text, past_key_values=theirs, use_cache=True)
    for layer in range(decoder.num_layers):
        for ours, its in zip(
            cache.view(layer), (theirs.layers[layer].keys, theirs.layers[layer].values), strict=True
        ):
            assert ours.shape == its.shape
            torch.testing.assert_close(ours, its, atol=1e-5, rtol=0)


def test_bytes_grow_by_the_same_amount_for_every_token(module):
    decoder, config = decoder_of(module), module.config
    heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
    width = config.hidden_size // config.num_attention_heads
    each = 2 * 3 * heads * width * 4  # keys and values of 3 layers in float32
    assert write(decoder, ids(5), 4).bytes == [each * n for n in (5, 6, 7, 8)]


def test_several_texts_at_once_and_several_tokens_at_once(module):
    decoder, texts = decoder_of(module), torch.stack([ids(9, 1), ids(9, 2)])
    cache, expected = KeyValueCache(), forward(decoder_of(module), torch.stack([ids(9, 1), ids(9, 2)]))
    parts = [forward(decoder, texts[:, piece], cache) for piece in (slice(0, 4), slice(4, 8), slice(8, 9))]
    torch.testing.assert_close(torch.cat(parts, 1), expected, atol=1e-4, rtol=0)


def test_only_the_causal_mask_keeps_old_keys(module):
    decoder = decoder_of(module)
    assert moved_keys(decoder, ids(10), causal=True).max() < 1e-5
    moved = moved_keys(decoder, ids(10), causal=False)
    assert moved[0] < 1e-5  # the first layer's keys come from the words alone
    assert (moved[1:] > 1e-2).all()


@pytest.mark.parametrize("window, sinks", [(1, 0), (4, 0), (4, 2), (50, 1)])
def test_a_rolling_cache_equals_the_window_mask_in_a_whole_model(module, window, sinks):
    decoder, text = decoder_of(module), ids(24)[None]
    expected = forward(decoder, text, window=window, sinks=sinks)
    cache, rows = KeyValueCache(), []
    for at in range(24):
        rows.append(forward(decoder, text[:, at : at + 1], cache, window=window, sinks=sinks))
        assert cache.length <= window + sinks and cache.seen == at + 1
    torch.testing.assert_close(torch.cat(rows, 1), expected, atol=1e-4, rtol=0)


def test_without_a_mistake_no_token_is_wrong(module):
    right = first_wrong(decoder_of(module), ids(5), 20)
    assert right.first is None and right.off.max() < 1e-4


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_every_mistake_has_a_first_wrong_token_and_it_is_the_first(module, pitfall):
    decoder, prompt = decoder_of(module), ids(6)
    if pitfall == "twice" and not decoder.rotary:
        with pytest.raises(ValueError, match="learned positions"):
            first_wrong(decoder, prompt, 5, pitfall)
        return
    other = ids(7, 9) if pitfall == "shared" else None
    wrong = first_wrong(decoder, prompt, 40, pitfall, window=8, other=other)
    assert wrong.first is not None and wrong.instead != wrong.tokens[wrong.first]
    assert wrong.logits[: wrong.first].argmax(-1).tolist() == wrong.tokens[: wrong.first]
    # the prompt itself is read rightly, save behind another text; the mistakes come with the second step
    begins = {"shared": 0, "evict": 3}.get(pitfall, 1)  # 6 + 2 tokens still fit into a window of 8
    assert wrong.off[:begins].sum() < 1e-4 and wrong.off[begins] > 1e-3
    assert wrong.first >= begins


def test_evicted_keys_with_the_right_positions_are_no_mistake(module):
    """What "evict" gets wrong is the count: the same rolling cache with true positions is exact."""
    decoder, prompt = decoder_of(module), ids(6)
    wrong = first_wrong(decoder, prompt, 12, "evict", window=8)
    text = torch.cat([prompt, torch.tensor(wrong.tokens)])[None]
    cache = KeyValueCache()
    rows = [forward(decoder, text[:, at : at + 1], cache, window=8)[0, 0] for at in range(17)]
    torch.testing.assert_close(torch.stack(rows[5:]), wrong.expected, atol=1e-4, rtol=0)


def test_a_view_shares_the_buffers_and_growing_keeps_what_was_there():
    cache, rows = KeyValueCache(), torch.arange(9.0).reshape(1, 1, 9, 1)
    for at in range(9):
        cache.append(0, rows[:, :, at : at + 1], -rows[:, :, at : at + 1])
    key, value = cache.view(0)
    assert key.flatten().tolist() == list(range(9)) and value.sum() == -36
    assert key.data_ptr() == cache.view(0)[0].data_ptr() and cache.bytes == 2 * 9 * 4
    cache.evict(keep=3, first=2)
    assert cache.view(0)[0].flatten().tolist() == [0, 1, 6, 7, 8]
    assert (cache.length, cache.seen) == (5, 9)


def test_what_cannot_be_is_refused(module):
    cache, x = KeyValueCache(), torch.zeros(1, 2, 3, 4)
    with pytest.raises(ValueError, match="in order"):
        cache.append(1, x, x)
    cache.append(0, x, x)
    with pytest.raises(ValueError, match="holds"):
        cache.append(0, x[:, :1], x[:, :1])
    decoder = decoder_of(module)
    if not decoder.rotary:
        with pytest.raises(ValueError, match="128 learned positions"):
            write(decoder, ids(120), 10)
    with pytest.raises(ValueError, match="one at a time"):
        filled = KeyValueCache()
        forward(decoder, ids(3)[None], filled, window=2)
        forward(decoder, ids(3)[None], filled, window=2)
    with pytest.raises(ValueError, match="pitfall must be"):
        first_wrong(decoder, ids(3), 3, "nothing")
    with pytest.raises(ValueError, match="other"):
        first_wrong(decoder, ids(3), 3, "shared")
    with pytest.raises(ValueError, match="at least one token"):
        write(decoder, ids(0), 3)
    with pytest.raises(ValueError, match="gpt2, llama and bert"):
        decoder_of(T.OPTModel(T.OPTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1)))
