"""Models load once, whole, and quickly; what cannot be loaded is refused in one plain sentence."""

import errno
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from attention.pretrained import catalog, run, tokenize
from attention.pretrained.catalog import CATALOG, load_folder, load_model
from attention.pretrained.model import ModelRefused, adopt
from tests.tiny_models import build, save, tiny_tokenizer

WHOLE = catalog.whole


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch, tmp_path):
    """Each test starts with an empty shelf, an empty cache and no network."""
    monkeypatch.setattr(catalog, "_loaded", type(catalog._loaded)())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    WHOLE.cache_clear()
    yield
    WHOLE.cache_clear()


def unreachable(*args, **kwargs):
    import httpcore2

    raise httpcore2.ConnectError("Name or service not known")


@pytest.fixture
def folder(tmp_path):
    return save("llama", tmp_path / "llama")


def refused(action):
    """The refusal's reason; its sentence is one line without a path or a class name."""
    with pytest.raises(ModelRefused) as caught:
        action()
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    assert "Error" not in sentence and "/tmp" not in sentence and "site-packages" not in sentence
    return caught.value.reason


def test_revisions_are_pinned_and_hashes_are_whole():
    for entry in (entry for entry in CATALOG.values() if entry.repo):
        assert len(entry.revision) == 40 and int(entry.revision, 16)
        assert (entry.package is None) == (entry.sha256 == "")


def test_a_folder_loads_and_runs(folder):
    loaded = load_folder(folder, "mine", device="cpu")
    assert (loaded.name, loaded.kind, loaded.has_logits) == ("mine", "decoder", True)
    tokens = tokenize(loaded, "a cat b")
    assert tokens.tokens == ("a", "cat", "b")
    assert run(loaded, tokens, logits=True).logits.shape == (99,)


@pytest.mark.parametrize("damage", ["cut", "config", "empty", "pickle"])
def test_a_damaged_folder_is_refused(folder, damage):
    weights = folder / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:999])
    elif damage == "config":
        (folder / "config.json").write_text("{")
    elif damage == "pickle":
        torch.save({}, folder / "pytorch_model.bin")
        weights.unlink()
    else:
        folder = folder / "nothing"
        folder.mkdir()
    expected = "not_safetensors" if damage == "pickle" else "corrupt"
    assert refused(lambda: load_folder(folder, device="cpu")) == expected


def test_remote_code_is_not_run(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "evil.C", "AutoModel": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    assert refused(lambda: load_folder(folder, device="cpu")) == "corrupt"


def test_minilm_is_the_known_bytes_and_loads_from_its_package():
    loaded = load_model("minilm", device="cpu")
    assert (loaded.kind, loaded.num_layers, loaded.num_heads) == ("encoder", 6, 12)
    assert (loaded.d_head, loaded.max_tokens, loaded.has_logits) == (32, 512, False)
    assert load_model("minilm", device="cpu") is loaded


def test_first_users_at_once_load_a_model_once(monkeypatch):
    calls = []

    def fetch(entry, device, progress):
        calls.append(entry.name)
        time.sleep(0.2)
        return build("bert"), None

    monkeypatch.setattr(catalog, "fetch", fetch)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: load_model("gpt2", device="cpu"), range(8)))
    assert calls == ["gpt2"] and len(found) == 8 and len(set(map(id, found))) == 1


