"""The heads tab against the model itself."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math
import threading

import numpy as np
import pytest
import torch

from attention.heads import hide_special, join_pieces
from attention.pretrained import CATALOG, Changes, ModelRefused, load_model, run, tokenize
from attention.pretrained.catalog import adopt, package_file
from attention.ui.page import busy, link, loads
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import ask_export, ask_sheet, draw_part, endpoint, view_of
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.heads import TAB, runs
from attention.ui.tabs.heads.memo import Memo

TEXT = "The animal did not cross the street because it was too tired."
SMOLLM = pytest.mark.skipif(package_file(CATALOG["smollm2"]) is None, reason="no SmolLM2 wheel")


def panel(view, id):
    return next(p for p in view["panels"] if p["id"] == id)


def matrix_of(panel):
    """The numbers of a panel as the page gets them."""
    data = panel["data"]
    return np.frombuffer(base64.b64decode(data["f32"]), "<f4").reshape(data["shape"])


def part_of(name, request, language="en"):
    """What the page gets when it asks for one part of the view."""
    return draw_part(language, TAB, name, request)


def plain_weights(layer=3, head=1, text=TEXT, changes=None, pair=None):
    model = load_model("minilm")
    tokens = tokenize(model, text, pair)
    return run(model, tokens, changes).layers[layer].weights[head], tokens


def unpack(overview):
    bytes_ = b"".join(base64.b64decode(layer) for layer in overview["thumbnails"])
    shape = overview["layers"], overview["heads"], overview["rows"], overview["cols"]
    return np.frombuffer(bytes_, np.uint8).reshape(shape)


def test_the_open_head_holds_the_models_own_weights():
    view = view_of(TAB, "en", {})
    weights, tokens = plain_weights()
    np.testing.assert_allclose(matrix_of(panel(view, "weights")), weights, atol=1e-6)
    assert panel(view, "weights")["rows"] == list(tokens.tokens)


def test_the_overview_is_the_square_root_of_every_weight():
    view = view_of(TAB, "en", {})
    drawn = unpack(panel(view, "overview"))
    model = load_model("minilm")
    layers = run(model, tokenize(model, TEXT)).layers
    expected = torch.stack([layer.weights for layer in layers]).sqrt() * 255
    assert drawn.shape == (6, 12, 15, 15)
    assert np.abs(drawn - expected.numpy()).max() <= 0.51


@pytest.mark.parametrize("words", [40, 130, 400])
def test_long_texts_are_pooled_said_so_and_stay_small(words):
    view = view_of(TAB, "en", {"text": "word " * words})
    overview = panel(view, "overview")
    assert len(json.dumps(overview)) <= 400_000
    pooled = words_for("en")("heads.pooled", rows=9, columns=9)[-30:] in overview["caption"]
    assert pooled == (words > 62)
    open_head = [p["kind"] for p in view["panels"] if p.get("part") == "head"]
    assert ("later" in open_head) == (words > 126)
    part = part_of("head", {"inputs": view["inputs"]})
    weights, _ = plain_weights(text="word " * words)
    np.testing.assert_allclose(matrix_of(panel(part, "weights")), weights, atol=1e-6)


def test_picking_a_head_runs_no_model_and_leaves_the_overview_alone(monkeypatch):
    view = view_of(TAB, "en", {"text": "nobody typed this before"})
    monkeypatch.setattr(runs, "run", lambda *a, **k: pytest.fail("the model ran again"))
    part = part_of("head", {"inputs": {**view["inputs"], "layer": 5, "head": 11}})
    assert "error" not in part
    assert part["inputs"]["layer"] == 5 and "layer=5" in part["link"]
    assert not any(p["kind"] == "overview" for p in part["panels"])
    whole = view_of(TAB, "en", {**view["inputs"], "layer": 5, "head": 11})
    assert panel(part, "weights") == panel(whole, "weights")


def test_hidden_special_tokens_are_renormalised_and_announced():
    view = view_of(TAB, "en", {"hide_special": True})
    weights, tokens = plain_weights()
    expected = hide_special(weights, tokens.special)
    np.testing.assert_allclose(matrix_of(panel(view, "weights")), expected, atol=1e-6)
    assert view["notices"] and "[CLS]" not in panel(view, "weights")["rows"]
    assert unpack(panel(view, "overview")).shape == (6, 12, 13, 13)


@pytest.mark.parametrize("hide", [False, True])
def test_the_sheet_adds_up_to_the_weight_on_screen(hide):
    inputs = {"hide_special": hide}
    shown = matrix_of(panel(view_of(TAB, "en", inputs), "weights"))
    for row, column in ((9, 2), (0, 0), (12, 5)):
        sheet = ask_sheet("en", TAB, {"inputs": inputs, "panel": "weights", "row": row, "column": column})
        rows = sheet["sections"][0]["table"]["rows"]
        assert math.isclose(sum(float(r[3]) for r in rows[:-1]), float(rows[-1][3]), abs_tol=1e-3)
        magnitudes = [abs(float(r[3])) for r in rows[:8]]
        assert magnitudes == sorted(magnitudes, reverse=True)
        last = sheet["sections"][-1]["lines"][0][2] if hide else sheet["sections"][2]["lines"][2][2]
        assert math.isclose(float(last), shown[row, column], abs_tol=1e-4)


def test_joined_pieces_open_into_their_pieces():
    text = "unbelievably strange tokenization"
    inputs = {"look": "understand", "text": text, "join": True, "hide_special": True}
    view = view_of(TAB, "en", inputs)
    assert panel(view, "weights")["rows"] == ["unbelievably", "strange", "tokenization"]
    weights, tokens = plain_weights(text=text)
    kept = [more for more, special in zip(tokens.joined, tokens.special, strict=True) if not special]
    expected = join_pieces(hide_special(weights, tokens.special), kept)
    np.testing.assert_allclose(matrix_of(panel(view, "weights")), expected, atol=1e-6)
    sheet = ask_sheet("en", TAB, {"inputs": inputs, "panel": "weights", "row": 0, "column": 2})
    assert math.isclose(float(sheet["sections"][0]["table"]["rows"][-1][2]), expected[0, 2], abs_tol=1e-4)


def test_the_pair_filter_shows_one_block():
    inputs = {"look": "understand", "text": "A dog barks.", "pair": "It is loud.", "part": "A->B"}
    drawn = panel(view_of(TAB, "en", inputs), "weights")
    assert "dog" in drawn["rows"] and "loud" in drawn["columns"] and "dog" not in drawn["columns"]


@pytest.mark.parametrize(
    ("inputs", "changes"),
    [({"knock_out": "1.2, 3"}, Changes(knock_out={(1, 2), *((3, h) for h in range(12))})),
     ({"uniform": "3.1"}, Changes(uniform={(3, 1)})),
     ({"temper": 2.0}, Changes(temperature=((3, 1, 2.0),))),
     ({"no_scale": True}, Changes(no_scale=True)),
     ({"forbid": "animal, 5"}, Changes(forbid={2, 5})),
     ({"causal": "on"}, Changes(causal=True)),
     ({"shuffle": 3}, Changes(shuffle_seed=3)),
     ({"positions": False}, Changes(positions=False))],
)  # fmt: skip
def test_a_change_shows_the_changed_run_beside_the_untouched_one(inputs, changes):
    view = view_of(TAB, "en", {"look": "touch", **inputs})
    after, _ = plain_weights(changes=changes)
    before, _ = plain_weights()
    np.testing.assert_allclose(matrix_of(panel(view, "weights")), after, atol=1e-6)
    np.testing.assert_allclose(matrix_of(panel(view, "weights_before")), before, atol=1e-6)
    assert max(panel(view, "moved")["series"][0]["values"]) > 0
    for id in ("weights", "weights_before"):
        sheet = ask_sheet("en", TAB, {"inputs": view["inputs"], "panel": id, "row": 3, "column": 1})
        shown = matrix_of(panel(view, id))[3, 1]
        assert math.isclose(float(sheet["sections"][2]["lines"][2][2]), shown, abs_tol=1e-4)


def test_without_positions_a_shuffled_sentence_is_the_same_bag_of_words():
    view = view_of(TAB, "en", {"look": "touch", "shuffle": 7, "positions": False})
    assert panel(view, "cosine")["items"][1]["value"] == "1.0000"
    view = view_of(TAB, "en", {"look": "touch", "shuffle": 7})
    assert float(panel(view, "cosine")["items"][1]["value"]) < 0.999


def test_nothing_changed_moves_nothing():
    view = view_of(TAB, "en", {"look": "touch", "pair": "A second one."})
    items = panel(view, "cosine")["items"]
    assert items[0]["value"] == "1.0000" and items[1]["value"] == items[2]["value"]
    assert max(panel(view, "moved")["series"][0]["values"]) == 0


def test_picking_a_head_with_a_temperature_changes_the_whole_run():
    inputs = {"look": "touch", "temper": 4.0, "layer": 0, "head": 2}
    assert part_of("head", {"inputs": inputs})["everything"]
    assert not part_of("head", {"inputs": {**inputs, "temper": 1.0}})["everything"]


def test_a_long_text_shows_and_saves_the_head_with_a_temperature():
    """Asked for by itself it would be the whole view again, which asks for it, and so on."""
    inputs = {"look": "touch", "text": "word " * 130, "temper": 4.0}
    view = view_of(TAB, "en", inputs)
    after, _ = plain_weights(text=inputs["text"], changes=Changes(temperature=((3, 1, 4.0),)))
    np.testing.assert_allclose(matrix_of(panel(view, "weights")), after, atol=1e-6)
    assert panel(part_of("head", {"inputs": inputs}), "weights") == panel(view, "weights")
    file = ask_export("en", TAB, {"inputs": inputs, "panel": "weights", "format": "csv"})
    assert len(base64.b64decode(file["base64"]).splitlines()) == 1 + len(after)


def test_roles_carry_their_chance_and_the_previous_token_head_is_found():
    table = panel(view_of(TAB, "en", {"look": "understand"}), "roles")
    previous = table["items"][0]["heads"]
    assert previous[0][:2] == [0, 2] and float(previous[0][2]) > 0.9 > float(previous[0][3])
    view = view_of(TAB, "en", {"look": "understand"})
    assert all(panel(view, id)["data"]["shape"] == [6, 12] for id in ("entropy", "distance", "sink"))


def test_a_long_text_gets_its_roles_by_a_question_of_their_own():
    """Counted again here: how much of each head's weight lies on the token before."""
    from attention.heads import roles

    text = "red green blue one " * 100
    view = view_of(TAB, "en", {"look": "understand", "text": text})
    assert [p["id"] for p in view["panels"]][:1] == ["later-roles"]
    part = part_of("roles", {"inputs": {"look": "understand", "text": text}})
    table = panel(part, "roles")
    assert {p["part"] for p in part["panels"]} == {"roles"}
    model = load_model("minilm")
    tokens = tokenize(model, text)
    layers = [layer.weights for layer in run(model, tokens).layers]
    named = [one for one in roles(layers, tokens.ids, list(tokens.special)) if one.role == "previous"]
    assert table["items"][0]["count"] == len(named) > 0
    assert "error" in part_of("answers", {"inputs": {"look": "understand", "text": text}})


