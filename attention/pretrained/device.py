"""Where tensors live: one function decides for the whole package."""

from __future__ import annotations

import os

import torch


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
