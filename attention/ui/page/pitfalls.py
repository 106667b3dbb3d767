"""Pitfalls: the mistakes of chapters 14 and 16 and the claims of chapter 22 as short exercises, by tab.

Predict -> reveal -> why; below them the programs of :mod:`.bugs`. They do not depend on a tab's inputs,
so the page asks for them when their section is opened: :func:`ask_pitfalls` is a server function of every
tab that has any. After the reveal a learner may turn the exercise's knob or draw other numbers; each knob
takes the values listed here alone.
"""

from __future__ import annotations

import inspect
from typing import Any

from ...decode.cache_exercises import EXERCISES
from ...pitfalls import PITFALLS, Pitfall
from ...pitfalls_code import CLAIMS, PROGRAMS
from . import claims
from .asking import Question, nearest
from .bugs import bugs
from .claims import QUESTIONS as CLAIM_QUESTIONS
from .guard import Json, Refusal, question_of, to_number, told, whole
from .pitfalls_pictures import PICTURES as PITFALL_PICTURES
from .sheet import show
from .texts import Words, words_for

SEEDS = 1000
EVERY: dict[str, Pitfall] = PITFALLS | EXERCISES | CLAIMS
PICTURES = PITFALL_PICTURES | claims.PICTURES

QUESTIONS: dict[str, Question] = {
    "no_scaling": Question(
        3, lambda f: nearest(f.readouts["gradient_ratio_at_512"], 1, 2, 7),
        "keys", (2, 4, 8, 16, 32, 64),
        lambda f, given: {"variance": show(f.readouts["wrong_variance_at_512"], 0),
                          "ratio": show(f.readouts["gradient_ratio_at_512"], 1)},
    ),
    "softmax_axis": Question(
        3, lambda f: 0 if f.readouts["wrong_largest_error"] < 1e-4 else 1,
        "n", (1, 2, 3, 4, 6, 8),
        lambda f, given: {"first": show(f.wrong["row_sums"][0].item())},
    ),
    "dropout_on_weights": Question(
        3,
        lambda f: 0 if f.readouts["wrong_largest_error"] < 1e-4
        else 1 if abs(f.readouts["wrong_mean_row_sum"] - 1) < 0.05 else 2,
        "dropout", (0.0, 0.1, 0.2, 0.3, 0.5, 0.7),
        lambda f, given: {"mean": show(f.readouts["wrong_mean_row_sum"]),
                          "keep": f"{1 - given['dropout']:.1f}"},
    ),
    "all_zero_mask": Question(
        3, lambda f: 1 if f.readouts["minus_inf_nan"] else 0,
        "m", (1, 2, 3, 4, 6, 8),
        lambda f, given: {"share": show(1 / given["m"])},
    ),
    "inverted_mask": Question(
        3, lambda f: 1 if f.readouts["wrong_on_padding"] > 0.99 else 0,
        "real", (1, 2, 3, 4),
        lambda f, given: {"mask": ", ".join(str(bool(m)) for m in f.right["may"].tolist()),
                          "padding": given["n"] - given["real"]},
    ),
    "average_over_padding": Question(
        3, lambda f: 0 if f.readouts["wrong_moved"] < 1e-4 else 2,
        "real", (1, 2, 3, 6, 12),
        lambda f, given: {"all": given["real"] + given["most"],
                          "share": f"{given['most'] / (given['real'] + given['most']):.0%}"},
    ),
    "scale_by_d_model": Question(
        3,
        lambda f: 1 if abs(f.readouts["wrong_entropy"] - f.readouts["right_entropy"]) < 1e-4
        else 0 if f.readouts["wrong_entropy"] < f.readouts["right_entropy"] else 2,
        "num_heads", (1, 2, 4, 8, 16, 32),
        lambda f, given: {"d": given["d_model"] // given["num_heads"],
                          "ratio": show(f.readouts["wrong_deviation"] / f.readouts["right_deviation"], 2)},
    ),
    "split_without_transpose": Question(
        3, lambda f: 1 if f.readouts["wrong_earlier_moved"] > 1e-4 else 0,
        "changed", (1, 2, 3, 4, 5),
        lambda f, given: {"token": given["changed"] + 1,
                          "pure": f"{f.readouts['wrong_rows_of_one_token']:.0%}"},
        count_from=1,
    ),
    "heads_not_dividing": Question(
        3, lambda f: 1 if f.readouts["lost_features"] else 0,
        "num_heads", (2, 3, 4, 5, 6, 7),
        lambda f, given: {"width": int(f.readouts["width"]), "lost": int(f.readouts["lost_features"]),
                          "seen": given["d_model"] - int(f.readouts["remainder"])},
    ),
    "full_width_heads": Question(
        3, lambda f: nearest(f.readouts["ratio"], 1, 2, 12),
        "num_heads", (1, 2, 4, 6, 12, 24),
        lambda f, given: {"d": given["d_model"] // given["num_heads"],
                          "ratio": show(f.readouts["ratio"], 0)},
    ),
    "cache_restart": Question(
        3, lambda f: {0.0: 1, 1.0: 2}.get(f.wrong["distance"][0].item(), 0),
        "written", (1, 2, 3, 4, 6, 8),
        lambda f, given: {"true": show(f.right["distance"][0].item(), 0)},
    ),
    "cache_twice": Question(
        3, lambda f: {1.0: 0, 2.0: 2}.get(f.readouts["before"], 1),
        "n", (3, 4, 5, 6, 8, 12),
        lambda f, given: {"seen": show(f.readouts["before"], 0), "last": given["n"] - 1,
                          "before": given["n"] - 2, "twice": 2 * given["n"] - 4},
    ),
    "cache_corner": Question(
        3, lambda f: 0 if f.readouts["seen"] > 1 else 1 if f.wrong["weights"][0] > 0 else 2,
        "n", (2, 3, 4, 6, 8, 12),
        lambda f, given: {"last": given["n"] - 1},
    ),
    "cache_evict": Question(
        3, lambda f: {1.0: 0, 0.0: 1}.get(f.readouts["before"], 2),
        "n", (4, 5, 6, 7, 8, 12),
        lambda f, given: {"gone": show(f.readouts["gone"], 0), "last": given["window"] - 1},
    ),
    "cache_shared": Question(
        3, lambda f: 0 if f.readouts["foreign"] < 1e-4 else 2 if f.readouts["foreign"] > 0.9999 else 1,
        "other", (1, 2, 3, 4, 6, 8),
        lambda f, given: {"foreign": show(f.readouts["foreign"], 2)},
    ),
} | CLAIM_QUESTIONS  # fmt: skip


