"""Must every word look at every word before it? Near ones, the first ones, and what that costs.

A sliding window of w keys makes cache and cost linear in the text (Beltagy et al. 2020); through L layers a
token still hears, in steps, from (w - 1) L tokens back (:func:`reach`). Large models park the weight they
do not need on the first tokens, so a window without them breaks, and one that keeps a few of them as sinks
does not (Xiao et al. 2023); gpt-oss learns a logit per head instead, the argument ``sinks`` of ``attend``.

Shapes: n queries, m keys, d features, v value features, L layers.

>>> window_mask(4, 4, window=2, sinks=1).int()
tensor([[1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
        [1, 0, 1, 1]], dtype=torch.int32)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .cache import KeyValueCache
from .masks import causal_mask, check_mask
from .pooling import Attended, attend


def window_mask(n: int, m: int, window: int, sinks: int = 0, device: torch.device | None = None) -> Tensor:
    """mask (n, m), True = may attend: the last ``window`` keys up to oneself, and the first ``sinks``.

    With m > n the queries are the last n of m positions. window >= 1 counts the token itself; a window
    of m is the causal mask. Raises ``ValueError`` outside these ranges.
    """
    if window < 1 or sinks < 0:
        raise ValueError(f"window must be at least 1 and sinks at least 0, got {window} and {sinks}")
    causal = causal_mask(n, m, device)
    near = causal.triu(m - n - window + 1)
    return near | (causal & (torch.arange(m, device=device) < sinks))


def rolling_attend(
    query: Tensor, key: Tensor, value: Tensor, window: int, sinks: int = 0, **options: Any
) -> Iterator[tuple[Attended, KeyValueCache]]:
    """The same token by token with a cache that forgets: at most window + sinks keys are ever held.

    query, key (..., n, d), value (..., n, v), of one text; options: attend()'s. Yields, for each token,
    its attention (output (..., 1, v)) and the cache after it.
    """
    cache = KeyValueCache()
    for at in range(query.shape[-2]):
        here = slice(at, at + 1)
        if at:
            cache.evict(window - 1, sinks)
        keys, values = cache.append(0, key[..., here, :], value[..., here, :])
        yield attend(query[..., here, :], keys, values, **options), cache


def reach(masks: Sequence[Tensor]) -> Tensor:
    """Which tokens each token hears from after each layer: masks L of (n, n) -> boolean (L, n, n).

    ``R_l = M_l R_(l-1)`` in the algebra of and / or: i hears from j if some k that i may attend to has
    heard from j below. Residual connections add what a token knew: R_l includes R_(l-1).
    """
    n = masks[0].shape[-1] if masks else 0
    heard, known = [], torch.eye(n, dtype=torch.bool)
    for mask in masks:
        check_mask(mask, (n, n))
        # counts of paths, exact in float64 far beyond any n here; only whether there is one matters
        known = known | ((mask.expand(n, n).double() @ known.double()) > 0)
        heard.append(known)
    if not heard:
        raise ValueError("reach needs the mask of at least one layer, got none")
    return torch.stack(heard)


def loss_by_position(logits: Tensor, ids: Tensor) -> Tensor:
    """``-ln p(next token)`` at every position but the last: logits (..., n, vocabulary), ids (..., n).

    Returns (..., n - 1) in nats; ``exp`` of its mean is the perplexity.
    """
    if logits.shape[:-1] != ids.shape or ids.shape[-1] < 2:
        raise ValueError(
            f"logits need one row per id, and a loss two ids or more; got {tuple(logits.shape)} and "
            f"{tuple(ids.shape)}"
        )
    loss = F.cross_entropy(
        logits[..., :-1, :].flatten(0, -2).float(), ids[..., 1:].flatten(), reduction="none"
    )
    return loss.reshape(ids[..., 1:].shape)
