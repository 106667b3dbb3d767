"""The shipped language model: its numbers, its sentences, what it can and what it cannot do."""

import json

import pytest
import torch

from attention.circuits import compare, lens, logit_parts, patch_grid, score_parts, tables
from attention.pretrained import next_tokens, run, tokenize
from attention.pretrained.adopted import build, load_storyteller, make_tokenizer, to_gpt2
from attention.pretrained.session import Changes
from attention.storyteller.limits import LIMITS
from attention.storyteller.sentences import (
    ITEMS,
    LANGUAGES,
    NAMES,
    NOUNS,
    PATTERNS,
    held_out_pair,
    held_out_step,
    make_story,
    make_text,
    vocabulary,
)
from attention.storyteller.train import (
    WEIGHTS,
    accuracy,
    encode,
    figures,
    held_out_stories,
    load,
    measure,
    train,
)
from attention.storyteller.transformer import Sizes, Storyteller
from attention.storyteller.writing import choose, read, write

ENGLISH = "ann and bo went to the park . ann gave the ball to"
CHINESE = "小安和小波去了公园。小安把球给了"


@pytest.fixture(scope="module")
def model():
    return load_storyteller()


@pytest.fixture(scope="module")
def random_model():
    """Random weights, norms and biases too, so that a matrix laid in the wrong way round is noticed."""
    generator = torch.Generator().manual_seed(5)
    model = Storyteller(Sizes(31, length=20, width=24, heads=3, layers=3, hidden=40), generator)
    for weight in model.parameters():
        weight.data.normal_(0, 0.3, generator=generator)
    return model.requires_grad_(False)


