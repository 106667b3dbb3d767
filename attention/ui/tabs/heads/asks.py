"""What the heads tab asks: of the open head, of a change, of the four answers."""

from __future__ import annotations

import torch
from torch import Tensor

from ....pretrained import Changes
from ...page.scene import Goal, Point, Task
from ...page.sheet import show
from ...page.texts import Words
from .answers import Four, asking, names_of
from .changed import STILL
from .opened import PRONOUNS, Opened
from .study import Study

Asked = Task | Point | Goal
QUICK = 24  # tokens up to which a question may take a run of the model for each of them
MOST = 0.5  # of a head's weight, on average: from here on it "looks one token back"
ELSEWHERE = "street"  # what the pronoun is to be turned to
FAR = 0.9  # the cosine below which the sentence's vector is to fall
TIE = 1e-4  # weights that differ by less look the same
HEAD = ["weights", "lines"]  # the panels that show the open head's weights


def of_a_head(s: Study, words: Words) -> list[Asked]:
    """The strongest key, an even row, the three strongest, special tokens; one to find, two to reach.

    What has no answer is not asked: which key is the strongest of equal ones, or of a row of which a
    part is not shown.
    """
    opened = s.opened
    (queries, keys), row = opened.names(), asked_row(opened)
    query, n = queries[row], seen_by(opened, row)
    weights = opened.weights[row].tolist()
    order = opened.weights[row].argsort(descending=True)[:3].tolist()
    options = sorted(order)
    best = show(weights[order[0]])
    special = [s.shown.tokens.special[group[0]] for group in opened.columns]
    share = sum(w for w, added in zip(weights, special, strict=True) if added)
    reach = sum(sorted(weights, reverse=True)[:3])
    why = words("heads.task_strongest_why", key=keys[order[0]], weight=best)
    best_cells = [(row, j) for j, weight in enumerate(weights) if weight >= weights[order[0]] - TIE]
    found: list[Asked] = []
    if abs(sum(weights) - 1) > TIE:  # a block of a pair, small weights dropped
        return to_reach(opened, words)
    if len(order) > 1 and weights[order[0]] - weights[order[1]] > TIE:
        found.append(Task("strongest", words("heads.task_strongest", query=query), options.index(order[0]),
                          why, [f"{keys[j]} ({j})" for j in options], hides=HEAD))  # fmt: skip
    if n > 3:
        given = {"count": n, "query": query}
        found += [
            Task("even", words("heads.task_even", **given), 1 / n,
                 words("heads.task_even_why", weight=best, **given), tolerance=0.005),
            Task("three", words("heads.task_three", query=query), 100 * reach,
                 words("heads.task_three_why", share=f"{reach:.1%}", even=f"{3 / n:.1%}", **given),
                 tolerance=10.0, unit="%", hides=HEAD),
        ]  # fmt: skip
    if any(special):
        why_special = words("heads.task_special_why", share=f"{share:.1%}")
        question = words("heads.task_special", query=query)
        found.append(Task("special", question, 100 * share, why_special, tolerance=10.0, unit="%",
                          hides=HEAD, bar=(0.0, 100.0)))  # fmt: skip
    point = words("heads.task_look", query=query)
    found.append(Point("look", point, "weights", best_cells, why, hides=["lines"]))
    return found + to_reach(opened, words)


def asked_row(opened: Opened) -> int:
    """The row that is asked about: the one shown first, or the last where that one sees few keys."""
    row, last = opened.first_word(), len(opened.rows) - 1
    few = seen_by(opened, row)
    return row if few > 3 or seen_by(opened, last) <= few else last


def seen_by(opened: Opened, row: int) -> int:
    """How many of the keys shown a row may look at, as the model's mask has it."""
    mask = opened.captured.layer(opened.inputs.layer).mask
    rows, columns = opened.captured.sides()
    if mask is None or mask.shape[-2:] != (len(rows), len(columns)):
        return len(opened.columns)
    allowed = mask.reshape(-1, len(rows), len(columns))[0, rows.index(opened.rows[row][0])].tolist()
    may = {place for place, yes in zip(columns, allowed, strict=True) if yes}
    return sum(not may.isdisjoint(group) for group in opened.columns)


