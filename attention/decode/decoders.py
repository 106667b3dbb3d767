"""Models of the library's best known shapes, opened so that ``decode`` can run them.

All take a loaded module apart by the names of its parts and keep its weights; nothing is copied.
GPT-2 adds learned positions, Llama (and SmolLM2, Mistral without its window, ...) turns queries and keys.
BERT is here as well, so that its keys can be shared or squeezed like theirs. GPT-2's and BERT's parts are
spelt out, as they are without dropout: in a small model calling modules takes longer than multiplying.

Shapes: b texts, n tokens, h heads, g key and value heads, d features per head, D features of a token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Linear(NamedTuple):
    """``x W^T + b``: weight (out, in), bias (out,)."""

    weight: Tensor
    bias: Tensor

    @staticmethod
    def of(part: Any) -> Linear:
        """Of an ``nn.Linear``."""
        return Linear(part.weight, part.bias)

    @staticmethod
    def of_conv(part: Any) -> Linear:
        """Of GPT-2's ``Conv1D``, which stores its matrix as (in, out)."""
        return Linear(part.weight.T, part.bias)

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class Norm(NamedTuple):
    """A layer norm: weight and bias (D,)."""

    weight: Tensor
    bias: Tensor
    eps: float

    @staticmethod
    def of(part: Any) -> Norm:
        return Norm(part.weight, part.bias, part.eps)

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class Block(NamedTuple):
    """The parts of a layer. qkv: the projections of queries, keys and values, as one or three; norm_1
    stands before them (GPT-2) or after w_o (BERT), norm_2 before w_1 or after w_2."""

    norm_1: Norm
    qkv: Sequence[Linear]
    w_o: Linear
    norm_2: Norm
    w_1: Linear
    activation: Callable[[Tensor], Tensor]
    w_2: Linear


class GPT2Decoder:
    """A ``GPT2LMHeadModel``: layer norm first, learned positions, as many key heads as query heads."""

    rotary = False
    scale: float | None = None

    def __init__(self, module: Any) -> None:
        config, top = module.config, module.transformer
        if config.scale_attn_by_inverse_layer_idx or not config.scale_attn_weights:
            raise ValueError("only scores divided by sqrt(d) are known here, as GPT-2 itself has them")
        self._words, self._places, self._head = top.wte.weight, top.wpe.weight, module.lm_head.weight
        self._num_heads, self.num_layers = config.n_head, len(top.h)
        self._norm = Norm.of(top.ln_f)
        self._blocks = [
            Block(
                Norm.of(block.ln_1), [Linear.of_conv(block.attn.c_attn)], Linear.of_conv(block.attn.c_proj),
                Norm.of(block.ln_2), Linear.of_conv(block.mlp.c_fc), _activation(block.mlp.act),
                Linear.of_conv(block.mlp.c_proj),
            )
            for block in top.h
        ]  # fmt: skip

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        if int(positions[-1]) >= (room := len(self._places)):
            raise ValueError(
                f"this model has {room} learned positions, and the text went on to {positions[-1]}"
            )
        return F.embedding(ids, self._words) + F.embedding(positions, self._places)

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        block = self._blocks[layer]
        three = block.qkv[0](block.norm_1(x)).unflatten(-1, (3, self._num_heads, -1))  # (b, n, 3, h, d)
        query, key, value = three.permute(2, 0, 3, 1, 4).unbind()
        return query, key, value

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        return x

    def finish(self, layer: int, x: Tensor, attended: Tensor) -> Tensor:
        block = self._blocks[layer]
        x = x + block.w_o(_merge(attended))
        return x + block.w_2(block.activation(block.w_1(block.norm_2(x))))

    def logits(self, x: Tensor) -> Tensor:
        return F.linear(self._norm(x), self._head)


