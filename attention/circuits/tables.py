"""What a head looks for, and what it writes: two tables over the whole vocabulary.

With the embedding on both sides of its matrices a head becomes two word-by-word tables (Elhage et al.
2021): **QK**, how much a word as query looks for each word as key, and **OV**, how much attending to a
word speaks for each next word. Both read the embeddings alone, through the layer's own norm: positions
and earlier layers are left out. So they are the whole truth of a head only where it works on words; a
head that follows positions, or another head, has dull tables.

Shapes: V vocabulary, D features, d features of a head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..cell import Cell, explain
from ..pretrained.model import Model
from .layout import inside
from .walk import captured, layout_of

MOST_WORDS = 2000


@dataclass(frozen=True, eq=False)
class Tables:
    """query, key, value (V, d): of every word alone. ``looks = scale * query @ key.T`` (V, V), row:
    the word that asks. ``writes = value @ reads`` (V, V), row: the word attended to, column: the next
    word spoken for, before the last norm's division by the stream's size. reads (d, V)."""

    query: Tensor
    key: Tensor
    value: Tensor
    reads: Tensor
    looks: Tensor
    writes: Tensor
    scale: float

    def open_look(self, asking: int, asked: int) -> Cell:
        """One cell of ``looks`` as explain() opens it, among all words as keys."""
        return explain(self.query, self.key, self.value, asking, asked, scale=self.scale)

    def open_write(self, attended: int, spoken: int) -> Tensor:
        """The d products that add up to one cell of ``writes``."""
        return self.value[attended] * self.reads[:, spoken]

    def copying(self) -> float:
        """The share of words that a head attending to them speaks for most: 1 for a pure copier."""
        return (self.writes.argmax(1) == torch.arange(len(self.writes))).float().mean().item()


@torch.inference_mode()
def tables(model: Model, layer: int, head: int) -> Tables:
    """Both tables of one head, float64. For a decoder of at most 2,000 words that adds its positions
    to the stream (the storyteller); ``ValueError`` for others."""
    layout = layout_of(model)
    stream = layout.streams[-1]
    count = inside(model).get_input_embeddings().weight.shape[0]
    if len(layout.streams) > 1 or stream.last is None or not model.has_logits or count > MOST_WORDS:
        raise ValueError(
            f"these tables have a row and a column per word, so they are made for decoders of at most "
            f"{MOST_WORDS} words, as the storyteller is; this model has {count}"
        )
    if stream.context(torch.zeros(1, dtype=torch.long, device=inside(model).device)).rotary is not None:
        raise ValueError(
            "this model turns its queries and keys by their positions, so two words alone have no score"
        )
    if not 0 <= head < model.num_heads:
        raise ValueError(f"head must lie in [0, {model.num_heads - 1}], got {head}")
    _, place = layout.find(layer)
    writer = stream.writers[place]
    words = torch.arange(count, device=inside(model).device)
    embedding = inside(model).get_input_embeddings()(words)
    context = stream.context(words)
    _, made = captured(writer, writer.read(embedding[None]), context)
    assert made.query is not None and made.key is not None and made.value is not None
    query, key, value = (part[head].cpu().double() for part in (made.query, made.key, made.value))
    unembedding = inside(model).get_output_embeddings().weight.detach().cpu().double() * layout.scale
    reads = unembedding * stream.last.weight.detach().cpu().double()
    if isinstance(stream.last, torch.nn.LayerNorm):
        reads = reads - reads.mean(1, keepdim=True)
    reads = writer.projection(model.num_heads)[head].detach().cpu().double() @ reads.T  # (d, V)
    scale = float(made.scale or 1.0)
    return Tables(query, key, value, reads, scale * query @ key.T, value @ reads, scale)
