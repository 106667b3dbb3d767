"""Attention Matchmaker: ``python app.py [--port N] [--host ADDRESS] [--share]``."""

from __future__ import annotations

import argparse
import gc
import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing phones home
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
gc.disable()  # what a start makes, it keeps: searching it for garbage took a seventh of the start

from attention.ui import build, launch_options  # noqa: E402  (the environment must be set first)
from attention.ui.serving import settle, warm_up  # noqa: E402

demo = build()
gc.freeze()  # nor is it searched while learners wait
gc.enable()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    port = os.environ.get("GRADIO_SERVER_PORT")
    parser.add_argument("--port", type=int, default=int(port) if port else None)
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--share", action="store_true", help="make a public gradio.live link")
    options = parser.parse_args()
    if "GRADIO_WATCH_DIRS" in os.environ and os.environ.get("SYSTEM") != "spaces":
        # seen: four minutes after a change its reloader still showed the old page
        parser.error("the command gradio cannot reload this app; start it with: python app.py")
    settle()
    demo.launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        prevent_thread_lock=True,
        **launch_options(),
    )
    warm_up()
    demo.block_thread()


if __name__ == "__main__":
    main()
