"""Logits and scores taken apart, and heads exchanged, against an independent loop over the modules."""

import pytest
import torch

from attention.circuits import (
    Part,
    lens,
    logit_parts,
    patch,
    patch_grid,
    score_parts,
    tables,
)
from attention.pretrained import run, sentence_embedding
from attention.pretrained.adopted import load_storyteller
from attention.pretrained.model import adopt
from attention.pretrained.session import Changes, explain_head
from attention.pretrained.tokens import Tokens
from tests.tiny_models import build, tokens_for

SPEAKING = ("gpt2", "llama", "mistral", "qwen3", "t5")
SUMMED = ("gpt2", "llama", "mistral", "bert", "roberta", "distilbert", "t5")


@pytest.fixture(scope="module")
def models():
    return {name: perturbed(name) for name in {*SPEAKING, *SUMMED}}


def perturbed(name):
    """A tiny model whose norms and biases are no longer ones and zeros, so that they matter."""
    module = build(name)
    generator = torch.Generator().manual_seed(3)
    for weight in module.parameters():
        if weight.dim() == 1:
            noise = torch.randn(weight.shape, generator=generator)
            weight.data.add_(0.3 * noise)
    return adopt(module)


@pytest.fixture(scope="module")
def storyteller():
    return load_storyteller()


def another(tokens):
    """The same shape, other words."""
    return Tokens(tuple(5 + (at * 7) % 90 for at in tokens.ids), *list(vars(tokens).values())[1:])


def outputs_of(model, tokens, places):
    """What the modules at ``places`` took in and gave out in one plain run, by hooks."""
    parts, seen = dict(model.module.named_modules()), {}

    def keep(place):
        def hook(module, given, kwargs, output):
            first = given[0] if given else kwargs.get("hidden_states")
            seen.setdefault(place, (first, output[0] if isinstance(output, tuple) else output))

        return hook

    handles = [parts[place].register_forward_hook(keep(place), with_kwargs=True) for place in places]
    try:
        logits = run(model, tokens, logits=model.has_logits).logits
    finally:
        for handle in handles:
            handle.remove()
    return seen, logits


@pytest.mark.parametrize("convention", ["shared", "sum"])
@pytest.mark.parametrize("name", SPEAKING)
def test_parts_add_up_to_the_logit_and_to_a_difference(models, name, convention):
    model = models[name]
    tokens = tokens_for(model)
    logits = run(model, tokens, logits=True).logits
    one = logit_parts(model, tokens, 7, convention=convention)
    two = logit_parts(model, tokens, 7, 11, convention=convention)
    assert one.values.sum().item() == pytest.approx(logits[7].item(), abs=1e-4)
    assert two.values.sum().item() == pytest.approx((logits[7] - logits[11]).item(), abs=1e-4)
    assert two.total == pytest.approx((logits[7] - logits[11]).item(), abs=1e-4)
    assert len(one.parts) == len(set(one.parts)) == len(one.values)


def test_gpt2_shares_equal_a_loop_over_its_own_modules(models):
    model = models["gpt2"]
    tokens, base = tokens_for(model), model.module.transformer
    places = [f"transformer.h.{i}.{part}" for i in (0, 1) for part in ("attn.c_proj", "mlp")]
    seen, _ = outputs_of(model, tokens, [*places, "transformer.ln_f"])
    end = seen["transformer.ln_f"][0][0, -1]
    direction = model.module.lm_head.weight[7]

    def share(vector):
        vector = (vector - vector.mean()) / (end.var(unbiased=False) + base.ln_f.eps).sqrt()
        return (vector * base.ln_f.weight @ direction).item()

    found = logit_parts(model, tokens, 7)
    values = dict(zip(found.parts, found.values.tolist(), strict=True))
    assert values[Part("embedding")] == pytest.approx(share(base.wte.weight[tokens.ids[-1]]), abs=1e-5)
    assert values[Part("position")] == pytest.approx(share(base.wpe.weight[len(tokens) - 1]), abs=1e-5)
    for layer in (0, 1):
        written = seen[f"transformer.h.{layer}.mlp"][1][0, -1]
        assert values[Part("feed_forward", layer)] == pytest.approx(share(written), abs=1e-5)
        mixed = seen[f"transformer.h.{layer}.attn.c_proj"][0][0, -1]  # heads side by side
        weight = base.h[layer].attn.c_proj.weight
        for head in range(4):
            rows = slice(8 * head, 8 * head + 8)
            expected = share(mixed[rows] @ weight[rows])
            assert values[Part("head", layer, head)] == pytest.approx(expected, abs=1e-5)
    bias = sum(share(base.h[layer].attn.c_proj.bias) for layer in (0, 1))
    assert values[Part("bias")] == pytest.approx(bias + (base.ln_f.bias @ direction).item(), abs=1e-5)