class BertDecoder:
    """A ``BertModel``, to be run the same way: it writes nothing, and reads with ``causal=False``.

    Norms come after their parts, positions are learned. logits gives the vectors (b, n, D) of the tokens.
    """

    rotary = False
    scale: float | None = None

    def __init__(self, module: Any) -> None:
        self._embeddings, layers = module.embeddings, module.encoder.layer
        self._num_heads, self.num_layers = module.config.num_attention_heads, len(layers)
        self._blocks = [
            Block(
                Norm.of(block.attention.output.LayerNorm),
                [Linear.of(getattr(block.attention.self, name)) for name in ("query", "key", "value")],
                Linear.of(block.attention.output.dense), Norm.of(block.output.LayerNorm),
                Linear.of(block.intermediate.dense), _activation(block.intermediate.intermediate_act_fn),
                Linear.of(block.output.dense),
            )
            for block in layers
        ]  # fmt: skip

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        embedded: Tensor = self._embeddings(input_ids=ids, position_ids=positions[None])
        return embedded

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = (_split(part(x), self._num_heads) for part in self._blocks[layer].qkv)
        return query, key, value

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        return x

    def finish(self, layer: int, x: Tensor, attended: Tensor) -> Tensor:
        block = self._blocks[layer]
        x = block.norm_1(block.w_o(_merge(attended)) + x)
        return block.norm_2(block.w_2(block.activation(block.w_1(x))) + x)

    def logits(self, x: Tensor) -> Tensor:
        return x


class LlamaDecoder:
    """A ``LlamaForCausalLM``: RMS norm first, rotary positions, grouped key heads."""

    rotary = True

    def __init__(self, module: Any) -> None:
        self._top, self._head = module.model, module.lm_head
        self._blocks = list(module.model.layers)
        self.num_layers = len(self._blocks)
        self.d_head = int(self._blocks[0].self_attn.head_dim)
        self.scale: float | None = float(self._blocks[0].self_attn.scaling)

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        embedded: Tensor = self._top.embed_tokens(ids)
        return embedded

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        block = self._blocks[layer]
        x, attention = block.input_layernorm(x), block.self_attn
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        query, key, value = (
            _split(part, part.shape[-1] // self.d_head) for part in (project(x) for project in projections)
        )
        return query, key, value

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        """Feature i is turned with feature i + d/2: the pairs of ``position.rotate`` in another order."""
        cos, sin = self._top.rotary_emb(x, positions[None])  # (1, n, d), each half the same angles
        left, right = x.chunk(2, dim=-1)
        turned: Tensor = x * cos[:, None] + torch.cat([-right, left], dim=-1) * sin[:, None]
        return turned

    def finish(self, layer: int, x: Tensor, attended: Tensor) -> Tensor:
        block = self._blocks[layer]
        x = x + block.self_attn.o_proj(_merge(attended))
        x = x + block.mlp(block.post_attention_layernorm(x))
        return x

    def logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self._head(self._top.norm(x))
        return logits


def projections(module: Any, layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A layer's w_q (h, d, D), w_k (h, d, D), w_v (h, d, D) and the biases of keys and values (2 h d,).

    For GPT-2 and BERT, whose keys come straight from the token's (normed) vector; ``ValueError`` for others.
    """
    kind = module.config.model_type
    if kind == "gpt2":
        own = module.transformer.h[layer].attn.c_attn  # stores its matrix as (in, out)
        weight, bias, heads = own.weight.T, own.bias, module.config.n_head
    elif kind == "bert":
        own = module.encoder.layer[layer].attention.self
        parts = own.query, own.key, own.value
        weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        heads = module.config.num_attention_heads
    else:
        raise ValueError(f"matrices of gpt2 and bert are known, got {kind!r}")
    w_q, w_k, w_v = weight.reshape(3, heads, -1, weight.shape[-1])
    return w_q, w_k, w_v, bias[len(bias) // 3 :]


def decoder_of(module: Any) -> GPT2Decoder | LlamaDecoder | BertDecoder:
    """The decoder around a loaded module; ``ValueError`` for another architecture."""
    kind = module.config.model_type
    if kind == "gpt2":
        return GPT2Decoder(module)
    if kind == "llama":
        return LlamaDecoder(module)
    if kind == "bert":
        return BertDecoder(module)
    raise ValueError(f"decoding by hand knows gpt2, llama and bert, got {kind!r}")


def _split(x: Tensor, num_heads: int) -> Tensor:
    """(b, n, h * d) -> (b, h, n, d)."""
    return x.reshape(*x.shape[:2], num_heads, -1).transpose(1, 2)


def _merge(x: Tensor) -> Tensor:
    """(b, h, n, d) -> (b, n, h * d)."""
    return x.transpose(1, 2).flatten(2)


def _activation(part: Any) -> Callable[[Tensor], Tensor]:
    """PyTorch's own form of the gelu that the library writes out, ``tanh`` and all; any other as it is."""
    name = type(part).__name__
    own: Callable[[Tensor], Tensor] = part
    return partial(F.gelu, approximate="tanh") if name == "NewGELUActivation" else own
