"""Attention, chapter by chapter: the contents page.

Read from top to bottom: whatever a file needs stands above it (a test reads this page and holds
every import against it). A number begins a chapter; the lines under it are its pages.

1.  ``assets``          where words and trained weights are
    ``typed``           what would hide in a typed text, put in sight
    ``scoring``         how well does a key fit a query?
2.  ``masks``           who may be looked at?
3.  ``fast``            the same numbers sooner; to be skipped at first
    ``pooling``         attention itself: ``attend``
    ``cell``            one weight, opened into arithmetic that adds up: ``explain``
    ``padding``         a ragged batch, and what padding does to it
    ``steps``           one query on paper, number by number
4.  ``training``        one way to stop, pack, carry and go on
    ``matchmaker``      learned projections: how does a network find out whom to look at?
5.  ``kernel``          Nadaraya-Watson regression: attention before it had the name
6.  ``multihead``       several heads side by side
7.  ``position``        what attention cannot see without positions
8.  ``dates``           one date, written in many ways
    ``date_parse``      and which day a written date means
    ``bahdanau``        a decoder that looks back
    ``translation``     asking it, opening its weights, marking its work
    ``seq2seq``         training it
9.  ``reviews``         sentences in which word order decides
    ``text_model``      two models, one that sees order and one that counts
    ``text_training``   training and marking them
    ``classifier``      is a review good or bad, and does the attention say why?
10. ``items``           films, books and dishes, and who likes what
    ``recommender``     what shall this reader read next?
11. ``device``          where tensors live
    ``adapter``         how a pretrained model comes to run ``attend``
    ``probe``           what a model does that nobody should guess
    ``model``           a model that runs ``attend``, and the proof
    ``hub_errors``      what a hub can say, and what it means
    ``loading``         reading a model, one at a time
    ``hub``             fetching one, within limits
    ``catalog``         which there are, each loaded once
    ``tokens``          a text as a model sees it, and as a person can read it
    ``pretrained``      asking them: real language models running ``attend``
12. ``reading``         one weight matrix: numbers per query, and what it says about the output
    ``heads``           what do the heads of a real model do?
13. ``exercise``        a mistake and the right way side by side
    ``pitfalls_heads``  mistakes made when heads are split
    ``pitfalls``        the others
14. ``packing``         pictures as bytes, tables as files
    ``heatmap``         heatmaps for a notebook, a slide or a file
    ``plotting``        curves for the same
    ``export``          the folder of these three

The page itself is ``ui``: it may import everything above, and nothing above imports it.

Shapes: b batch, h heads, n queries, m keys, d features, v value features.
Masks: boolean, True = may attend; a row with nothing to attend gets zeros.
"""

from .cell import explain
from .export.heatmap import show_heatmaps
from .pooling import Attended, attend
from .pretrained import load_model

__all__ = ["Attended", "attend", "explain", "load_model", "show_heatmaps"]
