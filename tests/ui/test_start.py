"""A start that cannot hang: what a Space's reload hook does to imports, and what is imported before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest
from gradio.routes import App

from attention.ui import BY_ID, build
from attention.ui.page.view import AttentionView

ROOT = Path(__file__).resolve().parents[2]

# As the hook of the package ``spaces`` does: it looks for each module itself before Python does, under
# Python's import lock, and looking for a submodule imports its parent.
HOOK = """
import importlib.util, os, sys, threading, time

class Hook:
    working = False

    def find_spec(self, name, path, target=None):
        if not self.working:
            self.working = True
            importlib.util.find_spec(name, path)
            self.working = False

def event_loop():  # what Gradio does around each event
    from gradio.utils import MatplotlibBackendMananger
    with MatplotlibBackendMananger():
        pass

def serve():
    sys.meta_path.insert(0, Hook())
    loop = threading.Thread(target=event_loop, daemon=True)
    loop.start()
    while "matplotlib" not in sys.modules:
        time.sleep(0.0005)
    return loop

def finish(*threads, seconds=60):
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    print("hung" if any(thread.is_alive() for thread in threads) else "served", flush=True)
    os._exit(0)  # a thread that holds the import lock would keep the process
"""

# the two imports alone, neither done before
BARE = """
import gradio
loop = serve()
def work():
    import matplotlib.figure
other = threading.Thread(target=work, daemon=True)
other.start()
finish(loop, other, seconds=8)  # an import takes one or two
"""

# python app.py, with a server that is only its hook and one event, and a warm-up that begins at once
APP = """
import app
from attention.ui import serving

started = []
def launch(**options):
    started.append(serve())
def finished():
    timers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    finish(*started, *timers)
app.demo.launch, app.demo.block_thread = launch, finished
app.warm_up = lambda: serving.warm_up(0)
sys.argv = ["app.py"]
app.main()
"""


def run(code: str, **environment: str) -> str:
    given = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", HOOK + code], cwd=ROOT, env=given, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


def test_two_threads_that_import_one_package_hang_under_the_hook():
    """Else the imitation below shows nothing."""
    assert run(BARE) == "hung"


@pytest.mark.parametrize("host", ["spaces", ""])
def test_the_app_starts_under_the_hook(host):
    assert run(APP, SYSTEM=host) == "served"


def test_a_space_imports_before_it_serves_what_its_threads_would():
    """On a Space no thread is left anything to import for the first picture and the first model."""
    code = """
import app
def launch(**options):
    sys.meta_path.insert(0, Late())
class Late:
    def find_spec(self, name, path, target=None):
        late.add(name)
late = set()
from attention.ui import serving
from attention.ui.tabs.heads import runs
app.demo.launch = launch
app.warm_up = lambda: None
def then():
    event_loop()
    import matplotlib.figure, matplotlib.backends.backend_agg, matplotlib.font_manager
    runs.capture("minilm", "two words", patience=200)
    ours = {"matplotlib", "PIL", "transformers", "tokenizers", "gradio", "torch"}
    print(sorted(name for name in late if name.split(".")[0] in ours), flush=True)
    os._exit(0)
app.demo.block_thread = then
sys.argv = ["app.py"]
app.main()
"""
    assert run(code, SYSTEM="spaces") == "[]"


@pytest.fixture(scope="module")
def built():
    """The page, how often Gradio made its app for it, and how often for an empty Blocks."""
    made = []
    create = App.create_app
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(App, "create_app", staticmethod(lambda *a, **k: made.append(1) or create(*a, **k)))
        with gr.Blocks():
            pass
        empty = len(made)
        return build(), len(made) - empty, empty


def test_all_pages_are_one_app_of_gradios(built):
    """As often made as for an empty Blocks, and each page has what was made for it."""
    demo, made, empty = built
    assert made == empty
    assert [path for path, *_ in demo.pages] == ["", "zh", "class", "class-zh"]
    pages = {path: len(page["components"]) for path, page in demo.get_config_file()["page"].items()}
    assert pages[""] > pages["zh"] > 300 and 4 <= pages["class"] == pages["class-zh"] < 20
    assert sum(pages.values()) == len(demo.blocks)
    assert {fn.page for fn in demo.fns.values() if fn.api_name in BY_ID} == {""}


def test_no_view_writes_a_server_function_into_the_page(built):
    """Gradio keeps them as attributes: one called ``head`` is where it keeps markup for the page."""
    views = [block for block in built[0].blocks.values() if isinstance(block, AttentionView)]
    assert any("head" in {fn.__name__ for fn in view.server_fns} for view in views)
    assert "functools" not in json.dumps([view.get_config() for view in views], default=str, skipkeys=True)


def test_garbage_is_collected_again_once_the_page_is_built():
    code = "import app, gc\nprint(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    assert run(code) == "True True"
