"""Kernel regression: attention over measured points, with a chosen or a learned width."""

from __future__ import annotations

from typing import Any

import torch

from ..kernel import WidthTraining, leave_self_out, mean_squared_error, nadaraya_watson, open_cell, truth
from .guard import Choice, Flag, Number, Refusal, Text
from .kernel_study import POINTS, QUERIES, Study, at_points, places, read_points, study, training
from .sheet import cell_sheet, show
from .texts import Words
from .view import heading, heatmap, numbers, plot, readouts

ID = "kernel"
NARROW = 0.02  # the narrowest bandwidth of the slider, also what a task asks about
FIELDS = (
    Choice("method", "bandwidth", ("average", "bandwidth", "learned")),
    Number("bandwidth", 0.5, NARROW, 10, 0.01),
    Number("num_points", 50, 2, POINTS, 1),
    Number("noise", 0.5, 0, 3, 0.05),
    Number("seed", 0, 0, 999, 1),
    Flag("exclude_self", True),
    Number("steps", 100, 1, 200, 1),
    Number("learning_rate", 2, 0.1, 50, 0.1),
    Text("points", "", 8000, lines=4, required=False),
)
HOURS = (
    "0, 9.1\n3, 8.2\n5, 7.9\n6, 8.4\n8, 11.3\n10, 14.9\n12, 17.8\n14, 19.2\n15, 19.4\n17, 18.1\n"
    "19, 15.0\n21, 12.2\n23, 10.3"
)
EXAMPLES = (
    ("example_average", {"method": "average"}),
    ("example_narrow", {"bandwidth": 0.05}),
    ("example_wide", {"bandwidth": 2.0}),
    ("example_learned", {"method": "learned"}),
    ("example_self", {"method": "learned", "exclude_self": False, "steps": 200, "learning_rate": 10}),
    ("example_own", {"points": HOURS, "bandwidth": 1.5, "learning_rate": 0.5}),
)


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The fit beside its weights, the errors, and for a learned width how it was learned."""
    s = study(values)
    series = [
        {"name": words("kernel.points_series"), "kind": "points", "role": "data", "x": s.x, "y": s.y},
        {"name": words("kernel.prediction"), "kind": "line", "role": "accent",
         "x": s.queries, "y": s.attended.output.detach()},
    ]  # fmt: skip
    if s.known:
        series.append({"name": words("kernel.truth"), "kind": "line", "role": "truth",
                       "x": s.queries, "y": truth(s.queries)})  # fmt: skip
    titles = {"x_title": "x", "y_title": "y", "caption": words("kernel.fit_caption")}
    fit = plot("fit", words("kernel.fit"), series, **titles)
    weights = s.attended.weights.detach()
    fit["rows"] = {
        "panel": "weights", "kind": "bars", "x": numbers(s.x), "matrix": numbers(weights),
        "queries": numbers(s.queries), "name": words("kernel.row"),
    }  # fmt: skip
    step = "kernel.step_" + values["method"]
    drawn = [
        heading(words(step), words(step + "_text")),
        fit,
        heatmap(
            "weights", words("kernel.weights"), weights, places(s.queries), places(s.x),
            high=weights.max().item(), digits=3, row_title=words("kernel.query"),
            column_title=words("kernel.key"), caption=words("kernel.weights_caption"),
        ),
        readouts("errors", errors(s, words)),
    ]  # fmt: skip
    return drawn + learning(values, s, words) if s.width is not None else drawn


def errors(s: Study, words: Words) -> list[tuple[str, str, str]]:
    """Mean squared errors: to the truth where it is known, and at the points in two ways."""
    items = []
    if s.known:
        error = mean_squared_error(s.attended.output.detach(), truth(s.queries))
        items.append((words("kernel.true_error"), show(error), words("kernel.true_error_note")))
    for key, exclude in (("own_error", False), ("others_error", True)):
        error = mean_squared_error(at_points(s, exclude)[0], s.y)
        items.append((words(f"kernel.{key}"), show(error), words(f"kernel.{key}_note")))
    if s.width is not None:
        h = "∞" if s.bandwidth is None else show(s.bandwidth)
        items.append((words("kernel.width"), show(s.width), words("kernel.width_note", bandwidth=h)))
    return items


def learning(values: dict[str, Any], s: Study, words: Words) -> list[dict[str, Any]]:
    """Both trainings side by side, and the points attending to one another at the end."""
    apart, itself = training(values, True), training(values, False)

    def line(record: WidthTraining, name: str, role: str, what: str) -> dict[str, Any]:
        y = getattr(record, what)
        step = torch.arange(len(y))
        return {"name": words(f"kernel.{name}"), "kind": "line", "role": role, "x": step, "y": y}

    chosen = at_points(s, values["exclude_self"])[1]
    title = "train_weights" if values["exclude_self"] else "train_weights_self"
    masked = ~leave_self_out(len(s.x)) if values["exclude_self"] else None
    names = places(s.x)
    return [
        heading(words("kernel.step_training"), words("kernel.step_training_text")),
        plot("loss", words("kernel.loss"), [
            line(apart, "apart", "accent", "loss"),
            line(itself, "itself", "data", "loss"),
            line(itself, "itself_others", "truth", "held_out"),
        ], x_title=words("kernel.step"), y_title=words("kernel.mse"), caption=words("kernel.loss_caption")),
        plot("widths", words("kernel.widths"), [
            line(apart, "apart", "accent", "width"), line(itself, "itself", "data", "width"),
        ], x_title=words("kernel.step"), y_title="w", caption=words("kernel.widths_caption")),
        heatmap("train_weights", words("kernel." + title), chosen, names, names, digits=3,
                high=chosen.max().item(), masked=masked, row_title=words("kernel.query"),
                column_title=words("kernel.key"), caption=words("kernel.train_weights_caption")),
        readouts("final", [
            (words("kernel.final_" + name), show(record.width[-1]),
             words("kernel.final_note", loss=show(record.loss[-1]), others=show(record.held_out[-1])))
            for name, record in (("apart", apart), ("itself", itself))
        ]),
    ]  # fmt: skip


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """What is not used, and a training that ran away."""
    sentences = [words("kernel.own_points")] if read_points(values["points"]) is not None else []
    if values["method"] == "learned" and any(training(values, e).diverged for e in (True, False)):
        sentences.append(words("kernel.diverged"))
    return sentences


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of one weight: Gaussian score, softmax, and what it adds to the prediction."""
    s = study(values)
    own = panel == "train_weights" and s.width is not None
    queries = s.x if own else s.queries
    if panel not in ("weights", "train_weights") or (panel == "train_weights" and not own):
        raise Refusal("no_such_cell")
    if row >= len(queries) or column >= len(s.x):
        raise Refusal("no_such_cell")
    mask = leave_self_out(len(s.x)) if own and values["exclude_self"] else None
    cell = open_cell(queries, s.x, s.y, row, column, s.bandwidth, mask)
    names = ("q", "k") if s.bandwidth is None else ("-(q - k) / 2h²", "(q - k)")
    page = cell_sheet(cell, words, places(queries)[row], places(s.x)[column], left=names[0], right=names[1])
    q, k = show(queries[row].item()), show(s.x[column].item())
    if s.bandwidth is None:
        text = words("kernel.sheet_average", query=q, key=k, count=len(s.x))
    else:
        text = words("kernel.sheet_gaussian", query=q, key=k, bandwidth=show(s.bandwidth))
    page["sections"][0]["text"] = text
    return page


