"""What becomes of a model when its heads, scores or positions are changed, by transformers and PyTorch alone.

transformers lets a model name the function that computes its attention: the program brings one of its own,
in which every change is one line, and no line stands there for a change that was not made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

from ....masks import causal_mask
from ....pretrained import Changes
from ...page.plain import pretrained, program, storyteller
from .plain import auto_of, plain, shaped, shown, text_of

if TYPE_CHECKING:
    from .touch import Touched

LISTED = 8


def touched(s: Touched) -> str:
    """The open head after the changes, and what came out before and after them."""
    if s.inputs.model == "storyteller":
        return story(s)
    if s.changes is None:
        return unchanged(s)
    if not known(s):
        return (
            "# The open head before the change. This model's attention has rules of its own (a window, a\n"
            "# cap or a sink), and what a change makes of them no short program tells.\n"
        ) + plain(s)
    changes, model = s.changes, s.plain.model
    return program([
        *pretrained(s.inputs.model, auto_of(s.plain), ["AttentionInterface"]),
        "torch.set_grad_enabled(False)",
        *text_of(s.inputs, s.plain),
        "before = model(**tokens)",
        "",
        *rules(changes),
        "seen = []",
        "",
        "def attend(module, query, key, value, mask, scaling, **more):    # asked layer by layer",
        *(f"    {line}" for line in attended(s, changes)),
        "",
        "AttentionInterface.register('changed', attend)",
        "model.set_attn_implementation('changed')",
        *order(s),
        *([f"places = torch.full_like(tokens['input_ids'], {(model.position or 0) + changes.position})"]
          if placed(s) else []),
        f"after = model(**tokens{', position_ids=places' * placed(s)})",
        "",
        *outcome(s),
        f"weights = seen[{s.plain.layers[s.inputs.layer].index}][0, {s.inputs.head}]    # (queries, keys)",
        *shown(s),
    ])  # fmt: skip


def unchanged(s: Touched) -> str:
    """Nothing is changed yet: the open head, and what comes next where the model says so."""
    if s.plain.run.logits is None:
        return plain(s)
    chances = shares("model(**tokens).logits[0, -1]", s.inputs.sampling)
    return plain(s) + program([
        "with torch.no_grad():",
        f"    best = {chances}.topk({LISTED})",
        "print(tokenizer.convert_ids_to_tokens(best.indices.tolist()))",
        "print(best.values)",
    ])  # fmt: skip


def shares(logits: str, temperature: float) -> str:
    """The expression of the next tokens' probabilities."""
    if temperature == 1:
        return f"{logits}.double().softmax(-1)"
    return f"({logits}.double() / {temperature!r}).softmax(-1)"


def known(s: Touched) -> bool:
    """Whether the changed run's attention is what the program says: no window, cap, sink or further bias."""
    assert s.changes is not None
    for layer in s.shown.layers:
        assert layer.query is not None and layer.key is not None
        n, m = layer.query.shape[1], layer.key.shape[1]
        expected = (
            causal_mask(n, m) if layer.index in causal_layers(s) else torch.ones(n, m, dtype=torch.bool)
        )
        expected[:, forbidden(s, layer.kind)] = False
        met = torch.ones(1, n, m, dtype=torch.bool) if layer.mask is None else layer.mask.cpu()
        if layer.softcap is not None or layer.sinks is not None or not bool((met == expected).all()):
            return False
        if layer.bias is not None and s.plain.model.kind != "encoder-decoder":
            return False
    return True


def causal_layers(s: Touched) -> list[int]:
    """The layers, in order of calls, in which nobody looks ahead after the change."""
    assert s.changes is not None
    model, causal = s.plain.model, s.changes.causal
    trained = [model.kind == "decoder" or kind == "decoder" for kind in model.kinds]
    return [
        at for at, kind in enumerate(model.kinds)
        if kind != "cross" and (trained[at] if causal is None else causal)
    ]  # fmt: skip


def forbidden(s: Touched, kind: str) -> list[int]:
    """The keys that nobody may attend, as a layer of this kind counts them."""
    assert s.changes is not None
    model, tokens = s.plain.model, s.plain.tokens
    sources = tokens.segment.count(0) if model.kind == "encoder-decoder" else len(tokens)
    if kind == "decoder":
        return sorted(at - sources for at in s.changes.forbid if at >= sources)
    return sorted(at for at in s.changes.forbid if at < sources)


