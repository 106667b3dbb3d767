"""The built-in model is there before a tab is asked for it: a page would show progress meanwhile."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def built_in_model():
    from attention.ui.page.loads import model_of

    return model_of("minilm", patience=120)