def test_running_totals_of_the_other_convention_are_norms_of_sums(models):
    """With "sum", everything up to the first layer's end is the lens after one layer."""
    model = models["gpt2"]
    tokens = tokens_for(model)
    found = logit_parts(model, tokens, 7, convention="sum")
    early = [part.layer in (None, 0) for part in found.parts]
    assert early == sorted(early, reverse=True)
    read = lens(model, tokens).logits[1, 7].item()
    late_bias = model.module.transformer.h[1].attn.c_proj.bias.abs().sum()
    assert late_bias > 0  # the part called bias holds it already, hence a model without it here
    model.module.transformer.h[1].attn.c_proj.bias.data.zero_()
    found = logit_parts(model, tokens, 7, convention="sum")
    assert found.values[early].sum().item() == pytest.approx(read, abs=1e-4)


@pytest.mark.parametrize("name", SPEAKING)
def test_a_heads_share_splits_by_source_token(models, name):
    model = models[name]
    found = logit_parts(model, tokens_for(model), 7, 11)
    heads = 0
    for part, value, moved in zip(found.parts, found.values.tolist(), found.moved, strict=True):
        assert (moved is not None) == (part.kind == "head")
        if moved is not None:
            heads += 1
            assert moved.sum().item() == pytest.approx(value, abs=1e-6)
    assert heads == 4 * sum(kind in ("decoder", "cross") or name != "t5" for kind in model.kinds)


@pytest.mark.parametrize("name", SUMMED)
def test_score_parts_add_up_to_the_explained_score(models, name):
    model = models[name]
    tokens = tokens_for(model)
    layers = run(model, tokens, capture="all").layers
    for layer in layers:
        for head, row, column in ((0, 4, 1), (3, 3, 3), (2, 4, 0)):
            found = score_parts(model, tokens, layer.index, head, row, column)
            cell = explain_head(layer, head, row, column)
            total = found.matrix.sum().item() + found.bias
            assert total == pytest.approx(cell.logit, rel=1e-4, abs=1e-5)
            assert found.score == pytest.approx(cell.logit, rel=1e-4, abs=1e-5)
            assert found.matrix.shape == (len(found.queries), len(found.keys))


def test_score_parts_of_one_layer_equal_llamas_own_projections(models):
    """The first layer's only parts are the embedding and no bias: its product, turned by hand."""
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    model = models["llama"]
    tokens, base = tokens_for(model), model.module.model
    block = base.layers[0]
    read = block.input_layernorm(base.embed_tokens(torch.tensor(tokens.ids)))
    query = block.self_attn.q_proj(read).view(1, 8, 4, 12).transpose(1, 2)
    key = block.self_attn.k_proj(read).view(1, 8, 2, 12).transpose(1, 2)
    query, key = apply_rotary_pos_emb(query, key, *base.rotary_emb(read, torch.arange(8)[None]))
    found = score_parts(model, tokens, 0, 3, 6, 2)  # query heads 2 and 3 share key head 1
    assert found.queries == (Part("embedding"), Part("bias"))
    expected = (query[0, 3, 6] @ key[0, 1, 2]).item() / 12**0.5
    assert found.matrix[0, 0].item() == pytest.approx(expected, rel=1e-4)
    assert found.matrix[1].abs().max() == 0


