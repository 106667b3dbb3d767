"""Sheets of the cache scene: a kept row, a step's multiplications, the bytes of a layer."""

from __future__ import annotations

from torch import Tensor

from .....ledger import PARTS, Step
from ....page.sheet import Grid, Section, Sheet, show
from ....page.texts import Words


def rows_sheet(words: Words, token: str, side: str, before: Tensor, now: Tensor) -> Sheet:
    """A kept row: each number as it was first written, as it is now, and the difference."""
    rows = [
        [str(i + 1), show(old), show(new), show(new - old)]
        for i, (old, new) in enumerate(zip(before.tolist(), now.tolist(), strict=True))
    ]
    columns = [words(f"cost.cache_row_{name}") for name in ("feature", "before", "now", "change")]
    most = (now - before).abs().max().item()
    text = words("cost.cache_row_still" if most == 0 else "cost.cache_row_moved", most=show(most))
    return Sheet(
        words("cost.cache_row_title", token=token, side=side), [Section("", text, Grid(columns, rows))]
    )


def products_sheet(words: Words, step: Step, number: int, cached: bool) -> Sheet:
    """A step's multiplications, part by part."""
    rows = [[words(f"cost.cache_part_{part}"), f"{step.parts[part]:,}"] for part in PARTS]
    rows.append([words("sheet.sum"), f"{step.multiplications:,}"])
    columns = [words("cost.cache_part"), words("cost.cache_products")]
    text = words("cost.cache_products_text", read=step.read, seen=step.keys.shape[-2])
    key = "cost.cache_with" if cached else "cost.cache_without"
    title = words("cost.cache_products_title", step=number, how=words(key))
    return Sheet(title, [Section("", text, Grid(columns, rows, total=True))])


def bytes_sheet(words: Words, kept: Tensor, layer: int, side: int, total: int) -> Sheet:
    """The bytes of a layer's keys or values (g, m, d): heads x tokens x features x bytes."""
    g, m, d = kept.shape
    size = kept.element_size()
    lines = [
        (words("cost.cache_bytes_one"), f"{g} × {m} × {d} × {size}", f"{g * m * d * size:,}"),
        (words("cost.cache_bytes_token"), f"{g} × {d} × {size}", f"{g * d * size:,}"),
        (words("cost.cache_bytes_all"), "", f"{total:,}"),
    ]
    name = words("cost.cache_keys" if side == 0 else "cost.cache_values")
    title = words("cost.cache_bytes_title", side=name, layer=layer)
    return Sheet(title, [Section("", words("cost.cache_bytes_text"), lines=lines)])
