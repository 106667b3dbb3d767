"""A width learned by gradient descent, with and without a point's own key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from ....kernel import LearnedWidth, WidthTraining, leave_self_out, train_widths
from ...page.busy import slot
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Look, Panel, Readouts, Scale, heading
from ...page.plots import Curve, Plot
from ...page.scene import Place, Scene, Task
from ...page.sheet import Sheet, show
from ...page.texts import Words
from .fit import Fit, code, errors, evenly, exercises, figures, own_points, pictures, places, weight_sheet
from .inputs import DATA, Inputs, data_of
from .plain import program


@dataclass(frozen=True, eq=False)
class Study:
    """Both trainings, and the regression with the width that the chosen one learned.

    apart: every point's own key left out. itself: kept in.
    """

    inputs: Inputs
    fit: Fit
    apart: WidthTraining
    itself: WidthTraining

    @property
    def chosen(self) -> WidthTraining:
        return self.apart if self.inputs.exclude_self else self.itself


def study(inputs: Inputs) -> Study:
    """Train twice, and answer 50 evenly spaced queries with the chosen width."""
    x, y, known = data_of(inputs)
    points = tuple(x.tolist()), tuple(y.tolist())
    apart, itself = _train(*points, inputs.steps, inputs.learning_rate)
    width = (apart if inputs.exclude_self else itself).width[-1]
    queries = evenly(x)
    attended = LearnedWidth(width)(queries, x, y)
    if not attended.output.isfinite().all():
        raise Refusal("no_training", field="kernel.learning_rate")
    bandwidth = 1 / abs(width) if width else None
    return Study(inputs, Fit(inputs, x, y, known, queries, attended, bandwidth, width), apart, itself)


@lru_cache(maxsize=64)  # a pure function of its arguments, for the next question about the same training
@slot("training", limit=1)
def _train(x: tuple[float, ...], y: tuple[float, ...], steps: int, rate: float) -> list[WidthTraining]:
    points = torch.tensor(x), torch.tensor(y)
    records = train_widths(*points, exclude_self=(True, False), steps=steps, learning_rate=rate)
    if not all(record.width for record in records):
        raise Refusal("no_training", field="kernel.learning_rate")
    return records


def panels(s: Study, words: Words) -> list[Panel]:
    """The fit and its errors, how the width was learned, and the points looking at one another."""
    f = s.fit
    h = "∞" if f.bandwidth is None else show(f.bandwidth)
    width = (words("kernel.width"), show(s.chosen.width[-1]), words("kernel.width_note", bandwidth=h))
    return [*pictures(f, words), Readouts("errors", [*errors(f, words), width]), *learning(s, words)]


def learning(s: Study, words: Words) -> list[Panel]:
    """Both trainings side by side, and the points attending to one another at the end."""

    def line(record: WidthTraining, name: str, role: str, what: str) -> Curve:
        y = torch.tensor(getattr(record, what))
        return Curve(words(f"kernel.{name}"), "line", torch.arange(len(y)), y, role)

    f, apart = s.fit, s.inputs.exclude_self
    weights = (f.others if apart else f.itself)[1]
    names = places(f.x)
    return [
        heading(words("kernel.step_training"), words("kernel.step_training_text")),
        Plot("loss", words("kernel.loss"), [
            line(s.apart, "apart", "accent", "loss"),
            line(s.itself, "itself", "data", "loss"),
            line(s.itself, "itself_others", "truth", "held_out"),
        ], words("kernel.step"), words("kernel.mse"), words("kernel.loss_caption")),
        Plot("widths", words("kernel.widths"), [
            line(s.apart, "apart", "accent", "width"), line(s.itself, "itself", "data", "width"),
        ], words("kernel.step"), "w", words("kernel.widths_caption")),
        Heatmap("train_weights", words("kernel.train_weights" if apart else "kernel.train_weights_self"),
                weights, Axis(names, words("kernel.query")), Axis(names, words("kernel.key")),
                Scale(high=weights.max().item()), Look(digits=3), words("kernel.train_weights_caption"),
                ~leave_self_out(len(f.x)) if apart else None),
        Readouts("final", [
            (words("kernel.final_" + name), show(record.width[-1]),
             words("kernel.final_note", loss=show(record.loss[-1]), others=show(record.held_out[-1])))
            for name, record in (("apart", s.apart), ("itself", s.itself))
        ]),
    ]  # fmt: skip


def notices(s: Study, words: Words) -> list[str]:
    """What is not used, and a training that ran away."""
    ran_away = s.apart.diverged or s.itself.diverged
    return own_points(s.fit, words) + ([words("kernel.diverged")] if ran_away else [])


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of one weight, of a query or of a point that looks at points."""
    f = s.fit
    if place.panel == "weights":
        return weight_sheet(f, words, place, f.queries)
    if place.panel != "train_weights":
        raise Refusal("no_such_cell")
    return weight_sheet(f, words, place, f.x, leave_self_out(len(f.x)) if s.inputs.exclude_self else None)


