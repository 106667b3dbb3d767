"""The matchmaker by hand: similarity, scaling, softmax, weighted sum, every number of the four steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ....steps import Projections, Steps, forward_steps, make_projections
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Look, Panel, heading, signed
from ...page.scene import Place, Scene, Task
from ...page.sheet import Sheet, cell_sheet, output_sheet, show
from ...page.texts import Words
from .inputs import Inputs
from .plain import plain


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
    """Similarity, scaling, softmax, weighted sum; before them the projections where there are any."""
    return [*projected(s, words), *weighing(s, words), *blending(s, words)]


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
        Heatmap("projected_values", words("matchmaker.projected_values"), steps.values, names, traits(s),
                signed(steps.values), look),
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
                traits(s), signed(steps.contributions)),
        Heatmap("output", words("matchmaker.output"), steps.output[None], you, traits(s),
                signed(steps.output), Look(digits=4), words("matchmaker.output_caption")),
    ]  # fmt: skip


def traits(s: Study) -> Axis:
    """The traits of the values, by number."""
    return Axis([str(i + 1) for i in range(s.steps.values.shape[1])])


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of any panel."""
    steps, names, column = s.steps, s.names, place.column
    you = words("matchmaker.you")
    if place.panel in ("contributions", "output"):
        place.within(1 if place.panel == "output" else len(names), steps.values.shape[1])
        title = words("sheet.output_of", query=you, feature=column + 1)
        return output_sheet(words, title, steps.weights, steps.values[:, column], names)
    if place.panel not in ("similarity", "scaled", "numerators", "weights"):
        raise Refusal("no_such_cell")
    place.within(1, len(names))
    left, right = (words(f"matchmaker.{side}_{s.inputs.scoring}") for side in ("left", "right"))
    return cell_sheet(steps.cells[column], words, you, names[column], left=left, right=right)


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


def tasks(s: Study, words: Words) -> list[Task]:
    steps, names = s.steps, s.names
    article = torch.softmax(torch.tensor([3.0, 1.0, 0.5]), dim=0)
    printed = torch.tensor([0.84, 0.11, 0.05])
    numbers = ", ".join(f"{w:.2f}" for w in article.tolist())
    fraction = {"numerator": show(steps.numerators[0].item()), "denominator": show(steps.denominator)}
    return [
        Task("winner", words("matchmaker.task_winner"), int(steps.weights.argmax()),
             words("matchmaker.task_winner_why"), names,
             hides=["weights", "numerators", "contributions", "output"]),
        Task("article", words("matchmaker.task_article"), int(((article - printed).abs() > 0.005).any()),
             words("matchmaker.task_article_why", numbers=numbers),
             [words("matchmaker.task_article_yes"), words("matchmaker.task_article_no")]),
        Task("first", words("matchmaker.task_first", name=names[0]), steps.weights[0].item(),
             words("matchmaker.task_first_why", **fraction), tolerance=0.02, hides=["weights"]),
        Task("shift", words("matchmaker.task_shift"), 1, words("matchmaker.task_shift_why"),
             [words("matchmaker.task_shift_" + o) for o in ("up", "same", "down")]),
    ]  # fmt: skip


SCENE = Scene(
    fields=("people", "scoring", "scale", "temperature", "projections", "weights_seed"),
    study=study, panels=panels, sheet=sheet, snippet=snippet, results=results, tasks=tasks, plain=plain,
)  # fmt: skip
