"""Fewer keys than queries: what a cache saves by it, and what a model that was not retrained loses."""

from __future__ import annotations

from ....page.guard import Json, Refusal
from ....page.scene import Place, Scene, Task
from ....page.sheet import Sheet, show
from ....page.texts import Words
from ..inputs import Inputs
from ..models import ready
from ..plain import shared
from .pictures import panels
from .sheets import bytes_sheet, cosine_sheet, word_sheet
from .study import Study, name_of, snippet, study

LITTLE = 0.5  # of what the untouched model has: less than this counts as lost


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The bytes of a form, or the number that says what it kept."""
    if place.panel != "forms":
        raise Refusal("no_such_cell")
    place.within(len(s.forms), 2)
    form = s.forms[place.row]
    name = name_of(form, s.own, s.heads, words)
    if place.column == 0:
        return bytes_sheet(
            words, name, form.kind, form.size, s.model.num_layers, s.d, form.bytes, s.whole.bytes
        )
    if s.writes:
        return word_sheet(words, name, s.model, form.answer, int(s.whole.answer.argmax()))
    return cosine_sheet(words, name, s.whole.answer, form.answer)


def results(s: Study) -> Json:
    """Plain numbers for the API: every form's bytes and what it kept."""
    return {
        "tokens": s.tokens,
        "query_heads": s.heads,
        "key_heads": s.own,
        "measure": ("probability" if s.writes else "cosine"),
        "next_word": s.word,
        "forms": [
            {"kind": form.kind, "size": form.size, "bytes_per_token": form.bytes, "kept": form.kept}
            for form in s.forms
        ],
        "chosen": {"kind": s.chosen.kind, "size": s.chosen.size},
    }


def tasks(s: Study, words: Words) -> list[Task]:
    """What one key head leaves of the bytes, what it loses, and who reads whom."""
    one = next(form for form in s.forms if form.kind == "shared" and form.size == 1)
    veiled = ["forms", "bytes", "curve"]
    groups = s.chosen.size if s.chosen.kind == "shared" else s.own
    found = [
        Task(
            "bytes",
            words("cost.share_task_bytes", heads=s.own, bytes=f"{s.whole.bytes:,}"),
            one.bytes,
            words(
                "cost.share_task_bytes_why",
                layers=s.model.num_layers,
                d=s.d,
                bytes=f"{one.bytes:,}",
                heads=s.own,
            ),
            tolerance=0.5,
            hides=veiled,
        ),
        Task(
            "kept",
            words("cost.share_task_word" if s.writes else "cost.share_task_cosine", word=s.word),
            one.kept,
            words(
                f"cost.share_task_kept_{'why' if one.kept < LITTLE * s.whole.kept else 'much'}",
                kept=show(one.kept),
                whole=show(s.whole.kept),
            ),
            tolerance=0.15,
            hides=[*veiled, "next"],
        ),
        Task(
            "readers",
            words("cost.share_task_readers", heads=s.heads, groups=groups),
            s.heads / groups,
            words("cost.share_task_readers_why", heads=s.heads, groups=groups, each=s.heads // groups),
            tolerance=0.01,
            hides=["heads"],
        ),
    ]
    halves = [form for form in s.forms if form.bytes * 2 == s.whole.bytes]
    if len({form.kind for form in halves}) == 2:
        kept = {form.kind: form.kept for form in halves}
        found.append(
            Task(
                "half",
                words("cost.share_task_half"),
                0 if kept["shared"] > kept["latent"] else 1,
                words(
                    "cost.share_task_half_why",
                    shared=f"{kept['shared']:.3f}",
                    latent=f"{kept['latent']:.3f}",
                    rank=s.own * s.d,
                    whole=f"{s.whole.kept:.3f}",
                ),
                [words("cost.share_task_half_shared"), words("cost.share_task_half_latent")],
                hides=veiled,
            )
        )
    return found


def notices(s: Study, words: Words) -> list[str]:
    """What was cut off, what was rounded, and what this model cannot do."""
    found = [words("cost.cut")] if s.cut else []
    if s.inputs.form == "latent" and not s.latent:
        found.append(words("cost.share_no_latent"))
    if s.chosen.kind == "shared" and s.inputs.form == "shared" and s.chosen.size != s.inputs.groups:
        found.append(words("cost.share_rounded", asked=s.inputs.groups, heads=s.own, groups=s.chosen.size))
    return found


SCENE: Scene[Inputs, Study] = Scene(
    fields=("model", "sentence", "form", "groups", "rank"),
    study=study,
    panels=panels,
    sheet=sheet,
    snippet=snippet,
    results=results,
    tasks=tasks,
    notices=notices,
    ready=lambda inputs, seconds: ready(inputs.model, seconds),
    plain=shared,
)
