"""What the share scene knows: every form's bytes, and what a model that was not retrained keeps in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .....damage import latent_bases, rotary_proof, run_forms, run_texts
from .....decode.decoders import decoder_of, projections
from .....pretrained import Model
from .....sharing import Svd, common_svd
from ....page.busy import slot
from ....page.texts import Words
from ..inputs import Inputs
from ..models import ids_of, loading_of, model_named, names_of

PARTS_OF_WIDTH = (1.0, 0.75, 0.5, 0.25, 0.125)  # ranks of the curve
OTHERS = ("a tired cat", "rain in London", "a ball for bo")


@dataclass(frozen=True, eq=False)
class Form:
    """One way to keep keys. kind: "shared" with ``size`` key heads, or "latent" of that rank.

    bytes: per token, all layers. kept: cosine of the sentence's vector with the untouched model's, or the
    probability of its likeliest next word. answer: that vector (D,), or the logits (vocabulary,).
    """

    kind: str
    size: int
    bytes: int
    kept: float
    answer: Tensor


@dataclass(frozen=True, eq=False)
class Study:
    """forms: those of the picture, shared ones first, from the model's own down; chosen: one of them.

    heads: query heads; own: key heads of the model as it is. latent: whether its keys can be squeezed.
    """

    inputs: Inputs
    model: Model
    tokens: list[str]
    cut: bool
    forms: list[Form]
    chosen: Form
    heads: int
    own: int
    d: int
    latent: bool

    @property
    def whole(self) -> Form:
        return self.forms[0]

    @property
    def writes(self) -> bool:
        """Whether the model says a next word; else it makes a sentence's vector."""
        return self.model.kind == "decoder"

    @cached_property
    def word(self) -> str:
        """The untouched model's next word."""
        return names_of(self.model, [int(self.whole.answer.argmax())])[0] if self.writes else ""


@lru_cache(maxsize=8)
def _bases(name: str) -> tuple[list[Tensor], list[Tensor]]:
    model = model_named(name, "")
    return latent_bases(model.module, model.num_layers)


@lru_cache(maxsize=64)
def others_of(name: str, kind: str, size: int) -> list[Tensor]:
    """The vectors of the OTHERS, as one form of the model makes them."""
    model = model_named(name, "")
    texts = [ids_of(model, one, "cost.sentence")[0] for one in OTHERS]
    decoder, causal, shared = decoder_of(model.module), model.kind == "decoder", kind == "shared"
    bases = ((), ()) if shared else _bases(name)
    with slot("cost", limit=2):
        rows = run_texts(decoder, texts, size, *bases, shared=shared, causal=causal)
    return [_of(row, causal) for row in rows]


def _of(rows: Tensor, causal: bool) -> Tensor:
    """A model's answer from its rows (n, .): the last one's logits, or the sentence's vector."""
    return rows[-1].clone() if causal else F.normalize(rows.mean(0), dim=0)


@lru_cache(maxsize=64)
def answers_of(
    name: str, text: str, sizes: tuple[int, ...], ranks: tuple[int, ...]
) -> list[tuple[Tensor, int]]:
    """The sentence's vector, or the logits of the next word, and the bytes a token: of every size, then of
    every rank, by one pass."""
    model = model_named(name, "")
    ids, _ = ids_of(model, text, "cost.sentence")
    decoder, causal = decoder_of(model.module), model.kind == "decoder"
    bases = _bases(name) if ranks else ((), ())
    with slot("cost", limit=2):
        rows = run_forms(decoder, ids, sizes, ranks, *bases, causal=causal)
    return [(_of(row, causal), each) for row, each in rows]


def study(inputs: Inputs) -> Study:
    """Every form that divides the heads, a few ranks, and the chosen form among them."""
    model = model_named(inputs.model, snippet_of(inputs, inputs.groups, inputs.rank))
    name, text = inputs.model, inputs.sentence
    ids, cut = ids_of(model, text, "cost.sentence")
    decoder = decoder_of(model.module)
    own, d = _key_heads(name)
    sizes = [g for g in range(own, 0, -1) if own % g == 0]
    latent = not decoder.rotary
    width = own * d if latent else 0
    groups = max(g for g in sizes if g <= max(inputs.groups, 1))
    rank = min(inputs.rank, width)
    of_width = {max(1, int(width * part)) for part in PARTS_OF_WIDTH} | {rank}
    ranks = sorted(of_width, reverse=True) if latent else []
    wanted = [*(("shared", g) for g in sizes), *(("latent", r) for r in ranks)]
    found = answers_of(name, text, tuple(sizes), tuple(ranks))
    base, _ = found[0]
    forms = [
        Form(kind, size, each, likeness(model, base, answer), answer)
        for (kind, size), (answer, each) in zip(wanted, found, strict=True)
    ]
    aim = ("latent", rank) if inputs.form == "latent" and latent else ("shared", groups)
    chosen = forms[wanted.index(aim)]
    return Study(inputs, model, names_of(model, ids), cut, forms, chosen, model.num_heads, own, d, latent)


