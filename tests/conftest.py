"""What every test shares: quiet threads and one running app."""

from __future__ import annotations

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may depend on a network

import pytest
import torch

SLOW = ("browser", "serving", "test_edge.py", "test_load.py")


def pytest_collection_modifyitems(items):
    """Fast tests first; ``-m "not slow"`` leaves out the browser, the replicas and the fuzz."""
    for item in items:
        if any(part in SLOW for part in item.path.parts):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tests run side by side: one torch thread each keeps them from crowding each other out."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def app_url():
    """The address of the app, served by this process for the whole session."""
    from attention.ui import build, launch_options

    demo = build()
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    yield url.rstrip("/")
    demo.close()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The hub imitated on the loopback, an empty cache, and models not yet loaded."""
    import huggingface_hub.constants as constants

    from attention.pretrained import catalog
    from attention.ui.page import loads
    from attention.ui.tabs.heads import runs
    from tests.hub_imitation import Hub

    imitation = Hub()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", imitation.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", imitation.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4000)  # the models are as small beside real ones
    monkeypatch.setattr(catalog, "_loaded", type(catalog._loaded)())
    monkeypatch.setattr(loads, "_loads", type(loads._loads)())
    monkeypatch.setattr(runs, "_kept", type(runs._kept)())
    yield imitation
    imitation.close()
