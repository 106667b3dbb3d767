"""The scene ``copy``: what is shown is what the chapter computes, and what is said is what is shown."""

from __future__ import annotations

import base64
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from attention.copying import CHANCE_LOSS, best_heads, evaluate, train
from attention.ui.page.fields import check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_export, ask_sheet, ask_trained, draw, draw_part, view_of
from attention.ui.page.questions import train as ask_train
from attention.ui.page.texts import LANGUAGES
from attention.ui.tabs.model import TAB
from attention.ui.tabs.model.copying import runs
from tests.ui.views import packed

COPY = {"scene": "copy"}


@pytest.fixture(scope="module")
def whole():
    """The chapter's own call, beside which the page's chunks are held."""
    return train(seed=0, steps=runs.STEPS)


def view(**changes):
    return view_of(TAB, "en", COPY | changes)


def panel(id, **changes):
    return next(one for one in view(**changes)["panels"] if one["id"] == id)


def task(id, **changes):
    return next(one for one in view(**changes)["tasks"] if one["id"] == id)


def test_the_recorded_steps_are_those_of_one_call(whole):
    shown = panel("circuit")
    frames, pair = packed(shown["frames"]), best_heads(whole.steps[-1].exam)
    assert shown["steps"] == [step.step for step in whole.steps]
    for at in (0, 14, 30):
        for which, head in enumerate(pair):
            assert np.array_equal(frames[at, which], whole.steps[at].maps[head].numpy())
    losses = [one["values"] for one in shown["curves"]][0]
    assert losses == [step.exam.loss for step in whole.steps]


@pytest.mark.parametrize("layers", ["2", "1"])
def test_a_cell_opens_through_the_network_of_its_step(layers):
    frames = packed(panel("circuit", layers=layers)["frames"])
    for frame, row, column in ((0, 20, 3), (29, 13, 2), (61, 20, 9)):
        asked = {
            "inputs": COPY | {"layers": layers},
            "panel": f"circuit@{frame}",
            "row": row,
            "column": column,
        }
        sheet = ask_sheet("en", TAB, asked)
        assert sheet["weight"] == pytest.approx(frames[frame // 2, frame % 2, row, column], abs=2e-5)


def test_the_control_stands_beside_it_and_never_learns():
    answer = draw_part("en", TAB, "beside", {"inputs": {"scene": "copy"}})
    [plot] = [one for one in answer["panels"] if one["kind"] == "plot"]
    two, one, chance = (packed(series["y"]) for series in plot["series"])
    assert two[-1] < CHANCE_LOSS / 2 < one.min() and np.allclose(chance, CHANCE_LOSS)
    assert task("copy_when")["answer"] == 1
    alone = task("copy_when", layers="1")
    assert alone["options"][alone["answer"]] == "never"
    prefix = panel("circuit", layers="1")["curves"][2]["values"]
    assert prefix[-1] < 0.2


def test_two_who_ask_for_one_training_make_it_once(monkeypatch):
    monkeypatch.setattr(runs, "_kept", OrderedDict())
    monkeypatch.setattr(runs, "STEPS", 20)
    made, real = [], runs.record
    monkeypatch.setattr(runs, "record", lambda *key: made.append(key) or real(*key))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: runs.recording(1, 3), range(4)))
    assert len(made) == 1 and all(one is found[0] for one in found)


def test_without_the_previous_token_head_the_copying_head_is_blind(whole):
    previous, copying = best_heads(whole.steps[-1].exam)
    without = evaluate(whole.model, knock_out={previous})
    assert task("copy_left", stage="use")["answer"] == pytest.approx(100 * without.accuracy)
    assert not task("copy_blind", stage="use")["reached"]
    assert not task("copy_blind", stage="use", knock="copying")["reached"]
    gone = view(stage="use", knock="previous")
    assert next(one for one in gone["tasks"] if one["id"] == "copy_blind")["reached"]
    scores = next(one for one in gone["panels"] if one["id"] == "copy_exam")["items"]
    assert scores[2]["value"] == f"{without.prefix[copying].item():.3f}"
    ids = torch.tensor([["ABCDEFGHIJKLMNOPQRSTUVWX".index(one) for one in "PAINTBOXPAINTBOX"]])
    maps = whole.model.look(ids, {previous})[1][0]
    drawn = packed(next(one for one in gone["panels"] if one["id"] == "copy_copying")["data"])
    assert np.array_equal(drawn, maps[copying].numpy())


