"""Sentences about a run that would otherwise mislead: unknown tokens, one position for all, no such token."""

from __future__ import annotations

import re
from dataclasses import replace

from ....heads import allowed_keys, entropy, patterns
from ....pretrained import Changes, moved
from ....pretrained.adopted import NAME as STORYTELLER
from ....storyteller.sentences import DOINGS, NAMES, vocabulary
from ...page.texts import Words
from .answers import asking
from .captured import Captured
from .inputs import Inputs
from .runs import run_of

CHINESE = re.compile("[\u4e00-\u9fff]")
# of the catalog, apart from the storyteller with its few words
READS_CHINESE = ("bert-base-chinese", "distilbert-base-multilingual-cased")
STORIES = {
    "en": "ann and bo went to the park . ann gave the ball to",
    "zh": "小安和小波去了公园。小安把球给了",
}
EVEN = 0.999  # of the normalised entropy: from here on a row counts as even
ALIKE = 0.01  # of a vector's length: so close together the tokens' vectors count as one
ELSEWHERE = 7  # the position that 0 is compared with; any other in the middle does as well


def unknown(inputs: Inputs, captured: Captured, words: Words) -> list[str]:
    """How many tokens the vocabulary lacks; for a Chinese text, which models read it."""
    model, tokens = captured.model, captured.tokens
    sign = getattr(model.tokenizer, "unk_token_id", None)
    if sign is None or model.byte_level:
        return []
    count = sum(at == sign and not added for at, added in zip(tokens.ids, tokens.special, strict=True))
    if not count:
        return []
    of = sum(not added for added in tokens.special)
    said = words("heads.unknown", count=count, of=of, sign=model.tokenizer.unk_token)
    chinese = bool(CHINESE.search(inputs.text + inputs.pair))
    if model.name == STORYTELLER:
        language = "zh" if chinese else "en"
        people, doings = (", ".join(table[language][:4]) + " …" for table in (NAMES, DOINGS))
        return [said + " " + words("heads.unknown_storyteller", count=len(vocabulary()), people=people,
                                   doings=doings, text=STORIES[language])]  # fmt: skip
    if chinese:
        models = [words(f"heads.model.{name}") for name in READS_CHINESE if name != model.name]
        said += " " + words("heads.unknown_chinese", models=words("heads.or").join(models))
    return [said]


def even_heads(captured: Captured) -> int:
    """How many heads spread their weight evenly in every row that has a choice."""
    count, every = 0, (weights for block in captured.blocks() for weights in block.cpu())
    for layer, weights in zip(captured.layers, every, strict=True):
        mask = "none" if layer.mask is None else layer.mask[0].cpu()
        free = allowed_keys(mask, *weights.shape[-2:]).sum(1) > 1
        rows = entropy(weights, mask, normalised=True)[:, free]
        count += int((rows >= EVEN).all(1).sum())
    return count


def spread(captured: Captured) -> float:
    """How far the tokens' last vectors lie from their mean, as a share of its length."""
    hidden = captured.run.hidden.float()
    mean = hidden.mean(0)
    return ((hidden - mean).norm(dim=-1).mean() / mean.norm()).item()


def elsewhere(changes: Changes | None, max_tokens: int) -> Changes | None:
    """The same with another position for all tokens, where they have one and the model others."""
    if changes is None or changes.positions:
        return None
    there = ELSEWHERE if changes.position == 0 and max_tokens > ELSEWHERE else 0
    return None if there == changes.position else replace(changes, position=there)


def one_position(inputs: Inputs, shown: Captured, changes: Changes | None, words: Words) -> list[str]:
    """While positions are off: what hangs on the position that all tokens were given, and what does not."""
    moved_all = elsewhere(changes, shown.model.max_tokens)
    if changes is None or moved_all is None:
        return []
    here, there = changes.position, moved_all.position
    other = run_of(inputs, moved_all, logits=True)
    size = shown.run.hidden.float().norm(dim=-1).mean()
    if moved(shown.run, other.run).max() < 1e-3 * size:
        return [words("heads.position_same", position=here, other=there)]
    total = len(shown.layers) * shown.model.num_heads
    found = [words("heads.position_counts", position=here, even=even_heads(shown), total=total,
                   other=there, other_even=even_heads(other))]  # fmt: skip
    if spread(shown) < ALIKE <= spread(other):
        found.append(words("heads.position_drowns", position=here, other=there))
    return found


def no_such_token(inputs: Inputs, captured: Captured, words: Words) -> list[str]:
    """Who asks the four answers where the number typed is no token's."""
    last, row = len(captured.tokens) - 1, asking(captured, inputs)
    if inputs.token == row:
        return []
    name = captured.tokens.tokens[row]
    return [words("heads.token_gone", token=inputs.token, last=last, row=row, name=name)]


def no_induction(captured: Captured, given: set[str], words: Words) -> str:
    """A text that repeats and still has no induction head: said, with a model that has some."""
    tokens, mask = captured.tokens, captured.layers[0].mask
    n = len(tokens)
    allowed = allowed_keys("none" if mask is None else mask[0].cpu(), n, n)
    occasion = patterns(tokens.ids, tokens.special, allowed)["induction"].any()
    if not occasion or "induction" in given:
        return ""
    return words("heads.no_induction") if captured.model.kind == "encoder" else ""
