"""Padding masks: a ragged batch is filled up, masked, attended, and the leak is measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ...cell import explain
from ...export.heatmap import clean_label
from ...masks import softmax_with_minus_1e9, softmax_with_minus_inf
from ...padding import (
    LARGEST,
    MASKS,
    Batch,
    are_numbers,
    attend_batch,
    batch_mask,
    drift,
    leak,
    read_batch,
    split_line,
)
from ...pooling import Attended, attend
from ..page.fields import Choice, Text, Whole, given
from ..page.guard import Json, Refusal
from ..page.panels import Axis, Curve, Heatmap, Look, Panel, Plot, Readouts, Scale, heading, signed
from ..page.scene import Goal, Place, Scene, Tab, Task
from ..page.sheet import Section, Sheet, cell_sheet, output_sheet, show
from ..page.texts import Words

LINES, TOKENS = 6, 16
LONGER = 16  # filled-up positions over which the drift is drawn
CONVENTIONS = ("minus_inf", "minus_1e9", "half", "zeros")


@dataclass(frozen=True)
class Inputs:
    """A batch, one sentence a line, and which of them is looked at."""

    text: str = given(Text("the quick brown fox jumps\nhello world\nyes", 1000, lines=4))
    mask: str = given(Choice("padding", MASKS))
    sentence: int = given(Whole(2, 1, LINES))
    extra: int = given(Whole(0, 0, 8))


@dataclass(frozen=True, eq=False)
class Study:
    """The batch attended without a mask and with the chosen one. chosen: index of the sentence."""

    inputs: Inputs
    lines: list[str]
    batch: Batch
    chosen: int
    mask: Tensor | None  # of the whole batch, (b, n, n)
    bare: Attended
    kept: Attended

    @property
    def tokens(self) -> list[str]:
        """The chosen sentence's tokens, padding included."""
        return self.batch.tokens[self.chosen]

    @cached_property
    def allowed(self) -> Tensor:
        """(n, n) bool: who may be attended in the chosen sentence."""
        n = len(self.tokens)
        return torch.ones(n, n, dtype=torch.bool) if self.mask is None else self.mask[self.chosen]

    @cached_property
    def leaked(self) -> float:
        """The weight that the chosen sentence gives to padding when nothing is masked."""
        return leak(self.bare.weights, self.batch.lengths)[self.chosen].item()


def study(inputs: Inputs) -> Study:
    """Read the batch and attend to it twice."""
    lines = lines_of(inputs.text)
    if not any(map(split_line, lines)):
        raise Refusal("no_tokens", field="masks.text")
    batch = read_batch(lines, inputs.extra)
    # while a batch is being typed it is shorter than the slider; notices() says what is shown
    chosen = min(inputs.sentence, len(lines)) - 1
    mask = batch_mask(inputs.mask, batch.lengths, batch.ids.shape[1])
    bare = attend_batch(batch, "none")
    return Study(inputs, lines, batch, chosen, mask, bare, attend_batch(batch, inputs.mask))


def lines_of(text: str) -> list[str]:
    """The sentences of the batch; trailing empty lines are dropped, inner ones stay."""
    lines = text.rstrip().split("\n")
    if len(lines) > LINES:
        raise Refusal("too_many_lines", field="masks.text", limit=LINES, count=len(lines))
    tokens = [split_line(line) for line in lines]
    for i, line in enumerate(tokens, 1):
        if len(line) > TOKENS:
            raise Refusal("too_many_tokens", field="masks.text", line=i, limit=TOKENS, count=len(line))
    if are_numbers(word for line in tokens for word in line):
        for i, word in ((i, word) for i, line in enumerate(tokens, 1) for word in line):
            if abs(float(word)) > LARGEST:
                size = {"number": clean_label(word), "limit": f"{LARGEST:g}"}
                raise Refusal("number_size", field="masks.text", line=i, **size)
    return lines


def panels(s: Study, words: Words) -> list[Panel]:
    """Four steps: fill up, mask, attend without and with the mask, and what leaks."""
    return [*fill_and_mask(s, words), *attention(s, words), *leaking(s, words), *nothing_left(s, words)]


