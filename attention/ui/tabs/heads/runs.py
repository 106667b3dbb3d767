"""Runs of real models for the heads tab: loaded in the background, bounded, the latest ones kept.

What is kept of a run are its queries, keys and values: a head's weights come back from them through
``attend`` in a millisecond, and they take a hundredth of the room that all weights would. The kept
runs are a pure function's cache: keyed by every argument, so nobody meets another's numbers.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from torch import Tensor

from ....export.heatmap import pack_overview
from ....heads import hide_special
from ....pooling import attend
from ....pretrained import ChangeRefused, Changes, Layer, Model, ModelRefused, Run, Tokens, run, tokenize
from ....pretrained.catalog import in_memory
from ...page.busy import GpuRefused, lent_gpu, on_gpu, slot
from ...page.guard import Refusal
from ...page.loads import PATIENCE, key_of, model_of
from .inputs import Inputs

KEPT = 32 * 2**20  # bytes of runs kept in memory: a sentence each of 50 learners fits
FORWARDS = 2  # at once in one process
LARGE = 50_000_000  # parameters from which a lent GPU, a second away, is worth its way
LENDING = 60.0  # seconds a forked process may take to get the model that this one has loaded
T = TypeVar("T")
# the run, its layers without weights, their thumbnails, and whether those hide special tokens
Went = tuple[Run, tuple[Layer, ...], list[dict[str, Any]], bool]


class Memo:
    """What was computed from one run, by name and key: one computes it, others of that key wait.

    A name keeps its latest ``keep`` keys. What was found is handed over, never read again from where
    another request may have put something else meanwhile.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[str, OrderedDict[Any, list[Any]]] = {}
        self._locks: dict[Any, threading.Lock] = {}

    def once(self, name: str, key: Any, make: Callable[[], T], keep: int = 1) -> T:
        """What make() gave for this key, computed now if it is not held."""
        with self._guard:
            held = self._held.setdefault(name, OrderedDict())
            if key in held:
                held.move_to_end(key)
                return held[key][0]
            lock = self._locks.setdefault((name, key), threading.Lock())
        with lock:
            with self._guard:
                if key in held:
                    return held[key][0]
            value = make()
            with self._guard:
                held[key] = [value]
                self._locks.pop((name, key), None)
                while len(held) > keep:
                    held.popitem(last=False)
            return value


@dataclass(frozen=True, eq=False)
class Captured:
    """A model, its tokens, and one run whose layers hold everything but their weights.

    layers: those of the kind looked at. thumbnails: by whether special tokens are hidden, filled
    when first wanted. memo: what was computed from this run. no_gpu: a lent GPU was wanted for it
    and refused, so the CPU did it.
    """

    model: Model
    run: Run
    layers: tuple[Layer, ...]
    thumbnails: dict[bool, list[dict[str, Any]]] = field(default_factory=dict)
    memo: Memo = field(default_factory=Memo)
    no_gpu: bool = False

    @property
    def tokens(self) -> Tokens:
        return self.run.tokens

    def vectors(self, layer: int) -> tuple[Tensor, Tensor, Tensor]:
        """The queries (h, n, d), keys (h, m, d) and values (h, m, v) of one layer."""
        seen = self.layers[layer]
        assert seen.query is not None and seen.key is not None and seen.value is not None
        return seen.query, seen.key, seen.value

    def weights(self, layer: int, head: int) -> Tensor:
        """One head's weights (n, m), as the model used them."""
        query, key, value = (each[head] for each in self.vectors(layer))
        return attend(query, key, value, **self.layers[layer].arguments(head)).weights

    def layer_weights(self, layer: int) -> Tensor:
        """All heads' weights of one layer (h, n, m), changed heads included."""
        seen = self.layers[layer]
        weights = attend(
            *self.vectors(layer), seen.mask, scale=seen.scale, softcap=seen.softcap, bias=seen.bias,
            sinks=seen.sinks,
        ).weights  # fmt: skip
        for head in seen.heads:
            weights[head] = self.weights(layer, head)
        return weights

    def sides(self) -> tuple[list[int], list[int]]:
        """The positions that are queries and those that are keys, in the shown sequence."""
        if self.model.kind != "encoder-decoder":
            everything = list(range(len(self.tokens)))
            return everything, everything
        parts, kind = self.tokens.segment, self.layers[0].kind
        source, target = ([i for i, part in enumerate(parts) if part == side] for side in (0, 1))
        return (source if kind == "self" else target), (target if kind == "decoder" else source)

    def overview(self, hidden: bool) -> list[dict[str, Any]]:
        """Every layer packed for the page, special tokens hidden or not."""
        if hidden not in self.thumbnails:
            special = self.special(hidden)
            with slot("forward", limit=FORWARDS):
                every = map(self.layer_weights, range(len(self.layers)))
                self.thumbnails[hidden] = [_pack(weights, special) for weights in every]
        return self.thumbnails[hidden]

    def special(self, hidden: bool) -> list[bool] | None:
        """Which positions are special tokens, if they are to be hidden and hiding makes sense."""
        queries, keys = self.sides()
        return hideable([self.tokens.special[i] for i in keys]) if hidden and queries == keys else None