def placed(s: Touched) -> bool:
    """Whether every token is told the same position."""
    assert s.changes is not None
    return not s.changes.positions and s.plain.model.kind != "encoder-decoder"


def by_layer(heads: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for layer, head in sorted(heads):
        found.setdefault(layer, []).append(head)
    return found


def rules(changes: Changes) -> list[str]:
    """Which heads are changed, by layer."""
    heats = {layer: {head: heat} for layer, head, heat in changes.temperature}
    said = (
        ("silent", by_layer(changes.knock_out), "heads that say nothing"),
        ("even", by_layer(changes.uniform), "heads that look at all alike"),
        ("heats", heats, "a head's temperature"),
    )
    return [f"{name} = {given}    # by layer: {what}" for name, given, what in said if given]


def attended(s: Touched, changes: Changes) -> list[str]:
    """The body of ``attend``."""
    model, layers = s.plain.model, s.shown.layers
    causal, calls = causal_layers(s), len(model.kinds)
    counted = changes.knock_out or changes.uniform or changes.temperature or 0 < len(causal) < calls
    groups = getattr(model.module.config.get_text_config(), "num_key_value_heads", None) or model.num_heads
    biased = model.kind == "encoder-decoder" and changes.positions
    forbid = {kind: forbidden(s, kind) for kind in dict.fromkeys(model.kinds)}
    masked = bool(causal) or any(forbid.values())
    scale = "scaling"
    if changes.no_scale:
        scales = [layer.scale for layer in layers]
        scale = repr(scales[0]) if len(set(scales)) == 1 else f"{scales}[len(seen)]"
    ahead = ".tril()" if len(causal) == calls else f".tril(key.shape[2] * (layer not in {set(causal)}))"
    empty = any(not bool(one.mask.any(-1).all()) for one in layers if one.mask is not None)
    lines = ["layer = len(seen)"] if counted else []
    if groups != model.num_heads:
        lines += [
            f"key, value = (part.repeat_interleave({model.num_heads // groups}, 1) for part in (key, value))"
        ]
    if masked:
        lines.append(f"free = torch.ones(query.shape[2], key.shape[2]){ahead * bool(causal)}.bool()")
    if any(forbid.values()):
        places = str(next(iter(forbid.values())))
        if len(set(map(str, forbid.values()))) > 1:  # an encoder-decoder counts each side from 0
            places = f"{[forbid[kind] for kind in model.kinds]}[len(seen)]"
        lines.append(f"free[:, {places}] = False    # nobody may look there")
    lines.append(
        f"scores = query @ key.mT{'' if scale == '1.0' else f' * {scale}'}    # (1, heads, queries, keys)"
    )
    if changes.temperature:
        lines += ["for head, heat in heats.get(layer, {}).items():", "    scores[:, head] /= heat"]
    if biased:
        lines.append("scores = scores + more['position_bias']")
    if changes.uniform:
        lines.append("scores[:, even.get(layer, [])] = 0")
    hidden = ".masked_fill(~free, float('-inf'))" if masked else ""
    lines.append(
        f"weights = scores{hidden}.softmax(-1){'.nan_to_num()    # a row without keys' if empty else ''}"
    )
    lines.append("output = weights @ value")
    if changes.knock_out:
        lines.append("output[:, silent.get(layer, [])] = 0")
    return [*lines, "seen.append(weights)", "return output.transpose(1, 2).contiguous(), weights"]


def order(s: Touched) -> list[str]:
    """The tokens in the order in which the changed run meets them."""
    assert s.changes is not None
    if s.changes.shuffle_seed is None:
        return []
    names, found = s.plain.tokens.segment, list(s.shown.run.order)
    if s.plain.model.kind != "encoder-decoder":
        return [f"order = {found}    # words shuffled",
                "tokens['input_ids'] = tokens['input_ids'][:, order]"]  # fmt: skip
    sources = names.count(0)
    target = [at - sources for at in found[sources:]]
    return [f"order, target = {found[:sources]}, {target}    # words shuffled",
            "tokens['input_ids'] = tokens['input_ids'][:, order]",
            "tokens['decoder_input_ids'] = tokens['decoder_input_ids'][:, target]"]  # fmt: skip


def outcome(s: Touched) -> list[str]:
    """The next tokens of both runs, or the cosines of the sentence's vector."""
    if s.plain.run.logits is not None:
        return [
            "for output in (before, after):",
            f"    best = {shares('output.logits[0, -1]', s.inputs.sampling)}.topk({LISTED})",
            "    print(tokenizer.convert_ids_to_tokens(best.indices.tolist()))",
            "    print(best.values)",
        ]
    segment = s.shown.tokens.segment
    pairs = [at for at, part in enumerate(segment) if part]
    lines = [
        "def vector(output, rows):    # the mean of the tokens' vectors, of length 1",
        "    mean = output.last_hidden_state[0, rows].mean(0)",
        "    return mean / mean.norm()",
        "",
        f"whole = range({len(segment)})",
        "print(vector(before, whole) @ vector(after, whole))    # the cosine",
    ]
    if not pairs:
        return lines
    first = [at for at, part in enumerate(segment) if not part]
    return [*lines, "for output in (before, after):    # between the two sentences",
            f"    print(vector(output, {first}) @ vector(output, {pairs}))"]  # fmt: skip


def story(s: Touched) -> str:
    """The storyteller written out as a function of what is changed."""
    changes = s.changes or Changes()
    tokens, after = s.plain.tokens, s.shown.tokens
    n = len(tokens)
    arguments: list[tuple[str, str, str]] = []  # a name, what it is before the change, what after
    scored, within, body = [], [], []
    if tokens.ids != after.ids:
        arguments.append(("ids", "ids", f"torch.tensor({list(after.ids)})"))
    if changes.causal is False or changes.forbid:
        free = f"torch.ones({n}, {n}){'' if changes.causal is False else '.tril()'}.bool()"
        keys = (
            f" & ~torch.isin(torch.arange({n}), torch.tensor({sorted(changes.forbid)}))"
            if changes.forbid
            else ""
        )
        arguments.append(("mask", "mask", free + keys))
    if not changes.positions:
        arguments.append(("places", f"range({n})", str([changes.position] * n)))
    if changes.no_scale:
        arguments.append(("scale", "4", "1"))
    if changes.temperature:
        heats = {layer: {head: heat} for layer, head, heat in changes.temperature}
        arguments.append(("heats", "{}", str(heats)))
        scored += ["for head, heat in heats.get(layer, {}).items():", "    scores[head] /= heat"]
    if changes.uniform:
        arguments.append(("even", "{}", str(by_layer(changes.uniform))))
        scored.append("scores[even.get(layer, [])] = torch.zeros(n, n).masked_fill(~mask, float('-inf'))")
    if changes.knock_out:
        arguments.append(("silent", "{}", str(by_layer(changes.knock_out))))
        within.append("v[silent.get(layer, [])] = 0    # heads that say nothing")
    empty = any(not bool(one.mask.any(-1).all()) for one in s.shown.layers if one.mask is not None)
    lines = storyteller(tokens.ids, tokens.tokens, scored=scored,
                        within=[*within, "seen.append(weights)"])  # fmt: skip
    start = next(i for i, line in enumerate(lines) if line.startswith("x = w["))
    for line in lines[start:]:
        line = line.replace("w['position'][:n]", "w['position'][places]") if not changes.positions else line
        line = line.replace("q @ k.mT / 4", "q @ k.mT / scale") if changes.no_scale else line
        line = line.replace("softmax(-1)    #", "softmax(-1).nan_to_num()    #") if empty else line
        body.append(f"    {line}")
    head = lines[:start]
    names = ", ".join(name for name, _, _ in arguments)
    first, then = (", ".join(given[i] for given in arguments) for i in (1, 2))
    runs = f"(read({first}), read({then}))" if arguments else "(read(),)"
    return program([
        *head,
        f"def read({names}):",
        "    seen = []",
        *body,
        "    return logits[-1], seen",
        "",
        f"for last, seen in {runs}:{'    # before, after' * bool(arguments)}",
        f"    best = {shares('last', s.inputs.sampling)}.topk({LISTED})",
        "    print(best.indices, best.values)    # the next words by number",
        f"weights = seen[{s.inputs.layer}][{s.inputs.head}]    # (queries, keys), after the change"
        if arguments else f"weights = seen[{s.inputs.layer}][{s.inputs.head}]    # (queries, keys)",
        *shaped(s),
        "print(weights)",
    ])  # fmt: skip
