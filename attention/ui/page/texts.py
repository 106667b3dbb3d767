"""Words and lessons by language. The files are in assets/words and assets/lessons.

A word is looked up by a dotted key whose first part is the file: ``words("masks.scores")`` is the
entry ``scores`` of ``assets/words/masks.LANGUAGE.json``. A missing key raises ``KeyError`` at once
rather than showing a learner a raw key.
"""

from __future__ import annotations

import json
from functools import cache

from ...assets import assets

ASSETS = assets()
LANGUAGES = ("en", "zh")


class Words:
    """The sentences of one language; calling it fills in a template."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"language must be one of {LANGUAGES}, got {language!r}")
        self.language = language
        self.entries: dict[str, str] = {}
        for path in sorted((ASSETS / "words").glob(f"*.{language}.json")):
            prefix = path.name.split(".")[0]
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
        start = prefix + "."
        return {k[len(start) :]: v for k, v in self.entries.items() if k.startswith(start)}


@cache
def words_for(language: str) -> Words:
    """The one ``Words`` of a language."""
    return Words(language)


def lesson(name: str, language: str) -> str:
    """The lesson of a tab as Markdown, or "" where a tab has none."""
    path = ASSETS / "lessons" / f"{name}.{language}.md"
    return path.read_text("utf-8") if path.exists() else ""
