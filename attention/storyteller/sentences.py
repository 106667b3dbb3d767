"""What the storyteller reads: small stories in English and Chinese, each with one word that follows.

Five patterns, and in every story of them one word is settled by what stands before it:

- ``gave``       ann and bo went to the park . ann gave the ball to -> bo
- ``found``      who lost something, who found it, and who gets it back
- ``agreement``  the keys behind the lamp -> are; in Chinese, which has no such verb, the measure
                 word: 书 旁边 的 钥匙 一共 有 三 -> 把, although 书 would ask for 本
- ``list``       ann bought tea , milk and bread . bo bought tea , milk and -> bread
- ``question``   ann sings . bo reads . who reads ? -> bo

**Held out.** Two people for whom :func:`held_out_pair` says so never stand in one text of the
training, in either order; nor do two such nouns in one agreement, nor such a step from one item to
the next in one list. A held-out story is about such a pair (such nouns, such a last step): what
continues it must be the rule, for its words were never met together.

Tokens are words; Chinese is cut where a reader would cut it. One vocabulary serves both languages.

>>> story = make_story("gave", "en", torch.Generator().manual_seed(0), held_out=True)
>>> " ".join(story.prompt), story.answer
('jon and gus went to the lake . jon gave the hat to', 'gus')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import torch

T = TypeVar("T")

LANGUAGES = ("en", "zh")
PATTERNS = ("gave", "found", "agreement", "list", "question")
DRAWN = (*PATTERNS, "question", "question", "question")  # the hardest is read most often
END = "<end>"  # closes a text, and fills a batch up
UNKNOWN = "<unk>"  # any word that no story uses

NAMES = {
    "en": "ann bo cai dan eve fay gus hal ivy jon".split(),
    "zh": "小安 小波 小蔡 小丹 小英 小飞 小光 小海 小雨 小军".split(),
}
THINGS = {
    "en": "ball key ring book hat lamp cup pen".split(),
    "zh": "球 钥匙 戒指 书 帽子 灯 杯子 笔".split(),
}
PLACES = {
    "en": "park lake market school farm library".split(),
    "zh": "公园 湖边 市场 学校 农场 图书馆".split(),
}
ITEMS = {
    "en": "tea milk bread rice salt fish corn soap".split(),
    "zh": "茶 牛奶 面包 米 盐 鱼 玉米 肥皂".split(),
}
DOINGS = {
    "en": "sings dances sleeps reads runs swims paints cooks".split(),
    "zh": "唱歌 跳舞 睡觉 看书 跑步 游泳 画画 做饭".split(),
}
QUALITIES = "old new red small lost".split()
MEASURES = dict(zip("钥匙 伞 书 词典 猫 兔子 画 地图 笔 蜡烛".split(), "把把本本只只张张支支", strict=True))
NOUNS = {"en": THINGS["en"], "zh": list(MEASURES)}

# {a} and {b} are people, the word in [ ] is the one that is settled
TEMPLATES = {
    ("gave", "en"): (
        "{a} and {b} went to the {place} . {a} gave the {thing} to [{b}] .",
        "{a} and {b} went to the {place} . {b} gave the {thing} to [{a}] .",
        "at the {place} {a} met {b} . {a} gave the {thing} to [{b}] .",
        "at the {place} {a} met {b} . {b} gave the {thing} to [{a}] .",
    ),
    ("gave", "zh"): (
        "{a} 和 {b} 去 了 {place} 。 {a} 把 {thing} 给 了 [{b}] 。",
        "{a} 和 {b} 去 了 {place} 。 {b} 把 {thing} 给 了 [{a}] 。",
        "{a} 在 {place} 遇见 了 {b} 。 {a} 把 {thing} 给 了 [{b}] 。",
        "{a} 在 {place} 遇见 了 {b} 。 {b} 把 {thing} 给 了 [{a}] 。",
    ),
    ("found", "en"): (
        "{a} lost the {thing} . {b} found it and gave it back to [{a}] .",
        "{b} found the {thing} that {a} lost . {b} gave it back to [{a}] .",
        "{a} lost the {thing} . {b} found it . the one who found it was [{b}] .",
        "{a} lost the {thing} . {b} found it . the one who lost it was [{a}] .",
        "{b} found the {thing} that {a} lost . the one who found it was [{b}] .",
        "{b} found the {thing} that {a} lost . the one who lost it was [{a}] .",
    ),
    ("found", "zh"): (
        "{a} 丢 了 {thing} ， {b} 捡到 了 ， 就 还 给 了 [{a}] 。",
        "{b} 捡到 了 {a} 丢 的 {thing} ， 就 还 给 了 [{a}] 。",
        "{a} 丢 了 {thing} ， {b} 捡到 了 。 捡到 {thing} 的 人 是 [{b}] 。",
        "{a} 丢 了 {thing} ， {b} 捡到 了 。 丢 {thing} 的 人 是 [{a}] 。",
        "{b} 捡到 了 {a} 丢 的 {thing} 。 捡到 {thing} 的 人 是 [{b}] 。",
        "{b} 捡到 了 {a} 丢 的 {thing} 。 丢 {thing} 的 人 是 [{a}] 。",
    ),
    ("agreement", "en"): (
        "the {noun} near the {other} [{agrees}] {quality} .",
        "the {noun} behind the {other} [{agrees}] {quality} .",
        "{a} says the {noun} near the {other} [{agrees}] {quality} .",
        "{a} says the {noun} behind the {other} [{agrees}] {quality} .",
    ),
    ("agreement", "zh"): (
        "{other} 旁边 的 {noun} 一共 有 三 [{agrees}] 。",
        "{noun} 在 {other} 旁边 ， 一共 有 三 [{agrees}] 。",
        "{a} 说 {other} 旁边 的 {noun} 有 两 [{agrees}] 。",
        "{a} 说 {noun} 在 {other} 旁边 ， 有 两 [{agrees}] 。",
    ),
    ("list", "en"): ("{a} bought {items} . {b} bought {head} [{last}] .",),
    ("list", "zh"): ("{a} 买 了 {items} 。 {b} 也 买 了 {head} [{last}] 。",),
    ("question", "en"): ("{a} {doing} . {b} {second} . {question}",),
    ("question", "zh"): ("{a} {doing} ， {b} {second} 。 {question}",),
}
# one of them is asked: were there more, the second could be answered by leaving the first out
QUESTIONS = {
    "en": (
        "who {doing} ? [{a}] .",
        "who {second} ? [{b}] .",
        "what does {a} do ? {a} [{doing}] .",
        "what does {b} do ? {b} [{second}] .",
    ),
    "zh": (
        "谁 {doing} ？ [{a}] 。",
        "谁 {second} ？ [{b}] 。",
        "{a} 做 什么 ？ {a} [{doing}] 。",
        "{b} 做 什么 ？ {b} [{second}] 。",
    ),
}


@dataclass(frozen=True)
class Story:
    """tokens, all of it; settled: where the settled words stand, one unless several questions are
    asked; people: who occurs in it."""

    pattern: str
    language: str
    tokens: tuple[str, ...]
    settled: tuple[int, ...]
    people: frozenset[str]

    @property
    def at(self) -> int:
        """Where the (first) settled word stands."""
        return self.settled[0]

    @property
    def prompt(self) -> tuple[str, ...]:
        """What stands before the settled word."""
        return self.tokens[: self.at]

    @property
    def answer(self) -> str:
        return self.tokens[self.at]


def held_out_pair(first: int, second: int) -> bool:
    """Whether two different people (or nouns), by their numbers, are kept from the training.

    >>> [(i, j) for i in range(10) for j in range(i) if held_out_pair(i, j)]
    [(3, 2), (4, 1), (5, 0), (6, 4), (7, 3), (8, 2), (8, 7), (9, 1), (9, 6)]
    """
    return (first + second) % 5 == 0


def held_out_step(item: int, after: int) -> bool:
    """Whether a list of the training may not go from ``item`` on to ``after``."""
    return (item + 2 * after) % 5 == 0


def make_story(pattern: str, language: str, generator: torch.Generator, held_out: bool = False) -> Story:
    """One story, drawn with ``generator``. held_out: its people (nouns, last step) were kept apart.

    Held-out agreements are the hard ones: the noun in between asks for another form.
    Raises ``ValueError`` for a pattern or language that there is not.
    """
    if (pattern, language) not in TEMPLATES:
        raise ValueError(
            f"pattern must be one of {PATTERNS} and language one of {LANGUAGES}, got {pattern!r}, "
            f"{language!r}"
        )
    dice = _Dice(generator)
    names = NAMES[language]
    wanted = held_out and pattern not in ("agreement", "list")
    a, b = dice.pair(len(names), lambda i, j: held_out_pair(i, j) == wanted)
    first, second = dice.pair(len(DOINGS[language]))
    slots = {
        "a": names[a], "b": names[b], "place": dice.of(PLACES[language]),
        "thing": dice.of(THINGS[language]), "doing": DOINGS[language][first],
        "second": DOINGS[language][second],
    }  # fmt: skip
    if pattern == "agreement":
        slots |= _agreement(language, dice, held_out)
    if pattern == "list":
        slots |= _list(language, dice, held_out)
    if pattern == "question":
        count = 1
        asked = dice.some(4, count)
        slots["question"] = " ".join(QUESTIONS[language][at].format(**slots) for at in asked)
    words = dice.of(TEMPLATES[pattern, language]).format(**slots).split()
    settled = tuple(place for place, word in enumerate(words) if word[0] == "[")
    words = [word.strip("[]") for word in words]
    return Story(pattern, language, tuple(words), settled, frozenset(words) & frozenset(names))


def _agreement(language: str, dice: _Dice, held_out: bool) -> dict[str, str]:
    nouns = NOUNS[language]
    if language == "zh":

        def allowed(i: int, j: int) -> bool:
            return MEASURES[nouns[i]] != MEASURES[nouns[j]] and held_out_pair(i, j) == held_out

        noun, other = (nouns[at] for at in dice.pair(len(nouns), allowed))
        return {"noun": noun, "other": other, "agrees": MEASURES[noun]}
    i, j = dice.pair(len(nouns), lambda i, j: held_out_pair(i, j) == held_out)
    many = dice.below(2)
    between = 1 - many if held_out else dice.below(2)
    return {
        "noun": nouns[i] + "s" * many,
        "other": nouns[j] + "s" * between,
        "agrees": "are" if many else "is",
        "quality": dice.of(QUALITIES),
    }


def _list(language: str, dice: _Dice, held_out: bool) -> dict[str, str]:
    """Two to four items, no two alike; the last step is held out or none is."""
    kinds, count = ITEMS[language], 2 + dice.below(3)
    while True:
        order = dice.some(len(kinds), count)
        steps = [held_out_step(*step) for step in zip(order, order[1:], strict=False)]
        if steps == [False] * (count - 2) + [held_out]:
            break
    comma, last = (" , ", "and") if language == "en" else (" 、 ", "和")
    items = [kinds[at] for at in order]
    head = f"{comma.join(items[:-1])} {last}"
    return {"items": f"{head} {items[-1]}", "head": head, "last": items[-1]}


def make_text(generator: torch.Generator) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """A training text, and where its settled words stand: one story, or (one in three) two in a row,
    so that none stands always at the beginning.

    Two stories of one text are in one language and about people who may be met together.
    """
    dice = _Dice(generator)
    language, two = dice.of(LANGUAGES), dice.below(3) == 0
    first = make_story(dice.of(DRAWN), language, generator)
    if not two:
        return (*first.tokens, END), first.settled
    while True:
        second = make_story(dice.of(DRAWN), language, generator)
        people = sorted(NAMES[language].index(name) for name in first.people | second.people)
        if not any(held_out_pair(i, j) for i in people for j in people if i < j):
            later = (len(first.tokens) + at for at in second.settled)
            return (*first.tokens, *second.tokens, END), (*first.settled, *later)


@lru_cache(maxsize=1)
def vocabulary() -> tuple[str, ...]:
    """Every word of every story, the two marks first, then both languages in alphabetical order."""
    words: set[str] = set(QUALITIES) | set(MEASURES) | set(MEASURES.values())
    for table in (NAMES, THINGS, PLACES, ITEMS, DOINGS):
        words |= {word for language in LANGUAGES for word in table[language]}
    words |= {f"{noun}s" for noun in NOUNS["en"]} | {"is", "are", ",", "and", "、", "和"}
    for templates in (*TEMPLATES.values(), *QUESTIONS.values()):
        words |= {word for text in templates for word in text.split() if word[0] not in "{["}
    return (END, UNKNOWN, *sorted(words))


class _Dice:
    """Whole numbers from a generator; a small stock is drawn at once, which is ten times faster."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.stock: list[int] = []

    def below(self, count: int) -> int:
        if not self.stock:
            self.stock = torch.randint(2**40, (16,), generator=self.generator).tolist()
        return self.stock.pop() % count

    def of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def some(self, count: int, wanted: int) -> list[int]:
        """``wanted`` different numbers below count."""
        left = list(range(count))
        return [left.pop(self.below(len(left))) for _ in range(wanted)]

    def pair(self, count: int, allowed: Callable[[int, int], bool] = lambda i, j: True) -> list[int]:
        while True:
            first, second = self.some(count, 2)
            if allowed(first, second):
                return [first, second]
