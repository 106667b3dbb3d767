"""One regression and its pictures: what both scenes of the kernel tab show of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ....cell import Cell
from ....kernel import (
    LearnedWidth,
    average_pooling,
    leave_self_out,
    mean_squared_error,
    nadaraya_watson,
    open_cell,
    truth,
)
from ....pooling import Attended, attend
from ...page.guard import Json
from ...page.panels import Axis, Heatmap, Look, Panel, Scale, heading
from ...page.plots import Curve, Plot, RowsOf
from ...page.scene import Place, Task
from ...page.sheet import Section, Sheet, bracketed, cell_sheet, show
from ...page.texts import Words
from .inputs import NARROW, Inputs, data_of

QUERIES = 50  # places asked about, evenly spaced over the data


@dataclass(frozen=True, eq=False)
class Fit:
    """One regression: points x, y (m,), queries (50,), and what they were answered.

    known: whether the curve behind the points is. bandwidth: None for average pooling. width: the
    learned w, where it was learned.
    """

    inputs: Inputs
    x: Tensor
    y: Tensor
    known: bool
    queries: Tensor
    attended: Attended
    bandwidth: float | None
    width: float | None = None

    @property
    def weights(self) -> Tensor:
        """(50, m)"""
        return self.attended.weights.detach()

    @property
    def prediction(self) -> Tensor:
        """(50,)"""
        return self.attended.output.detach()

    @cached_property
    def itself(self) -> tuple[Tensor, Tensor]:
        """The points asked about themselves, their own key included: output (m,), weights (m, m)."""
        return self._at_points(torch.ones(len(self.x), len(self.x), dtype=torch.bool))

    @cached_property
    def others(self) -> tuple[Tensor, Tensor]:
        """The same with a point's own key left out."""
        return self._at_points(leave_self_out(len(self.x)))

    def _at_points(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        if self.width is not None:
            attended = LearnedWidth(self.width)(self.x, self.x, self.y, mask)
        elif self.bandwidth is not None:
            attended = nadaraya_watson(self.x, self.x, self.y, self.bandwidth, mask)
        else:  # average pooling under a mask
            x, y = self.x[:, None], self.y[:, None]
            attended = attend(x, x, y, mask, scale=0.0)
        return attended.output.detach().flatten(), attended.weights.detach()

    @cached_property
    def error(self) -> float:
        """Of the prediction to the curve behind the points."""
        return mean_squared_error(self.prediction, truth(self.queries))


def fit(inputs: Inputs, bandwidth: float | None) -> Fit:
    """Answer 50 evenly spaced queries with a width that is given; None: average pooling."""
    x, y, known = data_of(inputs)
    queries = evenly(x)
    if bandwidth is None:
        attended = average_pooling(queries, x, y)
    else:
        attended = nadaraya_watson(queries, x, y, bandwidth)
    return Fit(inputs, x, y, known, queries, attended, bandwidth)


def evenly(x: Tensor) -> Tensor:
    """The places asked about, over the range of the points."""
    return torch.linspace(x.min().item(), x.max().item(), QUERIES)


def pictures(f: Fit, words: Words) -> list[Panel]:
    """The fit beside its weights."""
    curves = [
        Curve(words("kernel.points_series"), "points", f.x, f.y, "data"),
        Curve(words("kernel.prediction"), "line", f.queries, f.prediction, "accent"),
    ]
    if f.known:
        curves.append(Curve(words("kernel.truth"), "line", f.queries, truth(f.queries), "truth"))
    step = "kernel.step_" + f.inputs.method
    return [
        heading(words(step), words(step + "_text")),
        Plot("fit", words("kernel.fit"), curves, "x", "y", words("kernel.fit_caption"),
             rows=RowsOf("weights", f.x, f.weights, f.queries, words("kernel.row"))),
        Heatmap("weights", words("kernel.weights"), f.weights,
                Axis(places(f.queries), words("kernel.query")), Axis(places(f.x), words("kernel.key")),
                Scale(high=f.weights.max().item()), Look(digits=3), words("kernel.weights_caption")),
    ]  # fmt: skip


def errors(f: Fit, words: Words) -> list[tuple[str, str, str]]:
    """Mean squared errors: to the truth where it is known, and at the points in two ways."""
    items = []
    if f.known:
        items.append((words("kernel.true_error"), show(f.error), words("kernel.true_error_note")))
    for key, answered in (("own_error", f.itself), ("others_error", f.others)):
        error = mean_squared_error(answered[0], f.y)
        items.append((words(f"kernel.{key}"), show(error), words(f"kernel.{key}_note")))
    return items


def places(x: Tensor) -> list[str]:
    """x as labels, with as many decimals as tell 100 places of their range apart."""
    span = (x.max() - x.min()).item()
    digits = 2 if span <= 0 else min(max(2 - math.floor(math.log10(span)), 0), 4)
    return [f"{round(value, digits) + 0.0:.{digits}f}" for value in x.tolist()]  # no "-0.00"


def weight_sheet(f: Fit, words: Words, place: Place, queries: Tensor, mask: Tensor | None = None) -> Sheet:
    """The arithmetic of one weight: Gaussian score, softmax, and what it adds to the prediction."""
    row, column = place.within(len(queries), len(f.x)).row, place.column
    cell = open_cell(queries, f.x, f.y, row, column, f.bandwidth, mask)
    names = places(queries)[row], places(f.x)[column]
    q, k = show(queries[row].item()), show(f.x[column].item())
    if f.bandwidth is None:
        about = words("kernel.sheet_average", query=q, key=k, count=len(f.x))
        return cell_sheet(cell, words, *names, about=about)
    about = words("kernel.sheet_gaussian", query=q, key=k, bandwidth=show(f.bandwidth))
    plain = cell_sheet(cell, words, *names)
    return replace(plain, sections=[*by_distance(cell, f.bandwidth, words, about), *plain.sections[2:]])


def by_distance(cell: Cell, bandwidth: float, words: Words, about: str) -> list[Section]:
    """How far the point lies, in bandwidths, and the score that comes of it."""
    q, k = cell.query.item(), cell.key.item()
    far = (q - k) / bandwidth
    distance = [
        (words("kernel.sheet_distance"), f"{show(q)} - {bracketed(k)}", show(q - k)),
        (words("kernel.sheet_in_h"), f"{bracketed(q - k)} / {show(bandwidth)}", show(far)),
    ]
    score = [(words("sheet.score"), f"-({show(far)})^2 / 2", show(cell.raw))]
    if not cell.allowed:
        score.append((words("sheet.mask"), words("sheet.masked"), "-∞"))
    return [
        Section(words("kernel.sheet_distance_title"), about, lines=distance),
        Section(words("kernel.sheet_score_title"), lines=score),
    ]


def own_points(f: Fit, words: Words) -> list[str]:
    """What is not used when points are pasted."""
    return [] if f.known else [words("kernel.own_points")]


def code(f: Fit, names: list[str], method: str) -> str:
    """A snippet around the lines that compute ``output, weights, scores``; names: what they import."""
    inputs = f.inputs
    if f.known:
        names = [*names, "make_data", "truth"]
        given = f"num_points={inputs.num_points}, noise={inputs.noise!r}, seed={inputs.seed}"
        data = f"x, y = make_data({given})"
        error = "print((output - truth(queries)).square().mean())   # error to the truth\n"
    else:
        x, y = ([float(str(v)) for v in one.numpy()] for one in (f.x, f.y))  # shortest float32 spelling
        data, error = f"x = torch.tensor({x!r})\ny = torch.tensor({y!r})", ""
    return f"""import torch
from attention.kernel import {", ".join(sorted(names))}

{data}
queries = torch.linspace(x.min().item(), x.max().item(), {QUERIES})
{method}
print(output)        # the prediction at the {QUERIES} queries
print(weights)       # the heatmap, queries x keys; weights @ y is the output
{error}"""


def figures(f: Fit) -> Json:
    """Plain numbers for the API: points, queries, prediction, weights, errors."""
    found: Json = {
        "x": f.x.tolist(), "y": f.y.tolist(), "queries": f.queries.tolist(),
        "prediction": f.prediction.tolist(), "weights": f.weights.tolist(), "bandwidth": f.bandwidth,
        "error_at_points": mean_squared_error(f.itself[0], f.y),
        "error_at_points_left_out": mean_squared_error(f.others[0], f.y),
    }  # fmt: skip
    if f.known:
        found |= {"truth": truth(f.queries).tolist(), "error_to_truth": f.error}
    return found


def exercises(f: Fit, words: Words) -> list[Task]:
    """Predict, then look: a wide kernel, a narrow one, and the share of what is near."""
    spread = max((f.y.max() - f.y.min()).item(), 1e-3)
    narrow = nadaraya_watson(f.x, f.x, f.y, NARROW).output
    count = len(f.x)
    tasks = [
        Task("wide", words("kernel.task_wide"), f.y.mean().item(),
             words("kernel.task_wide_why", share=f"{1 / count:.3f}", count=count), tolerance=0.1 * spread),
        Task("narrow", words("kernel.task_narrow", bandwidth=NARROW), mean_squared_error(narrow, f.y),
             words("kernel.task_narrow_why"), tolerance=0.05 * spread),
    ]  # fmt: skip
    if f.bandwidth is None:
        why = words("kernel.task_share_why", count=count)
        return [*tasks, Task("share", words("kernel.task_share"), 100 / count, why, tolerance=0.5, unit="%")]
    middle = QUERIES // 2
    query = f.queries[middle].item()
    near = (f.x - query).abs() <= f.bandwidth
    question = words("kernel.task_near", query=f"{query:.2f}", bandwidth=show(f.bandwidth, 2))
    share = 100 * f.weights[middle][near].sum().item()
    why = words("kernel.task_near_why", count=int(near.sum()))
    return [
        *tasks,
        Task("near", question, share, why, tolerance=8.0, unit="%", hides=["weights"]),
        Task(
            "ratio", words("kernel.task_ratio"), math.exp(1.5), words("kernel.task_ratio_why"), tolerance=0.5
        ),
    ]
