"""The heads tab in a real browser: the canvas, the open head, the link and the inputs agree."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.browser.cells import wait_for_link

READY = ".am-overview-canvas"
PAINT = """() => { const c = document.querySelector('.am-overview-canvas');
  return c.width ? c.toDataURL() : ''; }"""


@pytest.fixture(autouse=True, scope="module")
def loaded():
    from attention.ui.page.loads import model_of

    model_of("minilm", patience=120)


def value_at(page, panel, row, column):
    return float(page.get_attribute(f'#view-heads [data-focus="{panel}.{row}.{column}"]', "data-value"))


def inputs_of(page):
    boxes = page.locator(".am-pair input")
    return int(boxes.nth(0).input_value()), int(boxes.nth(1).input_value())


def test_typing_a_sentence_repaints_every_head(open_page):
    page = open_page("?tab=heads", ready=READY)
    page.expected_errors = True  # the emptied box is refused on the way
    page.wait_for_function(f"({PAINT})().length > 1000")
    before = page.evaluate(PAINT)
    box = page.locator(".am-tab:has(#view-heads) textarea").first
    box.fill("")
    box.press_sequentially("My sister lost her keys and she was angry.")
    page.locator('#view-heads [data-panel="weights"]').get_by_text("sister").first.wait_for()
    page.wait_for_function(f"(old) => ({PAINT})() !== old", arg=before)
    wait_for_link(page, "sister")


def test_a_click_opens_a_head_and_inputs_and_link_agree(open_page):
    page = open_page("?tab=heads", ready=READY)
    page.locator('#view-heads [data-focus="weights.9.2"]').wait_for()
    before = value_at(page, "weights", 9, 2)
    requests = []
    page.on("request", lambda request: requests.append(request.url) if "/run/" in request.url else None)
    box = page.locator(READY).bounding_box()
    cell = (box["width"] - 22) / 12
    page.mouse.click(box["x"] + 22 + 9.5 * cell, box["y"] + 22 + 2.5 * cell)
    page.get_by_role("heading", name="Layer 2, head 9").wait_for()
    page.wait_for_function("location.search.includes('layer=2') && location.search.includes('head=9')")
    page.wait_for_function("document.querySelectorAll('.am-pair input')[1].value === '9'")
    assert inputs_of(page) == (2, 9)
    assert value_at(page, "weights", 9, 2) != before
    assert requests == []  # the overview was not computed again
    page.locator(".am-pair input").nth(1).fill("1")  # on from there, by the inputs
    page.locator(".am-pair input").nth(1).press_sequentially("1")
    page.get_by_role("heading", name="Layer 2, head 11").wait_for()


def test_the_keyboard_walks_the_heads_and_opens_one(open_page):
    page = open_page("?tab=heads&layer=0&head=0", ready=READY)
    page.locator('#view-heads [data-focus="weights.0.0"]').wait_for()
    page.keyboard.press("Tab")
    page.focus(READY)
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.get_by_role("heading", name="Layer 1, head 2").wait_for()
    assert page.evaluate("document.activeElement.className") == "am-overview-canvas"


def test_pointing_at_a_token_draws_its_lines_with_numbers(open_page):
    page = open_page("?tab=heads", ready=READY)
    page.locator('#view-heads [data-focus="lines"]').wait_for()
    page.locator(".am-from").nth(5).hover()
    numbers = page.locator(".am-to .am-number").all_text_contents()
    assert numbers[7] == f"{value_at(page, 'weights', 5, 7):.2f}"
    page.locator(".am-to").nth(7).click()
    page.locator("#view-heads .am-sheet").wait_for(state="visible")
    assert "cross" in page.locator("#view-heads .am-sheet h3").inner_text()


def test_knocking_out_a_head_by_its_button_moves_the_outcome(open_page):
    page = open_page("?tab=heads&look=touch", ready=READY)
    page.locator('#view-heads [data-panel="cosine"]').get_by_text("1.0000").first.wait_for()
    page.locator('#view-heads [data-focus="knock.0"]').click()
    page.locator('#view-heads [data-panel="cosine"]').get_by_text("0.9978").wait_for()
    page.wait_for_function("decodeURIComponent(location.search).includes('knock_out=3.1')")


def test_roles_open_heads_and_the_four_answers_arrive(open_page):
    page = open_page("?tab=heads&look=understand", ready=".am-roles")
    page.locator('#view-heads [data-panel="answers"] table').wait_for()
    page.locator('#view-heads [data-focus="role.0.0.2"]').click()
    page.get_by_role("heading", name="Layer 0, head 2").wait_for()


def test_roles_of_a_long_text_arrive_after_the_page(open_page):
    text = quote("word and another one " * 60)
    page = open_page(f"?tab=heads&look=understand&text={text}", ready=".am-roles")
    page.locator('#view-heads [data-panel="weights"]').wait_for()
    page.get_by_text("texts of up to 160 tokens").wait_for()
    assert page.locator('#view-heads [data-panel="entropy"] [role=gridcell]').count() == 72


def test_a_long_text_opens_its_head_on_demand(open_page):
    text = quote("word and another one " * 40)
    page = open_page(f"?tab=heads&text={text}", ready=READY)
    page.locator('#view-heads [data-panel="weights"]').wait_for()
    assert page.get_by_text("each dot shows the largest").count() == 1


@pytest.mark.parametrize(
    "payload", ['<img src=x onerror="window.__pwned=1">', "${window.__pwned=1} {{value}}"]
)
@pytest.mark.parametrize("look", ["overview", "touch", "understand"])
def test_typed_text_never_runs(open_page, payload, look):
    page = open_page(f"?tab=heads&look={look}&text={quote(payload)}", ready=".am-strands")
    page.wait_for_timeout(500)
    assert page.evaluate("window.__pwned") is None


@pytest.mark.parametrize("look", ["overview", "touch", "understand"])
@pytest.mark.parametrize("path", ["/", "/zh"])
def test_nothing_scrolls_sideways_on_a_phone(open_page, path, look):
    phone = {"width": 390, "height": 800}
    page = open_page(f"?tab=heads&look={look}", path=path, ready=".am-strands", viewport=phone)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
