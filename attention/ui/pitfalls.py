"""Pitfalls: the mistakes of chapter 13 as short exercises, predict -> reveal -> why, by tab.

They do not depend on a tab's inputs, so the page asks for them when their section is opened:
:func:`ask_pitfalls` is a server function of every tab that has any. After the reveal a learner may
turn the exercise's knob or draw other numbers; each knob takes the values listed here alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..pitfalls import PITFALLS, Exercise
from .guard import Refusal, sentence_for, to_number
from .sheet import show
from .texts import Words, words_for
from .view import heatmap, plot, readouts

SEEDS = 1000
Panels = Callable[[Exercise, dict[str, Any], Words], list[dict[str, Any]]]


@dataclass(frozen=True)
class Question:
    """How a pitfall is asked: where the right answer is read off, what is drawn, what may be turned.

    answer: index of the right option, from the exercise. knob: name of one parameter, and the
    values it may take. facts: further numbers for the sentences, which speak of the chapter's own
    parameters; turning the knob redraws the pictures only.
    """

    options: int
    answer: Callable[[Exercise], int]
    panels: Panels
    knob: str
    choices: tuple[float, ...]
    facts: Callable[[Exercise, dict[str, Any]], dict[str, Any]] = lambda found, given: {}
    count_from: int = 0  # added to a choice where the page counts from 1


def names(count: int, words: Words, key: str) -> list[str]:
    """Labels "query 1" ... of one kind."""
    return [words("pitfalls." + key, number=i + 1) for i in range(count)]


def matrix(id: str, words: Words, tensor: Tensor, rows: list[str], columns: list[str], **more: Any) -> dict:
    """A small heatmap whose title is a word of the exercise; its cells do not open."""
    title = more.pop("title", "") or words(f"pitfalls.{id}")
    return heatmap(f"pitfalls.{id}", title, tensor, rows, columns, opens=False, **more)


def figures(id: str, words: Words, *items: tuple[str, str]) -> dict:
    """Readouts: (key of the label, the number as shown)."""
    return readouts(f"pitfalls.{id}.figures", [(words(f"pitfalls.{id}.{key}"), value, "") for key, value in items])


def draw_no_scaling(found: Exercise, given: dict, words: Words) -> list[dict]:
    d, r = found.right["d"], found.readouts
    series = [
        {"name": words(f"pitfalls.{way}"), "kind": "line", "role": role, "x": d, "y": side["gradient"]}
        for way, role, side in (("right", "accent", found.right), ("wrong", "truth", found.wrong))
    ]
    widths = [str(width) for width in d.tolist()]
    sides = [words("pitfalls.right"), words("pitfalls.wrong")]
    entropy = torch.stack([found.right["entropy"], found.wrong["entropy"]])
    return [
        plot("pitfalls.no_scaling.gradient", words("pitfalls.no_scaling.gradient"), series, x_title="d",
             y_title=words("pitfalls.no_scaling.norm"), log_x=True),
        matrix("no_scaling.entropy", words, entropy, sides, widths, high=entropy.max().item(), column_title="d"),
        figures("no_scaling", words,
                ("ratio", show(r["gradient_ratio_at_512"], 1)),
                ("right_variance", show(r["right_variance_at_512"], 1)),
                ("wrong_variance", show(r["wrong_variance_at_512"], 1))),
    ]  # fmt: skip


def draw_softmax_axis(found: Exercise, given: dict, words: Words) -> list[dict]:
    right, wrong = found.right["weights"], found.wrong["weights"]
    rows, columns = names(right.shape[0], words, "query"), names(right.shape[1], words, "key")
    sums = found.wrong["row_sums"]
    return [
        matrix("softmax_axis.right", words, right, rows, columns, sums=True),
        matrix("softmax_axis.wrong", words, wrong, rows, columns, sums=True),
        figures("softmax_axis", words, ("smallest", show(sums.min().item())), ("largest", show(sums.max().item()))),
    ]


def draw_dropout(found: Exercise, given: dict, words: Words) -> list[dict]:
    right, wrong, r = found.right["weights"], found.wrong["weights"], found.readouts
    rows, columns = names(len(right), words, "query"), names(len(right), words, "key")
    high = max(1.0, wrong.max().item())
    return [
        matrix("dropout_on_weights.right", words, right, rows, columns, sums=True, high=high),
        matrix("dropout_on_weights.wrong", words, wrong, rows, columns, sums=True, high=high, masked=wrong == 0),
        figures("dropout_on_weights", words,
                ("mean", show(r["wrong_mean_row_sum"])), ("smallest", show(r["smallest_row_sum"])),
                ("largest", show(r["largest_row_sum"]))),
    ]  # fmt: skip


def draw_all_zero(found: Exercise, given: dict, words: Words) -> list[dict]:
    rows = [words("pitfalls.all_zero_mask." + row) for row in ("usual", "empty")]
    columns = names(given["m"], words, "key")
    sides = (("minus_inf", found.wrong["minus_inf"]), ("minus_1e9", found.wrong["minus_1e9"]),
             ("zeros", found.right["weights"]))  # fmt: skip
    return [
        matrix(f"all_zero_mask.{name}", words, weights, rows, columns, sums=True) for name, weights in sides
    ] + [
        figures("all_zero_mask", words,
                ("nan", show(found.readouts["minus_inf_nan"], 0)),
                ("forbidden", show(found.readouts["minus_1e9_forbidden_weight"])))
    ]  # fmt: skip


def draw_inverted(found: Exercise, given: dict, words: Words) -> list[dict]:
    may, r = found.right["may"], found.readouts
    labels = [
        words("pitfalls.token" if real else "pitfalls.padding", number=i + 1)
        for i, real in enumerate(may.tolist())
    ]
    return [
        matrix(f"inverted_mask.{way}", words, side["weights"], labels, labels, sums=True)
        for way, side in (("right", found.right), ("wrong", found.wrong))
    ] + [
        figures("inverted_mask", words,
                ("right_padding", show(r["right_on_padding"])), ("wrong_padding", show(r["wrong_on_padding"])),
                ("sdpa", show(r["sdpa_moved"])))
    ]  # fmt: skip


def draw_average(found: Exercise, given: dict, words: Words) -> list[dict]:
    paddings = torch.arange(len(found.right["moved"]))
    series = [
        {"name": words(f"pitfalls.{way}"), "kind": "line", "role": role, "x": paddings, "y": side["moved"]}
        for way, role, side in (("right", "accent", found.right), ("wrong", "truth", found.wrong))
    ]
    moved = torch.stack([found.right["moved"], found.wrong["moved"]])[:, ::2]
    return [
        plot("pitfalls.average_over_padding.moved", words("pitfalls.average_over_padding.moved"), series,
             x_title=words("pitfalls.average_over_padding.x"), y_title=words("pitfalls.average_over_padding.y")),
        matrix("average_over_padding.table", words, moved, [words("pitfalls.right"), words("pitfalls.wrong")],
               [str(i) for i in paddings[::2].tolist()], high=max(moved.max().item(), 1e-6),
               column_title=words("pitfalls.average_over_padding.x")),
    ]  # fmt: skip


def draw_scale(found: Exercise, given: dict, words: Words) -> list[dict]:
    r, n = found.readouts, found.right["weights"].shape[-1]
    rows, columns = names(n, words, "query"), names(n, words, "key")
    high = found.right["weights"][0].max().item()
    return [
        matrix(f"scale_by_d_model.{way}", words, side["weights"][0], rows, columns, high=high)
        for way, side in (("right", found.right), ("wrong", found.wrong))
    ] + [
        figures("scale_by_d_model", words,
                ("right_deviation", show(r["right_deviation"], 2)), ("wrong_deviation", show(r["wrong_deviation"], 2)),
                ("right_entropy", show(r["right_entropy"], 2)), ("wrong_entropy", show(r["wrong_entropy"], 2)),
                ("even_entropy", show(r["even_entropy"], 2)))
    ]  # fmt: skip


def draw_split(found: Exercise, given: dict, words: Words) -> list[dict]:
    h, n, d = found.right["tokens"].shape
    rows = [words("pitfalls.head_row", head=i + 1, number=t + 1) for i in range(h) for t in range(n)]
    columns = names(d, words, "feature")
    moved = torch.stack([found.right["moved"], found.wrong["moved"]])
    drawn = [
        # which token's feature stands there, counted from 1
        matrix(f"split_without_transpose.{way}", words, side["tokens"].reshape(h * n, d) + 1, rows, columns,
               digits=0, high=float(n))
        for way, side in (("right", found.right), ("wrong", found.wrong))
    ]  # fmt: skip
    sides = [words("pitfalls.right"), words("pitfalls.wrong")]
    return [
        *drawn,
        matrix("split_without_transpose.moved", words, moved, sides, names(n, words, "token"), high=moved.max().item()),
    ]


def draw_not_dividing(found: Exercise, given: dict, words: Words) -> list[dict]:
    used = torch.stack([found.right["used"], found.wrong["used"]])
    fits = int(found.readouts["fitting_heads"])
    rows = [words("pitfalls.heads", count=count) for count in (fits, given["num_heads"])]
    return [
        matrix("heads_not_dividing.used", words, used, rows, names(used.shape[1], words, "feature"),
               high=used.max().item(), masked=used == 0),
        figures("heads_not_dividing", words,
                ("lost", show(found.readouts["lost_features"], 0)), ("width", show(found.readouts["width"], 0)),
                ("divisors", ", ".join(str(h) for h in found.right["divisors"].tolist()))),
    ]  # fmt: skip


def draw_full_width(found: Exercise, given: dict, words: Words) -> list[dict]:
    rows = (found.right["one_head"], found.right["multiplications"], found.wrong["multiplications"])
    counts = torch.stack(rows) / 1e6
    sides = [words("pitfalls.full_width_heads." + row, heads=given["num_heads"]) for row in ("one", "narrow", "wide")]
    parts = [words("pitfalls.full_width_heads." + part) for part in ("project", "score", "sum", "merge")]
    totals = counts.sum(1).tolist()
    return [
        matrix("full_width_heads.counts", words, counts, sides, parts, sums=True, digits=1, high=counts.max().item(),
               title=words("pitfalls.full_width_heads.counts", n=given["n"])),
        figures("full_width_heads", words, ("right", show(totals[1], 1)), ("wrong", show(totals[2], 1)),
                ("ratio", show(found.readouts["ratio"], 1))),
    ]  # fmt: skip


def nearest(number: float, *targets: float) -> int:
    """Index of the target nearest to a number, by ratio."""
    return min(range(len(targets)), key=lambda i: abs(torch.tensor(number / targets[i]).log().item()))


QUESTIONS: dict[str, Question] = {
    "no_scaling": Question(
        3, lambda f: nearest(f.readouts["gradient_ratio_at_512"], 1, 2, 7), draw_no_scaling,
        "keys", (2, 4, 8, 16, 32, 64),
        lambda f, given: {"variance": show(f.readouts["wrong_variance_at_512"], 0),
                          "ratio": show(f.readouts["gradient_ratio_at_512"], 1)},
    ),
    "softmax_axis": Question(
        3, lambda f: 0 if f.readouts["wrong_largest_error"] < 1e-4 else 1, draw_softmax_axis,
        "n", (1, 2, 3, 4, 6, 8),
        lambda f, given: {"first": show(f.wrong["row_sums"][0].item())},
    ),
    "dropout_on_weights": Question(
        3,
        lambda f: 0 if f.readouts["wrong_largest_error"] < 1e-4
        else 1 if abs(f.readouts["wrong_mean_row_sum"] - 1) < 0.05 else 2,
        draw_dropout, "dropout", (0.0, 0.1, 0.2, 0.3, 0.5, 0.7),
        lambda f, given: {"mean": show(f.readouts["wrong_mean_row_sum"]), "keep": f"{1 - given['dropout']:.1f}"},
    ),
    "all_zero_mask": Question(
        3, lambda f: 1 if f.readouts["minus_inf_nan"] else 0, draw_all_zero,
        "m", (1, 2, 3, 4, 6, 8),
        lambda f, given: {"share": show(1 / given["m"])},
    ),
    "inverted_mask": Question(
        3, lambda f: 1 if f.readouts["wrong_on_padding"] > 0.99 else 0, draw_inverted,
        "real", (1, 2, 3, 4),
        lambda f, given: {"mask": ", ".join(str(bool(m)) for m in f.right["may"].tolist()),
                          "padding": given["n"] - given["real"]},
    ),
    "average_over_padding": Question(
        3, lambda f: 0 if f.readouts["wrong_moved"] < 1e-4 else 2, draw_average,
        "real", (1, 2, 3, 6, 12),
        lambda f, given: {"all": given["real"] + given["most"],
                          "share": f"{given['most'] / (given['real'] + given['most']):.0%}"},
    ),
    "scale_by_d_model": Question(
        3,
        lambda f: 1 if abs(f.readouts["wrong_entropy"] - f.readouts["right_entropy"]) < 1e-4
        else 0 if f.readouts["wrong_entropy"] < f.readouts["right_entropy"] else 2,
        draw_scale, "num_heads", (1, 2, 4, 8, 16, 32),
        lambda f, given: {"d": given["d_model"] // given["num_heads"],
                          "ratio": show(f.readouts["wrong_deviation"] / f.readouts["right_deviation"], 2)},
    ),
    "split_without_transpose": Question(
        3, lambda f: 1 if f.readouts["wrong_earlier_moved"] > 1e-4 else 0, draw_split,
        "changed", (1, 2, 3, 4, 5),
        lambda f, given: {"token": given["changed"] + 1, "pure": f"{f.readouts['wrong_rows_of_one_token']:.0%}"},
        count_from=1,
    ),
    "heads_not_dividing": Question(
        3, lambda f: 1 if f.readouts["lost_features"] else 0, draw_not_dividing,
        "num_heads", (2, 3, 4, 5, 6, 7),
        lambda f, given: {"width": int(f.readouts["width"]), "lost": int(f.readouts["lost_features"]),
                          "seen": given["d_model"] - int(f.readouts["remainder"])},
    ),
    "full_width_heads": Question(
        3, lambda f: nearest(f.readouts["ratio"], 1, 2, 12), draw_full_width,
        "num_heads", (1, 2, 4, 6, 12, 24),
        lambda f, given: {"d": given["d_model"] // given["num_heads"],
                          "ratio": show(f.readouts["ratio"], 0)},
    ),
}  # fmt: skip


def pitfalls_of(tab_id: str) -> list[str]:
    """Ids of the pitfalls that belong to a tab, in the order they are asked."""
    return [id for id in QUESTIONS if PITFALLS[id].tab == tab_id]


def defaults(id: str) -> dict[str, Any]:
    """The parameters of a pitfall as the chapter sets them."""
    parameters = inspect.signature(PITFALLS[id].run).parameters.values()
    given = {one.name: one.default for one in parameters if one.name != "generator"}
    if id == "split_without_transpose":  # None means the middle token
        given["changed"] = given["n"] // 2
    return given


def redrawn(id: str, words: Words, seed: int, value: float) -> list[dict[str, Any]]:
    """The pictures of an exercise with its knob turned to ``value``, or with other random numbers."""
    question = QUESTIONS[id]
    given = defaults(id) | {question.knob: value}
    return question.panels(PITFALLS[id](seed, **given), given, words)


def exercise(id: str, words: Words) -> dict[str, Any]:
    """One exercise for the page: question, options, right answer, why, pictures, knob."""
    question, given = QUESTIONS[id], defaults(id)
    found = PITFALLS[id](**given)
    facts = given | question.facts(found, given)
    return {
        "id": id,
        "title": words(f"pitfalls.{id}.title"),
        "question": words(f"pitfalls.{id}.question", **facts),
        "options": [words(f"pitfalls.{id}.option_{i + 1}", **facts) for i in range(question.options)],
        "answer": question.answer(found),
        "why": words(f"pitfalls.{id}.why", **facts),
        "panels": question.panels(found, given, words),
        "knob": {"label": words(f"pitfalls.{id}.knob"), "choices": list(question.choices),
                 "labels": [str(choice + question.count_from) for choice in question.choices],
                 "value": given[question.knob]},
    }  # fmt: skip


def exercises(tab_id: str, words: Words) -> list[dict[str, Any]]:
    """Every exercise of a tab."""
    return [exercise(id, words) for id in pitfalls_of(tab_id)]


def ask_pitfalls(tab_id: str, language: str, request: Any) -> dict[str, Any]:
    """The page's question: {} -> {"exercises", "words"}; {"pitfall", "seed", "value"} -> {"panels"}.

    Errors come back as {"error": sentence}.
    """
    words = words_for(language)
    try:
        if not isinstance(request, dict):
            raise Refusal("bad_request")
        if "pitfall" not in request:
            return {"exercises": exercises(tab_id, words), "words": words.section("pitfalls.page")}
        id, seed = request["pitfall"], request.get("seed", 0)
        if id not in pitfalls_of(tab_id) or isinstance(seed, bool) or not isinstance(seed, int):
            raise Refusal("bad_request")
        value = to_number(request.get("value"), f"pitfalls.{id}.knob")
        # by place, so that a whole number stays an int
        choices = QUESTIONS[id].choices
        if not 0 <= seed < SEEDS or value not in choices:
            raise Refusal("bad_request")
        return {"panels": redrawn(id, words, seed, choices[choices.index(value)])}
    except Exception as error:  # the border to the page, as in guard.answer
        return {"error": sentence_for(error, words)}
