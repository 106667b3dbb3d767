"""Break it and see: ``python -m tests.mutations [name ...]``.

Mistakes that people make, each put into a temporary copy of the tree, and the tests that must
notice. For each the tests are run twice: as the tree is, where they must pass, and with the mistake,
where they must fail. A text that is not found any more is an error, so that a page which moved takes
its mutation with it. Prints one line each and ends with 1 if any mistake went unseen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".*_cache", "__pycache__", "*.egg-info", ".venv", "venv")


class Mutation(NamedTuple):
    """``old`` stands in ``file`` exactly once and becomes ``new``; ``tests`` are pytest's arguments."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = {
    "logit for raw score": Mutation(
        "attention/ui/page/sheet.py",
        'exponent = f"exp({show(cell.logit)} - {shift})"',
        'exponent = f"exp({show(cell.raw)} - {shift})"',
        ("tests/ui/test_sheets_formulas.py", "-k", "right_sheet or matchmaker"),
    ),
    "mask inverted": Mutation(
        "attention/fast.py", "blocked = ~mask\n", "blocked = mask\n",
        ("tests/test_pooling.py", "tests/test_fast.py"),
    ),
    "missing sqrt": Mutation(
        "attention/scoring.py", "return 1 / math.sqrt(d)", "return 1 / d",
        ("tests/test_pooling.py", "tests/test_scoring.py"),
    ),
    "wrong axis": Mutation(
        "attention/masks.py",
        "    return torch.softmax(scores, dim=-1)\n\n\ndef weighted_sum",
        "    return torch.softmax(scores, dim=-2)\n\n\ndef weighted_sum",
        ("tests/test_masks.py", "tests/test_fast.py"),
    ),
    "off by one in a roll": Mutation(
        "attention/heads/__init__.py",
        "[:, :-1], (1, 0))", "[:, 1:], (0, 1))",  # the token after, or the one before
        ("tests/test_heads.py",),
    ),
    "language swapped": Mutation(
        "attention/ui/page/texts.py",
        'glob(f"*/words.{language}.json")',
        'glob("*/words.zh.json" if language == "en" else "*/words.en.json")',
        ("tests/ui/test_texts.py", "-k", "english_sentence"),
    ),
    "link field dropped": Mutation(
        "attention/ui/page/link.py",
        "    for field in fields:\n        value = values[field.name]",
        "    for field in fields[:-1]:\n        value = values[field.name]",
        ("tests/ui/test_link.py",),
    ),
    "cell off by one": Mutation(
        "attention/cell.py", "logit = logits[column].item()", "logit = logits[column - 1].item()",
        ("tests/test_pooling.py",),
    ),
    "stale head": Mutation(
        "attention/ui/tabs/heads/answers.py",
        'once("answers", (layer, head, row),',
        'once("answers", row,',
        ("tests/ui/test_scenes.py", "-k", "answers_of_its_own"),
    ),
    "unpadded mean": Mutation(
        "attention/classifier/text_model.py",
        "return (output * real).sum(-2) / real.sum(-2).clamp(min=1)",
        "return output.mean(-2)",
        ("tests/test_classifier.py", "-k", "masked_mean or batched_forward"),
    ),
    "cached token in place 0": Mutation(
        "attention/decode/passes.py",
        "torch.arange(start, start + n, device=ids.device)", "torch.arange(n, device=ids.device)",
        ("tests/test_cache.py", "-k", "cached_steps"),
    ),
    "share without the norm": Mutation(
        "attention/circuits/parts.py",
        "direction * frozen.weight * frozen.size[0]", "direction * frozen.weight",
        ("tests/test_circuits.py", "-k", "splits_by_source_token"),
    ),
    "formula on a later sheet": Mutation(
        "attention/ui/tabs/model/story/sheets.py",
        "- {bracketed(mean)}) / {show(spread)}", "- {bracketed(mean)}) × {show(spread)}",
        ("tests/ui/test_sheets_formulas.py", "-k", "model"),
    ),
    "moved what may not be": Mutation(
        "attention/ui/course/answers.py", "        if held:\n", "        if not moved:\n",
        ("tests/ui/test_class_page.py", "-k", "marked_again_from_its_view"),
    ),
}  # fmt: skip


def applied(text: str, mutation: Mutation) -> str:
    """The text with the mistake in it; ``ValueError`` unless its place is found exactly once."""
    if (count := text.count(mutation.old)) != 1:
        raise ValueError(
            f"{mutation.file} must hold the text once, got {count} times: {mutation.old!r}; the code "
            "moved, so move the mutation with it"
        )
    return text.replace(mutation.old, mutation.new)


def run_tests(tree: Path, tests: tuple[str, ...]) -> int:
    """pytest's exit status in a tree: 0 all passed, 1 some failed, else it could not run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests]
    # the tree's own package must win over one that is installed
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True).returncode


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(MUTATIONS))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(MUTATIONS)}")
        return 2
    chosen = {name: MUTATIONS[name] for name in names or MUTATIONS}
    broken = {name: applied((ROOT / one.file).read_text("utf-8"), one) for name, one in chosen.items()}
    unseen = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        for name, one in chosen.items():
            before = run_tests(tree, one.tests)
            (tree / one.file).write_text(broken[name], "utf-8")
            after = run_tests(tree, one.tests)
            shutil.copyfile(ROOT / one.file, tree / one.file)
            caught = (before, after) == (0, 1)
            unseen += not caught
            verdict = "caught" if caught else f"NOT CAUGHT (exit {before} before, {after} after)"
            print(f"{name:22} {one.file:30} {verdict}", flush=True)
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