def test_the_goal_is_left_out_where_no_such_thing_happens():
    """With seed 8 the copying head keeps more than half of its score."""
    tasks = {one["id"] for one in view(stage="use", run_seed=8)["tasks"]}
    assert "copy_left" in tasks and "copy_blind" not in tasks


def test_ones_own_letters_are_continued():
    assert not task("copy_say", stage="use")["reached"]
    assert task("copy_say", stage="use", sequence="a x bcde a")["reached"]
    asked = task("copy_look", stage="use", sequence="AXBCDEA")
    assert asked["cells"] == [[6, 1]]
    assert not [one for one in view(stage="use", sequence="ABC")["tasks"] if one["id"] == "copy_look"]
    for text in ("A", "YES", "A" * 25, "甲乙"):
        with pytest.raises(Refusal, match="not_letters"):
            check_all("model", TAB.inputs, {"sequence": text})


def test_one_fixed_length_is_a_trick_and_the_page_says_how_well_it_does():
    fixed = train(seed=0, steps=runs.FIXED_STEPS, every=runs.FIXED_STEPS, lengths=runs.FIXED).model
    at_eight, at_twelve = evaluate(fixed, 8), evaluate(fixed, 12)
    assert at_eight.accuracy < 0.3 and at_twelve.accuracy > 0.95 and at_twelve.prefix.max() > 0.5
    assert task("copy_other", stage="lengths")["answer"] == pytest.approx(100 * at_eight.accuracy)
    assert task("copy_back", stage="lengths")["answer"] == 11
    assert "copy_other" not in {one["id"] for one in view(stage="lengths", length=12)["tasks"]}


def test_a_seed_is_trained_in_chunks_that_are_the_recorded_run(whole):
    inputs, state, step, losses = COPY | {"stage": "seeds"}, None, 0, []
    while step < runs.STEPS:
        answer = ask_train("en", TAB, {"inputs": inputs, "state": state, "step": step})
        state, step = answer["state"], answer["step"]
        losses += answer["losses"]
    assert losses == [one.exam.loss for one in whole.steps if one.step % 20 == 0]
    assert answer["learned"][-1] and len(base64.b64decode(state)) < TAB.scenes["copy"].trainer.limit
    sheet = ask_trained("en", TAB, {"inputs": inputs, "state": state, "row": 13, "column": 2})
    _, copying = best_heads(whole.steps[-1].exam)
    assert sheet["weight"] == pytest.approx(whole.steps[-1].maps[copying][13, 2].item(), abs=2e-5)


def test_the_storyteller_never_needed_it_and_its_scores_open():
    shown = view(stage="models")
    scores = packed(next(one for one in shown["panels"] if one["id"] == "copy_induction")["data"])
    asked = next(one for one in shown["tasks"] if one["id"] == "copy_any")
    assert asked["options"][asked["answer"]] == "no" and scores.shape == (2, 4)
    sheet = ask_sheet(
        "en", TAB, {"inputs": shown["inputs"], "panel": "copy_induction", "row": 1, "column": 2}
    )
    assert float(sheet["sections"][0]["lines"][0][2]) == pytest.approx(scores[1, 2], abs=1e-4)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", ["learn", "seeds", "use", "lengths", "models"])
def test_every_stage_is_drawn_and_saved(stage, language):
    shown = draw(language, TAB, {"inputs": COPY | {"stage": stage}})
    assert "error" not in shown
    for one in shown["panels"]:
        if one["kind"] in ("heatmap", "lettermap", "plot", "pairbars", "copied", "circuit"):
            id = one["id"] + ("@60" if one["kind"] == "circuit" else "")
            saved = ask_export(language, TAB, {"inputs": shown["inputs"], "panel": id, "format": "npz"})
            assert "error" not in saved, id
