"""The open head with transformers and PyTorch alone: the same numbers without this package."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from ...page.plain import pretrained, program, storyteller
from .captured import Captured

if TYPE_CHECKING:
    from .inputs import Inputs
    from .study import Study

OUTPUT = {"self": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}


def plain(s: Study) -> str:
    """The open head's weights as the model hands them out, shaped as shown; of a long text a region."""
    if s.inputs.model == "storyteller":
        tokens = s.plain.tokens
        lines = storyteller(tokens.ids, tokens.tokens, between=["seen = []"], within=["seen.append(weights)"])
        return program([
            *lines[:-1],  # the logits are not looked at
            "",
            f"weights = seen[{s.inputs.layer}][{s.inputs.head}]    # (queries, keys)",
            *shaped(s),
            "print(weights)",
        ])  # fmt: skip
    if s.plain.long:
        return long(s)
    output = OUTPUT[s.inputs.side] if s.plain.model.kind == "encoder-decoder" else "attentions"
    return program([
        *pretrained(s.inputs.model, auto_of(s.plain)),
        "",
        *text_of(s.inputs, s.plain),
        "with torch.no_grad():",
        f"    layers = model(**tokens, output_attentions=True).{output}",
        f"weights = layers[{s.inputs.layer}][0, {s.inputs.head}]    # (queries, keys)",
        *shown(s),
    ])  # fmt: skip


def auto_of(captured: Captured) -> str:
    """The class of transformers that loads this model."""
    kind = captured.model.kind
    if kind == "encoder-decoder":
        return "AutoModelForSeq2SeqLM"
    return "AutoModelForCausalLM" if kind == "decoder" and captured.model.has_logits else "AutoModel"


def text_of(inputs: Inputs, captured: Captured) -> list[str]:
    """What makes ``tokens``, the arguments of the model: what is typed stays text."""
    kind, pair, split = captured.model.kind, inputs.pair.strip(), "split_special_tokens=True"
    if not takes_types(captured):
        split += ", return_token_type_ids=False"
    if kind == "encoder" and pair:
        return [f"tokens = tokenizer({inputs.text!r}, {inputs.pair!r}, return_tensors='pt', {split})"]
    one = f"tokens = tokenizer({inputs.text!r}, return_tensors='pt', {split})"
    if kind == "encoder-decoder":
        target = [id for id, part in zip(captured.tokens.ids, captured.tokens.segment, strict=True) if part]
        return [
            one,
            f"tokens['decoder_input_ids'] = torch.tensor([{target}])    # begins with its start sign",
        ]
    if not pair:
        return [one]
    second = f"tokenizer({' ' + inputs.pair.lstrip()!r}, add_special_tokens=False, {split})"
    return [
        f"first = tokenizer({inputs.text!r}, {split})",
        f"second = {second}",
        "tokens = {'input_ids': torch.tensor([first['input_ids'] + second['input_ids']])}",
    ]


def takes_types(captured: Captured) -> bool:
    """Whether the model takes what its tokenizer says beside the ids: which of two texts a token is of."""
    tokenizer = captured.model.tokenizer  # None: tokens that were made elsewhere
    if tokenizer is None or "token_type_ids" not in tokenizer.model_input_names:
        return True
    taken = inspect.signature(type(captured.model.module).forward).parameters
    return captured.model.kind == "encoder" and "token_type_ids" in taken


def shown(s: Study, names: str = "tokens['input_ids'][0]") -> list[str]:
    """``weights`` shaped as they are shown, and printed below the tokens."""
    return [
        *shaped(s),
        f"print(tokenizer.convert_ids_to_tokens({names}))",
        "print(weights)",
    ]


def shaped(s: Study) -> list[str]:
    """Special tokens hidden, words joined, a pair's block cut out, small weights dropped."""
    opened = s.opened
    queries, keys = s.shown.sides()
    lines = []
    if opened.hidden:
        special = s.shown.tokens.special
        kept = [at for at, place in enumerate(keys) if not special[place]]
        keys = queries = [keys[at] for at in kept]
        lines = [
            f"kept = {kept}    # without special tokens",
            "weights = weights[kept][:, kept]",
            "weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-30)    # rows sum to 1 again",
        ]
    rows = [[queries.index(place) for place in group] for group in opened.rows]
    columns = [[keys.index(place) for place in group] for group in opened.columns]
    if columns != [[at] for at in range(len(keys))] or rows != [[at] for at in range(len(queries))]:
        lines += [
            f"rows, columns = {rows}, {columns}    # tokens of each word shown",
            "weights = torch.stack([weights[:, group].sum(-1) for group in columns], -1)",
            "weights = torch.stack([weights[group].mean(0) for group in rows])",
        ]
    return [*lines, *dropped(s)]


def dropped(s: Study) -> list[str]:
    """Small weights, where they are left out: the scene "understand" alone does."""
    if s.inputs.look != "understand" or s.inputs.minimum == 0:
        return []
    return [f"weights = weights * (weights >= {s.inputs.minimum!r})"]


def long(s: Study) -> str:
    """A region of the open head: queries and keys are kept, and never all the weights."""
    head, layer = s.inputs.head, s.plain.layers[s.inputs.layer].index
    (top, bottom), (left, right) = (
        (each[0][0], each[-1][0] + 1) for each in (s.opened.rows, s.opened.columns)
    )
    queries, keys = s.plain.sides()
    rows, columns = (
        (queries.index(top), queries.index(bottom - 1) + 1),
        (keys.index(left), keys.index(right - 1) + 1),
    )
    causal = s.plain.model.kind == "decoder" or s.inputs.side == "decoder"
    if s.plain.model.kind == "encoder-decoder":
        return program([
            "# T5 and its like add a number for every pair of places to the scores: for so long a text",
            f"# that table alone is {len(queries) * len(keys) * 4 * s.plain.model.num_heads:,} bytes, and no",
            "# program of a few lines goes round it. A shorter text has one.",
        ])  # fmt: skip
    grouped = s.plain.model.num_heads != s.plain.model.module.config.get_text_config().to_dict().get(
        "num_key_value_heads", s.plain.model.num_heads
    )
    return program([
        *pretrained(s.inputs.model, auto_of(s.plain), ["AttentionInterface"], eager=False, functional=True),
        "torch.set_grad_enabled(False)",
        "seen = []",
        "",
        "def attend(module, query, key, value, mask, scaling, **more):    # never all weights at once",
        "    seen.append((query, key, scaling))",
        f"    output = F.scaled_dot_product_attention(query, key, value, is_causal={causal},",
        f"        scale=scaling{', enable_gqa=True' if grouped else ''})",
        "    return output.transpose(1, 2).contiguous(), None",
        "",
        "AttentionInterface.register('kept', attend)",
        "model.set_attn_implementation('kept')",
        *text_of(s.inputs, s.plain),
        "model(**tokens)",
        f"query, key, scaling = seen[{layer}]",
        *(["key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)"] if grouped else []),
        f"scores = query[0, {head}, {rows[0]}:{rows[1]}] @ key[0, {head}].T * scaling",
        *([f"ahead = torch.arange(key.shape[2]) > torch.arange({rows[0]}, {rows[1]})[:, None]",
           "scores = scores.masked_fill(ahead, float('-inf'))    # no looking ahead"] if causal else []),
        f"print(scores.softmax(-1)[:, {columns[0]}:{columns[1]}])    # (queries, keys) of the region",
    ])  # fmt: skip
