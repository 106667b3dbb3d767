"""Families with a rule of their own: each number held against the module's own, or refused in words."""

import copy
import json
import math

import pytest
import torch
import transformers as T

from attention import pretrained as P
from attention.pretrained import adapter
from attention.pretrained.model import ModelRefused, adopt
from attention.pretrained.probe import unembed
from attention.pretrained.session import Changes
from attention.pretrained.tokens import Tokens, tokenize
from tests.tiny_models import EVERY, FURTHER, GROUPED, SEQ2SEQ, SMALL, WHOLE, WIDE, build, plain, tokens_for


def eager(model, tokens, module=None):
    """The library's own output for the same tokens, on a copy that it attends for."""
    module = copy.deepcopy(model.module) if module is None else module
    module.set_attn_implementation("eager")
    ids = torch.tensor([tokens.ids])
    given = {"input_ids": ids}
    if model.kind == "encoder-decoder":
        given = {"input_ids": ids[:, :8], "decoder_input_ids": ids[:, 8:]}
    with torch.inference_mode():
        return module(**given, use_cache=False, output_hidden_states=True)


def same(a, b):
    torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4)


# the module's own logits


@pytest.mark.parametrize("name", [*WHOLE, "granite", "cohere", "llama4", "phi3"])
def test_logits_are_the_modules_own_whatever_stands_before_the_last_matrix(name):
    model = adopt(build(name))
    tokens = plain(9)
    own = eager(model, tokens)
    for capture in ("weights", None):
        run = P.run(model, tokens, capture=capture, logits=True)
        same(run.logits, own.logits[0, -1])
        same(run.hidden, own.hidden_states[-1][0])
    assert model.has_logits and model.whole_logits == (name in WHOLE)


@pytest.mark.parametrize("name", WHOLE)
def test_the_last_matrix_alone_would_have_been_wrong(name):
    model = adopt(build(name))
    hidden = P.run(model, plain(9)).hidden
    own = eager(model, plain(9)).logits[0, -1]
    try:
        bare = unembed(model.module, hidden[-1:])[-1]
    except RuntimeError:  # ELECTRA: not even of the right width
        return
    assert (bare - own).abs().max() > 1e-2


def test_a_changed_run_of_such_a_family_changes_its_logits_as_its_weights_would():
    model = adopt(build("roberta_lm"))
    module = copy.deepcopy(model.module)
    with torch.no_grad():
        module.roberta.encoder.layer[1].attention.output.dense.weight[:, 8:16] = 0  # head 1
    run = P.run(model, plain(9), Changes(knock_out={(1, 1)}), logits=True)
    same(run.logits, eager(model, plain(9), module).logits[0, -1])


def test_a_model_without_a_head_gives_no_logits():
    model = adopt(build("t5_alone"))
    run = P.run(model, tokens_for(model), logits=True)
    assert run.logits is None and not model.has_logits and run.hidden.shape == (13, 32)


@pytest.mark.parametrize("name", FURTHER)
def test_hidden_states_equal_eager(name):
    model = adopt(build(name))
    tokens = tokens_for(model)
    own = eager(model, tokens)
    states = [own.get("encoder_hidden_states"), own.get("decoder_hidden_states"), own.get("hidden_states")]
    expected = torch.cat([state[-1][0] for state in states if state is not None])
    assert (P.run(model, tokens).hidden - expected).abs().max() <= 1e-6


