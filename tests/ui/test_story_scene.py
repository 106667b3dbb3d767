"""The pass of the storyteller: every point drawn is the module's own, every sheet adds up to it."""

from __future__ import annotations

import re

import pytest
import torch

from attention.pretrained.adopted import to_gpt2
from attention.storyteller.limits import LIMITS
from attention.storyteller.sentences import PATTERNS, vocabulary
from attention.storyteller.train import figures, load
from attention.storyteller.writing import read, write
from attention.ui.page.questions import ask_export, ask_sheet, draw, endpoint
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.model import TAB
from attention.ui.tabs.model.inputs import GAVE
from tests.ui.views import packed

CHINESE = "小安和小波去了公园。小安把球给了"
EXAMPLES = [(name, changes) for name, changes in TAB.examples if changes.get("scene", "story") == "story"]


def view(language="en", **inputs):
    return draw(language, TAB, {"inputs": {"scene": "story"} | inputs})


def drawn(answer):
    """The pass of a view, and a vector for each of its points."""
    panel = next(one for one in answer["panels"] if one["kind"] == "pass")
    sizes = [one["size"] for one in panel["points"]]
    return panel, torch.tensor(packed(panel["data"])).split(sizes)


def watched(ids):
    """The same pass by transformers' GPT-2: what every module of it takes in and gives out."""
    module = to_gpt2(load()).eval()
    module.set_attn_implementation("eager")
    seen = {}
    for name, part in module.named_modules():
        part.register_forward_hook(
            lambda _, given, made, name=name: seen.__setitem__(name, (given[0] if given else None, made))
        )
    logits = module(torch.tensor([ids]), output_attentions=True).logits[0]
    return module, seen, logits


def expected(point, at, ids, seen, module, logits, candidates):
    """One point of column ``at`` by what the GPT-2 did."""
    kind, layer, h = point["kind"], point["layer"], point["head"]
    place = f"transformer.h.{layer}"
    if kind in ("embedding", "position", "normed"):
        name = {"embedding": "wte", "position": "wpe", "normed": "ln_f"}[kind]
        made = seen[f"transformer.{name}"][1]
        return made.reshape(-1, made.shape[-1])[at]
    if kind == "stream":
        return seen["transformer.h.0.ln_1"][0][0, at]
    if kind == "logits":
        return logits[at, [vocabulary().index(word) for word, *_ in candidates]]
    if kind == "weights":
        return seen[f"{place}.attn"][1][1][0, h, at, : at + 1]
    part = slice(16 * h, 16 * h + 16)
    if kind in ("query", "key", "value"):
        made = seen[f"{place}.attn.c_attn"][1][0, at]
        return made.chunk(3)[("query", "key", "value").index(kind)][part]
    if kind == "head":
        return seen[f"{place}.attn.c_proj"][0][0, at, part]
    if kind == "written":
        projection = module.transformer.h[layer].attn.c_proj
        return seen[f"{place}.attn.c_proj"][0][0, at, part] @ projection.weight[part]
    if kind in ("norm_1", "norm_2"):
        return seen[f"{place}.ln_{kind[-1]}"][1][0, at]
    return {
        "middle": seen[f"{place}.ln_2"][0],
        "hidden": seen[f"{place}.mlp.c_proj"][0],
        "feed_forward": seen[f"{place}.mlp"][1],
        "after": seen[place][1][0] if isinstance(seen[place][1], tuple) else seen[place][1],
    }[kind].reshape(len(ids), -1)[at]


