"""Sentences about pictures: each is computed from what the page draws for the inputs it speaks of."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest
import torch

from attention.classifier import classify, load_classifier, train_chunk
from attention.classifier.text_training import PHASES
from attention.matchmaker import make_people, train_dating
from attention.padding import attend_batch, leak, read_batch
from attention.pooling import attend
from attention.seq2seq.bahdanau import KINDS
from attention.ui.page.fields import check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import endpoint, view_of
from attention.ui.page.texts import LANGUAGES, lesson, words_for
from attention.ui.tabs import applications, decoder, kernel, masks, matchmaker, positions

TABS = {
    name: module.TAB
    for name, module in (
        ("applications", applications), ("decoder", decoder), ("kernel", kernel), ("masks", masks),
        ("matchmaker", matchmaker), ("positions", positions),
    )
}  # fmt: skip


def panel(tab, language, changes, id):
    return next(p for p in view_of(TABS[tab], language, changes)["panels"] if p["id"] == id)


def matrix(one):
    packed = one["data"]
    return np.frombuffer(base64.b64decode(packed["f32"]), "<f4").reshape(packed["shape"])


def example(tab, name):
    return dict(next(changes for one, changes in TABS[tab].examples if one == name))


def results(tab, **changes):
    return endpoint(TABS[tab])(**changes)


def numbers_in(text):
    return re.findall(r"\d+\.\d+", text)


# ---- matchmaker


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_matchmakers_lesson_says_which_numbers_are_divided(language):
    """Off: the products as they are; on: divided by the root of three, and Ann at 0.64."""
    text = lesson("matchmaker", language)
    plain, divided = results("matchmaker"), results("matchmaker", scale=True)
    warm = results("matchmaker", temperature=10.0)
    assert divided["scaled"] == pytest.approx([one / 3**0.5 for one in plain["similarity"]])
    two = [
        [f"{number:.2f}" for number in one]
        for one in (plain["weights"], [3**0.5], divided["scaled"], divided["weights"][:1])
    ]
    told = [f"{one:.1f}" for one in plain["similarity"]] + sum(two, [])
    assert numbers_in(text) == [*told, "0.2", *(f"{number:.2f}" for number in warm["weights"])]
    assert max(results("matchmaker", temperature=0.2)["weights"]) > 0.999


@pytest.mark.parametrize("seed", range(4))
def test_the_training_comes_to_believe_the_honest_traits_alone(seed):
    """What the lesson plan asks can be read off: two columns stay near 0, four grow."""
    for decay in (0.0, 0.01):
        changes = {"mode": "training", "seed": seed, "weight_decay": decay}
        early, _, late = np.abs(matrix(panel("matchmaker", "en", changes, "believed")))
        assert late[:2].max() < 0.15 and late[2:].min() > 0.6 and early.max() < 0.25


@pytest.mark.parametrize("seed", range(3))
def test_a_bolder_boast_gains_hardly_any_weight(seed):
    """The exercise's answer: claiming 1 more in trait 1 moves a candidate's weight by less than 0.03."""
    people = make_people(6, seed=seed)
    learned = train_dating(seed=seed, people=people).projections[-1]
    queries, keys = people.queries[0] @ learned.w_q, people.keys[0]
    before = attend(queries, keys @ learned.w_k, people.values[0]).weights
    for j in range(6):
        bolder = keys.clone()
        bolder[j, 0] += 1
        after = attend(queries, bolder @ learned.w_k, people.values[0]).weights
        assert abs((after - before)[:, j].mean().item()) < 0.03
    assert view_of(TABS["matchmaker"], "en", {"mode": "training"})["tasks"][1]["answer"] == 1  # hardly


def test_the_best_match_of_a_query_is_the_candidate_of_its_number():
    """As the player's caption says, for whatever crowd a learner may choose."""
    crowds = ((count, seed) for count in range(2, 9) for seed in range(100))
    assert all((make_people(n, seed=s, num_evenings=33).match[0] == torch.arange(n)).all() for n, s in crowds)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_plan_asks_what_the_picture_shows(language):
    words = words_for(language)
    row = next(line for line in lesson("plan", language).splitlines() if "mode=training" in line)
    shown = view_of(TABS["matchmaker"], language, {"mode": "training"})["panels"]
    assert words("matchmaker.believed") in row
    assert words("matchmaker.believed") in [one["title"] for one in shown if one["kind"] == "heatmap"]
    player = next(one for one in shown if one["id"] == "training")
    assert player["curves"][1]["name"] == words("matchmaker.entropy") and words("matchmaker.entropy") in row
    assert [mark["name"] for mark in player["marks"]] == panel(
        "matchmaker", language, {"mode": "training"}, "believed")["rows"]  # fmt: skip


