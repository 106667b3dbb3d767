"""Held-out marks of the two applications, measured once and kept beside the weights.

``python -m attention.ui.tabs.applications.marks`` measures the shipped weights and writes the file; it
takes half a minute, which no page should wait for. A test measures again and compares.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from ....classifier import load_bag_of_words, load_classifier
from ....classifier.text_training import evaluate, permutation_effect, review_data
from ....recommender import HELD_OUT_USERS, load_recommender
from ....recommender import evaluate as recall
from ...page.texts import ASSETS

PATH = ASSETS / "trained" / "applications_marks.json"
RANKS = (1, 5, 10)
MODELS = ("attention", "mean", "uniform", "popularity")  # recommenders, in the order shown


def measure() -> dict[str, Any]:
    """Every mark the tab shows, from the shipped weights and the held-out data."""
    model = load_classifier()
    moved, distance = permutation_effect(model)
    ranks = {k: recall(load_recommender(), k) for k in RANKS}
    return {
        "reviews": len(review_data().held_out),
        "new_reviews": sum(review_data().new),
        "classifier": {
            "attention": evaluate(model), "bag": evaluate(load_bag_of_words()),
            "uniform": evaluate(model, "uniform"), "permuted": evaluate(model, "permuted"),
        },
        "permuting": {"moved": moved, "distance": distance},
        "users": HELD_OUT_USERS,
        "recommender": {
            name: {str(k): ranks[k][chapter] for k in RANKS}
            for name, chapter in (
                ("attention", "attention"), ("uniform", "weights made uniform"),
                ("mean", "mean, trained as such"), ("popularity", "popularity"),
            )
        },
    }  # fmt: skip


@cache
def marks() -> dict[str, Any]:
    """The marks as they were measured."""
    return json.loads(PATH.read_text("utf-8"))


if __name__ == "__main__":
    PATH.write_text(json.dumps(measure(), indent=1) + "\n", "utf-8")
    print(PATH.read_text("utf-8"))
