"""The matchmaker by hand: similarity, scaling, softmax, weighted sum, every number of the four steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ....steps import Projections, Steps, forward_steps, make_projections
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Look, Panel, heading, signed
from ...page.scene import Goal, Place, Scene, Task
from ...page.sheet import Sheet, cell_sheet, output_sheet, show
from ...page.texts import Words
from .inputs import Inputs
from .match import Match
from .people import drawn
from .plain import plain

SHARE = 0.99  # what a candidate is to get in the task about the temperature
COLDEST = 0.05  # the lowest temperature of the slider


@dataclass(frozen=True, eq=False)
class Study:
    """The four steps for these inputs. scaled: whether scores are divided by a root at all."""

    inputs: Inputs
    steps: Steps
    scaled: bool

    @property
    def names(self) -> list[str]:
        return self.inputs.people["names"]


def study(inputs: Inputs) -> Study:
    """Take the four steps."""
    people = inputs.people
    given = people["query"], people["keys"], people["values"]
    query, keys, facts = (torch.tensor(numbers, dtype=torch.float64) for numbers in given)
    projections = None
    if inputs.projections:
        drawn = make_projections(len(query), facts.shape[1], seed=inputs.weights_seed)
        projections = Projections(*(matrix.double() for matrix in drawn))
    scaled = inputs.scale or inputs.scoring == "scaled_dot"
    steps = forward_steps(
        query, keys, facts, scoring=inputs.scoring, scale_on=scaled,
        temperature=inputs.temperature, projections=projections, seed=inputs.weights_seed,
    )  # fmt: skip
    return Study(inputs, steps, scaled)


def panels(s: Study, words: Words) -> list[Panel]:
    """All of it as one picture; then step by step: projections if any, scores, softmax, weighted sum."""
    return [picture(s, words), *projected(s, words), *weighing(s, words), *blending(s, words)]


def picture(s: Study, words: Words) -> Match:
    """Query, keys, products, scores, shares and values, joined."""
    typed = not s.inputs.projections
    caption = words("matchmaker.match_caption" if typed else "matchmaker.match_projected")
    return Match("match", words("matchmaker.match"), caption, s.inputs.people, s.steps, traits(s, words),
                 facts(s, words), typed, s.inputs.scoring, words)  # fmt: skip


def traits(s: Study, words: Words) -> list[str]:
    """What the features that meet are called: the traits, or numbers after a projection."""
    if s.inputs.projections:
        return [str(i + 1) for i in range(len(s.steps.query))]
    people = s.inputs.people
    given = people["traits"] if "traits" in people else [""] * len(people["query"])
    return [name or words(f"matchmaker.trait_{i}") for i, name in enumerate(given, 1)]


def facts(s: Study, words: Words) -> list[str]:
    """What the features of the values are called: as the traits are, unless they have names of their own."""
    count = s.steps.values.shape[1]
    if s.inputs.projections:
        return [str(i + 1) for i in range(count)]
    people = s.inputs.people
    given = people["facts"] if "facts" in people else [""] * count
    claimed = people["traits"] if "traits" in people else []
    claimed = claimed + [""] * (count - len(claimed))
    return [name or claimed[i] or words(f"matchmaker.trait_{i + 1}") for i, name in enumerate(given)]


def projected(s: Study, words: Words) -> list[Panel]:
    """Query, keys and values after the learner's matrices."""
    if not s.inputs.projections:
        return []
    steps, look = s.steps, Look(opens=False)
    features = Axis([str(i + 1) for i in range(len(steps.query))])
    you, names = Axis([words("matchmaker.you")]), Axis(s.names)
    return [
        heading(words("matchmaker.step_0"), words("matchmaker.step_0_text")),
        Heatmap("projected_query", words("matchmaker.projected_query"), steps.query[None], you, features,
                signed(steps.query), look),
        Heatmap("projected_keys", words("matchmaker.projected_keys"), steps.keys, names, features,
                signed(steps.keys), look),
        Heatmap("projected_values", words("matchmaker.projected_values"), steps.values, names,
                features_of(s, words), signed(steps.values), look),
    ]  # fmt: skip


