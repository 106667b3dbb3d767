"""Heatmaps for a notebook, a slide or a file, drawn by matplotlib.

The live page paints its own canvas from the bytes of :mod:`attention.export.packing`, whose names are
handed on here. No pyplot and no rcParams, because both are shared between threads. matplotlib is
imported when the first picture is drawn.

>>> import torch
>>> figure = show_heatmaps(torch.eye(4)[None, None], xlabel="Keys", ylabel="Queries")
>>> figure.axes[0].get_xlabel()
'Keys'
"""

from __future__ import annotations

import functools
import io
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..typed import visible
from .packing import (
    Packed,
    check_finite,
    check_labels,
    exponent_of,
    pack,
    pack_floats,
    pack_overview,
    to_csv,
    to_npz,
)

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "Packed", "check_finite", "clean_label", "pack", "pack_floats", "pack_overview", "save_figure",
    "show_heatmaps", "to_csv", "to_npz",
]  # fmt: skip

LONGEST_LABEL = 24  # characters; a label of 10,000 makes a picture of 70,016 pixels
LONGEST_TITLE = 60
HOLE = "#ffd6d6"  # a cell that holds no number
MOST_LABELS = 64  # on one axis; beyond that every second, third ... is written
# The first one installed serves the letters that DejaVu Sans lacks.
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "PingFang SC",
    "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "Noto Serif CJK SC", "Noto Serif CJK JP", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip


