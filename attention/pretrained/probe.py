"""Chapter 12, part 2a: a module watched from outside while a few tokens go through it.

What a model really does is not in its configuration: which matrix follows a head, whether a query
comes divided by sqrt(d), whether a position moves anything. So it is seen, once, by runs on a
handful of ordinary tokens. Nothing stays on the module.

Shapes: h heads, n tokens, d features per head, v value features, D features of a token's vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LENGTHS = (3, 12)  # tokens of the runs; the second is past a short window, and a top-k of eight
TABLES = ("position_embeddings", "position_embedding", "embed_positions", "wpe")
HOOKED = "_output_capturing_hooks_installed"  # how transformers remembers that it put its hooks
QUERIES = ("q_proj", "query", "q_lin", "q")


def vocabulary(module: Any) -> int | None:
    """How many tokens the module has vectors for; None without a table of them, as in CLIP or ViT."""
    try:
        table = module.get_input_embeddings()
    except (NotImplementedError, AttributeError):
        return None
    known = getattr(table, "num_embeddings", None)
    return known or getattr(module.config.get_text_config(), "vocab_size", None)


def row(module: Any, length: int) -> Tensor:
    """Ordinary tokens for a run: (1, length), of the vocabulary, no special ones where others are.

    A padding token would be counted as no position, a picture's place would ask for a picture.
    """
    config, size = module.config.get_text_config(), vocabulary(module) or 0
    named = [value for part in (module.config, config) for key, value in vars(part).items()
             if key.endswith(("_token_id", "_token_index"))]  # fmt: skip
    special = {each for value in named for each in (value if isinstance(value, list) else [value])}
    ordinary = [token for token in range(3, min(size, 64)) if token not in special]
    ordinary = ordinary or list(range(size))
    return torch.tensor([[ordinary[at % len(ordinary)] for at in range(length)]], device=module.device)


def forward(module: Any, ids: Tensor, **more: Any) -> Any:
    """One run of a whole module, as the library's own output."""
    if module.config.is_encoder_decoder:
        more["decoder_input_ids"] = ids
    with torch.inference_mode():
        return module(input_ids=ids, use_cache=False, return_dict=True, output_hidden_states=True, **more)


def numbers(output: Any) -> list[Tensor]:
    """What two runs are compared by: the first result (hidden states or logits), the last states."""
    found = [output[0]]
    for name in ("hidden_states", "decoder_hidden_states", "encoder_hidden_states"):
        found += list(output.get(name) or ())[-1:]
    return [tensor for tensor in found if isinstance(tensor, Tensor)]


def tolerance(module: torch.nn.Module) -> float:
    """How far two ways to compute the same may be apart, as a share of the largest number.

    1e-4 in single precision; eight times the step after 1 in half precision (bfloat16 has 1/128).
    """
    types = {weight.dtype for weight in module.parameters() if weight.is_floating_point()}
    return max([1e-4, *(8 * torch.finfo(dtype).eps for dtype in types)])


def close(found: Tensor, expected: Tensor, share: float) -> bool:
    """Whether no number is further off than ``share`` of the largest expected."""
    if found.shape != expected.shape:
        return False
    found, expected = found.double().cpu(), expected.double().cpu()  # fp16 would overflow
    off = (found - expected).abs().max().item()
    return off <= share * expected.abs().max().item()  # NaN is never close


def body(module: Any) -> Any:
    """The part that ends in hidden states, without a language model's head."""
    inner = module.base_model
    if inner is module and module.get_output_embeddings() is not None:
        inner = module.get_decoder()  # Llama 4 names its body after no attribute it has
    if inner is module and module.get_output_embeddings() is not None:
        inner = getattr(module, "model", module)
    return inner


def unembed(module: Any, hidden: Tensor) -> Tensor:
    """hidden (..., D) -> logits (..., vocabulary): the last matrix, with the scalings of some families."""
    config = module.config.get_text_config()
    logits: Tensor = module.get_output_embeddings()(hidden)
    if getattr(config, "logit_scale", None):
        logits = logits * config.logit_scale
    if getattr(config, "logits_scaling", None):
        logits = logits / config.logits_scaling
    cap = getattr(config, "final_logit_softcapping", None)
    return logits if not cap else cap * torch.tanh(logits / cap)


def same_positions(ids: Tensor, position: int) -> dict[str, Tensor]:
    """The arguments that put every token at one position."""
    # a mask of ones says that these positions are no sign of several texts packed in one row
    return {"position_ids": torch.full_like(ids, position), "attention_mask": torch.ones_like(ids)}


def position_table(module: torch.nn.Module) -> tuple[int | None, int]:
    """(rows left for tokens, the first one used) of a learned table of positions, else (None, 0).

    Where the table has a padding row, as in RoBERTa and all who took after it, counting starts
    behind it, and the rows up to there are no token's.
    """
    rows, first = None, 0
    for name, part in module.named_modules():
        if name.rpartition(".")[2] in TABLES and isinstance(part, torch.nn.Embedding):
            padding = part.padding_idx
            first = 0 if padding is None else padding + 1
            left = part.num_embeddings - first
            rows = left if rows is None else min(rows, left)
    return rows, first


