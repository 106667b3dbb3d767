"""Does a small model break behind a window, as large ones do? Measured once, shipped, and made again by

``python -m attention.window_figures``, which runs SmolLM2 (135 million parameters, 30 layers of 9 heads) over
a text that was written for it: with every key, with the last w alone, with the last w and the first few
(Xiao et al. 2023), and with the last w and one learned number per head instead, the sink logit of gpt-oss.
Only those 270 numbers are learned, on another text; nothing of the model changes.

Shapes: n tokens, L layers, h heads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from .assets import assets
from .decode import Decoder
from .masks import causal_mask
from .sharing import grouped_attend
from .windows import loss_by_position, window_mask

FIGURES = assets() / "trained" / "window_figures.json"
TOKENS, WINDOWS, FIRST = 512, (16, 32, 64, 128), (0, 1, 2, 4)
LEARNED_WITH, STEPS, RATE = 64, 40, 0.1  # window, steps and rate while the sink logits are learned


def read(
    decoder: Decoder,
    ids: Tensor,
    mask: Tensor,
    sinks: Tensor | None = None,
    look: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Logits (b, n, vocabulary) of ids (b, n) under a mask (n, n) for every layer.

    mask: may be (b, 1, n, n), one for each text. sinks (L, h): a learned logit per head. look: called with
    the weights (b, h, n, n) of every layer.
    """
    positions = torch.arange(ids.shape[-1])
    x = decoder.embed(ids, positions)
    for layer in range(decoder.num_layers):
        query, key, value = decoder.project(layer, x)
        query, key = decoder.rotate(query, positions), decoder.rotate(key, positions)
        own = None if sinks is None else sinks[layer].reshape(1, -1, 1, 1)
        attended = grouped_attend(
            query, key, value, mask, scale=decoder.scale, sinks=own, need_weights=look is not None
        )
        if look is not None:
            look(attended.weights)
        x = decoder.finish(layer, x, attended.output)
    return decoder.logits(x)


def learn_sinks(
    decoder: Decoder, ids: Tensor, window: int, shape: tuple[int, int], steps: int = STEPS, rate: float = RATE
) -> tuple[Tensor, list[float]]:
    """Sink logits (L, h), begun at 0, by Adam on the loss of ids (1, n) behind a window; and the losses.

    Nothing else is learned: the model's own numbers must not ask for gradients.
    """
    sinks = torch.zeros(shape, requires_grad=True)
    optimizer, mask = torch.optim.Adam([sinks], lr=rate), window_mask(*(ids.shape[-1],) * 2, window)
    losses = []
    for _ in range(steps):
        loss = loss_by_position(read(decoder, ids, mask, sinks), ids).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sinks.detach(), losses


@torch.no_grad()
def measure(
    decoder: Decoder, ids: Tensor, learned: Tensor, windows: Sequence[int] = WINDOWS
) -> dict[str, Any]:
    """Loss (n - 1) by position: every key, windows, those with first tokens, those with ``learned``."""
    n = ids.shape[-1]
    share: list[Tensor] = []

    def loss(
        mask: Tensor, sinks: Tensor | None = None, look: Callable[[Tensor], None] | None = None
    ) -> list[float]:
        found = loss_by_position(read(decoder, ids, mask, sinks, look), ids)[0]
        return [round(x, 3) for x in found.tolist()]

    # the mean weight on the first key, of all queries from the 65th on
    curves = {"full": loss(causal_mask(n), look=lambda weights: share.append(weights[0, :, 64:, 0].mean(-1)))}
    for window in windows:
        for first in FIRST:
            curves[f"{window}.{first}"] = loss(window_mask(n, n, window, first))
        curves[f"{window}.learned"] = loss(window_mask(n, n, window), learned)
    return {"loss": curves, "first_share": [[round(x, 3) for x in row.tolist()] for row in share]}


@lru_cache(maxsize=1)
def figures() -> dict[str, Any]:
    """The shipped figures: "loss" by position and setting, "first_share" (L, h), "sinks" (L, h), ..."""
    found: dict[str, Any] = json.loads(FIGURES.read_text("utf-8"))
    return found


def text(name: str) -> str:
    """The text that was "read" for the losses, or the one the sink logits were learned from ("learn")."""
    return (FIGURES.parent / f"window_{name}.txt").read_text("utf-8")


def main() -> None:
    from .decode.decoders import decoder_of
    from .pretrained import load_model

    model = load_model("smollm2", device="cpu")
    decoder = decoder_of(model.module.requires_grad_(False))
    reading, learning = (
        torch.tensor([model.tokenizer(text(name))["input_ids"][:TOKENS]]) for name in ("read", "learn")
    )
    sinks, losses = learn_sinks(decoder, learning, LEARNED_WITH, (model.num_layers, model.num_heads))
    found = measure(decoder, reading, sinks)
    kept = {
        "model": model.name, "tokens": reading.shape[-1], "learned_from": learning.shape[-1],
        "learned_with": LEARNED_WITH, "steps": STEPS, "learning": [round(x, 3) for x in losses],
        "sinks": [[round(x, 3) for x in row] for row in sinks.tolist()], **found,
    }  # fmt: skip
    FIGURES.write_text(json.dumps(kept) + "\n", "utf-8")
    for name, loss in kept["loss"].items():
        print(f"{name:12s} {sum(loss) / len(loss):.3f}")


if __name__ == "__main__":
    main()
