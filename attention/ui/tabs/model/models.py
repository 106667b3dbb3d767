"""The models of this tab, each read once in a process."""

from __future__ import annotations

from ....pretrained import Model, ModelRefused, load_model
from ...page.busy import slot
from ...page.guard import Refusal


@slot("circuits", limit=4)  # who waits here for a model holds a thread of the page's
def model_named(name: str) -> Model:
    """The model, read now if it is not in memory (SmolLM2 takes some seconds, once)."""
    try:
        return load_model(name)
    except ModelRefused as refused:
        raise Refusal("model_missing", field="model.model") from refused
