"""Writing one word at a time: what is computed anew, what is only read again, and what goes wrong."""

from __future__ import annotations

from .....cell import explain
from .....decode.decoders import decoder_of
from ....page.guard import Json, Refusal
from ....page.panels import Panel
from ....page.scene import Place, Scene, Task
from ....page.sheet import Sheet, cell_sheet
from ....page.texts import Words
from ..inputs import Inputs
from ..models import names_of, ready
from ..plain import cached
from .pictures import panels
from .sheets import bytes_sheet, products_sheet, rows_sheet
from .speed import measured
from .study import MOVED, Study, snippet_of, study


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A kept row, a weight, a step's multiplications, or the bytes of a layer."""
    m = len(s.tokens)
    if place.panel == "keys":
        place.within(m, 2)
        side = place.column
        name = words("cost.cache_keys" if side == 0 else "cost.cache_values")
        return rows_sheet(
            words, s.tokens[place.row], name, s.before[side][place.row], s.sides[side][place.row]
        )
    if place.panel == "weights":
        place.within(1, m)
        scale = decoder_of(s.model.module).scale
        cell = explain(s.query[None], *s.sides, 0, place.column, scale=scale)
        return cell_sheet(cell, words, s.tokens[-1], s.tokens[place.column])
    if place.panel == "products":
        place.within(2, len(s.cached))
        return products_sheet(
            words, (s.cached, s.whole)[place.row][place.column], place.column, place.row == 0
        )
    if place.panel == "bytes":
        place.within(len(s.now.keys), 2)
        return bytes_sheet(
            words, s.cached[s.at].keys[place.row], place.row, place.column, s.cached[s.at].bytes
        )
    raise Refusal("no_such_cell")


def results(s: Study) -> Json:
    """Plain numbers for the API: what was written, counted and kept; the first wrong word."""
    found: Json = {
        "tokens": s.tokens,
        "written": s.written,
        "weights": s.weights.tolist(),
        "multiplications_cached": [one.multiplications for one in s.cached],
        "multiplications_uncached": [one.multiplications for one in s.whole],
        "bytes": [one.bytes for one in s.cached],
        "bytes_per_token": s.each,
        "largest_change_of_an_old_key": s.moved.max().item(),
        "largest_difference_of_logits": max(
            (a.logits - b.logits).abs().max().item() for a, b in zip(s.cached, s.whole, strict=True)
        ),
    }
    if s.wrong is not None:
        found |= {"first_wrong": s.wrong.first, "off": s.wrong.off.tolist()}
    return found


def tasks(s: Study, words: Words) -> list[Task]:
    """What moves, what a token costs, how much is saved; with a mistake on, the first wrong word."""
    layers, groups, _, d = s.cached[0].keys.shape
    size = s.cached[0].keys.element_size()
    first = s.ledger[0].keys[s.inputs.layer, s.group]
    last = s.ledger[-1].keys[s.inputs.layer, s.group][: len(first)]
    move = (last - first).abs().amax(-1)
    moving = int((move > MOVED).sum())
    answer = 0 if moving == 0 else 2 if moving == len(first) else 1
    times = s.whole[-1].multiplications / s.cached[-1].multiplications
    found = [
        Task(
            "move",
            words("cost.cache_task_move", count=len(first), layer=s.inputs.layer),
            answer,
            words("cost.cache_task_move_why", moving=moving, count=len(first)),
            [words(f"cost.cache_task_move_{one}") for one in ("none", "some", "all")],
            hides=["keys"] if s.inputs.looks_back else ["keys", "moved"],
        ),
        Task(
            "bytes",
            words("cost.cache_task_bytes"),
            s.each,
            words(
                "cost.cache_task_bytes_why", layers=layers, groups=groups, d=d, size=size, each=f"{s.each:,}"
            ),
            tolerance=0.5,
            hides=["bytes", "keys"],
        ),
        Task(
            "times",
            words("cost.cache_task_times", step=len(s.whole) - 1),
            times,
            words(
                "cost.cache_task_times_why",
                with_cache=f"{s.cached[-1].multiplications:,}",
                without=f"{s.whole[-1].multiplications:,}",
                read=s.whole[-1].read,
                times=f"{times:.1f}",
            ),
            tolerance=0.2 * times,
            hides=["growth", "products"],
        ),
    ]
    if s.free is not None:  # nothing is kept, and nothing saved
        found = found[:1]
    if s.wrong is not None and s.wrong.first is not None:
        right = names_of(s.model, s.wrong.tokens)
        found.append(
            Task(
                "wrong",
                words("cost.cache_task_wrong", text=" ".join(right)),
                s.wrong.first + 1,
                words("cost.cache_task_wrong_why", step=s.wrong.first + 1, right=right[s.wrong.first]),
                tolerance=1.0,
                hides=["wrong", "off"],
            )
        )
    return found


def notices(s: Study, words: Words) -> list[str]:
    """What was cut off, and words that the storyteller has never seen."""
    found = [words("cost.cut")] if s.cut else []
    if "<unk>" in s.prompt:
        found.append(words("cost.cache_unknown"))
    return found


def speed(s: Study, words: Words) -> list[Panel]:
    """The same step timed with and without, here and now."""
    return measured(s.model, words)


SCENE: Scene[Inputs, Study] = Scene(
    fields=("writer", "story", "step", "layer", "head", "looks_back", "mistake"),
    study=study,
    panels=panels,
    sheet=sheet,
    snippet=lambda s: snippet_of(s.inputs, s.at),
    results=results,
    tasks=tasks,
    notices=notices,
    parts={"cache_speed": speed},
    ready=lambda inputs, seconds: ready(inputs.writer, seconds),
    plain=cached,
)
