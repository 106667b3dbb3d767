"""Several runs in one pass give what each gives alone, in every architecture."""

import pytest
import torch

from attention.pretrained import Changes, adopt, run, run_together, run_without
from attention.pretrained.running import TOGETHER
from tests.tiny_models import EVERY, FURTHER, WHOLE, build, plain, tokens_for

FAMILIES = EVERY | WHOLE | FURTHER
ONE_TEXT = [name for name, (_, config) in FAMILIES.items() if not config.is_encoder_decoder]
SAME = {"atol": 1e-5, "rtol": 1e-5}


@pytest.mark.parametrize("name", ONE_TEXT)
def test_keys_are_knocked_out_in_a_batch_as_one_by_one(name):
    model = adopt(build(name))
    tokens = plain(9)
    keys = [None, 3, 0, 8]
    found = run_without(model, tokens, keys)
    assert found.shape[:2] == (4, 9)
    for key, hidden in zip(keys, found, strict=True):
        changes = None if key is None else Changes(forbid=frozenset([key]))
        torch.testing.assert_close(hidden, run(model, tokens, changes, capture=None).hidden, **SAME)
    assert not torch.allclose(found[0], found[1], atol=1e-3)


def changes_for(model):
    found = [
        None,
        Changes(knock_out={(0, 1)}, temperature=((1, 2, 3.0),), shuffle_seed=4),
        Changes(uniform={(1, 0)}, forbid={2}, causal=model.kind != "decoder", no_scale=model.scaled),
    ]
    if model.position is not None:
        found += [Changes(positions=False), Changes(positions=False, position=5, shuffle_seed=1)]
    return found


@pytest.mark.parametrize("name", ONE_TEXT)
def test_changed_runs_go_together_as_one_by_one(name):
    model = adopt(build(name))
    tokens, every = plain(9), changes_for(model)
    found = run_together(model, tokens, every, capture="all", logits=True)
    assert [one.changes for one in found] == every
    for got, changes in zip(found, every, strict=True):
        want = run(model, tokens, changes, capture="all", logits=True)
        assert (got.tokens, got.order) == (want.tokens, want.order)
        torch.testing.assert_close(got.hidden, want.hidden, **SAME)
        assert (got.logits is None) == (want.logits is None)
        if want.logits is not None:
            torch.testing.assert_close(got.logits, want.logits, **SAME)
        for ours, theirs in zip(got.layers, want.layers, strict=True):
            assert (ours.index, ours.kind, ours.scale, ours.heads) == (
                theirs.index, theirs.kind, theirs.scale, theirs.heads
            )  # fmt: skip
            for part in ("weights", "query", "key", "value"):
                torch.testing.assert_close(getattr(ours, part), getattr(theirs, part), **SAME)


@pytest.mark.parametrize("name", ["t5", "bert"])
def test_two_texts_and_long_ones_go_one_by_one(name):
    model = adopt(build(name))
    tokens = tokens_for(model) if name == "t5" else plain(40)
    every = [None, *(Changes(knock_out={(0, head)}) for head in range(4))] * 2
    assert name == "t5" or len(every) * len(tokens) > TOGETHER
    for got, changes in zip(run_together(model, tokens, every), every, strict=True):
        assert torch.equal(got.hidden, run(model, tokens, changes).hidden)


def test_more_keys_than_go_together_come_in_their_order():
    model = adopt(build("bert"))
    tokens = plain(40)
    found = run_without(model, tokens, list(range(15)))
    alone = run(model, tokens, Changes(forbid={14}), capture=None).hidden
    torch.testing.assert_close(found[14], alone, **SAME)


@pytest.mark.parametrize("keys", [[], [9], [None, -1]])
def test_keys_that_are_not_there_are_refused(keys):
    with pytest.raises(ValueError, match="key|token"):
        run_without(adopt(build("bert")), plain(9), keys)


def test_a_model_that_mixes_the_texts_of_a_batch_reads_them_one_by_one():
    module = build("bert")
    model = adopt(module)
    assert model.batches
    module.encoder.layer[0].register_forward_hook(lambda layer, given, made: made.flip(0))  # alone: no change
    mixing, tokens = adopt(module), plain(9)
    assert not mixing.batches
    changes = Changes(forbid={3})
    wanted = [run(mixing, tokens, one, capture=None).hidden for one in (None, changes)]
    assert torch.equal(run_without(mixing, tokens, [None, 3]), torch.stack(wanted))
    got = run_together(mixing, tokens, [None, changes], capture=None)
    assert all(torch.equal(one.hidden, want) for one, want in zip(got, wanted, strict=True))
