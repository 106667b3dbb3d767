"""Positions and pitfalls in a real browser: switch, type, open, predict, turn a knob."""

from __future__ import annotations

import pytest

from tests.browser.cells import value_at, wait_for_link, wait_for_value

VIEW = "#view-positions"  # panels of other tabs have the same names


def test_positions_break_the_symmetry_on_the_page(open_page):
    page = open_page("?tab=positions")
    page.locator('[data-focus="difference.1.0"]').wait_for()
    old = value_at(page, "difference", 1, 0)
    assert abs(old) < 1e-5
    assert value_at(page, "output", 1, 0) == pytest.approx(value_at(page, "output_other", 4, 0), abs=1e-6)
    page.get_by_label("Added (sinusoidal)").check()
    wait_for_value(page, "difference", 1, 0, old)
    assert abs(value_at(page, "difference", 1, 0)) > 1e-3
    wait_for_link(page, "positions=sinusoidal")
    page.click('[data-focus="difference.1.0"]')
    sheet = page.locator(f"{VIEW} .am-sheet")
    sheet.wait_for(state="visible")
    assert f"{value_at(page, 'difference', 1, 0):.7f}" in sheet.inner_text()


def test_typing_another_sentence_shuffles_it(open_page):
    page = open_page("?tab=positions&other=")
    box = page.get_by_label("A sentence")
    box.fill("")
    box.press_sequentially("cats chase mice")
    names = f"document.querySelector('{VIEW} [data-panel=weights]')?.innerText"
    page.wait_for_function(f"{names}.includes('2 mice')")
    assert page.locator(f'{VIEW} [data-panel="weights_other"] tbody tr').count() == 3


def test_a_link_restores_two_chinese_orders(open_page):
    page = open_page("?tab=positions&text=狗咬人&other=人咬狗&d=8", path="/zh")
    page.locator(f'{VIEW} [data-focus="weights.0.0"]').wait_for()
    assert page.get_by_role("tab", name="位置").get_attribute("aria-selected") == "true"
    assert page.locator(f'{VIEW} [data-panel="weights_other"] tbody th').first.inner_text() == "2 人"


def test_the_encoding_opens_from_the_keyboard(open_page):
    page = open_page("?tab=positions&length=8&d=6")
    page.focus('[data-focus="encoding.0.0"]')
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    sheet = page.locator(f"{VIEW} .am-sheet")
    sheet.wait_for(state="visible")
    assert "0.8415" in sheet.inner_text()  # sin 1


def test_a_pitfall_is_predicted_revealed_and_turned(open_page):
    page = open_page("?tab=masks")
    section = page.locator("#view-masks .am-pitfalls")
    section.locator("summary").first.click()
    option = page.locator('[data-focus="pitfall.inverted_mask.0"]')
    option.wait_for()
    focus = "pitfalls.inverted_mask.wrong"
    assert page.locator(f'[data-focus="{focus}.0.0"]').count() == 0  # nothing is given away
    option.click()
    item = page.locator("#view-masks .am-pitfalls li").nth(1)
    item.locator(".am-wrong").first.wait_for()
    assert value_at(page, focus, 0, 0) == 0
    page.locator('[data-focus="pitfall.inverted_mask.1"]').click()
    item.locator(".am-right").wait_for()
    page.locator('[data-focus="pitfall.inverted_mask.knob"]').focus()
    old = value_at(page, focus, 0, 4)
    page.keyboard.press("ArrowRight")
    wait_for_value(page, focus, 0, 4, old)
    assert value_at(page, focus, 0, 4) == pytest.approx(1)
    page.get_by_label("Causal").check()  # an edit of the tab leaves the section as it was
    page.wait_for_function("location.search.includes('causal')")
    assert item.locator(".am-right").is_visible()


def test_pitfalls_follow_the_theme(open_page):
    page = open_page("?tab=masks")
    page.locator("#view-masks .am-pitfalls summary").first.click()
    page.locator('[data-focus="pitfall.all_zero_mask.1"]').click()
    cell = page.locator('[data-focus="pitfalls.all_zero_mask.zeros.1.0"]')
    light = cell.evaluate("node => node.style.backgroundColor")
    page.locator(".am-theme").click()
    page.wait_for_function(
        "old => document.querySelector('[data-focus=\"pitfalls.all_zero_mask.zeros.1.0\"]')"
        "?.style.backgroundColor !== old",
        arg=light,
    )
    assert page.locator("#view-masks .am-pitfalls").get_attribute("open") is not None


@pytest.mark.parametrize("path", ["/", "/zh"])
def test_nothing_scrolls_sideways_on_a_phone(open_page, path):
    page = open_page("?tab=positions", path=path, viewport={"width": 390, "height": 800})
    page.locator(f'{VIEW} [data-focus="weights.0.0"]').wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
