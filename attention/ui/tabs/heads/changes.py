"""Touch it: change a run of a real model, and see what comes out beside the untouched one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ..pretrained import Changes, Tokens, moved, next_tokens, sentence_embedding
from .guard import Choice, Flag, Number, Refusal
from .heads_fields import Some, Whole
from .heads_runs import Study, study
from .sheet import show
from .texts import Words
from .view import heading, readouts

LISTED = 8  # next tokens of each run that are shown
HEAD = re.compile(r"(\d{1,2})(?:\.(\d{1,2}|\*))?")


FIELDS = (
    Some("knock_out"),
    Some("uniform"),
    Number("temper", 1.0, 0.1, 10.0, 0.1),
    Flag("no_scale", False),
    Some("forbid"),
    Choice("causal", "as_trained", ("as_trained", "on", "off")),
    Whole("shuffle", 0, 9999),
    Flag("positions", True),
    Number("sampling", 1.0, 0.1, 3.0, 0.1),
)


def heads_named(text: str, field: str, layers: int, heads: int) -> frozenset[tuple[int, int]]:
    """ "3.1, 4" -> {(3, 1), (4, 0), (4, 1), ...}: layer.head, or a layer alone for all its heads."""
    found: set[tuple[int, int]] = set()
    for part in re.split(r"[,;，；、\s]+", text.strip()):
        if not part:
            continue
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
    for part in re.split(r"[,;，；、\s]+", text.strip()):
        if not part:
            continue
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


def changes_of(values: dict[str, Any], plain: Study) -> Changes | None:
    """What the inputs ask for, None for nothing. Layers are those of the kind looked at."""
    layers, heads = len(plain.layers), plain.model.num_heads
    number = [layer.index for layer in plain.layers]  # of all calls, as the chapter counts them
    named = {
        name: frozenset((number[layer], head) for layer, head in
                        heads_named(values[name], f"heads.{name}", layers, heads))
        for name in ("knock_out", "uniform")
    }  # fmt: skip
    seed = values["shuffle"] or None
    tokens = plain.tokens
    if seed is not None and values["forbid"]:  # positions are those of the shuffled text
        tokens = again(values, Changes(shuffle_seed=seed)).tokens
    temper = ((number[values["layer"]], values["head"], values["temper"]),)
    changes = Changes(
        **named,
        temperature=temper if values["temper"] != 1 else (),
        no_scale=values["no_scale"],
        forbid=tokens_named(values["forbid"], tokens),
        causal={"as_trained": None, "on": True, "off": False}[values["causal"]],
        shuffle_seed=seed,
        positions=values["positions"],
    )
    return None if changes == Changes() else changes


def again(values: dict[str, Any], changes: Changes | None) -> Study:
    """The same text through the same model with changes, and with logits where there are any."""
    return study(
        values["model"], values["text"], values["pair"], side=values["side"],
        hidden=values["hide_special"], changes=changes, logits=True,
    )  # fmt: skip


def outcome(before: Study, after: Study, values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """What comes out of the model, before and after: next tokens, or the sentence's vector."""
    panels = [heading(words("heads.outcome"), f"{words('heads.outcome_text')} {summary(values, words)}")]
    if before.run.logits is not None:
        panels += next_panels(before, after, values["sampling"], words)
    else:
        panels.append(vector_panel(before, after, values, words))
    distance = moved(before.run, after.run).tolist()
    panels.append(bars(
        "moved", words("heads.moved"), list(before.tokens.tokens),
        [{"name": words("heads.moved_by"), "values": distance}],
        caption=words("heads.moved_text"), digits=2,
    ))  # fmt: skip
    return panels


def next_panels(before: Study, after: Study, temperature: float, words: Words) -> list[dict[str, Any]]:
    """The likeliest next tokens of both runs, with both probabilities."""
    runs = [study.run for study in (before, after)]
    every: list[dict[str, float]] = [{}, {}]
    for one, run in zip(every, runs, strict=True):
        for name, probability in next_tokens(before.model, run, temperature, k=1000):
            one.setdefault(name, probability)  # " Paris" before "Paris": the likelier spelling
    listed = [list(one)[:LISTED] for one in every]
    names = list(dict.fromkeys(listed[0] + listed[1]))
    series = [
        {"name": words(f"heads.{when}"), "values": [one.get(name, 0.0) for name in names]}
        for when, one in zip(("before", "after"), every, strict=True)
    ]
    first = [one[0] for one in listed]
    shares = [every[i][first[i]] for i in (0, 1)]
    first_words = readouts("next_first", [
        (words("heads.first_before"), first[0], f"{shares[0]:.1%}"),
        (words("heads.first_after"), first[1], f"{shares[1]:.1%}"),
    ])  # fmt: skip
    table = bars("next", words("heads.next"), names, series, caption=words("heads.next_text"), digits=3)
    return [first_words, table]


