"""Heatmaps as pictures, as bytes for the page, and as files."""

import base64
import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attention.export import heatmap

NAN = torch.tensor([[0.5, float("nan")]])


def softmaxed(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).mul(3).softmax(-1)


def levels(data, *shape):
    return torch.frombuffer(bytearray(base64.b64decode(data)), dtype=torch.uint8).view(*shape)


# pictures -------------------------------------------------------------------------------------


def test_show_heatmaps_draws_rows_by_columns():
    figure = heatmap.show_heatmaps(
        softmaxed(2, 3, 4, 5), "Keys", "Queries", titles=["a", "b", "c"],
        row_labels=list("wxyz"), column_labels=list("abcde"),
    )  # fmt: skip
    *grid, bar = figure.axes
    assert len(grid) == 6 and bar.get_ylabel() == "" and not bar.get_title()
    assert [axes.get_title() for axes in grid] == ["a", "b", "c"] * 2
    assert [axes.get_xlabel() for axes in grid] == ["", "", "", "Keys", "Keys", "Keys"]
    assert [axes.get_ylabel() for axes in grid] == ["Queries", "", "", "Queries", "", ""]
    assert np.array_equal(grid[4].images[0].get_array(), softmaxed(2, 3, 4, 5)[1, 1].numpy())
    assert {axes.images[0].get_clim() for axes in grid} == {grid[0].images[0].get_clim()}


def test_show_heatmaps_shows_itself_in_a_notebook():
    figure = heatmap.show_heatmaps(torch.eye(3)[None, None], "Keys", "Queries")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert tuple(figure.get_size_inches()) == (2.5, 2.5)


def test_show_heatmaps_names_the_shape_it_wants():
    with pytest.raises(ValueError, match="rows, columns, queries, keys"):
        heatmap.show_heatmaps(torch.eye(3), "Keys", "Queries")
    with pytest.raises(ValueError, match="titles"):
        heatmap.show_heatmaps(torch.eye(3)[None, None], "Keys", "Queries", titles=["a", "b"])


