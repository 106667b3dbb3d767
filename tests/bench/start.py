"""Two starts: ``python app.py`` to its first answer, and a page's address to its first picture.

The app is started in turn with an empty Blocks that imports gradio and torch, each in a fresh process;
the ratio of processor time is printed as well, since it hardly depends on what else the machine is doing.
Then both pages are opened in turn in a browser that knows neither, until what they show is painted: our
first picture, and the foot of an empty page. It needs a browser and is left out, saying so, without.
"""

from __future__ import annotations

import shutil
import statistics
from typing import Any

import httpx

from tests.bench import report
from tests.serving.processes import app_server, empty_server

GOAL = 1.3
PICTURE = {"first tab": ("", ".am-view .am-panel", 1.5), "heads": ("?tab=heads", "[data-panel=weights]", 2.0)}
EMPTY = "footer"
# When something that fits the selector has been painted: the frame after the one that first has it.
WATCH = """(selector) => {
  const look = () => {
    const seen = [...document.querySelectorAll(selector)].some((one) => one.offsetParent && one.offsetHeight);
    requestAnimationFrame(seen ? () => setTimeout(() => { window.firstPicture = performance.now(); }) : look);
  };
  requestAnimationFrame(look);
}"""


def main(pairs: int = 3, pages: int = 9) -> None:
    wall: list[float] = []
    cpu: list[float] = []
    for i in range(pairs):
        order = (empty_server, app_server) if i % 2 else (app_server, empty_server)
        seen = {}
        for start in order:
            with start() as server:
                seen[start] = server
        ours, theirs = seen[app_server], seen[empty_server]
        wall.append(ours.seconds / theirs.seconds)
        cpu.append(ours.cpu_at_start / theirs.cpu_at_start)
    report("start to first answer, wall time", statistics.median(wall), GOAL)
    report("start to first answer, processor time", statistics.median(cpu), GOAL)
    first_pictures(pages)


def first_pictures(pages: int) -> None:
    """Address to paint, as ratios to an empty page of Gradio's; and the bytes that a page takes."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        print("  # no playwright: the first pictures are left out")
        return
    from tests.bench.load import wait_for_models
    from tests.browser.conftest import FLAGS

    with app_server() as ours, empty_server() as theirs:
        wait_for_models(ours)  # before a browser is there, whose event loop leaves no room for another
        sizes(ours.url)
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("chromium-browser")
            try:
                browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            except Error:
                print("  # no browser: the first pictures are left out")
                return
            paints(browser, ours.url, theirs.url, pages)
            moves(browser, ours.url)
            browser.close()


def paints(browser: Any, ours: str, theirs: str, pages: int) -> None:
    """The first pictures, in turn with the foot of an empty page."""
    times: dict[str, list[float]] = {name: [] for name in ("empty", *PICTURE)}
    for i in range(pages + 1):
        got = {"empty": first(browser, theirs, EMPTY)}
        for name, (query, selector, _) in PICTURE.items():
            got[name] = first(browser, ours + query, selector)
        for name, seconds in got.items():
            times[name] += [seconds] * bool(i)  # the first of each fills the server's shelves
    for name, (_, _, goal) in PICTURE.items():
        ratios = [a / b for a, b in zip(times[name], times["empty"], strict=True)]
        report(f"first picture, {name}, of an empty page's {min(times['empty']):.0f} ms",
               statistics.median(ratios), goal)  # fmt: skip


# Until what a move of a slider asks for is painted, and until a tab that was open before is.
SLIDE = """([tab, field, value]) => new Promise((done) => {
  const view = [...document.querySelectorAll("*")].map((one) => one.amView).find((one) => one && one.root.id === ""
    && one.payload && one.payload.tab === tab);
  const range = view.root.closest(".am-tab").querySelector(`.am-field-${field} input[type=range]`);
  const start = performance.now();
  view.root.addEventListener("am-update", () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start))),
    { once: true });
  range.value = value;
  range.dispatchEvent(new Event("input", { bubbles: true }));
})"""  # noqa: E501
SWITCH = """(name) => new Promise((done) => {
  const tab = [...document.querySelectorAll("button[role=tab]")].find((one) => one.textContent.trim() === name && one.offsetParent);
  const start = performance.now();
  tab.click();
  const look = () => ([...document.querySelectorAll(".am-tab .am-panel:not(.am-heading)")].some((one) => one.checkVisibility())
    && tab.getAttribute("aria-selected") === "true" ? requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)))
    : requestAnimationFrame(look));
  look();
})"""  # noqa: E501


def moves(browser: Any, url: str, times: int = 15) -> None:
    """A slider, and a tab, in milliseconds to the paint; the goals are 50 and 100."""
    from attention.ui import TABS
    from attention.ui.page.texts import words_for

    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-US")
    page.goto(f"{url}?tab=masks&step=free")
    page.wait_for_selector(".am-first", state="detached")
    page.wait_for_selector("#view-masks .am-panel")
    page.wait_for_timeout(1500)
    slid = [page.evaluate(SLIDE, ["masks", "extra", 1 + i % 6]) for i in range(times)]
    names = [words_for("en")(f"{tab.id}.title") for tab in TABS]
    for name in names:  # each opened once, which asks for its picture
        page.evaluate(SWITCH, name)
        page.wait_for_timeout(1500)
    switched = [page.evaluate(SWITCH, name) for _ in range(2) for name in names]
    report("a slider to its picture, of 50 ms", statistics.median(slid) / 50, 1.0)
    report("another tab, of 100 ms", statistics.median(switched) / 100, 1.0)
    page.close()


def first(browser: Any, url: str, selector: str) -> float:
    """Milliseconds from the address to the paint, in a browser that has nothing of the page."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = context.new_page()
    page.add_init_script(f"({WATCH})({selector!r})")
    page.goto(url, wait_until="commit")
    page.wait_for_function("window.firstPicture", timeout=60_000)
    milliseconds: float = page.evaluate("window.firstPicture")
    context.close()
    return milliseconds


def sizes(url: str) -> None:
    for path in ("/", "/zh", "/config"):
        plain = len(httpx.get(url + path, headers={"accept-encoding": "identity"}, timeout=60).content)
        sent = httpx.get(url + path, headers={"accept-encoding": "br"}, timeout=60).headers["content-length"]
        print(f"  {path}: {plain / 1000:.0f} kB, {int(sent) / 1000:.0f} kB sent")
