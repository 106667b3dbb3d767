"""Marks that speak of distance: ALiBi's penalty, and rotary hands made slower for a longer text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ....distance import (
    alibi_bias,
    alibi_by_distance,
    alibi_slopes,
    linear_frequencies,
    ntk_frequencies,
    rotary_by_distance,
    turns_within,
    yarn_attention,
    yarn_frequencies,
)
from ....position import frequencies
from ...page.panels import Axis, Heatmap, Look, Panel, Scale, heading
from ...page.plots import Curve, Plot
from ...page.scene import Goal, Place, Task
from ...page.sheet import Section, Sheet, show
from ...page.texts import Words
from .study import SCALINGS, Study

BACK = 4  # places, in the question about ALiBi
ROLES = ("accent", "data", "truth", "muted")


def slowed(s: Study, kind: str) -> Tensor:
    """The hands' frequencies (d/2,) after one kind of scaling; the text is ``factor`` times as long."""
    d, factor = s.inputs.d, float(s.inputs.factor)
    if kind == "linear":
        return linear_frequencies(d, factor)
    return ntk_frequencies(d, factor) if kind == "ntk" else yarn_frequencies(d, factor, s.inputs.length)


def able(s: Study) -> bool:
    """Whether there are two whole hands at least, a fastest and a slowest."""
    return s.inputs.d % 2 == 0 and s.inputs.d >= 4


def far_panels(s: Study, words: Words) -> list[Panel]:
    """A penalty for every step of distance; then hands that turn on beyond what training met."""
    top = heading(words("positions.step_alibi"), words("positions.step_alibi_text"))
    return [top, penalties(s, words), fading(s, words), *(scaled_panels(s, words) if able(s) else [])]


def biases(s: Study) -> Tensor:
    """(heads, length): what ALiBi takes off the score of a key so far back."""
    return alibi_bias(1, s.inputs.length, s.inputs.heads)[:, 0].flip(-1)


def heads_of(s: Study, words: Words) -> list[str]:
    return [words("positions.head", number=i + 1) for i in range(s.inputs.heads)]


def penalties(s: Study, words: Words) -> Heatmap:
    table = biases(s)
    distances = [str(k) for k in range(s.inputs.length)]
    return Heatmap(
        "alibi", words("positions.alibi"), table, Axis(heads_of(s, words)),
        Axis(distances, words("positions.back")), Scale(min(table.min().item(), -1e-6), 0.0),
        Look(wide=True), words("positions.alibi_caption"),
    )  # fmt: skip


def fading(s: Study, words: Words) -> Plot:
    """What is left of a weight, by distance, in up to four heads."""
    slopes, names = alibi_slopes(s.inputs.heads).tolist(), heads_of(s, words)
    shown = sorted({round(i * (len(slopes) - 1) / 3) for i in range(4)})
    back = torch.linspace(0, max(s.inputs.length - 1, 1), 4 * max(s.inputs.length - 1, 1) + 1)
    curves = [Curve(names[at], "line", back, alibi_by_distance(back, slopes[at]), role)
              for at, role in zip(shown, ROLES, strict=False)]  # fmt: skip
    return Plot("fading", words("positions.fading"), curves, words("positions.back"),
                words("positions.fading_y"), words("positions.fading_caption"))  # fmt: skip


