"""The pass of a larger decoder: its shares are the module's own, and every sheet adds up to its number."""

from __future__ import annotations

import base64
import copy
from functools import cache

import pytest
import torch

from attention.decode.speaking import speak
from attention.pretrained import adopt, tokenize
from attention.storyteller.writing import choose
from attention.ui.page.fields import check_all
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_export
from attention.ui.page.scene import Place
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.model import TAB, story
from attention.ui.tabs.model.story.large import studied
from attention.ui.tabs.model.story.large_picture import large_panels, large_sheet
from tests.tiny_models import build, tiny_tokenizer

KINDS = ("gpt2", "llama")
TEXT = "a cat b d c a cat"


@cache
def model_of(kind):
    return adopt(build(kind), tiny_tokenizer())


def library(kind):
    """The same weights, run by transformers itself."""
    module = copy.deepcopy(model_of(kind).module)  # its configuration too, which builds share
    module.set_attn_implementation("eager")
    return module


def study_of(kind, **changes):
    given = {"text": TEXT, "top_k": 9} | changes
    return studied(check_all("model", TAB.inputs, given), model_of(kind))


def by_modules(kind, ids, target):
    """(head shares (L, h), feed-forward shares (L,), weights (L, h, n), logits) of the last token, taken
    from transformers' own eager pass by hooks."""
    module = library(kind)
    blocks = module.transformer.h if kind == "gpt2" else module.model.layers
    norm = module.transformer.ln_f if kind == "gpt2" else module.model.norm
    gathered, nets, ends = [], [], []
    for block in blocks:
        out = block.attn.c_proj if kind == "gpt2" else block.self_attn.o_proj
        out.register_forward_pre_hook(lambda _, given: gathered.append(given[0][0, -1]))
        block.mlp.register_forward_hook(lambda _, given, made: nets.append(made[0, -1]))
    norm.register_forward_pre_hook(lambda _, given: ends.append(given[0][0, -1]))
    with torch.no_grad():
        made = module(torch.tensor([ids]), output_attentions=True)
    [end], row = ends, module.get_output_embeddings().weight[target].detach()
    if kind == "gpt2":
        size = (end.var(correction=0) + norm.eps).sqrt()
    else:
        size = (end.square().mean() + norm.variance_epsilon).sqrt()

    def share(wrote):
        centred = wrote - wrote.mean() if kind == "gpt2" else wrote
        return (centred / size * norm.weight.detach() * row).sum().item()

    h, heads = module.config.num_attention_heads, []
    for block, together in zip(blocks, gathered, strict=True):
        w_o = block.attn.c_proj.weight if kind == "gpt2" else block.self_attn.o_proj.weight.T  # (h d, D)
        parts = zip(together.view(h, -1), w_o.detach().view(h, -1, w_o.shape[-1]), strict=True)
        heads.append([share(one @ matrix) for one, matrix in parts])
    found = [share(net) for net in nets]
    weights = torch.stack([one[0, :, -1] for one in made.attentions])
    return torch.tensor(heads), torch.tensor(found), weights, made.logits[0, -1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0, 4])
def test_every_point_is_the_modules_own(kind, place):
    s = study_of(kind, place=place, written=2, seed=1)
    ids = s.tokens.ids[: s.place + 1]
    heads, nets, weights, logits = by_modules(kind, ids, s.target)
    totals = []
    for point in s.shown:
        if point.kind == "shares":
            torch.testing.assert_close(point.values.float(), heads[point.layer], atol=1e-4, rtol=1e-4)
        elif point.kind == "net":
            torch.testing.assert_close(point.values.float(), nets[point.layer : point.layer + 1], atol=1e-4,
                                       rtol=1e-4)  # fmt: skip
        elif point.kind == "weights":
            assert heads[point.layer].abs().argmax() == point.head
            torch.testing.assert_close(point.values, weights[point.layer, point.head], atol=1e-5, rtol=1e-4)
        elif point.kind == "total":
            totals.append(point.values.item())
        elif point.kind == "logits":
            torch.testing.assert_close(point.values, logits[list(s.candidate_words)], atol=1e-3, rtol=1e-4)
    assert len(totals) == s.model.num_layers
    assert totals[-1] == pytest.approx(logits[s.target].item(), abs=1e-3)
    for before, after, layer in zip(s.running, totals, range(len(totals)), strict=False):
        assert after - before == pytest.approx((heads[layer].sum() + nets[layer]).item(), abs=1e-3)


