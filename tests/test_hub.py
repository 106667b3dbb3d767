"""Models from the hub, which is imitated on the loopback: what is fetched, checked, counted and cleaned
up, and one sentence for each way in which it may go wrong."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub import constants

from attention.pretrained import catalog, hub, run, tokenize
from attention.pretrained.catalog import CATALOG, load_model
from attention.pretrained.hub import hub_folder, needed
from attention.pretrained.hub_errors import SENTENCES, plainly, refusal, within
from attention.pretrained.model import ModelRefused
from tests.hub_imitation import Hub, Trouble
from tests.tiny_models import build, save

GPT2 = CATALOG["gpt2"]
WEIGHTS = "model.safetensors"


def reason(action):
    """The refusal's reason; its sentence is one line without a path or a class name."""
    with pytest.raises(ModelRefused) as caught:
        action()
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    assert not any(word in sentence for word in ("Error", "/tmp", "http", "127.0.0.1"))
    return caught.value.reason


@pytest.fixture
def gpt2(hub, tmp_path):
    """A tiny GPT-2 under the catalog's name and revision, beside files that no load needs."""
    folder = save("gpt2", tmp_path / "made")
    for name in ("pytorch_model.bin", "README.md", "model.fp16.safetensors", "adapter_model.safetensors"):
        (folder / name).write_bytes(b"0" * 5000)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    hub.add(GPT2.repo, folder, GPT2.revision)
    return hub


def load(stages=None):
    catalog._loaded.clear()
    told = (lambda *stage: None) if stages is None else (lambda *stage: stages.append(stage))
    return load_model("gpt2", device="cpu", progress=told)


def parts():
    """What is half-written in the cache."""
    return list(Path(constants.HF_HUB_CACHE).rglob("*.incomplete"))


def test_a_model_is_fetched_once_and_runs(gpt2, monkeypatch):
    model = load()
    assert run(model, tokenize(model, "a cat"), logits=True).logits.shape == (99,)
    asked = len(gpt2.asked)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load() is not model and len(gpt2.asked) == asked


