"""How much opens, asks and says: ``python -m attention.ui.shares [TAB ...]`` counts the lessons' steps.

*Numbers open*: of the numbers in the pictures that a step shows, the share behind which a sheet of
arithmetic stands; curves count as none. *Ask*: the share of steps that put a question; *ask first*: of those
that veil a picture until it is answered, or want something found or done. *Words a screen*: of title, text
and question, in Chinese characters for Chinese; a formula is one. These are counts of the page, and say
nothing about whether anybody learns from it.
"""

from __future__ import annotations

import re
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import TABS
from .page.fields import check_all
from .page.guard import Refusal
from .page.panels import Panel, Part, Readouts, Saved
from .page.plots import Plot
from .page.questions import complete
from .page.scene import Goal, Place, Point, Scene, Tab
from .page.steps import Step, lesson_of
from .page.texts import LANGUAGES, words_for

PATIENCE = 60.0  # seconds a model may take to load
MOST_CELLS = 150  # tried of one picture, evenly spread
FORMULA = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)


@dataclass(frozen=True)
class Screen:
    """One step: numbers in its pictures and how many of them open, whether it asks, and asks first."""

    numbers: float
    opened: float
    asks: bool
    first: bool
    words: dict[str, int]


def words_in(text: str, language: str) -> int:
    """Words of a text, in Chinese its characters; a formula counts as one."""
    plain = FORMULA.sub(" x ", text)
    pattern = r"[\u4e00-\u9fff]|[A-Za-z0-9.]+" if language == "zh" else r"[\w'’.-]*\w[\w'’.-]*"
    return len(re.findall(pattern, plain))


def screens(tab: Tab[Any]) -> Iterator[Screen]:
    """The steps of a tab's lesson, counted."""
    lessons = {language: lesson_of(tab, language) for language in LANGUAGES}
    for place, step in enumerate(lessons["en"]):
        inputs = check_all(tab.id, tab.inputs, step.inputs)
        scene = tab.scene_of(inputs)
        scene.ready(inputs, PATIENCE)
        study = scene.study(inputs)
        asked = {language: _task(scene, study, step, language) for language in LANGUAGES}
        task = asked["en"]
        said = {
            language: words_in(f"{one[place].title}\n{one[place].text}", language)
            + (words_in(asked[language].question, language) if asked[language] else 0)
            for language, one in lessons.items()
        }
        counted = [_numbers(scene, study, panel) for panel in _in_sight(scene, study, step)]
        first = isinstance(task, Goal | Point) or bool(getattr(task, "hides", ()))
        yield Screen(sum(n for n, _ in counted), sum(n for _, n in counted), task is not None, first, said)


def _task(scene: Scene[Any, Any], study: Any, step: Step, language: str) -> Any:
    return next((one for one in scene.tasks(study, words_for(language)) if one.id == step.task), None)


def _in_sight(scene: Scene[Any, Any], study: Any, step: Step) -> list[Panel]:
    panels = [one.panel if isinstance(one, Part) else one for one in complete(scene, study, "en")]
    return [panel for panel in panels if panel.id in step.panels or not step.panels]


def _numbers(scene: Scene[Any, Any], study: Any, panel: Panel) -> tuple[float, float]:
    """(numbers in a picture, of which so many open)."""
    if isinstance(panel, Readouts):
        return len(panel.items), 0
    if not isinstance(panel, Saved) or isinstance(panel, Plot):
        return 0, 0
    try:
        rows, columns = panel.table().values.shape
    except Refusal:  # a player's: of its first frame
        rows, columns = panel.part("0").table().values.shape
    if rows > 1 and rows == len(getattr(panel, "frames", ())):
        rows = 1  # a row for each moment of a training, of which one is in sight
    cells = [(i, j) for i in range(rows) for j in range(columns)]
    tried = cells[:: max(1, -(-len(cells) // MOST_CELLS))]
    opened = sum(_opens(scene, study, panel, i, j) for i, j in tried)
    return len(cells), len(cells) * opened / max(1, len(tried))


def _opens(scene: Scene[Any, Any], study: Any, panel: Panel, row: int, column: int) -> bool:
    at = panel.sheet_at(row, column) if isinstance(panel, Saved) else (row, column)
    for frame in ("", "0"):  # of a player, the first
        try:
            scene.sheet(study, words_for("en"), Place(panel.id, *at, frame))
        except (Refusal, ValueError):
            continue
        return True
    return False


def share(part: float, whole: float) -> str:
    """A share in percent, "-" of nothing."""
    return f"{100 * part / whole:.0f}%" if whole else "-"


def line(name: str, found: list[Screen]) -> str:
    """One line of the table."""
    counts = [sum(one.numbers for one in found), sum(one.opened for one in found)]
    told = [
        f"{statistics.median(one.words[language] for one in found):.0f} (at most "
        f"{max(one.words[language] for one in found)})"
        for language in LANGUAGES
    ]
    asks, first = (sum(getattr(one, kind) for one in found) for kind in ("asks", "first"))
    cells = [
        str(len(found)),
        share(counts[1], counts[0]),
        share(asks, len(found)),
        share(first, len(found)),
        *told,
    ]
    return name.ljust(14) + "".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


WIDTHS = (8, 14, 8, 12, 18, 18)
HEAD = ("screens", "numbers open", "ask", "ask first", "words, median", "字，中位数")


def main(names: list[str]) -> int:
    """Print a line a tab and one for all."""
    tabs = [tab for tab in TABS if lesson_of(tab, "en") and (not names or tab.id in names)]
    if not tabs:
        sys.stderr.write(f"a tab is one of {', '.join(tab.id for tab in TABS)}\n")
        return 1
    sys.stdout.write(" " * 14 + "".join(word.rjust(w) for word, w in zip(HEAD, WIDTHS, strict=True)) + "\n")
    every: list[Screen] = []
    for tab in tabs:
        found = list(screens(tab))
        every += found
        sys.stdout.write(line(tab.id, found) + "\n")
    sys.stdout.write(line("all", every) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