def test_the_four_answers_are_shares_and_open():
    part = part_of("answers", {"inputs": {"look": "understand"}})
    table = matrix_of(panel(part, "answers"))
    assert table.shape == (15, 4)
    np.testing.assert_allclose(table.sum(0), 1, atol=1e-4)
    np.testing.assert_allclose(table[:, 0], plain_weights()[0][9], atol=1e-6)


def answer_sheets(row):
    """The sheets of one key's four answers, by column."""
    ask_for = {"inputs": {"look": "understand"}, "panel": "answers", "row": row}
    return [ask_sheet("en", TAB, {**ask_for, "column": column}) for column in range(4)]


def test_each_of_the_four_answers_opens_into_arithmetic_that_adds_up():
    """Layer 3, head 1, query 9 ("it"), key 3, each answer worked out here from the model itself."""
    part = part_of("answers", {"inputs": {"look": "understand"}})
    shares = matrix_of(panel(part, "answers"))[3]
    weight, norm, mixed, knock = answer_sheets(3)
    for sheet, expected in zip((weight, norm, mixed, knock), shares, strict=True):
        assert f"{expected:.4f}" in json.dumps(sheet)
    model = load_model("minilm")
    tokens = tokenize(model, TEXT)
    plain = run(model, tokens, capture="all")
    layer = plain.layers[3]
    block = model.module.encoder.layer[3].attention

    # weight: the same sheet as the open head's
    head = ask_sheet("en", TAB, {"inputs": {}, "panel": "weights", "row": 9, "column": 3})
    assert weight["sections"][1:-1] == head["sections"]

    # norm: |w v W_O| from the model's own matrices
    w_o = block.output.dense.weight[:, 32:64]
    length = (layer.value[1] @ w_o.T).norm(dim=-1)
    lines = {label: number for label, _, number in norm["sections"][1]["lines"]}
    assert lines["Length of the value after W_O, ‖v W‖"] == f"{length[3]:.4f}"
    assert float(lines["Share"]) == pytest.approx(
        (layer.weights[1, 9, 3] * length[3] / (layer.weights[1, 9] * length).sum()).item(), abs=1e-4
    )

    # rollout: products of two listed factors, and their sum
    table = mixed["sections"][1]["table"]["rows"]
    for _, step, below, product in table[:-2]:
        assert float(step) * float(below) == pytest.approx(float(product), abs=1e-3)
    assert sum(float(row[3]) for row in table[:-1]) == pytest.approx(float(table[-1][3]), abs=1e-3)
    steps = [(one.weights.mean(0) + torch.eye(15)) / 2 for one in plain.layers[:4]]
    chained = torch.linalg.multi_dot(steps[::-1])
    assert float(table[-1][3]) == pytest.approx(chained[9, 3].item(), abs=1e-4)

    # knock-out: the model run without that key
    without = run(model, tokens, Changes(forbid=frozenset([3])))
    distance = (without.hidden[9] - plain.hidden[9]).norm()
    assert knock["sections"][1]["lines"][0][2] == f"{distance:.4f}"


