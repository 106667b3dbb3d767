"""The same scores on real models: which of their heads look at the token before, or at what came after?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from .....copying import rank_heads, repeated_tokens
from .....heads import MARGIN, RoleScore
from .....pretrained import Model, Tokens, run
from ....page.busy import slot
from ....page.guard import Json, Refusal
from ....page.loads import Absent, Waiting, model_of
from ....page.panels import Axis, Heatmap, Look, Panel, Readouts, Scale, heading
from ....page.plots import PairBars
from ....page.scene import Place, Task, Unready
from ....page.sheet import Section, Sheet, show
from ....page.texts import Words
from ..inputs import Inputs
from .plain import ranked

WORDS = 24  # random words, and the same again
BEST = 10  # heads that are listed
ROLES = ("induction", "previous")
THIRDS = 3


@dataclass(frozen=True, eq=False)
class Models:
    """The heads of a model, ranked on random words of its own that come twice.

    ranked: by role, best first. layers, heads: how many the model has.
    """

    inputs: Inputs
    tokens: Tokens
    ranked: dict[str, list[RoleScore]]
    layers: int
    heads: int

    @cached_property
    def tables(self) -> dict[str, Tensor]:
        """By role: the score of each head (layers, heads)."""
        tables = {role: torch.zeros(self.layers, self.heads) for role in ROLES}
        for role, scores in self.ranked.items():
            for score in scores:
                tables[role][score.layer, score.head] = score.score
        return tables

    def given(self, role: str) -> list[RoleScore]:
        """Those that beat their chance."""
        return [score for score in self.ranked[role] if score.given]

    def panels(self, words: Words) -> list[Panel]:
        title = words(f"model.ranked.{self.inputs.ranked}")
        rows = Axis([str(i) for i in range(self.layers)], words("model.copy_layer"))
        columns = Axis([str(i) for i in range(self.heads)], words("model.copy_heads"))
        maps = [
            Heatmap(f"copy_{role}", words(f"model.copy_score_{role}"), self.tables[role], rows, columns,
                    Scale(), Look(), words("model.copy_score_caption"))
            for role in ROLES
        ]  # fmt: skip
        best = self.ranked["induction"][:BEST]
        counts = {role: len(self.given(role)) for role in ROLES}
        return [
            heading(words("model.copy_models", name=title),
                    words("model.copy_models_text", count=WORDS, tokens=" ".join(self.tokens.tokens[:6]))),
            Readouts("copy_count", [
                (words(f"model.copy_score_{role}"),
                 words("model.copy_of_count", given=counts[role], all=self.layers * self.heads),
                 words("model.copy_given_note")) for role in ROLES
            ]),
            PairBars("copy_ranked", words("model.copy_ranked"), [f"{one.layer}.{one.head}" for one in best],
                     [(words("model.copy_score"), [one.score for one in best]),
                      (words("model.copy_by_chance"), [one.chance for one in best])],
                     words("model.copy_ranked_caption"), 2),
            *maps,
        ]  # fmt: skip

    def sheet(self, words: Words, place: Place) -> Sheet:
        """One head's score beside its chance, and whether it counts."""
        role = place.panel.removeprefix("copy_")
        if place.panel != f"copy_{role}" or role not in ROLES:
            raise Refusal("no_such_cell")
        place.within(self.layers, self.heads)
        score = next(s for s in self.ranked[role] if (s.layer, s.head) == (place.row, place.column))
        shuffled = score.threshold - MARGIN
        lines = [
            (words(f"model.copy_formula_{role}"), "", show(score.score)),
            (words("model.copy_shuffled"), "", show(score.chance)),
            (words("model.copy_best_shuffle"), "", show(shuffled)),
            (words("model.copy_threshold"), f"{show(shuffled)} + {MARGIN}", show(score.threshold)),
        ]
        verdict = words("model.copy_given" if score.given else "model.copy_not_given")
        head = words("model.copy_head", head=f"{score.layer}.{score.head}")
        title = f"{head} · {words(f'model.copy_score_{role}')}"
        return Sheet(title, [Section(text=verdict, lines=lines)])

    def snippet(self) -> str:
        return code_of(self.inputs)

    def plain(self) -> str:
        return ranked(self)

    def results(self) -> Json:
        return {
            "model": self.inputs.ranked, "tokens": list(self.tokens.tokens),
            "scores": {role: table.tolist() for role, table in self.tables.items()},
            "beat_chance": {role: [[s.layer, s.head] for s in self.given(role)] for role in ROLES},
        }  # fmt: skip

    def tasks(self, words: Words) -> list[Task]:
        """Whether any head copies, and where they stand."""
        found, veil = self.given("induction"), ["copy_ranked", "copy_induction", "copy_count"]
        best = self.ranked["induction"][0]
        values = {"head": f"{best.layer}.{best.head}", "score": show(best.score, 2),
                  "chance": show(best.chance, 2), "count": len(found)}  # fmt: skip
        why = words("model.copy_task_any_why" if found else "model.copy_task_none_why", **values)
        tasks = [Task("copy_any", words("model.copy_task_any"), 0 if found else 1, why,
                      [words("model.copy_yes"), words("model.copy_no")], hides=veil)]  # fmt: skip
        if found and self.layers >= THIRDS:
            third = best.layer * THIRDS // self.layers
            options = [words(f"model.copy_third_{i}") for i in range(THIRDS)]
            tasks.append(Task("copy_where", words("model.copy_task_where", layers=self.layers), third,
                              words("model.copy_task_where_why", layer=best.layer,
                                    last=self.layers - 1, **values), options, hides=veil))  # fmt: skip
        return tasks

    def notices(self, words: Words) -> list[str]:
        return []


def study(inputs: Inputs) -> Models:
    """One run of the model, all weights, on its repeated words."""
    try:
        model = present(inputs.ranked)
    except Absent as absent:
        raise Unready(absent, partial(Waiting, "waiting", absent), code_of(inputs)) from absent
    with slot("forward", limit=2):
        tokens = repeated_tokens(model, min(WORDS, model.max_tokens // 2))
        layers = [layer.weights for layer in run(model, tokens, capture="all").layers if layer is not None]
        weights = [one for one in layers if one is not None]
        ranked = {role: rank_heads(weights, tokens.ids, tokens.special, "causal", role) for role in ROLES}
    return Models(inputs, tokens, ranked, len(weights), model.num_heads)


def present(name: str) -> Model:
    """The model, if it is there; raises :class:`Absent` while it is on its way."""
    return model_of(name)


def ready(inputs: Inputs, seconds: float | None) -> None:
    """Wait for the model, where one is needed."""
    if inputs.stage == "models":
        model_of(inputs.ranked, seconds)


def code_of(inputs: Inputs) -> str:
    """What prints the scores shown."""
    return f"""from attention.copying import rank_heads, repeated_tokens
from attention.pretrained import load_model, run

model = load_model("{inputs.ranked}")
tokens = repeated_tokens(model, {WORDS})
weights = [layer.weights for layer in run(model, tokens, capture="all").layers]
for role in {ROLES}:
    for score in rank_heads(weights, tokens.ids, tokens.special, "causal", role):
        print(role, score.layer, score.head, score.score, score.chance, score.given)
"""
