"""Heavy work is bounded: so many at once, a few waiting, the rest politely refused."""

from __future__ import annotations

import pickle
import sys
import threading
import types
from contextlib import ExitStack

import gradio as gr
import pytest
import torch

from attention.pretrained import Changes, ModelRefused, tokenize
from attention.pretrained.session import Layer
from attention.ui.page import busy
from attention.ui.page.busy import GpuRefused, on_gpu, slot
from attention.ui.page.guard import Refusal
from attention.ui.page.questions import view_of
from attention.ui.page.texts import words_for
from attention.ui.tabs.heads import TAB, runs


@pytest.fixture(autouse=True)
def fresh_lines(monkeypatch):
    monkeypatch.setattr(busy, "_lines", {})


def refused(name, **settings):
    with pytest.raises(Refusal) as error, slot(name, **settings):
        pass
    return error.value.key


def test_one_more_than_the_places_is_told_to_try_again():
    with slot("a", limit=2), slot("a", limit=2):
        assert refused("a", wait=0.01) == "busy"
    with slot("a"):
        pass


def test_lines_do_not_share_places():
    with slot("a", limit=1), slot("b", limit=1):
        assert refused("a", wait=0.01) == refused("b", wait=0.01) == "busy"


def test_a_place_is_given_back_after_an_error():
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), slot("a", limit=1):
            raise ZeroDivisionError
    with slot("a", limit=1):
        pass


def test_one_who_waits_gets_the_place():
    done = threading.Event()

    def work():
        with slot("a", wait=30):
            done.set()

    with slot("a", limit=1):
        thread = threading.Thread(target=work)
        thread.start()
        assert not done.wait(0.05)
    assert done.wait(30)
    thread.join(30)


def test_those_who_wait_never_take_all_of_the_pages_threads():
    """Whatever is asked for, in however many lines, 25 and more of Gradio's 40 threads stay free."""
    release, places = threading.Event(), ExitStack()
    for name in "abc":
        places.enter_context(slot(name, limit=1))
    refusals = []

    def work(name):
        try:
            with slot(name, wait=30):
                pass
        except Refusal as refusal:
            refusals.append(refusal.key)

    threads = [threading.Thread(target=work, args=("abc"[i % 3],)) for i in range(60)]
    for thread in threads:
        thread.start()
    while len(refusals) < 60 - busy.WAITING:
        assert not release.wait(0.01)
    assert sum(thread.is_alive() for thread in threads) <= busy.WAITING + 2  # two may be ending
    places.close()
    for thread in threads:
        thread.join(30)
    assert refusals == ["busy"] * (60 - busy.WAITING)


def test_as_a_decorator_every_call_takes_a_place_of_its_own():
    @slot("a", limit=1, wait=0.01)
    def work(inside=None):
        return inside() if inside else 3

    assert work() == work() == 3
    with pytest.raises(Refusal):
        work(work)


def test_gpu_work_runs_right_here_without_hugging_face(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", None)  # import raises ImportError
    assert on_gpu(len) is len


def spaces(lend):
    """The package as it is on a Space: GPU(duration=...) gives a decorator."""
    return types.SimpleNamespace(GPU=lambda duration: lambda function: lend(function, duration))


def test_gpu_work_goes_through_spaces_where_it_is(monkeypatch):
    def lend(function, duration):
        return lambda *given: ("lent", duration(*given), function(*given))

    monkeypatch.setitem(sys.modules, "spaces", spaces(lend))
    assert on_gpu(len, lambda given: 3 * len(given))([1, 2]) == ("lent", 6, 2)


def test_off_a_space_the_package_changes_nothing():
    pytest.importorskip("spaces")
    assert on_gpu(len, lambda given: 5) is len


@pytest.mark.parametrize("error", [gr.Error("quota exceeded"), RuntimeError("404"), ValueError("a page")])
def test_a_gpu_that_is_refused_is_told_and_not_asked_for_again_at_once(monkeypatch, error):
    asked = []

    def lend(function, duration):
        def work(*given):
            asked.append(given)
            raise error

        return work

    monkeypatch.setitem(sys.modules, "spaces", spaces(lend))
    work = on_gpu(len)
    for _ in range(3):
        with pytest.raises(GpuRefused):
            work([1])
    assert asked == [([1],)]
    monkeypatch.setattr(busy, "REST", 0.0)
    work = on_gpu(len)
    for _ in range(2):
        with pytest.raises(GpuRefused):
            work([2])
    assert len(asked) == 3


def test_without_a_gpu_the_cpu_gives_the_same_numbers_and_the_page_says_so(monkeypatch):
    def refuse(*_):
        raise GpuRefused("no GPU was lent")

    values = {"text": "nobody lends anything"}
    here = view_of(TAB, "en", values)
    monkeypatch.setattr(runs, "_kept", type(runs._kept)())
    monkeypatch.setattr(runs, "LARGE", 1)
    monkeypatch.setattr(runs, "_on_lent_gpu", refuse)
    there = view_of(TAB, "en", values)
    assert there["panels"] == here["panels"]
    assert there["notices"] == [words_for("en")("heads.no_gpu")] and here["notices"] == []


def test_the_seconds_asked_for_fit_the_model():
    asked = runs.seconds("minilm")
    assert 10 < asked < 15 and asked == 10 + round(runs.model_of("minilm").size / 2e7)


def test_a_forward_pass_can_travel_to_a_lent_process_and_back(monkeypatch):
    """What ZeroGPU does to arguments and results: pickle them, both ways."""

    def lent(*arguments):
        arguments = pickle.loads(pickle.dumps(arguments))
        return pickle.loads(pickle.dumps(runs._forward(*arguments)))

    model = runs.model_of("minilm", 120)
    arguments = tokenize(model, "a cat"), "self", True, Changes(knock_out=frozenset({(1, 2)})), False
    here = runs._run(model, *arguments)
    monkeypatch.setattr(runs, "LARGE", 1)
    monkeypatch.setattr(runs, "_on_lent_gpu", lent)
    there = runs._run(model, *arguments)
    assert here.overview(True) == there.overview(True)
    assert here.weights(1, 2).equal(there.weights(1, 2))


@pytest.mark.parametrize("error", [ModelRefused("memory", "No."), Refusal("model_change", field="x")])
def test_a_refusal_over_there_comes_back_as_itself(monkeypatch, error):
    """Raised in the forked process it would come back as the name of its class."""

    def refuse(*_, **__):
        raise error

    def lent(*arguments):
        return pickle.loads(pickle.dumps(runs._forward(*arguments)))

    model = runs.model_of("minilm", 120)
    monkeypatch.setattr(runs, "run", refuse)
    monkeypatch.setattr(runs, "LARGE", 1)
    monkeypatch.setattr(runs, "_on_lent_gpu", lent)
    with pytest.raises(Refusal) as caught:
        runs._run(model, tokenize(model, "a cat"), "self", False, None, False)
    assert caught.value.key in ("model_memory", "model_change")
    assert caught.value.sentence(words_for("zh"))


def test_results_come_back_with_every_tensor_on_the_cpu():
    class Elsewhere(torch.Tensor):
        def cpu(self):
            return torch.tensor([5.0])

    layer = Layer(3, "self", query=torch.zeros(1).as_subclass(Elsewhere), heads={1: {"scale": 2.0}})
    fetched = busy.to_cpu((layer, {"a": [layer.query]}))
    assert fetched[0].query == fetched[1]["a"][0] == 5
    assert (fetched[0].index, fetched[0].heads, type(fetched)) == (3, {1: {"scale": 2.0}}, tuple)
