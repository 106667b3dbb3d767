"""Servers as child processes on loopback: started, watched and ended by their own process id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _stat(pid: int) -> list[str]:
    try:
        # the name in parentheses may hold spaces
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["X", "0", *["0"] * 20]


def cpu_of(pid: int) -> float:
    """Processor seconds used by a process so far (Linux); 0 for one that is gone."""
    parts = _stat(pid)
    return (int(parts[11]) + int(parts[12])) / TICK


def command_of(pid: int) -> str:
    """A process's command line or title (Linux)."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they started (Linux)."""
    parent = {int(p.name): int(_stat(int(p.name))[1]) for p in Path("/proc").iterdir() if p.name.isdigit()}
    found = [pid]
    for each in found:
        found += [child for child, its in parent.items() if its == each]
    return found[1:]


def listening(pids: Sequence[int]) -> list[tuple[str, int]]:
    """(address in hexadecimal as the kernel writes it, port) of every TCP socket on which these processes
    listen (Linux)."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    inodes.add(os.readlink(file))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, port = fields[1].split(":")
                found.append((address, int(port, 16)))
    return found


class Server:
    """A command that serves HTTP at a port; a context manager that waits for its first answer.

    seconds: from the start of the process to its first whole answer. cpu_at_start: processor
    seconds used until then.
    """

    def __init__(self, command: Sequence[str], port: int, patience: float = 180.0) -> None:
        self.url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
        start = time.perf_counter()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        while not self.answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"{command} ended: {self.process.stderr.read()[-2000:]}")
            if time.perf_counter() - start > patience:
                self.end()
                raise RuntimeError(f"{command} did not answer in {patience} s")
            time.sleep(0.02)
        self.seconds = time.perf_counter() - start
        self.cpu_at_start = self.cpu()

    def answers(self) -> bool:
        """Whether the address gives a whole page now."""
        try:
            with urllib.request.urlopen(self.url, timeout=60) as answer:
                return bool(answer.read()) and answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def rss(self) -> int:
        """Bytes of memory in use by the process (Linux)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

    def cpu(self) -> float:
        """Processor seconds used by the process so far."""
        return cpu_of(self.process.pid)

    def interrupt(self, patience: float = 60.0) -> None:
        """As Ctrl-C: let the process end what it started."""
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)

    def end(self) -> None:
        """Kill the process, as a machine would fail."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def app_server(port: int | None = None) -> Server:
    """``python app.py`` at a port."""
    port = port or free_port()
    return Server([sys.executable, "app.py", "--port", str(port)], port)


TRIVIAL = """
import sys
import torch
import gradio as gr
with gr.Blocks() as demo:
    number, twice = gr.Number(), gr.Number()
    number.input(lambda x: 2 * x, number, twice, queue=False, api_name="twice")
demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True, ssr_mode=False,
            run_history=False)
"""


def trivial_server(port: int | None = None) -> Server:
    """The smallest Gradio app with one handler, importing what ours must: gradio and torch."""
    port = port or free_port()
    return Server([sys.executable, "-c", TRIVIAL, str(port)], port)


EMPTY = """
import sys
import torch
import gradio as gr
with gr.Blocks() as demo:
    pass
demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
"""


def empty_server(port: int | None = None) -> Server:
    """An empty Blocks that imports gradio and torch."""
    port = port or free_port()
    return Server([sys.executable, "-c", EMPTY, str(port)], port)
