"""Lines, points and bars as files: what is drawn, and what typed words cannot do."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from attention.export.plotting import Series, save_plot

LINE = Series("loss", "line", [0, 1, 2], [3.0, 2.0, 1.5])
NASTY = [
    "$x^2^2$",
    "$5 and $6",
    "<script>alert(1)</script>",
    "_hidden",
    "--> <script>",
    "猫",
    "x" * 10_000,
    "\n",
]


def words_in(picture: bytes) -> list[str]:
    """Every text of an SVG: matplotlib draws letters as paths, and notes what they say."""
    return [html.unescape(text) for text in re.findall(r"<!-- (.*?) -->", picture.decode(), re.DOTALL)]


@pytest.mark.parametrize(("format", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_plot_is_written_in_the_format_asked_for(format, start):
    assert save_plot([LINE], "Loss", format).startswith(start)


def test_names_titles_and_words_are_in_the_picture():
    bars = [Series("前", "bars", [0, 1], [0.2, 0.8]), Series("后", "bars", [0, 1], [0.5, 0.5])]
    picture = save_plot(bars, "概率", "svg", xlabel="词", ylabel="P", x_names=["猫", "dog"])
    assert {"前", "后", "概率", "词", "P", "猫", "dog"} <= set(words_in(picture))


def test_typed_words_stay_words():
    series = [Series(name, "line", [0, 1], [i, i + 1]) for i, name in enumerate(NASTY)]
    picture = save_plot(series, NASTY[2], "svg", xlabel=NASTY[0], ylabel=NASTY[1], x_names=NASTY[:2])
    root = ElementTree.fromstring(picture)
    assert not [node for node in root.iter() if node.tag.endswith("script")]
    assert b"<script" not in picture
    shown = words_in(picture)
    assert "$x^2^2$" in shown and "$5 and $6" in shown and "_hidden" in shown  # not formulas, not left out
    assert max(map(len, shown)) <= 200


def test_every_series_is_one_line_and_a_gap_breaks_it():
    broken = Series("b", "line", [0, 1, 2, 3, 4], [1.0, 2.0, float("nan"), 3.0, 4.0])
    one, two = (save_plot([each], "", "svg").decode() for each in (LINE, broken))
    stroke = "stroke: #4338ca"
    assert one.count(stroke) == two.count(stroke)

    def moves(picture: str) -> int:
        paths = re.findall(r'<path d="([^"]*)"[^>]*style="[^"]*' + stroke, picture)
        return max(path.count("M") for path in paths)

    assert (moves(one), moves(two)) == (1, 2)


def test_bars_of_two_series_stand_side_by_side():
    bars = [
        Series(name, "bars", [0, 1], [1.0, 1.0], role) for name, role in (("a", "accent"), ("b", "truth"))
    ]
    picture = save_plot(bars, "", "svg").decode()
    corners = []
    for colour in ("#4338ca", "#b45309"):
        first = re.search(r'<path d="M (\S+) \S+ \nL (\S+) [^"]*"[^>]*style="[^"]*fill: ' + colour, picture)
        corners.append((float(first[1]), float(first[2])))
    assert corners[0][1] == pytest.approx(corners[1][0])  # b begins where a ends


@pytest.mark.parametrize(
    ("series", "rule"),
    [
        ([Series("a", "line", [0, 1], [0])], "one y for each x"),
        ([Series("a", "pie", [0], [0])], "kind"),
        ([Series("a", "line", [], [])], "1 to"),
        ([], "1 to"),
        ([Series("a", "line", range(100_001), range(100_001))], "1 to"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_rule(series, rule):
    with pytest.raises(ValueError, match=rule):
        save_plot(series)


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="format"):
        save_plot([LINE], format="pdf")


def test_equal_pictures_are_equal_bytes_in_every_process():
    """matplotlib names the parts of an SVG by chance, and by where an object lies in memory."""
    code = (
        "import hashlib, torch\n"
        "from attention.export.heatmap import save_figure\n"
        "from attention.export.plotting import Series, save_plot\n"
        "lines = [Series('a', 'line', [0, 1], [1, 2]), Series('b', 'points', [0, 1], [2, 1]),\n"
        "         Series('c', 'bars', [0, 1], [2, 1])]\n"
        "for kind in ('svg', 'png'):\n"
        "    print(hashlib.sha256(save_plot(lines, 'title', kind)).hexdigest())\n"
        "    print(hashlib.sha256(save_figure(torch.eye(3), 'abc', 'abc', 'x', kind)).hexdigest())\n"
    )
    told = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                           cwd=Path(__file__).parents[1]).stdout for _ in range(2)}  # fmt: skip
    assert len(told) == 1 and len(told.pop().split()) == 4


def test_a_name_in_an_svg_points_at_the_part_it_names():
    picture = save_plot([Series("m0123456789", "points", [0, 1], [2, 1])], 'id="m0123456789"', "svg").decode()
    ids = re.findall(r' id="([^"]+)"', picture)
    used = re.findall(r'xlink:href="#([^"]+)"|url\(#([^)]+)\)', picture)
    assert used and {a or b for a, b in used} <= set(ids)
