"""The pictures of the pitfalls: right and wrong numbers side by side (chapters 14 and 16).

``PICTURES[id](exercise, parameters, words) -> panels``; their cells do not open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...pitfalls import Exercise
from .panels import Axis, Heatmap, Look, Panel, Readouts, Scale, largest, signed
from .plots import Curve, Plot
from .sheet import show
from .texts import Words

Given = dict[str, Any]  # the parameters of an exercise
Draw = Callable[[Exercise, Given, Words], list[Panel]]


def names(count: int, words: Words, key: str) -> list[str]:
    """Labels "query 1" ... of one kind."""
    return [words("pitfalls." + key, number=i + 1) for i in range(count)]


def matrix(
    id: str,
    words: Words,
    tensor: Tensor,
    rows: list[str],
    columns: list[str],
    *,
    high: float = 1.0,
    masked: Tensor | None = None,
    digits: int = 2,
    sums: bool = False,
    title: str = "",
    column_title: str = "",
) -> Heatmap:
    """A small heatmap whose title is a word of the exercise; its cells do not open."""
    return Heatmap(
        f"pitfalls.{id}", title or words(f"pitfalls.{id}"), tensor, Axis(rows), Axis(columns, column_title),
        Scale(high=high), Look(digits=digits, sums=sums, opens=False), masked=masked,
    )  # fmt: skip


def figures(id: str, words: Words, *items: tuple[str, float, int] | tuple[str, str]) -> Readouts:
    """Readouts: (key of the label, number, digits), or (key of the label, text)."""
    shown = [
        (words(f"pitfalls.{id}.{item[0]}"), show(item[1], item[2]) if len(item) == 3 else item[1], "")
        for item in items
    ]
    return Readouts(f"pitfalls.{id}.figures", shown)


def ways(found: Exercise) -> tuple[tuple[str, dict[str, Tensor]], ...]:
    """The exercise's tensors, right and wrong."""
    return ("right", found.right), ("wrong", found.wrong)


def both_ways(found: Exercise, x: Tensor, name: str, words: Words) -> list[Curve]:
    """One of the exercise's tensors over x, right and wrong."""
    return [
        Curve(words(f"pitfalls.{way}"), "line", x, side[name], role)
        for (way, side), role in zip(ways(found), ("accent", "truth"), strict=True)
    ]


def stacked(found: Exercise, name: str, words: Words) -> tuple[Tensor, list[str]]:
    """One of the exercise's tensors, right above wrong, and what the two rows are called."""
    tensors = torch.stack([side[name] for _, side in ways(found)])
    return tensors, [words(f"pitfalls.{way}") for way, _ in ways(found)]


def draw_no_scaling(found: Exercise, given: Given, words: Words) -> list[Panel]:
    d, r = found.right["d"], found.readouts
    widths = [f"d = {width}" for width in d[::3].tolist()]
    entropy, sides = stacked(found, "entropy", words)
    entropy = entropy[:, ::3]
    return [
        Plot("pitfalls.no_scaling.gradient", words("pitfalls.no_scaling.gradient"),
             both_ways(found, d, "gradient", words), "d", words("pitfalls.no_scaling.norm"), log_x=True),
        matrix("no_scaling.entropy", words, entropy, sides, widths, high=entropy.max().item()),
        figures("no_scaling", words,
                ("ratio", r["gradient_ratio_at_512"], 1),
                ("right_variance", r["right_variance_at_512"], 1),
                ("wrong_variance", r["wrong_variance_at_512"], 1)),
    ]  # fmt: skip


def draw_softmax_axis(found: Exercise, given: Given, words: Words) -> list[Panel]:
    right, wrong = found.right["weights"], found.wrong["weights"]
    rows, columns = names(right.shape[0], words, "query"), names(right.shape[1], words, "key")
    sums = found.wrong["row_sums"]
    return [
        matrix("softmax_axis.right", words, right, rows, columns, sums=True),
        matrix("softmax_axis.wrong", words, wrong, rows, columns, sums=True),
        figures("softmax_axis", words, ("smallest", sums.min().item(), 4), ("largest", sums.max().item(), 4)),
    ]


