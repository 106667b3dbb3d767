"""Take it away: what is in the files is what is on the page, whatever the picture."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from attention.export.cells import save_cells
from attention.ui import TABS
from attention.ui.page.exports import export, find
from attention.ui.page.fields import check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.panels import Axis, Heatmap
from attention.ui.page.plots import Curve, PairBars, Plot
from attention.ui.page.questions import ask_export, ask_sheet, complete, view_of
from attention.ui.page.saved import SHEETS, prose
from attention.ui.page.sheet import brief
from attention.ui.page.steps import lesson_of
from attention.ui.page.texts import words_for
from attention.ui.tabs.heads.runs import capture
from tests.ui.views import packed

TAB = {tab.id: tab for tab in TABS}
# one panel of every kind that has numbers of its own
PANELS = [
    ("kernel", {}, "fit"),
    ("kernel", {"method": "learned"}, "loss"),
    ("positions", {}, "waves"),
    ("applications", {"override": "uniform"}, "prediction"),
    ("matchmaker", {"mode": "training", "steps": 20}, "training@1"),
    ("decoder", {}, "alignment"),
    ("masks", {}, "conventions"),  # its point is a row of NaN
    ("heads", {"look": "touch", "knock_out": "3.1"}, "moved"),
    ("heads", {"look": "understand"}, "entropy"),
    ("heads", {"look": "understand"}, "answers"),  # on the page it comes after the rest
]
STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "csv": b"\xef\xbb\xbf", "npz": b"PK"}
NASTY = ['=HYPERLINK("x")', "+1", "@a", "\t=1", "<script>alert(1)</script>", "$x^2^2$", "--> <script>"]


def saved(tab, inputs, panel, format, language="en"):
    file = ask_export(language, TAB[tab], {"inputs": inputs, "panel": panel, "format": format})
    assert "error" not in file, file
    assert file["name"] == f"{tab}-{panel.replace('@', '-')}.{format}"
    return base64.b64decode(file["base64"])


def table(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def arrays(data):
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return dict(file)


def words_in(picture):
    """Every text of an SVG: matplotlib draws letters as paths, and notes what they say."""
    return {html.unescape(text) for text in re.findall(r"<!-- (.*?) -->", picture.decode(), re.DOTALL)}


def panel_of(tab, inputs, id, language="en"):
    return next(one for one in view_of(TAB[tab], language, inputs)["panels"] if one["id"] == id)


@pytest.mark.parametrize(("tab", "inputs", "panel"), PANELS, ids=lambda part: str(part)[:40])
@pytest.mark.parametrize("format", STARTS)
def test_every_kind_of_picture_can_be_saved(tab, inputs, panel, format):
    data = saved(tab, inputs, panel, format, "zh")
    assert data.startswith(STARTS[format])
    if format == "npz":
        arrays(data)
    if format == "svg":
        ElementTree.fromstring(data)


@pytest.mark.parametrize(("tab", "inputs", "id"), PANELS[:3], ids=lambda part: str(part)[:40])
def test_a_plot_is_listed_point_by_point(tab, inputs, id):
    panel = panel_of(tab, inputs, id)
    head, *lines = table(saved(tab, inputs, id, "csv"))
    assert head == ["", panel["x_title"], panel["y_title"]]
    points = arrays(saved(tab, inputs, id, "npz"))
    assert [line[0] for line in lines] == points["series"].tolist()
    for series in panel["series"]:
        own = [line[1:] for line in lines if line[0] == series["name"]]
        mine = points["series"] == series["name"]
        for place, side in enumerate("xy"):
            exact = packed(series[side])
            assert np.array_equal(np.array([line[place] for line in own], dtype="<f4"), exact)
            assert np.array_equal(points[side][mine], exact)


def test_bars_are_a_row_per_name():
    tab, inputs, id = PANELS[3]
    panel = panel_of(tab, inputs, id)
    head, *lines = table(saved(tab, inputs, id, "csv"))
    assert head[1:] == [one["name"] for one in panel["series"]] and len(head) == 3
    assert [line[0] for line in lines] == panel["names"]
    numbers = np.array([line[1:] for line in lines], dtype=float)
    assert np.allclose(numbers.T, [one["values"] for one in panel["series"]], rtol=1e-8)
    assert np.array_equal(arrays(saved(tab, inputs, id, "npz"))["rows"], panel["names"])


def test_a_player_saves_the_step_on_screen_and_the_whole_training():
    tab, inputs, _ = PANELS[4]
    panel = panel_of(tab, inputs, "training")
    frames = packed(panel["frames"])
    for frame in (0, len(frames) - 1):
        head, *lines = table(saved(tab, inputs, f"training@{frame}", "csv"))
        assert head[1:] == panel["columns"]
        assert np.array_equal(np.array([line[1:] for line in lines], dtype="<f4"), frames[frame])
    assert not np.array_equal(frames[0], frames[-1])
    found = arrays(saved(tab, inputs, "training@0", "npz"))
    assert np.array_equal(found["frames"], frames) and np.array_equal(found["values"], frames[0])
    assert found["steps"].tolist() == panel["steps"]
    assert found["curve_values"].shape == (len(found["curves"]), len(panel["steps"]))
    assert any(f"Step {panel['steps'][-1]}" in text
               for text in words_in(saved(tab, inputs, f"training@{len(frames) - 1}", "svg")))  # fmt: skip


def test_the_overview_saves_each_heads_largest_weight_and_all_of_them():
    inputs = check_all("heads", TAB["heads"].inputs, {})
    seen = capture(inputs.model, inputs.text, inputs.pair)
    exact = torch.stack([seen.layer_weights(i) for i in range(len(seen.layers))])
    head, *lines = table(saved("heads", {}, "overview", "csv"))
    assert head[1:] == [f"Head {i}" for i in range(12)]
    assert [line[0] for line in lines] == [f"Layer {i}" for i in range(6)]
    largest = np.array([line[1:] for line in lines], dtype=float)
    assert np.allclose(largest, exact.amax((2, 3)), atol=0.004)
    found = arrays(saved("heads", {}, "overview", "npz"))
    assert np.allclose(found["weights"], exact, atol=0.004)
    assert found["queries"].tolist()[1:3] == ["the", "animal"] and len(found["keys"]) == 15
    hidden = arrays(saved("heads", {"hide_special": True}, "overview", "npz"))
    assert hidden["keys"].tolist()[:2] == ["the", "animal"] and hidden["weights"].shape[2:] == (13, 13)


def test_nan_is_saved_as_nan():
    numbers = np.array(
        [line[1:] for line in table(saved("masks", {}, "conventions", "csv"))[1:]], dtype=float
    )
    exact = packed(panel_of("masks", {}, "conventions")["data"])
    assert np.isnan(numbers).any() and np.array_equal(numbers.astype("<f4"), exact, equal_nan=True)
    values = arrays(saved("masks", {}, "conventions", "npz"))["values"]
    assert np.array_equal(values, exact, equal_nan=True)


@pytest.mark.parametrize(
    ("tab", "inputs", "id", "expected"),
    [
        ("kernel", {}, "fit", {"真实曲线、数据和预测", "预测", "数据"}),
        ("heads", {"text": "我爱北京", "look": "touch"}, "moved", {"我", "北", "京"}),
        ("heads", {"text": "我爱北京", "look": "understand"}, "sink", {"层", "头", "0", "11"}),
    ],
)
def test_chinese_names_and_labels_are_in_the_picture(tab, inputs, id, expected):
    assert expected <= words_in(saved(tab, inputs, id, "svg", "zh"))


@pytest.mark.parametrize("kind", ["plot", "heatmap", "pairbars"])
def test_injected_words_stay_text(kind):
    count = len(NASTY)
    if kind == "plot":
        curves = [Curve(name, "line", torch.tensor([0, 1]), torch.tensor([1, 2])) for name in NASTY]
        panel = Plot("p", NASTY[4], curves, x_title=NASTY[0], y_title=NASTY[5])
    elif kind == "heatmap":
        panel = Heatmap("p", NASTY[4], torch.eye(count), Axis(NASTY), Axis(NASTY))
    else:
        panel = PairBars("p", NASTY[4], NASTY, [(name, [0.5] * count) for name in NASTY[:2]], "", 2)
    files = {format: base64.b64decode(export("t", [panel], str, "p", format)["base64"]) for format in STARTS}
    cells = [cell for line in table(files["csv"]) for cell in line]
    assert "'" + NASTY[0] in cells and "'" + NASTY[3] in cells
    assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@"))]
    assert not [node for node in ElementTree.fromstring(files["svg"]).iter() if node.tag.endswith("script")]
    assert b"<script" not in files["svg"]
    assert set(NASTY) <= {str(text) for array in arrays(files["npz"]).values() for text in array.flat}


@pytest.mark.parametrize(
    ("tab", "panel", "format"),
    [
        ("heads", "lines", "csv"),  # its numbers are those of the heatmap beside it
        ("heads", "overview", "svg"),
        ("kernel", "fit@3", "csv"),
        ("kernel", "nowhere", "csv"),
        ("kernel", None, "csv"),
        ("kernel", ["fit"], "csv"),
        ("kernel", "fit", ["csv"]),
        ("kernel", "fit", {}),
        ("kernel", "fit", "exe"),
    ],
)
def test_what_cannot_be_saved_is_refused_in_a_sentence(tab, panel, format):
    found = ask_export("en", TAB[tab], {"inputs": {}, "panel": panel, "format": format})
    assert set(found) == {"error"} and "eference" not in found["error"]


@pytest.mark.parametrize("frame", ["", "@", "@x", "@-1", "@999", "@99999999999", "@٣"])
def test_a_step_that_was_not_recorded_is_refused(frame):
    tab = TAB["matchmaker"]
    inputs = check_all(tab.id, tab.inputs, PANELS[4][1])
    panels = complete(tab.scene_of(inputs), tab.scene_of(inputs).study(inputs), "en")
    assert find(panels, "training@1")
    with pytest.raises(Refusal):
        find(panels, f"training{frame}")


def test_a_saved_heatmap_has_the_numbers_the_words_and_the_link_of_the_page():
    inputs, address = {"mask": "both", "text": "a < b\n<script>"}, "https://example.org/app/"
    panel = panel_of("masks", inputs, "after")
    ask = {"inputs": inputs, "panel": "after", "format": "svg", "address": address}
    picture = base64.b64decode(ask_export("en", TAB["masks"], ask)["base64"])
    shown = words_in(picture)
    assert (
        {f"{value:.2f}" for value in packed(panel["data"]).flat} <= shown and "1.00" in shown and "Σ" in shown
    )
    assert {panel["title"], "<", "Attention Matchmaker · Padding masks"} <= shown
    assert any("a < b / <script>" in text for text in shown)
    assert any(text.startswith(f"{address}?tab=masks&text=") for text in shown)


def test_masked_cells_are_hatched_and_no_others():
    def drawn(mask):
        return np.array(Image.open(io.BytesIO(save_cells(torch.zeros(2, 2), "ab", "cd", masked=mask))))

    bare = drawn(None)
    one, other = (
        (drawn(torch.tensor(mask)) != bare).any(-1)
        for mask in ([[False, True], [False, False]], [[False, False], [True, False]])
    )
    rows, columns = (np.nonzero(one.any(axis))[0] for axis in (1, 0))
    assert one.sum() > 100 and other.sum() > 100 and not (one & other)[rows[4] : rows[-4]].any()
    assert columns[0] > np.nonzero(other.any(0))[0][-5]  # to the right of the other


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://a b", None, ["https://a"], "https://" + "a" * 999]
)
def test_an_address_that_is_none_is_not_printed(address):
    ask = {"inputs": {}, "panel": "after", "format": "svg", "address": address}
    shown = words_in(base64.b64decode(ask_export("en", TAB["masks"], ask)["base64"]))
    assert "?tab=masks&lang=en" in shown


def test_the_open_head_is_saved_with_its_model_and_sentence():
    shown = words_in(saved("heads", {"text": "A < B"}, "weights", "svg"))
    assert {"Model: all-MiniLM-L6-v2 (encoder)", "Text: A < B", "<"} <= shown


def test_large_maps_have_no_numbers_as_on_the_page():
    shown = words_in(saved("kernel", {}, "weights", "svg"))
    values = packed(panel_of("kernel", {}, "weights")["data"])
    assert values.size > 420 and f"{values.max():.3f}" not in shown


def test_the_numbers_in_cells_are_those_of_the_page():
    """JavaScript's toFixed rounds ties away from 0, and knows no negative zero."""
    cases = [(0.125, 2, "0.13"), (-0.125, 2, "-0.13"), (2.5, 0, "3"), (-0.004, 2, "0.00"), (1.005, 2, "1.00")]
    assert [brief(value, digits) for value, digits, _ in cases] == [text for *_, text in cases]


