"""Chapter 12, part 2: a transformers model made to run ``attend``, and the proof that it does.

Nothing here reads a file: a module and its tokenizer come in, a :class:`Model` goes out.
"""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from . import probe
from .adapter import NAME, register
from .device import most_tokens
from .session import SESSION, Changes, Session

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class ModelRefused(ValueError):
    """A model or text that cannot be used. ``reason``: a short key; ``str()``: one sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model that runs ``attend``. Nothing on it changes after loading.

    kind: "encoder", "decoder" or "encoder-decoder". kinds, places, heads: per attention layer, in
    order of calls, its kind ("self", "decoder", "cross"), the name of its module, its number of
    heads. max_tokens: the longest sequence accepted, special tokens included. byte_level: tokens are
    bytes (GPT-2, SmolLM2). What was seen when it was adopted: projections, per layer the name of the
    matrix that the heads go through next, None where more than a matrix follows; prescales, what its
    queries are multiplied by before they are attended with; scaled: whether any score is divided;
    position: the number that stands for every place when positions are taken away, None where that
    cannot be done; whole_logits: its logits need the whole module, not only the last matrix.
    """

    name: str
    kind: str
    num_layers: int
    num_heads: int
    d_head: int
    max_tokens: int
    tokenizer: Any
    module: PreTrainedModel
    has_logits: bool
    kinds: tuple[str, ...]
    places: tuple[str, ...]
    byte_level: bool
    lock: threading.Lock  # the tokenizer's settings are shared between threads
    heads: tuple[int, ...]
    projections: tuple[str | None, ...]
    prescales: tuple[float, ...]
    scaled: bool
    position: int | None
    whole_logits: bool

    @cached_property
    def size(self) -> int:
        """How many numbers the model has learned."""
        return sum(weights.numel() for weights in self.module.parameters())

    @cached_property
    def batches(self) -> bool:
        """Whether texts read together come out as each does alone: tried once, on two of a few tokens."""
        one = probe.row(self.module, min(probe.LENGTHS[-1], self.max_tokens))
        texts = torch.cat([one, one.flip(-1)])
        try:
            pairs = zip(_hidden(self.module, texts), texts, strict=True)
            share = probe.tolerance(self.module)
            return all(probe.close(ours, _hidden(self.module, ids[None])[0], share) for ours, ids in pairs)
        except UNREAD:
            return False


def adopt(module: torch.nn.Module, tokenizer: Any = None, name: str = "model") -> Model:
    """Make a transformers model run ``attend`` and prove that it does, by runs on a few tokens.

    Raises :class:`ModelRefused` unless every layer calls the interface ("unsupported"), its numbers
    are those of the library's own eager attention, to the precision of its dtype ("differs"), and it
    reads a text alone ("not_text", "no_tokens", "no_tokenizer"). The module is then left as it was.
    """
    register()
    with probe.unharmed(module):
        return _adopt(module, tokenizer, name)


