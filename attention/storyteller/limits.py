"""What the storyteller was never taught, as stories it has to continue: how far does it get?

Each is one step beyond a pattern of :mod:`~attention.storyteller.sentences`, in words it knows, with
an answer that any reader would give. Most it fails, some it manages: the measured shares stand with the
figures, and what is below 0.6 is listed there as what it cannot do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .sentences import DOINGS, ITEMS, NAMES, THINGS, Story


@dataclass(frozen=True)
class Limit:
    """sentence: what is asked of it, in English; make: draws one such story."""

    sentence: str
    make: Callable[[torch.Generator], Story]


def _story(text: str, generator: torch.Generator) -> Story:
    """Fill {a} {b} {c} with people, {x} {y} {z} with things, {i} {j} ... with items, {p} {q} {r}
    with what they do, all different."""
    language = "zh" if any("\u4e00" <= letter <= "\u9fff" for letter in text) else "en"
    slots: dict[str, str] = {}
    for names, table in (("abc", NAMES), ("xyz", THINGS), ("ijklmn", ITEMS), ("pqr", DOINGS)):
        words = table[language]
        order = torch.randperm(len(words), generator=generator)[: len(names)].tolist()
        slots |= dict(zip(names, (words[at] for at in order), strict=True))
    words = text.format(**slots).split()
    at = next(place for place, word in enumerate(words) if word.startswith("["))
    words[at] = words[at][1:-1]
    return Story("limit", language, tuple(words), (at,), frozenset())


def _limit(sentence: str, text: str) -> Limit:
    return Limit(sentence, lambda generator: _story(text, generator))


LIMITS = {
    "three_people": _limit(
        "tell who is left of three people",
        "{a} , {b} and {c} went to the park . {a} and {b} gave the {x} to [{c}] .",
    ),
    "third_answer": _limit(
        "answer about the third of three people",
        "{a} {p} . {b} {q} . {c} {r} . who {r} ? [{c}] .",
    ),
    "long_list": _limit(
        "go on with a list of six, where it was taught four at most",
        "{a} bought {i} , {j} , {k} , {l} , {m} and {n} . {b} bought {i} , {j} , {k} , {l} , {m} and [{n}] .",
    ),
    "list_backwards": _limit(
        "read a list from its end",
        "{a} bought {i} , {j} and {k} . {b} bought {k} , {j} and [{i}] .",
    ),
    "two_losses": _limit(
        "keep two losses apart",
        "{a} lost the {x} . {b} found it . {b} lost the {y} . {a} found it . "
        "the one who found the {x} was [{b}] .",
    ),
    "other_language": _limit(
        "take up a question in the other language",
        "{a} {p} ， {b} {q} 。 who {q} ? [{b}] .",
    ),
}
