"""Padding masks: a ragged batch is filled up, masked, attended, and the leak is measured."""

from __future__ import annotations

from typing import Any

import torch

from ..cell import explain
from ..masks import softmax_with_minus_1e9, softmax_with_minus_inf
from ..padding import MASKS, Batch, attend_batch, batch_mask, drift, leak, read_batch, split_line
from ..pooling import attend
from .guard import Choice, Number, Refusal, Text
from .sheet import cell_sheet, output_sheet, show
from .texts import Words
from .view import heading, heatmap, plot, readouts

ID = "masks"
LINES, TOKENS = 6, 16
FIELDS = (
    Text("text", "the quick brown fox jumps\nhello world\nyes", 1000, lines=4),
    Choice("mask", "padding", MASKS),
    Number("sentence", 2, 1, LINES, 1),
    Number("extra", 0, 0, 8, 1),
)
EXAMPLES = (
    ("example_short", {"text": "the cat sat on the mat today\nhi", "mask": "none", "sentence": 2}),
    ("example_numbers", {"text": "3 1 2\n2 1", "mask": "both", "sentence": 2, "extra": 1}),
    ("example_chinese", {"text": "我爱北京天安门\n你好\n今天天气真好", "mask": "padding"}),
    ("example_empty", {"text": "a sentence\n\nanother one", "mask": "padding", "sentence": 2}),
)


def lines_of(text: str) -> list[str]:
    """The sentences of the batch; trailing empty lines are dropped, inner ones stay."""
    lines = text.rstrip().split("\n")
    if len(lines) > LINES:
        raise Refusal("too_many_lines", field="masks.text", limit=LINES, count=len(lines))
    for i, line in enumerate(lines):
        count = len(split_line(line))
        if count > TOKENS:
            raise Refusal("too_many_tokens", field="masks.text", line=i + 1, limit=TOKENS, count=count)
    return lines


def study(values: dict[str, Any]) -> tuple[Batch, int, list[str]]:
    """The batch, the index of the sentence looked at, and its tokens."""
    lines = lines_of(values["text"])
    if not any(map(split_line, lines)):
        raise Refusal("no_tokens", field="masks.text")
    batch = read_batch(lines, values["extra"])
    # while a batch is being typed it is shorter than the slider; notices() says what is shown
    chosen = min(values["sentence"], len(lines)) - 1
    return batch, chosen, batch.tokens[chosen]


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Four steps: fill up, mask, attend without and with the mask, and what leaks."""
    batch, chosen, tokens = study(values)
    n = len(tokens)
    positions = [str(i + 1) for i in range(n)]
    sentences = [words("masks.line", number=i + 1) for i in range(len(batch.tokens))]
    mask = batch_mask(values["mask"], batch.lengths, n)
    allowed = torch.ones(n, n, dtype=torch.bool) if mask is None else mask[chosen]
    bare = attend_batch(batch, "none")
    kept = attend_batch(batch, values["mask"])
    features = [words("masks.feature", number=i + 1) for i in range(batch.vectors.shape[-1])]
    axes = {"row_title": words("masks.query"), "column_title": words("masks.key")}
    ids = heatmap(
        "ids", words("masks.ids"), batch.ids.float(), sentences, positions, high=batch.ids.max().item(),
        digits=0, masked=batch.ids == 0, caption=words("masks.ids_caption"), wide=True,
    )  # fmt: skip
    ids["cell_labels"] = batch.tokens
    conventions, names = fully_masked(bare.scores[chosen, 0], words)
    leaks = leak(bare.weights, batch.lengths)[chosen].item()
    leaks_masked = leak(kept.weights, batch.lengths)[chosen].item()
    lines = lines_of(values["text"])
    extra = torch.arange(17)
    return [
        heading(words("masks.step_fill"), words("masks.step_fill_text")),
        ids,
        heading(words("masks.step_mask", number=chosen + 1), words("masks.step_mask_text")),
        heatmap("mask", words("masks.mask_title"), allowed.float(), tokens, tokens, digits=0,
                masked=~allowed, caption=words("masks.mask_caption"), **axes),
        heatmap("scores", words("masks.scores"), bare.scores[chosen], tokens, tokens, diverging=True,
                masked=~allowed, caption=words("masks.scores_caption"), **axes),
        heading(words("masks.step_attend"), words("masks.step_attend_text")),
        heatmap("before", words("masks.before"), bare.weights[chosen], tokens, tokens, sums=True, **axes),
        heatmap("after", words("masks.after"), kept.weights[chosen], tokens, tokens, sums=True,
                masked=~allowed, **axes),
        heatmap("output_before", words("masks.output_before"), bare.output[chosen], tokens, features,
                diverging=True, row_title=words("masks.query")),
        heatmap("output_after", words("masks.output_after"), kept.output[chosen], tokens, features,
                diverging=True, row_title=words("masks.query")),
        heading(words("masks.step_leak"), words("masks.step_leak_text")),
        readouts("leak", [
            (words("masks.leak_before"), f"{leaks:.1%}", words("masks.leak_note")),
            (words("masks.leak_after"), f"{leaks_masked:.1%}", words("masks." + values["mask"])),
        ]),
        plot("drift", words("masks.drift"), [
            {"name": words("masks.drift_none"), "kind": "line", "role": "data",
             "x": extra, "y": drift(lines, "none")},
            {"name": words("masks.drift_padding"), "kind": "line", "role": "accent",
             "x": extra, "y": drift(lines, "padding")},
        ], x_title=words("masks.drift_x"), y_title=words("masks.drift_y"),
            caption=words("masks.drift_caption")),
        heading(words("masks.step_empty"), words("masks.step_empty_text")),
        heatmap("conventions", words("masks.conventions"), conventions, names, tokens, wide=True,
                sums=True, caption=words("masks.conventions_caption"), column_title=words("masks.key")),
    ]  # fmt: skip


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """Which sentence is shown where the one asked for does not exist."""
    count = len(lines_of(values["text"]))
    return [words("masks.last_line", count=count)] if values["sentence"] > count else []


def fully_masked(scores: torch.Tensor, words: Words) -> tuple[torch.Tensor, list[str]]:
    """Weights (4, n) of a row in which nothing may be attended, by convention, and their names."""
    nothing = torch.zeros_like(scores, dtype=torch.bool)
    try:
        half = softmax_with_minus_1e9(scores.half(), nothing).float()
    except OverflowError:  # the point of this row: half precision cannot hold -1e9
        half = torch.full_like(scores, float("inf"))
    zeros = attend(torch.ones(1, 1), torch.ones(len(scores), 1), scores[:, None], nothing).weights[0]
    rows = [
        softmax_with_minus_inf(scores, nothing),
        softmax_with_minus_1e9(scores, nothing),
        half,
        zeros,
    ]
    names = [words("masks." + key) for key in ("minus_inf", "minus_1e9", "half", "zeros")]
    return torch.stack(rows), names


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of a cell of any panel."""
    batch, chosen, tokens = study(values)
    n, d = len(tokens), batch.vectors.shape[-1]
    x = batch.vectors[chosen]
    if panel == "ids":
        if row >= len(batch.tokens) or column >= n:
            raise Refusal("no_such_cell")
        vector = ", ".join(show(v, 1) for v in batch.vectors[row, column].tolist())
        text = words(
            "masks.id_text", token=batch.tokens[row][column], id=batch.ids[row, column].item(), vector=vector
        )
        return {"title": words("masks.ids"), "sections": [{"title": "", "text": text}]}
    if panel in ("output_before", "output_after"):
        if row >= n or column >= d:
            raise Refusal("no_such_cell")
        attended = attend_batch(batch, "none" if panel == "output_before" else values["mask"])
        title = words("sheet.output_of", query=tokens[row], feature=column + 1)
        return output_sheet(words, title, attended.weights[chosen, row], x[:, column], tokens)
    if panel == "conventions":
        if row > 3 or column >= n:
            raise Refusal("no_such_cell")
        keys = ("minus_inf", "minus_1e9", "half", "zeros")
        text = words(f"masks.{keys[row]}_text", count=n)
        return {"title": words("masks." + keys[row]), "sections": [{"title": "", "text": text}]}
    if row >= n or column >= n:
        raise Refusal("no_such_cell")
    kind = "none" if panel == "before" else values["mask"]
    mask = batch_mask(kind, batch.lengths, n)
    cell = explain(x, x, x, row, column, None if mask is None else mask[chosen])
    return cell_sheet(cell, words, tokens[row], tokens[column])


