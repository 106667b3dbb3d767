"""The pass of the storyteller in a browser: words to click, numbers to open, words written on."""

from __future__ import annotations

import pytest

WIDTHS = (390, 1280, 1920)


@pytest.fixture
def page(open_page):
    page = open_page("?tab=model", ready="#view-model .am-pass-art")
    return page


def words(page) -> list[str]:
    return page.locator("#view-model .am-pass-word title").all_text_contents()


def test_a_number_is_named_lit_and_opened_by_mouse_and_by_keyboard(page):
    bar = page.locator("#view-model .am-pass-bar").nth(20)
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 1)
    assert page.locator("#view-model .am-pass-status").text_content().startswith("Head 0.1: weights")
    assert page.locator("#view-model .am-pass-head.am-lit").count() == 1
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 1)
    page.wait_for_selector("#view-model .am-sheet h3")
    assert "comes to look at" in page.locator("#view-model .am-sheet h3").text_content()
    page.keyboard.press("Escape")
    page.locator("#view-model .am-pass-art").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector("#view-model .am-sheet:not([hidden]) h3")
    assert "norm before the heads, number 2" in page.locator("#view-model .am-sheet h3").text_content()


def test_it_writes_a_word_takes_it_back_and_draws_the_column_that_is_clicked(page):
    before = words(page)
    page.locator("#view-model").get_by_role("button", name="Write a word").click()
    page.wait_for_function("document.querySelectorAll('#view-model .am-pass-word').length === 14")
    assert words(page) == [*before, "bo"] and "written=1" in page.url
    page.locator("#view-model .am-pass-word").nth(2).click()
    page.wait_for_function("document.querySelectorAll('#view-model .am-pass-later').length === 11")
    assert page.locator("#view-model .am-pass-word.am-chosen title").text_content() == "bo"
    page.locator("#view-model").get_by_role("button", name="Take one back").click()
    page.wait_for_function("document.querySelectorAll('#view-model .am-pass-word').length === 13")
    assert words(page) == before


def test_let_it_write_goes_on_to_the_end_of_the_story(page):
    page.locator("#view-model").get_by_role("button", name="Let it write").click()
    page.locator("#view-model .am-pass-result", has_text="<end>").wait_for()
    page.wait_for_selector("#view-model button:disabled:has-text('Let it write')")
    assert words(page)[-2:] == ["bo", "."]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_label_is_cut_or_covered(open_page, width):
    page = open_page(
        "?tab=model&text=ann and bo went to the library . ann gave the lamp to",
        ready="#view-model .am-pass-art",
        viewport={"width": width, "height": 800},
    )
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    small, outside, covered = page.evaluate("""() => {
      const art = document.querySelector('#view-model .am-pass-art');
      const edge = art.getBoundingClientRect();
      const scale = edge.width / art.viewBox.baseVal.width;
      const size = (one) => parseFloat(getComputedStyle(one).fontSize) * scale;
      const boxes = [...art.querySelectorAll('text')]
        .map((one) => [one.textContent, one.getBoundingClientRect(), size(one)]);
      const beyond = (box) => box.left < edge.left - 1 || box.right > edge.right + 1
        || box.bottom > edge.bottom + 1;
      const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 5;
      return [boxes.filter(([, , size]) => size < 11.9).map(([text]) => text),
        boxes.filter(([, box]) => beyond(box)).map(([text]) => text),
        boxes.flatMap(([text, a], i) => boxes.slice(i + 1)
          .filter(([, b]) => meet(a, b)).map(([other]) => [text, other]))];
    }""")  # fmt: skip
    assert (small, outside, covered) == ([], [], [])


def test_a_step_shows_the_whole_way_and_free_play_gives_it_room(open_page):
    page = open_page(
        "?tab=model&step=3", ready="#view-model .am-pass-art", viewport={"width": 1280, "height": 800}
    )
    tall = "document.querySelector('#view-model .am-pass-art').viewBox.baseVal.height"
    box = page.locator("#view-model .am-pass-result").bounding_box()
    assert box["y"] + box["height"] <= 800  # the word that is written, at the end of the way
    tight = page.evaluate(tall)
    page.goto(page.url.split("?")[0] + "?tab=model&step=free")
    page.wait_for_selector("#view-model .am-pass-art")
    assert page.evaluate(tall) > tight


def test_seeds_are_trained_in_chunks_stop_and_go_on(open_page):
    page = open_page("?tab=model&scene=copy&stage=seeds", ready="#view-model [data-focus='race.two']")
    line = page.locator("#view-model .am-race-now")
    page.click('[data-focus="race.two"]')
    page.locator('[data-focus="race.look.0"]').wait_for(timeout=60_000)
    page.click('[data-focus="race.stop"]')
    page.locator('[data-focus="race.two"]').wait_for()
    stopped = line.get_attribute("points")
    page.wait_for_timeout(1500)
    assert line.get_attribute("points") == stopped  # the chunk under way was dropped
    page.click('[data-focus="race.two"]')
    script = "was => document.querySelector('#view-model .am-race-now').getAttribute('points').length > was"
    page.wait_for_function(script, arg=len(stopped), timeout=60_000)
    assert line.get_attribute("points").startswith(stopped)
    page.click('[data-focus="race.stop"]')
