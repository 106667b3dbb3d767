"""What every visitor gets alike: pages, scripts and styles, kept ready and compressed once.

Gradio writes its page anew for each visitor (a copy of 0.7 MB of settings), sends it as it is, and
compresses each of a hundred files at every request. Here an answer is made once, kept compressed, and told
how long a browser may keep it: a file whose name holds a hash of its bytes for ever, everything else until
asked whether it still holds (``ETag``, answered 304). Two things of a page are written otherwise than by
Gradio: our script and style are files (``Own``) instead of a string in its settings, and the files that the
page is going to ask for step by step are named at its top, so that they come at once.

Nothing here differs between visitors; what would (the address a page is asked at) is in the key.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import brotli
import gradio

from .flights import Flights
from .replies import Collected, Send
from .texts import CLASS

if TYPE_CHECKING:
    from .firsts import Firsts

FOREVER = b"public, max-age=31536000, immutable"
ASKED = b"no-cache"  # keep it, and ask each time whether it still holds
BYTES, LARGEST, PAGES = 32_000_000, 2_000_000, 24  # kept: files together, one file, pages
WORTH = 400  # bytes from which compressing pays
QUALITY = 5  # of brotli: a page in 15 ms to a sixth of its size; 11 takes a second for a fifth less
HASHED = re.compile(r"/assets/.*-[A-Za-z0-9_-]{8}\d?\.(?:js|css|woff2|svg|png)|/am-[0-9a-f]{16}\.(?:js|css)")
COMPRESSIBLE = (b"text/", b"application/j", b"application/manifest", b"image/svg")  # j: javascript, json
PAGE_PATHS = frozenset(
    {"/", "/en", "/zh", "/zh/"} | {f"/{name}{end}" for name in CLASS.values() for end in ("", "/")}
)
SINGLE = frozenset(
    {
        "/config",
        "/zh/config",
        *(f"/{name}/config" for name in CLASS.values()),
        "/theme.css",
        "/gradio_api/theme.css",
        "/manifest.json",
    }
)
FOLDERS = ("/assets/", "/static/", "/svelte/", "/am-")
KINDS = {".js": b"text/javascript; charset=utf-8", ".css": b"text/css; charset=utf-8"}
FORWARDED = (b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port", b"x-forwarded-prefix")
TELLS_ADDRESS = (b"host", *FORWARDED)  # what the address in a page is made of

Scope = MutableMapping[str, Any]
Fetch = Callable[[Scope, Send], Awaitable[None]]


@dataclass(frozen=True)
class Own:
    """Our script and style, each a file named by the hash of its bytes."""

    files: dict[str, bytes]

    @staticmethod
    def of(script: str, style: str) -> Own:
        """Both as UTF-8, to be asked for as ``/am-HASH.js`` and ``/am-HASH.css``."""
        texts = {".js": script.encode(), ".css": style.encode()}
        return Own({f"am-{_hash(body)}{kind}": body for kind, body in texts.items()})

    def named(self, kind: str) -> str:
        """The name of the script (".js") or the style (".css")."""
        return next(name for name in self.files if name.endswith(kind))


@dataclass(frozen=True)
class Kept:
    """An answer by the ways it may be sent: as it is, or compressed."""

    bodies: dict[bytes, bytes]
    kind: bytes
    tag: bytes
    lasting: bytes

    @property
    def size(self) -> int:
        return sum(map(len, self.bodies.values()))


class Shelf:
    """Answers by path (and address); ``serve`` sends one, and asks Gradio for it the first time."""

    def __init__(self, own: Own | None = None, firsts: Firsts | None = None) -> None:
        self.own, self.firsts = own, firsts
        self.pictures: Flights[bytes | None] = Flights()
        self._files: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
        self._pages: OrderedDict[tuple[Any, ...], Kept] = OrderedDict()
        for name, body in (own.files if own else {}).items():
            self._files[(f"/{name}",)] = kept_of(body, KINDS[Path(name).suffix], FOREVER)

    def holds(self, path: str) -> bool:
        """Whether a path is the shelf's matter."""
        return path in PAGE_PATHS or path in SINGLE or path.startswith(FOLDERS)

    async def serve(
        self, scope: Scope, path: str, send: Send, fetch: Fetch, link: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Answer GET or HEAD of ``path``; ``fetch`` asks Gradio. link: what the page's query names."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        of_address = path in PAGE_PATHS or path.endswith("config")
        shelf, key = self._files, (path,)
        place = self.firsts.place(path, link) if self.firsts and path in PAGE_PATHS else None
        picture: bytes | None = None
        if of_address:
            address = tuple(headers.get(name, b"") for name in TELLS_ADDRESS)
            asked = (scope.get("scheme"), scope.get("root_path"), scope.get("query_string"), *address)
            shelf, key = self._pages, (path, place, *asked)
            if place and self.firsts and key not in shelf:
                # a class opens one link at one time
                picture = await self.pictures.once(
                    place, partial(asyncio.to_thread, self.firsts.script, place)
                )
                if picture is None:  # not yet: the page as it is without, and next time anew
                    key = (path, None, *asked)
        found = shelf.get(key)
        if found is None:
            left = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
            plain = [(name, value) for name, value in scope["headers"] if name.lower() not in left]
            got = Collected()
            await fetch({**scope, "method": "GET", "headers": plain}, got)
            body = b"".join(got.parts)
            size = len(body)
            if got.status != 200 or len(body) > LARGEST:
                await got.pass_to(send)
                return
            if path in PAGE_PATHS and self.own:
                body = with_files(body, self.own, picture or b"")
            told = dict(got.start.get("headers", []))
            if not got.whole or int(told.get(b"content-length", size)) != size:
                raise ConnectionError(f"{path} came in part, and must not be kept so")
            lasting = FOREVER if HASHED.fullmatch(path) else ASKED
            found = kept_of(body, told.get(b"content-type", b"application/octet-stream"), lasting)
            shelf[key] = found
            self._forget()
        else:
            shelf.move_to_end(key)
        await _send(found, headers, scope["method"], send)

    def _forget(self) -> None:
        while len(self._pages) > PAGES:
            self._pages.popitem(last=False)
        while sum(one.size for one in self._files.values()) > BYTES:
            self._files.popitem(last=False)


def kept_of(body: bytes, kind: bytes, lasting: bytes) -> Kept:
    """A body in all the ways it may be sent."""
    bodies = {b"": body}
    if len(body) >= WORTH and kind.startswith(COMPRESSIBLE):
        bodies[b"br"] = brotli.compress(body, quality=QUALITY)
        bodies[b"gzip"] = gzip.compress(body, 6, mtime=0)
    return Kept(bodies, kind, b'"' + _hash(body).encode() + b'"', lasting)


async def _send(kept: Kept, headers: dict[bytes, bytes], method: str, send: Send) -> None:
    way = encoding_for(headers.get(b"accept-encoding", b""), kept.bodies)
    told = [(b"etag", kept.tag), (b"cache-control", kept.lasting), (b"vary", b"Accept-Encoding")]
    same = {one.strip().removeprefix(b"W/") for one in headers.get(b"if-none-match", b"").split(b",")}
    if kept.tag in same:
        await send({"type": "http.response.start", "status": 304, "headers": told})
        await send({"type": "http.response.body", "body": b""})
        return
    body = kept.bodies[way]
    told += [(b"content-type", kept.kind), (b"content-length", str(len(body)).encode())]
    told += [(b"content-encoding", way)] * bool(way)
    await send({"type": "http.response.start", "status": 200, "headers": told})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def encoding_for(accepted: bytes, ways: Iterable[bytes]) -> bytes:
    """The best of some encodings that a browser takes; b"" for none, which every one takes."""
    taken = {}
    for one in accepted.lower().split(b","):
        name, _, weight = one.partition(b";")
        taken[name.strip()] = weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return next((way for way in (b"br", b"gzip") if way in ways and taken.get(way)), b"")


MODULE = re.compile(rb'<script type="module"[^>]* src="([^"]*)assets/[^"]*">')
BODY = re.compile(rb"<body\b[^>]*>")
FIRST = b"<script>AttentionMatchmaker.firstPicture(%s);</script>"  # before Gradio starts (page/first.js)
THEME = re.compile(rb'"theme_hash": ?"([0-9a-f]+)"')
TYPES = re.compile(rb'"type": ?"(\w+)"')


def with_files(page: bytes, own: Own, picture: bytes = b"") -> bytes:
    """A page of Gradio's with our script before Gradio's own, and what it will need named beforehand.

    picture: the first one of the page's link, as JSON (firsts.py); without, the first tab's.

    A page of another make (another version's, gradio.live's) still gets the script.
    """
    found = MODULE.search(page)
    start, prefix = (found.start(), found[1]) if found else (page.find(b"</head>"), b"./")
    if start < 0:
        return page
    lines = [b'<script src="%s%s"></script>' % (prefix, own.named(".js").encode())]
    sheet = b'<link rel="stylesheet" href="%s%s">'  # the first picture is drawn before Gradio names them
    style = b'<link rel="preload" as="style" crossorigin href="%sassets/%s">'
    module = b'<link rel="modulepreload" crossorigin href="%sassets/%s">'
    last = [sheet % (prefix, own.named(".css").encode())]  # after Gradio's reset, which it undoes in parts
    if found:
        if theme := THEME.search(page):
            last.insert(0, sheet % (prefix, b"theme.css?v=" + theme[1]))
        for name in files_of(frozenset(one.decode() for one in TYPES.findall(page))):
            lines.append((style if name.endswith(".css") else module) % (prefix, name.encode()))
    end = page.find(b"</head>", start)
    page = page[:start] + b"".join(lines) + page[start:end] + b"".join(last) + page[end:]
    return BODY.sub(lambda body: body[0] + FIRST % picture, page, count=1)


FOLDER = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
LISTED = re.compile(r"__vite__mapDeps=.*?\[((?:\"[^\"]+\",?)+)\]")
# what imports what, step by step: the page's script, the app's frame, and each type of component
STEPS = (("index", r"import\(`\./Index-[^`]*`\),__vite__mapDeps\(\[([\d,]+)\]\)"),
         ("Index", r"import\(`\./Blocks-[^`]*`\)[^\[]*?__vite__mapDeps\(\[([\d,]+)\]\)"))  # fmt: skip
TYPE = r"[{,]%s:\{(?:example:[^{}]*?)?component:[^{}]*?__vite__mapDeps\(\[([\d,]+)\]\)"


@cache
def files_of(types: frozenset[str]) -> tuple[str, ...]:
    """The files of Gradio's that a page with components of these types asks for, as its scripts list them.

    A script's build lists all files that it may need, and each import the numbers of those it does:
    ``slider:{...component:()=>v(()=>import(`./FILE`),__vite__mapDeps([1,2,8])``. Files that are listed
    otherwise (in another version) are left out, and come as late as they would.
    """
    wanted: dict[str, None] = {}
    for start, pattern in (*STEPS, *(("core", TYPE % re.escape(one)) for one in sorted(types))):
        wanted |= dict.fromkeys(_imported(start, pattern))
    return tuple(name for name in wanted if (FOLDER / name).is_file())


def _imported(start: str, pattern: str) -> list[str]:
    """The files behind the first import like ``pattern`` in the scripts whose name starts so."""
    for names, text in _scripts(start):
        if found := re.search(pattern, text):
            return [names[int(at)] for at in found[1].split(",") if int(at) < len(names)]
    return []


@cache
def _scripts(start: str) -> list[tuple[list[str], str]]:
    """(the files it lists, its text) of Gradio's scripts ``start-HASH.js``."""
    texts = [path.read_text("utf-8") for path in sorted(FOLDER.glob(f"{start}-*.js"))]
    lists = [(LISTED.search(text), text) for text in texts]
    return [(re.findall(r'"(?:\./|assets/)?([^"]+)"', found[1]), text) for found, text in lists if found]


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
