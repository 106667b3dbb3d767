"""Chapter 12, page: fetching a model from the Hugging Face hub, within limits.

Nothing here reads a model: it only brings checked files into the hub's own cache folder. A file is
taken when its bytes have the checksum that the hub names, and weights come last, so that a folder
with weights in it is whole. Every refusal is a :class:`attention.pretrained.model.ModelRefused` with one
sentence and no path in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .hub_errors import plainly, refusal, within
from .loading import MAX_CONFIG, MAX_PARAMETERS, VOCABULARIES, check_config, no_tokenizer
from .model import ModelRefused

HUB_SECONDS = 5.0  # for an answer from the hub, before a model counts as out of reach
DOWNLOADS = 2  # models fetched at once in one process
MAX_SMALL = 100 * 2**20  # bytes of everything but the weights
REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
WEIGHTS = re.compile(r"model(-\d{5}-of-(\d{5}))?\.safetensors")
INDEX = "model.safetensors.index.json"
BESIDE = ("config.json", INDEX, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
          "merges.txt", "target.spm", "target_vocab.json", *VOCABULARIES)  # fmt: skip

# Called with what is going on ("waiting", "downloading", "unpacking", "keeping", "reading") and how
# far it is: done and total in bytes, 0 and 0 where that is not known.
Progress = Callable[[str, int, int], None]
_downloads = threading.BoundedSemaphore(DOWNLOADS)


@dataclass(frozen=True)
class File:
    """A file as the hub lists it. digest: SHA-256 of a large file, else git's SHA-1; "" if untold."""

    name: str
    size: int
    digest: str


def hub_folder(repo: str, revision: str, progress: Progress) -> Path:
    """The local folder of a pinned revision, downloaded if it is not whole in the hub's cache."""
    folder = local_folder(repo, revision)
    if folder is not None:
        return folder
    info = _describe(repo, revision)  # says quickly and politely why it will not work
    return _download(repo, revision, needed(info), progress)


def checked_folder(repo: str, progress: Progress) -> Path:
    """Any hub model, when the host allows it. From cheap checks to dear ones: the name, what the
    hub says of it, its files, its configuration, the disk; then the download."""
    if not REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise ModelRefused("unknown", "A model's name looks like owner/model.")
    info = _describe(repo, None)
    if getattr(info, "gated", False):
        raise refusal("gated")
    total = getattr(getattr(info, "safetensors", None), "total", None)
    if not total:
        raise refusal("not_safetensors")
    if total > MAX_PARAMETERS:
        raise ModelRefused(
            "too_large",
            f"This model has {total / 1e6:.0f} million parameters; the limit is "
            f"{MAX_PARAMETERS / 1e6:.0f} million.",
        )
    files = needed(info)
    if not any(file.name in VOCABULARIES for file in files):
        raise no_tokenizer()
    small = sum(file.size for file in files if not WEIGHTS.fullmatch(file.name))
    large = sum(file.size for file in files) - small
    # eight bytes a number is the widest there is; the rest is a header
    if files[0].size > MAX_CONFIG or small > MAX_SMALL or large > 8 * total + MAX_SMALL:
        raise ModelRefused("too_large", "This model's files are larger than its numbers need.")
    folder = _download(repo, info.sha, files[:1], lambda *_: None)
    check_config(folder / "config.json", total)
    return _download(repo, info.sha, files, progress)


def needed(info: Any) -> list[File]:
    """The files that a load needs out of all that a repository holds: the configuration first, then
    the tokenizer's, the weights last. Refuses a repository without weights in safetensors."""
    listed = {one.rfilename: one for one in info.siblings or ()}
    weights = [name for name in sorted(listed) if WEIGHTS.fullmatch(name)]
    if "model.safetensors" in weights:
        weights = ["model.safetensors"]
    if not weights or "config.json" not in listed:
        raise refusal("not_safetensors")
    beside = [name for name in BESIDE if name in listed and (name != INDEX or len(weights) > 1)]
    return [_listed(listed[name]) for name in [*beside, *weights]]


def _listed(one: Any) -> File:
    large = getattr(one, "lfs", None)
    digest = getattr(large, "sha256", None) or getattr(one, "blob_id", None) or ""
    return File(one.rfilename, one.size or 0, digest)


