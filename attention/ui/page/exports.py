"""Take it away: a panel or the whole view as a file, written from the panel's own tensors.

A panel that can be saved says how (``panels.Saved``): its table for CSV, its arrays for NPZ, its
picture for PNG and SVG.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import torch

from ...export.heatmap import to_csv, to_npz
from .busy import slot
from .guard import Json, Refusal
from .panels import Panel, Saved

TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv",
    "npz": "application/octet-stream",
    "html": "text/html",
}


def find(panels: Sequence[Panel], panel_id: object) -> Saved:
    """The panel with this id; "ID@3" is frame 3 of a player. Raises ``Refusal``."""
    if not isinstance(panel_id, str):
        raise Refusal("bad_request")
    name, _, frame = panel_id.partition("@")
    panel = next((one for one in panels if one.id == name), None)
    if not isinstance(panel, Saved):
        raise Refusal("bad_request")
    return panel.part(frame)


@slot("export", limit=1)  # matplotlib is slow; one at a time leaves the cores to the others
def export(
    tab: str, panels: Sequence[Panel], whole: Callable[[], str], panel_id: object, format: object
) -> Json:
    """{"name", "type", "base64"} of one panel, or of the whole view's page for "html"."""
    if not isinstance(format, str) or format not in TYPES:
        raise Refusal("bad_request")
    if format == "html":
        return _file(f"{tab}.html", format, whole().encode())
    panel = find(panels, panel_id)
    if format == "csv":
        values, rows, columns = panel.table()
        text = to_csv(torch.from_numpy(values), rows, columns, holes=True)
        data = ("\ufeff" + text).encode()  # BOM: Excel reads CJK
    elif format == "npz":
        data = to_npz(panel.arrays(), holes=True)
    else:
        data = panel.picture(format)
    return _file(f"{tab}-{str(panel_id).replace('@', '-')}.{format}", format, data)


def _file(name: str, format: str, data: bytes) -> Json:
    return {"name": name, "type": TYPES[format], "base64": base64.b64encode(data).decode()}