def hideable(special: list[bool]) -> list[bool] | None:
    """The special tokens, None if there are none or nothing else."""
    return special if any(special) and not all(special) else None


def _pack(weights: Tensor, special: list[bool] | None) -> dict[str, Any]:
    return pack_overview([weights if special is None else hide_special(weights, special)])


def capture(
    name: str,
    text: str,
    pair: str = "",
    *,
    side: str = "self",
    hidden: bool = False,
    changes: Changes | None = None,
    logits: bool = False,
    patience: float = PATIENCE,
) -> Captured:
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
    _keep(key, made)
    return made


def run_of(inputs: Inputs, changes: Changes | None = None, *, logits: bool = False) -> Captured:
    """The run that these inputs ask for, changed or not."""
    return capture(
        inputs.model, inputs.text, inputs.pair, side=inputs.side, hidden=inputs.hide_special,
        changes=changes, logits=logits,
    )  # fmt: skip


def _run(model: Model, *arguments: Any) -> Captured:
    """One run, on a lent GPU where there is one and the model is large enough to gain by it.

    Where Hugging Face lends none (a quota, a queue, an outage), the CPU does it in a second or so.
    """
    no_gpu = False
    try:
        done = (_on_lent_gpu if model.size >= LARGE else _forward)(model.name, *arguments)
    except GpuRefused:
        no_gpu, done = True, _forward(model.name, *arguments)
    if isinstance(done, Refusal):  # raised over there it would come back as a class's name
        raise done
    ran, layers, packed, hidden = done
    return Captured(model, ran, layers, {hidden: packed}, no_gpu=no_gpu)


def _forward(name: str, *arguments: Any) -> Went | Refusal:
    """One run; or the refusal, as a value.

    Takes a name and gives tensors on the CPU where the GPU is lent, since both are pickled there.
    """
    try:
        return _through(model_of(name, LENDING), *arguments)
    except ModelRefused as refused:
        return _refusal(refused, name)
    except Refusal as refused:
        return refused


def _through(
    model: Model, tokens: Tokens, side: str, hidden: bool, changes: Changes | None, logits: bool
) -> Went:
    """The tokens through the model, changed or not."""
    packed: list[dict[str, Any]] = []
    wanted = side if model.kind == "encoder-decoder" else "self"
    special = hideable(list(tokens.special)) if hidden and model.kind != "encoder-decoder" else None

    def keep(layer: Layer) -> Layer | None:
        if layer.kind != wanted:
            return None
        assert layer.weights is not None
        packed.append(_pack(layer.weights, special))
        return replace(layer, weights=None)

    with lent_gpu(model.module) as fetch:
        ran = _changed(model, tokens, changes, capture="all", logits=logits, each=keep)
        layers = tuple(fetch(layer) for layer in ran.layers if layer is not None)
        return fetch(replace(ran, layers=[])), layers, packed, special is not None


def _changed(model: Model, tokens: Tokens, changes: Changes | None, **options: Any) -> Run:
    """A run; a change that this model cannot make becomes a sentence, anything else stays itself."""
    try:
        return run(model, tokens, changes, **options)
    except ModelRefused:
        raise
    except ChangeRefused as error:
        raise Refusal(f"model_change_{error.reason}", field="heads.look") from error
    except ValueError as error:
        if changes is None:
            raise
        raise Refusal("model_change", field="heads.look") from error


def seconds(name: str, *arguments: Any) -> int:
    """How long a GPU is asked for: the process is forked, or an older one reads the model itself;
    then the weights travel, and the run takes a fraction of a second."""
    return 10 + round(model_of(name, LENDING).size / 20_000_000)


_on_lent_gpu = on_gpu(_forward, seconds)


_kept: OrderedDict[tuple, tuple[Captured, int]] = OrderedDict()
_guard = threading.Lock()


def _keep(key: tuple, made: Captured) -> None:
    """Remember a run, and forget the least recently used beyond KEPT bytes."""
    tensors = [tensor for at in range(len(made.layers)) for tensor in made.vectors(at)]
    tensors += [made.run.hidden, *(layer.bias for layer in made.layers[:1] if layer.bias is not None)]
    size = sum(t.numel() * t.element_size() for t in tensors)
    size += 2 * sum(len(p["data"]) for packed in made.thumbnails.values() for p in packed)
    with _guard:
        _kept[key] = made, size
        for old in [one for one, (run, _) in _kept.items() if run is not made and not in_memory(run.model)]:
            del _kept[old]  # a run would hold on to its model, which went to make room
        while len(_kept) > 1 and sum(each for _, each in _kept.values()) > KEPT:
            _kept.popitem(last=False)


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
    return Refusal(key_of(refused), field="heads.model")
