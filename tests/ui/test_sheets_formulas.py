"""Every formula on every sheet is worked out from the digits beside it and compared with its value.

A number written as 0.0674 stands for anything from 0.06735 to 0.06745, so the sums are done with
intervals: a formula is right if what it gives and what is written beside it can be the same number.
"""

from __future__ import annotations

import ast
import contextlib
import math
import random
import re
from decimal import Decimal

import pytest

from attention.ui import TABS
from attention.ui.page.fields import check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import complete
from attention.ui.page.scene import Place, Unready
from attention.ui.page.sheet import cell_sheet, show
from attention.ui.page.texts import words_for

WORDS = words_for("en")
# formulas in words, which cannot be worked out from what the sheet shows; each with its reason
IN_WORDS = {
    "": "a number that is given, not computed",
    "Σ": "the sum of the table above, whose total row is held against it by test_totals",
    "(A + I) / 2": "matrices: one step of rollout",
    WORDS("sheet.denominator_formula"): "the row's other numerators stand on other sheets",
    WORDS("sheet.masked"): "a rule",
    WORDS("cost.tiles_largest_of"): "the maximum of the numbers above it",
    WORDS("sheet.empty_row"): "a rule: a row with nothing to attend gets zeros",
    WORDS("positions.lone_sine"): "the table of products beside it has the same term in digits",
}
BEGINS_IN_WORDS = {
    "E[": "a word's number as it was learned, only looked up",
    "x[": "a number of the vector that went in, shown in the picture",
    "Σ x / ": "the mean of that vector",
    "P[": "a position's number as it was learned, only looked up",
    WORDS("sheet.softcap"): "c tanh(s / c), where c is not on the sheet",
    WORDS("applications.came_from").split("{")[0]: "the weight of another cell, which was shuffled here",
}
SYMBOLS = {"×": "*", "^": "**", "−": "-", "∞": "inf", "π": "pi", "√": "sqrt"}
NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?"  # 9,216 as a person writes it


