"""Chapter 12, part 5: a text as a model sees it, and as a person can read it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache

from .model import Model, ModelRefused

MAX_CHARACTERS = 20_000
PER_TOKEN = 8  # characters, in a text as long as a model reads


@dataclass(frozen=True)
class Tokens:
    """A text as a model sees it, one entry a token.

    ids; tokens: readable, without the tokenizer's marks; joined: the token continues the word
    before it; special: put there by the model ([CLS], </s>); segment: 0 for the text, 1 for the
    pair; word_ids: which word of its segment, None for a special token. In an encoder-decoder
    model the source comes first, then the target (segment 1), which begins with a start token.
    """

    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    joined: tuple[bool, ...]
    special: tuple[bool, ...]
    segment: tuple[int, ...]
    word_ids: tuple[int | None, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, order: Collection[int]) -> Tokens:
        """The same tokens in another order."""
        return Tokens(*(tuple(column[at] for at in order) for column in vars(self).values()))


def tokenize(model: Model, text: str, pair: str | None = None) -> Tokens:
    """Text (and a second one) to tokens; what is typed stays text, "[SEP]" and "</s>" included.

    An encoder gets both with its separators, a decoder one after the other, an encoder-decoder
    model text as source and pair as target (default: the bare start token).
    Raises :class:`ModelRefused`: "empty" for no token, "too_long" beyond model.max_tokens,
    "no_tokenizer" without one, "no_start" where nothing says what a target begins with.
    """
    if model.tokenizer is None:
        raise ModelRefused("no_tokenizer", "This model has no tokenizer, so no text can be given to it.")
    # cut before the tokenizer sees it: a megabyte takes it seconds
    most = max(MAX_CHARACTERS, PER_TOKEN * model.max_tokens)
    text = text[:most]
    pair = None if pair is None or not pair.strip() else pair[:most]
    if model.kind == "encoder":
        found = _encode(model, text, pair)
    elif model.kind == "decoder":
        found = _encode(model, text)
        if pair is not None:
            found = _joined(found, _encode(model, " " + pair.lstrip(), special=False))
    else:
        first = _start(model)
        name = model.tokenizer.convert_ids_to_tokens(first)
        start = Tokens((first,), (name,), (False,), (True,), (0,), (None,))
        found = _encode(model, text)
        target = start if pair is None else _joined(start, _encode(model, pair, target=True))
        found = _joined(found, target)
    if all(found.special) or not text.strip():
        raise ModelRefused("empty", "Text must hold at least one word; it is empty.")
    if len(found) > model.max_tokens:
        raise ModelRefused(
            "too_long",
            f"Text must be at most {model.max_tokens} tokens long for this model, it has "
            f"{len(found)}; shorten it.",
        )
    return found


def _start(model: Model) -> int:
    """The token that a target begins with: the decoder's start, else the text's, as generate() does."""
    module = model.module
    generation, decoder = getattr(module, "generation_config", None), getattr(module.config, "decoder", None)
    places = (module.config, generation, decoder)
    for name in ("decoder_start_token_id", "bos_token_id"):
        for place in places:
            found = getattr(place, name, None)
            if isinstance(found, int):
                return found
    raise ModelRefused(
        "no_start",
        "This model does not say which token a target begins with (decoder_start_token_id or bos_token_id).",
    )


def _encode(
    model: Model, text: str, pair: str | None = None, special: bool = True, target: bool = False
) -> Tokens:
    """One call of the tokenizer, made readable. target: as the target of a translation."""
    given = {"text_target": text} if target else {"text": text, "text_pair": pair}
    with model.lock:
        encoded = model.tokenizer(
            **given, add_special_tokens=special and not target, split_special_tokens=True,
            return_special_tokens_mask=True, verbose=False,
        )  # fmt: skip
        ids = encoded["input_ids"]
        names = model.tokenizer.convert_ids_to_tokens(ids)
    is_special = [bool(flag) for flag in encoded["special_tokens_mask"]]
    words = encoded.word_ids()
    segment, after = [], 0
    for sequence in encoded.sequence_ids():  # None for a special token: it belongs to what precedes
        after = after if sequence is None else sequence
        segment.append(after)
    joined = [
        at > 0 and word is not None and (word, segment[at]) == (words[at - 1], segment[at - 1])
        for at, word in enumerate(words)
    ]
    shown = [name if is_special[at] else readable(name, model.byte_level) for at, name in enumerate(names)]
    return Tokens(*map(tuple, (ids, shown, joined, is_special, segment, words)))


def _joined(first: Tokens, second: Tokens) -> Tokens:
    """first, then second as segment 1."""
    second = replace(second, segment=(1,) * len(second))
    columns = zip(vars(first).values(), vars(second).values(), strict=True)
    return Tokens(*(a + b for a, b in columns))


def readable(name: str, byte_level: bool) -> str:
    """A vocabulary entry as a person would write it; a broken character shows its bytes: ⟨E4⟩."""
    if byte_level:
        table = _byte_of_letter()
        raw = bytes(table[letter] for letter in name if letter in table)
        # an incomplete character has no letter; every byte of it is written out
        text = raw.decode("utf-8", errors="surrogateescape")
        text = "".join(
            f"⟨{ord(letter) - 0xDC00:02X}⟩" if 0xDC80 <= ord(letter) <= 0xDCFF else letter for letter in text
        )
    elif name.startswith("<0x") and name.endswith(">"):
        text = f"⟨{name[3:-1]}⟩"
    else:
        text = name.removeprefix("##") if len(name) > 2 else name
        text = text.replace("▁", " ")
    return text.strip() or text.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣") or "␣"


@lru_cache
def _byte_of_letter() -> dict[str, int]:
    """GPT-2's alphabet: printable Latin-1 letters stand for themselves, the rest from U+0100 on."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    letters = {chr(byte): byte for byte in plain}
    return letters | {chr(0x100 + at): byte for at, byte in enumerate(rest)}
