"""The matchmaker's second mode: projections learned from evenings, recorded and played back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from ..matchmaker import Training, make_people, train_dating
from ..steps import forward_steps
from .busy import slot
from .guard import Refusal
from .sheet import cell_sheet, show
from .texts import Words
from .view import heading, numbers, readouts

TRAINING = ("candidates", "seed", "steps", "learning_rate", "dropout", "weight_decay")


@lru_cache(maxsize=16)
@slot("training", limit=1)
def _train(candidates, seed, steps, learning_rate, dropout, weight_decay) -> Training:
    return train_dating(
        seed=seed, steps=steps, learning_rate=learning_rate, dropout=dropout,
        weight_decay=weight_decay, people=make_people(candidates, seed=seed),
    )  # fmt: skip


def train(values: dict[str, Any]) -> Training:
    """The training for these inputs; a pure function, so a small cache is safe to share."""
    return _train(*(values[name] for name in TRAINING))


def training_panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The player: weights of one unseen evening and the curves, step by step."""
    training = train(values)
    people = [words("matchmaker.seeker", number=i + 1) for i in range(values["candidates"])]
    others = [words("matchmaker.candidate", number=i + 1) for i in range(values["candidates"])]
    last = len(training.steps) - 1
    curves = [
        {"name": words("matchmaker.loss"), "values": training.loss},
        {"name": words("matchmaker.entropy"), "values": training.entropy},
        {"name": words("matchmaker.accuracy"), "values": training.accuracy},
    ]
    middle = min(range(last + 1), key=lambda i: abs(training.entropy[i] - training.entropy[0] / 2))
    player = {
        "kind": "player", "id": "training", "title": words("matchmaker.training"), "wide": True,
        "caption": words("matchmaker.training_caption"), "steps": training.steps,
        "frames": numbers(torch.stack(training.weights)), "rows": people, "columns": others,
        "row_title": words("matchmaker.query"), "column_title": words("matchmaker.key"),
        "curves": curves, "low": 0.0, "high": 1.0, "diverging": False, "digits": 2, "sums": True,
        "marks": [{"name": words("matchmaker.early"), "frame": 0},
                  {"name": words("matchmaker.middle"), "frame": middle},
                  {"name": words("matchmaker.late"), "frame": last}],
    }  # fmt: skip
    figures = [
        (words("matchmaker.entropy_first"), show(training.entropy[0], 3), words("matchmaker.entropy_note")),
        (words("matchmaker.entropy_last"), show(training.entropy[-1], 3), words("matchmaker.entropy_unit")),
        (words("matchmaker.accuracy"), f"{training.accuracy[-1]:.0%}", words("matchmaker.accuracy_note")),
    ]
    return [
        heading(words("matchmaker.training_title"), words("matchmaker.training_text")),
        player,
        readouts("figures", figures),
    ]


def training_sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """A trained cell: the people of the evening shown, through the projections of that step."""
    training, frame = train(values), panel.partition("@")[2]
    if not (frame.isascii() and frame.isdigit()) or len(frame) > 4 or int(frame) >= len(training.steps):
        raise Refusal("no_such_cell")
    if max(row, column) >= values["candidates"]:
        raise Refusal("no_such_cell")
    people, projections = training.people, training.projections[int(frame)]
    steps = forward_steps(people.queries[0, row], people.keys[0], people.values[0], projections=projections)
    names = words("matchmaker.seeker", number=row + 1), words("matchmaker.candidate", number=column + 1)
    return cell_sheet(steps.cells[column], words, *names, left="q W_q", right="k W_k")


def training_snippet(values: dict[str, Any]) -> str:
    """Code that prints the entropies and the last weights."""
    return f"""from attention.matchmaker import make_people, train_dating

training = train_dating(
    seed={values["seed"]}, steps={values["steps"]}, learning_rate={values["learning_rate"]!r},
    dropout={values["dropout"]!r}, weight_decay={values["weight_decay"]!r},
    people=make_people({values["candidates"]}, seed={values["seed"]}),
)
print(training.entropy[0], training.entropy[-1])   # even, then sharp (nats)
print(training.weights[-1])                        # queries x keys
"""


def training_results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API."""
    training = train(values)
    return {
        "steps": training.steps,
        "loss": training.loss,
        "entropy": training.entropy,
        "accuracy": training.accuracy,
        "weights_first": training.weights[0].tolist(),
        "weights_last": training.weights[-1].tolist(),
        "diverged": training.diverged,
    }


def training_tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look."""
    training = train(values)
    even = torch.tensor(float(values["candidates"])).log().item()
    return [
        {
            "id": "even",
            "hides": ["figures"],
            "question": words("matchmaker.task_even", count=values["candidates"]),
            "kind": "number",
            "answer": even,
            "tolerance": 0.05,
            "why": words("matchmaker.task_even_why"),
        },
        {
            "id": "boast",
            "question": words("matchmaker.task_boast"),
            "kind": "choice",
            "options": [words("matchmaker.task_boast_yes"), words("matchmaker.task_boast_no")],
            "answer": 1,
            "why": words("matchmaker.task_boast_why"),
        },
        {
            "id": "learned",
            "hides": ["training", "figures"],
            "question": words("matchmaker.task_learned"),
            "kind": "number",
            "unit": "%",
            "answer": 100 * training.accuracy[-1],
            "tolerance": 5.0,
            "why": words("matchmaker.task_learned_why"),
        },
    ]
