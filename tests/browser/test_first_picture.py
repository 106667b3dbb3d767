"""The first picture is there before Gradio is, and Gradio's page takes its place without a move."""

from __future__ import annotations

import pytest

from attention.ui.page.loads import model_of

PLACES = """(root) => [".am-top", ".am-view", ".am-view .am-panel:not([hidden])"].map((name) => {
  const all = [...document.querySelectorAll(root + name)].filter((one) => one.offsetHeight);
  const { left, top, width, height } = all[0].getBoundingClientRect();
  return [left, top, width, height].map(Math.round);
})"""


@pytest.mark.parametrize(("path", "width"), [("/", 1280), ("/zh", 390), ("/?tab=heads", 1280)])
def test_the_first_picture_stands_where_the_view_will_stand(browser, app_url, path, width):
    places = []
    if "heads" in path:
        model_of("minilm", patience=120)  # without it the page comes without the picture
    for gradio in (False, True):
        context = browser.new_context(viewport={"width": width, "height": 900}, locale="en-US")
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error, said=errors: said.append(str(error)))
        if not gradio:
            page.route("**/assets/index-*.js", lambda route: route.abort())
        page.goto(app_url + path, wait_until="commit")
        if gradio:
            page.wait_for_selector(".tabs .am-view .am-panel:visible", timeout=60_000)
            page.wait_for_selector(".am-first", state="detached", timeout=60_000)
            assert page.locator(".am-view:visible").count() == 1
        else:
            page.wait_for_selector(".am-first .am-view .am-panel:visible")
            assert page.locator(".am-first .am-step-title").inner_text()
        places.append(page.evaluate(PLACES, "" if gradio else ".am-first "))
        assert not errors
        context.close()
    assert places[0] == places[1]


def test_no_picture_beforehand_where_one_picture_is_embedded(browser, app_url):
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.route("**/assets/index-*.js", lambda route: route.abort())
    page.goto(f"{app_url}/?tab=masks&embed=1&panel=weights")
    assert page.locator(".am-first").count() == 0
    context.close()