def test_only_the_files_that_a_load_needs_are_fetched_weights_last(gpt2):
    load()
    fetched = gpt2.fetched()
    assert fetched[-1] == WEIGHTS and fetched[0] == "config.json"
    assert set(fetched) == {"config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS}


def test_several_weight_files_come_with_their_index(hub, tmp_path):
    module = build("gpt2")
    module.save_pretrained(tmp_path / "made", max_shard_size="20KB")
    save_tokenizer(tmp_path / "made")
    shards = sorted(file.name for file in (tmp_path / "made").glob("*.safetensors"))
    assert len(shards) > 2
    hub.add(GPT2.repo, tmp_path / "made", GPT2.revision)
    assert load().kind == "decoder"
    assert hub.fetched()[-len(shards) :] == shards and "model.safetensors.index.json" in hub.fetched()
    [last] = Path(constants.HF_HUB_CACHE).rglob(shards[-1])
    last.resolve().unlink()  # with one of them gone the folder is not whole, and only that one is fetched
    last.unlink()
    hub.asked.clear()
    assert load().kind == "decoder" and hub.fetched() == [shards[-1]]


def save_tokenizer(path):
    from tests.tiny_models import tiny_tokenizer

    tiny_tokenizer().save_pretrained(path)


def test_progress_is_the_bytes_that_have_come(gpt2):
    stages = []
    gpt2.trouble[WEIGHTS] = Trouble(slow=200_000)
    load(stages)
    downloading = [stage[1:] for stage in stages if stage[0] == "downloading"]
    files = gpt2.repos[GPT2.repo].files
    total = sum(len(files[name]) for name in set(gpt2.fetched()))
    assert all(of == total for _, of in downloading)
    done = [now for now, _ in downloading]
    assert done == sorted(done) and done[0] == 0 and done[-1] == total and len(set(done)) > 10
    assert list(dict.fromkeys(stage[0] for stage in stages)) == ["waiting", "downloading", "reading"]


@pytest.mark.parametrize(("where", "trouble", "expected"), [
    ("info", Trouble(status=401), "unknown"), ("info", Trouble(status=404), "unknown"),
    ("info", Trouble(status=429), "hub_busy"), ("info", Trouble(status=500), "hub_busy"),
    ("info", Trouble(status=503), "hub_busy"), ("info", Trouble(html=True), "offline"),
    ("info", Trouble(status=403, code="GatedRepo"), "gated"), ("info", Trouble(cut=10), "offline"),
    ("info", Trouble(hang=10), "offline"),
    ("config.json", Trouble(status=404, code="EntryNotFound"), "interrupted"),
    ("config.json", Trouble(html=True), "interrupted"),
    (WEIGHTS, Trouble(status=404), "interrupted"), (WEIGHTS, Trouble(status=403), "interrupted"),
    (WEIGHTS, Trouble(status=500), "hub_busy"),
    (WEIGHTS, Trouble(corrupt=True), "damaged"), ("tokenizer.json", Trouble(corrupt=True), "damaged"),
    (WEIGHTS, Trouble(short=100), "damaged"), (WEIGHTS, Trouble(html=True), "interrupted"),
])  # fmt: skip
def test_each_trouble_is_one_sentence_and_the_next_try_succeeds(gpt2, where, trouble, expected):
    gpt2.trouble[where] = trouble
    assert reason(load) == expected
    assert parts() == []
    gpt2.trouble.clear()
    assert load().kind == "decoder"


@pytest.mark.parametrize("trouble", [Trouble(cut=20_000, times=2), Trouble(hang=20_000, times=2),
                                     Trouble(status=429, times=1)])  # fmt: skip
def test_a_download_that_breaks_off_goes_on_where_it_was(gpt2, trouble):
    gpt2.trouble[WEIGHTS] = trouble
    stages = []
    assert load(stages).kind == "decoder"
    ranges = [asked for _, path, asked in gpt2.asked if path.startswith("/cdn") and asked]
    assert ranges == ([] if trouble.status else ["bytes=20000-", "bytes=40000-"])
    downloading = [(done, total) for stage, done, total in stages if stage == "downloading"]
    assert max(done for done, _ in downloading) == downloading[-1][0] == downloading[-1][1]


def test_a_line_that_is_dead_for_good_is_given_up(gpt2, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    gpt2.trouble[WEIGHTS] = Trouble(cut=0)
    assert reason(load) == "interrupted" and parts() == []


def test_a_model_that_became_gated_is_told(gpt2):
    gpt2.repos[GPT2.repo].gated = "manual"
    assert reason(load) == "gated"


def test_a_damaged_file_in_the_cache_is_found_and_fetched_again(gpt2, monkeypatch):
    load()
    [weights] = Path(constants.HF_HUB_CACHE).rglob(WEIGHTS)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.resolve().write_bytes(content)
    gpt2.asked.clear()
    load()
    assert gpt2.fetched() == [WEIGHTS]
    weights.resolve().write_bytes(content)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert reason(load) == "offline"


def test_a_cache_without_a_tokenizer_is_completed(gpt2):
    load()
    for file in Path(constants.HF_HUB_CACHE).rglob("tokenizer.json"):
        file.unlink()
    gpt2.asked.clear()
    assert load().kind == "decoder" and gpt2.fetched() in (["tokenizer.json"], [])


KILLED = """
import sys
from huggingface_hub import constants
from attention.pretrained.hub import hub_folder
constants.DOWNLOAD_CHUNK_SIZE = 4000
print("go", flush=True)
hub_folder(sys.argv[1], sys.argv[2], lambda stage, done, total: print(stage, done, total, flush=True))
"""


def test_what_a_killed_download_left_is_cleared_away(gpt2):
    gpt2.trouble[WEIGHTS] = Trouble(slow=40_000)
    environment = {**os.environ, "HF_ENDPOINT": gpt2.url, "HF_HUB_OFFLINE": "0",
                   "HF_HUB_CACHE": constants.HF_HUB_CACHE}  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, GPT2.repo, GPT2.revision],
        env=environment, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    size = len(gpt2.repos[GPT2.repo].files[WEIGHTS])
    for line in child.stdout:
        words = line.split()
        if words[0] == "downloading" and int(words[1]) > int(words[2]) - size + 10_000:
            break
    try:
        assert len(parts()) == 1
        hub.sweep(GPT2.repo)  # another process is at it: left alone
        assert len(parts()) == 1
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert len(parts()) == 1
    gpt2.trouble.clear()
    assert load().kind == "decoder" and parts() == []


def test_a_cache_that_cannot_be_written_and_a_full_disk_are_told_apart(gpt2, monkeypatch, tmp_path):
    def on_disk(number):
        def fail(*_, **__):
            raise OSError(number, os.strerror(number))

        return fail

    for number, expected in ((30, "read_only"), (13, "read_only"), (28, "disk_full")):
        monkeypatch.setattr("huggingface_hub.file_download._chmod_and_move", on_disk(number))
        assert reason(load) == expected
    monkeypatch.undo()


def test_too_little_room_is_said_before_anything_is_fetched(gpt2, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100}))
    assert reason(load) == "disk_full" and gpt2.fetched() == []


