"""The curve over length and the speed of a cache alone: what of ``cost`` is about long texts."""

from __future__ import annotations

from tests.bench.cost import cache, long_texts


def main() -> None:
    long_texts()
    cache()