def test_the_hint_of_the_learning_rate_is_where_it_runs_away():
    limit = float(re.search(r"\d+", words_for("en")("matchmaker.learning_rate.info"))[0])
    assert str(int(limit)) in words_for("zh")("matchmaker.learning_rate.info")
    for seed in range(3):
        diverged = [
            results("matchmaker", mode="training", seed=seed, learning_rate=rate)["diverged"]
            for rate in (limit - 1, limit)
        ]
        assert diverged == [False, True]


# ---- applications


def positive(text, override="none", factors=""):
    found = results("applications", text=text, override=override, token_weights=factors)
    return found["label"], found["probabilities"][1], found["moved"]


def silenced(text, word):
    """The same with every occurrence of a token dragged to nothing."""
    tokens = classify(load_classifier(), text).tokens
    return positive(text, "drag", ",".join("0" if token == word else "1" for token in tokens))


def spoken(language):
    """The reviews in the classifier's lesson, in italics."""
    return re.findall(r"\*([^*]+)\*", lesson("applications", language).replace("**", ""))


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_the_pair_without_not_bad_wins_in_both(language):
    assert {"good , not bad", "bad , not good"} <= set(spoken(language))
    for text, label in (("good , not bad", "positive"), ("bad , not good", "negative")):
        assert positive(text)[0] == label and silenced(text, "not")[0] == "negative"


def test_the_word_that_is_silenced_turns_the_verdict_that_hangs_on_it():
    changes = example("applications", "example_drag")
    assert changes["text"] in spoken("en") and "这道菜不好吃" in spoken("zh")
    assert positive(changes["text"])[0] == "positive"
    assert positive(changes["text"], "drag", changes["token_weights"])[::2] == ("negative", True)
    assert positive("这道菜不好吃")[0] == "negative" and silenced("这道菜不好吃", "不")[0] == "positive"


@pytest.mark.parametrize(
    ("once", "twice", "language"),
    [("it is not good", "it is not not good", "en"), ("这道菜不好吃", "这道菜不是不好吃", "zh")],
)
def test_a_second_not_turns_it_back(once, twice, language):
    assert {once, twice} <= set(spoken(language))
    assert positive(once)[0] == "negative" and positive(twice)[0] == "positive"


@pytest.mark.parametrize("language", LANGUAGES)
def test_broken_attention_loses_the_order(language):
    changes = example("applications", "example_uniform")
    assert changes["text"] in spoken(language)
    label, share, moved = positive(changes["text"], "uniform")
    assert label == "negative" and moved
    left, _, right = changes["text"].partition(" , not ")
    assert positive(f"{right} , not {left}", "uniform")[1] == pytest.approx(share, abs=1e-4)


def test_the_trainings_sentence_is_what_a_training_does():
    """Some eighty steps at the height of guessing, five of six at step 400; the model shipped had 12,000."""
    assert "eighty" in words_for("en")("applications.training_classifier")
    assert "八十" in words_for("zh")("applications.training_classifier")
    state, start = train_chunk(None, seed=0, steps=80)
    assert abs(np.mean(start.losses[-20:]) - np.log(2)) < 0.02 and abs(start.accuracy - 0.5) < 0.05
    state, then = train_chunk(state, seed=0, steps=60)
    assert then.accuracy > 0.55
    _, end = train_chunk(state, seed=0, steps=260)
    assert end.step == 400 and 0.8 < end.accuracy < 0.87
    assert sum(steps for steps, _ in PHASES) == 12_000


def test_cakes_find_the_cake():
    """Of the ten best, each of the cake's theme looks at the cake more than at any mystery."""
    from attention.recommender import load_recommender, recommend
    from attention.recommender.items import ITEMS

    history = [int(one) for one in example("applications", "example_cake")["history"].split(",")]
    seen = recommend(load_recommender(), history)
    cakes = [i for i in range(len(ITEMS)) if ITEMS[i].theme == ITEMS[history[-1]].theme and i not in history]
    assert (seen.weights[cakes].argmax(-1) == len(history) - 1).all()


