"""Two layers of attention learn to repeat what they saw once, and one layer does not."""

import pytest
import torch

from attention.copying import (
    CHANCE_LOSS,
    LENGTHS,
    Copier,
    best_heads,
    by_distance,
    evaluate,
    follows,
    prefix_scores,
    rank_heads,
    repeated,
    train,
)
from attention.heads import patterns, roles
from attention.masks import causal_mask


@pytest.fixture(scope="module")
def trained():
    return train(steps=300, every=50)


@pytest.fixture(scope="module")
def at_one_length():
    return train(steps=150, every=150, lengths=(12, 12))


def test_prefix_scores_of_two_heads_by_hand():
    ids = torch.tensor([3, 5, 9, 3, 5, 9])
    weights = torch.zeros(2, 6, 6)
    for row, right in ((3, 1), (4, 2), (5, 3)):
        weights[0, row, right] = 0.5
    weights[1, 4, 2] = 0.9  # one query of three
    assert prefix_scores(weights, ids).tolist() == pytest.approx([0.5, 0.3])
    both = prefix_scores(torch.stack([weights, 0 * weights]), torch.stack([ids, ids]))
    assert both.tolist() == pytest.approx([0.25, 0.15])


def test_prefix_scores_are_those_of_the_induction_role():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(6, (18,), generator=generator)
    scores = torch.randn(3, 18, 18, generator=generator)
    weights = scores.masked_fill(~causal_mask(18), float("-inf")).softmax(-1)
    named = patterns(ids.tolist(), [False] * 18, causal_mask(18))["induction"]
    assert torch.equal(follows(ids), named)
    found = {s.head: s.score for s in roles([weights], ids.tolist(), [False] * 18, "causal", every=True)
             if s.role == "induction"}  # fmt: skip
    assert prefix_scores(weights, ids).tolist() == pytest.approx([found[head] for head in range(3)], abs=1e-6)


def test_by_distance_finds_the_previous_token():
    weights = torch.zeros(4, 4)
    weights[1, 0] = weights[2, 1] = 1.0
    weights[3, 3] = 1.0
    assert by_distance(weights).tolist() == pytest.approx([0.25, 2 / 3, 0, 0])


def test_positions_reach_queries_and_keys_but_not_values():
    """One layer, one token repeated: every value is the same, so places change nothing that is written."""
    model = Copier(1, torch.Generator().manual_seed(0))
    logits = model(torch.full((1, 6), 7))[0]
    torch.testing.assert_close(logits, logits[:1].expand_as(logits), atol=1e-5, rtol=1e-5)


def test_the_network_equals_the_same_layers_called_one_by_one():
    model = Copier(2, torch.Generator().manual_seed(0))
    ids = repeated(2, 5, torch.Generator().manual_seed(1))
    x = model.embedding[ids]
    for norm, layer in zip(model.norms, model.layers, strict=True):
        read = norm(x)
        placed = read + model.position[:10]
        x = x + layer(placed, placed, read, causal=True).output
    torch.testing.assert_close(model(ids), x @ model.unembedding.T)


def test_two_layers_learn_it_late_and_fast(trained):
    losses = {step.step: step.exam.loss for step in trained.steps}
    last = trained.steps[-1].exam
    assert losses[50] > 0.7 * CHANCE_LOSS and losses[300] < CHANCE_LOSS / 2
    assert last.prefix.max() > 0.5 and last.accuracy > 0.8
    (layer_of_previous, _), (layer_of_copying, _) = best_heads(last)
    assert (layer_of_previous, layer_of_copying) == (0, 1)
    assert last.previous.max() > 0.5
    assert trained.steps[-1].maps.shape == (2, 2, 2 * LENGTHS[1], 2 * LENGTHS[1])


