"""Training a decoder live, in chunks whose state the page carries: the server remembers nothing.

Stop means that the page asks for no further chunk; a closed page asks for none either.
"""

from __future__ import annotations

import math

from ....seq2seq import Record, train_chunk, translate, unpack
from ....seq2seq.bahdanau import LENGTH, TARGET
from ....seq2seq.date_parse import true_date
from ...page.busy import slot
from ...page.guard import Json
from ...page.panels import Panel, heading, numbers
from ...page.players import Training
from ...page.scene import Carried, Place, Scene, Task, Trainer
from ...page.sheet import Sheet
from ...page.texts import Words
from .parts import Inputs, columns_of, notices_of, opened, rows_of, worst_kind, written
from .plain_training import trained

CHUNK = 20  # steps: about a second on one core
STATE = 2_100_000  # bytes: a state has less than 2 MB
KNOBS = ("steps", "seed", "learning_rate")


def study(inputs: Inputs) -> Inputs:
    """Nothing is computed before the page asks for a chunk."""
    return inputs


def panels(inputs: Inputs, words: Words) -> list[Panel]:
    """The frame of a training; its numbers come with the chunks."""
    return [
        heading(words("decoder.training"), words("decoder.training_text")),
        Training("training", words("decoder.trainer", name=words(f"decoder.attention.{inputs.attention}")),
                 words(f"decoder.trainer_{inputs.attention}"), inputs.steps,
                 [inputs.attention, inputs.seed, inputs.learning_rate], words("decoder.written"),
                 words("decoder.read"), words.section("decoder.page")),
    ]  # fmt: skip


def advance(inputs: Inputs, state: bytes | None, steps: int) -> tuple[bytes, Record]:
    """The next steps of the run that these inputs describe; two at a time in one process."""
    with slot("decoder", limit=2, wait=5.0, waiting=8):
        return train_chunk(
            state, attention=inputs.attention, seed=inputs.seed, steps=steps,
            learning_rate=inputs.learning_rate, example=inputs.text,
        )  # fmt: skip


def chunk(inputs: Inputs, state: bytes | None, steps: int, words: Words) -> Carried:
    """One chunk, and how the example is written now."""
    state, record = advance(inputs, state, steps)
    shown = record.example
    return Carried(state, {
        "step": record.step, "losses": record.losses, "accuracy": record.accuracy,
        "output": shown.output, "truth": true_date(inputs.text),
        "rows": rows_of(shown), "columns": columns_of(shown),
        "unknown": [not known for known in shown.known],
        "data": None if shown.alignments is None else numbers(shown.alignments),
        "probabilities": numbers(shown.probabilities), "characters": TARGET, "text": inputs.text,
    })  # fmt: skip


def sheet(inputs: Inputs, state: bytes, words: Words, place: Place) -> Sheet:
    """The arithmetic of one weight of the state."""
    model = unpack(state, inputs.attention, inputs.seed).model
    return opened(translate(model, inputs.text), words, place)


def snippet(inputs: Inputs) -> str:
    """The whole run, chunk by chunk, with the numbers that the page shows."""
    return f"""from attention.seq2seq import train_chunk

state, done = None, 0
while done < {inputs.steps}:
    state, record = train_chunk(
        state, attention={inputs.attention!r}, seed={inputs.seed},
        steps=min({CHUNK}, {inputs.steps} - done),
        learning_rate={inputs.learning_rate!r}, example={inputs.text!r},
    )
    done = record.step
    loss = sum(record.losses) / len(record.losses)
    print(done, loss, record.accuracy, record.example.output)
print(record.example.alignments)   # written x read; None without attention
"""


def results(inputs: Inputs) -> Json:
    """The first chunk of the run, as plain numbers."""
    _, record = advance(inputs, None, min(CHUNK, inputs.steps))
    shown = record.example
    return {
        "step": record.step, "losses": record.losses, "held_out_exact": record.accuracy,
        "output": shown.output, "truth": true_date(inputs.text),
        "weights": None if shown.alignments is None else shown.alignments.tolist(),
    }  # fmt: skip


def tasks(inputs: Inputs, words: Words) -> list[Task]:
    """Predict, then look: what guessing costs, and how rare ten right characters are."""
    right, count = 0.8**LENGTH, len(TARGET)
    return [
        Task("even", words("decoder.task_even", count=count), math.log(count),
             words("decoder.task_even_why"), tolerance=0.05, hides=["training"]),
        Task("power", words("decoder.task_power"), 100 * right,
             words("decoder.task_power_why", share=f"{right:.1%}"), tolerance=3.0, unit="%"),
        worst_kind(words),
    ]  # fmt: skip


SCENE = Scene(
    fields=("attention", "text", *KNOBS), study=study, panels=panels, snippet=snippet, results=results,
    tasks=tasks, notices=lambda inputs, words: notices_of(written("none", inputs.text), words),
    trainer=Trainer(CHUNK, lambda inputs: inputs.steps, chunk, sheet, STATE), plain=trained,
)  # fmt: skip
