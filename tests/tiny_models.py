"""Tiny random models of every architecture, and token rows for them, shared by tests."""

import torch
import transformers as T

from attention.tokens import Tokens

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


def build(name):
    """A random model, its weights large enough for sharp attention."""
    cls, config = EVERY[name]
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
