"""By hand: a sheet with some of its numbers blank, filled in by the learner and marked one by one.

A number is asked for only if it can be worked out from the digits that stand on the sheet. Where the
same number stands again further down, the blank's sign stands in its place. ``seed`` chooses the blanks,
so a link carries them; what was typed travels with each question, and nothing is kept.
"""

from __future__ import annotations

import ast
import math
import operator
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...digits import Typed, read_number
from ...mistakes import MISTAKES
from ...mistakes.diagnosis import FINEST, fits
from ...paper import KINDS, LARGEST_SEED, Cell
from ...worksheet import answer_of, grids, make_worksheet, mark_cell, rules, to_html
from ...worksheet import mark as mark_all
from .guard import Json, Refusal, whole
from .sheet import Section, Sheet
from .texts import Words

MOST = 4  # blanks of one sheet
SIGNS = "ⓐⓑⓒⓓ"
CLOSE = 6e-4  # how far a number may lie from what its rounded digits give, and still be asked for


@dataclass(frozen=True)
class Blank:
    """A number of a sheet that can be worked out: where it stands, as written, and as worked out.

    place: section, "table" or "lines", row, column. label: of its line or row.
    """

    place: tuple[int, str, int, int]
    label: str
    written: str
    worked: float


def blanked(sheet: Sheet, asked: Mapping[str, Any], words: Words) -> Json:
    """A sheet with blanks, and marks for what was given: {sign: text}. Raises ``Refusal``."""
    seed, given = _asked(asked)
    every = blanks_of(sheet.sections)
    if not every:
        raise Refusal("nothing_by_hand")
    chosen = sorted(random.Random(seed).sample(range(len(every)), min(MOST, len(every))))
    blanks = dict(zip(SIGNS, (every[i] for i in chosen), strict=False))
    known = sheet.slips() if sheet.slips is not None and given else {}
    marks = {
        sign: _mark(blanks[sign], text, known.get(blanks[sign].label, ()), words)
        for sign, text in given.items() if sign in blanks
    }  # fmt: skip
    last = max(blank.place[0] for blank in blanks.values())  # what only follows would tell the answers
    sections = veiled(sheet.sections[: last + 1], blanks)
    shown: Json = {"title": sheet.title, "sections": sections, "marks": marks}
    if asked.get("reveal") is True:
        shown["answers"] = {sign: blank.written for sign, blank in blanks.items()}
    return shown


def _asked(asked: Mapping[str, Any]) -> tuple[int, dict[str, str]]:
    """The seed, and what was typed: at most a hundred short texts; empty ones are left out."""
    given = asked.get("given", {})
    if not isinstance(given, dict) or len(given) > 100:
        raise Refusal("bad_request")
    if not all(isinstance(text, str) and len(text) <= 200 for pair in given.items() for text in pair):
        raise Refusal("bad_request")
    return whole(asked.get("seed"), LARGEST_SEED), {id: text for id, text in given.items() if text.strip()}


def blanks_of(sections: Sequence[Section]) -> list[Blank]:
    """Every number of a sheet that is the result of what stands before it, in reading order."""
    found: list[Blank] = []
    before = ""
    for place, section in enumerate(sections):
        before += f" {section.text}"
        table = section.table
        rows = table.rows if table else ()
        for i, row in enumerate(rows):
            total = table is not None and table.total and i == len(rows) - 1
            before += " " + " ; ".join(row[:-1])
            worked = _summed(rows) if total else _product(row)
            found += _result((place, "table", i, len(row) - 1), row[0], row[-1], worked, before)
            before += f" ; {row[-1]}"
        for i, (label, formula, value) in enumerate(section.lines):
            before += f" {formula}"
            found += _result((place, "lines", i, 2), label, value, work_out(formula), before)
            before += f" ; {value}"
    return found


def _result(
    place: tuple[int, str, int, int], label: str, written: str, worked: float | None, before: str
) -> list[Blank]:
    """[the blank], if the digits give the number, it is not 0, and it stands nowhere before."""
    number = _float(written)
    if number is None or worked is None or number == 0 or not math.isfinite(number):
        return []
    if abs(worked - number) > CLOSE * max(1.0, abs(number)) or _token(written).search(before):
        return []
    return [Blank(place, label, written, worked)]


def _summed(rows: Sequence[Sequence[str]]) -> float | None:
    """The last column above a total."""
    numbers = [_float(row[-1]) for row in rows[:-1]]
    return None if len(numbers) < 2 or None in numbers else math.fsum(n for n in numbers if n is not None)


def _product(row: Sequence[str]) -> float | None:
    """The factors between a row's name and its product."""
    factors = [_float(text) for text in row[1:-1]]
    if len(factors) < 2 or None in factors:
        return None
    return math.prod(factor for factor in factors if factor is not None)


def _float(text: str) -> float | None:
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text).replace("−", "-")
    return float(plain) if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", plain) else None


OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


