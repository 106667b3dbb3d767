"""Pieces of the programs that run without this package: what several tabs' programs begin with."""

from __future__ import annotations

from collections.abc import Sequence

WEIGHTS = "# the trained weights: its button beside this code saves the file"


def loads(file: str, more: Sequence[str] = ()) -> list[str]:
    """The imports, and the trained weights of a file beside the program. more: imports before torch."""
    return [
        *(f"import {name}" for name in more),
        "import torch",
        "import torch.nn.functional as F",
        "from safetensors.torch import load_file",
        "",
        f"w = load_file({file!r})    {WEIGHTS}",
    ]


def storyteller(
    ids: Sequence[int],
    names: Sequence[str],
    mask: str = "None",
    *,
    between: Sequence[str] = (),
    within: Sequence[str] = (),
    shared: str = "",
) -> list[str]:
    """A pass of the storyteller, written out: ``logits`` (n, words), and per layer q, k, v and weights.

    ids, names: the text. mask: an expression of the boolean (n, n), True = may attend, "None" for the
    causal one. between: lines before the pass; within: lines after each layer's weights, indented once;
    shared: a call that its keys and values go through.
    """
    called = f"({shared}(part) for part in (k, v))"
    share = [f"    k, v = {called}"] if shared else []
    return [
        *loads("storyteller.safetensors"),
        f"ids = torch.tensor({list(ids)})    # {' '.join(names)}",
        "n = len(ids)",
        f"mask = {mask}" if mask != "None" else "mask = torch.ones(n, n).tril().bool()    # no looking ahead",
        *between,
        "",
        "def norm(x, name):",
        "    return F.layer_norm(x, x.shape[-1:], w[name + '.weight'], w[name + '.bias'])",
        "",
        "x = w['embedding'][ids] + w['position'][:n]    # (n, 64)",
        "for layer in range(2):",
        "    at = f'layers.{layer}.'",
        "    parts = F.linear(norm(x, at + 'norm_1'), w[at + 'attention.w_qkv'], w[at + 'attention.b_qkv'])",
        "    q, k, v = (part.unflatten(-1, (4, 16)).transpose(0, 1) for part in parts.chunk(3, -1))",
        *share,
        "    scores = (q @ k.mT / 4).masked_fill(~mask, float('-inf'))    # 4 = sqrt(16)",
        "    weights = scores.softmax(-1)    # (heads, queries, keys)",
        *(f"    {line}" for line in within),
        "    heads = (weights @ v).transpose(0, 1).flatten(1)",
        "    x = x + F.linear(heads, w[at + 'attention.w_o'], w[at + 'attention.b_o'])",
        "    hidden = F.linear(norm(x, at + 'norm_2'), w[at + 'w_1'], w[at + 'b_1'])",
        "    x = x + F.linear(F.gelu(hidden, approximate='tanh'), w[at + 'w_2'], w[at + 'b_2'])",
        "logits = norm(x, 'norm') @ w['embedding'].T    # (n, words)",
    ]  # fmt: skip


def program(lines: Sequence[str]) -> str:
    """Lines as a file."""
    return "\n".join(lines) + "\n"
