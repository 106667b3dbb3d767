"""Heads and positions as they stand on a screen: together, unclipped, and following the hand."""

from __future__ import annotations

import math

import pytest

from tests.browser.cells import value_at

GRID = ".am-overview-canvas"
VIEW = "#view-heads"
# labels that are cut off without a way to see the rest
CUT = """view => [...document.querySelectorAll(view + ' .am-panel *')].filter((node) =>
  node.offsetParent && node.clientWidth > 0 && node.scrollWidth > node.clientWidth + 1
  && getComputedStyle(node).overflowX === 'hidden').map((node) => node.className + ' ' + node.textContent)"""
# panels that need a sidewards scroll
WIDE = """view => [...document.querySelectorAll(view + ' .am-scroll, ' + view + ' .am-map')].filter((node) =>
  node.offsetParent && node.closest('.am-panel') && node.scrollWidth > node.clientWidth + 1)
  .map((node) => node.closest('.am-panel').dataset.panel)"""


@pytest.fixture(autouse=True, scope="module")
def loaded():
    from attention.ui.page.loads import model_of

    model_of("minilm", patience=120)


def box(page, panel, view=VIEW):
    return page.locator(f'{view} [data-panel="{panel}"]').bounding_box()


def test_the_grid_and_the_open_head_share_a_screen(open_page):
    page = open_page("?tab=heads", ready=GRID, viewport={"width": 1280, "height": 800})
    page.locator(f'{VIEW} [data-panel="frames"]').wait_for()
    page.wait_for_timeout(300)
    grid, head = box(page, "overview"), box(page, "weights")
    assert grid["x"] + grid["width"] <= head["x"] and abs(grid["y"] - head["y"]) < 2
    assert max(grid["height"], head["height"]) <= 640 and head["x"] + head["width"] <= 1280
    assert page.evaluate(f"document.querySelector('{VIEW}').offsetHeight") < 1700
    line = page.locator(f"{VIEW} .am-head-line")
    page.wait_for_function(f"document.querySelector('{VIEW} .am-head-line').textContent.includes('0.13')")
    assert line.inner_text() == "parks its weight on the first or a special token: 0.52, chance 0.13"


def test_the_open_head_follows_the_arrow_keys_at_once(open_page):
    page = open_page("?tab=heads&layer=0&head=0", ready=GRID)
    page.locator(f'{VIEW} [data-focus="weights.0.0"]').wait_for()
    page.locator(f'{VIEW} [data-panel="frames"]').wait_for()
    page.focus(GRID)
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.get_by_role("heading", name="Layer 0, head 2").wait_for()
    page.wait_for_function("location.search.includes('head=2')")
    page.wait_for_function(f"document.querySelector('{VIEW} .am-head-line').textContent.includes('1.00')")
    assert value_at(page, "weights", 9, 8) > 0.99
    assert "looks one token back: 1.00, chance 0.07" in page.inner_text(f"{VIEW} .am-lens-line")


def test_who_looks_where_follows_the_open_cell(open_page):
    page = open_page("?tab=heads", ready=GRID)
    page.click(f'{VIEW} [data-focus="weights.5.7"]')
    page.locator(f"{VIEW} .am-sheet").wait_for(state="visible")
    page.locator(f"{VIEW} .am-to.am-open-cell").wait_for()
    chosen = page.locator(f"{VIEW} .am-from.am-chosen").get_attribute("data-at")
    opened = page.locator(f"{VIEW} .am-to.am-open-cell").get_attribute("data-at")
    assert (chosen, opened) == ("5", "7")
    page.hover(f'{VIEW} [data-focus="weights.9.9"]')  # a look elsewhere, and back
    page.wait_for_function(f"document.querySelector('{VIEW} .am-from.am-chosen').dataset.at === '9'")
    page.hover(f"{VIEW} .am-sheet")
    page.wait_for_function(f"document.querySelector('{VIEW} .am-from.am-chosen').dataset.at === '5'")


def test_where_the_change_went_leads_there(open_page):
    page = open_page("?tab=heads&look=touch&knock_out=0.2&layer=0&head=2", ready=".am-went")
    page.click(f'{VIEW} [data-focus="went.0"]')
    page.get_by_role("heading", name="Layer 1, head 9: difference").wait_for()
    boxes = [box(page, id) for id in ("weights_before", "weights", "weights_change")]
    assert boxes[0]["x"] < boxes[1]["x"] < boxes[2]["x"] and len({one["y"] for one in boxes}) == 1


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("query", ["", "&look=touch&knock_out=0.2", "&look=understand"])
def test_no_label_of_the_heads_is_cut(open_page, width, query):
    page = open_page(f"?tab=heads{query}", ready=".am-strands", viewport={"width": width, "height": 900})
    last = {"": "frames", "&look=understand": "answers"}.get(query, "weights_change")
    page.locator(f'{VIEW} [data-panel="{last}"]').wait_for()
    page.wait_for_timeout(300)
    assert page.evaluate(CUT, VIEW) == []
    if width > 390:
        assert page.evaluate(WIDE, VIEW) == []


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_no_label_of_the_positions_is_cut(open_page, width):
    page = open_page("?tab=positions", viewport={"width": width, "height": 900})
    page.locator('#view-positions [data-panel="turning"]').wait_for()
    page.wait_for_timeout(300)
    assert page.evaluate(CUT, "#view-positions") == []


def test_the_hands_stand_where_the_chapter_says(open_page):
    page = open_page("?tab=positions&length=16&position=7")
    panel = '#view-positions [data-panel="clocks"]'
    page.locator(panel).wait_for()
    for pair in (0, 1, 5):
        x, y = (
            float(page.locator(f"{panel} .am-tip").nth(pair).get_attribute(name)) for name in ("cx", "cy")
        )
        assert (x - 50) / 40 == pytest.approx(value_at(page, "encoding", 7, 2 * pair), abs=2e-3)
        assert (50 - y) / 40 == pytest.approx(value_at(page, "encoding", 7, 2 * pair + 1), abs=2e-3)


def test_a_query_and_a_key_turn_together_and_keep_their_score(open_page):
    page = open_page("?tab=positions&length=16&position=2")
    panel = '#view-positions [data-panel="turning"]'
    page.locator(panel).wait_for()
    score = f"Number(document.querySelector('{panel} .am-turn-score').dataset.value)"
    before = page.evaluate(score)
    assert before == pytest.approx(value_at(page, "rotary_scores", 2, 5), abs=1e-4)
    tip = f"document.querySelector('{panel} .am-tip').getAttribute('cx')"
    old = page.evaluate(tip)
    page.locator(f'{panel} [data-focus="turning.p"]').focus()
    page.keyboard.press("End")
    page.wait_for_function(f"document.querySelector('{panel} .am-hand-place').textContent === 'p = 15'")
    assert page.evaluate(tip) != old and math.isclose(page.evaluate(score), before, abs_tol=1e-5)
    page.locator(f'{panel} [data-focus="turning.distance"]').focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(score) == pytest.approx(value_at(page, "rotary_scores", 2, 4), abs=1e-4)