def work_out(formula: str) -> float | None:
    """What a formula of the page gives; None where it is no formula, or no more than a number.

    >>> work_out("2 × (3.5 - 1)"), work_out("3.5"), work_out("the sum of a row")
    (5.0, None, None)
    """
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", formula)
    for sign, ours in (("×", "*"), ("−", "-")):
        plain = plain.replace(sign, ours)
    try:
        body = ast.parse(plain, mode="eval").body
        return _value(body) if isinstance(body, ast.BinOp | ast.Call) else None
    except (SyntaxError, ValueError, KeyError, ArithmeticError, RecursionError):
        return None


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](_value(left), _value(right))
        case ast.Call(func=ast.Name(id="exp"), args=[inner]):
            return math.exp(_value(inner))
    raise ValueError(f"not a formula: {ast.dump(node)}")


def _token(written: str) -> re.Pattern[str]:
    """A number as a word of its own: 1.5 is neither in 21.5 nor in -1.5."""
    return re.compile(rf"(?<![\w.-]){re.escape(written)}(?![\w.])")


def veiled(sections: Sequence[Section], blanks: Mapping[str, Blank]) -> list[Json]:
    """The sections with {"blank": sign} in the place of a number, and the sign wherever else it stands."""
    signs = {blank.place: sign for sign, blank in blanks.items()}

    def hide(text: str) -> str:
        for sign, blank in blanks.items():
            text = _token(blank.written).sub(sign, text)
        return text

    def entries(row: Sequence[str], k: int, part: str, i: int) -> list[object]:
        return [
            {"blank": signs[k, part, i, j]} if (k, part, i, j) in signs else hide(text)
            for j, text in enumerate(row)
        ]

    shown = []
    for k, section in enumerate(sections):
        new = section.encode() | {"text": hide(section.text)}
        if section.table is not None:
            rows = [entries(row, k, "table", i) for i, row in enumerate(section.table.rows)]
            new["table"] = section.table.encode() | {"rows": rows}
        if section.lines:
            new["lines"] = [entries(line, k, "lines", i) for i, line in enumerate(section.lines)]
        shown.append(new)
    return shown


def _mark(blank: Blank, text: str, known: Sequence[tuple[str, float]], words: Words) -> Json:
    try:
        typed = read_number(text)
    except ValueError:
        return {"verdict": "unreadable", "says": words("hand.unreadable")}
    right = float(_float(blank.written) or 0.0)
    away = min(abs(typed.value - right), abs(typed.value - blank.worked))
    fine = FINEST * max(1.0, abs(right))
    if away <= max(min(typed.half_unit, fine), 1.1e-4 * max(1.0, abs(right))):
        return _said("right", words)
    if typed.half_unit > fine and away <= typed.half_unit:
        return _said("coarse", words)
    return _said("wrong", words, _named(typed, right, known))


def _named(typed: Typed, right: float, known: Sequence[tuple[str, float]]) -> str:
    """The one mistake that gives this number, "" for none or several."""
    keys = {key for key, wrong in known if abs(wrong - right) > 2 * FINEST and fits(typed, wrong)}
    return keys.pop() if len(keys) == 1 else ""


def _said(verdict: str, words: Words, mistake: str = "") -> Json:
    says = MISTAKES[mistake].says[words.language] if mistake else words(f"hand.{verdict}")
    said: Json = {"verdict": verdict, "says": says}
    return said | ({"mistake": mistake} if mistake else {})


def paper(asked: Mapping[str, Any], words: Words) -> Json:
    """A drawn sheet (:mod:`attention.worksheet`) with its blanks, marked; "print": as a page, or its key."""
    seed, given = _asked(asked)
    kind, lang = asked.get("paper"), words.language
    if kind not in KINDS:
        raise Refusal("bad_request")
    work = make_worksheet(seed, seed, kind=kind)
    if asked.get("print") in ("sheet", "key"):
        return {"html": to_html(work, lang, key=asked["print"] == "key")}
    blanks = {f"{cell.table}.{cell.row}.{cell.column}": cell for cell in work.blanks}
    marks: dict[str, Json] = {}
    readable: dict[Cell, str] = {}
    for id, text in given.items():
        if id not in blanks:
            continue
        try:
            found = mark_cell(work.sheet, blanks[id], text)
        except ValueError:
            marks[id] = {"verdict": "unreadable", "says": words("hand.unreadable")}
            continue
        readable[blanks[id]] = text
        marks[id] = _said(found.verdict, words, found.mistake)
    shown: Json = {
        "title": words("hand.paper_title", seed=seed),
        "sections": _sections(work, words),
        "marks": marks,
    }
    for id, one in marks.items():
        table, row, column = blanks[id]
        one["at"] = words("hand.place", table=words(f"hand.{table}"), row=row + 1, column=column + 1)
    if readable:
        _, together = mark_all(work.sheet, readable)
        if together is not None and not any(one.get("mistake") for one in marks.values()):
            shown["together"] = together.says[lang]
    if asked.get("reveal") is True:
        shown["answers"] = {id: answer_of(work.sheet, cell) for id, cell in blanks.items()}
    return shown


def _sections(work: Any, words: Words) -> list[Json]:
    sections: list[Json] = [{"title": "", "text": rules(work.sheet, words.language)}]
    for heading, rows in grids(work, words.language):
        entries = [
            [
                str(i + 1),
                *({"blank": f"{x.table}.{x.row}.{x.column}"} if isinstance(x, Cell) else x for x in row),
            ]
            for i, row in enumerate(rows)
        ]
        columns = ["", *(str(j + 1) for j in range(len(rows[0])))]
        sections.append({"title": heading, "text": "", "table": {"columns": columns, "rows": entries}})
    return sections
