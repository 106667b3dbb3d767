"""Touch it: change a run of a real model, and see what comes out beside the untouched one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from ....pretrained import Changes, moved, next_tokens, sentence_embedding
from ...page.guard import Json
from ...page.panels import Heatmap, Panel, Readouts, heading
from ...page.plots import PairBars
from ...page.scene import Place, Scene
from ...page.sheet import Sheet, show
from ...page.texts import Words
from . import asks, changed
from . import study as common
from .captured import Captured
from .changes import arguments, changes_of, knocked_out, summary
from .inputs import CHANGING, READING, Inputs
from .opened import as_it_is, every_head, head_part, is_small, later, picture, strands, weight_sheet
from .plain_touched import touched
from .remarks import ALIKE, elsewhere, one_position, spread
from .runs import run_of
from .study import Study, code_of, look, ready
from .zoom import short_only

LISTED = 8  # next tokens of each run that are shown


@dataclass(frozen=True, eq=False)
class Touched(Study):
    """Both runs. changes: None where nothing is changed."""

    changes: Changes | None

    @property
    def moved(self) -> changed.Moved:
        """How much every head's weights changed."""
        return changed.weights_moved(self.plain, self.shown, self.inputs.hide_special)


def study(inputs: Inputs) -> Touched:
    """The untouched run, and the changed one."""
    beside = partial(every_change, inputs)
    plain = look(inputs, code_of(inputs), logits=True, beside=beside)
    short_only(plain)
    changes = changes_of(inputs, plain)
    shown = plain if changes is None else run_of(inputs, changes, logits=True, beside=beside)
    return Touched(plain, as_it_is(shown, inputs), changes)


def every_change(inputs: Inputs, before: Captured) -> list[Changes]:
    """All changed runs that the answer needs: the change, and what it is compared with."""
    changes = changes_of(inputs, before)
    ordered = None if before.model.has_logits else in_order(changes)
    compared = (changes, elsewhere(changes, before.model.max_tokens), ordered)
    return [one for one in compared if one is not None]


def in_order(changes: Changes | None) -> Changes | None:
    """The same without the shuffling, None where there is none."""
    if changes is None or changes.shuffle_seed is None:
        return None
    return replace(changes, shuffle_seed=None)


def panels(s: Touched, words: Words) -> list[Panel]:
    """What changed in every head and in the open one, then what came out."""
    # a head with a temperature of its own comes with the whole view, never by itself
    whole = is_small(s.plain) or s.inputs.temper != 1
    opening = head_panels(s, words) if whole else [later("head", words)]
    return [*grid(s, words), *opening, *outcome(s, words)]


def grid(s: Touched, words: Words) -> list[Panel]:
    """How much every head's weights changed, and where most; before any change, the heads as they are."""
    if s.changes is None:
        return [*every_head(s.plain, s.inputs, words)]
    marks = sorted(map(list, knocked_out(s.inputs, s.plain)))
    top = heading(words("heads.touched"), words("heads.touched_text"))
    return [top, changed.changed_grid(s.plain, s.inputs, s.moved, marks, words),
            changed.went(s.moved, s.changes, words)]  # fmt: skip


def head(s: Touched, words: Words) -> list[Panel] | None:
    """The panels that change when another head is picked: with a temperature of its own, all of them."""
    return head_panels(s, words) if s.inputs.temper == 1 else None


def head_panels(s: Touched, words: Words) -> list[Panel]:
    """What to knock out; the open head before the change, after it, and the difference."""
    drawn: Heatmap = picture(s.opened, words)
    shown: list[Panel] = [drawn]
    if s.changes is not None:
        silent = (s.inputs.layer, s.inputs.head) in knocked_out(s.inputs, s.plain)
        three = changed.three(s.plain, s.opened, silent, words)
        shown, drawn = [*three], three[1]
    return head_part([knock_buttons(s, words), *shown, strands(s.opened, drawn, words)])