def snippet(values: dict[str, Any]) -> str:
    """The weights and output of the chosen sentence, from the same lines."""
    return f"""import torch
from attention import attend
from attention.padding import batch_mask, read_batch

lines = {lines_of(values["text"])!r}
batch = read_batch(lines, extra={values["extra"]})      # ids and vectors, filled with zeros
mask = batch_mask({values["mask"]!r}, batch.lengths, batch.ids.shape[1])
x = batch.vectors                           # (sentences, positions, features)
output, weights, scores = attend(x, x, x, mask)
i = {study(values)[1]}
print(weights[i])
print(output[i])
"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API: the chosen sentence's tokens, mask, scores, weights, output."""
    batch, chosen, tokens = study(values)
    mask = batch_mask(values["mask"], batch.lengths, len(tokens))
    attended = attend_batch(batch, values["mask"])
    return {
        "tokens": tokens,
        "ids": batch.ids.tolist(),
        "lengths": batch.lengths.tolist(),
        "mask": None if mask is None else mask[chosen].tolist(),
        "scores": attended.scores[chosen].tolist(),
        "weights": attended.weights[chosen].tolist(),
        "output": attended.output[chosen].tolist(),
        "leak": leak(attend_batch(batch, "none").weights, batch.lengths)[chosen].item(),
    }


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look: each answer is computed from the inputs on screen."""
    batch, chosen, tokens = study(values)
    bare = attend_batch(batch, "none").weights
    padding = len(tokens) - int(batch.lengths[chosen])
    return [
        {
            "id": "leak",
            "hides": ["leak", "before"],
            "question": words("masks.task_leak"),
            "kind": "number",
            "unit": "%",
            "answer": 100 * leak(bare, batch.lengths)[chosen].item(),
            "tolerance": 5.0,
            "why": words("masks.task_leak_why", padding=padding, count=len(tokens)),
        },
        {
            "id": "empty",
            "hides": ["conventions"],
            "question": words("masks.task_empty"),
            "kind": "choice",
            "options": [words("masks.task_empty_" + o) for o in ("nan", "uniform", "zeros")],
            "answer": 1,
            "why": words("masks.task_empty_why", share=f"{1 / len(tokens):.3f}"),
        },
        {
            "id": "first",
            "hides": ["after"],
            "question": words("masks.task_first"),
            "kind": "number",
            "answer": attend_batch(batch, "causal").weights[chosen, 0, 0].item(),
            "tolerance": 0.005,
            "why": words("masks.task_first_why"),
        },
    ]
