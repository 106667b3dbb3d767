"""Each of twelve wrong implementations is told by its numbers, and chance is not."""

from __future__ import annotations

import math

import pytest
import torch

from attention.mistakes import MISTAKES, changed_cells, diagnose, diagnose_sheet, wrong_tables
from attention.mistakes.__main__ import measure_chance, measure_named
from attention.paper import KINDS, Cell, Sheet, cells, draw, number, tables
from attention.pooling import attend

WAYS = [(key, kind, way) for key, m in MISTAKES.items() for kind in m.kinds for way in range(len(m.ways))]


def test_all_twelve_are_there():
    assert len(MISTAKES) == 12
    for mistake in MISTAKES.values():
        assert set(mistake.says) == {"en", "zh"} and set(mistake.kinds) <= set(KINDS)


@pytest.mark.parametrize(("key", "kind", "way"), WAYS)
def test_a_wrong_implementation_is_named_and_never_misnamed(key, kind, way):
    found = measure_named(key, kind, sheets=30, way=way)
    assert found.sheets >= 0.95 and found.by_one_cell > 0.3 and found.misnamed == 0


@pytest.mark.parametrize("kind", KINDS)
def test_right_numbers_are_no_mistake(kind):
    for seed in range(10):
        sheet = draw(seed, kind)
        given = {cell: f"{number(sheet, cell):.3f}" for cell in cells(sheet)}
        assert diagnose_sheet(sheet, given) is None
        assert all(diagnose(sheet, cell, text) is None for cell, text in given.items())


def test_the_sheet_is_attend():
    sheet = draw(3)
    query, key, value, mask = sheet.tensors()
    torch.testing.assert_close(tables(sheet)["output"], attend(query, key, value, mask).output)
    shares = tables(sheet)["numerator"] / tables(sheet)["denominator"].clamp(min=1e-9)
    torch.testing.assert_close(shares, tables(sheet)["weight"])


def by_hand() -> Sheet:
    """Scores raw 4, 0, 0, 0; scaled by 1/2: 2, 0, 0, 0."""
    rows = ((2.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0,) * 4)
    keys = ((2.0, 0.0, 0.0, 0.0), (0.0,) * 4, (0.0,) * 4, (0.0,) * 4)
    values = ((9.0, 1.0), (2.0, 5.0), (4.0, 0.0), (7.0, 3.0))
    mask = ((True, True, True, False),) * 2 + ((False,) * 4,)
    return Sheet("attention", 0, rows, keys, values, mask, (True, True, False), 0.5, 64)


@pytest.mark.parametrize(
    ("key", "cell", "expected"),
    [
        ("no_scale", Cell("weight", 0, 0), math.exp(4) / (math.exp(4) + 2)),
        ("scale_by_d_model", Cell("weight", 0, 0), math.exp(0.5) / (math.exp(0.5) + 2)),
        ("unmasked", Cell("weight", 0, 0), math.exp(2) / (math.exp(2) + 3)),
        ("not_renormalised", Cell("weight", 0, 3), 0.0),
        ("minus_1e9", Cell("weight", 2, 1), 0.25),
        ("softmax_before_scaling", Cell("weight", 0, 0), 0.5 * math.exp(4) / (math.exp(4) + 2)),
        ("softmax_axis", Cell("weight", 0, 0), math.exp(2) / (math.exp(2) + 1)),
        ("no_shift", Cell("numerator", 0, 0), math.exp(2)),
        ("base", Cell("weight", 0, 0), 4 / (4 + 2)),
    ],
)
def test_mistakes_by_hand(key, cell, expected):
    assert wrong_tables(by_hand(), key)[cell.table][cell.row, cell.column].item() == pytest.approx(expected)


def test_sign_of_a_distance_and_mean_over_padding_by_hand():
    sheet = Sheet(
        "distance", 0, ((0.0,),), ((0.0,), (2.0,)), ((1.0,), (5.0,)), ((True, True),), (True,), 1.0, 1
    )
    weight = wrong_tables(sheet, "distance_sign")["weight"][0, 1].item()
    assert weight == pytest.approx(math.exp(2) / (math.exp(2) + 1))
    right, wrong = tables(by_hand())["mean"], wrong_tables(by_hand(), "mean_over_padding")["mean"]
    torch.testing.assert_close(wrong, right * 2 / 3)  # the padding's output is 0, but it is counted


def test_the_shift_makes_no_difference_to_weights_and_says_so():
    assert not [cell for cell in changed_cells(draw(0), "no_shift") if cell.table in ("weight", "output")]
    assert MISTAKES["no_shift"].mute
    assert torch.tensor(89.0).exp().isinf() and torch.tensor(88.7).exp().isfinite()
    assert torch.tensor(12.0, dtype=torch.float16).exp().isinf()


def test_few_digits_are_not_diagnosed():
    assert diagnose(draw(0), Cell("weight", 1, 0), "0.0") is None
    with pytest.raises(ValueError, match="on a sheet of kind attention"):
        wrong_tables(draw(0), "distance_sign")


@pytest.mark.parametrize("key", MISTAKES)
def test_each_mistake_is_named_on_nearly_all_of_200_sheets(key):
    kind, named = MISTAKES[key].kinds[0], 0
    for seed in range(200):
        sheet = draw(seed, kind)
        wrong = wrong_tables(sheet, key)
        given = {cell: f"{wrong[cell.table][cell.row, cell.column].item():.3f}" for cell in cells(sheet)}
        found = diagnose_sheet(sheet, given)
        named += found is not None and found.key == key
    assert named >= 190


def test_two_in_a_hundred_random_numbers_at_most_are_named():
    assert measure_chance(1000) <= 0.02
