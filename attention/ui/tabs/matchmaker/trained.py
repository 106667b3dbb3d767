"""The matchmaker that learns: projections trained on evenings, recorded and played back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ....matchmaker import Training, make_people, train_dating
from ....steps import forward_steps
from ...page.busy import slot
from ...page.guard import Json, Refusal
from ...page.panels import (
    Arrays,
    Axis,
    Heatmap,
    Look,
    Panel,
    Readouts,
    Saved,
    Table,
    heading,
    numbers,
    signed,
)
from ...page.players import Player, frame_at
from ...page.scene import Place, Scene, Task
from ...page.sheet import Sheet, cell_sheet, show
from ...page.texts import Words
from .inputs import Inputs
from .plain import trained

BOASTED = 2  # the first traits of ``make_people``, in which everybody claims the same


@dataclass(frozen=True, eq=False)
class Belief(Panel, Saved):
    """What each trait counts in a score, step by step: bars that follow a player. frames: (steps, traits)."""

    title: str
    names: Sequence[str]
    steps: Sequence[int]
    frames: Tensor
    follows: str
    caption: str

    def encode(self) -> Json:
        return {
            "kind": "belief", "id": self.id, "title": self.title, "names": list(self.names),
            "steps": list(self.steps), "frames": numbers(self.frames), "follows": self.follows,
            "caption": self.caption,
        }  # fmt: skip

    def table(self) -> Table:
        return Table(self.frames.float().numpy(), [str(step) for step in self.steps], self.names)

    def arrays(self) -> Arrays:
        return super().arrays() | {"steps": np.array(self.steps)}


@dataclass(frozen=True, eq=False)
class Study:
    """A recorded training."""

    inputs: Inputs
    training: Training


def study(inputs: Inputs) -> Study:
    """The training for these inputs."""
    return Study(inputs, _train(
        inputs.candidates, inputs.seed, inputs.steps, inputs.learning_rate, inputs.dropout,
        inputs.weight_decay,
    ))  # fmt: skip


@lru_cache(maxsize=64)  # a pure function of its arguments, for the next question about the same training
@slot("training", limit=1)
def _train(
    candidates: int, seed: int, steps: int, learning_rate: float, dropout: float, weight_decay: float
) -> Training:
    return train_dating(
        seed=seed, steps=steps, learning_rate=learning_rate, dropout=dropout,
        weight_decay=weight_decay, people=make_people(candidates, seed=seed),
    )  # fmt: skip


def panels(s: Study, words: Words) -> list[Panel]:
    """The player: weights of one unseen evening and the curves, step by step."""
    training = s.training
    everybody = range(1, s.inputs.candidates + 1)
    people = [words("matchmaker.seeker", number=i) for i in everybody]
    others = [words("matchmaker.candidate", number=i) for i in everybody]
    last = len(training.steps) - 1
    middle = min(range(last + 1), key=lambda i: abs(training.entropy[i] - training.entropy[0] / 2))
    player = Player(
        "training", words("matchmaker.training"), training.steps, torch.stack(training.weights),
        Axis(people, words("matchmaker.query")), Axis(others, words("matchmaker.key")),
        curves=[(words(f"matchmaker.{name}"), getattr(training, name))
                for name in ("loss", "entropy", "accuracy")],
        marks=[(words("matchmaker.early"), 0), (words("matchmaker.middle"), middle),
               (words("matchmaker.late"), last)],
        caption=words("matchmaker.training_caption"), step_word=words("view.step"),
    )  # fmt: skip
    figures = [
        (words("matchmaker.entropy_first"), show(training.entropy[0], 3), words("matchmaker.entropy_note")),
        (words("matchmaker.entropy_last"), show(training.entropy[-1], 3), words("matchmaker.entropy_unit")),
        (words("matchmaker.accuracy"), f"{training.accuracy[-1]:.0%}", words("matchmaker.accuracy_note")),
    ]
    return [
        heading(words("matchmaker.training_title"), words("matchmaker.training_text")),
        player,
        belief(training, words),
        believed(training, [name for name, _ in player.marks], [at for _, at in player.marks], words),
        Readouts("figures", figures),
    ]


def counts(training: Training, at: Sequence[int]) -> Tensor:
    """How much each trait counts in a score, at these records: diag(W_q W_k^T) / sqrt(p); (records, d)."""
    w_q, w_k, _ = (torch.stack(same) for same in zip(*(training.projections[i] for i in at), strict=True))
    return (w_q @ w_k.mT).diagonal(dim1=-2, dim2=-1) * w_q.shape[-1] ** -0.5


def belief(training: Training, words: Words) -> Belief:
    """The same at every record, as bars that follow the player."""
    frames = counts(training, range(len(training.steps)))
    traits = [words("matchmaker.trait_number", number=i + 1) for i in range(frames.shape[1])]
    names = [words("matchmaker.boasted", trait=one) for one in traits[:BOASTED]] + traits[BOASTED:]
    return Belief("belief", words("matchmaker.belief"), names, training.steps, frames, "training",
                  words("matchmaker.belief_caption"))  # fmt: skip


def believed(training: Training, names: list[str], at: list[int], words: Words) -> Heatmap:
    """How much each trait counts in a score, at the named records."""
    found = counts(training, at)
    traits = Axis([str(i + 1) for i in range(found.shape[1])], words("matchmaker.trait"))
    return Heatmap("believed", words("matchmaker.believed"), found, Axis(names, words("view.step")), traits,
                   signed(found), Look(opens=False), words("matchmaker.believed_caption"))  # fmt: skip


def notices(s: Study, words: Words) -> list[str]:
    """A training that ran away says so."""
    return [words("matchmaker.diverged", step=s.training.steps[-1])] if s.training.diverged else []


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A trained cell: the people of the evening shown, through the projections of that step."""
    training, row, column = s.training, place.row, place.column
    if place.panel != "training":
        raise Refusal("no_such_cell")
    frame = frame_at(place.frame, len(training.steps))
    place.within(s.inputs.candidates, s.inputs.candidates)
    people, projections = training.people, training.projections[frame]
    steps = forward_steps(people.queries[0, row], people.keys[0], people.values[0], projections=projections)
    names = words("matchmaker.seeker", number=row + 1), words("matchmaker.candidate", number=column + 1)
    return cell_sheet(steps.cells[column], words, *names, left="q W_q", right="k W_k")


