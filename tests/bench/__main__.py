"""Run the named parts, or all: ``python -m tests.bench attend``."""

from __future__ import annotations

import importlib
import importlib.util
import sys

PARTS = (
    "attend", "overview", "load", "memory", "start", "fuzz", "house", "cost", "copying", "circuits",
)  # fmt: skip
ALSO = ("long",)  # a part of another


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PARTS + ALSO]
    if unknown:
        print(f"unknown part {', '.join(unknown)}; the parts are {', '.join(PARTS + ALSO)}")
        return 2
    for name in names or PARTS:
        module = f"{__package__}.{name}"
        if importlib.util.find_spec(module) is None:
            print(f"# {name}: not there, skipped")
            continue
        print(f"# {name}", flush=True)
        # imported one by one: what one part loads must not slow the start of another
        importlib.import_module(module).main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
