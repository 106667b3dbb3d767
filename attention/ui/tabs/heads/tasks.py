"""Predict, then look: exercises on the open head, marked against its own weights."""

from __future__ import annotations

from typing import Any

from .heads_open import first_word, labels, opened
from .heads_runs import Study
from .sheet import show
from .texts import Words


def exercises(seen: Study, values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The strongest key, an even row, the three strongest, the weight on special tokens."""
    shown = opened(seen, values)
    names = labels(seen, shown.columns)
    row = first_word(seen, shown)
    query = labels(seen, shown.rows)[row]
    weights = shown.weights[row]
    order = weights.argsort(descending=True)[:3].tolist()
    options = sorted(order)
    n = len(shown.columns)
    best = show(weights[order[0]].item())
    positions = [seen.tokens.special[group[0]] for group in shown.columns]
    share = sum(w for w, added in zip(weights.tolist(), positions, strict=True) if added)
    reach = sum(sorted(weights.tolist(), reverse=True)[:3])
    return [
        {"id": "strongest", "kind": "choice", "hides": ["weights", "lines"],
         "question": words("heads.task_strongest", query=query),
         "options": [f"{names[j]} ({j})" for j in options], "answer": options.index(order[0]),
         "why": words("heads.task_strongest_why", key=names[order[0]], weight=best)},
        {"id": "even", "kind": "number", "question": words("heads.task_even", count=n),
         "answer": 1 / n, "tolerance": 0.005, "why": words("heads.task_even_why", count=n, weight=best)},
        {"id": "three", "kind": "number", "hides": ["weights", "lines"],
         "unit": "%", "answer": 100 * reach, "tolerance": 10.0,
         "question": words("heads.task_three", query=query),
         "why": words("heads.task_three_why", share=f"{reach:.1%}")},
        *([{"id": "special", "kind": "number", "unit": "%", "answer": 100 * share, "tolerance": 10.0,
            "question": words("heads.task_special", query=query),
            "why": words("heads.task_special_why", share=f"{share:.1%}")}] if any(positions) else []),
    ]  # fmt: skip
