"""What is pure in the page's scripts, loaded as the ES modules they are; expectations are by hand."""

from __future__ import annotations

import csv
import io
import math

import pytest
import torch

from attention.course import Assignment
from attention.course.format import seed_for
from attention.export.packing import to_csv
from attention.ui.page.panels import numbers
from attention.ui.page.scripts import link
from attention.ui.page.sheet import show
from attention.ui.page.texts import ASSETS

HOST = "http://scripts.test"
MODULES = sorted(path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*.js"))
NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@a",
    "\t=1",
    "\r=1",
    " =1",
    "＝1",
    "\x1c=1",
    "plain",
    'say "hi", you',
    "a\nb",
    "",
]


@pytest.fixture(scope="module")
def page(browser):
    """A blank page whose host serves the folder assets/; ``call(page, module, code)`` uses it."""
    opened = browser.new_page()

    def serve(route):
        path = ASSETS / route.request.url.removeprefix(HOST).split("?")[0].strip("/")
        if path.suffix == ".js":
            route.fulfill(body=path.read_text("utf-8"), content_type="text/javascript; charset=utf-8")
        else:
            route.fulfill(body="<!doctype html><html lang='en'><body>", content_type="text/html")

    opened.route(f"{HOST}/**", serve)
    opened.goto(f"{HOST}/")
    yield opened
    opened.close()


def call(page, module: str, code: str, value=None):
    """``code``, an expression in ``m``, the module, and ``x``, the value handed over."""
    asked = f"async (x) => {{ const m = await import('{HOST}/{module}'); return {code}; }}"
    return page.evaluate(asked, value)


@pytest.mark.parametrize("module", MODULES)
def test_every_script_is_a_module_that_a_browser_loads(page, module):
    assert isinstance(call(page, module, "Object.keys(m)"), list)


def test_linked_modules_have_scopes_of_their_own_and_run_in_order(page, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.js").write_text(
        'import { twice, count as total } from "./deep/b.js";\nconst own = "a";\ntwice();\n'
        "const a = own + total();\nexport { a, own as renamed };\n"
    )
    (tmp_path / "deep" / "b.js").write_text(
        'const own = "b";\nlet calls = 0;\nexport const twice = () => { calls += 2; };\n'
        "export function count() { return own + calls; }\nexport class Box {}\n"
    )
    page.evaluate(link(tmp_path, [tmp_path / "a.js"], "Linked"))
    assert page.evaluate("window.Linked") == {"a": "ab2", "renamed": "a"}
    assert page.evaluate("typeof own === 'undefined' && typeof twice === 'undefined'")


def test_numbers_are_written_with_fixed_decimals_and_extremes_in_powers(page):
    cases = [
        (0, 4),
        (0.5, 2),
        (-1.25, 4),
        (1 / 3, 4),
        (1e-5, 4),
        (123456.7, 1),
        (1e6, 4),
        (-2.5e-7, 3),
        (0.0001, 4),
    ]
    expected = [
        "0.0000",
        "0.50",
        "-1.2500",
        "0.3333",
        "1.00e-05",
        "123456.7",
        "1.00e+06",
        "-2.50e-07",
        "0.0001",
    ]
    code = "x.map(([number, digits]) => m.showNumber(number, digits))"
    assert call(page, "view/core/numbers.js", code, cases) == expected
    assert [show(number, digits) for number, digits in cases] == expected  # Python's rule is the same
    special = "[NaN, Infinity, -Infinity].map((number) => m.showNumber(number))"
    assert call(page, "view/core/numbers.js", special) == ["NaN", "∞", "-∞"]


def test_cells_round_to_zero_without_a_sign(page):
    cases = [(-0.004, 2), (0.004, 2), (-0.006, 2), (12.345, 1), (100000, 2), (99999.4, 0)]
    code = "x.map(([number, digits]) => m.briefNumber(number, digits))"
    expected = ["0.00", "0.00", "-0.01", "12.3", "100000.00", "99999"]
    assert call(page, "view/core/numbers.js", code, cases) == expected