def snippet(s: Study) -> str:
    """The training, then the prediction and the weights."""
    inputs = s.inputs
    method = (
        f"records = train_widths(x, y, exclude_self=(True, False), steps={inputs.steps}, "
        f"learning_rate={inputs.learning_rate!r})\n"
        f"record = records[{0 if inputs.exclude_self else 1}]\n"
        "print(record.width[-1], record.loss[-1], record.held_out[-1])\n"
        "with torch.no_grad():\n"
        "    output, weights, scores = LearnedWidth(record.width[-1])(queries, x, y)"
    )
    return code(s.fit, ["LearnedWidth", "train_widths"], method)


def results(s: Study) -> Json:
    """Plain numbers for the API: the regression, and its training."""
    record = s.chosen
    return figures(s.fit) | {"training": {
        "width": list(record.width), "loss": list(record.loss),
        "left_out": list(record.held_out), "diverged": record.diverged,
    }}  # fmt: skip


def tasks(s: Study, words: Words) -> list[Task]:
    """Predict, then look; and which of the two trainings learns the narrower kernel."""
    apart, itself = (abs(record.width[-1]) for record in (s.apart, s.itself))
    width = abs(s.chosen.width[-1])
    spoilers = ["loss", "widths", "final", "errors", "fit", "weights", "train_weights"]
    return [
        *exercises(s.fit, words),
        Task("start", words("kernel.task_start"), 0 if width > 1 else 1,
             words("kernel.task_start_why", width=show(width, 2),
                   bandwidth="∞" if s.fit.bandwidth is None else show(s.fit.bandwidth, 2),
                   first=show(s.chosen.loss[0]), last=show(s.chosen.loss[-1])),
             [words("kernel.task_self_" + o) for o in ("narrower", "wider")], hides=spoilers),
        Task("self", words("kernel.task_self"), 0 if itself > apart else 1,
             words("kernel.task_self_why", apart=show(apart, 2), itself=show(itself, 2),
                   loss=show(s.itself.loss[-1], 3), others=show(s.itself.held_out[-1], 3),
                   apart_others=show(s.apart.held_out[-1], 3)),
             [words("kernel.task_self_" + o) for o in ("narrower", "wider")], hides=spoilers),
    ]  # fmt: skip


def plain_learned(s: Study) -> str:
    """Gradient descent on one number, then the fit with it. Of a run that diverged the finite steps."""
    apart = ".fill_diagonal_(-torch.inf)    # no point looks at itself" if s.inputs.exclude_self else ""
    return program(s.fit, [
        "w = torch.tensor(1.0, requires_grad=True)    # one over the bandwidth",
        f"for step in range({len(s.chosen.width) - 1}):",
        f"    scores = (-(x[:, None] * w - x * w) ** 2 / 2){apart}",
        "    loss = (torch.softmax(scores, dim=-1) @ y - y).square().mean()",
        "    (slope,) = torch.autograd.grad(loss, w)",
        "    with torch.no_grad():",
        f"        w -= {s.inputs.learning_rate!r} * slope",
        "print(w)",
        "",
        "w = w.detach()",
        "distance = queries[:, None] * w - x * w    # (queries, points)",
        "weights = torch.softmax(-(distance ** 2) / 2, dim=-1)",
    ])  # fmt: skip


SCENE = Scene(
    fields=("exclude_self", "steps", "learning_rate", *DATA), study=study, panels=panels, sheet=sheet,
    snippet=snippet, results=results, tasks=tasks, notices=notices, plain=plain_learned,
)  # fmt: skip