def test_without_the_previous_token_head_the_copying_head_goes_blind(trained):
    before = evaluate(trained.model)
    previous, copying = best_heads(before)
    after = evaluate(trained.model, knock_out={previous})
    assert after.prefix[copying] < before.prefix[copying] - 0.2
    assert after.accuracy < before.accuracy - 0.2
    unused = next((0, head) for head in range(2) if (0, head) != previous)
    assert evaluate(trained.model, knock_out={unused}).accuracy > after.accuracy


def test_knocking_every_head_out_leaves_the_embedding(trained):
    ids = repeated(1, 4, torch.Generator().manual_seed(1))
    logits, maps = trained.model.look(ids, {(layer, head) for layer in (0, 1) for head in (0, 1)})
    biases = sum(layer.b_o for layer in trained.model.layers)
    expected = (trained.model.embedding[ids] + biases) @ trained.model.unembedding.T
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(maps.sum(-1), torch.ones_like(maps[..., 0]))


def test_it_copies_at_lengths_it_never_saw_but_less_well(trained):
    shorter, longer = evaluate(trained.model, 5).accuracy, evaluate(trained.model, 15).accuracy
    assert min(shorter, longer) > 0.3
    assert longer < evaluate(trained.model, 12).accuracy


def test_one_fixed_length_teaches_a_position_trick(at_one_length):
    """At 12 it is right and looks 11 back; at 8 it still looks 11 back, where nothing is to be found."""
    taught, other = evaluate(at_one_length.model, 12), evaluate(at_one_length.model, 8)
    assert taught.accuracy > 0.95 and other.accuracy < 0.3
    assert taught.distance[..., 11].max() > 0.5
    assert other.distance[..., 11].max() > 0.3 and other.prefix.max() < 0.3


def test_chunks_are_one_training_and_it_can_be_stopped():
    whole = train(steps=20, every=10)
    first = train(steps=10, every=10)
    second = train(steps=10, every=10, state=first.state)
    assert [step.step for step in (*first.steps, *second.steps)] == [0, 10, 20]
    assert second.state == whole.state
    assert second.steps[-1].exam.loss == whole.steps[-1].exam.loss
    asked = []
    stopped = train(steps=100, every=5, stop=lambda: len(asked) == 2, report=asked.append)
    assert [step.step for step in stopped.steps] == [0, 5]


def test_ranked_heads_of_a_run_stand_beside_their_chance(trained):
    ids = repeated(1, 10, torch.Generator().manual_seed(4))
    maps = trained.model.look(ids)[1][0]
    ranked = rank_heads(list(maps), ids[0].tolist(), [False] * 20)
    assert (ranked[0].layer, ranked[0].role) == (1, "induction") and ranked[0].given
    assert [s.score for s in ranked] == sorted((s.score for s in ranked), reverse=True)
    assert len(ranked) == 4 and ranked[0].chance < 0.3
    before = rank_heads(list(maps), ids[0].tolist(), [False] * 20, role="previous")
    assert before[0].layer == 0 and before[0].given


def test_numbers_outside_are_refused():
    with pytest.raises(ValueError, match="layers must be"):
        train(layers=4)
    with pytest.raises(ValueError, match="lengths must be"):
        train(lengths=(12, 6))
    with pytest.raises(ValueError, match="to repeat"):
        repeated(1, 17, torch.Generator())
    with pytest.raises(ValueError, match="role must be"):
        rank_heads([], [], [], role="sink")


@pytest.mark.slow
def test_the_shares_of_ten_seeds_and_of_the_control():
    """Nine of ten seeds learn it with two layers; none does with one."""
    learned = 0
    for seed in range(10):
        steps = train(seed=seed, steps=300, every=100).steps
        exam = steps[-1].exam
        learned += bool(exam.prefix.max() >= 0.5 and exam.loss < CHANCE_LOSS / 2)
    assert learned >= 9
    for seed in range(4):
        exam = train(layers=1, seed=seed, steps=300, every=300).steps[-1].exam
        assert exam.prefix.max() < 0.2
        assert exam.loss > CHANCE_LOSS / 2
