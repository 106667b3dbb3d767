"""Inputs <-> URL query. Every view is a link, and the link is all there is: no server state.

Only inputs that differ from their default are written, in the order of the fields. Long text is
deflated. A link that cannot be read in some part opens with defaults there, and says so.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from .fields import Field
from .guard import Json, Refusal

LONG = 160  # characters from which deflate plus base64 is shorter than quoting
INFLATED = 100_000  # the most a link may unfold to, in bytes
QUERY = 30_000  # the longest query that is looked at
Fields = Sequence[Field[Any]]


def write(tab: str, fields: Fields, values: Mapping[str, Any]) -> str:
    """The query string (without "?") that restores ``values`` on ``tab``.

    >>> from .fields import Whole
    >>> write("masks", [Whole(0, 0, 9, name="pad")], {"pad": 3})
    'tab=masks&pad=3'
    """
    pairs = [("tab", tab)]
    for field in fields:
        value = values[field.name]
        if value != field.default:
            pairs.append((field.name, _fold(field.write(value))))
    return urlencode(pairs)


def read(query: object, tabs: Mapping[str, Fields]) -> tuple[str | None, Json, bool]:
    """A query string -> (tab or None, values for that tab, whether all of it could be read)."""
    if not isinstance(query, str) or len(query) > QUERY:
        return None, {}, False
    try:
        given = dict(parse_qsl(query.lstrip("?"), keep_blank_values=True, max_num_fields=60))
    except ValueError:
        return None, {}, False
    tab = given.get("tab")
    if tab is None:
        return None, {}, True
    if tab not in tabs:
        return None, {}, False
    values: Json = {}
    good = True
    for field in tabs[tab]:
        values[field.name] = field.default
        if field.name in given:
            try:
                value = field.read(_unfold(given[field.name]))
                values[field.name] = field.check(value, field.name)
            except (Refusal, ValueError, zlib.error):
                good = False
    return tab, values, good


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
