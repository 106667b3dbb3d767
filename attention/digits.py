"""A number as somebody typed it: its value, and how finely it was written.

>>> read_number("0,25")
Typed(value=0.25, half_unit=0.005)
>>> read_number("－１.５")
Typed(value=-1.5, half_unit=0.05)
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

LONGEST = 40
_MINUS = str.maketrans(dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\u2796\u30fc", "-"))
_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,2}))?", re.ASCII | re.IGNORECASE)
_FRACTION = re.compile(r"([+-]?\d{1,9}) ?/ ?(\d{1,9})", re.ASCII)


class Typed(NamedTuple):
    """value, and half_unit: half of one in the last digit typed, 0 for a fraction, which is exact."""

    value: float
    half_unit: float


def read_number(text: str) -> Typed:
    """Read a number: full-width digits, any minus sign, a decimal comma, 1e-3 or a fraction 1/3.

    Raises ``ValueError`` with a sentence for anything else ("abc", "1,000.5", "inf", nothing).
    """
    if len(text) > LONGEST:
        raise ValueError(f"a number of at most {LONGEST} characters is expected, got {len(text)}")
    plain = unicodedata.normalize("NFKC", text).translate(_MINUS).replace("\u3002", ".").strip()
    fraction = _FRACTION.fullmatch(plain)
    if fraction and int(fraction[2]):
        return Typed(int(fraction[1]) / int(fraction[2]), 0.0)
    if "," in plain and ("." in plain or plain.count(",") > 1):
        raise ValueError(f"{text!r} has several commas or points; write 1000.5 or 1000,5")
    found = _DECIMAL.fullmatch(plain.replace(",", "."))
    if not found or not (found[2] or found[3]):
        raise ValueError(f"a number such as 0.25, 0,25 or 1/4 is expected, got {text!r}")
    value = float(plain.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(f"a finite number is expected, got {text!r}")
    decimals = len(found[3] or "") - int(found[4] or 0)
    return Typed(value, 0.5 * 10.0**-decimals)
