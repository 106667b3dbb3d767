"""A real browser on the real app. Without a browser these tests skip; CI counts a skip as failure.

Fixtures: ``open_page(query, path="/", **context)`` opens the app at a query and returns a Playwright
page whose first picture has been drawn, in free play unless the query names a step. Every page is
watched: at the end of a test no script error, no console error, no request to another host and no
executed payload may be left
(``page.expected_errors = True`` where a test provokes one).
"""

from __future__ import annotations

import shutil
from urllib.parse import urlparse

import pytest

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")  # its event loop must end before a file that runs one of its own
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        try:
            started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except sync_api.Error as error:
            pytest.skip(f"no browser to test with: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture
def open_page(browser, app_url):
    contexts, problems = [], []

    def open_at(query: str = "", path: str = "/", ready: str = ".am-view .am-panel:visible", **options):
        options.setdefault("locale", "en-US")
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.expected_errors = False
        page.set_default_timeout(30_000)

        def note(text: str) -> None:
            problems.append((page, text))

        page.on("pageerror", lambda error: note(f"script error: {error}"))
        page.on("dialog", lambda dialog: (note(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "console",
            lambda message: note(f"console: {message.text}") if message.type == "error" else None,
        )

        def look(request):
            host = urlparse(request.url)
            if host.scheme in ("http", "https") and host.hostname != "127.0.0.1":
                problems.append((None, f"request to another host: {request.url}"))

        page.on("request", look)
        answers: list = []
        page.on(
            "response", lambda response: answers.append(response) if "/run/predict" in response.url else None
        )
        if "step=" not in query:  # everything at once; the lesson's steps have tests of their own
            query = f"{query}&step=free" if query else "?step=free"
        page.goto(app_url + path + query)
        for _ in range(300):  # a link opens in two halves (tab.is_early)
            if len(answers) >= 2:
                break
            page.wait_for_timeout(100)
        page.wait_for_selector(".am-first", state="detached")  # the picture of a page on its way
        page.wait_for_selector(ready)
        return page

    yield open_at
    executed = [page.evaluate("window.__pwned === undefined") for c in contexts for page in c.pages]
    for context in contexts:
        context.close()
    assert all(executed), "typed text ran as script"
    left = [text for page, text in problems if page is None or not page.expected_errors]
    assert not left, left
