"""What strangers may send: closed routes, capped bodies, files, malformed calls, forged headers."""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlparse

import pytest

from attention.ui import FIELDS, TABS
from attention.ui.page import headers
from attention.ui.page.bounds import SMALL
from attention.ui.page.edge import BODY_LIMIT
from attention.ui.page.guard import Refusal, sentence_for
from attention.ui.page.texts import words_for

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
    ("OPTIONS", "/gradio_api/run/masks"),
    ("GET", "/gradio_api/heartbeat/me"),
    ("GET", "/gradio_api/deep_link?session_hash=a"),
    ("GET", "/assets/../../../../etc/passwd"),
    ("GET", "/assets/%00"),
    ("GET", "/assets/" + "a" * 3000),
    ("GET", "/gradio_api/call/masks/nothing"),
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
        assert status in (200, 413, 422, 503), (status, data)  # 500 is a failure of ours
        json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in an answer"))
        if status != 200:
            assert len(text) < 1000
            assert json.loads(text)["error"]
            for secret in ("Traceback", "/work", "site-packages", ".py", "<img", "Reference"):
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
            large = isinstance(data, dict) and len(json.dumps(data)) > SMALL - 1000
            assert status == (413 if large else 200), (name, data, text[:300])
            if large:
                continue
            # pitfalls and lessons take no inputs, and missing inputs are the tab's own
            free = name in ("pitfalls", "lesson")
            refused = not free and not (isinstance(data, dict) and data.get("inputs", {}) == {})
            assert list(told) == ["error"] or not refused, (name, data, text[:300])
            for secret in ("Traceback", "/work", "site-packages", ".py", "<img", "reference"):
                assert secret not in text, (name, data, text)


def test_malformed_bodies_are_refused(app_url):
    deep = b'{"data": ' + b"[" * 3000 + b"]" * 3000 + b"}"
    for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", deep, b'{"data": NaN}'):
        for path in (
            "run/masks",
            "call/masks",
            "call/v2/masks",
            "queue/join",
            "component_server",
            "run/predict",
        ):
            if (body, path) in ((b"[]", "call/v2/masks"), (b'"x"', "call/v2/masks")):
                continue  # no input by name: all by default
            status, answer = call(app_url, "POST", f"/gradio_api/{path}", body)
            assert status >= 400 and b"Traceback" not in answer
            assert json.loads(answer)["error"], (path, body)


def post(app_url, path, value, **headers):
    sent = {"content-type": "application/json"} | headers
    status, answer = call(app_url, "POST", f"/gradio_api/{path}", json.dumps(value).encode(), sent)
    return status, json.loads(answer)


@pytest.fixture(scope="module")
def bait():
    """An address that remembers who came to fetch it."""
    fetched = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            fetched.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"fetched")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/big", fetched
    server.shutdown()


def files_in(folder):
    return {path for path in Path(folder).rglob("*") if path.is_file()}


@pytest.mark.parametrize("meta", [{"_type": "gradio.FileData"}, {}, None, "x"])
def test_nothing_is_fetched_and_nothing_written_for_an_address(app_url, server_functions, bait, meta):
    address, fetched = bait
    file = {"path": address, "url": address, "meta": meta}
    folder = Path(tempfile.gettempdir()) / "gradio"
    before = files_in(folder)
    component, name = server_functions[0]
    config = json.loads(call(app_url, "GET", "/config")[1])
    number = next(d["id"] for d in config["dependencies"] if d["api_name"] == "masks")
    for value in (file, [file], {"deep": [{"er": file}]}):
        for path, body in (
            ("run/masks", {"data": [value]}),
            ("run/predict", {"data": [value], "fn_index": 158}),
            ("call/masks", {"data": [value]}),
            ("call/v2/masks", {"text": value}),
            ("queue/join", {"data": [value], "fn_index": number, "session_hash": "s"}),
            ("component_server", {"data": {"inputs": {"text": value}}, "component_id": component,
                                  "fn_name": name, "session_hash": "s"}),
        ):  # fmt: skip
            status, told = post(app_url, path, body)
            assert status == 422 and told["error"] == words_for("en")("errors.no_files"), (path, told)
    assert not fetched and files_in(folder) == before


def test_a_file_in_a_form_is_not_taken(app_url):
    form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\nhello\r\n--x--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x"}
    status, answer = call(app_url, "POST", "/gradio_api/component_server", form, kind)
    assert status == 415 and json.loads(answer)["error"]


