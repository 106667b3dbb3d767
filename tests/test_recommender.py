"""Chapter 11: the recommender beats popularity because of its attention, and opens cell by cell."""

import dataclasses

import pytest
import torch
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes

from attention import recommender
from attention.recommender import (
    Recommender,
    check_history,
    evaluate,
    explain_cell,
    load_recommender,
    recall,
    recommend,
    train_chunk,
)
from attention.recommender.items import HISTORY, ITEMS, THEMES, make_users
from attention.training import generator_at

BOUND = 0.72  # recall@10; the shipped model has 0.80, popularity 0.29


def test_shipped_model_beats_popularity():
    marks = evaluate(load_recommender(), 10)
    assert marks["attention"] > BOUND
    assert marks["popularity"] < 0.4


def test_nobody_s_history_is_on_both_sides():
    training, held_out = recommender.user_data()
    assert len(training.wanted) == recommender.TRAINING_USERS
    assert len(held_out.wanted) == len(held_out.history) == recommender.HELD_OUT_USERS
    met, asked = ({frozenset(row) for row in users.history.tolist()} for users in (training, held_out))
    assert not met & asked


def test_the_mean_is_trained_and_scored_as_a_mean():
    """Every candidate gets the same mean of the values; nothing of the queries and keys is used."""
    model, history = load_recommender(recommender.MEAN), recommender.user_data()[1].history
    values = model.item[history] @ model.w_v.T  # (u, m, d)
    scores = values.mean(1) @ model.item.T + model.popularity
    scores = scores.scatter(-1, history, float("-inf"))
    for k in (1, 5, 10):
        assert evaluate(load_recommender(), k)["mean, trained as such"] == pytest.approx(recall(scores, k))
    assert torch.equal(model.w_q, Recommender(generator=generator_at(0, -1)).w_q)  # never trained


def test_the_fair_baseline_is_ahead_at_one_and_behind_at_ten():
    """What the page says of the figures beside it."""
    marks = {k: evaluate(load_recommender(), k) for k in (1, 5, 10)}
    ahead = {k: m["attention"] - m["mean, trained as such"] for k, m in marks.items()}
    assert ahead[1] < -0.01 and abs(ahead[5]) < 0.02 and ahead[10] > 0.05


def test_uniform_weights_break_the_bound():
    assert evaluate(load_recommender(), 10)["weights made uniform"] < BOUND - 0.05


def test_shipped_file_is_small():
    assert recommender.TRAINED.stat().st_size < 1_000_000
    assert recommender.MEAN.stat().st_size < 1_000_000


def test_candidates_look_at_their_own_theme():
    """Six crime stories and one noodle dish: a noodle candidate finds the dish."""
    history = [16, 17, 18, 19, 20, 21, 56]
    weights = recommend(load_recommender(), history).weights
    assert weights[57:64, 6].mean() > 0.5  # 1/7 would be blind
    assert weights[22:24, 6].mean() < 0.1


def test_both_tastes_are_in_the_top_ten():
    ranking = recommend(load_recommender(), [16, 17, 18, 19, 20, 56]).ranking[:10]
    assert {ITEMS[item].theme for item in ranking} >= {2, 7}


def test_ranking_is_every_item_not_in_the_history_best_first():
    history = [3, 40, 12]
    result = recommend(load_recommender(), history)
    assert sorted(result.ranking + history) == list(range(64))
    scores = result.scores[result.ranking]
    assert torch.equal(scores, scores.sort(descending=True).values)


def test_recommend_equals_the_batched_forward():
    model, history = load_recommender(), [1, 2, 50, 9]
    forward = model(torch.tensor([history]))[0]
    result = recommend(model, history)
    kept = result.ranking
    torch.testing.assert_close(forward[kept], result.scores[kept])
    assert forward[history].isneginf().all()


def test_order_of_the_history_does_not_matter():
    model = load_recommender()
    first, second = recommend(model, [1, 2, 50]), recommend(model, [50, 1, 2])
    torch.testing.assert_close(first.scores, second.scores)
    torch.testing.assert_close(first.weights, second.weights[:, [1, 2, 0]])


def test_contributions_and_popularity_add_up_to_the_scores():
    result = recommend(load_recommender(), [5, 30, 60])
    total = result.contributions.sum(-1) + result.popularity
    torch.testing.assert_close(total, result.scores, atol=1e-5, rtol=1e-5)


def test_empty_history_ranks_by_popularity():
    result = recommend(load_recommender(), [])
    assert result.weights.shape == (64, 0)
    torch.testing.assert_close(result.scores, result.popularity)