@dataclass(frozen=True, eq=False)
class Buttons(Panel):
    """Buttons that set inputs: (label, the inputs it sets)."""

    items: list[tuple[str, dict[str, str]]]

    def encode(self) -> Json:
        items = [{"label": label, "set": inputs} for label, inputs in self.items]
        return {"kind": "buttons", "id": self.id, "items": items, "wide": True}


def knock_buttons(s: Touched, words: Words) -> Buttons:
    """Knock the open head out, or its layer, or bring all back."""
    layer, head = s.inputs.layer, s.inputs.head
    out, heads = knocked_out(s.inputs, s.plain), s.plain.model.num_heads
    whole = out | {(layer, each) for each in range(heads)}
    key = "bring_back" if (layer, head) in out else "knock_this"
    return Buttons("knock", [
        (words(f"heads.{key}", layer=layer, head=head), {"knock_out": written(out ^ {(layer, head)}, heads)}),
        (words("heads.knock_layer", layer=layer), {"knock_out": written(whole, heads)}),
        (words("heads.knock_none"), {"knock_out": ""}),
    ])  # fmt: skip


def written(chosen: frozenset[tuple[int, int]], num_heads: int) -> str:
    """{(3, 1), (3, 2)} -> "3.1, 3.2", a whole layer by its number alone."""
    parts = []
    for layer in sorted({layer for layer, _ in chosen}):
        own = sorted(head for at, head in chosen if at == layer)
        parts += [str(layer)] if len(own) == num_heads else [f"{layer}.{head}" for head in own]
    return ", ".join(parts)


def outcome(s: Touched, words: Words) -> list[Panel]:
    """What comes out of the model, before and after: next tokens, or the sentence's vector."""
    what = next_panels if s.plain.run.logits is not None else vector_panels
    distance = moved(s.plain.run, s.shown.run).tolist()
    return [
        heading(words("heads.outcome"), f"{words('heads.outcome_text')} {summary(s.inputs, words)}"),
        *what(s, words),
        PairBars("moved", words("heads.moved"), list(s.plain.tokens.tokens),
                 [(words("heads.moved_by"), distance)], words("heads.moved_text"), 2),
    ]  # fmt: skip


def next_panels(s: Touched, words: Words) -> list[Panel]:
    """The likeliest next tokens of both runs, with both probabilities."""
    every: list[dict[str, float]] = [{}, {}]
    for one, captured in zip(every, (s.plain, s.shown), strict=True):
        for name, probability in next_tokens(s.plain.model, captured.run, s.inputs.sampling, k=1000):
            one.setdefault(name, probability)  # " Paris" before "Paris": the likelier spelling
    shown = [list(one)[:LISTED] for one in every]
    names = list(dict.fromkeys(shown[0] + shown[1]))
    when = ("before", "after")
    series = [
        (words(f"heads.{name}"), [one.get(token, 0.0) for token in names])
        for name, one in zip(when, every, strict=True)
    ]
    first = [
        (words(f"heads.first_{name}"), tokens[0], f"{one[tokens[0]]:.1%}")
        for name, tokens, one in zip(when, shown, every, strict=True)
    ]
    bars = PairBars("next", words("heads.next"), names, series, words("heads.next_text"), 3)
    return [Readouts("next_first", first), bars]


def vector_panels(s: Touched, words: Words) -> list[Panel]:
    """Cosines of the sentence's vector: to itself, and between two sentences before and after."""
    before, after, changes = s.plain, s.shown, s.changes
    items = [(words("heads.cosine_self"), show(cosine(before, after)), words("heads.cosine_self_note"))]
    if 1 in before.tokens.segment:
        for when, one in (("before", before), ("after", after)):
            items.append((words(f"heads.cosine_{when}"), show(of_pair(one)), ""))
    unshuffled = in_order(changes)
    if changes is not None and unshuffled is not None:  # what the order alone does
        ordered = run_of(s.inputs, unshuffled, logits=True)
        likeness = cosine(ordered, after)
        note = order_note(changes, after, likeness, words)
        items.append((words("heads.cosine_order"), show(likeness), note))
    return [Readouts("cosine", items)]


