"""What a head says, and what it does: two numbers that need not agree.

Large share, no effect: others say the same when it falls silent, or a later part takes it back. No share,
large effect: it writes for other heads, which then speak (Wang et al. 2022 found both in one circuit).
"""

from __future__ import annotations

from dataclasses import dataclass

from .parts import LogitParts
from .patching import Grid


@dataclass(frozen=True)
class Compared:
    """Heads whose share and effect disagree, as (layer, head, share, effect), largest first."""

    says_much_does_little: tuple[tuple[int, int, float, float], ...]
    says_little_does_much: tuple[tuple[int, int, float, float], ...]


def compare(shares: LogitParts, grid: Grid, factor: float = 0.25) -> Compared:
    """Hold the direct shares against the effects of knocking out (``patch_grid(..., None)``).

    A head is named when one of the two is at least a quarter of the largest number there is, and the
    other is below ``factor`` of it. A head that does what it says, and no more, has the effect ``-share``
    when it is knocked out (but for the last norm, which then divides by another size).
    """
    pairs = [
        (part.layer, part.head, value.item(), grid.whole[part.layer, part.head].item())
        for part, value in zip(shares.parts, shares.values, strict=True)
        if part.kind == "head" and part.layer is not None and part.head is not None
    ]
    pairs = [pair for pair in pairs if pair[3] == pair[3]]  # layers that were not reached are NaN
    most = max((max(abs(share), abs(effect)) for *_, share, effect in pairs), default=0.0)
    loud = [p for p in pairs if abs(p[2]) >= most / 4 and abs(p[3]) < factor * abs(p[2])]
    quiet = [p for p in pairs if abs(p[3]) >= most / 4 and abs(p[2]) < factor * abs(p[3])]
    return Compared(
        tuple(sorted(loud, key=lambda p: -abs(p[2]))), tuple(sorted(quiet, key=lambda p: -abs(p[3])))
    )