def test_a_failed_load_is_tried_again(monkeypatch):
    answers = [ModelRefused("offline", "No."), (build("bert"), None)]

    def fetch(*_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(catalog, "fetch", fetch)
    assert refused(lambda: load_model("gpt2", device="cpu")) == "offline"
    assert load_model("gpt2", device="cpu").name == "gpt2"


def test_the_least_recently_used_model_goes_first(monkeypatch):
    monkeypatch.setattr(catalog, "fetch", lambda *_: (build("bert"), None))
    first = load_model("gpt2", device="cpu")
    monkeypatch.setattr(catalog, "KEPT_NUMBERS", 2 * first.size + 1)
    load_model("t5-small", device="cpu")
    load_model("gpt2", device="cpu")
    load_model("minilm", device="cpu")
    assert [name for name, _ in catalog._loaded] == ["gpt2", "minilm"]
    assert load_model("gpt2", device="cpu") is first and catalog.in_memory(first)


def test_one_model_is_kept_however_large(monkeypatch):
    monkeypatch.setattr(catalog, "fetch", lambda *_: (build("bert"), None))
    monkeypatch.setattr(catalog, "KEPT_NUMBERS", 1)
    first = load_model("gpt2", device="cpu")
    assert load_model("gpt2", device="cpu") is first
    load_model("t5-small", device="cpu")
    assert not catalog.in_memory(first)


@pytest.mark.parametrize("name", ["nope", "", "/etc", "../..", "owner/model", "<script>"])
def test_names_outside_the_list_are_unknown(monkeypatch, name):
    monkeypatch.delenv(catalog.ANY_MODEL, raising=False)
    assert refused(lambda: load_model(name, device="cpu")) == "unknown"


@pytest.mark.parametrize("name", ["/etc", "../..", "a/b/c", "a/..", "a--b/c", "gpt3", "a/b\n", "é/b"])
def test_even_when_any_model_is_allowed_its_name_is_owner_and_model(monkeypatch, name):
    monkeypatch.setenv(catalog.ANY_MODEL, "1")
    assert refused(lambda: load_model(name, device="cpu")) == "unknown"


def test_a_missing_or_damaged_package_without_network_says_so(monkeypatch):
    with monkeypatch.context() as without:
        without.setattr(catalog, "package_file", lambda entry: None)
        assert refused(lambda: load_model("minilm", device="cpu")) == "missing"
    monkeypatch.setattr(catalog, "digest", lambda file: "0" * 64)
    catalog.whole.cache_clear()
    assert refused(lambda: load_model("minilm", device="cpu")) == "corrupt"


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network_a_hub_model_is_refused_at_once(monkeypatch, offline):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    assert refused(lambda: load_model("gpt2", device="cpu")) == "offline"


@pytest.fixture
def unpacked(monkeypatch, tmp_path):
    """Calls of the slow GGUF reader, which here gives a tiny Llama."""
    calls = []
    real = catalog.read

    def read(folder, device=None, gguf=None):
        if gguf is None:
            return real(folder, device)
        calls.append(gguf)
        module = build("llama")
        module.config.architectures = None  # as a GGUF leaves it
        return module, tiny_tokenizer()

    file = tmp_path / "small.gguf"
    file.write_bytes(b"x")
    monkeypatch.setattr(catalog, "read", read)
    monkeypatch.setattr(catalog, "package_file", lambda entry: file)
    monkeypatch.setattr(catalog, "whole", lambda entry: True)
    return calls


def copies():
    """The folders of converted models, whole or half."""
    return [path for path in catalog.cache_folder().iterdir() if path.is_dir()]


def fresh_load():
    catalog._loaded.clear()
    return load_model("smollm2", device="cpu")


def test_a_converted_copy_is_kept_and_read_next_time(unpacked):
    said = []
    first = load_model("smollm2", device="cpu", progress=lambda stage, *_: said.append(stage))
    assert said == ["waiting", "unpacking", "keeping"]
    second = fresh_load()
    assert len(unpacked) == 1 and first is not second
    assert first.has_logits and second.has_logits
    tokens = tokenize(first, "a cat")
    assert torch.equal(run(first, tokens).hidden, run(second, tokens).hidden)
    [kept] = copies()  # and no half-written folder beside it
    assert "quantization_config" not in (kept / "config.json").read_text()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "sums.json"])
def test_a_damaged_copy_is_made_again(unpacked, name):
    fresh_load()
    file = copies()[0] / name
    file.write_bytes(file.read_bytes()[:-7] + b"damaged")
    fresh_load()
    assert len(unpacked) == 2
    fresh_load()
    assert len(unpacked) == 2


@pytest.mark.parametrize("when", ["before the copy", "beside the copy"])
def test_what_a_killed_process_left_half_written_is_cleared_away(unpacked, when):
    if when == "beside the copy":
        fresh_load()
    half = catalog.cache_folder() / f"smollm2-{CATALOG['smollm2'].sha256[:12]}x1y2z3"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"0" * 1000)
    fresh_load()
    assert len(copies()) == 1 and half not in copies()
    fresh_load()
    assert len(unpacked) == 1


def test_two_processes_unpack_a_model_once(unpacked):
    """The second waits for the lock, which goes with the process that holds it, and reads the copy."""
    from filelock import FileLock

    place = catalog.cache_folder() / f"smollm2-{CATALOG['smollm2'].sha256[:12]}"
    place.parent.mkdir(parents=True)
    done = threading.Event()
    with FileLock(f"{place}.lock"):
        thread = threading.Thread(target=lambda: (fresh_load(), done.set()))
        thread.start()
        assert not done.wait(0.5) and unpacked == []
        module = build("llama")
        place.mkdir()
        catalog._write(module, tiny_tokenizer(), place)
    thread.join(60)
    assert done.is_set() and unpacked == []


def test_a_full_disk_leaves_the_model_in_memory(unpacked, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(catalog, "_write", full)
    assert fresh_load().kind == "decoder"
    assert copies() == []


def test_a_cache_that_cannot_be_written_is_no_obstacle(unpacked, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert fresh_load().kind == "decoder"


def test_limits_leave_room_for_roberta_s_two_reserved_positions():
    assert adopt(build("roberta")).max_tokens == 38
