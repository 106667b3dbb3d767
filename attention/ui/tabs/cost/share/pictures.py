"""The pictures of the share scene: who reads whose keys, bytes against damage, what came out."""

from __future__ import annotations

import torch

from ....page.panels import Axis, Heatmap, Look, Panel, Readouts, heading
from ....page.plots import Curve, PairBars, Plot
from ....page.texts import Words
from ..models import names_of
from .kinds import SharedHeads
from .study import OTHERS, Study, name_of, others_of, proof


def panels(s: Study, words: Words) -> list[Panel]:
    """Who reads whose keys; bytes against damage; what came out; the latent form's rotary part."""
    names = [name_of(form, s.own, s.heads, words) for form in s.forms]
    share = s.chosen.bytes / s.whole.bytes
    measure = words("cost.share_probability" if s.writes else "cost.share_cosine")
    matrix = torch.tensor([[form.bytes / s.whole.bytes, max(form.kept, 0.0)] for form in s.forms])
    cells = [[f"{form.bytes:,} B · {form.bytes / s.whole.bytes:.0%}", f"{form.kept:.4f}"] for form in s.forms]
    text = words(
        "cost.share_word_text" if s.writes else "cost.share_vector_text",
        share=f"{share:.0%}", kept=f"{s.chosen.kept:.3f}", word=s.word,
    )  # fmt: skip
    tail = "whole" if s.chosen is s.whole else s.chosen.kind
    short = words("cost.share_probability_column" if s.writes else "cost.share_cosine_column")
    return [
        heading(
            words("cost.share_title", name=names[s.forms.index(s.chosen)]),
            f"{text} {words(f'cost.share_tail_{tail}')}",
        ),
        SharedHeads(
            "heads",
            words("cost.share_heads"),
            s.heads,
            s.chosen.size if s.chosen.kind == "shared" else 0,
            s.chosen.size,
            names[s.forms.index(s.chosen)],
            [words("cost.share_queries"), words("cost.share_keys"), words("cost.share_vector")],
            words(
                "cost.share_heads_latent" if s.chosen.kind == "latent" else "cost.share_heads_caption",
                each=s.heads // s.chosen.size if s.chosen.kind == "shared" else s.chosen.size,
            ),
        ),
        PairBars(
            "bytes",
            words("cost.share_bytes"),
            names,
            [(words("cost.share_bytes_token"), [float(form.bytes) for form in s.forms])],
            words("cost.share_bytes_caption" if s.writes else "cost.share_bytes_encoder"),
            0,
        ),
        heading(words("cost.share_damage"), words("cost.share_damage_text")),
        Plot(
            "curve",
            words("cost.share_curve"),
            curves(s, words),
            words("cost.share_bytes_token"),
            measure,
            words("cost.share_curve_caption"),
        ),
        Heatmap(
            "forms",
            words("cost.share_forms"),
            matrix,
            Axis(names, words("cost.share_form")),
            Axis([words("cost.share_left_column"), short]),
            look=Look(cells=cells),
            caption=words("cost.share_forms_caption"),
        ),
        *outcome(s, words),
        *latent_panels(s, words),
    ]


def curves(s: Study, words: Words) -> list[Curve]:
    """Bytes against likeness, a curve for each kind, the chosen form as a point of its own."""
    found = []
    for kind, role in (("shared", "accent"), ("latent", "truth")):
        points = [(form.bytes, form.kept) for form in s.forms if form.kind == kind]
        if points:
            x, y = torch.tensor(points, dtype=torch.float32).T
            found.append(Curve(words(f"cost.share_{kind}"), "line", x, y, role))
    here = torch.tensor([s.chosen.bytes]).float(), torch.tensor([s.chosen.kept])
    return [*found, Curve(words("cost.share_here"), "points", *here, "data")]


def outcome(s: Study, words: Words) -> list[Panel]:
    """The likeliest next words before and after; or how like other sentences the vector is."""
    before, after = s.whole.answer, s.chosen.answer
    series_names = words("cost.share_before"), words("cost.share_after")
    if s.writes:
        p, q = before.softmax(-1), after.softmax(-1)
        top = list(dict.fromkeys([*p.topk(4).indices.tolist(), *q.topk(3).indices.tolist()]))
        series = [(series_names[0], p[top].tolist()), (series_names[1], q[top].tolist())]
        return [
            PairBars(
                "next",
                words("cost.share_next"),
                names_of(s.model, top),
                series,
                words("cost.share_next_caption"),
                3,
            )
        ]
    own = others_of(s.inputs.model, "shared", s.own)
    changed = others_of(s.inputs.model, s.chosen.kind, s.chosen.size)
    series = [
        (series_names[0], [max((before @ one).item(), 0.0) for one in own]),
        (series_names[1], [max((after @ one).item(), 0.0) for one in changed]),
    ]
    return [
        PairBars("next", words("cost.share_others"), OTHERS, series, words("cost.share_others_caption"), 3)
    ]


def latent_panels(s: Study, words: Words) -> list[Panel]:
    """What the latent form needs for positions, in this model's first layer; why a turned key has none."""
    title = words("cost.share_latent_title")
    if not s.latent:
        return [heading(title, words("cost.share_latent_rotary"))]
    found = proof(s.inputs.model, s.inputs.sentence, min(s.inputs.rank, s.own * s.d))
    items = [
        (words("cost.share_full"), f"{found['full']:.1e}", words("cost.share_full_note", rank=s.own * s.d)),
        (words("cost.share_absorbed"), f"{found['absorbed']:.1e}", words("cost.share_absorbed_note")),
        (
            words("cost.share_kept"),
            f"{found['kept']:.0f}",
            words("cost.share_kept_note", keys=f"{found['keys']:.0f}", rank=f"{found['kept'] - 8:.0f}"),
        ),
    ]
    return [
        heading(title, words("cost.share_latent_text")),
        Readouts("latent", items, words("cost.share_latent_proof"), wide=True),
    ]
