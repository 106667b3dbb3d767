"""Chapter 4: projections that learn whom to believe."""

import dataclasses
import math

import pytest
import torch

from attention import attend, matchmaker
from attention.matchmaker import (
    DatingAttention,
    forward_steps,
    make_people,
    mean_entropy,
    train_dating,
)
from attention.training import Run, go_on


def rand(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_dating_attention_is_attend_behind_three_matrices():
    network = DatingAttention(4, 5, p=3, generator=torch.Generator().manual_seed(1))
    query, key, value = rand(2, 4), rand(6, 4), rand(6, 5)
    mask = torch.tensor([True, True, False, True, True, False])
    attended = network(query, key, value, mask)
    expected = torch.nn.functional.scaled_dot_product_attention(
        network.w_q(query)[None], network.w_k(key)[None], network.w_v(value)[None], mask[None]
    )
    torch.testing.assert_close(attended.output, expected[0])
    sheet = forward_steps(query[1], key, value, projections=network.projections(), mask=mask)
    torch.testing.assert_close(sheet.weights.float(), attended.weights[1])


def test_dropout_is_for_training_only_and_from_the_generator():
    network = DatingAttention(4, 4, dropout=0.5, generator=torch.Generator().manual_seed(1))
    people = rand(3, 4), rand(6, 4), rand(6, 4)

    def weights(seed):
        return network(*people, generator=torch.Generator().manual_seed(seed)).weights

    assert (weights(1) == 0).any() and torch.equal(weights(1), weights(1))
    network.eval()
    torch.testing.assert_close(weights(1).sum(-1), torch.ones(3))


def test_first_matrices_come_from_the_generator():
    one, same, other = (
        DatingAttention(4, 4, generator=torch.Generator().manual_seed(seed)).w_k.weight for seed in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert one.abs().max() <= 0.5  # 1 / sqrt(4)


def test_people_boast_in_two_traits_and_the_best_match_has_the_nearest_value():
    people = make_people(8, seed=3)
    assert people.queries.shape == people.keys.shape == people.values.shape == (33, 8, 6)
    assert people.keys[..., :2].min() > 0  # everybody claims these, whoever they are
    assert people.values[..., :2].mean().abs() < 0.2
    assert (people.keys[..., 2:] - people.values[..., 2:]).abs().max() < 1
    distance = (people.queries[:, :, None] - people.values[:, None]).norm(dim=-1)
    assert torch.equal(distance.argmin(-1), people.match)
    honest = people.values[..., 2:]
    twins = (honest[:, :, None] == honest[:, None]).all(-1).sum()
    assert twins == 33 * 8  # each person is like themselves only


@pytest.mark.parametrize("number", [1, 17])
def test_too_few_or_too_many_candidates_are_refused(number):
    with pytest.raises(ValueError, match=r"\[2, 16\]"):
        make_people(number)


def sharpens(training):
    """Even at first, then sharp and on the right candidates."""
    even = math.log(training.weights[0].shape[-1])
    return (
        training.entropy[0] > 0.9 * even
        and training.entropy[-1] < 0.2 * even
        and training.accuracy[0] < 0.7
        and training.accuracy[-1] == 1
        and training.held_out[-1] < 0.1 * training.held_out[0]
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_sharpens_attention_onto_the_best_matches(seed):
    training = train_dating(seed=seed)
    assert sharpens(training) and not training.diverged
    assert training.loss[-1] < 0.05 * training.loss[0]


def test_attention_that_cannot_choose_does_not_pass_as_trained(monkeypatch):
    def even(*arguments, **options):
        return attend(*arguments, **options, scale=0.0)

    monkeypatch.setattr(matchmaker, "attend", even)  # in the records, and in the training:
    monkeypatch.setattr(matchmaker, "masked_softmax", lambda scores: (0 * scores).softmax(-1))
    training = train_dating(seed=0)
    assert not sharpens(training)
    assert training.entropy[-1] == pytest.approx(math.log(6), rel=1e-5)
    assert training.held_out[-1] > 0.3 * training.held_out[0]


def test_the_record_is_short_finite_and_has_the_first_and_last_step():
    training = train_dating(steps=300, num_records=60)
    assert training.steps[0] == 0 and training.steps[-1] == 300 and len(training.steps) <= 60
    assert training.steps == sorted(set(training.steps))
    lists = (training.loss, training.misfit, training.penalty, training.held_out)
    lists += (training.weights, training.entropy, training.accuracy, training.projections)
    assert {len(entries) for entries in lists} == {len(training.steps)}
    weights = torch.stack(training.weights)
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    assert train_dating(steps=1).steps == [0, 1]


def test_any_recorded_cell_opens():
    training = train_dating(steps=50, num_records=3)
    people = training.people
    for weights, projections in zip(training.weights, training.projections, strict=True):
        for i, query in enumerate(people.queries[0]):
            sheet = forward_steps(query, people.keys[0], people.values[0], projections=projections)
            torch.testing.assert_close(sheet.weights.float(), weights[i], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", [{}, dict(dropout=0.3, weight_decay=0.01)])
def test_training_twice_gives_the_same_numbers(options):
    def numbers(seed):
        training = train_dating(seed=seed, steps=60, **options)
        return training.loss, training.held_out, torch.stack(training.weights).tolist()

    assert numbers(4) == numbers(4)
    assert numbers(4) != numbers(5)


def test_training_equals_pytorch_sgd():
    people, rate, decay = make_people(), 0.7, 0.01
    network = DatingAttention(6, 6, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    target = people.values[torch.arange(33)[:, None], people.match]
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        output = network(people.queries[1:], people.keys[1:], people.values[1:]).output
        loss = (output - target[1:]).square().mean()
        loss = loss + decay * sum(matrix.square().sum() for matrix in network.parameters())
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    training = train_dating(steps=3, learning_rate=rate, weight_decay=decay)
    assert training.steps == [0, 1, 2, 3]
    assert training.loss == pytest.approx(losses, rel=1e-5)


@pytest.mark.parametrize("values", [6, 3])
@pytest.mark.parametrize("options", [(0.0, 0.0), (0.4, 0.0), (0.0, 0.02), (0.4, 0.02)], ids=str)
def test_the_gradients_that_are_written_out_are_autograds(options, values):
    people = make_people(5, seed=1)
    people = dataclasses.replace(people, values=people.values[..., :values].contiguous())
    recipe = matchmaker._recipe(people, *options)
    run = Run.begin(recipe, 3)
    place = run.generator.get_state()
    loss, gradients = recipe.backward(run.model, run.generator)
    run.generator.set_state(place)
    expected = recipe.loss(run.model, run.generator)
    expected.backward()
    torch.testing.assert_close(loss, expected)
    for gradient, parameter in zip(gradients, run.parameters, strict=True):
        torch.testing.assert_close(gradient, parameter.grad)


def test_two_hundred_steps_by_them_end_where_autograds_do():
    recipe = matchmaker._recipe(make_people(), dropout=0.2, weight_decay=0.01)
    plain = dataclasses.replace(recipe, backward=None)
    ends = [go_on(one, None, seed=1, steps=200, learning_rate=2.0) for one in (recipe, plain)]
    for one, other in zip(*(run.parameters for run, _ in ends), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert ends[0][1] == pytest.approx(ends[1][1], rel=1e-4)


@pytest.mark.parametrize("learning_rate", [2.0, 20.0])
def test_a_long_training_is_recorded_bit_by_bit(monkeypatch, learning_rate):
    whole = train_dating(steps=60, learning_rate=learning_rate, num_records=9)
    monkeypatch.setattr(matchmaker, "AT_ONCE", 1)
    parts = train_dating(steps=60, learning_rate=learning_rate, num_records=9)
    assert parts.steps == whole.steps and parts.diverged == whole.diverged == (learning_rate > 2)
    for name in ("loss", "held_out", "entropy", "accuracy"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-5)
    for one, other in zip(parts.projections, whole.projections, strict=True):
        assert all(map(torch.equal, one, other))


def test_a_record_that_is_not_finite_ends_the_training_before_it():
    """On the evening shown, which is not trained on, numbers may run away before the training sees it."""
    people = make_people(4)
    people.values[0] *= 1e10
    trained = train_dating(learning_rate=20.0, num_records=201)
    few, every = (
        train_dating(people=people, learning_rate=20.0, num_records=count) for count in (40, 201)
    )  # fmt: skip
    assert few.diverged and every.diverged and few.steps[-1] == every.steps[-1] < trained.steps[-1]
    assert few.held_out[-1] == pytest.approx(every.held_out[-1], rel=1e-5) and few.held_out[-1] > 1e20
    people.values[0] *= 1e10  # now the first record overflows
    assert train_dating(people=people, steps=50).steps == []


def test_weight_decay_is_a_term_of_the_loss_and_keeps_attention_softer():
    plain, decayed = train_dating(), train_dating(weight_decay=0.01)
    assert set(plain.penalty) == {0.0}
    expected = [misfit + p for misfit, p in zip(decayed.misfit, decayed.penalty, strict=True)]
    assert decayed.loss == pytest.approx(expected)
    squares = sum(matrix.square().sum() for matrix in decayed.projections[-1]).item()
    assert decayed.penalty[-1] == pytest.approx(0.01 * squares, rel=1e-5)
    assert decayed.entropy[-1] > 2 * plain.entropy[-1]


@pytest.mark.parametrize("learning_rate", [20.0, 1e6, 1e20])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("num_records", [2, 60])
def test_a_run_that_diverges_stops_at_the_last_finite_step(learning_rate, weight_decay, num_records):
    training = train_dating(learning_rate=learning_rate, weight_decay=weight_decay, num_records=num_records)
    assert training.diverged and training.steps[0] == 0 and training.steps[-1] < 200
    assert training.steps == sorted(set(training.steps))
    for name in ("loss", "misfit", "penalty", "held_out", "entropy", "accuracy"):
        numbers = getattr(training, name)
        assert len(numbers) == len(training.steps) and all(map(math.isfinite, numbers))
    for tensors in (training.weights, *training.projections):
        assert all(tensor.isfinite().all() for tensor in tensors)


def test_the_last_finite_step_is_kept_even_if_it_was_not_to_be_recorded():
    few = train_dating(learning_rate=20.0, num_records=2)
    every = train_dating(learning_rate=20.0, num_records=201)
    assert few.steps == [0, every.steps[-1]] and every.steps[-1] > 5
    assert few.loss[-1] == every.loss[-1] > 1e10


@pytest.mark.parametrize(
    "options",
    [
        dict(steps=0),
        dict(num_records=1),
        dict(learning_rate=0.0),
        dict(learning_rate=math.nan),
        dict(learning_rate=math.inf),
        dict(weight_decay=-1.0),
        dict(weight_decay=math.nan),
        dict(dropout=1.0),
    ],
    ids=str,
)
def test_training_refuses_what_it_cannot_use(options):
    (name,) = options
    with pytest.raises(ValueError, match=name):
        train_dating(**options)


def test_people_with_nan_are_refused():
    people = make_people()
    people.keys[3, 2, 1] = math.nan
    with pytest.raises(ValueError, match="must be finite"):
        train_dating(people=people)


def test_entropy_of_even_and_sharp_rows():
    assert mean_entropy(torch.full((3, 5), 0.2)) == pytest.approx(math.log(5))
    assert mean_entropy(torch.eye(4)) == 0
