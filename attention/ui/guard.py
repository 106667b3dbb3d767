"""The gate: everything that comes from outside is checked here, by fields.

A tab declares its inputs once, as a list of fields. From that list come the check of every call
(page, API, link), the query string (``link.py``) and the API's signature. Gradio itself lets a
slider deliver NaN, 2.5 at step 1, text or a list, so no handler trusts a component.

This is the only place where an error becomes ``gr.Error``: :func:`answer` turns a refusal into one
plain sentence in the learner's language, and anything unforeseen into a reference number whose
lines of code go to the log; what a learner typed never does.
"""

from __future__ import annotations

import html
import logging
import math
import re
import secrets
import traceback
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ..typed import visible
from .texts import Words, words_for

log = logging.getLogger("attention.ui")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


class Refusal(ValueError):
    """An input that breaks a rule. ``key`` names the sentence in words/errors, filled by values."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key, self.values = key, values

    def sentence(self, words: Words) -> str:
        """The refusal in words, naming the field and its limit."""
        values = dict(self.values)
        for name in ("field", "part"):  # keys of the words files, so that labels are in the same language
            if name in values:
                values[name] = words.get(str(values[name]), str(values[name]))
        return words("errors." + self.key, **values)


def to_number(value: Any, field: str) -> float:
    """A finite float from a number or its plain decimal spelling; raises ``Refusal`` otherwise.

    Stricter than ``float()``, which takes "nan", "1_0" and booleans.
    """
    if isinstance(value, str):
        text = unicodedata.normalize("NFKC", value).strip().replace("\N{MINUS SIGN}", "-")
        if len(text) > 40 or not NUMBER.fullmatch(text):
            raise Refusal("not_a_number", field=field)
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal("not_a_number", field=field)
    try:
        value = float(value)
    except OverflowError:
        raise Refusal("not_finite", field=field) from None
    if not math.isfinite(value):
        raise Refusal("not_finite", field=field)
    return value


@dataclass(frozen=True)
class Number:
    """A number in [low, high], a whole one where step is an int; shown as a slider."""

    name: str
    default: float
    low: float
    high: float
    step: float = 0.01
    kind = float

    def check(self, value: Any, label: str) -> float | int:
        number = to_number(value, label)
        if not self.low <= number <= self.high:
            raise Refusal("out_of_range", field=label, low=f"{self.low:g}", high=f"{self.high:g}")
        if isinstance(self.step, int):
            if number != int(number):
                raise Refusal("not_whole", field=label)
            return int(number)
        return number


@dataclass(frozen=True)
class Flag:
    """A yes or no."""

    name: str
    default: bool
    kind = bool

    def check(self, value: Any, label: str) -> bool:
        if not isinstance(value, bool):
            raise Refusal("not_a_flag", field=label)
        return value


@dataclass(frozen=True)
class Choice:
    """One of a fixed list of ids; ``radio`` shows them side by side, else as a menu."""

    name: str
    default: str
    options: tuple[str, ...]
    radio: bool = True
    kind = str

    def check(self, value: Any, label: str) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise Refusal("not_an_option", field=label, options=", ".join(self.options))
        return value


@dataclass(frozen=True)
class Text:
    """Text of at most ``limit`` characters; what would hide in it is put in sight (``visible``)."""

    name: str
    default: str
    limit: int
    lines: int = 1
    required: bool = True
    kind = str
    boxed = True  # shown as a text box, which tells of every change (tab.early)

    def check(self, value: Any, label: str) -> str:
        if not isinstance(value, str):
            raise Refusal("not_text", field=label)
        if len(value) > self.limit:
            raise Refusal("too_long", field=label, limit=self.limit, length=len(value))
        value = visible(value)
        if self.required and not value.strip():
            raise Refusal("empty", field=label)
        return value


Field = Number | Flag | Choice | Text


def check_all(tab: str, fields: Sequence[Field], values: dict[str, Any]) -> dict[str, Any]:
    """Every field checked; missing ones take their default, unknown names are refused."""
    known = {field.name for field in fields}
    for name in values:
        if name not in known:
            raise Refusal("unknown_input", field=visible(str(name)[:40]))
    return {
        field.name: field.check(values.get(field.name, field.default), f"{tab}.{field.name}")
        for field in fields
    }


def inputs_of(request: Any) -> dict[str, Any]:
    """The inputs, not yet checked, of a question {"inputs": {...}, ...} from the page."""
    if not isinstance(request, dict) or not isinstance(request.get("inputs"), dict):
        raise Refusal("bad_request")
    return request["inputs"]


def sentence_for(error: Exception, words: Words) -> str:
    """One plain sentence for any error: the rule that was broken, or a reference number."""
    if isinstance(error, Refusal):
        return error.sentence(words)
    if isinstance(error, MemoryError):
        return words("errors.memory")
    reference = secrets.token_hex(3)
    log.error("reference %s: %s", reference, where(error))
    return words("errors.unforeseen", reference=reference)


def where(error: BaseException) -> str:
    """An error for the log: its kind and the lines it came through, on one line and without its message.

    A message may quote what a learner typed, or a forged line; code cannot.
    """
    frames = traceback.extract_tb(error.__traceback__)
    steps = [f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames[-8:]]
    cause = error.__cause__ or error.__context__
    after = f" after {type(cause).__name__}" if cause is not None else ""
    return f"{type(error).__name__}{after} at {' > '.join(steps) or 'no line'}"


def answer(language: str, function: Callable, *arguments: Any, **named: Any) -> Any:
    """Call a function; whatever it raises reaches the page as one escaped sentence."""
    try:
        return function(*arguments, **named)
    except gr.Error:
        raise
    except Exception as error:  # the border to the page: nothing may pass unexplained
        sentence = sentence_for(error, words_for(language))
        # Gradio draws toasts as HTML
        raise gr.Error(html.escape(sentence), print_exception=False) from None
