"""Near, first, and everything: what a window does to a small model that is run here, and to a larger one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from ....decode import Decoder
from ....decode.decoders import decoder_of
from ....masks import pad_sequences
from ....pretrained.adopted import to_gpt2
from ....storyteller.sentences import PATTERNS, make_story
from ....storyteller.train import encode, load
from ....window_figures import WINDOWS, figures, read
from ....windows import loss_by_position, reach, window_mask
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Curve, Heatmap, Look, Panel, Plot, Readouts, Scale, heading
from ...page.scene import Goal, Place, Scene, Task
from ...page.sheet import Grid, Section, Sheet, show
from ...page.texts import Words
from .inputs import Inputs

SHORTEST, LONGEST = 16, 24  # tokens of the two stories that are read
FROM = 12  # the seed that 0 stands for: in both languages it opens with an answer a window hides
STORIES = 20  # held-out stories of each pattern
EARLY = 8  # queries that are too near the first token to tell what they park there
BLOCK = 32  # positions that one point of the larger model's curve averages


@dataclass(frozen=True, eq=False)
class Study:
    """Two stories read with every key, behind a window, and with the first tokens kept beside it.

    weights (h, n, n): the last layer's under the mask that was chosen. parked_here: the mean weight on the
    first token with every key, all layers and heads, queries from the 9th on. losses: (n - 1,) by setting.
    heard (L, n, n): who hears whom after each layer. right: the share of held-out stories that were continued
    rightly, by setting.
    """

    inputs: Inputs
    tokens: tuple[str, ...]
    mask: Tensor
    weights: Tensor
    parked_here: float
    losses: dict[str, Tensor]
    heard: Tensor
    right: dict[str, float]

    @property
    def window(self) -> int:
        return int(self.inputs.window)

    @property
    def first(self) -> int:
        return int(self.inputs.first)

    @property
    def measured(self) -> int:
        """The window that the larger model was measured behind: none is below 16."""
        return max(self.window, WINDOWS[0])

    @property
    def settings(self) -> list[str]:
        """The settings that differ: the first tokens only where some are kept."""
        return ["full", "near"] + ["both"] * (self.first > 0)

    @cached_property
    def parked(self) -> Tensor:
        """(L, h): the larger model's mean weight on the first token."""
        return torch.tensor(figures()["first_share"])

    def larger(self, setting: str) -> Tensor:
        """(511,): the larger model's loss by position; setting may be "learned" too."""
        kind = {"near": "0", "both": str(self.first), "learned": "learned"}.get(setting)
        return torch.tensor(figures()["loss"]["full" if kind is None else f"{self.measured}.{kind}"])

    def damage(self, setting: str) -> float:
        """How much a setting adds to the larger model's mean loss."""
        return (self.larger(setting).mean() - self.larger("full").mean()).item()


@lru_cache(maxsize=1)
def small() -> Decoder:
    """The storyteller, opened so that any mask can be laid over it."""
    return decoder_of(to_gpt2(load()))


def stories(language: str, seed: int) -> tuple[str, ...]:
    """Two stories of a language in one text, of 16 to 24 tokens."""
    generator = torch.Generator().manual_seed(FROM + seed)
    while True:
        first, second = (
            make_story(
                PATTERNS[int(torch.randint(len(PATTERNS), (), generator=generator))], language, generator
            )
            for _ in range(2)
        )
        if SHORTEST <= len(first.tokens) + len(second.tokens) <= LONGEST:
            return (*first.tokens, *second.tokens)


@torch.no_grad()
def study(inputs: Inputs) -> Study:
    """Read the stories three times, follow who hears whom, and count what is continued rightly."""
    tokens = stories(inputs.stories, inputs.seed)
    n, window, first = len(tokens), int(inputs.window), int(inputs.first)
    ids = torch.tensor([encode(tokens)])
    masks = {"full": window_mask(n, n, n), "near": window_mask(n, n, window)}
    masks["both"] = window_mask(n, n, window, first) if first else masks["near"]
    seen: dict[str, list[Tensor]] = {setting: [] for setting in masks}  # the weights of every layer
    losses = {
        setting: loss_by_position(read(small(), ids, mask, look=seen[setting].append), ids)[0]
        for setting, mask in masks.items()
    }
    here = torch.cat(seen["full"])[..., EARLY:, 0].mean().item()
    heard = reach([masks["both"]] * inputs.layers)
    kept = {"full": (n, 0), "near": (window, 0), "both": (window, first)}
    right = {name: accuracy(inputs.stories, *each) if name != "full" else accuracy(inputs.stories, 64, 0)
             for name, each in kept.items()}  # fmt: skip
    return Study(inputs, tokens, masks["both"], seen["both"][-1][0], here, losses, heard, right)


