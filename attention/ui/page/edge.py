"""The outer gate: how a request reaches Gradio, if it does at all. What is open is in ``openings.py``.

A body is read here, whole and within ``PATIENCE``, checked, and written anew, so that Gradio never
reads what a stranger wrote:

- it is JSON of at most ``SMALL`` bytes; only a training may bring its state, one string of base64;
- it holds few values (bounds.py), and no object that Gradio would take for a file and fetch;
- it calls what the page itself calls, or the API by name;
- its session is always the same one: no event keeps anything in a session, and each would cost 0.8 MB.

What many ask at one time is computed once (flights.py).
Calls of the API are kept unanswered until they are read (calls.py), ``AT_ONCE`` are computed at once.
Pages and files, alike for everybody, come from a shelf (shelf.py), compressed and cacheable.
Headers, asked and told, are the matter of headers.py. Whatever goes wrong is told in a sentence.

Left to the host's own front (tests/serving/nginx.conf): how many connections one address may hold, and
how long it may take to send a header; a stalled connection costs this process a few kB until then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from .bounds import SMALL, checked, checked_training, read_json, written
from .calls import NAME, Question, Waiting, call_stream, session_stream
from .flights import Flights
from .guard import REFUSALS, Refusal, sentence_for
from .headers import asked, told
from .openings import API, PARAMETERS, Openings, is_open, openings_of
from .replies import Collected, Message, Send, in_sentences, respond, tell
from .shelf import Own, Shelf
from .texts import LANGUAGES, Words, words_for

if TYPE_CHECKING:
    from .firsts import Firsts

BODY_LIMIT = 4_000_000  # bytes; a training state of 2 MB is 2.7 MB in base64
IN_HAND = 48_000_000  # bytes of large bodies read at one time
PATIENCE = 30.0  # seconds a body may take
QUERY = 32_768  # characters; a link has at most 30,000
AT_ONCE, IN_LINE = 4, 24  # calls of the API computed at one time, and waiting for it
SESSION = "page"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
BODILESS = (b"content-length", b"transfer-encoding")


# what a refusal is in HTTP; any other input that breaks a rule is 422
STATUS = {
    "bad_request": 400, "not_found": 404, "no_such_call": 404, "too_slow": 408, "body_too_large": 413,
    "query_too_long": 414, "not_json": 415, "busy": 503, "model_loading": 503,
}  # fmt: skip


class Edge:
    """Pure ASGI middleware in front of the whole app."""

    def __init__(self, app: App, own: Own | None = None, firsts: Firsts | None = None) -> None:
        self.app = app
        self.shelf = Shelf(own, firsts)
        self.waiting = Waiting()
        self.openings: Openings | None = None
        self.flights: Flights[Collected] = Flights()
        self.in_hand = self.in_line = 0
        self.places: asyncio.Semaphore | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            step_out(scope["app"])
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no page of ours opens a socket
            await send({"type": "websocket.close", "code": 1000})
            return
        words, started = words_for(_language(scope)), False

        async def send_told(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                shared = self.openings is not None and self.openings.shared
                message["headers"] = told(message.get("headers", []), shared)
            await send(message)

        try:
            await self.let_in(scope, receive, send_told, words)
        except Exception as error:  # the border to the network, as in guard.answer
            status = STATUS.get(error.key, 422) if isinstance(error, Refusal) else 500
            sentence = sentence_for(error, words)
            if not started:
                with suppress(Exception):  # the server has told them that this is no HTTP, and hung up
                    await tell(send_told, status, sentence)

    async def let_in(self, scope: Scope, receive: Receive, send: Send, words: Words) -> None:
        """Pass a request on, answer it, or raise ``Refusal``."""
        path = scope["path"].removeprefix(scope.get("root_path", "") or "") or "/"
        method, query = scope["method"], scope.get("query_string", b"")
        if not is_open(method, path):
            raise Refusal("not_found")
        if len(query) > QUERY:
            raise Refusal("query_too_long", limit=QUERY)
        headers = asked(scope["headers"])
        if headers is None:
            raise Refusal("bad_request")
        if self.openings is None:
            self.openings = openings_of(scope["app"])
        # links are read by the page's script; the server needs none of them
        given = parse_qsl(query.decode("latin-1")) if query.count(b"&") < 100 else []
        kept = [(name, value) for name, value in given if value in PARAMETERS.get(name, ())]
        inner = {**scope, "headers": headers, "query_string": urlencode(kept).encode()}
        if method == "POST" or path.startswith(f"{API}mcp"):
            body = await self.read_body(scope, path, receive)
            await self.ask(inner, path, body, receive, send, words)
        elif path.startswith((f"{API}call/", f"{API}queue/data")):
            await self.read_answer(inner, path, dict(given).get("session_hash", ""), send, words)
        elif self.shelf.holds(path):

            async def fetch(asked: Scope, got: Send) -> None:  # whole, even if who asked first has gone
                await self.pass_on(asked, b"", None, in_sentences(got, words))

            await self.shelf.serve(inner, path, send, fetch, given)
        else:
            await self.app(inner, receive, in_sentences(send, words))

    async def read_body(self, scope: Scope, path: str, receive: Receive) -> bytes:
        """All of a body that is not too large and does not take too long."""
        fields = {name.lower(): value for name, value in scope["headers"]}
        if scope["method"] == "POST" and not fields.get(b"content-type", b"").startswith(b"application/json"):
            raise Refusal("not_json")
        limit = BODY_LIMIT if path.startswith(f"{API}component_server") else SMALL
        declared = fields.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 12 or int(declared) > limit:
            raise Refusal("body_too_large", limit=limit)
        parts: list[bytes] = []
        size, counted, end = 0, 0, time.monotonic() + PATIENCE
        try:
            while True:
                message = await asyncio.wait_for(receive(), max(end - time.monotonic(), 0.001))
                if message["type"] == "http.disconnect":
                    raise Refusal("bad_json")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    raise Refusal("body_too_large", limit=limit)
                if size > SMALL:
                    self.in_hand += size - counted
                    counted = size
                    if self.in_hand > IN_HAND:
                        raise Refusal("busy")
                if not message.get("more_body"):
                    return b"".join(parts)
        except TimeoutError:
            raise Refusal("too_slow", seconds=int(PATIENCE)) from None
        finally:
            self.in_hand -= counted

    async def ask(
        self, scope: Scope, path: str, body: bytes, receive: Receive, send: Send, words: Words
    ) -> None:
        """A question that was posted: checked, written anew, and passed on, computed or kept."""
        assert self.openings is not None
        send = in_sentences(send, words)
        if path.startswith(f"{API}mcp"):
            await self.pass_on(scope, written(checked(body)) if body else b"", receive, send)
            return
        parts = path.removeprefix(API).removesuffix("/").split("/")
        if parts == ["component_server"]:
            question, state = checked_training(body)
            clean = self.openings.server_function(question, state is not None)
            if state is not None:
                clean["data"]["state"] = state
                await self.pass_on(scope, written(clean | {"session_hash": SESSION}), receive, send)
            else:
                await self.together(scope, path, clean, send, words)
        elif parts == ["run", "predict"]:
            await self.together(scope, path, self.openings.page_event(checked(body)), send, words)
        elif parts[0] == "run" and len(parts) == 2:
            data = self.openings.named(parts[1], checked(body))
            await (await self.compute(scope, parts[1], data, words)).pass_to(send)
        elif parts == ["queue", "join"]:
            name, data, session = self.openings.queued(checked(body))
            if not 1 <= len(session) <= NAME:
                raise Refusal("no_such_call")
            await self.keep(Question(name, written(data), session), send)
        elif parts[0] == "call" and (len(parts) == 2 or len(parts) == 3 and parts[1] == "v2"):
            data = self.openings.named(parts[-1], checked(body), by_name=len(parts) == 3)
            await self.keep(Question(parts[-1], written(data)), send)
        else:
            raise Refusal("not_found")

    async def together(
        self, scope: Scope, path: str, clean: dict[str, Any], send: Send, words: Words
    ) -> None:
        """A question of the page: many who ask the very same at one time are answered by one computation.

        A class that opens the same link does. An answer depends on its question alone, and none is kept:
        who comes when it is done computes anew.
        """
        body = written(clean | {"session_hash": SESSION})

        async def compute() -> Collected:
            assert self.openings is not None
            if self.openings.direct is not None and "fn_name" in clean:
                return await self.openings.direct.answer(clean, words)
            return await self.collected(scope, body, words)

        key = path, body, words.language
        await (await self.flights.once(key, compute)).pass_to(send)

    async def keep(self, question: Question, send: Send) -> None:
        await respond(send, 200, {"event_id": self.waiting.put(question)})

    async def read_answer(self, scope: Scope, path: str, session: str, send: Send, words: Words) -> None:
        """Compute what was asked, now that somebody reads it."""

        async def compute(name: str, data: bytes) -> tuple[bool, Any]:
            got = await self.compute(scope, name, read_json(data), words)
            told = got.json()
            return (True, told["data"]) if got.status == 200 else (False, told["error"])

        if path.startswith(f"{API}queue/data"):
            stream = session_stream(session[:NAME], self.waiting, compute)
        else:
            question = self.waiting.take(path.removesuffix("/").rsplit("/", 1)[1])
            if question is None:
                raise Refusal("no_such_call")
            stream = call_stream(question, compute)
        kind = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        async for part in stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def compute(self, scope: Scope, name: str, data: list[Any], words: Words) -> Collected:
        """One call of the API by Gradio; the answer is whole before anybody's slow line is served."""
        if self.in_line >= IN_LINE:
            await tell(got := Collected(), 503, words("errors.busy"))
            return got
        self.places = self.places or asyncio.Semaphore(AT_ONCE)
        path = f"{scope.get('root_path', '') or ''}{API}run/{name}"
        headers = [(k, v) for k, v in scope["headers"] if k not in (b"accept-encoding", b"content-type")]
        headers.append((b"content-type", b"application/json"))
        inner = {**scope, "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}
        self.in_line += 1
        try:
            async with self.places:
                return await self.collected(inner, written({"data": data, "session_hash": SESSION}), words)
        finally:
            self.in_line -= 1

    async def collected(self, scope: Scope, body: bytes, words: Words) -> Collected:
        """Gradio's whole answer, also where the asker has gone; a refusal is no failure of ours."""
        got, refused = Collected(), list[Refusal]()
        REFUSALS.set(refused)
        await self.pass_on(scope, body, None, in_sentences(got, words))
        if refused and got.status >= 400:  # one that was told of within an answer is no failure
            got.start["status"] = STATUS.get(refused[0].key, 422)
        return got

    async def pass_on(self, scope: Scope, body: bytes, receive: Receive | None, send: Send) -> None:
        """Give Gradio a body that was written here; ``receive`` tells when the asker has gone."""
        headers = [(k, v) for k, v in scope["headers"] if k.lower() not in BODILESS]
        headers.append((b"content-length", str(len(body)).encode()))
        given = False

        async def once() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            if receive is None:
                await asyncio.Event().wait()
                raise AssertionError("never set")
            return await receive()

        await self.app({**scope, "headers": headers}, once, send)


def step_out(app: Any) -> None:
    """Put the gate before what Gradio puts before it: a CORS that lets any site read with credentials."""
    gates = [one for one in app.user_middleware if one.cls is Edge]
    others = [one for one in app.user_middleware if one.cls is not Edge]
    if app.user_middleware != gates + others:
        app.user_middleware = gates + others
        app.middleware_stack = app.build_middleware_stack()  # the requests that follow go through this one


def _language(scope: Scope) -> str:
    """The language of a sentence: what the asker's browser speaks first."""
    spoken = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    return "zh" if spoken[:2].lower() == b"zh" else LANGUAGES[0]
