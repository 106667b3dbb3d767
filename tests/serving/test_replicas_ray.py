"""The same session in front of two replicas that Ray Serve started. Optional: needs ``ray[serve]``."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.serving import test_replicas
from tests.serving.processes import Server, descendants, free_port, listening

BALANCER = "ray"


def test_optional_ray_session_survives_the_loss_of_a_replica(open_page, replicas):
    test_replicas.test_a_session_survives_the_loss_of_a_replica(open_page, replicas)


# 127.0.0.1, ::1 and ::ffff:127.0.0.1 as /proc/net writes them
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}

STRANGER = """
import os, sys
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else it knocks at the machine's own address
import ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False)
    print("let in")
except Exception as error:  # AuthenticationError, or since 2.60 ConnectionError after it was told so
    print(type(error).__name__)
"""


def test_optional_ray_keeps_to_loopback_asks_for_a_token_and_ends_on_sigterm():
    pytest.importorskip("ray", reason='optional: ray not installed (pip install "ray[serve]")')
    port = free_port()
    options = ["--replicas", "1", "--cpus", "0.5", "--port", str(port)]
    with ExitStack() as stack:
        command = [sys.executable, "-m", "attention.ui.serving", *options]
        server = stack.enter_context(Server(command, port, patience=500))
        stack.callback(server.interrupt)  # whatever fails here, Ray ends what it started
        mine = [server.process.pid, *descendants(server.process.pid)]
        open_ports = listening(mine)
        assert port in {number for _, number in open_ports}
        assert {address for address, _ in open_ports} <= LOOPBACK, open_ports
        head = next(pid for pid in mine if "gcs_server" in Path(f"/proc/{pid}/cmdline").read_text())
        [gcs] = {number for _, number in listening([head])}
        stranger = [sys.executable, "-c", STRANGER, f"127.0.0.1:{gcs}"]
        answer = subprocess.run(stranger, capture_output=True, text=True, timeout=200)
        said = answer.stdout + answer.stderr
        assert "let in" not in said and "Authentication" in said, said[-1000:]
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(90)
        end = time.monotonic() + 30
        while left := [pid for pid in mine if Path(f"/proc/{pid}").exists()]:
            assert time.monotonic() < end, left
            time.sleep(0.5)
        assert server.process.returncode == 0
