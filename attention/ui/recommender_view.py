"""The recommender's half of the applications tab: a made-up user, a history, and who looks at it."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import torch

from ..items import ITEMS, KINDS, THEMES, Users, make_users
from ..recommender import (
    DATA_SEED,
    Recommended,
    explain_cell,
    load_recommender,
    recommend,
)
from .applications_fields import NOTHING, say
from .applications_marks import RANKS, marks
from .guard import Refusal
from .sheet import cell_sheet, output_sheet, show
from .texts import Words
from .view import heading, heatmap, readouts

USERS = ("u0", "u1", "u2", "u3", "u4", "u5")
MODELS = ("attention", "mean", "uniform", "popularity")


@cache
def users() -> Users:
    """Six made-up users that no training has seen: another seed than the chapter's data."""
    return make_users(len(USERS), torch.Generator().manual_seed(DATA_SEED + 1))


def history_of(values: dict[str, Any]) -> list[int]:
    """The items chosen so far, in the order of the catalogue: attention here sees no order."""
    text = values["history"]
    if text == NOTHING:
        return []
    if text:
        return [int(part) for part in text.split(",")]
    return sorted(users().history[USERS.index(values["user"])].tolist())


def look(values: dict[str, Any]) -> Recommended:
    """The ranking for these inputs, with the learned weights or with equal ones."""
    model, history = load_recommender(), history_of(values)
    even = torch.ones(len(ITEMS), len(history)) if values["even"] else None
    return recommend(model, history, weights_override=even)


def name_of(item: int, words: Words) -> str:
    """The item's name in the page's language."""
    return ITEMS[item].name_zh if words.language == "zh" else ITEMS[item].name_en


def theme_of(item: int, words: Words) -> str:
    """The name of the item's theme, which the model never sees."""
    return THEMES[ITEMS[item].theme][words.language == "zh"]


def kind_of(item: int, words: Words) -> str:
    """Film, book or dish, in the page's language."""
    return KINDS[ITEMS[item].kind] if words.language == "zh" else ITEMS[item].kind


def rows_of(seen: Recommended, count: int, words: Words) -> list[str]:
    """The best candidates with their rank."""
    return [f"{rank + 1}. {name_of(item, words)}" for rank, item in enumerate(seen.ranking[:count])]


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Who chose what, who looks at it, and what comes of it."""
    w = partial(say, words)
    seen = look(values)
    top = seen.ranking[: values["k"]]
    rows, columns = rows_of(seen, values["k"], words), [name_of(i, words) for i in seen.history]
    parts = torch.cat([seen.contributions[top], seen.popularity[top, None]], dim=1)
    drawn = [heading(w("user_title"), w("user_text")), picker(seen, words), figures(values, words, seen)]
    drawn.append(heading(w("looks_title"), w("looks_text")))
    if columns:
        drawn.append(
            heatmap("weights", w("item_weights"), seen.weights[top], rows, columns, sums=True,
                    row_title=w("candidate"), column_title=w("history"), wide=True,
                    caption=w("item_weights_even" if values["even"] else "item_weights_caption"))
        )  # fmt: skip
    drawn.append(heading(w("ranking_title"), w("ranking_text")))
    drawn.append(
        heatmap("scores", w("scores"), parts, rows, [*columns, w("popularity")], diverging=True,
                sums=True, wide=True, row_title=w("candidate"), caption=w("scores_caption"))
    )  # fmt: skip
    drawn.append(heading(w("recall_title"), w("recall_text", count=f"{marks()['users']:,}")))
    found = marks()["recommender"]
    drawn.append(
        heatmap("recall", w("recall"), torch.tensor([[found[m][str(k)] for k in RANKS] for m in MODELS]),
                [w(f"recall_{m}") for m in MODELS], [f"k = {k}" for k in RANKS], opens=False, digits=3,
                caption=w("recall_caption"))
    )  # fmt: skip
    return drawn


def picker(seen: Recommended, words: Words) -> dict[str, Any]:
    """The history as chips, and the whole catalogue to add from."""
    w = partial(say, words)
    groups = []
    for theme in range(len(THEMES)):
        ids = [i for i, item in enumerate(ITEMS) if item.theme == theme]
        items = [{"id": i, "name": name_of(i, words), "kind": kind_of(i, words)} for i in ids]
        groups.append({"name": theme_of(ids[0], words), "items": items})
    return {
        "kind": "picker", "id": "history", "title": w("history"), "wide": True,
        "caption": w("history_caption"), "groups": groups, "chosen": seen.history, "nothing": NOTHING,
        "words": {key: w(f"picker_{key}") for key in ("remove", "add", "empty", "clear", "own")},
    }  # fmt: skip


def figures(values: dict[str, Any], words: Words, seen: Recommended) -> dict[str, Any]:
    """The best candidate, and where the item stands that the user did choose next."""
    w = partial(say, words)
    best = seen.ranking[0]
    items = [(w("best"), name_of(best, words), f"{kind_of(best, words)} · {theme_of(best, words)}")]
    if not values["history"]:
        wanted = int(users().wanted[USERS.index(values["user"])])
        rank = seen.ranking.index(wanted) + 1
        note = w("wanted_note", rank=rank, theme=theme_of(wanted, words))
        items.append((w("wanted"), name_of(wanted, words), note))
    themes = {theme_of(i, words): 0 for i in seen.ranking[: values["k"]]}
    for item in seen.ranking[: values["k"]]:
        themes[theme_of(item, words)] += 1
    counted = "、" if words.language == "zh" else ", "
    listed = counted.join(f"{name} {count}" for name, count in themes.items())
    items.append((w("themes", count=values["k"]), str(len(themes)), listed))
    return readouts("verdict", items)


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """An empty history says what then decides."""
    return [] if history_of(values) else [words("applications.cold")]


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """How a candidate comes to look at an item, or how its score adds up."""
    seen = look(values)
    m = len(seen.history)
    if row >= values["k"] or column > m or (panel, column) == ("weights", m):
        raise Refusal("no_such_cell")
    candidate, columns = seen.ranking[row], [name_of(i, words) for i in seen.history]
    if panel == "weights":
        opened = explain_cell(seen, candidate, column)
        made = cell_sheet(opened, words, name_of(candidate, words), columns[column])
        if not values["even"]:
            return made
        lines = [[words("sheet.weight"), f"1 / {m}", show(1 / m)]]
        made["sections"].append({"title": words("applications.changed_title"), "lines": lines})
        return made | {"weight": 1 / m}
    if panel == "scores":
        fits = load_recommender().item[candidate] @ seen.value.T  # (m,)
        title = say(words, "score_of", name=name_of(candidate, words))
        made = output_sheet(words, title, seen.weights[candidate], fits, columns)
        made["sections"][0] |= {"title": say(words, "score_how"), "text": say(words, "score_fits")}
        made["sections"][0]["table"]["columns"][2] = words("applications.fit")
        popularity, score = seen.popularity[candidate].item(), seen.scores[candidate].item()
        total = seen.contributions[candidate].sum().item()
        made["sections"].append({"title": words("applications.score"), "lines": [
            [words("applications.popularity"), "", show(popularity)],
            [words("applications.score"), f"{show(total)} + {show(popularity)}", show(score)],
        ]})  # fmt: skip
        return made
    raise Refusal("no_such_cell")


def snippet(values: dict[str, Any]) -> str:
    """The ranking with its scores, and the weights over the history."""
    history = history_of(values)
    even = f", weights_override=torch.ones(64, {len(history)})" if values["even"] else ""
    return f"""import torch
