"""Understand it: what each head does on this text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from ....heads import ROLES, RoleScore, join_pieces, pair_filter, threshold
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Look, Panel, Part, Scale, heading
from ...page.scene import Place, Scene
from ...page.sheet import Section, Sheet, show
from ...page.texts import Words
from . import answers, asks
from . import study as common
from .asks import Asked
from .captured import Captured
from .inputs import MEASURING, READING, Inputs, within
from .measures import able, measured
from .opened import Opened, as_it_is, is_small, later, open_head
from .plain import plain
from .remarks import no_induction, no_such_token
from .study import Study, code_of, look, ready, results
from .zoom import short_only

AT_ONCE = 160  # tokens up to which all heads are measured with the first picture; longer texts ask again
LISTED = 6  # heads of a role that are named


def study(inputs: Inputs) -> Study:
    """One run, untouched; of the open head what is asked for."""
    plain = look(inputs, code_of(inputs, cuts=cuts(inputs)))
    short_only(plain)
    if inputs.token < 0:
        within("token", inputs.token, len(plain.tokens))
    return Study(plain, shaped(as_it_is(plain, inputs)))


def cuts(inputs: Inputs) -> list[str]:
    """The functions of ``attention.heads`` that shape the open head."""
    some, block = inputs.minimum > 0, inputs.part != "all"
    wanted = {"join_pieces": inputs.join, "pair_filter": block, "threshold": some}
    return [name for name, on in wanted.items() if on]


def shaped(head: Opened) -> Opened:
    """The open head with words joined, a pair's block cut out, and small weights dropped."""
    if head.rows != head.columns:
        return head
    weights, places, tokens, inputs = head.weights, head.rows, head.captured.tokens, head.inputs
    if inputs.join:
        # a text cut in the middle of a word may begin with its second piece
        continues = [tokens.joined[i] and at > 0 for at, [i] in enumerate(places)]
        weights = join_pieces(weights, continues)
        joined: list[list[int]] = []
        for [i], more in zip(places, continues, strict=True):
            if more:
                joined[-1].append(i)
            else:
                joined.append([i])
        places = joined
    rows = columns = places
    if inputs.part != "all":
        segment = [tokens.segment[group[0]] for group in places]
        weights = pair_filter(weights, segment, inputs.part)
        if not weights.numel():
            raise Refusal("no_pair", field="heads.part")
        side = {"A": 0, "B": 1}
        rows, columns = (
            [group for group, part in zip(places, segment, strict=True) if part == side[end]]
            for end in inputs.part.split("->")
        )
    return replace(head, weights=threshold(weights, inputs.minimum), rows=rows, columns=columns)


def answerable(captured: Captured) -> bool:
    """Whether keys can be knocked out one by one: one text that looks at itself, not too long."""
    return able(captured) and len(captured.tokens) <= answers.LONGEST


def quick(captured: Captured) -> bool:
    """Whether the four answers come with the view, and a question about them."""
    return answerable(captured) and len(captured.tokens) <= asks.QUICK


@dataclass(frozen=True, eq=False)
class Roles(Panel):
    """The roles and who has them. items: (name, text, heads); a head: (layer, head, score, chance)."""

    title: str
    caption: str
    items: list[tuple[str, str, list[RoleScore]]]
    words: dict[str, str]

    def encode(self) -> Json:
        def row(one: RoleScore) -> list[object]:
            return [one.layer, one.head, show(one.score, 2), show(one.chance, 2)]

        items = [
            {"name": name, "text": text, "count": len(held), "heads": [row(one) for one in held[:LISTED]]}
            for name, text, held in self.items
        ]
        return {"kind": "roles", "id": self.id, "title": self.title, "items": items, "wide": True,
                "caption": self.caption, "words": self.words}  # fmt: skip


@dataclass(frozen=True, eq=False)
class HeadMap(Heatmap):
    """One number per head, layers x heads; a click opens the head."""

    def encode(self) -> Json:
        return super().encode() | {"kind": "headmap"}


def panels(s: Study, words: Words) -> list[Panel]:
    """Roles and maps, at once or on demand; then the open head."""
    short = len(s.plain.tokens) <= AT_ONCE or not able(s.plain)
    measures = role_panels(s, words) if short else [later("roles", words)]
    return [*measures, *(head(s, words) if is_small(s.plain) else [later("head", words)])]


