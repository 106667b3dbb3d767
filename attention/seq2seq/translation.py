"""Chapter 9, continued: ask the decoder that looks back, open what it looked at, and mark its work.

``translate`` writes one date and keeps every row of weights; ``explain_step`` opens one weight;
``evaluate`` counts how many held-out dates come out exactly right. ``load`` gives the trained
models of ``assets/trained``, which ``python -m attention.seq2seq train`` writes.

Shapes: m characters read, n = 10 characters written, s width of a state.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from ..assets import assets
from ..cell import Cell, explain
from ..scoring import Additive, Dot
from . import dates
from .bahdanau import (
    KINDS,
    UNKNOWN,
    Seq2Seq,
    batch_of,
    check_kind,
    decode_characters,
    encode_text,
    generator_for,
)

TRAINED = assets() / "trained"


@dataclass(frozen=True)
class Translation:
    """One text and what was written for it, step by step, with all that a cell opens into.

    input_tokens: the m characters read, as typed; known: which of them are in the vocabulary.
    output: n characters. alignments, scores (n, m): rows of weights, each summing to 1; None for a
    model without attention. probabilities (n, 11) over TARGET. queries (n, s): the decoder's state
    before each step; keys = values (m, s): the reader's states. scoring: the model's.
    """

    attention: str
    input_tokens: list[str]
    known: list[bool]
    output: str
    alignments: Tensor | None
    scores: Tensor | None
    probabilities: Tensor
    queries: Tensor
    keys: Tensor
    values: Tensor
    scoring: Additive | Dot | None


def clean_text(text: str) -> str:
    """text without surrounding blanks. ``ValueError`` unless 1 to 40 characters are left."""
    if not isinstance(text, str):
        raise ValueError(f"a date must be text, got {type(text).__name__}")
    text = text.strip()
    if not 1 <= len(text) <= dates.MAX_LENGTH:
        raise ValueError(
            f"a date must have 1 to {dates.MAX_LENGTH} characters, got {len(text)}; write it like 3 May 1997"
        )
    return text


def translate(model: Seq2Seq, text: str) -> Translation:
    """Write text (1 to 40 characters, surrounding blanks dropped) as an ISO date, greedily.

    The model writes ten characters whatever it is given: what is no date, or is ambiguous
    (``dates.is_ambiguous``), gets an answer too, and no promise that it is a right one.
    """
    text = clean_text(text)
    written = model.write(*batch_of([text]))
    keys = written.memory.states[0]
    scoring = model.scoring()
    if isinstance(scoring, Additive):
        scoring = Additive(scoring.w_q.detach(), scoring.w_k.detach(), scoring.v.detach())
    return Translation(
        attention=model.attention,
        input_tokens=list(text),
        known=[number != UNKNOWN for number in encode_text(text)],
        output=decode_characters(written.characters[0]),
        alignments=None if written.weights is None else written.weights[0],
        scores=None if written.scores is None else written.scores[0],
        probabilities=written.probabilities[0],
        queries=written.queries[0], keys=keys, values=keys, scoring=scoring,
    )  # fmt: skip


def explain_step(translation: Translation, step: int, column: int) -> Cell:
    """Open the weight of input character ``column`` at output character ``step``.

    Raises ``ValueError`` for a model without attention, and for a cell outside.
    """
    if translation.scoring is None:
        raise ValueError("this model has no attention, so there is no weight to open; choose additive or dot")
    return explain(
        translation.queries, translation.keys, translation.values, step, column,
        scoring=translation.scoring,
    )  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """exact: share of texts written exactly right. by_template: the same for each way of writing.
    wrong: (text, written, truth) of the others."""

    exact: float
    by_template: dict[str, float]
    wrong: list[tuple[str, str, str]]


def evaluate(model: Seq2Seq, count: int = 4000, seed: int = 0) -> Evaluation:
    """Greedy decoding of count held-out dates, drawn from the seed."""
    rows = dates.sample(count, held_out=True, generator=generator_for(seed, 0))
    outputs: list[str] = []
    for first in range(0, count, 250):
        written = model.write(*batch_of([text for text, _, _ in rows[first : first + 250]]))
        outputs += [decode_characters(characters) for characters in written.characters]
    right: dict[str, list[bool]] = {}
    wrong = []
    for (text, iso, template), output in zip(rows, outputs, strict=True):
        right.setdefault(template, []).append(output == iso)
        if output != iso:
            wrong.append((text, output, iso))
    by_template = {name: sum(marks) / len(marks) for name, marks in sorted(right.items())}
    return Evaluation((count - len(wrong)) / count, by_template, wrong)


def trained_path(attention: str) -> Path:
    """Where the trained model of this kind lies in the repository."""
    check_kind(attention)
    return TRAINED / f"seq2seq_{attention}.safetensors"


def save(model: Seq2Seq, path: Path, notes: dict[str, int | float | str]) -> None:
    """Parameters as safetensors; notes (how it was trained) as JSON in its metadata."""
    # one metadata key only: safetensors does not promise an order of several
    metadata = {"training": json.dumps(notes | {"attention": model.attention})}
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    path.write_bytes(safetensors.torch.save(tensors, metadata))


@lru_cache(maxsize=len(KINDS))  # no lock: loading takes milliseconds and is always the same
def load(attention: str = "additive") -> Seq2Seq:
    """The trained model of this kind, shared and read-only."""
    tensors = safetensors.torch.load_file(trained_path(attention))
    model = Seq2Seq(attention, tensors["start.weight"].shape[1], torch.Generator())
    model.load_state_dict(tensors)
    return model.requires_grad_(False)
