"""Chapter 12, page: what may go wrong between here and the hub, one sentence for each.

The hub's library raises its own errors, its HTTP client's and the system's; which ones depends on its
version. Here each of them becomes a :class:`attention.pretrained.model.ModelRefused` that says what to do.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import Any

from .model import ModelRefused

SENTENCES = {
    "offline": "The Hugging Face hub cannot be reached, and this model is not on this machine yet; "
    "choose a built-in model, or try again later.",
    "hub_busy": "The Hugging Face hub has too much to do just now or is out of order; try again later.",
    "interrupted": "The download of this model broke off; try again.",
    "damaged": "What came from the Hugging Face hub does not have the checksum that the hub names, and "
    "was thrown away; try again.",
    "gated": "This model's owner asks for consent on the hub first; choose another one.",
    "unknown": "The Hugging Face hub has no public model of that name.",
    "not_safetensors": "This model has no safetensors weights, the only kind read here.",
    "disk_full": "There is not enough room on this machine's disk for this model.",
    "read_only": "This machine's folder for models cannot be written; the host can set HF_HOME.",
}


def refusal(reason: str) -> ModelRefused:
    """The refusal with this reason, a key of :data:`SENTENCES`."""
    return ModelRefused(reason, SENTENCES[reason])


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """The result of work(), or "offline" after that many seconds.

    Looking up a host name blocks for as long as the system likes, hence a thread to leave behind.
    """
    result: list[Any] = []

    def target() -> None:
        try:
            result.append((plainly(work), None))
        except BaseException as error:  # handed to the caller below
            result.append((None, error))

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        raise refusal("offline")
    value, error = result[0]
    if error is not None:
        raise error
    return value


def plainly(work: Callable[[], Any]) -> Any:
    """work(), with the hub's many errors turned into one sentence each."""
    from huggingface_hub import errors

    try:
        return work()
    except ModelRefused:
        raise
    except errors.GatedRepoError as error:
        raise refusal("gated") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError,
            errors.HFValidationError) as error:  # fmt: skip
        raise refusal("unknown") from error
    except OSError as error:
        raise refusal(_trouble(error)) from error
    except ValueError as error:  # a page in place of an answer: a hotel's, a proxy's
        raise refusal("offline") from error
    except Exception as error:  # httpx's, httpx2's or requests', whatever the client rides on
        clients = ("httpx", "httpcore", "requests", "urllib3", "huggingface_hub", "hf_xet")
        if not type(error).__module__.startswith(clients) and type(error).__name__ != "HfXetError":
            raise
        raise refusal(_trouble(error)) from error


def _trouble(error: BaseException) -> str:
    """The reason behind an error of the disk or the hub."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "disk_full"
    if number in (errno.EACCES, errno.EROFS, errno.EPERM):
        return "read_only"
    seen: BaseException | None = error
    while seen is not None:  # the library hides the hub's answer behind errors of its own
        status = getattr(getattr(seen, "response", None), "status_code", None)
        if status is not None and (status == 429 or status >= 500):
            return "hub_busy"
        if status in (401, 404):
            return "unknown"
        seen = seen.__cause__
    return "offline"
