"""The shape of the project, read from the contents page: who may import whom, and what a file may touch.

The contents page is the docstring of ``attention/__init__.py``. A line that begins with a name in
double backticks places that file or folder; a number begins a chapter. Inside a folder named there
its files are pages of that chapter: ``dates`` under ``seq2seq`` may be attention/dates.py or
attention/seq2seq/dates.py, so that a chapter can become a folder without another word.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "attention"
PAGE = PACKAGE / "ui"
CHAPTERS = sorted(path for path in PACKAGE.rglob("*.py") if PAGE not in path.parents)
UI = sorted(PAGE.rglob("*.py"))
SCRIPTS = sorted((ROOT / "assets").rglob("*.js"))
ENTRY = re.compile(r"^(?:(\d+)\.)?\s+``(\w+)``")  # "8.  ``dates``" or a page under it


def script_name(script: Path) -> str:
    return script.relative_to(ROOT / "assets").as_posix()


def name_of(path: Path) -> str:
    """attention/ui/tab.py -> attention.ui.tab; a folder is its ``__init__``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, module: str, is_package: bool, modules: set[str]) -> set[str]:
    """Every module a source imports, also inside its functions, spelled out from the top.

    ``from package import module`` is an import of the module, not of the package.
    """
    parts = module.split(".")
    package = parts if is_package else parts[:-1]
    named = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                named.add(whole if whole in modules else origin)
    return named


def imports_of(path: Path) -> set[str]:
    modules = {name_of(other) for other in CHAPTERS + UI}
    return imports(path.read_text("utf-8"), name_of(path), path.name == "__init__.py", modules)


def contents(page: str) -> list[tuple[int, str]]:
    """(chapter, name) for each line of the contents page, from top to bottom."""
    entries, chapter = [], 0
    for line in page.splitlines():
        if entry := ENTRY.match(line):
            chapter = int(entry[1] or chapter)
            entries.append((chapter, entry[2]))
    return entries


def contents_page() -> str:
    return ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))) or ""


def places(entries: list[tuple[int, str]], modules: set[str]) -> dict[str, tuple[int, int]]:
    """The (chapter, line) of each module. A folder's own ``__init__`` stands after its pages."""
    order: dict[str, tuple[int, int]] = {}
    for line, (chapter, name) in enumerate(entries):
        folders = [""] + [f"{other}." for number, other in entries if number == chapter]
        for folder in folders:
            if f"attention.{folder}{name}" in modules:
                order.setdefault(f"attention.{folder}{name}", (chapter, line))
    for module in modules:
        pages = [place for other, place in order.items() if other.startswith(f"{module}.")]
        if module in order and pages:
            order[module] = max(order[module], *pages)
    return order


def backward(order: dict[str, tuple[int, int]], needs: dict[str, set[str]]) -> list[str]:
    """The imports that do not point backwards."""
    return [
        f"{module} imports {need}, which the contents page lists later"
        for module, place in order.items()
        for need in sorted(needs[module])
        if need in order and need != module and order[need] > place
    ]


MODULES = {name_of(path) for path in CHAPTERS if path.stem != "__main__"} - {"attention"}
ORDER = places(contents(contents_page()), MODULES)


def test_every_file_is_named_on_the_contents_page_and_every_name_is_a_file():
    assert not MODULES - set(ORDER), "not on the contents page"
    named = {module.rsplit(".", 1)[-1] for module in ORDER}
    entries = contents(contents_page())
    assert [name for _, name in entries if name not in named] == [], "named, but not there"
    assert len(set(entries)) == len(entries), "named twice"


def test_chapters_are_numbered_in_order():
    numbers = [chapter for chapter, _ in contents(contents_page())]
    assert numbers == sorted(numbers) and set(numbers) == set(range(1, max(numbers) + 1))


def test_a_file_that_says_its_chapter_says_the_one_of_the_contents_page():
    said: set[tuple[str, int]] = set()
    for path in CHAPTERS:
        first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n")[0]
        said |= {(name_of(path), int(number)) for number in re.findall(r"[Cc]hapter (\d+)", first)}
    assert len(said) > 30
    assert [one for one in sorted(said) if ORDER[one[0]][0] != one[1]] == []


def test_nothing_in_the_package_is_imported_for_its_side_effect():
    """An import that nothing uses enters something somewhere; the two left only come early (serving.py)."""
    silenced = [name_of(path) for path in CHAPTERS + UI if "F401" in path.read_text("utf-8")]
    assert silenced == ["attention.ui.serving"]


def test_imports_point_only_backwards():
    needs = {name_of(path): imports_of(path) for path in CHAPTERS}
    assert backward(ORDER, needs) == []
    inside = {module for module, names in needs.items() if "attention" in names}
    assert not inside, "a chapter imports chapters, not the whole package"


