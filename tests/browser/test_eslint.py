"""eslint's recommended rules on the page's scripts, where an eslint is on the PATH (see eslint.config.mjs).

Without one nothing is collected here: node is no requirement of this project.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ESLINT = shutil.which("eslint")

if ESLINT:

    def test_eslints_recommended_rules_find_nothing():
        command = [ESLINT, "--config", "tests/browser/eslint.config.mjs", "--max-warnings", "0", "assets"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
