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


def test_malformed_bodies_are_refused(app_url):
    for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"data": ' + b"[" * 2000 + b"]" * 2000 + b"}"):
        status, answer = call(app_url, "POST", "/gradio_api/run/masks", body)
        assert status >= 400 and b"Traceback" not in answer