def to_reach(opened: Opened, words: Words) -> list[Asked]:
    """A head that looks one token back; a pronoun that is turned elsewhere."""
    found: list[Asked] = []
    weights = opened.weights
    if opened.rows == opened.columns and len(weights) > 1:
        back = weights.diagonal(-1).mean().item()
        place = {"layer": opened.inputs.layer, "head": opened.inputs.head, "share": f"{back:.2f}"}
        now, why = words("heads.goal_back_now", **place), words("heads.goal_back_why", **place)
        found.append(Goal("back", words("heads.goal_back"), back > MOST, now, why))
    rows, columns = opened.names()
    row = next((i for i, name in enumerate(rows) if name.lower() in PRONOUNS), None)
    if row is None:
        now, reached = words("heads.goal_turn_none"), False
        values = {"query": "it", "key": "", "weight": ""}
    else:
        best = int(weights[row].argmax())
        reached = columns[best].lower() == ELSEWHERE
        values = {"query": rows[row], "key": columns[best], "weight": f"{weights[row, best].item():.2f}"}
        now = words("heads.goal_turn_now", **values)
    question = words("heads.goal_turn", query=values["query"], key=ELSEWHERE)
    why = words("heads.goal_turn_why", **values) if reached else now
    return [*found, Goal("turn", question, reached, now, why)]


def of_a_change(amounts: Tensor, changes: Changes | None, words: Words) -> list[Asked]:
    """Which of four heads' weights changed most. amounts: (layers, heads), the share that moved."""
    if changes is None or amounts.max() < 0.005:
        return []
    layers, heads = amounts.shape
    flat = amounts.flatten()
    best = int(flat.argmax())
    layer, head = divmod(best, heads)
    # below the first layer that changed at all nothing was touched; above it a head may be still by itself
    first = int((amounts.amax(1) >= STILL).int().argmax())
    still = list(range(first * heads))
    # one before the change could be heard, one beside the strongest, one of the last layer
    others = [*still[-1:], layer * heads + int(amounts[layer].argmin()), (layers - 1) * heads + head,
              (layers - 1) * heads + int(amounts[-1].argmin())]  # fmt: skip
    options = sorted({best, *[i for i in others if flat[i] < flat[best]][:3]})
    if len(options) < 2:
        return []
    names = [words("heads.cell", layer=i // heads, head=i % heads) for i in options]
    why = words("heads.task_moves_why", head=words("heads.cell", layer=layer, head=head),
                amount=f"{flat[best].item():.2f}")  # fmt: skip
    if still and still[-1] in options:
        why += " " + words("heads.task_moves_still", head=names[options.index(still[-1])])
    hides = ["overview", "went", "weights_before", "weights_change", *HEAD]
    return [Task("moves", words("heads.task_moves"), options.index(best), why, names, hides=hides)]


def of_a_vector(likeness: float, changes: Changes | None, words: Words) -> list[Asked]:
    """How far the sentence's vector is to be turned, by heads knocked out and nothing else."""
    silent = frozenset() if changes is None else changes.knock_out
    alone = changes is None or changes == Changes(knock_out=silent)
    values = {"cosine": show(likeness), "bound": f"{FAR:g}", "count": len(silent)}
    now, why = (words(f"heads.goal_vector_{name}", **values) for name in ("now", "why"))
    reached = alone and bool(silent) and likeness < FAR
    return [Goal("vector", words("heads.goal_vector", **values), reached, now, why)]


def of_four(s: Study, four: Four, words: Words) -> list[Asked]:
    """Which key's loss moves the token most, beside the key that gets the most weight."""
    names, query = names_of(s.plain), asking(s.plain, s.inputs)
    moved, weights = four.distances, four.weights
    heaviest, best = int(weights.argmax()), int(moved.argmax())
    order = torch.tensor([moved[j] for j in four.keys]).argsort(descending=True).tolist()
    options = sorted({best, heaviest, *[four.keys[i] for i in order[:4]]})
    if len(options) < 2 or moved[best] <= 0:
        return []
    why = words(
        "heads.task_loss_same" if heaviest == best else "heads.task_loss_why",
        key=names[best], heaviest=names[heaviest], weight=f"{weights[heaviest].item():.2f}",
        moved=f"{(moved[best] / moved.sum()).item():.2f}",
        other=f"{(moved[heaviest] / moved.sum()).item():.2f}",
    )  # fmt: skip
    question = words("heads.task_loss", query=names[query])
    return [Task("loss", question, options.index(best), why, [f"{names[j]} ({j})" for j in options],
                 hides=["answers"])]  # fmt: skip
