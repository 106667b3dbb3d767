"""Chapter 12, part 6: tokens sent through a model, changed or not, alone or several times at once.

Shapes: n tokens, D features of a token's vector, b runs that go through a model together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from .model import Model, ModelRefused
from .probe import body, same_positions, unembed
from .session import SESSION, Changes, Layer, Session
from .tokens import Tokens

TOGETHER = 256  # tokens of runs that go through a model at one time: more gain nothing on a CPU


class ChangeRefused(ValueError):
    """A change that would change nothing in this model. ``reason``: "positions" or "no_scale"."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Run:
    """What came out of one pass through a model.

    tokens: as the model met them (shuffled if that was asked for). order: where each of them stood
    before. layers: a :class:`Layer` per attention layer captured, in order of calls. hidden (n, D):
    the last hidden states; logits (vocabulary,): of the token after the last, or None.
    """

    tokens: Tokens
    layers: list[Any]
    hidden: Tensor
    logits: Tensor | None
    order: tuple[int, ...]
    changes: Changes | None


def run(
    model: Model,
    tokens: Tokens,
    changes: Changes | None = None,
    *,
    capture: str | None = "weights",
    logits: bool = False,
    only: Collection[int] | None = None,
    each: Callable[[Layer], Any] | None = None,
    side: int | None = None,
) -> Run:
    """Send tokens through the whole model, changed or not.

    capture: "weights" keeps every layer's weights, "all" its queries, keys, values, masks and
    biases too, None nothing (then attention takes PyTorch's fused kernel). only: the layers to
    capture, default all. each: called with every captured Layer as soon as it is there; Run.layers
    then holds its answers, so that large weights need not be kept. logits: also those of the next
    token. side: every layer holds thumbnails of at most side x side (blocks.py) in the place of its
    weights, so that memory stays bounded for long texts. Raises :class:`ModelRefused` ("too_long",
    "memory"), :class:`ChangeRefused` for a change that this model cannot make, or
    ``ValueError`` for a head or token that is not there.
    """
    if capture not in ("weights", "all", None):
        raise ValueError(f'capture must be "weights", "all" or None, got {capture!r}')
    if not 1 <= len(tokens) <= model.max_tokens:
        raise ModelRefused("too_long", f"A run takes 1 to {model.max_tokens} tokens, got {len(tokens)}.")
    _check_changes(model, tokens, changes)
    order = shuffled(tokens, changes.shuffle_seed if changes is not None else None)
    tokens = tokens.take(order)
    sources = tokens.segment.count(0) if model.kind == "encoder-decoder" else None
    session = Session(capture, changes, only, each, model.kinds, sources, model.prescales, side=side)
    module, arguments = model.module, _arguments(model, tokens, changes)
    whole = logits and model.has_logits and model.whole_logits
    if sources is not None:
        arguments["output_hidden_states"] = True
    elif whole:  # something stands before or after the last matrix, as in BERT or Falcon-H1
        arguments["output_hidden_states"] = True
        if "logits_to_keep" in _parameters(type(module).forward):
            arguments["logits_to_keep"] = 1
    else:
        module = body(module)  # without the head: it costs a fifth of a small decoder
    with _room(), torch.inference_mode():
        token = SESSION.set(session)
        try:
            output = module(**arguments)
            if sources is not None:
                last = [output.encoder_last_hidden_state, output.decoder_hidden_states[-1]]
                hidden = torch.cat(last, dim=1)[0]
                scores = output.logits[0, -1] if model.has_logits else None
            elif whole:
                hidden, scores = output.hidden_states[-1][0], output.logits[0, -1]
            else:
                hidden = output.last_hidden_state[0]
                scores = None
                if logits and model.has_logits:
                    scores = unembed(model.module, hidden[-1:])[-1]
        finally:
            SESSION.reset(token)
    return Run(tokens, session.layers, hidden, scores if logits else None, order, changes)


def run_together(
    model: Model,
    tokens: Tokens,
    every: Sequence[Changes | None],
    *,
    capture: str | None = "weights",
    logits: bool = False,
    each: Callable[[Layer], Any] | None = None,
) -> list[Run]:
    """What ``run`` gives for each of ``every``, to rounding, in one pass: a row of a batch for each.

    Each row attends by its own changes. All else, the most of a short text's cost, is matrices that are
    read from memory once in place of once a run. What is more than TOGETHER tokens, has two texts, or is
    for a model that mixes the texts of a batch, goes one by one. Arguments and errors as in ``run``.
    """
    alone = model.kind == "encoder-decoder" or (logits and model.has_logits and model.whole_logits)
    if alone or not 1 < len(every) <= TOGETHER // len(tokens) or not model.batches:
        return [run(model, tokens, one, capture=capture, logits=logits, each=each) for one in every]
    for changes in every:
        _check_changes(model, tokens, changes)
    orders = [shuffled(tokens, None if changes is None else changes.shuffle_seed) for changes in every]
    texts = [tokens.take(order) for order in orders]
    rows = [_arguments(model, *each_of) for each_of in zip(texts, every, strict=True)]
    if any("position_ids" in row for row in rows):  # then all rows need theirs
        places = torch.arange(len(tokens), device=model.module.device)[None] + (model.position or 0)
        usual = {"position_ids": places, "attention_mask": torch.ones_like(places)}
        rows = [usual | row for row in rows]
    arguments = {
        name: torch.cat([row[name] for row in rows]) if isinstance(first, Tensor) else first
        for name, first in rows[0].items()
    }
    sessions = [
        Session(capture, changes, None, each, model.kinds, None, model.prescales) for changes in every
    ]
    hidden = _through(model, arguments, Session(rows=tuple(sessions)))
    runs = []
    for at, changes in enumerate(every):
        scores = None
        if logits and model.has_logits:
            with torch.inference_mode():
                scores = unembed(model.module, hidden[at, -1:])[-1]
        runs.append(Run(texts[at], sessions[at].layers, hidden[at], scores, orders[at], changes))
    return runs