from attention.items import ITEMS
from attention.recommender import load_recommender, recommend

history = {history!r}
seen = recommend(load_recommender(), history{even})
top = seen.ranking[:{values["k"]}]
for item in top:
    print(ITEMS[item].name_en, seen.scores[item].item())
print([ITEMS[item].name_en for item in history])
print(seen.weights[top])   # candidates x history
print(torch.allclose(seen.contributions.sum(1) + seen.popularity, seen.scores, atol=1e-4))
"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API."""
    seen = look(values)
    top = seen.ranking[: values["k"]]
    return {
        "history": seen.history,
        "history_names": [ITEMS[item].name_en for item in seen.history],
        "ranking": top,
        "ranking_names": [ITEMS[item].name_en for item in top],
        "scores": seen.scores[top].tolist(),
        "weights": seen.weights[top].tolist(),
        "popularity": seen.popularity[top].tolist(),
        "recall": marks()["recommender"],
    }


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Where the best candidate looks, what an empty history gives, and what popularity is worth."""
    w = partial(say, words)
    found = marks()["recommender"]
    made = [
        {"id": "popular", "kind": "number", "unit": "%", "hides": ["recall"], "question": w("task_popular"),
         "answer": 100 * found["popularity"]["10"], "tolerance": 7.0,
         "why": w("task_popular_why", attention=f"{found['attention']['10']:.0%}",
                  popularity=f"{found['popularity']['10']:.0%}", mean=f"{found['mean']['10']:.0%}")},
        {"id": "cold", "kind": "choice", "question": w("task_cold"), "why": w("task_cold_why"),
         "options": [w("task_cold_error"), w("task_cold_popular"), w("task_cold_random")], "answer": 1},
        {"id": "order", "kind": "choice", "question": w("task_order"), "why": w("task_order_why"),
         "options": [w("yes"), w("no")], "answer": 1},
    ]  # fmt: skip
    seen = recommend(load_recommender(), history_of(values))
    if len(seen.history) > 1:
        best = seen.ranking[0]
        weights = seen.weights[best]
        target = int(weights.argmax())
        made.insert(0, {
            "id": "look", "kind": "choice", "hides": ["weights", "scores"],
            "question": w("task_look", name=name_of(best, words), theme=theme_of(best, words)),
            "options": [name_of(i, words) for i in seen.history], "answer": target,
            "why": w("task_look_why", name=name_of(seen.history[target], words),
                     theme=theme_of(seen.history[target], words), weight=show(weights[target].item(), 2)),
        })  # fmt: skip
    return made
