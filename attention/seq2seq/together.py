"""Chapter 9, beside the text: several models of one size read and write the same text in step.

A character is a few small products for a GRU, and calling them takes longer than multiplying. So the
matrices of k models are stacked, and one product serves them all; each still looks back in its own way, by
``attend``. What comes out is ``Seq2Seq.write``'s of each, to rounding. A GRU (Cho et al. 2014, equations 5 to
8, with r where PyTorch has it) is

    r, z = sigmoid(W_rz x + U_rz h),  n = tanh(W_n x + r (U_n h)),  h' = n + z (h - n)

Shapes: k models, m characters read, n = 10 written, s width of a state (2 x hidden), e of an embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..pooling import attend
from .bahdanau import LENGTH, START, Memory, Seq2Seq, Written


class Gates:
    """k GRUs of one size, from their ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``bias_hh``, stacked."""

    def __init__(self, parts: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]]) -> None:
        w_x, w_h, b_x, b_h = (torch.stack(one) for one in zip(*parts, strict=True))
        self.w_x, self.b_x, self.w_h, self.b_h = w_x.mT, b_x[:, None], w_h.mT, b_h[:, None]
        self.width = w_h.shape[-1]

    def read(self, x: Tensor) -> Tensor:
        """What x (k, m, e) brings to the gates: (k, m, 3 width)."""
        return torch.baddbmm(self.b_x, x, self.w_x)

    def step(self, read: Tensor, state: Tensor) -> Tensor:
        """read (k, 1, 3 width) of one character, state (k, 1, width) -> the next state."""
        kept, width = torch.baddbmm(self.b_h, state, self.w_h), self.width
        r, z = (read[..., : 2 * width] + kept[..., : 2 * width]).sigmoid().chunk(2, -1)
        new = torch.addcmul(read[..., 2 * width :], r, kept[..., 2 * width :]).tanh()
        return torch.lerp(new, state, z)


class Together:
    """Models of one size, asked at once. ``ValueError`` for models of different widths."""

    def __init__(self, models: Sequence[Seq2Seq]) -> None:
        if len({model.hidden for model in models}) != 1:
            raise ValueError(f"models asked together have one width, got {[m.hidden for m in models]}")
        self.models = list(models)
        stacked = [{name: one.detach() for name, one in model.named_parameters()} for model in models]

        def all_of(name: str) -> Tensor:
            return torch.stack([each[name] for each in stacked])

        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self.reading = Gates([
            tuple(each[f"encoder.{name}_l0{way}"] for name in names)  # type: ignore[misc]
            for way in ("", "_reverse") for each in stacked
        ])  # fmt: skip
        self.writing = Gates([tuple(each[f"decoder.{name}"] for name in names) for each in stacked])  # type: ignore[misc]
        self.letters, self.written = all_of("read.weight"), all_of("written.weight")
        self.start = _affine(all_of("start.weight"), all_of("start.bias"))
        self.out = _affine(all_of("out.weight"), all_of("out.bias"))

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """source (m,) of character numbers -> states (k, m, s), final (k, s), start s_0 (k, s)."""
        x = self.letters[:, source]  # (k, m, e)
        read = self.reading.read(torch.cat([x, x.flip(1)]))  # forwards, then backwards
        state = read.new_zeros(len(read), 1, self.reading.width)
        states = [state := self.reading.step(one, state) for one in read.split(1, 1)]
        forwards, backwards = torch.cat(states, 1).chunk(2)  # (k, m, hidden)
        final = [way[:, -1:] for way in (forwards, backwards)]
        start = self.start(final[1]).tanh()
        return torch.cat([forwards, backwards.flip(1)], -1), torch.cat(final, -1)[:, 0], start[:, 0]

    @torch.no_grad()
    def write(self, source: Tensor) -> list[Written]:
        """:meth:`Seq2Seq.write` of each model for one text, source (m,)."""
        states, final, start = self.encode(source)
        looks = [(at, model.scoring()) for at, model in enumerate(self.models) if model.scoring()]
        row, state = torch.arange(len(self.models)), start[:, None]
        previous, steps = torch.full_like(row, START), []
        scores: dict[int, list[Tensor]] = {at: [] for at, _ in looks}
        weights: dict[int, list[Tensor]] = {at: [] for at, _ in looks}
        for _ in range(LENGTH):
            query, contexts = state, list(final[:, None].unbind())
            for at, scoring in looks:
                attended = attend(query[at], states[at], states[at], scoring=scoring)
                contexts[at] = attended.output  # (1, s)
                scores[at].append(attended.scores)
                weights[at].append(attended.weights)
            context = torch.stack(contexts)  # (k, 1, s)
            x = torch.cat([self.written[row, previous][:, None], context], -1)
            state = self.writing.step(self.writing.read(x), state)
            logits = self.out(torch.cat([state, context], -1))[:, 0]  # (k, 11)
            previous = logits.argmax(-1)
            steps.append((previous, logits, query[:, 0]))
        characters, logits, queries = (torch.stack(column, 1) for column in zip(*steps, strict=True))
        probabilities, mask = logits.softmax(-1), torch.ones(1, 1, len(source), dtype=torch.bool)
        found = []
        for at in range(len(self.models)):
            memory = Memory(states[at, None], mask, final[at, None], start[at, None])
            parts = characters[at, None], probabilities[at, None], queries[at, None]
            seen = [torch.cat(one[at])[None] if at in one else None for one in (scores, weights)]
            found.append(Written(*parts, seen[0], seen[1], memory))
        return found


def _affine(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    """k maps ``W x + b`` in one: x (k, n, in) -> (k, n, out)."""
    return lambda x: torch.baddbmm(bias[:, None], x, weight.mT)
