"""The shape of the project: who may import whom, and what a package file may touch."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = [path for path in sorted((ROOT / "attention").glob("*.py"))]
UI = sorted((ROOT / "attention" / "ui").glob("*.py"))
SCRIPTS = sorted((ROOT / "assets").rglob("*.js"))


def name_of(script: Path) -> str:
    return script.relative_to(ROOT / "assets").as_posix()


def imports(path: Path) -> set[str]:
    """Every module a file imports, relative ones spelled out from the top."""
    package = list(path.relative_to(ROOT).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.add(module)
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_chapters_know_nothing_of_the_page(path):
    for name in imports(path):
        assert not name.startswith("gradio"), f"{path.name} imports {name}"
        assert not name.startswith("attention.ui"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", CHAPTERS + UI, ids=lambda path: path.name)
def test_only_the_pretrained_chapter_imports_transformers(path):
    allowed = {"pretrained.py", "adapter.py", "catalog.py", "hub.py", "reading.py"}
    if path.name not in allowed or path.parent.name == "ui":
        assert not any(name.split(".")[0] == "transformers" for name in imports(path))


@pytest.mark.parametrize("path", CHAPTERS + UI, ids=lambda path: path.name)
def test_no_global_state_in_the_package(path):
    """pyplot draws wrong pictures under threads; a global seed is shared by every learner."""
    source = path.read_text("utf-8")
    assert "matplotlib.pyplot" not in source and "from matplotlib import pyplot" not in source
    assert "torch.manual_seed" not in source


def test_chapters_import_earlier_chapters_only():
    """The order of reading in attention/__init__.py, with helpers placed before their first user."""
    graph = {
        path.stem: {
            name.split(".")[1]
            for name in imports(path)
            if name.startswith("attention.") and name.split(".")[1] in {p.stem for p in CHAPTERS}
        }
        for path in CHAPTERS
        if path.stem != "__init__"
    }
    done: set[str] = set()
    while len(done) < len(graph):
        ready = {name for name, needs in graph.items() if name not in done and needs - {name} <= done}
        assert ready, f"chapters import each other in a circle: {sorted(set(graph) - done)}"
        done |= ready
    order = ["scoring", "masks", "pooling", "matchmaker", "kernel", "multihead", "position"]
    order += ["seq2seq", "classifier", "recommender", "pretrained", "heads"]
    for place, chapter in enumerate(order):
        later = set(order[place + 1 :]) & graph.get(chapter, set())
        assert not later, f"{chapter} imports later chapters {later}"


def test_assets_load_nothing_from_another_host():
    for path in (ROOT / "assets").rglob("*"):
        if path.suffix in {".js", ".css", ".html"}:
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text and "https://" not in text, path.name


def test_there_are_scripts_to_look_at():
    assert {path.parent.name for path in SCRIPTS} >= {"core", "panels", "page", "heads"}


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_page_scripts_never_write_html(path):
    text = path.read_text("utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in text, f"{path.name} uses {word}"


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_page_scripts_patch_nothing(path):
    """No global of their own (the linker makes the one there is), no method put on another's object."""
    text = path.read_text("utf-8")
    patching = (
        r"window\.\w+ = ",
        r"\bfetch\s*[=(]",
        r"\.prototype\b",
        r"\bglobalThis\b",
        r"AttentionMatchmaker\.",
    )
    for pattern in patching:
        assert not re.search(pattern, text), f"{path.name} has {pattern}"


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_functions_of_page_scripts_are_short_and_files_are_one_idea(path):
    """A block ends at the next line that is indented no further than its first; classes are no function."""
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) < 300
    depths = [len(line) - len(line.lstrip()) if line.strip() else None for line in lines]
    for i, line in enumerate(lines):
        if depths[i] is None or not line.endswith(("{", "(", "[")) or re.match(r"(export )?class ", line):
            continue
        end = next(k for k in range(i + 1, len(lines)) if depths[k] is not None and depths[k] <= depths[i])
        assert end - i + 1 < 60, f"{path.name}, line {i + 1}: {end - i + 1} lines"


def test_names_of_assets_carry_no_order():
    for path in (ROOT / "assets").rglob("*"):
        if path.suffix in {".js", ".css", ".json", ".md"} and "trained" not in path.parts:
            assert not re.search(r"\d", path.name), path.name


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_shared_scripts_know_no_tab_and_lower_ones_none_above(path):
    """core <- panels <- page, and no tab imports another's scripts."""
    place = path.relative_to(ROOT / "assets").parts
    order = ["core", "panels", "page"]
    for other in re.findall(r'^import .* from "(.*)";', path.read_text("utf-8"), flags=re.MULTILINE):
        target = (path.parent / other).resolve().relative_to(ROOT / "assets").parts
        if target[0] == "tabs":
            assert target[:2] == place[:2], f"{name_of(path)} imports {other}"
        elif place[0] == "view":
            assert order.index(target[1]) <= order.index(place[1]), f"{name_of(path)} imports {other}"
