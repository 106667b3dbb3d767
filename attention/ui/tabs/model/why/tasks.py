"""What the scene asks; every answer is computed from the study."""

from __future__ import annotations

from collections.abc import Callable

from ....page.scene import Goal, Task
from ....page.sheet import show
from ....page.texts import Words
from .effects import measured, share_map, signed_text, value_of
from .scores import grouped, part_names, sides
from .shares import named
from .study import Study

EFFECTS = ("effect", "grid", "disagree")  # panels that show what a changed head does
OPTIONS = 4

Asked = Task | Goal | None


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    """Who is loudest; which head decides; what a patch does, and silence; which pair made a score."""
    makers: list[Callable[[Study, Words], Asked]] = [pair]
    if s.speaks:
        patched = [find, predict] if s.small and s.other is not None else []
        makers = [loudest, *patched, silent, without, pair]
    return [task for make in makers if (task := make(s, words)) is not None]


def loudest(s: Study, words: Words) -> Task:
    """Which part has the largest share?"""
    found = s.shares
    order = found.values.argsort(descending=True)[:OPTIONS].tolist()
    options = sorted(order)
    word, instead = s.names
    best = found.values[order[0]].item()
    why = words("model.why_task_loudest_why", part=named(found.parts[order[0]], words), share=show(best, 2),
                total=show(found.total, 2))  # fmt: skip
    question = words("model.why_task_loudest", word=word, instead=instead)
    return Task("loudest", question, options.index(order[0]), why,
                [named(found.parts[at], words) for at in options], hides=["logit"])  # fmt: skip


def find(s: Study, words: Words) -> Task | Goal:
    """The head that decides: to be found by trying, where replacing one can turn the answer round."""
    return flip(s, words) or decides(s, words)


def decides(s: Study, words: Words) -> Task:
    """Which head carries what is different between the two sentences?"""
    best = s.grid.strongest(OPTIONS)
    options = sorted((layer, head) for layer, head, _ in best)
    layer, head, effect = best[0]
    why = words("model.why_task_decides_why", layer=layer, head=head, effect=signed_text(effect),
                share=signed_text(share_map(s)[layer, head].item()))  # fmt: skip
    question = words("model.why_task_decides", measured=measured(s, words))
    return Task("decides", question, options.index((layer, head)), why,
                [words("model.why_head", layer=one, head=other) for one, other in options],
                hides=[*EFFECTS, "change", "said"])  # fmt: skip


def predict(s: Study, words: Words) -> Task | None:
    """The chosen head replaced: which word then?"""
    after = s.says(s.patched.after)
    before = s.says(s.patched.before)
    there = s.says(s.there.logits if s.there is not None else None)
    options = list(dict.fromkeys((before, there, after)))
    if len(options) < 2:
        return None
    layer, head = s.chosen
    change = value_of(s, s.patched) - value_of(s, s.patched, before=True)
    why = words("model.why_task_predict_why", word=s.spelled(after), effect=signed_text(change),
                chance=f"{s.probability(s.patched.after, after):.0%}")  # fmt: skip
    return Task("predict", words("model.why_task_predict", layer=layer, head=head), options.index(after), why,
                [s.spelled(word) for word in options], hides=[*EFFECTS, "change", "said"])  # fmt: skip


def flip(s: Study, words: Words) -> Goal | None:
    """Choose the head that, replaced, makes the model say what it says in the other sentence."""
    assert s.there is not None
    before, there = s.says(s.patched.before), s.says(s.there.logits)
    if before == there:
        return None
    after = s.says(s.patched.after)
    layer, head = s.chosen
    values = {"layer": layer, "head": head, "word": s.spelled(after),
              "chance": f"{s.probability(s.patched.after, after):.0%}"}  # fmt: skip
    change = value_of(s, s.patched) - value_of(s, s.patched, before=True)
    why = words("model.why_goal_flip_why", layer=layer, head=head, effect=signed_text(change),
                share=signed_text(share_map(s)[s.chosen].item()))  # fmt: skip
    question = words("model.why_goal_flip", word=s.spelled(there), before=s.spelled(before))
    return Goal("flip", question, after == there, words("model.why_goal_flip_now", **values), why)


def silent(s: Study, words: Words) -> Task:
    """Not its share: what is left of the difference when the chosen head falls silent."""
    layer, head = s.chosen
    share = share_map(s)[layer, head].item()
    before, after = s.difference(s.silent.before), s.difference(s.silent.after)
    word, instead = s.names
    question = words("model.why_task_silent", layer=layer, head=head, word=word, instead=instead,
                     share=signed_text(share), before=show(before, 2))  # fmt: skip
    why = words("model.why_task_silent_why", share=signed_text(share), plain=show(before - share, 2),
                after=show(after, 2))  # fmt: skip
    reach = max(abs(before), abs(after), 1.0)
    low, high = -round(1.25 * reach, 1), round(1.25 * reach, 1)
    return Task("silent", question, after, why, tolerance=max(0.1 * reach, 0.1), bar=(low, high),
                hides=[*EFFECTS, "change", "said"] if s.other is None else ["disagree"])  # fmt: skip


def without(s: Study, words: Words) -> Task | None:
    """Which word would it say without the chosen head?"""
    before, after = s.says(s.silent.before), s.says(s.silent.after)
    assert s.silent.after is not None and s.silent.before is not None
    best = [*s.silent.before.topk(3).indices.tolist(), *s.silent.after.topk(3).indices.tolist()]
    options = sorted(list(dict.fromkeys([before, after, s.instead, *best]))[:OPTIONS])
    layer, head = s.chosen
    key = "same" if before == after else "other"
    why = words(f"model.why_task_without_{key}", word=s.spelled(after), before=s.spelled(before),
                chance=f"{s.probability(s.silent.after, after):.0%}",
                was=f"{s.probability(s.silent.before, before):.0%}")  # fmt: skip
    return Task("without", words("model.why_task_without", layer=layer, head=head), options.index(after), why,
                [s.spelled(word) for word in options],
                hides=[*EFFECTS, "change", "said"] if s.other is None else [])  # fmt: skip


def pair(s: Study, words: Words) -> Task | None:
    """Which pair of parts made most of a score?"""
    found, (rows, columns) = s.score, sides(s)
    shown = grouped(found.matrix, rows, columns)
    names = part_names(found.queries, rows, words), part_names(found.keys, columns, words)
    if shown.numel() < OPTIONS:
        return None
    order = shown.flatten().argsort(descending=True)[:OPTIONS].tolist()
    options = sorted(order)
    width = shown.shape[1]
    said = [f"{names[0][at // width]} × {names[1][at % width]}" for at in options]
    value = shown.flatten()[order[0]].item()
    layer, head = s.chosen
    question = words("model.why_task_pair", layer=layer, head=head, query=s.tokens.tokens[s.query],
                     key=s.tokens.tokens[s.key])  # fmt: skip
    why = words("model.why_task_pair_why", pair=said[options.index(order[0])], value=signed_text(value),
                score=show(found.score, 2))  # fmt: skip
    return Task("pair", question, options.index(order[0]), why, said, hides=["score"])
