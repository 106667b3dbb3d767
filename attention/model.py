"""Chapter 11, part 2: a transformers model made to run ``attend``, and the proof that it does.

Nothing here reads a file: a module and its tokenizer come in, a :class:`Model` goes out.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from .adapter import NAME, SESSION, Session, register

MAX_TOKENS = 512


class ModelRefused(ValueError):
    """A model or text that cannot be used. ``reason``: a short key; ``str()``: one sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model that runs ``attend``. Nothing on it changes after loading.

    kind: "encoder", "decoder" or "encoder-decoder". kinds, places: per attention layer, in order of
    calls, its kind ("self", "decoder", "cross") and the name of its module. max_tokens: the longest
    sequence accepted, special tokens included. byte_level: tokens are bytes (GPT-2, SmolLM2).
    """

    name: str
    kind: str
    num_layers: int
    num_heads: int
    d_head: int
    max_tokens: int
    tokenizer: Any
    module: torch.nn.Module
    has_logits: bool
    kinds: tuple[str, ...]
    places: tuple[str, ...]
    byte_level: bool
    lock: threading.Lock  # the tokenizer's settings are shared between threads

    @cached_property
    def size(self) -> int:
        """How many numbers the model has learned."""
        return sum(weights.numel() for weights in self.module.parameters())


def adopt(module: torch.nn.Module, tokenizer: Any = None, name: str = "model") -> Model:
    """Make a transformers model run ``attend`` and prove that it does, by a run on three tokens.

    Raises :class:`ModelRefused` ("unsupported") unless every layer calls the interface and the
    hidden states are those of the library's own eager attention.
    """
    register()
    config = module.config.get_text_config()
    seen: list[tuple[Any, torch.Tensor, Any]] = []
    session = Session(on_call=lambda **given: seen.append(tuple(given.values())))
    theirs = ModelRefused(
        "unsupported",
        "This model's attention does not go through the library's attention interface (DeBERTa and "
        "BLOOM are such models), so it cannot run on this page's attention; choose another one.",
    )
    module.eval().requires_grad_(False)
    try:
        module.set_attn_implementation("eager")
        expected = _probe(module)
        module.set_attn_implementation(NAME)
        token = SESSION.set(session)
        try:
            found = _probe(module)
        finally:
            SESSION.reset(token)
    except (ValueError, KeyError, NotImplementedError, AttributeError) as error:
        raise theirs from error
    wanted = config.num_hidden_layers
    if module.config.is_encoder_decoder:
        decoder = getattr(config, "decoder_layers", None) or getattr(
            config, "num_decoder_layers", wanted
        )
        wanted = wanted + 2 * decoder
    if len(seen) < wanted or not torch.allclose(found, expected, atol=1e-4, rtol=1e-3):
        raise theirs
    names = {part: path for path, part in module.named_modules()}
    places = tuple(names[part] for part, _, _ in seen)
    _, query, mask = seen[0]
    causal = mask is not None and not mask.all()
    if module.config.is_encoder_decoder:
        kind = "encoder-decoder"
    else:
        kind = "decoder" if causal else "encoder"
    head = module.get_output_embeddings()
    decoder = "" if tokenizer is None else str(tokenizer.backend_tokenizer.decoder)
    return Model(
        name=name, kind=kind, num_layers=len(seen), num_heads=query.shape[1],
        d_head=query.shape[-1], max_tokens=_limit(config, tokenizer), tokenizer=tokenizer,
        module=module, has_logits=head is not None and kind != "encoder",
        kinds=tuple(_kind(place, kind) for place in places), places=places,
        byte_level="ByteLevel" in decoder, lock=threading.Lock(),
    )  # fmt: skip


def _probe(module: torch.nn.Module) -> torch.Tensor:
    """The last hidden states (or logits) of three tokens."""
    ids = torch.tensor([[3, 4, 5]], device=module.device)
    extra = {"decoder_input_ids": ids} if module.config.is_encoder_decoder else {}
    with torch.inference_mode():
        return module(input_ids=ids, use_cache=False, **extra)[0]


def _kind(place: str, model_kind: str) -> str:
    """The kind of an attention layer, from the name of its module."""
    lowered = place.lower()
    if model_kind != "encoder-decoder":
        return "self"
    if any(word in lowered for word in ("encoder_attn", "encdec", "cross")):
        return "cross"
    return "decoder" if "decoder." in lowered else "self"


def _limit(config: Any, tokenizer: Any) -> int:
    """The longest sequence: the model's own limit, its tokenizer's, and this package's."""
    limit = min(MAX_TOKENS, getattr(config, "max_position_embeddings", None) or MAX_TOKENS)
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        limit = min(limit, config.max_position_embeddings - config.pad_token_id - 1)
    return min(limit, tokenizer.model_max_length) if tokenizer is not None else limit
