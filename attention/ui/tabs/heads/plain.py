"""The open head with transformers and PyTorch alone: the same numbers without this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....pretrained.catalog import CATALOG

if TYPE_CHECKING:
    from .study import Study


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
