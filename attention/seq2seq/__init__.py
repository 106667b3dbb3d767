"""Chapter 9, continued: train the decoder that looks back.

    python -m attention.seq2seq train --attention additive --seed 0
    python -m attention.seq2seq evaluate --save assets/trained/seq2seq_held_out.json

``train`` makes the models of ``assets/trained``. ``train_chunk`` trains a smaller one live: each
call takes the state of the last one as bytes and hands back the next, so that whoever calls (a
page) carries the run and the server remembers nothing.

Randomness: every step draws its batch from a generator made of (seed, number of the step), so a
run cut into chunks is the same run, bit for bit.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..training import Recipe, Run, check_whole, go_on
from . import dates
from .bahdanau import KINDS, TARGET, Seq2Seq, batch_of, check_kind, seed_for
from .translation import (
    TRAINED,
    Evaluation,
    Translation,
    clean_text,
    evaluate,
    explain_step,
    load,
    save,
    trained_path,
    translate,
)

__all__ = [
    "Evaluation", "KINDS", "Record", "Run", "Seq2Seq", "TRAINED", "Translation", "evaluate",
    "explain_step", "load", "train", "train_chunk", "translate",
]  # fmt: skip

STEPS, HIDDEN = 1500, 24  # of the shipped models
TRAINING_OPTIONS = ("seed", "steps", "batch_size", "learning_rate", "hidden")
EXAMPLE = "3 May 1996"  # whose alignment a live training shows; that day is never trained on
LIVE_HIDDEN = 32  # 25 steps of batch 32 take about a second on one core
MAX_PARAMETER = 100.0  # trained ones stay below 10; keeps every product finite


def training_batch(batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Random training dates -> source (b, m), lengths (b,), target (b, n).

    In one text of ten every separator becomes a character outside the vocabulary: that is where
    the embedding of unknown characters is learned.
    """
    rows = dates.sample(batch_size, held_out=False, generator=generator)
    smudged = (torch.rand(batch_size, generator=generator) < 0.1).tolist()
    texts = [
        "".join(c if c.isalnum() else "~" for c in text) if smudge else text
        for (text, _, _), smudge in zip(rows, smudged, strict=True)
    ]
    target = torch.tensor([[TARGET.index(c) for c in iso] for _, iso, _ in rows])
    return *batch_of(texts), target


def recipe(attention: str, hidden: int, batch_size: int) -> Recipe[Seq2Seq]:
    """Teacher forcing: mean cross-entropy per character, in nats; the gradient is cut to norm 1."""

    def loss(model: Seq2Seq, generator: torch.Generator) -> Tensor:
        source, lengths, target = training_batch(batch_size, generator)
        logits = model(source, lengths, target)  # (b, n, 11)
        return F.cross_entropy(logits.flatten(0, 1), target.flatten())

    return Recipe(
        f"seq2seq {attention}", lambda generator: Seq2Seq(attention, hidden, generator), loss,
        seed_for, clip=1.0, largest=MAX_PARAMETER,
    )  # fmt: skip


def train(
    attention: str = "additive",
    *,
    seed: int = 0,
    steps: int = STEPS,
    batch_size: int = 64,
    learning_rate: float = 5e-3,
    hidden: int = HIDDEN,
    progress: Callable[[int, float], None] | None = None,
) -> Seq2Seq:
    """Train from nothing; the rate warms up over 50 steps and falls to 0 along a cosine.

    progress(step, loss) is called after every step; what it raises ends the training.
    """
    run = Run.begin(recipe(attention, hidden, batch_size), seed)
    for step in range(1, steps + 1):
        rate = learning_rate * min(1.0, step / 50) * (1 + math.cos(math.pi * step / steps)) / 2
        loss = run.advance(rate)
        if progress is not None:
            progress(step, loss)
    return run.model.requires_grad_(False)


@dataclass(frozen=True)
class Record:
    """What one chunk did. step: steps done in all; losses: one per step of this chunk, in nats per
    character; example: the example text as written now; accuracy: exact match on held-out dates."""

    step: int
    losses: list[float]
    example: Translation
    accuracy: float


