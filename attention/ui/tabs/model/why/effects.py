"""Replace what a head wrote, or knock it out: what becomes of the answer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .....circuits import Compared, Patched
from ....page.guard import Refusal
from ....page.panels import (
    Axis,
    Heatmap,
    Later,
    Look,
    Panel,
    Part,
    Readouts,
    heading,
    signed,
)  # fmt: skip
from ....page.scene import Place
from ....page.sheet import Grid, Section, Sheet, bracketed, show
from ....page.texts import Words
from .kinds import LongRun, WideBars
from .study import Study

SAID = 5  # next words shown
RARE = 0.005  # a probability from which a word is shown; the two candidates always are
PAIRS = 3  # heads named whose share and effect disagree, of either kind


def panels(s: Study, words: Words) -> list[Panel]:
    """The chosen head, then all of them: at once, in a moment, or layer by layer."""
    way = "replaced" if s.other is not None else "silenced"
    text = words(f"model.why_patch_{way}", measured=measured(s, words))
    return [heading(words("model.why_patch"), text), figures(s, words), *said(s, words), *every(s, words)]


def measured(s: Study, words: Words) -> str:
    """The number that is watched, in words."""
    if s.speaks:
        word, instead = s.names
        return words("model.why_measured_logit", word=word, instead=instead)
    return words("model.why_measured_cosine" if s.other is not None else "model.why_measured_self")


def value_of(s: Study, found: Patched, before: bool = False) -> float:
    """The watched number after a change, or before it."""
    if s.speaks:
        return s.difference(found.before if before else found.after)
    goal = found.hidden_before if s.there is None else s.there.hidden
    hidden = found.hidden_before if before else found.hidden_after
    return F.cosine_similarity(hidden.mean(0), goal.mean(0), dim=0).item()


def figures(s: Study, words: Words) -> Readouts:
    """The watched number as it is, with the chosen head changed, and in the other sentence."""
    layer, head = s.chosen
    found = s.patched
    before, after = value_of(s, found, before=True), value_of(s, found)
    way = "replaced" if s.other is not None else "silenced"
    items = [
        (words("model.why_as_it_is"), show(before, 2), ""),
        (words(f"model.why_head_{way}", layer=layer, head=head), show(after, 2),
         words("model.why_change_by", change=signed_text(after - before))),
    ]  # fmt: skip
    if s.there is not None and s.speaks:
        items.append((words("model.why_in_other"), show(s.difference(s.there.logits), 2), ""))
    return Readouts("change", items, wide=True)


def signed_text(number: float, digits: int = 2) -> str:
    return ("+" if number >= 0 else "") + show(number, digits)


def said(s: Study, words: Words) -> list[Panel]:
    """The likeliest next words, as it is and with the chosen head changed."""
    if not s.speaks:
        return []
    layer, head = s.chosen
    both = [torch.softmax(one.double(), -1) for one in (s.patched.before, s.patched.after) if one is not None]
    best = list(dict.fromkeys(word for one in both for word in one.topk(SAID).indices.tolist()))
    best = [word for word in best if max(one[word].item() for one in both) >= RARE]
    best += [word for word in (s.target, s.instead) if word is not None and word not in best]
    best = sorted(best, key=lambda word: -max(one[word].item() for one in both))
    way = "replaced" if s.other is not None else "silenced"
    names = words("model.why_as_it_is"), words(f"model.why_head_{way}", layer=layer, head=head)
    series = [(name, [one[word].item() for word in best]) for name, one in zip(names, both, strict=True)]
    labels = [s.spelled(word) for word in best]
    return [WideBars("said", words("model.why_said"), labels, series, words("model.why_said_text"), 3)]


def every(s: Study, words: Words) -> Sequence[Panel]:
    """All heads, as soon as that can be."""
    if s.small:
        return grid_panels(s, words)
    if s.long:
        return [long_run(s, words)]
    return [Later("grid", words("model.why_trying", count=s.model.num_layers * s.model.num_heads))]


def later(s: Study, words: Words) -> Sequence[Panel]:
    """The answer to the ``Later`` panel; a large model's heads come layer by layer (``chunks``)."""
    if s.long:
        raise Refusal("bad_request")
    return [Part("grid", panel) for panel in grid_panels(s, words)]


def head_axes(s: Study, words: Words) -> tuple[Axis, Axis]:
    counts = s.model.num_layers, s.model.num_heads
    layers, heads = ([str(i) for i in range(count)] for count in counts)
    return Axis(layers, words("model.layer")), Axis(heads, words("model.head"))


