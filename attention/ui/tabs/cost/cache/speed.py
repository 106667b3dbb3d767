"""One more token, timed with a cache and without, on the machine that answers: about a second in all."""

from __future__ import annotations

import time
from functools import lru_cache

import torch
from torch import Tensor

from .....cache import KeyValueCache
from .....decode import Decoder, forward
from .....decode.decoders import decoder_of
from .....pretrained import Model
from .....pretrained.adopted import to_gpt2
from .....pretrained.loading import READING
from .....storyteller.transformer import Sizes, Storyteller
from ....page.busy import slot
from ....page.panels import Panel, Readouts
from ....page.plots import Curve, Plot
from ....page.texts import Words

WIDER = Sizes(vocabulary=51, length=264, width=192, heads=6, layers=4, hidden=384)
LENGTHS = (256, 128, 64, 32)
LONG_MODEL = (64, 32, 16)  # lengths for a model of SmolLM2's size
BUDGET = 1.0  # seconds; no further measurement begins after that


@lru_cache(maxsize=1)
def wider() -> Decoder:
    """A decoder with random weights, three times the storyteller's width: time asks for no meaning."""
    with READING:
        return decoder_of(to_gpt2(Storyteller(WIDER, torch.Generator().manual_seed(0))).eval())


def seconds_of(decoder: Decoder, ids: Tensor, cached: bool) -> float:
    """The last of ids (n,) read: alone behind a cache that holds the others, or with all of them."""
    cache = KeyValueCache() if cached else None
    if cached:
        forward(decoder, ids[None, :-1], cache, last_only=True)
    begin = time.perf_counter()
    forward(decoder, ids[None, -1:] if cached else ids[None], cache, last_only=True)
    return time.perf_counter() - begin


@slot("measure", limit=1)
def measure(decoder: Decoder, lengths: tuple[int, ...]) -> list[tuple[int, float, float]]:
    """(length, seconds with, seconds without), the shorter of two runs each while the budget lasts.

    The longest comes first, so that it is measured on a slow machine too.
    """
    seconds_of(decoder, torch.zeros(8, dtype=torch.long), True)  # the first call warms up
    begin, found = time.perf_counter(), []
    for n in lengths:
        ids = torch.arange(n) % 50
        tries = [(seconds_of(decoder, ids, True), seconds_of(decoder, ids, False))]
        if time.perf_counter() - begin < BUDGET / 2:
            tries.append((seconds_of(decoder, ids, True), seconds_of(decoder, ids, False)))
        found.append((n, *(min(side) for side in zip(*tries, strict=True))))
        if time.perf_counter() - begin > BUDGET:
            break
    return sorted(found)


def measured(model: Model, words: Words) -> list[Panel]:
    """Milliseconds for one more token over the length of the text, and the ratio at the longest."""
    itself = model.name == "smollm2"
    found = measure(decoder_of(model.module), LONG_MODEL) if itself else measure(wider(), LENGTHS)
    n, fast, slow = found[-1]
    lengths = torch.tensor([one[0] for one in found]).float()
    names = [words("cost.cache_with"), words("cost.cache_without")]
    curves = [
        Curve(names[i], "line", lengths, 1000 * torch.tensor([one[i + 1] for one in found]), role)
        for i, role in enumerate(("accent", "truth"))
    ]
    what = words("cost.cache_speed_itself" if itself else "cost.cache_speed_wider")
    per = [
        (name, words("cost.cache_speed_unit", rate=f"{1 / took:,.0f}"), "")
        for name, took in zip(names, (fast, slow), strict=True)
    ]
    ratio = (words("cost.cache_speed_ratio", count=n), f"{slow / fast:.1f}×", words("cost.cache_speed_here"))
    return [
        Readouts("", [ratio, *per], words("cost.cache_speed_at", count=n, what=what), wide=True),
        Plot(
            "",
            words("cost.cache_speed_plot"),
            curves,
            words("cost.cache_speed_length"),
            words("cost.cache_speed_ms"),
            words("cost.cache_speed_caption"),
            wide=True,
        ),
    ]
