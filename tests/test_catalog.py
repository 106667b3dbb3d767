"""Models load once, whole, and quickly; what cannot be loaded is refused in one plain sentence."""

import errno
import json
import threading
import time
from types import SimpleNamespace

import pytest
import torch
import transformers as T
from huggingface_hub import errors as hub_errors

from attention import catalog, hub, model
from attention.catalog import CATALOG, load_folder, load_model
from attention.model import ModelRefused, adopt
from attention.pretrained import run, tokenize
from tests.tiny_models import build

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


def tiny_tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: at for at, word in enumerate(["[UNK]", "[PAD]", "a", "b", "c", "d", "cat"])}
    inner = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return T.PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "llama"
    build("llama").save_pretrained(path)
    tiny_tokenizer().save_pretrained(path)
    return path


def refused(action):
    """The refusal's reason; its sentence is one line without a path or a class name."""
    with pytest.raises(ModelRefused) as caught:
        action()
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence
    assert "Error" not in sentence and "/tmp" not in sentence and "site-packages" not in sentence
    return caught.value.reason


def test_revisions_are_pinned_and_hashes_are_whole():
    for entry in CATALOG.values():
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
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(load_model("gpt2", device="cpu")))
        for _ in range(8)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
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
    monkeypatch.setattr(catalog, "KEPT_MODELS", 2)
    first = load_model("gpt2", device="cpu")
    load_model("t5-small", device="cpu")
    load_model("gpt2", device="cpu")
    load_model("minilm", device="cpu")
    assert [name for name, _ in catalog._loaded] == ["gpt2", "minilm"]
    assert load_model("gpt2", device="cpu") is first


@pytest.mark.parametrize("name", ["nope", "", "/etc", "../..", "owner/model", "<script>"])
def test_names_outside_the_list_are_unknown(monkeypatch, name):
    monkeypatch.delenv(catalog.ANY_MODEL, raising=False)
    assert refused(lambda: load_model(name, device="cpu")) == "unknown"


@pytest.mark.parametrize(
    "name", ["/etc", "../..", "a/b/c", "a/..", "a--b/c", "gpt3", "a/b\n", "é/b"]
)
def test_even_when_any_model_is_allowed_its_name_is_owner_and_model(monkeypatch, name):
    monkeypatch.setenv(catalog.ANY_MODEL, "1")
    assert refused(lambda: load_model(name, device="cpu")) == "unknown"


def test_a_missing_or_damaged_package_without_network_says_so(monkeypatch):
    monkeypatch.setattr(hub, "_describe", lambda *_: (_ for _ in ()).throw(hub._refusal("offline")))
    monkeypatch.setattr(catalog, "package_file", lambda entry: None)
    assert refused(lambda: load_model("minilm", device="cpu")) == "missing"
    monkeypatch.undo()
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    monkeypatch.setattr(catalog, "_loaded", type(catalog._loaded)())
    monkeypatch.setattr(catalog, "digest", lambda file: "0" * 64)
    catalog.whole.cache_clear()
    assert refused(lambda: load_model("minilm", device="cpu")) == "corrupt"


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network_a_hub_model_is_refused_at_once(monkeypatch, offline):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    assert refused(lambda: load_model("gpt2", device="cpu")) == "offline"


def test_a_network_that_hangs_is_given_up():
    began = time.monotonic()
    assert refused(lambda: hub.within(0.2, lambda: time.sleep(3))) == "offline"
    assert time.monotonic() - began < 2 and hub.HUB_SECONDS < 6


def answer(status):
    import httpx2

    return httpx2.Response(status, request=httpx2.Request("GET", "https://hub.test"))


@pytest.mark.parametrize(("error", "reason"), [
    (hub_errors.GatedRepoError("no", response=answer(403)), "gated"),
    (hub_errors.RepositoryNotFoundError("no", response=answer(404)), "unknown"),
    (hub_errors.RevisionNotFoundError("no", response=answer(404)), "unknown"),
    (hub_errors.HfHubHTTPError("no", response=answer(500)), "offline"),
    (hub_errors.LocalEntryNotFoundError("no"), "offline"),
    (ConnectionError("no"), "offline"), (TimeoutError("no"), "offline"),
    (OSError(errno.ENOSPC, "full"), "disk_full"),
])  # fmt: skip
def test_the_hubs_errors_become_sentences(error, reason):
    def work():
        raise error

    assert refused(lambda: hub.within(5, work)) == reason


