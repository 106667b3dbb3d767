"""Every architecture runs on attend(), with the numbers of the library's own eager attention."""

import pytest
import torch
import transformers as T

from attention.pretrained import adapter, run
from attention.pretrained.model import ModelRefused, adopt
from attention.pretrained.session import Changes, explain_head
from tests.tiny_models import (
    BOTH,
    DECODERS,
    ENCODERS,
    EVERY,
    WIDE,
    build,
    plain,
    tokens_for,
)


def forward(module, implementation, padded):
    """hidden states and attentions of three rows, the first two padded on the right."""
    ids = torch.randint(5, 99, (3, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones(3, 9, dtype=torch.long)
    if padded:
        mask[0, 5:] = 0
        mask[1, 7:] = 0
    arguments = {"input_ids": ids, "attention_mask": mask}
    if module.config.is_encoder_decoder:
        arguments["decoder_input_ids"] = ids[:, :6]
    module.set_attn_implementation(implementation)
    with torch.inference_mode():
        output = module(**arguments, use_cache=False, output_attentions=True, output_hidden_states=True)
    real = mask.bool()
    pairs = []
    for name in ("hidden_states", "encoder_hidden_states"):
        if output.get(name) is not None:
            pairs += [state[real] for state in output[name]]
    for name in ("attentions", "encoder_attentions"):
        if output.get(name) is not None:
            pairs += [weights.transpose(1, 2)[real] for weights in output[name]]
    for name in ("decoder_hidden_states", "decoder_attentions", "cross_attentions"):
        pairs += list(output.get(name) or ())
    return pairs


def worst(name, padded):
    adapter.register()
    module = build(name)
    ours, theirs = (forward(module, which, padded) for which in (adapter.NAME, "eager"))
    assert len(ours) == len(theirs) >= 5
    return max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_hidden_states_and_weights_equal_eager(name, padded):
    assert worst(name, padded) <= 1e-6


def test_a_wrong_scale_is_noticed(monkeypatch):
    real = adapter.attend
    wrong = lambda *a, scale, **k: real(*a, scale=scale * 1.001, **k)  # noqa: E731
    monkeypatch.setattr(adapter, "attend", wrong)
    assert worst("bert", False) > 1e-6


@pytest.mark.parametrize("dropped", ["bias", "softcap", "sinks"])
def test_a_dropped_argument_is_noticed(monkeypatch, dropped):
    real = adapter.attend
    monkeypatch.setattr(adapter, "attend", lambda *a, **k: real(*a, **(k | {dropped: None})))
    assert worst({"bias": "t5", "softcap": "gemma2", "sinks": "gpt_oss"}[dropped], False) > 1e-6


def test_the_sliding_window_is_in_the_mask():
    model = adopt(build("mistral"))
    layer = run(model, plain(9), capture="all").layers[0]
    assert layer.mask[0, 8].tolist() == [False] * 6 + [True] * 3
    assert (layer.weights[:, 8, :6] == 0).all()


@pytest.mark.parametrize("name", EVERY)
def test_adopted_models_know_their_kind_and_layers(name):
    model = adopt(build(name))
    group = [name in names for names in (ENCODERS, DECODERS, BOTH)].index(True)
    assert model.kind == ("encoder", "decoder", "encoder-decoder")[group]
    expected = ("self",) * 2 if group < 2 else ("self", "self", *("decoder", "cross") * 2)
    assert model.kinds == expected
    assert (model.num_layers, model.num_heads) == (len(expected), 4)


@pytest.mark.parametrize("name", EVERY)
def test_fused_run_without_weights_gives_the_same_hidden_states(name):
    model = adopt(build(name))
    tokens = tokens_for(model)
    seen, unseen = run(model, tokens), run(model, tokens, capture=None)
    assert unseen.layers == []
    torch.testing.assert_close(unseen.hidden, seen.hidden, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_every_captured_cell_opens_to_the_weight_shown(name):
    model = adopt(build(name))
    changed = Changes(uniform={(0, 1)}, temperature=((1, 2, 3.0),), forbid={1}, no_scale=model.scaled)
    for changes in (None, changed):
        for layer in run(model, tokens_for(model), changes, capture="all").layers:
            for head in range(4):
                for row, column in ((0, 0), (4, 1), (4, 3), (3, 4)):
                    cell = explain_head(layer, head, row, column)
                    shown = layer.weights[head, row, column].item()
                    assert cell.weight == pytest.approx(shown, abs=2e-6)
                    if cell.allowed:
                        assert cell.numerator / cell.denominator == pytest.approx(shown, abs=2e-6)


@pytest.mark.parametrize("name", ["llama", "t5", "gpt_oss", "bart"])
def test_weights_captured_for_one_layer_only_are_the_same(name):
    model = adopt(build(name))
    tokens = tokens_for(model)
    whole, one = run(model, tokens), run(model, tokens, only={1}, capture="all")
    assert [layer.index for layer in one.layers] == [1]
    torch.testing.assert_close(one.layers[0].weights, whole.layers[1].weights, atol=1e-5, rtol=1e-4)


def test_each_layer_can_be_condensed_as_it_comes():
    model = adopt(build("bert"))
    answers = run(model, plain(6), each=lambda layer: (layer.index, layer.weights.shape)).layers
    assert answers == [(0, (4, 6, 6)), (1, (4, 6, 6))]


def test_models_that_do_not_use_the_interface_are_refused():
    deberta = T.DebertaV2Model(T.DebertaV2Config(**WIDE, relative_attention=True))
    bloom = T.BloomModel(T.BloomConfig(vocab_size=99, hidden_size=32, n_layer=2, n_head=4))
    for module in (deberta, bloom):
        with pytest.raises(ModelRefused, match="attention interface") as refused:
            adopt(module)
        assert refused.value.reason == "unsupported"


def test_nothing_is_left_on_the_model_or_in_the_context():
    model = adopt(build("bert"))
    before = {name: set(vars(part)) for name, part in model.module.named_modules()}
    run(model, plain(5), Changes(knock_out={(0, 0)}), capture="all")
    with pytest.raises(ZeroDivisionError):
        run(model, plain(5), each=lambda layer: 1 / 0)
    assert adapter.SESSION.get() is None
    assert before == {name: set(vars(part)) for name, part in model.module.named_modules()}
    assert not any(part._forward_hooks for part in model.module.modules())


def test_additive_masks_become_boolean_ones():
    lowest = torch.finfo(torch.float32).min
    mask = torch.tensor([[[[0.0, lowest], [0.0, 0.5]]]])
    query = torch.zeros(1, 1, 2, 4)
    allowed, bias = adapter._boolean_mask(torch.nn.Identity(), query, query, mask, None, None)
    assert allowed.tolist() == [[[[True, False], [True, True]]]]
    assert bias.tolist() == [[[[0, 0], [0, 0.5]]]]


def test_a_mask_left_out_in_a_causal_layer_is_made():
    layer = torch.nn.Identity()
    layer.is_causal = True
    query = torch.zeros(1, 1, 3, 4)
    assert adapter._boolean_mask(layer, query, query, None, None, None)[0].int().tolist() == [
        [1, 0, 0], [1, 1, 0], [1, 1, 1],
    ]  # fmt: skip
    assert adapter._boolean_mask(layer, query, query, None, None, False)[0] is None


def test_changes_are_hashable_and_checked():
    assert hash(Changes(knock_out=[(0, 1)])) == hash(Changes(knock_out={(0, 1)}))
    with pytest.raises(ValueError, match="above 0"):
        Changes(temperature=((0, 0, 0.0),))
