"""The Hugging Face hub, imitated on the loopback: what a model is, where its files lie, and every way in
which getting them may go wrong.

``Hub().add(repo, folder, revision)`` offers a folder's files. ``hub.trouble[name]`` says what happens to
one of them, or to "info", the question what a model is; see :class:`Trouble`. ``hub.asked`` records
every request. As on the hub, large files are kept by SHA-256 and reached by a redirect, small ones by
git's SHA-1; both answer a Range.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

PORTAL = b"<html><body>Please log in to the guests' network</body></html>"


@dataclass
class Trouble:
    """What goes wrong with an answer.

    status: it is this error; code: with the hub's own name for it. html: it is somebody else's page.
    hang: nothing comes after so many bytes. cut: the line drops after so many bytes of an answer.
    slow: bytes a second. corrupt: a byte in the middle is another one. short: so many bytes are missing,
    and every header agrees. times: how often, then all is well.
    """

    status: int = 0
    code: str = ""
    html: bool = False
    hang: int | None = None
    cut: int | None = None
    slow: float = 0
    corrupt: bool = False
    short: int = 0
    times: int = 10**9


@dataclass
class Repo:
    revision: str
    files: dict[str, bytes]
    gated: bool | str = False
    numbers: int = 0


@dataclass
class Hub:
    repos: dict[str, Repo] = field(default_factory=dict)
    trouble: dict[str, Trouble] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def add(self, repo: str, folder: Path, revision: str = "a" * 40, **more: object) -> Repo:
        files = {file.relative_to(folder).as_posix(): file.read_bytes()
                 for file in folder.rglob("*") if file.is_file()}  # fmt: skip
        made = self.repos[repo] = Repo(revision, files, **more)
        weights = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
        counted = [numbers_in(content) for name, content in files.items() if weights.fullmatch(name)]
        made.numbers = made.numbers or sum(counted)
        return made

    def troubled(self, name: str) -> Trouble:
        """The trouble that this request meets, counted."""
        found = self.trouble.get(name, Trouble())
        if found.times <= 0:
            return Trouble()
        found.times -= 1
        return found

    def fetched(self, method: str = "GET") -> list[str]:
        """The names of the files that were asked for."""
        return [path.rsplit("/", 1)[1] for did, path, _ in self.asked
                if did == method and "/api/" not in path]  # fmt: skip


def numbers_in(content: bytes) -> int:
    """How many numbers a safetensors file holds, from its header, as the hub counts them."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    total = 0
    for name, tensor in header.items():
        size = 1
        for length in tensor.get("shape", []):
            size *= length
        total += size if name != "__metadata__" else 0
    return total


def is_large(name: str) -> bool:
    return name.endswith(".safetensors")


def git_digest(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def digest_of(name: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if is_large(name) else git_digest(content)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        try:
            self.route()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def route(self) -> None:
        path = unquote(urlparse(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        if path.startswith("/api/models/"):
            return self.describe(path.removeprefix("/api/models/"))
        if path.startswith("/cdn/"):
            return self.large(*path.removeprefix("/cdn/").split("/", 1))
        repo, _, rest = path[1:].partition("/resolve/")
        revision, _, name = rest.partition("/")
        return self.resolve(repo, revision, name)

    def describe(self, path: str) -> None:
        repo, _, revision = path.partition("/revision/")
        trouble = self.hub.troubled("info")
        if self.refused(trouble):
            return
        known = self.hub.repos.get(repo)
        if known is None:
            return self.answer(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        if revision not in ("", "main", known.revision):
            return self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        listed = []
        for name, content in known.files.items():
            one = {"rfilename": name, "size": len(content), "blobId": git_digest(content)}
            if is_large(name):
                sha = hashlib.sha256(content).hexdigest()
                one |= {"lfs": {"sha256": sha, "size": len(content), "pointerSize": 134}}
            listed.append(one)
        said = {"id": repo, "sha": known.revision, "gated": known.gated, "private": False, "siblings": listed,
                "tags": [], "downloads": 0, "likes": 0}  # fmt: skip
        if known.numbers:
            said["safetensors"] = {"parameters": {"F32": known.numbers}, "total": known.numbers}
        self.answer(200, json.dumps(said).encode(), {"Content-Type": "application/json"}, trouble)

    def resolve(self, repo: str, revision: str, name: str) -> None:
        trouble = self.hub.trouble.get(name, Trouble()) if is_large(name) else self.hub.troubled(name)
        if not is_large(name) and self.refused(trouble):
            return
        known = self.hub.repos.get(repo)
        if known is None:
            return self.answer(401, b"", {"X-Error-Code": "RepoNotFound"})
        head = {"X-Repo-Commit": known.revision}
        if known.gated:
            return self.answer(401, b"", head | {"X-Error-Code": "GatedRepo"})
        if name not in known.files:
            return self.answer(404, b"", head | {"X-Error-Code": "EntryNotFound"})
        content = known.files[name]
        etag = f'"{digest_of(name, content)}"'
        if is_large(name):
            size = str(len(content) - trouble.short)
            # on another host, as on the hub: its library follows a redirect to the same one at once
            there = f"{self.hub.url.replace('127.0.0.1', 'localhost')}/cdn/{repo.replace('/', '--')}/{name}"
            moved = {"Location": there, "X-Linked-Etag": etag, "X-Linked-Size": size}
            return self.answer(302, b"", head | moved)
        return self.answer(200, content, head | {"ETag": etag}, trouble)

    def large(self, repo: str, name: str) -> None:
        trouble = self.hub.troubled(name)
        if self.refused(trouble):
            return
        content = self.hub.repos[repo.replace("--", "/")].files[name]
        self.answer(200, content, {"ETag": f'"{digest_of(name, content)}"'}, trouble)

    def refused(self, trouble: Trouble) -> bool:
        if trouble.html:
            self.answer(200, PORTAL, {"Content-Type": "text/html"})
        elif trouble.status:
            self.answer(trouble.status, b"no", {"X-Error-Code": trouble.code} if trouble.code else {})
        return bool(trouble.html or trouble.status)

    def answer(
        self, status: int, content: bytes, headers: dict[str, str], trouble: Trouble | None = None
    ) -> None:
        trouble = trouble or Trouble()
        content = content[: len(content) - trouble.short]
        if trouble.corrupt:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        asked = self.headers.get("Range", "")
        if status == 200 and asked.startswith("bytes="):
            first = int(asked.removeprefix("bytes=").split("-")[0])
            headers = headers | {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
            status, content = 206, content[first:]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.write(content, trouble)

    def write(self, content: bytes, trouble: Trouble) -> None:
        sent = 0
        step = max(1, int(trouble.slow / 20)) if trouble.slow else 65536
        while sent < len(content):
            if trouble.hang is not None and sent >= trouble.hang:
                self.hub.closing.wait(60)
                self.close_connection = True
                return
            if trouble.cut is not None and sent >= trouble.cut:
                self.close_connection = True
                return
            stops = [stop for stop in (trouble.hang, trouble.cut) if stop is not None]
            upto = min([len(content), sent + step, *(stop for stop in stops if stop > sent)])
            self.wfile.write(content[sent:upto])
            sent = upto
            if trouble.slow:
                time.sleep(step / trouble.slow)
