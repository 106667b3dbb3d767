"""What a training's plain program reads: the made-up data of a chapter as numbers, written when asked for.

No such file lies in the repository, so none can fall behind its chapter; its name says all it depends on.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from safetensors.torch import save
from torch import Tensor

from ...classifier.reviews import nouns
from ...classifier.text_training import UNKNOWN_NOUN, UNKNOWN_RATE, review_data
from ...recommender import user_data
from ...seq2seq import dates, training_batch
from ...seq2seq.bahdanau import TARGET, batch_of, generator_for
from .busy import slot

BATCH, HELD_OUT = 32, 100  # dates of a step, and of the accuracy of a chunk


def reviews() -> dict[str, Tensor]:
    """Reviews as word numbers, padded with 0; pair: held-out ones with the words of another of them.

    hidden: how often a word is hidden in training.
    """
    data = review_data()
    found: dict[str, Tensor] = {}
    for part, tensors in (("training", data.training_tensors), ("held_out", data.held_out_tensors)):
        for name, numbers in zip(("ids", "lengths", "labels"), tensors, strict=True):
            found[f"{part}.{name}"] = numbers.to(torch.int16)
    found["held_out.pair"] = torch.tensor([one.rule == "pair" for one in data.held_out])
    named = nouns()
    rates = [UNKNOWN_NOUN if word in named else UNKNOWN_RATE for word in data.vocabulary]
    return found | {"hidden": torch.tensor(rates)}


def users() -> dict[str, Tensor]:
    """Made-up users: eight items each chose, and the next one."""
    found: dict[str, Tensor] = {}
    for part, people in zip(("training", "held_out"), user_data(), strict=True):
        found |= {f"{part}.history": people.history, f"{part}.wanted": people.wanted}
    return found


def written_dates(seed: int, steps: int) -> dict[str, Tensor]:
    """The dates that a training of this seed meets at each of its steps, and the held-out ones."""
    batches = [training_batch(BATCH, generator_for(seed, step + 1)) for step in range(steps)]
    rows = dates.sample(HELD_OUT, held_out=True, generator=generator_for(0, 0))
    target = torch.tensor([[TARGET.index(character) for character in iso] for _, iso, _ in rows])
    batches.append((*batch_of([text for text, _, _ in rows]), target))
    found = {}
    for at, batch in enumerate(batches):
        part = "held_out" if at == steps else str(at)
        for name, numbers in zip(("text", "lengths", "date"), batch, strict=True):
            found[f"{part}.{name}"] = numbers.to(torch.uint8).contiguous()
    return found


def dates_file(seed: int, steps: int) -> str:
    """The name of the dates of such a training."""
    return f"dates_{seed}_{steps}.safetensors"


MAKERS: dict[str, Callable[..., dict[str, Tensor]]] = {
    r"reviews\.safetensors": reviews,
    r"users\.safetensors": users,
    r"dates_(\d+)_(\d+)\.safetensors": written_dates,
}


def made(name: str) -> bytes | None:
    """The file of this name, None if it is none of these."""
    for pattern, maker in MAKERS.items():
        match = re.fullmatch(pattern, name)
        if match:
            with slot("datasets", limit=1, wait=20.0):
                return save(maker(*map(int, match.groups())))
    return None
