"""``gradio app.py`` showed the old page after a change, so it is refused in words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.serving.processes import ROOT, free_port


def test_gradio_app_py_is_refused_with_the_command_that_works():
    command = [Path(sys.executable).with_name("gradio"), "app.py", "--", "--port", str(free_port())]
    given = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    given.pop("PYTHONPATH", None)
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=300)
    assert "start it with: python app.py" in done.stdout + done.stderr