@pytest.mark.parametrize(
    ("text", "place", "written"), [(GAVE, 0, 0), (GAVE, 6, 3), (CHINESE, 1, 0), ("ann", 0, 20)]
)
def test_every_point_shown_is_the_models_own(text, place, written):
    answer = view(text=text, place=place, written=written, seed=3)
    panel, vectors = drawn(answer)
    ids = [vocabulary().index(word) for word in panel["tokens"]]
    module, seen, logits = watched(ids)
    kinds = {(one["kind"], one["layer"], one["head"]) for one in panel["points"]}
    layers, heads = panel["layers"], panel["heads"]
    assert len(kinds) == len(panel["points"]) == 5 + layers * (6 + 6 * heads)
    for point, vector in zip(panel["points"], vectors, strict=True):
        wanted = expected(point, panel["place"], ids, seen, module, logits, panel["candidates"])
        torch.testing.assert_close(vector, wanted, atol=1e-5, rtol=1e-5, msg=str(point))


def last_number(sheet):
    """What a sheet of a number ends in."""
    section = sheet["sections"][-1]
    return float(section["lines"][-1][2] if "lines" in section else section["table"]["rows"][-1][-1])


def test_every_kind_of_number_opens_and_its_sheet_ends_in_it():
    panel, vectors = drawn(view(temperature=0.7, top_k=5))
    inputs = {"scene": "story", "temperature": 0.7, "top_k": 5}
    for row, (point, vector) in enumerate(zip(panel["points"], vectors, strict=True)):
        column = (7 * row) % point["size"]
        asked = {"inputs": inputs, "panel": "pass", "row": row, "column": column}
        sheet = ask_sheet("en", TAB, asked)
        value = vector[column].item()
        if point["kind"] == "weights":
            assert sheet["weight"] == pytest.approx(value, abs=1e-5)
        elif point["kind"] == "logits":
            assert float(sheet["sections"][0]["table"]["rows"][-1][-1]) == pytest.approx(value, abs=1e-3)
        else:
            assert last_number(sheet) == pytest.approx(value, abs=1e-4), point
        for section in sheet["sections"]:  # what is added up, adds up
            table = section.get("table", {})
            if table.get("total"):
                parts = [float(one[-1]) for one in table["rows"][:-1]]
                assert sum(parts) == pytest.approx(float(table["rows"][-1][-1]), abs=2e-3), point
        assert "error" in ask_sheet("en", TAB, asked | {"column": point["size"]})


def test_a_sheet_can_be_done_by_hand():
    """The norm, the neuron and the choice, from the numbers written out."""
    panel, vectors = drawn(view())
    kinds = [(one["kind"], one["layer"]) for one in panel["points"]]

    def ask(row, column):
        return ask_sheet("en", TAB, {"inputs": {}, "panel": "pass", "row": row, "column": column})

    stream = vectors[kinds.index(("stream", -1))]
    lines = ask(kinds.index(("norm_1", 0)), 5)["sections"][0]["lines"]
    assert float(lines[1][2]) == pytest.approx(stream.mean().item(), abs=1e-4)
    assert float(lines[2][2]) == pytest.approx(stream.std(correction=0).item(), abs=1e-4)
    neuron = ask(kinds.index(("hidden", 1)), 9)["sections"]
    before = float(neuron[0]["table"]["rows"][-1][-1])
    gelu = torch.nn.functional.gelu(torch.tensor(before), approximate="tanh").item()
    assert float(neuron[1]["lines"][0][2]) == pytest.approx(gelu, abs=1e-3)
    choice = ask(len(kinds) - 1, 0)["sections"][-1]
    start, stop, number = (float(line[2]) for line in choice["lines"])
    assert start <= number < stop and choice["text"] == words_for("en")("model.story_fell")


def test_the_words_written_are_those_of_the_seed():
    found = endpoint(TAB)(text="ann and", written=6, seed=3, temperature=1.5, top_k=9)
    ids, _ = read("ann and")
    choices = write(load(), ids, 7, seed=3, temperature=1.5, k=9)
    names = [vocabulary()[one.word] for one in choices]
    assert found["tokens"] == ["ann", "and", *names[:-1]] and found["choices"][-1]["word"] == names[-1]
    for one in found["choices"]:
        assert one["start"] <= one["drawn"] < one["stop"] + 1e-9
    assert found["next"][0][2] == pytest.approx(max(choices[-1].shares))


