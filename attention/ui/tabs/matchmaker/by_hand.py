"""The matchmaker: one query, a few candidates, four steps; and the same learned from evenings."""

from __future__ import annotations

from typing import Any

import torch

from ..steps import SCORINGS, Projections, Steps, example, forward_steps, make_projections
from .guard import Choice, Flag, Number, Refusal
from .matchmaker_training import (
    TRAINING,
    train,
    training_panels,
    training_results,
    training_sheet,
    training_snippet,
    training_tasks,
)
from .people import People
from .sheet import cell_sheet, output_sheet, show
from .texts import Words
from .view import heading, heatmap

ID = "matchmaker"
FIRST = example()
PEOPLE = {
    "names": ["Ann", "Bo", "Cai"],
    "query": FIRST.query.tolist(),
    "keys": FIRST.keys.tolist(),
    "values": FIRST.values.tolist(),
}
MODES = ("steps", "training")
FIELDS = (
    Choice("mode", "steps", MODES),
    People("people", PEOPLE),
    Choice("scoring", "dot", SCORINGS),
    Flag("scale", False),
    Number("temperature", 1.0, 0.05, 10.0, 0.05),
    Flag("projections", False),
    Number("weights_seed", 0, 0, 99, 1),
    Number("candidates", 6, 2, 8, 1),
    Number("seed", 0, 0, 99, 1),
    Number("steps", 200, 10, 300, 10),
    Number("learning_rate", 2.0, 0.05, 12.0, 0.05),
    Number("dropout", 0.0, 0.0, 0.9, 0.05),
    Number("weight_decay", 0.0, 0.0, 0.1, 0.005),
)
EXAMPLES = (
    ("example_first", {}),
    ("example_cold", {"temperature": 0.2}),
    ("example_boast", {"people": PEOPLE | {
        "query": [1.0, 0.0], "keys": [[3.0, 0.0], [1.0, 1.0], [0.5, 2.0]],
        "values": [[0.1, 0.2], [0.9, 0.5], [0.7, 0.9]]}, "scale": True}),
    ("example_training", {"mode": "training"}),
    ("example_decay", {"mode": "training", "weight_decay": 0.01}),
)  # fmt: skip


def controls(words: Words) -> dict[str, Any]:
    """The people first, the knobs of the chosen mode below; the others stay out of sight."""
    import gradio as gr

    from .tab import Controls

    made = Controls(ID, FIELDS, words)
    made.place("mode")
    with gr.Column(elem_classes="am-by-hand") as by_hand:
        made.place("people", "scoring", "scale", "temperature", "projections", "weights_seed")
    with gr.Column(elem_classes="am-learned", visible=False) as learned:
        made.place(*TRAINING)
    # the page hides one or the other by itself; a link sets mode, and its change does the same
    made["mode"].change(
        None,
        made["mode"],
        [by_hand, learned],
        js="(mode) => [{visible: mode === 'steps', __type__: 'update'},"
        " {visible: mode === 'training', __type__: 'update'}]",
        queue=False,
        api_visibility="private",
    )
    return made


