"""Chapter 12, page: from a folder to a module in memory, one at a time, and only what it says it is.

A configuration is a promise of so many numbers, a weights file holds so many: both are counted here
before anything large is allocated, and a module whose weights were not all in its file, or hold NaN,
is refused. Every refusal is a :class:`attention.pretrained.model.ModelRefused` with one sentence.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from .device import pick_device
from .model import ModelRefused

MAX_PARAMETERS = 500_000_000
MAX_TENSORS = 20_000  # a module of the largest size taken has under 5,000
MAX_LAYERS = 256  # of anything a configuration counts in layers
MAX_NUMBER = 10_000_000  # no size in a configuration comes near it; a rotary base does
MAX_CONFIG = 2**20  # bytes of a config.json; real ones have a few thousand
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model",
                "sentencepiece.bpe.model", "source.spm", "bpe.codes")  # fmt: skip


class _Reading:
    """One lock around everything transformers does to make a module, imports included.

    While a model is read the library swaps functions of torch and the default dtype for the whole
    process: two reads at once leave weights on "meta", or torch's initialisers swapped for good.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        if hasattr(os, "register_at_fork"):  # a lent GPU's process is forked, maybe amid a read
            os.register_at_fork(after_in_child=self._anew)

    def _anew(self) -> None:
        self.lock = threading.RLock()

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


READING = _Reading()


def read(folder: Path, device: Any = None, gguf: str | None = None) -> tuple[Any, Any]:
    """(module, tokenizer) from a folder; fp32, since half precision on CPUs gives gibberish.

    One folder at a time in a process, whoever asks. Raises :class:`ModelRefused` with reason
    "corrupt", "not_safetensors", "missing", "incomplete", "no_tokenizer", "not_finite" or "memory".
    """
    with READING:
        try:
            module, tokenizer = _read(folder, gguf)
            return module.to(pick_device() if device is None else device), tokenizer
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise ModelRefused(
                "memory", "The machine has no memory left for this model just now; try again later."
            ) from error


def _read(folder: Path, gguf: str | None) -> tuple[Any, Any]:
    import transformers
    from transformers import AutoConfig, AutoTokenizer

    transformers.utils.logging.disable_progress_bar()
    safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    if gguf is not None:
        safe["gguf_file"] = gguf
    try:
        config = AutoConfig.from_pretrained(folder, **safe)
        if gguf is None and not any((folder / name).exists() for name in VOCABULARIES):
            raise no_tokenizer()
        tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
        if gguf is None:
            safe["use_safetensors"] = True
        # the config goes along, else a GGUF would be read once more for it, ten seconds
        module, info = _kind_of(config, gguf is not None).from_pretrained(
            folder, config=config, dtype=torch.float32, output_loading_info=True, **safe
        )
    except ModelRefused:
        raise
    except ImportError as error:
        raise ModelRefused(
            "missing", "A package that this model needs is not installed on this machine."
        ) from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _unreadable(error) from error
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise _unreadable(error) from error
    except Exception as error:  # safetensors_rust.SafetensorError has no importable parent
        if type(error).__name__ != "SafetensorError":
            raise
        raise ModelRefused("corrupt", "This model's weights are damaged; get it again.") from error
    _complete(info)
    _finite(module)
    return module, tokenizer


def _kind_of(config: Any, decoder: bool) -> Any:
    """The library's class of classes that a configuration's weights belong to."""
    import transformers

    written = (config.architectures or [""])[0]
    if config.is_encoder_decoder:
        return transformers.AutoModelForSeq2SeqLM
    if decoder or "CausalLM" in written or "LMHead" in written:
        return transformers.AutoModelForCausalLM
    return transformers.AutoModel


def _unreadable(error: Exception) -> ModelRefused:
    return ModelRefused(
        "not_safetensors" if "safetensors" in str(error) else "corrupt",
        "This model's files could not be read; only complete ones in safetensors are.",
    )


def no_tokenizer() -> ModelRefused:
    """The refusal of a model that nobody can type a text for."""
    return ModelRefused(
        "no_tokenizer", "This model comes without a tokenizer, so no text can be turned into its tokens."
    )


