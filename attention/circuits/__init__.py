"""Chapter 17: from attention to effect. What is a head *for*?

Weights say where a head looks. They do not say what it brought from there, nor whether anyone used it
(Jain and Wallace 2019). Here a model is read as a sum of parts that write into one stream:

- ``logit_parts``  the logit of a word (or the difference of two) as a sum over all parts
- ``score_parts``  a score as a double sum over the parts that wrote its query and its key
- ``lens``         the next word as every layer would say it
- ``patch``        a head's output replaced by what it was in another sentence; ``patch_grid``, all heads
- ``tables``       what a head looks for and what it writes, word by word (the storyteller)

Each returns a small frozen object whose parts sum to what it explains, and refuses with a sentence a
model for which they would not. Direct share and effect are different things: ``compare`` says where.

Elhage et al. 2021 (A Mathematical Framework for Transformer Circuits); Olsson et al. 2022 (In-context
Learning and Induction Heads); Wang et al. 2022 (Interpretability in the Wild); Meng et al. 2022
(Locating and Editing Factual Associations in GPT); nostalgebraist 2020 (the logit lens).
"""

from .comparing import Compared, compare
from .lens import Lens, lens
from .parts import CONVENTIONS, LogitParts, ScoreParts, logit_parts, score_parts
from .patching import Grid, Patched, patch, patch_grid
from .tables import Tables, tables
from .walk import Part

__all__ = [
    "CONVENTIONS", "Compared", "Grid", "Lens", "LogitParts", "Part", "Patched", "ScoreParts", "Tables",
    "compare", "lens", "logit_parts", "patch", "patch_grid", "score_parts", "tables",
]  # fmt: skip
