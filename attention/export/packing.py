"""What leaves the package as bytes: compact data for the page, exact floats, CSV and NPZ.

The page paints heatmaps from one byte a cell (:func:`pack`, :func:`pack_overview`), which is
0.4 MB for 72 heads of 512 tokens where JSON takes 132; where numbers are read, it gets the floats
(:func:`pack_floats`).
:mod:`attention.export.heatmap` hands on every name.

Shapes: L layers, h heads, n queries, m keys.

>>> pack(torch.tensor([[0.0, 0.25], [1.0, 0.0]])).data  # the bytes 0, 128, 255, 0
'AID/AA=='
"""

from __future__ import annotations

import base64
import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

# 400 kB for 72 heads leave a head 4,166 bytes once base64 has added its third: 64 x 64 = 4,096
OVERVIEW_SIDE = 64
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def check_finite(matrix: Tensor, dimensions: int | None = None, holes: bool = False) -> Tensor:
    """matrix as a detached float tensor on the CPU; ``ValueError`` if empty or not all finite.

    holes: NaN and infinity may stay, for a picture whose point they are.
    """
    matrix = torch.as_tensor(matrix).detach().cpu()
    if matrix.dtype != torch.float64:  # integers, and half precision, which numpy lacks in part
        matrix = matrix.float()
    if dimensions is not None and matrix.dim() != dimensions:
        raise ValueError(
            f"expected {dimensions} dimensions, got shape {tuple(matrix.shape)}; show_heatmaps "
            "takes (rows, columns, queries, keys), the others one matrix (queries, keys)"
        )
    if matrix.numel() == 0:
        raise ValueError(f"nothing to draw: shape {tuple(matrix.shape)} has no cell")
    if not holes and not torch.isfinite(matrix).all():
        raise ValueError(
            "every cell must be a finite number, got NaN or infinity; a fully masked row gives NaN "
            "without attention.masks.masked_softmax, and scores behind a mask are -inf"
        )
    return matrix


def check_labels(name: str, labels: Sequence[object] | None, count: int) -> None:
    if labels is not None and len(labels) != count:
        raise ValueError(f"{name} needs {count} entries, one for each, got {len(labels)}")


def exponent_of(gamma: str) -> float:
    if gamma not in ("linear", "sqrt"):
        raise ValueError(f'gamma must be "linear" or "sqrt", got {gamma!r}')
    return 0.5 if gamma == "sqrt" else 1.0


class Packed(NamedTuple):
    """A matrix as bytes: ``value = low + (high - low) * level``, one base64 string.

    data holds rows * columns bytes, row by row; ``level = (byte / 255)^2`` when scale is "sqrt",
    ``byte / 255`` when it is "linear". Each byte stands for ``pool`` x ``pool`` cells.
    """

    data: str
    rows: int
    columns: int
    low: float
    high: float
    scale: str
    pool: int = 1


def pack(
    matrix: Tensor,
    size: int | None = None,
    gamma: str = "sqrt",
    *,
    low: float | None = None,
    high: float | None = None,
) -> Packed:
    """One matrix (n, m) as base64 of one byte a cell, for drawing; numbers go by pack_floats.

    size: the longest side wanted; a longer one is max-pooled by a whole factor. gamma: "sqrt" or
    "linear". low, high: the ends of the scale, default min(0, smallest) and the largest cell; give
    them to compare matrices. Raises ``ValueError`` for NaN, or cells outside low and high.
    """
    exponent = exponent_of(gamma)
    matrix = check_finite(matrix, dimensions=2)
    if size is not None and size < 1:
        raise ValueError(f"size must be at least 1 cell, got {size}")
    pool = 1 if size is None else math.ceil(max(matrix.shape) / size)
    cells = _max_pool(matrix[None], pool, pool)[0]
    smallest, largest = matrix.min().item(), matrix.max().item()
    low = min(0.0, smallest) if low is None else low
    high = max(low, largest) if high is None else high
    span = high - low if high > low else 1.0
    if not (smallest >= low - 1e-6 * span and largest <= high + 1e-6 * span):
        raise ValueError(f"cells from {smallest} to {largest} leave the scale [{low}, {high}]")
    levels = ((cells - low) / span).clamp(0, 1).pow(exponent).mul(255).add(0.5).to(torch.uint8)
    rows, columns = levels.shape
    return Packed(_base64(levels.numpy()), rows, columns, low, high, gamma, pool)


