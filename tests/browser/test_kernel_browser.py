"""Kernel regression in a browser: canvas, plot, and what links them."""

from __future__ import annotations

HASH = """(id) => {
  const canvas = document.querySelector(`#view-kernel [data-panel=${id}] .am-map-heat`);
  return canvas && canvas.width ? canvas.toDataURL() : "";
}"""
VIEW = "#view-kernel"


def opened(open_page, query=""):
    page = open_page("?tab=kernel" + query, ready=f"{VIEW} [data-panel=weights] .am-map-heat")
    page.wait_for_function("() => document.querySelector('#view-kernel .am-plot-art')")
    return page


def changed(page, before, id="weights"):
    script = f"(before) => {{ const now = ({HASH})('{id}'); return now && now !== before; }}"
    page.wait_for_function(script, arg=before)


def heat(page, x, y):
    """The page's coordinates of a place (x, y) in [0, 1]² of the weights."""
    canvas = page.locator(f"{VIEW} [data-panel=weights] .am-map-heat")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    return box["x"] + box["width"] * x, box["y"] + box["height"] * y


def test_the_bandwidth_moves_the_picture_and_the_link(open_page):
    page = opened(open_page)
    before = page.evaluate(HASH, "weights")
    line = f"{VIEW} [data-panel=fit] .am-role-accent path.am-line"
    path = page.get_attribute(line, "d")
    field = page.get_by_role("spinbutton", name="Bandwidth h")
    field.fill("0.1")
    field.press("Enter")
    changed(page, before)
    assert page.get_attribute(line, "d") != path
    page.wait_for_function("() => location.search.includes('bandwidth=0.1')")


def test_pointing_at_a_row_raises_its_bars_over_the_data(open_page):
    page = opened(open_page)
    bars = f"document.querySelectorAll('{VIEW} [data-panel=fit] g.am-role-weight rect').length"
    assert page.evaluate(bars) == 0
    page.mouse.move(*heat(page, 0.3, 0.5))
    page.wait_for_function(f"() => {bars} > 9")
    page.mouse.move(2, 2)
    page.wait_for_function(f"() => {bars} === 0")


def test_the_bars_of_a_query_stand_on_the_axis_as_high_as_its_weights(open_page):
    """They were squares of nine pixels, wherever their tops were."""
    page = opened(open_page)
    page.mouse.move(*heat(page, 0.3, 0.5))
    page.wait_for_function(
        f"() => document.querySelectorAll('{VIEW} [data-panel=fit] g.am-role-weight rect').length"
    )
    boxes = page.evaluate(
        f"[...document.querySelectorAll('{VIEW} [data-panel=fit] g.am-role-weight rect')].map((bar) =>"
        " [bar.getBBox().height, bar.getBBox().y + bar.getBBox().height, +bar.getAttribute('height')])"
    )
    assert max(height for height, _, _ in boxes) > 20
    assert all(abs(height - given) < 0.01 for height, _, given in boxes)
    assert len({round(bottom, 2) for _, bottom, _ in boxes}) == 1


def test_pointing_at_the_plot_marks_the_row_in_the_heatmap(open_page):
    page = opened(open_page)
    box = page.locator(f"{VIEW} [data-panel=fit] .am-plot-art").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(f"{VIEW} [data-panel=weights] .am-mark-row", state="visible")
    assert "largest weight" in page.inner_text(f"{VIEW} [data-panel=fit] .am-readout")


def test_the_keyboard_walks_a_canvas_and_opens_a_cell(open_page):
    page = opened(open_page)
    map = page.locator(f"{VIEW} [data-panel=weights] .am-map")
    readout = page.locator(f"{VIEW} [data-panel=weights] .am-readout")
    map.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    value = readout.inner_text().rsplit(":", 1)[1].strip()
    page.keyboard.press("Enter")
    sheet = page.locator(f"{VIEW} .am-sheet")
    sheet.wait_for(state="visible")
    assert value in sheet.inner_text()
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.dataset.focus") == "weights.map"


def test_a_click_on_the_canvas_opens_the_cell_under_it(open_page):
    page = opened(open_page)
    place = heat(page, 0.99, 0.99)
    page.mouse.move(*place)
    readout = page.locator(f"{VIEW} [data-panel=weights] .am-readout")
    named = readout.inner_text().split(":")[0]
    page.mouse.click(*place)
    sheet = page.locator(f"{VIEW} .am-sheet")
    sheet.wait_for(state="visible")
    title = sheet.locator("h3").first.inner_text()
    assert sheet_cell(title) == named != ""


def sheet_cell(title):
    """ "How “4.74” comes to look at “4.66”" -> "4.74, 4.66"."""
    return ", ".join(part.split("”")[0] for part in title.split("“")[1:])


def test_the_table_shows_the_numbers_of_the_canvas(open_page):
    page = opened(open_page)
    figure = page.locator(f"{VIEW} [data-panel=weights]")
    figure.get_by_role("button", name="Table").click()
    assert figure.locator("tbody tr").count() == 50
    figure.get_by_role("button", name="Picture").click()
    assert page.evaluate(HASH, "weights")


def test_the_plot_lists_its_numbers_and_reads_them_out(open_page):
    page = opened(open_page)
    figure = page.locator(f"{VIEW} [data-panel=fit]")
    figure.locator(".am-plot-numbers summary").click()
    figure.locator("tbody tr").first.wait_for()  # filled when it has opened
    assert figure.locator("tbody tr").count() == 98  # 50 points and 50 queries share their ends
    figure.locator(".am-plot-frame").focus()
    page.keyboard.press("End")
    assert "prediction" in figure.locator(".am-readout").inner_text()


def test_learning_draws_curves_and_the_hatched_diagonal(open_page):
    page = opened(open_page, "&method=learned&steps=20&num_points=30")
    page.wait_for_selector(f"{VIEW} [data-panel=train_weights] .am-map-heat")
    assert page.locator(f"{VIEW} [data-panel=loss] path.am-line").count() == 3
    assert page.locator(f"{VIEW} [data-panel=widths] path.am-line").count() == 2


def test_pasted_points_replace_the_made_ones(open_page):
    page = opened(open_page)
    before = page.evaluate(HASH, "weights")
    page.get_by_label("Your own points").fill("\n".join(f"{i}, {i * i}" for i in range(30)))
    changed(page, before)
    assert "Your own points are in use" in page.inner_text(VIEW)


def test_a_canvas_is_drawn_again_in_the_dark_and_at_phone_width(open_page):
    page = opened(open_page)
    before = page.evaluate(HASH, "weights")
    page.evaluate("document.body.classList.add('dark')")
    changed(page, before)
    before = page.evaluate(HASH, "weights")
    page.set_viewport_size({"width": 390, "height": 800})
    changed(page, before)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
