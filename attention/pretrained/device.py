"""Where tensors live, and how long a text may be there: decided here for the whole package."""

from __future__ import annotations

import os

import torch

LONGEST = "ATTENTION_MATCHMAKER_MAX_TOKENS"  # the host's own limit
ON_A_CPU, AT_MOST = 512, 32_768  # tokens of one text; whatever a model could read


def pick_device() -> torch.device:
    """cuda if there is one, else mps, else cpu.

    cpu on Hugging Face's ZeroGPU, whose GPU is lent for single calls only (ui/busy.py).
    """
    if os.environ.get("SPACES_ZERO_GPU"):
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def most_tokens(device: torch.device) -> int:
    """The longest text that may be given to a model on this device: what the host says in the
    environment variable, else 512 tokens on a CPU and as many as the model reads on a GPU.

    Raises ``ValueError`` for a variable that is no whole number from 1 to 32,768.
    """
    said = os.environ.get(LONGEST, "").strip()
    if not said:
        return ON_A_CPU if device.type == "cpu" else AT_MOST
    if not (said.isdecimal() and 1 <= int(said) <= AT_MOST):
        raise ValueError(f"{LONGEST} must be a whole number from 1 to {AT_MOST}, got {said!r}")
    return int(said)
