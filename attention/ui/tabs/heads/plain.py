"""The open head with transformers and PyTorch alone: the same numbers without this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....pretrained import Changes
from ....pretrained.catalog import CATALOG

if TYPE_CHECKING:
    from .study import Study
    from .touch import Touched


def plain(s: Study) -> str:
    """The open head's weights as the model hands them out, special tokens hidden or not.

    "" where transformers would not give the same numbers: weights that came in another precision
    (GGUF), a model that is not in the catalog, one with two texts.
    """
    inputs, kind = s.inputs, s.plain.model.kind
    entry = CATALOG.get(inputs.model)
    pair = inputs.pair.strip()
    if (
        entry is None
        or entry.file.endswith(".gguf")
        or kind == "encoder-decoder"
        or (pair and kind != "encoder")
    ):
        return ""
    texts = f"{inputs.text!r}, {inputs.pair!r}" if pair else repr(inputs.text)
    name = "AutoModel" if kind == "encoder" else "AutoModelForCausalLM"
    lines = [
        "import torch",
        f"from transformers import {name}, AutoTokenizer",
        "",
        f"name, revision = {entry.repo!r}, {entry.revision!r}",
        "tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)",
        f"model = {name}.from_pretrained(name, revision=revision, dtype=torch.float32,",
        f"    {' ' * len(name)}attn_implementation='eager')    # the one that hands its weights out",
        "",
        f"tokens = tokenizer({texts}, return_tensors='pt', split_special_tokens=True)",
        "with torch.no_grad():",
        "    layers = model(**tokens, output_attentions=True).attentions",
        f"weights = layers[{inputs.layer}][0, {inputs.head}]    # (queries, keys)",
        "ids = tokens['input_ids'][0].tolist()",
    ]
    if s.opened.hidden:
        lines += [
            "special = tokenizer.get_special_tokens_mask(ids, already_has_special_tokens=True)",
            "kept = [i for i, hidden in enumerate(special) if not hidden]",
            "weights = weights[kept][:, kept]",
            "weights = weights / weights.sum(-1, keepdim=True)    # each row sums to 1 again",
        ]
    return "\n".join([*lines, "print(tokenizer.convert_ids_to_tokens(ids))", "print(weights)"]) + "\n"


def touched(s: Touched) -> str:
    """The open head after heads were knocked out, and how far the sentence's vector turned.

    "" for other models than MiniLM, and for changes that transformers has no switch for.
    """
    changes = s.changes
    if s.inputs.model != "minilm" or changes is None or changes != Changes(knock_out=changes.knock_out):
        return ""
    lines = plain(s).splitlines()
    start = lines.index("with torch.no_grad():")
    return "\n".join([
        *lines[:start],
        "torch.set_grad_enabled(False)",
        "",
        "def vector(output):",
        "    mean = output.last_hidden_state[0].mean(0)",
        "    return mean / mean.norm()",
        "",
        "def silence(head):    # zeros in place of what the head would hand to the layer's output matrix",
        "    def hook(module, given):",
        "        given[0][..., 32 * head : 32 * head + 32] = 0",
        "    return hook",
        "",
        "before = model(**tokens)",
        f"for layer, head in {sorted(changes.knock_out)}:",
        "    dense = model.encoder.layer[layer].attention.output.dense",
        "    dense.register_forward_pre_hook(silence(head))",
        "after = model(**tokens, output_attentions=True)",
        "print(vector(before) @ vector(after))    # the cosine",
        f"weights = after.attentions[{s.inputs.layer}][0, {s.inputs.head}]    # (queries, keys)",
        *lines[start + 3 :],
    ]) + "\n"  # fmt: skip
