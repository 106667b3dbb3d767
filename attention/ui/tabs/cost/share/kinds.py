"""The picture that the share scene alone has: which query heads read which key head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....page.guard import Json
from ....page.panels import Panel


@dataclass(frozen=True, eq=False)
class SharedHeads(Panel):
    """Query heads above, key heads below, a line for each that reads one; or one short vector for all.

    groups: key heads, 0 for a latent vector of ``size`` numbers. labels: of queries, keys, the vector.
    """

    title: str
    heads: int
    groups: int
    size: int
    name: str
    labels: Sequence[str]
    caption: str

    def encode(self) -> Json:
        return {
            "kind": "sharedheads",
            "id": self.id,
            "title": self.title,
            "caption": self.caption,
            "heads": self.heads,
            "groups": self.groups,
            "size": self.size,
            "name": self.name,
            "labels": list(self.labels),
        }
