"""The matchmaker by hand in plain PyTorch: the same numbers where this package is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ....scoring import Additive, Bilinear
from ....steps import make_projections, make_scoring

if TYPE_CHECKING:
    from .by_hand import Study
    from .trained import Study as Trained


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


def trained(s: Trained) -> str:
    """Evenings made up, and three matrices that learn from them, as far as the numbers are numbers."""
    inputs, count = s.inputs, s.inputs.candidates
    last = s.training.steps[-1]  # a training that runs away ends early
    dropped = [
        f"    kept = torch.rand(weights.shape, generator=generator) >= {inputs.dropout!r}    # dropout",
        f"    weights = weights * kept / {1 - inputs.dropout!r}",
    ] if inputs.dropout else []  # fmt: skip
    penalty = f" + {inputs.weight_decay!r} * sum((w**2).sum() for w in (w_q, w_k, w_v))"
    return "\n".join([
        "import torch",
        "",
        f"generator = torch.Generator().manual_seed({inputs.seed})",
        f"codes = torch.rand(33, 16, generator=generator).argsort(1)[:, :{count}]    # 33 evenings",
        "honest = (codes[..., None] >> torch.arange(4)) % 2 * 2.0 - 1    # four traits, no two people alike",
        f"hidden = torch.randint(2, (33, {count}, 2), generator=generator) * 2.0 - 1    # two boasts",
        "values = torch.cat([hidden, honest], -1)",
        "claims = torch.cat([torch.ones_like(hidden), honest], -1)",
        "keys = claims + 0.2 * torch.randn(claims.shape, generator=generator)",
        "queries = values + 0.3 * torch.randn(values.shape, generator=generator)",
        "match = torch.cdist(queries, values).argmin(-1)[..., None].expand_as(values)",
        "",
        "def attend(evenings):    # (evenings, queries, keys)",
        "    scores = (queries[evenings] @ w_q.T) @ (keys[evenings] @ w_k.T).mT / 6**0.5",
        "    return scores.softmax(-1)",
        "",
        f"generator = torch.Generator().manual_seed({inputs.seed})",
        "bound = 6**-0.5",
        "w_q, w_k, w_v = (torch.empty(6, 6).uniform_(-bound, bound, generator=generator) for _ in range(3))",
        "for matrix in (w_q, w_k, w_v):",
        "    matrix.requires_grad_()",
        "print(attend(0).detach())    # the evening that is not trained on",
        f"for step in range({last}):{'    # after it the numbers run away' * s.training.diverged}",
        "    weights = attend(slice(1, None))",
        *dropped,
        "    output = weights @ (values[1:] @ w_v.T)",
        "    wanted = values[1:].gather(1, match[1:])",
        f"    loss = ((output - wanted) ** 2).mean(){penalty if inputs.weight_decay else ''}",
        "    gradients = torch.autograd.grad(loss, (w_q, w_k, w_v))",
        "    with torch.no_grad():",
        "        for matrix, gradient in zip((w_q, w_k, w_v), gradients):",
        f"            matrix -= {inputs.learning_rate!r} * gradient",
        "weights = attend(0).detach()",
        "print(weights)",
        "print(torch.special.entr(weights).sum(-1).mean())    # entropy, in nats",
    ]) + "\n"  # fmt: skip


def decimals(matrix: Tensor) -> list[list[float]]:
    """The entries of a matrix that was drawn to two decimals."""
    return [[round(value, 2) for value in row] for row in matrix.tolist()]
