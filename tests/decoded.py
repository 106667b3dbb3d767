"""What the page's numbers are, back as arrays: the inverse of panels.numbers, written for the tests."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np


def floats(packed: dict[str, Any]) -> np.ndarray:
    """{"shape", "f32"} -> float32 of that shape, exactly."""
    return np.frombuffer(base64.b64decode(packed["f32"]), dtype="<f4").reshape(packed["shape"])
