"""Inputs that only the applications tab has: a factor for each token, and a history of items."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from ....classifier import EXAMPLE
from ....classifier.reviews import MAX_TOKENS
from ....recommender import MAX_HISTORY
from ....recommender.items import ITEMS
from ...page.fields import Choice, Field, Flag, Number, Text, Whole, bounded, given
from ...page.guard import Refusal, to_number
from ...page.scene import Task
from ...page.texts import Words

LARGEST = 3.0  # a bar dragged to its top counts three times
NOTHING = "-"  # the empty history; "" is the history the user came with
SHUFFLES = 50  # permutations of the weights that are drawn, beside the one chosen
USERS = ("u0", "u1", "u2", "u3", "u4", "u5")
TRAINING = ("seed", "steps", "learning_rate")


def say(words: Words, key: str, /, **given: object) -> str:
    """A sentence of this tab's words file."""
    return words(f"applications.{key}", **given)


def _parts(value: object, label: str) -> list[str]:
    return [part for part in re.split(r"[,，、\s]+", bounded(value, 600, label)) if part]


def again_or_not(words: Words) -> Task:
    """Whether the same seed trains the same model, asked of both trainings."""
    options = [say(words, "yes"), say(words, "no")]
    return Task("again", say(words, "task_again"), 0, say(words, "task_again_why"), options)


@dataclass(frozen=True)
class Picked(Field[str]):
    """A short list that is edited in the picture; its text box is out of sight."""

    boxed = True

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> gr.Textbox:
        return gr.Textbox(label=label, info=info, value=self.default, elem_classes="am-away")


@dataclass(frozen=True)
class Factors(Picked):
    """ "1,0,2.5": how much each token counts, 1 as learned; tokens left out count 1."""

    @property
    def limits(self) -> str:
        return f"Numbers from 0 to {LARGEST:g}, separated by commas, one for each word or sign."

    def check(self, value: object, label: str) -> str:
        factors = [to_number(part, label) for part in _parts(value, label)]
        if len(factors) > MAX_TOKENS:
            raise Refusal("too_many_factors", field=label, limit=MAX_TOKENS)
        if any(not 0 <= factor <= LARGEST for factor in factors):
            raise Refusal("out_of_range", field=label, low="0", high=f"{LARGEST:g}")
        while factors and factors[-1] == 1:
            factors.pop()
        return ",".join(f"{factor:g}" for factor in factors)


@dataclass(frozen=True)
class History(Picked):
    """ "5,33,40": numbers of the items chosen so far, in the order of the catalogue."""

    @property
    def limits(self) -> str:
        return (
            f"At most {MAX_HISTORY} different numbers from 0 to {len(ITEMS) - 1}, separated by commas; "
            f"empty for the user's own, {NOTHING} for none."
        )

    def check(self, value: object, label: str) -> str:
        parts = _parts(value, label)
        if parts in ([], [NOTHING]):
            return parts[0] if parts else ""
        ids = [to_number(part, label) for part in parts]
        if any(not 0 <= item < len(ITEMS) for item in ids):
            raise Refusal("out_of_range", field=label, low="0", high=str(len(ITEMS) - 1))
        if any(item != int(item) for item in ids):
            raise Refusal("not_whole", field=label)
        if len(set(ids)) < len(ids):
            raise Refusal("item_twice", field=label)
        if len(ids) > MAX_HISTORY:
            raise Refusal("too_many_items", field=label, limit=MAX_HISTORY)
        return ",".join(str(int(item)) for item in sorted(ids))


@dataclass(frozen=True)
class Inputs:
    """All four scenes' inputs; ``app`` and ``mode`` are the scene."""

    app: str = given(Choice("classifier", ("classifier", "recommender")))
    mode: str = given(Choice("use", ("use", "train")))
    text: str = given(Text(EXAMPLE, 300))
    override: str = given(Choice("none", ("none", "drag", "permute", "uniform")))
    token_weights: str = given(Factors(""))
    permute_seed: int = given(Whole(0, 0, SHUFFLES - 1))
    user: str = given(Choice("u0", USERS))
    history: str = given(History(""))
    k: int = given(Whole(10, 1, 20))
    even: bool = given(Flag(False))
    seed: int = given(Whole(0, 0, 99))
    steps: int = given(Whole(400, 20, 1000, 20))
    learning_rate: float = given(Number(0.005, 0.001, 0.02, 0.001))
