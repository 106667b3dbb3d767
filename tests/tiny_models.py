"""Tiny random models of every architecture, and token rows for them, shared by tests."""

import torch
import transformers as T

from attention.pretrained.tokens import Tokens

SMALL = dict(vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)
WIDE = SMALL | dict(intermediate_size=48, max_position_embeddings=40)
GROUPED = WIDE | dict(num_key_value_heads=2, head_dim=12)
GEMMA = GROUPED | dict(sliding_window=4, query_pre_attn_scalar=12)
SEQ2SEQ = dict(
    vocab_size=99, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
    decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, max_position_embeddings=40,
    pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2,
)  # fmt: skip

ENCODERS = {
    "bert": (T.BertModel, T.BertConfig(**WIDE)),
    "roberta": (T.RobertaModel, T.RobertaConfig(**WIDE)),
    "xlm_roberta": (T.XLMRobertaModel, T.XLMRobertaConfig(**WIDE)),
    "distilbert": (
        T.DistilBertModel,
        T.DistilBertConfig(vocab_size=99, dim=32, n_layers=2, n_heads=4, hidden_dim=48),
    ),
    "albert": (T.AlbertModel, T.AlbertConfig(embedding_size=16, **WIDE)),
    "electra": (T.ElectraModel, T.ElectraConfig(embedding_size=16, **WIDE)),
}
DECODERS = {
    "gpt2": (
        T.GPT2LMHeadModel,
        T.GPT2Config(vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=40),
    ),
    "gpt_neox": (T.GPTNeoXForCausalLM, T.GPTNeoXConfig(**WIDE)),
    "opt": (
        T.OPTForCausalLM,
        T.OPTConfig(ffn_dim=48, word_embed_proj_dim=32, max_position_embeddings=40, **SMALL),
    ),
    "llama": (T.LlamaForCausalLM, T.LlamaConfig(**GROUPED)),
    "mistral": (T.MistralForCausalLM, T.MistralConfig(sliding_window=3, **GROUPED)),
    "qwen3": (T.Qwen3ForCausalLM, T.Qwen3Config(**GROUPED)),
    "gemma2": (T.Gemma2ForCausalLM, T.Gemma2Config(attn_logit_softcapping=0.5, **GEMMA)),
    "gemma3": (T.Gemma3ForCausalLM, T.Gemma3TextConfig(**GEMMA)),
    "gpt_oss": (
        T.GptOssForCausalLM,
        T.GptOssConfig(
            sliding_window=3, num_local_experts=2, num_experts_per_tok=1,
            rope_parameters={"rope_type": "default", "rope_theta": 1e4}, **GROUPED,
        ),
    ),
}  # fmt: skip
BOTH = {
    "t5": (
        T.T5ForConditionalGeneration,
        T.T5Config(
            vocab_size=99, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4,
            decoder_start_token_id=0,
        ),
    ),
    "bart": (T.BartForConditionalGeneration, T.BartConfig(**SEQ2SEQ)),
    "marian": (T.MarianMTModel, T.MarianConfig(**SEQ2SEQ)),
}  # fmt: skip
EVERY = ENCODERS | DECODERS | BOTH