def scaled_panels(s: Study, words: Words) -> list[Panel]:
    """By what each hand is slowed, and the score over a distance that training never met."""
    plain, length, factor = frequencies(s.inputs.d), s.inputs.length, s.inputs.factor
    kinds = [words(f"positions.scaling.{kind}") for kind in SCALINGS]
    table = torch.stack([plain / slowed(s, kind) for kind in SCALINGS]).float()
    hands = [str(i) for i in range(len(plain))]
    met, beyond = span(0, length - 1), span(length - 1, factor * length)
    whole = span(0, factor * length)
    kind = s.inputs.scaling
    loud = yarn_attention(factor) ** 2 if kind == "yarn" else 1.0
    facts = {"length": length, "far": factor * length, "factor": factor}
    return [
        heading(words("positions.step_scaling"), words("positions.step_scaling_text", **facts)),
        Heatmap("slowed", words("positions.slowed"), table, Axis(kinds),
                Axis(hands, words("positions.hand_axis")), Scale(1.0, float(factor)), Look(wide=True),
                words("positions.slowed_caption", **facts)),
        Plot("stretch", words("positions.stretch"), [
            Curve(words("positions.stretch_met"), "line", met, rotary_by_distance(met, plain), "data"),
            Curve(words("positions.stretch_beyond"), "line", beyond, rotary_by_distance(beyond, plain),
                  "truth"),
            Curve(kinds[SCALINGS.index(kind)], "line", whole,
                  loud * rotary_by_distance(whole, slowed(s, kind)), "accent"),
        ], words("positions.stretch_x"), words("positions.stretch_y"),
             words(f"positions.stretch_{kind}", loud=f"{loud:.2f}", **facts), wide=True),
    ]  # fmt: skip


def span(first: int, last: int) -> Tensor:
    """Distances from first to last, four points each."""
    return torch.linspace(first, last, 4 * max(last - first, 0) + 1)


# -- sheets ----------------------------------------------------------------------------------------


def alibi_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A penalty: the head's slope times the distance, and what it makes of a weight."""
    slope = alibi_slopes(s.inputs.heads)[place.row].item()
    penalty = biases(s)[place.row, place.column].item()
    lines = [
        (words("positions.slope"), f"2^(-{-math.log2(slope):g})", show(slope, 8)),
        (words("positions.penalty"), f"-{show(slope, 8)} × {place.column}", show(penalty)),
        (words("positions.times"), f"exp({show(penalty)})", show(math.exp(penalty))),
    ]
    title = words("positions.alibi_of", number=place.row + 1, back=place.column)
    return Sheet(title, [Section(text=words("positions.alibi_sheet"), lines=lines)])


def slowed_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A hand's frequency before and after, and where it stands at the far end."""
    d, i, factor, length = s.inputs.d, place.column, s.inputs.factor, s.inputs.length
    kind = SCALINGS[place.row]
    before, after = frequencies(d)[i].item(), slowed(s, kind)[i].item()
    lines = [(words("positions.frequency"), f"10000^(-{2 * i}/{d})", show(before, 8))]
    if kind == "linear":
        lines.append((words("positions.slower"), f"{show(before, 8)} / {factor}", show(after, 8)))
    elif kind == "ntk":
        base = 10000 * factor ** (d / (d - 2))
        lines += [
            (words("positions.base"), f"10000 × {factor}^({d}/{d - 2})", show(base, 1)),
            (words("positions.slower"), f"{show(base, 1)}^(-{2 * i}/{d})", show(after, 8)),
        ]
    else:
        turns = turns_within(frequencies(d), length)[i].item()
        share = (1 - after / before) / (1 - 1 / factor)
        lines += [
            (words("positions.turns", length=length), f"{show(before, 8)} × {length} / 2π", show(turns)),
            (words("positions.slow_share"), "", show(share)),
            (words("positions.slower"),
             f"{show(before, 8)} × ({show(1 - share)} + {show(share)} / {factor})", show(after, 8)),
        ]  # fmt: skip
    lines += [
        (words("positions.slowed_by"), f"{show(before, 8)} / {show(after, 8)}", show(before / after)),
        (words("positions.angle_at", place=factor * length), f"{factor * length} × {show(after, 8)}",
         show(factor * length * after)),
        (words("positions.angle_met", place=length), f"{length} × {show(before, 8)}", show(length * before)),
    ]  # fmt: skip
    title = words("positions.slowed_of", number=i, kind=words(f"positions.scaling.{kind}"))
    return Sheet(title, [Section(text=words(f"positions.slowed_{kind}"), lines=lines)])


# -- questions, code -------------------------------------------------------------------------------


