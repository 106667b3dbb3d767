"""Programs in the spirit of those that circulate, each with one bug, and their repairs.

Every program is whole and needs torch only; a repaired one prints what ``prints`` says.

>>> PROGRAMS["mask_name"].raises
'NameError'
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """id; tab: where the exercise belongs; broken, repaired: the code.

    raises: the exception's type when the broken one runs; or "" and ``wrong``: what it prints.
    line: the line, from 1, of the broken code where it stops. prints: what the repaired one prints.
    """

    id: str
    tab: str
    broken: str
    repaired: str
    prints: str
    raises: str = ""
    line: int = 0
    wrong: str = ""


PROGRAMS: dict[str, Program] = {}


def _add(id: str, tab: str, broken: str, swap: dict[str, str], prints: str, **facts: str | int) -> None:
    repaired = broken
    for old, new in swap.items():
        if repaired.count(old) != 1:
            raise ValueError(f"{id}: the line to repair must stand once, got {repaired.count(old)}: {old}")
        repaired = repaired.replace(old, new)
    stops = int(facts.get("line", 0))
    raises, wrong = str(facts.get("raises", "")), str(facts.get("wrong", ""))
    PROGRAMS[id] = Program(id, tab, broken, repaired, prints, raises, stops, wrong)


_add(
    "mask_name",
    "masks",
    """import torch

def masked_attention(query, key, value, padding_mask):
    scores = query @ key.T / key.shape[-1] ** 0.5
    scores = scores.masked_fill(~pad_mask, float("-inf"))
    return torch.softmax(scores, dim=-1) @ value

x = torch.eye(3)
print(masked_attention(x, x, x, torch.tensor([True, True, False]))[:, 2].tolist())
""",
    {"~pad_mask": "~padding_mask"},
    "[0.0, 0.0, 0.0]",
    raises="NameError",
    line=5,
)

_add(
    "full_width_heads",
    "heads",
    """import torch
from torch import nn

class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = nn.Linear(width, width)

    def forward(self, x):
        return self.query(x)

d_model, n_heads = 8, 2
heads = [Head(d_model // n_heads) for _ in range(n_heads)]
x = torch.ones(5, d_model)
outputs = [head(x) for head in heads]
print(torch.cat(outputs, dim=-1).shape)
""",
    {
        "__init__(self, width):": "__init__(self, d_model, width):",
        "nn.Linear(width, width)": "nn.Linear(d_model, width)",
        "Head(d_model // n_heads)": "Head(d_model, d_model // n_heads)",
    },
    "torch.Size([5, 8])",
    raises="RuntimeError",
    line=15,
)

_add(
    "heads_left_out",
    "heads",
    """from torch import nn

class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads, self.width = n_heads, d_model // n_heads
        self.project = nn.Linear(d_model, 3 * d_model)

class Block(nn.Module):
    def __init__(self, d_model):
        super().__init__()
        self.attention = MultiHeadAttention(d_model)

print(Block(8).attention.width)
""",
    {
        "    def __init__(self, d_model):": "    def __init__(self, d_model, n_heads):",
        "MultiHeadAttention(d_model)\n": "MultiHeadAttention(d_model, n_heads)\n",
        "Block(8)": "Block(8, 2)",
    },
    "4",
    raises="TypeError",
    line=12,
)

_add(
    "encoding_without_forward",
    "positions",
    """import torch
from torch import nn

class PositionalEncoding(nn.Module):
    def __init__(self, d, length):
        super().__init__()
        angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
        self.table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)

    def encode(self, x):
        return x + self.table[: x.shape[1]]

print(PositionalEncoding(4, 10)(torch.zeros(1, 1, 4)).tolist())
""",
    {"def encode(": "def forward("},
    "[[[0.0, 1.0, 0.0, 1.0]]]",
    raises="NotImplementedError",
    line=13,
)

_add(
    "classes_undefined",
    "applications",
    """import torch
from torch import nn

class Classifier(nn.Module):
    def __init__(self, d_model):
        super().__init__()
        self.last = nn.Linear(d_model, num_classes)

    def forward(self, x):
        return self.last(x.mean(dim=1))

print(Classifier(8)(torch.ones(2, 5, 8)).shape)
""",
    {"(self, d_model):": "(self, d_model, num_classes):", "Classifier(8)(": "Classifier(8, 3)("},
    "torch.Size([2, 3])",
    raises="NameError",
    line=7,
)

_add(
    "attention_undefined",
    "decoder",
    """import torch
from torch import nn

class Decoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.score = nn.Linear(width, width)

    def forward(self, state, states):
        weights = torch.softmax(self.attention(state) @ states.T, dim=-1)
        return weights @ states

print(Decoder(4)(torch.ones(1, 4), torch.ones(3, 4)).shape)
""",
    {"self.attention(state)": "self.score(state)"},
    "torch.Size([1, 4])",
    raises="AttributeError",
    line=10,
)

_add(
    "pad_features",
    "masks",
    """import torch
from torch.nn.utils.rnn import pad_sequence

sentences = [torch.ones(3, 4), torch.ones(5, 4)]  # (length, features)
longest = max(sentence.numel() for sentence in sentences)
batch = torch.tensor([sentence.tolist() + [0.0] * (longest - len(sentence)) for sentence in sentences])
print(batch.shape)
""",
    {
        "longest = max(sentence.numel() for sentence in sentences)\n": "",
        "torch.tensor([sentence.tolist() + [0.0] * (longest - len(sentence)) for sentence in sentences])": (
            "pad_sequence(sentences, batch_first=True)"
        ),
    },
    "torch.Size([2, 5, 4])",
    raises="TypeError",
    line=6,
)

_add(
    "identity_heatmap",
    "heads",
    """import torch

words = "the cat sat on the mat because it was tired".split()
generator = torch.Generator().manual_seed(0)
x = torch.randn(len(words), 8, generator=generator)
weights = torch.eye(10)
print(bool((weights == torch.eye(len(words))).all()))
""",
    {"weights = torch.eye(10)": "weights = torch.softmax(x @ x.T / 8**0.5, dim=-1)"},
    "False",
    wrong="True",
)
