"""What the load bench calls equal: numbers, however many threads added them, and never a checksum."""

from __future__ import annotations

import pytest

from tests.bench.learners import same


@pytest.mark.parametrize(
    ("got", "want"),
    [
        ({"stamp": 1}, {"stamp": 2}),
        ({"x": 1.000001}, {"x": 1.000002}),
        ({"why": "weight 0.1234, 8.77e-04 of 12"}, {"why": "weight 0.1235, 8.78e-04 of 12"}),
        ([["q", "-1.20"]], [["q", "-1.21"]]),
    ],
)
def test_rounding_is_no_wrong_answer(got, want):
    assert same(got, want)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        ({"stamp": None}, {"stamp": 2}), ({"x": 1.0}, {"x": 1.1}), ("weight 0.12", "weight 0.14"),
        ("3 tokens", "4 tokens"), ("a 0.12", "b 0.12"), (None, "x"), ("0.12", None), ([1], [1, 2]),
    ],
)  # fmt: skip
def test_another_number_or_another_word_is(got, want):
    assert not same(got, want)
