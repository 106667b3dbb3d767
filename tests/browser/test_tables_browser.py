"""Numbers for those who do not read pictures: the overview as a table, and what can be taken away."""

from __future__ import annotations

import csv
import io
import struct
from collections import Counter
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

TABLE = ".am-overview-table table"
CELLS = f"{TABLE} td[role=gridcell]"


@pytest.fixture(autouse=True, scope="module")
def loaded():
    from attention.ui.page.loads import model_of

    model_of("minilm", patience=120)


def heads_table(open_page, query="", path="/", **options):
    """The heads tab with its overview turned into a table, by the keyboard alone."""
    page = open_page(f"?tab=heads{query}", path=path, ready=".am-overview-canvas", **options)
    page.locator('#view-heads [data-panel="weights"]').wait_for()
    page.focus('[data-focus="overview.toggle"]')
    page.keyboard.press("Enter")
    page.locator(TABLE).wait_for()
    return page


def rows_of(path):
    return list(csv.reader(io.StringIO(Path(path).read_text("utf-8-sig"), newline="")))


def save(page, panel, format, act):
    """Choose a format in a panel's menu; act(locator) clicks or presses Enter."""
    menu = page.locator(f'[data-panel="{panel}"] .am-menu')
    act(menu.locator("summary"))
    with page.expect_download() as download:
        act(menu.get_by_role("button", name=format, exact=True))
    assert menu.get_attribute("open") is None
    return download.value


def test_the_overview_has_a_table_of_layers_and_heads(open_page):
    page = heads_table(open_page)
    assert page.locator(".am-overview-canvas").is_hidden()
    assert page.locator(CELLS).count() == 6 * 12
    assert page.locator(f"{TABLE} thead th[scope=col]").count() == 12
    assert page.locator(f"{TABLE} tbody th[scope=row]").count() == 6
    assert page.get_attribute(TABLE, "aria-label") == "6 layers (downwards) × 12 heads (across)"
    page.keyboard.press("Enter")  # the same button leads back
    page.locator(".am-overview-canvas").wait_for()
    assert page.locator(TABLE).count() == 0


def test_a_cell_of_the_table_says_the_largest_weight_of_its_head(open_page):
    page = heads_table(open_page, "&layer=5&head=7")
    label = page.get_attribute('[data-focus="overview.5.7"]', "aria-label")
    best = page.evaluate("""() =>
        [...document.querySelectorAll('#view-heads [data-panel=weights] td[role=gridcell]')]
        .map((cell) => ({ value: Number(cell.dataset.value), label: cell.getAttribute('aria-label') }))
        .reduce((a, b) => (b.value > a.value ? b : a))""")
    query, key = best["label"].rsplit(": ", 1)[0].split(", ")
    said, shown = label.split(": largest weight ")
    assert said == "Layer 5, head 7" and shown.endswith(f", {query} → {key}")
    assert float(shown.split(",")[0]) == pytest.approx(best["value"], abs=0.01)
    assert page.inner_text('[data-focus="overview.5.7"]').split("\n")[0] == shown.split(",")[0]


def test_the_keyboard_opens_a_head_from_the_table(open_page):
    page = heads_table(open_page, "&layer=1&head=3")
    page.keyboard.press("Tab")  # past the menu, to the open head
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.focus") == "overview.1.3"
    assert page.locator(f"{CELLS}[tabindex='0']").count() == 1
    assert page.locator(f"{CELLS}[aria-selected=true]").get_attribute("data-focus") == "overview.1.3"
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.get_by_role("heading", name="Layer 2, head 4").wait_for()
    page.wait_for_function("location.search.includes('layer=2') && location.search.includes('head=4')")
    assert page.evaluate("document.activeElement.dataset.focus") == "overview.2.4"
    assert page.locator(f"{CELLS}[aria-selected=true]").get_attribute("data-focus") == "overview.2.4"


def test_a_click_in_the_table_opens_a_head_and_a_new_text_keeps_the_table(open_page):
    page = heads_table(open_page, path="/zh")
    page.click('[data-focus="overview.1.9"]')
    page.get_by_role("heading", name="第 1 层，第 9 头").wait_for()
    page.locator(".am-tab:has(#view-heads) textarea").first.fill("我爱北京")
    page.locator(f"{CELLS}[aria-label*='京']").first.wait_for()
    assert page.locator(CELLS).count() == 6 * 12


def test_a_pooled_overview_names_the_places_that_a_dot_stands_for(open_page):
    page = heads_table(open_page, "&text=" + quote("word and another one " * 40))
    label = page.get_attribute('[data-focus="overview.0.2"]', "aria-label")
    assert label.endswith("0–2 → 0–2"), label


def test_typed_text_is_text_in_the_table(open_page):
    page = heads_table(open_page, "&text=" + quote('<img src=x onerror="window.__pwned=1"> {head} $& ok'))
    page.locator(CELLS).first.wait_for()
    assert page.locator(".am-overview-table img").count() == 0
    assert page.evaluate("window.__pwned") is None


