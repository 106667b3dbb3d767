"""Which mistake gives this number? Every known slip of attention arithmetic, as a computation.

A wrong number on a sheet (:mod:`attention.paper`) is tried against all of them and named when it
fits exactly one. ``python -m attention.mistakes`` measures how often that is right.

>>> from attention.paper import Cell, draw
>>> sheet = draw(seed=0)
>>> wrong = wrong_tables(sheet, "no_scale")["weight"][1, 0].item()
>>> diagnose(sheet, Cell("weight", 1, 0), f"{wrong:.3f}").key
'no_scale'
"""

from .diagnosis import candidates, diagnose, diagnose_sheet, fits, fitting, is_right
from .known import MISTAKES, Mistake, changed_cells, wrong_tables

__all__ = [
    "MISTAKES",
    "Mistake",
    "candidates",
    "changed_cells",
    "diagnose",
    "diagnose_sheet",
    "fits",
    "fitting",
    "is_right",
    "wrong_tables",
]