def draw_dropout(found: Exercise, given: Given, words: Words) -> list[Panel]:
    right, wrong, r = found.right["weights"], found.wrong["weights"], found.readouts
    rows, columns = names(len(right), words, "query"), names(len(right), words, "key")
    high = max(1.0, wrong.max().item())
    return [
        matrix("dropout_on_weights.right", words, right, rows, columns, sums=True, high=high),
        matrix("dropout_on_weights.wrong", words, wrong, rows, columns, sums=True, high=high,
               masked=wrong == 0),
        figures("dropout_on_weights", words,
                ("mean", r["wrong_mean_row_sum"], 4), ("smallest", r["smallest_row_sum"], 4),
                ("largest", r["largest_row_sum"], 4)),
    ]  # fmt: skip


def draw_all_zero(found: Exercise, given: Given, words: Words) -> list[Panel]:
    rows = [words("pitfalls.all_zero_mask." + row) for row in ("usual", "empty")]
    columns = names(given["m"], words, "key")
    sides = (("minus_inf", found.wrong["minus_inf"]), ("minus_1e9", found.wrong["minus_1e9"]),
             ("zeros", found.right["weights"]))  # fmt: skip
    return [
        matrix(f"all_zero_mask.{name}", words, weights, rows, columns, sums=True) for name, weights in sides
    ] + [
        figures("all_zero_mask", words,
                ("nan", found.readouts["minus_inf_nan"], 0),
                ("forbidden", found.readouts["minus_1e9_forbidden_weight"], 4))
    ]  # fmt: skip


def draw_inverted(found: Exercise, given: Given, words: Words) -> list[Panel]:
    may, r = found.right["may"], found.readouts
    labels = [
        words("pitfalls.token" if real else "pitfalls.padding", number=i + 1)
        for i, real in enumerate(may.tolist())
    ]
    return [
        matrix(f"inverted_mask.{way}", words, side["weights"], labels, labels, sums=True)
        for way, side in ways(found)
    ] + [
        figures("inverted_mask", words,
                ("right_padding", r["right_on_padding"], 4), ("wrong_padding", r["wrong_on_padding"], 4),
                ("sdpa", r["sdpa_moved"], 4))
    ]  # fmt: skip


def draw_average(found: Exercise, given: Given, words: Words) -> list[Panel]:
    paddings = torch.arange(len(found.right["moved"]))
    moved, sides = stacked(found, "moved", words)
    moved = moved[:, ::2]
    return [
        Plot("pitfalls.average_over_padding.moved", words("pitfalls.average_over_padding.moved"),
             both_ways(found, paddings, "moved", words), words("pitfalls.average_over_padding.x"),
             words("pitfalls.average_over_padding.y")),
        matrix("average_over_padding.table", words, moved, sides, [str(i) for i in paddings[::2].tolist()],
               high=largest(moved), column_title=words("pitfalls.average_over_padding.x")),
    ]  # fmt: skip


def draw_scale(found: Exercise, given: Given, words: Words) -> list[Panel]:
    r, n = found.readouts, found.right["weights"].shape[-1]
    rows, columns = names(n, words, "query"), names(n, words, "key")
    high = found.right["weights"][0].max().item()
    return [
        matrix(f"scale_by_d_model.{way}", words, side["weights"][0], rows, columns, high=high)
        for way, side in ways(found)
    ] + [
        figures("scale_by_d_model", words,
                ("right_deviation", r["right_deviation"], 2), ("wrong_deviation", r["wrong_deviation"], 2),
                ("right_entropy", r["right_entropy"], 2), ("wrong_entropy", r["wrong_entropy"], 2),
                ("even_entropy", r["even_entropy"], 2))
    ]  # fmt: skip


def draw_split(found: Exercise, given: Given, words: Words) -> list[Panel]:
    h, n, d = found.right["tokens"].shape
    rows = [words("pitfalls.head_row", head=i + 1, number=t + 1) for i in range(h) for t in range(n)]
    columns = names(d, words, "feature")
    moved, sides = stacked(found, "moved", words)
    return [
        # which token's feature stands there, counted from 1
        *(matrix(f"split_without_transpose.{way}", words, side["tokens"].reshape(h * n, d) + 1, rows, columns,
                 digits=0, high=float(n)) for way, side in ways(found)),
        matrix("split_without_transpose.moved", words, moved, sides, names(n, words, "token"),
               high=moved.max().item()),
    ]  # fmt: skip


