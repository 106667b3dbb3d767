"""Runs of real models for the heads tab: loaded in the background, bounded, the latest ones kept.

The kept runs are a pure function's cache: keyed by every argument, so nobody meets another's numbers.
What is kept of one is told in ``captured``.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ....pretrained import ChangeRefused, Changes, Layer, Model, ModelRefused, Run, Tokens, tokenize
from ....pretrained.blocks import SIDE, pack_thumbnails
from ....pretrained.catalog import in_memory
from ....pretrained.running import run, run_together
from ...page.busy import GpuRefused, lent_gpu, on_gpu
from ...page.guard import Refusal
from ...page.loads import PATIENCE, key_of, model_of
from .captured import AT_ONCE, VECTORS, WHOLE, Captured, hideable, pack, places, together, with_vectors
from .inputs import Inputs

KEPT = 32 * 2**20  # bytes of runs kept in memory: a sentence each of 50 learners fits
LARGE = 50_000_000  # parameters from which a lent GPU, a second away, is worth its way
LENDING = 60.0  # seconds a forked process may take to get the model that this one has loaded
# the run, its layers without weights, their thumbnails, and whether those hide special tokens
Went = tuple[Run, tuple[Layer, ...], list[dict[str, Any]], bool]
# from what is known of a text before its run, the changes whose runs are wanted as well
Beside = Callable[[Captured], Sequence[Changes]]


def capture(
    name: str,
    text: str,
    pair: str = "",
    *,
    side: str = "self",
    hidden: bool = False,
    changes: Changes | None = None,
    logits: bool = False,
    layer: int = 0,
    patience: float = PATIENCE,
    beside: Beside | None = None,
) -> Captured:
    """Run a model on a text, or take the kept run of the very same arguments.

    side: in an encoder-decoder model "self", "decoder" or "cross". hidden: whether thumbnails
    without special tokens are wanted first. layer: of a long text, whose vectors are wanted first.
    beside: what will be asked for next; of a short text it is run, and kept, together with this.
    Raises ``Refusal`` with a sentence for the learner.
    """
    changes = None if changes == Changes() else changes

    def key_for(changes: Changes | None) -> tuple[Any, ...]:
        return name, text, pair, side, changes, logits

    held = _held(key_for(changes))
    if held is not None:
        return held
    try:
        model = model_of(name, patience)
        tokens = tokenize(model, text, pair or None)
        with places(len(tokens)):
            others = [] if beside is None else _wanted(model, tokens, beside)
            others = [one for one in others if one != changes and _held(key_for(one)) is None]
            made, *more = _several(model, tokens, [changes, *others], logits) or [
                _run(model, tokens, side, hidden, changes, logits, layer)
            ]
    except ModelRefused as refused:
        raise _refusal(refused, name) from refused
    for one, captured in zip(others, more, strict=False):
        _keep(key_for(one), captured)
    _keep(key_for(changes), made)
    return made


def _wanted(model: Model, tokens: Tokens, beside: Beside) -> list[Changes]:
    """What beside asks for, each once; nothing where it cannot be: that is told when it is asked for."""
    layers = tuple(Layer(at, kind) for at, kind in enumerate(model.kinds))
    before = Captured(model, Run(tokens, [], torch.empty(0), None, (), None), layers)
    try:
        return [one for one in dict.fromkeys(beside(before)) if one != Changes()]
    except Refusal:
        return []


def _several(model: Model, tokens: Tokens, every: Sequence[Changes | None], logits: bool) -> list[Captured]:
    """Two or more runs of one short text in one pass; none where they have to go one by one."""
    short = len(tokens) <= AT_ONCE and model.size < LARGE and model.kind != "encoder-decoder"
    if len(every) < 2 or not short:
        return []
    bare = partial(replace, weights=None)
    try:
        ran = run_together(model, tokens, every, capture="all", logits=logits, each=bare)
    except ValueError:  # which of them cannot be made is told when it is asked for
        return []
    return [Captured(model, replace(one, layers=[]), tuple(one.layers)) for one in ran]


def run_of(
    inputs: Inputs, changes: Changes | None = None, *, logits: bool = False, beside: Beside | None = None
) -> Captured:
    """The run that these inputs ask for, changed or not. beside: as in ``capture``."""
    return capture(
        inputs.model, inputs.text, inputs.pair, side=inputs.side, hidden=inputs.hide_special,
        changes=changes, logits=logits, layer=inputs.layer, beside=beside,
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
    if len(ran.tokens) <= WHOLE:
        return Captured(model, ran, layers, {hidden: packed} if packed else {}, no_gpu=no_gpu)
    *asked, layer = arguments
    bare = tuple(Layer(one.index, one.kind) for one in layers)
    made = Captured(model, ran, bare, {False: packed}, no_gpu=no_gpu, again=partial(_again, model, asked))
    made.memo.once("vectors", layer // together(model, len(ran.tokens)), lambda: with_vectors(layers))
    return made


def _again(model: Model, asked: Sequence[Any], layer: int) -> dict[int, Layer]:
    """The layers kept with this one, from another run of a long text that goes no further than they."""
    done = (_on_lent_gpu if model.size >= LARGE else _forward)(model.name, *asked, layer, True)
    if isinstance(done, Refusal):
        raise done
    return with_vectors(done[1])


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
    model: Model, tokens: Tokens, side: str, hidden: bool, changes: Changes | None, logits: bool,
    layer: int = 0, no_further: bool = False,
) -> Went:  # fmt: skip
    """The tokens through the model, changed or not. layer: of a long text, whose vectors are kept.

    A short text's thumbnails wait until they are wanted: all layers' weights are then one product.
    """
    if len(tokens) > WHOLE:
        return _long(model, tokens, side, changes, logits, layer, no_further)
    packed: list[dict[str, Any]] = []
    wanted = side if model.kind == "encoder-decoder" else "self"
    special = hideable(list(tokens.special)) if hidden and model.kind != "encoder-decoder" else None

    def keep(layer: Layer) -> Layer | None:
        if layer.kind != wanted:
            return None
        assert layer.weights is not None
        if len(tokens) > AT_ONCE:
            packed.append(pack(layer.weights, special))
        return replace(layer, weights=None)

    with lent_gpu(model.module) as fetch:
        ran = _changed(model, tokens, changes, capture="all", logits=logits, each=keep)
        layers = tuple(fetch(layer) for layer in ran.layers if layer is not None)
        return fetch(replace(ran, layers=[])), layers, packed, special is not None


class _Enough(Exception):
    """The layers that were wanted are there."""


def _long(
    model: Model, tokens: Tokens, side: str, changes: Changes | None, logits: bool, layer: int,
    no_further: bool,
) -> Went:  # fmt: skip
    """A long text by blocks of queries: thumbnails of all heads, the vectors of ``layer`` and those kept
    with it. no_further: end there, with a run that came to nothing."""
    packed: list[dict[str, Any]] = []
    layers: list[Layer] = []
    wanted = side if model.kind == "encoder-decoder" else "self"
    count = together(model, len(tokens))
    first = layer // count * count

    def keep(seen: Layer) -> None:
        if seen.kind == wanted:
            assert seen.thumbnails is not None
            packed.append(pack_thumbnails([seen.thumbnails]))
            inside = first <= len(layers) < first + count
            layers.append(replace(seen, thumbnails=None) if inside else Layer(seen.index, seen.kind))
            if no_further and len(layers) == first + count:
                raise _Enough

    with lent_gpu(model.module) as fetch:
        try:
            ran = _changed(model, tokens, changes, capture="all", logits=logits, each=keep, side=SIDE)
        except _Enough:
            ran = Run(tokens, [], torch.empty(0), None, (), changes)
        return fetch(replace(ran, layers=[])), tuple(map(fetch, layers)), packed, False


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


def _held(key: tuple[Any, ...]) -> Captured | None:
    """The kept run of this key. Of a model without logits it is no matter whether they were wanted."""
    *same, logits = key
    with _guard:
        for at in (key, (*same, not logits)):
            if at in _kept and (at == key or not _kept[at][0].model.has_logits):
                _kept.move_to_end(at)
                return _kept[at][0]
    return None


def _keep(key: tuple, made: Captured) -> None:
    """Remember a run, and forget the least recently used beyond KEPT bytes."""
    if made.long:
        tensors, size = [made.run.hidden], VECTORS
    else:
        tensors, size = [each for at in range(len(made.layers)) for each in made.vectors(at)], 0
        tensors += [made.run.hidden, *(layer.bias for layer in made.layers[:1] if layer.bias is not None)]
    size += sum(t.numel() * t.element_size() for t in tensors)
    if made.thumbnails:
        size += 2 * sum(len(p["data"]) for packed in made.thumbnails.values() for p in packed)
    else:  # those of a short text may come later: a byte a weight, a third more as text, hidden or not
        size += 8 * len(made.layers) * made.model.num_heads * math.prod(map(len, made.sides())) // 3
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
            limit = WHOLE
        return Refusal("model_too_long", field="heads.text", limit=limit)
    return Refusal(key_of(refused), field="heads.model")
