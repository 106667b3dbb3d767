"""Every endpoint by every kind of nonsense, raw, while a second learner goes on with the lesson.

``fuzz(server, seconds)`` draws requests from a seed: methods, paths, headers, types, structure, sizes,
and their order. It tells what came back, how the process grew, and how long the second learner waited.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlparse

from attention.ui import FIELDS
from tests.serving.processes import Server

METHODS = ("GET", "POST", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X")
PATHS = (
    "/", "/zh", "/config", "/theme.css", "/assets/x", "/static/img/logo.svg", "/gradio_api/info",
    "/gradio_api/upload", "/gradio_api/run/predict", "/gradio_api/component_server", "/gradio_api/queue/join",
    "/gradio_api/queue/data?session_hash=fuzz", "/gradio_api/mcp/", "/gradio_api/call/v2/masks",
    "/gradio_api/heartbeat/x", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://127.0.0.1:1/",
    *(f"/gradio_api/{how}/{name}" for how in ("run", "call") for name in FIELDS),
)  # fmt: skip
PLAIN = [
    None, True, False, 0, -1, 2**63, 10**30, 1e308, 0.5, "", "x", "nan", "²", "\ud800", "\u202e\u200b",
    "x" * 5000, "9" * 20, "[" * 3000, "<script>alert(1)</script>", "../" * 40, "%00%0a", "steps", "training",
    "none", [], {},
]  # fmt: skip
FILE = {"path": "http://127.0.0.1:9/never", "meta": {"_type": "gradio.FileData"}}
HEADERS = (
    {}, {"Origin": "null"}, {"X-Forwarded-Host": "evil.example"}, {"x-gradio-server": "http://evil.example"},
    {"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data; boundary=x"}, {"Host": "a b<c>"},
    {"Accept-Language": "zh"}, {"Cookie": "a=" + "b" * 4000}, {"Content-Encoding": "gzip"},
    {"Range": "bytes=0-9"}, {"Transfer-Encoding": "chunked"}, {"Content-Length": "-5"},
    {"Content-Length": "9" * 30},
    {"X-Long": "y" * 8000}, {"Upgrade": "websocket", "Connection": "Upgrade"}, {"Referer": "x" * 9000},
)  # fmt: skip


@dataclass
class Fuzzed:
    """statuses: how many answers of each kind, 0 for none. bad: answers that break a promise.
    waited: seconds of each question of the second learner. grown: bytes more than at the start."""

    statuses: Counter[int] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    grown: int = 0

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())


def value(dice: random.Random, depth: int = 0) -> Any:
    """Anything that JSON can say, and a file now and then."""
    kind = dice.random()
    if kind < 0.5 or depth > 3:
        return dice.choice(PLAIN)
    if kind < 0.55:
        return FILE
    if kind < 0.75:
        return [value(dice, depth + 1) for _ in range(dice.randrange(6))]
    keys = ("inputs", "text", "people", "panel", "row", "column", "state", "step", "format", "path", "meta")
    return {dice.choice(keys): value(dice, depth + 1) for _ in range(dice.randrange(5))}


def body(dice: random.Random, path: str, openings: dict[str, Any]) -> bytes:
    """Nearly a question, a piece of one, a flood of structure, or noise."""
    kind = dice.random()
    if kind < 0.06:
        return dice.randbytes(dice.randrange(2000))
    if kind < 0.12:
        return dice.choice((b"[", b"[]", b'{"a":', b"9", b'"')) * dice.choice((1, 100, 40_000, 1_000_000))
    name = path.split("?")[0].rsplit("/", 1)[1]
    if path.endswith("component_server"):
        component, functions = dice.choice(openings["questions"])
        given = {"data": value(dice), "component_id": component, "fn_name": dice.choice(functions),
                 "session_hash": dice.choice(("s", value(dice)))}  # fmt: skip
        if dice.random() < 0.5:
            fields = FIELDS[dice.choice(list(FIELDS))]
            inputs = {one.name: value(dice) for one in dice.sample(list(fields), min(2, len(fields)))}
            given["data"] = {
                "inputs": inputs,
                "panel": value(dice),
                "row": value(dice),
                "column": value(dice),
            }
    else:
        given = {"data": [value(dice) for _ in range(dice.randrange(5))]}
        if name in FIELDS:
            given["data"] = [one.default for one in FIELDS[name]]
            given["data"][dice.randrange(len(given["data"]))] = value(dice)
        given["fn_index"] = dice.choice((*openings["events"], -1, None, True, "1", 10**20, 1.5))
        given["session_hash"] = dice.choice(("fuzz", "", None, "s" * 70, value(dice)))
    for key in list(given):
        if dice.random() < 0.08:
            given[key] = value(dice)
        if dice.random() < 0.03:
            del given[key]
    text = json.dumps(given).encode()
    return text[: dice.randrange(len(text))] if dice.random() < 0.05 else text


def openings_at(url: str) -> dict[str, Any]:
    """What /config tells any stranger about numbers and names."""
    connection = http.client.HTTPConnection(urlparse(url).netloc, timeout=60)
    connection.request("GET", "/config")
    config = json.loads(connection.getresponse().read())
    asked = [(c["id"], c["props"].get("server_fns")) for c in config["components"]]
    return {
        "questions": [one for one in asked if one[1]],
        "events": [d["id"] for d in config["dependencies"]],
    }


def one_request(netloc: str, dice: random.Random, openings: dict[str, Any], found: Fuzzed) -> None:
    """Send one and judge what comes back."""
    method, path = dice.choice(METHODS), dice.choice(PATHS)
    sent = {"Content-Type": "application/json"} | (dice.choice(HEADERS) if dice.random() < 0.4 else {})
    given = body(dice, path, openings) if method in ("POST", "PUT", "PATCH") or dice.random() < 0.05 else None
    connection = http.client.HTTPConnection(netloc, timeout=60)
    try:
        connection.request(method, path, given, sent)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException, ValueError):  # the server hung up, as it may on nonsense
        found.statuses[0] += 1
        return
    finally:
        connection.close()
    found.statuses[answer.status] += 1
    where = f"{method} {path} {sent} {given[:300] if given else given!r} -> {answer.status} {text[:300]}"
    if any(word in text for word in ("Traceback", "site-packages", "evil.example", "Reference ")):
        found.bad.append(where)
    # whoever speaks no HTTP is told so by uvicorn; a failure of the app's is a sentence
    elif answer.status >= 500 and method != "HEAD" and not (json.loads(text).get("error") or ""):
        found.bad.append(where)


def fuzz(server: Server, seconds: float, seed: int = 0, at_once: int = 4) -> Fuzzed:
    """Nonsense from so many strangers for so long, beside one learner who asks every half second."""
    netloc, openings, found = urlparse(server.url).netloc, openings_at(server.url), Fuzzed()
    end, before = time.monotonic() + seconds, server.rss()

    def stranger(number: int) -> None:
        dice = random.Random(1000 * seed + number)
        while time.monotonic() < end:
            try:
                one_request(netloc, dice, openings, found)
            except Exception as error:  # a thread's failure must reach the test
                found.bad.append(repr(error))
                return

    def learner() -> None:
        turn = 0
        while time.monotonic() < end:
            turn += 1
            question = json.dumps({"data": [f"learner {turn}\nhello", "padding", 1, 0]})
            start = time.monotonic()
            connection = http.client.HTTPConnection(netloc, timeout=60)
            connection.request(
                "POST", "/gradio_api/run/masks", question, {"Content-Type": "application/json"}
            )
            if connection.getresponse().status != 200:
                found.bad.append("the second learner was refused")
            found.waited.append(time.monotonic() - start)
            time.sleep(0.5)

    threads = [threading.Thread(target=stranger, args=(i,)) for i in range(at_once)]
    threads.append(threading.Thread(target=learner))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.grown = server.rss() - before
    return found
