"""A learner's whole session across two replicas, one of which is killed in the middle.

No stickiness: nginx sends every request to the other replica in turn. What the page shows is compared
with the tab's payload computed here from the page's own link.
"""

from __future__ import annotations

import math
import time
from urllib.parse import urlparse

import numpy as np

from attention.ui import FIELDS, TABS
from attention.ui.page import link
from attention.ui.page.fields import Text
from attention.ui.page.questions import view_of
from tests.ui.views import packed

BALANCER = "nginx"
LINKS = [  # what each tab opens with, and the modes that train
    "tab=matchmaker", "tab=matchmaker&mode=training&steps=40",
    "tab=kernel", "tab=kernel&method=learned&steps=20",
    "tab=masks", "tab=heads", "tab=positions", "tab=decoder", "tab=applications",
]  # fmt: skip
EDITS = {"kernel": "1, 2\n3, 5", "decoder": "1"}  # what may be typed where words may not
CHUNKS = {"decoder": "mode=train&steps=60", "applications": "app=recommender&mode=train&steps=400&user=u1"}


def shown_cells(page, tab):
    """{"panel.row.column": value} of every heatmap on the tab that is drawn as cells."""
    cells = page.locator(f"#view-{tab} [data-focus][data-value]").evaluate_all(
        "cells => cells.map(cell => [cell.dataset.focus, cell.dataset.value])"
    )
    return {focus: float(value) for focus, value in cells if focus.count(".") == 2}


def expected_cells(tab, query):
    """The same from the link, computed in this process."""
    name, values, good, _ = link.read(query, FIELDS)
    assert (name, good) == (tab, True), query
    shown = next(one for one in TABS if one.id == tab)
    cells = {}
    for panel in view_of(shown, "en", values)["panels"]:
        if panel["kind"] in ("heatmap", "openhead"):
            data = packed(panel["data"])
            cells |= {f"{panel['id']}.{i}.{j}": value for (i, j), value in np.ndenumerate(data)}
    return cells


def assert_right(page, tab, patience=20.0):
    """Soon, every number on the page that has a counterpart here equals it; how many there are."""
    end = time.monotonic() + patience
    while True:
        want, shown = expected_cells(tab, urlparse(page.url).query), shown_cells(page, tab)
        common = want.keys() & shown.keys()
        wrong = {c: (shown[c], want[c]) for c in common if not math.isclose(
            shown[c], want[c], rel_tol=1e-4, abs_tol=1e-6) and not math.isnan(want[c])}  # fmt: skip
        if not wrong:
            return common
        assert time.monotonic() < end, (page.url, wrong)
        page.wait_for_timeout(200)


def edit(page, tab):
    """Type into the first text of the tab that is in sight; True if there was one."""
    box = page.locator("textarea:visible")
    if not any(isinstance(field, Text) for field in FIELDS[tab]) or not box.count():
        return False
    before = page.url
    box.first.press("End")
    box.first.press_sequentially(EDITS.get(tab, " or"))
    page.wait_for_function("before => location.href !== before", arg=before)
    return True


def visit(open_page, query):
    """Open a link, check the numbers, open a cell, edit, check again, and follow the new link.

    How many numbers were checked first, and whether there was a text to edit.
    """
    tab = query.split("&")[0].removeprefix("tab=")
    page = open_page(f"?{query}", ready=f"#view-{tab} .am-panel")
    page.expected_errors = True  # a replica that dies cuts its open connections
    if tab == "heads":
        page.wait_for_selector(
            "#view-heads [data-panel=overview], #view-heads [data-panel=weights]", timeout=120_000
        )
    common = assert_right(page, tab)
    # the picture of the believed traits is no weight, its cells do not open
    cell = next((focus for focus in sorted(common) if not focus.startswith("believed.")), None)
    if cell and page.locator(f"#view-{tab} [data-focus='{cell}']").is_visible():
        page.click(f"#view-{tab} [data-focus='{cell}']")
        page.locator(".am-sheet:visible").wait_for()
        page.keyboard.press("Escape")
    edited = edit(page, tab)
    if edited:
        page.wait_for_timeout(700)
        assert_right(page, tab)
        again = open_page(f"?{urlparse(page.url).query}", ready=f"#view-{tab} .am-panel")
        again.expected_errors = True
        assert_right(again, tab)
    return len(common), edited


def train_in_chunks(open_page, tab):
    """A training whose chunks alternate between the replicas ends, with its numbers on the page."""
    page = open_page(f"?tab={tab}&{CHUNKS[tab]}", ready='[data-focus="training.toggle"]')
    page.expected_errors = True
    page.click('[data-focus="training.toggle"]')
    page.wait_for_function(
        "() => { const bar = document.querySelector('progress'); return bar && bar.value >= bar.max; }",
        timeout=180_000,
    )
    page.locator('[data-focus="training.0.0"]').wait_for()
    assert page.get_by_role("alert").count() == 0


def test_a_session_survives_the_loss_of_a_replica(open_page, replicas):
    middle = len(LINKS) // 2
    seen = [visit(open_page, query) for query in LINKS[:middle]]
    train_in_chunks(open_page, "decoder")
    assert min(replicas.asked().values()) > 10, "one replica did all the work"
    replicas.end_one()
    seen += [visit(open_page, query) for query in LINKS[middle:]]
    train_in_chunks(open_page, "applications")
    seen.append(visit(open_page, LINKS[0]))  # what the dead one showed before
    assert sum(count for count, _ in seen) > 150
    assert sum(edited for _, edited in seen) >= 4