CASES = [changes for _, changes in TAB.examples if changes.get("model") is None]
CASES += [{"look": "understand", "text": "unbelievably odd", "pair": "indeed so", "join": True,
           "hide_special": True, "part": "A->B", "minimum": 0.05},
          {"look": "touch", "hide_special": True, "shuffle": 2, "forbid": "it",
           "pair": "Hello there."}]  # fmt: skip


@pytest.mark.parametrize("changes", CASES)
def test_the_snippet_prints_the_weights_shown(changes):
    views = [view_of(TAB, language, changes) for language in LANGUAGES]
    assert views[0]["link"] == views[1]["link"] and len(views[0]["code"].splitlines()) <= 30
    json.dumps(views, allow_nan=False)  # packed numbers are base64, where any three letters may stand
    printed = io.StringIO()
    scope: dict = {}
    with contextlib.redirect_stdout(printed):
        exec(compile(views[0]["code"], "snippet", "exec"), scope)
    shown = matrix_of(panel(views[0], "weights"))
    np.testing.assert_allclose(scope["weights"], shown, atol=1e-6)
    assert str(scope["weights"]) in printed.getvalue()
    results = endpoint(TAB)(**views[0]["inputs"])
    np.testing.assert_allclose(results["weights"], shown, atol=1e-6)
    json.dumps(results, allow_nan=False)


