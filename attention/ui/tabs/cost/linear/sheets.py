"""The arithmetic of attention as a running sum: a weight, a number of the state, what a key gives back."""

from __future__ import annotations

from .....linear import positive_part
from ....page.guard import Refusal
from ....page.players import frame_at
from ....page.scene import Place
from ....page.sheet import Grid, Section, Sheet, bracketed, show
from ....page.texts import Words
from .study import KEYS, TOKENS, D, Study, V


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """One weight, one number of the state, or what a key gives back."""
    if place.panel == "weights":
        return weight_sheet(s, words, place.within(TOKENS, TOKENS))
    if place.panel == "memory":
        place = place.within(D, V + 1)
        return state_sheet(s, words, frame_at(place.frame, TOKENS), place.row, place.column)
    if place.panel != "held":
        raise Refusal("no_such_cell")
    return held_sheet(s, words, place.within(3, len(KEYS)))


def weight_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """``f(q) . f(k)`` by feature, and its share of the row."""
    row, column = place.row, place.column
    title = words("sheet.title", query=str(row + 1), key=str(column + 1))
    if column > row:
        return Sheet(title, [Section(words("cost.linear_product"), words("cost.linear_ahead"))])
    q, k = positive_part(s.query[row]), positive_part(s.key[column])
    rows = [[str(i + 1), show(q[i].item()), show(k[i].item()), show((q[i] * k[i]).item())] for i in range(D)]
    score = (q @ k).item()
    rows.append([words("sheet.sum"), "", "", show(score)])
    columns = [words("sheet.dimension"), "f(q)", "f(k)", "f(q) × f(k)"]
    table = Section(
        words("cost.linear_product"), words("cost.linear_product_text"), Grid(columns, rows, total=True)
    )
    assert s.whole.scores is not None
    every = s.whole.scores[row, : row + 1].tolist()
    total = sum(every)
    weight = s.whole.weights[row, column].item()
    listed = [[str(j + 1), "", show(one)] for j, one in enumerate(every)] + [
        [words("sheet.sum"), "", show(total)]
    ]
    names = [words("sheet.key"), "", words("cost.linear_product")]
    sums = Section(words("cost.linear_row"), table=Grid(names, listed, total=True))
    lines = [(words("sheet.weight"), f"{show(score)} / {show(total)}", show(weight))]
    share = Section(words("cost.linear_share"), words("cost.linear_share_text"), lines=lines)
    return Sheet(title, [table, sums, share], weight)


def state_sheet(s: Study, words: Words, at: int, row: int, column: int) -> Sheet:
    """One number of the state after a token: the number before plus one product."""
    state, feature = s.states[at], positive_part(s.key[at])[row].item()
    old = s.states[at - 1] if at else None
    if column == V:
        before, now = (0.0 if old is None else old.total[row].item()), state.total[row].item()
        formula, what = f"{show(before)} + {bracketed(feature)}", words("cost.linear_word.total")
    else:
        value = s.value[at, column].item()
        before = 0.0 if old is None else old.memory[row, column].item()
        now = state.memory[row, column].item()
        formula = f"{show(before)} + {bracketed(feature)} × {bracketed(value)}"
        what = words("cost.linear_feature", feature=row + 1, value=column + 1)
    lines = [(what, formula, show(now))]
    title = words("cost.linear_state_title", token=at + 1)
    return Sheet(title, [Section(words("cost.linear_brings"), lines=lines)])


def held_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """What a key gives back after ten writes, write by write."""
    column, key = place.column, KEYS[place.column]
    told = [value for at, value in zip(s.written, s.told.tolist(), strict=True) if at == column]
    kind = ("last", "added", "corrected")[place.row]
    title = words("cost.linear_held_title", key=key)
    if not told:
        return Sheet(title, [Section(words(f"cost.linear_{kind}"), words("cost.linear_never", key=key))])
    if kind == "last":
        listed = [
            (words("cost.linear_nth", number=i + 1), "", show(value, 0)) for i, value in enumerate(told)
        ]
    elif kind == "added":
        formula = f"({' + '.join(show(value, 0) for value in told)}) / {len(told)}"
        listed = [(words("cost.linear_mean"), formula, show(s.added[-1, column].item()))]
    else:
        listed, now, rate = [], 0.0, s.inputs.rate
        for i, value in enumerate(told):
            new = now + rate * (value - now)
            formula = f"{show(now)} + {show(rate, 2)} × ({show(value, 0)} - {show(now)})"
            listed.append((words("cost.linear_nth", number=i + 1), formula, show(new)))
            now = new
    return Sheet(
        title, [Section(words(f"cost.linear_{kind}"), words(f"cost.linear_{kind}_text"), lines=listed)]
    )
