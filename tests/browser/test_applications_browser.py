"""The applications tab in the browser: drag a word, edit a history, train and stop."""

from __future__ import annotations

from tests.browser.cells import wait_for_link


def shown(page, focus):
    return float(page.locator(f'[data-focus="{focus}"]').get_attribute("data-value"))


def wait_value(page, focus, value, tolerance=0.005):
    page.wait_for_function(
        "([focus, value, tolerance]) => { const c = document.querySelector(`[data-focus='${focus}']`);"
        " return c && Math.abs(Number(c.dataset.value) - value) <= tolerance; }",
        arg=[focus, value, tolerance],
    )


SOUP = "?tab=applications&text=the+soup+was+not+bad"


def test_a_word_dragged_to_zero_gets_no_weight_and_moves_the_verdict(open_page):
    page = open_page(SOUP)
    verdict = page.locator('[data-panel="verdict"]')
    verdict.get_by_text("positive").wait_for()
    box = page.locator('[data-focus="bars.3"]').bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"]
    page.mouse.move(x, y - box["height"] / 3)
    page.mouse.down()
    for part in range(8):  # slowly, so that pictures are redrawn under the pointer
        page.mouse.move(x, y - box["height"] / 3 + part * 6)
        page.wait_for_timeout(40)
    page.mouse.up()
    verdict.get_by_text("negative").wait_for()
    for head in range(4):
        wait_value(page, f"head_{head}.0.3", 0)
    assert page.get_by_role("radio", name="dragged").is_checked()
    wait_for_link(page, "override=drag", "token_weights=1%2C1%2C1%2C0")
    page.locator('[data-focus="bars.reset"]').click()
    verdict.get_by_text("positive").wait_for()


def test_the_bars_work_by_keyboard_and_keep_the_focus(open_page):
    page = open_page(SOUP)
    bar = page.locator('[data-focus="bars.3"]')
    bar.focus()
    page.keyboard.press("Home")
    wait_value(page, "head_0.0.3", 0)
    page.keyboard.press("ArrowUp")
    page.wait_for_function("document.activeElement.dataset.focus === 'bars.3'")
    page.wait_for_function("document.activeElement.getAttribute('aria-valuenow') === '0.1'")
    assert "×0.1" in bar.get_attribute("aria-valuetext")


def test_a_link_restores_the_drag_and_its_cell_opens(open_page):
    page = open_page(SOUP + "&override=drag&token_weights=1,1,1,0")
    page.locator('[data-panel="verdict"]').get_by_text("negative").wait_for()
    page.click('[data-focus="head_1.0.3"]')
    sheet = page.locator(".am-sheet:visible")
    sheet.get_by_text("What became of it").wait_for()
    assert "0.0000" in sheet.inner_text()


def test_the_history_is_edited_in_the_picture(open_page):
    page = open_page("?tab=applications&app=recommender")
    page.locator('[data-focus="weights.0.7"]').wait_for()
    before = page.locator(".am-chip").count()
    page.locator(".am-chip").first.click()
    page.locator('[data-focus="weights.0.7"]').wait_for(state="detached")
    page.locator('[data-focus="history.add"]').click()
    page.locator('[data-focus="history.item.63"]').click()
    page.locator('[data-focus="history.chip.63"]').wait_for()
    assert page.locator(".am-chip").count() == before
    wait_for_link(page, "history=")
    page.get_by_role("radio", name="Theo").check()  # another user brings a history of their own
    page.locator('[data-focus="history.chip.63"]').wait_for(state="detached")
    page.wait_for_function("location.search.includes('user=u3') && !location.search.includes('history=')")
    page.locator('[data-focus="history.clear"]').click()
    page.get_by_text("nothing to attend to").first.wait_for()


def test_inputs_of_the_other_application_are_out_of_sight(open_page):
    page = open_page("?tab=applications&step=free")
    review = page.get_by_role("textbox", name="Review")
    seed = page.get_by_label("Seed of the permutation").first
    assert review.is_visible() and not seed.is_visible()
    page.get_by_role("radio", name="permuted").check()
    seed.wait_for(state="visible")
    page.get_by_role("radio", name="Recommend").check()
    review.wait_for(state="hidden")
    page.get_by_label("Make all weights equal").wait_for(state="visible")


def test_a_training_runs_stops_and_opens(open_page):
    page = open_page("?tab=applications&app=recommender&mode=train&steps=1000&user=u1")
    toggle = page.locator('[data-focus="training.toggle"]')
    toggle.click()
    page.locator('[data-focus="training.0.0"]').wait_for(timeout=60_000)
    toggle.click()  # stop: whatever is under way is dropped
    stopped = page.locator(".am-progress").get_attribute("value")
    page.wait_for_timeout(1500)
    assert page.locator(".am-progress").get_attribute("value") == stopped
    page.click('[data-focus="training.0.0"]')
    sheet = page.locator(".am-sheet:visible")
    sheet.wait_for()
    assert f"{shown(page, 'training.0.0'):.4f}" in sheet.inner_text()
    wait_for_link(page, "steps=1000", "user=u1")


def test_the_same_in_chinese_on_a_phone_without_sideways_scrolling(open_page):
    page = open_page(
        "?tab=applications&text=这道菜不油腻，很好吃", path="/zh", viewport={"width": 390, "height": 844},
        locale="zh-CN",
    )  # fmt: skip
    page.locator('[data-panel="verdict"]').get_by_text("好评").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
