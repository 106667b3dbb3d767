"""Lines, points and bars as a file: the curves of a page, drawn by matplotlib for a slide.

The page draws its own from the same numbers (assets/view/panels/plot.js); colours, dashes and signs agree.

>>> picture = save_plot([Series("loss", "line", [0, 1, 2], [3.0, 2.0, 1.5])], "Loss", "svg")
>>> picture[:5]
b'<?xml'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .cells import NOTE, SOFT, lines_of
from .heatmap import LONGEST_TITLE, clean_label, figure_class, label_axis, text_style, to_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"accent": "#4338ca", "data": "#475569", "truth": "#b45309", "muted": "#94a3b8"}
ROLES = tuple(COLOURS)
DASHES = {"accent": "-", "data": (0, (1, 2)), "truth": (0, (4, 2.5)), "muted": (0, (1, 4))}
# of a second, third ... line of one role
REPEATED = ((0, (6, 3, 1, 3)), (0, (12, 4)), (0, (3, 3)), (0, (1, 2)))
SIGNS = {"accent": "s", "data": "o", "truth": "^", "muted": "."}
ABOVE = {"bars": 1, "points": 2, "line": 3}  # what is drawn over what
ENTRY = 0.17  # inches, a line of the legend
MOST_POINTS = 100_000  # beyond that a file opens nowhere


class Series(NamedTuple):
    """k points: ``kind`` is "line", "points" or "bars"; ``role`` picks colour, dash and sign.

    A y that is NaN is a gap. An unknown role is taken in the order of the series.
    """

    name: str
    kind: str
    x: Sequence[float]
    y: Sequence[float]
    role: str = ""


def save_plot(
    series: Sequence[Series],
    title: str = "",
    format: str = "png",
    *,
    xlabel: str = "",
    ylabel: str = "",
    log_x: bool = False,
    x_names: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    digits: int | None = None,
) -> bytes:
    """Series over x as the bytes of a file, format "png" (144 dpi) or "svg".

    x_names: one word for each x = 0, 1, 2, ..., written in place of the numbers. Names and words
    are drawn as they are typed, cut as in save_figure. notes: paragraphs below the picture.
    digits: decimals of the number at the end of each bar, None for no numbers.
    Raises ``ValueError`` for another format or kind, x and y of different lengths, or no point.
    """
    _check(series)
    count = len(x_names) if x_names is not None else 0
    wide = max(6.4, min(count, 64) * 0.19 + 1.5)
    written = lines_of(notes, wide)
    foot = NOTE * len(written) + 0.14  # inches, below the legend
    named = ENTRY * sum(bool(one.name) for one in series)
    tall = 4.5 + foot + named
    figure = figure_class()(figsize=(wide, tall), dpi=144)
    share = (foot + named) / tall
    figure.set_layout_engine("constrained", rect=(0.0, share, 1.0, 1 - share))
    axes = figure.subplots()
    if log_x:
        axes.set_xscale("log")
    bars = [one for one in series if one.kind == "bars"]
    drawn: list[Any] = []  # one artist a series
    count_of: dict[tuple[str, str], int] = {}  # series so far of a role and kind
    for place, one in enumerate(series):
        role = one.role if one.role in COLOURS else ROLES[place % len(ROLES)]
        repeat = count_of[role, one.kind] = count_of.get((role, one.kind), -1) + 1
        style: dict[str, Any] = {"color": COLOURS[role], "zorder": ABOVE[one.kind]}
        x, y = (np.asarray(side, dtype=float) for side in (one.x, one.y))
        if one.kind == "line":
            dash = REPEATED[(repeat - 1) % len(REPEATED)] if repeat else DASHES[role]
            drawn += axes.plot(x, y, linestyle=dash, linewidth=2, **style)
        elif one.kind == "points":
            drawn += axes.plot(x, y, linestyle="", marker=SIGNS[role], markersize=5, **style)
        else:
            slot = 0.78 * _gap(bars)
            left = x - slot / 2 + (bars.index(one) + 0.5) * slot / len(bars)
            drawn.append(axes.bar(left, y, slot / len(bars), alpha=0.75, **style))
            if digits is not None:
                axes.bar_label(drawn[-1], fmt=f"{{:.{digits}f}}", padding=2, **text_style(8))
    if x_names is not None:
        label_axis(axes.xaxis, x_names, size=7, rotation=90 if count > 4 else 0)
    axes.set_xlabel(clean_label(xlabel, LONGEST_TITLE), **text_style())
    axes.set_ylabel(clean_label(ylabel, LONGEST_TITLE), **text_style())
    if title:
        axes.set_title(clean_label(title, LONGEST_TITLE), **text_style())
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    _legend(figure, drawn, [one.name for one in series], foot / tall)
    for k, line in enumerate(reversed(written)):
        height = (0.08 + (k + 0.5) * NOTE) / tall
        figure.text(0.1 / wide, height, line, va="center", color=SOFT, **text_style(7))
    return to_bytes(figure, format, tight=False)


def _check(series: Sequence[Series]) -> None:
    lengths = [(len(one.x), len(one.y)) for one in series]
    if any(x != y for x, y in lengths):
        raise ValueError(f"every series needs one y for each x, got (x, y) lengths {lengths}")
    if not 0 < sum(x for x, _ in lengths) <= MOST_POINTS:
        raise ValueError(f"a plot has 1 to {MOST_POINTS} points, got lengths {lengths}")
    kinds = {one.kind for one in series}
    if not kinds <= ABOVE.keys():
        raise ValueError(f"kind must be one of {', '.join(ABOVE)}, got {sorted(kinds)}")


def _gap(bars: Sequence[Series]) -> float:
    """The smallest distance between neighbours of one series, 1 where nothing has a neighbour."""
    gaps = [np.diff(np.unique(one.x)) for one in bars]
    return min((gap.min() for gap in gaps if gap.size), default=1.0)


def _legend(figure: Figure, drawn: list[Any], names: Sequence[str], foot: float) -> None:
    """A legend under the picture, where it covers nothing; foot: where it begins, from 0 to 1.

    The names come last: matplotlib would skip one that begins with "_" and read formulas.
    """
    named = [(art, name) for art, name in zip(drawn, names, strict=True) if name]
    if not named:
        return
    style = text_style(8)
    legend = figure.legend(
        [art for art, _ in named], [str(i) for i in range(len(named))], frameon=False,
        loc="lower left", prop=style["fontproperties"], bbox_to_anchor=(0.012, foot),
        borderaxespad=0.0, borderpad=0.2, labelspacing=0.4,
    )  # fmt: skip
    for text, (_, name) in zip(legend.get_texts(), named, strict=True):
        text.set_parse_math(style["parse_math"])
        text.set_text(clean_label(name, LONGEST_TITLE))
