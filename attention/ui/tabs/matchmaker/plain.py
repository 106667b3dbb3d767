"""The matchmaker by hand in plain PyTorch: the same numbers where this package is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ....scoring import Additive, Bilinear
from ....steps import make_projections, make_scoring

if TYPE_CHECKING:
    from .by_hand import Study


def plain(s: Study) -> str:
    """Every step in a line of its own, and no line for what these inputs leave out."""
    inputs, people = s.inputs, s.inputs.people
    width, seed = len(people["query"]), inputs.weights_seed
    lines = [
        "import torch",
        "",
        f"query = torch.tensor({people['query']})",
        f"keys = torch.tensor({people['keys']})",
        f"values = torch.tensor({people['values']})",
    ]
    if inputs.projections:
        drawn = make_projections(width, len(people["values"][0]), seed=seed)
        named = (("query", drawn.w_q), ("keys", drawn.w_k), ("values", drawn.w_v))
        lines += [f"{name} = {name} @ torch.tensor({decimals(matrix)})" for name, matrix in named]
    scaling = f" * {s.steps.scale!r}    # 1 / sqrt(d)" if s.scaled else ""
    lines += ["", *scores(inputs.scoring, width, seed), f"scaled = scores{scaling}"]
    if inputs.temperature != 1:
        lines.append(f"scaled = scaled / {inputs.temperature!r}    # temperature")
    lines += [
        "weights = torch.softmax(scaled, dim=0)",
        "output = weights @ values",
        "print(scores)     # one for each key",
        "print(weights)    # they sum to 1",
        "print(output)",
    ]
    return "\n".join(lines) + "\n"


def scores(name: str, width: int, seed: int) -> list[str]:
    """How query and keys become scores: the scoring's own formula, its matrices written out."""
    scoring = make_scoring(name, width, seed)
    if isinstance(scoring, Bilinear):
        return [f"w = torch.tensor({decimals(scoring.weight)})", "scores = (query @ w) @ keys.T"]
    if isinstance(scoring, Additive):
        return [
            f"w_q = torch.tensor({decimals(scoring.w_q)})",
            f"w_k = torch.tensor({decimals(scoring.w_k)})",
            "scores = torch.tanh(w_q @ query + keys @ w_k.T).sum(-1)",
        ]
    return ["scores = keys @ query"]


def decimals(matrix: Tensor) -> list[list[float]]:
    """The entries of a matrix that was drawn to two decimals."""
    return [[round(value, 2) for value in row] for row in matrix.tolist()]
