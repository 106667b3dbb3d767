"""Positions in plain PyTorch: the same numbers where this package is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .far import far_plain

if TYPE_CHECKING:
    from .study import Study

ANGLES = """\
def angles(places):    # of the clock hands: (places, ceil(d / 2)), radians
    speed = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    return places.double()[:, None] * speed
"""
ENCODE = """\
def encode(places):    # (places, d): sine and cosine of every hand in turn
    hands = angles(places)
    return torch.stack([hands.sin(), hands.cos()], dim=-1).flatten(-2)[:, :d].float()
"""
ROTATE = """\
def rotate(x):    # turn each pair of features by its hand's angle
    hands = angles(torch.arange(len(x)))
    sin, cos = hands.sin().float(), hands.cos().float()
    left, right = x[:, 0::2], x[:, 1::2]
    return torch.stack([left * cos - right * sin, left * sin + right * cos], dim=-1).flatten(-2)
"""


def plain(s: Study) -> str:
    """Word vectors drawn as the page draws them, one layer, both orders; then the encoding."""
    inputs, kind = s.inputs, s.inputs.positions
    rotary = kind == "rotary"
    added = "    x = x + encode(torch.arange(len(x)))\n" if kind == "sinusoidal" else ""
    turned = "    query, key = rotate(query), rotate(key)\n" if rotary else ""
    return f"""import hashlib
import torch

d, seed = {inputs.d}, {inputs.seed}

{ANGLES}
{ENCODE}
{ROTATE + chr(10) if rotary else ""}def embed(word):    # random, and always the same for a word
    digest = hashlib.sha256(f"{{seed}}:{{word}}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    return torch.randn(d, generator=generator)

def glorot():
    bound = (6 / (d + d)) ** 0.5
    return torch.empty(d, d).uniform_(-bound, bound, generator=generator)

generator = torch.Generator().manual_seed(seed)
w_q, w_k, w_v = glorot(), glorot(), glorot()

def read(words):
    x = torch.stack([embed(word) for word in words])
{added}    query, key, value = x @ w_q.T, x @ w_k.T, x @ w_v.T
{turned}    weights = torch.softmax(query @ key.T / d**0.5, dim=-1)
    return weights, weights @ value

for words in (
    {s.orders.words!r},
    {s.orders.shuffled!r},
):
    weights, output = read(words)
    print(weights)
    print(output)

encoding = encode(torch.arange({inputs.length}))
print(encoding)
print(encoding[{s.place}] @ encoding.T)    # dot products with position {s.place}
{far_plain(s)}"""