def fill_and_mask(s: Study, words: Words) -> list[Panel]:
    """The batch as ids, the chosen sentence's mask, and its scores."""
    n, ids = len(s.tokens), s.batch.ids
    sentences = [words("masks.line", number=i + 1) for i in range(len(s.batch.tokens))]
    scores = s.bare.scores[s.chosen]
    queries, keys = axes(s, words)
    return [
        heading(words("masks.step_fill"), words("masks.step_fill_text")),
        Heatmap("ids", words("masks.ids"), ids.float(), Axis(sentences),
                Axis([str(i + 1) for i in range(n)]), Scale(high=ids.max().item()),
                Look(digits=0, wide=True, cells=s.batch.tokens), words("masks.ids_caption"), ids == 0),
        heading(words("masks.step_mask", number=s.chosen + 1), words("masks.step_mask_text")),
        Heatmap("mask", words("masks.mask_title"), s.allowed.float(), queries, keys, look=Look(digits=0),
                caption=words("masks.mask_caption"), masked=~s.allowed),
        Heatmap("scores", words("masks.scores"), scores, queries, keys, signed(scores),
                caption=words("masks.scores_caption"), masked=~s.allowed),
    ]  # fmt: skip


def attention(s: Study, words: Words) -> list[Panel]:
    """Weights and outputs of the chosen sentence, without and with the mask."""
    queries, keys = axes(s, words)
    features = Axis([words("masks.feature", number=i + 1) for i in range(s.batch.vectors.shape[-1])])
    drawn: list[Panel] = [heading(words("masks.step_attend"), words("masks.step_attend_text"))]
    for id, attended, hatched in (("before", s.bare, None), ("after", s.kept, ~s.allowed)):
        weights, look = attended.weights[s.chosen], Look(sums=True)
        drawn.append(Heatmap(id, words(f"masks.{id}"), weights, queries, keys, look=look, masked=hatched))
    for id, attended in (("output_before", s.bare), ("output_after", s.kept)):
        output = attended.output[s.chosen]
        drawn.append(Heatmap(id, words(f"masks.{id}"), output, queries, features, signed(output)))
    return drawn


def leaking(s: Study, words: Words) -> list[Panel]:
    """How much weight falls on padding, and how far the output drifts as the neighbour grows."""
    after = leak(s.kept.weights, s.batch.lengths)[s.chosen].item()
    extra = torch.arange(LONGER + 1)
    note = words("masks.leak_note" if s.batch.lengths[s.chosen] else "masks.leak_empty")
    curves = [
        Curve(words(f"masks.drift_{mask}"), "line", extra, torch.as_tensor(drift(s.lines, mask)), role)
        for mask, role in (("none", "data"), ("padding", "accent"))
    ]
    return [
        heading(words("masks.step_leak"), words("masks.step_leak_text")),
        Readouts("leak", [
            (words("masks.leak_before"), f"{s.leaked:.1%}", note),
            (words("masks.leak_after"), f"{after:.1%}", words("masks." + s.inputs.mask)),
        ]),
        Plot("drift", words("masks.drift"), curves, words("masks.drift_x"), words("masks.drift_y"),
             words("masks.drift_caption")),
    ]  # fmt: skip


def nothing_left(s: Study, words: Words) -> list[Panel]:
    """A row in which nothing may be attended, by convention."""
    names = Axis([words("masks." + name) for name in CONVENTIONS])
    return [
        heading(words("masks.step_empty"), words("masks.step_empty_text")),
        Heatmap("conventions", words("masks.conventions"), fully_masked(s.bare.scores[s.chosen, 0]), names,
                axes(s, words)[1], look=Look(wide=True, sums=True),
                caption=words("masks.conventions_caption")),
    ]  # fmt: skip


def axes(s: Study, words: Words) -> tuple[Axis, Axis]:
    """The chosen sentence as queries and as keys."""
    return Axis(s.tokens, words("masks.query")), Axis(s.tokens, words("masks.key"))


def fully_masked(scores: Tensor) -> Tensor:
    """Weights (4, n) of a row in which nothing may be attended, one row for each convention."""
    nothing = torch.zeros_like(scores, dtype=torch.bool)
    try:
        half = softmax_with_minus_1e9(scores.half(), nothing).float()
    except OverflowError:  # the point of this row: half precision cannot hold -1e9
        half = torch.full_like(scores, float("inf"))
    zeros = attend(torch.ones(1, 1), torch.ones(len(scores), 1), scores[:, None], nothing).weights[0]
    rows = [softmax_with_minus_inf(scores, nothing), softmax_with_minus_1e9(scores, nothing), half, zeros]
    return torch.stack(rows)


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
