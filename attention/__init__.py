"""Attention, chapter by chapter.

Read in this order; each file imports only earlier ones. Indented files are pages of the chapter
above them, split off to stay short.

1. ``scoring``       how well does a key fit a query?
2. ``masks``         who may be looked at?
3. ``pooling``       attention itself: ``attend``, and ``explain`` for one cell
     ``padding``         a ragged batch, and what padding does to it
     ``steps``           one query on paper, number by number
4. ``matchmaker``    learned projections, and training them
5. ``kernel``        Nadaraya-Watson regression: attention before it had the name
6. ``multihead``     several heads side by side
7. ``position``      what attention cannot see without positions
8. ``seq2seq``       a decoder that looks back (Bahdanau)
     ``dates``, ``bahdanau``, ``translation``
9. ``classifier``    sentences to classes
     ``reviews``, ``text_model``, ``text_training``, ``state``
10. ``recommender``  users attend to items
     ``items``
11. ``pretrained``   real language models running ``attend``
     ``adapter``, ``model``, ``catalog``, ``hub``, ``tokens``
12. ``heads``        what their heads do
     ``reading``
13. ``pitfalls``     what goes wrong, right and wrong side by side
     ``exercise``, ``pitfalls_heads``

``heatmap`` and ``plotting`` (with ``packing``) draw and save; ``device`` says where tensors live.

Shapes: b batch, h heads, n queries, m keys, d features, v value features.
Masks: boolean, True = may attend; a row with nothing to attend gets zeros.
"""

from .cell import explain
from .heatmap import show_heatmaps
from .pooling import Attended, attend
from .pretrained import load_model

__all__ = ["Attended", "attend", "explain", "load_model", "show_heatmaps"]
