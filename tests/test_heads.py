"""Chapter 13: reading weights, statistics, roles."""

import math

import pytest
import torch

from attention import heads
from attention.masks import causal_mask, masked_softmax

HALF = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
N = 24
IDS = [0, *range(10, 10 + N - 2), 1]
SPECIAL = [True, *[False] * (N - 2), True]


def random_layers(num_layers=2, num_heads=8, n=N, causal=False, alpha=1.0, seed=0):
    """Rows drawn from a symmetric Dirichlet over the allowed keys."""
    generator = torch.Generator().manual_seed(seed)
    shape = (num_layers, num_heads, n, n)
    gamma = torch._standard_gamma(torch.full(shape, alpha), generator=generator) + 1e-30
    return list(masked_softmax(gamma.log(), causal_mask(n) if causal else None))


def pointing(targets):
    """One head whose query i gives everything to targets[i]."""
    weights = torch.zeros(1, len(targets), len(targets))
    weights[0, torch.arange(len(targets)), torch.tensor(targets)] = 1
    return weights


def given(layer, ids=IDS, special=SPECIAL, mask="none"):
    return {result.role for result in heads.roles([layer], ids, special, mask)}


# one matrix -----------------------------------------------------------------------------------


def test_entropy_by_hand():
    assert torch.allclose(heads.entropy(HALF), torch.tensor([math.log(2), 0.0, 0.0]))
    even = heads.entropy(HALF, normalised=True)
    assert torch.allclose(even, torch.tensor([math.log(2) / math.log(3), 0.0, 0.0]))


def test_entropy_of_uniform_causal_rows_is_one_except_where_there_is_no_choice():
    uniform = masked_softmax(torch.zeros(5, 5), causal_mask(5))
    even = heads.entropy(uniform, "causal", normalised=True)
    assert torch.allclose(even, torch.tensor([0.0, 1, 1, 1, 1]))


def test_entropy_agrees_with_torch():
    weights = random_layers()[0]
    assert torch.allclose(heads.entropy(weights), torch.special.entr(weights).sum(-1), atol=1e-5)


def test_mean_distance_by_hand():
    assert heads.mean_distance(HALF).tolist() == [0.5, 0.0, 0.0]
    assert heads.mean_distance(torch.tensor([[0.0, 0.25, 0.75]])).tolist() == [1.75]


def test_sink_share_counts_every_column_once():
    assert heads.sink_share(HALF, [1, 1, 2]).tolist() == [0.5, 1.0, 0.0]
    with pytest.raises(ValueError, match="columns"):
        heads.sink_share(HALF, [3])


def test_statistics_leave_out_queries_without_a_choice():
    sink = pointing([0] * 6)
    found = heads.statistics([sink, sink], [False] * 6, "causal")
    assert found.keys() == {"entropy", "distance", "sink"}
    assert found["sink"].tolist() == [[1.0], [1.0]]
    assert found["distance"].tolist() == [[3.0], [3.0]]  # mean of 1..5, not of 0..5
    itself = heads.statistics([pointing(range(6))], [False] * 6, "causal")
    assert itself["sink"].item() == 0.0  # though query 0 can look nowhere else


def test_statistics_of_one_token_are_finite():
    for values in heads.statistics([torch.ones(2, 1, 1)], [False]).values():
        assert values.tolist() == [[0.0, 0.0]]


def test_rollout_by_hand():
    first = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    second = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    # means: [[1, 0], [.5, .5]] and itself; with residual [[1, 0], [.25, .75]], [[.5, .5], [0, 1]]
    expected = torch.tensor([[[1.0, 0.0], [0.25, 0.75]], [[0.625, 0.375], [0.25, 0.75]]])
    assert torch.allclose(heads.rollout([first, second]), expected)
    bare = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    assert torch.allclose(heads.rollout([first, second], add_residual=False)[-1], bare)


def test_rollout_rows_sum_to_one_and_stay_causal():
    shares = heads.rollout(random_layers(num_layers=5, causal=True))
    assert torch.allclose(shares.sum(-1), torch.ones(5, N))
    assert (shares[:, ~causal_mask(N)] == 0).all()


def test_rollout_refuses_cross_attention():
    with pytest.raises(ValueError, match="self-attention"):
        heads.rollout([torch.ones(2, 3, 4)])


@pytest.mark.parametrize("projected", [True, False])
def test_value_weighted_is_the_norm_of_what_is_added(projected):
    generator = torch.Generator().manual_seed(1)
    weights = random_layers(1, 3, 5)[0]
    value = torch.randn(3, 5, 4, generator=generator)
    projection = torch.randn(3, 4, 7, generator=generator) if projected else None
    norms = heads.value_weighted(weights, value, projection)
    vector = value[2, 3] if projection is None else value[2, 3] @ projection[2]
    assert norms.shape == (3, 5, 5)
    assert torch.allclose(norms[2, 1, 3], (weights[2, 1, 3] * vector).norm())
    with pytest.raises(ValueError, match="one value"):
        heads.value_weighted(weights, value[:, :4])


