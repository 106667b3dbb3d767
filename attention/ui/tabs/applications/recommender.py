"""The recommender: a made-up user, a history, and who looks at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from ....recommender import explain_cell, load_recommender
from ....recommender.items import ITEMS, KINDS
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Look, Panel, Readouts, heading, signed
from ...page.scene import Place, Scene
from ...page.sheet import Section, Sheet, cell_sheet, output_sheet, show
from ...page.texts import Words
from .fields import NOTHING, USERS, say
from .history import by_theme, empty_history, name_of, theme_of, users
from .marks import MODELS, RANKS, marks
from .plain import recommended
from .recommender_asks import tasks
from .recommender_study import Study, study


def kind_of(item: int, words: Words) -> str:
    """Film, book or dish, in the page's language."""
    return KINDS[ITEMS[item].kind] if words.language == "zh" else ITEMS[item].kind


@dataclass(frozen=True, eq=False)
class Picker(Panel):
    """The history as chips, and the whole catalogue to add from. groups: (theme, ids of its items)."""

    title: str
    caption: str
    groups: Sequence[tuple[str, Sequence[int]]]
    names: Mapping[int, tuple[str, str]]  # by id: name and kind
    chosen: Sequence[int]
    words: Mapping[str, str]

    def encode(self) -> Json:
        items = {i: {"id": i, "name": name, "kind": kind} for i, (name, kind) in self.names.items()}
        groups = [{"name": theme, "items": [items[i] for i in ids]} for theme, ids in self.groups]
        return {
            "kind": "picker", "id": self.id, "title": self.title, "wide": True, "caption": self.caption,
            "groups": groups, "chosen": list(self.chosen), "nothing": NOTHING, "words": dict(self.words),
        }  # fmt: skip


def panels(s: Study, words: Words) -> list[Panel]:
    """Who chose what, who looks at it, and what comes of it."""
    w, found = partial(say, words), marks()
    rows = Axis([f"{rank}. {name_of(item, words)}" for rank, item in enumerate(s.top, 1)], w("candidate"))
    columns = [name_of(item, words) for item in s.history]
    parts = torch.cat([s.ranked.contributions[s.top], s.ranked.popularity[s.top, None]], dim=1)
    recall = torch.tensor([[found["recommender"][m][str(k)] for k in RANKS] for m in MODELS])
    look = Look(sums=True, wide=True)
    caption = w("item_weights_even" if s.inputs.even else "item_weights_caption")
    weights = Heatmap("weights", w("item_weights"), s.ranked.weights[s.top], rows,
                      Axis(columns, w("history")), look=look, caption=caption)  # fmt: skip
    return [
        heading(w("user_title"), w("user_text")),
        picker(s, words),
        Readouts("verdict", figures(s, words)),
        heading(w("looks_title"), w("looks_text")),
        *([weights] if columns else []),
        heading(w("ranking_title"), w("ranking_text")),
        Heatmap("scores", w("scores"), parts, rows, Axis([*columns, w("popularity")]), signed(parts), look,
                w("scores_caption")),
        heading(w("recall_title"), w("recall_text", count=f"{found['users']:,}")),
        Heatmap("recall", w("recall"), recall, Axis([w(f"recall_{m}") for m in MODELS]),
                Axis([f"k = {k}" for k in RANKS]), look=Look(opens=False, digits=3),
                caption=w("recall_caption")),
    ]  # fmt: skip


def picker(s: Study, words: Words) -> Picker:
    """The catalogue by theme."""
    w = partial(say, words)
    return Picker(
        "history", w("history"), w("history_caption"), [(theme_of(ids[0], words), ids) for ids in by_theme()],
        {i: (name_of(i, words), kind_of(i, words)) for i in range(len(ITEMS))}, s.history,
        {key: w(f"picker_{key}") for key in ("remove", "add", "empty", "clear", "own")},
    )  # fmt: skip


