"""Serving a class: how one process is set up, and one command for several of them.

``python -m attention.ui.serving --replicas 2 --port 8000`` starts copies of the app behind one port
with Ray Serve (optional: ``pip install "ray[serve]"``). No event needs the queue, a session or a
sticky balancer, so any replica answers any request: nginx in front of plain ``python app.py --port N``
processes does as well (tests/serving/nginx.conf).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import secrets
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

# Of glibc's mallopt. Matrices of some megabytes come and go with every forward pass; by default their
# memory goes back to the system each time and is fetched again page by page, up to a third of the time.
# And two heaps instead of eight a core: memory freed by one thread is used again by the next.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
MALLOC = {M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: 256 * 2**20, M_ARENA_MAX: 2}

TURN = 0.001  # seconds a thread may compute before the event loop has its turn; 0.005 is Python's own


def settle() -> None:
    """One torch thread per request: learners are served side by side, each on one core.

    Measured: 16 callers take 3.6 s with one thread each, 4.4 s with eight; and with another process
    busy, two threads turn a forward pass of 22 ms into 125 ms.
    """
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or 1))
    sys.setswitchinterval(TURN)
    keep_memory()
    import_first()


def import_first() -> None:
    """Import, while one thread runs, what the event loop would import beside another thread.

    Gradio imports matplotlib and asks for its backend within the first event, in the event loop, while
    ``warm_up`` imports it in a thread. On a Space gradio also starts the reload server of the package
    ``spaces``, whose import hook waits for a half-imported parent package while it holds Python's import
    lock, which the thread that is importing that parent needs: both would wait for ever, and no route
    would answer. There, everything is imported before the server stands, the first model's modules too.
    """
    import matplotlib

    matplotlib.use("agg")  # else the question for the backend imports pyplot
    if os.environ.get("SYSTEM") == "spaces":
        import matplotlib.backends.backend_agg
        import matplotlib.figure  # noqa: F401

        from ..pretrained import ModelRefused, load_model

        with contextlib.suppress(ModelRefused, OSError):  # the heads tab will say so
            load_model()


def keep_memory() -> None:
    """Let this process use freed memory again instead of giving it back; does nothing without glibc."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # a C library without mallopt
            for name, number in MALLOC.items():
                ctypes.CDLL(None).mallopt(name, number)


def warm_up(delay: float = 1.0) -> None:
    """Load in the background what the first learner would otherwise wait for.

    delay: seconds to leave to the requests that are already there.
    """

    def work() -> None:
        import matplotlib.figure  # noqa: F401

        from .page.loads import warm_up as load_model

        load_model()

    timer = threading.Timer(delay, work)
    timer.daemon = True  # must not keep a process from ending
    timer.start()


def web_app() -> FastAPI:
    """The whole page as an ASGI app, for servers that start replicas themselves."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio as gr
    from fastapi import FastAPI

    from . import build, launch_options

    settle()
    options = launch_options()
    app = FastAPI(**options.pop("app_kwargs"))  # the gate (edge.py) stands outermost
    app = gr.mount_gradio_app(app, build(), path="/", **options)
    warm_up()
    return app


def replica() -> FastAPI:
    """:func:`web_app` inside a process of Ray Serve's.

    One port of each, for calls between deployments, is opened on every address whatever the node's own
    is, and nothing but the code says where: so the name it is opened by is told to mean loopback.
    """
    from ray.serve._private import replica as ours

    opened = getattr(ours, "add_port_to_grpc_server", None)  # a private name: later versions may do without
    if opened is not None:
        ours.add_port_to_grpc_server = lambda server, address, *rest, **options: opened(
            server, address.replace("[::]", "127.0.0.1"), *rest, **options
        )
    return web_app()


def deployment(replicas: int, cpus: float = 1.0) -> Any:
    """A Ray Serve application of so many replicas; needs ``ray[serve]``."""
    from ray import serve

    class Page:
        pass

    options = {"max_ongoing_requests": 100, "ray_actor_options": {"num_cpus": cpus}}
    return serve.deployment(num_replicas=replicas, **options)(serve.ingress(replica)(Page)).bind()


def main() -> None:
    """Parse the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="attention.ui.serving", description=__doc__)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--cpus", type=float, default=1.0, help="cores reserved for each replica")
    options = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing phones home
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")  # a crowded machine starts slowly
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")  # after 5 it is killed as it imports
    # the cluster is for this command alone: on loopback (Ray's own ports listen everywhere by default;
    # this switch is named after the systems where they do not), and with a token that only its own
    # processes hold, since they inherit the environment; all three are read when ray is imported
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    try:
        import ray
        from ray import serve
    except ImportError:
        parser.error('Ray Serve is optional; install it with: pip install "ray[serve]"')
    paths = os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH"))))
    stopping = signal.default_int_handler  # SIGTERM ends as Ctrl-C does, while starting too
    try:
        signal.signal(signal.SIGTERM, stopping)
        ray.init(address="local", include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": paths}})
        signal.signal(signal.SIGTERM, stopping)  # Ray has put its own there
        serve.start(http_options={"host": options.host, "port": options.port})
        serve.run(deployment(options.replicas, options.cpus), route_prefix="/")
        print(f"{options.replicas} replicas at http://{options.host}:{options.port}", flush=True)
        while True:
            signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        for name in (signal.SIGTERM, signal.SIGINT):  # a second one must not leave half a cluster
            signal.signal(name, signal.SIG_IGN)
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main()