@pytest.mark.parametrize("path", CHAPTERS, ids=name_of)
def test_chapters_know_nothing_of_the_page(path):
    for name in imports_of(path):
        assert name.split(".")[0] != "gradio", f"{path.name} imports {name}"
        assert not name.startswith("attention.ui"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", CHAPTERS + UI, ids=name_of)
def test_only_the_pretrained_family_imports_transformers(path):
    family = next(chapter for chapter, name in contents(contents_page()) if name == "pretrained")
    if ORDER.get(name_of(path), (0,))[0] != family:
        assert not any(name.split(".")[0] == "transformers" for name in imports_of(path))


def tab_of(module: str) -> str | None:
    """The tab a module of the page belongs to: ``attention.ui.tabs.NAME...``."""
    parts = module.split(".")[2:]
    return parts[1] if parts[:1] == ["tabs"] and len(parts) > 1 else None


@pytest.mark.parametrize("path", UI, ids=name_of)
def test_no_tab_imports_another_tab(path):
    tab = tab_of(name_of(path))
    if tab is not None:
        others = {name for name in imports_of(path) if name.startswith("attention.ui")}
        assert not {name for name in others if tab_of(name) not in (None, tab)}


@pytest.mark.parametrize("path", UI, ids=name_of)
def test_the_page_knows_no_tab_and_its_course_neither(path):
    """page <- course <- ``ui/__init__``, and page <- tabs <- ``ui/__init__``."""
    parts = name_of(path).split(".")
    above = {"page": ("tabs", "course"), "course": ("tabs",), "tabs": ("course",)}
    places = {tuple(name.split(".")[:3]) for name in imports_of(path) if name.startswith("attention.ui")}
    for place in above.get(parts[2] if len(parts) > 2 else "", ()):
        assert ("attention", "ui", place) not in places and ("attention", "ui") not in places


def test_a_student_sees_the_formula_in_attend():
    """Below its docstring at most forty lines, and a shape where one changes."""
    source = (PACKAGE / "pooling.py").read_text("utf-8")
    attend = [node for node in ast.parse(source).body if getattr(node, "name", "") == "attend"][-1]
    body = source.splitlines()[attend.body[1].lineno - 1 : attend.end_lineno]
    assert len(body) <= 40
    assert sum("(..., n, m)" in line or "(..., n, v)" in line for line in body) >= 3


def test_the_rules_see_what_breaks_them():
    """The same functions on a tree made up for it: a file and a folder, one import that points on."""
    page = "1.  ``first``  a\n2.  ``inner``  b\n    ``folder``  c\n    ``last``  d\n"
    modules = {"attention.first", "attention.folder", "attention.folder.inner", "attention.last"}
    order = places(contents(page), modules)
    assert set(order) == modules and order["attention.folder.inner"] < order["attention.folder"]
    source = "from . import last\nfrom .folder import inner\ndef f():\n    from .folder.inner import x"
    needs = dict.fromkeys(modules, set()) | {
        "attention.first": imports(source, "attention.first", False, modules),
        "attention.folder": imports("from . import inner", "attention.folder", True, modules),
    }
    assert needs["attention.first"] == {"attention.last", "attention.folder.inner"}
    assert needs["attention.folder"] == {"attention.folder.inner"}
    late = backward(order, needs)
    assert len(late) == 2 and all(line.startswith("attention.first") for line in late)
    assert "attention.more" not in places(contents(page), modules | {"attention.more"})


def test_the_tab_of_a_module():
    assert tab_of("attention.ui.tabs.heads.runs") == tab_of("attention.ui.tabs.heads") == "heads"
    assert tab_of("attention.ui.page.view") is tab_of("attention.ui") is None
    assert {tab_of(name_of(path)) for path in UI} > {"masks", "heads"}


@pytest.mark.parametrize("path", CHAPTERS + UI, ids=name_of)
def test_no_global_state_in_the_package(path):
    """pyplot draws wrong pictures under threads; a global seed is shared by every learner."""
    source = path.read_text("utf-8")
    assert "matplotlib.pyplot" not in source and "from matplotlib import pyplot" not in source
    assert "torch.manual_seed" not in source


def test_assets_load_nothing_from_another_host():
    for path in (ROOT / "assets").rglob("*"):
        if path.suffix in {".js", ".css", ".html"}:
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text and "https://" not in text, path.name


def test_there_are_scripts_to_look_at():
    assert {path.parent.name for path in SCRIPTS} >= {"core", "panels", "page", "heads"}


@pytest.mark.parametrize("path", SCRIPTS, ids=script_name)
def test_page_scripts_never_write_html(path):
    text = path.read_text("utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in text, f"{path.name} uses {word}"


@pytest.mark.parametrize("path", SCRIPTS, ids=script_name)
def test_page_scripts_patch_nothing(path):
    """No global of their own (the linker makes the one there is), no method put on another's object."""
    text = path.read_text("utf-8")
    patching = (
        r"window\.\w+ = ",
        r"\bfetch\s*=",
        r"\.prototype\b",
        r"\bglobalThis\b",
        r"AttentionMatchmaker\.",
    )
    for pattern in patching:
        assert not re.search(pattern, text), f"{path.name} has {pattern}"


@pytest.mark.parametrize("path", SCRIPTS, ids=script_name)
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


@pytest.mark.parametrize("path", SCRIPTS, ids=script_name)
def test_shared_scripts_know_no_tab_and_lower_ones_none_above(path):
    """core <- panels <- page <- course, and no tab imports another's scripts."""
    place = path.relative_to(ROOT / "assets").parts
    order = ["core", "panels", "page", "course"]
    for other in re.findall(r'^import .* from "(.*)";', path.read_text("utf-8"), flags=re.MULTILINE):
        target = (path.parent / other).resolve().relative_to(ROOT / "assets").parts
        if target[0] == "tabs":
            assert target[:2] == place[:2], f"{script_name(path)} imports {other}"
        elif place[0] == "view":
            assert order.index(target[1]) <= order.index(place[1]), f"{script_name(path)} imports {other}"