def test_every_point_equals_transformers_gpt2(random_model):
    module = to_gpt2(random_model)
    ids = torch.randint(31, (15,), generator=torch.Generator().manual_seed(1))
    given = module(ids[None], output_hidden_states=True)
    points = random_model.points(ids)
    streams = [points.layers[0].stream, *(layer.after for layer in points.layers)]
    for ours, theirs in zip(streams[:-1], given.hidden_states[:-1], strict=True):
        torch.testing.assert_close(ours, theirs[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(points.normed, given.hidden_states[-1][0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(points.logits, given.logits[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(random_model(ids[None]), given.logits, atol=1e-5, rtol=1e-5)


def test_every_point_follows_from_those_before(random_model):
    points = random_model.points(torch.arange(12))
    stream = points.embedding + points.position
    for layer, module in zip(points.layers, random_model.layers, strict=True):
        close = lambda a, b: torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)  # noqa: E731
        close(layer.stream, stream)
        close(layer.normed, module.norm_1(stream))
        close(layer.scores, layer.query @ layer.key.transpose(1, 2) / 8**0.5)
        close(layer.weights.sum(-1), torch.ones(3, 12))
        assert (layer.weights.triu(1) == 0).all()
        close(layer.heads, layer.weights @ layer.value)
        close(layer.attention, layer.written.sum(0) + module.attention.b_o)
        close(layer.middle, stream + layer.attention)
        close(layer.read, module.norm_2(layer.middle))
        close(layer.feed_forward, layer.hidden @ module.w_2.T + module.b_2)
        stream = layer.after
        close(stream, layer.middle + layer.feed_forward)
    close(points.normed, random_model.norm(stream))


def test_adopted_it_runs_attend_with_the_same_numbers(model):
    tokens = tokenize(model, ENGLISH)
    found = run(model, tokens, logits=True)
    points = load().points(torch.tensor(tokens.ids))
    torch.testing.assert_close(found.logits, points.logits[-1], atol=1e-5, rtol=1e-5)
    for layer, shown in zip(found.layers, points.layers, strict=True):
        torch.testing.assert_close(layer.weights, shown.weights, atol=1e-5, rtol=1e-4)
    assert (model.kind, model.has_logits, model.max_tokens) == ("decoder", True, Sizes.length)
    assert model.name == "storyteller"


@pytest.mark.parametrize(("text", "answer"), [(ENGLISH, "bo"), (CHINESE, "小波")])
def test_the_next_word_and_what_changes_do_to_it(model, text, answer):
    tokens = tokenize(model, text)
    word, share = next_tokens(model, run(model, tokens, logits=True))[0]
    assert word == answer and share > 0.9
    gone = next_tokens(model, run(model, tokens, Changes(forbid={tokens.tokens.index(answer)}), logits=True))
    assert dict(gone).get(answer, 0) < 0.5
    ahead = run(model, tokens, Changes(causal=False))
    assert ahead.layers[0].weights.triu(1).sum() > 0
    every = {(layer, head) for layer in range(model.num_layers) for head in range(model.num_heads)}
    blind = dict(next_tokens(model, run(model, tokens, Changes(knock_out=every), logits=True)))
    assert blind.get(answer, 0) < 0.5


def test_text_is_cut_as_the_stories_are(model):
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        words, _ = make_text(generator)
        words = words[:-1]
        spaced = tokenize(model, " ".join(words))
        assert spaced.tokens == words and list(spaced.ids) == encode(words)
        if words[-1] == "。":  # Chinese as it is written
            assert tokenize(model, "".join(words)).tokens == words
    typed = tokenize(model, "Ann gave the ball to Bo.").tokens
    assert typed == ("ann", "gave", "the", "ball", "to", "bo", ".")
    assert tokenize(model, "ann saw a unicorn").tokens == ("ann", "<unk>", "<unk>", "<unk>")
    assert len(make_tokenizer()) == len(vocabulary())


def test_held_out_words_never_meet_in_the_training():
    generator = torch.Generator().manual_seed(0)
    pairs, people = set(), set()
    for _ in range(3000):
        words, settled = make_text(generator)
        language = next(kind for kind in LANGUAGES if any(w in NAMES[kind] or w in "。." for w in words))
        names = {NAMES[language].index(word) for word in words if word in NAMES[language]}
        pairs |= {(i, j) for i in names for j in names if i < j}
        people |= names
        assert len(words) <= Sizes.length + 1 and all(0 < at < len(words) - 1 for at in settled)
    assert people == set(range(10))
    assert not any(held_out_pair(*pair) for pair in pairs)
    assert len(pairs) == 45 - 9


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_held_out_stories_are_about_held_out_words(pattern, language):
    generator = torch.Generator().manual_seed(0)
    for held_out in (False, True):
        for _ in range(50):
            story = make_story(pattern, language, generator, held_out)
            words = [word.removesuffix("s") if language == "en" else word for word in story.tokens]
            if pattern == "agreement":
                nouns = [NOUNS[language].index(w) for w in words if w in NOUNS[language]]
                assert held_out_pair(*nouns) is held_out
            elif pattern == "list":
                items = [ITEMS[language].index(w) for w in story.tokens if w in ITEMS[language]]
                items = items[: len(items) // 2]
                assert held_out_step(*items[-2:]) is held_out
                assert not any(held_out_step(*step) for step in zip(items[:-2], items[1:-1], strict=True))
            else:
                first, second = (NAMES[language].index(name) for name in story.people)
                assert held_out_pair(first, second) is held_out


def test_held_out_stories_are_told_right_in_every_pattern_and_language():
    kept = figures()["held_out"]
    assert set(kept) == {f"{p}.{k}" for p in PATTERNS for k in LANGUAGES}
    assert all(share >= 0.98 for share in kept.values()), kept
    found = {name: accuracy(load(), stories) for name, stories in held_out_stories(200, 7).items()}
    assert all(share >= 0.96 for share in found.values()), found


def test_the_kept_figures_are_what_the_command_measures():
    assert {name: figures()[name] for name in ("held_out", "limits")} == measure(load())


def test_what_it_cannot_do_is_measured():
    limits = figures()["limits"]
    assert set(limits) == set(LIMITS)
    assert set(figures()["cannot"]) == {name for name, share in limits.items() if share < 0.6}
    assert len(figures()["cannot"]) >= 3
    generator = torch.Generator().manual_seed(0)
    for limit in LIMITS.values():
        assert set(limit.make(generator).tokens) <= set(vocabulary())  # no word is to blame


def test_the_pattern_comes_in_a_jump():
    checkpoints = figures()["checkpoints"]
    steps = [point["step"] for point in checkpoints]
    assert steps == sorted(steps) and checkpoints[0]["loss"] is None
    for name in ("found.en", "found.zh", "list.en"):
        shares = [point["accuracy"][name] for point in checkpoints]
        assert shares[0] < 0.2 and shares[-1] >= 0.98


def test_weights_are_small_and_say_their_vocabulary():
    assert WEIGHTS.stat().st_size < 1_000_000
    assert len(WEIGHTS.read_bytes()) > 100_000
    assert json.loads(json.dumps(figures()))["parameters"] == sum(w.numel() for w in load().parameters())


def test_training_is_the_same_from_the_same_seed():
    sizes = Sizes(len(vocabulary()), width=16, heads=2, layers=1, hidden=16)
    (first, points), (second, again) = (train(3, 4, sizes=sizes) for _ in range(2))
    assert points == again
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_drawn_word_is_explained_by_its_number():
    logits = torch.tensor([0.5, 0.3, 0.2]).log()
    for drawn, word in ((0.0, 0), (0.49, 0), (0.51, 1), (0.79, 1), (0.81, 2), (0.999, 2)):
        assert choose(logits, drawn).word == word
    found = choose(logits, 0.6, k=2)  # 5/8 and 3/8 of what is left
    assert found.words == (0, 1) and found.shares == pytest.approx((0.625, 0.375))
    assert found.word == 0 and choose(logits, 0.63, k=2).word == 1
    assert choose(logits, 0.6, temperature=0.1).shares[0] > 0.99
    with pytest.raises(ValueError, match="temperature"):
        choose(logits, 0.5, temperature=0)


def test_writing_goes_on_to_the_end_and_comes_again_from_its_seed():
    ids = encode(ENGLISH.split())
    first, again = (write(load(), ids, seed=4, temperature=0.5) for _ in range(2))
    assert [c.word for c in first] == [c.word for c in again]
    assert vocabulary()[first[0].word] == "bo" and vocabulary()[first[1].word] == "."
    assert len(write(load(), ids, steps=1)) == 1


def test_its_circuits_add_up_and_the_grid_finds_heads(model):
    tokens = tokenize(model, ENGLISH)
    other = tokenize(model, ENGLISH.replace("ann and bo", "bo and ann").replace("ann gave", "bo gave"))
    logits = run(model, tokens, logits=True).logits
    bo, ann = encode(["bo", "ann"])
    for convention in ("shared", "sum"):
        found = logit_parts(model, tokens, "bo", "ann", convention)
        assert found.values.sum().item() == pytest.approx((logits[bo] - logits[ann]).item(), abs=1e-3)
    cell = score_parts(model, tokens, 1, 0, len(tokens) - 1, 2)
    assert cell.matrix.sum().item() == pytest.approx(cell.score, rel=1e-4, abs=1e-5)
    assert lens(model, tokens).words(1)[-1][0][0] == bo
    grid = patch_grid(model, tokens, other, "bo", "ann")
    assert grid.base > 0 > grid.goal
    assert grid.whole.min() < -0.2 * (grid.base - grid.goal)
    differ = compare(logit_parts(model, tokens, "bo", "ann"), patch_grid(model, tokens, None, "bo", "ann"))
    for *_, share, effect in differ.says_much_does_little:
        assert abs(effect) < abs(share)
    for *_, share, effect in differ.says_little_does_much:
        assert abs(share) < abs(effect)


def test_tables_open_and_are_the_heads_own_matrices(model):
    layer, storyteller = 1, load()
    found = tables(model, layer, 2)
    count = len(vocabulary())
    assert found.looks.shape == found.writes.shape == (count, count)
    module = storyteller.layers[layer]
    read = module.norm_1(storyteller.embedding)
    query, key, value = (part[0, 2] for part in module.attention.project(read[None]))
    torch.testing.assert_close(found.looks.float(), query @ key.T / 4, atol=1e-4, rtol=1e-4)
    w_o = module.attention.w_o[:, 32:48]  # head 2 of width 16
    written = value @ w_o.T
    reads = (written - written.mean(-1, keepdim=True)) * storyteller.norm.weight
    torch.testing.assert_close(found.writes.float(), reads @ storyteller.embedding.T, atol=1e-4, rtol=1e-4)
    assert found.open_look(5, 9).scaled == pytest.approx(found.looks[5, 9].item(), abs=1e-9)
    assert found.open_write(5, 9).sum().item() == pytest.approx(found.writes[5, 9].item(), abs=1e-9)


def test_a_text_too_long_or_of_other_words_is_refused():
    with pytest.raises(ValueError, match="shorten it"):
        load()(torch.zeros(1, 81, dtype=torch.long))
    with pytest.raises(ValueError, match="numbered 0 to"):
        load()(torch.tensor([[len(vocabulary())]]))
    with pytest.raises(ValueError, match="one text at a time"):
        load().points(torch.zeros(1, 3, dtype=torch.long))
    with pytest.raises(ValueError, match="pattern must be"):
        make_story("sold", "en", torch.Generator())
    assert build()[1].unk_token == "<unk>"


@pytest.mark.parametrize(
    "text",
    [ENGLISH, CHINESE, "Ann sings.Bo reads , who?", "小明说 书在钥匙旁边，the dog!", "<end> <unk> ．a b"],
)
def test_a_text_is_read_as_the_tokenizer_reads_it(model, text):
    ids, unknown = read(text)
    assert ids == list(tokenize(model, text).ids)
    assert (vocabulary().index("<unk>") in ids) == bool(unknown) or "<unk>" in text
    with pytest.raises(ValueError, match="at least one word"):
        read(" \n ")
