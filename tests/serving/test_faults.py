"""When something breaks, the learner is told in a sentence and the other tabs go on."""

from __future__ import annotations

import errno

import pytest

from attention.pretrained import catalog
from attention.pretrained.model import ModelRefused
from attention.ui import TABS
from attention.ui.page import loads
from attention.ui.page.questions import draw, view_of
from attention.ui.page.texts import LANGUAGES, words_for
from attention.ui.tabs.heads import TAB as HEADS
from attention.ui.tabs.heads import runs

OTHERS = [tab for tab in TABS if tab is not HEADS]


@pytest.fixture(autouse=True)
def no_model_loaded(monkeypatch):
    """As in a fresh process, and with no network."""
    monkeypatch.setattr(loads, "_loads", type(loads._loads)())
    monkeypatch.setattr(runs, "_kept", type(runs._kept)())
    monkeypatch.setattr(catalog, "_loaded", type(catalog._loaded)())
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def drawn(language):
    """The heads tab's answer to what it opens with, after the load had its time."""
    values = {field.name: field.default for field in HEADS.fields}
    for _ in range(20):
        answer = draw(language, HEADS, {"inputs": values})
        waiting = [panel for panel in answer.get("panels", []) if panel["kind"] == "waiting"]
        if not waiting or "failed" in waiting[0]:
            return answer
    pytest.fail("the model neither came nor was refused")


def told(language, key):
    """The words of an error, up to the first value in it."""
    label = words_for(language)("heads.model")
    return words_for(language)(f"errors.model_{key}", field=label)


def assert_told(key):
    for language in LANGUAGES:
        [panel] = drawn(language)["panels"]
        assert panel["title"] == told(language, key) and panel["seconds"] > 0
    for tab in OTHERS:
        assert view_of(tab, "en", {})["panels"], tab.id


def test_a_missing_model_package(monkeypatch):
    monkeypatch.setattr(catalog, "package_file", lambda entry: None)
    assert_told("missing")


def test_a_damaged_model_package(monkeypatch, tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"not a model")
    monkeypatch.setattr(catalog, "package_file", lambda entry: file)
    catalog.whole.cache_clear()
    assert_told("corrupt")
    catalog.whole.cache_clear()


@pytest.mark.parametrize("reason", ["offline", "disk_full", "memory"])
def test_a_load_that_fails(monkeypatch, reason):
    def fail(*_, **__):
        raise ModelRefused(reason, "as the chapter found it")

    monkeypatch.setattr(loads, "load_model", fail)
    assert_told(reason)


def test_a_fault_that_nobody_foresaw_gets_a_number_and_the_next_try_may_succeed(monkeypatch):
    failures = [OSError(errno.EIO, "/secret/path"), RuntimeError("CUDA error: at /secret/path")]

    def fail(*_, **__):
        raise failures.pop()

    real = loads.load_model
    monkeypatch.setattr(loads, "load_model", fail)
    [panel] = drawn("en")["panels"]
    assert "Reference" in panel["title"] and "secret" not in panel["title"]
    assert drawn("en")["panels"][0]["title"] == panel["title"]  # it rests: nobody starts it again
    loads._loads.clear()
    monkeypatch.setattr(loads, "load_model", real)
    assert drawn("en")["panels"]


def test_memory_that_runs_out_in_a_forward_pass_is_said(monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    runs.model_of("minilm", patience=120)
    monkeypatch.setattr(runs, "run", fail)
    assert drawn("en")["error"] == words_for("en")("errors.memory")
    for tab in OTHERS:
        assert view_of(tab, "zh", {})["panels"], tab.id
