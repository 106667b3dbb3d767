"""Find the bug: chapter 22's programs for the page, run here, line by line."""

from __future__ import annotations

from difflib import ndiff

from ...pitfalls_code import PROGRAMS, Program, run
from .guard import Json
from .texts import Words


def bugs(tab_id: str, words: Words) -> list[Json]:
    """Every program of a tab."""
    return [encode(program, words) for program in PROGRAMS.values() if program.tab == tab_id]


def encode(program: Program, words: Words) -> Json:
    """code: its lines; lines: numbers of those to repair; stops: where it stops, 0 if it runs; from 1."""
    broken, repaired = run(program.broken), run(program.repaired)
    ways = {"line": broken.line, "error": broken.error, "printed": broken.printed}
    changed = repair(program)
    return {
        "id": program.id,
        "title": words(f"bugs.{program.id}.title"),
        "about": words(f"bugs.{program.id}.about"),
        "why": words(f"bugs.{program.id}.why"),
        "code": program.broken.rstrip("\n").split("\n"),
        "stops": broken.line,
        "happens": words("bugs.page.stops" if broken.error else "bugs.page.runs", **ways),
        "lines": lines(changed),
        "repair": [[sign, text] for sign, text in changed if sign != " "],
        "prints": words("bugs.page.prints", printed=repaired.printed),
    }


def repair(program: Program) -> list[tuple[str, str]]:
    """The two codes line by line: (" ", in both), ("-", of the broken one), ("+", of the repaired one)."""
    both = ndiff(program.broken.splitlines(), program.repaired.splitlines())
    return [(line[0], line[2:]) for line in both if line[0] != "?"]


def lines(changed: list[tuple[str, str]]) -> list[int]:
    """Numbers, from 1, of the lines of the broken code that the repair changes."""
    kept = [sign for sign, _ in changed if sign != "+"]
    return [number for number, sign in enumerate(kept, 1) if sign == "-"]
