"""Take it away: a panel or the whole view as a file, written from the panel's own tensors.

A panel that can be saved says how (``panels.Saved``): its table for CSV, its arrays for NPZ, its
picture for PNG and SVG.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ...assets import assets
from ...export.heatmap import to_csv, to_npz
from . import link
from .busy import slot
from .datasets import made
from .fields import Inputs, Text, as_json
from .guard import Json, Refusal
from .panels import Panel, Saved
from .scene import Scene, Tab
from .texts import words_for

MODELS = ("model", "teller")  # inputs that name a model
LONGEST = 300  # letters of a text in a note
TRAINED = re.compile(r"load_file\('(\w+\.safetensors)'\)")  # in a plain program
ADDRESS = re.compile(r"https?://[\w.:\[\]/~%-]{1,200}")

TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv",
    "npz": "application/octet-stream",
    "html": "text/html",
    "safetensors": "application/octet-stream",
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
    tab: str,
    panels: Sequence[Panel],
    whole: Callable[[], str],
    panel_id: object,
    format: object,
    notes: Sequence[str] = (),
) -> Json:
    """{"name", "type", "base64"} of one panel, or of the whole view's page for "html".

    notes: paragraphs below a picture (:func:`notes_of`).
    """
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
        data = panel.picture(format, notes)
    return _file(f"{tab}-{str(panel_id).replace('@', '-')}.{format}", format, data)


def trained_files(program: str) -> list[str]:
    """The files that a plain program reads: trained weights, or what a training is of."""
    return sorted(set(TRAINED.findall(program)))


def trained(program: str, name: object) -> Json:
    """One of these files, to lie beside the program. Raises ``Refusal`` for any other."""
    if name not in trained_files(program):
        raise Refusal("bad_request")
    data = made(str(name)) or (assets() / "trained" / str(name)).read_bytes()
    return {"name": name, "type": TYPES["safetensors"], "base64": base64.b64encode(data).decode()}


def notes_of(
    tab: Tab[Any], scene: Scene[Any, Any], inputs: Inputs, language: str, address: object
) -> list[str]:
    """What stands below a saved picture: the tab, the model and the texts it is of, and its link.

    address: where the page says that it lives, as far as a link can be made with it.
    """
    words, given = words_for(language), as_json(inputs)
    notes = [f"{words('app.title')} · {words(f'{tab.id}.title')}"]
    for field in tab.fields:
        value = str(given[field.name]).strip()
        if field.name in scene.fields and value and (field.name in MODELS or isinstance(field, Text)):
            text = words.get(f"{tab.id}.{field.name}.{value}", value) if field.name in MODELS else value
            lines = " / ".join(line.strip() for line in text.splitlines() if line.strip())
            cut = lines if len(lines) <= LONGEST else lines[: LONGEST - 1] + "…"
            notes.append(f"{words(f'{tab.id}.{field.name}')}: {cut}")
    place = address if isinstance(address, str) and ADDRESS.fullmatch(address) else ""
    return [*notes, f"{place}?{link.write(tab.id, tab.fields, given)}&lang={language}"]


def _file(name: str, format: str, data: bytes) -> Json:
    return {"name": name, "type": TYPES[format], "base64": base64.b64encode(data).decode()}
