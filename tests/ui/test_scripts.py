"""The linker: order by imports, and what it refuses. What it makes runs in tests/browser/test_scripts.py."""

from __future__ import annotations

import pytest

from attention.ui.page.scripts import link
from attention.ui.page.texts import ASSETS, SHARED, TABS
from attention.ui.page.view import script


def linked(folder, files: dict[str, str], *roots: str, name: str = "Page") -> str:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return link(folder, [folder / root for root in roots], name)


def test_a_module_comes_after_all_it_imports_and_once(tmp_path):
    files = {
        "a.js": 'import { b } from "./deep/b.js";\nimport { c } from "./c.js";\nexport const a = [b, c];\n',
        "deep/b.js": 'import { c } from "../c.js";\nexport const b = c;\n',
        "c.js": "export const c = 1;\n",
    }
    text = linked(tmp_path, files, "a.js", "c.js")
    order = [text.index(f'modules["{name}"] = ') for name in ("c.js", "deep/b.js", "a.js")]
    assert order == sorted(order)
    assert text.count('modules["c.js"] = ') == 1


def test_a_circle_is_refused_with_its_names(tmp_path):
    files = {
        "a.js": 'import { b } from "./b.js";\nexport const a = 1;\n',
        "b.js": 'import { c } from "./c.js";\nexport const b = 1;\n',
        "c.js": 'import { b } from "./b.js";\nexport const c = 1;\n',
    }
    with pytest.raises(ValueError, match=r"circle: a\.js -> b\.js -> c\.js -> b\.js"):
        linked(tmp_path, files, "a.js")


def test_an_import_of_no_file_or_of_no_export_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.js -> gone\.js: gone\.js is no file"):
        linked(tmp_path, {"a.js": 'import { b } from "./gone.js";\n'}, "a.js")
    files = {"a.js": 'import { b, x as y } from "./b.js";\n', "b.js": "export const b = 1;\nconst x = 2;\n"}
    with pytest.raises(ValueError, match=r"a\.js imports x from b\.js, which exports \['b'\]"):
        linked(tmp_path, files, "a.js")


@pytest.mark.parametrize(
    "line",
    [
        'import b from "./b.js";',
        'import * as b from "./b.js";',
        'import "./b.js";',
        'import { b } from "b";',
        'export { b } from "./b.js";',
        "export default 1;",
        "export let a = 1;",
    ],
)
def test_other_imports_and_exports_are_refused(tmp_path, line):
    with pytest.raises(ValueError, match="no import or export that is linked here"):
        linked(tmp_path, {"a.js": f"{line}\n", "b.js": "export const b = 1;\n"}, "a.js")


def test_a_member_of_the_entry_object_comes_from_one_script(tmp_path):
    files = {"a.js": "export const one = 1;\n", "b.js": "export const one = 2;\n"}
    with pytest.raises(ValueError, match="one script"):
        linked(tmp_path, files, "a.js", "b.js")


def test_every_script_of_the_page_is_linked():
    """None is left behind that nobody imports; and the whole can stand inside a script element."""
    text = script()
    for path in ASSETS.rglob("*.js"):
        name = path.relative_to(ASSETS).as_posix()
        assert f'modules["{name}"] = ' in text, f"{name} is imported by none"
    assert "</script" not in text and "<!--" not in text
    assert text == script() and (SHARED / "page" / "entry.js").is_file() and list(TABS.glob("*/view.js"))
