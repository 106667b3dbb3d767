"""The page as a learner meets it: edit, open a cell, follow a link, switch language, save."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from attention.ui import TABS
from tests.browser.cells import value_at, wait_for_link, wait_for_value

PAYLOADS = [
    '<img src=x onerror="__pwned=1">',  # at most 16 words and signs, or the text is not read at all
    "<script>window.__pwned=1</script>",
    "${window.__pwned=1}",
    "{{value}} {{#each value}}",
    "`+(window.__pwned=1)+`",
    "javascript:window.__pwned=1",
    "</script><script>__pwned=1//",
    "$x^2$ \\href{javascript:__pwned=1}",
]


def test_typing_moves_the_masks_and_the_link(open_page):
    page = open_page("?tab=masks&mask=none")
    before = value_at(page, "before", 0, 0)
    box = page.locator("#tab-masks textarea, textarea").first
    box.fill("")
    box.press_sequentially("big dogs bark loudly\nhello there")
    page.wait_for_function("decodeURIComponent(location.search).includes('there')")
    wait_for_value(page, "before", 0, 0, before)


def test_a_picture_out_of_sight_is_drawn_when_the_hand_rests(open_page):
    page = open_page("?tab=masks")
    far = "#view-masks [data-panel=conventions]"
    shown = f"document.querySelectorAll('{far} td[role=gridcell]').length"
    assert page.evaluate(f"document.querySelector('{far}').getBoundingClientRect().top > innerHeight")
    before = page.evaluate(shown)
    slider = page.locator(".am-field-extra input[type=range]")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(f"{shown} > {before}")
    page.wait_for_function("document.querySelectorAll('#view-masks [data-focus^=\"mask.0.\"]').length === 8")


def test_a_click_opens_the_arithmetic_and_escape_closes_it(open_page):
    page = open_page("?tab=masks")
    page.click('[data-focus="after.0.1"]')
    sheet = page.locator(".am-sheet")
    sheet.wait_for(state="visible")
    shown = f"{value_at(page, 'after', 0, 1):.4f}"
    assert shown in sheet.inner_text()
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")


def test_the_keyboard_walks_a_heatmap(open_page):
    page = open_page("?tab=masks")
    page.focus('[data-focus="after.0.0"]')
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.focus") == "after.1.1"
    page.keyboard.press("Enter")
    page.locator(".am-sheet").wait_for(state="visible")


def test_a_link_restores_the_view_in_both_languages(open_page):
    text = quote("你好 世界\nhi")
    for path, title in (("/", "Padding masks"), ("/zh", "填充掩码")):
        page = open_page(f"?tab=masks&text={text}&mask=both&sentence=1", path=path)
        page.locator('[data-focus="after.0.0"]').wait_for()
        assert page.get_by_role("tab", name=title).get_attribute("aria-selected") == "true"
        assert "mask=both" in page.url
        assert page.locator('[data-focus="ids.0.0"]').inner_text() == "你"


def test_the_open_cell_is_part_of_the_link(open_page):
    page = open_page("?tab=masks&mask=both&sentence=1")
    page.click('[data-focus="after.1.0"]')
    sheet = page.locator(".am-sheet")
    sheet.wait_for(state="visible")
    page.wait_for_function("location.search.includes('cell=after.1.0')")
    told = sheet.inner_text()
    again = open_page(page.url[page.url.index("?") :])
    again.locator(".am-sheet").wait_for(state="visible")
    again.wait_for_function("told => document.querySelector('.am-sheet').innerText === told", arg=told)
    again.click('[data-focus="close-sheet"]')
    again.wait_for_function("!location.search.includes('cell=')")


@pytest.mark.parametrize("tab", ["matchmaker", "masks"])
def test_a_cell_linked_in_free_play_is_open(open_page, tab):
    panel = {"matchmaker": "match", "masks": "after"}[tab]
    page = open_page(f"?tab={tab}&step=free&cell={panel}.0.1")
    page.wait_for_selector(".am-view .am-sheet:visible")
    page.wait_for_timeout(800)
    assert page.locator(".am-view .am-sheet:visible").count() == 1


def test_a_link_to_a_cell_that_is_not_there_says_so(open_page):
    page = open_page("?tab=masks&mask=both&cell=after.900.900")
    page.locator(".am-sheet").wait_for(state="visible")
    assert page.locator(".am-sheet").inner_text().startswith("That cell is no longer")


def test_an_example_comes_back_after_typing(open_page):
    page = open_page("?tab=masks")
    example = page.locator(".am-examples:visible button").first
    box = page.locator("textarea:visible").first
    example.click()
    page.wait_for_function("document.querySelector('textarea').offsetParent")
    page.wait_for_timeout(1000)
    first, text = page.locator('[data-panel="ids"]').inner_text(), box.input_value()
    box.fill("something else")
    page.get_by_text("something", exact=True).first.wait_for()
    example.click()
    page.wait_for_function(
        "first => document.querySelector('[data-panel=\"ids\"]').innerText === first", arg=first
    )
    assert box.input_value() == text


def test_a_text_taken_back_while_its_answer_is_under_way_shows_what_stands_there(open_page):
    page = open_page("?tab=masks&mask=none")
    before = value_at(page, "before", 0, 0)
    box = page.locator("textarea:visible").first
    text, held = box.input_value(), []
    # the first question waits; those after it go through
    page.route("**/component_server/**", lambda route: route.continue_() if held else held.append(route))
    box.fill("big dogs bark loudly\nhello there")
    while not held:
        page.wait_for_timeout(50)
    box.fill(text)
    page.wait_for_timeout(300)
    held[0].continue_()
    page.wait_for_timeout(2000)
    assert value_at(page, "before", 0, 0) == before
    assert "loudly" not in page.locator("#view-masks").inner_text()


@pytest.mark.parametrize("fault", ["lost", "502"])
def test_a_question_that_got_lost_is_asked_again(open_page, fault):
    page = open_page("?tab=masks&mask=none")
    page.expected_errors = True  # the browser's console tells of the failed request
    asked = []

    def once(route):
        asked.append(route.request.url)
        if len(asked) > 1:
            route.continue_()
        elif fault == "lost":
            route.abort()
        else:
            route.fulfill(status=502, body="bad gateway")

    page.route("**/component_server/**", once)
    before = value_at(page, "before", 0, 0)
    page.locator("textarea:visible").first.fill("big dogs bark loudly\nhello there")
    wait_for_value(page, "before", 0, 0, before)
    assert len(asked) >= 2
    assert not page.locator(".am-alert").count()


@pytest.mark.parametrize("half", [1, 2])
def test_a_link_whose_opening_got_lost_is_opened_again(browser, app_url, half):
    """Gradio opens a link with two events of its own, and says nothing of one that failed."""
    page = browser.new_context(locale="en-US").new_page()
    asked = []

    def fail_one(route):
        asked.append(route.request.url)
        if len(asked) == half:
            route.fulfill(status=502, body="bad gateway")
        else:
            route.continue_()

    page.route("**/run/predict*", fail_one)
    page.goto(f"{app_url}/?tab=masks&mask=none")
    page.locator('#view-masks [data-focus="after.0.0"]').wait_for()
    assert len(asked) == 2 + half
    page.wait_for_function("document.querySelector('.am-working') === null")
    page.context.close()


def test_an_example_that_got_lost_comes_after_all(open_page):
    page = open_page("?tab=masks&mask=none")
    page.expected_errors = True  # the browser's console tells of the failed request
    asked = []

    def fail_first(route):
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=502, body="bad gateway")
        else:
            route.continue_()

    page.route("**/run/predict*", fail_first)
    page.locator(".am-examples:visible button").nth(1).click()
    wait_for_link(page, "tab=masks", "extra=1")


def test_what_is_only_slow_is_not_started_twice_and_says_that_it_works(open_page):
    page = open_page("?tab=masks&mask=none")
    asked, held = [], []

    def hold(route):  # the first; those after it go through
        asked.append(route.request.url)
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/run/predict*", hold)
    page.locator(".am-examples:visible button").nth(1).click()
    page.locator(".am-working").wait_for()
    page.wait_for_timeout(3000)  # past the page's patience (gradio.js)
    assert len(asked) == 1
    held[0].continue_()
    wait_for_link(page, "tab=masks", "extra=1")
    page.locator(".am-working").wait_for(state="detached")


@pytest.mark.parametrize(("path", "query"), [("/", "?step=3"), ("/zh", "?embed=1&step=3")])
def test_a_step_without_a_tab_opens_it_in_the_first_lesson(open_page, path, query):
    page = open_page(query, path=path)
    page.wait_for_selector(".am-tab .am-inputs[data-step='3']:visible")
    wait_for_link(page, f"tab={TABS[0].id}", "step=3")


def test_a_bad_link_says_so_and_opens(open_page):
    page = open_page("?tab=masks&mask=sideways&sentence=999")
    page.get_by_text("could not be read").wait_for()
    page.locator('[data-focus="after.0.0"]').wait_for()


def test_a_layer_that_the_model_lacks_gives_way_in_a_link(open_page):
    page = open_page("?tab=model&scene=why&layer=3&query=5", ready='[data-panel="total"]:visible')
    said = page.locator("#view-model .am-note", has_text="Layer: please choose a number from 0 to 1")
    said.wait_for()
    layer = page.locator("#tab-model .am-field-layer input")
    page.wait_for_function("input => input.value === '1'", arg=layer.element_handle())
    wait_for_link(page, "scene=why", "query=5", "layer=1")
    page.wait_for_timeout(900)  # what Gradio's boxes tell of themselves comes late
    assert said.count() and "layer=1" in page.url and not page.locator("#view-model .am-alert").count()
    layer.fill("0")
    said.wait_for(state="detached")


def test_language_follows_browser_link_and_choice(open_page):
    page = open_page("", locale="zh-CN")
    assert page.url.split("?")[0].endswith("/zh")
    page.locator(".am-language").click()
    page.wait_for_url("**/?*lang=en*")
    page.get_by_role("heading", name="Attention Matchmaker").wait_for()
    page = open_page("?tab=masks&lang=zh")
    page.wait_for_url("**/zh?*")


def test_an_embedded_view_has_no_chrome(open_page):
    page = open_page("?tab=masks&embed=1")
    assert not page.locator(".am-brand").is_visible()
    assert "embed=1" in page.url


@pytest.mark.parametrize("payload", PAYLOADS)
def test_typed_text_never_runs(open_page, payload):
    page = open_page(f"?tab=masks&sentence=1&text={quote(payload)}")
    page.locator('[data-focus="after.0.0"]').click()
    page.locator(".am-sheet").wait_for(state="visible")
    assert page.evaluate("window.__pwned") is None
    first = page.locator('[data-focus="ids.0.0"]').inner_text()
    assert first and payload.startswith(first), "the text is not what the picture shows"


def test_a_refused_input_is_one_sentence_and_the_last_picture_stays(open_page):
    page = open_page("?tab=masks")
    before = value_at(page, "after", 0, 0)
    box = page.locator("#tab-masks textarea, textarea").first
    box.fill("")
    page.get_by_role("alert").get_by_text("please type something first").wait_for()
    assert value_at(page, "after", 0, 0) == before
    box.press_sequentially("new words here\nand")
    wait_for_value(page, "after", 0, 0, before)
    assert page.get_by_role("alert").count() == 0


def test_a_saved_page_opens_offline(open_page, browser, tmp_path):
    page = open_page("?tab=masks")
    with page.expect_download() as download:
        page.click('#view-masks [data-focus="save-all"]')
    path = tmp_path / "view.html"
    download.value.save_as(path)
    alone = browser.new_context(offline=True).new_page()
    alone.goto(path.as_uri())
    cell = alone.locator('[data-focus="after.0.0"]')
    sheet = alone.locator(".am-sheet .am-lines .am-value")
    cell.click()
    sheet.first.wait_for()
    shown = cell.get_attribute("data-value")
    assert f"{float(shown):.4f}" in sheet.all_inner_texts()  # the arithmetic, without a server
    room = alone.locator(".am-saved .am-ask .am-room").first
    assert not room.is_visible() and alone.locator(".am-saved-inputs tr").count() == 4
    alone.emulate_media(media="print")
    assert (
        room.is_visible()
        and not alone.locator(".am-toolbar, .am-code, .am-tasks").filter(visible=True).count()
    )
    alone.context.close()


def test_answers_are_marked_against_the_computed_value(open_page):
    page = open_page("?tab=masks")
    page.locator("#view-masks .am-tasks > summary").first.click()
    page.locator('[data-focus="task.empty.1"]').click()
    page.locator(".am-right").first.wait_for()
    page.locator('[data-focus="task.empty.0"]').click()
    page.locator(".am-wrong").first.wait_for()


@pytest.mark.parametrize("path", ["/", "/zh"])
def test_nothing_scrolls_sideways_on_a_phone(open_page, path):
    page = open_page("?tab=masks", path=path, viewport={"width": 390, "height": 800})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_page_config_names_no_other_host(open_page):
    page = open_page()
    urls = page.evaluate("performance.getEntriesByType('resource').map(r => new URL(r.name).host)")
    assert set(urls) <= {page.evaluate("location.host")}, json.dumps(sorted(set(urls)))