def snippet(values: dict[str, Any]) -> str:
    """The prediction and the weights, from the same points."""
    own = read_points(values["points"])
    names = ["make_data"] if own is None else []
    if own is None:
        made = f"num_points={values['num_points']}, noise={values['noise']!r}, seed={values['seed']}"
        data = f"x, y = make_data({made})"
    else:
        x, y = ([float(str(v)) for v in one.numpy()] for one in own)  # the shortest float32 spelling
        data = f"x = torch.tensor({x!r})\ny = torch.tensor({y!r})"
    if values["method"] == "average":
        names.append("average_pooling")
        method = "output, weights, scores = average_pooling(queries, x, y)"
    elif values["method"] == "bandwidth":
        names.append("nadaraya_watson")
        method = f"output, weights, scores = nadaraya_watson(queries, x, y, {values['bandwidth']!r})"
    else:
        names += ["LearnedWidth", "train_width"]
        method = (
            f"record = train_width(x, y, exclude_self={values['exclude_self']}, steps={values['steps']}, "
            f"learning_rate={values['learning_rate']!r})\n"
            "print(record.width[-1], record.loss[-1], record.held_out[-1])\n"
            "with torch.no_grad():\n"
            "    output, weights, scores = LearnedWidth(record.width[-1])(queries, x, y)"
        )
    error = ""
    if own is None:
        names.append("truth")
        error = "print((output - truth(queries)).square().mean())   # error to the truth\n"
    return f"""import torch
from attention.kernel import {", ".join(sorted(names))}

{data}
queries = torch.linspace(x.min().item(), x.max().item(), {QUERIES})
{method}
print(output)        # the prediction at the {QUERIES} queries
print(weights)       # the heatmap, queries x keys; weights @ y is the output
{error}"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API: points, queries, prediction, weights, errors, training."""
    s = study(values)
    answer = {
        "x": s.x.tolist(),
        "y": s.y.tolist(),
        "queries": s.queries.tolist(),
        "prediction": s.attended.output.tolist(),
        "weights": s.attended.weights.tolist(),
        "bandwidth": s.bandwidth,
        "error_at_points": mean_squared_error(at_points(s, False)[0], s.y),
        "error_at_points_left_out": mean_squared_error(at_points(s, True)[0], s.y),
    }
    if s.known:
        answer["truth"] = truth(s.queries).tolist()
        answer["error_to_truth"] = mean_squared_error(s.attended.output.detach(), truth(s.queries))
    if s.width is not None:
        record = training(values, values["exclude_self"])
        answer["training"] = {
            "width": list(record.width), "loss": list(record.loss),
            "left_out": list(record.held_out), "diverged": record.diverged,
        }  # fmt: skip
    return answer


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look: every answer is computed from the points on screen."""
    s = study(values)
    spread = max((s.y.max() - s.y.min()).item(), 1e-3)
    narrow = nadaraya_watson(s.x, s.x, s.y, NARROW).output
    middle = QUERIES // 2
    query = s.queries[middle].item()
    found = [
        {"id": "wide", "question": words("kernel.task_wide"), "kind": "number",
         "answer": s.y.mean().item(), "tolerance": 0.1 * spread,
         "why": words("kernel.task_wide_why", share=f"{1 / len(s.x):.3f}", count=len(s.x))},
        {"id": "narrow", "question": words("kernel.task_narrow", bandwidth=NARROW), "kind": "number",
         "answer": mean_squared_error(narrow, s.y), "tolerance": 0.05 * spread,
         "why": words("kernel.task_narrow_why")},
    ]  # fmt: skip
    if s.bandwidth is None:
        found.append(
            {"id": "share", "kind": "number", "unit": "%", "tolerance": 0.5,
             "question": words("kernel.task_share"), "answer": 100 / len(s.x),
             "why": words("kernel.task_share_why", count=len(s.x))}
        )  # fmt: skip
    else:
        near = (s.x - query).abs() <= s.bandwidth
        found.append(
            {"id": "near", "kind": "number", "unit": "%", "tolerance": 8.0,
             "question": words("kernel.task_near", query=f"{query:.2f}", bandwidth=show(s.bandwidth, 2)),
             "answer": 100 * s.attended.weights[middle][near].sum().item(),
             "why": words("kernel.task_near_why", count=int(near.sum()))}
        )  # fmt: skip
    if s.width is not None:
        apart, itself = (abs(training(values, e).width[-1]) for e in (True, False))
        found.append(
            {"id": "self", "question": words("kernel.task_self"), "kind": "choice",
             "options": [words("kernel.task_self_" + o) for o in ("narrower", "wider")],
             "answer": 0 if itself > apart else 1,
             "why": words("kernel.task_self_why", apart=show(apart, 2), itself=show(itself, 2))}
        )  # fmt: skip
    elif s.bandwidth is not None and s.known:
        half = nadaraya_watson(s.queries, s.x, s.y, s.bandwidth / 2).output
        now = mean_squared_error(s.attended.output, truth(s.queries))
        then = mean_squared_error(half, truth(s.queries))
        found.append(
            {"id": "half", "question": words("kernel.task_half"), "kind": "choice",
             "options": [words("kernel.task_half_" + o) for o in ("better", "worse")],
             "answer": 0 if then < now else 1,
             "why": words("kernel.task_half_why", now=show(now), then=show(then))}
        )  # fmt: skip
    return found
