"""Scene ``story``: one forward pass of the storyteller, of which every number opens.

Of a larger decoder (``large``) the same picture by what its parts add to the next word.

Vaswani et al. 2017 (the heads), Radford et al. 2019 (a norm before each part, one after the last),
Elhage et al. 2021 (the residual stream that every part reads from and adds to).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .....storyteller.limits import LIMITS
from .....storyteller.sentences import DOINGS, LANGUAGES, NAMES, PATTERNS, vocabulary
from .....storyteller.train import figures
from .....storyteller.writing import spoken
from ....page.guard import Json
from ....page.panels import Axis, Heatmap, Look, Panel, Scale, heading
from ....page.scene import Goal, Point, Scene, Task
from ....page.sheet import show
from ....page.texts import Words
from ..inputs import STORY, Inputs
from ..plain import large_story, story
from .large import Large, code_of, ready
from .large import study as large_study
from .large_picture import large_panels, large_sheet
from .picture import picture
from .sheets import sheet
from .study import Study, study

__all__ = ["SCENE"]

TIE = 1e-4  # weights that differ by less look the same


def panels(s: Study, words: Words) -> list[Panel]:
    """The pass, and how well this model does what it was taught, and what it was not."""
    return [heading(words("model.story_heading"), words("model.story_heading_text")), picture(s, words),
            *tested(words)]  # fmt: skip


def tested(words: Words) -> list[Panel]:
    """The kept figures: held-out accuracy, and stories one step beyond."""
    known = figures()
    held_out = [[known["held_out"][f"{pattern}.{one}"] for one in LANGUAGES] for pattern in PATTERNS]
    limits = [[known["limits"][name]] for name in LIMITS]
    text = words("model.story_tested_text", parameters=f"{known['parameters']:,}", stories=known["stories"])
    return [
        heading(words("model.story_tested"), text),
        Heatmap("held_out", words("model.story_held_out"), torch.tensor(held_out),
                Axis([words(f"model.story_pattern_{pattern}") for pattern in PATTERNS]),
                Axis([words(f"model.story_language_{one}") for one in LANGUAGES]), Scale(),
                Look(digits=3, opens=False), words("model.story_held_out_caption")),
        Heatmap("limits", words("model.story_limits"), torch.tensor(limits),
                Axis([words(f"model.story_limit_{name}") for name in LIMITS]),
                Axis([words("model.story_right")]), Scale(), Look(digits=3, opens=False),
                words("model.story_limits_caption")),
    ]  # fmt: skip


def notices(s: Study, words: Words) -> list[str]:
    """Words that it does not know."""
    if not s.unknown:
        return []
    return [words("model.story_unknown", words=", ".join(s.unknown[:6]), count=len(vocabulary()),
                  people=", ".join(NAMES["en"]), doings=", ".join(DOINGS["en"][:4]))]  # fmt: skip


def snippet(s: Study) -> str:
    """The numbers at a few points of the column, and the words that follow."""
    inputs = s.inputs
    k = inputs.top_k or None
    return f"""import torch
from attention.storyteller.train import load
from attention.storyteller.writing import read, spoken, write

model = load()
ids, unknown = read({inputs.text!r})
heat = {inputs.temperature!r}
choices = write(model, ids, {inputs.written + 1}, seed={inputs.seed}, temperature=heat, k={k})
ids += [choice.word for choice in choices[:-1]]
points = model.points(torch.tensor(ids))  # every number of the pass
at = {s.place}  # the column that is drawn
print(points.embedding[at], points.position[at])
for layer in points.layers:
    for name, numbers in vars(layer).items():  # (words, ...) or (heads, words, ...)
        print(name, numbers[..., at, :])
print(points.normed[at], points.logits[at])
best = points.logits[at].topk(5)
print([(spoken(word), logit) for word, logit in zip(best.indices.tolist(), best.values.tolist())])
print([(spoken(choice.word), choice.drawn) for choice in choices])
"""


def results(s: Study) -> Json:
    """Plain numbers for the API."""
    return {
        "tokens": s.names, "given": s.given, "unknown": list(s.unknown), "place": s.place + 1,
        "next": [[spoken(word), s.logits[word].item(), s.share(word)] for word in s.candidate_words],
        "choices": [
            {"word": spoken(one.word), "drawn": one.drawn, "start": one.start, "stop": one.stop}
            for one in s.choices
        ],
        "points": [
            {"kind": one.kind, "layer": one.layer, "head": one.head, "values": one.values.tolist()}
            for one in s.shown
        ],
    }  # fmt: skip


def tasks(s: Study, words: Words) -> list[Task | Point | Goal]:
    """What comes next; which head looks at it; how much of the stream is new; another word by hand."""
    best = s.logits.topk(3).indices.tolist()
    read = sorted({*s.ids[: s.place + 1]} - {best[0]}, key=lambda word: -s.logits[word].item())
    options = sorted([*dict.fromkeys([best[0], *read[:1], *best[1:]])][:3])  # one that was read among them
    first = spoken(best[0])
    share = s.points.logits[s.place].softmax(0)[best[0]].item()
    found: list[Task | Point | Goal] = [
        Task("story_next", words("model.story_task_next", word=s.names[s.place]), options.index(best[0]),
             words("model.story_task_next_why", word=first, share=f"{share:.2%}"),
             [spoken(word) for word in options], hides=["pass"]),
    ]  # fmt: skip
    found.append(strongest(s, words))
    return [*found, changed_length(s, words), other_word(s, words)]


def strongest(s: Study, words: Words) -> Point:
    """Where in the picture the last layer's heads look hardest at a word that is not their own."""
    last = s.model.sizes.layers - 1
    rows = [(at, one) for at, one in enumerate(s.shown) if one.kind == "weights" and one.layer == last]
    every = [(one.values[j].item(), at, j) for at, one in rows for j in range(len(one.values))]
    most, row, column = max(every)
    cells = [(at, j) for weight, at, j in every if weight > most - TIE]  # the first word gets 1 of every head
    why = words("model.story_task_look_why", head=f"{last}.{s.shown[row].head}", word=s.names[column],
                weight=f"{s.shown[row].values[column].item():.2f}")  # fmt: skip
    return Point("story_look", words("model.story_task_look", layer=last), "pass", cells, why)


