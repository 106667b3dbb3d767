"""The other process: import the learner's file, judge its functions, leave a JSON file for each."""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path

import torch

from .run import _crash, judge


def main(path: str, folder: str, seed: int, names: list[str]) -> None:
    """Verdicts into ``folder``; what their file prints goes to the error output."""
    torch.set_num_threads(1)
    out = Path(folder)
    sys.stdout = sys.stderr
    sys.path.insert(0, os.path.dirname(path))
    _leave(out, "ready", {})
    try:
        space = runpy.run_path(path, run_name="mine")
    except (Exception, SystemExit) as error:
        found = _crash("file", error, path, 0)
        if isinstance(error, SyntaxError):
            found = type(found)(
                "file", "crash", 0, (), 0, error.lineno or 0, (error.text or "").strip(), found.error
            )
        _leave(out, "file", found.plain())
        return
    for name in names:
        function = space.get(name)
        _leave(out, name, judge(name, function if callable(function) else None, seed, path).plain())


def _leave(folder: Path, name: str, found: dict[str, object]) -> None:
    part = folder / f"{name}.part"
    part.write_text(json.dumps(found), "utf-8")
    part.replace(folder / f"{name}.json")  # whole or not at all


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