def weighing(s: Study, words: Words) -> list[Panel]:
    """From the query and the keys to the weights."""
    steps, axes = s.steps, (Axis([words("matchmaker.you")]), Axis(s.names))
    denominator = words("matchmaker.numerators_caption", denominator=show(steps.denominator))
    scaling = words("matchmaker.step_2_text", scale=show(steps.scale), temperature=f"{steps.temperature:g}")
    return [
        heading(words("matchmaker.step_1"), words(f"matchmaker.score_{s.inputs.scoring}")),
        Heatmap("similarity", words("matchmaker.similarity"), steps.similarity[None], *axes,
                signed(steps.similarity)),
        heading(words("matchmaker.step_2"), scaling),
        Heatmap("scaled", words("matchmaker.scaled"), steps.scaled[None], *axes, signed(steps.scaled)),
        heading(words("matchmaker.step_3"), words("matchmaker.step_3_text", shift=show(steps.shift))),
        Heatmap("numerators", words("matchmaker.numerators"), steps.numerators[None], *axes,
                look=Look(digits=4), caption=denominator),
        Heatmap("weights", words("matchmaker.weights"), steps.weights[None], *axes,
                look=Look(digits=4, sums=True)),
    ]  # fmt: skip


def blending(s: Study, words: Words) -> list[Panel]:
    """What each candidate's value adds, and the blend."""
    steps, you = s.steps, Axis([words("matchmaker.you")])
    return [
        heading(words("matchmaker.step_4"), words("matchmaker.step_4_text")),
        Heatmap("contributions", words("matchmaker.contributions"), steps.contributions, Axis(s.names),
                features_of(s, words), signed(steps.contributions)),
        Heatmap("output", words("matchmaker.output"), steps.output[None], you, features_of(s, words),
                signed(steps.output), Look(digits=4), words("matchmaker.output_caption")),
    ]  # fmt: skip


def features_of(s: Study, words: Words) -> Axis:
    """The features of the values, by name."""
    return Axis(facts(s, words))


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of any panel."""
    steps, names, column = s.steps, s.names, place.column
    you = words("matchmaker.you")
    blend = place.panel == "match" and place.row == 1  # the picture's second row; its first is the shares
    if blend or place.panel in ("contributions", "output"):
        place.within({"match": 2, "output": 1}.get(place.panel, len(names)), steps.values.shape[1])
        title = words("sheet.output_of", query=you, feature=facts(s, words)[column])
        return output_sheet(words, title, steps.weights, steps.values[:, column], names)
    if place.panel not in ("match", "similarity", "scaled", "numerators", "weights"):
        raise Refusal("no_such_cell")
    place.within(1, len(names))
    left, right = (words(f"matchmaker.{side}_{s.inputs.scoring}") for side in ("left", "right"))
    met = [] if s.inputs.scoring == "additive" else traits(s, words)  # whose summands are hidden units
    return cell_sheet(steps.cells[column], words, you, names[column], left=left, right=right,
                      features=met, facts=facts(s, words))  # fmt: skip


def snippet(s: Study) -> str:
    """The weights and the output."""
    inputs, people = s.inputs, s.inputs.people
    width, seed = len(people["query"]), inputs.weights_seed
    drawn = f"make_projections({width}, {len(people['values'][0])}, seed={seed})"
    root = "None" if "dot" in inputs.scoring else "query.shape[-1] ** -0.5"
    return f"""import torch
from attention import attend
from attention.steps import make_projections, make_scoring

query = torch.tensor([{people["query"]}])
keys = torch.tensor({people["keys"]})
values = torch.tensor({people["values"]})
w = {drawn if inputs.projections else None}
if w:
    query, keys, values = query @ w.w_q, keys @ w.w_k, values @ w.w_v
