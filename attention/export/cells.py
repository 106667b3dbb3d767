"""A heatmap as a file that looks like the page's: its colours, the numbers in its cells, its hatching.

The page draws its own from the same numbers (assets/view/panels); colours, inks and the labels that
are turned agree. Below the picture stand notes: what it is of, and the link that makes it again.

>>> save_cells(torch.eye(2), "ab", "ab", "Weights", "svg", cells=[["1", "0"], ["0", "1"]])[:5]
b'<?xml'
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .heatmap import LONGEST_TITLE, clean_label, figure_class, label_axis, text_style, to_bytes
from .packing import check_finite, check_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

# the page's two scales (assets/view/core/colours.js), low to high
SEQUENTIAL = ("#f6f8fc", "#c6dbef", "#6ba3d6", "#2166ac", "#082654")
DIVERGING = ("#1b5696", "#86b4da", "#f7f7f7", "#f4b06a", "#aa5206")
INK, SOFT, BAD, HOLE = "#1a2233", "#4a5568", "#9a3412", "#eef0ff"
SIDE, LETTER = 0.19, 0.062  # inches: a cell, a letter of 7 points
LARGEST = 64 * SIDE  # inches: beyond that cells become smaller
SHORT = 3  # letters that stand level over a cell where longer labels are turned
HATCHED = 4_000_000  # pixels of the hatching at most
NOTE, LONGEST_NOTE = 0.15, 1500  # inches a line; letters


class Range(NamedTuple):
    """What the colours mean: from low to high; diverging has white in the middle."""

    low: float = 0.0
    high: float = 1.0
    diverging: bool = False


SHARES = Range()


def save_cells(
    matrix: Tensor,
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    title: str = "",
    format: str = "png",
    *,
    xlabel: str = "",
    ylabel: str = "",
    scale: Range = SHARES,
    cells: Sequence[Sequence[str]] | None = None,
    masked: Tensor | None = None,
    sums: bool = False,
    notes: Sequence[str] = (),
) -> bytes:
    """One matrix (queries, keys) as the bytes of a file, format "png" (144 dpi) or "svg".

    cells: what is written in each cell, None for nothing. masked: bool (queries, keys), hatched.
    sums: the sum of each row at its end. notes: paragraphs below the picture. NaN and infinity are
    drawn as holes. Whatever is typed is drawn as it is: no formulas, no markup.
    Raises ``ValueError`` for another format, or labels that do not fit.
    """
    matrix = check_finite(matrix, dimensions=2, holes=True)
    n, m = matrix.shape
    check_labels("row_labels", row_labels, n)
    check_labels("column_labels", column_labels, m)
    check_labels("cells", cells, n)
    letters = max((len(text) for row in cells or () for text in row), default=0)
    cell = max(SIDE, LETTER * letters + 0.09), 0.27 if cells else SIDE
    width, height = (max(0.6, min(LARGEST, count * one)) for count, one in zip((m, n), cell, strict=True))
    figure = figure_class()(figsize=(width + 1.4, height), dpi=144)
    axes = figure.add_axes((0, 0, width / (width + 1.4), 1))
    colours = ramp(scale.diverging)
    norm = _norm(scale)
    shown = matrix.where(matrix.isfinite(), torch.nan).numpy()
    image = axes.imshow(shown, cmap=colours, norm=norm, interpolation="nearest", aspect="auto")
    if max(n, m) <= 64:  # hair lines between cells
        for draw, count in ((axes.axvline, m), (axes.axhline, n)):
            for place in range(1, count):
                draw(place - 0.5, color="white", linewidth=0.6)
    if masked is not None:
        _hatch(axes, masked.expand(n, m).bool().numpy(), width / m, height / n)
    if cells:
        _write(axes, cells, shown, colours(norm(shown)))
    if sums:
        _sums(figure, axes, matrix)
    _labels(axes, row_labels, column_labels, width / m)
    axes.set_xlabel(clean_label(xlabel, LONGEST_TITLE), color=SOFT, **text_style(8))
    axes.set_ylabel(clean_label(ylabel, LONGEST_TITLE), color=SOFT, **text_style(8))
    for side in axes.spines.values():
        side.set_visible(False)
    left = (width + (0.62 if sums else 0.22)) / (width + 1.4)
    tall = min(1.0, 2.4 / height)
    bar = figure.colorbar(image, cax=figure.add_axes((left, 1 - tall, 0.1 / (width + 1.4), tall)))
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    if title:
        axes.set_title(clean_label(title, LONGEST_TITLE), loc="left", color=INK, **text_style(9.5))
    write_notes(figure, notes, max(width + 1.4, 4.6), 0.12)
    return to_bytes(figure, format)


def ramp(diverging: bool) -> Colormap:
    """The page's colours."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = DIVERGING if diverging else SEQUENTIAL
    return LinearSegmentedColormap.from_list("page", stops).with_extremes(bad=HOLE)


