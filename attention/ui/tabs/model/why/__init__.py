"""Why this word? The logit as a sum, heads replaced, a score's own parts, and what a head copies.

Four questions about one sentence, each by a page of its own: ``shares``, ``effects``, ``scores``, ``copies``.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....page.guard import Json, Refusal
from ....page.panels import Panel
from ....page.scene import Place, Scene
from ....page.sheet import Sheet
from ....page.texts import Words
from ..inputs import WHY
from ..plain import why
from . import chunks, copies, effects, scores, shares
from .study import Study, study
from .tasks import tasks

SHEETS = {
    "logit": shares.sheet, "lens": shares.sheet, "effect": effects.sheet, "share": effects.sheet,
    "grid": effects.sheet, "score": scores.sheet, "looks": copies.sheet, "writes": copies.sheet,
}  # fmt: skip


def panels(s: Study, words: Words) -> list[Panel]:
    """The four questions, one after the other."""
    return [
        *shares.panels(s, words), *effects.panels(s, words), *scores.panels(s, words),
        *copies.panels(s, words),
    ]  # fmt: skip


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of any picture that the model has."""
    able = {
        "score": True, "looks": copies.able(s), "writes": copies.able(s), "effect": True, "grid": True,
    }  # fmt: skip
    if place.panel not in SHEETS or not able.get(place.panel, s.speaks):
        raise Refusal("no_such_cell")
    return SHEETS[place.panel](s, words, place)


def notices(s: Study, words: Words) -> Sequence[str]:
    """Words that the model does not know; how long a large one takes."""
    unknown = s.model.tokenizer.unk_token_id
    found = []
    texts = [s.tokens.ids, *([] if s.other is None else [s.other.ids])]
    if unknown is not None and any(unknown in ids for ids in texts):
        found.append(words("model.why_unknown", sign=s.model.tokenizer.unk_token))
    return [*found, words("model.why_slow")] if s.long else found


def snippet(s: Study) -> str:
    """The shares, every head changed, and the parts of the score."""
    given = s.inputs
    other = f"tokenize(model, {given.other!r})" if s.other is not None else "None  # knock out"
    words = f", {s.target}, {s.instead}" if s.speaks else ""
    names = ["logit_parts"] if s.speaks else []
    lines = [
        f"from attention.circuits import {', '.join([*names, 'patch_grid', 'score_parts'])}",
        "from attention.pretrained import load_model, tokenize",
        "",
        f"model = load_model({given.model!r})",
        f"tokens = tokenize(model, {given.text!r})",
        f"other = {other}",
    ]
    if s.speaks:
        said = " - ".join(s.names)
        lines += [
            f"parts = logit_parts(model, tokens{words}, {given.convention!r})  # {said}",
            "print(parts.total)",
            "for part, share in zip(parts.parts, parts.values):",
            "    print(part, float(share))",
        ]
    cut = ", each_position=False" if s.long else ""
    lines += [
        f"grid = patch_grid(model, tokens, other{words}{cut})",
        "print(grid.whole)  # the change by each head (layers, heads)",
        f"score = score_parts(model, tokens, {given.layer}, {given.head}, {s.query}, {s.key})",
        "print(score.matrix, score.score)",
    ]
    return "\n".join(lines) + "\n"


def results(s: Study) -> Json:
    """Plain numbers for the API."""
    found: Json = {
        "model": s.model.name, "tokens": list(s.tokens.tokens), "layer": s.inputs.layer,
        "head": s.inputs.head, "query": s.query, "key": s.key,
        "score": s.score.score, "score_parts": s.score.matrix.tolist(),
        "changed": effects.value_of(s, s.patched), "unchanged": effects.value_of(s, s.patched, before=True),
    }  # fmt: skip
    if not s.long:
        found["effects"] = s.grid.whole.tolist()
    if s.speaks:
        found |= {
            "word": s.names[0], "instead": s.names[1], "difference": s.shares.total,
            "convention": s.inputs.convention,
            "parts": [[*part] for part in s.shares.parts], "shares": s.shares.values.tolist(),
        }  # fmt: skip
    return found


SCENE = Scene(
    fields=WHY, study=study, panels=panels, sheet=sheet, snippet=snippet, results=results, tasks=tasks,
    notices=notices, parts={"grid": effects.later, "tables": copies.later}, trainer=chunks.TRAINER,
    plain=why,
)  # fmt: skip