def train_chunk(
    state: bytes | None,
    *,
    attention: str,
    seed: int,
    steps: int = 20,
    batch_size: int = 32,
    learning_rate: float = 5e-3,
    example: str = EXAMPLE,
    held_out: int = 100,
) -> tuple[bytes, Record]:
    """Train a small model for some steps more: state None begins, bytes go on.

    attention, seed: of the run; with a state, the ones it began with. steps in [1, 100], batch_size
    in [1, 64], learning_rate in (0, 0.1], held_out in [1, 500]: dates for the accuracy.
    Returns the next state (under 2 MB) and the :class:`Record`. Two chunks of 10 equal one of 20.
    Raises ``ValueError`` for numbers outside, a state that ``train_chunk`` did not make, a diverged
    training.
    """
    check_kind(attention)
    clean_text(example)
    for name, number, low, high in (
        ("seed", seed, 0, 2**31 - 1), ("steps", steps, 1, 100),
        ("batch_size", batch_size, 1, 64), ("held_out", held_out, 1, 500),
    ):  # fmt: skip
        check_whole(name, number, low, high)
    if not isinstance(learning_rate, int | float) or not 0 < learning_rate <= 0.1:
        raise ValueError(f"learning_rate must be a number in (0, 0.1], got {learning_rate!r}")
    run, losses = go_on(
        recipe(attention, LIVE_HIDDEN, batch_size), state,
        seed=seed, steps=steps, learning_rate=learning_rate,
    )  # fmt: skip
    accuracy = evaluate(run.model, held_out).exact
    return run.pack(), Record(run.step, losses, translate(run.model, example), accuracy)


def unpack(state: bytes, attention: str, seed: int) -> Run[Seq2Seq]:
    """The run that :func:`train_chunk` packed; ``ValueError`` for any other bytes."""
    return Run.unpack(recipe(attention, LIVE_HIDDEN, 1), seed, state)


def main(arguments: list[str] | None = None) -> None:
    """The command line: train one kind or all, evaluate what is shipped."""
    parser = argparse.ArgumentParser(prog="python -m attention.seq2seq")
    parser.add_argument("--threads", type=int, default=1)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train and write the safetensors")
    training.add_argument("--attention", choices=(*KINDS, "all"), default="all")
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--steps", type=int, default=STEPS)
    training.add_argument("--batch-size", type=int, default=64)
    training.add_argument("--learning-rate", type=float, default=5e-3)
    training.add_argument("--hidden", type=int, default=HIDDEN)
    training.add_argument("--folder", type=Path, default=TRAINED)
    marking = commands.add_parser("evaluate", help="exact match on held-out dates")
    marking.add_argument("--count", type=int, default=4000)
    marking.add_argument("--seed", type=int, default=0)
    marking.add_argument("--save", type=Path, help="write the shares to this JSON file as well")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.command == "train":
        notes = {name: getattr(options, name) for name in TRAINING_OPTIONS}
        for attention in KINDS if options.attention == "all" else (options.attention,):
            model = train(attention, **notes, progress=_print_progress)
            options.folder.mkdir(parents=True, exist_ok=True)
            save(model, options.folder / trained_path(attention).name, notes)
            print(f"{attention}: {evaluate(model).exact:.2%} of held-out dates exact")
        return
    shares: dict[str, int | float] = {"count": options.count, "seed": options.seed}
    for attention in KINDS:
        marks = evaluate(load(attention), options.count, options.seed)
        worst = min(marks.by_template, key=lambda name: marks.by_template[name])
        shares[attention] = marks.exact
        print(
            f"{attention:8} {marks.exact:7.2%} of {options.count} held-out dates exact; "
            f"worst: {worst} {marks.by_template[worst]:.1%}"
        )
    if options.save:
        options.save.write_text(json.dumps(shares) + "\n")


def _print_progress(step: int, loss: float) -> None:
    if step % 100 == 0:
        print(f"step {step}: loss {loss:.4f}", flush=True)