def role_panels(s: Study, words: Words) -> list[Panel]:
    """Roles with their scores, then three maps of layers x heads."""
    if not able(s.plain):
        return [heading(words("heads.roles"), words("heads.roles_need_self"))]
    found = measured(s.plain)
    items = [
        (words(f"heads.role.{role}"), words(f"heads.role.{role}.text"),
         sorted((one for one in found.roles if one.role == role), key=lambda one: -one.score))
        for role in ROLES
    ]  # fmt: skip
    missing = no_induction(s.plain, {one.role for one in found.roles}, words)
    said = {key: words(f"heads.{key}") for key in ("role_none", "role_more", "role_score", "cell")}
    return [
        heading(words("heads.roles"), " ".join(filter(None, [words("heads.roles_text"), missing]))),
        Roles("roles", words("heads.roles_found"), words("heads.roles_caption"), items, said),
        heading(words("heads.maps"), words("heads.maps_text")),
        *(head_map(name, found.statistics[name], words) for name in ("entropy", "distance", "sink")),
    ]


def head_map(name: str, numbers: Tensor, words: Words) -> HeadMap:
    """A statistic of every head."""
    layers, heads = ([str(i) for i in range(count)] for count in numbers.shape)
    high = max(1.0, numbers.max().item()) if name == "distance" else 1.0
    digits = 1 if name == "distance" and high < 10 else 0 if name == "distance" else 2
    cells = [[f"{one:.{digits}f}".removeprefix("0" if digits == 2 else "") for one in row]
             for row in numbers.tolist()]  # fmt: skip
    return HeadMap(
        name, words(f"heads.{name}"), numbers, Axis(layers, words("heads.layer")),
        Axis(heads, words("heads.head")), Scale(high=high), Look(opens=False, cells=cells),
        words(f"heads.{name}_text"),
    )  # fmt: skip


def head(s: Study, words: Words) -> list[Panel]:
    """The panels that change when another head is picked, and the four answers about it, here or later."""
    top = heading(words("heads.opened"), words("heads.open_text"))
    parts = [Part("head", top), *open_head(s.opened, words)]
    if quick(s.plain):
        parts += four_answers(s, words)
    elif answerable(s.plain):
        parts.append(later("answers", words))
    elif able(s.plain):
        limit = words("heads.answers_too_long", limit=answers.LONGEST)
        parts.append(Part("head", heading(words("heads.answers"), limit)))
    return parts


def four_answers(s: Study, words: Words) -> list[Panel]:
    """The four answers, which take a run per key: the page asks for them last."""
    if not answerable(s.plain):
        raise Refusal("bad_request")
    return [Part("answers", panel) for panel in answers.panels(s.plain, s.inputs, words)]


def roles_found(s: Study, words: Words) -> list[Panel]:
    """Roles and maps of a long text, which take seconds: the page asks for them by themselves."""
    return [Part("roles", panel) for panel in role_panels(s, words)]


def notices(s: Study, words: Words) -> list[str]:
    """What was hidden; who asks; what a filter leaves out."""
    filtered = s.inputs.part != "all" or s.inputs.minimum > 0
    found = common.notices(s, words) + ([words("heads.filtered")] if filtered else [])
    return found + (no_such_token(s.inputs, s.plain, words) if answerable(s.plain) else [])


def tasks(s: Study, words: Words) -> list[Asked]:
    """Those of any open head; of a short text also what the four answers say."""
    found = asks.of_a_head(s, words)
    return found + (asks.of_four(s, answers.four(s.plain, s.inputs), words) if quick(s.plain) else [])


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of the open head, or what one of the four answers means."""
    if place.panel == "answers" and answerable(s.plain):
        return answers.sheet(s.plain, s.inputs, words, place)
    page = common.sheet(s, words, place)
    if s.inputs.minimum == 0:
        return page
    left = show(s.opened.weights[place.row, place.column].item())
    lines = [(words("heads.minimum"), f"≥ {s.inputs.minimum:g}", left)]
    return page.then(Section(words("heads.minimum_title"), lines=lines))


def snippet(s: Study) -> str:
    """The open head's weights, shaped."""
    return code_of(s.inputs, s.opened, cuts=cuts(s.inputs))


SCENE = Scene(
    fields=(*READING, *MEASURING), study=study, panels=panels, sheet=sheet, snippet=snippet,
    results=results, tasks=tasks, notices=notices, ready=ready,
    parts={"head": head, "answers": four_answers, "roles": roles_found}, plain=plain,
)  # fmt: skip
