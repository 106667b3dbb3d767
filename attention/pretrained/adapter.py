"""Chapter 12, part 1a: how a pretrained model comes to run this package's ``attend``.

transformers lets a model name the function that computes its attention. The one registered here is
:func:`matchmaker_attention`, which calls :func:`attention.pooling.attend` and nothing else. What a
caller wants to see or change it finds in the session.

Shapes: b batch, h heads, n queries, m keys, d features; here b is 1 where anything is captured or changed.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor

from ..giving_way import give_way
from ..masks import causal_mask
from ..pooling import attend
from .blocks import Thumbnails, attend_by_blocks
from .session import SESSION, Changes, Layer, Rules, Session

NAME = "attention_matchmaker"
BATCHED = ("position_bias", "sinks", "indices")  # arguments that may differ from row to row of a batch


def matchmaker_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """The function a model calls: query (b, h, n, d), key and value (b, h or fewer, m, d).

    Returns output (b, n, h, d) and weights (b, h, n, m) or None. Of the further arguments it
    knows position_bias (T5), softcap (Gemma 2), s_aux (the sinks of gpt-oss), sinks (one per query,
    Inkling 2), indices (the keys chosen for each query, Hunyuan 4) and is_causal.
    """
    give_way()
    session = SESSION.get() or _PLAIN
    if session.rows:
        each = session.rows
        return _row_by_row(each, module, query, key, value, attention_mask, scaling, dropout, kwargs), None
    index = session.calls
    if session is not _PLAIN:  # that one is everybody's
        session.calls = index + 1
    if key.shape[1] != query.shape[1]:  # grouped heads: several queries' heads share one key's
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    bias = kwargs.get("position_bias")
    mask, bias = _boolean_mask(module, query, key, attention_mask, bias, kwargs.get("is_causal"))
    if kwargs.get("indices") is not None:
        mask = _only_chosen(mask, kwargs["indices"], key.shape[2])
    sinks = kwargs.get("s_aux")
    sinks = kwargs.get("sinks") if sinks is None else sinks.reshape(1, -1, 1, 1)
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    kind = session.kinds[index] if index < len(session.kinds) else "self"
    heads: dict[int, Rules] = {}
    if session.changes is not None:
        first = session.sources if kind == "decoder" and session.sources is not None else 0
        mask = _changed_mask(session.changes, kind == "cross", first, mask, query, key)
        if session.changes.no_scale:
            scale = 1 / session.prescales[index] if index < len(session.prescales) else 1.0
        if not session.changes.positions and bias is not None:
            bias = torch.zeros_like(bias)
        heads = session.changes.heads(index)
    if session.allowed is not None:
        mask = session.allowed if mask is None else mask & session.allowed
    rules: Rules = {
        "mask": mask, "bias": bias, "sinks": sinks, "scale": scale, "softcap": kwargs.get("softcap"),
    }  # fmt: skip

    wanted = session is _PLAIN or (
        session.capture is not None and (session.only is None or index in session.only)
    )
    dropout = dropout if module.training else 0.0
    thumbnails: Thumbnails | None = None
    if wanted and session.side is not None:
        output, thumbnails = _in_blocks(session.side, query, key, value, **rules)
        weights = None
    else:
        attended = attend(query, key, value, dropout=dropout, need_weights=wanted, **rules)
        output, weights = attended.output, attended.weights
    for head, changed in heads.items():  # a changed head is attended again, by its own rules
        one = slice(head, head + 1)
        own: Rules = {
            **rules, "mask": _of_heads(mask, one), "bias": _of_heads(bias, one),
            "sinks": _of_heads(sinks, one), **changed,
        }  # fmt: skip
        its = query[:, one], key[:, one], value[:, one]
        if thumbnails is not None and session.side is not None:
            output[:, one], anew = _in_blocks(session.side, *its, **own)
            thumbnails.levels[one] = anew.levels
            continue
        again = attend(*its, need_weights=wanted, **own)
        output[:, one] = again.output
        if weights is not None and again.weights is not None:
            weights[:, one] = again.weights
    if session.changes is not None:
        for layer, head in session.changes.knock_out:
            if layer == index:
                output[:, head] = 0

    if session.on_call is not None:
        session.on_call(
            module=module, query=query, mask=mask, scale=scale,
            output=output[0].transpose(0, 1),
        )  # fmt: skip
    if wanted and session is not _PLAIN:
        shown = None if weights is None else weights[0]
        seen = Layer(index, kind, shown, thumbnails=thumbnails)
        if session.capture == "all":
            seen = Layer(
                index, kind, shown, query[0], key[0], value[0], _first(mask),
                _first(bias), scale, rules["softcap"], _first(sinks), heads, thumbnails,
            )  # fmt: skip
        session.layers.append(seen if session.each is None else session.each(seen))
    return output.transpose(1, 2).contiguous(), weights


def _row_by_row(
    rows: tuple[Session, ...], module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor,
    mask: Tensor | None, scaling: float | None, dropout: float, more: dict[str, Any],
) -> Tensor:  # fmt: skip
    """Each row of a batch attended in its own session: output (b, n, h, d)."""
    outputs = []
    for at, session in enumerate(rows):
        one = slice(at, at + 1)
        own: dict[str, Any] = {name: _of_row(x, one) if name in BATCHED else x for name, x in more.items()}
        its = _of_row(mask, one), scaling, dropout
        token = SESSION.set(session)
        try:
            output, _ = matchmaker_attention(module, query[one], key[one], value[one], *its, **own)
            outputs.append(output)
        finally:
            SESSION.reset(token)
    return torch.cat(outputs)


def _of_row(tensor: Tensor | None, one: slice) -> Tensor | None:
    """One row of what a batch is given; what is the same for all rows stays as it is."""
    shared = tensor is None or tensor.dim() < 3 or tensor.shape[0] == 1
    return tensor if tensor is None or shared else tensor[one]


def _in_blocks(
    side: int, query: Tensor, key: Tensor, value: Tensor,
    *, mask: Tensor | None, bias: Tensor | None, sinks: Tensor | None, **options: Any,
) -> tuple[Tensor, Thumbnails]:  # fmt: skip
    """One text's layer, or one head of it, by blocks of queries: output (1, h, n, v) and thumbnails."""
    output, thumbnails = attend_by_blocks(
        query[0], key[0], value[0], _first(mask), bias=_first(bias), sinks=_first(sinks), side=side,
        **options,
    )  # fmt: skip
    return output[None], thumbnails