# half precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["bert", "llama", "gemma2", "gpt_oss", "t5", "bart", "roberta_lm"])
def test_half_precision_is_judged_by_its_own_step(name, dtype):
    model = adopt(build(name).to(dtype))
    tokens = tokens_for(model)
    run = P.run(model, tokens, logits=True)
    assert run.hidden.dtype == dtype and run.hidden.isfinite().all()
    if run.logits is not None:
        own = eager(model, tokens).logits[0, -1]
        step = 8 * torch.finfo(dtype).eps
        assert (run.logits - own).abs().max() <= step * own.abs().max().clamp_min(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_wrong_number_is_still_refused(monkeypatch, dtype):
    real = adapter.attend
    monkeypatch.setattr(adapter, "attend", lambda *a, scale, **k: real(*a, scale=1.3 * scale, **k))
    with pytest.raises(ModelRefused, match="not those of the library") as refused:
        adopt(build("llama").to(dtype))
    assert refused.value.reason == "differs"


# the division by the root of d


def scaled_queries(module, names):
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if any(part in name for part in names):
                weight *= math.sqrt(8)
    return module


@pytest.mark.parametrize("name", ["opt", "esm", "esm_learned"])
def test_no_scale_finds_the_division_made_before_the_scores(name):
    model = adopt(build(name))
    assert model.scaled and set(model.prescales) == {8**-0.5}
    module = scaled_queries(copy.deepcopy(model.module), (".q_proj.", ".query."))
    changed = P.run(model, plain(9), Changes(no_scale=True)).hidden
    same(changed, eager(model, plain(9), module).hidden_states[-1][0])
    assert (changed - P.run(model, plain(9)).hidden).abs().max() > 1e-2


@pytest.mark.parametrize("name", ["t5", "t5_alone"])
def test_no_scale_says_so_where_nothing_is_divided(name):
    model = adopt(build(name))
    with pytest.raises(P.ChangeRefused, match="no division") as refused:
        P.run(model, tokens_for(model), Changes(no_scale=True))
    assert refused.value.reason == "no_scale"


# W_O


def written(model, tokens, layer, seen):
    """What the layer's matrix really returned in eager, less its bias."""
    module = copy.deepcopy(model.module)
    module.set_attn_implementation("eager")
    kept = []
    part = module.get_submodule(model.projections[layer])
    handle = part.register_forward_hook(lambda _, given, made: kept.append(made[0]))
    eager(model, tokens, module)
    handle.remove()
    bias = getattr(part, "bias", None)
    return kept[0] if bias is None else kept[0] - bias


@pytest.mark.parametrize("name", [*EVERY, "modernbert", "modernbert_decoder", "deepseek_v3", "esm", "phi3"])
def test_heads_through_w_o_add_up_to_what_the_matrix_really_wrote(name):
    model = adopt(build(name))
    if name == "albert":  # one layer's weights serve all: the first call is layer 0's
        layers = [0]
    else:
        layers = range(model.num_layers)
    tokens = tokens_for(model)
    run = P.run(model, tokens, capture="all")
    for at in layers:
        layer, projection = run.layers[at], P.output_projection(model, at)
        mixed = torch.einsum("hnm,hmv,hvD->nD", layer.weights, layer.value, projection)
        same(mixed, written(model, tokens, at, layer))


@pytest.mark.parametrize("name", ["bitnet", "diffllama", "hy_v4"])
def test_a_matrix_that_does_not_take_the_heads_as_they_are_is_not_called_w_o(name):
    model = adopt(build(name))
    assert {P.output_projection(model, at) for at in range(model.num_layers)} == {None}


# positions


@pytest.mark.parametrize("name", ["camembert", "xlm_roberta_xl", "roberta_prelayernorm", "data2vec",
                                  "esm", "esm_learned"])  # fmt: skip
def test_without_positions_and_order_a_word_does_not_know_its_place(name):
    model = adopt(build(name))
    before = P.run(model, plain(9), Changes(positions=False))
    after = P.run(model, plain(9), Changes(positions=False, shuffle_seed=4))
    assert after.order != before.order and P.moved(before, after).max() < 1e-4
    placed = P.run(model, plain(9), Changes(shuffle_seed=4))
    assert P.moved(P.run(model, plain(9)), placed).max() > 1e-2


@pytest.mark.parametrize("name", ["roberta", "camembert", "xlm_roberta_xl", "roberta_prelayernorm",
                                  "data2vec", "esm_learned"])  # fmt: skip
def test_no_positions_is_the_first_position_behind_the_padding_row(name):
    model = adopt(build(name))
    assert model.position == 2  # the padding row is 1

    module = copy.deepcopy(model.module)
    with torch.no_grad():
        for label, weight in module.named_parameters():
            if "position_embeddings" in label:
                weight[:] = weight[2].clone()
    changed = P.run(model, plain(9), Changes(positions=False)).hidden
    same(changed, eager(model, plain(9), module).hidden_states[-1][0])


def test_positions_that_move_nothing_are_refused():
    config = T.GPTNeoXConfig(**WIDE, rope_parameters={"rope_type": "default", "rope_theta": 1e4,
                                                      "partial_rotary_factor": 1.0})  # fmt: skip
    module = T.GPTNeoXForCausalLM(config)
    module.gpt_neox.rotary_emb.inv_freq.zero_()  # turns nothing
    model = adopt(module)
    with pytest.raises(P.ChangeRefused, match="counts its positions itself, or has none") as refused:
        P.run(model, plain(5), Changes(positions=False))
    assert refused.value.reason == "positions"


# how long a text may be


@pytest.mark.parametrize("name", ["roberta", "camembert", "xlm_roberta_xl", "roberta_prelayernorm",
                                  "data2vec", "esm_learned", "roberta_lm", "data2vec_lm", "bert", "opt",
                                  "gpt2"])  # fmt: skip
def test_the_longest_text_runs_and_the_next_one_would_not(name):
    model = adopt(build(name))
    assert P.run(model, plain(model.max_tokens), capture=None).hidden.isfinite().all()
    with pytest.raises(ModelRefused) as refused:
        P.run(model, plain(model.max_tokens + 1))
    assert refused.value.reason == "too_long"
    with pytest.raises((IndexError, RuntimeError)):  # the library's own word on it
        eager(model, plain(model.max_tokens + 1))


@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_vocabulary_of_five_is_enough(size):
    model = adopt(T.LlamaForCausalLM(T.LlamaConfig(**(GROUPED | dict(vocab_size=size)))))
    tokens = Tokens((0, 1, 1), ("x",) * 3, (False,) * 3, (False,) * 3, (0,) * 3, (0, 1, 2))
    assert P.run(model, tokens, logits=True).logits.shape == (size,)


# heads by layer


def test_an_encoder_and_a_decoder_may_have_different_numbers_of_heads():
    config = T.BartConfig(**(SEQ2SEQ | dict(decoder_attention_heads=2)))
    model = adopt(T.BartForConditionalGeneration(config))
    assert model.heads == (4, 4, 2, 2, 2, 2)
    P.run(model, tokens_for(model), Changes(knock_out={(0, 3)}))
    with pytest.raises(ValueError, match=r"head in \[0, 1\], got \(2, 3\)"):
        P.run(model, tokens_for(model), Changes(knock_out={(2, 3)}))


def test_a_decoder_alone_may_have_fewer_layers_than_its_encoder_had():
    config = T.BartConfig(**(SEQ2SEQ | dict(encoder_layers=6)), is_decoder=True)
    config.is_encoder_decoder = False
    assert adopt(T.BartForCausalLM(config)).num_layers == 2
    shape = dict(vocab_size=99, d_model=32, d_kv=8, d_ff=48, num_heads=4)
    t5 = T.T5EncoderModel(T.T5Config(num_layers=2, num_decoder_layers=5, **shape))
    assert adopt(t5).num_layers == 2


def test_a_window_on_both_sides_makes_no_decoder():
    config = T.ModernBertConfig(**WIDE, pad_token_id=1, local_attention=4, global_attn_every_n_layers=3)
    config.layer_types = ["sliding_attention", "full_attention"]
    assert adopt(T.ModernBertModel(config)).kind == "encoder"


# refused in a sentence, and left as it was


def clip():
    tower = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    words = tower | dict(vocab_size=99, max_position_embeddings=40, projection_dim=16, eos_token_id=2)
    config = T.CLIPConfig(text_config=words, vision_config=tower | dict(image_size=8, patch_size=4))
    return T.CLIPModel(config)


def siglip():
    tower = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    words = tower | dict(vocab_size=99, max_position_embeddings=40)
    config = T.SiglipConfig(text_config=words, vision_config=tower | dict(image_size=8, patch_size=4))
    return T.SiglipModel(config)


def wav2vec2():
    config = T.Wav2Vec2Config(
        **(SMALL | dict(vocab_size=32)), intermediate_size=48, conv_dim=(16, 16), conv_stride=(2, 2),
        conv_kernel=(2, 2), num_feat_extract_layers=2, num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    return T.Wav2Vec2Model(config)


def vit():
    config = T.ViTConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=8,
        patch_size=4,
    )  # fmt: skip
    return T.ViTModel(config)


def whisper():
    config = T.WhisperConfig(
        vocab_size=99, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, num_mel_bins=8,
        max_source_positions=20, max_target_positions=20, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        decoder_start_token_id=2,
    )  # fmt: skip
    return T.WhisperForConditionalGeneration(config)


def nystromformer():
    config = T.NystromformerConfig(**WIDE, num_landmarks=8, segment_means_seq_len=40)
    return T.NystromformerModel(config)


def mamba():
    return T.MambaForCausalLM(T.MambaConfig(vocab_size=99, hidden_size=32, num_hidden_layers=2, state_size=8))


def uneven():
    """Two Llama layers with different numbers of heads, as some pruned models have."""
    module = T.LlamaModel(T.LlamaConfig(**GROUPED))
    narrow = copy.deepcopy(module.config)
    narrow.num_attention_heads = narrow.num_key_value_heads = 2
    module.layers[1].self_attn = type(module.layers[1].self_attn)(narrow, 1)
    module.layers[1].self_attn.config = module.config
    return module


REFUSED = {
    vit: ("not_text", "reads pictures, not text: it lacks an embedding of tokens"),
    wav2vec2: ("not_text", "reads sound, not text: it lacks an embedding of tokens"),
    whisper: ("not_text", "reads sound, not text"),
    clip: ("not_text", "needs pictures beside a text"),
    siglip: ("not_text", "needs pictures beside a text"),
    nystromformer: ("unsupported", "None of this model's 2 layers goes through"),
    mamba: ("unsupported", "None of this model's 2 layers goes through"),
    uneven: ("uneven", r"different numbers of heads \(\[2, 4\]\)"),
}


def state(module):
    """Everything a refusal must leave alone."""
    configs = [part.config for part in module.modules() if hasattr(part, "config")]
    return (
        [json.dumps(config.to_dict(), default=str, sort_keys=True) for config in configs],
        [config._attn_implementation for config in configs],
        [part.training for part in module.modules()],
        [weight.requires_grad for weight in module.parameters()],
        [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()],
    )


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_a_refusal_says_what_is_lacking_and_leaves_the_module_as_it_was(make, implementation):
    module = make()
    if make is not mamba:  # which knows no other
        module.set_attn_implementation(implementation)
    module.train()
    next(module.children()).eval()
    next(iter(module.parameters())).requires_grad_(False)
    before = state(module)
    reason, sentence = REFUSED[make]
    with pytest.raises(ModelRefused, match=sentence) as refused:
        adopt(module)
    assert refused.value.reason == reason and str(refused.value).count(".") == 1
    assert state(module) == before


def test_a_module_whose_numbers_differ_is_left_as_it_was_too(monkeypatch):
    module = build("bert").train()
    before = state(module)
    monkeypatch.setattr(adapter, "attend", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        adopt(module)
    assert state(module) == before


# the start of a target, and no tokenizer


class Letters:
    """The least of a tokenizer: one letter, one token."""

    model_max_length = 10**30

    class backend_tokenizer:
        decoder = "None"

    def __call__(self, text=None, text_pair=None, text_target=None, **_):
        ids = [5 + ord(letter) % 90 for letter in (text or text_target)]

        class Encoded(dict):
            word_ids = staticmethod(lambda: list(range(len(ids))))
            sequence_ids = staticmethod(lambda: [0] * len(ids))

        return Encoded(input_ids=ids, special_tokens_mask=[0] * len(ids))

    def convert_ids_to_tokens(self, ids):
        return f"t{ids}" if isinstance(ids, int) else [f"t{each}" for each in ids]


def t5gemma(**tokens):
    part = GROUPED | dict(query_pre_attn_scalar=12, sliding_window=4, **tokens)
    config = T.T5GemmaConfig(encoder=part, decoder=part, vocab_size=99, **tokens)
    return T.T5GemmaForConditionalGeneration(config)


def test_t5gemma_begins_a_target_with_its_first_token_as_generate_does():
    module = t5gemma(bos_token_id=2, eos_token_id=1, pad_token_id=0)
    assert getattr(module.config, "decoder_start_token_id", None) is None
    model = adopt(module, Letters())
    tokens = tokenize(model, "abc", "de")
    assert tokens.ids[3] == 2 and tokens.special[3] and len(tokens) == 6
    same(P.run(model, tokens, logits=True).logits, own_logits(model, tokens, 3))


def own_logits(model, tokens, sources):
    module = copy.deepcopy(model.module)
    module.set_attn_implementation("eager")
    ids = torch.tensor([tokens.ids])
    with torch.inference_mode():
        return module(input_ids=ids[:, :sources], decoder_input_ids=ids[:, sources:]).logits[0, -1]


def test_a_model_that_names_no_start_says_so():
    model = adopt(build("bart"), Letters())
    for place in (model.module.config, model.module.generation_config):
        place.decoder_start_token_id = place.bos_token_id = None
    with pytest.raises(ModelRefused, match="which token a target begins with") as refused:
        tokenize(model, "abc")
    assert refused.value.reason == "no_start"


def test_no_tokenizer_is_said_plainly():
    with pytest.raises(ModelRefused, match="no tokenizer") as refused:
        tokenize(adopt(build("bert")), "abc")
    assert refused.value.reason == "no_tokenizer"
    with pytest.raises(ModelRefused, match="which word a piece is of") as refused:
        adopt(build("bert"), object())
    assert refused.value.reason == "no_tokenizer"
