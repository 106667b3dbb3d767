"""A drawing of boxes, lines and words as a file: for pictures that are neither a heatmap nor a plot.

Places are in the pixels of the page's own picture, y downwards, so that a file shows what was seen.

>>> save_drawing((20, 10), [Box(0, 0, 20, 10, "#3730a3")], format="svg")[:5]
b'<?xml'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .cells import INK, SOFT, ramp, write_notes
from .heatmap import LONGEST_TITLE, clean_label, figure_class, text_style, to_bytes

LINE, ACCENT, WASH = "#d8dee9", "#3730a3", "#f5f7fb"  # the page's light colours (assets/view/view.css)
INCH = 96  # pixels
POINT = 0.72  # of a pixel's type size, in points
SIDE_LIMIT = 20_000  # pixels


class Box(NamedTuple):
    """A rectangle; fill or edge "" for none."""

    x: float
    y: float
    wide: float
    tall: float
    fill: str = ""
    edge: str = ""


class Line(NamedTuple):
    points: Sequence[tuple[float, float]]
    colour: str = LINE
    width: float = 1.0
    dashed: bool = False


class Label(NamedTuple):
    """Words on the baseline y. anchor: "left", "center" or "right" stands at x; turned: read
    upwards, from y on, its middle at x."""

    x: float
    y: float
    text: str
    anchor: str = "left"
    colour: str = INK
    size: float = 12.0
    bold: bool = False
    turned: bool = False


Item = Box | Line | Label


def tint(value: float, diverging: bool = True) -> str:
    """The page's colour of a value in [-1, 1], or in [0, 1]."""
    from matplotlib.colors import to_hex

    return str(to_hex(ramp(diverging)((value + 1) / 2 if diverging else value)))


def save_drawing(
    size: tuple[float, float], items: Sequence[Item], title: str = "", format: str = "png",
    notes: Sequence[str] = (),
) -> bytes:  # fmt: skip
    """Items in their order on a sheet of (width, height) pixels, as the bytes of "png" (144 dpi) or "svg".

    Whatever is typed is drawn as it is. Raises ``ValueError`` for another format, or a size outside.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    if not all(0 < side <= SIDE_LIMIT for side in size):
        raise ValueError(f"a drawing has sides above 0 and up to {SIDE_LIMIT} pixels, got {size}")
    wide, tall = size
    figure = figure_class()(figsize=(wide / INCH, tall / INCH), dpi=144)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, wide), ylim=(tall, 0))
    axes.set_axis_off()
    for at, item in enumerate(items):
        if isinstance(item, Box):
            patch = Rectangle((item.x, item.y), item.wide, item.tall)
            edge = item.edge or "none"
            axes.add_collection(
                PatchCollection(
                    [patch], facecolor=item.fill or "none", edgecolor=edge, linewidth=0.7, zorder=at
                )
            )
        elif isinstance(item, Line):
            x, y = zip(*item.points, strict=True)
            dash = (0, (2, 3)) if item.dashed else "-"
            axes.plot(x, y, color=item.colour, linewidth=item.width * POINT, linestyle=dash, zorder=at)
        else:
            style = text_style(item.size * POINT)
            style["fontproperties"].set_weight("bold" if item.bold else "normal")
            place = {"ha": "center", "va": "bottom", "rotation": 90} if item.turned else {
                "ha": item.anchor, "va": "baseline"}  # fmt: skip
            text = clean_label(item.text, LONGEST_TITLE)
            axes.text(item.x, item.y, text, color=item.colour, zorder=at, **place, **style)
    if title:
        figure.text(0, 1 + 8 / tall, clean_label(title, LONGEST_TITLE), va="bottom", color=INK,
                    **text_style(9.5))  # fmt: skip
    write_notes(figure, notes, wide / INCH, 0.12)
    return to_bytes(figure, format)


__all__ = ["ACCENT", "INK", "LINE", "SOFT", "WASH", "Box", "Item", "Label", "Line", "save_drawing", "tint"]
