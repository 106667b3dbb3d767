"""Padding masks in plain PyTorch: the same numbers where this package is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .masks import Study


def plain(s: Study) -> str:
    """The batch as vectors, filled up and masked; no line for a mask that is off."""
    kind, lengths = s.inputs.mask, s.batch.lengths.tolist()
    n, d = s.batch.vectors.shape[1:]
    sentences = [x[:length].tolist() for x, length in zip(s.batch.vectors, lengths, strict=True)]
    rows = [[[float(f"{number:.6g}") for number in vector] for vector in sentence] for sentence in sentences]
    lines = ["import torch", "", "sentences = [    # a vector for each token"]
    lines += [f"    torch.tensor({row!r}).view(-1, {d})," for row in rows]
    lines += ["]", f"x = torch.zeros(len(sentences), {n}, {d})    # zeros are the padding"]
    lines += ["for row, sentence in zip(x, sentences):", "    row[: len(sentence)] = sentence", ""]
    lines.append(f"scores = x @ x.transpose(1, 2){f' / {d} ** 0.5' if d > 1 else ''}")
    if kind in ("padding", "both"):
        lines += [
            "lengths = torch.tensor([len(sentence) for sentence in sentences])",
            f"padding = torch.arange({n}) >= lengths[:, None]    # (sentences, positions)",
            "scores = scores.masked_fill(padding[:, None, :], -torch.inf)    # no query looks at padding",
        ]
    if kind in ("causal", "both"):
        lines += [
            f"later = torch.ones({n}, {n}, dtype=torch.bool).triu(1)",
            "scores = scores.masked_fill(later, -torch.inf)    # no query looks ahead",
        ]
    nothing = kind in ("padding", "both") and 0 in lengths
    rule = ".nan_to_num(0.0)    # a row that may look at nothing gives nothing" if nothing else ""
    return "\n".join([
        *lines,
        f"weights = torch.softmax(scores, dim=-1){rule}",
        "output = weights @ x",
        f"print(weights[{s.chosen}])    # queries x keys",
        f"print(output[{s.chosen}])",
    ]) + "\n"  # fmt: skip
