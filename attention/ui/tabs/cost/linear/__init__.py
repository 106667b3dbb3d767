"""Attention without a softmax is a recurrent network; random features bring the Gaussian kernel there."""

from __future__ import annotations

import math

import torch

from .....linear import positive_part
from ....page.guard import Json
from ....page.panels import Axis, Heatmap, Look, Panel, Readouts, Scale, heading
from ....page.plots import Curve, Plot
from ....page.scene import Goal, Scene, Task
from ....page.sheet import show
from ....page.texts import Words
from ..inputs import Inputs
from ..plain import sums
from .kinds import Memory
from .sheets import sheet
from .study import COUNTS, FAR, KEYS, NOISE, POINTS, QUERIES, TOKENS, WRITES, D, Study, V, study

CLOSE = 0.1  # of the goal


def panels(s: Study, words: Words) -> list[Panel]:
    """Matrix and state, random features and their error, adding and overwriting."""
    return [*recurrent(s, words), *random(s, words), *overwriting(s, words)]


def recurrent(s: Study, words: Words) -> list[Panel]:
    """The little network, token by token, and its weights as a matrix."""
    names = [str(i + 1) for i in range(TOKENS)]
    queries, keys = Axis(names, words("cost.query")), Axis(names, words("cost.key"))
    size = D * (V + 1)
    future = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)
    return [
        heading(words("cost.linear_step"), words("cost.linear_step_text")),
        Heatmap("weights", words("cost.linear_weights"), s.whole.weights, queries, keys, look=Look(sums=True),
                caption=words("cost.linear_weights_caption"), masked=future),
        Memory("memory", words("cost.linear_memory"), s.states, positive_part(s.query), positive_part(s.key),
               s.value, s.whole.output, words.section("cost.linear_word"),
               words("cost.linear_memory_caption")),
        Readouts("agree", [
            (words("cost.linear_agree"), show(s.error), words("cost.linear_agree_note")),
            (words("cost.linear_state"), str(size), words("cost.linear_state_note", features=D, values=V)),
            (words("cost.linear_matrix"), str(TOKENS * (TOKENS + 1) // 2), words("cost.linear_matrix_note")),
        ]),
    ]  # fmt: skip


def random(s: Study, words: Words) -> list[Panel]:
    """Kernel regression by random features beside the real one, and how the error falls."""
    found, curve = s.found, s.curve
    span = max((s.y.max() - s.y.min()).item(), 1e-3)
    drawn = found.output.clamp(s.y.min().item() - span, s.y.max().item() + span)
    counts = torch.tensor(COUNTS).float()
    fall = curve.kernel_errors[-1] * (counts[-1] / counts).sqrt()
    bound = words("cost.linear_no_bound") if math.isinf(s.most) else show(s.most)
    return [
        heading(words("cost.linear_random"), words("cost.linear_random_text")),
        Plot("fit", words("cost.linear_fit"), [
            Curve(words("cost.linear_points"), "points", s.x, s.y, "data"),
            Curve(words("cost.linear_found", count=s.inputs.features), "line", s.queries, drawn, "accent"),
            Curve(words("cost.linear_exact"), "line", s.queries, found.exact, "truth"),
        ], "x", "y", words("cost.linear_fit_caption")),
        Plot("errors", words("cost.linear_errors"), [
            Curve(words("cost.linear_measured"), "line", counts, torch.tensor(curve.kernel_errors), "accent"),
            Curve(words("cost.linear_law"), "line", counts, fall, "muted"),
        ], words("cost.linear_count"), words("cost.linear_rms"),
            words("cost.linear_errors_caption", exponent=show(curve.exponent, 2), far=f"{FAR:g}"),
            log_x=True),
        Readouts("recovered", [
            (words("cost.linear_error"), show(found.error), words("cost.linear_error_note")),
            (words("cost.linear_bound"), bound, words("cost.linear_bound_note")),
            (words("cost.linear_kernel_error"), show(found.kernel_error),
             words("cost.linear_kernel_error_note")),
        ]),
    ]  # fmt: skip


def overwriting(s: Study, words: Words) -> list[Panel]:
    """What key A gives back after each write, and every key at the end."""
    at = torch.arange(1, WRITES + 1)
    curves = [
        Curve(words(f"cost.linear_{name}"), "line", at, values[:, 0], role)
        for name, values, role in (("added", s.added, "data"), ("corrected", s.corrected, "accent"),
                                   ("last", s.last, "truth"))
    ]  # fmt: skip
    rows = Axis([words(f"cost.linear_{name}") for name in ("last", "added", "corrected")])
    end = torch.stack([s.last[-1].nan_to_num(0), s.added[-1], s.corrected[-1]])
    return [
        heading(words("cost.linear_delta"), words("cost.linear_delta_text")),
        Plot("overwrite", words("cost.linear_overwrite"), curves, words("cost.linear_write"),
             words("cost.linear_given"), writes(s, words)),
        Heatmap("held", words("cost.linear_held"), end, rows, Axis(list(KEYS), words("cost.key")),
                Scale(high=9.0), caption=words("cost.linear_held_caption")),
    ]  # fmt: skip


def writes(s: Study, words: Words) -> str:
    """The ten writes as a sentence."""
    listed = ", ".join(
        f"{KEYS[at]} = {told:.0f}" for at, told in zip(s.written, s.told.tolist(), strict=True)
    )
    return words("cost.linear_writes", writes=listed)


def snippet(s: Study) -> str:
    """Both ways to the same output, the regression, and the overwriting memory."""
    inputs = s.inputs
    return f"""import torch
from attention.kernel import make_data
from attention.linear import delta_steps, linear_attend, linear_steps
from attention.linear.random_features import recover

generator = torch.Generator().manual_seed({inputs.seed})
query, key = torch.randn(2, {TOKENS}, {D}, generator=generator)
value = torch.randn({TOKENS}, {V}, generator=generator)
whole = linear_attend(query, key, value, causal=True)
print(whole.weights)                              # as a matrix
for state, row in zip(linear_steps(query, key, value), whole.output):
    print(state.memory, state.output - row)       # as a state of {D} x {V} numbers: the same output

x, y = make_data({POINTS}, {NOISE}, {inputs.seed})
queries = torch.linspace(x.min().item(), x.max().item(), {QUERIES})
how = dict(kind={inputs.random!r}, seed={inputs.seed})
found = recover(queries, x, y, {inputs.bandwidth!r}, {inputs.features}, **how)
print(found.error, found.bound.max())             # the error, and what it cannot exceed

one = torch.eye({len(KEYS)})
keys, told = one[{s.written!r}], torch.tensor({s.told.tolist()!r})[:, None]
ask = one[0].expand({WRITES}, -1)                         # key A, asked after every write
print([round(state.output.item(), 4) for state in delta_steps(ask, keys, told, {inputs.rate!r})])
"""


def results(s: Study) -> Json:
    """Plain numbers for the API."""
    return {
        "weights": s.whole.weights.tolist(), "output": s.whole.output.tolist(),
        "states": [state.memory.tolist() for state in s.states], "difference": s.error,
        "recovered": s.found.output.tolist(), "exact": s.found.exact.tolist(), "error": s.found.error,
        "bound": s.most if math.isfinite(s.most) else None, "kernel_error": s.found.kernel_error,
        "features": list(COUNTS), "kernel_errors": list(s.curve.kernel_errors), "exponent": s.curve.exponent,
        "written": [KEYS[at] for at in s.written], "values": s.told.tolist(),
        "added": s.added.tolist(), "corrected": s.corrected.tolist(),
    }  # fmt: skip


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    """How large the state is, how the error falls, what overwriting gives, and being close enough."""
    size, ratio = D * (V + 1), 4**-s.curve.exponent
    told = [value for at, value in zip(s.written, s.told.tolist(), strict=True) if at == 0]
    mean = s.added[-1, 0].item()
    comma = "、" if words.language == "zh" else ", "
    now = words("cost.linear_task_close_now", error=show(s.found.error, 3), close=CLOSE)
    return [
        Task("size", words("cost.linear_task_size", tokens=TOKENS, features=D, values=V), size,
             words("cost.linear_task_size_why", features=D, values=V, size=size), hides=["memory", "agree"]),
        Task("added", words("cost.linear_task_added", told=comma.join(show(v, 0) for v in told)), mean,
             words("cost.linear_task_added_why", count=len(told), mean=show(mean, 2)), tolerance=0.25,
             hides=["overwrite", "held"], cell=("held", 1, 0)),
        Task("fall", words("cost.linear_task_fall"), min(range(3), key=lambda i: abs((1, 2, 4)[i] - ratio)),
             words("cost.linear_task_fall_why", exponent=show(s.curve.exponent, 2), ratio=show(ratio, 2)),
             [words(f"cost.linear_task_fall_{o}") for o in ("same", "half", "quarter")], hides=["errors"]),
        Goal("close", words("cost.linear_task_close", close=CLOSE), s.found.error < CLOSE, now,
             words("cost.linear_task_close_why", features=s.inputs.features, error=show(s.found.error, 3))),
    ]  # fmt: skip


def notices(s: Study, words: Words) -> list[str]:
    """Where the random weights of a query do not sum above 0, and what the picture cuts off."""
    span = (s.y.max() - s.y.min()).item()
    low, high = s.y.min().item() - span, s.y.max().item() + span
    outside = int(((s.found.output < low) | (s.found.output > high)).sum())
    return [words("cost.linear_outside", count=outside)] if outside else []


SCENE: Scene[Inputs, Study] = Scene(
    fields=("features", "random", "bandwidth", "rate", "seed"), study=study, panels=panels, sheet=sheet,
    snippet=snippet, results=results, tasks=tasks, notices=notices, plain=sums,
)  # fmt: skip
