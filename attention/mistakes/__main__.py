"""How often is a mistake named, and how often is chance? ``python -m attention.mistakes``

Each of the twelve wrong implementations, seeded, fills in drawn sheets: named = the whole sheet is
given its name; by one cell = the share of single cells it changes that are enough to name it;
misnamed = single cells given another name. Then random numbers, for which a name is chance.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import torch

from ..paper import KINDS, Cell, Sheet, cells, draw, tables
from .diagnosis import diagnose, diagnose_sheet
from .known import MISTAKES, changed_cells, wrong_tables


class Named(NamedTuple):
    """Of one wrong implementation on one kind of sheet: shares from 0 to 1, and a count."""

    sheets: float
    by_one_cell: float
    misnamed: int


def measure_named(key: str, kind: str, sheets: int = 200, way: int = 0, digits: int = 3) -> Named:
    """Let the mistake fill in ``sheets`` drawn sheets, rounded to ``digits`` decimals."""
    named = single = changed = misnamed = 0
    for seed in range(sheets):
        sheet = draw(seed, kind)
        wrong = wrong_tables(sheet, key, way)

        def typed(cell: Cell, wrong: dict[str, torch.Tensor] = wrong) -> str:
            return f"{float(wrong[cell.table][cell.row, cell.column]):.{digits}f}"

        found = diagnose_sheet(sheet, {cell: typed(cell) for cell in cells(sheet)})
        named += found is not None and found.key == key
        for cell in changed_cells(sheet, key, way):
            one = diagnose(sheet, cell, typed(cell))
            changed += 1
            single += one is not None and one.key == key
            misnamed += one is not None and one.key != key
    return Named(named / sheets, single / max(changed, 1), misnamed)


def measure_chance(numbers: int = 1000, digits: int = 3, seed: int = 0) -> float:
    """Share of random numbers that get a diagnosis: each over the range of its cell's table.

    Weights and numerators over [0, 1], other tables from 1 below their smallest to 1 above their
    largest number; the cells of freshly drawn sheets of both kinds, rounded to ``digits`` decimals.
    """
    generator = torch.Generator().manual_seed(seed)
    hits = 0
    for count in range(numbers):
        sheet = draw(count // 5, KINDS[count % 2])
        places = cells(sheet)
        cell = places[int(torch.randint(len(places), (), generator=generator))]
        low, high = _range(sheet, cell)
        given = low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))
        hits += diagnose(sheet, cell, f"{given:.{digits}f}") is not None
    return hits / numbers


def _range(sheet: Sheet, cell: Cell) -> tuple[float, float]:
    if cell.table in ("weight", "numerator"):
        return 0.0, 1.0
    table = tables(sheet)[cell.table]
    return float(table.min()) - 1, float(table.max()) + 1


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(prog="python -m attention.mistakes", description=__doc__)
    parser.add_argument("--sheets", type=int, default=200, help="drawn sheets for each mistake")
    parser.add_argument("--numbers", type=int, default=1000, help="random numbers")
    options = parser.parse_args()
    print(f"{'mistake':24}{'sheet':12}{'named':>8}{'by one cell':>13}{'misnamed':>10}")
    for key, mistake in MISTAKES.items():
        for kind in mistake.kinds:
            for way in range(len(mistake.ways)):
                found = measure_named(key, kind, options.sheets, way)
                print(f"{key:24}{kind:12}{found.sheets:8.1%}{found.by_one_cell:13.1%}{found.misnamed:10}")
    for digits in (4, 3, 2):
        share = measure_chance(options.numbers, digits)
        print(f"random numbers of {digits} decimals that get a diagnosis: {share:.2%}")


if __name__ == "__main__":
    main()
