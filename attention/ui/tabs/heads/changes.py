"""What a learner changes in a run: heads and tokens by name, and the changed run itself."""

from __future__ import annotations

import re
from dataclasses import fields

from ....pretrained import Changes, Tokens, shuffled
from ...page.fields import Choice, Flag, fields_of
from ...page.guard import Refusal
from ...page.texts import Words
from .captured import Captured
from .inputs import CHANGING, Inputs, within

HEAD = re.compile(r"(\d{1,2})(?:\.(\d{1,2}|\*))?")


def listed(text: str) -> list[str]:
    """The entries of a typed list."""
    return [part for part in re.split(r"[,;，；、\s]+", text.strip()) if part]


def heads_named(text: str, field: str, plain: Captured) -> frozenset[tuple[int, int]]:
    """ "3.1, 4" -> {(3, 1), (4, 0), (4, 1), ...}: layer.head, or a layer alone for all its heads."""
    layers, heads = len(plain.layers), plain.model.num_heads
    found: set[tuple[int, int]] = set()
    for part in listed(text):
        match = HEAD.fullmatch(part)
        if match is None:
            raise Refusal("bad_heads", field=field)
        layer, head = int(match[1]), match[2]
        chosen = range(heads) if head in (None, "*") else [int(head)]
        if layer >= layers or chosen[-1] >= heads:
            raise Refusal("no_such_head", field=field, layers=layers - 1, heads=heads - 1)
        found.update((layer, each) for each in chosen)
    return frozenset(found)


def tokens_named(text: str, tokens: Tokens) -> frozenset[int]:
    """ "2, animal" -> positions: numbers count from 0, anything else is looked for in the tokens."""
    found: set[int] = set()
    for part in listed(text):
        if part.isdecimal() and int(part) < len(tokens):
            found.add(int(part))
            continue
        places = [i for i, token in enumerate(tokens.tokens) if token.lower() == part.lower()]
        if not places:
            raise Refusal("no_such_token", field="heads.forbid", last=len(tokens) - 1)
        found.update(places)
    if len(found) >= len(tokens):
        raise Refusal("all_forbidden", field="heads.forbid")
    return frozenset(found)


def knocked_out(inputs: Inputs, plain: Captured) -> frozenset[tuple[int, int]]:
    """The heads that are knocked out, (layer, head) of the kind looked at."""
    return heads_named(inputs.knock_out, "heads.knock_out", plain)


def changes_of(inputs: Inputs, plain: Captured) -> Changes | None:
    """What the inputs ask for, None for nothing. Layers are those of the kind looked at."""
    number = [layer.index for layer in plain.layers]  # of all calls, as the chapter counts them
    uniform = heads_named(inputs.uniform, "heads.uniform", plain)
    seed, tokens = inputs.shuffle or None, plain.tokens
    if seed is not None and inputs.forbid:  # positions are those of the shuffled text
        tokens = tokens.take(shuffled(tokens, seed))
    temper = ((number[inputs.layer], inputs.head, inputs.temper),)
    changes = Changes(
        knock_out=frozenset((number[layer], head) for layer, head in knocked_out(inputs, plain)),
        uniform=frozenset((number[layer], head) for layer, head in uniform),
        temperature=temper if inputs.temper != 1 else (),
        no_scale=inputs.no_scale,
        forbid=tokens_named(inputs.forbid, tokens),
        causal={"as_trained": None, "on": True, "off": False}[inputs.causal],
        shuffle_seed=seed,
        positions=inputs.positions,
        position=place_of_all(inputs, plain),
    )
    return None if changes == Changes() else changes


def place_of_all(inputs: Inputs, plain: Captured) -> int:
    """The position that every token gets while positions are off, else 0, which changes nothing."""
    if inputs.positions:
        return 0
    within("position", inputs.position, plain.model.max_tokens)
    return inputs.position


def summary(inputs: Inputs, words: Words) -> str:
    """One sentence with everything that is changed."""
    parts = []
    for field in fields_of(Inputs):
        if field.name not in CHANGING or field.name == "sampling":
            continue
        shown = getattr(inputs, field.name)
        if shown == field.default:
            continue
        if field.name == "position" and inputs.positions:
            continue  # it is given to nobody
        if isinstance(field, Choice):
            shown = words(f"heads.{field.name}.{shown}")
        elif isinstance(field, Flag):
            shown = words("heads.yes" if shown else "heads.no")
        parts.append(f"{words(f'heads.{field.name}')}: {shown}")
    return words("heads.changed", changes="; ".join(parts)) if parts else words("heads.unchanged")


def arguments(changes: Changes) -> str:
    """The changes as the arguments of Changes(...), for the snippet."""
    given = {field.name: getattr(changes, field.name) for field in fields(Changes)}
    return ", ".join(
        f"{name}={sorted(value) if isinstance(value, frozenset) else value!r}"
        for name, value in given.items()
        if value != getattr(Changes(), name)
    )
