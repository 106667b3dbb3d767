"""What a learner typed, with every mark in sight: nothing hides in it and nothing turns it around.

A character that draws nothing (a zero-width space, a filler) or that changes the direction of its
neighbours (a right-to-left override) makes two different texts look alike, and one text look like
another. Each is put in sight as ``□``. What spells something stays: the joiners inside an emoji or a
Persian or Hindi word, and the selectors that pick a form of the sign before them.

Source of the classes: Unicode Standard Annex 44 (general categories) and Technical Standard 39.
"""

from __future__ import annotations

import re
import unicodedata

HIDDEN = "□"
BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # every way to end a line
JOINERS = "\u200c\u200d"
# letters, marks and signs by their category, which nevertheless draw nothing
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def visible(text: str) -> str:
    """The same text, as long or shorter: line ends as "\\n", hidden marks as ``□``, tabs kept.

    Lone surrogates, which no file and no network can carry, count as hidden. Doing it twice changes
    nothing more.

    >>> visible("pass\\u200bword, \\u202egnp.exe")
    'pass□word, □gnp.exe'
    >>> visible("a\\r\\nb\\tc")
    'a\\nb\\tc'
    """
    text = BREAKS.sub("\n", text)
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(
        HIDDEN if _is_hidden(letter, text[i - 1 : i], text[i + 1 : i + 2]) else letter
        for i, letter in enumerate(text)
    )


def _is_hidden(letter: str, before: str, after: str) -> bool:
    """Whether a character draws nothing of its own between these two neighbours ("" at an end)."""
    if letter in "\n\t":
        return False
    if letter in JOINERS:
        return not (_joins(before) and _joins(after))
    if "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef":
        return not before or before.isascii() and before not in "#*0123456789" or before.isspace()
    return letter in FILLERS or unicodedata.category(letter) in ("Cc", "Cf", "Cs")


def _joins(letter: str) -> bool:
    """Whether a joiner beside this character does something: an emoji, or a script that joins."""
    if not letter:
        return False
    return (
        "\u0600" <= letter <= "\u18af" or letter == "\ufe0f" or unicodedata.category(letter) in ("So", "Sk")
    )
