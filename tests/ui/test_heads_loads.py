"""A model on its way: one load of each, waited for politely; one that failed rests before another try."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest

from attention.pretrained import ModelRefused, catalog
from attention.pretrained.catalog import CATALOG
from attention.ui.notebook import show
from attention.ui.page import loads as loading
from attention.ui.page.guard import Refusal
from attention.ui.page.loads import Failed, Loading, model_of
from attention.ui.page.questions import draw, endpoint
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.heads import TAB
from tests.hub_imitation import Trouble
from tests.tiny_models import save


@pytest.fixture
def clock(monkeypatch):
    """The clock by which a failed load rests, moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(loading.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def loads(monkeypatch):
    """Nothing loaded; whatever load_model is asked for, and its answers in turn."""
    monkeypatch.setattr(catalog, "_loaded", type(catalog._loaded)())
    monkeypatch.setattr(loading, "_loads", type(loading._loads)())
    asked: list[str] = []
    answers: list[BaseException] = []

    def load(name, progress):
        asked.append(name)
        raise answers.pop(0)

    monkeypatch.setattr(loading, "load_model", load)
    return asked, answers


def failed(name="gpt2"):
    with pytest.raises(Failed) as caught:
        model_of(name, patience=None)
    return caught.value


def test_a_failed_load_rests_twice_as_long_each_time_whoever_asks(loads, clock):
    asked, answers = loads
    answers += [ModelRefused("interrupted", "No.") for _ in range(8)]
    rests = []
    for _ in range(8):
        rests.append(failed().again)
        for _ in range(5):  # others ask meanwhile
            assert failed().key == "model_interrupted"
        clock[0] += rests[-1]
    assert rests == [5, 10, 20, 40, 80, 120, 120, 120] and asked == ["gpt2"] * 8


def test_a_success_forgets_the_failures(loads, clock, monkeypatch):
    asked, answers = loads
    answers += [ModelRefused("offline", "No."), ModelRefused("offline", "No.")]
    assert failed().again == 5
    clock[0] += 5
    monkeypatch.setattr(loading, "load_model", lambda name, progress: "a model")
    assert model_of("gpt2", patience=None) == "a model"
    assert loading._loads == {}


@pytest.mark.parametrize("reason", loading.SENTENCES)
def test_every_failure_is_one_panel_in_both_languages(loads, clock, reason):
    loads[1].append(ModelRefused(reason, "secret /path"))
    failed_ = failed()
    for language in LANGUAGES:
        words = words_for(language)
        panel = loading.Waiting("waiting", failed_, words).encode()
        assert panel["failed"] and "secret" not in panel["title"] and words("heads.model") in panel["title"]
        assert (panel["seconds"] is not None) == (reason in loading.PASSING)


def test_an_unforeseen_fault_has_one_number_for_everybody(loads, clock):
    loads[1].append(RuntimeError("CUDA error at /secret/path"))
    sentences = {failed().sentence(words_for("en")) for _ in range(5)}
    [sentence] = sentences
    assert "Reference" in sentence and "secret" not in sentence


def test_only_so_many_models_are_on_their_way_at_once(loads, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(loading, "load_model", lambda name, progress: release.wait(60))
    try:
        for i in range(loading.LOADS):
            with pytest.raises(Loading):
                model_of(f"owner/model{i}", patience=0)
        with pytest.raises(Refusal) as refused:
            model_of("owner/one-more", patience=0)
        assert refused.value.key == "busy"
        with pytest.raises(Loading):  # one on its way is not one more
            model_of("owner/model0", patience=0)
    finally:
        release.set()


def test_failures_remembered_are_bounded(loads, clock, monkeypatch):
    monkeypatch.setattr(loading, "REMEMBERED", 5)
    loads[1].extend(ModelRefused("unknown", "No.") for _ in range(30))
    for i in range(30):
        failed(f"owner/model{i}")
    assert len(loading._loads) <= 7


def offer(hub, tmp_path, names):
    """Tiny models under the catalog's names."""
    kinds = {"gpt2": "gpt2", "bert-base-uncased": "bert", "bert-base-chinese": "electra",
             "distilbert-base-multilingual-cased": "distilbert", "t5-small": "t5", "smollm2": "llama",
             "minilm": "roberta"}  # fmt: skip
    for name in names:
        entry = CATALOG[name]
        hub.add(entry.repo, save(kinds[name], tmp_path / name), entry.revision)


def test_five_learners_choose_five_models_on_a_fresh_start(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "package_file", lambda entry: None)
    names = ["gpt2", "bert-base-uncased", "distilbert-base-multilingual-cased", "t5-small", "smollm2"]
    offer(hub, tmp_path, names)
    found, start = {}, threading.Barrier(5)

    def work(name):
        inputs = {field.name: field.default for field in TAB.fields}
        inputs |= {"model": name, "text": "a cat b", "layer": 0, "head": 0}
        inputs["pair"] = "c d" if name == "t5-small" else ""
        start.wait()
        for _ in range(100):
            answer = draw("en", TAB, {"inputs": inputs})
            panels = [panel["kind"] for panel in answer.get("panels", [])]
            if panels != ["waiting"] or "failed" in answer["panels"][0]:
                break
        found[name] = answer

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(work, names))
    for name in names:
        assert any(panel["kind"] == "overview" for panel in found[name].get("panels", [])), found[name]


def test_smollm2_is_offered_always_and_comes_from_the_hub_without_its_package(hub, tmp_path, monkeypatch):
    model = next(field for field in TAB.fields if field.name == "model")
    assert model.options == tuple(CATALOG)
    monkeypatch.setattr(catalog, "package_file", lambda entry: None)
    offer(hub, tmp_path, ["smollm2"])
    assert model_of("smollm2", patience=None).has_logits


def test_a_notebook_waits_for_the_model(hub, tmp_path):
    offer(hub, tmp_path, ["gpt2"])
    hub.trouble["model.safetensors"] = Trouble(slow=30_000)  # longer than a page's patience
    shown = show("heads", model="gpt2", text="a cat b", layer=0, head=0)
    assert any(panel["kind"] == "overview" for panel in shown.payload["panels"])


def test_a_notebook_gets_a_sentence_where_the_model_cannot_be_had(hub, tmp_path):
    with pytest.raises(ValueError, match="no such model"):
        show("heads", model="gpt2", text="a cat b", layer=0, head=0)
    with pytest.raises(ValueError, match="0 to 5"):
        show("heads", layer=64)


def test_a_program_is_told_in_a_sentence(loads, clock):
    loads[1].append(ModelRefused("offline", "No."))
    with pytest.raises(gr.Error) as refused:
        endpoint(TAB)()
    assert "cannot be reached" in refused.value.message
