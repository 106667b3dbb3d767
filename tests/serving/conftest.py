"""Two replicas behind a balancer; the browser fixtures are those of tests/browser."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.conftest import browser, open_page  # noqa: F401
from tests.serving.processes import Server, app_server, command_of, cpu_of, descendants, free_port

TEMPLATE = Path(__file__).with_name("nginx.conf")


@dataclass
class Class:
    """An address that several replicas answer, and a way to end one of them."""

    url: str
    end_one: Callable[[], object]
    asked: Callable[[], dict[str, int]]  # replica -> requests it answered


def behind_nginx(stack: ExitStack, folder: Path) -> Class:
    """Two plain ``python app.py`` processes behind nginx, round robin."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if nginx is None:
        pytest.skip("optional: nginx is not installed")
    replicas = [stack.enter_context(app_server()) for _ in range(2)]
    names = [replica.url.removeprefix("http://") for replica in replicas]
    port, text = free_port(), TEMPLATE.read_text()
    servers = " ".join(f"server {name};" for name in names)
    for name, value in {"folder": str(folder), "port": str(port), "servers": servers}.items():
        text = text.replace(f"@{name}@", value)
    (folder / "nginx.conf").write_text(text)
    command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    front = stack.enter_context(Server(command, port))

    def asked() -> dict[str, int]:
        last = [line.split()[-1] for line in (folder / "access.log").read_text().splitlines()]
        return {name: last.count(name) for name in names}

    return Class(front.url, replicas[0].end, asked)


def behind_ray(stack: ExitStack) -> Class:
    """``python -m attention.ui.serving`` with two replicas."""
    try:
        from ray import serve  # noqa: F401
    except ImportError:
        pytest.skip('optional: ray not installed (pip install "ray[serve]")')
    port = free_port()
    options = ["--replicas", "2", "--cpus", "0.5", "--port", str(port)]
    command = [sys.executable, "-m", "attention.ui.serving", *options]
    server = stack.enter_context(Server(command, port, patience=500))
    stack.callback(server.interrupt)  # first, so that Ray ends what it started

    def replicas() -> list[int]:
        return [pid for pid in descendants(server.process.pid) if "ServeReplica" in command_of(pid)]

    def asked() -> dict[str, int]:  # Ray keeps no log of who answered: processor time in hundredths
        return {str(pid): int(100 * cpu_of(pid)) for pid in replicas()}

    return Class(server.url, lambda: os.kill(replicas()[0], signal.SIGKILL), asked)


@pytest.fixture(scope="module")
def replicas(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Class]:
    """The balancer that the test module names in ``BALANCER``, with two replicas behind it."""
    with ExitStack() as stack:
        if request.module.BALANCER == "ray":
            yield behind_ray(stack)
        else:
            yield behind_nginx(stack, tmp_path_factory.mktemp("nginx"))


@pytest.fixture(scope="module")
def app_url(replicas: Class) -> str:
    """What the browser opens: the balancer's address."""
    return replicas.url