def test_a_question_is_small_and_only_a_training_brings_more(app_url, server_functions):
    lists = b'{"data": [' + b"[]," * 1_300_000 + b"1]}"
    for path in ("run/masks", "call/masks", "queue/join"):
        start = time.perf_counter()
        assert call(app_url, "POST", f"/gradio_api/{path}", lists)[0] == 413
        assert time.perf_counter() - start < 5  # it was read for 4 to 6 s
    trainers = [one for one in server_functions if one[1] == "train"]
    assert trainers
    component = trainers[0][0]

    def asked(data, name="train"):
        body = {"data": data, "component_id": component, "fn_name": name, "session_hash": "s"}
        return post(app_url, "component_server", body)

    state = "A" * 2_700_000
    status, told = asked({"inputs": {"mode": "train"}, "state": state, "step": 20})
    assert status == 200 and told == {"error": words_for("en")("errors.training_state")}
    assert asked({"inputs": {}, "state": state}, "draw")[0] == 404
    assert asked({"inputs": {}, "other": {"state": state}})[0] == 413
    assert asked({"inputs": {"text": "x" * 200_000}, "state": state})[0] == 413
    assert asked({"inputs": {}, "state": state, "more": [[]] * 20_000})[0] == 422
    assert asked({"inputs": {}, "state": "\0state"})[0] == 422


def test_structure_is_bounded_where_bytes_are_few(app_url):
    status, told = post(app_url, "run/masks", {"data": [[[]] * 11_000]})
    assert status == 422 and "10000" in told["error"]


def test_only_what_the_page_and_the_api_use_is_open(app_url, server_functions):
    config = json.loads(call(app_url, "GET", "/config")[1])
    component = server_functions[0][0]
    for event in config["dependencies"]:
        number = event["id"]
        named = event["api_visibility"] == "public"
        if event["backend_fn"] and not named:
            continue
        assert post(app_url, "run/predict", {"data": [], "fn_index": number})[0] == 404
    hidden = next(d for d in config["dependencies"] if d["backend_fn"] and d["api_visibility"] != "public")
    for path, body in (
        (f"run/{hidden['api_name']}", {"data": []}),
        (f"call/{hidden['api_name']}", {"data": []}),
        ("queue/join", {"data": [], "fn_index": hidden["id"], "session_hash": "s"}),
        ("run/nowhere", {"data": []}),
        ("run/predict", {"data": [], "fn_index": -1}),
        ("run/predict", {"data": [], "fn_index": True}),
        ("run/predict", {"data": [], "fn_index": 10**30}),
        (
            "component_server",
            {"data": {}, "component_id": component, "fn_name": "__class__", "session_hash": ""},
        ),
        ("component_server", {"data": {}, "component_id": component, "fn_name": "postprocess"}),
        ("component_server", {"data": {}, "component_id": -1, "fn_name": "draw", "session_hash": ""}),
        ("component_server", {"data": {}, "component_id": [], "fn_name": {}, "session_hash": ""}),
        ("queue/join", {"data": [], "fn_index": 0, "session_hash": None}),
    ):
        status, told = post(app_url, path, body)
        assert status == 404 and told["error"] == words_for("en")("errors.no_such_call"), (path, body, told)


def test_a_call_with_other_inputs_names_those_there_are(app_url):
    status, told = post(app_url, "run/masks", {"data": ["a"] * 5})
    assert status == 422 and "text, mask, sentence, extra" in told["error"]
    assert post(app_url, "run/masks", {"data": ["a b"]})[0] == 200  # the others by default
    assert "<b>" not in post(app_url, "call/v2/masks", {"tex\ud800\u202e": 1})[1]["error"]


def test_a_refused_event_of_the_page_is_no_failure_of_the_server(app_url):
    dependencies = json.loads(call(app_url, "GET", "/config")[1])["dependencies"]
    example = next(one for one in dependencies if len(one["inputs"]) == 1 and ["choose"] in [
        list(target[1:]) for target in one["targets"]])  # fmt: skip
    status, told = post(app_url, "run/predict", {"data": ["nowhere"], "fn_index": example["id"]})
    assert status == 400 and told["error"] == words_for("en")("errors.bad_request")


def test_a_refusal_speaks_the_askers_language(app_url):
    _, told = post(app_url, "run/nowhere", {"data": []}, **{"accept-language": "zh-CN,zh;q=0.9"})
    assert told["error"] == words_for("zh")("errors.no_such_call")


