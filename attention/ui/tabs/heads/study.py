"""What every scene of the heads tab looks at: one run of a real model, and one of its heads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ...page.guard import Json, Refusal
from ...page.scene import Unready
from ...page.texts import Words
from .inputs import Inputs, within
from .loads import Absent, Waiting, model_of
from .opened import Opened, labels
from .remarks import unknown
from .runs import Captured, capture


@dataclass(frozen=True, eq=False)
class Study:
    """plain: the untouched run; shown: the run that the pictures show, changed or not; opened: the
    open head of it, as it is shown."""

    inputs: Inputs
    plain: Captured
    shown: Captured
    opened: Opened


def look(inputs: Inputs, code: str, logits: bool = False) -> Captured:
    """The untouched run behind these inputs, once the open head is known to be one of its.

    code: the snippet that is shown while the model is on its way.
    """
    try:
        plain = capture(
            inputs.model, inputs.text, inputs.pair, side=inputs.side, hidden=inputs.hide_special,
            logits=logits,
        )  # fmt: skip
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


def results(s: Study) -> Json:
    """Plain numbers for the API: tokens, and the open head's weights."""
    inputs, shown = s.inputs, s.shown
    return {
        "model": inputs.model,
        "layers": len(s.plain.layers),
        "heads": s.plain.model.num_heads,
        "layer": inputs.layer,
        "head": inputs.head,
        "tokens": list(shown.tokens.tokens),
        "special": list(shown.tokens.special),
        "rows": labels(shown, s.opened.rows),
        "columns": labels(shown, s.opened.columns),
        "weights": s.opened.weights.tolist(),
    }


def notices(s: Study, words: Words) -> list[str]:
    """What was hidden, and so renormalised; what the model cannot read; that no GPU was lent."""
    found = [words("heads.hidden")] if s.opened.hidden else []
    found += unknown(s.inputs, s.plain, words)
    return found + ([words("heads.no_gpu")] if s.plain.no_gpu else [])
