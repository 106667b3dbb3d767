"""Average pooling, or a Gaussian kernel of a bandwidth that the learner chooses."""

from __future__ import annotations

from dataclasses import replace

from ....kernel import mean_squared_error, nadaraya_watson, truth
from ...page.guard import Refusal
from ...page.panels import Panel, Readouts
from ...page.scene import Place, Scene, Task
from ...page.sheet import Sheet, show
from ...page.texts import Words
from .fit import Fit, code, errors, exercises, figures, fit, own_points, pictures, weight_sheet
from .inputs import DATA, Inputs
from .plain import plain


def panels(f: Fit, words: Words) -> list[Panel]:
    """The fit beside its weights, and the errors."""
    return [*pictures(f, words), Readouts("errors", errors(f, words))]


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


def tasks(f: Fit, words: Words) -> list[Task]:
    """Predict, then look; with a bandwidth, whether half of it would do better."""
    found = exercises(f, words)
    if f.bandwidth is not None and f.known:
        half = nadaraya_watson(f.queries, f.x, f.y, f.bandwidth / 2).output
        then = mean_squared_error(half, truth(f.queries))
        found.append(
            Task("half", words("kernel.task_half"), 0 if then < f.error else 1,
                 words("kernel.task_half_why", now=show(f.error), then=show(then)),
                 [words("kernel.task_half_" + o) for o in ("better", "worse")])
        )  # fmt: skip
    return found


AVERAGE: Scene[Inputs, Fit] = Scene(
    fields=DATA, study=lambda inputs: fit(inputs, None), panels=panels, sheet=sheet, snippet=snippet,
    results=figures, tasks=tasks, notices=own_points, plain=plain,
)  # fmt: skip
BANDWIDTH = replace(AVERAGE, fields=("bandwidth", *DATA), study=lambda inputs: fit(inputs, inputs.bandwidth))
