"""The sheet of one query: four steps whose numbers add up, by hand and with attend()."""

import math

import pytest
import torch

from attention import attend, matchmaker, steps
from attention.steps import (
    SCORINGS,
    Projections,
    example,
    forward_steps,
    make_projections,
    make_scoring,
)

START = example()


def test_the_first_sheet_by_hand():
    sheet = forward_steps(*START, scoring="dot")
    assert sheet.similarity.tolist() == sheet.scaled.tolist() == [3.0, 1.0, 0.5]
    assert [round(weight, 2) for weight in sheet.weights.tolist()] == [0.82, 0.11, 0.07]
    numerators = [1.0, math.exp(-2), math.exp(-2.5)]
    assert sheet.numerators.tolist() == pytest.approx(numerators)
    assert sheet.denominator == pytest.approx(sum(numerators)) and sheet.shift == 3.0
    first_trait = (0.5 * numerators[0] + numerators[1] + numerators[2]) / sum(numerators)
    assert sheet.output[0].item() == pytest.approx(first_trait)


@pytest.mark.parametrize("name", SCORINGS)
@pytest.mark.parametrize("scale_on", [None, True, False])
@pytest.mark.parametrize("projected", [True, False])
def test_every_sheet_adds_up_and_equals_attend(name, scale_on, projected):
    projections = make_projections(3, 3, p=4, seed=1) if projected else None
    sheet = forward_steps(
        *START, scoring=name, scale_on=scale_on, temperature=0.7, projections=projections, seed=5
    )
    p = 4 if projected else 3
    scaled = scale_on or (scale_on is None and name == "scaled_dot")
    assert sheet.scale == pytest.approx(p**-0.5 if scaled else 1.0)
    near = dict(rtol=1e-12, atol=1e-14)
    terms = torch.stack([cell.terms.sum() for cell in sheet.cells])
    torch.testing.assert_close(terms, sheet.similarity, **near)
    torch.testing.assert_close(sheet.scaled, sheet.similarity * sheet.scale / 0.7, **near)
    torch.testing.assert_close(sheet.numerators, (sheet.scaled - sheet.shift).exp(), **near)
    assert sheet.denominator == pytest.approx(sheet.numerators.sum().item(), rel=1e-12)
    torch.testing.assert_close(sheet.weights, sheet.numerators / sheet.denominator, **near)
    torch.testing.assert_close(sheet.contributions, sheet.weights[:, None] * sheet.values, **near)
    torch.testing.assert_close(sheet.output, sheet.contributions.sum(0), **near)

    q, k, v = START
    if projected:
        q, k, v = q @ projections.w_q, k @ projections.w_k, v @ projections.w_v
    scoring = make_scoring(name, p, seed=5)
    attended = attend(q[None], k, v, scoring=scoring, scale=sheet.scale, temperature=0.7)
    torch.testing.assert_close(sheet.weights.float(), attended.weights[0])
    torch.testing.assert_close(sheet.output.float(), attended.output[0])


def test_identity_projections_change_nothing():
    identity = Projections(torch.eye(3), torch.eye(3), torch.eye(3))
    torch.testing.assert_close(
        forward_steps(*START, projections=identity).output, forward_steps(*START).output
    )


def test_a_candidate_who_is_not_available_gets_nothing():
    sheet = forward_steps(*START, mask=torch.tensor([False, True, True]))
    alone = forward_steps(START.query, START.keys[1:], START.values[1:])
    assert sheet.weights[0] == 0
    torch.testing.assert_close(sheet.output, alone.output)
    nobody = forward_steps(*START, mask=torch.zeros(3, dtype=torch.bool))
    assert nobody.weights.tolist() == nobody.output.tolist() == [0.0, 0.0, 0.0]


def test_parameters_come_from_the_seed_and_can_be_read():
    one, same, other = (make_scoring("bilinear", 3, seed).weight for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    torch.testing.assert_close((one * 100).round() / 100, one)
    assert (one - torch.eye(3)).abs().max() < 0.5


def test_global_randomness_is_left_alone_by_the_sheet():
    before = torch.random.get_rng_state()
    forward_steps(*START, scoring="additive", projections=make_projections(3, 3))
    assert torch.equal(before, torch.random.get_rng_state())


BAD_SHEETS = {
    "no candidates": ((START.query, torch.zeros(0, 3), torch.zeros(0, 3)), {}, "at least one"),
    "nan": ((torch.tensor([1.0, math.nan, 0.0]), *START[1:]), {}, "query must be finite"),
    "infinity": ((*START[:2], START.values / 0), {}, "values must be finite"),
    "matrix as query": ((START.keys, *START[1:]), {}, "query must be"),
    "widths": ((START.query[:2], *START[1:]), {}, "share their last dimension"),
    "values missing": ((*START[:2], START.values[:2]), {}, "3 keys and 2 values"),
    "unknown scoring": (START, dict(scoring="cosine"), "scoring must be one of"),
    "temperature": (START, dict(temperature=0.0), "temperature must be greater than 0"),
    "projection": (START, dict(projections=make_projections(4, 3)), "w_q must have one row"),
    "mask": (START, dict(mask=torch.ones(3)), "mask must be boolean"),
}


@pytest.mark.parametrize("people, options, words", BAD_SHEETS.values(), ids=BAD_SHEETS)
def test_a_sheet_that_cannot_be_filled_is_refused(people, options, words):
    with pytest.raises(ValueError, match=words):
        forward_steps(*people, **options)


def test_the_sheet_can_be_had_from_chapter_four():
    assert matchmaker.forward_steps is steps.forward_steps
