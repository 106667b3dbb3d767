"""How much a stranger's JSON may hold. Whoever reads JSON from outside reads it here.

Text that is short can still be costly: 4 MB hold 1.3 million empty lists, and 3,000 brackets exhaust
a parser's stack. So the number of values and their depth are bounded, besides the bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .guard import Refusal

SMALL = 128_000  # bytes of whatever is not a training's state
NODES, DEPTH = 10_000, 24  # an honest question has under 200 values, six deep


def read_json(text: str | bytes, nodes: int = NODES, depth: int = DEPTH) -> Any:
    """The value of a JSON text of at most so many values, so deep. Raises ``Refusal`` otherwise."""
    try:
        value = json.loads(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError):
        raise Refusal("bad_json") from None
    if not is_within(value, nodes, depth):
        raise Refusal("too_much_json", nodes=nodes, depth=depth)
    return value


def is_within(value: Any, nodes: int = NODES, depth: int = DEPTH) -> bool:
    """Whether a value holds at most so many values, in lists and objects at most so deep."""
    seen = 0
    for deep, level in enumerate(_levels(value)):
        seen += len(level)
        if seen > nodes or deep > depth:
            return False
    return True


def names_a_file(value: Any) -> bool:
    """Whether Gradio would take some object in a value for a file, and fetch or copy it.

    It does so for {"path": ..., "meta": ...}; a ``meta`` that is no object makes it fail.
    """
    every = (one for level in _levels(value) for one in level)
    return any(isinstance(one, dict) and "path" in one and "meta" in one for one in every)


def _levels(value: Any) -> Iterator[list[Any]]:
    """A value, then its parts, then theirs, for as long as there are any."""
    level = [value]
    while level:
        yield level
        held = [one for one in level if isinstance(one, dict | list)]
        level = [part for one in held for part in (one.values() if isinstance(one, dict) else one)]


STATE = re.compile(rb'"state"\s*:\s*"([A-Za-z0-9+/=]*)"')
HELD = "\0state"  # stands for a training's state while the rest is looked at


def checked(body: bytes) -> Any:
    """The JSON of a posted question. Raises ``Refusal`` where it is too much, or names a file."""
    if len(body) > SMALL:
        raise Refusal("body_too_large", limit=SMALL)
    value = read_json(body)
    if names_a_file(value):
        raise Refusal("no_files")
    return value


def checked_training(body: bytes) -> tuple[Any, str | None]:
    """A question that may bring a training's state: (the question, the state or None).

    A small body is read as any other. Of a large one, exactly one string of base64 called "state" is
    taken out, and the rest has to be small; the question then holds ``HELD`` in its place.
    """
    found = STATE.search(body) if len(body) > SMALL else None
    if found is None:
        return checked(body), None
    rest = body[: found.start(1)] + json.dumps(HELD)[1:-1].encode() + body[found.end(1) :]
    question = checked(rest)
    data = question.get("data") if isinstance(question, dict) else None
    if not isinstance(data, dict) or data.get("state") != HELD:
        raise Refusal("body_too_large", limit=SMALL)
    return question, found[1].decode()


def written(value: Any) -> bytes:
    """A checked value as JSON of our own writing."""
    return json.dumps(value).encode()