def clean_label(label: object, longest: int = LONGEST_LABEL) -> str:
    """A label fit for drawing: at most 24 characters, one line, what would draw nothing in sight."""
    text = visible(str(label)[: longest + 1])
    text = "".join(letter if letter.isprintable() else "·" for letter in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def show_heatmaps(
    matrices: Tensor,
    xlabel: str,
    ylabel: str,
    titles: Sequence[str] | None = None,
    figsize: tuple[float, float] = (2.5, 2.5),
    cmap: str = "Blues",
    *,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
) -> Figure:
    """A grid of heatmaps with one colour scale and one colour bar.

    matrices (rows, columns, queries, keys); titles one per column; figsize of the whole figure in
    inches; row_labels one per query, column_labels one per key. The scale starts at 0 unless there
    are negative cells. Returns a matplotlib Figure, which shows itself as the last line of a
    notebook cell. Raises ``ValueError`` for another shape, NaN, or labels that do not fit.
    """
    matrices = check_finite(matrices, dimensions=4)
    rows, columns, n, m = matrices.shape
    check_labels("titles", titles, columns)
    check_labels("row_labels", row_labels, n)
    check_labels("column_labels", column_labels, m)
    figure = figure_class()(figsize=figsize, layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    low, high = min(0.0, matrices.min().item()), matrices.max().item()
    for i in range(rows):
        for j in range(columns):
            axes = grid[i, j]
            image = axes.imshow(matrices[i, j].numpy(), cmap=cmap, vmin=low, vmax=high)
            if i == rows - 1:
                axes.set_xlabel(clean_label(xlabel, LONGEST_TITLE), **text_style())
                label_axis(axes.xaxis, column_labels, rotation=90)
            if j == 0:
                axes.set_ylabel(clean_label(ylabel, LONGEST_TITLE), **text_style())
                label_axis(axes.yaxis, row_labels)
            if titles is not None:
                axes.set_title(clean_label(titles[j], LONGEST_TITLE), **text_style())
    figure.colorbar(image, ax=grid, shrink=0.6)
    return figure


def save_figure(
    matrix: Tensor,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    title: str = "",
    format: str = "png",
    *,
    xlabel: str = "keys",
    ylabel: str = "queries",
    cmap: str = "Blues",
    gamma: str = "linear",
    diverging: bool = False,
    holes: bool = False,
) -> bytes:
    """One labelled heatmap as the bytes of a file, format "png" (144 dpi) or "svg".

    matrix (queries, keys). Up to 64 tokens every one is written, beyond that evenly thinned.
    gamma "sqrt" lifts small weights, as the page does. diverging: blue below 0, red above, white at
    0. holes: NaN and infinity are allowed, and drawn in the page's pink. In SVG the letters are
    drawn as paths, so it looks alike without the fonts, and a label can never become markup.
    Raises ``ValueError`` for another format, NaN without holes, or labels that do not fit.
    """
    matrix = check_finite(matrix, dimensions=2, holes=holes)
    n, m = matrix.shape
    check_labels("row_labels", row_labels, n)
    check_labels("column_labels", column_labels, m)
    from matplotlib import colormaps
    from matplotlib.colors import PowerNorm

    side = 0.19  # inches a cell, room for 7 pt letters
    width, height = (min(MOST_LABELS * side, max(2.5, count * side)) + 1.5 for count in (m, n))
    figure = figure_class()(figsize=(width, height), dpi=144)
    axes = figure.subplots()
    finite = matrix[matrix.isfinite()] if holes else matrix
    low, high = (min(0.0, finite.min().item()), finite.max().item()) if finite.numel() else (0.0, 1.0)
    if diverging:
        high = max(-low, high)
        low = -high
    norm = PowerNorm(exponent_of(gamma), vmin=low, vmax=high if high > low else low + 1)
    colours = colormaps["RdBu_r" if diverging else cmap].with_extremes(bad=HOLE)
    cells = matrix.where(matrix.isfinite(), torch.nan).numpy()
    image = axes.imshow(cells, cmap=colours, norm=norm, interpolation="nearest")
    label_axis(axes.xaxis, column_labels, size=7, rotation=90)
    label_axis(axes.yaxis, row_labels, size=7)
    axes.set_xlabel(clean_label(xlabel, LONGEST_TITLE), **text_style())
    axes.set_ylabel(clean_label(ylabel, LONGEST_TITLE), **text_style())
    if title:
        axes.set_title(clean_label(title, LONGEST_TITLE), **text_style())
    figure.colorbar(image, ax=axes, shrink=0.8)
    return to_bytes(figure, format)


def to_bytes(figure: Figure, format: str, tight: bool = True) -> bytes:
    """A figure as the bytes of a file, "png" or "svg"; the same figure gives the same bytes.

    tight: cut to what is drawn, which may lie beyond the figure's edges.
    """
    if format not in ("png", "svg"):
        raise ValueError(f'format must be "png" or "svg", got {format!r}')
    buffer = io.BytesIO()
    metadata = {"Date": None} if format == "svg" else None
    figure.savefig(buffer, format=format, bbox_inches="tight" if tight else None, metadata=metadata)
    return _number_names(buffer.getvalue()) if format == "svg" else buffer.getvalue()


def _number_names(svg: bytes) -> bytes:
    """The same drawing with its parts named in the order in which they appear.

    matplotlib names them by chance (``m3f0a...``); its setting for that is shared between threads.
    """
    found: list[bytes] = re.findall(rb' id="([A-Za-z]+[0-9a-f]{10})"', svg)
    numbered = {name: name[:-10] + b"-%d" % i for i, name in enumerate(dict.fromkeys(found), 1)}
    use = rb'( id="|xlink:href="#|url\(#)([A-Za-z]+[0-9a-f]{10})(?=["\)])'

    def renamed(place: re.Match[bytes]) -> bytes:
        before, name = place.groups()
        return bytes(before + numbered.get(name, name))

    return re.sub(use, renamed, svg)


@functools.cache
def figure_class() -> type[Figure]:
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        """A Figure that needs no pyplot to appear in a notebook."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=144, bbox_inches="tight")
            return buffer.getvalue()

    return NotebookFigure


@functools.cache
def _font_families() -> list[str]:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}  # naming others logs a line per text
    return ["DejaVu Sans", *[name for name in CJK_FONTS if name in installed][:1]]


def text_style(size: float = 9) -> dict[str, Any]:
    """Options of every piece of text: no formulas ("$x^2^2$" would raise), letters of all kinds."""
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family=_font_families(), size=size)
    return {"parse_math": False, "fontproperties": font}


def label_axis(axis: Axis, labels: Sequence[str] | None, size: float = 7, rotation: float = 0) -> None:
    """Write labels along one axis, thinned to 64."""
    if labels is None:
        return
    places = range(0, len(labels), math.ceil(len(labels) / MOST_LABELS))
    words = [clean_label(labels[place]) for place in places]
    axis.set_ticks(list(places), words, rotation=rotation, **text_style(size))