_PLAIN = Session(capture="weights")  # outside a run of ours: weights for output_attentions


def _boolean_mask(
    module: torch.nn.Module, query: Tensor, key: Tensor, mask: Tensor | None, bias: Tensor | None,
    is_causal: bool | None,
) -> tuple[Tensor | None, Tensor | None]:  # fmt: skip
    """Whatever mask the model made -> boolean mask (True = may attend) and what is left as bias."""
    n, m = query.shape[2], key.shape[2]
    if mask is None:  # None means "all", but in a causal layer "all up to here", as in sdpa
        is_causal = getattr(module, "is_causal", False) if is_causal is None else is_causal
        return (causal_mask(n, m, query.device) if is_causal and n > 1 else None), bias
    mask = mask[..., :m]
    if mask.dtype == torch.bool:
        return mask, bias
    allowed = mask > torch.finfo(mask.dtype).min / 2  # additive masks hold the lowest number
    rest = mask.masked_fill(~allowed, 0)
    if rest.any():
        bias = rest if bias is None else bias + rest
    return allowed, bias


def _only_chosen(mask: Tensor | None, indices: Tensor, m: int) -> Tensor:
    """The mask without the keys that were not chosen; indices (b, n, k), below 0 for none."""
    chosen = torch.zeros(*indices.shape[:2], m + 1, dtype=torch.bool, device=indices.device)
    indices = indices.long()
    chosen = chosen.scatter_(-1, indices.where(indices >= 0, m), True)[:, None, :, :m]
    return chosen if mask is None else mask & chosen


def _changed_mask(
    changes: Changes, cross: bool, first: int, mask: Tensor | None, query: Tensor, key: Tensor
) -> Tensor | None:
    """The mask after ``causal`` and ``forbid``. first: which position of the shown sequence its keys
    begin at, for that counts source then target tokens."""
    n, m = query.shape[2], key.shape[2]
    if not cross and changes.causal is True:
        causal = causal_mask(n, m, query.device)
        mask = causal if mask is None else mask & causal
    elif not cross and changes.causal is False and mask is not None and n == m:
        mask = mask | mask.transpose(-2, -1)
    forbidden = [at - first for at in changes.forbid if 0 <= at - first < m]
    if forbidden:
        keys = torch.ones(m, dtype=torch.bool, device=query.device)
        keys[forbidden] = False
        mask = keys.expand(1, 1, n, m) if mask is None else mask & keys
    return mask


def _first(tensor: Tensor | None) -> Tensor | None:
    """The only row of the batch; a mask or bias without a batch dimension gets its head's 1."""
    if tensor is None:
        return None
    return tensor[0] if tensor.dim() == 4 else tensor.reshape(-1, *tensor.shape[-2:])


def _of_heads(tensor: Tensor | None, one: slice) -> Tensor | None:
    """(b, 1 or h, n, m) -> (b, 1, n, m); what has no heads stays as it is."""
    heads = tensor is not None and tensor.dim() == 4 and tensor.shape[1] > 1
    return tensor[:, one] if tensor is not None and heads else tensor


_registered = threading.Event()


def register() -> None:
    """Make ``attn_implementation="attention_matchmaker"`` known to transformers. Idempotent."""
    if _registered.is_set():
        return
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    def boolean_mask(*args: Any, **kwargs: Any) -> Tensor | None:
        # sdpa may leave a causal mask out and rely on a flag; here the mask is always there
        return sdpa_mask(*args, **{**kwargs, "allow_is_causal_skip": False})

    AttentionInterface.register(NAME, matchmaker_attention)
    AttentionMaskInterface.register(NAME, boolean_mask)
    _registered.set()