def test_packed_floats_arrive_as_they_left(page):
    """1 is 3f800000 and -2 is c0000000, little end first."""
    code = "(({ shape, data }) => [shape, Array.from(data)])(m.unpack(x))"
    by_hand = {"shape": [2], "f32": "AACAPwAAAMA="}
    assert call(page, "view/core/numbers.js", code, by_hand) == [[2], [1, -2]]
    tensor = torch.tensor([[0.1, -1e30, 3e-40], [math.inf, -math.inf, math.nan]])
    shape, data = call(page, "view/core/numbers.js", code, numbers(tensor))
    assert shape == [2, 3] and data[:5] == tensor.flatten().tolist()[:5] and math.isnan(data[5])
    older = "(() => { const kept = Uint8Array.fromBase64; Uint8Array.fromBase64 = undefined;"
    older += " try { return Array.from(m.unpack(x).data); } finally { Uint8Array.fromBase64 = kept; } })()"
    assert call(page, "view/core/numbers.js", older, by_hand) == [1, -2]


def test_csv_quotes_what_needs_it_and_leaves_numbers(page):
    rows = [["", "a,b", 'say "hi"'], ["x", -1, 0.5], ["=1+1", 1e-7, "two\nlines"]]
    expected = '\ufeff,"a,b","say ""hi"""\r\nx,-1,0.5\r\n\'=1+1,1e-7,"two\nlines"\r\n'
    assert call(page, "view/core/csv.js", "m.toCsv(x)", rows) == expected


def test_csv_disarms_formulas_as_the_servers_does(page):
    served = to_csv(torch.zeros(len(NASTY), 1), NASTY, ["x"])
    rows = list(csv.reader(io.StringIO(served, newline="")))[1:]
    made = call(page, "view/core/csv.js", "m.toCsv(x.map((cell) => [cell, 0]))", NASTY)
    assert list(csv.reader(io.StringIO(made.removeprefix("\ufeff"), newline=""))) == rows


def test_ticks_are_round_and_cover_the_axis(page):
    def ticks(*given):
        found = call(page, "view/panels/plot_scale.js", "m.ticks(...x)", list(given))
        return found["step"], found["marks"], found["digits"]

    step, marks, digits = ticks(0, 1, 5)  # a fifth each
    assert (step, digits) == (0.2, 1) and marks == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(-3, 7, 4) == (5, [0, 5], 0)  # 2.5 each would not be round; 5 is the next that is
    step, marks, digits = ticks(0.001, 0.0042, 3)
    assert step == pytest.approx(0.002) and marks == pytest.approx([0.002, 0.004]) and digits == 3
    assert ticks(0, 30, 3) == (10, [0, 10, 20, 30], 0)


def test_marks_are_written_as_short_as_their_step(page):
    cases = [[0.6000000000000001, 1], [-0.0, 0], [250000, 0], [0.0000001, 7], [0, 7]]
    expected = ["0.6", "0", "2.5e5", "1.0e-7", "0.000000"]
    assert call(page, "view/panels/plot_scale.js", "x.map(([n, d]) => m.written(n, d))", cases) == expected


def test_a_long_logarithmic_axis_has_powers_of_ten_a_short_one_twos_and_fives_too(page):
    assert call(page, "view/panels/plot_scale.js", "m.logTicks(-1, 2.5)") == [-1, 0, 1, 2]
    assert call(page, "view/panels/plot_scale.js", "m.logTicks(0, 1)") == pytest.approx(
        [0, math.log10(2), math.log10(5), 1]
    )


def test_extent_passes_over_what_is_not_finite(page):
    assert call(page, "view/panels/plot_scale.js", "m.extent([3, NaN, -1, Infinity])") == [-1, 3]
    assert call(page, "view/panels/plot_scale.js", "m.extent([NaN])") == [0, 1]


def test_colours_between_stops_are_their_mean_and_ends_hold(page):
    ramp = [[0, 0, 0], [100, 200, 50], [200, 0, 250]]
    code = "[-1, 0, 0.25, 0.5, 0.75, 1, 2].map((t) => m.mix(x, t))"
    ends = [
        [0, 0, 0],
        [0, 0, 0],
        [50, 100, 25],
        [100, 200, 50],
        [150, 100, 150],
        [200, 0, 250],
        [200, 0, 250],
    ]
    assert call(page, "view/core/colours.js", code, ramp) == ends
    assert call(page, "view/core/colours.js", "m.css([1, 2, 3])") == "rgb(1,2,3)"


