"""Chapter 9: a decoder that looks back.

How does a network write "1997-05-03" after reading "May 3rd, 97"? One recurrent network (GRU) reads
the characters, a second one writes. Without attention everything read must fit into one vector;
with it, the writer's state is a query that looks back over the reader's states, its keys and
values, before every character it writes. That is Bahdanau, Cho and Bengio 2015:

    h_j = [forward GRU; backward GRU] at character j: key and value     (section 3.2)
    s_0 = tanh(W_s backward h_1)                                        (appendix A.2.2)
    c_i = attend(query s_(i-1), keys h, values h)                       (equations 5 and 6)
    s_i = GRU(s_(i-1), [y_(i-1); c_i]),  p(y_i) = softmax(W_o [s_i; c_i] + b)

Three kinds of attention: "additive" (theirs), "dot" (no parameters of its own), and "none", where
every c_i is the reader's final state, one vector for the whole text (Cho et al. 2014).

Chapter 9 is four files: ``dates`` (what is read), this one, ``translation`` (asking it and opening
its weights), ``seq2seq`` (training it).

Shapes: b batch, m characters read, n = 10 characters written, s width of a state (2 x hidden).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..masks import pad_sequences, padding_mask
from ..pooling import attend
from ..scoring import Additive, Dot
from . import dates

KINDS = ("additive", "dot", "none")
PADDING, UNKNOWN = 0, 1
SOURCE = {character: number for number, character in enumerate(dates.alphabet(), start=2)}
TARGET = "0123456789-"
START = len(TARGET)  # what the decoder is given as the character before its first
LENGTH = 10  # an ISO date has ten characters, so the decoder takes ten steps and needs no end sign
EMBEDDING = 32


class Memory(NamedTuple):
    """What the reader leaves: states (b, m, s), mask (b, 1, m), final (b, s), start s_0 (b, s)."""

    states: Tensor
    mask: Tensor
    final: Tensor
    start: Tensor


class Written(NamedTuple):
    """A batch written greedily. characters (b, n) are places in TARGET; probabilities (b, n, 11)
    over TARGET; queries (b, n, s), the decoder's state before each step; scores and weights
    (b, n, m), None without attention; memory as read."""

    characters: Tensor
    probabilities: Tensor
    queries: Tensor
    scores: Tensor | None
    weights: Tensor | None
    memory: Memory


class Seq2Seq(nn.Module):
    """GRU encoder-decoder over characters. Bahdanau et al. 2015.

    attention: one of KINDS. hidden: width of each direction of the reader, and of the additive
    score's hidden units; states have s = 2 x hidden. generator: fills every parameter, uniform in
    +-1/sqrt(fan-in), biases zero; torch's global generator is not touched.
    Raises ``ValueError`` for an unknown kind or a hidden width outside [4, 128].
    """

    def __init__(self, attention: str, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        check_kind(attention)
        if not 4 <= hidden <= 128:
            raise ValueError(f"hidden must lie in [4, 128], got {hidden}")
        self.attention, self.hidden = attention, hidden
        width = 2 * hidden
        # meta: no memory and no numbers from the global generator; ours fills them below
        with torch.device("meta"):
            self.read = nn.Embedding(len(SOURCE) + 2, EMBEDDING)
            self.encoder = nn.GRU(EMBEDDING, hidden, batch_first=True, bidirectional=True)
            self.start = nn.Linear(hidden, width)
            self.written = nn.Embedding(len(TARGET) + 1, EMBEDDING)
            self.decoder = nn.GRUCell(EMBEDDING + width, width)
            self.out = nn.Linear(2 * width, len(TARGET))
            if attention == "additive":
                self.w_q = nn.Parameter(torch.empty(hidden, width))
                self.w_k = nn.Parameter(torch.empty(hidden, width))
                self.v = nn.Parameter(torch.empty(hidden))
        self.to_empty(device="cpu")
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                bound = 0.0 if "bias" in name else parameter.shape[-1] ** -0.5
                parameter.uniform_(-bound, bound, generator=generator)

    def scoring(self) -> Additive | Dot | None:
        """Chapter 1's scoring with this model's parameters; None without attention."""
        if self.attention == "additive":
            return Additive(self.w_q, self.w_k, self.v)
        return Dot() if self.attention == "dot" else None

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """source (b, m) of character numbers, lengths (b,), each in [1, m].

        Padding is neither read (the backward GRU starts at the last real character) nor attended.
        """
        packed = pack_padded_sequence(self.read(source), lengths, batch_first=True, enforce_sorted=False)
        states, final = self.encoder(packed)  # final (2, b, hidden): both directions' last
        states, _ = pad_packed_sequence(states, batch_first=True, total_length=source.shape[1])
        return Memory(
            states,
            padding_mask(lengths, source.shape[1]),
            torch.cat([final[0], final[1]], dim=-1),
            torch.tanh(self.start(final[1])),
        )

    def step(
        self, state: Tensor, previous: Tensor, memory: Memory
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """One character: state (b, s), previous (b,) -> (state, logits (b, 11), scores, weights).

        scores and weights (b, m); None without attention.
        """
        scores = weights = None
        if self.attention == "none":
            context = memory.final
        else:
            attended = attend(
                state[:, None], memory.states, memory.states, memory.mask, scoring=self.scoring()
            )
            context, weights, scores = (x[:, 0] for x in attended)
        state = self.decoder(torch.cat([self.written(previous), context], dim=-1), state)
        return state, self.out(torch.cat([state, context], dim=-1)), scores, weights

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing: target (b, n) -> logits (b, n, 11), each step given the true past."""
        memory = self.encode(source, lengths)
        state, previous, logits = memory.start, torch.full_like(target[:, 0], START), []
        for place in range(target.shape[1]):
            state, row, _, _ = self.step(state, previous, memory)
            logits.append(row)
            previous = target[:, place]
        return torch.stack(logits, dim=1)

    @torch.no_grad()
    def write(self, source: Tensor, lengths: Tensor) -> Written:
        """Greedy decoding (beam width 1): each step given the model's own last character."""
        memory = self.encode(source, lengths)
        state, previous, steps = memory.start, torch.full_like(source[:, 0], START), []
        for _ in range(LENGTH):
            query = state
            state, logits, scores, weights = self.step(state, previous, memory)
            previous = logits.argmax(dim=-1)
            steps.append((previous, logits.softmax(dim=-1), query, scores, weights))
        columns = [torch.stack(column, 1) for column in zip(*steps, strict=True) if column[0] is not None]
        characters, probabilities, queries, *rest = columns
        scores, weights = (rest[0], rest[1]) if rest else (None, None)
        return Written(characters, probabilities, queries, scores, weights, memory)