def pitfalls_of(tab_id: str) -> list[str]:
    """Ids of the pitfalls and claims that belong to a tab, in the order they are asked."""
    return [id for id in QUESTIONS if EVERY[id].tab == tab_id]


def has_exercises(tab_id: str) -> bool:
    """Whether a tab has anything of this file's, or a program with a bug."""
    return bool(pitfalls_of(tab_id)) or any(program.tab == tab_id for program in PROGRAMS.values())


def defaults(id: str) -> dict[str, Any]:
    """The parameters of a pitfall as the chapter sets them."""
    parameters = inspect.signature(EVERY[id].run).parameters.values()
    given = {one.name: one.default for one in parameters if one.name != "generator"}
    if id == "split_without_transpose":  # None means the middle token
        given["changed"] = given["n"] // 2
    return given


def redrawn(id: str, words: Words, seed: int, value: float) -> list[Json]:
    """The pictures of an exercise with its knob turned to ``value``, or with other random numbers."""
    question = QUESTIONS[id]
    given = defaults(id) | {question.knob: value}
    return [panel.encode() for panel in PICTURES[id](EVERY[id](seed, **given), given, words)]


def exercise(id: str, words: Words) -> Json:
    """One exercise for the page: question, options, right answer, why, pictures, knob."""
    question, given = QUESTIONS[id], defaults(id)
    found = EVERY[id](**given)
    facts = given | question.facts(found, given)
    return {
        "id": id,
        "title": words(f"pitfalls.{id}.title"),
        "question": words(f"pitfalls.{id}.question", **facts),
        "options": [words(f"pitfalls.{id}.option_{i + 1}", **facts) for i in range(question.options)],
        "answer": question.answer(found),
        "why": words(f"pitfalls.{id}.why", **facts),
        "panels": [panel.encode() for panel in PICTURES[id](found, given, words)],
        "knob": {"label": words(f"pitfalls.{id}.knob"), "choices": list(question.choices),
                 "labels": [str(choice + question.count_from) for choice in question.choices],
                 "value": given[question.knob], "dice": question.dice},
    }  # fmt: skip


def exercises(tab_id: str, words: Words) -> list[Json]:
    """Every exercise of a tab."""
    return [exercise(id, words) for id in pitfalls_of(tab_id)]


@told
def ask_pitfalls(language: str, tab_id: str, request: object) -> Json:
    """The page's question: {} -> all there is; {"pitfall", "seed", "value"} -> {"panels"}."""
    words, question = words_for(language), question_of(request)
    if "pitfall" not in question:
        every = exercises(tab_id, words)
        return {
            "exercises": [one for one in every if one["id"] not in CLAIMS],
            "claims": [one for one in every if one["id"] in CLAIMS],
            "bugs": bugs(tab_id, words),
            "words": words.section("pitfalls.page") | words.section("bugs.page"),
        }
    id = question["pitfall"]
    if id not in pitfalls_of(tab_id):
        raise Refusal("bad_request")
    seed = whole(question.get("seed", 0), SEEDS - 1)
    value = to_number(question.get("value"), f"pitfalls.{id}.knob")
    # by place, so that a whole number stays an int
    choices = QUESTIONS[id].choices
    if value not in choices:
        raise Refusal("bad_request")
    return {"panels": redrawn(id, words, seed, choices[choices.index(value)])}
