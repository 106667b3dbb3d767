"""What the lesson asks of a ranking: who looks at what, what equal weights lose, what attention is worth."""

from __future__ import annotations

from functools import partial

from ....recommender.items import ITEMS
from ...page.scene import Goal, Task
from ...page.sheet import show
from ...page.texts import Words
from .fields import say
from .history import name_of, theme_of
from .marks import MODELS, marks
from .recommender_study import Study


def tasks(s: Study, words: Words) -> list[Task | Goal]:
    """Where candidates look, what an empty history gives, and what attention and popularity are worth."""
    w = partial(say, words)
    recall = {model: marks()["recommender"][model]["10"] for model in MODELS}
    shares = {model: f"{recall[model]:.0%}" for model in ("attention", "mean", "popularity")}
    found: list[Task | Goal] = [
        first_guess(words),
        Task("popular", w("task_popular"), 100 * recall["popularity"], w("task_popular_why", **shares),
             tolerance=7.0, unit="%", hides=["recall"]),
        Task("cold", w("task_cold"), 1, w("task_cold_why"),
             [w("task_cold_error"), w("task_cold_popular"), w("task_cold_random")]),
        Task("order", w("task_order"), 1, w("task_order_why"), [w("yes"), w("no")]),
        lost(s, words),
    ]  # fmt: skip
    if len(s.history) < 2 or s.inputs.even:  # nothing to choose from, or no weight larger than another
        return found
    best = s.learned.ranking[0]
    return [look("look", best, s, words), look("sharp", sharpest(s), s, words), *found]


def look(id: str, candidate: int, s: Study, words: Words) -> Task:
    """At which item of the history a candidate looks most, with the learned weights."""
    w = partial(say, words)
    weight, target = (found.item() for found in s.learned.weights[candidate].max(-1))
    item = s.history[int(target)]
    why = w("task_look_why", name=name_of(item, words), theme=theme_of(item, words), weight=show(weight, 2))
    named = {"name": name_of(candidate, words), "theme": theme_of(candidate, words)}
    question = w(f"task_{id}", rank=s.learned.ranking.index(candidate) + 1, **named)
    return Task(id, question, target, why, [name_of(one, words) for one in s.history],
                hides=["weights", "scores"])  # fmt: skip


def sharpest(s: Study) -> int:
    """The candidate among the first that gives one item the most weight."""
    return max(s.learned.ranking[: s.inputs.k], key=lambda item: s.learned.weights[item].max().item())


def lost(s: Study, words: Words) -> Goal:
    """A taste of the history that is recommended with the learned weights and lost with equal ones."""
    had = {ITEMS[item].theme for item in s.history}
    learned, kept = ({ITEMS[item].theme for item in ranking[: s.inputs.k]} & had
                     for ranking in (s.learned.ranking, s.ranked.ranking))  # fmt: skip
    gone = ("、" if words.language == "zh" else ", ").join(
        dict.fromkeys(theme_of(item, words) for item in s.history if ITEMS[item].theme in learned - kept)
    )
    told = {"had": len(had), "kept": len(kept), "k": s.inputs.k}
    now, why = say(words, "goal_lost_now", **told), say(words, "goal_lost_why", themes=gone, **told)
    return Goal("lost", say(words, "goal_lost", k=s.inputs.k), bool(gone), now, why)


def first_guess(words: Words) -> Task:
    """Which recommender names the next item most often when it may name only one."""
    w = partial(say, words)
    first = [marks()["recommender"][model]["1"] for model in MODELS]
    ten = {f"ten_{model}": f"{marks()['recommender'][model]['10']:.1%}" for model in ("attention", "mean")}
    one = {f"one_{model}": f"{share:.1%}" for model, share in zip(MODELS, first, strict=True)}
    return Task("first", w("task_first"), first.index(max(first)), w("task_first_why", **one, **ten),
                [w(f"recall_{model}") for model in MODELS], hides=["recall"])  # fmt: skip
