"""Every plain program runs without this package and prints the numbers of its view."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load

from attention.assets import assets
from attention.pretrained.catalog import CATALOG, package_file
from attention.seq2seq import training_batch
from attention.seq2seq.bahdanau import generator_for
from attention.ui import TABS
from attention.ui.page.questions import ask_export, endpoint, view_of
from tests.ui.test_snippets import NUMBER

TAB = {tab.id: tab for tab in TABS}
TRAINED = assets() / "trained"
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
READER = {"app": "recommender"}
STORY = {"model": "storyteller", "text": "ann and bo went to the park . ann gave the ball to", "layer": 1,
         "head": 0}  # fmt: skip
TOUCH = {"look": "touch"}
TOLD_NEXT = ("weights", "outcome.next_before", "outcome.next_after")
TURNED = ("weights", "outcome.cosine")
EXAM = ("accuracy", "loss", "prefix")
CLASSIFIED = ("weights", "logits", "probabilities")
RANKED = ("ranking", "scores", "weights")
OUT = ("output", "weights")
LEARNED = ("weights_first", "weights_last")
# (tab, changes, what is printed of the results): scenes whose results are named otherwise than their tab's
OTHERS: list[tuple[str, dict[str, object], tuple[str, ...]]] = [
    ("matchmaker", {"mode": "training"}, LEARNED),
    ("matchmaker", {"mode": "training", "dropout": 0.3, "weight_decay": 0.01, "steps": 50}, LEARNED),
    ("matchmaker", {"mode": "training", "learning_rate": 10.0}, LEARNED),  # it runs away
    ("heads", TOUCH, ("weights",)),
    ("heads", TOUCH | {"knock_out": "3.1, 0.2", "temper": 0.5, "pair": "Somebody sleeps."},
     (*TURNED, "outcome.pair_before", "outcome.pair_after")),
    ("heads", TOUCH | {"uniform": "3, 1.2", "forbid": "2", "hide_special": True}, TURNED),
    ("heads", TOUCH | {"positions": False, "position": 7, "shuffle": 7, "no_scale": True}, TURNED),
    ("heads", TOUCH | {"causal": "on", "forbid": "0"}, TURNED),  # the first query is left without keys
    ("heads", STORY, ("weights",)),
    ("heads", STORY | {"text": "ann sings . zzz"}, ("weights",)),
    ("heads", STORY | TOUCH, TOLD_NEXT),
    ("heads", STORY | TOUCH | {"knock_out": "1.0, 0.2", "temper": 2.0, "sampling": 0.5}, TOLD_NEXT),
    ("heads", STORY | TOUCH | {"uniform": "0", "causal": "off", "shuffle": 7}, TOLD_NEXT),
    ("heads", STORY | TOUCH | {"positions": False, "position": 7, "no_scale": True, "forbid": "0"},
     TOLD_NEXT),
    ("heads", {"look": "understand", "layer": 1, "head": 2}, ("weights",)),
    ("heads", {"look": "understand", "join": True, "text": "an unbelievably tired cat"}, ("weights",)),
    ("heads", {"look": "understand", "pair": "Someone sleeps unbelievably.", "part": "A->B", "join": True,
               "hide_special": True, "minimum": 0.05}, ("weights",)),
    ("decoder", {"mode": "train", "steps": 20, "seed": 3}, ("losses", "held_out_exact", "weights")),
    ("decoder", {"mode": "train", "steps": 20, "attention": "dot"}, ("losses", "held_out_exact", "weights")),
    ("decoder", {"mode": "train", "steps": 20, "attention": "none"}, ("losses", "held_out_exact")),
    ("applications", {"mode": "train", "steps": 20}, ("losses", "held_out")),
    ("model", {"scene": "copy"}, ("loss", "accuracy", "previous", "prefix")),
    ("model", {"scene": "copy", "stage": "use", "knock": "previous"}, ("shares", *EXAM)),
    ("model", {"scene": "copy", "stage": "lengths", "length": 5}, ("varied.accuracy", "fixed.accuracy")),
    ("model", {"scene": "copy", "stage": "models"}, ("scores.induction", "scores.previous")),
    ("model", {"scene": "why", "model": "minilm", "text": "It was tired.", "other": "It was wide."},
     ("effects", "unchanged")),
    ("model", {"scene": "why", "model": "minilm", "text": "It was tired.", "other": ""},
     ("effects", "unchanged")),
    ("cost", {"scene": "share", "form": "latent"}, tuple(f"forms.{i}.kept" for i in range(6, 11))),
    ("cost", {"scene": "share", "model": "storyteller", "form": "latent"},
     tuple(f"forms.{i}.kept" for i in range(3, 8))),
    ("decoder", {}, ("answers.additive.weights", "answers.additive.probabilities")),
    ("decoder", {"attention": "dot", "text": "1996年5月3日 周五"},
     ("answers.dot.weights", "answers.dot.probabilities")),
    ("decoder", {"attention": "none"}, ("answers.none.probabilities",)),
    ("applications", {}, CLASSIFIED),
    ("applications", {"override": "permute", "permute_seed": 3}, CLASSIFIED),
    ("applications", {"override": "drag", "token_weights": "1,1,0"}, CLASSIFIED),
    ("applications", {"override": "uniform"}, CLASSIFIED),
    ("applications", READER, RANKED),
    ("applications", READER | {"even": True}, RANKED),
    ("applications", READER | {"history": "-"}, ("ranking", "scores")),
    ("model", {}, ("next", "points.4.values", "points.10.values", "points.64.values")),
    ("model", {"written": 3, "top_k": 5, "temperature": 0.7}, ("points.4.values", "next.0.1", "next.0.2")),
    ("model", {"scene": "why"}, ("effects", "unchanged")),
    ("model", {"scene": "why", "other": ""}, ("effects", "unchanged")),
    ("cost", {}, ("weights",)),
    ("cost", {"looks_back": False}, ("weights",)),
    ("cost", {"scene": "tiles"}, ("output", "weights")),
    ("cost", {"scene": "tiles", "look_back": True, "queries": 12, "keys": 7, "tile": 4}, OUT),
    ("cost", {"scene": "linear"}, ("weights", "output", "recovered", "corrected")),
    ("cost", {"scene": "linear", "random": "positive", "rate": 0.5}, ("recovered", "corrected")),
    ("cost", {"scene": "window"}, ("weights", "settings.near.loss")),
    ("cost", {"scene": "window", "first": "1", "window": "4", "stories": "zh"},
     ("weights", "settings.both.loss")),
    ("cost", {"scene": "share"}, tuple(f"forms.{i}.kept" for i in range(6))),
    ("cost", {"scene": "share", "model": "storyteller"}, tuple(f"forms.{i}.kept" for i in range(3))),
]  # fmt: skip
EXAMPLES = [(id, dict(changes)) for id in FIVE for _, changes in [("", {}), *TAB[id].examples]]
TOLD = [(id, changes, PRINTED[id]) for id, changes in EXAMPLES + MORE
        if changes.get("mode") != "training" and "look" not in changes]  # fmt: skip
CASES = TOLD + OTHERS
IDS = [f"{id}-{i}" for i, (id, *_) in enumerate(CASES)]


def printed_by(code: str, monkeypatch) -> np.ndarray:
    """The numbers that a program prints while nothing of ``attention`` can be imported."""
    for name in [name for name in sys.modules if name.split(".")[0] == "attention"]:
        monkeypatch.setitem(sys.modules, name, None)
    printed, options = io.StringIO(), torch._tensor_str.PRINT_OPTS
    graded = torch.is_grad_enabled()
    before = {name: getattr(options, name) for name in ("precision", "threshold", "linewidth", "sci_mode")}
    torch.set_printoptions(precision=7, threshold=10**7, linewidth=10**6, sci_mode=False)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "plain.py", "exec"), {})
    finally:
        torch.set_printoptions(**before)
        torch.set_grad_enabled(graded)
        monkeypatch.undo()
    return np.array([float(text) for text in NUMBER.findall(printed.getvalue())])


def here(code: str) -> str:
    """The program with a model's name on the hub replaced by the folder that its package brought."""
    for entry in CATALOG.values():
        file = package_file(entry)
        if file is not None:
            code = code.replace(repr(entry.repo), repr(str(file.parent)))
    return code


