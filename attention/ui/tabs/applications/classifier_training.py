"""Training the classifier live."""

from __future__ import annotations

from functools import partial

from ....classifier import Classified, Record, classify, load_classifier, train_chunk
from ....classifier.text_model import TextClassifier
from ....training import MAX_BYTES, load_model
from ...page.guard import Json
from ...page.panels import Panel, numbers
from ...page.scene import Carried, Place, Scene, Trainer
from ...page.sheet import Sheet
from ...page.texts import Words
from . import training
from .fields import TRAINING, Inputs, say
from .plain_training import classifier_trained
from .reading import labels, received_sheet, tokens_of, unknown_words

CHUNK = 20  # steps: well under a second on one core


def study(inputs: Inputs) -> Inputs:
    """Nothing is computed before the page asks for a chunk; a text that cannot be read is refused."""
    tokens_of(inputs.text)
    return inputs


def panels(inputs: Inputs, words: Words) -> list[Panel]:
    """The frame of a training. The review may change on the way: it is only looked at."""
    return training.frame(inputs, words, [], "head_word", "key")


def advance(inputs: Inputs, state: bytes | None, steps: int) -> tuple[bytes, Record]:
    """The next steps of the run that these inputs describe."""
    tokens_of(inputs.text)
    with training.free_place():
        return train_chunk(
            state, example=inputs.text, seed=inputs.seed, steps=steps, learning_rate=inputs.learning_rate
        )


def read_by(inputs: Inputs, state: bytes) -> Classified:
    """What the model inside a state says of the review; the state is checked as the chapter checks it."""
    model = load_model(state, TextClassifier(load_classifier().vocabulary), inputs.seed)
    return classify(model.eval().requires_grad_(False), inputs.text)


def chunk(inputs: Inputs, state: bytes | None, steps: int, words: Words) -> Carried:
    """One chunk, and what the model looks at now: heads x tokens."""
    state, record = advance(inputs, state, steps)
    read = read_by(inputs, state)
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
    return received_sheet(read_by(inputs, state), words, place)


def snippet(inputs: Inputs) -> str:
    """The whole run, and what the heads take from each token at its end."""
    end = "print(record[-1].weights.mean(-2))   # heads x tokens\n"
    return training.code(inputs, CHUNK, f" example={inputs.text!r},", "record[2], record[3]", end)


def results(inputs: Inputs) -> Json:
    """The first chunk of the run, as plain numbers."""
    _, record = advance(inputs, None, min(CHUNK, inputs.steps))
    return {"step": record.step, "losses": record.losses,
            "held_out": [record.accuracy, record.pair_accuracy]}  # fmt: skip


SCENE = Scene(
    fields=("text", *TRAINING), study=study, panels=panels, snippet=snippet, results=results,
    tasks=partial(training.tasks, 2),
    notices=lambda inputs, words: unknown_words(classify(load_classifier(), inputs.text), words),
    trainer=Trainer(CHUNK, lambda inputs: inputs.steps, chunk, sheet, MAX_BYTES), plain=classifier_trained,
)  # fmt: skip