@pytest.mark.parametrize("changes", CASES)
def test_a_link_restores_every_input(changes):
    view = view_of(TAB, "en", changes)
    tab, values, good, _ = link.read(view["link"], {"heads": TAB.fields})
    assert (tab, good, values) == ("heads", True, view["inputs"])


@pytest.mark.parametrize(
    ("inputs", "label"),
    [({"text": "  "}, "text"), ({"text": "x" * 3001}, "text"), ({"text": "🙂 " * 900}, "text"),
     ({"text": 3}, "text"), ({"layer": 6}, "layer"), ({"head": 12}, "head"), ({"head": -1}, "head"),
     ({"layer": math.nan}, "layer"), ({"layer": 1.5}, "layer"), ({"layer": None}, "layer"),
     ({"model": "/etc"}, "model"), ({"model": ["minilm"]}, "model"),
     ({"look": "touch", "knock_out": "9.1"}, "knock_out"), ({"look": "touch", "knock_out": "a"}, "knock_out"),
     ({"look": "touch", "forbid": "zebra"}, "forbid"), ({"look": "touch", "temper": 0}, "temper"),
     ({"look": "touch", "sampling": math.inf}, "sampling"), ({"look": "touch", "uniform": 3}, "uniform"),
     ({"look": "understand", "part": "A->B"}, "part"), ({"look": "understand", "minimum": 2}, "minimum")],
)  # fmt: skip
def test_bad_input_is_named(inputs, label):
    for language in LANGUAGES:
        words = words_for(language)
        with pytest.raises(Refusal) as caught:
            view_of(TAB, language, inputs)
        assert words(f"heads.{label}") in caught.value.sentence(words)
        assert "error" in part_of("head", {"inputs": inputs}, language)


