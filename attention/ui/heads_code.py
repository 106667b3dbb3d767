"""The code beside the heads tab: plain PyTorch that prints the numbers shown."""

from __future__ import annotations

from typing import Any

from . import heads_changes
from .heads_changes import changes_of
from .heads_loads import Absent


def snippet(values: dict[str, Any]) -> str:
    """The open head's weights; in the look "touch" the outcome too."""
    from .heads_tab import look_at

    touch, understand = values["look"] == "touch", values["look"] == "understand"
    cuts = [name for name, on in (
        ("hide_special", values["hide_special"]), ("join_pieces", understand and values["join"]),
        ("pair_filter", understand and values["part"] != "all"),
        ("threshold", understand and values["minimum"] > 0),
    ) if on]  # fmt: skip
    names = ["run", "tokenize"]
    middle = ["layers = run(model, tokens).layers"]
    several = values["side"] != "self"  # kinds of attention in one model
    if touch or several:
        try:
            seen = look_at(values)
            several = several and seen.model.kind == "encoder-decoder"
            logits = seen.run.logits is not None
            if touch:
                middle = heads_changes.snippet_lines(changes_of(values, seen), values, logits)
        except Absent:  # what may be changed is known with the model; until then, the plain run
            touch = False
    if touch:
        names += ["Changes", "moved", "next_tokens" if logits else "sentence_embedding"]
    pair = f", {values['pair']!r}" if values["pair"].strip() else ""
    lines = [
        "from attention import load_model",
        *([f"from attention.heads import {', '.join(cuts)}"] if cuts else []),
        f"from attention.pretrained import {', '.join(sorted(names, key=str.lower))}",
        "",
        f"model = load_model({values['model']!r})",
        f"tokens = tokenize(model, {values['text']!r}{pair})",
        *middle,
    ]
    if several:
        lines.append(f"layers = [layer for layer in layers if layer.kind == {values['side']!r}]")
    lines.append(f"weights = layers[{values['layer']}].weights[{values['head']}]  # (queries, keys)")
    tokens = "after.tokens" if touch else "tokens"
    if "hide_special" in cuts:
        lines += _hide(tokens)
    if {"join_pieces", "pair_filter"} & set(cuts):
        lines.append("kept = [i for i, hidden in enumerate(special) if not hidden]" if "hide_special" in cuts
                     else "kept = range(len(tokens))")  # fmt: skip
        lines.append("joined = [tokens.joined[i] for i in kept]")
    if "join_pieces" in cuts:
        lines.append("weights = join_pieces(weights, joined)")
    if "pair_filter" in cuts:
        lines.append("segment = [tokens.segment[i] for i in kept]")
        if "join_pieces" in cuts:
            lines.append("segment = [s for s, more in zip(segment, joined) if not more]")
        lines.append(f"weights = pair_filter(weights, segment, {values['part']!r})")
    if "threshold" in cuts:
        lines.append(f"weights = threshold(weights, {values['minimum']!r})")
    return "\n".join([*lines, f"print({tokens}.tokens)", "print(weights)"]) + "\n"


def _hide(tokens: str) -> list[str]:
    return [f"special = {tokens}.special", "weights = hide_special(weights, special)"]