@lru_cache(maxsize=8)
def _key_heads(name: str) -> tuple[int, int]:
    """Key heads of a model's layers and their features, seen in a run."""
    model = model_named(name, "")
    decoder = decoder_of(model.module)
    with torch.no_grad():
        x = decoder.embed(torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, dtype=torch.long))
        key = decoder.project(0, x)[1]
    return key.shape[1], key.shape[-1]


def likeness(model: Model, base: Tensor, answer: Tensor) -> float:
    """The cosine of two sentence vectors, or the probability of what was the likeliest word."""
    if model.kind == "decoder":
        return answer.softmax(-1)[base.argmax()].item()
    return (base @ answer).item()


def name_of(form: Form, own: int, heads: int, words: Words) -> str:
    """A form as the field calls it."""
    if form.kind == "latent":
        return words("cost.share_latent_name", rank=form.size)
    kind = "multi" if form.size == heads else "one" if form.size == 1 else "grouped"
    return words(f"cost.share_{kind}_name", groups=form.size)


@lru_cache(maxsize=8)
def _first_layer(name: str) -> tuple[Tensor, Tensor, Tensor, Svd]:
    """Projections (h, d, D) of a model's first layer, and what keys and values have in common."""
    w_q, w_k, w_v, _ = (part.double() for part in projections(model_named(name, "").module, 0))
    return w_q, w_k, w_v, common_svd(w_k, w_v)


@lru_cache(maxsize=16)
@torch.no_grad()
def proof(name: str, text: str, rank: int) -> dict[str, float]:
    """:func:`rotary_proof` in a model's first layer, on what that layer really reads."""
    model = model_named(name, "")
    ids, _ = ids_of(model, text, "cost.sentence")
    x = decoder_of(model.module).embed(ids[None], torch.arange(len(ids)))[0]
    w_q, w_k, w_v, svd = _first_layer(name)
    return rotary_proof(w_q, w_k, w_v, F.layer_norm(x, x.shape[-1:]).double(), rank, svd=svd)


def snippet_of(inputs: Inputs, groups: int, rank: int, latent: bool = True) -> str:
    """The lines that print the table: bytes left, and what was kept."""
    loads, loading = loading_of(inputs.model)
    encoder = inputs.model == "minilm"
    answer = "F.normalize(rows.mean(0), dim=0)" if encoder else "rows[-1]"
    kept = "(base @ answer).item()" if encoder else "answer.softmax(-1)[base.argmax()].item()"
    code = f"""import torch
import torch.nn.functional as F
{loads}
from attention.damage import latent_bases, run_shared, run_squeezed
from attention.decode.decoders import decoder_of
from attention.pretrained import tokenize

model = {loading}
ids = torch.tensor(tokenize(model, {inputs.sentence!r}).ids[:32])
decoder, causal = decoder_of(model.module), {not encoder}
rows, whole = run_shared(decoder, ids, None, causal=causal)
base = {answer}

def show(name, rows, size):
    answer = {answer}
    print(name, size / whole, {kept})

for groups in GROUPS:
    show(f"{{groups}} key heads", *run_shared(decoder, ids, groups, causal=causal))
"""
    if latent:
        code += """bases, biases = latent_bases(model.module, model.num_layers)
for rank in RANKS:
    show(f"rank {rank}", *run_squeezed(decoder, ids, bases, biases, rank, causal=causal))
"""
    return code


def snippet(s: Study) -> str:
    """The same with the sizes of the picture."""
    groups, ranks = ([form.size for form in s.forms if form.kind == kind] for kind in ("shared", "latent"))
    code = snippet_of(s.inputs, s.inputs.groups, s.inputs.rank, s.latent)
    return code.replace("GROUPS", str(groups)).replace("RANKS", str(ranks))
