"""The seeded wrong programs: each right but for its faults, written anew and not by ``attend``."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

ATTEND = (
    "no_scale", "scale_by_d_model", "softmax_axis", "unmasked", "minus_1e9", "softmax_before_scaling",
    "no_shift", "wrong_value_row", "not_renormalised", "base", "inverted_mask", "nan_row",
)  # fmt: skip
SOFTMAX = (
    "softmax_axis",
    "unmasked",
    "minus_1e9",
    "no_shift",
    "not_renormalised",
    "base",
    "inverted_mask",
    "nan_row",
)


def weights(scores: Tensor, mask: Tensor | None, faults: frozenset[str]) -> Tensor:
    """A masked softmax with some of SOFTMAX's faults."""
    dim = -2 if "softmax_axis" in faults else -1
    if mask is not None and "inverted_mask" in faults:
        mask = ~mask
    allowed = torch.ones_like(scores, dtype=torch.bool) if mask is None else mask.expand(scores.shape)
    counted = torch.ones_like(allowed) if faults & {"unmasked", "not_renormalised"} else allowed
    logits = scores * math.log(2) if "base" in faults else scores
    low = -1e9 if "minus_1e9" in faults else -math.inf
    logits = logits.masked_fill(~counted, low)
    if "no_shift" not in faults:
        top = logits.detach().amax(dim, keepdim=True)
        logits = logits - (top if "nan_row" in faults else top.masked_fill(top == -math.inf, 0.0))
    numerator = logits.exp()
    total = numerator.sum(dim, keepdim=True)
    if "nan_row" not in faults:
        total = total.masked_fill(total == 0, 1.0)  # by rule, zeros
    found = numerator / total
    return found.masked_fill(~allowed, 0.0) if "not_renormalised" in faults else found


