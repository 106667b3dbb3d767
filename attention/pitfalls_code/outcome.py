"""What happens when a program of this folder runs: what it prints, or where and how it stops."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import cache

import torch

NAMED = "<program>"


@dataclass(frozen=True)
class Outcome:
    """printed: lines. error: last line of the traceback, "" where it ran. line: where it stopped, from 1."""

    printed: str
    error: str = ""
    line: int = 0


@cache
def run(code: str) -> Outcome:
    """Run one of PROGRAMS' own texts (nobody else's: it runs here) and say what happened.

    >>> run("print(1 + 1)"), run("x = 1\\ny").line
    (Outcome(printed='2', error='', line=0), 2)
    """
    printed: list[str] = []

    def show(*values: object) -> None:
        printed.append(" ".join(map(str, values)))

    try:
        with torch.random.fork_rng(devices=[]):  # their layers draw from torch's own generator
            exec(compile(code, NAMED, "exec"), {"__name__": "program", "print": show})
    except Exception as error:
        own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == NAMED]
        said = traceback.format_exception_only(error)[-1].strip()
        return Outcome("\n".join(printed), said, own[-1] or 0)
    return Outcome("\n".join(printed))