@lru_cache(maxsize=64)
def accuracy(language: str, window: int, first: int) -> float:
    """The share of 100 held-out stories whose settled word the storyteller still finds likeliest."""
    prompts, lengths, wanted = examples(language)
    n = prompts.shape[1]
    found = read(small(), prompts, window_mask(n, n, window, first)).argmax(-1)
    found = found.gather(1, lengths[:, None] - 1)[:, 0]
    return (found == wanted).float().mean().item()


@lru_cache(maxsize=2)
def examples(language: str) -> tuple[Tensor, Tensor, Tensor]:
    """(prompts (b, n), lengths (b,), settled words (b,)) of held-out stories, all patterns alike."""
    generator = torch.Generator().manual_seed(4)
    drawn = [make_story(p, language, generator, held_out=True) for p in PATTERNS for _ in range(STORIES)]
    prompts, lengths = pad_sequences([encode(story.prompt) for story in drawn])
    return prompts, lengths, torch.tensor(encode(story.answer for story in drawn))


def panels(s: Study, words: Words) -> list[Panel]:
    """Mask and weights, reach, the small model's losses, and the larger model's."""
    n, names = len(s.tokens), list(s.tokens)
    queries, keys = Axis(names, words("cost.query")), Axis(names, words("cost.key"))
    last = s.heard[:, -1].float().flip(0)  # the deepest layer on top
    layers = Axis([words("cost.window_layer", number=i) for i in range(len(last), 0, -1)])
    cells = [["●" if heard else "" for heard in row] for row in last.tolist()]
    return [
        heading(words("cost.window_step"), words("cost.window_step_text")),
        Heatmap("weights", words("cost.window_weights"), s.weights.mean(0), queries, keys,
                look=Look(wide=True), caption=words("cost.window_weights_caption"), masked=~s.mask),
        Heatmap("reach", words("cost.window_reach", token=names[-1]), last, layers, keys,
                look=Look(digits=0, wide=True, cells=cells),
                caption=words("cost.window_reach_caption", count=int(last[0].sum()), n=n)),
        *losing(s, words), *breaking(s, words),
    ]  # fmt: skip


def losing(s: Study, words: Words) -> list[Panel]:
    """The storyteller's loss at every word, and how many stories it still continues rightly."""
    losses = torch.stack([s.losses[setting] for setting in s.settings])
    rows = Axis([words(f"cost.window_{setting}") for setting in s.settings])
    return [
        heading(words("cost.window_small"), words("cost.window_small_text")),
        Heatmap("loss", words("cost.window_loss"), losses, rows,
                Axis(list(s.tokens[1:]), words("cost.window_next")),
                Scale(high=max(losses.max().item(), 1e-6)), Look(digits=1, wide=True),
                words("cost.window_loss_caption")),
        Readouts("right", [
            (words(f"cost.window_{setting}"), f"{s.right[setting]:.0%}", words("cost.window_right_note"))
            for setting in s.settings
        ], words("cost.window_right")),
    ]  # fmt: skip


