"""What a head copies: which word looks for which, and which next word an attended one speaks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .....circuits import Tables
from .....circuits.tables import MOST_WORDS
from ....page.panels import Axis, Heatmap, Later, Look, Panel, Part, heading, signed
from ....page.scene import Place
from ....page.sheet import Grid, Section, Sheet, cell_sheet, product_rows, show
from ....page.texts import Words
from .kinds import Pairs
from .study import Study

STRONGEST = 24  # pairs in the list
CHINESE = re.compile(r"[\u3000-\uffef]")


def able(s: Study) -> bool:
    """Whether the model is small enough for a row and a column a word."""
    return s.speaks and bool(s.model.tokenizer) and len(s.model.tokenizer) <= MOST_WORDS


def panels(s: Study, words: Words) -> list[Panel]:
    """The tables come by themselves: they are the heaviest part of the view."""
    text = words("model.why_tables_text" if able(s) else "model.why_no_tables")
    top = heading(words("model.why_tables"), text)
    return [top, Later("tables", words("model.why_reading"))] if able(s) else [top]


def later(s: Study, words: Words) -> Sequence[Panel]:
    """The answer to the ``Later`` panel: both tables, each with its strongest pairs."""
    if not able(s):
        return [Part("tables", one) for one in panels(s, words)]
    layer, head = s.chosen
    found: list[Panel] = []
    for name, table in (("looks", s.tables.looks), ("writes", s.tables.writes)):
        rows, columns = orders(s, table)
        shown = table[rows][:, columns].float()
        asked, answered = (
            Axis([s.spelled(word) for word in side], words(f"model.why_{name}_{at}"))
            for at, side in (("row", rows), ("column", columns))
        )
        drawn = Heatmap(
            name, words(f"model.why_{name}", layer=layer, head=head), shown, asked, answered, signed(shown),
            Look(digits=1, wide=True), words(f"model.why_{name}_text", **facts(s, name)),
        )  # fmt: skip
        titles = asked.title, answered.title, words("model.why_value")
        found += [drawn, Pairs(f"{name}_pairs", words(f"model.why_{name}_pairs"), drawn, strongest(shown),
                               words("model.why_pairs_text", count=STRONGEST), titles)]  # fmt: skip
    return [Part("tables", panel) for panel in found]


def facts(s: Study, name: str) -> dict[str, Any]:
    """Numbers that the caption names: for what a head writes, the share of words it copies."""
    if name == "looks":
        return {}
    own = kept(s)
    best = s.tables.writes[own].argmax(1).tolist()
    return {"count": sum(word == spoken for word, spoken in zip(own, best, strict=True)), "all": len(own)}


def kept(s: Study) -> list[int]:
    """The words of the text's language, signs included: two languages in one table are two tables."""
    count = len(s.tables.looks)
    chinese = bool(CHINESE.search(s.inputs.text))
    return [
        word for word, name in enumerate(s.model.tokenizer.convert_ids_to_tokens(list(range(count))))
        if not name.startswith("<") and bool(CHINESE.search(name)) == chinese
    ]  # fmt: skip


def orders(s: Study, table: Tensor) -> tuple[list[int], list[int]]:
    """Rows and columns as the vocabulary lists them, or those with the largest numbers first."""
    own = kept(s)
    if s.inputs.order == "listed":
        return own, own
    part = table[own][:, own].abs()
    rows, columns = (part.amax(side).argsort(descending=True).tolist() for side in (1, 0))
    return [own[i] for i in rows], [own[i] for i in columns]


def strongest(shown: Tensor) -> list[tuple[int, int, float]]:
    """The cells with the largest numbers."""
    best = shown.flatten().topk(min(STRONGEST, shown.numel()))
    places = [divmod(at, shown.shape[1]) for at in best.indices.tolist()]
    return [(row, column, value) for (row, column), value in zip(places, best.values.tolist(), strict=True)]


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A cell of a table: q · k of two words, or what an attended word writes towards another."""
    found: Tables = s.tables
    rows, columns = orders(s, found.looks if place.panel == "looks" else found.writes)
    place = place.within(len(rows), len(columns))
    one, other = rows[place.row], columns[place.column]
    names = s.spelled(one), s.spelled(other)
    if place.panel == "looks":
        page = cell_sheet(found.open_look(one, other), words, *names)
        return Sheet(page.title, page.sections[:2])  # the softmax would go over a whole vocabulary
    terms = found.open_write(one, other)
    value, reads = found.value[one], found.reads[:, other]
    total = terms.sum().item()
    lines = product_rows(value, reads, terms, total, words)
    lines.append([words("sheet.sum"), "", "", show(total)])
    header = [words("sheet.dimension"), "v", "W_O u", "v × W_O u"]
    rank = int((found.writes[one] > found.writes[one, other]).sum()) + 1
    line = (words("model.why_rank"), "", words("model.why_rank_of", rank=rank, count=len(found.writes)))
    title = words("model.why_sheet_writes", word=names[0], spoken=names[1])
    return Sheet(title, [Section(words("model.why_products"), words("model.why_sheet_writes_text"),
                                 Grid(header, lines, total=True), [line])])  # fmt: skip