def test_explained_cell_adds_up_to_the_weight():
    result = recommend(load_recommender(), [5, 30, 60])
    cell = explain_cell(result, 61, 2)
    assert cell.weight == pytest.approx(result.weights[61, 2].item(), abs=1e-6)
    assert cell.terms.sum().item() * cell.scale == pytest.approx(cell.logit)
    assert cell.numerator / cell.denominator == pytest.approx(cell.weight)
    with pytest.raises(ValueError, match="outside"):
        explain_cell(result, 61, 3)


def test_override_is_renormalised_and_moves_the_scores():
    model, history = load_recommender(), [5, 30, 60]
    learned = recommend(model, history)
    same = recommend(model, history, weights_override=learned.weights * 7)
    torch.testing.assert_close(same.scores, learned.scores)
    first_only = torch.tensor([[2.0, 0.0, 0.0]]).repeat(64, 1)
    changed = recommend(model, history, weights_override=first_only)
    alone = recommend(model, [5])
    torch.testing.assert_close(changed.scores, alone.scores)
    with pytest.raises(ValueError, match="shape of the learned"):
        recommend(model, history, weights_override=torch.ones(64, 2))
    with pytest.raises(ValueError, match="shares"):
        recommend(model, history, weights_override=torch.full((64, 3), float("nan")))


@pytest.mark.parametrize("history", [[64], [-1], [1.0], [True], ["1"], [2, 2], list(range(21))])
def test_bad_histories_are_refused(history):
    with pytest.raises(ValueError, match="history|item"):
        check_history(history)


def test_items_have_two_names_and_eight_to_a_theme():
    assert len({item.name_en for item in ITEMS}) == len({item.name_zh for item in ITEMS}) == 64
    assert [item.theme for item in ITEMS] == [i // 8 for i in range(64)]


def test_users_want_a_new_item_of_their_own_taste():
    users = make_users(50, torch.Generator().manual_seed(3))
    again = make_users(50, torch.Generator().manual_seed(3))
    assert torch.equal(users.history, again.history)
    assert users.history.shape == (50, HISTORY) and users.tastes.shape == (50, len(THEMES))
    for history, wanted, tastes in zip(*users, strict=True):
        assert wanted not in history
        assert tastes[wanted // 8] and len(history.unique()) == HISTORY


def test_recall_counts_hits_by_hand():
    users = make_users(2, torch.Generator().manual_seed(0))
    scores = torch.zeros(2, 64)
    scores[0, users.wanted[0]] = 1.0
    scores[1, users.wanted[1]] = -1.0
    assert recall(scores, 1, users) == 0.5


def test_loss_falls_and_chunks_equal_one_run():
    whole, record = train_chunk(None, steps=40, batch_size=64)
    half, first = train_chunk(None, steps=20, batch_size=64)
    both, second = train_chunk(half, steps=20, batch_size=64)
    assert both == whole
    assert first.losses + second.losses == record.losses
    assert second.step == 40
    assert sum(record.losses[-5:]) < sum(record.losses[:5]) - 0.5


def test_foreign_state_and_settings_are_refused():
    state, _ = train_chunk(None, steps=1, batch_size=8)
    tensors = load_bytes(state)
    item = "parameter.item"
    bad = {
        "read": b"nonsense",
        "another model": save_bytes({**tensors, "more": torch.zeros(1)}),
        "must be": save_bytes({**tensors, item: tensors[item].double()}),
        "outside": save_bytes({**tensors, item: tensors[item] * float("nan")}),
        "at most": b"0" * 2_000_001,
        "bytes": "text",
    }
    for message, blob in bad.items():
        with pytest.raises(ValueError, match=message):
            train_chunk(blob, steps=1)
    with pytest.raises(ValueError, match="seed 0, got seed 1"):
        train_chunk(state, seed=1, steps=1)
    for options in ({"steps": 0}, {"steps": 2.5}, {"batch_size": 0}, {"learning_rate": 1.0}):
        with pytest.raises(ValueError, match="must"):
            train_chunk(state, **options)


def test_same_seed_gives_the_same_initial_weights():
    models = [Recommender(generator=torch.Generator().manual_seed(4)) for _ in range(2)]
    assert torch.equal(models[0].item, models[1].item)


def test_loaded_model_is_shared_and_frozen():
    assert load_recommender() is load_recommender()
    assert not any(p.requires_grad for p in load_recommender().parameters())
    result = recommend(load_recommender(), [1])
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.history = []
