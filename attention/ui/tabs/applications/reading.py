"""What both scenes of the classifier share: the reading of a review, and what a head takes from a token."""

from __future__ import annotations

import torch

from ....classifier import Classified, classify, load_classifier
from ....classifier.reviews import MAX_TOKENS, tokenise
from ...page.guard import Refusal
from ...page.scene import Place
from ...page.sheet import Section, Sheet, output_sheet
from ...page.texts import Words
from .fields import say


def tokens_of(text: str) -> list[str]:
    """The words and signs of a review; raises ``Refusal`` for one that no classifier reads."""
    try:
        return tokenise(text)
    except ValueError:
        raise Refusal("review_size", field="applications.text", limit=MAX_TOKENS) from None


def labels(read: Classified) -> list[str]:
    """The tokens; one that the model never met carries a small circle."""
    return [t if known else f"{t}°" for t, known in zip(read.tokens, read.known, strict=True)]


def unknown_words(read: Classified, words: Words) -> list[str]:
    """Words that training never met; that there is no verdict when it met none of them."""
    if not read.decided:
        return [words("applications.undecided_notice")]
    strange = [t for t, known in zip(read.tokens, read.known, strict=True) if not known]
    return [words("applications.unknown", words=" ".join(dict.fromkeys(strange)))] if strange else []


def with_even_weights(learned: Classified, text: str) -> Classified:
    """The same review when every token counts alike."""
    return classify(load_classifier(), text, weights_override=torch.ones_like(learned.weights))


def received_sheet(read: Classified, words: Words, place: Place) -> Sheet:
    """What a head takes from a token: the mean of a column of its weights."""
    names = labels(read)
    head, column = place.within(len(read.weights), len(names)).row, place.column
    title = say(words, "received_of", key=names[column], head=head + 1)
    even = torch.full((len(names),), 1 / len(names))
    columns = say(words, "query"), "1/n", words("sheet.weight")
    about, given = Section(say(words, "received_how")), read.weights[head, :, column]
    return output_sheet(words, title, even, given, names, about=about, columns=columns)