def named(results: object, path: str) -> np.ndarray:
    """The numbers at a path of the results, such as "answers.dot.weights"; texts among them are left out."""
    for part in path.split("."):
        results = results[int(part)] if isinstance(results, list) else results[part]  # type: ignore[index]

    def numbers(part: object) -> list[float]:
        if isinstance(part, list | tuple):
            return [number for one in part for number in numbers(one)]
        return [float(part)] if isinstance(part, int | float) else []

    return np.array(numbers(results))


@pytest.mark.parametrize(("id", "changes", "names"), CASES, ids=IDS)
def test_the_plain_program_prints_the_numbers_of_the_view(id, changes, names, monkeypatch, tmp_path):
    prints_the_view(TAB[id], changes, names, monkeypatch, tmp_path)


def prints_the_view(
    tab, changes, names, monkeypatch, folder: Path, place: Callable[[str], str] = here
) -> None:
    """Run the program in a folder with the files that the page hands out beside it, and compare."""
    inputs = {field.name: field.default for field in tab.fields} | changes
    view = view_of(tab, "en", changes)
    for name in view["files"]:
        file = ask_export("en", tab, {"inputs": changes, "format": "safetensors", "panel": name})
        (folder / name).write_bytes(base64.b64decode(file["base64"]))
    results = endpoint(tab)(**inputs)
    monkeypatch.chdir(folder)
    values = np.unique(printed_by(place(view["plain"]), monkeypatch))
    # the page trains by a fused kernel: what 300 steps make of its rounding, a knocked-out head lets show
    near = 1e-3 if inputs.get("stage") in ("use", "lengths") else 2e-5
    for name in names:
        expected = named(results, name)
        assert expected.size, name
        at = np.searchsorted(values, expected).clip(1, len(values) - 1)
        distance = np.minimum(abs(values[at] - expected), abs(values[at - 1] - expected))
        assert (distance < near * np.maximum(1, abs(expected))).all(), (name, distance.max())