@pytest.mark.parametrize("path", ["/", "/zh"])
def test_the_table_fits_a_phone(open_page, path):
    page = heads_table(open_page, path=path, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".am-overview-table .am-scroll").evaluate(
        "node => node.scrollWidth > node.clientWidth"
    )


def test_a_plot_is_saved_by_the_keyboard(open_page):
    page = open_page("?tab=kernel", ready="#view-kernel .am-plot-art")
    file = save(page, "fit", "CSV", lambda item: item.press("Enter"))
    assert file.suggested_filename == "kernel-fit.csv"
    head, *rows = rows_of(file.path())
    assert head == ["", "x", "y"] and {row[0] for row in rows} >= {"data", "prediction"}
    assert page.evaluate("document.activeElement.dataset.focus") == "fit.save"
    page.locator('[data-focus="fit.save"]').press("Enter")
    page.keyboard.press("Escape")
    assert page.locator('[data-panel="fit"] .am-menu').get_attribute("open") is None


def test_the_overview_and_a_player_are_saved_as_they_stand(open_page):
    page = heads_table(open_page)
    rows = rows_of(save(page, "overview", "CSV", lambda item: item.click()).path())
    shown = page.locator(f"{CELLS} >> nth=17").get_attribute("data-value")
    assert float(rows[2][6]) == pytest.approx(float(shown), abs=1e-6)
    assert save(page, "overview", "PNG", lambda item: item.click()).suggested_filename == "heads-overview.png"
    page = open_page("?tab=matchmaker&mode=training&steps=20", ready=".am-player")
    page.focus('[data-focus="training.slider"]')
    page.keyboard.press("Home")
    first = page.get_attribute('[data-focus="training.0.0"]', "data-value")
    rows = rows_of(save(page, "training", "CSV", lambda item: item.click()).path())
    assert float(rows[1][1]) == pytest.approx(float(first), abs=1e-6)


def test_a_training_in_the_page_is_saved_by_the_page(open_page):
    page = open_page("?tab=applications&mode=train&steps=40", ready=".am-trainer")
    page.click('[data-focus="training.toggle"]')
    page.get_by_text("Done: 40 steps.").wait_for(timeout=120_000)
    head, *rows = rows_of(save(page, "training", "CSV", lambda item: item.click()).path())
    assert len(head) == 3 and [int(row[0]) for row in rows] == list(range(1, 41))
    # its picture holds what stands in the page: every weight, the curves, the text and the link
    file = save(page, "training", "SVG", lambda item: item.click())
    assert file.suggested_filename == "applications-training.svg"
    drawn = ElementTree.parse(file.path())
    seen = [
        text for one in drawn.iter("{http://www.w3.org/2000/svg}text") if (text := "".join(one.itertext()))
    ]
    panel = page.locator("[data-panel=training]")
    cells = panel.locator("td[role=gridcell]").all_inner_texts()
    assert cells and Counter(cells) <= Counter(seen)
    assert panel.locator(".am-title").first.inner_text() in seen
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))) == 2
    assert any("steps=40" in text and text.startswith("http") for text in seen)
    given = page.locator(
        "#tab-applications textarea:visible, .am-field-text textarea:visible"
    ).first.input_value()
    assert given and any(text.endswith(f": {given}") for text in seen), (given, seen[-4:])
    png = save(page, "training", "PNG", lambda item: item.click()).path().read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    size = drawn.getroot().attrib
    assert png[:4] == b"\x89PNG" and (width, height) == (2 * int(size["width"]), 2 * int(size["height"]))
    assert all(float(row[1]) > 0 for row in rows) and 0 <= float(rows[39][2]) <= 1 and rows[0][2] == ""


def test_a_picture_that_the_view_does_not_make_has_no_menu(open_page):
    page = open_page("?tab=matchmaker")
    page.locator("#view-matchmaker .am-pitfalls summary").first.click()
    page.locator('[data-focus="pitfall.no_scaling.0"]').click()
    plot = page.locator("#view-matchmaker .am-pitfall-plot")
    plot.locator(".am-plot-art").wait_for()
    assert plot.locator(".am-menu").count() == 0
    assert page.locator('#view-matchmaker [data-panel="similarity"] .am-menu').count() == 1


def test_a_saved_page_has_the_table_too_and_offers_what_it_can_make(open_page, tmp_path):
    from attention.ui.page.questions import view_of
    from attention.ui.page.view import to_html
    from attention.ui.tabs.heads import TAB

    (tmp_path / "saved.html").write_text(to_html(view_of(TAB, "zh", {})), "utf-8")
    page = open_page()
    page.goto((tmp_path / "saved.html").as_uri())
    menu = page.locator('[data-panel="overview"] .am-menu')
    assert menu.locator("button").all_text_contents() == ["PNG", "SVG"]
    assert save(page, "overview", "SVG", lambda item: item.click()).suggested_filename == "heads-overview.svg"
    page.click('[data-focus="overview.toggle"]')
    assert page.locator(CELLS).count() == 72
    assert page.locator(".am-overview-canvas").is_hidden()
