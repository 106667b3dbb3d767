"""Attention, chapter by chapter: the contents page.

Read from top to bottom: whatever a file needs stands above it (a test reads this page and holds
every import against it). A number begins a chapter; the lines under it are its pages.

1.  ``assets``          where words and trained weights are
    ``typed``           what would hide in a typed text, put in sight
    ``giving_way``      where a long computation lets others go first
    ``scoring``         how well does a key fit a query?
2.  ``masks``           who may be looked at?
3.  ``fast``            the same numbers sooner; to be skipped at first
    ``pooling``         attention itself: ``attend``
    ``cell``            one weight, opened into arithmetic that adds up: ``explain``
    ``padding``         a ragged batch, and what padding does to it
    ``steps``           one query on paper, number by number
4.  ``gradient``        attention backwards: what learning asks of every number
    ``states``          a training as bytes, held against what it should be
    ``training``        one way to stop, pack, carry and go on
    ``people``          evenings on which some boast
    ``matchmaker``      learned projections: how does a network find out whom to look at?
5.  ``kernel``          Nadaraya-Watson regression: attention before it had the name
6.  ``multihead``       several heads side by side
7.  ``position``        what attention cannot see without positions
    ``distance``        marks that fade with distance, and rotations made slower
8.  ``sentences``       who gave what to whom: a world small enough to be learned
    ``limits``          stories one step beyond what is taught
    ``transformer``     a whole language model in one file
    ``train``           teaching it, and measuring what it cannot do
    ``writing``         one word after the other, each explained by its seed
    ``storyteller``     the folder of these
9.  ``dates``           one date, written in many ways
    ``date_parse``      and which day a written date means
    ``bahdanau``        a decoder that looks back
    ``translation``     asking it, opening its weights, marking its work
    ``seq2seq``         training it
10. ``reviews``         sentences in which word order decides
    ``text_model``      two models, one that sees order and one that counts
    ``text_training``   training and marking them
    ``classifier``      is a review good or bad, and does the attention say why?
11. ``items``           films, books and dishes, and who likes what
    ``recommender``     what shall this reader read next?
12. ``device``          where tensors live
    ``blocks``          every head of a long text, at bounded memory
    ``session``         what a run wants to see and to change, and what was seen
    ``adapter``         how a pretrained model comes to run ``attend``
    ``probe``           what a model does that nobody should guess
    ``model``           a model that runs ``attend``, and the proof
    ``hub_errors``      what a hub can say, and what it means
    ``loading``         reading a model, one at a time
    ``hub``             fetching one, within limits
    ``adopted``         the storyteller as a GPT-2, to be asked like the others
    ``catalog``         which there are, each loaded once
    ``tokens``          a text as a model sees it, and as a person can read it
    ``running``         tokens sent through a model, changed or not, alone or together
    ``pretrained``      asking them: real language models running ``attend``
13. ``reading``         one weight matrix: numbers per query, and what it says about the output
    ``heads``           what do the heads of a real model do?
14. ``exercise``        a mistake and the right way side by side
    ``pitfalls_heads``  mistakes made when heads are split
    ``pitfalls``        the others
15. ``packing``         pictures as bytes, tables as files
    ``heatmap``         heatmaps for a notebook, a slide or a file
    ``cells``           a heatmap as a file that looks like the page's
    ``plotting``        curves for the same
    ``drawing``         and what is neither
    ``export``          the folder of these five
16. ``count``           what does it cost? Counted from real tensors, or timed
    ``cache``           why is the thousandth word as quick as the tenth?
    ``sharing``         do twelve heads need twelve sets of keys?
    ``windows``         must every word look at every word before it?
    ``passes``          writing one word at a time, with a cache and without
    ``decoders``        GPT-2, Llama and BERT, opened for it
    ``speaking``        and writing as the storyteller does, by the seed
    ``cache_pitfalls``  five mistakes, and the first word that each gets wrong
    ``cache_exercises`` the same five in one head, to be read off
    ``decode``          the folder of these
    ``ledger``          what every step computes, and what it only reads again
    ``damage``          what a model loses when its keys are shared, or squeezed
    ``window_figures``  does a small model break behind a window?
    ``tiles``           a score matrix cut into tiles
    ``running``         the softmax that never sees a whole row, forward and backward
    ``online``          asking it: what FlashAttention does
    ``linear``          what if the softmax were a plain product?
    ``random_features`` the kernel chapter as a running sum
17. ``layout``          where the parts of a model stand
    ``walk``            its forward pass, part by part
    ``parts``           a logit as a sum, a score as a double sum
    ``lens``            the next word as each layer would say it
    ``patching``        what if this head had read the other sentence?
    ``comparing``       a share is not an effect
    ``tables``          what a head looks for, and what it writes
    ``circuits``        the folder of these
18. ``copying_heads``   which heads look at what came after the last time?
    ``copier``          attention and nothing else, layer on layer
    ``copying``         watching such a circuit form
19. ``digits``          a number as a person types it
    ``paper``           attention on paper, cell by cell
    ``known``           every known mistake, as a computation
    ``diagnosis``       which of them is this number?
    ``mistakes``        the folder of these
    ``worksheet``       cells to fill in, and their marks
    ``misconceptions``  twelve questions before and after
20. ``checks``          what every text and number in a file has to be
    ``format``          assignments and what is handed in
    ``compact``         both as links and files
    ``marks``           every mark can be computed again
    ``collate``         a class in a table
    ``course``          the folder of these
21. ``cases``           functions as a learner writes them, and twenty cases for each
    ``wrong``           the same with every known mistake
    ``run``             judging them
    ``words``           the judgement in two languages
    ``start``           a file to begin with
    ``worker``          where their code runs
    ``check``           the folder of these
22. ``programs``        programs that fail, and their repairs
    ``outcome``         what happens when they run
    ``claims``          what articles claim, as numbers
    ``claimed``         the same, to be guessed first
    ``pitfalls_code``   the folder of these

The page itself is ``ui``: it may import everything above, and nothing above imports it.

Shapes: b batch, h heads, n queries, m keys, d features, v value features.
Masks: boolean, True = may attend; a row with nothing to attend gets zeros.
"""

from .cell import explain
from .export.heatmap import show_heatmaps
from .pooling import Attended, attend
from .pretrained import load_model

__all__ = ["Attended", "attend", "explain", "load_model", "show_heatmaps"]
