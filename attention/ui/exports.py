"""Take it away: a panel or the whole view as a file. Filled in with heatmap's writers."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from .. import heatmap
from .busy import slot
from .guard import Refusal
from .view import to_html

TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv",
    "npz": "application/octet-stream",
    "html": "text/html",
}


def matrix_of(panel: dict[str, Any]) -> np.ndarray:
    """The exact numbers of a heatmap panel, (n, m) float32."""
    data = np.frombuffer(base64.b64decode(panel["data"]["f32"]), dtype="<f4")
    return data.reshape(panel["data"]["shape"]).copy()  # frombuffer is read-only


@slot("export", limit=1)  # matplotlib is slow; one at a time leaves the cores to the others
def export(payload: dict[str, Any], panel_id: Any, format: Any) -> dict[str, str]:
    """{"name", "type", "base64"} of one heatmap panel, or of the whole view for "html"."""
    if format not in TYPES:
        raise Refusal("bad_request")
    if format == "html":
        return _file(f"{payload['tab']}.html", format, to_html(payload).encode())
    panel = next((p for p in payload["panels"] if p["id"] == panel_id and "data" in p), None)
    if panel is None:
        raise Refusal("bad_request")
    matrix, rows, columns = matrix_of(panel), panel["rows"], panel["columns"]
    if format == "csv":
        data = ("\ufeff" + heatmap.to_csv(matrix, rows, columns)).encode()  # BOM: Excel reads CJK
    elif format == "npz":
        data = heatmap.to_npz({"values": matrix, "rows": rows, "columns": columns})
    else:
        data = heatmap.save_figure(matrix, rows, columns, panel["title"], format=format)
    return _file(f"{payload['tab']}-{panel_id}.{format}", format, data)


def _file(name: str, format: str, data: bytes) -> dict[str, str]:
    return {"name": name, "type": TYPES[format], "base64": base64.b64encode(data).decode()}
