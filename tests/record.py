"""Everything that can be seen of every example, as one file: to compare two trees.

    python -m tests.record BEFORE.json                   # in the old tree
    python -m tests.record AFTER.json --against BEFORE.json

Records, in both languages, each view (panels, snippet, notices, exercises, link), the sheets of four
cells of every panel that opens, the files of every panel, and the answers of the API. Numbers are
compared with a relative tolerance of 1e-6, words to the letter.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from attention.ui import TABS
from attention.ui.page.questions import ask_export, ask_sheet, draw, endpoint, server_functions
from attention.ui.page.texts import LANGUAGES

CLOSE = 1e-6


def everything() -> Iterator[tuple[str, Any]]:
    """(what, value) for every example of every tab."""
    for tab in TABS:
        for name, changes in [("default", {}), *tab.examples]:
            inputs = dict(changes)
            for language in LANGUAGES:
                yield from of_view(tab, name, language, inputs)
            yield f"{tab.id} {name} api", endpoint(tab)(**inputs)


def of_view(tab: Any, name: str, language: str, inputs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """One view in one language, with what its cells and its menus give."""
    place = f"{tab.id} {name} {language}"
    view = until_loaded(lambda: draw(language, tab, {"inputs": inputs}))
    yield place, view
    functions = server_functions(tab, language)
    panels = list(view["panels"])
    for panel in view["panels"]:
        if panel["kind"] == "later":
            part = functions[panel["ask"]]({"inputs": inputs})
            yield f"{place} {panel['ask']}", part
            panels += part["panels"]
    for panel in panels:
        if not panel["id"]:
            continue
        for row, column in ((0, 0), (1, 1), (0, 2), (2, 0)):
            question = {"inputs": inputs, "panel": panel["id"], "row": row, "column": column}
            yield f"{place} {panel['id']} {row} {column}", ask_sheet(language, tab, question)
        for format in ("csv", "npz"):
            file = ask_export(language, tab, {"inputs": inputs, "panel": panel["id"], "format": format})
            yield f"{place} {panel['id']} {format}", contents(file)


def contents(file: dict[str, Any]) -> Any:
    """A saved table as text; of a zip its size tells enough."""
    if "base64" not in file:
        return file
    data = base64.b64decode(file["base64"])
    return data.decode("utf-8-sig") if file["name"].endswith("csv") else file["name"]


def until_loaded(ask: Any) -> dict[str, Any]:
    """The view once its model is there."""
    for _ in range(120):
        view = ask()
        if not any(panel["kind"] == "waiting" for panel in view.get("panels", [])):
            return view
    raise RuntimeError("the model never came")


def plain(value: Any) -> Any:
    """JSON without what says nothing: absent, None, False, empty and "" are one."""
    if isinstance(value, dict):
        if set(value) == {"shape", "f32"}:
            numbers = np.frombuffer(base64.b64decode(value["f32"]), "<f4").reshape(value["shape"])
            return {"numbers": [float(x) for x in numbers.ravel()], "shape": value["shape"]}
        kept = {key: plain(one) for key, one in value.items() if key != "stamp"}
        return {key: one for key, one in kept.items() if one not in (None, False, "", [], {})}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def differences(before: Any, after: Any, place: str) -> Iterator[str]:
    """Where two recordings differ."""
    if isinstance(before, bool) or isinstance(after, bool) or type(before) is not type(after):
        if isinstance(before, int | float) and isinstance(after, int | float):
            yield from differences(float(before), float(after), place)
        elif before != after:
            yield f"{place}: {str(before)[:120]!r} -> {str(after)[:120]!r}"
    elif isinstance(before, dict):
        for key in sorted(set(before) | set(after)):
            yield from differences(before.get(key), after.get(key), f"{place} / {key}")
    elif isinstance(before, list):
        if len(before) != len(after):
            yield f"{place}: {len(before)} entries -> {len(after)}"
        for i, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from differences(one, other, f"{place} / {i}")
    elif isinstance(before, int | float):
        same = math.isclose(before, after, rel_tol=CLOSE, abs_tol=CLOSE)
        if not same and not (math.isnan(before) and math.isnan(after)):
            yield f"{place}: {before} -> {after}"
    elif before != after:
        yield f"{place}: {before[:160]!r} -> {after[:160]!r}"


def main() -> None:
    """Record, and compare if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    recorded = {what: plain(json.loads(json.dumps(value))) for what, value in everything()}
    options.file.write_bytes(zlib.compress(json.dumps(recorded).encode()))
    print(f"{len(recorded)} answers recorded")
    if options.against is not None:
        before = json.loads(zlib.decompress(options.against.read_bytes()))
        found = [line for what in before for line in differences(before[what], recorded.get(what), what)]
        found += [f"{what}: new" for what in recorded if what not in before]
        print("\n".join(found[:200]))
        print(f"{len(found)} differences in {len(before)} answers")
        raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
