"""A teacher's loop in the browser: collected, handed out, worked through, handed in, collated."""

from __future__ import annotations

import json

from attention.course import collate, read_assignment, read_hand_in
from attention.ui import page_answers

PASTE = ".am-class .am-paste"
BAR = ".am-course-bar"


def forward(page) -> None:
    page.click(f"{BAR} [data-focus=next], {BAR} [data-focus=to_hand_in]")


def text_of(page, script: str) -> str:
    """What a script of the page's would put into a link."""
    return page.evaluate(script)


def test_the_loop_from_the_teacher_to_the_learner_and_back(open_page):
    page = open_page("?tab=masks&step=1", ready="#view-masks .am-panel:visible")
    page.locator("#view-masks .am-collect").click()
    page.goto(page.url.split("?")[0] + "class")
    page.wait_for_selector(".am-items li")
    page.click(".am-own-form summary")
    page.select_option("[data-focus='own.kind']", "choice")
    page.fill("[data-focus='own.prompt']", "Which sums to 1? <img src=x onerror='window.__pwned=1'>")
    page.fill("[data-focus='own.rest']", "a column\n* a row")
    page.click("[data-focus=add_own]")
    page.wait_for_selector(".am-items li:nth-child(2)")
    page.fill("[data-focus=title]", "Our class")
    page.click("[data-focus=copy_assignment]")
    page.wait_for_timeout(300)
    page.evaluate("window.open = (address) => { window.__opened = address; }")
    page.click("[data-focus=try_it]")
    page.wait_for_function("window.__opened")
    link = page.evaluate("window.__opened")
    made = read_assignment(link.split("assignment=")[1])
    assert made.title == "Our class" and [one.kind for one in made.questions] == ["task", "choice"]

    page.goto(link)
    page.wait_for_selector(f"{BAR} [data-focus=next]")
    tab = page.locator(".am-tab:has(#view-masks)")
    tab.locator("[data-focus='task.leak']").fill("60")
    for guess in ("60", "50"):
        tab.locator("[data-focus='task.leak']").fill(guess)
        tab.locator("[data-focus='task.leak.check']").click()
    assert "1 of 2 answered" in page.locator(BAR).inner_text()
    forward(page)
    page.locator(".am-course [data-focus='own.1']").click()
    assert page.locator(".am-course .am-result.am-right").count() == 1
    page.reload()  # what was answered is kept
    page.wait_for_selector(f"{BAR} [data-focus=to_hand_in]")
    forward(page)
    page.fill("[data-focus='handin.name']", "Mei")
    with page.expect_download() as download:
        page.click("[data-focus=save_hand_in]")
    text = open(download.value.path(), encoding="utf-8").read()
    hand_in = read_hand_in(text)
    assert hand_in.name == "Mei" and hand_in.assignment == made
    assert [(one.given, one.attempts, one.guesses) for one in hand_in.answers] == [
        ("50", 2, ("60",)),
        ("1", 1, ()),
    ]
    marks = collate([("Mei", text)], page_answers).learners[0].marks
    assert [marks[one.id].verdict for one in made.questions] == ["wrong", "right"]

    page.goto(page.url.split("?")[0] + "class")
    page.wait_for_selector(PASTE)
    page.fill(PASTE, json.dumps(json.loads(text)))
    page.click("[data-focus=collate]")
    page.wait_for_selector(".am-marks tbody tr")
    assert page.locator(".am-marks tbody tr").inner_text().split()[0] == "Mei"
    assert page.locator(".am-marks .am-total").inner_text() == "1"
    page.fill(PASTE, "h1.broken")
    page.click("[data-focus=collate]")
    page.wait_for_selector(".am-class-result .am-note")
    assert not page.locator(".am-marks").count()


def test_the_wall_shows_one_picture_in_large_type(open_page):
    page = open_page("?tab=masks&step=1&projector=1", viewport={"width": 1600, "height": 900})
    page.wait_for_selector("#view-masks [data-panel=before]:visible")
    small = """() => [...document.querySelectorAll('#view-masks *, .am-inputs *')].filter((node) =>
        node.checkVisibility() && [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim()))
        .map((node) => [node.className, node.textContent.trim(), parseFloat(getComputedStyle(node).fontSize)
          * (node.currentCSSZoom || 1)]).filter(([, , size]) => size < 22)"""
    assert page.locator("#view-masks .am-panel:visible").count() == 1
    assert page.evaluate(small) == []
    assert page.locator("[data-panel=before][data-veiled]").count() == 1
    page.keyboard.press("r")
    page.wait_for_selector(".am-question .am-result.am-right")
    assert page.locator("[data-panel=before][data-veiled]").count() == 0
    page.keyboard.press("PageDown")
    page.wait_for_function(
        "document.querySelector('.am-tab:has(#view-masks) .am-inputs').dataset.step === '2'"
    )
