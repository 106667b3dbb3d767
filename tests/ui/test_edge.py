"""What strangers may send: closed routes, capped bodies, malformed calls."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlparse

import pytest

from attention.ui import FIELDS
from attention.ui.edge import BODY_LIMIT

CLOSED = [
    ("POST", "/gradio_api/upload"),
    ("GET", "/gradio_api/upload_progress"),
    ("GET", "/gradio_api/queue/status"),
    ("GET", "/monitoring"),
    ("GET", "/monitoring/summary"),
    ("GET", "/gradio_api/file=/etc/passwd"),
    ("GET", "/gradio_api/proxy=http://127.0.0.1:1/"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("POST", "/gradio_api/vibe-edit"),
    ("GET", "/gradio_api/run-history/records"),
    ("POST", "/gradio_api/reset"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/gradio_api/stream/x"),
    ("PUT", "/"),
]
JUNK = [None, True, [], {}, "x" * 30_000, "nan", -1, 1e308, "<img src=x onerror=alert(1)>", "\ud800", [[[]]]]


def call(app_url, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(urlparse(app_url).netloc, timeout=30)
    connection.request(method, path, body, headers or {"content-type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_route_without_use_here_is_closed(app_url, method, path):
    status, _ = call(app_url, method, path, b"{}" if method == "POST" else None)
    assert status in (404, 405), status


def test_an_oversized_body_is_cut_off(app_url):
    status, _ = call(app_url, "POST", "/gradio_api/run/masks", b" " * (BODY_LIMIT + 1))
    assert status == 413


@pytest.mark.parametrize("name", FIELDS)
def test_every_endpoint_survives_junk_in_every_place(app_url, name):
    """A raw fuzz: whatever stands in a field, the answer is JSON, short, and tells no secrets."""
    defaults = [field.default for field in FIELDS[name]]
    calls = [[junk] * len(defaults) for junk in JUNK] + [[], [1] * 50, {"a": 1}, None, "x"]
    for place in range(len(defaults)):
        for junk in JUNK:
            calls.append([*defaults[:place], junk, *defaults[place + 1 :]])
    for data in calls:
        body = json.dumps({"data": data}).encode()
        status, answer = call(app_url, "POST", f"/gradio_api/run/{name}", body)
        text = answer.decode()
        assert status in (200, 422, 500), (status, data)
        json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in an answer"))
        if status != 200:
            assert len(text) < 1000
            for secret in ("Traceback", "/work", "site-packages", ".py", "<img"):
                assert secret not in text, text


@pytest.fixture(scope="module")
def server_functions(app_url):
    """(component id, function name) of every question that the page may ask, both languages."""
    config = json.loads(call(app_url, "GET", "/config")[1])
    pages = [config, json.loads(call(app_url, "GET", "/zh/config")[1])] if "page" not in config else [config]
    found = {(c["id"], name) for page in pages for c in page["components"]
             for name in c["props"].get("server_fns") or []}  # fmt: skip
    assert len(found) >= 2 * 3 * len(FIELDS)  # draw, sheet and export of each tab in each language
    return sorted(found)


def test_every_question_of_the_page_survives_junk(app_url, server_functions):
    """As above, for the server functions: junk for the question, its inputs, and what stands in them."""
    inputs = [{"inputs": junk, "panel": junk, "row": junk, "column": junk, "format": junk} for junk in JUNK]
    for component, name in server_functions:
        for data in [*JUNK, *inputs, {"inputs": {}}]:
            body = {"data": data, "component_id": component, "fn_name": name, "session_hash": "junk"}
            status, answer = call(app_url, "POST", "/gradio_api/component_server", json.dumps(body).encode())
            text = answer.decode()
            told = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in an answer"))
            assert status == 200, (name, data, text[:300])
            # pitfalls take no inputs, and missing inputs are the tab's own
            refused = name != "pitfalls" and not (isinstance(data, dict) and data.get("inputs", {}) == {})
            assert list(told) == ["error"] or not refused, (name, data, text[:300])
            for secret in ("Traceback", "/work", "site-packages", ".py", "<img", "reference"):
                assert secret not in text, (name, data, text)


def test_malformed_bodies_are_refused(app_url):
    for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"data": ' + b"[" * 2000 + b"]" * 2000 + b"}"):
        status, answer = call(app_url, "POST", "/gradio_api/run/masks", body)
        assert status >= 400 and b"Traceback" not in answer
