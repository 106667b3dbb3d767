"""Take it away: a panel or the whole view as a file. Filled in with the writers of the package.

A panel is a *map* (a matrix with labels) or a set of *series* (points over x); a frame of a player
is a map too. The seam is here: ``table_of`` for CSV, ``arrays_of`` for NPZ, ``picture_of`` for PNG
and SVG. A new kind of panel only has to look like one of the two.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import torch

from ..heatmap import save_figure, to_csv, to_npz
from ..plotting import Series, save_plot
from .busy import slot
from .guard import Refusal
from .texts import words_for
from .view import numbers, to_html

TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv",
    "npz": "application/octet-stream",
    "html": "text/html",
}


def floats(packed: dict[str, Any]) -> np.ndarray:
    """What view.numbers packed, exactly: float32 of any shape."""
    data = np.frombuffer(base64.b64decode(packed["f32"]), dtype="<f4")
    return data.reshape(packed["shape"]).copy()  # frombuffer is read-only


def matrix_of(panel: dict[str, Any]) -> np.ndarray:
    """The exact numbers of a heatmap panel, (n, m) float32."""
    return floats(panel["data"])


def find(payload: dict[str, Any], panel_id: Any) -> dict[str, Any]:
    """The panel with this id; "ID@3" is frame 3 of a player, as a map. Raises ``Refusal``."""
    if not isinstance(panel_id, str):
        raise Refusal("bad_request")
    name, _, frame = panel_id.partition("@")
    panel = next((one for one in payload["panels"] if one["id"] == name), {})
    if panel.get("kind") == "player":
        if not (frame.isascii() and frame.isdigit()) or len(frame) > 4 or int(frame) >= len(panel["steps"]):
            raise Refusal("bad_request")
        step = f"{words_for(payload['language'])('view.step')} {panel['steps'][int(frame)]}"
        matrix = numbers(torch.from_numpy(floats(panel["frames"])[int(frame)]))
        return {**panel, "data": matrix, "title": f"{panel['title']} · {step}"}
    if frame or not {"data", "series", "thumbnails"} & panel.keys():
        raise Refusal("bad_request")
    return panel


def points_of(panel: dict[str, Any]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, x (k,), y (k,)) of every series of a plot."""
    return [(one["name"], floats(one["x"]), floats(one["y"])) for one in panel["series"]]


def levels_of(panel: dict[str, Any]) -> np.ndarray:
    """The weights of every head as far as one byte a cell tells, (layers, heads, rows, columns)."""
    shape = panel["layers"], panel["heads"], panel["rows"], panel["cols"]
    data = b"".join(base64.b64decode(layer) for layer in panel["thumbnails"])
    return (np.frombuffer(data, dtype=np.uint8).reshape(shape).astype("<f4") / 255) ** 2


def table_of(panel: dict[str, Any]) -> tuple[np.ndarray, list[str], list[str]]:
    """(matrix, row labels, column labels): what a spreadsheet gets.

    A plot is listed point by point, its series' name first; the overview is each head's largest
    weight; bars are a row per name.
    """
    if panel["kind"] == "plot":
        every = points_of(panel)
        names = [name for name, x, _ in every for _ in x]
        both = np.concatenate([np.stack([x, y], axis=1) for _, x, y in every])
        return both, names, [panel["x_title"] or "x", panel["y_title"] or "y"]
    if panel["kind"] == "pairbars":
        series = panel["series"]
        values = np.array([one["values"] for one in series]).T
        return values, panel["names"], [one["name"] for one in series]
    if panel["kind"] == "overview":
        sides = [(panel["words"]["layer"], panel["layers"]), (panel["words"]["head"], panel["heads"])]
        return levels_of(panel).max((2, 3)), *([f"{name} {i}" for i in range(n)] for name, n in sides)
    return matrix_of(panel), panel["rows"], panel["columns"]


def arrays_of(panel: dict[str, Any]) -> dict[str, Any]:
    """The named arrays of an NPZ: a map's values and labels, or a plot's points."""
    matrix, rows, columns = table_of(panel)
    if panel["kind"] == "plot":
        return {"series": rows, "x": matrix[:, 0], "y": matrix[:, 1]}
    if panel["kind"] == "overview":
        return {"weights": levels_of(panel), **panel["pool"], **panel["labels"]}
    arrays = {"values": matrix, "rows": rows, "columns": columns}
    if panel["kind"] == "player":  # the file has room for the whole training
        curves = panel["curves"]
        arrays |= {"frames": floats(panel["frames"]), "steps": panel["steps"],
                   "curves": [one["name"] for one in curves],
                   "curve_values": np.array([one["values"] for one in curves], dtype="<f4")}  # fmt: skip
    return arrays


def picture_of(panel: dict[str, Any], format: str) -> bytes:
    """The panel drawn by matplotlib, "png" or "svg". The overview's picture is the page's own."""
    if panel["kind"] == "plot":
        kinds = [(one["kind"], one.get("role", "")) for one in panel["series"]]
        series = [Series(name, kind, x, y, role)
                  for (name, x, y), (kind, role) in zip(points_of(panel), kinds, strict=True)]  # fmt: skip
        titles = {"xlabel": panel["x_title"], "ylabel": panel["y_title"], "log_x": panel["log_x"]}
        return save_plot(series, panel["title"], format, **titles)
    matrix, rows, columns = table_of(panel)
    if panel["kind"] == "pairbars":
        series = [Series(name, "bars", range(len(rows)), y, role)
                  for name, y, role in zip(columns, matrix.T, ("accent", "truth"), strict=False)]  # fmt: skip
        return save_plot(series, panel["title"], format, x_names=rows)
    if panel["kind"] == "overview":
        raise Refusal("bad_request")
    return save_figure(
        torch.from_numpy(matrix), rows, columns, panel["title"], format, holes=True,
        xlabel=panel["column_title"], ylabel=panel["row_title"], diverging=panel["diverging"],
    )  # fmt: skip


@slot("export", limit=1)  # matplotlib is slow; one at a time leaves the cores to the others
def export(payload: dict[str, Any], panel_id: Any, format: Any) -> dict[str, str]:
    """{"name", "type", "base64"} of one panel, or of the whole view for "html"."""
    if not isinstance(format, str) or format not in TYPES:
        raise Refusal("bad_request")
    if format == "html":
        return _file(f"{payload['tab']}.html", format, to_html(payload).encode())
    panel = find(payload, panel_id)
    if format == "csv":
        matrix, rows, columns = table_of(panel)
        text = to_csv(torch.from_numpy(matrix), rows, columns, holes=True)
        data = ("\ufeff" + text).encode()  # BOM: Excel reads CJK
    elif format == "npz":
        data = to_npz(arrays_of(panel), holes=True)
    else:
        data = picture_of(panel, format)
    return _file(f"{payload['tab']}-{panel_id.replace('@', '-')}.{format}", format, data)


def _file(name: str, format: str, data: bytes) -> dict[str, str]:
    return {"name": name, "type": TYPES[format], "base64": base64.b64encode(data).decode()}