def test_so_many_downloads_at_once(hub, tmp_path, monkeypatch):
    """The others wait their turn and say so."""
    folder = save("gpt2", tmp_path / "made")
    going, most, lock = [], [], threading.Lock()
    for i in range(5):
        hub.add(f"some/model{i}", folder)

    def progress(name, stage):
        with lock:
            if stage == "downloading" and name not in going:
                going.append(name)
                most.append(len(going))

    def work(name):
        hub_folder(name, "a" * 40, lambda stage, *_: progress(name, stage))
        with lock:
            going.remove(name)

    hub.trouble[WEIGHTS] = Trouble(slow=400_000)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(work, (f"some/model{i}" for i in range(5))))
    # a download counts until its thread has said so, hence one more than hold a place
    assert len(most) == 5 and max(most) <= 2 * sys.modules["attention.pretrained.hub"].DOWNLOADS


# any model, where the host allows it


@pytest.fixture
def free(hub, tmp_path, monkeypatch):
    monkeypatch.setenv(catalog.ANY_MODEL, "1")
    save("llama", tmp_path / "made")
    hub.add("owner/model", tmp_path / "made")
    return hub


def free_load():
    return load_model("owner/model", device="cpu")


def test_any_model_that_passes_is_loaded_at_its_revision(free):
    assert free_load().kind == "decoder"
    assert all("/" + "a" * 40 + "/" in path for _, path, _ in free.asked if "/resolve/" in path)


def rewritten(free, **changes):
    """The same model with another configuration."""
    files = free.repos["owner/model"].files
    files["config.json"] = json.dumps(json.loads(files["config.json"]) | changes).encode()


@pytest.mark.parametrize(("changes", "expected"), [
    ({"gated": "auto"}, "gated"), ({"numbers": 501_000_000}, "too_large"),
    ({"numbers": 10}, "too_large"),  # a file far larger than its numbers need
])  # fmt: skip
def test_what_the_hub_says_of_a_model_is_judged_before_anything_is_fetched(free, changes, expected):
    repo = free.repos["owner/model"]
    if changes.get("numbers") == 10:
        repo.files[WEIGHTS] += b"0" * hub.MAX_SMALL
    for name, value in changes.items():
        setattr(repo, name, value)
    assert reason(free_load) == expected and free.fetched() == []


@pytest.mark.parametrize(("changes", "expected"), [
    ({"num_hidden_layers": 200}, "incomplete"), ({"num_hidden_layers": 20_000}, "too_large"),
    ({"vocab_size": 9_000_000}, "too_large"), ({"intermediate_size": 4_800}, "incomplete"),
    ({"auto_map": {"AutoModel": "evil.M"}}, "unsupported"), ({"model_type": "mine"}, "unsupported"),
])  # fmt: skip
def test_a_configuration_is_judged_before_the_weights_are_fetched(free, changes, expected):
    rewritten(free, **changes)
    assert reason(free_load) == expected and free.fetched() == ["config.json"]


def test_a_repository_without_weights_or_tokenizer_is_refused_before_anything_is_fetched(free):
    files = free.repos["owner/model"].files
    kept = files.pop("tokenizer.json")
    assert reason(free_load) == "no_tokenizer"
    files["tokenizer.json"] = kept
    files["pytorch_model.bin"] = files.pop(WEIGHTS)
    free.repos["owner/model"].numbers = 0
    assert reason(free_load) == "not_safetensors" and free.fetched() == []


# without a network


def test_a_hub_that_does_not_answer_is_given_up():
    began = threading.Event()
    assert reason(lambda: within(0.2, lambda: began.wait(60))) == "offline"
    assert hub.HUB_SECONDS < 6


def test_a_port_where_nobody_listens_is_offline(monkeypatch):
    closed = Hub()
    closed.close()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", closed.url)
    assert reason(lambda: hub._describe("a/b", None)) == "offline"


def test_a_programming_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        plainly(lambda: 1 / 0)


def test_every_reason_has_a_sentence():
    for one in SENTENCES:
        assert refusal(one).reason == one and str(refusal(one)).endswith(".")


def test_of_both_kinds_of_weights_the_single_file_is_taken():
    def info(*names):
        sibling = [type("Sibling", (), {"rfilename": name, "size": 1, "lfs": None, "blob_id": "b"})
                   for name in names]  # fmt: skip
        return type("Info", (), {"siblings": sibling})

    shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    names = ["config.json", WEIGHTS, *shards, "model.safetensors.index.json", "vocab.txt"]
    assert [file.name for file in needed(info(*names))] == ["config.json", "vocab.txt", WEIGHTS]
    names.remove(WEIGHTS)
    assert [file.name for file in needed(info(*names))][-2:] == shards
