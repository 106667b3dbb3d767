"""Twelve items: computed answers, wrong choices from named mistakes, twins with other numbers."""

from __future__ import annotations

import pytest

from attention.misconceptions import APART, LOOK, make_item, make_test, score
from attention.mistakes import MISTAKES, wrong_tables
from attention.paper import number


@pytest.mark.parametrize("seed", range(3))
def test_every_choice_is_right_or_what_a_named_mistake_gives(seed):
    for item in (*make_test(seed), *make_test(seed, after=True)):
        assert 2 <= len(item.choices) <= 4 and item.mistake in {c.mistake for c in item.choices}
        assert item.right_number == number(item.sheet, item.cell) and item.choices[item.right].mistake == ""
        for choice in item.choices:
            if choice.mistake:
                ways = range(len(MISTAKES[choice.mistake].ways))
                made = [wrong_tables(item.sheet, choice.mistake, way)[item.cell.table] for way in ways]
                assert any(table[item.cell.row, item.cell.column].item() == choice.number for table in made)
        numbers = sorted(choice.number for choice in item.choices)
        assert min(b - a for a, b in zip(numbers, numbers[1:], strict=False)) >= APART - 1e-9


def test_all_twelve_mistakes_are_asked_for_once():
    assert [item.mistake for item in make_test(0)] == list(LOOK)
    assert set(LOOK) == set(MISTAKES) and len(LOOK) == 12


def test_twins_ask_the_same_of_other_numbers():
    before, after = make_test(4), make_test(4, after=True)
    assert before == make_test(4)
    for one, two in zip(before, after, strict=True):
        assert one.mistake == two.mistake and one.sheet != two.sheet


def test_the_right_choice_stands_in_every_place():
    assert {make_item("no_scale", seed).right for seed in range(12)} >= {0, 1, 2}


def test_scores_count_right_answers_and_chosen_mistakes():
    test = make_test(1)
    assert score(test, [item.right for item in test]) == score(test, [i.right for i in test])
    assert score(test, [item.right for item in test]).right == 12
    wrong = [next(p for p, c in enumerate(item.choices) if c.mistake == item.mistake) for item in test]
    found = score(test, wrong)
    assert (found.right, found.chosen) == (0, dict.fromkeys(MISTAKES, 1))
    assert score(test, [None] * 12).chosen == {}
    for bad in ([0], [9] * 12):
        with pytest.raises(ValueError):
            score(test, bad)


def test_prompts_in_both_languages():
    item = make_test(2)[0]
    assert item.prompt() != item.prompt("zh") and str(item.cell.row + 1) in item.prompt("zh")
