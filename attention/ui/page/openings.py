"""What of the page is open to strangers: routes, the events that the page fires, its questions, its API.

Gradio serves many routes this app has no use for. Each is a way in (uploads that fill the disk, a proxy,
monitoring pages, a code editor), so only what the page, the API and the optional MCP endpoint need is
let through; everything else is "404 not found". Gradio also lets a stranger call every event by its
number, those of the browser alone included, with any number of inputs; an unknown one is a bare "500
Internal Server Error".
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

from ...typed import visible
from .bounds import HELD
from .direct import Direct
from .guard import Refusal
from .texts import CLASS, LANGUAGES

API = "/gradio_api/"
GET_PREFIXES = ("/assets/", "/static/", "/svelte/", f"{API}mcp")
GET_PATHS = frozenset(
    {
        "/", "/en", "/zh", "/zh/", "/config", "/config/", "/zh/config",
        *(f"/{path}{rest}" for path in CLASS.values() for rest in ("", "/", "/config")),
        "/theme.css", "/favicon.ico",
        "/manifest.json", "/robots.txt", f"{API}info", f"{API}info/", f"{API}app_id",
        f"{API}startup-events", f"{API}theme.css",
    }
)  # fmt: skip
ASSET = re.compile(r"/[A-Za-z0-9._~@+/-]+")
PAGES = frozenset({*LANGUAGES[1:], *CLASS.values()})
PARAMETERS = {"page": PAGES, "all_endpoints": frozenset({"true", "True"})}
PATH = 300  # characters
TRAINS = frozenset({"train", "cell", "collate"})  # that carry a training's state, or a class's hand-ins


def is_open(method: str, path: str) -> bool:
    """Whether a route is one that this app needs."""
    if len(path) > PATH:
        return False
    if method in ("GET", "HEAD"):
        if path in GET_PATHS:
            return True
        if path.startswith((f"{API}call/", f"{API}queue/data")):  # answered here
            return method == "GET"
        # Gradio's own style sheets lie at the top
        top = path.count("/") == 1 and path.endswith((".css", ".js", ".woff2"))
        return (top or path.startswith(GET_PREFIXES)) and bool(ASSET.fullmatch(path)) and ".." not in path
    if path.startswith(f"{API}mcp"):
        return method in ("POST", "DELETE")  # DELETE closes an MCP session
    path = path.removesuffix("/")
    named = path.startswith((f"{API}run/", f"{API}call/"))
    return method == "POST" and (named or path in (f"{API}component_server", f"{API}queue/join"))


@dataclass(frozen=True)
class Openings:
    """events: number -> how many inputs, for events with a handler. questions: component -> names of its
    server functions. api: name -> the signature of its function. numbers: an API event's number -> its
    name. shared: whether this page is also at gradio.live. direct: who answers questions without Gradio."""

    events: dict[int, int]
    questions: dict[int, frozenset[str]]
    api: dict[str, inspect.Signature]
    numbers: dict[int, str]
    shared: bool
    direct: Direct | None

    def page_event(self, body: Any) -> dict[str, Any]:
        """A call of ``run/predict`` as Gradio gets it. Raises ``Refusal``."""
        number, data = _field(body, "fn_index"), _field(body, "data")
        if not _is_number(number) or number not in self.events:
            raise Refusal("no_such_call")
        if not isinstance(data, list) or len(data) != self.events[number]:
            raise Refusal("bad_json")
        return {"fn_index": number, "data": data}

    def server_function(self, body: Any, trains: bool) -> dict[str, Any]:
        """A call of ``component_server`` as Gradio gets it. Raises ``Refusal``."""
        component, name, data = (_field(body, key) for key in ("component_id", "fn_name", "data"))
        if not _is_number(component) or not isinstance(name, str):
            raise Refusal("no_such_call")
        if name not in self.questions.get(component, ()) or (trains and name not in TRAINS):
            raise Refusal("no_such_call")
        if not trains and isinstance(data, dict) and data.get("state") == HELD:
            raise Refusal("bad_json")
        return {"component_id": component, "fn_name": name, "data": data}

    def named(self, name: str, body: Any, by_name: bool = False) -> list[Any]:
        """The inputs of an API call in their order, missing ones by default. Raises ``Refusal``."""
        if name not in self.api:
            raise Refusal("no_such_call")
        parameters = self.api[name].parameters
        given: dict[str, Any]
        if by_name:
            given = body if isinstance(body, dict) else {}
        else:
            data = _field(body, "data")
            if not isinstance(data, list) or len(data) > len(parameters):
                raise Refusal("wrong_inputs", names=", ".join(parameters))
            given = dict(zip(parameters, data, strict=False))
        for key in given:
            if key not in parameters:
                raise Refusal("unknown_input", field=visible(key[:40]))
        return [given.get(key, one.default) for key, one in parameters.items()]

    def queued(self, body: Any) -> tuple[str, list[Any], str]:
        """What ``gradio_client`` asks: the API's name, its inputs, its session. Raises ``Refusal``."""
        number, session = _field(body, "fn_index"), _field(body, "session_hash")
        if not _is_number(number) or number not in self.numbers or not isinstance(session, str):
            raise Refusal("no_such_call")
        name = self.numbers[number]
        return name, self.named(name, body), session


def openings_of(app: Any) -> Openings:
    """The openings of a running app, Gradio's own or one that it is mounted in."""
    app = _gradio(app)
    blocks = app.get_blocks()
    public = {n: fn for n, fn in blocks.fns.items() if fn.api_visibility == "public"}
    hidden = {n: fn for n, fn in blocks.fns.items() if n not in public and fn.fn is not None}
    components = blocks.config["components"]
    return Openings(
        events={n: len(fn.inputs) for n, fn in hidden.items()},
        questions={c["id"]: frozenset(c["props"].get("server_fns") or ()) for c in components},
        api={fn.api_name: inspect.signature(fn.fn) for fn in public.values()},
        numbers={n: fn.api_name for n, fn in public.items()},
        shared=bool(getattr(blocks, "share", False)),
        direct=Direct.of(app),
    )  # fmt: skip


def _gradio(app: Any) -> Any:
    if hasattr(app, "get_blocks"):
        return app
    inner: list[Any] = [getattr(route, "app", None) for route in app.routes]
    return next(one for one in inner if hasattr(one, "get_blocks"))


def _field(body: Any, name: str) -> Any:
    return body.get(name) if isinstance(body, dict) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
