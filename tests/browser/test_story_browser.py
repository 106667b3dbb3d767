"""The way to the picture by keyboard, and what the heads tab says, in a real browser."""

from __future__ import annotations

import pytest

from tests.browser.test_heads_browser import READY

PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}
both = pytest.mark.parametrize("path", ["/", "/zh"])
IN_PICTURE = """() => { const a = document.activeElement;
  return Boolean(a && a.closest('.am-view .am-panel') && a.offsetParent && a.tabIndex === 0); }"""


@pytest.fixture(autouse=True, scope="module")
def loaded():
    from attention.ui.tabs.heads.runs import model_of

    model_of("minilm", None)


@pytest.mark.parametrize("tab", ["matchmaker", "kernel", "masks", "heads", "positions"])
@both
def test_the_first_stop_skips_to_the_picture(open_page, tab, path):
    page = open_page(f"?tab={tab}", path=path)
    page.keyboard.press("Tab")
    link = page.locator(".am-skip")
    assert link.evaluate("(one) => one === document.activeElement")
    box = link.bounding_box()
    assert box["x"] >= 0 and box["y"] >= 0  # in sight while it has the focus
    page.keyboard.press("Enter")
    page.wait_for_function(IN_PICTURE)
    inside = "(id) => document.getElementById(id).contains(document.activeElement)"
    assert page.evaluate(inside, f"view-{tab}")


def test_tabs_and_examples_are_one_stop_each_and_arrows_walk_them(open_page):
    page = open_page("?tab=masks")
    page.wait_for_timeout(400)
    row = "[role=tablist] button, .am-examples button"
    seen = page.locator(row).evaluate_all(
        "(all) => all.filter((one) => one.offsetParent && one.checkVisibility())"
        ".map((one) => [one.closest('.am-examples') ? 'e' : 't', one.tabIndex])"
    )
    assert len([1 for _, stop in seen if stop == 0]) == 2, seen
    page.locator("[role=tab][aria-selected=true]:visible").focus()
    page.keyboard.press("ArrowRight")
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.locator("[role=tab][aria-selected=true]:visible", has_text=name.strip()).wait_for()


@both
@pytest.mark.parametrize("viewport", [PHONE, WIDE], ids=["390", "1280"])
def test_the_title_says_which_way_round_the_grid_is(open_page, path, viewport):
    page = open_page("?tab=heads", path=path, ready=READY, viewport=viewport)
    page.wait_for_function("document.querySelector('.am-overview-canvas').width > 0")
    page.wait_for_timeout(300)
    box = page.locator(READY).bounding_box()
    title = page.locator("#view-heads [data-panel=overview] .am-title").inner_text()
    assert box["width"] > box["height"]  # six layers downwards, on a phone too
    assert title.index("6") < title.index("12")
    assert page.get_attribute(READY, "aria-label").startswith(title)


def test_a_rail_does_not_glare_in_the_dark(open_page):
    page = open_page("?tab=matchmaker&__theme=dark")
    rail = page.locator("input[type=range]:visible").first
    colour = rail.evaluate("(one) => getComputedStyle(one).getPropertyValue('--neutral-200').trim()")
    assert max(int(colour[at : at + 2], 16) for at in (1, 3, 5)) < 0x80


@both
def test_the_position_given_to_all_is_an_input_of_touch_it(open_page, path):
    query = "?tab=heads&look=touch&shuffle=7&positions=0&text=The+dog+bit+the+man+in+the+park."
    page = open_page(query, path=path, ready=READY)
    page.locator("#view-heads .am-note", has_text="60").first.wait_for()
    label = "Position given to all" if path == "/" else "大家共用的位置"
    box = page.get_by_label(label)
    box.fill("7")
    box.press("Tab")
    page.wait_for_function("new URLSearchParams(location.search).get('position') === '7'")
    page.wait_for_function("[...document.querySelectorAll('#view-heads .am-note')].length === 1")
    assert "1.0000" in page.locator('#view-heads [data-panel="cosine"]').inner_text()


@both
def test_the_glossary_links_its_new_words_in_the_lesson_and_no_letters(open_page, path):
    page = open_page("?tab=heads", path=path, ready=READY)
    page.locator(".am-lesson > button:visible, .am-lesson button.label-wrap:visible").first.click()
    page.locator(".am-lesson .am-term").first.wait_for()
    page.wait_for_timeout(400)
    terms = {text.lower() for text in page.locator(".am-term").all_inner_texts()}
    assert ("sinks" if path == "/" else "停放点") in terms
    assert not [text for text in terms if len(text) == 1 and text.isascii()]


def test_an_answer_is_written_plainly(open_page):
    page = open_page("?tab=positions")
    page.locator("#view-positions .am-tasks:not(.am-pitfalls) > summary").click()
    forms = page.locator("#view-positions .am-tasks form")
    for at in range(forms.count()):
        forms.nth(at).locator("input").fill("-77")
        forms.nth(at).locator("button").click()
    answers = page.locator("#view-positions .am-tasks .am-result").all_inner_texts()
    assert any(answers) and not any(".00 " in text or ".00." in text for text in answers), answers
