"""Inputs that only the applications tab has: a factor for each token, and a history of items."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..items import ITEMS
from ..recommender import MAX_HISTORY
from ..reviews import MAX_TOKENS
from .guard import Refusal, to_number
from .texts import Words

LARGEST = 3.0  # a bar dragged to its top counts three times
NOTHING = "-"  # the empty history; "" is the history the user came with


def say(words: Words, key: str, /, **given: object) -> str:
    """A sentence of this tab's words file."""
    return words(f"applications.{key}", **given)


def _parts(value: Any, label: str) -> list[str]:
    if not isinstance(value, str):
        raise Refusal("not_text", field=label)
    if len(value) > 600:
        raise Refusal("too_long", field=label, limit=600, length=len(value))
    return [part for part in re.split(r"[,，、\s]+", value) if part]


@dataclass(frozen=True)
class Factors:
    """ "1,0,2.5": how much each token counts, 1 as learned; tokens left out count 1."""

    name: str
    default: str = ""
    boxed = True
    kind = str
    limits = f"Numbers from 0 to {LARGEST:g}, separated by commas, one for each word or sign."

    def check(self, value: Any, label: str) -> str:
        factors = [to_number(part, label) for part in _parts(value, label)]
        if len(factors) > MAX_TOKENS:
            raise Refusal("too_many_factors", field=label, limit=MAX_TOKENS)
        if any(not 0 <= factor <= LARGEST for factor in factors):
            raise Refusal("out_of_range", field=label, low="0", high=f"{LARGEST:g}")
        while factors and factors[-1] == 1:
            factors.pop()
        return ",".join(f"{factor:g}" for factor in factors)

    def component(self, label: str, info: str | None, value: str) -> gr.Textbox:
        return gr.Textbox(label=label, info=info, value=value, elem_classes="am-away")


@dataclass(frozen=True)
class History:
    """ "5,33,40": numbers of the items chosen so far, in the order of the catalogue."""

    name: str
    default: str = ""
    boxed = True
    kind = str
    limits = (
        f"At most {MAX_HISTORY} different numbers from 0 to {len(ITEMS) - 1}, separated by commas; "
        f"empty for the user's own, {NOTHING} for none."
    )

    def check(self, value: Any, label: str) -> str:
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

    def component(self, label: str, info: str | None, value: str) -> gr.Textbox:
        return gr.Textbox(label=label, info=info, value=value, elem_classes="am-away")
