"""Made-up review sentences for chapter 10, in English and Chinese, where word order decides.

Every sentence comes from a template of this file and is labelled by the template's rule:

- keep:  the label is the polarity of {x} ("the soup was tasty")
- flip:  the opposite ("the soup was not tasty")
- double: turned round twice, so the polarity of {x} again ("the soup was not not tasty", 不是不好吃)
- pair:  {x} decides and {y}, of the other polarity, does not ("tasty , not greasy"); exchanging
  the two gives the same bag of words and the opposite label, so that counting words cannot win
- word:  a fixed phrase whose label is written beside it ("不错" is a word of its own)

The kinds keep words together that belong together: nobody calls a soup catchy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch

LABELS = ("negative", "positive")
MAX_TOKENS = 64


class Review(NamedTuple):
    """text; label 0 negative or 1 positive; rule keep, flip, double, pair or word; language en or zh;
    core: the text without its opener ("honestly , ") and its closing mark."""

    text: str
    label: int
    rule: str
    language: str
    core: str


# kind: nouns, negative adjectives, positive adjectives, what comes first, what comes last
_KINDS = {
    "en": [
        ("film movie book story play show", "boring dull slow silly predictable confusing",
         "funny moving brilliant clever charming gripping", "start", "end"),
        ("soup meal cake curry food", "bland stale greasy salty soggy",
         "tasty fresh delicious savoury light", "first bite", "last bite"),
        ("hotel room cabin place", "dirty noisy cramped shabby damp",
         "clean cosy comfortable quiet bright", "first night", "last night"),
        ("song concert album", "shrill flat tuneless harsh",
         "beautiful catchy lovely soothing", "start", "end"),
    ],
    "zh": [
        ("这部电影 这本书 这个故事 这出戏 这部剧", "难看 无聊 乏味 沉闷 俗套",
         "好看 精彩 有趣 感人 动人", "开头", "结尾"),
        ("这碗汤 这道菜 这顿饭 这块蛋糕", "难吃 油腻 寡淡 干硬",
         "好吃 可口 新鲜 美味", "第一口", "最后一口"),
        ("这家旅馆 这个房间 这间木屋", "吵闹 脏乱 拥挤 破旧",
         "舒服 干净 安静 温馨", "第一晚", "最后一晚"),
        ("这首歌 这场音乐会 这支曲子", "难听 刺耳 单调 嘈杂",
         "好听 优美 悦耳 动听", "开头", "结尾"),
    ],
}  # fmt: skip
_ANY_KIND = {
    "en": ("bad awful terrible poor dreadful disappointing",
           "good great wonderful excellent fine delightful"),
    "zh": ("糟糕 差劲 扫兴 差", "出色 完美 讨喜 好 棒"),
}  # fmt: skip
# {past} and {base} follow the polarity of {x}
_VERBS = {
    "en": {"past": ("hated disliked loathed", "loved enjoyed liked"),
           "base": ("hate dislike loathe", "love enjoy like")},
    "zh": {"past": ("讨厌 反感", "喜欢 欣赏"), "base": ("讨厌 反感", "喜欢 欣赏")},
}  # fmt: skip
_TEMPLATES = {
    "en": {
        "keep": [
            "{x}", "{x}", "so {x}", "really {x}", "the {noun} was {x}",
            "this {noun} is {x}", "what a {x} {noun}",
            "a {x} and {z} {noun}", "the {noun} was really {x}", "i found the {noun} {x}",
            "the {noun} was {x} and {z}", "such a {x} {noun}", "i {past} the {noun}",
            "i {past} this {noun} , it was {x}", "the {noun} was not only {x} but also {z}",
            "{x} and {z} , from {first} to {last}", "i {base} this {noun}", "i really {base} it",
            "i {base} it", "it is so {x}", "it was {x}", "it is {x}", "it was really {x}",
            "i think it is {x}", "i {past} it", "the {noun} is very {x}",
        ],
        "flip": [
            "not {x}", "not so {x}", "the {noun} was not {x}", "the {noun} wasn't {x}",
            "not {x} at all",
            "this {noun} is not very {x}", "it was never {x}", "nothing {x} about this {noun}",
            "i did not find the {noun} {x}", "this {noun} is far from {x}", "not a {x} {noun}",
            "i did not {base} the {noun}", "i didn't {base} this {noun} at all",
            "the {noun} was neither {x} nor {z}", "this {noun} isn't {x}", "it is not {x}",
            "i don't {base} it", "i didn't {base} the {noun}", "i didn't {base} it",
            "i would not call it {x}", "i do not {base} this {noun}", "it was not {x}", "it wasn't {x}",
            "it was not very {x}", "i don't think it is {x}", "i did not {base} it", "it isn't {x}",
            "the {noun} is not {x}",
        ],
        "double": [
            "not not {x}", "it was not not {x}", "the {noun} was not not {x}", "this {noun} is not not {x}",
            "it is not that the {noun} was not {x}", "i would not say it was not {x}",
            "i would not say the {noun} was not {x}", "it isn't that it is not {x}",
            "i did not not {base} it", "i didn't not {base} the {noun}", "it was never not {x}",
            "i can not say that i did not {base} this {noun}",
        ],
        "pair": [
            "{x} , not {y}", "not {y} but {x}", "the {noun} was {x} , not {y}",
            "it was not {y} , it was {x}", "a {y} {first} but a {x} {last}",
            "the {first} was {y} but the {last} was {x}", "{y} at first , {x} in the end",
            "although the {first} was {y} , the {last} was {x}",
            "the {last} was {x} , although the {first} was {y}",
            "i expected the {noun} to be {y} but it was {x}",
        ],
    },
    "zh": {
        "keep": [
            "{x}", "{x}", "很{x}", "{noun}很{x}", "{noun}真{x}", "{noun}非常{x}",
            "{noun}又{x}又{z}", "太{x}了",
            "{noun}{x}极了", "没想到{noun}这么{x}", "{noun}不但{x}，而且{z}",
            "从{first}到{last}都很{x}", "我很{past}{noun}", "{noun}实在{x}，我很{past}",
            "我{base}{noun}", "我真的很{base}", "我觉得{noun}很{x}", "我觉得很{x}", "{noun}是很{x}的",
        ],
        "flip": [
            "不{x}", "{noun}不{x}", "{noun}一点也不{x}", "{noun}一点都不{x}", "{noun}并不{x}",
            "{noun}不怎么{x}", "{noun}没有那么{x}", "我不觉得{noun}{x}", "{noun}谈不上{x}",
            "我不{base}{noun}", "我一点也不{base}{noun}", "{noun}既不{x}，也不{z}",
            "我不太{base}{noun}", "不是很{x}", "{noun}不是很{x}", "不太{x}", "{noun}不太{x}",
            "我觉得{noun}不{x}", "我觉得不{x}", "我不是很{base}{noun}",
        ],
        "double": [
            "不是不{x}", "{noun}不是不{x}", "{noun}并不是不{x}", "{noun}也不是不{x}", "不能说不{x}",
            "不能说{noun}不{x}", "我不觉得{noun}不{x}", "我不是不{base}{noun}", "我并不是不{base}{noun}",
            "没有人说{noun}不{x}", "我没有不{base}{noun}",
        ],
        "pair": [
            "很{x}，不{y}", "不{y}，很{x}", "不是{y}，而是{x}", "{noun}很{x}，并不{y}",
            "{first}{y}，但是{last}{x}", "虽然{first}很{y}，{last}却很{x}", "起初很{y}，后来很{x}",
            "{last}很{x}，虽然{first}有点{y}", "我以为{noun}会很{y}，其实很{x}",
        ],
    },
}  # fmt: skip
# empty ones too; what stands in front moves every word, so that no word has a fixed place
_FRONT = {
    "en": ["", "", "honestly , ", "well , ", "to be fair , ", "my verdict : ", "in short , "],
    "zh": ["", "", "说实话，", "总的来说，", "要我说，", "怎么说呢，", "老实讲，"],
}  # fmt: skip
_BACK = {"en": ["", "", " .", " !"], "zh": ["", "", "。", "！"]}
# 不错 and 不差 are words of their own: 不 does not turn them round
_FIXED = {
    "en": [("{noun} : not bad at all", 1), ("the {noun} was not bad", 1), ("not good at all", 0),
           ("i recommend this {noun}", 1), ("i would not recommend this {noun}", 0),
           ("i do not recommend the {noun}", 0), ("i would recommend the {noun}", 1)],
    "zh": [("{noun}真不错", 1), ("{noun}还不错", 1), ("{noun}不错", 1), ("{noun}不差", 1),
           ("{noun}太差了", 0), ("{noun}很差", 0), ("{noun}不好", 0), ("{noun}很好", 1),
           ("{noun}一点也不好", 0), ("我推荐{noun}", 1), ("我不推荐{noun}", 0)],
}  # fmt: skip

# what a reader types first: the frame, and whether it turns the word round
_PLAIN = {
    "en": [("{}", 0), ("not {}", 1), ("it was {}", 0), ("it was not {}", 1), ("it wasn't {}", 1),
           ("it is not {}", 1), ("the food was not {}", 1), ("the film was not {}", 1), ("not not {}", 0)],
    "zh": [("{}", 0), ("不{}", 1), ("很{}", 0), ("不是很{}", 1), ("不是不{}", 0)],
}  # fmt: skip
_PLAIN_VERB = {
    "en": [("i {} it", 0), ("i don't {} it", 1), ("i do not {} it", 1), ("i did not {} it", 1)],
    "zh": [("我{}", 0), ("我不{}", 1)],
}  # fmt: skip
_PLAIN_WORD = {
    "en": [("not bad at all", 1), ("not good at all", 0)],
    "zh": [("不错", 1), ("真不错", 1), ("不错！", 1)],
}


def make_reviews(count: int, generator: torch.Generator) -> list[Review]:
    """At least ``count`` different reviews, about half of them Chinese, and a third pairs or more.

    Both members of a pair are always there. The same generator state gives the same list.
    Raises ``ValueError`` for count outside [1, 20000]: the templates hold no more with ease.
    """
    if not 1 <= count <= 20_000:
        raise ValueError(f"count must lie in [1, 20000], got {count}")
    found: dict[str, Review] = {}
    while len(found) < count:
        language = ("en", "zh")[_roll(2, generator)]
        rule = ("keep", "flip", "double", "pair")[_roll(4, generator)]
        for review in _write(language, rule, generator):
            found.setdefault(review.text, review)
    return list(found.values())


def shortest_reviews() -> list[Review]:
    """Every adjective alone, turned round and in the plainest sentence, and "i love it", 我喜欢: what a
    reader types first.

    They serve for training only, so that none of them is held out and left half learned.
    """
    found = []
    for language, kinds in _KINDS.items():
        for polarity in (0, 1):
            adjectives = " ".join([_ANY_KIND[language][polarity], *(kind[1 + polarity] for kind in kinds)])
            verbs = _VERBS[language]["base"][polarity]
            for words, frames in ((adjectives, _PLAIN[language]), (verbs, _PLAIN_VERB[language])):
                for word in words.split():
                    for frame, flips in frames:
                        text = frame.format(word)
                        rule = "flip" if flips else "keep"
                        found.append(Review(text, polarity ^ flips, rule, language, text))
        found += [Review(text, label, "word", language, text) for text, label in _PLAIN_WORD[language]]
    return list({review.text: review for review in found}.values())


def nouns() -> set[str]:
    """The tokens of everything reviewed, "soup" and 汤: what the verdict must not hang on."""
    return {token for kinds in _KINDS.values() for kind in kinds for token in tokenise(kind[0])}


def split_reviews(
    reviews: Sequence[Review], generator: torch.Generator, held_out: float = 0.25
) -> tuple[list[Review], list[Review]]:
    """(training, held-out): no bag of words of the one is in the other.

    So the two members of a pair stay together, and a held-out sentence is not a training sentence
    in another order. held_out: share of the bags in (0, 1).
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie in (0, 1), got {held_out}")
    bags: dict[tuple[str, ...], list[Review]] = {}
    for review in reviews:
        bags.setdefault(tuple(sorted(tokenise(review.text))), []).append(review)
    order = torch.randperm(len(bags), generator=generator).tolist()
    groups = list(bags.values())
    cut = round(len(groups) * held_out)
    parts = ([groups[i] for i in order[cut:]], [groups[i] for i in order[:cut]])
    training, test = ([review for group in part for review in group] for part in parts)
    return training, test


