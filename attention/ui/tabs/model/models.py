"""The models of this tab, each read once in a process."""

from __future__ import annotations

import threading
from functools import lru_cache

from ....pretrained import Model, ModelRefused, load_model
from ....pretrained.adopted import load_storyteller
from ...page.busy import slot
from ...page.guard import Refusal

_one = threading.Lock()  # the first asks for it, the others wait and find it


@lru_cache(maxsize=1)
def _storyteller() -> Model:
    return load_storyteller()


@slot("circuits", limit=4)  # who waits here for a model holds a thread of the page's
def model_named(name: str) -> Model:
    """The model, read now if it is not in memory (SmolLM2 takes some seconds, once)."""
    if name == "storyteller":
        with _one:
            return _storyteller()
    try:
        return load_model(name)
    except ModelRefused as refused:
        raise Refusal("model_missing", field="model.model") from refused
