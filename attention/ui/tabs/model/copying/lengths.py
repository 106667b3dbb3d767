"""Lengths never trained on, and the cheaper trick that one fixed length teaches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .....copier import LONGEST
from .....copying import LENGTHS, Exam, best_heads, evaluate, open_weight
from ....page.guard import Json, Refusal
from ....page.panels import Panel, Readouts, heading
from ....page.plots import Curve, Plot
from ....page.scene import Place, Task
from ....page.sheet import Sheet, cell_sheet, show
from ....page.texts import Words
from ..inputs import LETTERS, Inputs
from .learn import named, spots
from .letters import letters_of
from .panels import weight_map
from .plain import stretched
from .runs import FIXED, FIXED_STEPS, STEPS, Head, Recording, recording

EXAMINED = range(2, LONGEST + 1)
TRAINED = FIXED[0]  # the one length
BACK = TRAINED - 1  # where what comes next stood, if every sequence has that length


@dataclass(frozen=True, eq=False)
class Lengths:
    """Two networks of one seed: taught at lengths 6 to 12, and at 12 alone. ids: what the maps are of."""

    inputs: Inputs
    varied: Recording
    fixed: Recording
    ids: Tensor

    @cached_property
    def exams(self) -> dict[str, list[Exam]]:
        """Both networks at every length."""
        runs = {"varied": self.varied, "fixed": self.fixed}
        return {name: [evaluate(run.network(), n) for n in EXAMINED] for name, run in runs.items()}

    def at(self, name: str, length: int) -> Exam:
        return self.exams[name][length - EXAMINED[0]]

    @property
    def heads(self) -> tuple[Head, Head]:
        """The copying head of the one; of the other the head that looks ``BACK`` back most."""
        copying = best_heads(self.varied.exam)[1]
        back = self.fixed.exam.distance[..., BACK]
        layer, head = divmod(int(back.argmax()), back.shape[1])
        return copying, (layer, head)

    def network(self, which: int) -> Recording:
        return (self.varied, self.fixed)[which]

    def panels(self, words: Words) -> list[Panel]:
        length, letters = self.inputs.length, letters_of(self.ids)
        sides = words("model.copy_query"), words("model.copy_key")
        titles = [words(f"model.copy_{name}_head", head=named(head), length=length)
                  for name, head in zip(("varied", "fixed"), self.heads, strict=True)]  # fmt: skip
        maps = [
            self.network(i).network().look(self.ids[None])[1][0][head] for i, head in enumerate(self.heads)
        ]
        low, high = LENGTHS
        return [
            heading(words("model.copy_lengths"), words("model.copy_lengths_text", low=low, high=high)),
            self.accuracies(words),
            self.distances(words),
            Readouts("copy_two", self.figures(words), wide=True),
            heading(words("model.copy_two_maps", length=length), words("model.copy_two_maps_text")),
            weight_map("varied", titles[0], maps[0], letters, sides),
            weight_map("fixed", titles[1], maps[1], letters, sides),
        ]  # fmt: skip

    def accuracies(self, words: Words) -> Plot:
        """How often both are right over the repetition, length by length."""
        x = torch.tensor(list(EXAMINED), dtype=torch.float32)
        curves = [
            Curve(words(f"model.copy_{name}"), "line", x, torch.tensor([e.accuracy for e in exams]), role)
            for (name, exams), role in zip(self.exams.items(), ("accent", "data"), strict=True)
        ]
        return Plot("by_length", words("model.copy_by_length"), curves, words("model.copy_length"),
                    words("model.copy_accuracy"), words("model.copy_by_length_caption"))  # fmt: skip

    def distances(self, words: Words) -> Plot:
        """The weight that each network's head puts on each distance back, at this length."""
        length, curves = self.inputs.length, list[Curve]()
        for name, head, role in zip(("varied", "fixed"), self.heads, ("accent", "data"), strict=True):
            y = self.at(name, length).distance[head]
            x = torch.arange(len(y), dtype=torch.float32)
            curves.append(Curve(words(f"model.copy_{name}"), "line", x, y, role))
        return Plot("by_distance", words("model.copy_by_distance", length=length), curves,
                    words("model.copy_distance"), words("model.copy_weight"),
                    words("model.copy_by_distance_caption", length=length, back=length - 1))  # fmt: skip

    def figures(self, words: Words) -> list[tuple[str, str, str]]:
        length = self.inputs.length
        found = []
        for name in ("varied", "fixed"):
            now, taught = self.at(name, length), self.at(name, TRAINED)
            found.append((
                words(f"model.copy_{name}"), f"{now.accuracy:.0%}",
                words("model.copy_two_note", length=length, prefix=show(now.prefix.max().item(), 2),
                      taught=f"{taught.accuracy:.0%}", trained=TRAINED,
                      score=show(taught.prefix.max().item(), 2)),
            ))  # fmt: skip
        return found

    def sheet(self, words: Words, place: Place) -> Sheet:
        names = ("varied", "fixed")
        if place.panel not in names:
            raise Refusal("no_such_cell")
        which, n = names.index(place.panel), len(self.ids)
        place.within(n, n)
        network = self.network(which).network()
        cell = open_weight(network, self.ids, *self.heads[which], place.row, place.column)
        return cell_sheet(cell, words, *spots(letters_of(self.ids), place))

    def snippet(self) -> str:
        seed = self.inputs.run_seed
        return f"""import torch

from attention.copying import evaluate, train

varied = train(seed={seed}, steps={STEPS}).model
fixed = train(seed={seed}, steps={FIXED_STEPS}, lengths={FIXED}).model
for length in range({EXAMINED.start}, {EXAMINED.stop}):
    print(length, evaluate(varied, length).accuracy, evaluate(fixed, length).accuracy)
ids = torch.tensor([{self.ids.tolist()}])
for model, head in ((varied, {self.heads[0]}), (fixed, {self.heads[1]})):
    print(evaluate(model, {self.inputs.length}).distance[head])   # weight by distance back
    print(model.look(ids)[1][0][head])                            # queries x keys
"""

    def plain(self) -> str:
        return stretched(self)

    def results(self) -> Json:
        return {"lengths": list(EXAMINED)} | {
            name: {"accuracy": [e.accuracy for e in exams], "prefix": [e.prefix.max().item() for e in exams]}
            for name, exams in self.exams.items()
        }

    def tasks(self, words: Words) -> list[Task]:
        """What is left at this length; and how far back the head of the fixed network looks."""
        length, head = self.inputs.length, self.heads[1]
        now, taught = self.at("fixed", length), self.at("fixed", TRAINED)
        veil = ["by_length", "by_distance", "copy_two", "fixed"]
        found = [Task(
            "copy_back", words("model.copy_task_back", trained=TRAINED), int(taught.distance[head].argmax()),
            words("model.copy_task_back_why", trained=TRAINED, back=int(taught.distance[head].argmax()),
                  share=f"{taught.distance[head].max().item():.0%}"), hides=veil,
        )]  # fmt: skip
        if length != TRAINED:
            other = self.at("varied", length)
            found.insert(0, Task(
                "copy_other", words("model.copy_task_other", trained=TRAINED, length=length,
                                    taught=f"{taught.accuracy:.0%}"), 100 * now.accuracy,
                words("model.copy_task_other_why", length=length, now=f"{now.accuracy:.0%}",
                      varied=f"{other.accuracy:.0%}", trained=TRAINED,
                      prefix=show(now.prefix.max().item(), 2)),
                tolerance=10.0, unit="%", bar=(0.0, 100.0), hides=veil,
            ))  # fmt: skip
        return found

    def notices(self, words: Words) -> list[str]:
        return []


def study(inputs: Inputs) -> Lengths:
    """Both networks, and as many letters as are asked for, then the same again."""
    noise = torch.rand(len(LETTERS), generator=torch.Generator().manual_seed(inputs.length))
    ids = noise.argsort()[: inputs.length].repeat(2)
    seed = inputs.run_seed
    return Lengths(inputs, recording(2, seed), recording(2, seed, FIXED), ids)
