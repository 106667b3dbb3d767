"""Chapter 11, part 4: fetching a model from the Hugging Face hub, within limits.

Nothing here reads a model: it only brings checked files into the hub's own cache folder. Every
refusal is a :class:`attention.model.ModelRefused` with one sentence and no path in it.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .model import ModelRefused

HUB_SECONDS = 5.0  # for an answer from the hub, before a model counts as out of reach
MAX_PARAMETERS = 500_000_000
MAX_CONFIG = {  # a small config file can ask for any amount of memory
    "num_hidden_layers": 64, "n_layer": 64, "num_layers": 64, "num_attention_heads": 64,
    "n_head": 64, "num_heads": 64, "hidden_size": 4096, "n_embd": 4096, "d_model": 4096,
    "intermediate_size": 16384, "d_ff": 16384, "vocab_size": 300_000,
}  # fmt: skip
FILES = ["*.json", "*.txt", "*.model", "*.spm", "*.safetensors"]
REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


def hub_folder(repo: str, revision: str, progress: Callable[[str, float], None]) -> Path:
    """The local folder of a pinned revision, downloaded if it is not in the hub's cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted: dict[str, Any] = {"revision": revision, "allow_patterns": FILES, "token": False}
    try:
        folder = Path(snapshot_download(repo, local_files_only=True, **wanted))
        if any(folder.glob("*.safetensors")) and (folder / "config.json").exists():
            return folder
    except LocalEntryNotFoundError:
        pass
    _describe(repo, revision)  # says quickly and politely why it will not work
    return _download(repo, wanted, progress)


def checked_folder(repo: str, progress: Callable[[str, float], None]) -> Path:
    """Any hub model, when the host allows it. From cheap checks to dear ones: the name, what the
    hub says of it, its size, its configuration, the disk; then the download."""
    if not REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise ModelRefused("unknown", "A model's name looks like owner/model.")
    info = _describe(repo, None)
    if getattr(info, "gated", False):
        raise _refusal("gated")
    safetensors = getattr(info, "safetensors", None)
    if safetensors is None or not safetensors.total:
        raise ModelRefused(
            "not_safetensors", "This model has no safetensors weights, the only kind read here."
        )
    if safetensors.total > MAX_PARAMETERS:
        raise ModelRefused(
            "too_large",
            f"This model has {safetensors.total / 1e6:.0f} million parameters; the limit is "
            f"{MAX_PARAMETERS / 1e6:.0f} million.",
        )
    wanted = {"revision": info.sha, "allow_patterns": FILES, "token": False}
    folder = _download(repo, {**wanted, "allow_patterns": ["config.json"]}, progress)
    check_config(folder / "config.json")
    weights = [file.size or 0 for file in info.siblings if file.rfilename.endswith(".safetensors")]
    if shutil.disk_usage(folder).free < 1.2 * sum(weights):
        raise _refusal("disk_full")
    return _download(repo, wanted, progress)


def check_config(file: Path) -> None:
    """Refuse a configuration that asks for remote code, or for more than the limits."""
    try:
        config = json.loads(file.read_text())
        if not isinstance(config, dict):
            raise ValueError
    except (OSError, ValueError) as error:
        raise ModelRefused("corrupt", "This model's configuration could not be read.") from error
    if "auto_map" in config:
        raise ModelRefused("unsupported", "This model needs its author's code, which is never run.")
    parts = [config, *(part for part in config.values() if isinstance(part, dict))]
    for name, limit in MAX_CONFIG.items():
        for part in parts:
            value = part.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int | None) or (value or 0) > limit:
                raise ModelRefused(
                    "too_large", f"This model's {name} is beyond the limit of {limit:,}."
                )


def _describe(repo: str, revision: str | None) -> Any:
    """What the hub says of a model, within :data:`HUB_SECONDS`, or a refusal."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        raise _refusal("offline")
    return within(
        HUB_SECONDS,
        lambda: HfApi(token=False).model_info(
            repo, revision=revision, timeout=HUB_SECONDS - 1, files_metadata=True, token=False
        ),
    )


def _download(repo: str, wanted: dict[str, Any], progress: Callable[[str, float], None]) -> Path:
    from huggingface_hub import snapshot_download

    progress("Downloading the model", 0.1)
    return _plainly(
        lambda: Path(snapshot_download(repo, etag_timeout=HUB_SECONDS - 1, **wanted))
    )


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """The result of work(), or "offline" after that many seconds.

    Looking up a host name blocks for as long as the system likes, hence a thread to leave behind.
    """
    result: list[Any] = []

    def target() -> None:
        try:
            result.append((_plainly(work), None))
        except BaseException as error:  # handed to the caller below
            result.append((None, error))

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        raise _refusal("offline")
    value, error = result[0]
    if error is not None:
        raise error
    return value


def _plainly(work: Callable[[], Any]) -> Any:
    """work(), with the hub's many errors turned into one sentence each."""
    from huggingface_hub import errors

    try:
        return work()
    except errors.GatedRepoError as error:
        raise _refusal("gated") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError,
            errors.HFValidationError) as error:  # fmt: skip
        raise _refusal("unknown") from error
    except OSError as error:
        raise _refusal("disk_full" if error.errno == 28 else "offline") from error
    except Exception as error:  # httpx's, httpx2's or requests', whatever the client rides on
        clients = ("httpx", "httpcore", "requests", "urllib3", "huggingface_hub")
        if not type(error).__module__.startswith(clients):
            raise
        raise _refusal("offline") from error


_SENTENCES = {
    "offline": "The Hugging Face hub cannot be reached, and this model is not on this machine yet; "
    "choose a built-in model, or try again later.",
    "gated": "This model's owner asks for consent on the hub first; choose another one.",
    "unknown": "The Hugging Face hub has no public model of that name.",
    "disk_full": "There is not enough room on this machine's disk for this model.",
}


def _refusal(reason: str) -> ModelRefused:
    return ModelRefused(reason, _SENTENCES[reason])