def test_hide_special_brings_rows_back_to_one_and_keeps_zero_rows():
    weights = torch.tensor([[0.2, 0.4, 0.4], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    hidden = heads.hide_special(weights, [True, False, False])
    assert torch.allclose(hidden, torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    assert heads.hide_special(weights, [True] * 3).shape == (0, 0)


def test_pair_filter_takes_queries_first():
    weights = torch.arange(16.0).view(4, 4)
    segment = [-1, 0, 1, 1]
    assert heads.pair_filter(weights, segment, "A->B").tolist() == [[6.0, 7.0]]
    assert heads.pair_filter(weights, segment, "B->A").tolist() == [[9.0], [13.0]]
    assert heads.pair_filter(weights, segment, "A->A").tolist() == [[5.0]]
    assert heads.pair_filter(weights, segment, "B->B").tolist() == [[10.0, 11.0], [14.0, 15.0]]
    for part in ("A->C", "AB", ""):
        with pytest.raises(ValueError, match="part"):
            heads.pair_filter(weights, segment, part)


def test_join_pieces_sums_keys_and_averages_queries():
    weights = torch.tensor([[0.2, 0.3, 0.5], [0.4, 0.4, 0.2], [0.6, 0.0, 0.4]])
    joined = heads.join_pieces(weights, [False, True, False])
    assert torch.allclose(joined, torch.tensor([[0.65, 0.35], [0.6, 0.4]]))
    assert torch.equal(heads.join_pieces(weights, [False] * 3), weights)
    with pytest.raises(ValueError, match="first piece"):
        heads.join_pieces(weights, [True, False, False])


def test_threshold_keeps_what_reaches_it():
    assert heads.threshold(HALF, 0.6).sum() == 1
    assert torch.equal(heads.threshold(HALF, 0.5), HALF)
    with pytest.raises(ValueError, match="minimum"):
        heads.threshold(HALF, float("nan"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1])
def test_weights_that_are_no_weights_are_refused(bad):
    weights = HALF.clone()
    weights[1, 1] = bad
    for read in (heads.entropy, heads.mean_distance, heads.renormalise):
        with pytest.raises(ValueError, match="finite"):
            read(weights)
    with pytest.raises(ValueError, match="finite"):
        heads.roles([weights[None]], [1, 2, 3], [False] * 3)


# roles ----------------------------------------------------------------------------------------


def test_patterns_by_hand():
    """a b a b c: one line per query, the keys that the rule names."""
    named = heads.patterns([1, 2, 1, 2, 3], [False] * 5, causal_mask(5))
    keys = {role: [row.nonzero().flatten().tolist() for row in pattern] for role, pattern in named.items()}
    assert keys["previous"] == [[], [0], [1], [2], [3]]
    assert keys["next"] == [[]] * 5
    assert keys["same"] == [[], [1], [0, 2], [1, 3], [4]]  # query 0 has no other key: no occasion
    assert keys["sink"] == [[], [0], [0], [0], [0]]
    assert keys["induction"] == [[]] * 5  # the token after the first a is the previous one
    # a b c a: the last a follows the first, and the key after that is b
    longer = heads.patterns([1, 2, 3, 1], [False] * 4, causal_mask(4))["induction"]
    assert longer.nonzero().tolist() == [[3, 1]]


@pytest.mark.parametrize("causal", [False, True])
def test_perfect_previous_token_head_is_recognised(causal):
    layer = pointing([0, *range(N - 1)])
    assert given(layer, mask="causal" if causal else "none") == {"previous"}


def test_perfect_next_token_head_is_recognised():
    assert given(pointing([*range(1, N), N - 1])) == {"next"}


@pytest.mark.parametrize("mask", ["none", "causal"])
def test_perfect_same_token_head_is_recognised(mask):
    assert given(pointing(range(N)), mask=mask) == {"same"}


def test_same_token_includes_other_occurrences():
    repeated = [*range(12)] * 2
    layer = pointing([*range(12, 24), *range(12)])  # each copy looks at the other
    assert "same" in given(layer, ids=repeated, special=[False] * 24)


@pytest.mark.parametrize("column, mask", [(0, "none"), (0, "causal"), (N - 1, "none")])
def test_first_token_and_separator_sinks_are_recognised(column, mask):
    assert given(pointing([column] * N), mask=mask) == {"sink"}


def test_a_content_token_that_draws_everything_is_no_sink():
    assert given(pointing([5] * N)) == set()


@pytest.mark.parametrize("mask", ["none", "causal"])
def test_induction_head_is_recognised_on_a_repeated_text(mask):
    repeated = [*range(10)] * 2
    layer = pointing([0] * 10 + [*range(1, 11)])  # second copy looks one after the first
    assert "induction" in given(layer, ids=repeated, special=[False] * 20, mask=mask)


def test_a_text_without_repeats_lists_no_induction():
    every = heads.roles(random_layers(1), IDS, SPECIAL, every=True)
    assert {result.role for result in every} == set(heads.ROLES) - {"induction"}


@pytest.mark.parametrize("mask", ["none", "causal"])
def test_uniform_head_is_broad_and_nothing_else(mask):
    uniform = masked_softmax(torch.zeros(1, N, N), causal_mask(N) if mask == "causal" else None)
    repeated = [*range(N // 2)] * 2
    assert given(uniform, ids=repeated, special=[False] * N, mask=mask) == {"broad"}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("alpha", [1.0, 0.1])
@pytest.mark.parametrize("repeats", [2, 8])
def test_random_attention_gets_almost_no_role(causal, alpha, repeats):
    ids = [*range(N - repeats), *range(repeats)]
    layers = random_layers(10, 20, causal=causal, alpha=alpha, seed=3)
    mask = "causal" if causal else "none"
    false = heads.roles(layers, ids, [False] * N, mask)
    assert len(false) <= 4  # of 200 heads and six roles


def test_a_head_knocked_out_gets_no_role():
    assert given(torch.zeros(1, N, N)) == set()


def test_chance_is_the_mean_over_all_placements():
    """Mean over rows of (keys named / keys allowed) * row sum, which the shuffles must approach."""
    layers = random_layers(1, 3, causal=True)
    ids = [1, 2, 3, 4] * 6
    allowed = causal_mask(N)
    named = heads.patterns(ids, [False] * N, allowed)
    every = heads.roles(layers, ids, [False] * N, "causal", shuffles=2000, every=True)
    for result in (result for result in every if result.role != "broad"):
        pattern = named[result.role]
        rows = pattern.any(1)
        score = (layers[0][result.head] * pattern).sum(1)[rows].mean()
        chance = (pattern.sum(1) / allowed.sum(1))[rows].mean()
        assert result.score == pytest.approx(score.item(), abs=1e-6)
        assert result.chance == pytest.approx(chance.item(), abs=0.01)
        assert result.threshold > result.chance


def test_shuffled_keys_stay_allowed_and_distinct():
    allowed = causal_mask(N) & ~causal_mask(N).tril(-9)  # a sliding window of nine keys
    pattern = heads.patterns([1, 2, 3] * 8, [False] * N, allowed)["same"]
    cells = heads._shuffled(pattern, allowed, 50, torch.Generator().manual_seed(0))
    for flat in cells:
        moved = torch.zeros(N * N, dtype=torch.int64).index_add_(0, flat, torch.ones_like(flat))
        assert moved.max() == 1
        assert not (moved.view(N, N).bool() & ~allowed).any()
        assert torch.equal(moved.view(N, N).sum(1), pattern.sum(1))


def test_broad_chance_agrees_with_drawn_rows():
    generator = torch.Generator().manual_seed(0)
    drawn = torch._standard_gamma(torch.ones(20_000, 8), generator=generator)
    even = heads.entropy(drawn / drawn.sum(-1, keepdim=True), normalised=True)
    chance, bound = heads._broad_by_chance(torch.tensor([8.0]).double())
    assert chance == pytest.approx(even.mean().item(), abs=0.003)
    assert (bound - chance - heads.BROAD_MARGIN) / 3 == pytest.approx(even.std().item(), abs=0.003)


def test_roles_are_the_same_every_time_and_follow_the_generator():
    layers = random_layers(1)
    once = heads.roles(layers, IDS, SPECIAL, every=True)
    assert once == heads.roles(layers, IDS, SPECIAL, every=True)
    other = torch.Generator().manual_seed(9)
    assert once != heads.roles(layers, IDS, SPECIAL, generator=other, every=True)


def test_roles_come_sorted_and_name_layer_and_head():
    quiet = torch.zeros(N, N)
    layers = [torch.stack([quiet, pointing(range(N))[0]]), torch.stack([quiet, quiet])]
    (only,) = heads.roles(layers, IDS, SPECIAL)
    assert (only.layer, only.head, only.role, only.given) == (0, 1, "same", True)
    assert only.score == 1.0 and only.chance < 0.2


def test_one_token_and_two_tokens_give_no_role():
    for n in (1, 2):
        assert heads.roles([torch.full((2, n, n), 1 / n)], [7] * n, [False] * n) == []


def test_roles_refuse_what_does_not_fit():
    layers = random_layers(1)
    with pytest.raises(ValueError, match="forbids"):
        heads.roles(layers, IDS, SPECIAL, "causal")
    with pytest.raises(ValueError, match="special"):
        heads.roles(layers, IDS, SPECIAL[1:])
    with pytest.raises(ValueError, match="token_ids"):
        heads.roles(layers, IDS[1:], SPECIAL)
    with pytest.raises(ValueError, match="mask"):
        heads.roles(layers, IDS, SPECIAL, "backward")
    with pytest.raises(ValueError, match="layer"):
        heads.roles([], IDS, SPECIAL)