def pack_overview(layers: Sequence[Tensor], side: int = OVERVIEW_SIDE) -> dict[str, str | int | bool]:
    """All heads as thumbnails: one base64 string of L * h * rows * cols bytes, 400 kB per 72 heads.

    layers: L tensors (h, n, m) of weights in [0, 1]. A byte is ``round(255 sqrt(weight))``: with
    the square root weak heads stay visible. Above side, every ``pool_rows`` x ``pool_cols`` cells
    become their largest ("pooled": True), the last ones of a row or column maybe fewer. Layers are
    pooled and quantised one by one, so no float copy of all of them is made.
    Raises ``ValueError`` for NaN, for cells outside [0, 1] that survive the pooling (a negative one
    may not), and for layers that differ in shape.
    """
    if len(layers) == 0 or any(layer.shape != layers[0].shape for layer in layers):
        raise ValueError(
            "layers need one shape (heads, queries, keys), at least one layer; got "
            f"{[tuple(layer.shape) for layer in layers]}"
        )
    if layers[0].dim() != 3 or layers[0].numel() == 0:
        raise ValueError(
            f"layers need shape (heads, queries, keys), got {tuple(layers[0].shape)}; take one "
            "text of the batch"
        )
    heads, n, m = layers[0].shape
    pool_rows, pool_cols = math.ceil(n / side), math.ceil(m / side)
    rows, cols = math.ceil(n / pool_rows), math.ceil(m / pool_cols)
    levels = torch.empty(len(layers), heads, rows, cols, dtype=torch.uint8)
    for layer, target in zip(layers, levels, strict=True):
        cells = _max_pool(layer.detach(), pool_rows, pool_cols)
        low, high = (bound.item() for bound in torch.aminmax(cells))
        if not (low >= 0 and high <= 1.001):  # NaN fails too; 0.001 for rounding in half precision
            raise ValueError(f"weights must be numbers in [0, 1], but range from {low} to {high}")
        target.copy_(cells.sqrt().mul_(255).add_(0.5))
    return {
        "data": _base64(levels.numpy()), "encoding": "sqrt-u8",
        "layers": len(layers), "heads": heads, "rows": rows, "cols": cols,
        "queries": n, "keys": m, "pool_rows": pool_rows, "pool_cols": pool_cols,
        "pooled": pool_rows > 1 or pool_cols > 1,
    }  # fmt: skip


def _max_pool(matrices: Tensor, rows: int, columns: int) -> Tensor:
    """(h, n, m) -> (h, ceil(n/rows), ceil(m/columns)), the largest of each block.

    Rows first: those slices are contiguous, which takes a third of max_pool2d's time, and a ragged
    end needs no padding.
    """
    for dimension, factor in ((1, rows), (2, columns)):
        if factor > 1:
            slices = [matrices[:, k::factor] if dimension == 1 else matrices[..., k::factor]
                      for k in range(factor)]  # fmt: skip
            pooled = slices[0].clone(memory_format=torch.contiguous_format)
            for part in slices[1:]:
                target = pooled.narrow(dimension, 0, part.shape[dimension])
                torch.maximum(target, part, out=target)
            matrices = pooled
    return matrices


def pack_floats(tensor: Tensor) -> str:
    """The exact numbers: base64 of little-endian float32, row by row. ``ValueError`` for NaN."""
    return _base64(check_finite(tensor).numpy().astype("<f4"))


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).data).decode("ascii")


def to_csv(
    matrix: Tensor, row_labels: Sequence[str], column_labels: Sequence[str], *, holes: bool = False
) -> str:
    """matrix (n, m) as CSV: a header of column_labels, then one line per row, its label first.

    Nine digits, so that float32 survives the way back. A label that a spreadsheet would run as a
    formula ("=", "+", "-", "@", tab ... in front) gets a ' before it. holes: NaN and infinity are
    allowed, and written nan, inf and -inf.
    """
    matrix = check_finite(matrix, dimensions=2, holes=holes)
    check_labels("row_labels", row_labels, matrix.shape[0])
    check_labels("column_labels", column_labels, matrix.shape[1])
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["", *map(_harmless, column_labels)])
    for label, row in zip(row_labels, matrix.tolist(), strict=True):
        writer.writerow([_harmless(label), *(f"{number:.9g}" for number in row)])
    return text.getvalue()


def _harmless(label: object) -> str:
    text = str(label)
    risky = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return "'" + text if risky else text


def to_npz(arrays: Mapping[str, Tensor | np.ndarray | Sequence[str]], *, holes: bool = False) -> bytes:
    """Named arrays as the bytes of an .npz file, which ``numpy.load(allow_pickle=False)`` opens.

    Tensors, numpy arrays, numbers, or lists of strings (labels). Raises ``ValueError`` for a name
    that is no identifier, for NaN without holes, and for anything that numpy would have to pickle.
    """
    ready: dict[str, Any] = {}
    for name, value in arrays.items():
        if not name.isidentifier() or name == "file":  # np.savez has an argument called file
            raise ValueError(f'names must be identifiers other than "file", got {name!r}')
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        if array.dtype.kind not in "biufU":
            raise ValueError(f"{name} must hold numbers or strings, got dtype {array.dtype}")
        if not holes and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, got NaN or infinity")
        ready[name] = array
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ready)
    return buffer.getvalue()
