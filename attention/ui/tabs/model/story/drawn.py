"""The pass as a file: the same things at the same places as the page draws them (story_plan.js, stack.js)."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Protocol

from .....export.drawing import ACCENT, LINE, SOFT, WASH, Box, Item, Label, Line, save_drawing, tint
from .study import Point

WIDE, LEFT, RIGHT, SPINE, NAMES, STRIP, ROOM = 880, 116, 552, 584, 608, 672, 200
PALE = "#a9a6d3"  # of the accent
STREAM = ("stream", "middle", "after")
ONE_SCALE = (*STREAM, "embedding", "position", "written", "feed_forward")
PARTS = {"query": "q", "key": "k", "value": "v", "head": "Σ"}
NORMS = ("norm_1", "norm_2", "normed")


class Pass(Protocol):
    """What both pictures have: a column over the words, its points, and the end of the way."""

    @property
    def title(self) -> str: ...
    @property
    def points(self) -> Sequence[Point]: ...
    @property
    def tokens(self) -> Sequence[str]: ...
    @property
    def place(self) -> int: ...
    @property
    def candidates(self) -> Sequence[tuple[str, float, float]]: ...
    @property
    def stretches(self) -> Sequence[tuple[str, float, float]]: ...
    @property
    def drawn(self) -> tuple[float, float, float, str] | None: ...
    @property
    def following(self) -> str: ...
    @property
    def words(self) -> Mapping[str, str]: ...


def inked(word: str) -> float:
    """Roughly how long a word is in 13 px type."""
    return sum(13 if unicodedata.east_asian_width(letter) in "WF" else 7.3 for letter in word)


def cut(word: str, room: float) -> str:
    """As much of a word as fits."""
    if inked(word) <= room:
        return word
    while word and inked(word) > room - 8:
        word = word[:-1]
    return word + "…"


class Across:
    """The words' columns: where they begin, how wide and tall they are, and whether they stand upright."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.wide = min((RIGHT - LEFT) / len(tokens), 64)
        longest = max(inked(word) for word in tokens)
        self.turned = longest > self.wide - 6
        self.tall = min(longest, 74) + 12 if self.turned else 24
        self.start = RIGHT - self.wide * len(tokens)

    def middle(self, j: int) -> float:
        return self.start + self.wide * (j + 0.5)


def words_across(one: Pass, across: Across, end: float) -> list[Item]:
    """The words with their columns, and the chosen one's way to the spine."""
    top, items = across.tall + 4, list[Item]()
    every = math.ceil(14 / across.wide) if across.turned else 1
    for j, word in enumerate(one.tokens):
        x, chosen = across.middle(j), j == one.place
        items.append(Line([(x, top), (x, top + 6 if chosen else end)], dashed=j > one.place))
        broad = min(across.wide - 1, 18) if across.turned else min(across.wide - 1, inked(word) + 14)
        items.append(Box(x - broad / 2, 1, broad, across.tall, ACCENT if chosen else "#ffffff", LINE))
        ink = "#ffffff" if chosen else SOFT if j > one.place else "#1a2233"
        if across.turned and (j % every == 0 or chosen):
            items.append(Label(x, across.tall - 6, cut(word, 74), "center", ink, 12, turned=True))
        elif not across.turned:
            items.append(Label(x, across.tall - 7, word, "center", ink, 12, bold=chosen))
    return items


def spine(one: Pass, across: Across, bottom: float) -> Line:
    x, top = across.middle(one.place), across.tall + 4
    return Line([(x, top), (x, top + 14), (SPINE, top + 14), (SPINE, bottom - 8)], ACCENT, 4)


def plus(y: float) -> list[Item]:
    """A sign on the spine: something is added here."""
    return [Line([(SPINE, y), (NAMES - 2, y)], SOFT), Box(SPINE - 5, y - 5, 10, 10, "#ffffff", ACCENT),
            Line([(SPINE - 3, y), (SPINE + 3, y)], ACCENT, 1.75),
            Line([(SPINE, y - 3), (SPINE, y + 3)], ACCENT, 1.75)]  # fmt: skip


def bars(values: Sequence[float], across: Across, y: float, tall: float) -> list[Item]:
    """Weights on the words' columns, the largest in full colour."""
    wide, best = min(across.wide * 0.72, 18), max(values)
    return [Box(across.middle(j) - wide / 2, y + tall - max(w * tall, 0.75), wide, max(w * tall, 0.75),
                ACCENT if w == best else PALE) for j, w in enumerate(values)]  # fmt: skip


def most(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda j: values[j])


