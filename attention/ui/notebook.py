"""The interactive view of any tab, inside a notebook.

>>> from attention.ui.notebook import show
>>> picture = show("masks", text="hello world")  # the last line of a cell displays it
>>> picture.payload["tab"]
'masks'
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from . import TABS
from .page.fields import check_all
from .page.guard import Json, Refusal
from .page.questions import view_of
from .page.texts import words_for
from .page.view import to_html


@dataclass(frozen=True)
class Shown:
    """A drawn payload; notebooks display it in a frame of its own. ``save(path)`` writes the page."""

    payload: Json
    height: int = 640

    def _repr_html_(self) -> str:
        page = html.escape(to_html(self.payload), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:{self.height}px;border:0"></iframe>'

    def save(self, path: str) -> None:
        """Write the self-contained page to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(to_html(self.payload))


def show(tab: str, language: str = "en", height: int = 640, **inputs: Any) -> Shown:
    """The view of a tab ("matchmaker", "kernel", "masks", "heads" ...) for these inputs.

    height: of the frame, in pixels. inputs: the tab's fields; missing ones take their defaults.
    A tab that needs a model waits for it. Raises ``ValueError`` with one sentence for an unknown tab,
    an input out of its rule, or a model that cannot be had.
    """
    found = {one.id: one for one in TABS}
    if tab not in found:
        raise ValueError(f"tab must be one of {', '.join(found)}, got {tab!r}")
    chosen = found[tab]
    try:
        checked = check_all(chosen.id, chosen.inputs, inputs)
        chosen.scene_of(checked).ready(checked, None)
        return Shown(view_of(chosen, language, inputs), height)
    except Refusal as refused:
        raise ValueError(refused.sentence(words_for(language))) from refused
