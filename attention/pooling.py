"""Chapter 3: attention itself. Score, scale, softmax, weighted sum.

``attend`` is the only implementation in this project. The toy chapters call it, and the pretrained
models of chapter 11 run it, so what is read here is what computes MiniLM's and GPT-2's heads.

Shapes: ... any leading dimensions (batch, heads), n queries, m keys, d features, v value features.

>>> query = torch.tensor([[1.0, 0.0]])
>>> key = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
>>> value = torch.tensor([[10.0], [20.0]])
>>> attend(query, key, value, scale=0.0).output  # all scores equal: the mean of the values
tensor([[15.]])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from .masks import check_fits, check_mask, masked_softmax
from .scoring import Dot, Scoring, check_features


class Attended:
    """What :func:`attend` returns; ``output, weights, scores = attend(...)`` takes it apart.

    output (..., n, v); weights (..., n, m), after dropout if there was any; scores (..., n, m),
    scaled and biased, before the mask. weights and scores are None with ``need_weights=False``.

    The weights are written over the scores, since a second matrix of n * m numbers costs up to a
    third of the whole; so scores is computed again when it is first asked for.
    """

    def __init__(
        self,
        output: Tensor,
        weights: Tensor | None = None,
        scores: Tensor | Callable[[], Tensor] | None = None,
    ) -> None:
        self.output = output
        self.weights = weights
        self._scores = scores

    @property
    def scores(self) -> Tensor | None:
        if callable(self._scores):
            self._scores = self._scores()
        return self._scores

    def with_output(self, output: Tensor) -> Attended:
        """The same weights and scores beside another output, as after a last projection."""
        return Attended(output, self.weights, self._scores)

    def __iter__(self) -> Iterator[Tensor | None]:
        return iter((self.output, self.weights, self.scores))


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
) -> Attended:
    """``softmax(scale * score(q, k) / temperature + bias) v``, Vaswani et al. 2017, equation 1.

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
    need_weights: False takes PyTorch's fused kernel where it can and returns no weights.

    Raises ``ValueError`` when a shape, the mask or a number breaks these rules. NaN and
    infinity pass through untouched, except that what stands in the key or value behind a mask does
    not matter, with weights and without: checking every number is the caller's choice.
    """
    scoring = Dot() if scoring is None else scoring
    shape = _scores_shape(query, key, value)
    if not temperature > 0:
        raise ValueError(f"temperature must be greater than 0, got {temperature}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
    if softcap is not None and not softcap > 0:
        raise ValueError(f"softcap must be greater than 0, or None for no cap, got {softcap}")
    if bias is not None:
        check_fits("bias", bias.shape, shape)
    scale = scoring.default_scale(query.shape[-1]) if scale is None else scale

    plain = isinstance(scoring, Dot) and softcap is None and sinks is None and generator is None
    if plain and not need_weights and scale / temperature != 0:
        fused = _fused(query, key, value, mask, scale / temperature, bias, dropout)
        if mask is None or fused.output.sum().isfinite():
            return fused  # else NaN or infinity may stand behind the mask, and the kernel lets it out

    score = partial(_score, query, key, scoring, scale, temperature, bias, softcap)
    scores = score()
    if sinks is None:
        kept = score if isinstance(scoring, Dot) else scores  # the others cost more to repeat
        weights = masked_softmax(scores, mask, overwrite=kept is score)
    else:
        kept = scores
        check_fits("sinks", sinks.shape, (*scores.shape[:-1], 1))
        sinks = sinks.expand(*scores.shape[:-1], 1).to(scores.dtype)
        if mask is not None:
            check_mask(mask, scores.shape)
        allowed = None if mask is None else F.pad(mask.expand(scores.shape), (0, 1), value=True)
        weights = masked_softmax(torch.cat([scores, sinks], dim=-1), allowed)[..., :-1]
    if dropout > 0:
        keep = torch.rand(weights.shape, generator=generator, device=weights.device) >= dropout
        weights = weights * keep / (1 - dropout)
    output = weights @ value
    if mask is not None and not output.sum().isfinite():
        output = _past_the_mask(output, weights, value, mask)
    return Attended(output, weights, kept)


def _past_the_mask(output: Tensor, weights: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """The output (..., n, v) where a value behind the mask is NaN or infinite: 0 * NaN is NaN too."""
    strange = ~value.isfinite()
    if not strange.any():
        return output
    met = mask.expand(weights.shape).to(value.dtype) @ strange.to(value.dtype) > 0
    return torch.where(met, output, weights @ value.masked_fill(strange, 0))


def _score(query, key, scoring, scale, temperature, bias, softcap) -> Tensor:
    """Scores (..., n, m): scaled, divided by the temperature, biased; never masked."""
    factor = scale / temperature
    if softcap is not None:
        scores = softcap * torch.tanh(scoring(query, key) * scale / softcap) / temperature
    elif isinstance(scoring, Dot) and math.frexp(factor)[0] == 0.5:
        # a power of two loses no digit, so it may go to the n*d numbers instead of the n*m
        scores = scoring(query if factor == 1 else query * factor, key)
    elif isinstance(scoring, Dot):
        # after the product, as transformers' eager attention does: equal to it bit for bit
        scores = scoring(query, key).mul_(factor)
    else:
        scores = scoring(query, key)
        scores = scores if factor == 1 else scores * factor
    return scores if bias is None else scores + bias


def _scores_shape(query: Tensor, key: Tensor, value: Tensor) -> tuple[int, ...]:
    """(..., n, m); ``ValueError`` for what PyTorch would take wrongly, or refuse less plainly."""
    shapes = tuple(query.shape), tuple(key.shape), tuple(value.shape)
    if min(map(len, shapes)) < 2:
        raise ValueError(
            "query (..., n, d), key (..., m, d) and value (..., m, v) need at least two "
            f"dimensions, got shapes {shapes}; add a row dimension with [None]"
        )
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"every key needs one value: got {key.shape[-2]} keys and {value.shape[-2]} values"
        )
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


def _fused(query, key, value, mask, scale, bias, dropout) -> Attended:
    """The same through ``F.scaled_dot_product_attention``, which never stores the weights."""
    check_features(query, key)
    if mask is not None:
        check_mask(mask, _scores_shape(query, key, value))
    if bias is not None and mask is not None:
        mask = bias.masked_fill(~mask, float("-inf"))
    elif bias is not None:
        mask = bias
    output = F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale
    )
    return Attended(output, None, None)


@dataclass(frozen=True)
class Cell:
    """One cell of a weight matrix, opened: every number between the vectors and the weight.

    left, right, terms (k,): the factors of the score per dimension and their products; their sum
    is ``raw``. ``scaled = raw * scale / temperature`` (after the soft cap if there is one),
    ``logit = scaled + bias``. ``numerator = exp(logit - shift)`` with shift the row's largest
    allowed logit, ``denominator`` the row's sum (sink included), ``weight`` their quotient, 0 when
    the cell is masked. contribution (v,) = weight * value, one summand of output (v,).
    """

    query: Tensor
    key: Tensor
    left: Tensor
    right: Tensor
    terms: Tensor
    raw: float
    scale: float
    temperature: float
    scaled: float
    bias: float
    allowed: bool
    logit: float
    shift: float
    numerator: float
    denominator: float
    weight: float
    value: Tensor
    contribution: Tensor
    output: Tensor


def explain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    row: int,
    column: int,
    mask: Tensor | None = None,
    *,
    scoring: Scoring | None = None,
    scale: float | None = None,
    temperature: float = 1.0,
    bias: Tensor | None = None,
    softcap: float | None = None,
    sinks: Tensor | None = None,
) -> Cell:
    """Open cell (row, column) of one head: query (n, d), key (m, d), value (m, v).

    mask, bias (n, m) or broadcastable; sinks (n or 1, 1). The other arguments are attend()'s, and
    the weight and output are attend()'s too, to rounding. Raises ``ValueError`` for a cell outside.
    """
    scoring = Dot() if scoring is None else scoring
    shape = _scores_shape(query, key, value)
    if len(shape) != 2:
        raise ValueError(f"explain opens one head of one text at a time, got scores {shape}")
    n, m = shape
    if not (0 <= row < n and 0 <= column < m):
        raise ValueError(f"cell ({row}, {column}) lies outside {n} queries x {m} keys")
    # float64 so that the sheet adds up; on the CPU because mps has no float64
    query, key, value = (tensor.detach().cpu().double() for tensor in (query, key, value))
    mask = None if mask is None else mask.cpu()
    scoring = _to_double(scoring)
    scale = scoring.default_scale(query.shape[-1]) if scale is None else scale
    options = {"scoring": scoring, "scale": scale, "temperature": temperature}
    options["softcap"] = softcap
    options["bias"] = None if bias is None else bias.detach().cpu().double()
    options["sinks"] = None if sinks is None else sinks.detach().cpu().double()
    attended = attend(query, key, value, mask, **options)

    left, right = scoring.factors(query[row], key[column])
    terms = left * right
    raw = terms.sum().item()
    scaled = raw * scale if softcap is None else softcap * math.tanh(raw * scale / softcap)
    scaled = scaled / temperature
    allowed_row = torch.ones(n, m, dtype=torch.bool) if mask is None else mask.expand(n, m)
    allowed_row = allowed_row[row]
    added = 0.0 if bias is None else bias.expand(n, m)[row, column].item()
    logits = attended.scores[row]
    candidates = logits[allowed_row]
    if sinks is not None:
        candidates = torch.cat([candidates, options["sinks"].expand(n, 1)[row]])
    shift = candidates.max().item() if candidates.numel() else 0.0
    allowed = bool(allowed_row[column])
    logit = logits[column].item()
    weight = attended.weights[row, column].item()
    return Cell(
        query=query[row], key=key[column], left=left, right=right, terms=terms, raw=raw,
        scale=scale, temperature=temperature, scaled=scaled, bias=added, allowed=allowed,
        logit=logit, shift=shift,
        numerator=math.exp(logit - shift) if allowed else 0.0,
        denominator=(candidates - shift).exp().sum().item(),
        weight=weight, value=value[column], contribution=weight * value[column],
        output=attended.output[row],
    )  # fmt: skip


def _to_double(scoring: Scoring) -> Scoring:
    """The same scoring with its tensors in float64 on the CPU, as explain() wants them."""
    fields = {
        name: field.detach().cpu().double() if isinstance(field, Tensor) else field
        for name, field in vars(scoring).items()
    }
    return type(scoring)(**fields)
