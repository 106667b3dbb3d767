"""What the kernel tab looks at: points, queries, their answers, and the trainings of the width."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..kernel import (
    LearnedWidth,
    WidthTraining,
    average_pooling,
    leave_self_out,
    make_data,
    nadaraya_watson,
    train_width,
)
from ..pooling import Attended, attend
from .busy import slot
from .guard import Refusal, to_number

QUERIES = 50  # places asked about, evenly spaced over the data
POINTS, LARGEST = 200, 10_000  # the most pasted points, and the largest |x| or |y|


class Study(NamedTuple):
    """One regression: points x, y (m,), queries (50,), what they were answered, and the width."""

    x: Tensor
    y: Tensor
    known: bool  # whether the curve behind the points is known
    queries: Tensor
    attended: Attended
    bandwidth: float | None  # None: average pooling
    width: float | None  # the learned w, else None


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
            pair = tuple(to_number(cell, field) for cell in cells)
        except Refusal:
            raise Refusal("point_number", field=field, line=i) from None
        if max(map(abs, pair)) > LARGEST:
            raise Refusal("point_size", field=field, line=i, limit=LARGEST)
        pairs.append(pair)
        if len(pairs) > POINTS:
            raise Refusal("too_many_points", field=field, line=i, limit=POINTS)
    if not pairs:
        return None
    if len(pairs) < 2:
        raise Refusal("too_few_points", field=field)
    x, y = torch.tensor(sorted(pairs)).T
    return x, y


@lru_cache(maxsize=64)  # a pure function of its arguments; its record is only read
@slot("training", limit=1)
def train(x: tuple, y: tuple, exclude_self: bool, steps: int, rate: float) -> WidthTraining:
    """The training of the width, remembered: the sheet of a cell asks for it again."""
    points = torch.tensor(x), torch.tensor(y)
    record = train_width(*points, exclude_self=exclude_self, steps=steps, learning_rate=rate)
    if not record.width:
        raise Refusal("no_training", field="kernel.learning_rate")
    return record


def data_of(values: dict[str, Any]) -> tuple[Tensor, Tensor, bool]:
    """The points in use: pasted ones, or made ones whose curve is known."""
    own = read_points(values["points"])
    if own is not None:
        return *own, False
    return *make_data(values["num_points"], values["noise"], values["seed"]), True


def training(values: dict[str, Any], exclude_self: bool) -> WidthTraining:
    """The training that these inputs ask for, with or without the point's own key."""
    x, y, _ = data_of(values)
    points = tuple(x.tolist()), tuple(y.tolist())
    return train(*points, exclude_self, values["steps"], values["learning_rate"])


def study(values: dict[str, Any]) -> Study:
    """Answer 50 evenly spaced queries by the chosen method."""
    x, y, known = data_of(values)
    queries = torch.linspace(x.min().item(), x.max().item(), QUERIES)
    if values["method"] == "average":
        return Study(x, y, known, queries, average_pooling(queries, x, y), None, None)
    if values["method"] == "bandwidth":
        h = values["bandwidth"]
        return Study(x, y, known, queries, nadaraya_watson(queries, x, y, h), h, None)
    width = training(values, values["exclude_self"]).width[-1]
    attended = LearnedWidth(width)(queries, x, y)
    if not attended.output.isfinite().all():
        raise Refusal("no_training", field="kernel.learning_rate")
    return Study(x, y, known, queries, attended, 1 / abs(width) if width else None, width)


def at_points(s: Study, exclude_self: bool) -> tuple[Tensor, Tensor]:
    """The points asked about themselves: output (m,), weights (m, m)."""
    mask = leave_self_out(len(s.x))
    if not exclude_self:
        mask = torch.ones_like(mask)
    if s.width is not None:
        attended = LearnedWidth(s.width)(s.x, s.x, s.y, mask)
    elif s.bandwidth is not None:
        attended = nadaraya_watson(s.x, s.x, s.y, s.bandwidth, mask)
    else:  # average pooling under a mask
        x, y = s.x[:, None], s.y[:, None]
        attended = attend(x, x, y, mask, scale=0.0)
    return attended.output.detach().flatten(), attended.weights.detach()


def places(x: Tensor) -> list[str]:
    """x as labels, with as many decimals as tell 100 places of their range apart."""
    span = (x.max() - x.min()).item()
    digits = 2 if span <= 0 else min(max(2 - math.floor(math.log10(span)), 0), 4)
    return [f"{round(value, digits) + 0.0:.{digits}f}" for value in x.tolist()]  # no "-0.00"
