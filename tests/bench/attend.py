"""MultiHeadAttention against PyTorch's own layer (weights wanted) and its fused kernel (not wanted).

The same job on both sides: one fused input projection, the same weights, the same boolean facts,
forward alone (no_grad, eval mode) and forward with backward (training mode, dropout 0).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention.masks import padding_mask
from attention.multihead import MultiHeadAttention
from attention.pooling import Attended
from attention.pretrained.device import pick_device
from attention.ui.serving import keep_memory
from tests.bench import report, time_in_turn

D_MODEL, NUM_HEADS = 384, 12  # MiniLM's
SIZES = ((8, 64), (8, 256), (1, 512))  # batch, length


def main(seconds: float = 2.0) -> None:
    keep_memory()  # as the app does: else whether large matrices cost page faults is chance, on both sides
    device = pick_device()
    for b, n in SIZES:
        for padded in (False, True):
            generator = torch.Generator().manual_seed(0)
            theirs = nn.MultiheadAttention(D_MODEL, NUM_HEADS, batch_first=True).to(device)
            ours = MultiHeadAttention(D_MODEL, NUM_HEADS).to(device).load_from_torch(theirs)
            x = torch.randn(b, n, D_MODEL, generator=generator).to(device)
            # lengths from half to full
            lengths = torch.linspace(n // 2, n, b).long() if b > 1 else torch.tensor([n * 3 // 4])
            mask = padding_mask(lengths, n).to(device) if padded else None
            ignored = None if mask is None else ~mask[:, 0]
            runs = {
                "weights": (
                    lambda x, f=ours, m=mask: _output_weights(f(x, mask=m)),
                    lambda x, f=theirs, m=ignored: f(x, x, x, key_padding_mask=m, average_attn_weights=False),
                    1.0,
                ),
                "fused": (
                    lambda x, f=ours, m=mask: (f(x, mask=m, need_weights=False).output,),
                    lambda x, f=theirs, m=mask: (_projected_sdpa(f, x, m),),
                    1.05,
                ),
            }
            for job, (a, b_, goal) in runs.items():
                name = f"{job} b={b} n={n}{' padded' if padded else ''}"
                _compare(name, a, b_, ours, theirs, x, goal, seconds)


def _compare(
    name: str,
    a: Callable,
    b: Callable,
    ours: nn.Module,
    theirs: nn.Module,
    x: Tensor,
    goal: float,
    seconds: float,
) -> None:
    inputs = x.clone().requires_grad_()
    gradient = torch.randn_like(x)
    ours.eval(), theirs.eval()
    with torch.no_grad():
        torch.testing.assert_close(a(x)[0], b(x)[0], atol=1e-4, rtol=1e-4)
        report(f"{name} forward", time_in_turn(lambda: a(x), lambda: b(x), seconds), goal)
    ours.train(), theirs.train()
    ratio = time_in_turn(
        lambda: _forward_backward(a, ours, inputs, gradient),
        lambda: _forward_backward(b, theirs, inputs, gradient),
        seconds,
    )
    report(f"{name} forward+backward", ratio, goal)


def _forward_backward(run: Callable, layer: nn.Module, x: Tensor, gradient: Tensor) -> None:
    layer.zero_grad()
    x.grad = None
    run(x)[0].backward(gradient)


def _output_weights(attended: Attended) -> tuple[Tensor, Tensor]:
    return attended.output, attended.weights


def _projected_sdpa(layer: nn.MultiheadAttention, x: Tensor, mask: Tensor | None) -> Tensor:
    """Projections and F.scaled_dot_product_attention, with the layer's weights: nothing more."""
    b, n, d_model = x.shape
    heads = F.linear(x, layer.in_proj_weight, layer.in_proj_bias).view(b, n, 3, NUM_HEADS, -1)
    query, key, value = heads.permute(2, 0, 3, 1, 4)  # each (b, h, n, d)
    mask = None if mask is None else mask[:, None]
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return layer.out_proj(output.transpose(1, 2).reshape(b, n, d_model))