def draw_not_dividing(found: Exercise, given: Given, words: Words) -> list[Panel]:
    used, _ = stacked(found, "used", words)
    fits = int(found.readouts["fitting_heads"])
    rows = [words("pitfalls.heads", count=count) for count in (fits, given["num_heads"])]
    return [
        matrix("heads_not_dividing.used", words, used, rows, names(used.shape[1], words, "feature"),
               high=used.max().item(), masked=used == 0),
        figures("heads_not_dividing", words,
                ("lost", found.readouts["lost_features"], 0), ("width", found.readouts["width"], 0),
                ("divisors", ", ".join(str(h) for h in found.right["divisors"].tolist()))),
    ]  # fmt: skip


def draw_full_width(found: Exercise, given: Given, words: Words) -> list[Panel]:
    rows = (found.right["one_head"], found.right["multiplications"], found.wrong["multiplications"])
    counts = torch.stack(rows) / 1e6
    sides = [
        words("pitfalls.full_width_heads." + row, heads=given["num_heads"])
        for row in ("one", "narrow", "wide")
    ]
    parts = [words("pitfalls.full_width_heads." + part) for part in ("project", "score", "sum", "merge")]
    totals = counts.sum(1).tolist()
    return [
        matrix("full_width_heads.counts", words, counts, sides, parts, sums=True, digits=1,
               high=counts.max().item(), title=words("pitfalls.full_width_heads.counts", n=given["n"])),
        figures("full_width_heads", words, ("right", totals[1], 1), ("wrong", totals[2], 1),
                ("ratio", found.readouts["ratio"], 1)),
    ]  # fmt: skip


def draw_cache(id: str, *items: tuple[str, int]) -> Draw:
    """Of a mistake with the cache: distances where they differ, weights, and the figures ``items``."""

    def draw(found: Exercise, given: Given, words: Words) -> list[Panel]:
        weights, sides = stacked(found, "weights", words)
        foreign = given.get("other", 0)  # keys of another text stand first
        first = int(found.readouts.get("gone", 0)) + 1 - foreign  # the number of the first word kept
        columns = [
            words("pitfalls.cache.old", number=i + 1)
            if i < foreign
            else words("pitfalls.cache.token", number=first + i)
            for i in range(weights.shape[1])
        ]
        pictures: list[Panel] = []
        if "distance" in found.right:
            apart, _ = stacked(found, "distance", words)
            pictures.append(Heatmap(
                f"pitfalls.{id}.distance", words("pitfalls.cache.distance"), apart, Axis(sides),
                Axis(columns), signed(apart), Look(digits=0, opens=False)))  # fmt: skip
        shown = [(words(f"pitfalls.{id}.{name}"), show(found.readouts[name], digits), "")
                 for name, digits in items]  # fmt: skip
        shown.append((words("pitfalls.cache.moved"), show(found.readouts["moved"], 2), ""))
        return [*pictures,
                matrix(f"{id}.weights", words, weights, sides, columns, sums=True,
                       title=words("pitfalls.cache.weights")),
                Readouts(f"pitfalls.{id}.figures", shown)]  # fmt: skip

    return draw


PICTURES = {
    "no_scaling": draw_no_scaling,
    "softmax_axis": draw_softmax_axis,
    "dropout_on_weights": draw_dropout,
    "all_zero_mask": draw_all_zero,
    "inverted_mask": draw_inverted,
    "average_over_padding": draw_average,
    "scale_by_d_model": draw_scale,
    "split_without_transpose": draw_split,
    "heads_not_dividing": draw_not_dividing,
    "full_width_heads": draw_full_width,
    "cache_restart": draw_cache("cache_restart", ("behind", 0)),
    "cache_twice": draw_cache("cache_twice", ("before", 0)),
    "cache_corner": draw_cache("cache_corner", ("seen", 0)),
    "cache_evict": draw_cache("cache_evict", ("before", 0), ("gone", 0)),
    "cache_shared": draw_cache("cache_shared", ("foreign", 2)),
}
