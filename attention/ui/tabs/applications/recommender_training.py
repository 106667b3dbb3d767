"""Training the recommender live."""

from __future__ import annotations

from functools import partial

from ....recommender import Recommended, Recommender, Record, explain_cell, recommend, train_chunk
from ....recommender.items import HISTORY, ITEMS, THEMES
from ....training import MAX_BYTES, load_model
from ...page.guard import Json
from ...page.panels import Panel, numbers
from ...page.scene import Carried, Place, Scene, Trainer
from ...page.sheet import Sheet, cell_sheet
from ...page.texts import Words
from . import training
from .fields import TRAINING, Inputs
from .history import by_theme, empty_history, history_of, name_of
from .plain_training import recommender_trained

CHUNK = 10  # steps: well under a second on one core


def study(inputs: Inputs) -> Inputs:
    """Nothing is computed before the page asks for a chunk."""
    return inputs


def panels(inputs: Inputs, words: Words) -> list[Panel]:
    """The frame of a training, another one for another history."""
    return training.frame(inputs, words, history_of(inputs), "candidate", "history")


def advance(inputs: Inputs, state: bytes | None, steps: int) -> tuple[bytes, Record]:
    """The next steps of the run that these inputs describe."""
    with training.free_place():
        return train_chunk(state, seed=inputs.seed, steps=steps, learning_rate=inputs.learning_rate)


def ranked_by(inputs: Inputs, state: bytes) -> Recommended:
    """What the model inside a state recommends; the state is checked as the chapter checks it."""
    model = load_model(state, Recommender(), inputs.seed)
    return recommend(model.eval().requires_grad_(False), history_of(inputs))


def candidates(history: list[int]) -> list[int]:
    """One candidate of each theme, the best known that is not in the history."""
    return [next((i for i in ids if i not in history), ids[0]) for ids in by_theme()]


def chunk(inputs: Inputs, state: bytes | None, steps: int, words: Words) -> Carried:
    """One chunk, and what the model looks at now: candidates x history."""
    state, record = advance(inputs, state, steps)
    ranked = ranked_by(inputs, state)
    rows = candidates(ranked.history)
    return Carried(state, {
        "step": record.step, "losses": record.losses, "accuracy": record.recall_10,
        "rows": [name_of(item, words) for item in rows],
        "columns": [name_of(item, words) for item in ranked.history],
        "data": numbers(ranked.weights[rows]) if ranked.history else None,
        "text": inputs.text, "output": name_of(ranked.ranking[0], words), "truth": None,
    })  # fmt: skip


def sheet(inputs: Inputs, state: bytes, words: Words, place: Place) -> Sheet:
    """The arithmetic of one weight of the state."""
    ranked = ranked_by(inputs, state)
    place.within(len(THEMES), len(ranked.history))
    item, column = candidates(ranked.history)[place.row], place.column
    names = name_of(item, words), name_of(ranked.history[column], words)
    return cell_sheet(explain_cell(ranked, item, column), words, *names)


def snippet(inputs: Inputs) -> str:
    """The whole run."""
    return training.code(inputs, CHUNK, "", "record.recall_5, record.recall_10")


def results(inputs: Inputs) -> Json:
    """The first chunk of the run, as plain numbers."""
    _, record = advance(inputs, None, min(CHUNK, inputs.steps))
    return {"step": record.step, "losses": record.losses, "held_out": [record.recall_5, record.recall_10]}


SCENE = Scene(
    # every chunk tells the text back, as the classifier's do
    fields=("text", "user", "history", *TRAINING), study=study, panels=panels, snippet=snippet,
    results=results,
    tasks=partial(training.tasks, len(ITEMS) - HISTORY),
    notices=lambda inputs, words: empty_history(history_of(inputs), words),
    trainer=Trainer(CHUNK, lambda inputs: inputs.steps, chunk, sheet, MAX_BYTES), plain=recommender_trained,
)  # fmt: skip