def attend(faults: frozenset[str]) -> Callable[..., Tensor]:
    """An attend with some of ATTEND's faults; none gives the right one."""

    def wrong(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        d = query.shape[-1]
        scale = 1 / math.sqrt(d * query.shape[-3] if "scale_by_d_model" in faults else d)
        before = "softmax_before_scaling" in faults
        scores = query @ key.transpose(-2, -1) * (1.0 if before or "no_scale" in faults else scale)
        found = weights(scores, mask, faults) * (scale if before else 1.0)
        return found @ (value.roll(1, -2) if "wrong_value_row" in faults else value)

    return wrong


def _kernel(faults: frozenset[str]) -> Callable[..., Tensor]:
    def wrong(queries: Tensor, keys: Tensor, values: Tensor, bandwidth: float) -> Tensor:
        away = (queries[:, None] - keys).square()
        sign = 1.0 if "distance_sign" in faults else -1.0
        width = 2.0 * (bandwidth if "h_not_squared" in faults else bandwidth**2)
        if "no_two" in faults:
            width = width / 2
        found = weights(sign * away / width, None, faults)
        return found @ (values.roll(1, 0) if "wrong_value_row" in faults else values)

    return wrong


def _encoding(fault: str) -> Callable[[int, int], Tensor]:
    def wrong(length: int, d: int) -> Tensor:
        power = torch.arange(0, d, 2, dtype=torch.float64) / d
        if fault == "full_power":
            power = torch.arange(0, d, 2, dtype=torch.float64) * 2 / d
        base = {"base_e": math.e, "thousand": 1000.0}.get(fault, 10000.0)
        angles = torch.arange(length, dtype=torch.float64)[:, None] * base**-power
        if fault == "from_one":
            angles = (torch.arange(length, dtype=torch.float64) + 1)[:, None] * base**-power
        parts = [angles.sin(), angles.cos()]
        if fault == "swapped":
            parts.reverse()
        return torch.cat(parts, -1) if fault == "halves" else torch.stack(parts, -1).flatten(-2)

    return wrong


def _online(fault: str) -> Callable[[list[Tensor], list[Tensor]], Tensor]:
    def wrong(score_blocks: list[Tensor], value_blocks: list[Tensor]) -> Tensor:
        top, total, output = torch.tensor(-math.inf).double(), torch.zeros(()).double(), None
        for scores, values in zip(score_blocks, value_blocks, strict=True):
            new = (
                torch.zeros(()).double() if fault == "no_shift" else torch.maximum(top, scores.detach().max())
            )
            again = (
                (top - new).exp() if fault != "no_shift" and output is not None else torch.ones(()).double()
            )
            numerator = ((scores - new) * (math.log(2) if fault == "base" else 1.0)).exp()
            total = total * (1.0 if fault == "no_rescale" else again) + numerator.sum()
            kept = (
                0.0 if output is None else output * (1.0 if fault in ("no_rescale", "old_output") else again)
            )
            output, top = kept + numerator @ values, new
        assert output is not None
        return output if fault == "not_divided" else output / total

    return wrong


def _cache(fault: str) -> type:
    class Wrong:
        def __init__(self) -> None:
            self.seen: list[tuple[Tensor, Tensor]] = []

        def step(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            if fault != "late":
                self.seen.append((key, value))
            if fault == "late" and not self.seen:
                self.seen.append((key, value))
                return torch.zeros_like(value)
            if fault == "last_only":
                self.seen = self.seen[-1:]
            keys, values = (torch.stack(part) for part in zip(*self.seen, strict=True))
            if fault == "late":
                self.seen.append((key, value))
            one = frozenset({fault})
            return attend(one)(query[None, None], keys[None], values[None])[0, 0]

    return Wrong


def _heads(fault: str) -> Callable[[Tensor, int], Tensor]:
    def wrong(x: Tensor, num_heads: int) -> Tensor:
        b, n, width = x.shape
        if fault == "no_transpose":
            return x.reshape(b, num_heads, n, width // num_heads)
        if fault == "interleaved":
            return x.reshape(b, n, width // num_heads, num_heads).permute(0, 3, 1, 2)
        return x.reshape(b, n, num_heads, width // num_heads)  # heads stay behind the tokens

    return wrong


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    return x.mean(-2)


def _mean_zeroed(x: Tensor, mask: Tensor) -> Tensor:
    return (x * mask[..., None]).mean(-2)


def single(name: str) -> dict[str, Callable[..., Any]]:
    """Fault -> a wrong program of this function with this fault alone."""
    if name == "attend":
        return {fault: attend(frozenset({fault})) for fault in ATTEND}
    if name == "masked_softmax":
        return {fault: _softmax(frozenset({fault})) for fault in SOFTMAX}
    if name == "kernel_regression":
        faults = (
            "distance_sign",
            "softmax_axis",
            "no_shift",
            "nan_row",
            "wrong_value_row",
            "base",
            "h_not_squared",
            "no_two",
        )
        made: dict[str, Callable[..., Any]] = {
            fault: _kernel(frozenset({fault})) for fault in faults if fault != "nan_row"
        }
        # without the shift far queries divide 0 by 0
        made["no_shift"] = _kernel(frozenset({"no_shift", "nan_row"}))
        return made
    if name == "positional_encoding":
        return {
            f: _encoding(f) for f in ("halves", "swapped", "full_power", "from_one", "base_e", "thousand")
        }
    if name == "split_heads":
        return {fault: _heads(fault) for fault in ("no_transpose", "interleaved", "heads_behind")}
    if name == "masked_mean":
        return {"mean_over_padding": _mean, "divided_by_all": _mean_zeroed}
    if name == "online_softmax":
        return {f: _online(f) for f in ("no_rescale", "old_output", "no_shift", "not_divided", "base")}
    return {f: _cache(f) for f in ("last_only", "late", "no_scale", "wrong_value_row", "base")}


def _softmax(faults: frozenset[str]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda scores, mask: weights(scores, mask, faults)


def pairs(name: str) -> dict[str, Callable[..., Any]]:
    """Two faults at once, "a+b", of the functions where both can be made together."""
    if name == "attend":
        return {f"{a}+{b}": attend(frozenset({a, b})) for a, b in combinations(ATTEND, 2)}
    if name == "masked_softmax":
        return {f"{a}+{b}": _softmax(frozenset({a, b})) for a, b in combinations(SOFTMAX, 2)}
    return {}
