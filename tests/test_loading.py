"""A folder becomes a module whole and finite, one at a time; a configuration is weighed before that."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import transformers as T
from safetensors.torch import load_file, save_file

from attention.pretrained import catalog, loading, run
from attention.pretrained.catalog import load_folder
from attention.pretrained.loading import check_config
from attention.pretrained.model import ModelRefused
from tests.tiny_models import EVERY, build, save, tokens_for


def reason(action):
    with pytest.raises(ModelRefused) as caught:
        action()
    assert str(caught.value).endswith(".") and "/tmp" not in str(caught.value)
    return caught.value.reason


def change(folder, edit):
    """Rewrite the weights of a folder."""
    file = folder / "model.safetensors"
    weights = load_file(file)
    edit(weights)
    save_file(weights, file, metadata={"format": "pt"})


def test_different_models_at_once_all_load_and_keep_their_numbers(tmp_path):
    """Unlocked, some of these raise "Cannot copy out of meta tensor" or come out with other numbers."""
    names = ["bert", "gpt2", "llama", "t5", "distilbert", "roberta"]
    expected = {}
    for name in names:
        save(name, tmp_path / name)
        model = load_folder(tmp_path / name, device="cpu")
        expected[name] = run(model, tokens_for(model)).hidden
    found, start = [], threading.Barrier(12)

    def work(name):
        start.wait()
        for _ in range(4):
            model = load_folder(tmp_path / name, device="cpu")
            found.append((name, run(model, tokens_for(model)).hidden))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, names * 2))
    assert len(found) == 48
    for name, hidden in found:
        torch.testing.assert_close(hidden, expected[name])


def test_torch_is_as_it_was_after_models_were_read(tmp_path):
    before = torch.nn.init.normal_, torch.linspace, torch.get_default_dtype()
    folder = save("bert", tmp_path / "bert")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load_folder, [folder] * 4))
    assert (torch.nn.init.normal_, torch.linspace, torch.get_default_dtype()) == before


def test_a_process_forked_amid_a_read_can_read(tmp_path):
    """A lent GPU's process is forked whenever it likes: a lock held then must not be held there."""
    held, release = threading.Event(), threading.Event()

    def hold():
        with loading.READING, catalog._guard:
            held.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    child = os.fork()
    if child == 0:  # only locks here: torch's own threads do not survive a fork
        free = loading.READING.lock.acquire(timeout=5) and catalog._guard.acquire(timeout=5)
        os._exit(0 if free else 1)
    try:
        assert os.waitpid(child, 0)[1] == 0
    finally:
        release.set()
        thread.join()


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_whole_model_of_every_architecture_is_taken(tmp_path, name):
    model = load_folder(save(name, tmp_path / "whole"), device="cpu")
    theirs = build(name).state_dict()
    mine = model.module.state_dict()
    sines = "embed_positions" if name == "marian" else "nothing"  # made again, never read from a file
    assert all(torch.equal(theirs[key], mine[key]) for key in mine if key in theirs and sines not in key)
    assert check_config(tmp_path / "whole" / "config.json") >= model.size


def test_weights_that_are_not_in_the_file_are_never_made_up(tmp_path):
    folder = save("bert", tmp_path / "bert")
    change(folder, lambda weights: weights.pop("encoder.layer.1.attention.self.key.weight"))
    assert reason(lambda: load_folder(folder, device="cpu")) == "incomplete"


def test_a_model_for_another_task_lacks_nothing_that_is_looked_at(tmp_path):
    """BertForMaskedLM saves no pooler; its head is left out, and the encoder is whole."""
    config = build("bert").config
    folder = save("bert", tmp_path / "masked", T.BertForMaskedLM(config))
    assert not any("pooler" in name for name in load_file(folder / "model.safetensors"))
    assert load_folder(folder, device="cpu").kind == "encoder"


def test_weights_of_another_shape_are_refused(tmp_path):
    folder = save("bert", tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 96}))
    assert reason(lambda: load_folder(folder, device="cpu")) in ("corrupt", "incomplete")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_with_nan_are_refused(tmp_path, value):
    folder = save("llama", tmp_path / "llama")

    def spoil(weights):
        weights["model.layers.1.mlp.up_proj.weight"][3, 4] = value

    change(folder, spoil)
    assert reason(lambda: load_folder(folder, device="cpu")) == "not_finite"


def test_a_model_without_a_tokenizer_says_so(tmp_path):
    build("gpt2").save_pretrained(tmp_path)
    assert reason(lambda: load_folder(tmp_path, device="cpu")) == "no_tokenizer"


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("no room")])
def test_no_memory_left_is_a_sentence(monkeypatch, tmp_path, error):
    def full(*_):
        raise error

    monkeypatch.setattr(loading, "_read", full)
    assert reason(lambda: loading.read(tmp_path)) == "memory"


LLAMA = build("llama").config.to_dict() | {"architectures": ["LlamaForCausalLM"]}
DISTIL = {"model_type": "distilbert", "architectures": ["DistilBertModel"]}
BART = {"model_type": "bart", "architectures": ["BartForConditionalGeneration"]}


def config_file(tmp_path, config):
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path / "config.json"


@pytest.mark.parametrize("config", [
    LLAMA | {"num_hidden_layers": 20_000}, LLAMA | {"num_hidden_layers": 10**12},
    LLAMA | {"intermediate_size": 9_000_000}, LLAMA | {"vocab_size": 9_999_999},
    DISTIL | {"n_layers": 100_000}, DISTIL | {"dim": 120_000, "n_heads": 12},
    BART | {"encoder_layers": 200, "decoder_layers": 200, "d_model": 4096},
    {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_positions": 9_000_000},
    {"model_type": "bert", "architectures": ["BertModel"], "max_position_embeddings": 9_000_000},
    {"model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 9_000_000},
    {"model_type": "mistral", "text_config": {"n_layer": 999}},
])  # fmt: skip
def test_a_configuration_that_asks_for_too_much_is_refused_at_once(tmp_path, config):
    """By whatever name; built in full, these take hours or gigabytes."""
    assert reason(lambda: check_config(config_file(tmp_path, config))) == "too_large"


@pytest.mark.parametrize(("config", "why"), [
    (LLAMA | {"auto_map": {}}, "unsupported"), ([], "corrupt"), ({"model_type": "mine"}, "unsupported"),
    ({}, "unsupported"), (LLAMA | {"hidden_size": "9" * 9}, "unsupported"),
    (LLAMA | {"num_attention_heads": -1.5}, "unsupported"), ({"a": "b" * 2**20}, "corrupt"),
])  # fmt: skip
def test_a_strange_configuration_is_refused(tmp_path, config, why):
    assert reason(lambda: check_config(config_file(tmp_path, config))) == why


def test_a_configuration_is_held_against_what_the_weights_hold(tmp_path):
    file = config_file(tmp_path, LLAMA)
    count = sum(weights.numel() for weights in build("llama").parameters())
    assert check_config(file, count) == count
    assert reason(lambda: check_config(file, count * 9 // 10 - 2000)) == "incomplete"