# ---- decoder


@pytest.mark.parametrize(
    ("text", "why"),
    [("Feb 29 2023", "day"), ("31 Feb 2020", "day"), ("2023年2月29日", "day"), ("14 July 1789", "year"),
     ("1789年7月14日", "year"), ("Monday, 3 May 1996", "weekday"), ("1996年5月3日 周六", "weekday"),
     ("3/5/1996", "two"), ("the third of May", "format")],
)  # fmt: skip
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_without_a_day_gets_its_own_reason(text, why, language):
    caption = panel("decoder", language, {"text": text}, "alignment")["caption"]
    assert caption == words_for(language)("decoder.truth_" + why)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [("３　Ｍａｙ　１９９６", "3 May 1996"), ("１９９６年５月３日", "1996年5月3日"),
     ("二零零三年五月十三日", "二〇〇三年五月十三日")],
)  # fmt: skip
def test_full_width_signs_and_another_zero_are_read(typed, plain):
    first, second = (results("decoder", text=text) for text in (typed, plain))
    assert first["truth"] == second["truth"] is not None
    for kind in KINDS:
        assert first["answers"][kind] == second["answers"][kind]
    assert not view_of(TABS["decoder"], "zh", {"text": typed})["notices"]
    assert panel("decoder", "zh", {"text": typed}, "alignment")["columns"][0] == typed[0]  # as typed


# ---- positions and masks


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8, 16])
def test_what_is_said_of_the_diagonals_holds(d):
    shown = panel("positions", "en", {"d": d, "length": 40}, "dot")
    dot = matrix(shown)
    spread = max(np.ptp(np.diagonal(dot, k)) for k in range(-39, 40))
    drawn = spread / (shown["high"] - shown["low"])  # of the colours there are
    key = "dot_caption" if d % 2 == 0 else "dot_caption_lone" if d == 1 else "dot_caption_odd"
    assert (drawn < 1e-5, drawn > 0.3) == (d % 2 == 0, d == 1) and (d == 1 or drawn < 0.02)
    for language in LANGUAGES:
        words, plot = words_for(language), key.replace("dot_caption", "distance" + "_caption" * (d % 2 == 0))
        for id, said in (("dot", key), ("distance", plot)):
            assert panel("positions", language, {"d": d}, id)["caption"] == words("positions." + said)
        if d % 2 == 0:
            scores = panel("positions", language, {"d": d}, "rotary_scores")
            assert scores["caption"] == words("positions.rotary_scores_caption")


@pytest.mark.parametrize("mask", ["none", "padding", "causal", "both"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_leak_of_an_empty_sentence_is_what_its_rows_show(mask, language):
    changes = example("masks", "example_empty") | {"mask": mask}
    items = panel("masks", language, changes, "leak")["items"]
    for item, id in zip(items, ("before", "after"), strict=True):
        assert item["value"] == f"{matrix(panel('masks', language, changes, id)).sum(-1).mean():.1%}"
    assert items[0]["note"] == words_for(language)("masks.leak_empty")
    full = panel("masks", language, changes | {"sentence": 1}, "leak")["items"]
    assert full[0]["note"] == words_for(language)("masks.leak_note")


def test_the_leak_of_a_sentence_with_words_counts_its_words_alone():
    batch = read_batch(["a b c", "d", ""])
    weights = attend_batch(batch, "none").weights
    assert leak(weights, batch.lengths).tolist() == pytest.approx(
        [0.0, weights[1, 0, 1:].sum().item(), 1.0], abs=1e-6
    )


def test_three_conventions_give_four_answers():
    rows = matrix(panel("masks", "en", {}, "conventions"))
    assert len({row.tobytes() for row in rows}) == len(rows) == 4
    assert "four answers" in words_for("en")("masks.step_empty_text")
    assert "四种答案" in words_for("zh")("masks.step_empty_text")


# ---- refusals name their field first: the page finds the field by it


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_begins_with_the_label_of_its_field(language):
    words = words_for(language)
    colon = ":" if language == "en" else "："
    for key, sentence in words.section("errors").items():
        if "{field}" in sentence and key != "unknown_input":
            assert sentence.startswith("{field}" + colon), key
    with pytest.raises(Refusal) as refused:
        check_all("masks", masks.TAB.inputs, {"extra": 9})
    assert refused.value.sentence(words).startswith(words("masks.extra") + colon)