class Interval:
    """All numbers from low to high."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    @classmethod
    def written(cls, text: str) -> Interval:
        """What a written number may stand for; one without a decimal point is exact."""
        text = text.replace(",", "")
        number = Decimal(text)
        half = 0.0 if re.fullmatch(r"-?\d+", text) else 0.5 * 10.0 ** number.as_tuple().exponent
        return cls(float(number) - half, float(number) + half)

    def over(self, function) -> Interval:
        """A monotone function of one number."""
        ends = function(self.low), function(self.high)
        return Interval(min(ends), max(ends))

    def with_(self, other: Interval, function) -> Interval:
        ends = [function(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        ends = [0.0 if math.isnan(end) else end for end in ends]
        return Interval(min(ends), max(ends))

    def meets(self, other: Interval) -> bool:
        slack = 1e-6 * max(1.0, min(abs(self.low), abs(other.low)))
        return self.low <= other.high + slack and other.low <= self.high + slack


def exponential(x: float) -> float:
    return math.inf if x > 700 else math.exp(x)


def near(function):
    """cos and sin move no faster than their angle."""

    def apply(x: Interval) -> Interval:
        middle, half = function((x.low + x.high) / 2), (x.high - x.low) / 2
        return Interval(middle - half, middle + half)

    return apply


FUNCTIONS = {
    "exp": lambda x: x.over(exponential),
    "ln": lambda x: x.over(math.log),
    "tanh": lambda x: x.over(math.tanh),
    "sqrt": lambda x: x.over(math.sqrt),
    "cos": near(math.cos),
    "sin": near(math.sin),
}
TWO = {
    ast.Add: lambda a, b: a.with_(b, lambda x, y: x + y),
    ast.Sub: lambda a, b: a.with_(b, lambda x, y: x - y),
    ast.Mult: lambda a, b: a.with_(b, lambda x, y: x * y),
    ast.Div: lambda a, b: a.with_(b, lambda x, y: x / y),
    ast.Pow: lambda a, b: a.with_(b, lambda x, y: x**y),
}


def evaluate(formula: str) -> Interval:
    """Numbers, + - × / ^, exp, cos, sin, π, ∞ and parentheses; ``ValueError`` for anything else."""
    numbers: list[str] = []
    text = "".join(SYMBOLS.get(sign, sign) for sign in formula)
    text = re.sub(r"(?<=\d)(?=pi)", "*", text)

    def keep(match: re.Match[str]) -> str:
        numbers.append(match[0])
        return f"n[{len(numbers) - 1}]"

    text = re.sub(NUMBER, keep, text)
    try:
        return _value(ast.parse(text, mode="eval").body, numbers)
    except (SyntaxError, KeyError) as error:
        raise ValueError(f"not a formula: {formula!r}") from error


def _value(node: ast.expr, numbers: list[str]) -> Interval:
    match node:
        case ast.Subscript(value=ast.Name(id="n"), slice=ast.Constant(value=place)):
            return Interval.written(numbers[place])
        case ast.Name(id="inf"):
            return Interval(math.inf, math.inf)
        case ast.Name(id="pi"):
            return Interval(math.pi, math.pi)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _value(inner, numbers).over(lambda x: -x)
        case ast.BinOp(left=left, op=op, right=right):
            return TWO[type(op)](_value(left, numbers), _value(right, numbers))
        case ast.Call(func=ast.Name(id=name), args=[inner]):
            return FUNCTIONS[name](_value(inner, numbers))
    raise ValueError(f"not a formula: {ast.dump(node)}")


def is_number(text: str) -> bool:
    return re.fullmatch(rf"-?{NUMBER}", text) is not None


def check_lines(section) -> int:
    count = 0
    for label, formula, value in section.get("lines", []):
        if formula in IN_WORDS or any(formula.startswith(words) for words in BEGINS_IN_WORDS):
            continue
        assert evaluate(formula).meets(evaluate(value)), f"{label}: {formula} is not {value}"
        count += 1
    return count


def product_of(columns: list[str], row: list[str], place: int, weight: str | None) -> str | None:
    """The formula behind a cell of a table, by its column's heading; None where there is none."""
    heading, before = columns[place], row[1:place]
    if before[-1] in IN_WORDS:
        return None
    if heading == WORDS("sheet.contribution") and weight is not None:
        return f"{weight} × ({row[place - 1]})"
    if heading == WORDS("sheet.product") or " × " in heading:
        if len(before) == 1:  # the row holds its own formula
            return before[0]
        return " × ".join(f"({factor})" for factor in before) if all(before) else None
    if heading == WORDS("cost.cache_row_change"):
        return f"({row[place - 1]}) - ({row[place - 2]})"
    if heading.startswith("cos("):
        return f"cos({row[place - 1]})"
    return None


def check_tables(section, weight: str | None) -> int:
    table, count = section.get("table"), 0
    if table is None:
        return 0
    rows = table["rows"][:-1] if table.get("total") else table["rows"]
    for row in rows:
        for place in range(2, len(row)):
            formula = product_of(table["columns"], row, place, weight)
            if formula and row[place]:
                assert evaluate(formula).meets(evaluate(row[place])), (table["columns"], row)
                count += 1
    return count


def check_total(section) -> int:
    table, count = section.get("table"), 0
    if table is None or not table.get("total"):
        return 0
    *rows, total = table["rows"]
    for place in range(1, len(total)):
        cells = [row[place] for row in rows]
        if cells and is_number(total[place]) and all(map(is_number, cells)):
            summed = evaluate(" + ".join(f"({cell})" for cell in cells))
            assert summed.meets(evaluate(total[place])), (table["columns"][place], total)
            count += 1
    return count


def check(sheet) -> tuple[int, int, int]:
    sections = sheet["sections"]
    sums = [line for section in sections for line in section.get("lines", []) if line[1] == "Σ"]
    tables = [s["table"]["rows"][-1][-1] for s in sections if s.get("table", {}).get("total")]
    if sums and sums[0][0] == WORDS("sheet.score"):  # the score is the total of the table above
        assert sums[0][2] == tables[0]
    lines = [line for section in sections for line in section.get("lines", [])]
    weight = next((value for label, _, value in lines if label == WORDS("sheet.weight")), None)
    return (
        sum(map(check_lines, sections)),
        sum(check_tables(section, weight) for section in sections),
        sum(map(check_total, sections)),
    )


OPENED, TRIED = 4, 40  # sheets of a picture that are read, and cells that are asked for at most


