"""What the lesson asks of a review: the verdict, what moves it, and what moving weights proves."""

from __future__ import annotations

from functools import partial

from ....classifier.reviews import LABELS
from ...page.scene import Goal, Task
from ...page.sheet import show
from ...page.texts import Words
from .classifier_study import Study
from .fields import SHUFFLES, say
from .marks import marks
from .reading import with_even_weights

MUCH, LITTLE = 0.3, 0.01  # of all attention to be moved, of the probability that may move with it


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    """The label, the strongest word, the label without attention, and what counting cannot do."""
    w, learned = partial(say, words), s.learned
    counting = Task("pairs", w("task_pairs"), 100 * marks()["classifier"]["bag"]["pair"],
                    w("task_pairs_why"), tolerance=2.0, unit="%", hides=["marks"])  # fmt: skip
    if learned.label is None:  # no verdict, nothing to ask about it
        return [counting]
    even = with_even_weights(learned, s.inputs.text)
    before, after = (f"{one.probabilities[1].item():.1%}" for one in (learned, even))
    told, most = ["prediction", "verdict", "contributions"], learned.probabilities.max().item()
    return [
        Task("label", w("task_label", text=s.inputs.text.strip()), LABELS.index(learned.label),
             w("task_label_why", label=w(learned.label), share="> 0.9999" if most >= 0.99995 else show(most)),
             [w(label) for label in LABELS],
             hides=[*told, "shuffles"]),
        *([strongest(s, words)] if len(s.names) > 1 else []),
        *moved_by_hand(s, words),
        *([shuffled(s, words)] if len(s.names) > 1 else []),  # a single weight cannot be shuffled
        Task("even", w("task_even"), 0 if even.moved else 1, w("task_even_why", before=before, after=after),
             [w("yes"), w("no")], hides=told if s.inputs.override == "uniform" else []),
        counting,
    ]  # fmt: skip


def strongest(s: Study, words: Words) -> Task:
    """Which of three tokens moves the verdict most."""
    w, names = partial(say, words), s.names
    pull = s.learned.contributions[:, 1] - s.learned.contributions[:, 0]
    first = pull.abs().argsort(descending=True)[:3].sort().values.tolist()
    best = max(first, key=lambda j: abs(pull[j].item()))
    why = w("task_word_why", key=names[best], pull=show(pull[best].item(), 2))
    return Task("word", w("task_word"), first.index(best), why,
                [f"{names[j]} ({j + 1})" for j in first], hides=["contributions"])  # fmt: skip


def moved_by_hand(s: Study, words: Words) -> list[Goal]:
    """Bars to drag: until the verdict turns, and as far as they go without moving the probability."""
    w, drag = partial(say, words), s.inputs.override == "drag"
    before, after = (one.probabilities[1].item() for one in (s.learned, s.read))
    shift = (s.received - s.learned.weights.mean(-2)).mean(0).abs().sum().item() / 2
    turned = drag and s.read.moved
    quiet = drag and shift >= MUCH and abs(after - before) <= LITTLE
    percent = {"before": f"{before:.4f}", "after": f"{after:.4f}", "shift": f"{shift:.0%}"}
    limits = {"much": f"{MUCH:.0%}", "little": f"{LITTLE:g}"}
    return [
        Goal("turn", w("goal_turn"), turned, w("goal_turn_now", **percent), w("goal_turn_why", **percent)),
        Goal("quiet", w("goal_quiet", **limits), quiet, w("goal_quiet_now", **percent),
             w("goal_quiet_why", **percent)),
    ]  # fmt: skip


def shuffled(s: Study, words: Words) -> Task:
    """How many of the permutations drawn turn the verdict."""
    w = partial(say, words)
    positive = s.learned.label == LABELS[1]
    turned = int(((s.shuffled > 0.5) != positive).sum())
    why = w("task_shuffled_why", turned=turned, count=SHUFFLES, stayed=SHUFFLES - turned)
    question, bar = w("task_shuffled", count=SHUFFLES), (0.0, float(SHUFFLES))
    return Task("shuffled", question, turned, why, tolerance=5.0, hides=["shuffles"], bar=bar)
