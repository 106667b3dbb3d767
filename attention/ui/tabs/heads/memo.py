"""What is computed once for a kept run, however many ask at one time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Memo:
    """What was computed from one run, by name and key: one computes it, others of that key wait.

    A name keeps its latest ``keep`` keys. What was found is handed over, never read again from where
    another request may have put something else meanwhile.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[str, OrderedDict[Any, list[Any]]] = {}
        self._locks: dict[Any, threading.Lock] = {}

    def held(self, name: str, key: Any) -> Any:
        """What is there for this key, None where nothing is."""
        with self._guard:
            return self._held.get(name, {}).get(key, [None])[0]

    def once(self, name: str, key: Any, make: Callable[[], T], keep: int = 1) -> T:
        """What make() gave for this key, computed now if it is not held."""
        with self._guard:
            held = self._held.setdefault(name, OrderedDict())
            if key in held:
                held.move_to_end(key)
                return held[key][0]
            lock = self._locks.setdefault((name, key), threading.Lock())
        with lock:
            with self._guard:
                if key in held:
                    return held[key][0]
            value = make()
            with self._guard:
                held[key] = [value]
                self._locks.pop((name, key), None)
                while len(held) > keep:
                    held.popitem(last=False)
            return value