def test_the_trained_weights_go_with_the_program():
    """The page hands out the file that a program reads, and no other."""
    tab = TAB["applications"]
    asked = {"inputs": {}, "format": "safetensors"}
    file = ask_export("en", tab, asked | {"panel": "classifier.safetensors"})
    assert base64.b64decode(file["base64"]) == (TRAINED / "classifier.safetensors").read_bytes()
    others = ("recommender.safetensors", "../trained/classifier.safetensors", "reviews.safetensors", None)
    for name in others:
        assert "error" in ask_export("en", tab, asked | {"panel": name})


def test_a_training_is_given_its_own_data():
    """The dates of this seed and so many steps, and of no other."""
    tab, inputs = TAB["decoder"], {"mode": "train", "seed": 4, "steps": 20}
    asked = {"inputs": inputs, "format": "safetensors"}
    file = ask_export("en", tab, asked | {"panel": "dates_4_20.safetensors"})
    held = load(base64.b64decode(file["base64"]))
    source, lengths, date = training_batch(32, generator_for(4, 20))
    assert (held["19.text"] == source).all() and (held["19.lengths"] == lengths).all()
    assert (held["19.date"] == date).all() and "20.text" not in held
    assert "error" in ask_export("en", tab, asked | {"panel": "dates_5_20.safetensors"})


def test_one_of_ten_trainings_and_the_marks_of_another(monkeypatch, tmp_path):
    """What the results tell of the first chunk alone: the programs cut to it."""
    changes = {"scene": "copy", "layers": "1", "stage": "seeds", "run_seed": 3}
    told = ("losses", "prefix", "previous")
    cut = "range(0, 100, 20)"
    prints_the_view(TAB["model"], changes, told, monkeypatch, tmp_path,
                    lambda code: code.replace("range(0, 300, 20)", cut))  # fmt: skip
    changes = READER | {"mode": "train", "steps": 20, "seed": 2}
    prints_the_view(TAB["applications"], changes, ("losses", "held_out"), monkeypatch, tmp_path,
                    lambda code: code.replace("range(20)", "range(10)"))  # fmt: skip


@pytest.mark.parametrize(("id", "changes", "names"), CASES, ids=IDS)
def test_no_line_of_a_plain_program_is_dead(id, changes, names):
    """No branch at all, and every name that is set is read; nothing of this package is imported."""
    code = view_of(TAB[id], "en", changes)["plain"]
    tree = ast.parse(code)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.If | ast.IfExp | ast.Try)]
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    imported = {one.asname or one.name for node in ast.walk(tree)
                if isinstance(node, ast.Import | ast.ImportFrom) for one in node.names}  # fmt: skip
    assert stored | defined | imported <= read | {"step", "_"}, (stored | defined | imported) - read
    assert "attention" not in read | imported
    sources = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not any(str(source).split(".")[0] == "attention" for source in sources)
    assert max(map(len, code.splitlines()), default=0) < 2000


def test_every_scene_has_a_program():
    for tab in TABS:
        for name, scene in tab.scenes.items():
            assert scene.plain is not None, (tab.id, name)


def test_a_plain_program_runs_where_the_package_is_not_installed(tmp_path: Path):
    code = view_of(TAB["masks"], "en", {})["plain"]
    probe = "import importlib.util\nassert importlib.util.find_spec('attention') is None\n"
    done = subprocess.run([sys.executable, "-I", "-c", probe + code], cwd=tmp_path, capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("tensor(") == 2