def test_a_story_that_ends_stops_writing():
    panel, _ = drawn(view(written=20, temperature=0.1))
    assert panel["ended"] and panel["drawn"][3] == "<end>" and len(panel["tokens"]) < 13 + 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_it_does_not_know_and_texts_too_long_are_told(language):
    [notice] = view(language, text="the dog sings .")["notices"]
    assert "dog" in notice and "<unk>" in notice and str(len(vocabulary())) in notice
    assert view(language)["notices"] == []
    long = view(language, text="ann sings . " * 33)
    assert "80" in long["error"] and "99" in long["error"]
    assert "13" in view(language, place=14)["error"]


def test_the_figures_shown_are_those_the_command_prints():
    known = figures()
    panels = {one["id"]: one for one in view()["panels"]}
    held_out = packed(panels["held_out"]["data"])
    for row, pattern in enumerate(PATTERNS):
        for column, language in enumerate(("en", "zh")):
            assert held_out[row, column] == pytest.approx(known["held_out"][f"{pattern}.{language}"])
    limits = packed(panels["limits"]["data"])[:, 0]
    assert limits.tolist() == pytest.approx([known["limits"][name] for name in LIMITS])


def test_the_picture_is_saved_as_numbers():
    for format in ("csv", "npz", "html"):
        saved = ask_export("en", TAB, {"inputs": {}, "panel": "pass", "format": format})
        assert "error" not in saved and saved["base64"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("_", "inputs"), EXAMPLES)
def test_tasks_are_true_of_what_is_drawn(language, _, inputs):
    answer = view(language, **inputs)
    panel, vectors = drawn(answer)
    tasks = {one["id"]: one for one in answer["tasks"]}
    best = max(panel["candidates"], key=lambda one: one[1])
    right = tasks["story_next"]["options"][tasks["story_next"]["answer"]]
    assert right == best[0] and right in tasks["story_next"]["why"]
    assert {*panel["tokens"]} & {*tasks["story_next"]["options"]} - {right}  # a wrong one that was read
    [[row, column]] = tasks["story_look"]["cells"]
    point = panel["points"][row]
    assert f" {point['layer']}.{point['head']} " in tasks["story_look"]["why"]  # counted from 0, as in "why"
    assert f" {point['layer']}.{point['head']}" in point["name"]
    rows = [at for at, one in enumerate(panel["points"])
            if one["kind"] == "weights" and one["layer"] == panel["layers"] - 1]  # fmt: skip
    assert vectors[row][column] == max(vectors[at].max() for at in rows)
    # the first word looks at itself with every head: each of their cells is right
    [first] = [one for one in view(language, **inputs | {"place": 1})["tasks"] if one["id"] == "story_look"]
    assert len(first["cells"]) == len(rows) and {column for _, column in first["cells"]} == {0}
    kinds = [one["kind"] for one in panel["points"]]
    start, end = vectors[kinds.index("stream")].norm(), vectors[len(kinds) - 3].norm()
    assert kinds[-3] == "after"
    assert tasks["story_length"]["answer"] == (0 if end < 0.9 * start else 2 if end > 1.1 * start else 1)
    last = endpoint(TAB)(**inputs)["choices"][-1]
    assert tasks["story_other"]["reached"] == (last["start"] > 0)
    assert re.search(rf"{last['drawn']:.3f}", tasks["story_other"]["now"])


def test_what_the_lesson_says_of_the_ball_story():
    """One head looks at the person who gets the ball; one word has nearly all of the line."""
    ids = [vocabulary().index(word) for word in GAVE.split()]
    _, seen, logits = watched(ids)
    best = int(logits[-1].argmax())
    assert logits[-1].softmax(-1)[best] > 0.95
    weights = torch.cat([seen[f"transformer.h.{layer}.attn"][1][1][0, :, -1] for layer in range(2)])
    assert best in [ids[at] for at in weights.argmax(-1).tolist()]
