"""Where words, lessons, scripts and trained weights are: beside the package, or inside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def assets() -> Path:
    """The folder ``assets``: the copy that ``pip install .`` puts inside, else the checkout's own.

    Raises ``FileNotFoundError`` where there is neither.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_assets", package.parent / "assets"):
        if (folder / "trained").is_dir():
            return folder
    raise FileNotFoundError(f"no assets beside or inside {package}; install the whole repository again")
