"""The storyteller as one of the pretrained models: the same numbers inside transformers' GPT-2.

The heads tab and :mod:`attention.circuits` read models through transformers. The storyteller's layout is
GPT-2's, so its weights are laid into a ``GPT2LMHeadModel`` (which stores its matrices the other way
round), and a tokenizer is put together here, from the words of the stories: nothing is fetched.

Text may be typed as it is written: lower case is made, punctuation is cut off, and Chinese needs no
spaces, it is cut at the longest words that the stories know. Any other word becomes ``<unk>``.
"""

from __future__ import annotations

import re
from typing import Any

import torch

from ..storyteller.sentences import END, UNKNOWN, vocabulary
from ..storyteller.train import load
from ..storyteller.transformer import Sizes, Storyteller
from .model import Model, adopt

NAME = "storyteller"


def build(device: torch.device | None = None, model: Storyteller | None = None) -> tuple[Any, Any]:
    """(module, tokenizer), as ``loading.read`` returns them; default the shipped one."""
    return to_gpt2(load() if model is None else model).to(device or "cpu"), make_tokenizer()


def load_storyteller(device: torch.device | None = None) -> Model:
    """The shipped storyteller, adopted: a decoder that runs ``attend``."""
    return adopt(*build(device), name=NAME)


def to_gpt2(model: Storyteller) -> Any:
    """A transformers GPT-2 with the storyteller's weights; its logits are the same to rounding."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = model.sizes
    config = GPT2Config(
        vocab_size=sizes.vocabulary, n_positions=sizes.length, n_embd=sizes.width, n_layer=sizes.layers,
        n_head=sizes.heads, n_inner=sizes.hidden, activation_function="gelu_new", tie_word_embeddings=True,
        bos_token_id=0, eos_token_id=0, pad_token_id=0, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    module = GPT2LMHeadModel(config)
    own = model.state_dict()
    weights = {
        "wte.weight": own["embedding"], "wpe.weight": own["position"],
        "ln_f.weight": own["norm.weight"], "ln_f.bias": own["norm.bias"],
    }  # fmt: skip
    for layer in range(sizes.layers):
        here, there = f"layers.{layer}.", f"h.{layer}."
        for number in ("1", "2"):
            for kind in ("weight", "bias"):
                weights[f"{there}ln_{number}.{kind}"] = own[f"{here}norm_{number}.{kind}"]
        for name, weight, bias in (
            ("attn.c_attn", "attention.w_qkv", "attention.b_qkv"),
            ("attn.c_proj", "attention.w_o", "attention.b_o"),
            ("mlp.c_fc", "w_1", "b_1"),
            ("mlp.c_proj", "w_2", "b_2"),
        ):
            weights[f"{there}{name}.weight"] = own[here + weight].T  # Conv1D stores (in, out)
            weights[f"{there}{name}.bias"] = own[here + bias]
    module.transformer.load_state_dict(weights)
    module.tie_weights()
    return module.requires_grad_(False)


def make_tokenizer(model_length: int = Sizes.length) -> Any:
    """Whole words to numbers, put together from :func:`~.sentences.vocabulary`."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = vocabulary()
    chinese = sorted((word for word in words if re.match(r"[\u3000-\uffef]", word)), key=len, reverse=True)
    tokenizer = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(words)}, unk_token=UNKNOWN)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(),
        pre_tokenizers.Split(Regex("[.,?]"), "isolated"),
        pre_tokenizers.Split(Regex("|".join(map(re.escape, chinese))), "isolated"),
    ])  # fmt: skip
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=UNKNOWN, eos_token=END, pad_token=END,
        model_max_length=model_length, clean_up_tokenization_spaces=False,
    )  # fmt: skip
