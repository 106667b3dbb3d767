"""Attention without a softmax is a recurrent network; random features bring the Gaussian kernel there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from ....kernel import make_data
from ....linear import State, delta_steps, linear_attend, linear_steps, positive_part
from ....linear.random_features import ErrorCurve, Recovered, error_curve, recover
from ....pooling import Attended
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Curve, Heatmap, Look, Panel, Plot, Readouts, Scale, heading
from ...page.players import frame_at
from ...page.scene import Goal, Place, Scene, Task
from ...page.sheet import Grid, Section, Sheet, show
from ...page.texts import Words
from .inputs import Inputs
from .linear_panel import Memory

TOKENS, D, V = 8, 3, 2  # of the little recurrent network
POINTS, NOISE, QUERIES = 40, 0.3, 50  # of the kernel regression
COUNTS = (2, 4, 8, 16, 32, 64, 128, 256, 512)  # features of the error's curve
FAR = 2.0  # bandwidths over which that error is taken
KEYS, WRITES = "ABCD", 10  # of the memory that is overwritten
CLOSE = 0.1  # of the goal


@dataclass(frozen=True, eq=False)
class Study:
    """The same attention as a matrix and as states, a regression by random features, and overwriting.

    query, key (8, 3), value (8, 2); written: key of each write; told (10,): its value; queries (50,), x and
    y (40,): of the regression. added, corrected (10, 4): what each key gives back after each write, by the
    sum and by the delta rule.
    """

    inputs: Inputs
    query: Tensor
    key: Tensor
    value: Tensor
    whole: Attended
    states: list[State]
    x: Tensor
    y: Tensor
    queries: Tensor
    found: Recovered
    curve: ErrorCurve
    written: list[int]
    told: Tensor
    added: Tensor
    corrected: Tensor

    @cached_property
    def error(self) -> float:
        """The largest difference between both ways to the same output."""
        outputs = torch.stack([state.output for state in self.states])
        return (outputs - self.whole.output).abs().max().item()

    @cached_property
    def last(self) -> Tensor:
        """(10, 4): what was written last to each key, NaN before its first."""
        rows, now = [], [math.nan] * len(KEYS)
        for at, told in zip(self.written, self.told.tolist(), strict=True):
            now[at] = told
            rows.append(list(now))
        return torch.tensor(rows)

    @property
    def most(self) -> float:
        """The largest of what no answer's error can exceed; infinite where nothing can be said."""
        return self.found.bound.max().item()


def study(inputs: Inputs) -> Study:
    """Both ways to one output, the regression with the chosen features, and ten writes."""
    generator = torch.Generator().manual_seed(inputs.seed)
    query, key = torch.randn(2, TOKENS, D, generator=generator)
    value = torch.randn(TOKENS, V, generator=generator)
    written = torch.randint(len(KEYS), (WRITES,), generator=generator).tolist()
    written[0] = written[-3] = 0  # A is written at the beginning and again near the end
    told = torch.randint(1, 10, (WRITES,), generator=generator).float()
    x, y = make_data(POINTS, NOISE, inputs.seed)
    queries = torch.linspace(x.min().item(), x.max().item(), QUERIES)
    found = recover(queries, x, y, inputs.bandwidth, inputs.features, kind=inputs.random, seed=inputs.seed)
    added, corrected = memories(written, told, inputs.rate)
    return Study(
        inputs, query, key, value, linear_attend(query, key, value, causal=True),
        list(linear_steps(query, key, value)), x, y, queries, found, falling(inputs.random),
        written, told, added, corrected,
    )  # fmt: skip