def walk(values: dict[str, Any]) -> Steps:
    """The four steps for these inputs."""
    people = values["people"]
    query, keys, facts = (
        torch.tensor(people[part], dtype=torch.float64) for part in ("query", "keys", "values")
    )
    projections = None
    if values["projections"]:
        made = make_projections(len(query), facts.shape[1], seed=values["weights_seed"])
        projections = Projections(*(matrix.double() for matrix in made))
    return forward_steps(
        query, keys, facts,
        scoring=values["scoring"], scale_on=values["scale"] or values["scoring"] == "scaled_dot",
        temperature=values["temperature"], projections=projections, seed=values["weights_seed"],
    )  # fmt: skip


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The four steps by hand, or the recorded training."""
    return training_panels(values, words) if values["mode"] == "training" else step_panels(values, words)


def step_panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Similarity, scaling, softmax, weighted sum: every number of the four steps."""
    steps, names = walk(values), values["people"]["names"]
    you = [words("matchmaker.you")]
    traits = [str(i + 1) for i in range(steps.values.shape[1])]
    size = max(steps.similarity.abs().max().item(), 1e-6)
    projected = []
    if values["projections"]:
        features = [str(i + 1) for i in range(len(steps.query))]
        projected = [
            heading(words("matchmaker.step_0"), words("matchmaker.step_0_text")),
            heatmap("projected_query", words("matchmaker.projected_query"), steps.query[None], you, features,
                    diverging=True, opens=False),
            heatmap("projected_keys", words("matchmaker.projected_keys"), steps.keys, names, features,
                    diverging=True, opens=False),
            heatmap("projected_values", words("matchmaker.projected_values"), steps.values, names, traits,
                    diverging=True, opens=False),
        ]  # fmt: skip
    return [
        *projected,
        heading(words("matchmaker.step_1"), words(f"matchmaker.score_{values['scoring']}")),
        heatmap("similarity", words("matchmaker.similarity"), steps.similarity[None], you, names,
                diverging=True, low=-size, high=size),
        heading(words("matchmaker.step_2"), words("matchmaker.step_2_text", scale=show(steps.scale),
                temperature=f"{steps.temperature:g}")),
        heatmap("scaled", words("matchmaker.scaled"), steps.scaled[None], you, names, diverging=True),
        heading(words("matchmaker.step_3"), words("matchmaker.step_3_text", shift=show(steps.shift))),
        heatmap("numerators", words("matchmaker.numerators"), steps.numerators[None], you, names, digits=4,
                caption=words("matchmaker.numerators_caption", denominator=show(steps.denominator))),
        heatmap("weights", words("matchmaker.weights"), steps.weights[None], you, names, sums=True, digits=4),
        heading(words("matchmaker.step_4"), words("matchmaker.step_4_text")),
        heatmap("contributions", words("matchmaker.contributions"), steps.contributions, names, traits,
                diverging=True),
        heatmap("output", words("matchmaker.output"), steps.output[None], you, traits, diverging=True,
                digits=4, caption=words("matchmaker.output_caption")),
    ]  # fmt: skip


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """A training that ran away says so."""
    if values["mode"] == "training" and train(values).diverged:
        return [words("matchmaker.diverged", step=train(values).steps[-1])]
    return []


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of a cell of any panel; "training@17" is frame 17 of the player."""
    if panel.startswith("training@"):
        return training_sheet(values, words, panel, row, column)
    steps, names = walk(values), values["people"]["names"]
    you = words("matchmaker.you")
    if panel in ("contributions", "output"):
        if column >= steps.values.shape[1] or row >= (1 if panel == "output" else len(names)):
            raise Refusal("no_such_cell")
        title = words("sheet.output_of", query=you, feature=column + 1)
        return output_sheet(words, title, steps.weights, steps.values[:, column], names)
    if panel not in ("similarity", "scaled", "numerators", "weights") or row or column >= len(names):
        raise Refusal("no_such_cell")
    left, right = (
        words(f"matchmaker.left_{values['scoring']}"),
        words(f"matchmaker.right_{values['scoring']}"),
    )
    return cell_sheet(steps.cells[column], words, you, names[column], left=left, right=right)


def snippet(values: dict[str, Any]) -> str:
    """The weights and output of the steps, or the entropy and last weights of the training."""
    if values["mode"] == "training":
        return training_snippet(values)
    people = values["people"]
    scale = values["scale"] or values["scoring"] == "scaled_dot"
    projections = (
        f"make_projections({len(people['query'])}, {len(people['values'][0])}, seed={values['weights_seed']})"
        if values["projections"] else "None"
    )  # fmt: skip
    return f"""import torch
from attention import attend
from attention.steps import make_projections, make_scoring

query = torch.tensor([{people["query"]}])
keys = torch.tensor({people["keys"]})
values = torch.tensor({people["values"]})
w = {projections}
if w:
    query, keys, values = query @ w.w_q, keys @ w.w_k, values @ w.w_v
output, weights, scores = attend(
    query, keys, values,
    scoring=make_scoring({values["scoring"]!r}, {len(people["query"])}, seed={values["weights_seed"]}),
    scale={"None" if scale and "dot" in values["scoring"] else "query.shape[-1] ** -0.5" if scale else "1.0"},
    temperature={values["temperature"]!r},
)
print(weights[0])
print(output[0])
"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API, of the mode asked for."""
    if values["mode"] == "training":
        return training_results(values)
    steps = walk(values)
    return {
        "similarity": steps.similarity.tolist(),
        "scale": steps.scale,
        "scaled": steps.scaled.tolist(),
        "numerators": steps.numerators.tolist(),
        "denominator": steps.denominator,
        "weights": steps.weights.tolist(),
        "output": steps.output.tolist(),
    }


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look."""
    if values["mode"] == "training":
        return training_tasks(values, words)
    steps, names = walk(values), values["people"]["names"]
    article = torch.softmax(torch.tensor([3.0, 1.0, 0.5]), dim=0)
    printed = torch.tensor([0.84, 0.11, 0.05])
    return [
        {
            "id": "winner",
            "hides": ["weights", "numerators", "contributions", "output"],
            "question": words("matchmaker.task_winner"),
            "kind": "choice",
            "options": names,
            "answer": int(steps.weights.argmax()),
            "why": words("matchmaker.task_winner_why"),
        },
        {
            "id": "article",
            "question": words("matchmaker.task_article"),
            "kind": "choice",
            "options": [words("matchmaker.task_article_yes"), words("matchmaker.task_article_no")],
            "answer": int(((article - printed).abs() > 0.005).any()),
            "why": words(
                "matchmaker.task_article_why", numbers=", ".join(f"{w:.2f}" for w in article.tolist())
            ),
        },
        {
            "id": "first",
            "hides": ["weights"],
            "question": words("matchmaker.task_first", name=names[0]),
            "kind": "number",
            "answer": steps.weights[0].item(),
            "tolerance": 0.02,
            "why": words(
                "matchmaker.task_first_why",
                numerator=show(steps.numerators[0].item()),
                denominator=show(steps.denominator),
            ),
        },
        {
            "id": "shift",
            "question": words("matchmaker.task_shift"),
            "kind": "choice",
            "options": [words("matchmaker.task_shift_" + o) for o in ("up", "same", "down")],
            "answer": 1,
            "why": words("matchmaker.task_shift_why"),
        },
    ]