def page_of(tab, inputs, language="en"):
    """The saved page, and the payload inside it."""
    page = saved_page(tab, inputs, language)
    start = page.index("document.querySelector('.am-view'), ") + len("document.querySelector('.am-view'), ")
    return page, json.JSONDecoder().raw_decode(page[start:])[0]


def saved_page(tab, inputs, language):
    ask = {"inputs": inputs, "panel": None, "format": "html", "address": "https://example.org/app/"}
    return base64.b64decode(ask_export(language, TAB[tab], ask)["base64"]).decode()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("tab", TAB)
def test_a_saved_page_has_its_inputs_its_lesson_and_its_link(tab, language):
    page, payload = page_of(tab, {}, language)
    words = words_for(language)
    around = page.replace(page[page.index("<style>") : page.index("<body")], "")
    scene = TAB[tab].scene_of(TAB[tab].inputs())
    assert f"<h1>{html.escape(words(f'{tab}.title'))}</h1>" in around
    for name in (*TAB[tab].switches, *scene.fields):
        assert f"<th scope='row'>{html.escape(words(f'{tab}.{name}'))}</th>" in around
    for number, step in enumerate(lesson_of(TAB[tab], language), 1):
        assert f"<h3>{number}. {html.escape(step.title)}</h3>" in around
    assert around.count("class='am-ask'") >= 3 and "\\(" not in around[: around.index("<script>")]
    assert payload["home"].startswith(f"https://example.org/app/?tab={tab}")


