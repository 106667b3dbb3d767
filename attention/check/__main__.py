"""``python -m attention.check mine.py [--lang zh] [--seed N] [--limit SECONDS]``, or ``--start mine.py``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .cases import REFERENCE
from .run import Verdict
from .start import STUBS
from .words import describe, say

LIMIT = 30.0  # seconds for one function; the import of torch does not count


def check_file(path: str, seed: int = 0, limit: float = LIMIT) -> list[Verdict]:
    """Every function of REFERENCE in the file, judged in another process; one that hangs is stopped.

    A file that cannot be imported gives one verdict named "file".
    """
    full, found, left = str(Path(path).resolve()), [], list(REFERENCE)
    while left:
        verdicts = _one_process(full, seed, limit, left)
        found += verdicts
        if any(verdict.name == "file" for verdict in verdicts):
            break
        left = left[len(verdicts) :]
    return found


def _one_process(path: str, seed: int, limit: float, names: list[str]) -> list[Verdict]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "attention.check.worker", path, folder, str(seed), *names]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        found: list[Verdict] = []
        since: float | None = None
        try:
            while len(found) < len(names):
                over = process.poll() is not None
                if since is None and (Path(folder) / "ready.json").exists():
                    since = time.monotonic()
                for name in ("file", names[len(found)]):
                    left = Path(folder) / f"{name}.json"
                    if left.exists():
                        fields = json.loads(left.read_text("utf-8"))
                        found.append(Verdict(**{**fields, "mistakes": tuple(fields["mistakes"])}))
                        since = time.monotonic()
                        if name == "file":
                            return found
                        break
                else:
                    if over:  # the process itself died, by os._exit or worse
                        said = f"the process ended with {process.returncode}"
                        return [*found, Verdict(names[len(found)], "crash", error=said)]
                    if since is not None and time.monotonic() - since > limit:
                        return [*found, Verdict(names[len(found)], "timeout")]
                    time.sleep(0.02)
            return found
        finally:
            process.kill()
            process.wait()


def main(arguments: list[str] | None = None) -> int:
    """Print a verdict for each function; 0 when what is there is right, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m attention.check", description=__doc__)
    parser.add_argument("file", help="your Python file")
    parser.add_argument("--start", action="store_true", help="write a file of stubs there")
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    parser.add_argument("--seed", type=int, default=0, help="of the drawn cases")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one function")
    options = parser.parse_args(arguments)
    path = Path(options.file)
    if options.start:
        try:
            with open(path, "x", encoding="utf-8") as file:  # never over somebody's work
                file.write(STUBS)
        except OSError as error:
            parser.exit(2, f"{path}: {error.strerror}\n")
        print(say("start", options.lang, path=path))
        return 0
    if not path.is_file():
        parser.exit(2, f"{path}: no such file\n")
    found = check_file(str(path), options.seed, options.limit)
    for verdict in found:
        if verdict.name == "file":
            parts = {"line": verdict.line, "code": verdict.code, "error": verdict.error}
            print(say("file", options.lang, **parts))
        else:
            print(describe(verdict, options.lang, options.limit))
    there = [verdict for verdict in found if verdict.state != "absent"]
    return 0 if there and all(verdict.state == "right" for verdict in there) else 1


if __name__ == "__main__":
    sys.exit(main())
