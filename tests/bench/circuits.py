"""How long the instruments of the model tab take, of what a learner waits for, on one core."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from attention.circuits import patch_grid, score_parts
from attention.pretrained import load_model, tokenize

from . import report

GAVE, OTHER = (f"ann and bo went to the park . {who} gave the ball to" for who in ("ann", "bo"))
TIRED, WIDE = (
    f"The animal did not cross the street today because it was {how}." for how in ("so tired", "so wide")
)


def main() -> None:
    """Seconds as a share of the goal: whole grids, and one score taken apart."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        storyteller, minilm = load_model("storyteller"), load_model("minilm")
        gave, tired = tokenize(storyteller, GAVE), tokenize(minilm, TIRED)
        words = storyteller.tokenizer.get_vocab()
        grid(f"storyteller, all heads at {len(gave)} tokens", 1.0, lambda: patch_grid(
            storyteller, gave, tokenize(storyteller, OTHER), words["bo"], words["ann"]))  # fmt: skip
        grid(f"MiniLM, 72 heads at {len(tired)} tokens", 3.0, lambda: patch_grid(
            minilm, tired, tokenize(minilm, WIDE)))  # fmt: skip
        grid("storyteller, a score in its parts", 0.3, lambda: score_parts(storyteller, gave, 1, 0, 12, 8))
        grid("MiniLM, a score in its parts", 0.3, lambda: score_parts(minilm, tired, 5, 1, 9, 2))
        try:
            smol = load_model("smollm2")
        except ValueError:
            print("    SmolLM2 is not here")
            return
        text = tokenize(smol, "Ann and Bo went to the park. Ann gave the ball to")
        grid("SmolLM2, a score in its parts", 0.3, lambda: score_parts(smol, text, 20, 1, 10, 3))
    finally:
        torch.set_num_threads(threads)


def grid(name: str, seconds: float, run: Callable[[], object], times: int = 3) -> None:
    """The median of a few runs after one that warms up, of ``seconds``; one core's own time."""
    run()
    taken = []
    for _ in range(times):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    report(f"{name}, of {seconds:g} s", statistics.median(taken) / seconds, 1.0)
