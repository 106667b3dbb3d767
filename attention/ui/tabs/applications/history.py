"""What both scenes of the recommender share: a made-up user, a history, and names of items."""

from __future__ import annotations

from functools import cache

import torch

from ....recommender import DATA_SEED
from ....recommender.items import ITEMS, THEMES, Users, make_users
from ...page.texts import Words
from .fields import NOTHING, USERS, Inputs


@cache
def users() -> Users:
    """Six made-up users that no training has seen: another seed than the chapter's data."""
    return make_users(len(USERS), torch.Generator().manual_seed(DATA_SEED + 1))


def history_of(inputs: Inputs) -> list[int]:
    """The items chosen so far, in the order of the catalogue: attention here sees no order."""
    if inputs.history == NOTHING:
        return []
    if inputs.history:
        return [int(part) for part in inputs.history.split(",")]
    return sorted(users().history[USERS.index(inputs.user)].tolist())


def name_of(item: int, words: Words) -> str:
    """The item's name in the page's language."""
    return ITEMS[item].name_zh if words.language == "zh" else ITEMS[item].name_en


def theme_of(item: int, words: Words) -> str:
    """The name of the item's theme, which the model never sees."""
    return THEMES[ITEMS[item].theme][words.language == "zh"]


def by_theme() -> list[list[int]]:
    """Ids of the items of each theme."""
    return [[i for i, item in enumerate(ITEMS) if item.theme == theme] for theme in range(len(THEMES))]


def empty_history(history: list[int], words: Words) -> list[str]:
    """An empty history says what then decides."""
    return [] if history else [words("applications.cold")]
