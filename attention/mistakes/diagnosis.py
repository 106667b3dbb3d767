"""Which mistake gives this number? A wrong number is tried against all of them."""

from __future__ import annotations

from collections.abc import Mapping

from ..digits import Typed, read_number
from ..paper import Cell, Sheet, number
from .known import MISTAKES, Mistake, Tables, computed

FINEST = 0.0005  # a number is diagnosed from three decimals (or digits) on: fewer fit by chance
COARSEST = 0.005  # a right number needs two decimals: "0" is no answer to 0.31


def candidates(sheet: Sheet, cell: Cell) -> list[tuple[str, float]]:
    """(key, number) of every mistake that changes this cell; a key twice where it has two ways."""
    right = number(sheet, cell)
    found = []
    for key, mistake in MISTAKES.items():
        if sheet.kind in mistake.kinds:
            for made in computed(sheet, key):
                wrong = float(made[cell.table][cell.row, cell.column])
                if abs(wrong - right) > 1e-9:
                    found.append((key, wrong))
    return found


def fits(given: Typed, wanted: float) -> bool:
    """Is ``given`` the number ``wanted``, rounded to the digits typed, and typed finely enough?

    Finely enough: three decimals, or as fine as a thousandth of the number, or exact.
    """
    away = abs(given.value - wanted)
    fine = given.half_unit <= FINEST * max(1.0, abs(given.value)) + 1e-12
    return away <= 1e-9 or (fine and away <= given.half_unit + 1e-9)


def fitting(sheet: Sheet, cell: Cell, given: Typed) -> set[str]:
    """The keys of all mistakes that give this number in this cell; none if the number is right."""
    if is_right(sheet, cell, given):
        return set()
    return {key for key, wrong in candidates(sheet, cell) if fits(given, wrong)}


def diagnose(sheet: Sheet, cell: Cell, given: str | float | Typed) -> Mistake | None:
    """The one mistake that gives this number, or None: right, unknown, or more than one fits.

    given: text as typed (its digits are its rounding), or a number, taken as exact to 1e-6.
    Raises ``ValueError`` for text that is no number and for a cell that the sheet has not.
    """
    keys = fitting(sheet, cell, _typed(given))
    return MISTAKES[keys.pop()] if len(keys) == 1 else None


def diagnose_sheet(sheet: Sheet, given: Mapping[Cell, str | float | Typed]) -> Mistake | None:
    """The one mistake that gives every one of these numbers, the right ones among them too.

    Cells that fit two mistakes alone (a kept weight, unmasked or not renormalised) are told apart
    by the others. None when all are right or when not exactly one mistake explains them.
    """
    typed = {cell: _typed(text) for cell, text in given.items()}
    if all(is_right(sheet, cell, text) for cell, text in typed.items()):
        return None
    found = set()
    for key, mistake in MISTAKES.items():
        if sheet.kind not in mistake.kinds:
            continue
        for made in computed(sheet, key):
            if all(_gives(made, cell, text) for cell, text in typed.items()):
                found.add(key)
    return MISTAKES[found.pop()] if len(found) == 1 else None


def _gives(made: Tables, cell: Cell, typed: Typed) -> bool:
    return fits(typed, float(made[cell.table][cell.row, cell.column]))


def is_right(sheet: Sheet, cell: Cell, typed: Typed) -> bool:
    """Is it the cell's number, rounded to the digits typed, of which there are two decimals or more?"""
    return abs(typed.value - number(sheet, cell)) <= min(typed.half_unit, COARSEST) + 1e-9


def _typed(given: str | float | Typed) -> Typed:
    if isinstance(given, Typed):
        return given
    return read_number(given) if isinstance(given, str) else Typed(float(given), 5e-7)
