"""An assignment or a hand-in as text for a link and as a JSON file, and strictly back.

Text: JSON without spaces, deflated (RFC 1951, a raw stream), base64url without padding, after a
prefix that tells the kind: ``a1.`` an assignment, ``h1.`` a hand-in. Unknown names, missing ones,
another version, nesting and size beyond the limits raise ``ValueError`` with one sentence. What
somebody typed is read as everywhere else: nothing hides in it (:func:`attention.typed.visible`).
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import zlib
from typing import Any

from ..typed import visible
from .format import Answer, Assignment, HandIn, Question, Step, Target, check_version

LONGEST_TEXT = 200_000  # characters of a link's part; a browser's address bar takes fewer still
LARGEST_JSON = 1_000_000  # bytes once inflated
LARGEST_FILE = 2_000_000  # bytes of a file; more is not read
DEEPEST = 6
PREFIX: dict[type, str] = {Assignment: "a1.", HandIn: "h1."}


def to_text(thing: Assignment | HandIn) -> str:
    """Compact text for a link; the same for the same thing."""
    packed = json.dumps(_plain(thing), ensure_ascii=False, separators=(",", ":")).encode()
    if len(packed) > LARGEST_JSON:
        raise ValueError(f"at most {LARGEST_JSON} bytes fit into a link, got {len(packed)}")
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = squeeze.compress(packed) + squeeze.flush()
    return PREFIX[type(thing)] + base64.urlsafe_b64encode(deflated).decode().rstrip("=")


def to_json(thing: Assignment | HandIn) -> str:
    """The same as the text of a file that people can read."""
    return json.dumps(_plain(thing), ensure_ascii=False, indent=1) + "\n"


def read_assignment(text: str) -> Assignment:
    """An assignment from its link text or JSON. Raises ``ValueError`` for anything else."""
    return _assignment(_load(text, PREFIX[Assignment], "an assignment"))


def read_hand_in(text: str) -> HandIn:
    """A hand-in from its link text or JSON. Raises ``ValueError`` for anything else."""
    return _hand_in(_load(text, PREFIX[HandIn], "a hand-in"))


def _plain(thing: object) -> Any:
    """Dataclasses to dicts without what stands at its default, tuples to lists."""
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        shown = {}
        for each in dataclasses.fields(thing):
            held = getattr(thing, each.name)
            factory = each.default_factory
            default = factory() if factory is not dataclasses.MISSING else each.default
            if each.name == "version" or held != default or type(held) is not type(default):
                shown[each.name] = _plain(held)
        return shown
    return [_plain(item) for item in thing] if isinstance(thing, tuple) else thing


def _load(text: str, prefix: str, what: str) -> dict[str, Any]:
    text = text.strip()
    if len(text) > LARGEST_FILE:
        raise ValueError(f"{what} has at most {LARGEST_FILE} characters, got {len(text)}")
    if not text.startswith("{"):
        text = _inflate(text, prefix, what)
    depth = deepest = 0
    inside = escaped = False
    for letter in text:  # before json.loads, which would recurse
        if inside:
            inside = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            inside = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
        if deepest > DEEPEST:
            raise ValueError(f"{what} is nested at most {DEEPEST} deep")
    try:
        loaded = json.loads(text, parse_constant=_no_constant, parse_int=_whole, object_pairs_hook=_no_twins)
    except json.JSONDecodeError as error:
        raise ValueError(f"{what} is JSON or a link's text, but this is broken: {error.msg}") from None
    if not isinstance(loaded, dict):
        raise ValueError(f"{what} is one JSON object, got a {type(loaded).__name__}")
    check_version(loaded.get("version"))
    return loaded


def _inflate(text: str, prefix: str, what: str) -> str:
    if not text.startswith(prefix):
        raise ValueError(f"the text of {what} begins with {prefix}, got {text[:12]!r}")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"the text of {what} has at most {LONGEST_TEXT} characters, got {len(text)}")
    body = text[len(prefix) :]
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        opened = zlib.decompressobj(-15)
        packed = opened.decompress(raw, LARGEST_JSON)
        if opened.unconsumed_tail or not opened.eof:
            raise ValueError(f"{what} holds at most {LARGEST_JSON} bytes, or was cut off")
        if opened.unused_data:
            raise ValueError(f"the text of {what} has something after its end")
        return packed.decode("utf-8")
    except (binascii.Error, zlib.error, UnicodeError):
        raise ValueError(f"the text of {what} was cut off or changed; copy the whole link") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"a finite number is expected, got {name}")


def _whole(digits: str) -> int:
    if len(digits) > 20:  # more than any field holds; thousands of them Python refuses in words of its own
        raise ValueError(f"a whole number has at most 20 digits, got {len(digits)}")
    return int(digits)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's items, every text in them with its hidden marks in sight."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a name stands twice among {[name[:40] for name, _ in pairs[:12]]}")
    for name, held in found.items():
        if isinstance(held, str):
            found[name] = visible(held)
        elif isinstance(held, list):
            found[name] = [visible(one) if isinstance(one, str) else one for one in held]
    return found


def _fields(kind: type, loaded: object) -> dict[str, Any]:
    """The loaded object's items, all of them fields of ``kind`` and none missing."""
    name = kind.__name__
    if not isinstance(loaded, dict):
        raise ValueError(f"{name} must be a JSON object, got a {type(loaded).__name__}")
    known = {each.name: each for each in dataclasses.fields(kind)}
    for key in loaded:
        if key not in known:
            raise ValueError(f"{name} has no {key[:40]!r}; it has {', '.join(known)}")
    for key, each in known.items():
        needed = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        if needed and key not in loaded:
            raise ValueError(f"{name} needs its {key}")
    return dict(loaded)


def _list(loaded: dict[str, Any], key: str, build: Any = None) -> None:
    """Replace the list under key, where there is one, by a tuple."""
    if key in loaded:
        items = loaded[key]
        if not isinstance(items, list):
            raise ValueError(f"{key} must be a list, got a {type(items).__name__}")
        if len(items) > 1000:
            raise ValueError(f"{key} holds too many items: {len(items)}")
        loaded[key] = tuple(items if build is None else map(build, items))


def _step(loaded: object) -> Step:
    return Step(**_fields(Step, loaded))


def _question(loaded: object) -> Question:
    items = _fields(Question, loaded)
    _list(items, "choices")
    if items.get("target") is not None:
        items["target"] = Target(**_fields(Target, items["target"]))
    return Question(**items)


def _assignment(loaded: object) -> Assignment:
    items = _fields(Assignment, loaded)
    _list(items, "steps", _step)
    _list(items, "questions", _question)
    _list(items, "veiled")
    return Assignment(**items)


def _answer(loaded: object) -> Answer:
    items = _fields(Answer, loaded)
    _list(items, "guesses")
    return Answer(**items)


def _hand_in(loaded: object) -> HandIn:
    items = _fields(HandIn, loaded)
    items["assignment"] = _assignment(items["assignment"])
    _list(items, "answers", _answer)
    _list(items, "did")
    return HandIn(**items)
