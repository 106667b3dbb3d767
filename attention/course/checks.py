"""What every part of an assignment or a hand-in has to be: ``ValueError`` names the rule and what was met."""

from __future__ import annotations

from collections.abc import Sequence


def refusal(rule: str, met: object) -> ValueError:
    text = repr(met)
    return ValueError(f"{rule}, got {text if len(text) <= 60 else text[:57] + '...'}")


def check_text(name: str, text: object, most: int, least: int = 0) -> None:
    """A string of ``least`` to ``most`` characters that every file and network can carry."""
    if not isinstance(text, str) or not least <= len(text) <= most:
        raise refusal(f"{name} must be text of {least} to {most} characters", text)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise refusal(f"{name} must be text that utf-8 can carry", text) from None


def check_whole(name: str, number: object, low: int, high: int) -> None:
    """A whole number from low to high; True is none."""
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise refusal(f"{name} must be a whole number from {low} to {high}", number)


def check_number(name: str, number: object) -> None:
    """A finite number; True is none."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < 1e300:
        raise refusal(f"{name} must be a finite number", number)


def check_one_of(name: str, met: object, known: Sequence[str]) -> None:
    """One of the known words."""
    if not isinstance(met, str) or met not in known:
        raise refusal(f"{name} must be one of {', '.join(known)}", met)


def check_many(name: str, items: object, most: int, kind: type) -> None:
    """A tuple of at most ``most`` of one kind."""
    if not isinstance(items, tuple) or len(items) > most or not all(type(x) is kind for x in items):
        size = len(items) if isinstance(items, tuple) else type(items).__name__
        raise ValueError(f"{name} must be at most {most} of kind {kind.__name__}, got {size}")
