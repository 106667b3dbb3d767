"""What ten thousand requests leave behind, on every tab: minutes of them."""

from __future__ import annotations

from tests.bench.load import memory


def main() -> None:
    memory()