def _complete(info: dict[str, Any]) -> None:
    """Refuse a module of whose weights some were not in the file: the library makes them up.

    A pooler is left out of many files, and nothing here looks at one.
    """
    missing = sorted(key for key in info["missing_keys"] if "pooler" not in key)
    mismatched = list(info.get("mismatched_keys", ()))
    if missing or mismatched:
        first = missing[0] if missing else str(mismatched[0])
        raise ModelRefused(
            "incomplete",
            f"{len(missing) + len(mismatched)} of this model's weights are not in its file ({first[:80]} is "
            "the first); they would be random numbers, so it is not shown.",
        )


def _finite(module: torch.nn.Module) -> None:
    for weights in module.parameters():
        if not torch.isfinite(weights).all():
            raise ModelRefused(
                "not_finite", "This model's weights hold NaN or infinity, so every number of it would too."
            )


def check_config(file: Path, total: int | None = None) -> int:
    """Count what a configuration asks for, without its weights; returns its parameters.

    total: how many numbers the weights hold, as the hub counted them. Refuses a configuration that
    wants its author's code, that asks for more than :data:`MAX_PARAMETERS`, or for more than total
    and a pooler. The module is built on "meta", where a tensor has a shape and no memory, and the
    building stops at the first tensor too many, whatever name the configuration has for its sizes.
    """
    try:
        if file.stat().st_size > MAX_CONFIG:
            raise ValueError
        config = json.loads(file.read_text("utf-8"))
        if not isinstance(config, dict):
            raise ValueError
    except (OSError, ValueError, RecursionError) as error:
        raise ModelRefused("corrupt", "This model's configuration could not be read.") from error
    if "auto_map" in config:
        raise ModelRefused("unsupported", "This model needs its author's code, which is never run.")
    _check_numbers(config)
    count = _count(file)
    width = next((config[name] for name in ("hidden_size", "n_embd", "dim", "d_model")
                  if isinstance(config.get(name), int)), 0)  # fmt: skip
    pooler = width * width + width
    if total is not None and count > 1.01 * total + pooler:
        raise ModelRefused(
            "incomplete",
            f"This model's configuration asks for {count:,} numbers, its weights hold {total:,}.",
        )
    return count


def _check_numbers(config: Any, name: str = "") -> None:
    """Refuse whole numbers so large that configurations make lists of that length of them."""
    if isinstance(config, dict):
        for key, value in config.items():
            _check_numbers(value, str(key))
    elif isinstance(config, list):
        for value in config:
            _check_numbers(value, name)
    elif isinstance(config, int) and not isinstance(config, bool):
        limit = MAX_LAYERS if "layer" in name.lower() or name in ("depth", "num_blocks") else MAX_NUMBER
        if abs(config) > limit and "theta" not in name and "base" not in name:
            raise _too_large(f"{name[:40]} is {str(config)[:20]}; the limit is {limit:,}")


class _Counted(TorchFunctionMode):
    """Stops with a refusal once the tensors made inside, in this thread, are too many or too large."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = self.tensors = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and not any(
            isinstance(given, torch.Tensor) for given in tree_leaves((args, kwargs))
        ):
            self.tensors += 1
            self.numbers += made.numel()
            if self.tensors > MAX_TENSORS or self.numbers > 2 * MAX_PARAMETERS:
                raise _too_large(f"it asks for more than {MAX_PARAMETERS / 1e6:.0f} million numbers")
        return made


def _count(file: Path) -> int:
    """How many parameters the module of a configuration file has."""
    with READING:
        from transformers import AutoConfig

        try:
            config = AutoConfig.from_pretrained(file.parent, trust_remote_code=False, local_files_only=True)
            with torch.device("meta"), _Counted():
                module = _kind_of(config, False).from_config(config)
        except ModelRefused:
            raise
        except Exception as error:  # whatever a class of the library makes of a strange configuration
            raise ModelRefused(
                "unsupported", "This model's configuration is not one that the library can build."
            ) from error
    count: int = sum(weights.numel() for weights in module.parameters())
    if count > MAX_PARAMETERS:
        raise _too_large(f"it has {count / 1e6:.0f} million numbers; the limit is "
                         f"{MAX_PARAMETERS / 1e6:.0f} million")  # fmt: skip
    return count


def _too_large(why: str) -> ModelRefused:
    return ModelRefused("too_large", f"This model is too large: {why}.")