def test_both_scales_keep_their_order_in_light_and_dark(page):
    """From pale to deep on white, from deep to pale on black: each stop is further from the page."""
    light = call(page, "view/core/colours.js", "m.rampOf('sequential').map((c) => c[0] + c[1] + c[2])")
    page.evaluate("document.body.classList.add('dark')")
    dark = call(page, "view/core/colours.js", "m.rampOf('sequential').map((c) => c[0] + c[1] + c[2])")
    page.evaluate("document.body.classList.remove('dark')")
    assert light == sorted(light, reverse=True) and dark == sorted(dark) and light[0] > 700 > 100 > dark[0]


def test_ink_is_black_where_that_has_the_higher_contrast(page):
    """Black and white are equally far from luminance 0.179: ((118/255 + 0.055) / 1.055)^2.4 = 0.181."""
    code = "x.map((c) => m.inkOn(c))"
    colours = [[255, 255, 255], [0, 0, 0], [118, 118, 118], [117, 117, 117], [0, 255, 0], [0, 0, 255]]
    expected = ["#000000", "#ffffff", "#000000", "#ffffff", "#000000", "#ffffff"]
    assert call(page, "view/core/colours.js", code, colours) == expected


def test_places_in_a_sentence_are_filled_with_text_as_it_is(page):
    code = "m.fill(x, { row: '{column}', column: '$&' })"
    assert call(page, "view/core/words.js", code, "{row}, {column}: {value}!") == "{column}, $&: !"


def test_a_panel_kind_has_one_drawer(page):
    code = "(() => { m.register({ once: () => 1 }); try { m.register({ once: () => 2 }); }"
    code += " catch (error) { return [m.drawerOf('once')(), error.message]; } })()"
    drawn, message = call(page, "view/core/registry.js", code)
    assert drawn == 1 and '"once"' in message


def test_a_question_is_asked_again_when_it_got_lost_and_no_third_time(page):
    code = "(async () => { let n = 0; const answer = await m.reach(async () => { n += 1;"
    code += " if (n > x) return { n }; if (n % 2) throw new Error('lost'); return undefined; });"
    code += " return [n, answer ?? null]; })()"
    assert call(page, "view/core/transport.js", f"await {code}", 0) == [1, {"n": 1}]
    assert call(page, "view/core/transport.js", f"await {code}", 1) == [2, {"n": 2}]
    assert call(page, "view/core/transport.js", f"await {code}", 5) == [2, None]
    assert page.locator(".am-working").count() == 0


def test_reduced_motion_is_respected(page):
    page.emulate_media(reduced_motion="reduce")
    assert call(page, "view/core/dom.js", "m.prefersStill()") is True
    page.emulate_media(reduced_motion="no-preference")
    assert call(page, "view/core/dom.js", "m.prefersStill()") is False


def test_a_link_names_a_cell_of_one_tab(page):
    page.goto(f"{HOST}/?tab=masks&cell=weights@3.1.2")
    cell = {"panel": "weights", "row": 1, "column": 2, "frame": 3}
    code = "[m.linkedIn('masks'), m.linkedIn('heads'), (m.forgetLinked(), m.linkedIn('masks'))]"
    assert call(page, "view/core/link.js", code) == [cell, None, None]
    page.goto(f"{HOST}/?tab=masks&cell=weights.1")
    assert call(page, "view/core/link.js", "m.linkedIn('masks')") is None


def test_a_name_has_the_same_seed_on_both_sides(page):
    names = [
        "Mei",
        "  Zoë MÜLLER ",
        "zoe\u0308 müller",
        "王 小明",
        "Ｍｅｉ",
        "Οδυσσεύς",
        "İpek",
        "Straße",
        "",
        "a\u3000b",
    ]
    for seed in (0, 7):
        assignment = Assignment("a", seed=seed, own_numbers=True)
        code = "x.names.map((name) => m.seedFor({ seed: x.seed, own_numbers: true }, name))"
        found = call(page, "view/course/seed.js", code, {"seed": seed, "names": names})
        assert found == [seed_for(assignment, name) for name in names]
