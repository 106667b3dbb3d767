"""Chapter 12: real language models running ``attend``.

``load_model`` gives a model, ``tokenize`` turns text into its tokens, ``run`` sends them through
and hands back every layer's attention, changed or not. How a model comes to call ``attend`` is told
in ``adapter`` and ``model``, how tokens go through it in ``running``, which models there are in
``catalog`` and ``hub``.

Shapes: h heads, n queries, m keys, d features per head, D features of a token's vector.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .catalog import CATALOG, load_folder, load_model
from .model import Model, ModelRefused, adopt
from .probe import by_heads
from .running import ChangeRefused, Run, run, run_together, run_without, shuffled
from .session import Changes, Layer, explain_head
from .tokens import Tokens, readable, tokenize

__all__ = [
    "CATALOG", "ChangeRefused", "Changes", "Layer", "Model", "ModelRefused", "Run", "Tokens", "adopt",
    "explain_head", "load_folder", "load_model", "moved", "next_tokens", "output_projection",
    "run", "run_together", "run_without", "sentence_embedding", "shuffled", "tokenize",
]  # fmt: skip


def next_tokens(model: Model, run: Run, temperature: float = 1.0, k: int = 10) -> list[tuple[str, float]]:
    """The k likeliest next tokens with their probabilities, ``softmax(logits / temperature)``.

    Raises ``ValueError`` for a run without logits, temperature <= 0 or k < 1.
    """
    if run.logits is None:
        raise ValueError("this run has no logits: run a decoder with logits=True")
    if not temperature > 0 or k < 1:
        raise ValueError(f"temperature must be above 0 and k at least 1, got {temperature}, {k}")
    probabilities = torch.softmax(run.logits.double() / temperature, dim=-1)
    best = probabilities.topk(min(k, len(probabilities)))
    names = model.tokenizer.convert_ids_to_tokens(best.indices.tolist())
    words = [readable(name, model.byte_level) if name else "␣" for name in names]
    return list(zip(words, best.values.tolist(), strict=True))


def sentence_embedding(run: Run, segment: int | None = None) -> Tensor:
    """The mean of the tokens' vectors, of length 1: (D,). segment: of those tokens only.

    This is how all-MiniLM-L6-v2 makes a sentence's vector (special tokens included), so the dot
    product of two of them is their cosine. Reimers and Gurevych 2019, section 3.
    """
    rows = [at for at, part in enumerate(run.tokens.segment) if segment in (None, part)]
    if not rows:
        raise ValueError(f"no token belongs to segment {segment}")
    unit: Tensor = torch.nn.functional.normalize(run.hidden[rows].mean(dim=0), dim=0)
    return unit


def moved(before: Run, after: Run) -> Tensor:
    """How far each token's vector moved, ``|after - before|``: (n,), in the unshuffled order."""
    if sorted(before.order) != sorted(after.order):
        raise ValueError(
            f"both runs must be of one text, got {len(before.order)} and {len(after.order)} tokens"
        )
    rows = [torch.tensor(run.order).argsort() for run in (before, after)]
    lengths: Tensor = (after.hidden[rows[1]] - before.hidden[rows[0]]).norm(dim=-1)
    return lengths


def output_projection(model: Model, layer: int) -> Tensor | None:
    """W_O of one layer by heads, (h, v, D): head i adds ``(weights_i v_i) W_O[i]`` to the stream.

    None where no such matrix was seen to follow when the model was adopted: BitNet normalises the
    heads' outputs first, DiffLlama subtracts half of them, some multiply them by a gate.
    """
    name = model.projections[layer]
    return None if name is None else by_heads(model.module.get_submodule(name), model.heads[layer])
