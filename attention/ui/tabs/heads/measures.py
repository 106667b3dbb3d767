"""What each head of a run does on its text: its roles, in numbers, in a colour and in one line."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ....heads import ROLES, RoleScore, roles, statistics
from ...page.busy import slot
from ...page.guard import Json
from ...page.panels import Panel
from ...page.sheet import show
from ...page.texts import Words
from .captured import FORWARDS, Captured


@dataclass(frozen=True, eq=False)
class Measured:
    """What all heads do: their roles, and statistics (layers, heads) by name."""

    roles: list[RoleScore]
    statistics: dict[str, Tensor]


def measured(captured: Captured) -> Measured:
    """Roles and statistics of all heads; computed once for a kept run."""
    return captured.memo.once("measured", None, lambda: _measured(captured))


# all layers' weights are 75 MB at 512 tokens: only those who have a place build them
@slot("forward", limit=FORWARDS)
def _measured(captured: Captured) -> Measured:
    special, mask = list(captured.tokens.special), captured.layers[0].mask
    allowed = "none" if mask is None else mask[0].cpu()
    layers = [weights.cpu() for block in captured.blocks() for weights in block]
    found = roles(layers, captured.tokens.ids, special, allowed)
    return Measured(found, statistics(layers, special, allowed))


def able(captured: Captured) -> bool:
    """Whether heads can be measured: where one text looks at itself, and all weights can be had."""
    return captured.model.kind != "encoder-decoder" and not captured.long


@dataclass(frozen=True, eq=False)
class Frames(Panel):
    """The key to the frames around the heads. found: the roles given, the best of a head first.

    While it is in sight the grid's frames are coloured, and one line says what a head does.
    """

    caption: str
    roles: list[tuple[str, str]]  # (name, the rule in words), in the order of ROLES
    found: list[RoleScore]
    words: dict[str, str]

    def encode(self) -> Json:
        counts = [len({(one.layer, one.head) for one in self.found if one.role == role}) for role in ROLES]
        items = [{"role": role, "name": name, "text": text, "count": count}
                 for role, (name, text), count in zip(ROLES, self.roles, counts, strict=True)]  # fmt: skip
        # layer, head, the role's number, score, chance
        heads = [[one.layer, one.head, ROLES.index(one.role), show(one.score, 2), show(one.chance, 2)]
                 for one in self.found]  # fmt: skip
        return {"kind": "frames", "id": self.id, "wide": True, "caption": self.caption, "items": items,
                "heads": heads, "words": self.words}  # fmt: skip


def frames(captured: Captured, words: Words) -> Frames:
    """Every head's roles, measured on this text."""
    names = [(words(f"heads.role.{role}"), words(f"heads.role.{role}.text")) for role in ROLES]
    said = {key: words(f"heads.{key}") for key in ("role_line", "role_line_none", "role_count")}
    return Frames("frames", words("heads.frames_text"), names, measured(captured).roles, said)