def frames_of(drawn) -> list[str]:
    """What may follow the "@" of a panel's name: steps that were recorded, cards beside each other."""
    if drawn["kind"] == "player":
        return ["0", str(drawn["frames"]["shape"][0] - 1)]
    if drawn["kind"] == "decoders":
        return [card["id"] for card in drawn["cards"]]
    return ["", "0", "5"] if drawn["kind"] in ("circuit", "tiles", "memory") else [""]


def sheets_of(tab, changes):
    """(panel, sheet) of a few cells of every picture whose cells open, those that are drawn later too."""
    chance = random.Random(f"{tab.id} {sorted(changes.items())}")
    inputs = check_all(tab.id, tab.inputs, changes)
    scene = tab.scene_of(inputs)
    study = scene.study(inputs)
    # all heads of a larger model take seconds, and are the same pictures
    later = changes.get("model") != "minilm"
    for panel in complete(scene, study, "en") if later else scene.panels(study, WORDS):
        drawn = panel.encode()
        cells = [(row, column) for row in range(48) for column in (*range(14), 31, 63)]
        chance.shuffle(cells)
        for frame in frames_of(drawn) if drawn["id"] else ():
            opened = 0
            for tried, (row, column) in enumerate([(0, 0), (1, 1), *cells]):
                if opened == OPENED or tried == TRIED:
                    break
                with contextlib.suppress(Refusal):  # no such cell
                    sheet = scene.sheet(study, WORDS, Place(drawn["id"], row, column, frame)).encode()
                    opened += 1
                    yield drawn["id"], sheet


CASES = [(tab, changes) for tab in TABS for changes in ({}, *(given for _, given in tab.examples))]
IDS = [f"{tab.id}-{i}" for i, (tab, _) in enumerate(CASES)]
# pictures whose sheets hold nothing that could be worked out: names, what a model says, and by way of whom
WITHOUT = {"ids", "conventions", "lens", "reach"}


@pytest.mark.parametrize("tab, changes", CASES, ids=IDS)
def test_every_formula_gives_the_number_beside_it(tab, changes):
    worked: dict[str, int] = {}
    try:
        for panel, sheet in sheets_of(tab, changes):
            worked[panel] = worked.get(panel, 0) + sum(check(sheet))
    except Unready:  # a model of the hub, or of a package that is not there
        return
    assert {panel for panel, count in worked.items() if not count} <= WITHOUT


def some_cell(**options):
    import torch

    from attention import explain

    query, key, value = (torch.randn(n, 4, generator=torch.Generator().manual_seed(n)) for n in (3, 5, 5))
    cell = explain(query, key, value, 1, 2, temperature=0.5, **options)
    return cell_sheet(cell, WORDS, "q", "k").encode()


def replaced(sheet, old, new):
    """The same sheet with one formula changed."""
    lines = [line for section in sheet["sections"] for line in section.get("lines", []) if old in line[1]]
    assert lines, f"no formula with {old!r}"
    lines[0][1] = lines[0][1].replace(old, new)
    return sheet


def test_a_right_sheet_passes_and_is_really_read():
    lines, products, totals = check(some_cell())
    assert lines >= 3 and products >= 8 and totals >= 1


@pytest.mark.parametrize("old, new", [(" - ", " + "), ("exp(", "("), (" / ", " × "), (" × ", " + ")], ids=str)
def test_a_wrong_formula_is_caught(old, new):
    with pytest.raises((AssertionError, ValueError)):
        check(replaced(some_cell(), old, new))


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_wrong_product_or_total_is_caught(place):
    sheet = some_cell()
    row = sheet["sections"][0]["table"]["rows"][0]
    row[place] = show(float(row[place]) + 0.01)
    with pytest.raises(AssertionError):
        check(sheet)


def test_intervals_by_hand():
    assert evaluate("2 × (3 + 4) / 7").low == evaluate("2 × (3 + 4) / 7").high == 2
    assert evaluate("3 × 4,096 / 2").low == evaluate("6,144").high == 6144
    assert evaluate("exp(-∞)").high == 0 and evaluate("2π").low == 2 * math.pi
    written = evaluate("0.50")
    assert (round(written.low, 6), round(written.high, 6)) == (0.495, 0.505)
    assert evaluate("0.0821 / 1.2174").meets(evaluate("0.0674"))
    assert not evaluate("0.0821 / 1.2174").meets(evaluate("0.0676"))
    with pytest.raises(ValueError, match="not a formula"):
        evaluate("the sum of a row")