def run_without(model: Model, tokens: Tokens, keys: Sequence[int | None]) -> Tensor:
    """The last hidden states (len(keys), n, D) of as many runs, in each of which one key is forbidden.

    keys: positions that no query of their run may attend, None for an untouched run. Each is what
    ``run`` with ``Changes(forbid={key})`` gives, to rounding; but they go through the model several at
    one time, at most TOGETHER tokens (at least one run), which is sooner by half on a short text.
    Raises ``ValueError`` for an encoder-decoder model, for no keys, and for one that is not there.
    """
    if model.kind == "encoder-decoder" or not keys:
        raise ValueError(f"keys are taken from a model of one text, one or more of them, got {len(keys)}")
    for key in keys:
        _check_changes(model, tokens, None if key is None else Changes(forbid=frozenset([key])))
    rows, found = max(1, TOGETHER // len(tokens)), []
    if not model.batches:
        every = [None if key is None else Changes(forbid=frozenset([key])) for key in keys]
        return torch.stack([run(model, tokens, changes, capture=None).hidden for changes in every])
    for start in range(0, len(keys), rows):
        some = keys[start : start + rows]
        allowed = torch.ones(len(some), 1, 1, len(tokens), dtype=torch.bool)
        for at, key in enumerate(some):
            if key is not None:
                allowed[at, :, :, key] = False
        session = Session(kinds=model.kinds, allowed=allowed.to(model.module.device))
        found.append(_through(model, _arguments(model, tokens, None, len(some)), session))
    return torch.cat(found)


def _through(model: Model, arguments: dict[str, Any], session: Session) -> Tensor:
    """The last hidden states (b, n, D) of a batch of one text."""
    with _room(), torch.inference_mode():
        token = SESSION.set(session)
        try:
            hidden: Tensor = body(model.module)(**arguments).last_hidden_state
        finally:
            SESSION.reset(token)
    return hidden


@contextmanager
def _room() -> Iterator[None]:
    """A machine without room is a refusal, in words."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelRefused(
            "memory", "The machine has no room for this text just now; shorten it or try again."
        ) from error


def _arguments(model: Model, tokens: Tokens, changes: Changes | None, rows: int = 1) -> dict[str, Any]:
    """What a module is given: these tokens, ``rows`` times over, with their segments and positions."""
    module = model.module
    ids = torch.tensor([tokens.ids], device=module.device).repeat(rows, 1)
    arguments: dict[str, Any] = {"input_ids": ids, "use_cache": False, "return_dict": True}
    known = _parameters(type(body(module)).forward)
    if changes is not None and not changes.positions and model.position is not None:
        if "position_ids" in known:
            arguments |= same_positions(ids, model.position + changes.position)
    if model.kind == "encoder-decoder":
        sources = tokens.segment.count(0)
        arguments |= {"input_ids": ids[:, :sources], "decoder_input_ids": ids[:, sources:]}
    elif model.kind == "encoder" and getattr(module.config, "type_vocab_size", 0) > 1:
        if "token_type_ids" in known:
            segment = torch.tensor([tokens.segment], device=module.device)
            arguments["token_type_ids"] = segment.repeat(rows, 1)
    return arguments


@lru_cache
def _parameters(forward: Callable[..., Any]) -> frozenset[str]:
    """What a module of the class whose ``forward`` this is can be given."""
    return frozenset(inspect.signature(forward).parameters)


def _check_changes(model: Model, tokens: Tokens, changes: Changes | None) -> None:
    """Raise ``ValueError`` for a head, layer or token that is not there."""
    if changes is None:
        return
    heads = [*changes.knock_out, *changes.uniform, *(pair[:2] for pair in changes.temperature)]
    for layer, head in heads:
        if not (0 <= layer < model.num_layers and 0 <= head < model.heads[layer]):
            counts = model.heads[min(max(layer, 0), model.num_layers - 1)]
            raise ValueError(
                f"layer must lie in [0, {model.num_layers - 1}] and head in [0, {counts - 1}], "
                f"got ({layer}, {head})"
            )
    for at in changes.forbid:
        if not 0 <= at < len(tokens):
            raise ValueError(f"a forbidden token must lie in [0, {len(tokens) - 1}], got {at}")
    if changes.no_scale and not model.scaled:
        raise ChangeRefused(
            "no_scale", "this model does not divide its scores by the root of d, so there is no "
            "division to leave out",
        )  # fmt: skip
    if not 0 <= changes.position < model.max_tokens:
        raise ValueError(
            f"the position given to all must lie in [0, {model.max_tokens - 1}], got {changes.position}"
        )
    if not changes.positions and model.position is None:
        raise ChangeRefused(
            "positions", "this model counts its positions itself, or has none, so they cannot be made "
            "the same",
        )  # fmt: skip


def shuffled(tokens: Tokens, seed: int | None) -> tuple[int, ...]:
    """An order of the tokens: words move as a whole within their segment, special tokens stay."""
    if seed is None:
        return tuple(range(len(tokens)))
    generator = torch.Generator().manual_seed(seed)
    order = list(range(len(tokens)))
    for segment in (0, 1):
        places = [
            at for at in order if tokens.segment[at] == segment and not tokens.special[at]
        ]  # fmt: skip
        words: list[list[int]] = []
        for at in places:
            if tokens.joined[at] and words:
                words[-1].append(at)
            else:
                words.append([at])
        shuffled = torch.randperm(len(words), generator=generator).tolist()
        for place, at in zip(places, (at for w in shuffled for at in words[w]), strict=True):
            order[place] = at
    return tuple(order)
