"""The logit as a sum: who spoke for the word, what each head moved from where, and the lens."""

from __future__ import annotations

import torch

from .....circuits import Part
from ....page.panels import Axis, Heatmap, Look, Panel, Readouts, heading
from ....page.scene import Place
from ....page.sheet import Grid, Section, Sheet, show
from ....page.texts import Words
from .kinds import SumBars
from .study import Study

LISTED = 20  # parts shown one by one; of a model with more, the largest
SAID = 5  # words of the lens
STEPS = 12  # rows of the lens; of a model with more layers, some are left out


def named(part: Part, words: Words) -> str:
    """A part as the page calls it."""
    return words(f"model.why_part_{part.kind}", layer=part.layer, head=part.head)


def panels(s: Study, words: Words) -> list[Panel]:
    """The difference of the two logits, its summands, and what each layer would say."""
    if not s.speaks:
        return [heading(words("model.why_logit"), words("model.why_no_logit"))]
    word, instead = s.names
    return [
        heading(words("model.why_logit"), words("model.why_logit_text", word=word, instead=instead)),
        figures(s, words),
        bars(s, words),
        lens_panel(s, words),
    ]


def figures(s: Study, words: Words) -> Readouts:
    """The difference, and how likely both words are."""
    word, instead = s.names
    logits = s.lens.logits[-1]
    chances = [(words("model.why_chance", word=one), percent(s.probability(logits, at)), "")
               for one, at in ((word, s.target), (instead, s.instead))]  # fmt: skip
    total = words("model.why_difference", word=word, instead=instead)
    note = words("model.why_odds", factor=odds(s.shares.total), word=word, instead=instead)
    return Readouts("total", [(total, show(s.shares.total, 2), note), *chances], wide=True)


def percent(share: float) -> str:
    """A probability as a person writes it, however small."""
    return f"{share:.1%}" if share >= 0.001 else f"{100 * share:.2g}%"


def odds(difference: float) -> str:
    """exp(difference) as a person writes it."""
    factor = torch.tensor(difference).double().exp().item()
    return f"{factor:,.0f}" if 100 <= factor < 1e7 else f"{factor:.3g}"


def listed(s: Study) -> list[int]:
    """The parts shown one by one, in the model's order."""
    order = s.shares.values.abs().argsort(descending=True)[:LISTED].tolist()
    return sorted(order)


def bars(s: Study, words: Words) -> SumBars:
    """A bar a part; those of a large model that are not listed are one bar together."""
    found, places = s.shares, listed(s)
    items = [(named(found.parts[at], words), found.values[at].item()) for at in places]
    rest = len(found.parts) - len(places)
    if rest:
        left = found.values.sum().item() - sum(value for _, value in items)
        items.append((words("model.why_others", count=rest), left))
    word, instead = s.names
    title = words("model.why_bars", word=word, instead=instead)
    total = (words("sheet.sum"), found.values.sum().item())
    return SumBars(
        "logit", title, items, total, words(f"model.why_bars_{found.convention}"), words("model.why_share")
    )


def lens_panel(s: Study, words: Words) -> Heatmap:
    """Per layer the likeliest next words."""
    shown = lens_rows(s)
    said = [s.lens.words(SAID)[row] for row in shown]
    cells = [[f"{s.spelled(word)} {share:.2f}" for word, share in row] for row in said]
    names = [stage(row, words) for row in shown]
    return Heatmap(
        "lens", words("model.why_lens"), torch.tensor([[share for _, share in row] for row in said]),
        Axis(names), Axis([str(i + 1) for i in range(len(said[0]))], words("model.why_rank")),
        look=Look(cells=cells, wide=True), caption=words("model.why_lens_text"),
    )  # fmt: skip


def stage(row: int, words: Words) -> str:
    """A row of the lens in words."""
    return words("model.why_after", layer=row - 1) if row else words("model.why_begun")


