"""The app from outside: named endpoints through gradio_client."""

from __future__ import annotations

import math
import re
from pathlib import Path

import gradio
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from attention.ui import FIELDS


@pytest.fixture(scope="module")
def client(app_url):
    return Client(app_url, verbose=False)


def test_every_tab_is_a_named_documented_endpoint(client):
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {f"/{name}" for name in FIELDS}
    for name, endpoint in named.items():
        assert endpoint["description"], name
        given = [parameter["parameter_name"] for parameter in endpoint["parameters"]]
        assert given == [field.name for field in FIELDS[name[1:]]]


def test_masks_answers_with_the_numbers_on_screen(client):
    answer = client.predict(text="3 1 2\n2 1", mask="none", sentence=2, api_name="/masks")
    assert answer["scores"][0] == [4, 2, 0]
    total = sum(math.exp(s) for s in (4, 2, 0))
    assert answer["weights"][0] == pytest.approx([math.exp(4) / total, math.exp(2) / total, 1 / total])


def test_a_refusal_reaches_the_client_as_a_sentence(client):
    with pytest.raises(AppError, match="Extra padding"):
        client.predict(extra=99, api_name="/masks")


def test_the_example_in_the_readme_runs(app_url, capsys):
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    code = next(
        block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "gradio_client" in block
    )
    exec(compile(code.replace("http://127.0.0.1:7860", app_url), "README.md", "exec"), {})
    assert "[[" in capsys.readouterr().out


def test_the_front_matter_says_what_spaces_needs():
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    head = dict(re.findall(r"^(\w+): *(.*)$", readme.split("---")[1], re.MULTILINE))
    assert {
        "title",
        "sdk",
        "sdk_version",
        "app_file",
        "python_version",
        "license",
        "short_description",
    } <= set(head)
    assert head["sdk"] == "gradio" and head["app_file"] == "app.py" and len(head["short_description"]) <= 60
    assert head["sdk_version"] == gradio.__version__ or head["sdk_version"].split(".")[0] == "6"
