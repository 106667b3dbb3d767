"""The lesson in a browser: every step asked and answered, its controls beside its picture."""

from __future__ import annotations

import json

import pytest

from attention.ui import TABS
from attention.ui.page.questions import view_of
from attention.ui.page.steps import lesson_of
from attention.ui.page.texts import LANGUAGES
from tests.browser.labels import CLIPPED, PAINTED, STOPS

LESSONS = [tab for tab in TABS if lesson_of(tab, "en")]
PATH = {"en": "/", "zh": "/zh"}


FIND = """(id) => [...document.querySelectorAll("*")].map((node) => node.amView)
  .find((view) => view && view.payload && view.payload.tab === id)"""
STATE = """(id) => {
  const tab = document.querySelector(`#view-${id}`).closest(".am-tab");
  const box = (node) => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    return [left, top, right, bottom].map(Math.round);
  };
  const seen = (node) => node.offsetParent !== null && node.getBoundingClientRect().height > 0;
  const nameOf = (node) => [...node.classList].find((one) => one.startsWith("am-field-")).slice(9);
  const result = tab.querySelector(".am-question .am-result");
  return {
    controls: [...tab.querySelectorAll(".am-field")].filter(seen).map((node) => [nameOf(node), box(node)]),
    panels: [...tab.querySelectorAll(".am-panel")].filter((node) => node.dataset.panel && seen(node))
      .map((node) => [node.dataset.panel, box(node), "veiled" in node.dataset]),
    questions: [...tab.querySelectorAll(".am-question, .am-step-ways")].filter(seen).map((node) => [node.className, box(node)]),
    said: tab.querySelector(".am-step-text").innerText.trim(),
    scrolled: [...tab.querySelectorAll(".am-panel, .am-panel *, .am-inputs")].filter((node) => seen(node) && node.scrollHeight > node.clientHeight + 1
      && ["auto", "scroll"].includes(getComputedStyle(node).overflowY)).map((node) => node.className),
    sideways: document.documentElement.scrollWidth - window.innerWidth,
    result: result ? result.innerText : "",
  };
}"""  # noqa: E501
SIZES = ((1280, 800), (1920, 1080), (390, 800))


def tab_of(page, id):
    return page.locator(f".am-tab:has(#view-{id})")


def wait_for_step(page, id, n):
    """Until the step is drawn, its text is there, and nothing is under way."""
    page.wait_for_selector(f".am-tab:has(#view-{id}) .am-inputs[data-step='{n}']")
    page.wait_for_function(
        f"""([id, n]) => {{
          const view = ({FIND})(id);
          return view && view.payload.step === n && !view.following
            && performance.now() > (view.steps?.until ?? 0)
            && !view.payload.panels.some((panel) => panel.kind === "waiting");
        }}""",
        arg=[id, n],
    )


def state(page, id):
    """What stands where in a step: boxes of the controls in sight and of the panels, what is said."""
    return page.evaluate(STATE, id)


def resize(page, size):
    """Another screen, once everything has been laid out on it; the same one is only scrolled to its top."""
    if page.viewport_size == {"width": size[0], "height": size[1]}:
        page.evaluate("window.scrollTo(0, 0)")
        return
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(80)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def boxes_at(page, id, n, size, asking=False):
    """All of a step's controls and its panels on one screen, while it asks its question too."""
    resize(page, size)
    clipped = page.evaluate(CLIPPED, id)
    assert not clipped, (n, size, clipped)
    if size[0] >= 1000:  # on a phone the picture comes first and the controls below it
        boxes = state(page, id)
        assert not boxes["scrolled"], (n, size, boxes["scrolled"])
        asked = boxes["questions"] if asking else []
        named = [*boxes["controls"], *asked, *((id, box) for id, box, _ in boxes["panels"])]
        for name, (left, top, right, bottom) in named:
            assert 0 <= top and bottom <= size[1], (n, name, size, top, bottom)
            assert 0 <= left and right <= size[0], (n, name, size, left, right)