def next_word(one: Pass, bottom: float) -> list[Item]:
    """The candidates with logit and share, the line from 0 to 1, and where the number fell."""
    falls = one.drawn[3] if one.drawn else None
    last = bottom + 17 * len(one.candidates) - 9
    items: list[Item] = [Label(LEFT, bottom + 8, one.words["next_title"], size=12, bold=True),
                         Line([(SPINE, bottom - 8), (SPINE, last)], SOFT)]  # fmt: skip
    for j, (word, logit, share) in enumerate(one.candidates):
        y, ink = bottom + 17 * j, ACCENT if word == falls else "#1a2233"
        items += [
            Line([(SPINE, y + 8), (NAMES - 8, y + 8)], SOFT),
            Label(STRIP - 5, y + 12, cut(word, 58), "right", ink, 12, bold=True),
            Box(STRIP, y + 2, max(92 * share, 0.75), 12, ACCENT if word == falls else PALE),
            Label(STRIP + 98, y + 12, f"{share:.3f}" if share else "–", colour=SOFT),
            Label(STRIP + 200, y + 12, f"{logit:.2f}", "right", SOFT),
        ]
    top, across = bottom + 34, RIGHT - LEFT
    for j, (word, start, stop) in enumerate(one.stretches):
        x, wide = LEFT + across * start, max(across * (stop - start) - 1, 0.5)
        items.append(Box(x, top, wide, 22, ACCENT if word == falls else PALE if j % 2 else LINE))
        if inked(word) + 8 < wide:
            items.append(Label(x + wide / 2, top + 15, word, "center",
                               "#ffffff" if word == falls else "#1a2233"))  # fmt: skip
    end = one.stretches[-1][2] if one.stretches else 0.0
    if end < 0.995:
        items.append(Box(LEFT + across * end, top, across * (1 - end), 22, LINE))
    items += [Label(LEFT, top + 38, "0", colour=SOFT), Label(RIGHT, top + 38, "1", "right", SOFT)]
    if one.drawn is None:
        return [
            *items,
            Label(LEFT, top + 62, one.words["typed"].replace("{word}", one.following), colour=SOFT),
        ]
    x = LEFT + across * one.drawn[0]
    text = one.words["drawn_here"].replace("{number}", f"{one.drawn[0]:.3f}")
    return [*items, Line([(x, top - 8), (x, top + 25)], "#1a2233", 2),
            Label(LEFT, top + 62, f"{text} → {one.drawn[3]}", colour=ACCENT, size=14, bold=True)]  # fmt: skip


def save_pass(one: Pass, format: str, notes: Sequence[str]) -> bytes:
    """The storyteller's column: every vector as a strip of cells, heads as bars over the words."""
    across, items, grounds = Across(one.tokens), list[Item](), list[tuple[float, float]]()
    tops: dict[str, float] = {}
    for point in one.points:
        kind = scale_of(point)
        tops[kind] = max(tops.get(kind, 1e-9), point.values.abs().max().item())
    y, begun = across.tall + 16, 0.0
    for point in one.points:
        values, top = point.values.tolist(), tops[scale_of(point)]
        if point.kind == "norm_1":
            y += 8
            begun = y - 6
            items.append(Label(10, y + 9, said(one, "layer", layer=point.layer), colour=ACCENT, bold=True))
        if point.kind == "weights":
            best = most(values)
            name = said(one, "head", head=f"{point.layer}.{point.head}")
            items += [Label(24, y + 10, name, bold=True), *bars(values, across, y, 29),
                      Label(24, y + 24, f"{cut(one.tokens[best], 56)} {values[best]:.2f}", colour=SOFT),
                      Line([(across.start, y + 29), (RIGHT + 8, y + 29), (RIGHT + 8, y + 5),
                            (NAMES - 2, y + 5)], SOFT, dashed=True)]  # fmt: skip
        elif point.kind in PARTS:
            x = STRIP + 51 * list(PARTS).index(point.kind) + 12
            items += [Label(x - 3, y + 9, PARTS[point.kind], "right", SOFT), *strip(values, top, x, y, 35)]
        elif point.kind == "written":
            y += 15
            items += [*plus(y + 5), Label(STRIP - 5, y + 9.5, one.words["writes"], "right", SOFT),
                      *strip(values, top, STRIP, y, ROOM)]  # fmt: skip
            y += 21
        elif point.kind == "hidden":
            items += [Label(24, y + 5, one.words["feed_forward"], bold=True), *neurons(values, top, y - 14)]
        elif point.kind != "logits":
            y += 2 if point.kind in STREAM else 0
            name = name_of(one, point)
            items += [Label(STRIP - 5, y + 9.5, name, "right", SOFT, bold=point.kind in STREAM),
                      *strip(values, top, STRIP, y, ROOM)]  # fmt: skip
            if point.kind in STREAM:
                items += [
                    Box(STRIP - 1, y - 1, ROOM + 2, 12, "", ACCENT),
                    Box(SPINE - 4, y + 1, 8, 8, ACCENT),
                ]
            elif point.kind in NORMS:
                items.append(Line([(SPINE, y + 5), (NAMES - 2, y + 5)], SOFT))
            elif point.kind == "feed_forward":
                items += plus(y + 5)
            y += 20 if point.kind in STREAM else 16
            if point.kind == "after":
                grounds.append((begun, y - 4))
    bottom = y + 10
    back: list[Item] = [Box(0.5, top, WIDE - 1, end - top, WASH, LINE) for top, end in grounds]
    everything = [*back, *words_across(one, across, grounds[-1][1]), spine(one, across, bottom), *items,
                  *next_word(one, bottom)]  # fmt: skip
    size = WIDE, bottom + max(17 * len(one.candidates) + 14, 110)
    return save_drawing(size, everything, one.title, format, notes)