def last(section):
    return float(section.table.rows[-1][-1]) if section.table else float(section.lines[-1][2])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_number_opens_and_its_sheet_ends_in_it(kind, language):
    s, words = study_of(kind), words_for(language)
    for row, point in enumerate(s.shown):
        column = (5 * row) % len(point.values)
        sheet = large_sheet(s, words, Place("pass", row, column))
        value = point.values[column].item()
        if point.kind == "weights":
            assert sheet.encode()["weight"] == pytest.approx(value, abs=1e-4)
        else:
            assert last(sheet.sections[0]) == pytest.approx(value, abs=2e-3), point
        for section in sheet.sections:
            if section.table and section.table.total and point.kind != "weights":
                parts = [float(one[-1]) for one in section.table.rows[:-1]]
                assert sum(parts) == pytest.approx(float(section.table.rows[-1][-1]), abs=3e-3), point
        with pytest.raises(Refusal):
            large_sheet(s, words, Place("pass", row, len(point.values)))


@pytest.mark.parametrize("kind", KINDS)
def test_it_writes_by_the_seed_as_without_a_cache(kind):
    model, module = model_of(kind), library(kind)
    tokens = tokenize(model, TEXT)
    longer, choices = speak(model, tokens, 5, seed=4, temperature=1.5, k=20)
    generator, ids = torch.Generator().manual_seed(4), list(tokens.ids)
    for choice in choices:
        drawn = torch.rand((), generator=generator, dtype=torch.float64).item()
        with torch.no_grad():
            expected = choose(module(torch.tensor([ids])).logits[0, -1], drawn, 1.5, 20)
        assert (choice.word, choice.drawn) == (expected.word, drawn)
        assert choice.start == pytest.approx(expected.start, abs=1e-4)
        ids.append(choice.word)
    assert list(longer.ids)[: len(ids)] == ids[: len(longer)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_is_told_and_asked_about_in_words(language):
    s, words = study_of("llama"), words_for(language)
    top, panel = (one.encode() for one in large_panels(s, words))
    assert s.spelled(s.target) in top["caption"] and "{" not in top["caption"] + panel["caption"]
    assert len(panel["lens"]) == s.model.num_layers + 1
    tasks = {one.id: one for one in story.large_tasks(s, words)}
    [(row, column)] = tasks["story_head"].cells
    every = torch.cat([one.values for one in s.shown if one.kind == "shares"])
    assert s.shown[row].values[column] == every.max()
    best = s.logits.argmax().item()
    assert tasks["story_next"].options[int(tasks["story_next"].answer)] == s.spelled(best)
    assert tasks["story_other"].reached == (s.choices[-1].start > 0)


def test_places_and_lengths_outside_are_refused():
    for changes in ({"place": 30}, {"text": "cat " * 70}, {"text": "a " * 60, "written": 10}):
        with pytest.raises(Refusal):
            study_of("llama", **changes)
    assert study_of("gpt2", place=2).drawn is None  # its next word was typed


@pytest.mark.parametrize("format", ["png", "svg"])
def test_both_pictures_leave_as_they_are_seen(format):
    saved = ask_export("en", TAB, {"inputs": {"text": "ann and"}, "panel": "pass", "format": format})
    data = base64.b64decode(saved["base64"])
    assert data[:5] == (b"<?xml" if format == "svg" else b"\x89PNG\r")
    large = large_panels(study_of("gpt2"), words_for("zh"))[1].picture(format, ["below"])
    assert len(large) > 5000
    if format == "svg":
        assert data.count(b"<path") > 500  # a cell for each of the numbers
        assert b"<!-- head 0.0 -->" in data and b"<!-- head 1.3 -->" in data  # counted as on the page
        assert b"head 1.4" not in data
