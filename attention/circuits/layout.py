"""Where a model's parts write: its residual stream, as a list of writers.

A transformer is a vector per token to which one part after another adds something. ``layout_of``
lists those parts for the families whose sum is exact, and ``walk`` lets a text pass them one by one,
calling the model's own modules: nothing is hooked, nothing is left on the model, so threads may share
it. That the walk is the model is proved once for each model, by its last hidden states.

Two arrangements are known: the norm **before** a part (GPT-2, Llama, T5: ``x + f(norm(x))``) and the
norm **after** the sum (BERT: ``norm(x + f(x))``). With its size frozen a norm is a linear map, so that
in both of them the stream remains a sum of parts (Elhage et al. 2021, "Handling layer normalization").

Shapes: b variants of one text, n tokens, D features, h heads, d features of a head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..masks import causal_mask
from ..pretrained.model import Model

PRE_NORM = ("gpt2", "llama", "mistral", "qwen2", "qwen3")
POST_NORM = ("bert", "roberta", "xlm-roberta", "distilbert")
REFUSED = {
    "gemma2": "it caps its scores and logits with a tanh, which is not a sum",
    "gemma3_text": "it norms what every part writes before adding it",
    "gpt_oss": "its heads give weight to a sink that is no token",
    "gpt_neox": "its heads and feed-forwards work in parallel on one norm of the stream",
    "bart": "it norms the sum after every part, encoder and decoder alike",
    "marian": "it norms the sum after every part, encoder and decoder alike",
    "opt": "where its norms stand differs from size to size",
    "albert": "all its layers are one, between two widths",
    "electra": "its embedding is of another width than its stream",
}


def inside(model: Model) -> Any:
    """The transformers module, whose parts differ from family to family."""
    return model.module


@dataclass(frozen=True, eq=False)
class Context:
    """What an attention module wants besides its input."""

    mask: Tensor | None = None  # (1, 1, n, n), True = may attend
    rotary: tuple[Tensor, Tensor] | None = None
    bias: Tensor | None = None  # T5's relative positions
    memory: Tensor | None = None  # (b, m, D), what cross-attention reads


@dataclass(frozen=True, eq=False)
class Writer:
    """One part of the stream. kind: "self", "decoder", "cross" or "feed_forward".

    layer: an attention layer's number as :class:`~attention.pretrained.model.Model` counts, a feed-forward's
    among its stream's. write(read (b, n, D), context) -> what is added (b, n, D). before, after: the
    norm of what it reads, and of the sum; one of them is None. out: the projection of the heads.
    """

    kind: str
    layer: int
    write: Callable[[Tensor, Context], Tensor]
    before: Any
    after: Any
    out: Any = None

    def read(self, x: Tensor) -> Tensor:
        return x if self.before is None else self.before(x)

    def add(self, x: Tensor, written: Tensor) -> Tensor:
        return x + written if self.after is None else self.after(x + written)

    def projection(self, heads: int) -> Tensor:
        """W_O by heads, (h, d, D): what head i writes is ``z_i W_O[i]``."""
        weight: Tensor = self.out.weight
        weight = weight if type(self.out).__name__ == "Conv1D" else weight.T  # Conv1D stores (in, out)
        return weight.reshape(heads, -1, weight.shape[-1])


@dataclass(frozen=True, eq=False)
class Stream:
    """One residual stream. embed(ids (n,), segment (n,)) -> its first parts, each (n, D).

    first: the norm of their sum, or None; last: the norm before the unembedding (the encoder's, before
    the memory), or None. context(positions (n,)) -> what its attention modules want.
    """

    embed: Callable[[Tensor, Tensor], dict[str, Tensor]]
    writers: tuple[Writer, ...]
    first: Any
    last: Any
    context: Callable[[Tensor], Context]

    def finish(self, x: Tensor) -> Tensor:
        return x if self.last is None else self.last(x)


@dataclass(frozen=True, eq=False)
class Layout:
    """streams: one, or an encoder's and a decoder's. scale: of the logits (T5 divides by sqrt(D)).

    scores: why its scores are no double sum, or None if they are.
    """

    streams: tuple[Stream, ...]
    scale: float = 1.0
    scores: str | None = None

    def find(self, layer: int) -> tuple[int, int]:
        """(stream, writer) numbers of an attention layer."""
        for at, stream in enumerate(self.streams):
            for number, writer in enumerate(stream.writers):
                if writer.kind != "feed_forward" and writer.layer == layer:
                    return at, number
        count = sum(w.kind != "feed_forward" for stream in self.streams for w in stream.writers)
        raise ValueError(f"layer must lie in [0, {count - 1}], got {layer}")


def read_layout(model: Model) -> Layout:
    """The model's streams, not yet proved. Raises ``ValueError`` for a model whose parts do not sum."""
    kind = inside(model).config.model_type
    if kind in REFUSED:
        raise ValueError(f"this model ({kind}) cannot be split into parts exactly: {REFUSED[kind]}")
    builders = {"gpt2": _gpt2, "distilbert": _distilbert, "t5": _t5}
    builders |= dict.fromkeys(("bert", "roberta", "xlm-roberta"), _bert)
    builders |= dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), _llama)
    if kind not in builders:
        raise ValueError(
            f"this model ({kind}) is not one whose parts are known to sum; the known ones are "
            f"{', '.join(sorted(builders))}"
        )
    return builders[kind](model)


def _embedding(word: Any, place: Any, kind: Any = None, first: int = 0) -> Callable[..., Any]:
    """The first parts of a stream: a vector per word and one per position."""

    def embed(ids: Tensor, segment: Tensor) -> dict[str, Tensor]:
        parts = {"embedding": word(ids)}
        if kind is not None:
            parts["embedding"] = parts["embedding"] + kind(segment)
        if place is not None:
            parts["position"] = place(torch.arange(len(ids), device=ids.device) + first)
        return parts

    return embed


