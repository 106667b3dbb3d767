"""By hand and find the bug, in a real browser: fill in, be marked, follow the link, run, click the line."""

from __future__ import annotations

import pytest
import torch

from attention.mistakes import MISTAKES
from attention.ui import BY_ID
from attention.ui.page.questions import ask_hand

ASKED = {"inputs": {"scale": True}, "panel": "weights", "row": 0, "column": 1}


def seed_for(label: str) -> tuple[int, str]:
    """A seed that leaves the line of this label empty, and the sign of that blank."""
    for seed in range(100):
        for section in ask_hand("en", BY_ID["matchmaker"], ASKED | {"seed": seed})["sections"]:
            for line in section.get("lines", ()):
                if line[0] == label and isinstance(line[-1], dict):
                    return seed, line[-1]["blank"]
    raise AssertionError(label)


def without_root() -> str:
    """Bo's weight where the division by √d was forgotten."""
    return f"{torch.softmax(torch.tensor([3.0, 1.0, 0.5]), 0)[1].item():.3f}"


@pytest.mark.parametrize("path, lang", [("/", "en"), ("/zh", "zh")])
def test_a_linked_sheet_is_filled_in_and_the_mistake_is_named(open_page, path, lang):
    seed, sign = seed_for("Weight")
    phone = {"viewport": {"width": 390, "height": 800}} if lang == "zh" else {}
    page = open_page(f"?tab=matchmaker&step=7&scale=1&cell=weights.0.1&hand={seed}", path, **phone)
    field = page.locator(f'[data-focus="hand.{sign}"]')
    field.fill(without_root().replace(".", ","))
    page.keyboard.press("Enter")
    said = page.locator(".am-hand-said")
    said.get_by_text(MISTAKES["no_scale"].says[lang]).wait_for()
    assert page.evaluate("document.activeElement.dataset.focus") == f"hand.{sign}"
    assert f"hand={seed}" in page.url and "cell=weights.0.1" in page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator('[data-focus="hand_reveal"]').click()
    answer = page.locator(".am-blank b").first
    answer.wait_for()
    page.keyboard.press("Escape")
    page.locator(".am-sheet").wait_for(state="hidden")
    page.wait_for_function("!location.search.includes('hand=')")


def test_the_button_empties_a_sheet_and_a_change_of_the_inputs_asks_anew(open_page):
    page = open_page("?tab=masks&cell=after.0.1")
    page.locator('[data-focus="by_hand"]').click()
    first = page.locator(".am-sheet .am-blank input").first
    first.fill("7")
    page.keyboard.press("Enter")
    page.locator(".am-hand-said p").wait_for()
    page.get_by_label("None", exact=True).check()
    page.wait_for_function("!document.querySelector('.am-sheet .am-hand-said p')")
    assert page.locator(".am-sheet .am-blank input").first.input_value() == ""
    page.locator('[data-focus="hand_full"]').click()
    page.locator('[data-focus="by_hand"]').wait_for()
    assert page.locator(".am-sheet .am-blank").count() == 0


def test_a_drawn_sheet_is_marked_and_its_key_opens(open_page):
    page = open_page("?tab=kernel&hand=5")
    answers = ask_hand("en", BY_ID["kernel"], {"paper": "distance", "seed": 5, "reveal": True})["answers"]
    for id, answer in answers.items():
        page.locator(f'.am-paper [data-focus="hand.{id}"]').fill(answer)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.am-paper .am-hand-said .am-right').length === 8")
    assert page.locator(".am-paper .am-hand-said .am-wrong").count() == 0 and "hand=5" in page.url
    with page.expect_popup() as popup:
        page.locator('[data-focus="paper_key"]').click()
    key = popup.value.locator("body")
    assert all(f"[{answer}]" in key.inner_text() for answer in answers.values())
    page.locator('[data-focus="paper_new"]').click()
    page.wait_for_function("location.search.includes('hand=6')")


def test_a_program_is_run_and_its_line_found(open_page):
    page = open_page("?tab=positions", viewport={"width": 390, "height": 800})
    page.locator("#view-positions .am-pitfalls summary").first.click()
    page.locator('[data-focus="bug.encoding_without_forward.run"]').click()
    item = page.locator("#view-positions .am-pitfalls li").first
    item.get_by_text("NotImplementedError").wait_for()
    reveal = item.locator(".am-pitfall-reveal")
    page.locator('[data-focus="bug.encoding_without_forward.13"]').click()
    assert item.locator(".am-result.am-wrong").is_visible() and reveal.is_hidden()
    page.locator('[data-focus="bug.encoding_without_forward.10"]').focus()
    page.keyboard.press("Enter")
    assert item.locator(".am-result.am-right").is_visible() and reveal.is_visible()
    assert "def forward(self, x):" in reveal.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