def said(one: Pass, key: str, **values: object) -> str:
    text = one.words[key]
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def scale_of(point: Point) -> str:
    """Which vectors share one scale of colours."""
    return (
        "stream"
        if point.kind in ONE_SCALE
        else f"hidden {point.layer}"
        if point.kind == "hidden"
        else point.kind
    )


def name_of(one: Pass, point: Point) -> str:
    key = "in_stream" if point.kind in STREAM else "norm" if point.kind in NORMS else {
        "embedding": "one_word", "position": "one_place", "feed_forward": "writes"}[point.kind]  # fmt: skip
    return one.words[key]


def strip(
    values: Sequence[float], top: float, x: float, y: float, wide: float, tall: float = 10
) -> list[Item]:
    """A vector as cells from blue to orange."""
    cell = wide / len(values)
    return [Box(x + i * cell, y, cell + 0.15, tall, tint(v / top)) for i, v in enumerate(values)]


def neurons(values: Sequence[float], top: float, y: float) -> list[Item]:
    """A feed-forward's inside as bars up and down."""
    cell, items = (RIGHT - LEFT) / len(values), list[Item]()
    for i, v in enumerate(values):
        tall = max(abs(v) / top * 15, 0.5)
        items.append(Box(LEFT + (i + 0.15) * cell, y + 15 - (0 if v < 0 else tall), cell * 0.7, tall,
                         SOFT if v < 0 else ACCENT))  # fmt: skip
    return items


# -- a large model ---------------------------------------------------------------------------------

CELLS, NET, TOTAL, SAYS, ROW, TALL = 606, (762, 22), 830, 836, 24, 16


def save_stack(
    one: Pass, begun: Sequence[str], lens: Sequence[tuple[str, float]], format: str, notes: Sequence[str]
) -> bytes:
    """A row a layer: its strongest head, a cell for every head and the feed-forward, the total, the lens."""
    across, items = Across(one.tokens), list[Item]()
    shares = [point for point in one.points if point.kind in ("begun", "shares", "net")]
    top = max(point.values.abs().max().item() for point in shares)
    y = across.tall + 34
    items += [Label(NET[0] + NET[1] / 2, y - 6, one.words["big_net"], "center", SOFT),
              Label(TOTAL, y - 6, one.words["big_total"], "right", SOFT),
              Label(SAYS, y - 6, one.words["big_would_say"], colour=SOFT)]  # fmt: skip
    for point in one.points:
        values = point.values.tolist()
        if point.kind == "weights":
            best = most(values)
            name = f"{point.layer}.{point.head} {cut(one.tokens[best], 40)} {values[best]:.2f}"
            items += [Label(LEFT - 6, y + 12, name, "right", SOFT),
                      Line([(LEFT, y + TALL), (RIGHT, y + TALL)]),
                      *bars(values, across, y, TALL)]  # fmt: skip
        elif point.kind in ("begun", "shares"):
            wide = min(50 if point.kind == "begun" else 15, 150 / len(values)) * len(values)
            items += [*plus(y + TALL / 2), *roots(values, top, CELLS, y, wide)]
            if point.kind == "begun":
                items.append(Label(CELLS - 46, y + 12, one.words["big_begun"], "right", SOFT))
                items.append(Label(SAYS, y + 12, cut(lens[0][0], WIDE - SAYS)))
                y += ROW
        elif point.kind == "net":
            items += roots(values, top, *(NET[0], y, NET[1]))
        elif point.kind == "total":
            items += [Label(TOTAL, y + 12, f"{values[0]:.2f}", "right", bold=True),
                      Label(SAYS, y + 12, cut(lens[point.layer + 1][0], WIDE - SAYS))]  # fmt: skip
            y += ROW
        elif point.kind == "size":
            name = f"{one.words['big_size']} {values[0]:.2f}"
            items += [Line([(SPINE, y + TALL / 2), (CELLS - 2, y + TALL / 2)], SOFT),
                      Label(CELLS, y + 12, name, colour=SOFT)]  # fmt: skip
            y += ROW
    bottom = y + 12
    everything = [*words_across(one, across, y - ROW), spine(one, across, bottom), *items,
                  *next_word(one, bottom)]  # fmt: skip
    return save_drawing((WIDE, bottom + max(17 * len(one.candidates) + 14, 110)), everything, one.title,
                        format, notes)  # fmt: skip


def roots(values: Sequence[float], top: float, x: float, y: float, wide: float) -> list[Item]:
    """Shares as cells, coloured by the root of their size."""
    cell = wide / len(values)
    return [Box(x + i * cell + 0.5, y, cell - 1, TALL, tint(math.copysign(math.sqrt(abs(v) / top), v)), LINE)
            for i, v in enumerate(values)]  # fmt: skip
