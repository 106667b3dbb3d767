"""Chapter 10: order decides, attention sees it, and changed weights move the prediction."""

import re
from collections import defaultdict

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes

from attention.classifier import (
    classify,
    explain_cell,
    load_bag_of_words,
    load_classifier,
    permute,
    renormalise,
    scale_token,
    train_chunk,
    trained_path,
)
from attention.classifier.reviews import make_reviews, split_reviews, tokenise
from attention.classifier.text_model import BagOfWords, masked_mean
from attention.classifier.text_training import evaluate, permutation_effect, predict, review_data

BOUND = 0.95  # of the held-out negation reviews; chance and a bag of words are near 0.5


@pytest.fixture(scope="module")
def model():
    return load_classifier()


def test_attention_beats_bag_of_words_on_negation(model):
    attention, counting = evaluate(model), evaluate(load_bag_of_words())
    assert attention["negation"] > BOUND and attention["pair"] > BOUND
    assert attention["all"] > BOUND and attention["new"] > BOUND
    assert attention["flip"] > BOUND and attention["double"] > BOUND  # turned once, turned twice
    assert counting["negation"] < 0.65
    assert counting["pair"] == 0.5  # one of each pair, always


@pytest.mark.parametrize("weights", ["uniform", "permuted"])
def test_broken_attention_fails_the_bound(model, weights):
    marks = evaluate(model, weights)
    assert marks["negation"] < 0.7
    assert marks["pair"] < 0.7


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("good , not bad", "positive"),
        ("bad , not good", "negative"),
        ("not bad at all", "positive"),
        ("The soup was not very tasty.", "negative"),
        ("boring start but a wonderful end", "positive"),
        ("wonderful start but a boring end", "negative"),
        ("boring", "negative"),
        ("我喜欢", "positive"),
        ("I didn't like the movie", "negative"),
        ("一点也不好看", "negative"),
        ("一点也不难看", "positive"),
        ("开头无聊，但是结尾精彩", "positive"),
        ("开头精彩，但是结尾无聊", "negative"),
        ("the soup was not tasty", "negative"),
        ("it was not not good", "positive"),
        ("it was not not bad", "negative"),
        ("i would not say it was not good", "positive"),
        ("不是不好看", "positive"),
        ("不是不难看", "negative"),
        ("我不是不喜欢", "positive"),
    ],
)
def test_order_decides(model, text, label):
    assert classify(model, text).label == label


def test_classify_equals_the_batched_forward_with_padding(model):
    texts = ["not good", "我不喜欢这部电影", "the soup was tasty !"]
    ids = [model.encode(tokenise(text)) for text in texts]
    longest = max(map(len, ids))
    batch = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
    logits = model(batch, torch.tensor([len(row) for row in ids]))
    for i, text in enumerate(texts):
        torch.testing.assert_close(classify(model, text).logits, logits[i], atol=1e-4, rtol=1e-4)


def test_uniform_prediction_equals_uniform_override(model):
    text = "the start was dull but the end was funny"
    n = len(tokenise(text))
    ids = torch.tensor([model.encode(tokenise(text))])
    by_hand = classify(model, text, weights_override=torch.ones(4, n, n)).logits
    uniform = predict(model, ids, torch.tensor([n]), "uniform")[0]
    torch.testing.assert_close(by_hand, uniform, atol=1e-4, rtol=1e-4)


def test_masked_mean_leaves_padding_out():
    output = torch.tensor([[[1.0], [3.0], [100.0]]])
    mask = torch.tensor([[[True, True, False]]])
    assert masked_mean(output, mask).item() == 2.0


def test_contributions_add_up_to_the_logits(model):
    for options in ({}, {"permute_seed": 3}):
        result = classify(model, "the start was dull but the end was funny", **options)
        total = result.contributions.sum(0) + result.base
        torch.testing.assert_close(total, result.logits, atol=1e-4, rtol=1e-4)
        pooled = F.linear(result.pooled, model.weight, model.bias)
        torch.testing.assert_close(pooled, result.logits, atol=1e-4, rtol=1e-4)


def test_learned_weights_as_override_change_nothing(model):
    text = "not bad at all"
    learned = classify(model, text)
    same = classify(model, text, weights_override=learned.weights * 5)
    torch.testing.assert_close(same.probabilities, learned.probabilities)
    assert not same.moved


