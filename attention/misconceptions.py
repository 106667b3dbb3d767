"""Does it teach? A test of twelve items, one for each known mistake, before and after.

Every item asks for one number of a sheet (:mod:`attention.paper`) where its mistake shows; the right
choice is computed, and every wrong choice is what a named mistake gives there. The twin of an item
asks the same of other numbers. Scores say whether somebody is ready for such questions, not what
they learned from what.

>>> test = make_test(seed=0)
>>> len(test), test[0].mistake, test[0].right_number == number(test[0].sheet, test[0].cell)
(12, 'no_scale', True)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from .mistakes import MISTAKES, candidates, wrong_tables
from .paper import Cell, Sheet, draw, number

# where a mistake is looked for, the most telling table first
LOOK: dict[str, tuple[str, ...]] = {
    "no_scale": ("weight",),
    "scale_by_d_model": ("weight",),
    "softmax_axis": ("weight",),
    "unmasked": ("output",),
    "minus_1e9": ("weight",),
    "mean_over_padding": ("mean",),
    "softmax_before_scaling": ("weight",),
    "no_shift": ("numerator", "denominator"),
    "wrong_value_row": ("output",),
    "not_renormalised": ("output",),
    "distance_sign": ("weight", "output"),
    "base": ("weight",),
}
PROMPTS: dict[str, tuple[str, str]] = {
    "weight": (
        "What weight does query {row} give to key {column}?",
        "查询 {row} 给键 {column} 的权重是多少？",
    ),
    "output": ("What is output {row}, feature {column}?", "第 {row} 行输出的第 {column} 个特征是多少？"),
    "mean": (
        "What is the mean output of the real words, feature {column}?",
        "真实词的输出取平均，第 {column} 个特征是多少？",
    ),
    "numerator": (
        "Row {row}, key {column}: what is exp(score - largest of the row)?",
        "第 {row} 行、键 {column}：exp(分数 - 本行最大值) 是多少？",
    ),
    "denominator": (
        "Row {row}: what is the sum of exp(score - largest of the row)?",
        "第 {row} 行：exp(分数 - 本行最大值) 之和是多少？",
    ),
}
APART = 0.02  # two choices at least: nobody is asked to guess a rounding
MOST_CHOICES = 4
BETWEEN = 1_000_003  # a twin's seed is this far away


@dataclass(frozen=True)
class Choice:
    """A number offered, and the key of the mistake that gives it, "" for the right one."""

    number: float
    mistake: str


@dataclass(frozen=True)
class Item:
    """One question: the sheet it is about, the cell asked for, the choices in their order.

    mistake: the one it looks for, always among the choices. right: place of the right choice.
    """

    mistake: str
    sheet: Sheet
    cell: Cell
    choices: tuple[Choice, ...]
    right: int

    @property
    def right_number(self) -> float:
        """The number of the right choice."""
        return self.choices[self.right].number

    def prompt(self, lang: str = "en") -> str:
        """The question, rows and columns counted from 1 as people do."""
        words = PROMPTS[self.cell.table][lang == "zh"]
        return words.format(row=self.cell.row + 1, column=self.cell.column + 1)


@dataclass(frozen=True)
class Score:
    """right of total, and how often each mistake was chosen."""

    right: int
    total: int
    chosen: Mapping[str, int]


def make_item(mistake: str, seed: int) -> Item:
    """The item of a mistake drawn from a seed. Raises ``ValueError`` for an unknown mistake.

    Sheets are drawn from the seed on until one has a cell where the right number and two mistakes,
    this one among them, lie apart.
    """
    if mistake not in MISTAKES:
        raise ValueError(f"a mistake is one of {', '.join(MISTAKES)}, got {mistake!r}")
    kind = "distance" if mistake == "distance_sign" else "attention"
    generator = torch.Generator().manual_seed(seed)
    while True:
        sheet = draw(int(torch.randint(2**40, (), generator=generator)), kind)
        for cell in _places(sheet, mistake):
            choices = _choices(sheet, cell, mistake)
            # only an empty row has no third mistake
            if len(choices) >= (3 if mistake not in ("minus_1e9", "mean_over_padding") else 2):
                order = torch.randperm(len(choices), generator=generator).tolist()
                mixed = tuple(choices[place] for place in order)
                return Item(mistake, sheet, cell, mixed, order.index(0))


def _places(sheet: Sheet, mistake: str) -> list[Cell]:
    """The cells of the mistake's tables, in reading order."""
    found = []
    for table in LOOK[mistake]:
        shown = wrong_tables(sheet, mistake)[table]
        found += [Cell(table, i, j) for i in range(shown.shape[0]) for j in range(shown.shape[1])]
    return found


def _choices(sheet: Sheet, cell: Cell, mistake: str) -> list[Choice]:
    """The right number, the mistake's, then others, all apart; [] where the mistake does not show."""
    right = number(sheet, cell)
    wrong = wrong_tables(sheet, mistake)[cell.table][cell.row, cell.column].item()
    found = [Choice(right, ""), Choice(wrong, mistake)]
    if abs(wrong - right) < APART:
        return []
    others = candidates(sheet, cell)
    if any(key != mistake and abs(given - wrong) < 1e-9 for key, given in others):
        return []  # the choice would not tell which mistake it is
    for key, given in others:
        if len(found) < MOST_CHOICES and all(abs(given - choice.number) >= APART for choice in found):
            found.append(Choice(given, key))
    return found


def make_test(seed: int, after: bool = False) -> tuple[Item, ...]:
    """The twelve items of a seed; ``after=True``: their twins, the same mistakes in other numbers."""
    first = seed * len(LOOK) + (BETWEEN if after else 0)
    return tuple(make_item(mistake, first + place) for place, mistake in enumerate(LOOK))


def score(test: Sequence[Item], chosen: Sequence[int | None]) -> Score:
    """Count: chosen is the place of a choice for every item, None where nothing was chosen.

    Raises ``ValueError`` for another number of answers or a place that is no choice.
    """
    if len(chosen) != len(test):
        raise ValueError(f"{len(test)} items need as many answers, got {len(chosen)}")
    right, counts = 0, dict.fromkeys(MISTAKES, 0)
    for item, place in zip(test, chosen, strict=True):
        if place is None:
            continue
        if not 0 <= place < len(item.choices):
            raise ValueError(f"a choice is a number from 0 to {len(item.choices) - 1}, got {place}")
        right += place == item.right
        if item.choices[place].mistake:
            counts[item.choices[place].mistake] += 1
    return Score(right, len(test), {key: count for key, count in counts.items() if count})