def order_note(changes: Changes, after: Captured, likeness: float, words: Words) -> str:
    """What the cosine between both orders says: without positions a bag of words, unless a mask tells."""
    if changes.positions:
        return words("heads.cosine_order_on")
    if likeness < 0.9999:
        return words("heads.cosine_order_told")
    return words("heads.cosine_order_drowned" if spread(after) < ALIKE else "heads.cosine_order_off")


def cosine(one: Captured, other: Captured) -> float:
    """Between the sentence's vectors of two runs."""
    return (sentence_embedding(one.run) @ sentence_embedding(other.run)).item()


def of_pair(one: Captured) -> float:
    """The cosine between the two sentences of a pair."""
    return (sentence_embedding(one.run, 0) @ sentence_embedding(one.run, 1)).item()


def notices(s: Touched, words: Words) -> list[str]:
    """What was hidden; what hangs on the position that all tokens were given."""
    return common.notices(s, words) + one_position(s.inputs, s.shown, s.changes, words)


def tasks(s: Touched, words: Words) -> list[asks.Asked]:
    """Those of any open head; which head changed most; how far the sentence's vector can be turned."""
    found = asks.of_a_head(s, words)
    if s.changes is not None:
        found += asks.of_a_change(s.moved.amounts, s.changes, words)
    if s.plain.run.logits is None:
        found += asks.of_a_vector(cosine(s.plain, s.shown), s.changes, words)
    return found


def sheet(s: Touched, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of the open head, after the change or before it, or of their difference."""
    if place.panel == "weights_change" and s.changes is not None:
        return changed.difference_sheet(as_it_is(s.plain, s.inputs), s.opened, words, place)
    if place.panel == "weights_before":
        return weight_sheet(as_it_is(s.plain, s.inputs), words, replace(place, panel="weights"))
    return weight_sheet(s.opened, words, place)


def snippet(s: Touched) -> str:
    """The runs before and after, the outcome, and the open head's weights."""
    made = "None" if s.changes is None else f"Changes({arguments(s.changes)})"
    lines = [
        f"changes = {made}",
        "before = run(model, tokens, logits=True)",
        "after = run(model, tokens, changes, logits=True)",
    ]
    if s.plain.run.logits is not None:
        compared = "next_tokens"
        lines += [f"print(next_tokens(model, {one}, {s.inputs.sampling!r}, k={LISTED}))"
                  for one in ("before", "after")]  # fmt: skip
    else:
        compared = "sentence_embedding"
        lines.append("print(float(sentence_embedding(before) @ sentence_embedding(after)))")
    lines += ["print(moved(before, after))", "layers = after.layers"]
    return code_of(s.inputs, s.opened, changed=lines, names=["Changes", "moved", compared])


def results(s: Touched) -> Json:
    """Plain numbers for the API: the open head, and the outcome of the change."""
    before, after = s.plain, s.shown
    found: Json = {"moved": moved(before.run, after.run).tolist()}
    if before.run.logits is not None:
        for when, one in (("before", before), ("after", after)):
            found[f"next_{when}"] = next_tokens(one.model, one.run, s.inputs.sampling, k=LISTED)
    else:
        found["cosine"] = cosine(before, after)
        if 1 in before.tokens.segment:
            found |= {"pair_before": of_pair(before), "pair_after": of_pair(after)}
    return common.results(s) | {"outcome": found}


SCENE = Scene(
    fields=(*READING, *CHANGING), study=study, panels=panels, sheet=sheet, snippet=snippet,
    results=results, tasks=tasks, notices=notices, parts={"head": head}, ready=ready,
    plain=touched,
)  # fmt: skip