@pytest.mark.parametrize("text", ["a", "😀 👩‍👩‍👧", "مرحبا بالعالم", "$x^2^2$",
                                  "<img src=x onerror=alert(1)>",
                                  "[CLS] [SEP]", "我爱北京", "​", "𝔘𝔫𝔦"])  # fmt: skip
@pytest.mark.parametrize("look", ["overview", "touch", "understand"])
def test_any_writing_is_text(text, look):
    try:
        view = view_of(TAB, "en", {"text": text, "look": look, "hide_special": True})
    except Refusal as refusal:  # nothing visible was typed
        assert refusal.key == "empty" and not text.strip("\u200b")
        return
    assert json.dumps(view, allow_nan=False)


@pytest.mark.parametrize("request_", [None, 3, {}, {"inputs": 1}, {"inputs": {"nothing": 1}}])
def test_a_malformed_question_gets_a_sentence(request_):
    assert set(part_of("head", request_)) == {"error"}
    assert set(part_of("answers", request_, "zh")) == {"error"}


@pytest.mark.parametrize("reason", [*loads.SENTENCES, "something_new"])
def test_a_refused_model_is_a_sentence_in_both_languages(monkeypatch, reason):
    def refuse(name, patience):
        raise ModelRefused(reason, "secret /path/of/the/host")

    monkeypatch.setattr(runs, "model_of", refuse)
    for language in LANGUAGES:
        with pytest.raises(Refusal) as caught:
            view_of(TAB, language, {"text": f"refused for {reason}"})
        sentence = caught.value.sentence(words_for(language))
        assert words_for(language)("heads.model") in sentence and "secret" not in sentence


def test_a_model_on_its_way_is_waited_for_by_the_page(monkeypatch):
    def still(name, patience):
        raise loads.Loading("downloading", 40_000_000, 440_000_000)

    monkeypatch.setattr(runs, "model_of", still)
    view = view_of(TAB, "en", {"text": "not loaded yet"})
    [waiting] = view["panels"]
    assert waiting["kind"] == "waiting" and "40 of 440 MB" in waiting["title"]
    assert (waiting["done"], waiting["total"]) == (40_000_000, 440_000_000)
    assert view["tasks"] == [] and "load_model" in view["code"]
    for part in ("head", "answers"):
        assert set(part_of(part, {"inputs": view["inputs"]})) == {"error"}
    sentence = loads.Loading().sentence(words_for("en"))
    for panel_id, format in (("weights", "csv"), (None, "html")):  # no file that says "is being prepared"
        asked = {"inputs": view["inputs"], "panel": panel_id, "format": format}
        assert ask_export("en", TAB, asked) == {"error": sentence}