def test_a_cross_score_joins_the_decoders_parts_and_the_encoders(models):
    model = models["t5"]
    found = score_parts(model, tokens_for(model), 5, 1, 3, 6)
    assert model.kinds[5] == "cross"
    assert {part.layer for part in found.queries if part.kind == "head"} == {2, 3, 4}
    assert {part.layer for part in found.keys if part.kind == "head"} == {0, 1}


@pytest.mark.parametrize("name", SPEAKING)
def test_the_lens_ends_at_the_models_own_logits(models, name):
    model = models[name]
    tokens = tokens_for(model)
    logits = run(model, tokens, logits=True).logits
    for convention in ("sum", "shared"):
        found = lens(model, tokens, convention=convention)
        torch.testing.assert_close(found.logits[-1], logits, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.steps.sum(0), found.logits[-1])
        assert len(found.logits) == 3  # embedding, two layers
    best = found.words(1)[-1][0]
    assert best[0] == logits.argmax().item()
    assert best[1] == pytest.approx(logits.softmax(-1).max().item(), abs=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_the_lens_equals_the_norm_held_against_hooked_states(models, name):
    model = models[name]
    tokens, base = tokens_for(model), model.module.base_model
    block, norm = ("h", "ln_f") if name == "gpt2" else ("layers", "norm")
    prefix = "transformer" if name == "gpt2" else "model"
    seen, _ = outputs_of(model, tokens, [f"{prefix}.{block}.0", f"{prefix}.{block}.1"])
    found = lens(model, tokens, position=5)
    for layer in (0, 1):
        state = seen[f"{prefix}.{block}.{layer}"][1][0, 5]
        expected = model.module.lm_head(getattr(base, norm)(state))
        torch.testing.assert_close(found.logits[layer + 1], expected, atol=1e-5, rtol=1e-4)


def with_output(model, tokens, place, output):
    """A run in which the attention projection at ``place`` gives ``output`` (1, n, D), by a hook."""
    part = dict(model.module.named_modules())[place]
    handle = part.register_forward_hook(lambda module, given, found: output)
    try:
        return run(model, tokens, logits=model.has_logits)
    finally:
        handle.remove()


PROJECTIONS = {
    "gpt2": "transformer.h.{}.attn.c_proj",
    "llama": "model.layers.{}.self_attn.o_proj",
    "bert": "encoder.layer.{}.attention.output.dense",
    "distilbert": "transformer.layer.{}.attention.out_lin",
}


@pytest.mark.parametrize("name", PROJECTIONS)
def test_all_heads_of_a_layer_are_its_attention_output(models, name):
    model = models[name]
    tokens = tokens_for(model)
    other = another(tokens)
    for layer in (0, 1):
        place = PROJECTIONS[name].format(layer)
        seen, _ = outputs_of(model, other, [place])
        expected = with_output(model, tokens, place, seen[place][1])
        found = patch(model, tokens, other, [(layer, head) for head in range(4)])
        torch.testing.assert_close(found.hidden_after, expected.hidden, atol=1e-5, rtol=1e-5)
        assert found.moved.max() > 0.01
        if model.has_logits:
            torch.testing.assert_close(found.after, expected.logits, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(found.before + found.change, found.after)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_one_head_at_one_position_equals_a_hook_before_the_projection(models, name):
    model = models[name]
    tokens = tokens_for(model)
    other = another(tokens)
    place = PROJECTIONS[name].format(0)
    part = dict(model.module.named_modules())[place]
    theirs = outputs_of(model, other, [place])[0][place][0]
    d = model.d_head

    def hook(module, given):
        mixed = given[0].clone()
        mixed[0, 3, 2 * d : 3 * d] = theirs[0, 3, 2 * d : 3 * d]
        return (mixed,)

    handle = part.register_forward_pre_hook(hook)
    try:
        expected = run(model, tokens, logits=model.has_logits)
    finally:
        handle.remove()
    found = patch(model, tokens, other, [(0, 2)], position=3)
    torch.testing.assert_close(found.hidden_after, expected.hidden, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", SUMMED)
def test_without_another_sentence_a_patch_knocks_out(models, name):
    model = models[name]
    tokens = tokens_for(model)
    heads = {(0, 1), (model.num_layers - 1, 3)}
    expected = run(model, tokens, Changes(knock_out=heads), logits=model.has_logits)
    found = patch(model, tokens, None, heads)
    torch.testing.assert_close(found.hidden_after, expected.hidden, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", SUMMED)
def test_the_grid_is_every_patch_by_itself(models, name):
    model = models[name]
    tokens = tokens_for(model)
    other = another(tokens)
    word = 7 if model.has_logits else None
    grid = patch_grid(model, tokens, other, word, None if word is None else 11)

    def number(patched):
        if model.has_logits:
            return (patched.after[7] - patched.after[11]).item()
        mean = torch.nn.functional.normalize(patched.hidden_after.mean(0), dim=0)
        return (mean @ sentence_embedding(run(model, other))).item()

    reached = 0
    for layer in range(model.num_layers):
        for head in (0, 3):
            alone = number(patch(model, tokens, other, [(layer, head)])) - grid.base
            assert grid.whole[layer, head].item() == pytest.approx(alone, abs=2e-5)
            for position in range(len(tokens)):
                effect = grid.effects[layer, head, position].item()
                if effect == effect:
                    reached += 1
                    alone = patch(model, tokens, other, [(layer, head)], position)
                    assert effect == pytest.approx(number(alone) - grid.base, abs=2e-5)
    assert reached >= 4 * len(tokens) if name != "t5" else reached == 2 * (2 * 8 + 4 * 5)
    assert grid.effects.nan_to_num(0).abs().max() > 1e-3


def test_a_grid_can_be_stopped(models):
    model = models["bert"]
    tokens = tokens_for(model)
    told = []
    grid = patch_grid(model, tokens, None, report=lambda done, of: told.append((done, of)) or True)
    assert told == [(1, 2)] and grid.done == 1
    assert grid.whole[0].isfinite().all() and grid.whole[1].isnan().all()


@pytest.mark.parametrize("name", ["gemma2", "gemma3", "gpt_neox", "gpt_oss", "bart", "opt", "albert"])
def test_models_whose_parts_do_not_sum_are_refused_in_a_sentence(name):
    model = adopt(build(name))
    tokens = tokens_for(model)
    for ask in (
        lambda: logit_parts(model, tokens, 7),
        lambda: score_parts(model, tokens, 0, 0, 1, 1),
        lambda: lens(model, tokens),
        lambda: patch(model, tokens, None, [(0, 0)]),
    ):
        with pytest.raises(ValueError, match="cannot be split into parts exactly"):
            ask()


def test_what_a_model_has_not_is_refused(models):
    bert, gpt2 = models["bert"], models["gpt2"]
    with pytest.raises(ValueError, match="names no next word"):
        logit_parts(bert, tokens_for(bert), 7)
    with pytest.raises(ValueError, match="names no next word"):
        lens(bert, tokens_for(bert))
    with pytest.raises(ValueError, match="norms every query and key"):
        score_parts(models["qwen3"], tokens_for(models["qwen3"]), 0, 0, 1, 1)
    with pytest.raises(ValueError, match="same number of tokens"):
        patch(gpt2, tokens_for(gpt2, 8), tokens_for(gpt2, 7), [(0, 0)])
    with pytest.raises(ValueError, match="head in"):
        patch(gpt2, tokens_for(gpt2), None, [(0, 4)])
    with pytest.raises(ValueError, match="needs a target"):
        patch_grid(gpt2, tokens_for(gpt2), None)
    with pytest.raises(ValueError, match="convention"):
        logit_parts(gpt2, tokens_for(gpt2), 7, convention="both")
    with pytest.raises(ValueError, match="words alone have no score"):
        tables(models["llama"], 0, 0)


def test_nothing_stays_on_the_model(models):
    model = models["gpt2"]
    before = {name: set(vars(part)) for name, part in model.module.named_modules()}
    tokens = tokens_for(model)
    logit_parts(model, tokens, 7), score_parts(model, tokens, 1, 0, 3, 1), patch_grid(model, tokens, None, 7)
    assert before == {name: set(vars(part)) for name, part in model.module.named_modules()}
    assert not any(part._forward_hooks for part in model.module.modules())
