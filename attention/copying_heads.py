"""Chapter 18, part 2: which heads of a pretrained model copy?

The prefix score of :mod:`attention.copying` is the role "induction" of :mod:`attention.heads`; here all
heads are ranked by it, those that miss the role too, on random words that come twice: nothing in such a
text can be guessed from its meaning (Olsson et al. 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .heads import RoleScore, roles
from .pretrained.model import Model
from .pretrained.tokens import Tokens, readable


def rank_heads(
    layers: Sequence[Tensor],
    token_ids: Sequence[int],
    special: Sequence[bool],
    mask: str | Tensor = "causal",
    role: str = "induction",
) -> list[RoleScore]:
    """The heads of any run by prefix score (or role "previous"), best first, each beside its chance.

    Arguments as for :func:`attention.heads.roles`, which does the measuring: chance is what the same
    weights score on shuffled positions, and ``given`` says whether a head beats it.
    """
    if role not in ("induction", "previous"):
        raise ValueError(f'role must be "induction" or "previous", got {role!r}')
    found = roles(layers, token_ids, special, mask, every=True)
    return sorted((score for score in found if score.role == role), key=lambda score: -score.score)


def repeated_tokens(model: Model, length: int = 24, seed: int = 0) -> Tokens:
    """Random words of a pretrained model's vocabulary and the same again, for :func:`rank_heads`."""
    if not 2 <= 2 * length <= model.max_tokens:
        raise ValueError(f"length must lie in [1, {model.max_tokens // 2}], got {length}")
    tokenizer = model.tokenizer
    special = set(tokenizer.all_special_ids)
    module: Any = model.module
    count = min(len(tokenizer), module.get_input_embeddings().weight.shape[0])
    generator = torch.Generator().manual_seed(seed)
    ids: list[int] = []
    while len(ids) < length:
        word = int(torch.randint(count, (), generator=generator))
        if word not in special:
            ids.append(word)
    ids *= 2
    names = tokenizer.convert_ids_to_tokens(ids)
    n, none = len(ids), (False,) * len(ids)
    shown = tuple(readable(name, model.byte_level) if name else "␣" for name in names)
    return Tokens(tuple(ids), shown, none, none, (0,) * n, tuple(range(n)))
