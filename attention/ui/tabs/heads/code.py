"""The code beside the heads tab: it prints the numbers shown."""

from __future__ import annotations

from collections.abc import Sequence

from .inputs import Inputs
from .runs import Captured


def of_open_head(
    inputs: Inputs,
    captured: Captured | None = None,
    *,
    cuts: Sequence[str] = (),
    changed: Sequence[str] = (),
    names: Sequence[str] = (),
) -> str:
    """The open head's weights.

    captured: the run, None while its model is on its way. cuts: functions of ``attention.heads`` that
    shape the weights, hide_special apart. changed: the lines of a changed run, which import ``names``
    from ``attention.pretrained``.
    """
    cuts = [*(["hide_special"] if inputs.hide_special else []), *cuts]
    pair = f", {inputs.pair!r}" if inputs.pair.strip() else ""
    tokens = "after.tokens" if changed else "tokens"
    # kinds of attention in one model
    several = inputs.side != "self" and (captured is None or captured.model.kind == "encoder-decoder")
    lines = [
        "from attention import load_model",
        *([f"from attention.heads import {', '.join(cuts)}"] if cuts else []),
        f"from attention.pretrained import {', '.join(sorted(['run', 'tokenize', *names], key=str.lower))}",
        "",
        f"model = load_model({inputs.model!r})",
        f"tokens = tokenize(model, {inputs.text!r}{pair})",
        *(changed or ["layers = run(model, tokens).layers"]),
        *([f"layers = [layer for layer in layers if layer.kind == {inputs.side!r}]"] if several else []),
        f"weights = layers[{inputs.layer}].weights[{inputs.head}]  # (queries, keys)",
        *shaping(inputs, cuts, tokens),
        f"print({tokens}.tokens)",
        "print(weights)",
    ]
    return "\n".join(lines) + "\n"


def shaping(inputs: Inputs, cuts: Sequence[str], tokens: str) -> list[str]:
    """Special tokens hidden, words joined, a pair's block cut out, small weights dropped."""
    lines = []
    hidden, joined, paired = (name in cuts for name in ("hide_special", "join_pieces", "pair_filter"))
    if hidden:
        lines += [f"special = {tokens}.special", "weights = hide_special(weights, special)"]
    if joined or paired:
        kept = "[i for i, hidden in enumerate(special) if not hidden]" if hidden else "range(len(tokens))"
        lines += [f"kept = {kept}", "joined = [tokens.joined[i] for i in kept]"]
    if joined:
        lines.append("weights = join_pieces(weights, joined)")
    if paired:
        lines.append("segment = [tokens.segment[i] for i in kept]")
        if joined:
            lines.append("segment = [s for s, more in zip(segment, joined) if not more]")
        lines.append(f"weights = pair_filter(weights, segment, {inputs.part!r})")
    if "threshold" in cuts:
        lines.append(f"weights = threshold(weights, {inputs.minimum!r})")
    return lines