def test_permuting_keeps_rows_and_is_decided_by_the_seed(model):
    text = "the start was dull but the end was funny"
    first, again, other = (classify(model, text, permute_seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.weights, again.weights)
    assert not torch.equal(first.weights, other.weights)
    rows = (first.weights.sort(-1).values, first.original_weights.sort(-1).values)
    assert torch.equal(*rows)
    torch.testing.assert_close(first.original_probabilities, classify(model, text).probabilities)


def test_permuting_moves_many_predictions(model):
    moved, distance = permutation_effect(model)
    assert moved > 0.2 and distance > 0.1


def test_dragging_a_token_to_zero_takes_its_share_away(model):
    learned = classify(model, "not good")
    dragged = scale_token(learned.weights, 0, 0.0)
    assert torch.equal(dragged[..., 0], torch.zeros(4, 2))
    torch.testing.assert_close(dragged.sum(-1), torch.ones(4, 2))
    result = classify(model, "not good", weights_override=dragged)
    assert torch.equal(result.contributions[0], torch.zeros(2))
    assert result.moved  # without "not", good is good


def test_rows_of_zeros_stay_zeros():
    weights = renormalise(torch.tensor([[[0.0, 0.0], [1.0, 3.0]]]), (1, 2, 2))
    assert weights.tolist() == [[[0.0, 0.0], [0.25, 0.75]]]


@pytest.mark.parametrize(
    "weights", [torch.ones(4, 2, 3), torch.full((4, 2, 2), -1.0), torch.full((4, 2, 2), torch.nan)]
)
def test_bad_overrides_are_refused(model, weights):
    with pytest.raises(ValueError, match="weights"):
        classify(model, "not good", weights_override=weights)


def test_unknown_words_are_flagged(model):
    result = classify(model, "the zyzzyva was good")
    assert result.known == [True, False, True, True]
    assert result.label == "positive"


PLAIN = {
    "positive": "not bad|it was good|the pizza was good|this is a great film|i did not hate it|not not good|"
    "it isn't terrible|the weather was not awful|好看|不错|太棒了|电影很好|这个手机很好|不是不好看",
    "negative": "not good|it was not good|it was bad|the food was not good|the pizza was not good|terrible|"
    "i don't like it|the weather was not great|不好|难看|不是很好看|这部电影不好看|天气不好|我不喜欢这个手机",
}  # fmt: skip


@pytest.mark.parametrize(("label", "texts"), PLAIN.items())
def test_what_people_type_first_is_read_right(model, label, texts):
    wrong = [text for text in texts.split("|") if classify(model, text).label != label]
    assert not wrong


@pytest.mark.parametrize(("text", "label"), [
    ("xyzzy", None), ("xyzzy !", None), ("qwxz , zyzzyva .", None), ("xyzzy good", "positive"),
])  # fmt: skip
def test_no_verdict_on_words_that_are_all_unknown(model, text, label):
    result = classify(model, text, permute_seed=0)
    assert result.label == label and result.decided == (label is not None)
    if label is None:
        assert not result.moved


@pytest.mark.parametrize("text", ["", "  \n", "word " * 65])
def test_empty_and_over_long_texts_are_refused(model, text):
    with pytest.raises(ValueError, match="text|review"):
        classify(model, text)


def test_explained_cell_adds_up_to_the_weight(model):
    result = classify(model, "一点也不好看")
    cell = explain_cell(result, head=2, row=3, column=4)
    assert cell.weight == pytest.approx(result.weights[2, 3, 4].item(), abs=1e-5)
    assert cell.terms.sum().item() * cell.scale == pytest.approx(cell.logit)
    assert cell.numerator / cell.denominator == pytest.approx(cell.weight)
    for head, row in ((4, 0), (0, 6)):
        with pytest.raises(ValueError, match="head|outside"):
            explain_cell(result, head, row, 0)


def test_tokens_are_english_words_and_chinese_characters():
    assert tokenise("It wasn’t BAD，不错!") == ["it", "wasn't", "bad", "，", "不", "错", "!"]


def test_pairs_hold_the_same_words_and_opposite_labels():
    bags = defaultdict(list)
    for review in make_reviews(600, torch.Generator().manual_seed(5)):
        if review.rule == "pair":
            bags[tuple(sorted(tokenise(review.text)))].append(review.label)
    assert len(bags) > 80
    assert all(sum(labels) * 2 == len(labels) for labels in bags.values())


def test_held_out_reviews_share_no_bag_of_words_with_training():
    reviews = make_reviews(600, torch.Generator().manual_seed(5))
    assert reviews == make_reviews(600, torch.Generator().manual_seed(5))
    parts = split_reviews(reviews, torch.Generator().manual_seed(1))
    bags = [{tuple(sorted(tokenise(r.text))) for r in part} for part in parts]
    assert not bags[0] & bags[1]
    assert sum(map(len, parts)) == len(reviews)


def test_new_held_out_reviews_are_no_training_sentence_behind_another_opener():
    data = review_data()
    cores = {tuple(sorted(tokenise(review.core))) for review in data.training}
    for review, new in zip(data.held_out, data.new, strict=True):
        assert review.core in review.text
        assert (tuple(sorted(tokenise(review.core))) in cores) != new
    assert 0.2 < sum(data.new) / len(data.new) < 0.9
    opened = next(r for r in data.held_out if r.text.startswith("honestly , "))
    assert not opened.core.startswith("honestly")


def test_two_turns_leave_the_label_of_the_word():
    reviews = make_reviews(900, torch.Generator().manual_seed(5))
    double = [review for review in reviews if review.rule == "double"]
    assert {review.language for review in double} == {"en", "zh"}
    for text, label in (("not not good", 1), ("不是不难看", 0)):
        assert {review.label for review in double if review.core == text} <= {label}
    for review in double:
        assert len(re.findall(r"\bnot\b|n't|never|不|没", review.core)) >= 2, review


def test_bag_of_words_counts_by_hand():
    counting = BagOfWords(["<pad>", "<unk>", "a", "b"])
    with torch.no_grad():
        counting.weight.copy_(torch.tensor([[9.0, 0.0, 1.0, 0.0], [9.0, 0.0, 0.0, 2.0]]))
        logits = counting(torch.tensor([[2, 3, 3, 0]]), torch.tensor([3]))
    assert logits.tolist() == [[1.0, 4.0]]


def test_shipped_files_are_small_and_their_vocabulary_is_the_data_s(model):
    for name in ("classifier", "classifier_bag_of_words"):
        assert trained_path(name).stat().st_size < 1_000_000
    assert model.vocabulary == review_data().vocabulary
    assert load_classifier() is model


def test_loss_falls_and_chunks_equal_one_run():
    whole, record = train_chunk(None, steps=60, batch_size=16)
    half, first = train_chunk(None, steps=30, batch_size=16)
    both, second = train_chunk(half, steps=30, batch_size=16)
    assert both == whole
    assert first.losses + second.losses == record.losses
    assert second.step == 60 and len(whole) < 2_000_000
    assert torch.equal(second.example.logits, record.example.logits)


def test_training_learns_to_read_order():
    _, record = train_chunk(None, steps=700)
    assert sum(record.losses[:20]) / 20 > 0.6
    assert sum(record.losses[-20:]) / 20 < 0.35
    assert record.pair_accuracy > 0.8


def test_foreign_state_is_refused():
    state, _ = train_chunk(None, steps=1, batch_size=4)
    tensors = load_bytes(state)
    square = "adam.square.weight"
    bad = {
        "another model": save_bytes({k: v for k, v in tensors.items() if k != square}),
        "negative": save_bytes({**tensors, square: -torch.ones_like(tensors[square])}),
        "0 to": save_bytes({**tensors, "training.step": torch.tensor(-1)}),
    }
    for message, blob in bad.items():
        with pytest.raises(ValueError, match=message):
            train_chunk(blob, steps=1)
    with pytest.raises(ValueError, match="seed"):
        train_chunk(None, seed=-1)


def test_permutation_stays_within_rows():
    weights = torch.arange(6.0).reshape(1, 2, 3)
    shuffled = permute(weights, 0)
    assert torch.equal(shuffled.sort(-1).values, weights)