@contextmanager
def unharmed(module: Any) -> Iterator[None]:
    """A module that is refused inside is given back as it was: settings, mode and gradients.

    Hooks go in any case: the library leaves some of its own behind for hidden states, and puts them
    back when it is asked for such again.
    """
    configs: dict[int, Any] = {}
    waiting = [part.config for part in module.modules() if hasattr(part, "config")]
    while waiting:
        config = waiting.pop()
        if id(config) not in configs and hasattr(config, "__dict__"):
            configs[id(config)] = config
            waiting += [part for part in vars(config).values() if hasattr(part, "get_text_config")]
    settings = [(config, dict(vars(config))) for config in configs.values()]
    modes = [(part, part.training) for part in module.modules()]
    learned = [(weight, weight.requires_grad) for weight in module.parameters()]
    hooks = [(part, set(part._forward_hooks), HOOKED in vars(part)) for part in module.modules()]
    try:
        yield
    except BaseException:
        for config, before in settings:
            vars(config).clear()
            vars(config).update(before)
        for part, mode in modes:
            part.training = mode
        for weight, wanted in learned:
            weight.requires_grad_(wanted)
        raise
    finally:
        for part, kept, hooked in hooks:
            for name in ("_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called"):
                for key in set(getattr(part, name)) - kept:
                    del getattr(part, name)[key]
            if not hooked:
                vars(part).pop(HOOKED, None)


@dataclass
class Call:
    """One call of the attention interface: what was seen of it, and of the matrices around it.

    scale: what the scores were multiplied by. prescale: what the query was multiplied by before,
    1 / sqrt(d) in OPT, 1 in most. output (n, h, v). projection: the matrix that the heads' outputs
    go through next, None unless they alone, times it, are what it returns.
    """

    module: torch.nn.Module
    query: Tensor
    mask: Tensor | None
    scale: float
    output: Tensor
    prescale: float = 1.0
    projection: torch.nn.Module | None = None


class Watch:
    """Sees every call of the attention interface and every linear layer around it.

    ``watch.told`` is the session's ``on_call``; use ``with watch.over(module):``.
    """

    def __init__(self, share: float) -> None:
        self.calls: list[Call] = []
        self.share = share
        self._linear: dict[str, Tensor] = {}
        self._names: dict[torch.nn.Module, str] = {}

    def told(self, **given: Any) -> None:
        call = Call(**given)
        if call.scale == 1:
            call.prescale = self._prescale(call.query)
        self.calls.append(call)
        self._linear.clear()

    def _prescale(self, query: Tensor) -> float:
        """1 / sqrt(d) if the query (b, h, n, d) is a projection's result so much shorter, else 1."""
        wanted = float(query.shape[-1] ** -0.5)
        for made in self._linear.values():
            _, h, n, d = query.shape
            if made.shape == (1, n, h * d):
                before = made.reshape(n, h, d).transpose(0, 1)
                # rotary turns a query but leaves its length
                if close(query[0].norm(dim=-1), before.norm(dim=-1) * wanted, self.share):
                    return wanted
        return 1.0

    def _met(self, part: torch.nn.Module, given: tuple[Any, ...], made: Any) -> None:
        """After a linear layer: is it a query's projection, or what the last heads go through?"""
        if not given or not isinstance(given[0], Tensor) or not isinstance(made, Tensor):
            return
        if self._names[part] in QUERIES:
            self._linear[self._names[part]] = made
        call = self.calls[-1] if self.calls else None
        if call is None or call.projection is not None:
            return
        heads = call.output.flatten(1)  # (n, h*v)
        if given[0].numel() != heads.numel() or not torch.equal(given[0].reshape(heads.shape), heads):
            return
        matrix = by_heads(part, call.output.shape[1])
        if matrix is None or not heads.any() or matrix.shape[1] != call.output.shape[2]:
            return
        again = torch.einsum("nhv,hvD->nD", call.output, matrix)
        bias = getattr(part, "bias", None)
        again = again if bias is None else again + bias
        if close(again, made.reshape(again.shape), self.share):
            call.projection = part

    @contextmanager
    def over(self, module: torch.nn.Module) -> Iterator[None]:
        handles = []
        for name, part in module.named_modules():
            if getattr(getattr(part, "weight", None), "ndim", 0) == 2:
                self._names[part] = name.rpartition(".")[2]
                handles.append(part.register_forward_hook(self._met))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def by_heads(part: Any, heads: int) -> Tensor | None:
    """The weight of a linear layer cut into heads: (h, v, D); None where it cannot be."""
    weight: Tensor = part.weight
    if not weight.is_floating_point():
        return None
    # GPT-2's Conv1D stores (in, out), Linear (out, in)
    weight = weight if type(part).__name__ == "Conv1D" else weight.T
    return None if weight.shape[0] % heads else weight.reshape(heads, -1, weight.shape[1])
