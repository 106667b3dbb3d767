"""The classifier and the recommender in plain PyTorch: the same numbers without this package."""

from __future__ import annotations

from ....classifier import load_classifier
from ....training import generator_at
from ...page.plain import loads, program
from . import classifier_study, recommender_study


def classified(s: classifier_study.Study) -> str:
    """A review through embedding, positions, heads, mean and a linear layer; its weights changed or not."""
    tokens = s.read.tokens
    how, changed = s.inputs.override, "weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-30)"
    seed = generator_at(s.inputs.permute_seed, 0).initial_seed()
    change = {
        "none": [],
        "uniform": ["weights = torch.full_like(weights, 1 / n)    # everybody counts alike"],
        "drag": [f"weights = weights * torch.tensor({[round(x, 6) for x in s.factors.tolist()]})", changed],
        "permute": [f"generator = torch.Generator().manual_seed({seed})",
                    "order = torch.rand(weights.shape, generator=generator).argsort(-1)",
                    "weights = weights.gather(-1, order)    # shuffled in every row"],
    }  # fmt: skip
    return program([
        *loads("classifier.safetensors"),
        f"ids = torch.tensor({load_classifier().encode(tokens)})    # {' '.join(tokens)}",
        "n = len(ids)",
        "angles = torch.arange(n)[:, None] / 10000 ** (torch.arange(0, 64, 2) / 64)",
        "x = w['embedding'][ids] + torch.stack([angles.sin(), angles.cos()], -1).flatten(1)    # (n, 64)",
        "parts = F.linear(x, w['attention.w_qkv'], w['attention.b_qkv']).chunk(3, -1)",
        "q, k, v = (part.unflatten(-1, (4, 16)).transpose(0, 1) for part in parts)    # 4 heads",
        "weights = (q @ k.mT / 4).softmax(-1)    # (heads, queries, keys); 4 = sqrt(16)",
        *change[how],
        "output = F.linear((weights @ v).transpose(0, 1).flatten(1), w['attention.w_o'], w['attention.b_o'])",
        "logits = F.linear(output.mean(0), w['weight'], w['bias'])",
        "print(weights)",
        "print(logits)    # negative, positive",
        "print(logits.softmax(-1))",
    ])  # fmt: skip


def recommended(s: recommender_study.Study) -> str:
    """Every item looks at the history; the best ones with their scores and weights."""
    count = len(s.history)
    even = (
        [f"weights = torch.full_like(weights, 1 / {count})    # all alike"] if s.inputs.even and count else []
    )
    lines = loads("recommender.safetensors")
    lines.remove("import torch.nn.functional as F")
    return program([
        *lines,
        f"history = torch.tensor({s.history}, dtype=torch.long)    # numbers of items",
        "past = w['item'][history]",
        "query, key, value = w['item'] @ w['w_q'].T, past @ w['w_k'].T, past @ w['w_v'].T",
        "weights = (query @ key.T / 4).softmax(-1)    # (items, history); 4 = sqrt(16)",
        *even,
        "scores = (weights @ value * w['item']).sum(-1) + w['popularity']",
        "new = scores.scatter(0, history, float('-inf'))    # nothing twice",
        f"best = new.argsort(descending=True, stable=True)[:{s.inputs.k}]",
        "print(best)",
        "print(scores[best])",
        "print(weights[best])",
    ])  # fmt: skip
