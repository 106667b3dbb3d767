"""What the page does with a refusal, a comma, and labels side by side, in both languages."""

from __future__ import annotations

import pytest

from attention.ui.page.texts import LANGUAGES, words_for

PATHS = {"en": "/", "zh": "/zh"}
# the room of a column's label: what its text takes, and where the next one begins
APART = """panel => [...document.querySelectorAll(`${panel} thead th span:not(.am-turned)`)]
  .map(span => { const range = document.createRange(); range.selectNodeContents(span);
    const box = range.getBoundingClientRect(); return [box.left, box.right]; })"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_stands_at_its_field_in_sight_until_it_is_mended(open_page, language):
    page = open_page(f"?tab=kernel&lang={language}", PATHS[language])
    box = page.locator("#view-kernel").locator("xpath=ancestor::*[contains(@class, 'am-tab')]//textarea")
    box.fill("1, 2\n3, x")
    note = page.locator(".am-refused:visible")
    note.wait_for()
    words = words_for(language)
    sentence = words("errors.point_number", field=words("kernel.points"), line=2)
    assert note.inner_text() == sentence == page.get_by_role("alert").inner_text()
    place = note.bounding_box()
    assert 0 <= place["y"] <= 900 - place["height"]
    assert box.get_attribute("aria-invalid") == "true"
    assert page.locator("#" + box.get_attribute("aria-describedby")).inner_text() == sentence
    box.fill("1, 2\n3, 4")
    note.wait_for(state="detached")
    assert box.get_attribute("aria-invalid") is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_among_the_people_is_refused_at_its_table(open_page, language):
    page = open_page(f"?tab=matchmaker&lang={language}", PATHS[language])
    page.locator(".am-people-fold > summary").click()
    page.locator('[data-key="key.0.0"]').fill("abc")
    note = page.locator(".am-people section:has([data-key='key.0.0']) .am-refused")
    note.wait_for()
    assert words_for(language)("matchmaker.people") in note.inner_text()


def test_a_comma_is_a_decimal_point(open_page):
    """0,9 was read as 09."""
    page = open_page("?tab=matchmaker")
    page.locator(".am-people-fold > summary").click()
    page.locator('[data-key="key.0.0"]').fill("0,9")  # the products are 0.9 + 1 + 0.5
    page.locator('[data-focus="similarity.0.0"][data-value^="2.4"]').wait_for()
    slider = page.get_by_role("spinbutton", name="Temperature")
    slider.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("0,9")
    assert slider.input_value() == "0.9"
    page.wait_for_function("location.search.includes('temperature=0.9')")


def test_a_comma_is_a_decimal_point_in_an_answer(open_page):
    page = open_page("?tab=masks")
    page.locator("#view-masks .am-tasks > summary").first.click()
    answer = page.locator('#view-masks [data-focus="task.first"]')
    answer.click()
    page.keyboard.type("0,72")
    page.keyboard.press("Enter")
    guess = """() => [...document.querySelectorAll("*")].map((node) => node.amView)
      .find((view) => view && view.state.answers?.first)?.state.answers.first.guess"""
    page.wait_for_function(f"({guess})() === 0.72")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("query", "panel"), [("matchmaker&mode=training", "training"), ("positions", "weights")]
)
def test_labels_of_columns_stand_apart(open_page, query, panel, language):
    """They ran together: "cand. 1cand. 2", "0 the 1 dog"."""
    page = open_page(f"?tab={query}&lang={language}", PATHS[language])
    shown = f"#view-{query.partition('&')[0]} [data-panel='{panel}']"
    page.locator(f"{shown} thead").wait_for()
    boxes = page.evaluate(APART, shown)
    assert len(boxes) >= 5
    assert all(after[0] - before[1] >= 6 for before, after in zip(boxes, boxes[1:], strict=False)), boxes


def test_a_short_sign_stays_level_where_long_words_are_turned(open_page):
    """A "<" on its side read as a "v"."""
    page = open_page("?tab=masks&text=a+%3C+b+and+something+quite+long%0Ax&sentence=1")
    heads = page.locator('[data-panel="scores"] thead th span')
    mode = "head => getComputedStyle(head).writingMode"
    turned = {head.inner_text(): head.evaluate(mode) for head in heads.all()}
    assert turned["<"] == "horizontal-tb" and turned["something"] == "vertical-rl"


def test_a_long_matrix_of_few_columns_fits_the_screen(open_page):
    """Four points of one's own made a heatmap 1,400 px tall."""
    page = open_page("?tab=kernel&points=1%2C2%0A3%2C4%0A5%2C1%0A6%2C0")
    panel = page.locator('#view-kernel [data-panel="weights"]')
    panel.locator(".am-map-heat").wait_for()
    assert panel.bounding_box()["height"] < 900
