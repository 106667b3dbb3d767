"""Every endpoint by every kind of nonsense, raw, while a second learner goes on with the lesson.

``fuzz(server, seconds)`` draws requests from a seed: methods, paths, headers, types, structure, sizes,
and their order. It tells what came back, how the process grew, and how long the second learner waited.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlparse

from attention.course import Answer, Assignment, HandIn, Question, Step, to_json, to_text
from attention.ui import FIELDS
from attention.ui.page.fields import Choice
from tests.serving.processes import Server

METHODS = ("GET", "POST", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X")
PATHS = (
    "/", "/zh", "/class", "/class-zh", "/class/config", "/?assignment=lesson", "/config", "/theme.css",
    "/assets/x", "/static/img/logo.svg", "/gradio_api/info",
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


VIEWS = (
    "?tab=masks&step=1", "?tab=model&step=3", "?tab=cost&scene=tiles", "?tab=model&scene=why&cause=head",
    "?tab=heads&text=a%E2%80%AEb", "?tab=nowhere", "?", "?tab=masks&extra=99", "?" + "(" * 1500,
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


def inputs(dice: random.Random, tab: str) -> dict[str, Any]:
    """Inputs of a tab in any of its scenes, with up to two values that are anything."""
    given = {one.name: dice.choice(one.options) for one in FIELDS[tab] if isinstance(one, Choice)}
    given = {name: option for name, option in given.items() if dice.random() < 0.5}
    return given | {dice.choice(FIELDS[tab]).name: value(dice) for _ in range(dice.randrange(3))}


def course(dice: random.Random) -> str:
    """An assignment or a hand-in as a link or a file: whole, cut, with anything in one place, or noise."""
    if dice.random() < 0.1:
        return dice.choice(("lesson", "x" * 25_000, "[" * 25_000, '{"version":1,"title":' + "[" * 20_000))
    questions = Question("t", "task", "?", view=VIEWS[0], task="leak"), Question("n", "number", "?", answer=2)
    steps = tuple(Step(dice.choice(VIEWS), "\u202e", dice.choice(("", "", "t"))) for _ in range(2))
    made: Any = Assignment("A\u200b", (steps[0], Step(steps[1].view)), questions)
    if dice.random() < 0.7:
        asked = Answer("t", dice.choice(("50", "²", "-1e9")), {"view": dice.choice(VIEWS)})
        made = HandIn(made, "\u202eMei", (asked, Answer("n", "9" * 150)))
    text = (to_text if dice.random() < 0.4 else to_json)(made)
    if dice.random() < 0.3:
        return text[: dice.randrange(len(text))]
    for _ in range(dice.randrange(3)):
        text = text.replace(dice.choice(('"t"', '"A', "[", "1", '"?"')), json.dumps(value(dice)), 1)
    return text


def asked(dice: random.Random, tab: str) -> Any:
    """What a view, an open assignment or the page for teachers asks, nearly."""
    if dice.random() < 0.15:
        return value(dice)
    if tab not in FIELDS:
        if dice.random() < 0.5:
            return {"assignment": course(dice)}
        pairs = json.dumps([[f"s{i}", course(dice)] for i in range(dice.choice((1, 3, 40)))])
        return {"state": base64.b64encode(pairs.encode()).decode()}
    places: dict[str, Any] = {name: dice.choice((0, 1, 7, value(dice))) for name in ("row", "column", "step")}
    more = {"panel": value(dice), "format": dice.choice(("html", "csv", value(dice))), "address": value(dice)}
    state = {"state": base64.b64encode(dice.randbytes(dice.choice((9, 3000, 200_000)))).decode()}
    return {"inputs": inputs(dice, tab)} | places | more | (state if dice.random() < 0.2 else {})


def body(dice: random.Random, path: str, openings: dict[str, Any]) -> bytes:
    """Nearly a question, a piece of one, a flood of structure, or noise."""
    kind = dice.random()
    if kind < 0.06:
        return dice.randbytes(dice.randrange(2000))
    if kind < 0.12:
        return dice.choice((b"[", b"[]", b'{"a":', b"9", b'"')) * dice.choice((1, 100, 40_000, 1_000_000))
    name = path.split("?")[0].rsplit("/", 1)[1]
    if path.endswith("component_server"):
        component, tab, functions = dice.choice(openings["questions"])
        given = {"data": asked(dice, tab), "component_id": component, "fn_name": dice.choice(functions),
                 "session_hash": dice.choice(("s", value(dice)))}  # fmt: skip
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
    """What the pages tell any stranger about numbers and names: (component, tab, its functions), events."""
    connection = http.client.HTTPConnection(urlparse(url).netloc, timeout=60)
    connection.request("GET", "/config")
    config = json.loads(connection.getresponse().read())
    parts = [(one["id"], one["props"]) for one in config["components"]]
    questions = [
        (id, (props.get("elem_id") or "").removeprefix("view-"), props["server_fns"])
        for id, props in parts
        if props.get("server_fns")
    ]
    return {"questions": questions, "events": [d["id"] for d in config["dependencies"]]}


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


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
    # whoever speaks no HTTP is told so by uvicorn; 500 is a failure of ours, 503 says what for
    elif answer.status == 500 or (answer.status > 500 and not json.loads(text).get("error")):
        found.bad.append(where)
    elif text and answer.getheader("content-type", "").startswith("application/json"):
        try:
            json.loads(text, parse_constant=refuse_constant)
        except ValueError as error:
            found.bad.append(f"{error}: {where}")


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
