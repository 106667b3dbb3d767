"""The softmax that never sees a whole row: a score matrix arrives tile by tile."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from .....count import Count
from .....online import tile_steps
from .....pooling import attend
from ....page.guard import Json
from ....page.panels import Axis, Heatmap, Look, Panel, Readouts, Scale, heading, largest
from ....page.plots import Curve, Plot
from ....page.scene import Goal, Scene, Task
from ....page.sheet import show
from ....page.texts import Words
from ..inputs import SPREAD, Inputs
from ..plain import tiled
from .kinds import Tiles
from .sheets import names, sheet
from .study import D, Study, V, drawn, study

LENGTHS = (16, 32, 64, 128, 256)  # of the curve that is counted


@lru_cache(maxsize=16)  # of 12 tile sizes
def counted(tile: int) -> tuple[list[int], list[int]]:
    """(numbers in the largest tensor that attend() makes, numbers held by one tile), for all LENGTHS."""
    whole, held = [], []
    for n in LENGTHS:
        tensors = drawn(n, n, 0)
        with Count() as count:
            attend(*tensors)
        whole.append(count.largest)
        held.append(next(tile_steps(*tensors, tile=tile)).held)  # the first is as full as any
    return whole, held


def panels(s: Study, words: Words) -> list[Panel]:
    """The tiles, what they took, the curve over length, and the weights made again."""
    n, m = s.shape
    rows, columns = Axis(names(n, "q"), words("cost.query")), Axis(names(m, "k"), words("cost.key"))
    whole, held = counted(s.inputs.tile)
    lengths = torch.tensor(LENGTHS)
    return [
        heading(words("cost.tiles_step"), words("cost.tiles_step_text")),
        Tiles("tiles", words("cost.tiles_title"), s, rows, columns,
              words.section("cost.tiles_word"), words("cost.tiles_caption")),
        Readouts("held", [
            (words("cost.tiles_held"), str(s.held), words("cost.tiles_held_note", tile=s.inputs.tile)),
            (words("cost.tiles_whole"), str(n * m), words("cost.tiles_whole_note", n=n, m=m)),
            (words("cost.tiles_skipped"), f"{s.skipped} / {len(s.steps)}", words("cost.tiles_skipped_note")),
            (words("cost.tiles_error"), show(s.error), words("cost.tiles_error_note")),
        ]),
        heading(words("cost.tiles_again"), words("cost.tiles_again_text")),
        Heatmap("weights", words("cost.tiles_weights"), s.weights, rows, columns,
                Scale(high=largest(s.weights)), Look(sums=True),
                words("cost.tiles_weights_caption"), None if s.mask is None else ~s.mask),
        Plot("memory", words("cost.tiles_memory"), [
            Curve(words("cost.tiles_memory_whole"), "line", lengths, torch.tensor(whole), "data"),
            Curve(words("cost.tiles_memory_held"), "line", lengths, torch.tensor(held), "accent"),
        ], words("cost.tiles_memory_x"), words("cost.tiles_memory_y"), words("cost.tiles_memory_caption")),
    ]  # fmt: skip


def snippet(s: Study) -> str:
    """The same queries, keys and values by tiles; every weight made again from lse."""
    n, m = s.shape
    mask = f"causal_mask({n}, {m})" if s.inputs.look_back else "None"
    return f"""import torch
from attention.masks import causal_mask
from attention.online import online_attend, tile_steps, weight_from_lse

generator = torch.Generator().manual_seed({s.inputs.seed})
query = {SPREAD} * torch.randn({n}, {D}, generator=generator)
key, value = torch.randn({m}, {D}, generator=generator), torch.randn({m}, {V}, generator=generator)
mask = {mask}
for step in tile_steps(query, key, value, mask, tile={s.inputs.tile}):
    print(step.rows, step.columns, step.maximum.flatten(), step.total.flatten())
