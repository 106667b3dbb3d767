"""Chapter 3, on paper: what happens to one query, number by number?

A dating agency. The query is your ideal partner, a key is what a candidate says of themselves, a
value is who they really are. :func:`forward_steps` walks one query through the four steps of
attention and keeps every number; chapter 4 then learns the projections in front of them.

Shapes: m keys (candidates), d traits asked for or claimed, v traits somebody really has, p and p'
features after a projection.

>>> first = example()
>>> steps = forward_steps(first.query, first.keys, first.values, scoring="dot")
>>> steps.similarity.tolist()
[3.0, 1.0, 0.5]
>>> [round(weight, 2) for weight in steps.weights.tolist()]
[0.82, 0.11, 0.07]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .cell import Cell, explain
from .scoring import Additive, Bilinear, Dot, Scoring

SCORINGS = ("dot", "scaled_dot", "bilinear", "additive")


class Projections(NamedTuple):
    """Matrices in front of attention: w_q (d, p), w_k (d, p), w_v (v, p')."""

    w_q: Tensor
    w_k: Tensor
    w_v: Tensor


class Example(NamedTuple):
    """A first sheet: query (d,), keys (m, d), values (m, v)."""

    query: Tensor
    keys: Tensor
    values: Tensor


def example() -> Example:
    """Three candidates, three traits, with the dot products 3.0, 1.0 and 0.5."""
    return Example(
        query=torch.tensor([1.0, 1.0, 0.5]),
        keys=torch.tensor([[1.5, 1.0, 1.0], [0.5, 0.0, 1.0], [0.0, 0.5, 0.0]]),
        values=torch.tensor([[0.5, 1.0, 1.0], [1.0, 0.5, 1.0], [1.0, 1.0, 0.0]]),
    )


def make_scoring(name: str, d: int, seed: int = 0) -> Scoring:
    """The scoring called ``name``, one of SCORINGS, for d features.

    "dot" and "scaled_dot" are the same product; they differ by the scale. W of "bilinear" (d, d)
    and W_q, W_k of "additive" (d, d), whose v is all ones, are the identity plus noise of standard
    deviation 0.1 from ``seed``, to two decimals: small enough to be read, and to be followed.
    Raises ``ValueError`` for another name.
    """
    if name not in SCORINGS:
        raise ValueError(f"scoring must be one of {', '.join(SCORINGS)}, got {name!r}")
    generator = torch.Generator().manual_seed(seed)
    if name == "bilinear":
        return Bilinear(_near_identity(d, d, generator))
    if name == "additive":
        return Additive(_near_identity(d, d, generator), _near_identity(d, d, generator), torch.ones(d))
    return Dot()


def make_projections(d: int, v: int, p: int | None = None, seed: int = 0) -> Projections:
    """Near-identity projections to p features (default: as many as came in), set by ``seed``."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (d, p or d), (d, p or d), (v, p or v)
    return Projections(*(_near_identity(*shape, generator) for shape in shapes))


def _near_identity(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    noise = 0.1 * torch.randn(rows, columns, generator=generator)
    return torch.eye(rows, columns) + (noise * 100).round() / 100


@dataclass(frozen=True)
class Steps:
    """The four steps for one query, in float64.

    query (p,), keys (m, p), values (m, p'): after the projections. 1: ``similarity`` (m,).
    2: ``scaled = similarity * scale / temperature`` (m,). 3: ``numerators = exp(scaled - shift)``
    (m,), their sum ``denominator``, ``weights`` (m,) the quotients; shift is the largest allowed
    entry of scaled and cancels out. 4: ``contributions = weights * values`` (m, p'), whose sum is
    ``output`` (p',). cells: the same per candidate, opened by :func:`attention.cell.explain`.
    """

    query: Tensor
    keys: Tensor
    values: Tensor
    similarity: Tensor
    scale: float
    temperature: float
    scaled: Tensor
    shift: float
    numerators: Tensor
    denominator: float
    weights: Tensor
    contributions: Tensor
    output: Tensor
    cells: tuple[Cell, ...]


def forward_steps(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    scoring: str | Scoring = "scaled_dot",
    scale_on: bool | None = None,
    temperature: float = 1.0,
    projections: Projections | None = None,
    mask: Tensor | None = None,
    seed: int = 0,
) -> Steps:
    """One query through attention: similarity, scaling, softmax, weighted sum.

    query (d,), keys (m, d), values (m, v), all finite, m >= 1. scoring: a name out of SCORINGS
        (its parameters come from ``seed``) or a scoring of chapter 1.
    scale_on: True multiplies by 1/sqrt(p), p the width that meets the scoring; False does not;
        None, the default, does so for "scaled_dot" only. temperature: > 0, default 1.
    projections: applied first; None, the default, is the identity.
    mask (m,): boolean, False = not available; with nobody available the output is zero.

    Raises ``ValueError`` for no candidates, for shapes that do not fit, and for NaN or infinity.
    """
    _check_people(query, keys, values)
    if projections is not None:
        query, keys, values = _project(query, keys, values, projections)
    if scale_on is None:
        scale_on = scoring == "scaled_dot"
    if isinstance(scoring, str):
        scoring = make_scoring(scoring, query.shape[-1], seed)
    scale = Dot().default_scale(query.shape[-1]) if scale_on else 1.0
    mask = None if mask is None else mask[None]  # (m,) -> (1, m)
    cells = tuple(
        explain(
            query[None], keys, values, 0, candidate, mask,
            scoring=scoring, scale=scale, temperature=temperature,
        )
        for candidate in range(len(keys))
    )  # fmt: skip

    def column(name: str) -> Tensor:
        return torch.tensor([getattr(cell, name) for cell in cells], dtype=torch.float64)

    first = cells[0]
    return Steps(
        query=first.query,
        keys=torch.stack([cell.key for cell in cells]),
        values=torch.stack([cell.value for cell in cells]),
        similarity=column("raw"),
        scale=scale,
        temperature=temperature,
        scaled=column("scaled"),
        shift=first.shift,
        numerators=column("numerator"),
        denominator=first.denominator,
        weights=column("weight"),
        contributions=torch.stack([cell.contribution for cell in cells]),
        output=first.output,
        cells=cells,
    )


def _check_people(query: Tensor, keys: Tensor, values: Tensor) -> None:
    shapes = f"query {tuple(query.shape)}, keys {tuple(keys.shape)}, values {tuple(values.shape)}"
    if (query.dim(), keys.dim(), values.dim()) != (1, 2, 2):
        raise ValueError(f"query must be (d,), keys (m, d) and values (m, v), got {shapes}")
    if len(keys) == 0:
        raise ValueError(f"there must be at least one candidate, got {shapes}")
    for name, tensor in (("query", query), ("keys", keys), ("values", values)):
        if not tensor.isfinite().all():
            raise ValueError(f"{name} must be finite, got {tensor.tolist()}")


def _project(
    query: Tensor, keys: Tensor, values: Tensor, projections: Projections
) -> tuple[Tensor, Tensor, Tensor]:
    projected = []
    pairs = zip((query, keys, values), projections, strict=True)
    for (tensor, matrix), name in zip(pairs, projections._fields, strict=True):
        if tensor.shape[-1] != matrix.shape[0]:
            raise ValueError(
                f"{name} must have one row per feature: got {tuple(matrix.shape)} for "
                f"{tensor.shape[-1]} features"
            )
        projected.append(tensor @ matrix)
    query, keys, values = projected
    return query, keys, values
