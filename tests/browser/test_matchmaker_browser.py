"""The matchmaker in the browser: edit a number, add a candidate, train and scrub."""

from __future__ import annotations

import json
from urllib.parse import quote

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


def tables(page):
    """The people as tables, unfolded."""
    page.locator("#view-matchmaker").wait_for()
    page.locator(".am-people-fold > summary").click()


def test_an_edited_number_moves_every_later_number(open_page):
    page = open_page("?tab=matchmaker")
    tables(page)
    before = {f: shown(page, f) for f in ("similarity.0.0", "weights.0.1", "output.0.0")}
    cell = page.locator('[data-key="key.0.0"]')
    cell.fill("0")
    for focus, old in before.items():
        wait_change(page, focus, old)
    assert shown(page, "similarity.0.0") == 1.5
    wait_for_link(page, "people=")


def test_letters_in_a_number_cell_are_refused_by_name(open_page):
    page = open_page("?tab=matchmaker")
    tables(page)
    page.locator('[data-key="query.0"]').fill("abc")
    page.get_by_role("alert").get_by_text("People: query, row 1, column 1 must be a plain number").wait_for()
    page.locator('[data-key="query.0"]').fill("2")
    page.wait_for_function("document.querySelectorAll('[role=alert]').length === 0")
    assert shown(page, "similarity.0.0") == 4.5


def test_candidates_come_and_go(open_page):
    page = open_page("?tab=matchmaker")
    tables(page)
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
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(
        f"document.querySelector('[data-focus=\"training.0.0\"]').dataset.value == '{sharp}'"
    )


def test_a_veiled_panel_shows_after_the_answer(open_page):
    page = open_page("?tab=matchmaker")
    page.locator("#view-matchmaker .am-tasks > summary").first.click()
    page.wait_for_selector('.am-veiled[data-panel="weights"]')
    page.click('[data-focus="task.winner.0"]')
    page.fill('[data-focus="task.first"]', "0.82")
    page.click('[data-focus="task.first.check"]')
    for _ in range(4):  # whatever else is asked of it
        open_ = page.locator(
            "#view-matchmaker .am-tasks li:not(:has(.am-result.am-right, .am-result.am-wrong))"
        )
        if not open_.count() or not page.locator('.am-veiled[data-panel="weights"]').count():
            break
        button = open_.first.locator('[data-focus$=".check"], [data-focus$=".0"]').first
        button.click()
    page.wait_for_selector('[data-panel="weights"]:not(.am-veiled)')


# -- the picture -------------------------------------------------------------------------------------

LIT = "[...document.querySelectorAll('.am-match [data-node].am-lit')].map((one) => one.dataset.node).sort()"


def number(page, node):
    return page.locator(f'[data-focus="match.{node}"]')


def test_pointing_lights_the_whole_way_and_says_the_arithmetic(open_page):
    page = open_page("?tab=matchmaker")
    say = page.locator(".am-match-say")
    number(page, "key.0.0").hover()
    page.wait_for_function("document.querySelector('.am-match .am-lit')")
    blend = ["output.0", "output.1", "output.2", "value.0.0", "value.0.1", "value.0.2"]
    way = ["key.0.0", "numerator.0", "score.0", "share.0", "want.0"]
    assert page.evaluate(LIT) == sorted(way + blend)
    assert say.inner_text() == "Ann, kind: 1 × 1.5 = 1.5 → score 3 → share 0.8214"
    assert page.locator(".am-match-line.am-lit").count() == 4 + 3 + 3  # to the share, the values, the blend
    number(page, "1.0").hover()
    page.wait_for_function(f"{LIT}.length > 20")
    assert not {"value.0.1", "output.1"} & set(page.evaluate(LIT))
    page.mouse.move(2, 2)
    page.wait_for_function(f"{LIT}.length === 0")


def test_a_number_in_the_picture_is_typed_dragged_and_nudged(open_page):
    page = open_page("?tab=matchmaker")
    cell = number(page, "key.0.0")
    cell.fill("０，９")  # full width, with a comma
    page.wait_for_selector('[data-node="score.0"][data-value^="2.4"]')
    page.locator('[data-focus="similarity.0.0"][data-value^="2.4"]').wait_for()
    wait_for_link(page, "people=")
    page.keyboard.press("ArrowUp")
    page.wait_for_selector('[data-node="score.0"][data-value="2.5"]')
    box = number(page, "want.1").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y)
    page.mouse.move(x + 40, y)  # five steps of eight pixels
    page.wait_for_selector('[data-node="score.0"][data-value="3"]')
    page.mouse.up()
    assert number(page, "want.1").input_value() == "1.5"
    tables(page)
    assert page.locator('[data-key="query.1"]').input_value() == "1.5"  # Gradio's input knows
    number(page, "traits.0").fill("honest")
    page.locator('[data-panel="output"] th', has_text="honest").wait_for()


def test_a_number_of_the_picture_opens_its_sheet(open_page):
    page = open_page("?tab=matchmaker")
    number(page, "0.1").click()
    sheet = page.locator(".am-sheet")
    sheet.wait_for(state="visible")
    assert "0.1112" in sheet.inner_text() and "funny" in sheet.inner_text()
    wait_for_link(page, "cell=match.0.1")


def test_what_is_asked_is_veiled_in_the_picture_too(open_page):
    page = open_page("?tab=matchmaker")
    page.locator("#view-matchmaker .am-tasks > summary").first.click()
    page.wait_for_function("document.querySelector('[data-node=\"share.0\"]').textContent === '?'")
    number(page, "key.0.0").hover()
    assert page.locator(".am-match-say").inner_text() == "Ann, kind: 1 × 1.5 = 1.5"
    assert "0.82" not in page.locator(".am-match").inner_text()


def test_the_largest_crowd_scrolls_inside_and_the_page_never(open_page):
    crowd = {
        "names": [f"N{i}" for i in range(8)],
        "query": [1] * 6,
        "keys": [[1] * 6] * 8,
        "values": [[1] * 6] * 8,
    }
    for width, people in ((390, None), (390, crowd), (1280, crowd)):
        query = "" if people is None else "&people=" + quote(json.dumps(people))
        page = open_page("?tab=matchmaker" + query, viewport={"width": width, "height": 900})
        page.wait_for_function("document.querySelector('.am-match-line')")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        inner = page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth > clientWidth + 1)"
                              "(document.querySelector('.am-match-scroll'))")  # fmt: skip
        assert inner == (people is not None)


def test_the_picture_is_one_stop_whose_numbers_the_arrows_walk(open_page):
    page = open_page("?tab=matchmaker")
    at = "document.activeElement.dataset.focus"
    able = "(all) => all.filter((one) => one.tabIndex === 0 && one.offsetParent).length"
    assert page.locator(".am-match-art input, .am-match-art button").evaluate_all(able) == 1
    number(page, "want.0").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(at) == "match.want.1"
    page.keyboard.press("ArrowDown")
    assert page.evaluate(at) == "match.key.0.1" and number(page, "key.0.1").input_value() == "1"
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")  # while it is edited, up is more
    page.wait_for_selector('[data-node="score.0"][data-value^="3.1"]')
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(at) == "match.key.0.2" and number(page, "key.0.1").input_value() == "1.1"
    assert page.locator(".am-match-art input, .am-match-art button").evaluate_all(able) == 1
    page.keyboard.press("Tab")
    assert not page.evaluate("Boolean(document.activeElement.closest('.am-match-art'))")
