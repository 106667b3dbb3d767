"""Padding masks: a ragged batch is filled up, masked, attended, and the leak is measured."""

from __future__ import annotations

from ....cell import explain
from ....padding import attend_batch, leak
from ...page.guard import Json
from ...page.scene import Goal, Place, Scene, Tab, Task
from ...page.sheet import Section, Sheet, cell_sheet, output_sheet, show
from ...page.texts import Words
from .pictures import CONVENTIONS, panels
from .study import Inputs, Study, study


def notices(s: Study, words: Words) -> list[str]:
    """Which sentence is shown where the one asked for does not exist."""
    count = len(s.lines)
    return [words("masks.last_line", count=count)] if s.inputs.sentence > count else []


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of any panel."""
    x, n, row, column = s.batch.vectors[s.chosen], len(s.tokens), place.row, place.column
    if place.panel == "ids":
        place.within(len(s.batch.tokens), n)
        vector = ", ".join(show(v, 1) for v in s.batch.vectors[row, column].tolist())
        token, id = s.batch.tokens[row][column], s.batch.ids[row, column].item()
        text = words("masks.id_text", token=token, id=id, vector=vector)
        return Sheet(words("masks.ids"), [Section(text=text)])
    if place.panel in ("output_before", "output_after"):
        place.within(n, x.shape[1])
        attended = s.bare if place.panel == "output_before" else s.kept
        title = words("sheet.output_of", query=s.tokens[row], feature=column + 1)
        return output_sheet(words, title, attended.weights[s.chosen, row], x[:, column], s.tokens)
    if place.panel == "conventions":
        name = CONVENTIONS[place.within(len(CONVENTIONS), n).row]
        return Sheet(words("masks." + name), [Section(text=words(f"masks.{name}_text", count=n))])
    place.within(n, n)
    mask = None if place.panel == "before" or s.mask is None else s.mask[s.chosen]
    return cell_sheet(explain(x, x, x, row, column, mask), words, s.tokens[row], s.tokens[column])


def snippet(s: Study) -> str:
    """The weights and output of the chosen sentence, from the same lines."""
    return f"""import torch
from attention import attend
from attention.padding import batch_mask, read_batch

lines = {s.lines!r}
batch = read_batch(lines, extra={s.inputs.extra})      # ids and vectors, filled with zeros
mask = batch_mask({s.inputs.mask!r}, batch.lengths, batch.ids.shape[1])
x = batch.vectors                           # (sentences, positions, features)
output, weights, scores = attend(x, x, x, mask)
i = {s.chosen}
print(weights[i])
print(output[i])
"""


def plain(s: Study) -> str:
    """The batch as vectors, filled up and masked; no line for a mask that is off."""
    kind, lengths = s.inputs.mask, s.batch.lengths.tolist()
    n, d = s.batch.vectors.shape[1:]
    sentences = [x[:length].tolist() for x, length in zip(s.batch.vectors, lengths, strict=True)]
    rows = [[[float(f"{number:.6g}") for number in vector] for vector in sentence] for sentence in sentences]
    lines = ["import torch", "", "sentences = [    # a vector for each token"]
    lines += [f"    torch.tensor({row!r}).view(-1, {d})," for row in rows]
    lines += ["]", f"x = torch.zeros(len(sentences), {n}, {d})    # zeros are the padding"]
    lines += ["for row, sentence in zip(x, sentences):", "    row[: len(sentence)] = sentence", ""]
    lines.append(f"scores = x @ x.transpose(1, 2){f' / {d} ** 0.5' if d > 1 else ''}")
    if kind in ("padding", "both"):
        lines += [
            "lengths = torch.tensor([len(sentence) for sentence in sentences])",
            f"padding = torch.arange({n}) >= lengths[:, None]    # (sentences, positions)",
            "scores = scores.masked_fill(padding[:, None, :], -torch.inf)    # no query looks at padding",
        ]
    if kind in ("causal", "both"):
        lines += [
            f"later = torch.ones({n}, {n}, dtype=torch.bool).triu(1)",
            "scores = scores.masked_fill(later, -torch.inf)    # no query looks ahead",
        ]
    nothing = kind in ("padding", "both") and 0 in lengths
    rule = ".nan_to_num(0.0)    # a row that may look at nothing gives nothing" if nothing else ""
    return "\n".join([
        *lines,
        f"weights = torch.softmax(scores, dim=-1){rule}",
        "output = weights @ x",
        f"print(weights[{s.chosen}])    # queries x keys",
        f"print(output[{s.chosen}])",
    ]) + "\n"  # fmt: skip


def results(s: Study) -> Json:
    """Plain numbers for the API: the chosen sentence's tokens, mask, scores, weights, output."""
    kept, i = s.kept, s.chosen
    return {
        "tokens": s.tokens, "ids": s.batch.ids.tolist(), "lengths": s.batch.lengths.tolist(),
        "mask": None if s.mask is None else s.mask[i].tolist(), "scores": kept.scores[i].tolist(),
        "weights": kept.weights[i].tolist(), "output": kept.output[i].tolist(), "leak": s.leaked,
    }  # fmt: skip


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    """What the lesson asks: each answer is computed from the inputs on screen."""
    n = len(s.tokens)
    after = leak(s.kept.weights, s.batch.lengths)[s.chosen].item()
    padding = n - int(s.batch.lengths[s.chosen])
    first = attend_batch(s.batch, "causal").weights[s.chosen, 0, 0].item()
    itself = "masks.task_first" if padding < n else "masks.task_first_empty"
    return [
        Task("leak", words("masks.task_leak"), 100 * s.leaked,
             words("masks.task_leak_why", padding=padding, count=n, share=f"{s.leaked:.1%}"), tolerance=5.0,
             unit="%", hides=["leak", "before", "after", "drift"], bar=(0.0, 100.0),
             cell=("before", 0, n - 1)),
        Task("empty", words("masks.task_empty"), 1, words("masks.task_empty_why", share=f"{1 / n:.3f}"),
             [words("masks.task_empty_" + o) for o in ("nan", "uniform", "zeros")], hides=["conventions"]),
        Task("first", words(itself), first, words(itself + "_why"), tolerance=0.005,
             hides=["after"]),
        Goal("half", words("masks.goal_half"), s.leaked > 0.5,
             words("masks.goal_now", share=f"{s.leaked:.1%}"),
             words("masks.goal_half_why", padding=padding, count=n)),
        Goal("tight", words("masks.goal_tight"), s.leaked > 0 == after and s.inputs.mask == "padding",
             words("masks.goal_now", share=f"{after:.1%}"),
             words("masks.goal_tight_why", before=f"{s.leaked:.1%}")),
    ]  # fmt: skip


TAB = Tab(
    id="masks",
    inputs=Inputs,
    scenes={"": Scene(
        fields=("text", "mask", "sentence", "extra"), study=study, panels=panels, sheet=sheet,
        snippet=snippet, results=results, tasks=tasks, notices=notices, plain=plain,
    )},
    examples=(
        ("example_short", {"text": "the cat sat on the mat today\nhi", "mask": "none", "sentence": 2}),
        ("example_numbers", {"text": "3 1 2\n2 1", "mask": "both", "sentence": 2, "extra": 1}),
        ("example_chinese", {"text": "我爱北京天安门\n你好\n今天天气真好", "mask": "padding"}),
        ("example_empty", {"text": "a sentence\n\nanother one", "mask": "padding", "sentence": 2}),
    ),
)  # fmt: skip
