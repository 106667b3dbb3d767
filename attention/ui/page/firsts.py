"""The first picture of a link, written into its page: it is painted before Gradio has started.

Only plain links, which name a tab or a step of its lesson and no input, since their pages are kept
(shelf.py); any other link's picture comes when the page asks for it. So does the picture of a model that is
not loaded yet.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from .guard import Refusal, where
from .link import tab_named
from .scene import Tab
from .steps import base_of, begins_at, free_play, lesson_of
from .tab import first_view
from .texts import LANGUAGES

PLAIN = frozenset({"tab", "step", "lang", "__theme"})
Place = tuple[str, str, int]  # a language, a tab, a step of its lesson

log = logging.getLogger("attention.ui")


class Firsts:
    """The first pictures of some tabs."""

    def __init__(self, tabs: Sequence[Tab[Any]]) -> None:
        self.tabs: Mapping[str, Tab[Any]] = {tab.id: tab for tab in tabs}

    def place(self, path: str, given: Sequence[tuple[str, str]]) -> Place | None:
        """What a page's address opens, None where it is no plain link."""
        query = dict(given)
        tab = self.tabs.get(tab_named(query, self.tabs) or "")
        if tab is None or not PLAIN >= set(query) or not lesson_of(tab, LANGUAGES[0]):
            return None
        language = path.strip("/") or LANGUAGES[0]
        step = begins_at(tab, query.get("step"), False)
        if language not in LANGUAGES or step == free_play(tab):
            return None
        return language, tab.id, step

    def script(self, place: Place) -> bytes | None:
        """The picture as the argument of a script's call, None where it cannot be had at once."""
        language, id, step = place
        tab = self.tabs[id]
        try:
            values = {field.name: field.default for field in tab.fields} | dict(base_of(tab, step))
            inputs = tab.inputs(**values)
            tab.scene_of(inputs).ready(inputs, 0.0)
            view = first_view(tab, language, step)
        except Refusal:  # a model on its way
            return None
        except Exception as error:  # the page says it when it asks
            log.error("no first picture: %s", where(error))
            return None
        text = json.dumps(view, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.replace("<", "\\u003c").encode()