def local_folder(repo: str, revision: str) -> Path | None:
    """The folder of a revision in the hub's cache, if every file that a load needs is there, whole.

    The cache names a file by its checksum, so this needs no network. A damaged file is removed.
    """
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(repo, "config.json", revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    names = [file.name for file in folder.iterdir() if file.is_file()]
    weights = [match for match in map(WEIGHTS.fullmatch, names) if match]
    one = any(match[1] is None for match in weights)
    shards = {int(match[2]) for match in weights if match[1]}
    several = INDEX in names and shards == {len(weights)}
    if not (one or several) or not set(names) & set(VOCABULARIES):
        return None
    used = [folder / name for name in names if name in BESIDE or WEIGHTS.fullmatch(name)]
    damaged = [file for file in used if not holds(file, _promised(file))]
    for file in damaged:
        _remove(file)
    return None if damaged else folder


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def holds(file: Path, promised: str) -> bool:
    """Whether a file's bytes have this SHA-256 (64 digits) or git's SHA-1 (40); True for any other."""
    if len(promised) == 64:
        return digest(file) == promised
    if len(promised) == 40:  # git hashes a small file behind its kind and length
        content = file.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == promised
    return True


def _promised(file: Path) -> str:
    """The checksum that the cache named a file by; "" where it keeps copies instead of links."""
    try:
        name = Path(os.readlink(file)).name
    except OSError:
        return ""
    return name if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name) else ""


def _remove(file: Path) -> None:
    """Take a file out of the cache, and the bytes that its link leads to."""
    with contextlib.suppress(OSError):  # a cache that cannot be written keeps it, and it stays unread
        file.resolve().unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def _describe(repo: str, revision: str | None) -> Any:
    """What the hub says of a model, within :data:`HUB_SECONDS`, or a refusal."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        raise refusal("offline")
    return within(
        HUB_SECONDS,
        lambda: HfApi(token=False).model_info(
            repo, revision=revision, timeout=HUB_SECONDS - 1, files_metadata=True, token=False
        ),
    )


def _download(repo: str, revision: str, files: list[File], progress: Progress) -> Path:
    """These files in the hub's cache; bytes are counted as they come. Returns their folder."""
    total = sum(file.size for file in files)
    progress("waiting", 0, 0)
    with _downloads:
        progress("downloading", 0, total)
        sweep(repo)
        try:
            folder: Path = plainly(lambda: _fetch(repo, revision, files, total, progress))
            return folder
        except ModelRefused as refused:
            if refused.reason not in ("offline", "unknown"):
                raise
            raise refusal("interrupted") from refused  # the hub knew it a moment ago


def _fetch(repo: str, revision: str, files: list[File], total: int, progress: Progress) -> Path:
    from huggingface_hub import constants, hf_hub_download

    room = Path(constants.HF_HUB_CACHE)
    while not room.exists() and room != room.parent:
        room = room.parent
    if shutil.disk_usage(room).free < 1.2 * total:
        raise refusal("disk_full")
    done = 0
    path = Path()
    for file in files:
        counter = _counter(partial(_tell, progress, done, total))
        path = Path(hf_hub_download(
            repo, file.name, revision=revision, token=False, etag_timeout=HUB_SECONDS - 1,
            tqdm_class=counter,
        ))  # fmt: skip
        if not holds(path, file.digest):
            _remove(path)
            raise refusal("damaged")
        done += file.size
        progress("downloading", min(done, total), total)
    return path.parent


def _tell(progress: Progress, before: int, total: int, come: int) -> None:
    progress("downloading", min(before + come, total), total)


def _counter(tell: Callable[[int], None]) -> Any:
    """A progress bar for the hub's library that draws nothing and tells how many bytes have come."""
    from tqdm.auto import tqdm

    class Bytes(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **given: Any) -> None:
            self.come = given.get("initial") or 0
            super().__init__(*args, **{**given, "disable": True})

        def update(self, n: float | None = 1) -> None:
            self.come += int(n or 0)
            tell(self.come)

    return Bytes


def sweep(repo: str) -> None:
    """Remove what a download that was killed left of this model.

    The hub's library writes each file under a name of its own and removes it when it gives up, but
    not when the process is killed. It holds a lock meanwhile, which goes with the process.
    """
    from filelock import FileLock, Timeout
    from huggingface_hub import constants

    name = f"models--{repo.replace('/', '--')}"
    for part in (Path(constants.HF_HUB_CACHE) / name / "blobs").glob("*.incomplete"):
        lock = Path(constants.HF_HUB_CACHE) / ".locks" / name / f"{part.name.split('.')[0]}.lock"
        with contextlib.suppress(Timeout, OSError, NotImplementedError):  # in use, or not ours to remove
            if lock.parent.is_dir():
                with FileLock(lock, timeout=0):
                    part.unlink(missing_ok=True)
