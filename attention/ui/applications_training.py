"""Training either application live, in chunks whose state the page carries; nothing stays here.

The page asks for one chunk after another (assets/view, kind "trainer"): Stop means that it asks for
no further one, and a closed page asks for none either.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

from .. import classifier, recommender
from ..items import HISTORY, ITEMS, THEMES
from ..training import MAX_BYTES, load_model
from . import classifier_view, recommender_view
from .applications_fields import say
from .busy import slot
from .guard import Refusal, inputs_of, sentence_for
from .sheet import cell_sheet
from .texts import Words, words_for
from .view import heading, numbers

CHUNKS = {"classifier": 20, "recommender": 10}  # steps: well under a second on one core
RETRY = 2.0  # seconds after which the page asks again when all places are taken


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The frame of a training; its numbers come with the chunks."""
    app = values["app"]
    history = recommender_view.history_of(values) if app == "recommender" else []
    return [
        heading(say(words, "training"), say(words, f"training_{app}")),
        {
            "kind": "trainer", "id": "training", "wide": True, "steps": values["steps"],
            "title": say(words, f"trainer_{app}"), "caption": say(words, f"trainer_caption_{app}"),
            # what makes it another run; a review may change on the way, it is only looked at
            "run": [app, values["seed"], values["learning_rate"], *history],
            "row_title": say(words, "head_word" if app == "classifier" else "candidate"),
            "column_title": say(words, "key" if app == "classifier" else "history"),
            "low": 0.0, "high": 1.0, "diverging": False, "digits": 2, "opens": True, "sums": True,
            "words": words.section(f"applications.page_{app}"),
        },
    ]  # fmt: skip


def read_state(given: Any) -> bytes | None:
    """The page's state as bytes; None begins. Its inside is checked by the chapter."""
    if given is None:
        return None
    if not isinstance(given, str) or len(given) > MAX_BYTES * 4 // 3 + 4:
        raise Refusal("bad_request")
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("training_state") from None


def advance(values: dict[str, Any], state: bytes | None, steps: int) -> tuple[bytes, Any]:
    """The next steps of the run that these inputs describe; two at a time in one process."""
    settings = {"seed": values["seed"], "steps": steps, "learning_rate": values["learning_rate"]}
    if values["app"] == "classifier":
        classifier_view.look(values)  # refuses a text that no classifier reads
    with slot("applications", limit=2, wait=5.0, waiting=8):
        try:
            if values["app"] == "classifier":
                return classifier.train_chunk(state, example=values["text"], **settings)
            return recommender.train_chunk(state, **settings)
        except ValueError as error:  # the chapter's word for a changed state or a diverged run
            raise Refusal("training_state") from error


def model_of(values: dict[str, Any], state: bytes) -> Any:
    """The model inside a state, checked as the chapter checks it."""
    if values["app"] == "classifier":
        model = classifier.TextClassifier(classifier.load_classifier().vocabulary)
    else:
        model = recommender.Recommender()
    try:
        model = load_model(state, model, values["seed"])
    except ValueError as error:
        raise Refusal("training_state") from error
    return model.eval().requires_grad_(False)


def candidates(history: list[int]) -> list[int]:
    """One candidate of each theme, the best known that is not in the history."""
    themes = [[i for i in range(len(ITEMS)) if ITEMS[i].theme == t] for t in range(len(THEMES))]
    return [next((i for i in ids if i not in history), ids[0]) for ids in themes]


def figure(values: dict[str, Any], words: Words, model: Any) -> dict[str, Any]:
    """What the model looks at now: (heads or candidates) x (tokens or history)."""
    if values["app"] == "classifier":
        seen = classifier.classify(model, values["text"])
        rows = [say(words, "head", number=h + 1) for h in range(len(seen.weights))]
        columns, weights = classifier_view.labels(seen), seen.weights.mean(-2)
        best = f"{say(words, seen.label)} ({seen.probabilities.max().item():.1%})"
    else:
        history = recommender_view.history_of(values)
        rows = [recommender_view.name_of(i, words) for i in candidates(history)]
        columns = [recommender_view.name_of(i, words) for i in history]
        seen = recommender.recommend(model, history)
        weights, best = seen.weights[candidates(history)], recommender_view.name_of(seen.ranking[0], words)
    data = numbers(weights) if columns else None
    return {
        "rows": rows, "columns": columns, "data": data, "text": values["text"], "output": best,
        "truth": None,  # nobody knows whether a typed review is meant well
    }  # fmt: skip


