"""Runs of real models for the heads tab: loaded in the background, bounded, the latest ones kept.

What is kept of a run are its queries, keys and values: a head's weights come back from them through
``attend`` in a millisecond, and they take a hundredth of the room that all weights would. The kept
runs are a pure function's cache: keyed by every argument, so nobody meets another's numbers.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from torch import Tensor

from ..catalog import KEPT_MODELS
from ..heads import hide_special
from ..heatmap import pack_overview
from ..pooling import attend
from ..pretrained import (
    ChangeRefused,
    Changes,
    Layer,
    Model,
    ModelRefused,
    Run,
    Tokens,
    load_model,
    run,
    tokenize,
)
from .busy import lent_gpu, on_gpu, slot
from .guard import Refusal

KEPT = 32 * 2**20  # bytes of runs kept in memory: a sentence each of 50 learners fits
FORWARDS = 2  # at once in one process
LARGE = 50_000_000  # parameters from which a lent GPU, a second away, is worth its way
LENDING = 60.0  # seconds a forked process may take to get the model that this one has loaded
PATIENCE = 1.5  # seconds a request waits for a model; then the page shows progress and asks again


class Loading(Refusal):
    """The model is on its way; the page asks again by itself."""

    def __init__(self, share: float) -> None:
        super().__init__("model_loading", share=f" ({share:.0%})" if share else "")


@dataclass(frozen=True, eq=False)
class Study:
    """A model, its tokens, and one run whose layers hold everything but their weights.

    layers: those of the kind looked at. thumbnails: by whether special tokens are hidden, filled
    when first wanted. extra: what was computed from this run, by name.
    """

    model: Model
    run: Run
    layers: tuple[Layer, ...]
    thumbnails: dict[bool, list[dict[str, Any]]] = field(default_factory=dict)
    extra: dict[Any, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> Tokens:
        return self.run.tokens

    def weights(self, layer: int, head: int) -> Tensor:
        """One head's weights (n, m), as the model used them."""
        seen = self.layers[layer]
        arguments = seen.arguments(head)
        return attend(seen.query[head], seen.key[head], seen.value[head], **arguments).weights

    def layer_weights(self, layer: int) -> Tensor:
        """All heads' weights of one layer (h, n, m)."""
        return layer_weights(self.layers[layer])

    def sides(self) -> tuple[list[int], list[int]]:
        """The positions that are queries and those that are keys, in the shown sequence."""
        if self.model.kind != "encoder-decoder":
            everything = list(range(len(self.tokens)))
            return everything, everything
        source = [i for i, part in enumerate(self.tokens.segment) if part == 0]
        target = [i for i, part in enumerate(self.tokens.segment) if part == 1]
        kind = self.layers[0].kind
        return (source if kind == "self" else target), (target if kind == "decoder" else source)

    def overview(self, hidden: bool) -> list[dict[str, Any]]:
        """Every layer packed for the page, special tokens hidden or not."""
        if hidden not in self.thumbnails:
            pack = partial(_pack, special=self.special() if hidden else None)
            self.thumbnails[hidden] = [pack(layer_weights(layer)) for layer in self.layers]
        return self.thumbnails[hidden]

    def special(self) -> list[bool] | None:
        """Which positions are special tokens; None where hiding makes no sense."""
        queries, keys = self.sides()
        special = [self.tokens.special[i] for i in keys]
        return special if queries == keys and any(special) and not all(special) else None


def layer_weights(layer: Layer) -> Tensor:
    """The weights (h, n, m) of a kept layer, changed heads included."""
    plain = replace(layer, heads={})
    options = {"scale": plain.scale, "softcap": plain.softcap, "bias": plain.bias, "sinks": plain.sinks}
    weights = attend(layer.query, layer.key, layer.value, layer.mask, **options).weights
    for head in layer.heads:
        one = attend(layer.query[head], layer.key[head], layer.value[head], **layer.arguments(head))
        weights[head] = one.weights
    return weights


def _pack(weights: Tensor, special: list[bool] | None) -> dict[str, Any]:
    return pack_overview([weights if special is None else hide_special(weights, special)])


def study(
    name: str,
    text: str,
    pair: str = "",
    *,
    side: str = "self",
    hidden: bool = False,
    changes: Changes | None = None,
    logits: bool = False,
    patience: float = PATIENCE,
) -> Study:
    """Run a model on a text, or take the kept run of the very same arguments.

    side: in an encoder-decoder model "self", "decoder" or "cross". hidden: whether thumbnails
    without special tokens are wanted first. Raises ``Refusal`` with a sentence for the learner.
    """
    key = (name, text, pair, side, changes, logits)
    with _guard:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key][0]
    try:
        model = model_of(name, patience)
        tokens = tokenize(model, text, pair or None)
        with slot("forward", limit=FORWARDS):
            made = _run(model, tokens, side, hidden, changes, logits)
    except ModelRefused as refused:
        raise _refusal(refused, name) from refused
    except Refusal:
        raise
    except ChangeRefused as error:
        raise Refusal(f"model_change_{error.reason}", field="heads.look") from error
    except ValueError as error:  # a change that this model cannot make
        raise Refusal("model_change", field="heads.look") from error
    _keep(key, made)
    return made


