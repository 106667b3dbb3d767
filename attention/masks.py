"""Chapter 2: who may be looked at?

One rule everywhere in this package: a mask is boolean and True means "may attend". A row in which
nothing may be attended gets weights of zero, by definition, so that its output is zero too; the
other two conventions are here as well (:func:`softmax_with_minus_inf`,
:func:`softmax_with_minus_1e9`) because seeing them fail is half of the lesson.

Shapes: b batch, n queries, m keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pad_sequences(
    sequences: Sequence[Sequence[float]], padding: float = 0, length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Fill a ragged batch up to one length.

    sequences: b lists of numbers. padding: what fills the gaps, default 0. length: the common
    length, default that of the longest list. Returns ``(padded (b, length), lengths (b,))``;
    padded is int64 when every number is an int, else float32.
    Raises ``ValueError`` for no sequences, or for a length shorter than the longest.

    >>> pad_sequences([[5, 6, 7], [8]])
    (tensor([[5, 6, 7],
            [8, 0, 0]]), tensor([3, 1]))
    """
    if len(sequences) == 0:
        raise ValueError("pad_sequences needs at least one sequence, got none")
    longest = max(len(sequence) for sequence in sequences)
    length = longest if length is None else length
    if length < longest:
        raise ValueError(
            f"length must be at least {longest}, the longest sequence, got {length}; cut the "
            "sequences first if they are meant to be shortened"
        )
    rows = [list(sequence) + [padding] * (length - len(sequence)) for sequence in sequences]
    whole = all(isinstance(number, int) for row in rows for number in row)
    padded = torch.tensor(rows, dtype=torch.int64 if whole else torch.float32)
    padded = padded.reshape(len(rows), length)  # torch.tensor([[], []]) has shape (2, 0) already
    return padded, torch.tensor([len(sequence) for sequence in sequences])


def padding_mask(lengths: Tensor, length: int) -> Tensor:
    """Keys that are real: lengths (b,) -> mask (b, 1, length), True where position < length.

    The middle 1 broadcasts over queries. Raises ``ValueError`` for a length out of [0, length].

    >>> padding_mask(torch.tensor([2, 1]), 3)
    tensor([[[ True,  True, False]],
    <BLANKLINE>
            [[ True, False, False]]])
    """
    if lengths.numel() and (lengths.min() < 0 or lengths.max() > length):
        raise ValueError(f"lengths must lie in [0, {length}], got {lengths.tolist()}")
    return (torch.arange(length, device=lengths.device) < lengths[:, None])[:, None, :]


def causal_mask(n: int, m: int | None = None, device: torch.device | None = None) -> Tensor:
    """No looking ahead: mask (n, m), True where key <= query; m defaults to n.

    With m > n the queries are the last n of m positions, as when decoding with a cache.

    >>> causal_mask(3).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    m = n if m is None else m
    return torch.ones(n, m, dtype=torch.bool, device=device).tril(m - n)


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax over the keys that may be attended.

    scores (..., n, m), left as they are; mask boolean, broadcastable to scores, True = may attend,
    default all. Returns weights (..., n, m) in the dtype of scores; each row sums to 1, or is all
    zeros where nothing may be attended. Half precision is summed in float32.
    Raises ``ValueError`` for a mask that is not boolean or does not fit.

    >>> masked_softmax(torch.tensor([[1.0, 1.0, 9.0]]), torch.tensor([[True, True, False]]))
    tensor([[0.5000, 0.5000, 0.0000]])
    """
    if mask is None:
        return _softmax(scores)
    check_mask(mask, scores.shape)
    empty = ~mask.any(dim=-1, keepdim=True)  # (..., n, 1)
    blocked = ~mask & ~empty  # a softmax of nothing is 0/0, and its gradient NaN
    # -inf, not a large negative number: exp(-inf) is exactly 0 whatever the other scores are
    weights = _softmax(scores.masked_fill(blocked, float("-inf")))
    # by rule, a row with nothing to attend to gets zeros
    return weights.masked_fill(empty, 0) if empty.any() else weights


def _softmax(scores: Tensor) -> Tensor:
    if scores.dtype in (torch.float16, torch.bfloat16):
        return torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)
    return torch.softmax(scores, dim=-1)


def weighted_sum(weights: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """``weights @ value``, in which nothing behind the mask counts, not even NaN or infinity.

    weights (..., n, m), value (..., m, v), mask as in :func:`masked_softmax` -> (..., n, v).
    A weight of 0 is not enough to hide a value: 0 times NaN is NaN.

    >>> weights, value = torch.tensor([[1.0, 0.0]]), torch.tensor([[5.0], [float("nan")]])
    >>> weights @ value, weighted_sum(weights, value, torch.tensor([[True, False]]))
    (tensor([[nan]]), tensor([[5.]]))
    """
    output = weights @ value  # (..., n, v)
    if mask is None or output.sum().isfinite():  # a sum is quick, and NaN or infinity survives it
        return output
    mask = mask.expand(weights.shape)
    strange = ~value.isfinite()  # (..., m, v)
    output = weights @ value.masked_fill(strange, 0)
    keys = strange.any(dim=-1).reshape(-1, value.shape[-2]).any(dim=0)  # (m,)
    for j in keys.nonzero().flatten().tolist():  # key by key, as there are few as a rule
        part = value[..., j, None, :].where(strange[..., j, None, :], 0)  # (..., 1, v)
        part = weights[..., :, j, None] * part  # (..., n, v)
        output = output + part.where(mask[..., :, j, None], 0)
    return output


def check_mask(mask: Tensor, shape: Sequence[int]) -> None:
    """Raise ``ValueError`` unless mask is boolean and broadcasts to the scores' shape."""
    if mask.dtype != torch.bool:
        raise ValueError(
            f"mask must be boolean with True = may attend, got {mask.dtype}; a 0/1 mask becomes "
            "one with .bool(), and an additive one is the argument bias"
        )
    check_fits("mask", mask.shape, shape)


def check_fits(name: str, shape: Sequence[int], target: Sequence[int]) -> None:
    """Raise ``ValueError`` unless ``shape`` broadcasts to ``target``, the shape of the scores."""
    pairs = zip(reversed(shape), reversed(target), strict=False)
    if len(shape) > len(target) or any(size not in (1, wanted) for size, wanted in pairs):
        raise ValueError(
            f"{name} of shape {tuple(shape)} does not broadcast to scores of shape {tuple(target)}"
        )


def softmax_with_minus_inf(scores: Tensor, mask: Tensor) -> Tensor:
    """The bare convention: -inf where masked, nothing more. A fully masked row is NaN (0/0)."""
    check_mask(mask, scores.shape)
    return torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1)


def softmax_with_minus_1e9(scores: Tensor, mask: Tensor) -> Tensor:
    """The "large number" convention: -1e9 where masked. A fully masked row is uniform.

    Raises ``OverflowError`` in half precision, which ends at 65504 and cannot hold -1e9.
    """
    check_mask(mask, scores.shape)
    if 1e9 > torch.finfo(scores.dtype).max:
        raise OverflowError(f"-1e9 does not fit into {scores.dtype}")
    return torch.softmax(scores.masked_fill(~mask, -1e9), dim=-1)
