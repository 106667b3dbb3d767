"""Both languages say everything, and Chinese pages speak Chinese."""

from __future__ import annotations

import json
import re
import string

import pytest

from attention.assets import assets
from attention.ui import FIELDS, TABS
from attention.ui.page import link
from attention.ui.page.questions import ask_sheet
from attention.ui.page.texts import LANGUAGES, lesson, word_files, words_for

FILES = sorted({name for language in LANGUAGES for name in word_files(language)})
# what stays in Latin letters in Chinese teaching: formulas, code, names of models, papers and formats
LATIN = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]|`[^`]*`|\{[^{}]*\}|<[^<>]*>|https?://\S+", flags=re.DOTALL)


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", FILES)
def test_both_languages_have_the_same_entries_and_places(name):
    tables = [json.loads(word_files(language)[name].read_text("utf-8")) for language in LANGUAGES]
    assert tables[0].keys() == tables[1].keys()
    for key, text in tables[0].items():
        if "<" not in text:
            assert places(text) == places(tables[1][key]), key


@pytest.mark.parametrize("name", FILES)
def test_no_english_sentence_is_left_in_chinese(name):
    table = json.loads(word_files("zh")[name].read_text("utf-8"))
    for key, text in table.items():
        rest = LATIN.sub("", text)
        english = re.findall(r"(?:\b[a-z]{2,}\b[ ,]+){3,}", rest)
        assert not english, (key, english)


@pytest.mark.parametrize("name", FILES)
def test_sentences_differ_between_the_languages(name):
    english = words_for("en").section(name)
    chinese = words_for("zh").section(name)
    for key, text in english.items():
        words = re.findall(r"[A-Za-z]{3,}", LATIN.sub("", text))
        if len(words) >= 3:
            assert chinese[key] != text, f"{name}.{key} is untranslated"


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_tab_has_a_lesson(tab, language):
    text = lesson(tab.id, language)
    assert text.strip(), f"no lesson for {tab.id} in {language}"
    plain = LATIN.sub("", text)
    size = len(re.findall(r"[\u4e00-\u9fff]", plain)) if language == "zh" else len(plain.split())
    assert 80 <= size <= 420 + 150 * (len(tab.scenes) - 1), size


def test_no_sentence_is_written_twice_under_one_name():
    """Of two, JSON would keep the last without a word."""

    def names(pairs):
        held = [name for name, _ in pairs]
        assert len(set(held)) == len(held), {name for name in held if held.count(name) > 1}
        return dict(pairs)

    for file in assets().rglob("*.json"):
        json.loads(file.read_text("utf-8"), object_pairs_hook=names)


def test_an_unknown_key_is_an_error():
    with pytest.raises(KeyError):
        words_for("en")("masks.no_such_entry")


# (the name that the glossary or the menus give, other words that stood for the same)
ONE_NAME = (("停放点", ("汇点",)), ("讲故事的小模型", ("讲故事的人", "小故事模型")), ("去掉", ("敲掉",)))


def test_one_idea_has_one_chinese_name():
    files = [file for kind in ("json", "md") for file in assets().rglob(f"*.zh.{kind}")]
    texts = [file.read_text("utf-8") for file in files]
    for name, others in ONE_NAME:
        assert any(name in text for text in texts)
        assert not [word for word in others for text in texts if word in text]


def test_every_link_of_the_lesson_plan_opens_what_it_says():
    """Both languages link to the same views; inputs are legal, and a named cell has its sheet."""
    plans = {}
    for language in LANGUAGES:
        queries = re.findall(r"\]\(\?([^)]+)\)", lesson("plan", language))
        assert all(query.endswith(f"lang={language}") for query in queries)
        plans[language] = [query.removesuffix(f"lang={language}") for query in queries]
    assert plans["en"] == plans["zh"] and len(plans["en"]) >= 7
    modules = {tab.id: tab for tab in TABS}
    for query in plans["en"]:
        tab, values, good, _ = link.read(query, FIELDS)
        assert good and tab, query
        cell = re.search(r"cell=([\w-]+)\.(\d+)\.(\d+)", query)
        if cell:
            question = {"inputs": values, "panel": cell[1], "row": int(cell[2]), "column": int(cell[3])}
            assert "sections" in ask_sheet("en", modules[tab], question), query
