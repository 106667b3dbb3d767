"""Afterwards: letters of one's own, and what is left when a head is gone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .....copying import CHANCE_LOSS, Exam, best_heads, evaluate, follows, open_weight
from ....page.guard import Json, Refusal
from ....page.panels import Panel, Readouts, heading
from ....page.scene import Goal, Place, Point, Task
from ....page.sheet import Sheet, cell_sheet, show
from ....page.texts import Words
from ..inputs import LETTERS, Inputs
from .learn import named, spots
from .letters import letters_of, tokens_of
from .panels import Said, weight_map
from .plain import used
from .runs import STEPS, Head, Recording, recording

WANTED = "X"  # the letter that a goal asks for
BLIND = 0.5  # of its score: what is left of a copying head that went blind


@dataclass(frozen=True, eq=False)
class Use:
    """A trained network on the learner's letters. logits (n, V), maps (L, h, n, n), with the head gone."""

    inputs: Inputs
    run: Recording
    ids: Tensor
    gone: frozenset[Head]
    logits: Tensor
    maps: Tensor

    @property
    def heads(self) -> tuple[Head, Head]:
        """The previous-token head and the copying head."""
        return best_heads(self.run.exam)

    @cached_property
    def exam(self) -> Exam:
        """On unseen sequences of the trained length, with the head gone."""
        return self.examined(self.gone)

    def examined(self, gone: frozenset[Head]) -> Exam:
        return evaluate(self.run.network(), knock_out=gone) if gone else self.run.exam

    @cached_property
    def without_previous(self) -> Exam:
        """The same, with the previous-token head gone."""
        gone = frozenset([self.heads[0]])
        return self.exam if gone == self.gone else self.examined(gone)

    def panels(self, words: Words) -> list[Panel]:
        (first, second), letters = self.heads, letters_of(self.ids)
        sides = words("model.copy_query"), words("model.copy_key")
        what = words(f"model.knock.{self.inputs.knock}")
        shares = self.logits.softmax(-1)
        said = Said(
            "said", words("model.copy_said"), letters, [LETTERS[i] for i in shares.argmax(-1).tolist()],
            shares.amax(-1).tolist(), follows_known(self.ids),
            {name: words(f"model.copy_said_{name}") for name in ("cell", "last", "right", "wrong", "new")},
            words("model.copy_said_caption"),
        )  # fmt: skip
        return [
            heading(words("model.copy_use"), words("model.copy_use_text", what=what)),
            said,
            weight_map("copy_previous", words("model.copy_previous_head", head=named(first)),
                       self.maps[first], letters, sides,
                       words("model.copy_gone") if first in self.gone else ""),
            weight_map("copy_copying", words("model.copy_copying_head", head=named(second)),
                       self.maps[second], letters, sides,
                       words("model.copy_gone") if second in self.gone else ""),
            Readouts("copy_exam", self.figures(words), wide=True),
        ]  # fmt: skip

    def figures(self, words: Words) -> list[tuple[str, str, str]]:
        before, now, (_, copying) = self.run.exam, self.exam, self.heads
        was = "model.copy_was"
        return [
            (words("model.copy_accuracy"), f"{now.accuracy:.0%}", words(was, value=f"{before.accuracy:.0%}")),
            (words("model.copy_loss"), show(now.loss, 3), words(was, value=show(before.loss, 3))),
            (words("model.copy_prefix"), show(now.prefix[copying].item(), 3),
             words(was, value=show(before.prefix[copying].item(), 3))),
        ]  # fmt: skip

    def sheet(self, words: Words, place: Place) -> Sheet:
        heads = dict(zip(("copy_previous", "copy_copying"), self.heads, strict=True))
        if place.panel not in heads:
            raise Refusal("no_such_cell")
        n = len(self.ids)
        place.within(n, n)
        cell = open_weight(
            self.run.network(), self.ids, *heads[place.panel], place.row, place.column, self.gone
        )
        return cell_sheet(cell, words, *spots(letters_of(self.ids), place))

    def snippet(self) -> str:
        gone = ", ".join(map(str, sorted(self.gone)))
        return f"""import torch

from attention.copying import best_heads, evaluate, train

training = train(seed={self.inputs.run_seed}, steps={STEPS})
previous, copying = best_heads(training.steps[-1].exam)   # (layer, head)
gone = [{gone}]
ids = torch.tensor([{self.ids.tolist()}])
logits, weights = training.model.look(ids, gone)
print(logits[0].softmax(-1).max(-1))   # what it says next, and how surely
print(weights[0][previous])            # queries x keys
print(weights[0][copying])
exam = evaluate(training.model, knock_out=gone)
print(exam.accuracy, exam.loss, exam.prefix[copying])
"""

    def plain(self) -> str:
        return used(self)

    def results(self) -> Json:
        shares = self.logits.softmax(-1)
        return {
            "letters": letters_of(self.ids), "gone": [list(head) for head in sorted(self.gone)],
            "said": [LETTERS[i] for i in shares.argmax(-1).tolist()], "shares": shares.amax(-1).tolist(),
            "accuracy": self.exam.accuracy, "loss": self.exam.loss, "prefix": self.exam.prefix.tolist(),
            "previous": list(self.heads[0]), "copying": list(self.heads[1]),
        }  # fmt: skip

    def tasks(self, words: Words) -> list[Task | Point | Goal]:
        if not self.learned:  # there is no circuit to ask about
            return []
        return [*self._knocking(words), *self._looking(words), self._saying(words)]

    @property
    def learned(self) -> bool:
        """Whether the training came so far that the network repeats."""
        return self.run.exam.loss < CHANCE_LOSS / 2

    def _knocking(self, words: Words) -> list[Task | Goal]:
        """What is left without the previous-token head; and going blind, where one head suffices."""
        before, after, (previous, copying) = self.run.exam, self.without_previous, self.heads
        scores = [exam.prefix[copying].item() for exam in (before, after, self.exam)]
        values = {"before": f"{before.accuracy:.0%}", "after": f"{after.accuracy:.0%}",
                  "was": show(scores[0], 2), "now": show(scores[1], 2)}  # fmt: skip
        veil = ["copy_exam", "said"] if self.gone == {previous} else []
        found: list[Task | Goal] = [
            Task("copy_left", words("model.copy_task_left", head=named(previous), before=values["before"]),
                 100 * after.accuracy, words("model.copy_task_left_why", **values), tolerance=10.0, unit="%",
                 bar=(0.0, 100.0), hides=veil)]  # fmt: skip
        if scores[1] < BLIND * scores[0]:
            reached = bool(self.gone) and scores[2] < BLIND * scores[0]
            found.append(Goal(
                "copy_blind", words("model.copy_goal_blind", head=named(copying)), reached,
                words("model.copy_goal_blind_now", now=show(scores[2], 2), was=values["was"]),
                words("model.copy_goal_blind_why", previous=named(previous), copying=named(copying),
                      **values),
            ))  # fmt: skip
        return found

    def _looking(self, words: Words) -> list[Point]:
        """Where the copying head has to look at the last letter, if that stood there before."""
        named_keys = follows(self.ids)[-1]
        if not bool(named_keys.any()):
            return []
        last, letters = len(self.ids) - 1, letters_of(self.ids)
        right = named_keys.nonzero().flatten().tolist()
        weight = self.maps[self.heads[1]][last, right].sum().item()
        return [Point(
            "copy_look", words("model.copy_point_look", letter=letters[-1], place=last + 1), "copy_copying",
            [(last, key) for key in right],
            words("model.copy_point_look_why", letter=letters[-1],
                  places=", ".join(f"{letters[key]} {key + 1}" for key in right), weight=show(weight, 2)),
        )]  # fmt: skip

    def _saying(self, words: Words) -> Goal:
        """Make it say a letter next."""
        shares = self.logits[-1].softmax(-1)
        said, share = LETTERS[int(shares.argmax())], shares[LETTERS.index(WANTED)].item()
        return Goal(
            "copy_say",
            words("model.copy_goal_say", letter=WANTED),
            said == WANTED,
            words("model.copy_goal_say_now", said=said, letter=WANTED, share=f"{share:.1%}"),
            words("model.copy_goal_say_why", letter=WANTED),
        )

    def notices(self, words: Words) -> list[str]:
        """A run that has not learned it says so."""
        return [] if self.learned else [words("model.copy_unlearned")]


def follows_known(ids: Tensor) -> list[bool]:
    """Whether each letter stood there before: [False, False, True] for A B A."""
    earlier = (ids[:, None] == ids[None, :]).tril(-1)
    known: list[bool] = earlier.any(-1).tolist()
    return known


def study(inputs: Inputs) -> Use:
    """The trained network on these letters, with or without a head."""
    run = recording(2, inputs.run_seed)
    previous, copying = best_heads(run.exam)
    other = (previous[0], 1 - previous[1])
    gone = {"none": [], "previous": [previous], "other": [other], "copying": [copying]}[inputs.knock]
    ids = tokens_of(inputs.sequence)
    logits, maps = run.network().look(ids[None], gone)
    return Use(inputs, run, ids, frozenset(gone), logits[0], torch.as_tensor(maps[0]))