def breaking(s: Study, words: Words) -> list[Panel]:
    """SmolLM2's loss by position, measured once; and where it parks its weight."""
    found = figures()
    settings = [*s.settings, "learned"]
    roles = {"full": "truth", "near": "data", "both": "accent", "learned": "muted"}
    curves = [
        Curve(words(f"cost.window_{one}"), "line", *blocks(s.larger(one)), roles[one]) for one in settings
    ]
    layers, heads = s.parked.shape
    scale = Scale(high=s.parked.max().item())
    deep = s.parked[layers // 2 :].mean().item()
    values = {"share": f"{deep:.0%}", "half": layers // 2 + 1, "layers": layers}
    note = words("cost.window_mean_note")
    means = [(words(f"cost.window_{one}"), show(s.larger(one).mean().item(), 3), note) for one in settings]
    own = (words("cost.window_own"), f"{s.parked_here:.1%}",
           words("cost.window_own_note", share=f"{s.parked.mean():.0%}"))  # fmt: skip
    return [
        heading(words("cost.window_large"),
                words("cost.window_large_text", tokens=found["tokens"], count=layers * heads)),
        Plot("larger", words("cost.window_larger", window=s.measured), curves, words("cost.window_position"),
             words("cost.window_nats"), words("cost.window_larger_caption", block=BLOCK)),
        Heatmap("parked", words("cost.window_parked"), s.parked.T,
                Axis([str(i + 1) for i in range(heads)], words("cost.window_head")),
                Axis([str(i + 1) for i in range(layers)], words("cost.window_layers")), scale,
                Look(opens=False), words("cost.window_parked_caption", **values)),
        Readouts("means", [*means, own], words("cost.window_means", window=s.measured)),
    ]  # fmt: skip


def blocks(loss: Tensor) -> tuple[Tensor, Tensor]:
    """Middles of blocks of 32 positions, and the mean loss in each."""
    parts = loss.split(BLOCK)
    middles = [1 + BLOCK * i + (len(part) - 1) / 2 for i, part in enumerate(parts)]
    return torch.tensor(middles), torch.stack([part.mean() for part in parts])


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A weight by heads, a path through the layers, or a loss from its probability."""
    n = len(s.tokens)
    if place.panel == "weights":
        return weight_sheet(s, words, place.within(n, n))
    if place.panel == "reach":
        return reach_sheet(s, words, place.within(len(s.heard), n))
    if place.panel != "loss":
        raise Refusal("no_such_cell")
    place = place.within(len(s.settings), n - 1)
    loss = s.losses[s.settings[place.row]][place.column].item()
    title = words("cost.window_loss_title", word=s.tokens[place.column + 1], number=place.column + 2)
    lines = [
        (words("cost.window_probability"), "", show(math.exp(-loss))),
        (words("cost.window_loss_line"), f"-ln({show(math.exp(-loss))})", show(loss)),
    ]
    text = words("cost.window_loss_text", setting=words(f"cost.window_{s.settings[place.row]}"))
    return Sheet(title, [Section(text=text, lines=lines)])


def weight_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The heads' weights, their mean, and the two rules of the mask."""
    row, column = place.row, place.column
    title = words("sheet.title", query=s.tokens[row], key=s.tokens[column])
    back = row - column
    if back < 0:
        rule = words("cost.window_ahead")
    else:
        key = "near" if back < s.window else "first" if column < s.first else "neither"
        rule = words(f"cost.window_rule_{key}", back=back, window=s.window, first=s.first)
    every = s.weights[:, row, column].tolist()
    mean = s.weights[:, row, column].mean().item()
    listed = [[words("cost.window_head_number", number=i + 1), show(one)] for i, one in enumerate(every)]
    listed.append([words("sheet.sum"), show(sum(every))])
    table = Grid([words("cost.window_head"), words("sheet.weight")], listed, total=True)
    lines = [(words("cost.window_mean"), f"{show(sum(every))} / {len(every)}", show(mean))]
    return Sheet(title, [Section(words("cost.window_rule"), rule),
                         Section(words("cost.window_heads"), table=table, lines=lines)])  # fmt: skip


def reach_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """By way of whom the last token hears from a token, in this layer."""
    layer, column, last = len(s.heard) - 1 - place.row, place.column, len(s.tokens) - 1
    below = torch.eye(last + 1, dtype=torch.bool) if layer == 0 else s.heard[layer - 1]
    by = [k for k in range(last + 1) if s.mask[last, k] and below[k, column]]
    title = words("cost.window_reach_title", token=s.tokens[column], number=column + 1, layer=layer + 1)
    if not s.heard[layer, last, column]:
        return Sheet(title, [Section(text=words("cost.window_unheard"))])
    if not by:
        return Sheet(title, [Section(text=words("cost.window_heard_before"))])
    rows = [[f"{k + 1} {s.tokens[k]}"] for k in by]
    text = words("cost.window_heard", count=len(by))
    return Sheet(title, [Section(text=text, table=Grid([words("cost.window_by")], rows))])


def snippet(s: Study) -> str:
    """The same stories under the same mask, and the shipped figures."""
    inputs, n = s.inputs, len(s.tokens)
    return f"""import torch
from attention.decode.decoders import decoder_of
from attention.pretrained.adopted import to_gpt2
from attention.storyteller.train import encode, load
from attention.window_figures import WINDOWS, figures, read
from attention.windows import loss_by_position, reach, window_mask

decoder = decoder_of(to_gpt2(load()))
tokens = {list(s.tokens)!r}
ids, n = torch.tensor([encode(tokens)]), {n}
mask = window_mask(n, n, window={s.window}, sinks={s.first})
seen = []
with torch.no_grad():
    logits = read(decoder, ids, mask, look=seen.append)
print(seen[-1][0].mean(0))                         # the last layer's weights, mean of its heads
print(loss_by_position(logits, ids))
print(reach([mask] * {inputs.layers})[:, -1].int())            # what the last token hears from

larger = figures()["loss"]                         # SmolLM2, 512 tokens: python -m attention.window_figures
for name in ("full", "{s.measured}.0", "{s.measured}.{s.first}", "{s.measured}.learned"):
    print(name, sum(larger[name]) / len(larger[name]))
"""


def results(s: Study) -> Json:
    """Plain numbers for the API."""
    settings: dict[str, Any] = {
        one: {"loss": s.losses[one].tolist(), "right": s.right[one]} for one in s.settings
    }
    return {
        "tokens": list(s.tokens), "mask": s.mask.tolist(), "weights": s.weights.mean(0).tolist(),
        "reach": s.heard[:, -1].tolist(), "settings": settings,
        "larger": {one: s.larger(one).tolist() for one in (*s.settings, "learned")},
        "parked": s.parked.tolist(),
    }  # fmt: skip


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    """How far the last token hears, what one first token mends, and letting it hear the first word."""
    n, layers, first = len(s.tokens), s.inputs.layers, s.first
    found: list[Task | Goal] = []
    if not first:
        count = int(s.heard[-1, -1].sum())
        values = {"window": s.window, "layers": layers, "n": n}
        found.append(
            Task("reach", words("cost.window_task_reach", **values), count,
                 words("cost.window_task_reach_why", **values, back=(s.window - 1) * layers, count=count),
                 hides=["reach"])
        )  # fmt: skip
    loss = figures()["loss"]
    means = {
        name: sum(loss[name]) / len(loss[name]) for name in ("full", f"{s.measured}.0", f"{s.measured}.1")
    }
    full, near, one = means.values()
    mended = (near - one) / (near - full)
    measured: dict[str, object] = {
        "window": s.measured,
        "full": show(full, 2),
        "near": show(near, 2),
        "one": show(one, 2),
    }
    found.append(
        Task("sink", words("cost.window_task_sink", **measured), min(int(max(mended, 0) * 3), 2),
             words("cost.window_task_sink_why", **measured, share=f"{mended:.0%}"),
             [words(f"cost.window_task_sink_{o}") for o in ("little", "middle", "most")],
             hides=["larger", "means"])
    )  # fmt: skip
    lowest = s.right["near"]
    small: dict[str, object] = {"full": f"{s.right['full']:.0%}", "window": s.window}
    found.append(
        Task("right", words("cost.window_task_right", **small), 100 * lowest,
             words("cost.window_task_right_why", **small, near=f"{lowest:.0%}"), tolerance=15, unit="%",
             bar=(0.0, 100.0), hides=["right", "loss"])
    )  # fmt: skip
    reached = first == 0 and s.window <= 8 and bool(s.heard[-1, -1, 0])
    now = words(
        "cost.window_task_through_now", count=int(s.heard[-1, -1].sum()), n=n, window=s.window, first=first
    )
    found.append(Goal("through", words("cost.window_task_through"), reached, now,
                      words("cost.window_task_through_why", layers=layers, window=s.window)))  # fmt: skip
    return found


def notices(s: Study, words: Words) -> list[str]:
    """Where the window is wider than the stories."""
    n = len(s.tokens)
    return [words("cost.window_wide", window=s.window, n=n)] if s.window >= n else []


SCENE: Scene[Inputs, Study] = Scene(
    fields=("window", "first", "layers", "stories", "seed"), study=study, panels=panels, sheet=sheet,
    snippet=snippet, results=results, tasks=tasks, notices=notices,
)  # fmt: skip
