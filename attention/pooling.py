"""Chapter 3: attention itself. Score, scale, softmax, weighted sum.

``attend`` is the only implementation in this project. The toy chapters call it, and the pretrained
models of chapter 12 run it, so what is read here is what computes MiniLM's and GPT-2's heads.

Shapes: ... any leading dimensions (batch, heads), n queries, m keys, d features, v value features.

>>> query = torch.tensor([[1.0, 0.0]])
>>> key = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
>>> value = torch.tensor([[10.0], [20.0]])
>>> attend(query, key, value, scale=0.0).output  # all scores equal: the mean of the values
tensor([[15.]])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, overload

import torch
import torch.nn.functional as F
from torch import Tensor

from .fast import fused, fusible, weigh
from .masks import check_fits, check_mask, masked_softmax, weighted_sum
from .scoring import Dot, Scoring, check_features


@dataclass(frozen=True, eq=False)
class Attended:
    """What :func:`attend` returns; ``output, weights, scores = attend(...)`` takes it apart.

    output (..., n, v); weights (..., n, m), after dropout if there was any; scores (..., n, m),
    scaled and biased, before the mask. ``kept`` is the scores, or what computes them when they are
    first asked for, since a second matrix of n * m numbers costs up to a third of the whole.
    """

    output: Tensor
    weights: Tensor
    kept: Tensor | Callable[[], Tensor]

    @cached_property
    def scores(self) -> Tensor:
        return self.kept() if callable(self.kept) else self.kept

    def with_output(self, output: Tensor) -> Attended:
        """The same weights and scores beside another output, as after a last projection."""
        return replace(self, output=output)

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.output, self.weights, self.scores))


@dataclass(frozen=True, eq=False)
class Pooled:
    """What :func:`attend` returns where no weights were asked for: the output (..., n, v) alone."""

    output: Tensor
    weights: None = None
    scores: None = None

    def with_output(self, output: Tensor) -> Pooled:
        return Pooled(output)

    def __iter__(self) -> Iterator[Tensor | None]:
        return iter((self.output, self.weights, self.scores))


@overload
def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *,
    scoring: Scoring | None = None, scale: float | None = None, temperature: float = 1.0,
    bias: Tensor | None = None, softcap: float | None = None, sinks: Tensor | None = None,
    dropout: float = 0.0, generator: torch.Generator | None = None,
    need_weights: Literal[True] = True,
) -> Attended: ...  # fmt: skip
@overload
def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *,
    scoring: Scoring | None = None, scale: float | None = None, temperature: float = 1.0,
    bias: Tensor | None = None, softcap: float | None = None, sinks: Tensor | None = None,
    dropout: float = 0.0, generator: torch.Generator | None = None,
    need_weights: Literal[False],
) -> Pooled: ...  # fmt: skip
@overload
def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *,
    scoring: Scoring | None = None, scale: float | None = None, temperature: float = 1.0,
    bias: Tensor | None = None, softcap: float | None = None, sinks: Tensor | None = None,
    dropout: float = 0.0, generator: torch.Generator | None = None,
    need_weights: bool,
) -> Attended | Pooled: ...  # fmt: skip


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    scoring: Scoring | None = None,
    scale: float | None = None,
    temperature: float = 1.0,
    bias: Tensor | None = None,
    softcap: float | None = None,
    sinks: Tensor | None = None,
    dropout: float = 0.0,
    generator: torch.Generator | None = None,
    need_weights: bool = True,
) -> Attended | Pooled:
    """``softmax(scale * score(q, k) / temperature + bias) v``, Vaswani et al. 2017, equation 1.

    >>> query, key, value = torch.eye(2), torch.eye(2), torch.tensor([[10.0], [20.0]])
    >>> scores = query @ key.T / 2**0.5      # (n, m): how well does each key fit each query?
    >>> weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)  # (n, m): rows sum to 1
    >>> output = weights @ value             # (n, v): the mean of the values, so weighted
    >>> torch.allclose(output, attend(query, key, value).output)
    True

    query (..., n, d), key (..., m, d), value (..., m, v): leading dimensions broadcast.
    mask: boolean, broadcastable to (..., n, m), True = may attend; a row with nothing to attend
        to gets weights and output of zero. Default: everything may be attended.
    scoring: chapter 1; default ``Dot()``. scale: default what the scoring asks for, 1/sqrt(d) for
        the dot product. temperature: > 0, default 1; high is even, low is sharp.
    bias: added to the scores, broadcastable to (..., n, m) (T5's relative positions).
    softcap: c > 0 turns a scaled score s into ``c tanh(s/c)`` (Gemma 2), before the bias.
    sinks: extra logits (..., n or 1, 1) that take part in the denominator only (gpt-oss); the
        row then sums to less than one.
    dropout: probability in [0, 1) of zeroing a weight, the rest divided by 1-p; default 0.
        generator: the source of that randomness, default torch's global one.
    need_weights: False returns a :class:`Pooled`, by PyTorch's fused kernel where it can.

    Raises ``ValueError`` when a shape, the mask or a number breaks these rules. NaN and infinity
    count only where they may be attended, and pass through untouched there.
    """
    scoring = Dot() if scoring is None else scoring
    _check(query, key, value, mask, temperature, bias, softcap, sinks, dropout)
    scale = scoring.default_scale(query.shape[-1]) if scale is None else scale
    factor = scale / temperature
    kept: Tensor | Callable[[], Tensor]

    if isinstance(scoring, Dot) and softcap is None and sinks is None:
        # the usual case, done faster by fast.py: the same numbers as below
        check_features(query, key)
        if not need_weights and generator is None and fusible(query, key, value, factor):
            return Pooled(fused(query, key, value, factor, bias, mask, dropout))
        weights, kept = weigh(query, key, factor, bias, mask)
    else:
        scores = scoring(query, key)  # (..., n, m)
        if softcap is None:
            scores = scores * factor
        else:
            scores = softcap * torch.tanh(scores * scale / softcap) / temperature
        if bias is not None:
            scores = scores + bias
        if sinks is None:
            weights = masked_softmax(scores, mask)  # (..., n, m), each row sums to 1
        else:
            weights = _softmax_with_sinks(scores, sinks, mask)
        kept = scores
    if dropout > 0:
        keep = torch.rand(weights.shape, generator=generator, device=weights.device) >= dropout
        weights = weights * keep / (1 - dropout)
    output = weighted_sum(weights, value, mask)  # weights @ value, (..., n, v)
    return Attended(output, weights, kept) if need_weights else Pooled(output)


def _softmax_with_sinks(scores: Tensor, sinks: Tensor, mask: Tensor | None) -> Tensor:
    """One more key in the denominator of each row, which nobody gets the value of: (..., n, m)."""
    sinks = sinks.expand(*scores.shape[:-1], 1).to(scores.dtype)
    allowed = None if mask is None else F.pad(mask.expand(scores.shape), (0, 1), value=True)
    return masked_softmax(torch.cat([scores, sinks], dim=-1), allowed)[..., :-1]


def _check(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    temperature: float,
    bias: Tensor | None,
    softcap: float | None,
    sinks: Tensor | None,
    dropout: float,
) -> None:
    """``ValueError`` for what breaks a rule of :func:`attend`."""
    shape = scores_shape(query, key, value)
    if not temperature > 0:
        raise ValueError(f"temperature must be greater than 0, got {temperature}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
    if softcap is not None and not softcap > 0:
        raise ValueError(f"softcap must be greater than 0, or None for no cap, got {softcap}")
    if bias is not None:
        check_fits("bias", bias.shape, shape)
    if sinks is not None:
        check_fits("sinks", sinks.shape, (*shape[:-1], 1))
    if mask is not None:
        check_mask(mask, shape)


def scores_shape(query: Tensor, key: Tensor, value: Tensor) -> tuple[int, ...]:
    """(..., n, m); ``ValueError`` for what PyTorch would take wrongly, or refuse less plainly."""
    shapes = tuple(query.shape), tuple(key.shape), tuple(value.shape)
    if min(map(len, shapes)) < 2:
        raise ValueError(
            "query (..., n, d), key (..., m, d) and value (..., m, v) need at least two "
            f"dimensions, got shapes {shapes}; add a row dimension with [None]"
        )
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(f"every key needs one value: got {key.shape[-2]} keys and {value.shape[-2]} values")
    leading = shapes[0][:-2]
    if not leading == shapes[1][:-2] == shapes[2][:-2]:
        try:
            leading = torch.broadcast_shapes(leading, shapes[1][:-2])
            torch.broadcast_shapes(leading, shapes[2][:-2])
        except RuntimeError:
            raise ValueError(
                f"the leading dimensions (batch, heads) do not broadcast: got shapes {shapes}"
            ) from None
    return (*leading, shapes[0][-2], shapes[1][-2])
