"""Training the recommender live, in chunks whose state the page carries; nothing stays here."""

from __future__ import annotations

import math
from functools import partial

from ....recommender import Recommended, Recommender, Record, explain_cell, recommend, train_chunk
from ....recommender.items import HISTORY, ITEMS, THEMES
from ....training import MAX_BYTES, load_model
from ...page.busy import slot
from ...page.guard import Json
from ...page.panels import Panel, Training, heading, numbers
from ...page.scene import Carried, Place, Task, Trainer
from ...page.sheet import Sheet, cell_sheet
from ...page.texts import Words
from .fields import Inputs, again_or_not, say
from .history import empty_history, history_of, name_of

CHUNK = 10  # steps: well under a second on one core


def study(inputs: Inputs) -> Inputs:
    """Nothing is computed before the page asks for a chunk."""
    return inputs


def panels(inputs: Inputs, words: Words) -> list[Panel]:
    """The frame of a training; its numbers come with the chunks."""
    w = partial(say, words)
    run = ["recommender", inputs.seed, inputs.learning_rate, *history_of(inputs)]
    return [
        heading(w("training"), w("training_recommender")),
        Training("training", w("trainer_recommender"), w("trainer_caption_recommender"), inputs.steps, run,
                 w("candidate"), w("history"), words.section("applications.page_recommender"), sums=True),
    ]  # fmt: skip


def advance(inputs: Inputs, state: bytes | None, steps: int) -> tuple[bytes, Record]:
    """The next steps of the run that these inputs describe; two at a time in one process."""
    with slot("applications", limit=2, wait=5.0, waiting=8):
        return train_chunk(state, seed=inputs.seed, steps=steps, learning_rate=inputs.learning_rate)


def ranked_by(inputs: Inputs, state: bytes) -> Recommended:
    """What the model inside a state recommends; the state is checked as the chapter checks it."""
    model = load_model(state, Recommender(), inputs.seed)
    return recommend(model.eval().requires_grad_(False), history_of(inputs))


def candidates(history: list[int]) -> list[int]:
    """One candidate of each theme, the best known that is not in the history."""
    themes = [[i for i in range(len(ITEMS)) if ITEMS[i].theme == t] for t in range(len(THEMES))]
    return [next((i for i in ids if i not in history), ids[0]) for ids in themes]


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


TRAINER = Trainer(CHUNK, lambda inputs: inputs.steps, chunk, sheet, MAX_BYTES)


def notices(inputs: Inputs, words: Words) -> list[str]:
    """What decides where the history is empty."""
    return empty_history(history_of(inputs), words)


def tasks(inputs: Inputs, words: Words) -> list[Task]:
    """What a model knows that knows nothing, and whether the seed decides."""
    count = len(ITEMS) - HISTORY
    start = Task("start_recommender", say(words, "task_start_recommender"), math.log(count),
                 say(words, "task_start_why", count=count), tolerance=0.06)  # fmt: skip
    return [start, again_or_not(words)]


def snippet(inputs: Inputs) -> str:
    """The whole run, chunk by chunk, with the numbers that the page shows."""
    return f"""from attention.recommender import train_chunk

state, done = None, 0
while done < {inputs.steps}:
    state, record = train_chunk(
        state, seed={inputs.seed}, steps=min({CHUNK}, {inputs.steps} - done),
        learning_rate={inputs.learning_rate!r},
    )
    done = record.step
    print(done, sum(record.losses) / len(record.losses), record.recall_5, record.recall_10)
"""


def results(inputs: Inputs) -> Json:
    """The first chunk of the run, as plain numbers."""
    _, record = advance(inputs, None, min(CHUNK, inputs.steps))
    return {"step": record.step, "losses": record.losses, "held_out": [record.recall_5, record.recall_10]}
