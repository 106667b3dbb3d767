"""The scene "why" by hand: a bar opens, a weight picks its cell, pairs sort, and it fits a phone."""

from __future__ import annotations

import pytest

BARS = "#view-model [data-panel=logit] button.am-sum-row"


def test_a_bar_opens_a_weight_picks_and_pairs_sort(open_page):
    page = open_page("?tab=model&scene=why", ready=BARS)
    bars = page.locator(BARS)
    values = [float(bar.get_attribute("data-value")) for bar in bars.all()]
    total = page.locator("#view-model .am-sum-total .am-sum-number").inner_text()
    assert sum(values) == pytest.approx(float(total), abs=0.01)
    page.locator(BARS, has_text="head 1.1").click()
    page.wait_for_selector("#view-model .am-sheet .am-total")
    page.locator('#view-model [data-focus="weights.10.3"]').click()
    page.wait_for_selector('#view-model [data-panel=score] h3:has-text("(10)")')
    sort = page.locator('#view-model [data-focus="looks_pairs.sort.value"]')
    numbers = page.locator("#view-model [data-panel=looks_pairs] .am-pairs-number")
    sort.wait_for()
    first = float(numbers.first.inner_text())
    sort.click()
    assert float(numbers.first.inner_text()) < first == float(numbers.last.inner_text())


def test_nothing_is_wider_than_a_phone(open_page):
    page = open_page("?tab=model&scene=why", ready=BARS, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