def test_a_programming_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        hub.within(5, lambda: 1 / 0)


def info(parameters=1000, gated=False, size=100):
    return SimpleNamespace(
        gated=gated, sha="0" * 40,
        safetensors=None if parameters is None else SimpleNamespace(total=parameters),
        siblings=[SimpleNamespace(rfilename="model.safetensors", size=size)],
    )  # fmt: skip


@pytest.mark.parametrize(("described", "reason"), [
    (info(gated="auto"), "gated"), (info(None), "not_safetensors"),
    (info(501_000_000), "too_large"), (info(size=10**18), "disk_full"),
])  # fmt: skip
def test_any_model_is_checked_before_it_is_downloaded(monkeypatch, tmp_path, described, reason):
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 2}')
    fetched = []
    monkeypatch.setattr(hub, "_describe", lambda *_: described)
    monkeypatch.setattr(
        hub, "_download", lambda repo, wanted, _: fetched.append(wanted) or tmp_path
    )
    assert refused(lambda: hub.checked_folder("owner/model", print)) == reason
    assert all(wanted["allow_patterns"] == ["config.json"] for wanted in fetched)


def test_any_model_that_passes_is_loaded_at_its_revision(monkeypatch, folder):
    monkeypatch.setenv(catalog.ANY_MODEL, "1")
    fetched = []
    monkeypatch.setattr(hub, "_describe", lambda *_: info())
    monkeypatch.setattr(hub, "_download", lambda repo, wanted, _: fetched.append(wanted) or folder)
    assert load_model("owner/model", device="cpu").kind == "decoder"
    assert fetched[-1]["revision"] == "0" * 40 and fetched[-1]["token"] is False


@pytest.mark.parametrize(("config", "reason"), [
    ({"num_hidden_layers": 20_000}, "too_large"), ({"hidden_size": "9" * 9}, "too_large"),
    ({"text_config": {"n_layer": 999}}, "too_large"), ({"num_heads": -1.5}, "too_large"),
    ({"auto_map": {}}, "unsupported"), ([], "corrupt"),
])  # fmt: skip
def test_a_configuration_beyond_the_limits_is_refused(tmp_path, config, reason):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert refused(lambda: hub.check_config(tmp_path / "config.json")) == reason


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


def fresh_load():
    catalog._loaded.clear()
    return load_model("smollm2", device="cpu")


def test_a_converted_copy_is_kept_and_read_next_time(unpacked):
    said = []
    first = load_model("smollm2", device="cpu", progress=lambda words, share: said.append(share))
    assert said == sorted(said) and len(said) == 2
    second = fresh_load()
    assert len(unpacked) == 1 and first is not second
    assert first.has_logits and second.has_logits
    tokens = tokenize(first, "a cat")
    assert torch.equal(run(first, tokens).hidden, run(second, tokens).hidden)
    kept = next(catalog.cache_folder().iterdir())
    assert "quantization_config" not in (kept / "config.json").read_text()
    assert len(list(catalog.cache_folder().iterdir())) == 1  # no half-written folder beside it


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "sums.json"])
def test_a_damaged_copy_is_made_again(unpacked, name):
    fresh_load()
    file = next(catalog.cache_folder().iterdir()) / name
    file.write_bytes(file.read_bytes()[:-7] + b"damaged")
    fresh_load()
    assert len(unpacked) == 2
    fresh_load()
    assert len(unpacked) == 2


def test_a_full_disk_leaves_the_model_in_memory(unpacked, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(catalog, "_write", full)
    assert fresh_load().kind == "decoder"
    assert list(catalog.cache_folder().iterdir()) == []


def test_a_cache_that_cannot_be_written_is_no_obstacle(unpacked, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert fresh_load().kind == "decoder"


def test_limits_leave_room_for_roberta_s_two_reserved_positions():
    assert adopt(build("roberta")).max_tokens == 38
    assert model.MAX_TOKENS == 512
