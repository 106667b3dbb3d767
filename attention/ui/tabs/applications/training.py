"""What both live trainings share: chunks whose state the page carries, two at a time in one process."""

from __future__ import annotations

import math
from functools import partial

from ...page.busy import slot
from ...page.panels import Panel, heading
from ...page.players import Training
from ...page.scene import Task
from ...page.texts import Words
from .fields import Inputs, say

free_place = partial(slot, "applications", limit=2, wait=5.0, waiting=8)


def frame(inputs: Inputs, words: Words, read: list[int], rows: str, columns: str) -> list[Panel]:
    """The frame of a training; its numbers come with the chunks. read: what makes it another run."""
    w, app = partial(say, words), inputs.app
    run: list[str | float] = [app, inputs.seed, inputs.learning_rate, *read]
    return [
        heading(w("training"), w(f"training_{app}")),
        Training("training", w(f"trainer_{app}"), w(f"trainer_caption_{app}"), inputs.steps, run,
                 w(rows), w(columns), words.section(f"applications.page_{app}"), sums=True),
    ]  # fmt: skip


def tasks(count: int, inputs: Inputs, words: Words) -> list[Task]:
    """What a model knows that knows nothing but ``count`` options, and whether the seed decides."""
    w, start = partial(say, words), f"start_{inputs.app}"
    return [
        Task(start, w(f"task_{start}"), math.log(count), w("task_start_why", count=count), tolerance=0.06),
        Task("again", w("task_again"), 0, w("task_again_why"), [w("yes"), w("no")]),
    ]


def code(inputs: Inputs, chunk: int, example: str, marks: str, end: str = "") -> str:
    """The whole run, chunk by chunk, with the numbers that the page shows; marks: of the record."""
    return f"""from attention.{inputs.app} import train_chunk

state, done = None, 0
while done < {inputs.steps}:
    state, record = train_chunk(
        state, seed={inputs.seed}, steps=min({chunk}, {inputs.steps} - done),
        learning_rate={inputs.learning_rate!r},{example}
    )
    done = record.step
    print(done, sum(record.losses) / len(record.losses), {marks})
{end}"""