output, weights, scores = attend(
    query, keys, values,
    scoring=make_scoring({inputs.scoring!r}, {width}, seed={seed}),
    scale={root if s.scaled else 1.0},
    temperature={inputs.temperature!r},
)
print(weights[0])
print(output[0])
"""


def results(s: Study) -> Json:
    steps = s.steps
    return {
        "similarity": steps.similarity.tolist(), "scale": steps.scale, "scaled": steps.scaled.tolist(),
        "numerators": steps.numerators.tolist(), "denominator": steps.denominator,
        "weights": steps.weights.tolist(), "output": steps.output.tolist(),
    }  # fmt: skip


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    steps, names = s.steps, s.names
    article = torch.softmax(torch.tensor([3.0, 1.0, 0.5]), dim=0)
    printed = torch.tensor([0.84, 0.11, 0.05])
    numbers = ", ".join(f"{w:.2f}" for w in article.tolist())
    parts = (steps.numerators[0].item(), steps.denominator, steps.weights[0].item())
    fraction = dict(zip(("numerator", "denominator", "weight"), map(show, parts), strict=True))
    return [
        *won(s, words),
        Task("first", words("matchmaker.task_first", name=names[0]), steps.weights[0].item(),
             words("matchmaker.task_first_why", name=names[0], **fraction), tolerance=0.02,
             hides=["match", "weights", "contributions", "output"], bar=(0.0, 1.0), cell=("match", 0, 0)),
        *blended(s, words),
        *sharpened(s, words),
        divided(s, words),
        Task("article", words("matchmaker.task_article"), int(((article - printed).abs() > 0.005).any()),
             words("matchmaker.task_article_why", numbers=numbers),
             [words("matchmaker.task_article_yes"), words("matchmaker.task_article_no")]),
        Task("shift", words("matchmaker.task_shift"), 1, words("matchmaker.task_shift_why"),
             [words("matchmaker.task_shift_" + o) for o in ("up", "same", "down")]),
    ]  # fmt: skip


def won(s: Study, words: Words) -> list[Task]:
    """Who gets most, where one alone does."""
    first = s.steps.scaled.topk(min(2, len(s.names))).values
    if len(first) < 2 or (first[0] - first[1]).item() < 1e-6:
        return []
    best = int(s.steps.scaled.argmax())
    pairs = zip(s.names, s.steps.similarity.tolist(), strict=True)
    comma = "、" if words.language == "zh" else ", "
    scores = comma.join(f"{name} {show(score, 2)}" for name, score in pairs)
    return [Task("winner", words("matchmaker.task_winner"), best,
                 words("matchmaker.task_winner_why", scores=scores, name=s.names[best]), s.names,
                 hides=["match", "similarity", "scaled", "numerators", "weights", "contributions",
                        "output"])]  # fmt: skip


def blended(s: Study, words: Words) -> list[Task]:
    """The first number of the output, where the values differ in it; and whether the winner boasted."""
    steps, first = s.steps, s.steps.values[:, 0]
    low, high = first.min().item(), first.max().item()
    if s.inputs.projections or high - low < 0.05:
        return []
    best = int(steps.weights.argmax())
    pairs = zip(steps.weights.tolist(), first.tolist(), strict=True)
    said = {
        "sum": " + ".join(f"{w:.3f} × {v:g}" if v >= 0 else f"{w:.3f} × ({v:g})" for w, v in pairs),
        "output": show(steps.output[0].item(), 3), "name": s.names[best],
        "share": show(steps.weights[best].item(), 2),
        "claim": f"{steps.keys[best, 0].item():g}", "truth": f"{first[best].item():g}",
    }  # fmt: skip
    trait = facts(s, words)[0]
    boasted = steps.keys[best, 0] > first[best] and traits(s, words)[0] == trait
    why = words("matchmaker.task_blend_boast" if boasted else "matchmaker.task_blend_why", **said)
    return [Task("blend", words("matchmaker.task_blend", trait=trait), steps.output[0].item(), why,
                 tolerance=0.1 * (high - low), hides=["match", "contributions", "output"], bar=(low, high),
                 cell=("match", 1, 0))]  # fmt: skip


def sharpened(s: Study, words: Words) -> list[Goal]:
    """Make the best match get nearly all by the temperature, where any temperature does it."""
    steps = s.steps
    warm = steps.scaled * steps.temperature  # at temperature 1
    if len(warm) < 2 or torch.softmax(warm / COLDEST, dim=0).max() < SHARE:
        return []
    best = int(warm.argmax())
    first, second = steps.scaled.topk(2).values.tolist()
    weight, gap = steps.weights[best].item(), first - second
    ratio = f"{math.exp(min(gap, 700)):.3g}"
    said = {"temperature": f"{steps.temperature:g}", "gap": show(gap, 2), "ratio": ratio}
    target = {"name": s.names[best], "share": f"{SHARE:g}"}
    return [Goal("sharp", words("matchmaker.task_sharp", **target), weight >= SHARE,
                 words("matchmaker.task_sharp_now", weight=show(weight, 3), **target),
                 words("matchmaker.task_sharp_why", **said))]  # fmt: skip


def divided(s: Study, words: Words) -> Task:
    """What dividing by the root of the width does to the largest share."""
    steps, count = s.steps, len(s.steps.query)
    plain = steps.similarity / steps.temperature
    before, after = (torch.softmax(one, dim=0).max().item() for one in (plain, plain / count**0.5))
    same = abs(before - after) < 5e-5
    said = {"before": show(before), "after": show(after)}
    answer = 1 if same else 0 if after > before else 2
    return Task("root", words("matchmaker.task_root", count=count, root=show(count**0.5, 2)), answer,
                words("matchmaker.task_root_why_same" if same else "matchmaker.task_root_why", **said),
                [words("matchmaker.task_root_" + o) for o in ("up", "same", "down")])  # fmt: skip


SCENE = Scene(
    fields=("people", "scoring", "scale", "temperature", "projections", "weights_seed"),
    study=study, panels=panels, sheet=sheet, snippet=snippet, results=results, tasks=tasks, plain=plain,
    drawn=lambda inputs, seed: {"people": drawn(inputs.people, seed)},
)  # fmt: skip