def answer(page, id, task):
    """Give the right answer as a learner would."""
    tab = tab_of(page, id)
    if task["kind"] == "choice":
        tab.locator(f"[data-focus='task.{task['id']}.{task['answer']}']").click()
    elif task["kind"] == "number" and "bar" in task:
        tab.locator(f"[data-focus='task.{task['id']}']").evaluate(
            """(node, value) => {
              Object.assign(node, { step: "any", value });
              node.dispatchEvent(new Event("input", { bubbles: true }));
            }""",
            task["answer"],
        )
        tab.locator(f"[data-focus='task.{task['id']}.check']").click()
    elif task["kind"] == "number":
        tab.locator(f"[data-focus='task.{task['id']}']").fill(str(task["answer"]).replace(".", ","))
        tab.locator(f"[data-focus='task.{task['id']}.check']").click()
    elif task["kind"] == "point":
        row, column = task["cells"][0]
        page.evaluate(
            f"([id, panel, row, column]) => ({FIND})(id).open({{ panel, row, column }})",
            [id, task["panel"], row, column],
        )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tab", LESSONS, ids=lambda tab: tab.id)
def test_every_step_asks_before_it_shows(open_page, tab, language):
    page = open_page(f"?tab={tab.id}&step=1", PATH[language], viewport={"width": 1280, "height": 800})
    page.evaluate(PAINTED)
    lesson = lesson_of(tab, language)
    for n, step in enumerate(lesson, 1):
        wait_for_step(page, tab.id, n)
        page.wait_for_timeout(120)
        now = state(page, tab.id)
        assert page.evaluate(f"(id) => ({FIND})(id).payload.inputs", tab.id) == step.inputs, n
        assert now["sideways"] <= 0 and now["said"], n
        assert {name for name, _ in now["controls"]} == set(step.controls), n
        shown = {id for id, _, _ in now["panels"]}
        assert set(step.panels) <= shown, (n, shown)
        if n == 1:
            assert len(page.evaluate(STOPS, tab.id)) <= 10, page.evaluate(STOPS, tab.id)
        for size in SIZES[:2] if language == "en" else SIZES[:1]:
            boxes_at(page, tab.id, n, size, asking=True)
        resize(page, SIZES[0])
        if not step.task:
            continue
        view = view_of(tab, language, step.inputs, n)
        task = next(one for one in view["tasks"] if one["id"] == step.task)
        veiled = {id for id, _, veil in now["panels"] if veil}
        assert veiled == set(task.get("hides", ())) & shown, n
        if task["kind"] == "goal":
            page.evaluate(
                f"""async ([id, inputs]) => {{
                  const view = ({FIND})(id);
                  view.update(await view.ask("draw", {{ inputs }}));
                }}""",
                [tab.id, json.loads(json.dumps(step.solve))],
            )
        else:
            answer(page, tab.id, task)
        page.wait_for_selector(f".am-tab:has(#view-{tab.id}) .am-question .am-result.am-right")
        after = state(page, tab.id)
        assert not any(veil for _, _, veil in after["panels"]), n
        assert task["kind"] == "goal" or task["why"][:20] in after["result"], n
        page.keyboard.press("Escape")
        # what was veiled could not be looked at before
        for size in SIZES if language == "en" else SIZES[::2]:
            boxes_at(page, tab.id, n, size)
        resize(page, SIZES[0])
        tab_of(page, tab.id).locator("[data-focus='next']").click()
    wait_for_step(page, tab.id, len(lesson) + 1)
    assert len(state(page, tab.id)["controls"]) >= 1
    page.wait_for_timeout(300)
    assert len(page.evaluate(STOPS, tab.id)) <= 10, page.evaluate(STOPS, tab.id)
    for size in SIZES:
        resize(page, size)
        assert not page.evaluate(CLIPPED, tab.id), ("free play", size)


