"""Reading a view as the page does."""

from __future__ import annotations

import base64

import numpy as np


def panel(view, id):
    """The panel of a view that has this id."""
    return next(one for one in view["panels"] if one["id"] == id)


def packed(one):
    """The array that ``panels.numbers`` wrote."""
    return np.frombuffer(base64.b64decode(one["f32"]), "<f4").reshape(one["shape"])


def matrix_of(one):
    """The matrix of an encoded heatmap."""
    return packed(one["data"])