def grid_panels(s: Study, words: Words) -> list[Panel]:
    """Whole heads beside their direct shares; the heads where both disagree; heads by positions."""
    way = "replaced" if s.other is not None else "silenced"
    digits = 2 if s.speaks else 3
    rows, columns = head_axes(s, words)
    text = words(f"model.why_effect_{way}", measured=measured(s, words))
    found: list[Panel] = [
        Heatmap("effect", words(f"model.why_effect_title_{way}"), s.grid.whole, rows, columns,
                signed(s.grid.whole), Look(digits=digits), text),
    ]  # fmt: skip
    if s.speaks:
        share = share_map(s)
        found += [
            Heatmap("share", words("model.why_share_title"), share, rows, columns, signed(share),
                    Look(digits=digits), words("model.why_share_text")),
            disagree(s.compared, words),
        ]  # fmt: skip
    names = [f"{layer}.{head}" for layer in range(len(rows.labels)) for head in range(len(columns.labels))]
    cells = positions(s)
    found.append(
        Heatmap("grid", words("model.why_grid"), cells, Axis(names, words("model.head")),
                Axis([words("model.why_all"), *labels(s)], words("model.why_at")), signed(cells),
                Look(digits=1 if s.speaks else 3, wide=True), words(f"model.why_grid_{way}"))
    )  # fmt: skip
    return found


def labels(s: Study) -> list[str]:
    """The tokens, a piece that carries a word on with a dot."""
    return [("·" if more else "") + token
            for token, more in zip(s.tokens.tokens, s.tokens.joined, strict=True)]  # fmt: skip


def share_map(s: Study) -> Tensor:
    """Every head's direct share, (layers, heads)."""
    found = torch.zeros(s.model.num_layers, s.model.num_heads)
    for part, value in zip(s.shares.parts, s.shares.values, strict=True):
        if part.kind == "head" and part.layer is not None and part.head is not None:
            found[part.layer, part.head] = value
    return found


def positions(s: Study) -> Tensor:
    """(heads, 1 + tokens): a head changed everywhere, then at each token alone."""
    return torch.cat([s.grid.whole[..., None], s.grid.effects], -1).flatten(0, 1)


def disagree(found: Compared | None, words: Words) -> Readouts:
    """Heads that say much and do little, and the reverse, held against their knock-outs."""
    assert found is not None
    kinds = (("much", found.says_much_does_little), ("little", found.says_little_does_much))
    items = [
        (words(f"model.why_says_{kind}"), words("model.why_head", layer=layer, head=head),
         words("model.why_says_does", share=signed_text(share), effect=signed_text(effect)))
        for kind, heads in kinds for layer, head, share, effect in heads[:PAIRS]
    ]  # fmt: skip
    if not items:
        items = [("", words("model.why_agree"), words("model.why_agree_note"))]
    return Readouts("disagree", items, words("model.why_disagree"), wide=True)


def long_run(s: Study, words: Words) -> LongRun:
    """The map that the page lets grow."""
    rows, columns = head_axes(s, words)
    way = "replaced" if s.other is not None else "silenced"
    named = ("start", "stop", "go_on", "progress", "finished", "offline")
    said = {name: words(f"model.why_run_{name}") for name in named}
    heads = s.model.num_layers * s.model.num_heads
    run = [s.inputs.text, s.inputs.other, s.inputs.word, s.inputs.instead, s.inputs.model]
    caption = (
        words("model.why_run_caption", count=heads)
        + " "
        + words(f"model.why_effect_{way}", measured=measured(s, words))
        + " "
        + words(f"model.why_run_apart_{way}")
    )
    return LongRun("longrun", words(f"model.why_effect_title_{way}"), caption, s.model.num_layers,
                   s.model.num_heads, run, rows.title, columns.title, said)  # fmt: skip


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A cell of a map: the change at one head, at one token or at all."""
    heads = s.model.num_heads
    if place.panel in ("effect", "share"):
        place = place.within(s.model.num_layers, heads)
        return effect_sheet(s, words, (place.row, place.column), None)
    place = place.within(s.model.num_layers * heads, 1 + len(s.tokens))
    position = place.column - 1 if place.column else None
    return effect_sheet(s, words, divmod(place.row, heads), position)


def effect_sheet(s: Study, words: Words, head: tuple[int, int], position: int | None) -> Sheet:
    """Before, after and the change between them; the words then said; the head's own share beside it."""
    found = s.replaced(head, position)
    before, after = value_of(s, found, before=True), value_of(s, found)
    where = words("model.why_everywhere") if position is None else labels(s)[position]
    way = "replaced" if s.other is not None else "silenced"
    lines = [
        (words("model.why_as_it_is"), "", show(before)),
        (words(f"model.why_after_{way}"), "", show(after)),
        (words("model.why_change"), f"{show(after)} - {bracketed(before)}", show(after - before)),
    ]
    title = words(f"model.why_sheet_{way}", layer=head[0], head=head[1], where=where)
    page = Sheet(title, [Section(text=measured(s, words), lines=lines)])
    if not s.speaks:
        return page
    both = [torch.softmax(one.double(), -1) for one in (found.before, found.after) if one is not None]
    best = list(dict.fromkeys(word for one in both for word in one.topk(3).indices.tolist()))
    rows = [[s.spelled(word), *(show(one[word].item()) for one in both)] for word in best]
    columns = [words("model.why_word"), words("model.why_as_it_is"), words(f"model.why_after_{way}")]
    page = page.then(Section(words("model.why_said"), table=Grid(columns, rows)))
    share = share_map(s)[head].item()
    text = words("model.why_share_beside", share=signed_text(share), effect=signed_text(after - before))
    return page.then(Section(words("model.why_share_title"), text))
