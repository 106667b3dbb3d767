"""What of the page may be called from outside: the events that it fires, its questions, and its API.

Gradio lets a stranger call every event by its number, those of the browser alone included, with any
number of inputs; an unknown one is a bare "500 Internal Server Error".
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from ...typed import visible
from .bounds import HELD
from .direct import Direct
from .guard import Refusal

TRAINS = frozenset({"train", "cell", "collate"})  # that carry a training's state, or a class's hand-ins


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
