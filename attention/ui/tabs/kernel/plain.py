"""Kernel regression in plain PyTorch: the same numbers where this package is not installed."""

from __future__ import annotations

from .fit import QUERIES, Fit


def plain(f: Fit) -> str:
    """All points alike, or a Gaussian of the chosen width."""
    if f.bandwidth is None:
        return program(f, ["weights = torch.full((len(queries), len(x)), 1 / len(x))"])
    return program(f, [
        "distance = queries[:, None] - x    # (queries, points)",
        f"weights = torch.softmax(-(distance / {f.bandwidth!r}) ** 2 / 2, dim=-1)",
    ])  # fmt: skip


def program(f: Fit, method: list[str]) -> str:
    """The points, the lines that make the weights, and what comes of them."""
    inputs = f.inputs
    if f.known:
        data = [
            f"generator = torch.Generator().manual_seed({inputs.seed})",
            f"x = (5 * torch.rand({inputs.num_points}, generator=generator)).sort().values",
            f"noise = {inputs.noise!r} * torch.randn({inputs.num_points}, generator=generator)",
            "y = 2 * torch.sin(x) + x**0.8 + noise",
        ]
    else:
        points = ([float(str(v)) for v in one.numpy()] for one in (f.x, f.y))  # shortest float32 spelling
        data = [f"{name} = torch.tensor({numbers!r})" for name, numbers in zip("xy", points, strict=True)]
    return "\n".join([
        "import torch",
        "",
        *data,
        f"queries = torch.linspace(x.min().item(), x.max().item(), {QUERIES})",
        "",
        *method,
        "output = weights @ y",
        "print(output)     # the prediction at the queries",
        "print(weights)    # queries x points, each row sums to 1",
    ]) + "\n"  # fmt: skip
