"""Every plain program runs without this package and prints the numbers of its view."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from attention.pretrained.catalog import CATALOG, package_file
from attention.ui import TABS
from attention.ui.page.questions import endpoint, view_of
from tests.ui.test_snippets import NUMBER

TAB = {tab.id: tab for tab in TABS}
FIVE = ("matchmaker", "kernel", "masks", "positions", "heads")
# what each tab's program prints, as the API's results name it
PRINTED = {
    "matchmaker": ("weights", "output"),
    "kernel": ("weights", "prediction"),
    "masks": ("weights", "output"),
    "positions": ("weights", "weights_other", "output", "output_other", "encoding", "alibi"),
    "heads": ("weights",),
}
MORE = [
    ("matchmaker", {"scoring": "bilinear", "projections": True, "temperature": 0.5}),
    ("matchmaker", {"scoring": "additive", "weights_seed": 3}),
    ("matchmaker", {"scoring": "dot", "scale": False}),
    ("masks", {"mask": "causal"}),
    ("masks", {"mask": "none", "extra": 3}),
    ("masks", {"mask": "both", "text": "one\n\ntwo words", "sentence": 2}),
    ("kernel", {"points": "0, 1\n1, 3\n2.5, 2"}),
    ("kernel", {"method": "learned", "learning_rate": 50.0, "exclude_self": False}),  # diverges
    ("positions", {"d": 5, "positions": "sinusoidal"}),
    ("heads", {"hide_special": True, "pair": "The bed was soft."}),
    ("heads", {"text": "[SEP] is typed, not set"}),
]
EXAMPLES = [(id, dict(changes)) for id in FIVE for _, changes in [("", {}), *TAB[id].examples]]
CASES = [case for case in EXAMPLES + MORE]


def printed_by(code: str, monkeypatch) -> np.ndarray:
    """The numbers that a program prints while nothing of ``attention`` can be imported."""
    for name in [name for name in sys.modules if name.split(".")[0] == "attention"]:
        monkeypatch.setitem(sys.modules, name, None)
    printed, options = io.StringIO(), torch._tensor_str.PRINT_OPTS
    before = {name: getattr(options, name) for name in ("precision", "threshold", "linewidth", "sci_mode")}
    torch.set_printoptions(precision=7, threshold=10**7, linewidth=10**6, sci_mode=False)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "plain.py", "exec"), {})
    finally:
        torch.set_printoptions(**before)
        monkeypatch.undo()
    return np.array([float(text) for text in NUMBER.findall(printed.getvalue())])


def here(code: str) -> str:
    """The program with a model's name on the hub replaced by the folder that its package brought."""
    for entry in CATALOG.values():
        file = package_file(entry)
        if file is not None:
            code = code.replace(repr(entry.repo), repr(str(file.parent)))
    return code


@pytest.mark.parametrize(("id", "changes"), CASES, ids=[f"{id}-{i}" for i, (id, _) in enumerate(CASES)])
def test_the_plain_program_prints_the_numbers_of_the_view(id, changes, monkeypatch):
    tab = TAB[id]
    inputs = {field.name: field.default for field in tab.fields} | changes
    code = view_of(tab, "en", changes).get("plain", "")
    if not code:  # a scene that has none: a training of several layers, a touched or a quantised model
        assert changes.get("mode") == "training" or changes.get("look") in ("touch", "understand")
        return
    values = np.unique(printed_by(here(code), monkeypatch))
    results = endpoint(tab)(**inputs)
    for name in PRINTED[id]:
        expected = np.array(results[name], dtype=float).ravel()
        at = np.searchsorted(values, expected).clip(1, len(values) - 1)
        distance = np.minimum(abs(values[at] - expected), abs(values[at - 1] - expected))
        assert (distance < 2e-5 * np.maximum(1, abs(expected))).all(), (name, distance.max())


@pytest.mark.parametrize(("id", "changes"), CASES, ids=[f"{id}-{i}" for i, (id, _) in enumerate(CASES)])
def test_no_line_of_a_plain_program_is_dead(id, changes):
    """No branch at all, and every name that is set is read; nothing of this package is imported."""
    code = view_of(TAB[id], "en", changes).get("plain", "")
    tree = ast.parse(code)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp | ast.Try)]
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    imported = {one.asname or one.name for node in ast.walk(tree)
                if isinstance(node, ast.Import | ast.ImportFrom) for one in node.names}  # fmt: skip
    assert stored | defined | imported <= read | {"step"}, (stored | defined | imported) - read
    assert not re.search(r"\battention\.|import attention|from attention", code)
    assert max(map(len, code.splitlines()), default=0) < 2000


def test_a_plain_program_runs_where_the_package_is_not_installed(tmp_path: Path):
    code = view_of(TAB["masks"], "en", {})["plain"]
    probe = "import importlib.util\nassert importlib.util.find_spec('attention') is None\n"
    done = subprocess.run([sys.executable, "-I", "-c", probe + code], cwd=tmp_path, capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("tensor(") == 2
