"""Chapter 9's marker: which day does a written date mean? The inverse of ``dates.write``.

A model's answer can be called right only where the text has one true answer. ``true_date`` finds it
by the rules of ``dates``: every day that some template would write exactly like this, and only if
all of them are the same day; ``reading`` says why there is none.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from string import Formatter
from typing import NamedTuple

from . import dates

CHINESE = {dates.chinese_number(number): number for number in range(1, 32)}
MONTH = {name[:3].lower(): number for number, name in enumerate(dates.MONTHS, start=1)}
PATTERNS = {
    "d": r"\d{1,2}", "dd": r"\d{2}", "m": r"\d{1,2}", "mm": r"\d{2}", "y": r"\d{4}", "yy": r"\d{2}",
    "ordinal": r"\d{1,2}(?:st|nd|rd|th)", "month": "|".join(dates.MONTHS),
    "mon": "|".join(name[:3] for name in dates.MONTHS), "weekday": "|".join(dates.WEEKDAYS),
    "wday": "|".join(name[:3] for name in dates.WEEKDAYS),
    "zh_y": f"[{dates.CHINESE_DIGITS}]{{4}}", "zh_yy": f"[{dates.CHINESE_DIGITS}]{{2}}",
    "zh_m": "|".join(CHINESE), "zh_d": "|".join(CHINESE), "zh_w": f"[{dates.CHINESE_WEEKDAYS}]",
}  # fmt: skip


WHY_NOT = ("weekday", "year", "day", "two", "format")


class Reading(NamedTuple):
    """The one day that a text means; or None and why, the first of ``WHY_NOT`` that any way of writing meets.

    weekday: the day is there, but it is another day of the week. year: outside 1900 to 2099. day:
    not in the calendar. two: day and month could be swapped. format: no way of writing that is taught.
    """

    day: date | None
    why: str = ""


def true_date(text: str) -> str | None:
    """The ISO form of the one day that text can mean; None where there is none, or more than one.

    Upper and lower case are the same, as are full-width signs; blanks around the text are dropped.

    >>> true_date("May 3rd, 97"), true_date("一九九七年五月三日"), true_date("3/5/1997")
    ('1997-05-03', '1997-05-03', None)
    >>> true_date("30 February 1997") is None, true_date("Monday, 3 May 1997") is None
    (True, True)
    """
    day = reading(text).day
    return None if day is None else day.isoformat()


def reading(text: str) -> Reading:
    """What text means, or why it means no one day.

    >>> reading("29 Feb 2023").why, reading("14 July 1789").why, reading("Monday, 3 May 1997").why
    ('day', 'year', 'weekday')
    """
    text = dates.plain(text).strip().lower()
    if len(text) > dates.MAX_LENGTH:
        return Reading(None, "format")
    found = {one for template in _readers() if (one := _read(text, template)) is not None}
    days = [one for one in found if isinstance(one, date)]
    if len(days) == 1:
        return Reading(days[0])
    reasons = found | {"two"} if days or dates.is_ambiguous(text) else found
    return Reading(None, next((why for why in WHY_NOT if why in reasons), "format"))


@cache
def _readers() -> dict[str, re.Pattern[str]]:
    """Each template as a pattern with a group for every place."""
    readers = {}
    for template in dates.TEMPLATES + dates.SLASH_TEMPLATES:
        parts = [
            re.escape(literal.lower()) + (f"(?P<{name}>{PATTERNS[name].lower()})" if name else "")
            for literal, name, _, _ in Formatter().parse(template)
        ]
        # ASCII: \d must not take digits that no template writes
        readers[template] = re.compile("".join(parts), re.ASCII)
    return readers


def _read(text: str, template: str) -> date | str | None:
    """The day that this template writes exactly as text (lower case); or why it is none; None: no match."""
    match = _readers()[template].fullmatch(text)
    if not match:
        return None
    part = match.groupdict()
    if "y" in part:
        year = int(part["y"])
    elif "yy" in part:
        year = dates.full_year(int(part["yy"]))
    else:
        digits = part.get("zh_y") or part["zh_yy"]
        year = int("".join(str(dates.CHINESE_DIGITS.index(digit)) for digit in digits))
        year = year if "zh_y" in part else dates.full_year(year)
    if "zh_m" in part:
        month, number = CHINESE[part["zh_m"]], CHINESE[part["zh_d"]]
    else:
        name = part.get("month") or part.get("mon")
        month = MONTH[name[:3]] if name else int(part.get("mm") or part["m"])
        number = int(re.sub(r"[a-z]+", "", part.get("ordinal") or part.get("dd") or part["d"]))
    if not dates.FIRST.year <= year <= dates.LAST.year:
        return "year"
    try:
        day = date(year, month, number)
    except ValueError:  # 30 February
        return "day"
    if (written := dates.write(day, template).lower()) != text:
        named = next((name for name in ("weekday", "wday", "zh_w") if name in part), None)
        if named is None:
            return None
        start, end = match.span(named)
        rest = text[:start], text[end:]
        return "weekday" if written.startswith(rest[0]) and written.endswith(rest[1]) else None
    return day if template in dates.templates_for(day) else "two"
