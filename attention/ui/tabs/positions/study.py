"""What the positions tab looks at: one sentence in two orders, and a pair of words to be turned."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..multihead import SelfAttention
from ..padding import split_line
from ..position import Shuffled, embed_words, encode_positions, rotate, shuffle_experiment
from .guard import Refusal

TOKENS, FEATURES = 12, 8  # most words; features of an output that are shown
MOVED = 1e-4  # outputs are of size 1: less than this is the rounding of float32


class Reading(NamedTuple):
    """One order of the words: their names, and query, key, value (n, d), as the experiment has them."""

    names: list[str]
    query: Tensor
    key: Tensor
    value: Tensor


def tokens_of(values: dict[str, Any]) -> tuple[list[str], list[str] | None]:
    """The words, and their second order where it is one; None asks for a shuffle."""
    text, other = (split_line(values[name].lower()) for name in ("text", "other"))
    if not text:
        raise Refusal("no_tokens", field="positions.text")
    if len(text) > TOKENS:
        raise Refusal("too_many_tokens", field="positions.text", line=1, limit=TOKENS, count=len(text))
    return text, other if sorted(other) == sorted(text) else None


def experiment(values: dict[str, Any], kind: str | None = None) -> Shuffled:
    """Both orders, read with the chosen kind of positions or another."""
    kind = values["positions"] if kind is None else kind
    text, other = tokens_of(values)
    if kind == "rotary" and values["d"] % 2:
        raise Refusal("odd_width", field="positions.d", width=values["d"])
    return shuffle_experiment(
        text, other, values["seed"], kind != "none", values["d"],
        "rotary" if kind == "rotary" else "sinusoidal",
    )  # fmt: skip


def name_all(found: Shuffled) -> tuple[list[str], list[str]]:
    """Labels of both orders: a word keeps the number of its place in the first."""
    names = [f"{i} {word}" for i, word in enumerate(found.words)]
    return names, [names[i] for i in found.permutation]


def read(values: dict[str, Any], found: Shuffled, second: bool) -> Reading:
    """What attention is given for one order; the same layer and vectors as the experiment's."""
    layer = SelfAttention(values["d"], generator=torch.Generator().manual_seed(values["seed"]))
    places = torch.arange(len(found.words))
    x = embed_words(found.shuffled if second else found.words, values["d"], values["seed"])
    if values["positions"] == "sinusoidal":
        x = x + encode_positions(places, values["d"])
    with torch.no_grad():
        query, key, value = layer.project(x)
    if values["positions"] == "rotary":
        query, key = rotate(query, places), rotate(key, places)
    return Reading(name_all(found)[second], query, key, value)


def rotary_pair(values: dict[str, Any]) -> tuple[Tensor, Tensor, dict[str, str]]:
    """The vectors (d,) of the first and the last word, one as query, one as key, and their names."""
    text = tokens_of(values)[0]
    query, key = embed_words([text[0], text[-1]], values["d"], values["seed"])
    return query, key, {"query": text[0], "key": text[-1]}
