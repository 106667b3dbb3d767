"""What a learner sets in the model tab, by scene; a text is shared by those that read one."""

from __future__ import annotations

from dataclasses import dataclass

from ....circuits import CONVENTIONS
from ....copier import VOCABULARY
from ...page.fields import Choice, Number, Text, Whole, given
from ...page.guard import Refusal

GAVE = "ann and bo went to the park . ann gave the ball to"
OTHER = "ann and bo went to the park . bo gave the ball to"
STORY = ("teller", "text", "written", "place", "temperature", "top_k", "seed")  # what the scene `story` reads
WHY = (
    "model", "text", "other", "word", "instead", "layer", "head", "convention", "query", "key", "order",
)  # fmt: skip
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWX"  # of the scene `copy`, one a token
LONGEST_TEXT = 24  # letters: the length of two repetitions of twelve, and a map that can be read
STAGES = ("learn", "seeds", "use", "lengths", "models")
KNOCKS = ("none", "previous", "other", "copying")

assert len(LETTERS) == VOCABULARY


@dataclass(frozen=True)
class Sequence(Text):
    """Letters from A to X, spaces aside, each of them a token."""

    def check(self, value: object, label: str) -> str:
        text = super().check(value, label).upper()
        letters = "".join(text.split())
        if not 2 <= len(letters) <= LONGEST_TEXT or set(letters) - set(LETTERS):
            raise Refusal("not_letters", field=label, low="2", high=str(LONGEST_TEXT))
        return letters

    @property
    def limits(self) -> str:
        return f"2 to {LONGEST_TEXT} letters from A to X; spaces do not count."


@dataclass(frozen=True)
class Inputs:
    """``scene`` is the scene.

    ``story``: teller, which model; written, words that it added; place, whose column is drawn (1 for the
    first word, 0 for the last); top_k, 0 for all words. ``why``: word and instead, "" for what the model
    itself would say. ``copy``: stage, what is looked at; the network of ``run_seed`` is trained for each.
    """

    scene: str = given(Choice("story", ("story", "why", "copy")))
    model: str = given(Choice("storyteller", ("storyteller", "minilm", "smollm2"), radio=False))
    teller: str = given(Choice("storyteller", ("storyteller", "smollm2", "gpt2"), radio=False))
    text: str = given(Text(GAVE, 400, lines=2))
    written: int = given(Whole(0, 0, 20))
    place: int = given(Whole(0, 0, 80, typed=True))
    temperature: float = given(Number(1.0, 0.1, 3.0, 0.1))
    top_k: int = given(Whole(0, 0, 20))
    seed: int = given(Whole(0, 0, 99))
    other: str = given(Text(OTHER, 400, lines=2, required=False))
    word: str = given(Text("", 40, required=False))
    instead: str = given(Text("", 40, required=False))
    layer: int = given(Whole(0, 0, 47, typed=True))
    head: int = given(Whole(3, 0, 47, typed=True))
    convention: str = given(Choice("shared", CONVENTIONS))
    query: int = given(Whole(12, 0, 127, typed=True))
    key: int = given(Whole(8, 0, 127, typed=True))
    order: str = given(Choice("listed", ("listed", "strong"), radio=False))
    stage: str = given(Choice("learn", STAGES))
    layers: str = given(Choice("2", ("2", "1")))
    run_seed: int = given(Whole(0, 0, 9))
    sequence: str = given(Sequence("PAINTBOXPAINTBOX", limit=60))
    knock: str = given(Choice("none", KNOCKS))
    length: int = given(Whole(8, 2, 16))
    ranked: str = given(Choice("storyteller", ("storyteller", "smollm2", "gpt2")))
