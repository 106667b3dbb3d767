"""A long text in the heads tab: thumbnails of every head, a map of the open one, exact where one zooms."""

from __future__ import annotations

import contextlib
import io
import json
from base64 import b64decode
from dataclasses import replace

import pytest
import torch
import transformers as T

from attention.count import Count
from attention.export.packing import pack_overview
from attention.pretrained import catalog, run, tokenize
from attention.pretrained.device import AT_MOST, LONGEST, most_tokens
from attention.pretrained.model import adopt
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_export, ask_sheet, draw_part, endpoint, view_of
from attention.ui.page.texts import words_for
from attention.ui.tabs.heads import TAB, captured, runs, zoom
from tests.tiny_models import tiny_tokenizer
from tests.ui.test_plain import printed_by
from tests.ui.views import matrix_of, panel

NAME, LAYERS, HEADS = "gpt2", 4, 4  # a model of the catalog, whose place the tiny one takes
TEXT = "a b c d cat b a " * 100
N, LAYER, HEAD = 700, 2, 3
ASKED = {"model": NAME, "text": TEXT, "layer": LAYER, "head": HEAD}


@pytest.fixture
def model(monkeypatch):
    """A tiny decoder that reads 900 tokens, on a page whose host allows 1,000."""
    config = T.LlamaConfig(
        vocab_size=99, hidden_size=32, intermediate_size=48, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=2, max_position_embeddings=900, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = T.LlamaForCausalLM(config)
    monkeypatch.setenv(LONGEST, "1000")
    made = replace(adopt(module, tiny_tokenizer()), name=NAME)
    monkeypatch.setattr(catalog, "_loaded", type(catalog._loaded)({(NAME, "cpu"): made}))
    monkeypatch.setattr(runs, "_kept", type(runs._kept)())
    return made


@pytest.fixture
def plain(model):
    """All weights of all heads, (h, n, n) a layer."""
    return [layer.weights for layer in run(model, tokenize(model, TEXT)).layers]


def head_of(**changed):
    return draw_part("en", TAB, "head", {"inputs": {f.name: f.default for f in TAB.fields} | ASKED | changed})


def test_every_head_is_drawn_as_packing_draws_whole_weights(plain):
    view = view_of(TAB, "en", ASKED)
    drawn = panel(view, "overview")
    want = [pack_overview([weights]) for weights in plain]
    assert [drawn["rows"], drawn["cols"], drawn["counts"]] == [want[0]["rows"], want[0]["cols"], [N, N]]
    for got, packed in zip(drawn["thumbnails"], want, strict=True):
        got, packed = (torch.frombuffer(bytearray(b64decode(one)), dtype=torch.uint8).int()
                       for one in (got, packed["data"]))  # fmt: skip
        assert (got - packed).abs().max() <= 1
    assert words_for("en")("heads.pooled_long", rows=11, columns=11) in drawn["caption"]
    assert [one["kind"] for one in view["panels"]] == ["heading", "overview", "later"]
    assert view["tasks"] == []


def test_the_program_without_the_package_prints_the_region(model, plain, monkeypatch, tmp_path):
    """By transformers, whose attention it replaces by one that never holds all the weights."""
    code = view_of(TAB, "en", ASKED | {"zoom": "600, 300"})["plain"]
    model.module.save_pretrained(tmp_path)
    tokenizer = tiny_tokenizer()
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.save_pretrained(tmp_path)
    code = code.replace(repr(catalog.CATALOG[NAME].repo), repr(str(tmp_path)))
    whole = plain[LAYER][HEAD][568:632, 268:332]
    printed = printed_by(code, monkeypatch).reshape(whole.shape)
    assert abs(printed - whole.numpy()).max() < 1e-6


def test_the_map_holds_the_largest_of_each_block_and_the_region_the_weights(plain):
    whole = plain[LAYER][HEAD]
    for asked, rows, columns in (("", 0, 0), ("350, 40", 318, 8), ("699,699", 636, 636), ("9999, 0", 636, 0)):
        part = head_of(zoom=asked)
        drawn, region = panel(part, "map"), panel(part, "weights")
        found = torch.from_numpy(matrix_of(drawn).copy())
        assert drawn["zoom"]["pool"] == [8, 8] and found.shape == (88, 88)
        blocks = torch.nn.functional.max_pool2d(whole[None], 8, ceil_mode=True)[0]
        torch.testing.assert_close(found, blocks, atol=1e-6, rtol=1e-5)
        assert drawn["rows"][0] == "0–7" and drawn["rows"][-1] == "696–699"
        assert drawn["zoom"]["at"] == [rows, rows + 64, columns, columns + 64]
        exact = torch.from_numpy(matrix_of(region).copy())
        torch.testing.assert_close(
            exact, whole[rows : rows + 64, columns : columns + 64], atol=1e-6, rtol=1e-5
        )
    assert len(json.dumps(part["panels"])) < 200_000


def test_other_layers_come_from_a_run_that_goes_no_further(model, plain, monkeypatch):
    """Room for the vectors of one layer: layer 0 is kept, layer 2 is run again, layer 3 never."""
    monkeypatch.setattr(captured, "VECTORS", 1)
    view_of(TAB, "en", ASKED | {"layer": 0})
    [(kept, _)] = runs._kept.values()
    assert kept.long and all(layer.query is None for layer in kept.layers)
    seen, forward = [], type(model.module.model.layers[0]).forward

    def counted(self, *arguments, **named):
        seen.append(self)
        return forward(self, *arguments, **named)

    monkeypatch.setattr(type(model.module.model.layers[0]), "forward", counted)
    drawn = panel(head_of(zoom="100, 90"), "weights")
    assert len(seen) == LAYER + 1
    exact = torch.from_numpy(matrix_of(drawn).copy())
    torch.testing.assert_close(exact, plain[LAYER][HEAD][68:132, 58:122], atol=1e-6, rtol=1e-5)
    again, first = kept.layer(LAYER), kept.memo.held("vectors", LAYER)[LAYER]
    assert again is first and len(seen) == LAYER + 1
    # what was cut short has left nothing behind
    assert run(model, tokenize(model, "a b c")).hidden.isfinite().all()


def test_no_layers_weights_are_ever_whole(model):
    with Count() as count:
        view_of(TAB, "en", ASKED)
        head_of(zoom="500, 100")
    # the largest tensor is the model's own mask, a byte a pair; a layer's weights alone would take 7.8 MB
    assert count.largest == N * N and count.peak < HEADS * N * N * 4


def test_a_cell_of_the_region_opens_with_its_own_weight(plain):
    asked = {"inputs": {f.name: f.default for f in TAB.fields} | ASKED | {"zoom": "350, 340"}}
    sheet = ask_sheet("en", TAB, asked | {"panel": "weights", "row": 40, "column": 5})
    assert sheet["weight"] == pytest.approx(plain[LAYER][HEAD][318 + 40, 308 + 5].item(), rel=1e-4)


def test_the_program_beside_it_prints_the_region(plain):
    part = head_of(zoom="350, 40")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(part["code"].replace("print(weights)", "print(weights.tolist())"), {})
    printed = torch.tensor(json.loads(printed.getvalue()))
    torch.testing.assert_close(printed, plain[LAYER][HEAD][318:382, 8:72], atol=1e-6, rtol=1e-5)


def test_programs_get_the_region_and_files_the_map(plain):
    answer = endpoint(TAB)(**ASKED, zoom="350, 40")
    torch.testing.assert_close(
        torch.tensor(answer["weights"]), plain[LAYER][HEAD][318:382, 8:72], atol=1e-6, rtol=1e-5
    )
    given = {"inputs": {f.name: f.default for f in TAB.fields} | ASKED, "panel": "map", "format": "csv"}
    file = ask_export("en", TAB, given)
    lines = b64decode(file["base64"]).decode().splitlines()
    assert len([line for line in lines if "–" in line.partition(",")[0]]) == 88


@pytest.mark.parametrize("look", ["touch", "understand"])
def test_what_needs_all_weights_says_so(model, look):
    with pytest.raises(Refusal) as refused:
        view_of(TAB, "en", ASKED | {"look": look})
    sentence = refused.value.sentence(words_for("en"))
    assert refused.value.key == "heads_long" and "512" in sentence and str(N) in sentence


@pytest.mark.parametrize("asked", ["here", "1", "1,2,3", "-1, 0", "1.5, 2"])
def test_a_region_is_two_places(model, asked):
    part = head_of(zoom=asked)
    assert part["error"] == Refusal("bad_zoom", field="heads.zoom").sentence(words_for("en"))


def test_up_to_512_tokens_nothing_is_pooled_and_no_zoom_is_heard(model):
    view = view_of(TAB, "en", ASKED | {"text": "a b c d " * 32, "zoom": "3, 4"})
    assert matrix_of(panel(view, "weights")).shape == (128, 128)
    [(kept, _)] = runs._kept.values()
    assert not kept.long and zoom.WHOLE == 512


@pytest.mark.parametrize("said, limit", [("", 512), ("64", 64), ("1000", 900), (" 900 ", 900)])
def test_the_host_says_how_long_a_text_may_be_up_to_what_the_model_reads(model, monkeypatch, said, limit):
    monkeypatch.setenv(LONGEST, said)
    again = adopt(model.module, model.tokenizer)
    assert again.max_tokens == limit
    with pytest.raises(ValueError, match=f"at most {limit} tokens"):
        tokenize(again, "a " * (limit + 1))


@pytest.mark.parametrize("said", ["0", "-5", "many", "1e3", str(AT_MOST + 1)])
def test_a_limit_that_is_none_is_refused_with_the_rule(monkeypatch, said):
    monkeypatch.setenv(LONGEST, said)
    with pytest.raises(ValueError, match=f"whole number from 1 to {AT_MOST}"):
        most_tokens(torch.device("cpu"))


def test_without_a_word_of_the_host_a_cpu_reads_512_and_a_gpu_what_the_model_does(monkeypatch):
    monkeypatch.delenv(LONGEST, raising=False)
    assert [most_tokens(torch.device(kind)) for kind in ("cpu", "cuda", "mps")] == [512, AT_MOST, AT_MOST]
    assert TAB.fields[2].name == "text" and TAB.fields[2].limit == 3000
