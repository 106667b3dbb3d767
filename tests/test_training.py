"""One way to train: chunks are the whole, bytes from outside are not believed, old ones are refused."""

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from attention import matchmaker, seq2seq
from attention.matchmaker import make_people, train_dating
from attention.training import (
    MAX_STEPS,
    VERSION,
    Diverged,
    Recipe,
    Run,
    generator_at,
    go_on,
    load_model,
    train_steps,
)

TARGET = torch.tensor([[1.0, -2.0, 0.5]])


def model(generator):
    layer = nn.Linear(3, 1, bias=False)
    nn.init.uniform_(layer.weight, generator=generator)
    return layer


def loss(layer, generator):
    x = torch.randn(8, 3, generator=generator)
    return (layer(x) - x @ TARGET.T).square().mean()


RECIPES = {
    "running on": Recipe("a", model, loss),
    "seeded by step": Recipe("a", model, loss, seeds=lambda seed, draw: 1000 * seed + draw),
    "plain descent": Recipe("a", model, loss, adam=False),
    "clipped": Recipe("a", model, loss, clip=0.5),
}
EACH_RECIPE = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)


@EACH_RECIPE
def test_two_chunks_are_one_training_bit_for_bit(recipe):
    whole, losses = go_on(recipe, None, seed=3, steps=7, learning_rate=0.05)
    first, before = go_on(recipe, None, seed=3, steps=3, learning_rate=0.05)
    second, after = go_on(recipe, first.pack(), seed=3, steps=4, learning_rate=0.05)
    assert before + after == losses and len(set(losses)) == 7
    assert second.pack() == whole.pack() and second.step == 7
    other, losses = go_on(recipe, None, seed=4, steps=1, learning_rate=0.05)
    assert losses[0] != before[0]


def test_adam_is_pytorchs():
    recipe = RECIPES["seeded by step"]
    run, losses = go_on(recipe, None, seed=2, steps=4, learning_rate=0.03)
    layer = model(torch.Generator().manual_seed(2000))
    adam = torch.optim.Adam(layer.parameters(), lr=0.03)
    for step in range(1, 5):
        got = loss(layer, torch.Generator().manual_seed(2000 + step))
        adam.zero_grad()
        got.backward()
        adam.step()
        assert got.item() == losses[step - 1]
    assert torch.equal(layer.weight, run.model.weight)


def test_plain_descent_by_hand():
    recipe = Recipe("a", lambda _: nn.Linear(1, 1, bias=False), lambda m, _: (3 * m.weight).sum(), adam=False)
    run = Run.begin(recipe, 0)
    first = run.model.weight.item()
    assert run.measure() == pytest.approx(3 * first)
    assert run.model.weight.item() == first and run.step == 0
    run.update(0.5)
    assert run.model.weight.item() == pytest.approx(first - 1.5) and run.step == 1


def test_the_matchmaker_goes_on_from_bytes_with_its_dropout():
    people = make_people()
    recipe = matchmaker._recipe(people, dropout=0.3, weight_decay=0.01)
    run, _ = go_on(recipe, None, seed=5, steps=6, learning_rate=2.0)
    run, _ = go_on(recipe, run.pack(), seed=5, steps=4, learning_rate=2.0)
    recorded = train_dating(seed=5, steps=10, dropout=0.3, weight_decay=0.01, people=people, num_records=2)
    for mine, its in zip(run.model.projections(), recorded.projections[-1], strict=True):
        assert torch.equal(mine, its)


def test_the_classifiers_helper_is_the_same_machine():
    def train(state, steps):
        layer = model(generator_at(1, -1))
        state, step, losses = train_steps(
            layer, lambda generator: loss(layer, generator), state, seed=1, steps=steps, learning_rate=0.02
        )
        return state, losses, layer

    whole, losses, layer = train(None, 5)
    state, first, _ = train(None, 2)
    state, second, _ = train(state, 3)
    assert state == whole and first + second == losses
    assert torch.equal(load_model(state, nn.Linear(3, 1, bias=False), 1).weight, layer.weight)
    with pytest.raises(ValueError, match="seed 1, got seed 2"):
        load_model(state, nn.Linear(3, 1, bias=False), 2)


def changed(state, **tensors):
    return save(load(state) | {name.replace("__", "."): tensor for name, tensor in tensors.items()})


def test_what_another_hand_changed_is_refused():
    recipe = RECIPES["running on"]
    run, _ = go_on(recipe, None, seed=0, steps=2, learning_rate=0.05)
    state, place = run.pack(), run.generator.get_state()
    ones = torch.ones(1, 3)
    for message, wrong in {
        "negative": changed(state, adam__square__weight=-ones),
        "outside": changed(state, adam__mean__weight=ones * torch.nan),
        "must be": changed(state, parameter__weight=ones.double()),
        "missing or not expected": changed(state, more=ones),
        "version": changed(state, training__version=torch.tensor(VERSION + 1)),
        "seed 9": changed(state, training__seed=torch.tensor(9)),
        "no randomness": changed(state, training__generator=torch.zeros_like(place)),
        "0 to": changed(state, training__step=torch.tensor(MAX_STEPS + 1)),
        "cannot be read": state[:-1],
        "at most": b"0" * 2_000_001,
        "bytes": "text",
    }.items():
        with pytest.raises(ValueError, match=message):
            Run.unpack(recipe, 0, wrong)
    with pytest.raises(ValueError, match="model"):
        Run.unpack(Recipe("b", model, loss), 0, state)
    assert Run.unpack(recipe, 0, changed(state)).pack() == state  # the detour itself is harmless


def test_states_of_before_this_format_are_refused_in_a_sentence():
    run = Run.begin(seq2seq.recipe("dot", seq2seq.LIVE_HIDDEN, 1), 0)
    tensors = {f"parameter.{name}": p.detach() for name, p in run.model.named_parameters()}
    of_seq2seq = save(tensors | {"run": torch.tensor([1, 0, 1])})
    of_classifier = save(tensors | {"training.step": torch.tensor(1), "training.seed": torch.tensor(0)})
    for state in (of_seq2seq, of_classifier):
        with pytest.raises(ValueError, match="earlier version; start again"):
            seq2seq.train_chunk(state, attention="dot", seed=0, steps=1)


def test_a_training_that_runs_away_says_so_and_is_not_packed():
    recipe = Recipe("a", model, loss, adam=False)
    with pytest.raises(Diverged, match="lower learning rate"):
        go_on(recipe, None, seed=0, steps=200, learning_rate=1e6)
    run, _ = go_on(recipe, None, seed=0, steps=3, learning_rate=1e3)
    with pytest.raises(ValueError, match="diverged"):
        run.pack()


def test_no_training_goes_on_for_ever():
    run = Run.begin(RECIPES["running on"], 0)
    run.step = MAX_STEPS
    with pytest.raises(ValueError, match="0 to 100000 steps"):
        go_on(RECIPES["running on"], run.pack(), seed=0, steps=1, learning_rate=0.1)


@pytest.mark.parametrize("seed", [-1, 2**31, 1.0, True])
def test_a_seed_that_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match="seed"):
        generator_at(seed, 0)
