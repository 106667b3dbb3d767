"""Where a long computation lets others go first.

Trainings call :func:`give_way` before each step, and adopted models before each layer. It does nothing, until
who serves many people (``ui/page/turns.py``) says what to do there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar


def _nobody_waits() -> None:
    pass


waits: ContextVar[Callable[[], None]] = ContextVar("waits", default=_nobody_waits)


def give_way() -> None:
    """Let pass who is waiting, if somebody is: returns when this computation may go on."""
    waits.get()()
