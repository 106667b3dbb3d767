"""What a learner sets in kernel regression: points, made or pasted, and how wide the kernel is."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import torch
from torch import Tensor

from ....kernel import make_data
from ...page.fields import Choice, Flag, Number, Text, Whole, given
from ...page.guard import Refusal, to_number

POINTS, LARGEST = 200, 10_000  # the most pasted points, and the largest |x| or |y|
NARROW = 0.02  # the narrowest bandwidth of the slider, also what a task asks about
DATA = ("num_points", "noise", "seed", "points")  # the inputs that make the points
HOURS = (
    "0, 9.1\n3, 8.2\n5, 7.9\n6, 8.4\n8, 11.3\n10, 14.9\n12, 17.8\n14, 19.2\n15, 19.4\n17, 18.1\n"
    "19, 15.0\n21, 12.2\n23, 10.3"
)


@dataclass(frozen=True)
class Inputs:
    """All scenes' inputs; ``method`` is the scene."""

    method: str = given(Choice("bandwidth", ("average", "bandwidth", "learned")))
    bandwidth: float = given(Number(0.5, NARROW, 10, 0.01))
    num_points: int = given(Whole(50, 2, POINTS))
    noise: float = given(Number(0.5, 0, 3, 0.05))
    seed: int = given(Whole(0, 0, 999))
    exclude_self: bool = given(Flag(True))
    steps: int = given(Whole(100, 1, 200))
    learning_rate: float = given(Number(2, 0.1, 50, 0.1))
    points: str = given(Text("", 8000, lines=4, required=False))


def data_of(inputs: Inputs) -> tuple[Tensor, Tensor, bool]:
    """The points in use (m,), (m,): pasted ones, or made ones, whose curve is known."""
    own = read_points(inputs.points)
    if own is not None:
        return *own, False
    return *make_data(inputs.num_points, inputs.noise, inputs.seed), True


def read_points(text: str) -> tuple[Tensor, Tensor] | None:
    """Pasted pairs -> x, y sorted by x; None for no text. Raises ``Refusal`` naming the line."""
    field, pairs = "kernel.points", []
    for i, line in enumerate(text.split("\n"), 1):
        line = unicodedata.normalize("NFKC", line).replace("、", ",")  # full-width signs too
        if not line.strip():
            continue
        cells = [cell for part in line.split(",") for cell in part.split()]
        if len(cells) != 2:
            raise Refusal("point_pair", field=field, line=i)
        try:
            x, y = (to_number(cell, field) for cell in cells)
        except Refusal:
            raise Refusal("point_number", field=field, line=i) from None
        if max(abs(x), abs(y)) > LARGEST:
            raise Refusal("point_size", field=field, line=i, limit=LARGEST)
        pairs.append((x, y))
        if len(pairs) > POINTS:
            raise Refusal("too_many_points", field=field, line=i, limit=POINTS)
    if not pairs:
        return None
    if len(pairs) < 2:
        raise Refusal("too_few_points", field=field)
    columns = torch.tensor(sorted(pairs)).T
    return columns[0], columns[1]
