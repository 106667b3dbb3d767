"""What every scene of the heads tab shares: one run of a real model, one of its heads, their code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ...page.guard import Json, Refusal
from ...page.loads import Absent, Waiting, model_of
from ...page.scene import Place, Unready
from ...page.sheet import Sheet
from ...page.texts import Words
from .captured import WHOLE, Captured
from .inputs import Inputs, within
from .opened import Opened, weight_sheet
from .remarks import unknown
from .runs import Beside, run_of


@dataclass(frozen=True, eq=False)
class Study:
    """plain: the untouched run; opened: the open head of the run that the pictures show."""

    plain: Captured
    opened: Opened

    @property
    def inputs(self) -> Inputs:
        return self.opened.inputs

    @property
    def shown(self) -> Captured:
        """The run that the pictures show, changed or not."""
        return self.opened.captured


def look(inputs: Inputs, code: str, logits: bool = False, beside: Beside | None = None) -> Captured:
    """The untouched run behind these inputs, once the open head is known to be one of its.

    code: the snippet that is shown while the model is on its way. beside: what is asked for next.
    """
    try:
        plain = run_of(inputs, logits=logits, beside=beside)
    except Absent as absent:
        raise Unready(absent, partial(Waiting, "waiting", absent), code) from absent
    if not plain.layers:
        raise Refusal("no_such_side", field="heads.side")
    within("layer", inputs.layer, len(plain.layers))
    within("head", inputs.head, plain.model.num_heads)
    return plain


def ready(inputs: Inputs, seconds: float | None) -> None:
    """Wait for the model behind these inputs, for so many seconds, or (None) as long as it takes."""
    model_of(inputs.model, seconds)


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of the open head."""
    return weight_sheet(s.opened, words, place)


def results(s: Study) -> Json:
    """Plain numbers for the API: tokens, and the open head's weights."""
    tokens, (rows, columns) = s.shown.tokens, s.opened.names()
    return {
        "model": s.inputs.model, "layers": len(s.plain.layers), "heads": s.plain.model.num_heads,
        "layer": s.inputs.layer, "head": s.inputs.head, "tokens": list(tokens.tokens),
        "special": list(tokens.special), "rows": rows, "columns": columns,
        "weights": s.opened.weights.tolist(),
    }  # fmt: skip


def notices(s: Study, words: Words) -> list[str]:
    """What was hidden, and so renormalised; what the model cannot read; that no GPU was lent."""
    found = [words("heads.hidden")] if s.opened.hidden else []
    if s.plain.long and s.inputs.hide_special and any(s.plain.tokens.special):
        found.append(words("heads.long_special", limit=WHOLE))
    found += unknown(s.inputs, s.plain, words)
    return found + ([words("heads.no_gpu")] if s.plain.no_gpu else [])


def code_of(
    inputs: Inputs,
    opened: Opened | None = None,
    *,
    cuts: Sequence[str] = (),
    changed: Sequence[str] = (),
    names: Sequence[str] = (),
) -> str:
    """The code beside the tab: it prints the open head's weights, as they are shown.

    opened: the head, None while its model is on its way. cuts: functions of ``attention.heads`` that
    shape the weights, hide_special apart. changed: the lines of a changed run, which import ``names``
    from ``attention.pretrained``.
    """
    hidden = inputs.hide_special if opened is None else opened.hidden
    cuts = [*(["hide_special"] if hidden else []), *cuts]
    pair = f", {inputs.pair!r}" if inputs.pair.strip() else ""
    tokens = "after.tokens" if changed else "tokens"
    two_texts = opened is not None and opened.captured.model.kind == "encoder-decoder"
    several = inputs.side != "self" and (opened is None or two_texts)  # kinds of attention in one model
    own = ("[:len(weights)]" if inputs.side == "self" else "[-len(weights):]") if two_texts else ""
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
        *shaping(inputs, cuts, f"{tokens}.special{own}"),
        f"print({tokens}.tokens)",
        "print(weights)",
    ]
    return "\n".join(lines) + "\n"


def shaping(inputs: Inputs, cuts: Sequence[str], special: str) -> list[str]:
    """Special tokens hidden, words joined, a pair's block cut out, small weights dropped."""
    lines = []
    hidden, joined, paired = (name in cuts for name in ("hide_special", "join_pieces", "pair_filter"))
    if hidden:
        lines += [f"special = {special}", "weights = hide_special(weights, special)"]
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