# families whose last matrix is not all that stands between hidden states and logits
LANGUAGE = WIDE | dict(is_decoder=True, pad_token_id=1, bos_token_id=0, eos_token_id=2)
MAMBA = dict(
    mamba_d_state=8, mamba_n_heads=4, mamba_d_head=16, mamba_d_ssm=64, mamba_n_groups=1,
    mamba_chunk_size=8,
)  # fmt: skip
WHOLE = {
    "bert_lm": ("BertLMHeadModel", "BertConfig", LANGUAGE),
    "roberta_lm": ("RobertaForCausalLM", "RobertaConfig", LANGUAGE),
    "roberta_prelayernorm_lm": ("RobertaPreLayerNormForCausalLM", "RobertaPreLayerNormConfig", LANGUAGE),
    "xlm_roberta_lm": ("XLMRobertaForCausalLM", "XLMRobertaConfig", LANGUAGE),
    "xlm_roberta_xl_lm": ("XLMRobertaXLForCausalLM", "XLMRobertaXLConfig", LANGUAGE),
    "camembert_lm": ("CamembertForCausalLM", "CamembertConfig", LANGUAGE),
    "electra_lm": ("ElectraForCausalLM", "ElectraConfig", LANGUAGE | dict(embedding_size=16)),
    "ernie_lm": ("ErnieForCausalLM", "ErnieConfig", LANGUAGE),
    "data2vec_lm": ("Data2VecTextForCausalLM", "Data2VecTextConfig", LANGUAGE),
    "xmod_lm": ("XmodForCausalLM", "XmodConfig", LANGUAGE | dict(default_language="en_XX")),
    "modernbert_decoder": ("ModernBertDecoderForCausalLM", "ModernBertDecoderConfig",
                           WIDE | dict(pad_token_id=1, local_attention=4)),
    "falcon_h1": ("FalconH1ForCausalLM", "FalconH1Config",
                  WIDE | MAMBA | dict(num_key_value_heads=2, lm_head_multiplier=0.04)),
    "hyperclovax": ("HyperCLOVAXForCausalLM", "HyperCLOVAXConfig", GROUPED | dict(logits_scaling=3.0)),
}  # fmt: skip
# what else came with a rule of its own
LATENT = dict(q_lora_rank=16, kv_lora_rank=16, qk_rope_head_dim=8, qk_nope_head_dim=8, v_head_dim=12)
EXPERTS = dict(
    moe_intermediate_size=16, n_routed_experts=4, num_experts_per_tok=2, n_group=1, topk_group=1,
    first_k_dense_replace=1,
)  # fmt: skip
FURTHER = {
    "bitnet": ("BitNetForCausalLM", "BitNetConfig", WIDE | dict(num_key_value_heads=2)),
    "diffllama": ("DiffLlamaForCausalLM", "DiffLlamaConfig", WIDE | dict(num_key_value_heads=2)),
    "deepseek_v3": ("DeepseekV3ForCausalLM", "DeepseekV3Config",
                    WIDE | LATENT | EXPERTS | dict(num_key_value_heads=4)),
    "modernbert": ("ModernBertForMaskedLM", "ModernBertConfig",
                   WIDE | dict(pad_token_id=1, local_attention=4)),
    "esm": ("EsmForMaskedLM", "EsmConfig",
            WIDE | dict(pad_token_id=1, mask_token_id=2, position_embedding_type="rotary")),
    "camembert": ("CamembertModel", "CamembertConfig", WIDE),
    "xlm_roberta_xl": ("XLMRobertaXLModel", "XLMRobertaXLConfig", WIDE),
    "roberta_prelayernorm": ("RobertaPreLayerNormModel", "RobertaPreLayerNormConfig", WIDE),
    "data2vec": ("Data2VecTextModel", "Data2VecTextConfig", WIDE),
    "esm_learned": ("EsmModel", "EsmConfig",
                    WIDE | dict(pad_token_id=1, mask_token_id=2, position_embedding_type="absolute")),
    "llama4": ("Llama4ForCausalLM", "Llama4TextConfig",
               GROUPED | dict(num_local_experts=2, intermediate_size_mlp=48, pad_token_id=1)),
    "granite": ("GraniteForCausalLM", "GraniteConfig",
                WIDE | dict(num_key_value_heads=2, logits_scaling=4.0, attention_multiplier=0.25)),
    "cohere": ("CohereForCausalLM", "CohereConfig", WIDE | dict(num_key_value_heads=2)),
    "phi3": ("Phi3ForCausalLM", "Phi3Config", WIDE | dict(num_key_value_heads=2, pad_token_id=1)),
    "t5_alone": ("T5Model", "T5Config", dict(
        vocab_size=99, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4)),
    "hy_v4": ("HYV4ForCausalLM", "HYV4Config",
              WIDE | LATENT | EXPERTS | dict(num_key_value_heads=4, index_n_heads=2, index_head_dim=8,
                                             index_topk=4, pad_token_id=1)),
}  # fmt: skip
# an older transformers may not have the newest of them
WHOLE, FURTHER = (
    {name: (getattr(T, cls), getattr(T, config)(**given)) for name, (cls, config, given) in group.items()
     if hasattr(T, cls)}
    for group in (WHOLE, FURTHER)
)  # fmt: skip


def build(name):
    """A random model, its weights large enough for sharp attention."""
    cls, config = (EVERY | WHOLE | FURTHER)[name]
    with torch.random.fork_rng():
        torch.manual_seed(7)
        module = cls(config).eval()
        for label, weight in module.named_parameters():
            if "norm" not in label.lower() and weight.dim() > 1:
                weight.data.normal_(0, 0.25)
            if "sinks" in label:
                weight.data.normal_(0, 1)
    return module


def plain(n, targets=0):
    """n tokens (and targets of a target) without a tokenizer."""
    ids = torch.randint(5, 99, (n + targets,), generator=torch.Generator().manual_seed(2))
    count = n + targets
    segment = (0,) * n + (1,) * targets
    return Tokens(
        tuple(ids.tolist()), ("x",) * count, (False,) * count, (False,) * count, segment,
        tuple(range(n)) + tuple(range(targets)),
    )  # fmt: skip


def tokens_for(model, n=8):
    return plain(n, 5 if model.kind == "encoder-decoder" else 0)


def tiny_tokenizer():
    """Seven words by their number."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: at for at, word in enumerate(["[UNK]", "[PAD]", "a", "b", "c", "d", "cat"])}
    inner = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return T.PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]")


def save(name, path, module=None):
    """A tiny model's folder as the hub would hold it: weights, configuration, tokenizer."""
    (build(name) if module is None else module).save_pretrained(path)
    tiny_tokenizer().save_pretrained(path)
    return path
