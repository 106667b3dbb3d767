"""The pictures of the cache scene: kept rows, what the mask does, what it costs, the first wrong word."""

from __future__ import annotations

import torch
from torch import Tensor

from .....ledger import first_written
from ....page.panels import Axis, Heatmap, Look, Panel, Scale, heading
from ....page.plots import Curve, PairBars, Plot
from ....page.texts import Words
from ..models import names_of
from .kinds import KeyRows, Measure, Slip
from .study import OTHER, WINDOW, Study


def panels(s: Study, words: Words) -> list[Panel]:
    """The rows that are kept, what they cost, the mistake, and the measurement."""
    return [
        *row_panels(s, words),
        *mask_panels(s, words),
        *cost_panels(s, words),
        *slip_panels(s, words),
        heading(words("cost.cache_speed_title"), words("cost.cache_speed_text")),
        Measure(
            "measure",
            words("cost.cache_measure"),
            "cache_speed",
            words("cost.cache_measure_button"),
            words("cost.cache_measuring"),
        ),
    ]


def row_panels(s: Study, words: Words) -> list[Panel]:
    """Keys and values as rows of tiles, and the weights of the new query."""
    inputs, keys = s.inputs, s.sides
    new, m = s.tokens[-1], len(s.tokens)
    text = "cache_free_text" if s.free is not None else "cache_step_text" if s.at else "cache_first_text"
    place = {"layer": inputs.layer, "head": inputs.head}
    return [
        heading(
            words("cost.cache_step", step=s.at, count=len(s.ledger) - 1, token=new, next=s.written[s.at]),
            words(f"cost.{text}", count=m, old=m - 1, token=new, moved=f"{s.moved.max().item():.2f}"),
        ),
        KeyRows(
            "keys",
            words("cost.cache_rows", **place),
            s.tokens,
            m - s.cached[s.at].read,
            keys[0],
            keys[1],
            s.query,
            s.weights[0],
            s.moved if s.free is not None else None,
            s.at,
            len(s.ledger) - 1,
            words("cost.cache_rows_free" if s.free is not None else "cost.cache_rows_caption"),
            words,
        ),
        Heatmap(
            "weights",
            words("cost.cache_weights", **place),
            s.weights,
            Axis([new], words("cost.cache_query")),
            Axis(s.tokens, words("cost.cache_key")),
            look=Look(wide=True, sums=True),
            caption=words("cost.cache_weights_free", count=m)
            if s.free is not None
            else words("cost.cache_weights_caption"),
        ),
    ]


def mask_panels(s: Study, words: Words) -> list[Panel]:
    """Without the mask: how far old keys moved, layer by layer, since they were first read."""
    if s.free is None:
        return []
    now, kept = s.free[s.at].keys, first_written(s.free[: s.at + 1])[0]
    without = (now - kept).abs().amax((1, 2, 3)).tolist()
    with_mask = (s.again - s.cached[s.at].keys).abs().amax((1, 2, 3)).tolist()
    names = [words("cost.cache_layer", layer=layer) for layer in range(len(without))]
    series = [(words("cost.cache_without_mask"), without), (words("cost.cache_with_mask"), with_mask)]
    right = names_of(s.model, [one.token for one in s.cached])
    other = next(
        (step for step, pair in enumerate(zip(s.written, right, strict=True)) if pair[0] != pair[1]), None
    )
    text = words("cost.cache_mask_same")
    if other is not None:
        values = {"step": other + 1, "first": s.written[other], "right": right[other]}
        text = words("cost.cache_mask_text", **values)
    return [
        heading(words("cost.cache_mask"), text),
        PairBars("moved", words("cost.cache_moved"), names, series, words("cost.cache_moved_caption"), 4),
    ]


def cost_panels(s: Study, words: Words) -> list[Panel]:
    """Multiplications of every step, with and without, and the bytes that are kept; of a legal cache only."""
    if s.free is not None:
        return []
    steps = torch.arange(len(s.cached)).float()
    rows = [words("cost.cache_with"), words("cost.cache_without")]
    products = torch.tensor(
        [[one.multiplications for one in ledger] for ledger in (s.cached, s.whole)]
    ).float()
    last = s.whole[-1].multiplications / s.cached[-1].multiplications
    layers, _, m, _ = s.cached[s.at].keys.shape
    size = torch.tensor(
        [
            [_bytes(side[layer]) for side in (s.cached[s.at].keys, s.cached[s.at].values)]
            for layer in range(layers)
        ]
    ).float()
    return [
        heading(
            words("cost.cache_cost"),
            words("cost.cache_cost_text", times=f"{last:.1f}", step=len(s.cached) - 1),
        ),
        Plot(
            "growth",
            words("cost.cache_growth"),
            [
                Curve(rows[0], "bars", steps, products[0], "accent"),
                Curve(rows[1], "bars", steps, products[1], "truth"),
            ],
            words("cost.cache_steps"),
            words("cost.cache_products"),
            words("cost.cache_growth_caption"),
        ),
        Heatmap(
            "bytes",
            words("cost.cache_bytes"),
            size,
            Axis([words("cost.cache_layer", layer=layer) for layer in range(layers)]),
            Axis([words("cost.cache_keys"), words("cost.cache_values")]),
            Scale(high=2 * size.max().item()),
            Look(digits=0, sums=True),
            words("cost.cache_bytes_caption", each=f"{s.each:,}", count=m, total=f"{s.cached[s.at].bytes:,}"),
        ),
        Heatmap(
            "products",
            words("cost.cache_table"),
            products,
            Axis(rows),
            Axis([str(int(step)) for step in steps], words("cost.cache_steps")),
            Scale(high=products.max().item()),
            Look(wide=True, cells=[[_brief(one) for one in row] for row in products.tolist()]),
            words("cost.cache_table_caption"),
        ),
    ]


def _bytes(x: Tensor) -> int:
    return x.numel() * x.element_size()


def _brief(number: float) -> str:
    return f"{number / 1e6:.2f}M" if number >= 1e6 else f"{number / 1e3:.0f}k"


def slip_panels(s: Study, words: Words) -> list[Panel]:
    """The chosen mistake: the first wrong word, how it came about, and how far the logits are off."""
    mistake = s.inputs.mistake
    if mistake == "none":
        return []
    title = words(f"cost.cache_slip_{mistake}")
    if s.wrong is None:
        return [heading(title, words("cost.cache_slip_cannot"))]
    wrong, right = s.wrong, names_of(s.model, s.wrong.tokens)
    instead = None if wrong.instead is None else names_of(s.model, [wrong.instead])[0]
    steps = torch.arange(1, len(right) + 1).float()
    caption = words("cost.cache_slip_none", count=len(right), off=f"{wrong.off.max().item():.3f}")
    if wrong.first is not None:
        values = {
            "step": wrong.first + 1,
            "right": right[wrong.first],
            "wrong": instead,
            "off": f"{wrong.off[wrong.first].item():.2f}",
        }
        caption = words("cost.cache_slip_first", **values)
    return [
        heading(title, words(f"cost.cache_slip_{mistake}_why", window=WINDOW, other=OTHER)),
        Slip(
            "wrong",
            words("cost.cache_slip"),
            s.prompt,
            right,
            wrong.first,
            instead,
            caption,
            words("cost.cache_slip_right"),
            words("cost.cache_slip_wrong"),
        ),
        Plot(
            "off",
            words("cost.cache_off"),
            [Curve(words("cost.cache_off_name"), "bars", steps, wrong.off, "accent")],
            words("cost.cache_off_x"),
            words("cost.cache_off_y"),
            words("cost.cache_off_caption"),
        ),
    ]
