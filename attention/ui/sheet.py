"""The sheet: the arithmetic behind one cell, as sections the page can draw.

A section is ``{"title", "text"?, "table"?: {"columns", "rows"}, "lines"?: [label, formula, value]}``.
Numbers are written out here, so that page, test and screen reader see the same digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..cell import Cell
from .texts import Words

TOP = 8  # summands shown one by one where there are many; the rest is one line


def show(number: float, digits: int = 4) -> str:
    """A number as the page writes it: fixed decimals, scientific where those would show only 0.

    >>> show(0.5), show(-0.00001), show(float("nan"))
    ('0.5000', '-1.00e-05', 'NaN')
    """
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if number != 0 and (abs(number) < 10**-digits or abs(number) >= 1e6):
        return f"{number:.2e}"
    return f"{number:.{digits}f}"


def cell_sheet(
    cell: Cell,
    words: Words,
    query_name: str,
    key_name: str,
    *,
    dimensions: Sequence[str] | None = None,
    top: int = TOP,
    left: str = "",
    right: str = "",
) -> dict[str, Any]:
    """Everything between the two vectors and the weight, and what the weight then moves.

    dimensions: names of the summands, default their numbers. top: how many summands are listed
    when there are more; they are then sorted by magnitude. left, right: what the two factors of a
    product are called, default q and k (scoring.factors says what they are for each scoring).
    """
    sections = [_terms(cell, words, dimensions, top, left or "q", right or "k")]
    lines = [[words("sheet.score"), "Σ", show(cell.raw)]]
    if cell.scale != 1 or cell.temperature != 1:
        formula = f"{show(cell.raw)} × {show(cell.scale)}"
        if cell.temperature != 1:
            formula += f" / {show(cell.temperature)}"
        plain = cell.raw * cell.scale / cell.temperature
        if not math.isclose(plain, cell.scaled, rel_tol=1e-4, abs_tol=1e-6):
            formula = words("sheet.softcap") + f" ({formula})"
        lines.append([words("sheet.scaled"), formula, show(cell.scaled)])
    if cell.bias:
        lines.append([words("sheet.bias"), f"{show(cell.scaled)} + {show(cell.bias)}", show(cell.logit)])
    if not cell.allowed:
        lines.append([words("sheet.mask"), words("sheet.masked"), "-∞"])
    sections.append({"title": words("sheet.logit_title"), "lines": lines})

    if cell.allowed:
        shift = show(cell.shift) if cell.shift >= 0 else f"({show(cell.shift)})"
        exponent = f"exp({show(cell.logit)} - {shift})"
    else:
        exponent = "exp(-∞)"
    if cell.denominator:
        quotient = f"{show(cell.numerator)} / {show(cell.denominator)}"
    else:
        quotient = words("sheet.empty_row")
    sections.append({
        "title": words("sheet.softmax_title"),
        "text": words("sheet.softmax_text"),
        "lines": [
            [words("sheet.numerator"), exponent, show(cell.numerator)],
            [words("sheet.denominator"), words("sheet.denominator_formula"), show(cell.denominator)],
            [words("sheet.weight"), quotient, show(cell.weight)],
        ],
    })  # fmt: skip
    sections.append(_contribution(cell, words, top))
    return {
        "title": words("sheet.title", query=query_name, key=key_name),
        "weight": cell.weight,
        "sections": sections,
    }


def _terms(cell, words, dimensions, top, left, right) -> dict[str, Any]:
    k = len(cell.terms)
    names = [str(i + 1) for i in range(k)] if dimensions is None else list(dimensions)
    order = list(range(k))
    if k > top:
        order = cell.terms.abs().argsort(descending=True)[:top].tolist()
    rows = [
        [names[i], show(cell.left[i].item()), show(cell.right[i].item()), show(cell.terms[i].item())]
        for i in order
    ]
    if k > top:
        rest = cell.raw - sum(cell.terms[i].item() for i in order)
        rows.append([words("sheet.others", count=k - top), "", "", show(rest)])
    rows.append([words("sheet.sum"), "", "", show(cell.raw)])
    columns = [words("sheet.dimension"), left, right, f"{left} × {right}"]
    return {
        "title": words("sheet.terms_title"),
        "text": words("sheet.sorted", top=top, count=k) if k > top else "",
        "table": {"columns": columns, "rows": rows, "total": True},
    }


def _contribution(cell: Cell, words: Words, top: int) -> dict[str, Any]:
    size = len(cell.value)
    order = list(range(size))
    if size > top:
        order = cell.contribution.abs().argsort(descending=True)[:top].tolist()
    rows = [
        [
            str(i + 1),
            show(cell.value[i].item()),
            show(cell.contribution[i].item()),
            show(cell.output[i].item()),
        ]
        for i in order
    ]
    norm = cell.value.norm().item()
    return {
        "title": words("sheet.value_title"),
        "text": words("sheet.value_text", norm=show(norm), share=show(cell.weight * norm)),
        "table": {
            "columns": [
                words("sheet.dimension"),
                words("sheet.value"),
                words("sheet.contribution"),
                words("sheet.output"),
            ],
            "rows": rows,
        },
    }


def output_sheet(
    words: Words, title: str, weights: Tensor, values: Tensor, names: Sequence[str]
) -> dict[str, Any]:
    """One number of an output, opened: weights (m,) times one value feature (m,), summed."""
    products = weights * values
    rows = [
        [name, show(w.item()), show(v.item()), show(p.item())]
        for name, w, v, p in zip(names, weights, values, products, strict=True)
    ]
    rows.append([words("sheet.sum"), show(weights.sum().item()), "", show(products.sum().item())])
    columns = [words("sheet.key"), words("sheet.weight"), words("sheet.value"), words("sheet.product")]
    section = {
        "title": words("sheet.output_title"),
        "table": {"columns": columns, "rows": rows, "total": True},
    }
    return {"title": title, "sections": [section]}
