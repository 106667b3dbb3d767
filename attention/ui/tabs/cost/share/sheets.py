"""Sheets of the share scene: the bytes of a form, a cosine, the probability of a word."""

from __future__ import annotations

import torch
from torch import Tensor

from .....pretrained import Model
from ....page.sheet import TOP, Grid, Section, Sheet, product_rows, show
from ....page.texts import Words
from ..models import names_of


def bytes_sheet(
    words: Words, name: str, kind: str, size: int, layers: int, d: int, total: int, whole: int
) -> Sheet:
    """Layers x keys and values x heads x features x bytes; or layers x rank x bytes."""
    each = total // (layers * (2 * size * d if kind == "shared" else size))
    formula = f"{layers} × 2 × {size} × {d} × {each}" if kind == "shared" else f"{layers} × {size} × {each}"
    lines = [
        (words("cost.share_bytes_token"), formula, f"{total:,}"),
        (words("cost.share_bytes_left"), f"{total:,} / {whole:,}", show(total / whole)),
    ]
    about = words(f"cost.share_bytes_{kind}")
    return Sheet(words("cost.share_sheet_bytes", name=name), [Section("", about, lines=lines)])


def cosine_sheet(words: Words, name: str, before: Tensor, after: Tensor) -> Sheet:
    """The product of two vectors of length 1, largest terms first."""
    products = before * after
    total = products.sum().item()
    rows = product_rows(before, after, products, total, words)
    rows.append([words("sheet.sum"), "", "", show(total)])
    columns = [
        words("sheet.dimension"),
        words("cost.share_before"),
        words("cost.share_after"),
        words("sheet.product"),
    ]
    return Sheet(
        words("cost.share_sheet_cosine", name=name),
        [Section("", words("cost.share_sheet_cosine_text"), Grid(columns, rows, total=True))],
    )


def word_sheet(words: Words, name: str, model: Model, logits: Tensor, word: int) -> Sheet:
    """The softmax of the next word: numerators of the likeliest words, the rest, and the quotient."""
    logits = logits.double()
    shift = logits.max()
    parts = torch.exp(logits - shift)
    top = list(dict.fromkeys([word, *logits.topk(TOP - 1).indices.tolist()]))
    rows = [
        [one, show(logits[i].item()), show(parts[i].item())]
        for one, i in zip(names_of(model, top), top, strict=True)
    ]
    total = parts.sum().item()
    rows.append(
        [words("sheet.others", count=len(parts) - len(top)), "", show(total - parts[top].sum().item())]
    )
    rows.append([words("sheet.sum"), "", show(total)])
    columns = [
        words("cost.share_word"),
        words("cost.share_logit"),
        words("cost.share_numerator", shift=show(shift.item())),
    ]
    own = parts[word].item()
    line = (words("cost.share_probability"), f"{show(own)} / {show(total)}", show(own / total))
    title = words("cost.share_sheet_word", name=name, word=names_of(model, [word])[0])
    return Sheet(title, [Section("", "", Grid(columns, rows, total=True)), Section(lines=[line])])
