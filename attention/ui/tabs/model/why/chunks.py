"""All heads of a large model, layer by layer: between the layers the page carries what is known.

The state is a float32 for every head, NaN where the layer's turn has not come.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from .....circuits import compare, patch_grid
from ....page.busy import slot
from ....page.guard import Json, Refusal
from ....page.panels import numbers
from ....page.scene import Carried, Place, Trainer
from ....page.sheet import Sheet
from ....page.texts import Words
from ..inputs import Inputs
from ..models import model_named
from .effects import disagree, effect_sheet
from .study import study

LIMIT = 4 * 48 * 48


def steps(inputs: Inputs) -> int:
    return model_named(inputs.model).num_layers


def advance(inputs: Inputs, state: bytes | None, count: int, words: Words) -> Carried:
    """The next layers: each of their heads changed everywhere."""
    s = study(inputs)
    shape = s.model.num_layers, s.model.num_heads
    if state is None:
        known = np.full(shape, np.nan, "<f4")
    elif len(state) != 4 * shape[0] * shape[1]:
        raise ValueError(f"the state must hold {shape[0]} x {shape[1]} numbers, got {len(state)} bytes")
    else:
        known = np.frombuffer(state, "<f4").reshape(shape).copy()
    left = [layer for layer in range(shape[0]) if np.isnan(known[layer]).any()][:count]
    with slot("grid"):
        found = patch_grid(s.model, s.tokens, s.other, s.target, s.instead, each_position=False, layers=left)
    known[left] = found.whole[left].numpy()
    done = int((~np.isnan(known).any(1)).sum())
    shown: Json = {"step": done, "data": numbers(torch.from_numpy(known))}
    if s.other is None:  # knocked out, so shares can be held against it
        grid = replace(found, whole=torch.from_numpy(known))
        shown["apart"] = disagree(compare(s.shares, grid), words).encode()
    return Carried(known.tobytes(), shown)


def sheet(inputs: Inputs, state: bytes, words: Words, place: Place) -> Sheet:
    s = study(inputs)
    if place.row >= s.model.num_layers or place.column >= s.model.num_heads:
        raise Refusal("no_such_cell")
    return effect_sheet(s, words, (place.row, place.column), None)


TRAINER = Trainer(chunk=1, steps=steps, advance=advance, sheet=sheet, limit=LIMIT)