def lens_rows(s: Study) -> list[int]:
    """Rows of the lens that are shown: all, or evenly chosen ones with the first and the last."""
    count = len(s.lens.logits)
    if count <= STEPS:
        return list(range(count))
    return [round(i * (count - 1) / (STEPS - 1)) for i in range(STEPS)]


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A bar or a row of the lens, opened."""
    if place.panel == "lens":
        return lens_sheet(s, words, place.within(len(lens_rows(s)), SAID))
    places = listed(s)
    rest = len(s.shares.parts) > len(places)
    place = place.within(len(places) + rest, 1)
    if place.row == len(places):
        return others_sheet(s, words, places)
    return part_sheet(s, words, places[place.row])


def part_sheet(s: Study, words: Words, at: int) -> Sheet:
    """A part's share, and where a head moved it from."""
    found = s.shares
    part, value = found.parts[at], found.values[at].item()
    before = found.values[:at].sum().item()
    word, instead = s.names
    lines = [
        (words("model.why_share"), "", show(value)),
        (words("model.why_of_total"), f"{show(value)} / {show(found.total)}",
         show(value / found.total) if found.total else "–"),
        (words("model.why_running"), f"{show(before)} + {show(value)}", show(before + value)),
    ]  # fmt: skip
    text = words(f"model.why_part_{part.kind}_text", word=word, instead=instead)
    page = Sheet(words("model.why_sheet_part", part=named(part, words)), [Section(text=text, lines=lines)])
    moved = found.moved[at]
    if part.kind != "head":
        return page
    if moved is None:
        return page.then(Section(words("model.why_moved"), words("model.why_moved_sum")))
    weights = s.weights_of(part)
    rows = [
        [f"{token} ({i})", show(weights[i].item()), show(moved[i].item())]
        for i, token in enumerate(s.tokens.tokens)
    ]
    rows.append([words("sheet.sum"), show(weights.sum().item()), show(moved.sum().item())])
    columns = [words("model.why_from"), words("sheet.weight"), words("model.why_share")]
    text = words("model.why_moved_text", token=s.tokens.tokens[-1])
    return page.then(Section(words("model.why_moved"), text, Grid(columns, rows, total=True)))


def others_sheet(s: Study, words: Words, places: list[int]) -> Sheet:
    """All parts that have no bar of their own: the largest of them, and their sum."""
    found = s.shares
    left = sorted(set(range(len(found.parts))) - set(places), key=lambda at: -found.values[at].abs().item())
    shown = [[named(found.parts[at], words), show(found.values[at].item())] for at in left[:10]]
    total = sum(found.values[at].item() for at in left)
    rest = total - sum(found.values[at].item() for at in left[:10])
    if len(left) > 10:
        shown.append([words("model.why_others", count=len(left) - 10), show(rest)])
    shown.append([words("sheet.sum"), show(total)])
    columns = [words("model.why_part"), words("model.why_share")]
    title = words("model.why_others", count=len(left))
    return Sheet(title, [Section(table=Grid(columns, shown, total=True))])


def lens_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The likeliest words of one layer, from logit to probability."""
    row = lens_rows(s)[place.row]
    logits = s.lens.logits[row].double()
    top = logits.max().item()
    total = (logits - top).exp().sum().item()
    said = s.lens.words(8)[row]
    rows = [
        [s.spelled(word), show(logits[word].item()), show((logits[word] - top).exp().item()), show(share)]
        for word, share in said
    ]
    columns = [words("model.why_word"), words("model.why_logit_of"), f"exp(… - {show(top)})",
               words("model.why_p")]  # fmt: skip
    lines = [(words("model.why_all_words", count=len(logits)), "", show(total))]
    text, title = words("model.why_sheet_lens_text"), words("model.why_sheet_lens", layer=stage(row, words))
    return Sheet(title, [Section(text=text, table=Grid(columns, rows), lines=lines)])
