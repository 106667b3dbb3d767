"""``python -m attention.course collate FILES... [--csv OUT]``: a class, every mark computed again.

A file holds one hand-in as JSON, or hand-in texts or links, one a line.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .collate import collate, report, to_csv
from .compact import LARGEST_FILE
from .format import Inputs
from .marks import Results, sheet_answers

LINK_FIELD = "handin"  # of a link: ...?handin=h1.XXXX


def read_sources(paths: list[str]) -> Iterator[tuple[str, str]]:
    """(name, text) of every hand-in in the files; a file too large is named, never read whole."""
    for path in paths:
        try:
            with open(path, "rb") as file:
                raw = file.read(LARGEST_FILE + 1)
        except OSError as error:
            yield path, f"(not read: {error.strerror})"
            continue
        text = raw.decode("utf-8", "replace").lstrip("\ufeff").strip()
        lines = [line for line in text.splitlines() if line.strip()]
        if len(raw) > LARGEST_FILE or text.startswith("{") or len(lines) < 2:
            yield path, from_link(text)
        else:
            for number, line in enumerate(lines, 1):
                yield f"{path}:{number}", from_link(line)


def from_link(text: str) -> str:
    """The hand-in's text inside a link, or the text itself."""
    if text.startswith(("http://", "https://")):
        try:
            parts = urlsplit(text)
        except ValueError:
            return text
        for fields in (parts.query, parts.fragment):
            found = parse_qs(fields).get(LINK_FIELD)
            if found:
                return found[0]
    return text


def answers(inputs: Inputs) -> Results:
    """What a view or a sheet shows. The page, which knows the views, is started where one is asked about."""
    if "view" not in inputs:
        return sheet_answers(inputs)
    found: Results = importlib.import_module("attention.ui").page_answers(inputs)
    return found


def drawn(view: str, seed: int) -> str:
    """The view with the numbers of a seed, by the page."""
    found: str = importlib.import_module("attention.ui").page_answers.drawn(view, seed)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print the class; 1 when nothing could be read."""
    parser = argparse.ArgumentParser(prog="python -m attention.course", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    collating = commands.add_parser("collate", help="hand-ins to a table, histograms and CSV")
    collating.add_argument("files", nargs="+")
    collating.add_argument("--csv", metavar="OUT", help="write the table there as CSV")
    options = parser.parse_args(arguments)
    found = collate(read_sources(options.files), answers, drawn=drawn)
    sys.stdout.write(report(found))
    if options.csv and found.learners:
        Path(options.csv).write_text(to_csv(found), "utf-8", newline="")
    return 0 if found.learners else 1


if __name__ == "__main__":
    sys.exit(main())