def figures(s: Study, words: Words) -> list[tuple[str, str, str]]:
    """The best candidate, and where the item stands that the user did choose next."""
    w, ranking = partial(say, words), s.ranked.ranking
    best = ranking[0]
    items = [(w("best"), name_of(best, words), f"{kind_of(best, words)} · {theme_of(best, words)}")]
    if not s.inputs.history:
        wanted = int(users().wanted[USERS.index(s.inputs.user)])
        note = w("wanted_note", rank=ranking.index(wanted) + 1, theme=theme_of(wanted, words))
        items.append((w("wanted"), name_of(wanted, words), note))
    themes = Counter(theme_of(item, words) for item in s.top)
    listed = ("、" if words.language == "zh" else ", ").join(f"{name} {n}" for name, n in themes.items())
    return [*items, (w("themes", count=s.inputs.k), str(len(themes)), listed)]


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """How a candidate comes to look at an item, or how its score adds up."""
    m = len(s.history)
    candidate = s.ranked.ranking[place.within(s.inputs.k, m + 1).row]
    columns = [name_of(item, words) for item in s.history]
    if place.panel == "scores":
        return score_sheet(s, words, candidate, columns)
    if place.panel != "weights":
        raise Refusal("no_such_cell")
    cell = explain_cell(s.ranked, candidate, place.within(s.inputs.k, m).column)
    page = cell_sheet(cell, words, name_of(candidate, words), columns[place.column])
    if not s.inputs.even:
        return page
    lines = [(words("sheet.weight"), f"1 / {m}", show(1 / m))]
    return page.then(Section(words("applications.changed_title"), lines=lines), weight=1 / m)


def score_sheet(s: Study, words: Words, candidate: int, columns: list[str]) -> Sheet:
    """The fit of a candidate to each item of the history, weighted, and what is popular anyway."""
    w, ranked = partial(say, words), s.ranked
    fits = load_recommender().item[candidate] @ ranked.value.T  # (m,)
    about = Section(w("score_how"), w("score_fits"))
    names = words("sheet.key"), words("sheet.weight"), w("fit")
    title = w("score_of", name=name_of(candidate, words))
    page = output_sheet(words, title, ranked.weights[candidate], fits, columns, about=about, columns=names)
    popularity, score = ranked.popularity[candidate].item(), ranked.scores[candidate].item()
    total = f"{show(ranked.contributions[candidate].sum().item())} + {show(popularity)}"
    lines = [(w("popularity"), "", show(popularity)), (w("score"), total, show(score))]
    return page.then(Section(w("score"), lines=lines))


def snippet(s: Study) -> str:
    """The ranking with its scores, and the weights over the history."""
    even = f", weights_override=torch.ones(64, {len(s.history)})" if s.inputs.even else ""
    return f"""import torch
from attention.recommender.items import ITEMS
from attention.recommender import load_recommender, recommend

history = {s.history!r}
seen = recommend(load_recommender(), history{even})
top = seen.ranking[:{s.inputs.k}]
for item in top:
    print(ITEMS[item].name_en, seen.scores[item].item())
print([ITEMS[item].name_en for item in history])
print(seen.weights[top])   # candidates x history
print(torch.allclose(seen.contributions.sum(1) + seen.popularity, seen.scores, atol=1e-4))
"""


def results(s: Study) -> Json:
    ranked = s.ranked
    return {
        "history": s.history, "history_names": [ITEMS[item].name_en for item in s.history],
        "ranking": s.top, "ranking_names": [ITEMS[item].name_en for item in s.top],
        "scores": ranked.scores[s.top].tolist(), "weights": ranked.weights[s.top].tolist(),
        "popularity": ranked.popularity[s.top].tolist(), "recall": marks()["recommender"],
    }  # fmt: skip


SCENE = Scene(
    fields=("user", "history", "k", "even"), study=study, panels=panels, sheet=sheet, snippet=snippet,
    results=results, tasks=tasks, notices=lambda s, words: empty_history(s.history, words),
    plain=recommended,
)  # fmt: skip
