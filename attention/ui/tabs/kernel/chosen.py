"""Average pooling, or a Gaussian kernel of a bandwidth that the learner chooses."""

from __future__ import annotations

from dataclasses import replace

import torch

from ....kernel import errors_by_bandwidth, mean_squared_error, nadaraya_watson, truth
from ...page.guard import Refusal
from ...page.panels import Panel, Readouts
from ...page.plots import Curve, Plot
from ...page.scene import Goal, Place, Scene, Task
from ...page.sheet import Sheet, show
from ...page.texts import Words
from .fit import QUERIES, Fit, code, errors, exercises, figures, fit, own_points, pictures, weight_sheet
from .inputs import DATA, Inputs
from .plain import plain

TRIED = torch.logspace(-1.7, 1, 109)  # bandwidths, 0.02 to 10, 6 % apart
CLOSE = 1.1  # an error is least when no tried bandwidth has one this many times smaller


def panels(f: Fit, words: Words) -> list[Panel]:
    """The fit beside its weights, and the errors."""
    shown = [*pictures(f, words), Readouts("errors", errors(f, words))]
    return shown if f.bandwidth is None else [*shown, asked(f, words)]


def asked(f: Fit, words: Words) -> Plot:
    """The measurements, and the place in their middle that is asked about; no answer."""
    query, low, high = f.queries[QUERIES // 2], f.y.min(), f.y.max()
    curves = [
        Curve(words("kernel.points_series"), "points", f.x, f.y, "data"),
        Curve(
            words("kernel.asked_here"), "line", torch.stack([query, query]), torch.stack([low, high]), "truth"
        ),
    ]
    title = words("kernel.asked", query=f"{query.item():.2f}")
    return Plot("asked", title, curves, "x", "y", words("kernel.asked_caption"))


def sheet(f: Fit, words: Words, place: Place) -> Sheet:
    """The arithmetic of one weight."""
    if place.panel != "weights":
        raise Refusal("no_such_cell")
    return weight_sheet(f, words, place, f.queries)


def snippet(f: Fit) -> str:
    """The prediction and the weights, from the same points."""
    if f.bandwidth is None:
        return code(f, ["average_pooling"], "output, weights, scores = average_pooling(queries, x, y)")
    method = f"output, weights, scores = nadaraya_watson(queries, x, y, {f.bandwidth!r})"
    return code(f, ["nadaraya_watson"], method)


def tasks(f: Fit, words: Words) -> list[Task | Goal]:
    """Predict, then look; with a bandwidth, whether half of it would do better, and which errs least."""
    found: list[Task | Goal] = [*exercises(f, words)]
    if f.bandwidth is not None:
        found = [here(f, f.bandwidth, words), *found]
    if f.bandwidth is not None and f.known:
        half = nadaraya_watson(f.queries, f.x, f.y, f.bandwidth / 2).output
        then = mean_squared_error(half, truth(f.queries))
        found += [
            Task("half", words("kernel.task_half"), 0 if then < f.error else 1,
                 words("kernel.task_half_why", now=show(f.error), then=show(then)),
                 [words("kernel.task_half_" + o) for o in ("better", "worse")]),
            least(f, f.bandwidth, words),
        ]  # fmt: skip
    return found


def here(f: Fit, bandwidth: float, words: Words) -> Task:
    """The prediction at the middle query, guessed from the measurements alone."""
    query, answer = f.queries[QUERIES // 2].item(), f.prediction[QUERIES // 2].item()
    low, high = f.y.min().item(), f.y.max().item()
    near = int(f.weights[QUERIES // 2].argmax())
    weight = show(f.weights[QUERIES // 2, near].item(), 3)
    why = words("kernel.task_here_why", answer=show(answer, 2), near=show(f.x[near].item(), 2),
                weight=weight)  # fmt: skip
    return Task("here", words("kernel.task_here", query=f"{query:.2f}"), answer, why,
                tolerance=max(0.1 * (high - low), 1e-3), hides=["fit"],
                bar=(low, high) if high > low else None)  # fmt: skip


def least(f: Fit, bandwidth: float, words: Words) -> Goal:
    """Find the bandwidth whose prediction lies nearest the curve behind the points."""
    tried = errors_by_bandwidth(f.queries, f.x, f.y, truth(f.queries), TRIED)
    best = min(tried.min().item(), f.error)
    at = bandwidth if f.error <= tried.min().item() else TRIED[tried.argmin()].item()
    limit = CLOSE * best
    now = {"bandwidth": f"{bandwidth:g}", "error": show(f.error), "limit": show(limit)}
    return Goal("least", words("kernel.task_least", limit=show(limit)), f.error <= limit,
                words("kernel.task_least_now", **now),
                words("kernel.task_least_why", best=show(at, 2), error=show(best)))  # fmt: skip


AVERAGE: Scene[Inputs, Fit] = Scene(
    fields=DATA, study=lambda inputs: fit(inputs, None), panels=panels, sheet=sheet, snippet=snippet,
    results=figures, tasks=tasks, notices=own_points, plain=plain,
)  # fmt: skip
BANDWIDTH = replace(AVERAGE, fields=("bandwidth", *DATA), study=lambda inputs: fit(inputs, inputs.bandwidth))
