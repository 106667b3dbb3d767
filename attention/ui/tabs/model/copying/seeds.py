"""Ten seeds, trained in the page one after the other: was it luck?"""

from __future__ import annotations

from dataclasses import dataclass

from .....copying import CHANCE_LOSS, LENGTHS, Copier, Training, best_heads, evaluate, open_weight, train
from .....training import load_model
from ....page.busy import slot
from ....page.guard import Json, Refusal
from ....page.panels import Panel, heading
from ....page.scene import Carried, Place, Task
from ....page.sheet import Sheet, cell_sheet, show
from ....page.texts import Words
from ..inputs import Inputs
from .learn import spots
from .letters import letters_of
from .panels import Race
from .plain import raced
from .runs import STEPS

SEEDS = 10
CHUNK, EVERY = 100, 20  # steps of a chunk, well under a second on one core, and of a record
SAID = (
    "two", "one", "stop", "go_on", "again", "seed", "loss", "prefix", "previous", "learned", "yes", "no",
    "at", "never", "sum", "under_way", "empty", "offline", "half", "curves", "look",
)  # fmt: skip
HALF, BAR = CHANCE_LOSS / 2, 0.5  # a run has learned it with a loss below and a prefix score from here on


@dataclass(frozen=True, eq=False)
class Seeds:
    """Nothing is computed before the page asks for a chunk."""

    inputs: Inputs

    def panels(self, words: Words) -> list[Panel]:
        said = {name: words(f"model.copy_race_{name}") for name in SAID}
        return [
            heading(words("model.copy_seeds"), words("model.copy_seeds_text")),
            Race("race", words("model.copy_race"), SEEDS, STEPS, HALF, 1.5 * CHANCE_LOSS, BAR, said,
                 words("model.copy_race_caption", half=show(HALF, 2), bar=show(BAR, 1))),
        ]  # fmt: skip

    def sheet(self, words: Words, place: Place) -> Sheet:
        raise Refusal("no_such_cell")

    def snippet(self) -> str:
        return f"""from attention.copying import train

for seed in range({SEEDS}):
    exam = train(2, seed, steps={STEPS}, every={EVERY}).steps[-1].exam
    learned = exam.loss < {HALF!r} and exam.prefix.max().item() >= {BAR}
    print(seed, exam.loss, exam.prefix.max().item(), exam.previous.max().item(), learned)
"""

    def plain(self) -> str:
        return raced(self)

    def results(self) -> Json:
        """The first chunk of the run of this seed, as plain numbers."""
        shown = chunk(self.inputs, None, CHUNK).shown
        return {"seed": self.inputs.run_seed, "layers": int(self.inputs.layers)} | shown

    def tasks(self, words: Words) -> list[Task]:
        return []

    def notices(self, words: Words) -> list[str]:
        return []


def study(inputs: Inputs) -> Seeds:
    return Seeds(inputs)


def chunk(inputs: Inputs, state: bytes | None, steps: int) -> Carried:
    """The next steps of the run of this seed, and how it does on unseen sequences now and on the way."""
    with slot("copying_seeds", limit=2, wait=5.0, waiting=8):
        made = train(int(inputs.layers), inputs.run_seed, steps, every=EVERY, state=state)
    assert made.state is not None
    return Carried(made.state, shown_of(made))


def shown_of(made: Training) -> Json:
    exams = [step.exam for step in made.steps]
    return {
        "step": made.steps[-1].step, "steps": [step.step for step in made.steps],
        "losses": [exam.loss for exam in exams],
        "prefix": [exam.prefix.max().item() for exam in exams],
        "previous": [exam.previous.max().item() for exam in exams],
        "learned": [bool(exam.loss < HALF and exam.prefix.max().item() >= BAR) for exam in exams],
    }  # fmt: skip


def trained_sheet(inputs: Inputs, state: bytes, words: Words, place: Place) -> Sheet:
    """A weight of the copying head inside a state, on the sequence that the recorded maps are of."""
    network = load_model(state, Copier(int(inputs.layers)), inputs.run_seed)
    exam = evaluate(network, LENGTHS[1])
    shown = train(int(inputs.layers), inputs.run_seed, 1, every=1, stop=lambda: True).shown
    place.within(len(shown), len(shown))
    cell = open_weight(network, shown, *best_heads(exam)[1], place.row, place.column)
    return cell_sheet(cell, words, *spots(letters_of(shown), place))