def _run(model: Model, *arguments: Any) -> Study:
    """One run, on a lent GPU where there is one and the model is large enough to gain by it."""
    ran, layers, packed, hidden = (_on_lent_gpu if model.size >= LARGE else _forward)(model.name, *arguments)
    return Study(model, ran, layers, {hidden: packed})


def _forward(name: str, tokens: Tokens, side: str, hidden: bool, changes: Changes | None, logits: bool):
    """The run, its layers without weights, their thumbnails, and whether special tokens are hidden.

    Takes a name and gives tensors on the CPU where the GPU is lent, since both are pickled there.
    """
    model = model_of(name, LENDING)
    packed: list[dict[str, Any]] = []
    wanted = side if model.kind == "encoder-decoder" else "self"
    special = list(tokens.special) if hidden and model.kind != "encoder-decoder" else None
    if special is not None and (all(special) or not any(special)):
        special = None

    def keep(layer: Layer) -> Layer | None:
        if layer.kind != wanted:
            return None
        packed.append(_pack(layer.weights, special))
        return replace(layer, weights=None)

    with lent_gpu(model.module) as fetch:
        ran = run(model, tokens, changes, capture="all", logits=logits, each=keep)
        layers = tuple(fetch(layer) for layer in ran.layers if layer is not None)
        return fetch(replace(ran, layers=[])), layers, packed, hidden


_on_lent_gpu = on_gpu(_forward)


_kept: OrderedDict[tuple, tuple[Study, int]] = OrderedDict()
_guard = threading.Lock()


def _keep(key: tuple, made: Study) -> None:
    """Remember a run, and forget the least recently used beyond KEPT bytes."""
    tensors = [t for layer in made.layers for t in (layer.query, layer.key, layer.value)]
    tensors += [made.run.hidden, *(layer.bias for layer in made.layers[:1] if layer.bias is not None)]
    size = sum(t.numel() * t.element_size() for t in tensors)
    size += 2 * sum(len(p["data"]) for packed in made.thumbnails.values() for p in packed)
    with _guard:
        _kept[key] = made, size
        while len(_kept) > 1 and sum(each for _, each in _kept.values()) > KEPT:
            _kept.popitem(last=False)


_loads: OrderedDict[str, tuple[Future, list[float]]] = OrderedDict()


def _load(name: str) -> tuple[Future, list[float]]:
    """The one load of a model in this process, under way or done; call with the guard held."""
    if name not in _loads:
        done, share = Future(), [0.0]

        def work() -> None:
            try:
                progress = lambda words, at: share.__setitem__(0, at)  # noqa: E731
                done.set_result(load_model(name, progress=progress))
            except BaseException as error:  # belongs to whoever asks for the result
                done.set_exception(error)

        _loads[name] = done, share
        # a daemon: a download must not keep the process from ending
        threading.Thread(target=work, name=f"load-{name}", daemon=True).start()
    _loads.move_to_end(name)
    while len(_loads) > KEPT_MODELS and next(iter(_loads.values()))[0].done():
        _loads.popitem(last=False)
    return _loads[name]


def model_of(name: str, patience: float = PATIENCE) -> Model:
    """A loaded model, or :class:`Loading` if it takes longer than a request should wait."""
    with _guard:
        future, share = _load(name)
    try:
        if not future.done() and patience > 0:
            with slot("load", limit=8, waiting=0):  # who waits here holds a thread of the page's
                return future.result(timeout=patience)
        return future.result(timeout=0)
    except TimeoutError:
        raise Loading(share[0]) from None
    except Refusal:  # too many wait already
        raise Loading(share[0]) from None
    except Exception:
        with _guard:  # the next one may have more luck
            if _loads.get(name, (None,))[0] is future:
                del _loads[name]
        raise


def warm_up(name: str = "minilm") -> None:
    """Start loading a model in the background."""
    with _guard:
        _load(name)


SENTENCES = ("unknown", "unsupported", "missing", "corrupt", "not_safetensors", "offline", "gated",
             "too_large", "memory", "disk_full", "differs", "not_text", "no_tokens", "no_tokenizer",
             "no_start", "uneven")  # fmt: skip


def _refusal(refused: ModelRefused, name: str) -> Refusal:
    """The chapter's refusal in the page's two languages."""
    if refused.reason == "empty":
        return Refusal("empty", field="heads.text")
    if refused.reason == "too_long":
        try:
            limit = model_of(name, 0).max_tokens
        except (Refusal, ModelRefused):
            limit = 512
        return Refusal("model_too_long", field="heads.text", limit=limit)
    key = refused.reason if refused.reason in SENTENCES else "refused"
    return Refusal(f"model_{key}", field="heads.model")