def _adopt(module: Any, tokenizer: Any, name: str) -> Model:
    _check_reads_text(module)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if tokenizer is not None and backend is None:
        raise ModelRefused(
            "no_tokenizer", "This model's tokenizer cannot say which word a piece is of, so it is not used."
        )
    config = module.config.get_text_config()
    module.eval().requires_grad_(False)
    limit = _limit(module, config, tokenizer)
    rows = [probe.row(module, min(length, limit)) for length in probe.LENGTHS]
    calls, own = _prove(module, rows)
    ids = rows[-1]

    names = {part: path for path, part in module.named_modules()}
    places = tuple(names[call.module] for call in calls)
    mask = calls[0].mask
    # a window leaves keys out as well, but on both sides
    kind = "decoder" if mask is not None and not mask.triu(1).any() else "encoder"
    kind = "encoder-decoder" if module.config.is_encoder_decoder else kind
    kinds = tuple(_kind(place, kind) for place in places)
    heads = tuple(call.query.shape[1] for call in calls)
    for each in set(kinds):
        counts = {count for count, of in zip(heads, kinds, strict=True) if of == each}
        if len(counts) > 1:
            raise ModelRefused(
                "uneven", f"This model's layers have different numbers of heads ({sorted(counts)}), and "
                "the page draws as many for each.",
            )  # fmt: skip

    has_logits = whole = False
    position = None
    if kind != "encoder-decoder":
        plain = _hidden(module, ids)
        if kind == "decoder" and module.get_output_embeddings() is not None:
            has_logits, whole = _unembedding(module, plain, own)
        position = _position(module, ids, plain)
    else:
        has_logits = module.get_output_embeddings() is not None
        position = 0 if getattr(config, "relative_attention_num_buckets", None) else None
    return Model(
        name=name, kind=kind, num_layers=len(calls), num_heads=heads[0],
        d_head=calls[0].query.shape[-1], max_tokens=limit, tokenizer=tokenizer, module=module,
        has_logits=has_logits, kinds=kinds, places=places,
        byte_level=backend is not None and "ByteLevel" in str(backend.decoder),
        lock=threading.Lock(), heads=heads,
        projections=tuple(names.get(call.projection) for call in calls),
        prescales=tuple(call.prescale for call in calls),
        scaled=any(call.scale * call.prescale != 1 for call in calls),
        position=position, whole_logits=whole,
    )  # fmt: skip


# what a library's own forward may stop with when a row of tokens is not what it needs
UNREAD = (ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, AssertionError)
SENSES = {"pixel_values": "pictures", "input_values": "sound", "input_features": "sound"}


def _check_reads_text(module: Any) -> None:
    """Refuse a module whose first input is no text, or that has no vectors for tokens."""
    sense = SENSES.get(getattr(module, "main_input_name", "input_ids"))
    if sense is not None:
        raise ModelRefused(
            "not_text", f"This model reads {sense}, not text: it lacks an embedding of tokens to begin with."
        )
    if not probe.vocabulary(module):
        raise _needs(module) or ModelRefused(
            "no_tokens", "This model has no table of token vectors, so it takes no row of tokens."
        )


def _needs(module: Any) -> ModelRefused | None:
    """The refusal of a module that can be given more than text, as CLIP wants a picture and a text."""
    known = inspect.signature(module.forward).parameters
    needed = [sense for name, sense in SENSES.items() if name in known]
    if not needed:
        return None
    return ModelRefused(
        "not_text", f"This model needs {needed[0]} beside a text, and only text is given here."
    )


def _runs(module: Any, ids: torch.Tensor) -> Any:
    """A run of the whole module, or the reason why it takes no plain row of tokens."""
    try:
        return probe.forward(module, ids)
    except torch.OutOfMemoryError as error:
        raise ModelRefused(
            "memory", "The machine has no room for this model just now; choose a smaller one."
        ) from error
    except UNREAD as error:
        needs = _needs(module)
        if needs is not None:
            raise needs from error
        raise ModelRefused(
            "no_tokens",
            f"This model does not take a plain row of {ids.shape[1]} tokens, and nothing else is given "
            f"here: the library itself stops with {type(error).__name__}.",
        ) from error


def _prove(module: Any, rows: list[torch.Tensor]) -> tuple[list[probe.Call], torch.Tensor]:
    """The calls of a run on the last of rows, and its first result; each equals eager's, else refused."""
    config = module.config.get_text_config()
    try:
        module.set_attn_implementation(NAME)
        taken = NAME in (module.config._attn_implementation, config._attn_implementation)
        module.set_attn_implementation("eager")
    except (ValueError, KeyError, NotImplementedError, AttributeError) as error:
        raise _unsupported(0, _layers(module)) from error
    if not taken:
        raise _unsupported(0, _layers(module))
    expected = [_runs(module, ids) for ids in rows]
    module.set_attn_implementation(NAME)
    share = probe.tolerance(module)
    for ids, theirs in zip(rows, expected, strict=True):
        watch = probe.Watch(share)
        # weights wanted, since that is the path which adds up as eager does
        token = SESSION.set(Session("weights", each=lambda layer: None, on_call=watch.told))
        try:
            with watch.over(module):
                ours = _runs(module, ids)
        finally:
            SESSION.reset(token)
        if len(watch.calls) < _layers(module):
            raise _unsupported(len(watch.calls), _layers(module))
        pairs = list(zip(probe.numbers(ours), probe.numbers(theirs), strict=True))
        if not pairs or not all(probe.close(a, b, share) for a, b in pairs):
            raise ModelRefused(
                "differs",
                "On this page's attention this model's numbers are not those of the library's own, so "
                "something in it is not known here; choose another one.",
            )
    return watch.calls, ours[0]


