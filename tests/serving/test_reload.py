"""``gradio app.py``, as somebody who changes the app would start it: a change is on the page soon after."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.serving.processes import ROOT, free_port


def config(port: int) -> dict:
    """What the page is built from, or nothing while there is no page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=30) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return {}


def masks(port: int) -> dict:
    """One answer of the app."""
    body = json.dumps({"data": ["3 1 2\n2 1", "none", 2, 0]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/gradio_api/run/masks", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"][0]


def wait_for(port: int, title: str, patience: float = 240.0) -> None:
    end = time.monotonic() + patience
    while config(port).get("title") != title:
        assert time.monotonic() < end, f"no page with the title {title!r}"
        time.sleep(0.5)


def test_gradio_app_py_shows_a_change(tmp_path):
    for name in ("attention", "assets"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    app = tmp_path / "app.py"
    shutil.copy(ROOT / "app.py", app)
    port = free_port()
    command = [Path(sys.executable).with_name("gradio"), "app.py", "--", "--port", str(port)]
    given = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    given.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        command, cwd=tmp_path, env=given, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(port, "Attention Matchmaker")
        before = masks(port)
        app.write_text(
            app.read_text("utf-8").replace("demo = build()\n", 'demo = build()\ndemo.title = "Changed"\n')
        )
        wait_for(port, "Changed")
        assert masks(port)["weights"] == before["weights"]
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the command and the app that it started
        process.wait()