def seed_for(seed: int, step: int) -> int:
    """Of a run's randomness: step 0 fills the parameters, step t > 0 draws the t-th batch.

    seed in [0, 2^31), else ``ValueError``.
    """
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed must lie in [0, 2^31), got {seed}")
    # the prime keeps the runs of neighbouring seeds apart for a million steps
    return (seed * 1_000_003 + step) % 2**32


def generator_for(seed: int, step: int) -> torch.Generator:
    """A generator seeded by :func:`seed_for`."""
    return torch.Generator().manual_seed(seed_for(seed, step))


def check_kind(attention: str) -> None:
    """Raise ``ValueError`` unless attention is one of KINDS."""
    if attention not in KINDS:
        raise ValueError(f"attention must be one of {', '.join(KINDS)}, got {attention!r}")


def encode_text(text: str) -> list[int]:
    """Character numbers of one text; case and width are ignored (``dates.plain``), a character never
    trained on is UNKNOWN.

    UNKNOWN has one embedding for all such characters, trained in the place of separators: "3~May"
    reads like "3 May", while a digit in an unknown script is not read at all.
    """
    return [SOURCE.get(character.lower(), UNKNOWN) for character in dates.plain(text)]


def batch_of(texts: list[str]) -> tuple[Tensor, Tensor]:
    """texts -> source (b, m) padded, lengths (b,)."""
    return pad_sequences([encode_text(text) for text in texts], PADDING)


def decode_characters(characters: Tensor) -> str:
    """(n,) places in TARGET -> the string."""
    return "".join(TARGET[place] for place in characters.tolist())
