"""Pages, scripts and styles: the same bytes however they are sent, kept by browsers, made once."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import re
from pathlib import Path
from urllib.parse import urlparse

import brotli
import pytest

from attention.ui import TABS, build, own
from attention.ui.page import shelf
from attention.ui.page.firsts import Firsts
from attention.ui.page.guard import Refusal
from attention.ui.page.steps import lesson_of
from attention.ui.page.tab import example_values


def get(app_url, path, method="GET", **headers):
    connection = http.client.HTTPConnection(urlparse(app_url).netloc, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    answer = connection.getresponse()
    return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()


def page_files(app_url, path="/"):
    """What a page names at its top."""
    page = get(app_url, path)[2].decode()
    return page, re.findall(r'(?:href|src)="\./([^"]+\.(?:js|css))"', page)


@pytest.mark.parametrize("path", ["/", "/zh", "/config"])
def test_a_page_is_the_same_however_it_is_sent(app_url, path):
    plain, told, sent = get(app_url, path)[2], *get(app_url, path, accept_encoding="gzip, deflate, br")[1:]
    assert told["content-encoding"] == "br" and brotli.decompress(sent) == plain
    assert len(sent) < 60_000 and int(told["content-length"]) == len(sent)
    told, sent = get(app_url, path, accept_encoding="gzip")[1:]
    assert told["content-encoding"] == "gzip" and gzip.decompress(sent) == plain
    assert "content-encoding" not in get(app_url, path, accept_encoding="br;q=0, identity")[1]
    assert get(app_url, path, "HEAD")[2] == b""


def test_a_page_that_still_holds_is_not_sent_again(app_url):
    told = get(app_url, "/")[1]
    assert told["cache-control"] == "no-cache" and "accept-encoding" in told["vary"].lower()
    status, again, body = get(app_url, "/", if_none_match=f'"x", W/{told["etag"]}')
    assert status == 304 and body == b"" and again["etag"] == told["etag"]
    assert "content-security-policy" in again and get(app_url, "/", if_none_match='"x"')[0] == 200


def test_everything_a_page_names_is_there_for_ever(app_url):
    for path in ("/", "/zh"):
        page, files = page_files(app_url, path)
        assert len(files) > 30, "Gradio lists the files of its components otherwise now: see shelf.files_of"
        for name in files:
            status, told, _ = get(app_url, f"/{name}")
            assert status == 200 and told["cache-control"] == shelf.FOREVER.decode(), name
        script = own().named(".js")
        assert page.index(script) < page.index('<script type="module"'), "our script comes before Gradio's"
        assert page.count(own().named(".css")) == 2  # named beforehand, and in what Gradio adds


def test_a_page_holds_the_address_it_was_asked_at(app_url):
    host = urlparse(app_url).netloc
    a, b = (get(app_url, "/", host=name)[2].decode() for name in (host, f"localhost:{host.split(':')[1]}"))
    assert host in a and host not in b


def test_files_of_all_kinds_of_components_are_found():
    kinds = (
        "accordion checkbox column dropdown form html markdown number radio row slider tabitem tabs textbox"
    )
    for kind in kinds.split():
        assert any(name.startswith("Index-") for name in shelf.files_of(frozenset([kind]))), kind


def test_what_fails_is_not_kept_and_what_is_kept_is_bounded(monkeypatch):
    asked, said = [], []

    async def fetch(scope, send):
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 404 if "no" in scope["path"] else 200,
                    "headers": [(b"content-type", b"text/css")]})  # fmt: skip
        await send({"type": "http.response.body", "body": scope["path"].encode() * 100})

    async def send(message):
        said.append(message)

    monkeypatch.setattr(shelf, "BYTES", 10_000)
    one = shelf.Shelf()

    def ask(path):
        said.clear()
        scope = {"method": "GET", "headers": [(b"host", b"a")], "path": path}
        asyncio.run(one.serve(scope, path, send, fetch))
        return said[0]["status"]

    assert [ask("/assets/no.css"), ask("/assets/no.css")] == [404, 404] and len(asked) == 2
    assert [ask("/assets/a.css"), ask("/assets/a.css")] == [200, 200] and len(asked) == 3
    for i in range(50):
        ask(f"/assets/{i}.css")
    assert sum(kept.size for kept in one._files.values()) <= 10_000
    for i in range(50):
        asyncio.run(
            one.serve({"method": "GET", "headers": [(b"host", b"%d" % i)], "path": "/"}, "/", send, fetch)
        )
    assert len(one._pages) == shelf.PAGES


def test_a_file_that_came_in_part_is_not_kept():
    """Whoever asked first may leave while it is sent; the others would have half a script for a year."""

    async def fetch(scope, send):
        headers = [(b"content-type", b"text/javascript"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def send(message):
        raise AssertionError("half a file was sent")

    one = shelf.Shelf()
    with pytest.raises(ConnectionError):
        scope = {"method": "GET", "headers": [], "path": "/assets/a.js"}
        asyncio.run(one.serve(scope, "/assets/a.js", send, fetch))
    assert not one._files


def test_few_events_for_gradio_to_look_through():
    """It looks through all of them for each component when a page starts; there were 325."""
    config = build().config
    assert len(config["dependencies"]) < 160
    assert sum(len(str(part)) for part in config["dependencies"]) < 150_000


def test_an_example_is_chosen_by_its_number():
    for tab in TABS:
        for i, (_, changes) in enumerate(tab.examples):
            values = example_values(tab, str(i))
            assert {name: values[name] for name in changes} == dict(changes)
        for which in ("", "-1", str(len(tab.examples)), "1e0", None, 0):
            with pytest.raises(Refusal):
                example_values(tab, which)


def test_the_script_is_one_file_named_by_its_bytes():
    again = shelf.Own.of("a", "b"), shelf.Own.of("a", "b"), shelf.Own.of("c", "b")
    assert again[0] == again[1] and again[0].named(".js") != again[2].named(".js")
    assert all(re.fullmatch(r"am-[0-9a-f]{16}\.(js|css)", name) for name in own().files)
    assert Path(own().named(".css")).suffix == ".css"


def test_a_plain_link_comes_with_its_first_picture(app_url):
    """Painted before Gradio has started; any other link's is asked for, and so is a model's on its way."""
    told = {
        query: get(app_url, f"/{query}")[2].decode()
        for query in ("", "?tab=masks&step=2", "?tab=masks&text=x")
    }
    pictures = {query: re.search(r"firstPicture\((.*?)\);</script>", page)[1] for query, page in told.items()}
    assert pictures[""] == pictures["?tab=masks&text=x"] == ""
    shown = json.loads(pictures["?tab=masks&step=2"])
    step = lesson_of(next(tab for tab in TABS if tab.id == "masks"), "en")[1]
    assert (shown["tab"], shown["step"], shown["inputs"]) == ("masks", 2, step.inputs)
    assert set(step.panels) <= {panel["id"] for panel in shown["panels"]}
    firsts = Firsts(TABS)
    assert firsts.place("/zh", [("tab", "masks"), ("lang", "zh")]) == ("zh", "masks", 1)
    assert firsts.place("/zh", [("step", "2")]) == ("zh", TABS[0].id, 2)
    for given in ([("tab", "none")], [("tab", "masks"), ("embed", "1")]):
        assert firsts.place("/", given) is None
    assert firsts.place("/class", [("tab", "masks")]) is None
    assert firsts.place("/", [("tab", "masks"), ("step", "free")]) is None


def test_what_a_learner_cannot_read_yet_does_not_end_the_script():
    """A step's text holds no markup of its own; were one written into it, it stays text."""
    script = Firsts(TABS).script(("zh", "masks", 1))
    assert script is not None and b"<" not in script and json.loads(script)["language"] == "zh"
