"""Watching it form: the recorded steps of one training, with the control beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .....copying import CHANCE_LOSS, LENGTHS, evaluate, open_weight
from ....page.guard import Json, Refusal
from ....page.panels import Later, Panel, Part, Readouts, heading
from ....page.plots import Curve, Plot
from ....page.scene import Place, Task
from ....page.sheet import Sheet, cell_sheet, show
from ....page.texts import Words
from ..inputs import Inputs
from .letters import letters_of
from .panels import Circuit
from .plain import learned
from .runs import STEPS, Recording, recording

HALF = CHANCE_LOSS / 2  # below it a run has learned to copy
QUARTERS = 4


@dataclass(frozen=True, eq=False)
class Learn:
    """One recorded training."""

    inputs: Inputs
    run: Recording

    @property
    def jump(self) -> int | None:
        """The first record whose loss is below half of what knowing nothing costs."""
        below = [at for at, step in enumerate(self.run.steps) if step.exam.loss < HALF]
        return below[0] if below else None

    def panels(self, words: Words) -> list[Panel]:
        layers = self.inputs.layers
        return [
            heading(words(f"model.copy_learn_{layers}"), words(f"model.copy_learn_{layers}_text")),
            self.circuit(words),
            Later("beside", words("model.copy_beside")),
            Readouts("copy_figures", self.figures(words), wide=True),
        ]

    def circuit(self, words: Words) -> Circuit:
        """Both heads' maps at every record, and what is measured of them."""
        run, (first, second) = self.run, self.run.pair
        exams = [step.exam for step in run.steps]
        if run.layers > 1:
            previous = [exam.previous[first].item() for exam in exams]
            prefix = [exam.prefix[second].item() for exam in exams]
            names = [words("model.copy_previous_head", head=named(first)),
                     words("model.copy_copying_head", head=named(second))]  # fmt: skip
        else:
            previous = [exam.previous.max().item() for exam in exams]
            prefix = [exam.prefix.max().item() for exam in exams]
            names = [words("model.copy_head", head=named(head)) for head in (first, second)]
        marks = [(words("model.copy_start"), 0), (words("model.copy_end"), len(exams) - 1)]
        if self.jump is not None:
            marks.insert(1, (words("model.copy_jump"), self.jump))
        of_two = run.layers > 1
        return Circuit(
            "circuit", words("model.copy_circuit"), names, [step.step for step in run.steps],
            torch.stack([torch.stack([step.maps[first], step.maps[second]]) for step in run.steps]),
            letters_of(run.shown), (words("model.copy_query"), words("model.copy_key")),
            [(words("model.copy_loss"), [exam.loss for exam in exams], CHANCE_LOSS),
             (words("model.copy_previous" if of_two else "model.copy_previous_best"), previous, None),
             (words("model.copy_prefix" if of_two else "model.copy_prefix_best"), prefix, None)],
            marks, words("model.copy_circuit_caption", chance=show(CHANCE_LOSS, 2)), words("view.step"),
        )  # fmt: skip

    def beside(self, words: Words) -> list[Panel]:
        """The losses of two layers and of one, of the same seed: the other one is trained only now."""
        other = recording(3 - self.run.layers, self.inputs.run_seed)
        of = {run.layers: run for run in (self.run, other)}
        steps = torch.tensor([step.step for step in self.run.steps])

        def losses(layers: int, role: str) -> Curve:
            y = torch.tensor([step.exam.loss for step in of[layers].steps])
            return Curve(words(f"model.copy_layers_{layers}"), "line", steps, y, role)

        chance = torch.full(steps.shape, CHANCE_LOSS)
        ends = {layers: run.exam for layers, run in of.items()}
        return [Part("beside", Plot(
            "losses", words("model.copy_beside"),
            [losses(2, "accent"), losses(1, "data"),
             Curve(words("model.copy_chance"), "line", steps, chance, "muted")],
            words("view.step"), words("model.copy_loss"),
            words("model.copy_beside_caption", **{
                f"{what}{layers}": show(value, 2) for layers, exam in ends.items()
                for what, value in (("loss", exam.loss), ("prefix", exam.prefix.max().item()))
            }), wide=True,
        ))]  # fmt: skip

    def figures(self, words: Words) -> list[tuple[str, str, str]]:
        exam, (first, second) = self.run.exam, self.run.pair
        previous, prefix = exam.previous.max().item(), exam.prefix.max().item()
        heads = (named(first), named(second)) if self.run.layers > 1 else ("", "")
        short = evaluate(self.run.network(), LENGTHS[0]).prefix.max().item()
        return [
            (words("model.copy_loss"), show(exam.loss, 3),
             words("model.copy_loss_note", chance=show(CHANCE_LOSS, 3))),
            (words("model.copy_accuracy"), f"{exam.accuracy:.0%}", words("model.copy_accuracy_note")),
            (words("model.copy_previous_best"), show(previous, 3),
             words("model.copy_of_head", head=heads[0]) if heads[0] else words("model.copy_of_all")),
            (words("model.copy_prefix_best"), show(prefix, 3),
             words("model.copy_of_head", head=heads[1]) if heads[1] else words("model.copy_of_all")),
            (words("model.copy_prefix_short"), show(short, 3), words("model.copy_prefix_short_note")),
        ]  # fmt: skip

    def sheet(self, words: Words, place: Place) -> Sheet:
        """A weight, through the network as it was at that step."""
        if place.panel != "circuit":
            raise Refusal("no_such_cell")
        at, which = self.circuit(words).place(place.frame)
        n = len(self.run.shown)
        place.within(n, n)
        cell = open_weight(
            self.run.network(at), self.run.shown, *self.run.pair[which], place.row, place.column
        )
        return cell_sheet(cell, words, *spots(letters_of(self.run.shown), place))

    def snippet(self) -> str:
        heads = "best_heads(training.steps[-1].exam)" if self.run.layers > 1 else "(0, 0), (0, 1)"
        return f"""from attention.copying import best_heads, train

training = train(layers={self.run.layers}, seed={self.inputs.run_seed}, steps={STEPS})
for step in training.steps:
    print(step.step, step.exam.loss, step.exam.prefix.max().item(), step.exam.previous.max().item())
first, second = {heads}   # (layer, head)
print(training.steps[-1].maps[first])    # queries x keys
print(training.steps[-1].maps[second])
"""

    def plain(self) -> str:
        return learned(self)

    def results(self) -> Json:
        run, exams = self.run, [step.exam for step in self.run.steps]
        return {
            "layers": run.layers, "seed": self.inputs.run_seed, "heads": [list(head) for head in run.pair],
            "steps": [step.step for step in run.steps], "loss": [exam.loss for exam in exams],
            "accuracy": [exam.accuracy for exam in exams],
            "previous": [exam.previous.tolist() for exam in exams],
            "prefix": [exam.prefix.tolist() for exam in exams], "tokens": letters_of(run.shown),
        }  # fmt: skip

    def tasks(self, words: Words) -> list[Task]:
        """What nothing known costs; when it comes; which of the two heads is there first."""
        veil = ["circuit", "copy_figures", "losses"]
        found = [Task("copy_floor", words("model.copy_task_floor"), CHANCE_LOSS,
                      words("model.copy_task_floor_why", chance=show(CHANCE_LOSS, 2)), tolerance=0.06,
                      hides=veil)]  # fmt: skip
        width = STEPS // QUARTERS
        options = [
            words("model.copy_task_when_by", low=i * width, high=(i + 1) * width) for i in range(QUARTERS)
        ]
        never = words("model.copy_task_when_never")
        if self.jump is None:
            exam = self.run.exam
            why = words("model.copy_task_when_not", loss=show(exam.loss, 2), half=show(HALF, 2),
                        prefix=show(exam.prefix.max().item(), 2))  # fmt: skip
            answer = QUARTERS
        else:
            before, after = self.run.steps[self.jump - 1], self.run.steps[self.jump]
            why = words("model.copy_task_when_why", step=after.step, before=show(before.exam.loss, 2),
                        last=before.step, after=show(after.exam.loss, 2), half=show(HALF, 2))  # fmt: skip
            answer = min((after.step - 1) // width, QUARTERS - 1)
        question = words("model.copy_task_when", chance=show(CHANCE_LOSS, 2), half=show(HALF, 2))
        found.append(Task("copy_when", question, answer, why, [*options, never], hides=veil))  # fmt: skip
        return found

    def notices(self, words: Words) -> list[str]:
        return []


def study(inputs: Inputs) -> Learn:
    """The training that is looked at; the other one waits until the page asks."""
    return Learn(inputs, recording(int(inputs.layers), inputs.run_seed))


def named(head: tuple[int, int]) -> str:
    """A head as "layer.head"."""
    return f"{head[0]}.{head[1]}"


def spots(letters: Sequence[str], place: Place) -> tuple[str, str]:
    """The query and the key of a cell, with their places: "K 13"."""
    return f"{letters[place.row]} {place.row + 1}", f"{letters[place.column]} {place.column + 1}"
