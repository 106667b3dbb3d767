"""``python -m attention.storyteller train`` or ``figures``: make the weights, or measure them."""

from __future__ import annotations

import argparse
import json
from typing import Any

import torch

from .train import FIGURES, SEED, STEPS, WEIGHTS, load, measure, save, train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m attention.storyteller", description=__doc__)
    parser.add_argument("what", choices=("train", "figures"))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args()
    torch.set_num_threads(1)  # with more, sums round otherwise and the figures differ
    if given.what == "train":
        model, checkpoints = train(given.seed, given.steps, report=_show)
        save(model, checkpoints, given.seed)
        print(f"wrote {WEIGHTS.name} ({WEIGHTS.stat().st_size} bytes) and {FIGURES.name}")
    print(json.dumps(measure(load()), indent=1))


def _show(checkpoint: dict[str, Any]) -> None:
    loss = "" if checkpoint["loss"] is None else f"loss {checkpoint['loss']:.3f}  "
    shares = "  ".join(f"{name} {share:.2f}" for name, share in checkpoint["accuracy"].items())
    print(f"step {checkpoint['step']:5d}  {loss}{shares}", flush=True)


if __name__ == "__main__":
    main()