def memories(written: list[int], told: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """What every key gives back after every write, (writes, keys): by the sum, by the delta rule."""
    one = torch.eye(len(KEYS))
    keys, values = one[written], told[:, None]
    asked = one[:, None].expand(-1, len(written), -1)  # each key asked at every step
    keys, values = keys.expand(len(KEYS), -1, -1), values.expand(len(KEYS), -1, -1)
    sums = [state.output for state in linear_steps(asked, keys, values, lambda x: x)]
    fixed = [state.output for state in delta_steps(asked, keys, values, rate)]
    return torch.stack(sums)[..., 0], torch.stack(fixed)[..., 0]


@lru_cache(maxsize=2)  # one of each kind
def falling(kind: str) -> ErrorCurve:
    """The error over features, the mean of 16 draws."""
    return error_curve(torch.linspace(0, FAR, 9), COUNTS, kind=kind, seeds=16)


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


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """One weight, one number of the state, or what a key gives back."""
    if place.panel == "weights":
        return weight_sheet(s, words, place.within(TOKENS, TOKENS))
    if place.panel == "memory":
        place = place.within(D, V + 1)
        return state_sheet(s, words, frame_at(place.frame, TOKENS), place.row, place.column)
    if place.panel != "held":
        raise Refusal("no_such_cell")
    return held_sheet(s, words, place.within(3, len(KEYS)))


def weight_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """``f(q) . f(k)`` by feature, and its share of the row."""
    row, column = place.row, place.column
    title = words("sheet.title", query=str(row + 1), key=str(column + 1))
    if column > row:
        return Sheet(title, [Section(words("cost.linear_product"), words("cost.linear_ahead"))])
    q, k = positive_part(s.query[row]), positive_part(s.key[column])
    rows = [[str(i + 1), show(q[i].item()), show(k[i].item()), show((q[i] * k[i]).item())] for i in range(D)]
    score = (q @ k).item()
    rows.append([words("sheet.sum"), "", "", show(score)])
    columns = [words("sheet.dimension"), "f(q)", "f(k)", "f(q) × f(k)"]
    table = Section(
        words("cost.linear_product"), words("cost.linear_product_text"), Grid(columns, rows, total=True)
    )
    assert s.whole.scores is not None
    every = s.whole.scores[row, : row + 1].tolist()
    total = sum(every)
    weight = s.whole.weights[row, column].item()
    listed = [[str(j + 1), "", show(one)] for j, one in enumerate(every)] + [
        [words("sheet.sum"), "", show(total)]
    ]
    names = [words("sheet.key"), "", words("cost.linear_product")]
    sums = Section(words("cost.linear_row"), table=Grid(names, listed, total=True))
    lines = [(words("sheet.weight"), f"{show(score)} / {show(total)}", show(weight))]
    share = Section(words("cost.linear_share"), words("cost.linear_share_text"), lines=lines)
    return Sheet(title, [table, sums, share], weight)


def state_sheet(s: Study, words: Words, at: int, row: int, column: int) -> Sheet:
    """One number of the state after a token: the number before plus one product."""
    state, feature = s.states[at], positive_part(s.key[at])[row].item()
    old = s.states[at - 1] if at else None
    if column == V:
        before, now = (0.0 if old is None else old.total[row].item()), state.total[row].item()
        formula, what = f"{show(before)} + {bracketed(feature)}", words("cost.linear_word.total")
    else:
        value = s.value[at, column].item()
        before = 0.0 if old is None else old.memory[row, column].item()
        now = state.memory[row, column].item()
        formula = f"{show(before)} + {bracketed(feature)} × {bracketed(value)}"
        what = words("cost.linear_feature", feature=row + 1, value=column + 1)
    lines = [(what, formula, show(now))]
    title = words("cost.linear_state_title", token=at + 1)
    return Sheet(title, [Section(words("cost.linear_brings"), lines=lines)])


def bracketed(number: float) -> str:
    return show(number) if number >= 0 else f"({show(number)})"


def held_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """What a key gives back after ten writes, write by write."""
    column, key = place.column, KEYS[place.column]
    told = [value for at, value in zip(s.written, s.told.tolist(), strict=True) if at == column]
    kind = ("last", "added", "corrected")[place.row]
    title = words("cost.linear_held_title", key=key)
    if not told:
        return Sheet(title, [Section(words(f"cost.linear_{kind}"), words("cost.linear_never", key=key))])
    if kind == "last":
        listed = [
            (words("cost.linear_nth", number=i + 1), "", show(value, 0)) for i, value in enumerate(told)
        ]
    elif kind == "added":
        formula = f"({' + '.join(show(value, 0) for value in told)}) / {len(told)}"
        listed = [(words("cost.linear_mean"), formula, show(s.added[-1, column].item()))]
    else:
        listed, now, rate = [], 0.0, s.inputs.rate
        for i, value in enumerate(told):
            new = now + rate * (value - now)
            formula = f"{show(now)} + {show(rate, 2)} × ({show(value, 0)} - {show(now)})"
            listed.append((words("cost.linear_nth", number=i + 1), formula, show(new)))
            now = new
    return Sheet(
        title, [Section(words(f"cost.linear_{kind}"), words(f"cost.linear_{kind}_text"), lines=listed)]
    )


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
    now = words("cost.linear_task_close_now", error=show(s.found.error, 3), close=CLOSE)
    return [
        Task("size", words("cost.linear_task_size", tokens=TOKENS, features=D, values=V), size,
             words("cost.linear_task_size_why", features=D, values=V, size=size), hides=["memory", "agree"]),
        Task("added", words("cost.linear_task_added", told=", ".join(show(v, 0) for v in told)), mean,
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
    snippet=snippet, results=results, tasks=tasks, notices=notices,
)  # fmt: skip