def tokenise(text: str) -> list[str]:
    """English by word, lower-cased; Chinese by character; punctuation marks on their own.

    Raises ``ValueError`` for text without a token, or with more than 64.

    >>> tokenise("It wasn't bad. 一点也不难看！")
    ['it', "wasn't", 'bad', '.', '一', '点', '也', '不', '难', '看', '！']
    """
    tokens = re.findall(r"[a-zà-ÿ]+(?:'[a-z]+)?|[0-9]+|\S", text.lower().replace("’", "'"))
    if not tokens:
        raise ValueError("the text has no word in it; write a short review, such as: not bad")
    if len(tokens) > MAX_TOKENS:
        raise ValueError(f"a review has at most {MAX_TOKENS} tokens, got {len(tokens)}; shorten it")
    return tokens


def _roll(sides: int, generator: torch.Generator) -> int:
    return int(torch.randint(sides, (1,), generator=generator))


def _pick(words: str | Sequence[str], generator: torch.Generator) -> str:
    words = words.split() if isinstance(words, str) else words
    return words[_roll(len(words), generator)]


def _write(language: str, rule: str, generator: torch.Generator) -> list[Review]:
    """One review, or two for a pair."""
    nouns, negative, positive, first, last = _KINDS[language][_roll(4, generator)]
    anything = _ANY_KIND[language]
    words = [f"{negative} {anything[0]}".split(), f"{positive} {anything[1]}".split()]
    front, back = _pick(_FRONT[language], generator), _pick(_BACK[language], generator)
    slots = {"noun": _pick(nouns, generator), "first": first, "last": last}
    if rule != "pair" and _roll(12, generator) == 0:
        template, label = _FIXED[language][_roll(len(_FIXED[language]), generator)]
        return [_review(front, template, back, slots, label, "word", language)]
    template = _pick(_TEMPLATES[language][rule], generator)
    chosen = [_pick(words[0], generator), _pick(words[1], generator)]
    polarity = _roll(2, generator)
    others = [word for word in words[polarity] if word != chosen[polarity]]
    slots["z"] = _pick(others, generator)
    for tense, verbs in _VERBS[language].items():
        slots[tense] = _pick(verbs[polarity], generator)
    if rule != "pair":
        slots["x"] = chosen[polarity]
        label = 1 - polarity if rule == "flip" else polarity
        return [_review(front, template, back, slots, label, rule, language)]
    pair = [{**slots, "x": chosen[p], "y": chosen[1 - p]} for p in (0, 1)]
    return [_review(front, template, back, pair[p], p, rule, language) for p in (0, 1)]


def _review(
    front: str, template: str, back: str, slots: dict[str, str], label: int, rule: str, language: str
) -> Review:
    core = re.sub(r"\ba (?=[aeiou])", "an ", template.format(**slots))
    return Review(front + core + back, label, rule, language, core)
