"""Padding: what a sentence's output owes to it, against sums written out."""

from __future__ import annotations

import math

import pytest
import torch

from attention.padding import drift, read_batch


def output_of(numbers: list[float], zeros: int) -> list[float]:
    """Self-attention of single numbers with so many zeros behind them, nothing masked: exp(q k) by hand."""
    keys = numbers + [0.0] * zeros
    rows = [[math.exp(q * k) for k in keys] for q in numbers]
    return [sum(e * k for e, k in zip(row, keys, strict=True)) / sum(row) for row in rows]


def test_drift_is_the_way_from_the_sentence_alone_padding_by_padding():
    lines, alone = ["1 2", "3 1 2"], output_of([1.0, 2.0], 0)
    expected = [
        max(abs(a - b) for a, b in zip(output_of([1.0, 2.0], zeros), alone, strict=True))
        for zeros in range(6)
    ]
    assert expected[0] == 0 < expected[1] < expected[5]
    assert drift(lines, "none", most=5).tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["padding", "causal", "both"])
def test_behind_a_mask_nothing_drifts(kind):
    """Padding stands behind the sentence, so a causal mask hides it, too."""
    assert drift(["a cat sat", "the dog"], kind).abs().max() < 1e-6


def test_a_batch_is_as_long_as_its_longest_line_and_the_extra():
    batch = read_batch(["1 2", "3 1 2"], extra=2)
    assert batch.lengths.tolist() == [2, 3] and batch.vectors.shape == (2, 5, 1)
    assert torch.equal(batch.vectors[0, :, 0], torch.tensor([1.0, 2.0, 0.0, 0.0, 0.0]))
