"""A teacher's loop in the browser: collected, handed out, worked through, handed in, collated."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import zxingcpp
from PIL import Image

from attention.course import collate, read_assignment, read_hand_in
from attention.misconceptions import make_test
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
    page.check("[data-focus='veil.0']")
    page.fill("[data-focus=title]", "Our class")
    page.click("[data-focus=copy_assignment]")
    page.wait_for_timeout(300)
    page.evaluate("window.open = (address) => { window.__opened = address; }")
    page.click("[data-focus=try_it]")
    page.wait_for_function("window.__opened")
    link = page.evaluate("window.__opened")
    made = read_assignment(link.split("assignment=")[1])
    assert made.title == "Our class" and made.veiled == ("q1",)
    assert [one.kind for one in made.questions] == ["task", "choice"]

    page.goto(link)
    page.wait_for_selector(f"{BAR} [data-focus=next]")
    tab = page.locator(".am-tab:has(#view-masks)")
    tab.locator("[data-focus='task.leak']").fill("60")
    for guess in ("60", "50"):
        tab.locator("[data-focus='task.leak']").fill(guess)
        tab.locator("[data-focus='task.leak.check']").click()
    assert "1 of 2 answered" in page.locator(BAR).inner_text()
    assert (
        page.locator("[data-panel=before][data-veiled]").count() == 1
    )  # to the end, as the teacher wants it
    assert not tab.locator(".am-question .am-result").is_visible()
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
    page.wait_for_selector("#view-masks [data-panel=scores]:visible")  # what the answer is worked out from
    small = """() => [...document.querySelectorAll('#view-masks *, .am-inputs *')].filter((node) =>
        node.checkVisibility() && [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim()))
        .map((node) => [node.className, node.textContent.trim(), parseFloat(getComputedStyle(node).fontSize)
          * (node.currentCSSZoom || 1)]).filter(([, , size]) => size < 22)"""
    assert page.locator("#view-masks .am-panel:visible").count() == 1
    assert page.evaluate(small) == []
    page.keyboard.press("p")
    page.wait_for_selector("#view-masks [data-panel=before][data-veiled]:visible")
    assert page.locator("#view-masks .am-panel:visible").count() == 1
    page.keyboard.press("r")
    page.wait_for_selector(".am-question .am-result.am-right")
    assert page.locator("[data-panel=before][data-veiled]").count() == 0
    page.keyboard.press("PageDown")
    page.wait_for_function(
        "document.querySelector('.am-tab:has(#view-masks) .am-inputs').dataset.step === '2'"
    )


FREE = "?tab=matchmaker&step=free"


def seen_code(page) -> str:
    """The QR code on the screen, as a camera's program reads it from the screen's picture."""
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
    return zxingcpp.read_barcodes(picture)[0].text


def test_numbers_of_ones_own_on_a_phone(open_page):
    """What a teacher asks of a picture is reached and typed by somebody with an accent in the name."""
    page = open_page(FREE, path="/zh", ready="#view-matchmaker .am-panel:visible")
    page.locator("#view-matchmaker .am-collect").click()
    page.goto(page.url.split("zh?")[0] + "class-zh")
    page.wait_for_selector(".am-items li")
    page.click(".am-own-form summary")
    page.select_option("[data-focus='own.kind']", "target")
    page.wait_for_selector("[data-focus='own.panel'] option:nth-child(5)", state="attached")
    page.select_option("[data-focus='own.panel']", label="权重")
    page.fill("[data-focus='own.prompt']", "让 Ann 至少得到 0.99")
    page.fill("[data-focus='own.value']", "0.5")
    page.click("[data-focus=add_own]")
    page.wait_for_selector(".am-own-form [role=status]:not(:empty)")  # so it is already
    page.fill("[data-focus='own.value']", "0.99")
    page.click("[data-focus=add_own]")
    page.wait_for_selector(".am-items .am-caption:has-text('≥ 0.99')")
    page.check("[data-focus=own_numbers]")
    page.evaluate("window.open = (address) => { window.__opened = address; }")
    page.click("[data-focus=try_it]")
    page.wait_for_function("window.__opened")
    link = page.evaluate("window.__opened")

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(link)
    page.fill("[data-focus='begin.name']", "  Zoë MÜLLER ")
    page.keyboard.press("Enter")
    goal = page.locator(".am-course .am-goal")
    before = goal.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("[data-focus=drawer]:visible").click()
    box = page.locator(".am-field-temperature input[type=number]")
    box.fill("0.1")
    box.press("Enter")
    page.wait_for_selector(".am-course .am-result.am-right")
    assert goal.inner_text() != before
    assert page.locator(f"{BAR} .am-course-now.am-right").bounding_box()["y"] >= 0  # beside the turned knob
    forward(page)
    assert page.locator("[data-focus='handin.name']").is_disabled()
    with page.expect_download() as download:
        page.click("[data-focus=save_hand_in]")
    text = open(download.value.path(), encoding="utf-8").read()
    assert "1 temperature=0.1" in read_hand_in(text).did
    learner = collate([("z", text)], page_answers, drawn=page_answers.drawn).learners[0]
    assert (learner.name, learner.own_seed) == ("Zoë MÜLLER", True)
    assert learner.marks["q1"].verdict == "right"
    again = text.replace("Zoë MÜLLER", "zoe\u0308 müller")  # retyped on another keyboard
    assert collate([("z", again)], page_answers, drawn=page_answers.drawn).learners[0].own_seed


def test_free_play_on_the_wall_is_one_picture_and_a_code_for_the_phones(open_page):
    page = open_page(f"{FREE}&projector=1&__theme=dark", ready="#view-matchmaker .am-panel:visible",
                     viewport={"width": 1600, "height": 900})  # fmt: skip
    seen = (
        "[...document.querySelectorAll('#view-matchmaker .am-panel')].filter((one) => one.checkVisibility())"
    )
    assert page.evaluate(f"{seen}.map((one) => one.dataset.panel)") == ["match"]
    assert not page.locator(".am-tab:has(#view-matchmaker) .am-inputs").is_visible()
    page.keyboard.press("p")
    assert page.evaluate(f"{seen}.map((one) => one.dataset.panel)") == ["similarity"]
    page.keyboard.press("P")
    page.keyboard.press("q")
    page.wait_for_selector(".am-wall-code svg")
    assert seen_code(page) == page.url.replace("&projector=1", "")
    page.keyboard.press("q")
    page.goto(page.url.split("?")[0] + "?assignment=lesson&projector=1&from=2")
    page.wait_for_selector(f"{BAR} [role=status]:has-text('2 of 9')")
    page.keyboard.press("n")
    page.wait_for_selector(f"{BAR} [role=status]:has-text('3 of 9')")
    page.keyboard.press("q")
    page.wait_for_selector(".am-wall-code svg")
    link = seen_code(page)
    assert link.endswith("?assignment=lesson&from=3")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(link)
    page.wait_for_selector(f"{BAR} [role=status]:has-text('3 of 9')")
    page.wait_for_selector("#view-matchmaker .am-panel:visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_test_before_tells_no_answers_and_the_one_after_does(open_page):
    page = open_page("?test=before&seed=3", ready="[data-focus=begin]")
    for when in ("before", "after"):
        if when == "after":
            page.goto(page.url.replace("before", "after"))
        page.fill("[data-focus='test.name']", "=A1")
        page.click("[data-focus=begin]")
        items = make_test(3, when == "after")
        for place, item in enumerate(items):
            page.wait_for_selector(f".am-own-prompt:has-text('{item.prompt()}')")
            page.click("[data-focus='test.none']" if place == 0 else f"[data-focus='test.{item.right}']")
        with page.expect_download() as download:
            page.click("[data-focus=save_csv]")
        rows = list(csv.DictReader(open(download.value.path(), encoding="utf-8-sig", newline="")))
        assert [row["right"] for row in rows] == ["0"] + ["1"] * 11
        assert [row["item"] for row in rows] == [item.mistake for item in items]
        assert {(row["name"], row["test"], row["seed"]) for row in rows} == {("'=A1", when, "3")}
        assert page.locator(".am-test-answers li").count() == (12 if when == "after" else 0)
