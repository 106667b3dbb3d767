"""A model that has to be fetched, in a real browser: its bytes, its failure, and the way on."""

from __future__ import annotations

import pytest

from attention.pretrained.catalog import CATALOG
from attention.ui.page import loads
from tests.hub_imitation import Trouble
from tests.tiny_models import save

GPT2 = CATALOG["gpt2"]
WEIGHTS = "model.safetensors"
LINK = "?tab=heads&model=gpt2&text=a%20cat%20b&layer=0&head=0"
WAITING = '#view-heads [data-panel="waiting"]'


@pytest.fixture
def gpt2(hub, tmp_path):
    hub.add(GPT2.repo, save("gpt2", tmp_path / "made"), GPT2.revision)
    return hub


def questions(page):
    """Whatever the page asks the server from now on."""
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "component_server" in one.url else None)
    return asked


def test_a_slow_download_shows_its_bytes_and_then_the_picture(open_page, gpt2):
    size = len(gpt2.repos[GPT2.repo].files[WEIGHTS])
    gpt2.trouble[WEIGHTS] = Trouble(slow=size / 24)  # so that several looks see it on its way
    page = open_page(LINK, ready=f"{WAITING} progress")
    bar = page.locator(f"{WAITING} progress")
    seen = []
    while bar.count() and len(seen) < 200:
        seen += [bar.evaluate("bar => [bar.value, bar.max]")] if bar.count() else []
        page.wait_for_timeout(200)
        if page.locator(".am-overview-canvas").count():
            break
    values = [value for value, _ in seen]
    assert len(set(values)) >= 3 and values == sorted(values)
    assert {most for _, most in seen} == {sum(len(gpt2.repos[GPT2.repo].files[name]) for name in
                                              set(gpt2.fetched()))}  # fmt: skip
    page.locator('#view-heads [data-panel="weights"]').get_by_text("cat").first.wait_for()
    assert page.locator(WAITING).count() == 0


@pytest.mark.parametrize(("path", "button", "rest"), [("/", "Try again", "Try again in"),
                                                      ("/zh", "再试一次", "秒后可以再试")])  # fmt: skip
def test_a_failure_is_one_state_with_a_button(open_page, gpt2, monkeypatch, path, button, rest):
    """And nothing starts again by itself."""
    monkeypatch.setattr(loads, "REST", 6.0)
    gpt2.trouble[WEIGHTS] = Trouble(corrupt=True, times=1)
    page = open_page(LINK, path=path, ready=f"{WAITING} button")
    assert page.locator(f"{WAITING} .am-note").count() == 1
    assert page.locator(f"{WAITING} .am-busy, {WAITING} progress, #view-heads .am-alert").count() == 0
    again = page.locator(f"{WAITING} button")
    assert again.is_disabled() and rest in again.inner_text()
    asked, fetched = questions(page), len(gpt2.asked)
    page.wait_for_timeout(4500)  # twice as long as a page waits for a model on its way
    assert asked == [] and len(gpt2.asked) == fetched
    page.locator(f"{WAITING} button:enabled").wait_for()
    assert again.inner_text() == button
    again.click()
    page.locator('#view-heads [data-panel="weights"]').get_by_text("cat").first.wait_for()
    assert page.locator(WAITING).count() == 0


def test_what_no_second_try_would_mend_has_no_button(open_page, gpt2):
    gpt2.repos[GPT2.repo].gated = "manual"
    page = open_page(LINK, ready=f"{WAITING} .am-note")
    assert "consent" in page.locator(f"{WAITING} .am-note").inner_text()
    assert page.locator(f"{WAITING} button").count() == 0
