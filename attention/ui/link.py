"""Inputs <-> URL query. Every view is a link, and the link is all there is: no server state.

Only inputs that differ from their default are written, in the order of the fields. Long text is
deflated. A link that cannot be read in some part opens with defaults there, and says so.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from .bounds import read_json
from .guard import Field, Flag, Number, Refusal

LONG = 160  # characters from which deflate plus base64 is shorter than quoting
INFLATED = 100_000  # the most a link may unfold to, in bytes
QUERY = 30_000  # the longest query that is looked at


def write(tab: str, fields: Sequence[Field], values: dict[str, Any]) -> str:
    """The query string (without "?") that restores ``values`` on ``tab``.

    >>> from .guard import Number
    >>> write("masks", [Number("pad", 0, 0, 9, 1)], {"pad": 3})
    'tab=masks&pad=3'
    """
    pairs = [("tab", tab)]
    for field in fields:
        value = values[field.name]
        if value != field.default:
            pairs.append((field.name, _to_text(field, value)))
    return urlencode(pairs)


def read(query: str, tabs: dict[str, Sequence[Field]]) -> tuple[str | None, dict[str, Any], bool]:
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
    values, good = {}, True
    for field in tabs[tab]:
        values[field.name] = field.default
        if field.name in given:
            try:
                value = _from_text(field, given[field.name])
                values[field.name] = field.check(value, field.name)
            except (Refusal, ValueError, zlib.error):
                good = False
    return tab, values, good


def _to_text(field: Field, value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(value)
    if not isinstance(value, str | int):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = str(value)
    if len(text) > LONG or text.startswith("~"):
        packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).rstrip(b"=")
        return "~" + packed.decode()
    return text


def _from_text(field: Field, text: str) -> Any:
    if text.startswith("~"):
        raw = base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))
        unpack = zlib.decompressobj()
        plain = unpack.decompress(raw, INFLATED)
        if unpack.unconsumed_tail or not unpack.eof:
            raise ValueError("the link unfolds to more than it may")
        text = plain.decode()
    if isinstance(field, Flag):
        return {"1": True, "0": False}.get(text, text)
    if isinstance(field, Number) or field.kind is str:
        return text
    return read_json(text, nodes=400, depth=6)  # a table of people has 120 values, three deep
