"""Near, first, and everything: what a window does to a small model that is run here, and to a larger one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .....window_figures import figures
from ....page.guard import Json
from ....page.panels import Axis, Heatmap, Look, Panel, Readouts, Scale, heading, largest
from ....page.plots import Curve, Plot
from ....page.scene import Goal, Scene, Task
from ....page.sheet import show
from ....page.texts import Words
from ..inputs import Inputs
from ..plain import windowed
from .sheets import sheet
from .study import Study, study

BLOCK = 32  # positions that one point of the larger model's curve averages


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
                Scale(high=largest(losses)), Look(digits=1, wide=True),
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
        "full": show(full, 3),
        "near": show(near, 3),
        "one": show(one, 3),
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
    snippet=snippet, results=results, tasks=tasks, notices=notices, plain=windowed,
)  # fmt: skip