def _layers(module: Any) -> int:
    """How many calls of the interface a run should make at least."""
    config = module.config.get_text_config()
    layers: int = config.num_hidden_layers
    named = ("decoder_layers", "num_decoder_layers")
    decoder: int = next((found for name in named if (found := getattr(config, name, None))), layers)
    if module.config.is_encoder_decoder:
        return layers + 2 * decoder
    return min(layers, decoder)  # BART's decoder alone, T5's encoder alone


def _unsupported(seen: int, layers: int) -> ModelRefused:
    count, go = "None" if seen == 0 else f"Only {seen}", "goes" if seen < 2 else "go"
    return ModelRefused(
        "unsupported",
        f"{count} of this model's {layers} layers {go} through the library's attention interface (in "
        "DeBERTa and BLOOM none does, and a state-space layer has no attention), so it cannot run on "
        "this page's attention; choose another one.",
    )


def _hidden(module: Any, ids: torch.Tensor, **more: torch.Tensor) -> torch.Tensor:
    """The last hidden states (1, n, D) of an encoder or a decoder."""
    with torch.inference_mode():
        output = probe.body(module)(input_ids=ids, use_cache=False, return_dict=True, **more)
    hidden: torch.Tensor | None = getattr(output, "last_hidden_state", None)
    if hidden is None:
        raise ModelRefused(
            "no_tokens", "This model gives no hidden states without its head, and the page shows them."
        )
    return hidden


def _unembedding(module: Any, hidden: torch.Tensor, own: torch.Tensor) -> tuple[bool, bool]:
    """(has logits, they need the whole module), by what the module itself said (own) for hidden."""
    share = probe.tolerance(module)
    try:
        with torch.inference_mode():
            logits = probe.unembed(module, hidden)
    except RuntimeError:  # a layer between, as in ELECTRA, changes the width
        logits = hidden.new_zeros(())
    if probe.close(logits, own, share):
        return True, False
    # BERT and others transform the hidden states first, Falcon-H1 multiplies the logits
    return True, True


def _position(module: Any, ids: torch.Tensor, plain: torch.Tensor) -> int | None:
    """The position that can stand for all, None where the model counts its own or has none."""
    _, first = probe.position_table(module)
    given = "position_ids" in inspect.signature(probe.body(module).forward).parameters
    token = SESSION.set(Session("weights", Changes(positions=False), each=lambda layer: None))
    try:
        same = _hidden(module, ids, **(probe.same_positions(ids, first) if given else {}))
    except (ValueError, TypeError, RuntimeError, IndexError):
        return None
    finally:
        SESSION.reset(token)
    return None if torch.equal(same, plain) else first


def _kind(place: str, model_kind: str) -> str:
    """The kind of an attention layer, from the name of its module."""
    lowered = place.lower()
    if model_kind != "encoder-decoder":
        return "self"
    if any(word in lowered for word in ("encoder_attn", "encdec", "cross")):
        return "cross"
    return "decoder" if "decoder." in lowered else "self"


def _limit(module: Any, config: Any, tokenizer: Any) -> int:
    """The longest sequence: the model's own limit, its tokenizer's, and the host's."""
    named = getattr(config, "max_position_embeddings", None)
    found = (named, probe.position_table(module)[0], getattr(tokenizer, "model_max_length", None))
    return min([most_tokens(module.device), *(limit for limit in found if limit)])
