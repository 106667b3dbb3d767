"""axe-core on every tab, both themes and languages: nothing that this project's markup causes."""

from __future__ import annotations

from pathlib import Path

import axe_core_python
import pytest

from attention.ui import TABS

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text("utf-8")
# What Gradio's own markup brings on these versions, by rule and the part of the page it lies in.
GRADIO = {
    ("aria-valid-attr-value", "button[role=tab]"),  # aria-controls of tabs not yet mounted
    ("nested-interactive", ".tab-container"),
}


def violations(page):
    page.evaluate(AXE)
    found = page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        ".map(v => ({id: v.id, nodes: v.nodes.map("
        "n => ({target: n.target.join(' '), html: n.html.slice(0, 200)}))}))"
    )
    return found


def is_ours(html: str) -> bool:
    return "am-" in html or "data-focus" in html or "data-panel" in html


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
@pytest.mark.parametrize(("path", "theme"), [("/", "light"), ("/zh", "dark")])
def test_axe_finds_no_violation_of_ours(open_page, tab, path, theme):
    shown = f"#view-{tab.id} .am-panel:visible"  # still: lines that fade in have little contrast on their way
    page = open_page(f"?tab={tab.id}&__theme={theme}", path, shown, reduced_motion="reduce")
    page.wait_for_timeout(400)
    cell = page.locator(f"#view-{tab.id} .am-opens td[role=gridcell]").first
    if cell.count():
        cell.click()
        page.locator(".am-sheet:visible").first.wait_for()
    left = []
    for rule in violations(page):
        for node in rule["nodes"]:
            known = any(rule["id"] == id for id, _ in GRADIO)
            if not known or is_ours(node["html"]):
                left.append((rule["id"], node["target"], node["html"]))
    assert not left, left


def test_a_term_opens_a_note_beside_it_and_the_glossary_from_there(open_page):
    page = open_page("?tab=matchmaker&temperature=0.9")
    term, note = page.locator(".am-lead .am-term").first, page.locator(".am-term-note")
    term.focus()
    page.keyboard.press("Enter")
    note.wait_for()
    word, box = term.bounding_box(), note.bounding_box()
    assert 0 < box["y"] - word["y"] - word["height"] < 20 and box["x"] >= 0
    assert (
        term.inner_text().lower() in note.inner_text().lower() and page.locator("dialog[open]").count() == 0
    )
    page.keyboard.press("Escape")
    note.wait_for(state="detached")
    assert term.evaluate("node => node === document.activeElement")
    term.click()
    note.locator("button").click()
    page.locator("dialog.am-glossary .am-sought").wait_for()
    assert note.count() == 0
    page.keyboard.press("Escape")
    page.locator("dialog.am-glossary").wait_for(state="hidden")
