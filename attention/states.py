"""The state of a training, which the browser carries, held against what it should be.

It has been in other hands: it is checked for version, names, shapes, dtypes, size and finiteness before
any of it is used. The format is safetensors: numbers, and nothing that runs.
"""

from __future__ import annotations

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

MAX_BYTES = 2_000_000
MAX_STEPS = 100_000
VERSION_KEY = "training.version"


def read_state(state: bytes, like: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a state, with exactly the names, shapes and dtypes of ``like``."""
    if not isinstance(state, bytes):
        raise ValueError(f"a training state is bytes, got {type(state).__name__}; start again")
    check_size(state)
    try:
        tensors = load(state)
    except (SafetensorError, KeyError) as error:  # KeyError: a dtype that torch has no name for
        raise ValueError(f"the training state cannot be read ({error}); start again") from error
    if VERSION_KEY not in tensors:
        raise ValueError("the training state was written by an earlier version; start again")
    if set(tensors) != set(like):
        strange = sorted(set(tensors) ^ set(like))[:4]
        raise ValueError(
            f"the training state belongs to another model: {strange} missing or not expected; start again"
        )
    for name, wanted in like.items():
        got = tensors[name]
        if got.shape != wanted.shape or got.dtype != wanted.dtype:
            raise ValueError(
                f"{name} in the training state must be {tuple(wanted.shape)} {wanted.dtype}, got "
                f"{tuple(got.shape)} {got.dtype}; start again"
            )
    return tensors


def check_numbers(tensors: dict[str, Tensor], limits: dict[str, float]) -> None:
    """``ValueError`` unless every tensor of a group ("adam.mean.NAME") is within the group's limit."""
    groups = [(group, name) for name in tensors for group in limits if name.startswith(f"{group}.")]
    for group, name in groups:
        tensor, high = tensors[name], limits[group]
        low = 0.0 if group == "adam.square" else -high
        # written so that NaN, which is in no interval, fails
        if not bool(((tensor >= low) & (tensor <= high)).all()):
            where = f"negative or above {high:g}" if low == 0 else f"outside [{low:g}, {high:g}]"
            raise ValueError(
                f"{name} holds a number {where}: the training diverged or its state was changed; "
                "start again, with a lower learning rate"
            )


def check_size(state: bytes) -> None:
    if len(state) > MAX_BYTES:
        raise ValueError(f"a training state has at most {MAX_BYTES} bytes, got {len(state)}")


def check_step(step: int) -> None:
    if not 0 <= step <= MAX_STEPS:
        raise ValueError(f"a training has 0 to {MAX_STEPS} steps, got {step}; start again")


def check_whole(name: str, number: object, low: int, high: int) -> None:
    """``ValueError`` unless the number called ``name`` is whole and in [low, high]."""
    if type(number) is not int or not low <= number <= high:  # True is an int, but no number
        raise ValueError(f"{name} must be a whole number in [{low}, {high}], got {number!r}")