def ink_on(colour: Sequence[float]) -> str:
    """Black or white, whichever reads better on red, green, blue in [0, 1] (WCAG luminance)."""
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return "#000000" if float(np.dot((0.2126, 0.7152, 0.0722), parts)) > 0.179 else "#ffffff"


def _norm(scale: Range) -> Any:
    from matplotlib.colors import Normalize

    high = scale.high if scale.high > scale.low else scale.low + 1
    return Normalize(scale.low, high, clip=True)


def _write(axes: Axes, cells: Sequence[Sequence[str]], shown: np.ndarray, colours: np.ndarray) -> None:
    """The numbers in the cells, in the ink that reads there."""
    for i, row in enumerate(cells):
        for j, text in enumerate(row):
            ink = BAD if np.isnan(shown[i, j]) else ink_on(colours[i, j])
            axes.text(j, i, clean_label(text), ha="center", va="center", color=ink, **text_style(7))


def _sums(figure: Figure, axes: Axes, matrix: Tensor) -> None:
    """Σ and the sum of each row, to the right of the cells."""
    from matplotlib.transforms import offset_copy

    right = offset_copy(axes.get_yaxis_transform(), fig=figure, x=5, units="points")
    style: dict[str, Any] = {"transform": right, "va": "center", "color": SOFT, "clip_on": False}
    for i, total in enumerate(matrix.sum(-1).tolist()):
        text = f"{total:.2f}" if np.isfinite(total) else "NaN" if np.isnan(total) else "∞"
        axes.text(1, i, text, **style, **text_style(7))
    axes.text(1, -0.85, "Σ", **style, **text_style(7))


def _hatch(axes: Axes, masked: np.ndarray, width: float, height: float) -> None:
    """Diagonal lines over the masked cells, as an image laid over the other: one line in 5 pixels."""
    n, m = masked.shape
    fine = min(1.0, (HATCHED / (n * m * width * height * 144**2)) ** 0.5)
    down, across = (max(2, round(side * 144 * fine)) for side in (height, width))
    mask = masked.repeat(down, 0).repeat(across, 1)
    i, j = np.ogrid[: mask.shape[0], : mask.shape[1]]
    lines = mask & ((i + j) % max(4, round(9 * fine)) < max(1, round(2 * fine)))
    layer = np.zeros((*mask.shape, 4))
    layer[..., :3] = [int(SOFT[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    layer[..., 3] = 0.55 * lines
    axes.imshow(layer, extent=(-0.5, m - 0.5, n - 0.5, -0.5), aspect="auto", interpolation="antialiased")


def _labels(axes: Axes, rows: Sequence[str], columns: Sequence[str], pitch: float) -> None:
    """Labels as on the page: the columns above, turned where they are too long; a short one never."""
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    label_axis(axes.xaxis, columns, size=7)
    label_axis(axes.yaxis, rows, size=7)
    axes.tick_params(length=0, colors=SOFT)
    if any(columns_of(clean_label(label)) * LETTER > pitch for label in columns):
        for label in axes.get_xticklabels():
            if len(label.get_text()) > SHORT:
                label.set_rotation(90)


def write_notes(figure: Figure, notes: Sequence[str], width: float, gap: float) -> None:
    """Paragraphs below a figure, ``gap`` inches under its lower edge, ``width`` inches wide."""
    tall = figure.get_size_inches()[1]
    for k, line in enumerate(lines_of(notes, width)):
        y = -(gap + (k + 0.5) * NOTE) / tall
        figure.text(0, y, line, va="center", color=SOFT, **text_style(7))


def lines_of(notes: Sequence[str], width: float) -> list[str]:
    """Paragraphs in lines of so many inches."""
    return [line for note in notes for line in wrap(note, int(width / 0.066))]


def wrap(text: str, columns: int) -> list[str]:
    """A paragraph in lines of so many columns, a Chinese sign taking two; long words are broken."""
    lines, line = [], ""
    for word in clean_label(text, LONGEST_NOTE).split(" "):
        gap = " " if line else ""
        if columns_of(line + gap + word) <= columns:
            line += gap + word
            continue
        if line and columns_of(word) <= columns:
            lines.append(line)
            line = word
            continue
        for letter in gap + word:
            if columns_of(line + letter) > columns:
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line]


def columns_of(text: str) -> int:
    """How wide a text is in letters, a Chinese sign counting two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
