"""Words and lessons by language: a tab's in assets/tabs/NAME, those that tabs share in assets/view/words.

A word is looked up by a dotted key whose first part says whose it is: ``words("masks.scores")`` is the
entry ``scores`` of ``assets/tabs/masks/words.LANGUAGE.json``, ``words("view.copy_link")`` the entry
``copy_link`` of ``assets/view/words/view.LANGUAGE.json``. A missing key raises ``KeyError`` at once rather
than showing a learner a raw key.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from ...assets import assets

ASSETS = assets()
TABS = ASSETS / "tabs"
SHARED = ASSETS / "view"  # scripts, styles and words that tabs share
LANGUAGES = ("en", "zh")
CLASS = {"en": "class", "zh": "class-zh"}  # where the page for teachers is


def word_files(language: str) -> dict[str, Path]:
    """Whose words -> their file: every tab's, then the shared ones."""
    found = {path.parent.name: path for path in sorted(TABS.glob(f"*/words.{language}.json"))}
    for path in sorted((SHARED / "words").glob(f"*.{language}.json")):
        found[path.name.split(".")[0]] = path
    return found


class Words:
    """The sentences of one language; calling it fills in a template."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"language must be one of {LANGUAGES}, got {language!r}")
        self.language = language
        self.entries: dict[str, str] = {}
        self.sections: dict[str, dict[str, str]] = {}
        for prefix, path in word_files(language).items():
            for key, text in json.loads(path.read_text("utf-8")).items():
                self.entries[f"{prefix}.{key}"] = text

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of ``key`` with ``{name}`` places filled; numbers are the caller's to format."""
        text = self.entries[key]
        return text.format(**values) if values else text

    def get(self, key: str, default: str = "") -> str:
        """The text of ``key``, or a default where the entry is optional (a field's hint)."""
        return self.entries.get(key, default)

    def section(self, prefix: str) -> dict[str, str]:
        """Every entry below ``prefix.``, keyed without it: the words handed to the page."""
        if prefix not in self.sections:
            start = prefix + "."
            found = {k[len(start) :]: v for k, v in self.entries.items() if k.startswith(start)}
            self.sections[prefix] = found
        return dict(self.sections[prefix])


@cache
def words_for(language: str) -> Words:
    """The one ``Words`` of a language."""
    return Words(language)


def lesson(name: str, language: str) -> str:
    """The lesson of a tab, or the plan that tabs share, as Markdown; "" where there is none."""
    for path in (TABS / name / f"lesson.{language}.md", SHARED / "words" / f"{name}.{language}.md"):
        if path.exists():
            return path.read_text("utf-8")
    return ""
