"""The matchmaker in the browser: edit a number, add a candidate, train and scrub."""

from __future__ import annotations

from tests.browser.cells import wait_for_link


def shown(page, focus):
    return float(page.locator(f'[data-focus="{focus}"]').get_attribute("data-value"))


def wait_change(page, focus, old):
    page.wait_for_function(
        "([focus, old]) => { const c = document.querySelector(`[data-focus='${focus}']`);"
        " return c && Number(c.dataset.value) !== old; }",
        arg=[focus, old],
    )


def test_the_first_picture_is_the_articles_example(open_page):
    page = open_page()
    assert [round(shown(page, f"weights.0.{j}"), 2) for j in range(3)] == [0.82, 0.11, 0.07]


def test_an_edited_number_moves_every_later_number(open_page):
    page = open_page("?tab=matchmaker")
    before = {f: shown(page, f) for f in ("similarity.0.0", "weights.0.1", "output.0.0")}
    cell = page.locator('[data-key="key.0.0"]')
    cell.fill("0")
    for focus, old in before.items():
        wait_change(page, focus, old)
    assert shown(page, "similarity.0.0") == 1.5
    wait_for_link(page, "people=")


def test_letters_in_a_number_cell_are_refused_by_name(open_page):
    page = open_page("?tab=matchmaker")
    page.locator('[data-key="query.0"]').fill("abc")
    page.get_by_role("alert").get_by_text("People: query, row 1, column 1 must be a plain number").wait_for()
    page.locator('[data-key="query.0"]').fill("2")
    page.wait_for_function("document.querySelectorAll('[role=alert]').length === 0")
    assert shown(page, "similarity.0.0") == 4.5


def test_candidates_come_and_go(open_page):
    page = open_page("?tab=matchmaker")
    page.get_by_role("button", name="+ candidate").click()
    page.locator('[data-focus="weights.0.3"]').wait_for()
    page.get_by_role("button", name="remove Ann").click()
    page.locator('[data-focus="weights.0.3"]').wait_for(state="detached")


def test_training_plays_and_the_slider_scrubs(open_page):
    page = open_page("?tab=matchmaker&mode=training&steps=60")
    page.locator('[data-focus="training.slider"]').wait_for()
    sharp = shown(page, "training.0.0")
    page.get_by_role("button", name="early").click()
    assert shown(page, "training.0.0") != sharp
    page.click('[data-focus="training.0.0"]')
    page.locator(".am-sheet").wait_for(state="visible")
    assert f"{shown(page, 'training.0.0'):.4f}" in page.locator(".am-sheet").inner_text()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        f"document.querySelector('[data-focus=\"training.0.0\"]').dataset.value == '{sharp}'"
    )


def test_a_veiled_panel_shows_after_the_answer(open_page):
    page = open_page("?tab=matchmaker")
    page.locator("#view-matchmaker .am-tasks > summary").first.click()
    page.wait_for_selector('.am-veiled[data-panel="weights"]')
    page.click('[data-focus="task.winner.0"]')
    page.fill('[data-focus="task.first"]', "0.82")
    page.keyboard.press("Enter")
    page.wait_for_selector('[data-panel="weights"]:not(.am-veiled)')
