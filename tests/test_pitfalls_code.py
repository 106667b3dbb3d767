"""Each broken program fails as it says, each repair prints what it says, each claim is counted."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import pytest
import torch

from attention.pitfalls_code import (
    CLAIMS,
    PROGRAMS,
    batched_shapes,
    identity_heatmap,
    projection_count,
    random_weights_spread,
    regularised,
    score_count,
)
from attention.pitfalls_code import run as outcome


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_broken_program_fails_as_it_says(name):
    program = PROGRAMS[name]
    done = run(program.broken)
    if program.raises:
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].split(":")[0] == program.raises
        own = re.findall(r'File "<string>", line (\d+)', done.stderr)
        lines = program.broken.splitlines()
        assert str(program.line) in own and lines[program.line - 1].strip()
    else:
        assert (done.returncode, done.stdout.strip()) == (0, program.wrong)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_repaired_program_prints_what_it_says(name):
    done = run(PROGRAMS[name].repaired)
    assert (done.stdout.strip(), done.returncode) == (PROGRAMS[name].prints, 0), done.stderr


def test_all_the_list_is_there():
    assert set(PROGRAMS) == {
        "mask_name", "full_width_heads", "heads_left_out", "encoding_without_forward",
        "classes_undefined", "attention_undefined", "pad_features", "identity_heatmap",
    }  # fmt: skip


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_heads_multiply_the_scores_and_leave_the_projections(heads):
    found = score_count(12, heads, 16)
    assert found == (144, heads * 144, 3 * 12 * 16)


def test_randn_matrices_spread_the_scores_by_the_width():
    plain, glorot = random_weights_spread(d=64)
    assert plain.scores == pytest.approx(64, rel=0.15)  # d * d * sqrt(d) variance, over sqrt(d)
    assert glorot.scores == pytest.approx(1, rel=0.15)
    assert plain.largest_weight > 0.9 > 0.3 > glorot.largest_weight


def test_l2_on_the_weights_evens_rows_and_l2_on_the_matrices_shrinks_the_matrix():
    none, weights, matrices = (regularised(kind) for kind in ("none", "weights", "matrices"))
    assert none.entropy < weights.entropy < math.log(5)
    assert matrices.norm < none.norm and matrices.norm < weights.norm
    assert none.entropy < matrices.entropy
    with pytest.raises(ValueError, match="none, weights or matrices"):
        regularised("l1")


def test_three_projections_make_q_k_v_and_a_fourth_the_output():
    found = projection_count(16)
    assert (found.parameters, found.without_output) == (4 * 256, 3 * 256)


def test_batched_products_and_the_identity_picture():
    assert batched_shapes(3, 2, 5, 4) == (3, 2, 4)
    eye, weights, diagonal = identity_heatmap()
    assert torch.equal(eye, torch.eye(10)) and (weights.sum(-1) - 1).abs().max() < 1e-6
    assert 0.1 < diagonal < 1 and (weights > 0).all()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_runs_a_program_as_a_process_of_its_own_does(name):
    program, state = PROGRAMS[name], torch.random.get_rng_state()
    broken = outcome(program.broken)
    assert (broken.error.split(":")[0], broken.printed) == (program.raises, program.wrong)
    assert outcome(program.repaired).printed == program.prints
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_mask_saves_no_mismatched_widths_and_matching_ones_need_none():
    assert CLAIMS["mask_for_widths"](m=7).right["runs"].tolist() == [[1, 1], [0, 0]]


def test_a_fourth_layer_moves_the_output_alone():
    moved = CLAIMS["four_layers"](seed=3).right["moved"]
    assert moved[:, :3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert moved[:, 3].tolist() == [1, 1, 1, 1]


def test_products_of_a_batch_never_meet():
    away = CLAIMS["batched_products"](n=4).right["away"]
    assert (away.diagonal() == 0).all() and (away[~torch.eye(4, dtype=torch.bool)] > 0.01).all()


def test_a_label_moves_the_weights_and_the_pages_do_not():
    library, party = CLAIMS["library"](), CLAIMS["party"]()
    assert library.readouts["weights_moved"] == 0 < library.readouts["output_moved"]
    assert party.right["weights"][1, 0] < party.right["weights"][0, 0]
    assert torch.allclose(CLAIMS["party"](focus=0.0).right["weights"], torch.tensor(1 / 3))


def test_channels_do_not_share_and_a_softmax_does():
    dark, bright = (CLAIMS["channel_attention"](seed=1, bright=b).right["channels"] for b in (0.0, 8.0))
    assert torch.equal(dark[0, ::2], bright[0, ::2]) and (bright[1, ::2] < dark[1, ::2]).all()


def test_a_claim_refuses_what_lies_outside_its_limits():
    with pytest.raises(ValueError, match="d must be a whole number"):
        CLAIMS["eye_heatmap"](d=1000)
