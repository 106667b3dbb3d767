"""A training that stops and goes on: its whole state as bytes.

A long training runs in chunks whose state the browser carries, so the server keeps nothing. What
comes back has been in other hands: it is checked for names, shapes, dtypes, size and finiteness
before any of it is used. The format is safetensors, which holds numbers and nothing that runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

MAX_BYTES = 2_000_000
MAX_STEPS = 100_000
MAX_NUMBER = 1000.0
_STEP, _SEED = "training.step", "training.seed"


def pack_state(tensors: dict[str, Tensor], step: int) -> bytes:
    """Tensors by name, and the number of steps done, as one safetensors blob.

    Raises ``ValueError`` for a number outside [-1000, 1000] or NaN (a training that diverged), for
    a step outside [0, 100000], and for a blob over 2 MB.
    """
    _check_step(step)
    _check_numbers(tensors)
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    blob = save({**whole, _STEP: torch.tensor(step)})
    _check_size(blob)
    return blob


def unpack_state(blob: bytes, like: dict[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """The inverse of :func:`pack_state`; ``like`` says which tensors must be in it.

    Returns ``(tensors, step)``. Raises ``ValueError`` unless the blob is at most 2 MB of
    safetensors with exactly the names of ``like``, each of the same shape and dtype, and all
    numbers within [-1000, 1000].
    """
    if not isinstance(blob, bytes):
        raise ValueError(f"a training state is bytes, got {type(blob).__name__}; start again")
    _check_size(blob)
    try:
        tensors = load(blob)
    except (SafetensorError, KeyError) as error:  # KeyError: a dtype that torch has no name for
        raise ValueError(f"the training state cannot be read ({error}); start again") from error
    if set(tensors) != {*like, _STEP}:
        strange = sorted(set(tensors) ^ {*like, _STEP})[:4]
        raise ValueError(
            f"the training state belongs to another model: {strange} missing or not expected; "
            "start again"
        )
    for name, tensor in {**like, _STEP: torch.tensor(0)}.items():
        got = tensors[name]
        if got.shape != tensor.shape or got.dtype != tensor.dtype:
            raise ValueError(
                f"{name} in the training state must be {tuple(tensor.shape)} {tensor.dtype}, got "
                f"{tuple(got.shape)} {got.dtype}; start again"
            )
    step = int(tensors.pop(_STEP))
    _check_step(step)
    _check_numbers(tensors)
    return tensors, step


def generator_at(seed: int, step: int) -> torch.Generator:
    """The randomness of one step of one training: the same wherever the step runs.

    Raises ``ValueError`` unless seed is a whole number in [0, 2^31).
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise ValueError(f"seed must be a whole number in [0, {2**31}), got {seed!r}")
    # step -1 is for the initial weights, hence the + 1
    return torch.Generator().manual_seed(seed * (MAX_STEPS + 1) + step + 1)


def train_steps(
    model: nn.Module,
    loss_at: Callable[[torch.Generator], Tensor],
    state: bytes | None,
    *,
    seed: int,
    steps: int,
    learning_rate: float,
) -> tuple[bytes, int, list[float]]:
    """Run ``steps`` steps of Adam (Kingma & Ba 2015, algorithm 1) on from ``state``.

    model: freshly made and owned by the caller; its parameters are overwritten by the state's and
        then trained in place. loss_at(generator) -> scalar loss of one batch; all its randomness
        must come from that generator, which belongs to (seed, step). Then two chunks of 5 steps
        are one of 10, bit for bit. state: None begins. steps in [1, 1000]; learning_rate in
        (0, 0.1].
    Returns ``(state, steps done in all, losses of this chunk)``. Raises ``ValueError`` for numbers
    outside, for a state of another model or seed, and for a training that diverges.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 1000:
        raise ValueError(f"steps must be a whole number in [1, 1000], got {steps!r}")
    if not 0 < learning_rate <= 0.1:
        raise ValueError(f"learning_rate must lie in (0, 0.1], got {learning_rate!r}")
    parameters = dict(model.named_parameters())
    mean = {name: torch.zeros_like(p) for name, p in parameters.items()}
    square = {name: torch.zeros_like(p) for name, p in parameters.items()}
    done = 0
    if state is not None:
        held, done = unpack_state(state, _flatten(parameters, mean, square, seed))
        _check_run(held, seed)
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(held[f"parameter.{name}"])
        mean = {name: held[f"adam.mean.{name}"] for name in parameters}
        square = {name: held[f"adam.square.{name}"] for name in parameters}
    _check_step(done + steps)

    optimizer = torch.optim.Adam(parameters.values(), lr=learning_rate)
    for name, parameter in parameters.items():
        optimizer.state[parameter] = {
            "step": torch.tensor(float(done)), "exp_avg": mean[name], "exp_avg_sq": square[name]
        }  # fmt: skip
    losses = []
    for step in range(done, done + steps):
        loss = loss_at(generator_at(seed, step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if not all(map(math.isfinite, losses)):
        raise ValueError("the training diverged; start again, with a lower learning rate")
    done += steps
    return pack_state(_flatten(parameters, mean, square, seed), done), done, losses


def _check_run(held: dict[str, Tensor], seed: int) -> None:
    if int(held[_SEED]) != seed:
        raise ValueError(
            f"this training was begun with seed {int(held[_SEED])}, got seed {seed}; go on with "
            "its own seed, or start again"
        )
    for name, tensor in held.items():
        if name.startswith("adam.square.") and bool((tensor < 0).any()):
            raise ValueError(f"{name} in the training state is negative; start again")


def _flatten(parameters, mean, square, seed: int) -> dict[str, Tensor]:
    """One dict of ``parameter.x``, ``adam.mean.x`` and ``adam.square.x``, and the seed."""
    groups = {"parameter": parameters, "adam.mean": mean, "adam.square": square}
    tensors = {f"{group}.{name}": t for group, named in groups.items() for name, t in named.items()}
    return {**tensors, _SEED: torch.tensor(seed)}


def _check_size(blob: bytes) -> None:
    if len(blob) > MAX_BYTES:
        raise ValueError(f"a training state has at most {MAX_BYTES} bytes, got {len(blob)}")


def _check_step(step: int) -> None:
    if not 0 <= step <= MAX_STEPS:
        raise ValueError(f"a training has 0 to {MAX_STEPS} steps, got {step}; start again")


def _check_numbers(tensors: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        # NaN is in no interval, so it fails too
        if tensor.is_floating_point() and not bool((tensor.abs() <= MAX_NUMBER).all()):
            raise ValueError(
                f"{name} holds a number outside [-{MAX_NUMBER:g}, {MAX_NUMBER:g}]: the training "
                "diverged or its state was changed; start again, with a lower learning rate"
            )
