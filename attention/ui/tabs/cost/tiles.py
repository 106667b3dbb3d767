"""The softmax that never sees a whole row: a score matrix arrives tile by tile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from ....cell import explain
from ....count import Count
from ....masks import causal_mask
from ....online import tile_steps
from ....online.running import TileStep
from ....pooling import attend
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Curve, Heatmap, Look, Panel, Plot, Readouts, Scale, heading
from ...page.players import frame_at
from ...page.scene import Goal, Place, Scene, Task
from ...page.sheet import Grid, Section, Sheet, cell_sheet, show
from ...page.texts import Words
from .inputs import Inputs
from .tiles_panel import Tiles

D, V = 4, 2  # features of a query and of a value
SPREAD = 2.0  # what queries are multiplied by, so that a row's maximum rises in sight
LENGTHS = (16, 32, 64, 128, 256)  # of the curve that is counted


@dataclass(frozen=True, eq=False)
class Study:
    """Queries (n, 4), keys (m, 4), values (m, 2), every step of their tiles, and what was stored.

    output (n, 2), lse (n,): of online_attend. whole: attend()'s answer, which had the whole matrix.
    """

    inputs: Inputs
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    steps: list[TileStep]
    output: Tensor
    lse: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.query), len(self.key)

    @cached_property
    def scores(self) -> Tensor:
        """(n, m), -inf where masked: what no step ever holds, put together from the tiles."""
        scores = torch.full(self.shape, -math.inf)
        for step in self.steps:
            if step.scores is not None:
                scores[step.rows, step.columns] = step.scores
        return scores

    @cached_property
    def weights(self) -> Tensor:
        """(n, m): ``exp(score - lse)``."""
        return torch.exp(self.scores - self.lse.masked_fill(self.lse == -math.inf, 0)[:, None])

    @property
    def held(self) -> int:
        """Numbers in the buffers of the fullest step."""
        return max(step.held for step in self.steps)

    @property
    def skipped(self) -> int:
        return sum(step.scores is None for step in self.steps)

    @cached_property
    def error(self) -> float:
        """The largest difference to the output that had the whole matrix."""
        whole = attend(self.query, self.key, self.value, self.mask).output
        return (self.output - whole).abs().max().item()

    @cached_property
    def rise(self) -> tuple[int, int] | None:
        """(step, row) of the first tile that raises a maximum which was there before."""
        for at, step in enumerate(self.steps):
            for i in range(step.rows.stop - step.rows.start):
                if 0.01 < step.rescale[i, 0].item() < 1:
                    return at, step.rows.start + i
        return None

    def before(self, at: int) -> TileStep | None:
        """The step before, if it was of the same rows."""
        return self.steps[at - 1] if at and self.steps[at - 1].rows == self.steps[at].rows else None


def study(inputs: Inputs) -> Study:
    """Draw queries, keys and values, and walk through the tiles once; what is stored comes from the end."""
    n, m = inputs.queries, inputs.keys
    query, key, value = drawn(n, m, inputs.seed)
    mask = causal_mask(n, m) if inputs.look_back else None
    steps = list(tile_steps(query, key, value, mask, tile=inputs.tile))
    output, lse = torch.zeros(n, V), torch.full((n,), -math.inf)
    for step in steps:
        if step.columns.stop == m:  # the row is complete
            output[step.rows] = step.output / step.total.masked_fill(step.total == 0, 1)
            lse[step.rows] = (step.maximum + step.total.log())[:, 0]
    return Study(inputs, query, key, value, mask, steps, output, lse)


def drawn(n: int, m: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """query (n, 4), key (m, 4), value (m, 2) of a seed."""
    generator = torch.Generator().manual_seed(seed)
    query = SPREAD * torch.randn(n, D, generator=generator)
    return query, torch.randn(m, D, generator=generator), torch.randn(m, V, generator=generator)


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


def names(count: int, letter: str) -> list[str]:
    return [f"{letter}{i + 1}" for i in range(count)]


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
                Scale(high=max(s.weights.max().item(), 1e-6)), Look(sums=True),
                words("cost.tiles_weights_caption"), None if s.mask is None else ~s.mask),
        Plot("memory", words("cost.tiles_memory"), [
            Curve(words("cost.tiles_memory_whole"), "line", lengths, torch.tensor(whole), "data"),
            Curve(words("cost.tiles_memory_held"), "line", lengths, torch.tensor(held), "accent"),
        ], words("cost.tiles_memory_x"), words("cost.tiles_memory_y"), words("cost.tiles_memory_caption")),
    ]  # fmt: skip


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A weight from its score and one stored number, or a number of the running state after a step."""
    n, m = s.shape
    if place.panel == "tiles" and place.frame:
        place = place.within(n, 3 + V)
        return state_sheet(s, words, frame_at(place.frame, len(s.steps)), place.row, place.column)
    if place.panel not in ("weights", "tiles"):
        raise Refusal("no_such_cell")
    place = place.within(n, m)
    return weight_sheet(s, words, place.row, place.column)