@pytest.mark.parametrize("stage", ["waiting", "downloading", "unpacking", "keeping", "reading"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_stage_of_a_load_has_its_sentence(stage, language):
    words = words_for(language)
    assert loads.Waiting("waiting", loads.Loading(stage, 1, 2), words).encode()["title"]


@pytest.mark.parametrize("error", [ValueError("no"), json.JSONDecodeError("no", "<html>", 0)])
def test_only_a_change_is_called_a_change_that_cannot_be_made(monkeypatch, error):
    """Else a hotel's login page would ask the learner to undo something."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(runs, "run", fail)
    with pytest.raises(ValueError) as caught:
        view_of(TAB, "en", {"text": f"an error of {type(error).__name__}"})
    assert caught.value is error
    model = load_model("minilm")
    with pytest.raises(Refusal) as refused:
        runs._through(model, tokenize(model, "a"), "self", False, Changes(positions=False), False)
    assert refused.value.key == "model_change"


class Key:
    """A key that another request overtakes while it is being looked up."""

    meanwhile: list = []

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        return 1

    def __eq__(self, other):
        if Key.meanwhile:
            Key.meanwhile.pop()()
        return self.name == other.name


def test_two_requests_never_meet_in_what_a_run_remembers():
    """Between the look whether a head is held and its reading, another request opens another head."""
    memo = Memo()

    def overtake():
        other = threading.Thread(target=memo.once, args=("opened", Key("B"), lambda: "B's weights"))
        other.start()
        other.join(0.5)

    assert memo.once("opened", Key("A"), lambda: "A's weights") == "A's weights"
    Key.meanwhile.append(overtake)
    assert memo.once("opened", Key("A"), lambda: "A's weights") == "A's weights"
    assert Key.meanwhile == []
    assert memo.once("opened", Key("B"), lambda: "B's weights") == "B's weights"
    assert memo.once("opened", Key("B"), lambda: pytest.fail("computed twice")) == "B's weights"


def test_what_is_dear_is_computed_once_for_all_who_wait():
    memo, calls, release = Memo(), [], threading.Event()

    def make():
        calls.append(1)
        release.wait(30)
        return "dear"

    found = []
    threads = [threading.Thread(target=lambda: found.append(memo.once("measured", None, make)))
               for _ in range(8)]  # fmt: skip
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()
    assert found == ["dear"] * 8 and len(calls) == 1


def test_a_run_does_not_keep_a_model_that_made_room(monkeypatch):
    from attention.pretrained import catalog

    view = view_of(TAB, "en", {"text": "an old run"})
    key = next(reversed(runs._kept))
    monkeypatch.setattr(catalog, "_loaded", type(catalog._loaded)())
    other = adopt(load_model("minilm", device="cpu").module, load_model("minilm", device="cpu").tokenizer)
    assert view["panels"] and key in runs._kept
    monkeypatch.setattr(runs, "model_of", lambda name, patience: other)
    view_of(TAB, "en", {"text": "a new run of another model"})
    assert key not in runs._kept


def test_kept_runs_are_bounded_in_bytes_and_never_mixed(monkeypatch):
    monkeypatch.setattr(runs, "KEPT", 2_000_000)
    texts = [f"number {i} " * 12 for i in range(12)]
    for text in texts:
        view_of(TAB, "en", {"text": text})
        assert sum(size for _, size in runs._kept.values()) <= 2_000_000
    found: dict[str, np.ndarray] = {}

    def draw(text):
        found[text] = matrix_of(panel(view_of(TAB, "en", {"text": text}), "weights"))

    threads = [threading.Thread(target=draw, args=(text,)) for text in texts[:6]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for text, weights in found.items():
        np.testing.assert_allclose(weights, plain_weights(text=text)[0], atol=1e-5)


def test_beyond_its_places_and_its_line_a_slot_is_busy():
    with busy.slot("test-one", limit=1):
        with pytest.raises(Refusal, match="busy"), busy.slot("test-one", wait=0.01):
            pass
        with pytest.raises(Refusal, match="busy"), busy.slot("test-one", waiting=0):
            pass
    with busy.slot("test-one", wait=0.01):
        pass


@SMOLLM
def test_a_decoder_shows_next_tokens_before_and_after():
    loads.model_of("smollm2", patience=180)
    inputs = {"look": "touch", "model": "smollm2", "text": "The capital of France is",
              "layer": 0, "head": 0, "knock_out": "0"}  # fmt: skip
    view = view_of(TAB, "en", inputs)
    table = panel(view, "next")
    assert table["names"][0] == "Paris"
    before, after = (series["values"] for series in table["series"])
    assert before[0] > 0.5 > after[0]
    weights = matrix_of(panel(view, "weights"))
    assert (np.triu(weights, 1) == 0).all()
    ahead = view_of(TAB, "en", {**inputs, "knock_out": "", "causal": "off"})
    assert np.triu(matrix_of(panel(ahead, "weights")), 1).max() > 0
    assert unpack(panel(view, "overview")).shape == (30, 9, 5, 5)  # of the differences


@pytest.mark.parametrize("side", ["self", "decoder", "cross"])
def test_an_encoder_decoder_shows_each_of_its_three_attentions(monkeypatch, side):
    from tests import tiny_models

    model = adopt(tiny_models.build("t5"))
    tokens = tiny_models.plain(6, targets=3)
    monkeypatch.setattr(runs, "model_of", lambda name, patience: model)
    monkeypatch.setattr(runs, "tokenize", lambda *a: tokens)
    view = view_of(TAB, "en", {"text": f"tiny t5 {side}", "layer": 1, "head": 3, "side": side})
    expected = [layer for layer in run(model, tokens).layers if layer.kind == side][1].weights[3]
    np.testing.assert_allclose(matrix_of(panel(view, "weights")), expected, atol=1e-6)
    n, m = expected.shape
    assert unpack(panel(view, "overview")).shape == (2, 4, n, m)
    cell = {"inputs": view["inputs"], "panel": "weights", "row": n - 1, "column": m - 1}
    sheet = ask_sheet("en", TAB, cell)
    assert math.isclose(sheet["weight"], expected[-1, -1], abs_tol=1e-5)
    assert f"layer.kind == {side!r}" in view["code"] or side == "self"


@pytest.mark.parametrize("side", ["self", "decoder", "cross"])
def test_special_tokens_of_an_encoder_decoder_hide_where_a_text_looks_at_itself(monkeypatch, side):
    """In the open head, in the overview that the run itself packs, and in the code beside them."""
    from dataclasses import replace

    import attention
    from tests import tiny_models

    model, tokens = adopt(tiny_models.build("t5")), tiny_models.plain(6, targets=3)
    tokens = replace(tokens, special=tuple(at in (5, 8) for at in range(9)))
    monkeypatch.setattr(runs, "model_of", lambda name, patience: model)
    monkeypatch.setattr(runs, "tokenize", lambda *a: tokens)
    inputs = {"text": f"tiny t5 hides {side}", "side": side, "layer": 1, "head": 3, "hide_special": True}
    view = view_of(TAB, "en", inputs)
    expected = torch.stack([one.weights for one in run(model, tokens).layers if one.kind == side])
    if side != "cross":
        expected = hide_special(expected, tokens.special[:6] if side == "self" else tokens.special[6:])
    np.testing.assert_allclose(matrix_of(panel(view, "weights")), expected[1, 3], atol=1e-6)
    overview = panel(view, "overview")
    assert [len(names) for names in overview["labels"].values()] == list(expected.shape[-2:])
    assert np.abs(unpack(overview) - expected.sqrt().numpy() * 255).max() <= 0.51
    monkeypatch.setattr(attention, "load_model", lambda name: model)
    monkeypatch.setattr(attention.pretrained, "tokenize", lambda *a: tokens)
    scope: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(view["code"], "snippet", "exec"), scope)
    np.testing.assert_allclose(scope["weights"], expected[1, 3], atol=1e-6)