@pytest.mark.parametrize(
    ("tab", "inputs"), [("masks", {}), ("kernel", {}), ("matchmaker", {}), ("heads", {})]
)
def test_the_sheets_of_a_saved_page_are_those_of_the_app_and_bounded(tab, inputs):
    page, payload = page_of(tab, inputs)
    sheets = payload["sheets"]
    assert 0 < len(sheets) <= SHEETS and len(page) < 2_000_000
    for place in list(sheets)[:: max(1, len(sheets) // 5)]:
        panel, row, column = place.rsplit(".", 2)
        ask = {"inputs": inputs, "panel": panel, "row": int(row), "column": int(column)}
        assert ask_sheet("en", TAB[tab], ask) == sheets[place]


def test_typed_words_stay_words_in_a_saved_page():
    page = saved_page("masks", {"text": "<img src=x onerror=alert(1)>\n</script><b>"}, "en")
    assert "<img src=x" not in page and "</script><b>" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;<br>&lt;/script&gt;&lt;b&gt;" in page


def test_a_lesson_becomes_markup_with_its_formula_as_a_picture():
    text = "# A & b\n\nOne **bold** and *slanted* \\(-\\infty\\) `x<1`.\n\n- first\n- second"
    made = prose(text)
    assert made.startswith("<h4>A &amp; b</h4><p>One <strong>bold</strong> and <em>slanted</em> <img ")
    assert "alt='-\\infty'" in made and "<code>x&lt;1</code>" in made
    assert made.endswith("<ul><li>first</li><li>second</li></ul>")
    assert prose("\\(\\nothing{<}\\)") == "<p><code>\\nothing{&lt;}</code></p>"
