"""Inputs <-> URL query. Every view is a link, and the link is all there is: no server state.

Only inputs that differ from their default are written, in the order of the fields. Long text is
deflated. A link that cannot be read in some part opens with defaults there, and says so.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode

from .fields import Field
from .guard import Json, Refusal

LONG = 160  # characters from which deflate plus base64 is shorter than quoting
INFLATED = 100_000  # the most a link may unfold to, in bytes
QUERY = 30_000  # the longest query that is looked at
Fields = Sequence[Field[Any]]
T = TypeVar("T")


def write(
    tab: str, fields: Fields, values: Mapping[str, Any], step: int = 0, base: Mapping[str, Any] | None = None
) -> str:
    """The query string (without "?") that restores ``values`` on ``tab``, at a step of its lesson.

    base: what the step begins with; only what differs from it is written. step 0: none.

    >>> from .fields import Whole
    >>> write("masks", [Whole(0, 0, 9, name="pad")], {"pad": 3})
    'tab=masks&pad=3'
    """
    pairs = [("tab", tab)] + ([("step", str(step))] if step else [])
    for field in fields:
        value = values[field.name]
        if value != (base or {}).get(field.name, field.default):
            pairs.append((in_link(field), _fold(field.write(value))))
    return urlencode(pairs)


class Opened(NamedTuple):
    """What a link opens. good: all of it could be read; step: of the lesson, 0 for none."""

    tab: str | None
    values: Json
    good: bool
    step: int = 0


# (tab, the step as the link has it, whether it names inputs or what is open) -> the step, its inputs
Begin = Callable[[str, str | None, bool], tuple[int, Mapping[str, object]]]


def no_lesson(tab: str, step: str | None, named: bool) -> tuple[int, Mapping[str, object]]:
    """Of tabs without steps."""
    return 0, {}


def tab_named(given: Mapping[str, str], tabs: Iterable[str]) -> str | None:
    """The tab that a query names, known or not; a step without one is of the first tab's lesson."""
    return given.get("tab", next(iter(tabs), None) if "step" in given else None)


def read(query: object, tabs: Mapping[str, Fields], begin: Begin = no_lesson) -> Opened:
    """What a query string opens: its tab (None: it names none), and every input of that tab."""
    if not isinstance(query, str) or len(query) > QUERY:
        return Opened(None, {}, False)
    try:
        given = dict(parse_qsl(query.lstrip("?"), keep_blank_values=True, max_num_fields=60))
    except ValueError:
        return Opened(None, {}, False)
    tab = tab_named(given, tabs)
    if tab is None or tab not in tabs:
        return Opened(None, {}, tab is None)
    named = bool({"panel", "cell", "hand"} & set(given)) or any(
        in_link(field) in given for field in tabs[tab]
    )
    step, base = begin(tab, given.get("step"), named)
    values, odd = _values(given, tabs[tab], base)
    return Opened(tab, values, not odd, step)


def values(query: str, fields: Fields, base: Mapping[str, object]) -> tuple[Json, list[str]]:
    """The inputs of a query string laid over ``base``, and the names of those that cannot be so."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    found, odd = _values(given, fields, base)
    return found, odd + sorted(set(given) - {in_link(field) for field in fields})


def _values(given: Mapping[str, str], fields: Fields, base: Mapping[str, object]) -> tuple[Json, list[str]]:
    found: Json = {}
    odd: list[str] = []
    for field in fields:
        found[field.name] = base.get(field.name, field.default)
        if in_link(field) in given:
            try:
                value = field.read(_unfold(given[in_link(field)]))
                found[field.name] = field.check(value, field.name)
            except (Refusal, ValueError, zlib.error):
                odd.append(field.name)
    return found, odd


def mended(
    tab: str, given: Mapping[str, object], base: Mapping[str, object], show: Callable[[Json], T]
) -> tuple[T, list[Refusal]]:
    """What ``show`` makes of the inputs of a link, and the refusals that stood in its way.

    Each input may be fine alone and still not fit the others, such as a layer that the model lacks. The
    nearest that does stands in its place then, or the value of ``base`` where the refusal names no
    range, and the others stay; if that does not help, all of them take those of ``base``.
    """
    values, met = dict(given), list[Refusal]()
    while True:
        try:
            return show(values), met
        except Refusal as refused:
            name = str(refused.values.get("field", "")).removeprefix(f"{tab}.")
            if name not in values or values == base:
                raise
            instead = _nearest(values[name], refused.values, base[name])
            helps = instead != values[name] and len(met) < len(values)  # two that fit each other's old value
            values = values | {name: instead} if helps else dict(base)
            met.append(refused)


def _nearest(value: object, limits: Mapping[str, object], otherwise: object) -> object:
    """The number of the range that a refusal names which is nearest to ``value``."""
    if not isinstance(value, int | float) or not {"low", "high"} <= set(limits):
        return otherwise
    low, high = (type(value)(float(str(limits[end]))) for end in ("low", "high"))
    return min(max(value, low), high)


def in_link(field: Field[Any]) -> str:
    """What a link calls an input: "step" is the lesson's."""
    return "at" if field.name == "step" else field.name


def _fold(text: str) -> str:
    if len(text) > LONG or text.startswith("~"):
        packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).rstrip(b"=")
        return "~" + packed.decode()
    return text


def _unfold(text: str) -> str:
    if not text.startswith("~"):
        return text
    raw = base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))
    unpack = zlib.decompressobj()
    plain = unpack.decompress(raw, INFLATED)
    if unpack.unconsumed_tail or not unpack.eof:
        raise ValueError("the link unfolds to more than it may")
    return plain.decode()