def test_a_wrong_guess_gets_a_hint_then_the_truth_and_stays_beside_it(open_page):
    page = open_page("?tab=masks&step=4", ready="#view-masks .am-panel:visible")
    wait_for_step(page, "masks", 4)
    tab = tab_of(page, "masks")
    field, check = tab.locator("[data-focus='task.first']"), tab.locator("[data-focus='task.first.check']")
    field.fill("０，５")  # full-width digits and comma
    check.click()
    hint = lesson_of(next(one for one in TABS if one.id == "masks"), "en")[3].hint
    assert hint in state(page, "masks")["result"]
    assert tab.locator("[data-panel=after][data-veiled]").count() == 1
    check.click()
    assert tab.locator("[data-panel=after] .am-guess").count() == 1
    assert "1" in state(page, "masks")["result"] and tab.locator("[data-veiled]").count() == 0
    tab.locator(".am-field-sentence input[type=range]").focus()
    page.keyboard.press("ArrowRight")  # other numbers: the answer belongs to the earlier ones
    page.wait_for_selector("[data-focus='task.first.again']")
    assert state(page, "masks")["result"].startswith("Before the change")
    tab.locator("[data-focus='task.first.again']").click()
    assert tab.locator("[data-panel=after][data-veiled]").count() == 1


def test_a_goal_is_reached_by_moving_the_control(open_page):
    page = open_page("?tab=masks&step=2", ready="#view-masks .am-panel:visible")
    wait_for_step(page, "masks", 2)
    tab = tab_of(page, "masks")
    tab.locator(".am-field-extra input[type=range]").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(".am-question .am-result.am-right")
    assert "extra=6" in page.url and "step=2" in page.url
    said = tab.locator(".am-question .am-result")
    assert "9 of 11" in said.inner_text()
    page.keyboard.press("ArrowRight")  # still reached: the reason is that of the picture as it stands
    said.filter(has_text="10 of 12").wait_for()
    page.keyboard.press("Home")
    said.filter(has_text="Before the change").wait_for()


def test_one_picture_can_be_embedded(open_page):
    page = open_page("?tab=masks&embed=1&panel=after&mask=causal")
    page.wait_for_timeout(500)
    assert page.locator("#view-masks .am-panel:visible").count() == 1
    assert not page.locator(".am-inputs:visible").count()


def test_on_a_phone_the_controls_are_a_drawer_at_the_foot_of_the_screen(open_page):
    page = open_page("?tab=masks", viewport={"width": 390, "height": 800})
    page.wait_for_timeout(300)
    drawer, field = page.locator("[data-focus=drawer]:visible"), page.locator(".am-field-extra")
    picture = page.locator("#view-masks .am-panel:visible").nth(1).bounding_box()
    box = drawer.bounding_box()
    assert picture["y"] < box["y"] and box["y"] + box["height"] <= 800 and not field.is_visible()
    assert page.locator(".am-inputs:visible").bounding_box()["height"] <= 800 / 5  # and leaves them room
    page.mouse.wheel(0, 900)
    page.wait_for_timeout(200)
    assert abs(drawer.bounding_box()["y"] - box["y"]) < 2  # it stays while the pictures pass
    drawer.click()
    field.scroll_into_view_if_needed()
    place = field.bounding_box()
    assert 0 <= place["y"] and place["y"] + place["height"] <= 800


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_question_and_the_way_on_stay_in_sight_after_a_wrong_answer(open_page, language):
    """Cost's seventh step has a long question, a control of its own and a long reason."""
    page = open_page("?tab=cost&step=7", PATH[language], viewport={"width": 1280, "height": 800})
    wait_for_step(page, "cost", 7)
    foot = tab_of(page, "cost").locator(".am-step-foot")
    for wrong in (0, 1):  # a hint first, then the answer
        foot.locator(".am-question button").nth(wrong).click()
    foot.get_by_text("82%").wait_for()
    box = foot.locator(".am-step-ways").bounding_box()
    assert box["y"] + box["height"] <= 800
