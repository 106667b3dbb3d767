"""What the gate asks of a browser, in one: the page passes its content policy, and a left tab rests."""

from __future__ import annotations

import pytest

from attention.ui import TABS
from attention.ui.page import headers

WATCH = """() => { window.__refused = [];
  document.addEventListener('securitypolicyviolation',
    (e) => window.__refused.push(e.violatedDirective)); }"""


@pytest.mark.parametrize("path", ["/", "/zh"])
def test_every_tab_passes_the_content_policy(open_page, path):
    page = open_page("?tab=masks", path)
    page.evaluate(WATCH)
    for tab in TABS:
        page.locator("button[role=tab]").nth(TABS.index(tab)).click()
        page.locator(f"#view-{tab.id} .am-panel").first.wait_for(timeout=60_000)
    assert page.evaluate("window.__refused") == []
    # and the policy is one: a stranger's script is not fetched
    page.expected_errors = True
    page.evaluate("fetch('https://evil.example/').catch(() => 0)")
    page.wait_for_timeout(200)
    assert page.evaluate("window.__refused") == ["connect-src"]


def test_a_frame_shows_the_page_unless_the_host_closes_it(open_page, app_url, monkeypatch):
    page = open_page("?tab=masks")
    page.expected_errors = True

    def framed():
        with page.expect_event("frameattached"):
            page.evaluate(
                """(url) => { document.querySelector('#frame')?.remove();
              const frame = document.createElement('iframe');
              frame.id = 'frame'; frame.src = url; document.body.append(frame); }""",
                app_url,
            )
        page.wait_for_timeout(1500)
        return any(frame.url.startswith(app_url) for frame in page.frames[1:])  # fmt: skip

    assert framed()
    monkeypatch.setenv(headers.EMBED, "none")
    assert not framed()


TRAININGS = [
    "tab=decoder&mode=train&steps=400",
    "tab=applications&app=recommender&mode=train&steps=800&user=u1",
]


@pytest.mark.parametrize("query", TRAININGS)
def test_a_training_stops_when_its_tab_is_left(open_page, query):
    page = open_page("?" + query, ready='[data-focus="training.toggle"]')
    asked = []
    page.on("request", lambda r: asked.append(r) if '"fn_name":"train"' in (r.post_data or "") else None)
    page.click('[data-focus="training.toggle"]')
    page.wait_for_function("() => document.querySelector('progress')?.value > 0", timeout=60_000)
    page.locator("button[role=tab]").nth(0).click()
    page.locator("#view-matchmaker .am-panel").first.wait_for()
    page.wait_for_timeout(3000)  # the step under way comes to its end
    before = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == before
    tab = query.split("&")[0].removeprefix("tab=")
    page.locator("button[role=tab]").nth([one.id for one in TABS].index(tab)).click()
    page.wait_for_timeout(1500)
    assert len(asked) == before  # it rests until it is told to go on
    page.click('[data-focus="training.toggle"]')
    page.wait_for_timeout(3000)
    assert len(asked) > before