def _causal(positions: Tensor) -> Context:
    return Context(causal_mask(len(positions), device=positions.device)[None, None])


def _gpt2(model: Model) -> Layout:
    base = inside(model).base_model
    writers = []
    for layer, block in enumerate(base.h):
        attend: Any = lambda x, c, part=block.attn: part(x, attention_mask=c.mask)[0]  # noqa: E731
        writers.append(Writer("self", layer, attend, block.ln_1, None, block.attn.c_proj))
        feed: Any = lambda x, c, part=block.mlp: part(x)  # noqa: E731
        writers.append(Writer("feed_forward", layer, feed, block.ln_2, None))
    return Layout((Stream(_embedding(base.wte, base.wpe), tuple(writers), None, base.ln_f, _causal),))


def _llama(model: Model) -> Layout:
    base, config = inside(model).base_model, inside(model).config
    kinds = getattr(config, "layer_types", None) or ()
    window = getattr(config, "sliding_window", None) if config.model_type == "mistral" else None
    if any(kind != "full_attention" for kind in kinds) and config.model_type != "mistral":
        raise ValueError("this model's layers see different stretches of the text; it is not known here")
    writers = []
    for layer, block in enumerate(base.layers):
        attend = lambda x, c, part=block.self_attn: part(  # noqa: E731
            hidden_states=x, position_embeddings=c.rotary, attention_mask=c.mask
        )[0]
        out = block.self_attn.o_proj
        writers.append(Writer("self", layer, attend, block.input_layernorm, None, out))
        feed = lambda x, c, part=block.mlp: part(x)  # noqa: E731
        writers.append(Writer("feed_forward", layer, feed, block.post_attention_layernorm, None))

    def context(positions: Tensor) -> Context:
        mask = causal_mask(len(positions), device=positions.device)
        if window is not None:
            mask = mask & ~causal_mask(len(positions), device=positions.device).tril(-window)
        like = base.embed_tokens.weight[:1]
        return Context(mask[None, None], base.rotary_emb(like, position_ids=positions[None]))

    stream = Stream(_embedding(base.embed_tokens, None), tuple(writers), None, base.norm, context)
    norms = config.model_type == "qwen3"
    return Layout((stream,), scores="it norms every query and key once more" if norms else None)


def _bert(model: Model) -> Layout:
    base, config = inside(model).base_model, inside(model).config
    writers = []
    for layer, block in enumerate(base.encoder.layer):
        inner, output = block.attention.self, block.attention.output
        attend = lambda x, c, inner=inner, out=output.dense: out(inner(x, c.mask)[0])  # noqa: E731
        writers.append(Writer("self", layer, attend, None, output.LayerNorm, output.dense))
        feed = lambda x, c, up=block.intermediate, down=block.output.dense: down(up(x))  # noqa: E731
        writers.append(Writer("feed_forward", layer, feed, None, block.output.LayerNorm))
    parts = base.embeddings
    first = 0 if config.model_type == "bert" else config.pad_token_id + 1
    embed = _embedding(parts.word_embeddings, parts.position_embeddings, parts.token_type_embeddings, first)
    stream = Stream(embed, tuple(writers), parts.LayerNorm, None, lambda positions: Context())
    return Layout((stream,))


def _distilbert(model: Model) -> Layout:
    base = inside(model).base_model
    writers = []
    for layer, block in enumerate(base.transformer.layer):
        attend = lambda x, c, part=block.attention: part(x, attention_mask=c.mask)[0]  # noqa: E731
        writers.append(Writer("self", layer, attend, None, block.sa_layer_norm, block.attention.out_lin))
        feed = lambda x, c, part=block.ffn: part(x)  # noqa: E731
        writers.append(Writer("feed_forward", layer, feed, None, block.output_layer_norm))
    embed = _embedding(base.embeddings.word_embeddings, base.embeddings.position_embeddings)
    stream = Stream(embed, tuple(writers), base.embeddings.LayerNorm, None, lambda positions: Context())
    return Layout((stream,))


def _t5(model: Model) -> Layout:
    module, config = inside(model), inside(model).config
    encoders = len(module.encoder.block)

    def stream(stack: Any, decoder: bool) -> Stream:
        writers = []
        for number, block in enumerate(stack.block):
            layer = encoders + 2 * number if decoder else number
            part = block.layer[0]
            attend = lambda x, c, part=part.SelfAttention: part(  # noqa: E731
                x, mask=c.mask, position_bias=c.bias
            )[0]
            kind = "decoder" if decoder else "self"
            writers.append(Writer(kind, layer, attend, part.layer_norm, None, part.SelfAttention.o))
            if decoder:
                part = block.layer[1]
                cross = lambda x, c, part=part.EncDecAttention: part(  # noqa: E731
                    x, key_value_states=c.memory
                )[0]
                out = part.EncDecAttention.o
                writers.append(Writer("cross", layer + 1, cross, part.layer_norm, None, out))
            part = block.layer[-1]
            feed = lambda x, c, part=part.DenseReluDense: part(x)  # noqa: E731
            writers.append(Writer("feed_forward", number, feed, part.layer_norm, None))
        first = stack.block[0].layer[0].SelfAttention

        def context(positions: Tensor) -> Context:
            n = len(positions)
            mask = causal_mask(n, device=positions.device)[None, None] if decoder else None
            return Context(mask, bias=first.compute_bias(n, n, positions.device))

        return Stream(_embedding(module.shared, None), tuple(writers), None, stack.final_layer_norm, context)

    scale = config.d_model**-0.5 if config.scale_decoder_outputs else 1.0
    return Layout((stream(module.encoder, False), stream(module.decoder, True)), scale)