found = online_attend(query, key, value, mask, tile={s.inputs.tile})
print(found.output, found.lse, found.held)       # {s.held} numbers held, the matrix has {n * m}
for i in range({n}):                             # any weight, though none was stored
    print([round(weight_from_lse(query, key, found.lse, i, j, mask).item(), 7) for j in range({m})])
"""


def results(s: Study) -> Json:
    """Plain numbers for the API: the steps, what was stored, and what was held."""
    return {
        "steps": [
            {"rows": [step.rows.start, step.rows.stop], "columns": [step.columns.start, step.columns.stop],
             "skipped": step.scores is None, "maximum": finite(step.maximum[:, 0]),
             "rescale": step.rescale[:, 0].tolist(), "total": step.total[:, 0].tolist(),
             "output": step.output.tolist(), "held": step.held}
            for step in s.steps
        ],
        "output": s.output.tolist(), "lse": finite(s.lse), "weights": s.weights.tolist(),
        "held": s.held, "matrix": s.shape[0] * s.shape[1], "skipped": s.skipped, "error": s.error,
    }  # fmt: skip


def finite(tensor: Tensor) -> list[float | None]:
    """JSON has no infinity: None stands for -inf."""
    return [x if math.isfinite(x) else None for x in tensor.tolist()]


def less(one: float, other: float) -> str:
    """Their difference as it is computed: with the digits that its exponential needs."""
    return f"{show(one)} - {show(other) if other >= 0 else f'({show(other)})'}"


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    """How much the old sum shrinks, which tiles are needless, one weight, and holding less."""
    n, m = s.shape
    found: list[Task | Goal] = []
    if s.rise is not None:
        at, row = s.rise
        step, before = s.steps[at], s.before(at)
        assert before is not None
        i = row - step.rows.start
        old, new = before.maximum[i, 0].item(), step.maximum[i, 0].item()
        factor = step.rescale[i, 0].item()
        values = {"step": at + 1, "row": row + 1, "old": show(old, 2), "new": show(new, 2)}
        found.append(
            Task("rescale", words("cost.tiles_task_rescale", **values), factor,
                 words("cost.tiles_task_rescale_why", **values, factor=show(factor, 3), less=less(old, new)),
                 tolerance=0.1,
                 hides=["tiles"], bar=(0.0, 1.0))
        )  # fmt: skip
    if s.inputs.look_back:
        found.append(
            Task("skip", words("cost.tiles_task_skip", tiles=len(s.steps)), s.skipped,
                 words("cost.tiles_task_skip_why", skipped=s.skipped, tiles=len(s.steps)),
                 hides=["tiles", "held"])
        )  # fmt: skip
    row = n - 1
    column = int(s.weights[row].argmax())
    score, lse, weight = s.scores[row, column].item(), s.lse[row].item(), s.weights[row, column].item()
    values = {"row": row + 1, "column": column + 1, "score": show(score, 2), "lse": show(lse, 2)}
    found.append(
        Task("weight", words("cost.tiles_task_weight", **values), weight,
             words("cost.tiles_task_weight_why", **values, weight=show(weight, 3), less=less(score, lse)),
             tolerance=0.05,
             hides=["weights"], bar=(0.0, 1.0), cell=("weights", row, column))
    )  # fmt: skip
    now = words("cost.tiles_task_less_now", held=s.held, third=show(n * m / 3, 0))
    why = words("cost.tiles_task_less_why", tile=s.inputs.tile, held=s.held, whole=n * m)
    found.append(Goal("less", words("cost.tiles_task_less"), 3 * s.held < n * m, now, why))
    return found


def notices(s: Study, words: Words) -> list[str]:
    """Where fast memory would hold more than the whole matrix."""
    n, m = s.shape
    return [words("cost.tiles_more", held=s.held, whole=n * m)] if s.held > n * m else []


SCENE: Scene[Inputs, Study] = Scene(
    fields=("queries", "keys", "tile", "look_back", "seed"), study=study, panels=panels, sheet=sheet,
    snippet=snippet, results=results, tasks=tasks, notices=notices, plain=tiled,
)  # fmt: skip