def weight_sheet(s: Study, words: Words, row: int, column: int) -> Sheet:
    """The score from its products, lse from maximum and sum, and the weight in two ways."""
    cell = explain(s.query, s.key, s.value, row, column, s.mask)
    usual = cell_sheet(cell, words, f"q{row + 1}", f"k{column + 1}")
    last = next(step for step in reversed(s.steps) if step.rows.start <= row < step.rows.stop)
    if not cell.allowed:
        return usual
    i = row - last.rows.start
    maximum, total = last.maximum[i, 0].item(), last.total[i, 0].item()
    lse, score = s.lse[row].item(), s.scores[row, column].item()
    lines = [
        (words("cost.tiles_maximum"), "", show(maximum)),
        (words("cost.tiles_total"), "", show(total)),
        (words("cost.tiles_lse"), f"{show(maximum)} + ln({show(total)})", show(lse)),
        (words("cost.tiles_made_again"), f"exp({show(score)} - {bracket(lse)})", show(cell.weight)),
    ]
    title = words("cost.tiles_lse_title")
    return usual.then(Section(title, words("cost.tiles_lse_text", row=row + 1), lines=lines))


def state_sheet(s: Study, words: Words, at: int, row: int, column: int) -> Sheet:
    """Maximum, factor, sum or output of one row after one tile: from what stood before and the tile."""
    step, before = s.steps[at], s.before(at)
    i = row - step.rows.start
    if not 0 <= i < step.rows.stop - step.rows.start or step.scores is None:
        raise Refusal("no_such_cell")
    old = -math.inf if before is None else before.maximum[i, 0].item()
    new, factor = step.maximum[i, 0].item(), step.rescale[i, 0].item()
    scores = step.scores[i]
    title = words("cost.tiles_state_title", row=row + 1, step=at + 1)
    keys = names(len(s.key), "k")[step.columns]
    largest = [(words("cost.tiles_old_maximum"), "", show(old))]
    largest += [
        (words("cost.tiles_score_of", key=key), "", show(x))
        for key, x in zip(keys, scores.tolist(), strict=True)
    ]
    largest.append((words("cost.tiles_new_maximum"), words("cost.tiles_largest_of"), show(new)))
    sections = [Section(words("cost.tiles_maximum"), lines=largest)]
    if new == -math.inf:
        return Sheet(
            title, [Section(words("cost.tiles_maximum"), words("cost.tiles_nothing_yet"), lines=largest)]
        )
    if column >= 1:
        lines = [(words("cost.tiles_factor"), f"exp({show(old)} - {bracket(new)})", show(factor))]
        sections.append(Section(words("cost.tiles_factor"), words("cost.tiles_factor_text"), lines=lines))
    if column >= 2:
        sections.append(sum_section(s, words, at, i, None if column == 2 else column - 3, keys))
    return Sheet(title, sections)


def sum_section(s: Study, words: Words, at: int, i: int, feature: int | None, keys: list[str]) -> Section:
    """Old sum times factor, plus the tile's numerators (times a value's feature)."""
    step, before = s.steps[at], s.before(at)
    assert step.scores is not None
    terms = torch.exp(step.scores[i] - step.maximum[i, 0])
    factor = step.rescale[i, 0].item()
    if feature is None:
        old = 0.0 if before is None else before.total[i, 0].item()
        rows = [[words("cost.tiles_kept"), f"{show(old)} × {show(factor)}", show(old * factor)]]
        rows += [
            [key, f"exp({show(score)} - {bracket(step.maximum[i, 0].item())})", show(term)]
            for key, score, term in zip(keys, step.scores[i].tolist(), terms.tolist(), strict=True)
        ]
        rows.append([words("sheet.sum"), "", show(step.total[i, 0].item())])
        columns = [words("sheet.key"), words("cost.tiles_formula"), words("cost.tiles_part")]
        return Section(words("cost.tiles_total"), table=Grid(columns, rows, total=True))
    values = s.value[step.columns, feature]
    old = 0.0 if before is None else before.output[i, feature].item()
    rows = [[words("cost.tiles_kept"), show(factor), show(old), show(old * factor)]]
    rows += [
        [key, show(term), show(value), show(term * value)]
        for key, term, value in zip(keys, terms.tolist(), values.tolist(), strict=True)
    ]
    rows.append([words("sheet.sum"), "", "", show(step.output[i, feature].item())])
    columns = [words("sheet.key"), words("cost.tiles_term"), words("sheet.value"), words("sheet.product")]
    title, text = words("cost.tiles_output", feature=feature + 1), words("cost.tiles_output_text")
    return Section(title, text, Grid(columns, rows, total=True))


def bracket(number: float) -> str:
    """A number after a minus sign."""
    return show(number) if number >= 0 else f"({show(number)})"


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
                 words("cost.tiles_task_rescale_why", **values, factor=show(factor, 3)), tolerance=0.1,
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
             words("cost.tiles_task_weight_why", **values, weight=show(weight, 3)), tolerance=0.05,
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
    snippet=snippet, results=results, tasks=tasks, notices=notices,
)  # fmt: skip
