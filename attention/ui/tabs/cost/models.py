"""The models that the cost tab asks, and a learner's text as their tokens."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from ....pretrained import Model, ModelRefused, tokenize
from ....pretrained.tokens import readable
from ...page.guard import Refusal
from ...page.loads import Absent, Waiting, key_of, model_of
from ...page.scene import Unready

LONGEST = 32  # tokens of a text that are read; more would not fit in the pictures


def model_named(name: str, code: str) -> Model:
    """A model; raises ``Unready`` while it is on its way, with the snippet to show meanwhile."""
    try:
        return model_of(name)
    except Absent as absent:
        raise Unready(absent, partial(Waiting, "waiting", absent), code) from absent


def ready(name: str, seconds: float | None) -> None:
    """Wait for a model; for programs."""
    model_of(name, seconds)


def ids_of(model: Model, text: str, field: str) -> tuple[Tensor, bool]:
    """The text's ids (n,), at most LONGEST, and whether there were more. Raises ``Refusal`` naming field."""
    try:
        ids = tokenize(model, text).ids
    except ModelRefused as refused:
        raise Refusal(key_of(refused), field=field, limit=model.max_tokens) from refused
    device = next(model.module.parameters()).device
    return torch.tensor(ids[:LONGEST], device=device), len(ids) > LONGEST


def names_of(model: Model, ids: Tensor | list[int]) -> list[str]:
    """Tokens as a person reads them."""
    with model.lock:
        names = model.tokenizer.convert_ids_to_tokens([int(one) for one in ids])
    return [readable(name, model.byte_level) for name in names]


def loading_of(name: str) -> tuple[str, str]:
    """The lines of a snippet that import and load a model."""
    return "from attention import load_model", f"load_model({name!r})"
