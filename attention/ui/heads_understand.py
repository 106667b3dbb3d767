"""Understand it: what each head does on this text."""

from __future__ import annotations

from typing import Any

import torch

from ..heads import ROLES, roles, statistics
from .busy import slot
from .guard import Choice, Flag, Number
from .heads_fields import Whole
from .heads_runs import FORWARDS, Study
from .sheet import show
from .texts import Words
from .view import heading, heatmap

AT_ONCE = 160  # tokens up to which all heads are measured with the first picture; longer texts ask again
PARTS = ("all", "A->A", "A->B", "B->A", "B->B")
FIELDS = (
    Choice("part", "all", PARTS, radio=False),
    Flag("join", False),
    Number("minimum", 0.0, 0.0, 1.0, 0.01),
    Whole("token", 9, 511),
)


def mask_of(seen: Study) -> str | torch.Tensor:
    """The mask the model ran with, as heads' functions want it."""
    mask = seen.layers[0].mask
    return "none" if mask is None else mask[0].cpu()


def measured(seen: Study) -> dict[str, Any]:
    """Roles and statistics of all heads; computed once for a kept run."""
    return seen.memo.once("measured", None, lambda: _measured(seen))


def _measured(seen: Study) -> dict[str, Any]:
    special = list(seen.tokens.special)
    with slot("forward", limit=FORWARDS):
        # all layers' weights are 75 MB at 512 tokens: only those who have a place build them
        layers = [seen.layer_weights(i).cpu() for i in range(len(seen.layers))]
        return {
            "roles": roles(layers, seen.tokens.ids, special, mask_of(seen)),
            "statistics": statistics(layers, special, mask_of(seen)),
        }


def able(seen: Study) -> bool:
    """Whether heads can be measured: where one text looks at itself."""
    return seen.model.kind != "encoder-decoder"


def panels(seen: Study, values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Roles with their scores, then three maps of layers x heads."""
    if not able(seen):
        return [heading(words("heads.roles"), words("heads.roles_need_self"))]
    found = measured(seen)
    items = []
    for role in ROLES:
        held = sorted((one for one in found["roles"] if one.role == role), key=lambda one: -one.score)
        items.append({
            "name": words(f"heads.role.{role}"), "text": words(f"heads.role.{role}.text"),
            "count": len(held),
            "heads": [[one.layer, one.head, show(one.score, 2), show(one.chance, 2)] for one in held[:6]],
        })  # fmt: skip
    table = {
        "kind": "roles", "id": "roles", "title": words("heads.roles_found"), "items": items, "wide": True,
        "caption": words("heads.roles_caption"),
        "words": {key: words(f"heads.{key}") for key in ("role_none", "role_more", "role_score", "cell")},
    }  # fmt: skip
    return [
        heading(words("heads.roles"), words("heads.roles_text")),
        table,
        heading(words("heads.maps"), words("heads.maps_text")),
        *(headmap(name, found["statistics"][name], words) for name in ("entropy", "distance", "sink")),
    ]


def headmap(name: str, numbers: torch.Tensor, words: Words) -> dict[str, Any]:
    """One number per head, layers x heads; a click opens the head."""
    layers, heads = numbers.shape
    high = max(1.0, numbers.max().item()) if name == "distance" else 1.0
    made = heatmap(
        name, words(f"heads.{name}"), numbers, [str(i) for i in range(layers)],
        [str(i) for i in range(heads)], row_title=words("heads.layer"), high=high, opens=False,
        column_title=words("heads.head"), caption=words(f"heads.{name}_text"), digits=2,
    )  # fmt: skip
    return {**made, "kind": "headmap"}