def test_an_overlong_address_is_refused_and_a_long_link_opens(app_url):
    assert call(app_url, "GET", "/?text=" + "x" * 50_000)[0] in (400, 414)
    assert call(app_url, "GET", "/?tab=masks&text=" + "x" * 29_000)[0] == 200
    assert call(app_url, "GET", "/?page=nowhere&deep_link=" + "../" * 99)[0] == 200
    assert call(app_url, "GET", "/config?deep_link=" + "x" * 5000)[0] == 200


FORGED = {
    "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "x-gradio-server": "https://evil.example",
    "Forwarded": "host=evil.example", "X-Forwarded-Prefix": "/evil",
}  # fmt: skip


def test_a_stranger_cannot_say_where_the_page_lives(app_url, monkeypatch):
    for path in ("/", "/config", "/zh", "/gradio_api/info"):
        for name, value in FORGED.items():
            assert b"evil" not in call(app_url, "GET", path, headers={name: value})[1], (path, name)
    assert call(app_url, "GET", "/", headers={"Host": 'a"><script>'})[0] == 400
    monkeypatch.setenv(headers.PROXY, "1")  # the host vouches for its proxy
    told = json.loads(call(app_url, "GET", "/config", headers={"X-Forwarded-Host": "class.example"})[1])
    assert told["root"] == "http://class.example"


def head_of(app_url, method, path, body=None, **sent):
    connection = http.client.HTTPConnection(urlparse(app_url).netloc, timeout=30)
    connection.request(method, path, body, {"content-type": "application/json"} | sent)
    answer = connection.getresponse()
    answer.read()
    return {name.lower(): value for name, value in answer.getheaders()}


def test_no_other_site_may_read_an_answer_and_every_answer_says_so(app_url):
    for method, path in (
        ("GET", "/"),
        ("GET", "/config"),
        ("POST", "/gradio_api/run/masks"),
        ("GET", "/none"),
    ):
        for origin in ("https://evil.example", "null", app_url):
            told = head_of(
                app_url, method, path, b'{"data": []}' if method == "POST" else None, Origin=origin
            )
            assert not [name for name in told if name.startswith("access-control")], told
            assert told["x-content-type-options"] == "nosniff"
            assert told["referrer-policy"] == "no-referrer"
            assert "default-src 'self'" in told["content-security-policy"]


@pytest.mark.parametrize(
    ("wish", "who"),
    [
        ("", "*"), ("none", "'none'"), ("https://a.edu; script-src *", "'none'"),
        ("https://a.edu https://*.b.org:8443", "'self' https://a.edu https://*.b.org:8443"),
        ("https://a.edu\r\nSet-Cookie: x", "'self' https://a.edu"),
    ],
)  # fmt: skip
def test_the_host_says_who_may_embed_the_page(monkeypatch, wish, who):
    monkeypatch.setenv(headers.EMBED, wish)
    told = dict(headers.told([]))[b"content-security-policy"].decode()
    given = next(part for part in told.split("; ") if part.startswith("frame-ancestors"))
    assert given == f"frame-ancestors {who}"


def test_the_log_holds_no_learners_text_no_colour_and_one_line(caplog):
    typed = "my secret\nERROR forged line \x1b[31mred"
    try:
        {}[typed]
    except KeyError as error:
        sentence = sentence_for(error, words_for("en"))
    [record] = caplog.records
    line = record.getMessage()
    assert "secret" not in caplog.text and "\x1b" not in caplog.text and "\n" not in line
    assert "KeyError" in line and "test_edge" in line
    assert line.split()[1].rstrip(":") in sentence


def test_an_error_of_gradios_own_is_a_sentence_and_leaves_no_text_in_the_log(app_url, monkeypatch, caplog):
    """Whatever fails inside reaches a stranger as a sentence with a reference."""
    masks = next(tab for tab in TABS if tab.id == "masks")

    def fail(*_):
        raise OSError("typed secret")

    monkeypatch.setattr(sys.modules[masks.scenes[""].study.__module__], "read_batch", fail)
    status, told = post(app_url, "run/masks", {"data": ["typed secret"]})
    assert status == 500 and "Reference" in told["error"]
    assert "secret" not in caplog.text


def test_one_refusal_is_one_status():
    from attention.ui.page.edge import STATUS

    for key in STATUS:
        assert Refusal(key, limit=1, seconds=1).sentence(words_for("zh"))
