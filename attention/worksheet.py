"""A sheet to fill in by hand: which cells are blank, which numbers are right, and a page to print.

Drawn from a seed, blanked by a seed, so a link carries two numbers and anyone can mark it again.

>>> work = make_worksheet(seed=0, blank_seed=0)
>>> mark_cell(work.sheet, Cell("weight", 2, 0), "0").verdict
'right'
>>> mark_cell(work.sheet, Cell("weight", 2, 0), "0,25").mistake
'minus_1e9'
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from .digits import read_number
from .mistakes import MISTAKES, Mistake, diagnose, diagnose_sheet, is_right
from .paper import TABLES, Cell, Sheet, cells, draw, number, tables

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Attention by hand", "手算注意力"),
    "key_title": ("Key", "答案"),
    "name": ("Name", "姓名"),
    "given": ("Given", "已知"),
    "sheet": ("sheet", "题号"),
    "query": ("query", "查询"),
    "key": ("key", "键"),
    "value": ("value", "值"),
    "score": ("score = scale × q·k", "分数 = 缩放系数 × q·k"),
    "score_distance": ("score = -(q - k)² / (2 h²)", "分数 = -(q - k)² / (2 h²)"),
    "numerator": ("numerator = exp(score - largest of the row)", "分子 = exp(分数 - 本行最大值)"),
    "denominator": ("denominator = sum of the row", "分母 = 本行分子之和"),
    "weight": ("weight = numerator / denominator", "权重 = 分子 / 分母"),
    "output": ("output = sum of weight × value", "输出 = 权重 × 值 之和"),
    "entropy": ("entropy = -sum of w ln w", "熵 = -Σ w ln w"),
    "mean": ("mean of the outputs of real queries", "真实查询的输出的平均"),
    "attention": (
        "d = {d}, d_model = {d_model}, scale = 1/√d. The last key is padding and may not be attended; the "
        "last query is padding and may attend to nothing: its weights are 0.",
        "d = {d}，d_model = {d_model}，缩放系数 = 1/√d。最后一个键是填充，不许看；"
        "最后一个查询也是填充，什么都不许看，它的权重全是 0。",
    ),
    "distance": ("Bandwidth h = {h}.", "带宽 h = {h}。"),
    "digits": ("Write three decimals.", "请写三位小数。"),
}
BLANK = "____"


@dataclass(frozen=True)
class Worksheet:
    """A sheet and the cells left blank, in reading order."""

    sheet: Sheet
    blanks: tuple[Cell, ...]


@dataclass(frozen=True)
class CellMark:
    """verdict: "right", "wrong", or "coarse": rounds to the right number, but with too few digits.

    mistake: key of the one that gives this number, "" for none or several. expected: the number.
    """

    verdict: str
    expected: float
    mistake: str = ""


def make_worksheet(seed: int, blank_seed: int = 0, blanks: int = 8, kind: str = "attention") -> Worksheet:
    """Draw a sheet and blank ``blanks`` cells, every table once before any of them twice.

    Raises ``ValueError`` for a seed or kind outside (see :func:`attention.paper.draw`) and for a
    number of blanks from outside 1 to the number of cells.
    """
    sheet = draw(seed, kind)
    places = cells(sheet)
    if isinstance(blanks, bool) or not isinstance(blanks, int) or not 1 <= blanks <= len(places):
        raise ValueError(f"blanks must be a whole number from 1 to {len(places)}, got {blanks!r}")
    generator = torch.Generator().manual_seed(blank_seed)
    shuffled = [places[i] for i in torch.randperm(len(places), generator=generator).tolist()]
    rank: dict[Cell, int] = {}
    seen: dict[str, int] = {}
    for cell in shuffled:
        rank[cell] = seen[cell.table] = seen.get(cell.table, 0) + 1
    chosen = set(sorted(shuffled, key=lambda cell: rank[cell])[:blanks])
    return Worksheet(sheet, tuple(cell for cell in places if cell in chosen))


def mark_cell(sheet: Sheet, cell: Cell, text: str) -> CellMark:
    """Mark what was typed. Raises ``ValueError`` with a sentence when it is no number."""
    typed = read_number(text)
    expected = number(sheet, cell)
    if is_right(sheet, cell, typed):
        return CellMark("right", expected)
    found = diagnose(sheet, cell, typed)
    if found is None and abs(typed.value - expected) <= typed.half_unit:
        return CellMark("coarse", expected)
    return CellMark("wrong", expected, "" if found is None else found.key)


def mark(sheet: Sheet, answers: Mapping[Cell, str]) -> tuple[dict[Cell, CellMark], Mistake | None]:
    """Every cell marked alone, and the one mistake that explains all of them together, if any."""
    marks = {cell: mark_cell(sheet, cell, text) for cell, text in answers.items()}
    whole = diagnose_sheet(sheet, answers) if answers else None
    return marks, whole


def say(key: str, lang: str = "en") -> str:
    """The sentence of a mistake, "en" or "zh"."""
    return MISTAKES[key].says[lang]


def _word(key: str, lang: str) -> str:
    if lang not in ("en", "zh"):
        raise ValueError(f"lang must be en or zh, got {lang!r}")
    return WORDS[key][lang == "zh"]


def _number(value: float) -> str:
    """Whole numbers as such, others with three decimals."""
    return f"{value + 0.0:.0f}" if value == round(value) else f"{value:.3f}"


def grids(work: Worksheet, lang: str) -> list[tuple[str, list[list[str | Cell]]]]:
    """(heading, rows) of every table, the given ones first; a blank is its :class:`Cell`."""
    sheet = work.sheet
    found: list[tuple[str, list[list[str | Cell]]]] = [
        (_word("given", lang) + ": " + _word(name, lang), [[_number(x) for x in row] for row in rows])
        for name, rows in (("query", sheet.query), ("key", sheet.key), ("value", sheet.value))
    ]
    blanks, asked = set(work.blanks), set(cells(sheet))
    for name in TABLES:
        rows = []
        for i, row in enumerate(tables(sheet)[name].tolist()):
            line: list[str | Cell] = []
            for j, value in enumerate(row):
                cell = Cell(name, i, j)
                line.append(cell if cell in blanks else _number(value) if cell in asked else "-")
            rows.append(line)
        heading = "score_distance" if name == "score" and sheet.kind == "distance" else name
        found.append((_word(heading, lang), rows))
    return found


def answer_of(sheet: Sheet, cell: Cell) -> str:
    """The right number of a cell, as a key shows it."""
    return _number(number(sheet, cell))


def _grids(work: Worksheet, lang: str, key: bool) -> list[tuple[str, list[list[str]]]]:
    """The same on paper: blanks as room to write, or filled in, in brackets, with ``key``."""

    def written(entry: str | Cell) -> str:
        if isinstance(entry, str):
            return entry
        return f"[{answer_of(work.sheet, entry)}]" if key else BLANK

    return [
        (heading, [[written(entry) for entry in row] for row in rows]) for heading, rows in grids(work, lang)
    ]


def rules(sheet: Sheet, lang: str) -> str:
    """What is to be known beside the numbers given."""
    about = _word(sheet.kind, lang).format(d=sheet.d, d_model=sheet.d_model, h=f"{sheet.bandwidth:g}")
    return f"{about} {_word('digits', lang)}"


def _title(work: Worksheet, lang: str, key: bool) -> str:
    title = f"{_word('title', lang)} · {_word('sheet', lang)} {work.sheet.kind} {work.sheet.seed}"
    return f"{title} · {_word('key_title', lang)}" if key else title


def to_text(work: Worksheet, lang: str = "en", key: bool = False) -> str:
    """The worksheet as plain text; ``key=True``: the same with the blanks filled in, in brackets."""
    lines = [_title(work, lang, key), "", rules(work.sheet, lang)]
    for heading, rows in _grids(work, lang, key):
        width = max(len(text) for row in rows for text in row)
        lines += ["", heading, *("  " + "  ".join(text.rjust(width) for text in row) for row in rows)]
    return "\n".join(lines) + "\n"


def to_html(work: Worksheet, lang: str = "en", key: bool = False) -> str:
    """The same as a whole HTML document that prints on one sheet of A4 and loads nothing."""
    parts = []
    for heading, rows in _grids(work, lang, key):
        body = "".join("<tr>" + "".join(f"<td>{html.escape(x)}</td>" for x in row) + "</tr>" for row in rows)
        parts.append(f"<table><caption>{html.escape(heading)}</caption>{body}</table>")
    title = html.escape(_title(work, lang, key))
    name = "" if key else f"<p>{_word('name', lang)}: ______________________</p>"
    code = "zh-CN" if lang == "zh" else "en"
    return (
        f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"><title>{title}</title><style>'
        "body{font:11pt system-ui,sans-serif;margin:1.5cm}"
        "table{display:inline-table;border-collapse:collapse;"
        "margin:0 1cm .5cm 0;break-inside:avoid}caption{text-align:left;font-weight:600}"
        "td{border:1px solid #777;padding:.15cm .3cm;text-align:right;min-width:1.1cm}"
        f"</style></head><body><h1>{title}</h1>{name}<p>{html.escape(rules(work.sheet, lang))}</p>"
        f"{''.join(parts)}</body></html>\n"
    )
