"""Models on their way to a tab: loaded in the background, one load of each in a process.

A request never waits long: it gets the model, or :class:`Loading` with how far it is, or
:class:`Failed` with what went wrong and when it may be tried again. A load that failed rests, twice as
long each time, whoever asks meanwhile.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass

from ...pretrained import Model, ModelRefused, load_model
from ...pretrained.catalog import loaded
from .busy import slot
from .guard import Json, Refusal
from .panels import Panel
from .texts import Words

log = logging.getLogger("attention.ui")

PATIENCE = 1.5  # seconds a request waits for a model; then the page shows progress and asks again
LOADS = 8  # models on their way at once in one process: the whole list
REST, LONGEST_REST = 5.0, 120.0  # seconds before a failed load may be tried again
REMEMBERED = 100  # failures, since names may come from outside
SENTENCES = ("unknown", "unsupported", "missing", "corrupt", "not_safetensors", "offline", "gated",
             "too_large", "memory", "disk_full", "hub_busy", "interrupted", "damaged", "incomplete",
             "no_tokenizer", "not_finite", "read_only", "differs", "not_text", "no_tokens", "no_start",
             "uneven")  # fmt: skip
# what another try may mend
PASSING = {"missing", "corrupt", "offline", "memory", "disk_full", "hub_busy", "interrupted", "damaged",
           "read_only"}  # fmt: skip
MEGABYTE = 1_000_000


class Absent(Refusal):
    """The model is not there."""


class Loading(Absent):
    """It is on its way; the page asks again by itself. done, total: bytes of a download, else 0."""

    def __init__(self, stage: str = "reading", done: int = 0, total: int = 0) -> None:
        super().__init__("model_loading")
        self.stage, self.done, self.total = stage, done, total


class Failed(Absent):
    """It could not be loaded. again: seconds until it may be tried again; None: not worth a try."""

    def __init__(self, key: str, again: float | None = None, **values: object) -> None:
        super().__init__(key, **values)
        self.again = None if again is None else max(0, math.ceil(again))


class Load:
    """One load of a model: under way, or failed and resting."""

    def __init__(self, tries: int) -> None:
        self.future: Future[Model] = Future()
        self.stage: tuple[str, int, int] = ("waiting", 0, 0)
        self.tries = tries
        self.rested = math.inf  # time.monotonic() from which on it may be tried again

    def work(self, name: str) -> None:
        """Load, and keep only what went wrong; the catalog keeps the model."""
        try:
            model = load_model(name, progress=lambda *stage: setattr(self, "stage", stage))
        except BaseException as error:  # belongs to whoever asks for the result
            self.tries += 1
            self.rested = time.monotonic() + min(REST * 2 ** (self.tries - 1), LONGEST_REST)
            self.future.set_exception(_named(error))
            return
        with _guard:
            if _loads.get(name) is self:
                del _loads[name]
        self.future.set_result(model)

    @property
    def over(self) -> bool:
        """Whether it failed and has rested."""
        return self.future.done() and time.monotonic() >= self.rested


def _named(error: BaseException) -> BaseException:
    """The error as the page tells it: a refusal's key, or one reference number for all who ask."""
    if isinstance(error, ModelRefused):
        log.warning("a model could not be loaded: %s", error.reason)
        return error
    if isinstance(error, MemoryError):
        return ModelRefused("memory", "The machine has no memory left for this model just now.")
    reference = secrets.token_hex(3)
    log.error("reference %s", reference, exc_info=error)
    return Refusal("unforeseen", reference=reference)


_loads: OrderedDict[str, Load] = OrderedDict()
_guard = threading.Lock()


def _after_fork() -> None:
    """In a lent GPU's forked process the threads that load are gone, and so are their locks' owners."""
    global _guard
    _guard = threading.Lock()
    _loads.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _load(name: str) -> Load:
    """The load of this model, under way or resting, else a new one."""
    with _guard:
        held = _loads.get(name)
        if held is not None and not held.over:
            return held
        if sum(not one.future.done() for one in _loads.values()) >= LOADS:
            raise Refusal("busy")
        made = _loads[name] = Load(held.tries if held is not None else 0)
        for old in [one for one, load in _loads.items() if load.future.done()][:-REMEMBERED]:
            del _loads[old]
    # a daemon: a download must not keep the process from ending
    threading.Thread(target=made.work, args=(name,), name=f"load-{name}", daemon=True).start()
    return made


def model_of(name: str, patience: float | None = PATIENCE) -> Model:
    """A loaded model; :class:`Loading` if it takes longer than patience (None: as long as it
    takes); :class:`Failed` if it cannot be had."""
    model = loaded(name)
    if model is not None:
        return model
    load = _load(name)
    try:
        if load.future.done() or patience == 0:
            return load.future.result(timeout=0)
        if patience is None:
            return load.future.result()
        with slot("load", limit=8, waiting=0):  # who waits here holds a thread of the page's
            return load.future.result(timeout=patience)
    except TimeoutError:
        raise Loading(*load.stage) from None
    except ModelRefused as refused:
        again = load.rested - time.monotonic() if refused.reason in PASSING else None
        raise Failed(key_of(refused), again, field="heads.model") from refused
    except Refusal as refused:
        if refused.key == "busy":  # too many wait already
            raise Loading(*load.stage) from None
        raise Failed(refused.key, load.rested - time.monotonic(), **refused.values) from refused


def warm_up(name: str = "minilm") -> None:
    """Start loading a model in the background."""
    if loaded(name) is None:
        _load(name)


def key_of(refused: ModelRefused) -> str:
    """The sentence of the page's for a refusal of the chapter's."""
    return f"model_{refused.reason if refused.reason in SENTENCES else 'refused'}"


@dataclass(frozen=True, eq=False)
class Waiting(Panel):
    """Stands in place of the pictures: a model on its way, or failed with a way to go on."""

    absent: Absent
    words: Words

    def encode(self) -> Json:
        absent, words = self.absent, self.words
        shown: Json = {"kind": "waiting", "id": self.id, "wide": True}
        if isinstance(absent, Loading):
            size = {"done": f"{absent.done / MEGABYTE:.0f}", "total": f"{absent.total / MEGABYTE:.0f}"}
            title = words(f"heads.stage_{absent.stage}", **size)
            return shown | {"title": title, "done": absent.done, "total": absent.total}
        again = {"again": words("heads.again"), "rest": words("heads.again_in")}
        seconds = absent.again if isinstance(absent, Failed) else None
        return shown | {"title": absent.sentence(words), "failed": True, "seconds": seconds, "words": again}
