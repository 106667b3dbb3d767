"""The arithmetic of the tiles: a weight made again from one stored number, and the running state."""

from __future__ import annotations

import math

import torch

from .....cell import explain
from ....page.guard import Refusal
from ....page.players import frame_at
from ....page.scene import Place
from ....page.sheet import Grid, Section, Sheet, bracketed, cell_sheet, show
from ....page.texts import Words
from .study import Study, V


def names(count: int, letter: str) -> list[str]:
    """q1, q2, ... or k1, k2, ..."""
    return [f"{letter}{i + 1}" for i in range(count)]


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A weight from its score and one stored number, or a number of the running state after a step."""
    n, m = s.shape
    if place.panel == "tiles" and place.frame:
        place = place.within(n, 3 + V)
        return state_sheet(s, words, frame_at(place.frame, len(s.steps)), place.row, place.column)
    if place.panel not in ("weights", "tiles"):
        raise Refusal("no_such_cell")
    place = place.within(n, m)
    return weight_sheet(s, words, place.row, place.column)


def weight_sheet(s: Study, words: Words, row: int, column: int) -> Sheet:
    """The score from its products, lse from maximum and sum, and the weight in two ways."""
    cell = explain(s.query, s.key, s.value, row, column, s.mask)
    usual = cell_sheet(cell, words, f"q{row + 1}", f"k{column + 1}")
    last = next(step for step in reversed(s.steps) if step.rows.start <= row < step.rows.stop)
    if not cell.allowed:
        return usual
    i = row - last.rows.start
    maximum, total = last.maximum[i, 0].item(), last.total[i, 0].item()
    lse, score = s.lse[row].item(), s.scores[row, column].item()
    lines = [
        (words("cost.tiles_maximum"), "", show(maximum)),
        (words("cost.tiles_total"), "", show(total)),
        (words("cost.tiles_lse"), f"{show(maximum)} + ln({show(total)})", show(lse)),
        (words("cost.tiles_made_again"), f"exp({show(score)} - {bracketed(lse)})", show(cell.weight)),
    ]
    title = words("cost.tiles_lse_title")
    return usual.then(Section(title, words("cost.tiles_lse_text", row=row + 1), lines=lines))


def state_sheet(s: Study, words: Words, at: int, row: int, column: int) -> Sheet:
    """Maximum, factor, sum or output of one row after one tile: from what stood before and the tile."""
    step, before = s.steps[at], s.before(at)
    i = row - step.rows.start
    if not 0 <= i < step.rows.stop - step.rows.start or step.scores is None:
        raise Refusal("no_such_cell")
    old = -math.inf if before is None else before.maximum[i, 0].item()
    new, factor = step.maximum[i, 0].item(), step.rescale[i, 0].item()
    scores = step.scores[i]
    title = words("cost.tiles_state_title", row=row + 1, step=at + 1)
    keys = names(len(s.key), "k")[step.columns]
    largest = [(words("cost.tiles_old_maximum"), "", show(old))]
    largest += [
        (words("cost.tiles_score_of", key=key), "", show(x))
        for key, x in zip(keys, scores.tolist(), strict=True)
    ]
    largest.append((words("cost.tiles_new_maximum"), words("cost.tiles_largest_of"), show(new)))
    sections = [Section(words("cost.tiles_maximum"), lines=largest)]
    if new == -math.inf:
        return Sheet(
            title, [Section(words("cost.tiles_maximum"), words("cost.tiles_nothing_yet"), lines=largest)]
        )
    if column >= 1:
        lines = [(words("cost.tiles_factor"), f"exp({show(old)} - {bracketed(new)})", show(factor))]
        sections.append(Section(words("cost.tiles_factor"), words("cost.tiles_factor_text"), lines=lines))
    if column >= 2:
        sections.append(sum_section(s, words, at, i, None if column == 2 else column - 3, keys))
    return Sheet(title, sections)


def sum_section(s: Study, words: Words, at: int, i: int, feature: int | None, keys: list[str]) -> Section:
    """Old sum times factor, plus the tile's numerators (times a value's feature)."""
    step, before = s.steps[at], s.before(at)
    assert step.scores is not None
    terms = torch.exp(step.scores[i] - step.maximum[i, 0])
    factor = step.rescale[i, 0].item()
    if feature is None:
        old = 0.0 if before is None else before.total[i, 0].item()
        rows = [[words("cost.tiles_kept"), f"{show(old)} × {show(factor)}", show(old * factor)]]
        rows += [
            [key, f"exp({show(score)} - {bracketed(step.maximum[i, 0].item())})", show(term)]
            for key, score, term in zip(keys, step.scores[i].tolist(), terms.tolist(), strict=True)
        ]
        rows.append([words("sheet.sum"), "", show(step.total[i, 0].item())])
        columns = [words("sheet.key"), words("cost.tiles_formula"), words("cost.tiles_part")]
        return Section(words("cost.tiles_total"), table=Grid(columns, rows, total=True))
    values = s.value[step.columns, feature]
    old = 0.0 if before is None else before.output[i, feature].item()
    rows = [[words("cost.tiles_kept"), show(factor), show(old), show(old * factor)]]
    rows += [
        [key, show(term), show(value), show(term * value)]
        for key, term, value in zip(keys, terms.tolist(), values.tolist(), strict=True)
    ]
    rows.append([words("sheet.sum"), "", "", show(step.output[i, feature].item())])
    columns = [words("sheet.key"), words("cost.tiles_term"), words("sheet.value"), words("sheet.product")]
    title, text = words("cost.tiles_output", feature=feature + 1), words("cost.tiles_output_text")
    return Section(title, text, Grid(columns, rows, total=True))