def vector_panel(before: Study, after: Study, values: dict[str, Any], words: Words) -> dict[str, Any]:
    """Cosines of the sentence's vector: to itself, and between two sentences before and after."""
    own = (sentence_embedding(before.run) @ sentence_embedding(after.run)).item()
    items = [(words("heads.cosine_self"), show(own), words("heads.cosine_self_note"))]
    if 1 in before.tokens.segment:
        for when, one in (("before", before), ("after", after)):
            pair = (sentence_embedding(one.run, 0) @ sentence_embedding(one.run, 1)).item()
            items.append((words(f"heads.cosine_{when}"), show(pair), ""))
    changes = after.run.changes
    if changes is not None and changes.shuffle_seed is not None:  # what the order alone does
        ordered = again(values, replace(changes, shuffle_seed=None))
        same = (sentence_embedding(ordered.run) @ sentence_embedding(after.run)).item()
        note = words("heads.cosine_order_on" if changes.positions else "heads.cosine_order_off")
        items.append((words("heads.cosine_order"), show(same), note))
    return readouts("cosine", items)


def figures(before: Study, after: Study, values: dict[str, Any]) -> dict[str, Any]:
    """The outcome as plain numbers, for the API."""
    found: dict[str, Any] = {"moved": moved(before.run, after.run).tolist()}
    if before.run.logits is not None:
        for when, one in (("before", before), ("after", after)):
            found[f"next_{when}"] = next_tokens(one.model, one.run, values["sampling"], k=LISTED)
        return found
    vectors = [sentence_embedding(one.run) for one in (before, after)]
    found["cosine"] = (vectors[0] @ vectors[1]).item()
    if 1 in before.tokens.segment:
        for when, one in (("before", before), ("after", after)):
            halves = [sentence_embedding(one.run, part) for part in (0, 1)]
            found[f"pair_{when}"] = (halves[0] @ halves[1]).item()
    return found


def bars(
    id: str, title: str, names: list[str], series: list[dict[str, Any]], *, caption: str, digits: int
) -> dict[str, Any]:
    """Rows of horizontal bars, one or two to a name, each with its number."""
    return {"kind": "pairbars", "id": id, "title": title, "names": names, "series": series,
            "caption": caption, "digits": digits}  # fmt: skip


def summary(values: dict[str, Any], words: Words) -> str:
    """One sentence with everything that is changed."""
    parts = []
    for field in FIELDS:
        if field.name == "sampling" or values[field.name] == field.default:
            continue
        shown = values[field.name]
        if isinstance(field, Choice):
            shown = words(f"heads.{field.name}.{shown}")
        elif isinstance(field, Flag):
            shown = words("heads.yes" if shown else "heads.no")
        parts.append(f"{words(f'heads.{field.name}')}: {shown}")
    return words("heads.changed", changes="; ".join(parts)) if parts else words("heads.unchanged")


def arguments(changes: Changes) -> str:
    """The changes as the arguments of Changes(...), for the snippet."""
    plain = Changes()
    given = []
    for name in ("knock_out", "uniform", "temperature", "no_scale", "forbid", "causal",
                 "shuffle_seed", "positions"):  # fmt: skip
        value = getattr(changes, name)
        if value != getattr(plain, name):
            given.append(f"{name}={sorted(value) if isinstance(value, frozenset) else value!r}")
    return ", ".join(given)


def snippet_lines(changes: Changes | None, values: dict[str, Any], logits: bool) -> list[str]:
    """The runs, before and after, and the outcome."""
    made = f"Changes({arguments(changes)})" if changes is not None else "None"
    lines = [
        f"changes = {made}",
        "before = run(model, tokens, logits=True)",
        "after = run(model, tokens, changes, logits=True)",
    ]
    if logits:
        lines += [f"print(next_tokens(model, {one}, {values['sampling']!r}, k={LISTED}))"
                  for one in ("before", "after")]  # fmt: skip
    else:
        lines.append("print(float(sentence_embedding(before) @ sentence_embedding(after)))")
    return [*lines, "print(moved(before, after))", "layers = after.layers"]
