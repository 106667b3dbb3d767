"""The scene "why": what it shows adds up, agrees with the model run another way, and refuses in words."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from attention.pretrained import Changes, explain_head, run, tokenize
from attention.pretrained.adopted import to_gpt2
from attention.storyteller.sentences import vocabulary
from attention.storyteller.train import load
from attention.ui.page.fields import check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_sheet, draw, draw_part, train
from attention.ui.page.steps import lesson_of
from attention.ui.page.texts import words_for
from attention.ui.tabs.model import TAB
from attention.ui.tabs.model.models import model_named
from tests.ui.views import packed

GAVE = "ann and bo went to the park . ann gave the ball to"
WHY = {"scene": "why"}
EXAMPLES = [(name, changes) for name, changes in TAB.examples if changes.get("scene") == "why"]
STORIES = [name for name, changes in EXAMPLES if changes.get("model") is None]
CHANGES = dict(EXAMPLES)
HEADS = [(layer, head) for layer in range(2) for head in range(4)]
WIDTH = 16  # of a head


def shown(changes=None, language="en"):
    view = draw(language, TAB, {"inputs": WHY | dict(changes or {})})
    assert "error" not in view, view
    return view, {panel["id"]: panel for panel in view["panels"]}


def study_of(changes=None):
    return TAB.scenes["why"].study(check_all("model", TAB.inputs, WHY | dict(changes or {})))


def sheet(panel, row, column, changes=None):
    request = {"inputs": WHY | dict(changes or {}), "panel": panel, "row": row, "column": column}
    return ask_sheet("en", TAB, request)


def gpt2(ids, changed=None):
    """Logits after ids, what its heads gathered (layers, n, 64) and the stream's end, by transformers.

    changed: (layer, head) -> what it gathers instead (n, 16)."""
    module, gathered, ends = to_gpt2(load()).eval(), [], []

    def keep(layer, given):
        heads = given[0].clone()
        for (at, head), instead in (changed or {}).items():
            if at == layer:
                heads[0, :, WIDTH * head : WIDTH * (head + 1)] = instead
        gathered.append(heads[0])
        return (heads,)

    for layer, block in enumerate(module.transformer.h):
        block.attn.c_proj.register_forward_pre_hook(lambda _, given, layer=layer: keep(layer, given))
    module.transformer.ln_f.register_forward_pre_hook(lambda _, given: ends.append(given[0][0]))
    with torch.no_grad():
        return module(torch.tensor([ids])).logits[0, -1], torch.stack(gathered), ends[0], module


def by_gpt2(inputs):
    """The two words; per head what the model says when it is replaced; its effect, knock-out and share."""
    words = vocabulary()
    mine, theirs = ([words.index(word) for word in inputs[name].split()] for name in ("text", "other"))
    logits, gathered, end, module = gpt2(mine)
    there, others, *_ = gpt2(theirs)
    word, instead = int(logits.argmax()), int(there.argmax())
    norm, size = module.transformer.ln_f, end[-1].var(correction=0).add(1e-5).sqrt()
    asked = module.lm_head.weight[word] - module.lm_head.weight[instead]
    said, effect, silent, share = {}, {}, {}, {}
    for layer, head in HEADS:
        part = slice(WIDTH * head, WIDTH * (head + 1))
        other = gpt2(mine, {(layer, head): others[layer, :, part]})[0]
        none = gpt2(mine, {(layer, head): torch.zeros(len(mine), WIDTH)})[0]
        said[layer, head] = words[int(other.argmax())]
        for found, changed in ((effect, other), (silent, none)):
            found[layer, head] = ((changed - logits)[word] - (changed - logits)[instead]).item()
        projection = module.transformer.h[layer].attn.c_proj.weight[part]
        wrote = gathered[layer, -1, part] @ projection
        share[layer, head] = ((wrote - wrote.mean()) / size * norm.weight @ asked).item()
    return words[word], words[instead], said, effect, silent, share


def numbers(text: str) -> list[float]:
    return [float(one) for one in re.findall(r"-?\d+\.\d+", text)]


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("convention", ["shared", "sum"])
def test_the_bars_add_up_to_the_model_s_own_difference(name, convention):
    changes = CHANGES[name] | {"convention": convention}
    s, (_, panels) = study_of(changes), shown(changes)
    logits = run(s.model, s.tokens, logits=True).logits
    own = (logits[s.target] - logits[s.instead]).item()
    assert sum(one["value"] for one in panels["logit"]["items"]) == pytest.approx(own, abs=1e-3)
    assert panels["logit"]["total"]["value"] == pytest.approx(own, abs=1e-3)


@pytest.mark.parametrize("name", STORIES)
def test_the_model_answers_the_examples_right_and_the_grid_is_the_library_s_knock_out(name):
    """Every example asks for what its story settles; silent heads agree with another way to silence."""
    settled = {
        "gave": "bo",
        "silent": "bo",
        "list": "bread",
        "agree": "is",
        "question": "bo",
        "chinese": "小波",
    }
    s = study_of(CHANGES[name])
    assert s.names[0] == settled.get(name.removeprefix("why_example_"), "bo")
    assert s.probability(s.lens.logits[-1], s.target) > 0.9
    base = run(s.model, s.tokens, logits=True).logits
    for layer, head in ((0, 0), (1, 2)):
        logits = run(s.model, s.tokens, Changes(knock_out=[(layer, head)]), logits=True).logits
        change = (logits - base)[s.target] - (logits - base)[s.instead]
        assert s.knocked.whole[layer, head].item() == pytest.approx(change.item(), abs=1e-3)


def test_a_head_s_sheet_adds_up_to_its_bar_and_shows_its_weights():
    s, (_, panels) = study_of(), shown()
    [row] = [i for i, one in enumerate(panels["logit"]["items"]) if one["name"] == "head 1.1"]
    table = sheet("logit", row, 0)["sections"][1]["table"]["rows"]
    assert len(table) == len(s.tokens) + 1
    shares = [float(line[2]) for line in table]
    assert sum(shares[:-1]) == pytest.approx(panels["logit"]["items"][row]["value"], abs=1e-3)
    weights = run(s.model, s.tokens).layers[1].weights[1, -1]
    assert [float(line[1]) for line in table[:-1]] == pytest.approx(weights.tolist(), abs=1e-4)


@pytest.mark.parametrize(("row", "column"), [(6, 0), (6, 1), (2, 9)])
def test_a_cell_of_the_grid_opens_into_its_own_number(row, column):
    _, panels = shown()
    grid = packed(panels["grid"]["data"]).reshape(panels["grid"]["data"]["shape"])
    [_, _, change] = sheet("grid", row, column)["sections"][0]["lines"]
    assert float(change[2]) == pytest.approx(grid[row, column], abs=2e-3)


def test_the_head_that_decides_says_little_and_turns_the_answer_round():
    """What the lesson's steps say of it, in the same weights run by transformers' own GPT-2."""
    steps = {step.task: step for step in lesson_of(TAB, "en")}
    flip, quiet = steps["flip"], steps["silent"].inputs
    word, instead, said, effect, silent, share = by_gpt2(flip.inputs)
    [decides] = [head for head in HEADS if said[head] == instead]  # the only one that turns the answer round
    assert said == {head: instead if head == decides else word for head in HEADS}
    assert decides == max(HEADS, key=lambda head: abs(effect[head]))
    assert decides == (flip.solve["layer"], flip.solve["head"]) == (quiet["layer"], quiet["head"])
    assert abs(share[decides]) < 0.1 * abs(silent[decides]) and -silent[decides] > abs(share[decides])

    view, panels = shown(quiet)
    for name, expected in (("effect", effect), ("share", share)):
        drawn = packed(panels[name]["data"]).reshape(2, 4)
        assert drawn.flatten() == pytest.approx([expected[head] for head in HEADS], abs=2e-3)
    named = "head {}.{}".format(*decides)
    assert any(one["value"] == named for one in panels["disagree"]["items"])
    tasks = {task["id"]: task for task in view["tasks"]}
    assert tasks["flip"]["reached"] and tasks["predict"]["options"][tasks["predict"]["answer"]] == instead
    difference = panels["total"]["items"][0]["value"]
    assert tasks["silent"]["answer"] == pytest.approx(float(difference) + silent[decides], abs=0.01)
    [other] = [task for task in shown(flip.inputs)[0]["tasks"] if task["id"] == "flip"]
    assert not other["reached"]


@pytest.mark.parametrize("name", [name for name in STORIES if name != "why_example_silent"])
def test_an_example_opens_a_head_that_decides_and_a_weight_that_is_large(name):
    s = study_of(CHANGES[name])
    _, instead, said, effect, *_ = by_gpt2({"text": s.inputs.text, "other": s.inputs.other})
    assert said[s.chosen] == instead and abs(effect[s.chosen]) > 0.9 * max(map(abs, effect.values()))
    row = run(s.model, s.tokens).layers[s.inputs.layer].weights[s.inputs.head, s.query]
    assert row.argmax() == s.key and row[s.key] > 0.5


@pytest.mark.parametrize(
    "changes", [{}, {"layer": 0}, CHANGES["why_example_minilm"]], ids=["1", "0", "minilm"]
)
def test_the_matrix_adds_up_to_the_score_that_explain_gives(changes):
    s, (_, panels) = study_of(changes), shown(changes)
    layer = run(s.model, s.tokens, capture="all").layers[s.inputs.layer]
    score = explain_head(layer, s.inputs.head, s.query, s.key).logit
    matrix = packed(panels["score"]["data"])
    assert matrix.sum() == pytest.approx(score, rel=1e-4, abs=1e-4)
    assert max(panels["score"]["data"]["shape"]) <= 12
    opened = sheet("score", 1, 1, changes)["sections"][0]
    assert float(opened["lines"][0][2]) == pytest.approx(matrix[1, 1], abs=1e-3)


def test_tables_open_into_their_own_numbers_and_lists_hold_the_largest():
    part = draw_part("en", TAB, "tables", {"inputs": WHY})
    panels = {panel["id"]: panel for panel in part["panels"]}
    for name in ("looks", "writes"):
        table = packed(panels[name]["data"]).reshape(panels[name]["data"]["shape"])
        first = panels[f"{name}_pairs"]["items"][0]
        assert first["value"] == pytest.approx(table.max())
        assert table[first["row"], first["column"]] == table.max()
        rows = sheet(name, 3, 5)["sections"]
        total = (
            float(rows[0]["table"]["rows"][-1][-1]) if name == "writes" else float(rows[1]["lines"][-1][2])
        )
        assert total == pytest.approx(table[3, 5], abs=1e-3)
    strong = draw_part("en", TAB, "tables", {"inputs": WHY | {"order": "strong"}})["panels"][0]
    best = np.abs(packed(strong["data"]).reshape(strong["data"]["shape"]))
    assert best[0].max() == best.max() and best[:, 0].max() == best.max()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"other": "bo gave the ball to"}, "The other sentence"),
        ({"word": "zebra"}, "Word"),
        ({"word": "bo", "instead": "bo"}, "rather than"),
        ({"layer": 2}, "Layer"),
        ({"head": 4}, "Head"),
        ({"text": "ann " * 60, "other": ""}, "Text"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(changes, named):
    answer = draw("en", TAB, {"inputs": WHY | changes})
    assert answer["error"].startswith(named + ":")


def test_the_lengths_are_named():
    answer = draw("en", TAB, {"inputs": WHY | {"other": "bo gave the ball to"}})
    assert "13" in answer["error"] and "5" in answer["error"]


def test_a_run_layer_by_layer_is_the_grid_and_a_changed_state_is_refused():
    state, step = None, 0
    for layer in range(2):
        answer = train("en", TAB, {"inputs": WHY, "state": state, "step": step})
        state, step = answer["state"], answer["step"]
        assert step == layer + 1
    assert packed(answer["data"]) == pytest.approx(study_of().grid.whole.numpy(), abs=1e-4)
    broken = train("en", TAB, {"inputs": WHY, "state": "AAAA", "step": 1})
    assert broken["error"] == words_for("en")("errors.training_state")


def test_a_run_of_knock_outs_names_where_share_and_effect_part():
    alone, state = WHY | {"other": ""}, None
    for step in range(2):
        answer = train("en", TAB, {"inputs": alone, "state": state, "step": step})
        state = answer["state"]
        told = [item["value"] for item in answer["apart"]["items"]]
        assert step or not any(f"1.{head}" in text for text in told for head in range(4))  # not yet tried
    found = study_of(alone).compared
    named = [*found.says_much_does_little[:3], *found.says_little_does_much[:3]]
    assert named and all(f"{one[0]}.{one[1]}" in text for one, text in zip(named, told, strict=True))
    assert "apart" not in train("en", TAB, {"inputs": WHY, "state": None, "step": 0})


def test_an_encoder_is_watched_by_its_cosine():
    changes = CHANGES["why_example_minilm"]
    s = study_of(changes)
    _, panels = shown(changes)
    assert "logit" not in panels and "later-grid" in panels
    effect = s.all_heads(s.other, each_position=False).whole[3, 1].item()
    before, after = (float(one["value"]) for one in panels["change"]["items"][:2])
    assert after - before == pytest.approx(effect, abs=0.011)
    first, second = (run(s.model, one).hidden.mean(0) for one in (s.tokens, s.other))
    assert before == pytest.approx(torch.cosine_similarity(first, second, dim=0).item(), abs=0.006)
    with pytest.raises(Refusal):
        TAB.scenes["why"].sheet(s, words_for("en"), type("P", (), {"panel": "logit"})())


def test_the_storyteller_is_read_once():
    assert model_named("storyteller") is model_named("storyteller")
    assert len(tokenize(model_named("storyteller"), GAVE)) == 13
