"""Data for chapter 9: one date, written in many ways, and its ISO form.

The rules that make every written date have exactly one answer:

- Years run from 1900 to 2099. Only 1950 to 2049 are ever written with two digits, so two digits
  mean one year: 50..99 -> 19xx, 00..49 -> 20xx (``full_year``).
- Dots put the day first (3.5.1997) and a year in front is followed by month, day (1997/5/3).
- Slashes with the year last are written day first and month first, but only where that can be
  told: one number is above 12, or both are equal. 3/5/1997 is never written (``is_ambiguous``).
- A weekday, where written, is the right one; upper and lower case are the same, and full-width
  signs and 零 are read as the plain ones and 〇 (``plain``).

Split: one day in ten is held out, chosen by :func:`is_held_out` from the day's number alone, so
no date of the held-out set is ever trained on, in whatever way it is written.

>>> import datetime
>>> write(datetime.date(1997, 5, 3), "{ordinal} of {month}, {y}")
'3rd of May, 1997'
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from functools import lru_cache

import torch

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
MAX_LENGTH = 40  # characters of a written date; the longest that write() makes has 37

MONTHS = ("January February March April May June July August September October November December").split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
CHINESE_DIGITS = "〇一二三四五六七八九"
CHINESE_WEEKDAYS = "一二三四五六日"
ZEROS = str.maketrans("零○", "〇〇")  # two more ways to write the zero of 二〇〇三

TEMPLATES = (
    "{d} {month} {y}", "{dd} {month} {y}", "{d} {mon} {y}", "{d} {month} {yy}", "{d} {mon} {yy}",
    "{d} {mon} '{yy}", "{d}-{mon}-{y}", "{dd}-{mon}-{yy}", "{d} {month}, {y}",
    "{ordinal} {month} {y}", "{ordinal} of {month} {y}", "{ordinal} of {month}, {y}",
    "{month} {d}, {y}", "{month} {d} {y}", "{mon} {d}, {y}", "{mon} {d} {y}", "{month} {d}, {yy}",
    "{month} {ordinal}, {y}", "{month} {ordinal}, {yy}", "{mon} {ordinal}, {y}", "{y} {month} {d}",
    "{wday}, {d} {month} {y}", "{wday}, {d} {mon} {y}", "{wday} {mon} {d} {y}",
    "{weekday}, {d} {month} {y}", "{weekday}, {month} {d}, {y}", "{weekday} {dd}.{mm}.{y}",
    "{weekday}, the {ordinal} of {month} {y}",
    "{y}-{m}-{d}", "{y}-{mm}-{dd}", "{y}/{m}/{d}", "{y}/{mm}/{dd}", "{y}.{m}.{d}", "{y}{mm}{dd}",
    "{d}.{m}.{y}", "{dd}.{mm}.{y}", "{d}.{m}.{yy}", "{d}. {month} {y}",
    "{y}年{m}月{d}日", "{y}年{mm}月{dd}日", "{y}年{m}月{d}号", "{yy}年{m}月{d}日",
    "{zh_y}年{zh_m}月{zh_d}日", "{zh_y}年{zh_m}月{zh_d}号", "{zh_yy}年{zh_m}月{zh_d}日",
    "{y}年{m}月{d}日星期{zh_w}", "{y}年{m}月{d}日 周{zh_w}", "{y} 年 {m} 月 {d} 日",
)  # fmt: skip
# Only for dates whose day and month cannot be mistaken for each other, see the module's rules.
SLASH_TEMPLATES = ("{d}/{m}/{y}", "{m}/{d}/{y}", "{dd}/{mm}/{y}", "{mm}/{dd}/{y}", "{d}/{m}/{yy}")


def is_held_out(day: date) -> bool:
    """True for one day in ten: Knuth's multiplicative hash of the day's number, below a tenth."""
    return (day.toordinal() * 2654435761) % 2**32 < 2**32 // 10


@lru_cache(maxsize=2)
def dates(held_out: bool) -> tuple[date, ...]:
    """All days from 1900 to 2099 of one side of the split, in order."""
    days = (FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1))
    return tuple(day for day in days if is_held_out(day) == held_out)


def full_year(two_digits: int) -> int:
    """50..99 -> 1950..1999 and 0..49 -> 2000..2049.

    >>> full_year(97), full_year(3)
    (1997, 2003)
    """
    if not 0 <= two_digits <= 99:
        raise ValueError(f"a two-digit year lies in [0, 99], got {two_digits}")
    return two_digits + (1900 if two_digits >= 50 else 2000)


def chinese_number(number: int) -> str:
    """1..99 in words, as in months and days.

    >>> chinese_number(3), chinese_number(10), chinese_number(12), chinese_number(31)
    ('三', '十', '十二', '三十一')
    """
    tens, ones = divmod(number, 10)
    front = "" if tens == 0 else "十" if tens == 1 else CHINESE_DIGITS[tens] + "十"
    return front + (CHINESE_DIGITS[ones] if ones or not tens else "")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    last = 0 if number // 10 == 1 else number % 10
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


@lru_cache(maxsize=4)
def _templates(clear: bool, short: bool) -> tuple[str, ...]:
    ways = TEMPLATES + SLASH_TEMPLATES if clear else TEMPLATES
    return tuple(way for way in ways if short or "yy}" not in way)


def templates_for(day: date) -> tuple[str, ...]:
    """The ways in which this day can be written with one meaning only."""
    return _templates(day.day > 12 or day.day == day.month, 1950 <= day.year <= 2049)


def plain(text: str) -> str:
    """The same text in the characters that :func:`write` uses, one for one: full-width signs made
    plain (Unicode's NFKC, where that is one character), and every Chinese zero 〇.

    >>> plain("２００３／５／１３"), plain("二零零三年五月三日")
    ('2003/5/13', '二〇〇三年五月三日')
    """
    folded = ((character, unicodedata.normalize("NFKC", character)) for character in text)
    return "".join(new if len(new) == 1 else old for old, new in folded).translate(ZEROS)


def write(day: date, template: str) -> str:
    """day in the manner of one template of TEMPLATES or SLASH_TEMPLATES."""
    month, weekday, year = MONTHS[day.month - 1], WEEKDAYS[day.weekday()], f"{day.year}"
    zh_year = "".join(CHINESE_DIGITS[int(digit)] for digit in year)
    return template.format(
        d=day.day, dd=f"{day.day:02}", m=day.month, mm=f"{day.month:02}", y=year, yy=year[2:],
        month=month, mon=month[:3], ordinal=ordinal(day.day), weekday=weekday, wday=weekday[:3],
        zh_y=zh_year, zh_yy=zh_year[2:], zh_m=chinese_number(day.month),
        zh_d=chinese_number(day.day), zh_w=CHINESE_WEEKDAYS[day.weekday()],
    )  # fmt: skip


def is_ambiguous(text: str) -> bool:
    """True for slashes with the year last where day and month could be swapped.

    >>> is_ambiguous("3/5/1997"), is_ambiguous("25/5/1997"), is_ambiguous("5/5/1997")
    (True, False, False)
    """
    text = plain(text)
    match = re.fullmatch(r"\s*([0-9]{1,2})/([0-9]{1,2})/(?:[0-9]{2}|[0-9]{4})\s*", text)
    if not match:
        return False
    first, second = int(match[1]), int(match[2])
    return first != second and 1 <= first <= 12 and 1 <= second <= 12


def sample(count: int, *, held_out: bool, generator: torch.Generator) -> list[tuple[str, str, str]]:
    """count random dates of one side of the split, each written in a random way.

    Returns a list of (written, ISO form, template). Draws only from generator.
    """
    days = dates(held_out)
    numbers = torch.randint(2**31, (count, 2), generator=generator).tolist()
    rows = []
    for first, second in numbers:
        day = days[first % len(days)]
        ways = templates_for(day)
        template = ways[second % len(ways)]
        rows.append((write(day, template), day.isoformat(), template))
    return rows


def alphabet() -> str:
    """Every character, in lower case, that write() can make, sorted."""
    words = "".join([*MONTHS, *WEEKDAYS, *TEMPLATES, *SLASH_TEMPLATES, CHINESE_WEEKDAYS])
    plain = re.sub(r"\{.*?\}", "", words) + CHINESE_DIGITS + "十0123456789stndrh"
    return "".join(sorted(set(plain.lower())))
