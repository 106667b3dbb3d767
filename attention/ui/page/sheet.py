"""The sheet: the arithmetic behind one cell, as sections the page can draw.

Numbers are written out here, so that page, test and screen reader see the same digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

from torch import Tensor

from ...cell import Cell
from .guard import Json
from .slips import cell_slips, output_slips
from .texts import Words

TOP = 8  # summands shown one by one where there are many; the rest is one line


Slips = Callable[[], Mapping[str, Sequence[tuple[str, float]]]]


@dataclass(frozen=True)
class Grid:
    """A table of a section, every entry as it is shown. total: the last row is a sum."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: bool = False

    def encode(self) -> Json:
        total: Json = {"total": True} if self.total else {}
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]} | total


@dataclass(frozen=True)
class Section:
    """One step of the arithmetic. lines: (label, formula, value)."""

    title: str = ""
    text: str = ""
    table: Grid | None = None
    lines: Sequence[tuple[str, str, str]] = ()

    def encode(self) -> Json:
        encoded: Json = {"title": self.title, "text": self.text}
        if self.table is not None:
            encoded["table"] = self.table.encode()
        if self.lines:
            encoded["lines"] = [list(line) for line in self.lines]
        return encoded


@dataclass(frozen=True)
class Sheet:
    """The arithmetic of one cell. weight: what it comes to, where it is an attention weight.

    slips: what known mistakes would give, by the label of the number: (key of the mistake, number).
    """

    title: str
    sections: Sequence[Section]
    weight: float | None = None
    slips: Slips | None = field(default=None, compare=False)

    def encode(self) -> Json:
        weight: Json = {} if self.weight is None else {"weight": self.weight}
        return {"title": self.title, "sections": [one.encode() for one in self.sections]} | weight

    def then(self, *sections: Section, weight: float | None = None) -> Sheet:
        """The same sheet with more sections at its end, and the weight they come to."""
        weight = self.weight if weight is None else weight
        return replace(self, sections=[*self.sections, *sections], weight=weight)


def show(number: float, digits: int = 4) -> str:
    """A number as the page writes it: fixed decimals, scientific where those would show only 0.

    >>> show(0.5), show(-0.00001), show(-0.0), show(float("nan"))
    ('0.5000', '-1.00e-05', '0.0000', 'NaN')
    """
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if number != 0 and (abs(number) < 10**-digits or abs(number) >= 1e6):
        return f"{number:.2e}"
    return f"{number + 0.0:.{digits}f}"  # -0.0 + 0.0 is 0.0


def brief(number: float, digits: int) -> str:
    """A number as the page writes it in a small cell (assets/view/core/numbers.js), ties away from 0.

    >>> brief(0.125, 2), brief(-0.001, 2), brief(float("nan"), 2), brief(1234567.0, 2)
    ('0.13', '0.00', 'NaN', '1.23e+06')
    """
    if not math.isfinite(number) or abs(number) >= 1e5:
        return show(number, digits)
    rounded = Decimal(number).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return str(abs(rounded) if rounded == 0 else rounded)


def cell_sheet(
    cell: Cell,
    words: Words,
    query_name: str,
    key_name: str,
    *,
    left: str = "q",
    right: str = "k",
    about: str = "",
    features: Sequence[str] = (),
    facts: Sequence[str] = (),
) -> Sheet:
    """Everything between the two vectors and the weight, and what the weight then moves.

    left, right: what the two factors of a product are called (scoring.factors says what they are
    for each scoring). about: a sentence above the products. Of more than TOP summands the largest
    are listed. features, facts: names of the summands and of the value's features, else numbers.
    """
    return Sheet(
        words("sheet.title", query=query_name, key=key_name),
        [
            _terms(cell, words, left, right, about, features),
            _logit(cell, words),
            _softmax(cell, words),
            _contribution(cell, words, facts),
        ],
        cell.weight,
        lambda: cell_slips(cell, words),
    )


def product_rows(
    left: Tensor, right: Tensor, terms: Tensor, total: float, words: Words, names: Sequence[str] = ()
) -> list[list[str]]:
    """Rows (name, left, right, product) of a sum, all three (k,): where there are many, the largest of
    either sign, and what is left of the total in one row."""
    order = list(range(len(terms)))
    if len(terms) > TOP:
        order = terms.abs().argsort(descending=True)[:TOP].tolist()
    columns = left, right, terms
    rows = [[names[i] if names else str(i + 1), *(show(one[i].item()) for one in columns)] for i in order]
    if len(terms) > TOP:
        rest = total - sum(terms[i].item() for i in order)
        rows.append([words("sheet.others", count=len(terms) - TOP), "", "", show(rest)])
    return rows