def test_pyplot_is_never_imported_and_settings_stay():
    code = """
import sys, torch
from attention.export import heatmap
assert "matplotlib" not in sys.modules, "the package must stay light"
import matplotlib
# reading rcParams["backend"] is what imports pyplot, so that one is left alone
keys = set(matplotlib.rcParams) - {"backend"}
settings = lambda: {key: matplotlib.rcParams[key] for key in keys}
before = settings()
heatmap.save_figure(torch.eye(3), list("abc"), list("abc"), "title", "svg")
heatmap.show_heatmaps(torch.eye(3)[None, None], "Keys", "Queries", ["title"])._repr_png_()
assert "matplotlib.pyplot" not in sys.modules, "pyplot"
assert settings() == before, "rcParams"
"""
    # a process of its own: other tests may have imported pyplot
    root = Path(heatmap.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("format, start", [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_save_figure_writes_the_format_asked_for(format, start):
    labels = ["$x^2^2$", "$5 and $6", "猫坐", "<script>alert(1)</script>", "x" * 10_000, "\n", ""]
    picture = heatmap.save_figure(softmaxed(7, 7), labels, labels, labels[3], format)
    assert picture.startswith(start)
    if format == "svg":
        root = ElementTree.fromstring(picture)
        assert not [node for node in root.iter() if node.tag.endswith("script")]
        assert b"<script" not in picture
    else:
        assert int.from_bytes(picture[16:20], "big") < 2000  # pixels wide


def test_glyphs_of_chinese_tokens_are_found():
    from matplotlib.font_manager import fontManager

    if not set(heatmap.CJK_FONTS) & {font.name for font in fontManager.ttflist}:
        pytest.skip("no CJK font installed")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heatmap.save_figure(softmaxed(2, 2), ["猫", "坐"], ["猫", "坐"])


def test_long_texts_are_thinned_and_sixty_four_tokens_are_not():
    figure = heatmap.show_heatmaps(
        softmaxed(1, 1, 64, 200), "Keys", "Queries",
        row_labels=[f"r{i}" for i in range(64)], column_labels=[f"c{i}" for i in range(200)],
    )  # fmt: skip
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"r{i}" for i in range(64)]
    written = [label.get_text() for label in axes.get_xticklabels()]
    assert written == [f"c{i}" for i in range(0, 200, 4)]


def test_clean_label_cuts_and_shows_the_invisible():
    assert heatmap.clean_label("x" * 25) == "x" * 23 + "…"
    assert heatmap.clean_label("x" * 24) == "x" * 24
    assert heatmap.clean_label("a\nb\ud800\u200bc\u202e") == "a·b□□c□"


def test_pictures_from_many_threads_are_equal():
    expected = heatmap.save_figure(softmaxed(4, 4), list("abcd"), list("abcd"))
    with ThreadPoolExecutor(6) as pool:
        drawn = pool.map(lambda _: heatmap.save_figure(softmaxed(4, 4), list("abcd"), list("abcd")), range(6))
    assert list(drawn) == [expected] * 6


def test_save_figure_refuses_other_formats_and_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="format"):
        heatmap.save_figure(softmaxed(2, 2), format="pdf")
    with pytest.raises(ValueError, match="row_labels needs 2"):
        heatmap.save_figure(softmaxed(2, 2), ["a"], ["a", "b"])


# bytes ----------------------------------------------------------------------------------------


def test_pack_by_hand():
    packed = heatmap.pack(torch.tensor([[0.0, 0.25], [1.0, 0.0]]))
    assert levels(packed.data, 2, 2).tolist() == [[0, 128], [255, 0]]
    assert packed[1:] == (2, 2, 0.0, 1.0, "sqrt", 1)
    linear = heatmap.pack(torch.tensor([[-1.0, 0.0, 3.0]]), gamma="linear")
    assert levels(linear.data, 3).tolist() == [0, 64, 255]
    assert (linear.low, linear.high) == (-1.0, 3.0)


@pytest.mark.parametrize("gamma, power, error", [("sqrt", 2, 0.0041), ("linear", 1, 0.002)])
def test_pack_can_be_read_back(gamma, power, error):
    matrix = softmaxed(30, 20)
    packed = heatmap.pack(matrix, gamma=gamma)
    level = levels(packed.data, 30, 20).double() / 255
    value = packed.low + (packed.high - packed.low) * level**power
    assert (value - matrix).abs().max() <= error


def test_pack_pools_to_the_size_and_keeps_the_largest():
    matrix = softmaxed(10, 7)
    packed = heatmap.pack(matrix, size=4)
    assert (packed.rows, packed.columns, packed.pool) == (4, 3, 3)
    pooled = F.max_pool2d(matrix[None], 3, ceil_mode=True)[0]
    assert packed.data == heatmap.pack(pooled).data


def test_pack_of_a_flat_matrix_and_on_a_given_scale():
    assert levels(heatmap.pack(torch.zeros(1, 2)).data, 2).tolist() == [0, 0]
    shared = heatmap.pack(torch.full((1, 1), 0.25), low=0.0, high=1.0)
    assert levels(shared.data, 1).item() == 128
    assert heatmap.pack(torch.full((1, 1), 0.1), high=0.1).high == 0.1  # float32(0.1) > 0.1
    with pytest.raises(ValueError, match="scale"):
        heatmap.pack(torch.ones(1, 1), high=0.5)


@pytest.mark.parametrize("n, m", [(1, 1), (5, 5), (64, 64), (65, 65), (130, 65), (200, 30)])
def test_overview_equals_max_pooling_of_each_layer(n, m):
    layers = [softmaxed(3, n, m, seed=seed) for seed in range(2)]
    packed = heatmap.pack_overview(layers)
    shape = (2, 3, packed["rows"], packed["cols"])
    kernel = (packed["pool_rows"], packed["pool_cols"])
    pooled = torch.stack([F.max_pool2d(layer, kernel, ceil_mode=True) for layer in layers])
    expected = (pooled.sqrt() * 255).round().to(torch.uint8)
    assert (levels(packed["data"], *shape).int() - expected.int()).abs().max() <= 1
    assert packed["pooled"] == (max(n, m) > 64)
    assert packed["layers"] == 2 and packed["heads"] == 3 and packed["encoding"] == "sqrt-u8"
    assert (packed["queries"], packed["keys"]) == (n, m)


@pytest.mark.parametrize("n", [64, 127, 128, 512])
def test_overview_of_72_heads_stays_under_400_kB(n):
    packed = heatmap.pack_overview([torch.full((12, n, n), 1 / n)] * 6)
    assert len(json.dumps(packed)) <= 400_000


def test_overview_does_not_touch_the_weights():
    layer = softmaxed(2, 70, 70)
    before = layer.clone()
    heatmap.pack_overview([layer, layer.detach().requires_grad_()])
    assert torch.equal(layer, before)


@pytest.mark.parametrize("bad", [float("nan"), -0.5, 1.5])
@pytest.mark.parametrize("n", [4, 100])
def test_overview_refuses_what_is_no_weight(bad, n):
    layer = softmaxed(2, n, n)
    layer[1, :4] = bad  # whole blocks: a pool of 2 keeps the larger neighbour of a negative cell
    with pytest.raises(ValueError, match="weights must be"):
        heatmap.pack_overview([layer])


def test_overview_refuses_layers_that_differ():
    with pytest.raises(ValueError, match="one shape"):
        heatmap.pack_overview([softmaxed(2, 3, 3), softmaxed(2, 4, 4)])
    with pytest.raises(ValueError, match="batch"):
        heatmap.pack_overview([softmaxed(1, 2, 3, 3)])


def test_floats_are_exact():
    matrix = softmaxed(5, 3)
    back = np.frombuffer(base64.b64decode(heatmap.pack_floats(matrix.T)), dtype="<f4")
    assert np.array_equal(back.reshape(3, 5), matrix.T.numpy())


# files ----------------------------------------------------------------------------------------


def test_csv_gives_back_labels_and_float32():
    matrix = softmaxed(2, 3)
    rows = list(csv.reader(io.StringIO(heatmap.to_csv(matrix, ["a,b", 'say "hi"'], list("xyz")))))
    assert rows[0] == ["", "x", "y", "z"]
    assert [row[0] for row in rows[1:]] == ["a,b", 'say "hi"']
    back = torch.tensor([[float(cell) for cell in row[1:]] for row in rows[1:]])
    assert torch.equal(back, matrix)


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_csv_labels_cannot_be_formulas(label):
    text = heatmap.to_csv(-torch.ones(1, 1), [label], [label])
    header, line = csv.reader(io.StringIO(text, newline=""))
    assert header[1] == line[0] == "'" + label
    assert line[1] == "-1"  # numbers stay numbers


def test_npz_opens_without_pickle():
    data = heatmap.to_npz({"weights": softmaxed(2, 2), "tokens": ["猫", "=x"], "layer": 3})
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        assert np.array_equal(arrays["weights"], softmaxed(2, 2).numpy())
        assert arrays["tokens"].tolist() == ["猫", "=x"]
        assert int(arrays["layer"]) == 3


def test_npz_refuses_objects_and_odd_names():
    for name in ("../up", "file", ""):
        with pytest.raises(ValueError, match="names"):
            heatmap.to_npz({name: torch.ones(1)})
    with pytest.raises(ValueError, match="numbers or strings"):
        heatmap.to_npz({"weights": np.array([None])})


def test_nan_is_refused_everywhere():
    for write in (
        heatmap.pack,
        heatmap.pack_floats,
        heatmap.save_figure,
        lambda matrix: heatmap.show_heatmaps(matrix[None, None], "k", "q"),
        lambda matrix: heatmap.to_csv(matrix, ["a"], ["b", "c"]),
        lambda matrix: heatmap.to_npz({"weights": matrix}),
    ):
        with pytest.raises(ValueError, match="finite"):
            write(NAN)
