"""Training a decoder live, in chunks whose state the page carries: the server remembers nothing.

Stop means that the page asks for no further chunk; a closed page asks for none either.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ..bahdanau import LENGTH, TARGET
from ..date_parse import true_date
from ..dates import MAX_LENGTH
from ..seq2seq import Record, train_chunk, translate, unpack
from .busy import slot
from .decoder_parts import FIELDS, ID, columns_of, opened, rows_of
from .guard import Refusal, check_all, inputs_of, sentence_for
from .texts import Words, words_for
from .view import heading, numbers

CHUNK = 20  # steps: about a second on one core
STATE = 2_800_000  # characters of base64: a state has less than 2 MB
RETRY = 2.0  # seconds after which the page asks again when all places are taken


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The frame of a training; its numbers come with the chunks."""
    return [
        heading(words("decoder.training"), words("decoder.training_text")),
        {
            "kind": "trainer", "id": "training", "wide": True,
            "title": words("decoder.trainer", name=words(f"decoder.attention.{values['attention']}")),
            "caption": words(f"decoder.trainer_{values['attention']}"), "steps": values["steps"],
            "run": [values["attention"], values["seed"], values["learning_rate"]],
            "row_title": words("decoder.written"), "column_title": words("decoder.read"),
            "low": 0.0, "high": 1.0, "diverging": False, "digits": 2, "opens": True,
            "words": words.section("decoder.page"),
        },
    ]  # fmt: skip


def read_state(given: Any) -> bytes | None:
    """The page's state as bytes; None begins. Its inside is checked by the chapter."""
    if given is None:
        return None
    if not isinstance(given, str) or len(given) > STATE:
        raise Refusal("bad_request")
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("training_state") from None


def checked(request: Any) -> tuple[dict[str, Any], bytes | None]:
    """{"inputs", "state"} -> the tab's inputs and the state's bytes."""
    return check_all(ID, FIELDS, inputs_of(request)), read_state(request.get("state"))


def whole(number: Any, high: int) -> int:
    """A whole number in [0, high] from the page."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= high:
        raise Refusal("bad_request")
    return number


def advance(values: dict[str, Any], state: bytes | None, steps: int) -> tuple[bytes, Record]:
    """The next steps of the run that these inputs describe; two at a time in one process."""
    with slot("decoder", limit=2, wait=5.0, waiting=8):
        try:
            return train_chunk(
                state, attention=values["attention"], seed=values["seed"], steps=steps,
                learning_rate=values["learning_rate"], example=values["text"],
            )  # fmt: skip
        except ValueError as error:  # the chapter's word for a changed state or a diverged run
            raise Refusal("training_state") from error


def train(language: str, request: Any) -> dict[str, Any]:
    """One chunk: {"inputs", "state", "step"} -> the next state and what it did.

    ``retry`` beside an error: seconds after which the same question may be asked again.
    """
    words = words_for(language)
    try:
        values, state = checked(request)
        left = values["steps"] - whole(request.get("step"), values["steps"] - 1)
        state, record = advance(values, state, min(CHUNK, left))
        shown = record.example
        return {
            "state": base64.b64encode(state).decode(), "step": record.step, "losses": record.losses,
            "accuracy": record.accuracy, "output": shown.output, "truth": true_date(values["text"]),
            "rows": rows_of(shown), "columns": columns_of(shown),
            "unknown": [not known for known in shown.known],
            "data": None if shown.alignments is None else numbers(shown.alignments),
            "probabilities": numbers(shown.probabilities), "characters": TARGET, "text": values["text"],
        }  # fmt: skip
    except Exception as error:  # the border to the page, as in guard.answer
        busy = isinstance(error, Refusal) and error.key == "busy"
        return {"error": sentence_for(error, words)} | ({"retry": RETRY} if busy else {})


def cell(language: str, request: Any) -> dict[str, Any]:
    """The arithmetic of one weight of a training: {"inputs", "state", "row", "column"} -> sheet."""
    words = words_for(language)
    try:
        values, state = checked(request)
        place = whole(request.get("row"), LENGTH - 1), whole(request.get("column"), MAX_LENGTH - 1)
        try:
            model = unpack(state, values["attention"], values["seed"]).model
        except ValueError as error:
            raise Refusal("training_state") from error
        return opened(translate(model, values["text"]), words, *place)
    except Exception as error:  # the border to the page, as in guard.answer
        return {"error": sentence_for(error, words)}


def snippet(values: dict[str, Any]) -> str:
    """The whole run, chunk by chunk, with the numbers that the page shows."""
    return f"""from attention.seq2seq import train_chunk

state, done = None, 0
while done < {values["steps"]}:
    state, record = train_chunk(
        state, attention={values["attention"]!r}, seed={values["seed"]},
        steps=min({CHUNK}, {values["steps"]} - done),
        learning_rate={values["learning_rate"]!r}, example={values["text"]!r},
    )
    done = record.step
    loss = sum(record.losses) / len(record.losses)
    print(done, loss, record.accuracy, record.example.output)
print(record.example.alignments)   # written x read; None without attention
"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """The first chunk of the run, as plain numbers."""
    _, record = advance(values, None, min(CHUNK, values["steps"]))
    shown = record.example
    return {
        "step": record.step, "losses": record.losses, "held_out_exact": record.accuracy,
        "output": shown.output, "truth": true_date(values["text"]),
        "weights": None if shown.alignments is None else shown.alignments.tolist(),
    }  # fmt: skip
