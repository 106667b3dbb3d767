"""What articles claim, as exercises: how each is asked and drawn, from chapter 22's numbers."""

from __future__ import annotations

import torch

from ...pitfalls import Exercise
from .asking import Question
from .panels import Panel, largest
from .pitfalls_pictures import Given, figures, matrix, names
from .sheet import show
from .texts import Words

QUESTIONS: dict[str, Question] = {
    "randn_matrices": Question(
        3,
        lambda f: 1 if f.readouts["wrong_largest_weight"] > 0.9 > f.readouts["right_largest_weight"] else 0,
        "d", (4, 16, 64, 256),
        lambda f, given: {"spread": show(f.readouts["wrong_scores"], 0),
                          "largest": show(f.readouts["wrong_largest_weight"], 2),
                          "glorot": show(f.readouts["right_scores"], 1)},
    ),
    "l2_weights": Question(
        3,
        lambda f: 1 if f.readouts["weights_entropy"] > f.readouts["none_entropy"]
        and f.readouts["weights_norm"] > 2 * f.readouts["matrices_norm"] else 0,
        "strength", (0.03, 0.1, 0.3, 1.0),
        lambda f, given: {name: show(number, 2) for name, number in f.readouts.items()},
    ),
    "library": Question(
        3, lambda f: moved(f), "space", (0.0, 0.25, 0.5, 0.75, 1.0),
        lambda f, given: {"first": f"{f.right['weights'][0, 0].item():.0%}"}, dice=False,
    ),
    "party": Question(
        3, lambda f: moved(f), "focus", (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
        lambda f, given: {way: f"{f.right['weights'][i, 0].item():.0%}"
                          for i, way in enumerate(("before", "after"))}, dice=False,
    ),
    "mask_for_widths": Question(
        3, lambda f: 0 if f.readouts["saved_by_the_mask"] else 1, "m", (1, 2, 3, 5, 8)
    ),
    "heads_memory": Question(
        3, lambda f: 2 if f.readouts["ratio"] > 1 else 0 if f.readouts["ratio"] < 1 else 1,
        "num_heads", (1, 2, 4, 8, 12, 24),
        lambda f, given: {"one": int(f.right["counts"][0, 1]), "all": int(f.right["counts"][1, 1]),
                          "projected": int(f.right["counts"][0, 0])}, dice=False,
    ),
    "four_layers": Question(
        3, lambda f: 1 if f.readouts["makers"] == 3 else 0,
        "d_model", (4, 8, 16, 32, 64),
        lambda f, given: {"each": int(f.readouts["parameters"])}, dice=False,
    ),
    "batched_products": Question(
        3, lambda f: 2 if f.readouts["dimensions"] == 2 else 0 if f.readouts["dimensions"] == 4 else 1,
        "n", (1, 2, 3, 4, 6),
    ),
    "eye_heatmap": Question(
        3, lambda f: 0 if f.readouts["eye_elsewhere"] == 0 else 1,
        "d", (2, 8, 32, 128, 512),
        lambda f, given: {"diagonal": show(f.readouts["diagonal"], 2)},
    ),
    "channel_attention": Question(
        3, lambda f: 0 if abs(f.readouts["channel_sum"] - 1) < 1e-3 else 1,
        "bright", (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
        lambda f, given: {"sum": show(f.readouts["channel_sum"], 2)},
    ),
}  # fmt: skip


def moved(found: Exercise) -> int:
    """0: the weights moved, and the output with them; 1: the output alone; 2: nothing."""
    if found.readouts["weights_moved"] > 1e-6:
        return 0
    return 1 if found.readouts["output_moved"] > 1e-6 else 2


def labels(words: Words, id: str, *keys: str) -> list[str]:
    """Words of one exercise."""
    return [words(f"pitfalls.{id}.{key}") for key in keys]


def draw_randn(found: Exercise, given: Given, words: Words) -> list[Panel]:
    n = len(found.right["weights"])
    rows, columns = names(n, words, "query"), names(n, words, "key")
    return [
        matrix("randn_matrices.wrong", words, found.wrong["weights"], rows, columns),
        matrix("randn_matrices.right", words, found.right["weights"], rows, columns),
        figures("randn_matrices", words,
                *((f"{way}_{name}", found.readouts[f"{way}_{name}"], 2)
                  for name in ("scores", "largest_weight") for way in ("wrong", "right"))),
    ]  # fmt: skip


def draw_l2(found: Exercise, given: Given, words: Words) -> list[Panel]:
    rows = labels(words, "l2_weights", "none", "weights", "matrices")
    tables = torch.tensor([
        [found.readouts[f"{kind}_{name}"] for name in ("entropy", "norm")]
        for kind in ("none", "weights", "matrices")
    ])  # fmt: skip
    return [
        matrix("l2_weights.rows", words, found.right["weights"], rows, names(5, words, "key"), sums=True),
        matrix("l2_weights.table", words, tables, rows, labels(words, "l2_weights", "entropy", "norm"),
               high=tables.max().item()),
    ]  # fmt: skip


def draw_mask(found: Exercise, given: Given, words: Words) -> list[Panel]:
    runs, id = found.right["runs"], "mask_for_widths"
    rows, columns = labels(words, id, "same", "other"), labels(words, id, "unmasked", "masked")
    weights = found.right["weights"]
    return [
        matrix(f"{id}.runs", words, runs, rows, columns, digits=0),
        matrix(f"{id}.weights", words, weights, names(3, words, "query"),
               names(weights.shape[1], words, "key"), sums=True),
    ]  # fmt: skip


def draw_memory(found: Exercise, given: Given, words: Words) -> list[Panel]:
    counts, id = found.right["counts"], "heads_memory"
    rows = [words("pitfalls.heads", count=count) for count in (1, given["num_heads"])]
    return [
        matrix(f"{id}.counts", words, counts, rows, labels(words, id, "projected", "scores"), digits=0,
               high=counts.max().item(), sums=True),
        figures(id, words, ("ratio", found.readouts["ratio"], 0)),
    ]  # fmt: skip


def draw_four(found: Exercise, given: Given, words: Words) -> list[Panel]:
    id = "four_layers"
    rows = labels(words, id, "w_q", "w_k", "w_v", "w_o")
    columns = labels(words, id, "query", "key", "value", "output")
    each = found.readouts["parameters"]
    return [
        matrix(f"{id}.moved", words, found.right["moved"], rows, columns, digits=0),
        figures(id, words, ("makers", found.readouts["makers"], 0), ("each", each, 0), ("all", 4 * each, 0)),
    ]


def draw_batched(found: Exercise, given: Given, words: Words) -> list[Panel]:
    away, id = found.right["away"], "batched_products"
    rows, columns = (
        [words(f"pitfalls.{id}.{side}", number=i + 1) for i in range(len(away))] for side in ("row", "column")
    )
    return [matrix(f"{id}.away", words, away, rows, columns, high=largest(away), masked=away == 0)]


def draw_eye(found: Exercise, given: Given, words: Words) -> list[Panel]:
    labels = [str(i + 1) for i in range(10)]
    return [
        matrix("eye_heatmap.wrong", words, found.wrong["weights"], labels, labels, sums=True),
        matrix("eye_heatmap.right", words, found.right["weights"], labels, labels, sums=True),
        figures("eye_heatmap", words, ("diagonal", found.readouts["diagonal"], 2),
                ("smallest", found.readouts["smallest"], 4)),
    ]  # fmt: skip


def draw_channels(found: Exercise, given: Given, words: Words) -> list[Panel]:
    id = "channel_attention"
    numbered = [words(f"pitfalls.{id}.channel", number=i + 1) for i in range(3)]
    places = [str(i + 1) for i in range(3)]
    return [
        matrix(f"{id}.channels", words, found.right["channels"], labels(words, id, "sigmoid", "softmax"),
               numbered, sums=True),
        matrix(f"{id}.places", words, found.right["places"], places, places),
    ]  # fmt: skip


def draw_story(id: str, found: Exercise, words: Words) -> list[Panel]:
    """Query, keys and values with their features' names, then shares and output before and after."""
    features, facts = labels(words, id, "feature_1", "feature_2"), labels(words, id, "fact_1", "fact_2")
    who, ways = labels(words, id, "who_1", "who_2", "who_3"), labels(words, id, "before", "after")
    right = found.right
    high = max(right["query"].max().item(), right["key"].max().item(), 1.0)
    most = right["value"].max().item()
    return [
        matrix(f"{id}.query", words, right["query"], labels(words, id, "you"), features, high=high),
        matrix(f"{id}.key", words, right["key"], who, features, high=high),
        matrix(f"{id}.value", words, right["value"], who, facts, high=most, digits=0),
        matrix(f"{id}.weights", words, right["weights"], ways, who, sums=True),
        matrix(f"{id}.output", words, right["output"], ways, facts, high=most),
    ]


PICTURES = {
    "randn_matrices": draw_randn,
    "l2_weights": draw_l2,
    "library": lambda found, given, words: draw_story("library", found, words),
    "party": lambda found, given, words: draw_story("party", found, words),
    "mask_for_widths": draw_mask,
    "heads_memory": draw_memory,
    "four_layers": draw_four,
    "batched_products": draw_batched,
    "eye_heatmap": draw_eye,
    "channel_attention": draw_channels,
}
