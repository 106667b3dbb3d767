"""The gate: what a learner, a link or a program sends is refused here in one plain sentence.

The rules of each input stand with its field (``fields.py``). This is the only place where an error
becomes words: :func:`answer` for what Gradio calls, :func:`told` for the page's own questions. A
refusal names the rule that was broken; anything unforeseen becomes a reference number whose lines of
code go to the log; what a learner typed never does.
"""

from __future__ import annotations

import html
import logging
import math
import re
import secrets
import traceback
import unicodedata
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import gradio as gr

from .texts import Words, words_for

log = logging.getLogger("attention.ui")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")

Json = dict[str, object]  # what goes to the page and comes from it
# where the gate reads what an answer was refused for: Gradio would call a learner's typo a failure of ours
REFUSALS: ContextVar[list[Refusal] | None] = ContextVar("refusals", default=None)
P = ParamSpec("P")
T = TypeVar("T")


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


def to_number(value: object, field: str) -> float:
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


def whole(number: object, high: int) -> int:
    """A whole number in [0, high] out of a question from the page."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= high:
        raise Refusal("bad_request")
    return number


def question_of(request: object) -> Json:
    """A question as the page sends it, else ``Refusal``."""
    if not isinstance(request, dict):
        raise Refusal("bad_request")
    return request


def inputs_of(request: object) -> Json:
    """The inputs, not yet checked, of a question {"inputs": {...}, ...} from the page."""
    return question_of(question_of(request).get("inputs"))


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


def answer(language: str, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a function; whatever it raises reaches Gradio as one escaped sentence."""
    try:
        return function(*arguments, **named)
    except gr.Error:
        raise
    except Exception as error:  # the border to the page: nothing may pass unexplained
        if isinstance(error, Refusal) and (told_to := REFUSALS.get()) is not None:
            told_to.append(error)
        sentence = sentence_for(error, words_for(language))
        # Gradio draws toasts as HTML
        raise gr.Error(html.escape(sentence), print_exception=False) from None


def told(function: Callable[Concatenate[str, P], Json]) -> Callable[Concatenate[str, P], Json]:
    """A question of the page's own, ``function(language, ...)``: any error becomes {"error": sentence}.

    The view shows it in place and keeps its last picture, which suits a text that is still being
    typed better than a toast per key. ``retry`` beside it: seconds after which the same question
    may be asked again, where the refusal names them.
    """

    @wraps(function)
    def asked(language: str, /, *arguments: P.args, **named: P.kwargs) -> Json:
        try:
            return function(language, *arguments, **named)
        except Exception as error:  # the border to the page, as in answer
            sentence: Json = {"error": sentence_for(error, words_for(language))}
            retry = error.values.get("retry") if isinstance(error, Refusal) else None
            return sentence if retry is None else sentence | {"retry": retry}

    return asked
