"""A long text in a real browser: a click on the map of a head moves what is shown exactly, and the frame."""

from __future__ import annotations

from urllib.parse import quote

from tests.ui.test_heads_long import ASKED, TEXT
from tests.ui.test_heads_long import model as model  # noqa: PLC0414  (a fixture)

HEADS = "#view-heads"
TITLE = f'{HEADS} [data-panel="weights"] .am-title'
FRAME = """() => { const [frame, heat] = ['.am-zoom', '.am-map-heat'].map((name) =>
  document.querySelector(`#view-heads [data-panel="map"] ${name}`).getBoundingClientRect());
  return [(frame.left - heat.left) / heat.width, (frame.top - heat.top) / heat.height]; }"""


def test_a_click_on_the_map_moves_the_exact_region_and_the_frame(open_page, model):
    inputs = f"model={ASKED['model']}&layer={ASKED['layer']}&head={ASKED['head']}"
    page = open_page(f"?tab=heads&{inputs}&text={quote(TEXT)}", ready=f'{HEADS} [data-panel="map"] canvas')
    assert page.inner_text(TITLE) == "Layer 2, head 3: queries 0–63, keys 0–63"
    heat = page.locator(f'{HEADS} [data-panel="map"] .am-map-heat')
    box = heat.bounding_box()
    heat.click(position={"x": box["width"] * 40.5 / 88, "y": box["height"] * 60.5 / 88})
    # the cell of queries 480 to 487 and keys 320 to 327; 64 of each around their middle
    page.get_by_role("heading", name="queries 452–515, keys 292–355").wait_for()
    page.wait_for_function("new URLSearchParams(location.search).get('zoom') === '484, 324'")
    left, top = page.evaluate(FRAME)
    assert abs(left - 292 / 704) < 0.01 and abs(top - 452 / 704) < 0.01
    page.keyboard.press("Tab")  # by the keyboard as well: the map's cursor, then Enter
    frame = page.locator(f'{HEADS} [data-focus="map.map"]')
    frame.focus()
    for key in ("Home", "PageUp", "Enter"):
        frame.press(key)
    page.get_by_role("heading", name="queries 0–63, keys 0–63").wait_for()