def snippet(s: Study) -> str:
    """Code that prints the entropies and the last weights."""
    inputs = s.inputs
    return f"""from attention.matchmaker import make_people, train_dating

training = train_dating(
    seed={inputs.seed}, steps={inputs.steps}, learning_rate={inputs.learning_rate!r},
    dropout={inputs.dropout!r}, weight_decay={inputs.weight_decay!r},
    people=make_people({inputs.candidates}, seed={inputs.seed}),
)
print(training.entropy[0], training.entropy[-1])   # even, then sharp (nats)
print(training.weights[-1])                        # queries x keys
"""


def results(s: Study) -> Json:
    training = s.training
    return {
        "steps": training.steps, "loss": training.loss, "entropy": training.entropy,
        "accuracy": training.accuracy, "weights_first": training.weights[0].tolist(),
        "weights_last": training.weights[-1].tolist(), "diverged": training.diverged,
    }  # fmt: skip


def tasks(s: Study, words: Words) -> list[Task]:
    count = s.inputs.candidates
    return [
        Task("even", words("matchmaker.task_even", count=count), torch.tensor(float(count)).log().item(),
             words("matchmaker.task_even_why"), tolerance=0.05, hides=["figures"]),
        Task("boast", words("matchmaker.task_boast"), 1, words("matchmaker.task_boast_why"),
             [words("matchmaker.task_boast_yes"), words("matchmaker.task_boast_no")],
             hides=["belief", "believed"]),
        Task("learned", words("matchmaker.task_learned"), 100 * s.training.accuracy[-1],
             words("matchmaker.task_learned_why"), tolerance=5.0, unit="%", hides=["training", "figures"]),
    ]  # fmt: skip


SCENE = Scene(
    fields=("candidates", "seed", "steps", "learning_rate", "dropout", "weight_decay"),
    study=study, panels=panels, sheet=sheet, snippet=snippet, results=results, tasks=tasks,
    notices=notices, plain=trained,
)  # fmt: skip
