"""Understand it: what each head does on this text, and four answers to "who mattered?"."""

from __future__ import annotations

from typing import Any

import torch

from ..heads import ROLES, roles, rollout, statistics, value_weighted
from ..pretrained import Changes, moved, output_projection, run
from .busy import slot
from .guard import Choice, Flag, Number, Refusal
from .heads_fields import Whole
from .heads_runs import FORWARDS, Study
from .sheet import show
from .texts import Words
from .view import heading, heatmap

AT_ONCE = 160  # tokens up to which all heads are measured with the first picture; longer texts ask again
LONGEST = 160  # tokens up to which keys are knocked out one by one, a run of the model each
KNOCKED = 16  # keys that are knocked out one by one
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
    if "measured" not in seen.extra:
        special = list(seen.tokens.special)
        layers = [seen.layer_weights(i).cpu() for i in range(len(seen.layers))]
        with slot("forward", limit=FORWARDS):
            seen.extra["measured"] = {
                "roles": roles(layers, seen.tokens.ids, special, mask_of(seen)),
                "statistics": statistics(layers, special, mask_of(seen)),
            }
    return seen.extra["measured"]


def able(seen: Study) -> bool:
    """Whether heads can be measured and keys knocked out: where one text looks at itself."""
    return seen.model.kind != "encoder-decoder"


def answerable(seen: Study) -> bool:
    """Whether the four answers can be given: also, a text not too long."""
    return able(seen) and len(seen.tokens) <= LONGEST


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


def answers(seen: Study, values: dict[str, Any], words: Words, names: list[str]) -> list[dict[str, Any]]:
    """One token, four answers: how much each key mattered to it, each column a share of 1."""
    table, row, keys = four(seen, values)
    title = words("heads.answers_of", query=names[row])
    columns = [words(f"heads.answer.{name}") for name in ("weight", "norm", "rollout", "knock")]
    picture = heatmap(
        "answers", title, table, [names[j] for j in keys], columns, digits=2, wide=True,
        row_title=words("heads.key"), caption=words("heads.answers_caption"),
    )  # fmt: skip
    return [heading(words("heads.answers"), words("heads.answers_text")), picture]


def four(seen: Study, values: dict[str, Any]) -> tuple[torch.Tensor, int, list[int]]:
    """The table (keys, 4), the query's row, and the keys listed: the strongest by any answer."""
    layer, head = values["layer"], values["head"]
    n = len(seen.tokens)
    row = min(values["token"], n - 1)
    key = ("answers", layer, head, row)
    if key in seen.extra:
        return seen.extra[key]
    kept = seen.layers[layer]
    weights = seen.layer_weights(layer)
    projection = output_projection(seen.model, kept.index)
    norms = value_weighted(weights, kept.value, projection)[head, row]
    mixed = rollout([seen.layer_weights(i) for i in range(layer + 1)])[-1, row]
    columns = [weights[head, row], share(norms), mixed]
    keys = torch.stack(columns).amax(0).argsort(descending=True)[:KNOCKED].sort().values.tolist()
    effect = torch.zeros(n)
    with slot("forward", limit=FORWARDS):
        plain = run(seen.model, seen.tokens, capture=None)
        for j in keys:
            changed = run(seen.model, seen.tokens, Changes(forbid=frozenset([j])), capture=None)
            effect[j] = moved(plain, changed)[row]
    table = torch.stack([*(column.cpu() for column in columns), share(effect)], dim=1)[keys]
    seen.extra[key] = table, row, keys
    return seen.extra[key]


def share(numbers: torch.Tensor) -> torch.Tensor:
    """Divided by their sum."""
    total = numbers.sum()
    return numbers / total if total > 0 else torch.zeros_like(numbers)


def answer_sheet(seen: Study, values: dict[str, Any], words: Words, row: int, column: int, names) -> dict:
    """What one of the four answers means, and its number for this key."""
    table, query, keys = four(seen, values)
    if row >= len(keys) or column > 3:
        raise Refusal("no_such_cell")
    name = ("weight", "norm", "rollout", "knock")[column]
    lines = [[words(f"heads.answer.{each}"), "", show(table[row, i].item())]
             for i, each in enumerate(("weight", "norm", "rollout", "knock"))]  # fmt: skip
    return {
        "title": words("sheet.title", query=names[query], key=names[keys[row]]),
        "sections": [
            {"title": words(f"heads.answer.{name}"), "text": words(f"heads.answer.{name}.text")},
            {"title": words("heads.answers"), "lines": lines},
        ],
    }
