"""Predict, then look: exercises on the open head, marked against its own weights."""

from __future__ import annotations

from ...page.scene import Task
from ...page.sheet import show
from ...page.texts import Words
from .opened import Opened, first_word, labels
from .runs import Captured


def exercises(captured: Captured, opened: Opened, words: Words) -> list[Task]:
    """The strongest key, an even row, the three strongest, the weight on special tokens."""
    names, n = labels(captured, opened.columns), len(opened.columns)
    row = first_word(captured, opened)
    query = labels(captured, opened.rows)[row]
    weights = opened.weights[row].tolist()
    order = opened.weights[row].argsort(descending=True)[:3].tolist()
    options = sorted(order)
    best, veiled = show(weights[order[0]]), ["weights", "lines"]
    special = [captured.tokens.special[group[0]] for group in opened.columns]
    share = sum(w for w, added in zip(weights, special, strict=True) if added)
    reach = sum(sorted(weights, reverse=True)[:3])
    tasks = [
        Task("strongest", words("heads.task_strongest", query=query), options.index(order[0]),
             words("heads.task_strongest_why", key=names[order[0]], weight=best),
             [f"{names[j]} ({j})" for j in options], hides=veiled),
        Task("even", words("heads.task_even", count=n), 1 / n,
             words("heads.task_even_why", count=n, query=query, weight=best), tolerance=0.005),
        Task("three", words("heads.task_three", query=query), 100 * reach,
             words("heads.task_three_why", share=f"{reach:.1%}", even=f"{min(3, n) / n:.1%}"),
             tolerance=10.0, unit="%", hides=veiled),
    ]  # fmt: skip
    if any(special):
        why = words("heads.task_special_why", share=f"{share:.1%}")
        question = words("heads.task_special", query=query)
        tasks.append(Task("special", question, 100 * share, why, tolerance=10.0, unit="%"))
    return tasks