def train(values: dict[str, Any], words: Words, request: dict[str, Any]) -> dict[str, Any]:
    """One chunk: {"state", "step"} -> the next state and what it did."""
    step = request.get("step")
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step < values["steps"]:
        raise Refusal("bad_request")
    steps = min(CHUNKS[values["app"]], values["steps"] - step)
    state, record = advance(values, read_state(request.get("state")), steps)
    made = {"state": base64.b64encode(state).decode(), "step": record.step, "losses": record.losses}
    made |= figure(values, words, model_of(values, state))
    # a Record by place: step, losses, then held-out accuracy over all, or recall at 5 and at 10
    return made | {"accuracy": record[2] if values["app"] == "classifier" else record.recall_10}


def cell(values: dict[str, Any], words: Words, request: dict[str, Any]) -> dict[str, Any]:
    """The arithmetic of one weight of a training: {"state", "row", "column"} -> sheet."""
    row, column, state = request.get("row"), request.get("column"), read_state(request.get("state"))
    whole = all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in (row, column))
    if not whole or state is None:
        raise Refusal("bad_request")
    model = model_of(values, state)
    if values["app"] == "classifier":
        seen = classifier.classify(model, values["text"])
        if row >= len(seen.weights) or column >= len(seen.tokens):
            raise Refusal("no_such_cell")
        return classifier_view.received_sheet(seen, words, row, column)
    history = recommender_view.history_of(values)
    if row >= len(THEMES) or column >= len(history):
        raise Refusal("no_such_cell")
    item = candidates(history)[row]
    opened = recommender.explain_cell(recommender.recommend(model, history), item, column)
    names = recommender_view.name_of(item, words), recommender_view.name_of(history[column], words)
    return cell_sheet(opened, words, *names)


def served(function: Any, check: Any, language: str, request: Any) -> dict[str, Any]:
    """A server function: the request checked, errors as {"error"}, with "retry" when busy."""
    words = words_for(language)
    try:
        return function(check(inputs_of(request)), words, request)
    except Exception as error:  # the border to the page, as in guard.answer
        busy = isinstance(error, Refusal) and error.key == "busy"
        return {"error": sentence_for(error, words)} | ({"retry": RETRY} if busy else {})


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """What a model knows that knows nothing, and whether the seed decides."""
    app = values["app"]
    count = 2 if app == "classifier" else len(ITEMS) - HISTORY
    return [
        {"id": f"start_{app}", "kind": "number", "answer": math.log(count), "tolerance": 0.06,
         "question": say(words, f"task_start_{app}"), "why": say(words, "task_start_why", count=count)},
        {"id": "again", "kind": "choice", "question": say(words, "task_again"), "answer": 0,
         "options": [say(words, "yes"), say(words, "no")], "why": say(words, "task_again_why")},
    ]  # fmt: skip


def snippet(values: dict[str, Any]) -> str:
    """The whole run, chunk by chunk, with the numbers that the page shows."""
    app, chunk = values["app"], CHUNKS[values["app"]]
    example = f", example={values['text']!r}" if app == "classifier" else ""
    marks = "record[2], record[3]" if app == "classifier" else "record.recall_5, record.recall_10"
    last = "print(record[-1].weights.mean(-2))   # heads x tokens\n" if app == "classifier" else ""
    return f"""from attention.{app} import train_chunk

state, done = None, 0
while done < {values["steps"]}:
    state, record = train_chunk(
        state, seed={values["seed"]}, steps=min({chunk}, {values["steps"]} - done),
        learning_rate={values["learning_rate"]!r}{example},
    )
    done = record.step
    print(done, sum(record.losses) / len(record.losses), {marks})
{last}"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """The first chunk of the run, as plain numbers."""
    _, record = advance(values, None, min(CHUNKS[values["app"]], values["steps"]))
    return {"step": record.step, "losses": record.losses, "held_out": list(record[2:4])}
