"""Training the classifier live, in chunks whose state the page carries; nothing stays here."""

from __future__ import annotations

import math
from functools import partial

from ....classifier import Record, TextClassifier, classify, load_classifier, train_chunk
from ....training import MAX_BYTES, load_model
from ...page.busy import slot
from ...page.guard import Json
from ...page.panels import Panel, Training, heading, numbers
from ...page.scene import Carried, Place, Task, Trainer
from ...page.sheet import Sheet
from ...page.texts import Words
from .fields import Inputs, again_or_not, say
from .reading import labels, received_sheet, tokens_of, unknown_words

CHUNK = 20  # steps: well under a second on one core


def study(inputs: Inputs) -> Inputs:
    """Nothing is computed before the page asks for a chunk; a text that cannot be read is refused."""
    tokens_of(inputs.text)
    return inputs


def panels(inputs: Inputs, words: Words) -> list[Panel]:
    """The frame of a training; its numbers come with the chunks."""
    w = partial(say, words)
    return [
        heading(w("training"), w("training_classifier")),
        # a review may change on the way, it is only looked at
        Training("training", w("trainer_classifier"), w("trainer_caption_classifier"), inputs.steps,
                 ["classifier", inputs.seed, inputs.learning_rate], w("head_word"), w("key"),
                 words.section("applications.page_classifier"), sums=True),
    ]  # fmt: skip


def advance(inputs: Inputs, state: bytes | None, steps: int) -> tuple[bytes, Record]:
    """The next steps of the run that these inputs describe; two at a time in one process."""
    tokens_of(inputs.text)
    with slot("applications", limit=2, wait=5.0, waiting=8):
        return train_chunk(
            state, example=inputs.text, seed=inputs.seed, steps=steps, learning_rate=inputs.learning_rate
        )


def model_of(inputs: Inputs, state: bytes) -> TextClassifier:
    """The model inside a state, checked as the chapter checks it."""
    model = load_model(state, TextClassifier(load_classifier().vocabulary), inputs.seed)
    return model.eval().requires_grad_(False)


def chunk(inputs: Inputs, state: bytes | None, steps: int, words: Words) -> Carried:
    """One chunk, and what the model looks at now: heads x tokens."""
    state, record = advance(inputs, state, steps)
    read = classify(model_of(inputs, state), inputs.text)
    best = say(words, "undecided_short")
    if read.label is not None:
        best = f"{say(words, read.label)} ({read.probabilities.max().item():.1%})"
    return Carried(state, {
        "step": record.step, "losses": record.losses, "accuracy": record.accuracy,
        "rows": [say(words, "head", number=h + 1) for h in range(len(read.weights))],
        "columns": labels(read), "data": numbers(read.weights.mean(-2)), "text": inputs.text,
        "output": best, "truth": None,  # nobody knows whether a typed review is meant well
    })  # fmt: skip


def sheet(inputs: Inputs, state: bytes, words: Words, place: Place) -> Sheet:
    """The arithmetic of one weight of the state."""
    return received_sheet(classify(model_of(inputs, state), inputs.text), words, place)


TRAINER = Trainer(CHUNK, lambda inputs: inputs.steps, chunk, sheet, MAX_BYTES)


def notices(inputs: Inputs, words: Words) -> list[str]:
    """What the model will not know."""
    return unknown_words(classify(load_classifier(), inputs.text), words)


def tasks(inputs: Inputs, words: Words) -> list[Task]:
    """What a model knows that knows nothing, and whether the seed decides."""
    start = Task("start_classifier", say(words, "task_start_classifier"), math.log(2),
                 say(words, "task_start_why", count=2), tolerance=0.06)  # fmt: skip
    return [start, again_or_not(words)]


def snippet(inputs: Inputs) -> str:
    """The whole run, chunk by chunk, with the numbers that the page shows."""
    return f"""from attention.classifier import train_chunk

state, done = None, 0
while done < {inputs.steps}:
    state, record = train_chunk(
        state, seed={inputs.seed}, steps=min({CHUNK}, {inputs.steps} - done),
        learning_rate={inputs.learning_rate!r}, example={inputs.text!r},
    )
    done = record.step
    print(done, sum(record.losses) / len(record.losses), record[2], record[3])
print(record[-1].weights.mean(-2))   # heads x tokens
"""


def results(inputs: Inputs) -> Json:
    """The first chunk of the run, as plain numbers."""
    _, record = advance(inputs, None, min(CHUNK, inputs.steps))
    return {"step": record.step, "losses": record.losses,
            "held_out": [record.accuracy, record.pair_accuracy]}  # fmt: skip
