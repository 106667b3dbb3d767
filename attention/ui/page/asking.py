"""How an exercise of chapters 14, 16 or 22 is asked: predict -> reveal -> why, then one thing to turn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...pitfalls import Exercise


@dataclass(frozen=True)
class Question:
    """How an exercise is asked: where the right answer is read off, what may be turned.

    answer: index of the right option, from the exercise. knob: name of one parameter, and the
    values it may take. facts: further numbers for the sentences, which speak of the chapter's own
    parameters; turning the knob redraws the pictures only. dice: whether a seed changes the pictures.
    """

    options: int
    answer: Callable[[Exercise], int]
    knob: str
    choices: tuple[float, ...]
    facts: Callable[[Exercise, dict[str, Any]], dict[str, Any]] = lambda found, given: {}
    count_from: int = 0  # added to a choice where the page counts from 1
    dice: bool = True


def nearest(number: float, *targets: float) -> int:
    """Index of the target nearest to a number, by ratio."""
    return min(range(len(targets)), key=lambda i: abs(math.log(number / targets[i])))