def _terms(
    cell: Cell, words: Words, left: str, right: str, about: str, features: Sequence[str] = ()
) -> Section:
    k = len(cell.terms)
    if k > TOP:
        about = " ".join([about, words("sheet.sorted", top=TOP, count=k)]).strip()
    rows = product_rows(cell.left, cell.right, cell.terms, cell.raw, words, features)
    rows.append([words("sheet.sum"), "", "", show(cell.raw)])
    heads = [words("sheet.dimension"), left, right, f"{left} × {right}"]
    return Section(words("sheet.terms_title"), about, Grid(heads, rows, total=True))


def _logit(cell: Cell, words: Words) -> Section:
    """From the sum of products to the logit: scale, temperature, soft cap, bias, mask."""
    lines = [(words("sheet.score"), "Σ", show(cell.raw))]
    if cell.scale != 1 or cell.temperature != 1:
        formula = f"{show(cell.raw)} × {show(cell.scale)}"
        if cell.temperature != 1:
            formula += f" / {show(cell.temperature)}"
        plain = cell.raw * cell.scale / cell.temperature
        if not math.isclose(plain, cell.scaled, rel_tol=1e-4, abs_tol=1e-6):
            formula = words("sheet.softcap") + f" ({formula})"
        lines.append((words("sheet.scaled"), formula, show(cell.scaled)))
    if cell.bias:
        lines.append((words("sheet.bias"), f"{show(cell.scaled)} + {show(cell.bias)}", show(cell.logit)))
    if not cell.allowed:
        lines.append((words("sheet.mask"), words("sheet.masked"), "-∞"))
    return Section(words("sheet.logit_title"), lines=lines)


def _softmax(cell: Cell, words: Words) -> Section:
    shift = bracketed(cell.shift)
    exponent = f"exp({show(cell.logit)} - {shift})" if cell.allowed else "exp(-∞)"
    quotient = f"{show(cell.numerator)} / {show(cell.denominator)}"
    if not cell.denominator:
        quotient = words("sheet.empty_row")
    lines = [
        (words("sheet.numerator"), exponent, show(cell.numerator)),
        (words("sheet.denominator"), words("sheet.denominator_formula"), show(cell.denominator)),
        (words("sheet.weight"), quotient, show(cell.weight)),
    ]
    return Section(words("sheet.softmax_title"), words("sheet.softmax_text"), lines=lines)


def _contribution(cell: Cell, words: Words, facts: Sequence[str] = ()) -> Section:
    size = len(cell.value)
    order = list(range(size))
    if size > TOP:
        order = cell.contribution.abs().argsort(descending=True)[:TOP].tolist()
    columns = cell.value, cell.contribution, cell.output
    called = facts or [str(i + 1) for i in range(size)]
    rows = [[called[i], *(show(column[i].item()) for column in columns)] for i in order]
    norm = cell.value.norm().item()
    names = [words(f"sheet.{name}") for name in ("dimension", "value", "contribution", "output")]
    text = words("sheet.value_text", norm=show(norm), share=show(cell.weight * norm))
    return Section(words("sheet.value_title"), text, Grid(names, rows))


def bracketed(number: float) -> str:
    """A number after a sign: in brackets if it has a minus of its own."""
    return show(number) if number >= 0 else f"({show(number)})"


def output_sheet(
    words: Words,
    title: str,
    weights: Tensor,
    values: Tensor,
    names: Sequence[str],
    *,
    about: Section | None = None,
    columns: tuple[str, str, str] | None = None,
) -> Sheet:
    """One number of an output, opened: weights (m,) times one value feature (m,), summed.

    about: title and text of the section, where they are not the usual ones; columns: what a key, a
    weight and a value are called.
    """
    products = weights * values
    rows = [
        [name, show(w.item()), show(v.item()), show(p.item())]
        for name, w, v, p in zip(names, weights, values, products, strict=True)
    ]
    rows.append([words("sheet.sum"), show(weights.sum().item()), "", show(products.sum().item())])
    columns = columns or (words("sheet.key"), words("sheet.weight"), words("sheet.value"))
    about = about or Section(words("sheet.output_title"))
    table = Grid([*columns, words("sheet.product")], rows, total=True)
    return Sheet(title, [replace(about, table=table)], slips=lambda: output_slips(weights, values, words))