def far_tasks(s: Study, words: Words) -> list[Task | Goal]:
    """What is left of a weight; a scaling that keeps the near and reaches the far."""
    slope = alibi_slopes(s.inputs.heads)[0].item()
    left = math.exp(-slope * BACK)
    values = {"heads": s.inputs.heads, "slope": f"{slope:g}", "back": BACK}
    found: list[Task | Goal] = [
        Task("fade", words("positions.task_fade", **values), left,
             words("positions.task_fade_why", penalty=f"{slope * BACK:g}", left=show(left, 3)),
             tolerance=0.02, hides=["fading", "alibi"]),
    ]  # fmt: skip
    return [*found, stretching(s, words)] if able(s) else found


def stretching(s: Study, words: Words) -> Goal:
    """The fastest hand as it was, the slowest no farther round than training saw it."""
    ratio = frequencies(s.inputs.d) / slowed(s, s.inputs.scaling)
    first, last, factor = ratio[0].item(), ratio[-1].item(), s.inputs.factor
    values = {"first": show(first, 2), "last": show(last, 2), "factor": factor,
              "length": s.inputs.length, "far": factor * s.inputs.length}  # fmt: skip
    reached = abs(first - 1) < 1e-6 and abs(last - factor) < 1e-6 * factor
    return Goal("stretch", words("positions.goal_stretch", **values), reached,
                words("positions.goal_stretch_now", **values),
                words("positions.goal_stretch_why", **values))  # fmt: skip


def far_snippet(s: Study) -> str:
    """Lines that print the penalties and the slowed hands."""
    inputs = s.inputs
    given = {"linear": f"({inputs.d}, {inputs.factor})", "ntk": f"({inputs.d}, {inputs.factor})",
             "yarn": f"({inputs.d}, {inputs.factor}, {inputs.length})"}[inputs.scaling]  # fmt: skip
    names = ["alibi_bias", *([f"{inputs.scaling}_frequencies"] if able(s) else [])]
    lines = [
        f"from attention.distance import {', '.join(names)}",
        f"print(alibi_bias(1, {inputs.length}, {inputs.heads})[:, 0].flip(-1))    # a row a head",
    ]
    if able(s):
        lines.append(f"print({inputs.scaling}_frequencies{given})    # the hands, slowed")
    return "\n".join(lines) + "\n"


def far_plain(s: Study) -> str:
    """The same two in PyTorch alone; d and angles as the program above has them."""
    heads, length, factor = s.inputs.heads, s.inputs.length, s.inputs.factor
    whole = 2 ** int(math.log2(heads))
    found = f"""
slopes = [2 ** (-8 * (i + 1) / {whole}) for i in range({whole})]
slopes += [2 ** (-4 * (2 * i + 1) / {whole}) for i in range({heads - whole})]
print(-torch.tensor(slopes)[:, None] * torch.arange({length}))    # ALiBi, by distance
"""
    if not able(s):
        return found
    ways: dict[str, Sequence[str]] = {
        "linear": [f"slowed = 10000.0 ** (-pair / d) / {factor}"],
        "ntk": [f"slowed = (10000.0 * {factor} ** (d / (d - 2))) ** (-pair / d)"],
        "yarn": [
            "def pair_of(turns):    # the pair that turns so often within the training length",
            f"    return d * math.log({length} / (2 * math.pi * turns)) / (2 * math.log(10000))",
            "first, last = max(math.floor(pair_of(32)), 0), min(math.ceil(pair_of(1)), d - 1)",
            "share = ((pair / 2 - first) / max(last - first, 0.001)).clamp(0, 1)",
            f"slowed = 10000.0 ** (-pair / d) * (1 - share + share / {factor})",
        ],
    }
    start = "import math\n" if s.inputs.scaling == "yarn" else ""
    lines = ["pair = torch.arange(0, d, 2, dtype=torch.float64)", *ways[s.inputs.scaling],
             "print(slowed)    # the hands, slowed"]  # fmt: skip
    return found + start + "\n".join(lines) + "\n"
