"""The decoder in the browser: type, step, compare, open a cell, train, stop."""

from __future__ import annotations

import json
import math

from tests.browser.cells import wait_for_link

SLOW = 90_000  # milliseconds for chunks of a training on a crowded machine


def shown(page, focus):
    return float(page.locator(f'[data-focus="{focus}"]').get_attribute("data-value"))


def rows(page):
    return page.locator('[data-panel="alignment"] td[role=gridcell]').evaluate_all(
        "cells => new Set(cells.map(cell => cell.dataset.focus.split('.').slice(-2)[0])).size"
    )


def output(page, kind):
    return page.locator(f'[data-kind="{kind}"] .am-output').inner_text()


def wait_output(page, kind, test):
    page.wait_for_function(f"document.querySelector('[data-kind={kind}] .am-output').innerText {test}")


def open_decoder(open_page, more="", ready=".am-stage"):
    return open_page(f"?tab=decoder&step=free{more}", ready=ready)


def test_typing_a_date_moves_the_heatmap_and_the_link(open_page):
    page = open_decoder(open_page)
    assert output(page, "additive") == "1996-05-03"
    box = page.get_by_label("A date")
    box.fill("")
    box.press_sequentially("4 July 2031")
    wait_output(page, "additive", "=== '2031-07-04'")
    page.wait_for_function("location.search.includes('2031')")
    assert page.locator('[data-panel="alignment"] thead th').count() == 11
    box.fill("3/5/1997")
    page.get_by_text("Day first or month first?").wait_for()


def test_stepping_grows_the_picture_row_by_row(open_page):
    page = open_decoder(open_page)
    assert rows(page) == 10
    page.click('[data-focus="alignment.back"]')
    page.click('[data-focus="alignment.back"]')
    assert rows(page) == 8 and output(page, "dot") == "1996-05-··"
    assert page.locator(".am-mini rect").count() == 2 * 8 * 18
    page.focus('[data-focus="alignment.slider"]')
    page.keyboard.press("Home")
    assert rows(page) == 1
    page.keyboard.press("ArrowRight")
    assert rows(page) == 2
    assert page.locator(".am-characters .am-best b").inner_text() == "9"
    page.wait_for_function("location.search.includes('at=2')")
    page.get_by_role("button", name="Play", exact=True).click()
    wait_output(page, "none", "=== '1996-05-03'")
    page.get_by_role("button", name="Play", exact=True).wait_for()


def test_a_link_restores_text_kind_and_step(open_page):
    page = open_decoder(open_page, "&text=May+3rd%2C+1996&attention=dot&at=4")
    page.wait_for_timeout(600)  # the text box tells of its change
    assert rows(page) == 4
    wait_for_link(page, "attention=dot")
    assert page.locator('[data-kind="dot"].am-chosen').count() == 1
    page.click('[data-focus="alignment.forward"]')
    page.wait_for_function("location.search.includes('at=5')")
    page.wait_for_timeout(600)
    wait_for_link(page, "attention=dot", "May")


def test_the_wrong_answer_is_marked_and_no_attention_has_no_weights(open_page):
    page = open_decoder(open_page, "&text=May+3rd%2C+1996")
    assert page.locator('[data-kind="none"] .am-miss').count() >= 1
    assert page.locator('[data-kind="additive"] .am-miss').count() == 0
    page.click('[data-focus="kinds.none"]')
    page.locator('[data-panel="alignment"] .am-no-weights').wait_for()
    assert page.get_by_role("radio", name="none").is_checked()
    page.click('[data-focus="alignment.another"]')
    wait_output(page, "none", "!== '1996-05-02'")
    assert page.get_by_label("A date").input_value() != "May 3rd, 1996"


def test_cells_open_by_click_and_by_key(open_page):
    page = open_decoder(open_page)
    weight = f"{shown(page, 'alignment.3.17'):.4f}"
    page.click('[data-focus="alignment.3.17"]')
    page.locator(".am-sheet").filter(has_text=weight).wait_for()
    assert "tanh" in page.locator(".am-sheet:visible").inner_text()
    page.keyboard.press("Escape")
    page.focus('[data-focus="alignment.0.0"]')
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".am-sheet:visible").wait_for()
    page.click('[data-kind="dot"] rect[data-cell="2.16"]')
    page.locator(".am-sheet:visible").filter(has_text="s × h").wait_for()


def test_training_loses_loss_and_stop_stops(open_page):
    page = open_decoder(open_page, "&mode=train&steps=300", ready=".am-trainer")
    page.set_default_timeout(SLOW)
    asked, answered = [], []
    ours = "component_server"
    page.on("request", lambda request: asked.append(request.post_data) if ours in request.url else None)
    page.on("response", lambda response: answered.append(1) if ours in response.url else None)
    page.click('[data-focus="training.toggle"]')
    losses = []
    for step in (20, 40, 60):
        page.get_by_text(f"{step} of 300 steps").wait_for()
        label = page.locator(".am-trainer .am-spark").first.get_attribute("aria-label")
        losses.append(float(label.rsplit(" ", 1)[1]))
    assert losses[0] > losses[2] and losses[0] >= losses[1] >= losses[2]  # the next one may be there already
    first = float(label.split(": ")[1].split(" → ")[0])
    assert abs(first - math.log(11)) < 0.1  # as the step that asks for it says
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Go on").wait_for()
    stopped = page.locator(".am-trainer progress").evaluate("node => node.value")
    sent = len(asked)
    for _ in range(SLOW // 200):
        if len(answered) == len(asked):
            break
        page.wait_for_timeout(200)
    page.wait_for_timeout(700)
    assert len(answered) == len(asked) == sent < 15  # one was under way, and is dropped
    assert page.locator(".am-trainer progress").evaluate("node => node.value") == stopped
    assert [json.loads(body)["data"]["step"] for body in asked[:3]] == [0, 20, 40]

    page.focus('[data-focus="training.slider"]')
    page.keyboard.press("Home")
    page.get_by_text("step 20: writes").wait_for()
    weight = f"{shown(page, 'training.0.17'):.4f}"
    page.click('[data-focus="training.0.17"]')
    page.locator(".am-trainer .am-sheet").filter(has_text=weight).wait_for()


def test_another_seed_is_another_run(open_page):
    page = open_decoder(open_page, "&mode=train&steps=20&attention=none", ready=".am-trainer")
    page.set_default_timeout(SLOW)
    page.click('[data-focus="training.toggle"]')
    page.get_by_text("Done: 20 steps.").wait_for()
    page.get_by_role("spinbutton", name="number input for Seed", exact=True).fill("5")
    page.get_by_text("0 of 20 steps").wait_for()
    assert page.locator(".am-trainer .am-spark").count() == 0