def changed_length(s: Study, words: Words) -> Task:
    """How long the stream is at the end, measured by its beginning."""
    start, end = (float(x[s.place].norm()) for x in (s.points.layers[0].stream, s.points.layers[-1].after))
    options = [words(f"model.story_task_length_{one}") for one in ("shorter", "same", "longer")]
    right = 0 if end < 0.9 * start else 2 if end > 1.1 * start else 1
    why = words("model.story_task_length_why", start=f"{start:.2f}", end=f"{end:.2f}")
    return Task("story_length", words("model.story_task_length"), right, why, options)


def other_word(s: Study | Large, words: Words) -> Goal:
    """Make the draw fall on another word than the likeliest."""
    drawn, spelled = s.choices[-1], s.spelled if isinstance(s, Large) else spoken
    likeliest = drawn.words[0]
    now = words("model.story_goal_now", word=spelled(drawn.word), likeliest=spelled(likeliest),
                drawn=f"{drawn.drawn:.4f}", share=f"{drawn.shares[0]:.4f}")  # fmt: skip
    return Goal("story_other", words("model.story_goal"), drawn.word != likeliest, now,
                words("model.story_goal_why"))  # fmt: skip


def large_results(s: Large) -> Json:
    """Plain numbers of a large model for the API."""
    return {
        "tokens": s.names, "given": s.given, "place": s.place + 1,
        "word": s.spelled(s.target), "logit": s.shares.total,
        "next": [[s.spelled(word), s.logits[word].item(), s.share(word)] for word in s.candidate_words],
        "choices": [
            {"word": s.spelled(one.word), "drawn": one.drawn, "start": one.start, "stop": one.stop}
            for one in s.choices
        ],
        "parts": [[*part] for part in s.shares.parts], "shares": s.shares.values.tolist(),
        "running": s.running, "lens": [[s.spelled(row[0][0]), row[0][1]] for row in s.lens.words(1)],
    }  # fmt: skip


def large_tasks(s: Large, words: Words) -> list[Task | Point | Goal]:
    """What comes next; which part of the model says most for it; another word by hand."""
    best = s.logits.topk(3).indices.tolist()
    options = sorted(best)
    share = s.logits.softmax(0)[best[0]].item()
    found: list[Task | Point | Goal] = [
        Task("story_next", words("model.story_task_next", word=s.names[s.place]), options.index(best[0]),
             words("model.story_task_next_why", word=s.spelled(best[0]), share=f"{share:.1%}"),
             [s.spelled(word) for word in options], hides=["pass"]),
    ]  # fmt: skip
    heads = [(at, one) for at, one in enumerate(s.shown) if one.kind == "shares"]
    row, one = max(heads, key=lambda each: each[1].values.max().item())
    head = int(one.values.argmax())
    why = words("model.story_big_task_head_why", head=f"{one.layer}.{head}",
                share=show(one.values[head].item(), 2))  # fmt: skip
    question = words("model.story_big_task_head", word=s.spelled(s.target))
    found.append(Point("story_head", question, "pass", [(row, head)], why))
    return [*found, other_word(s, words)]


def by_model(own: Callable[..., Any], large: Callable[..., Any]) -> Callable[..., Any]:
    """The storyteller's way or the large models', by whose study it is."""
    return lambda s, *rest: (large if isinstance(s, Large) else own)(s, *rest)


def studied(inputs: Inputs) -> Study | Large:
    return study(inputs) if inputs.teller == "storyteller" else large_study(inputs)


SCENE = Scene(
    fields=STORY, study=studied, panels=by_model(panels, large_panels), sheet=by_model(sheet, large_sheet),
    snippet=by_model(snippet, lambda s: code_of(s.inputs, s.place, s.target)),
    results=by_model(results, large_results), tasks=by_model(tasks, large_tasks),
    notices=by_model(notices, lambda s, words: []), ready=ready, plain=by_model(story, large_story),
)  # fmt: skip
