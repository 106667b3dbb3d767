"""The package as others get it: its metadata, a wheel with its assets, versions that fit together."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def lines(name: str) -> list[Requirement]:
    """A requirements file without its comments."""
    texts = (line.split("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines())
    return [Requirement(text) for text in texts if text]


def test_the_package_asks_for_what_the_app_asks_for():
    assert {str(Requirement(text)) for text in PROJECT["dependencies"]} == {
        str(one) for one in lines("requirements.txt")
    }


def test_the_license_is_the_one_that_the_front_matter_names():
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "\nlicense: apache-2.0\n" in README and PROJECT["license"] == "Apache-2.0"


def test_the_constraints_pin_every_requirement_within_its_range():
    pinned = {one.name: one for one in lines("tests/constraints.txt")}
    assert all(re.fullmatch(r"==[\w.]+", str(one.specifier)) for one in pinned.values())
    for wanted in lines("requirements.txt"):
        assert wanted.specifier.contains(str(pinned[wanted.name].specifier).removeprefix("==")), wanted


def test_the_front_matter_preloads_the_pinned_revisions():
    from attention.pretrained.catalog import CATALOG

    head = README.split("---")[1]
    block = re.search(r"^preload_from_hub:\n((?:  - .*\n)+)", head, re.MULTILINE)
    found = [line.strip().removeprefix("- ").split() for line in block[1].splitlines()]
    by_repo = {entry.repo: entry for entry in CATALOG.values() if entry.repo}
    for repo, files, revision in found:
        assert by_repo[repo].revision == revision
        assert {"config.json", "model.safetensors"} <= set(files.split(","))
    # all of them but what a package of requirements.txt carries
    carried = {one.name.replace("-", "_") for one in lines("requirements.txt")}
    assert {repo for repo, *_ in found} == {
        entry.repo for entry in by_repo.values() if entry.package not in carried
    }


def test_a_thumbnail_is_an_address_as_the_reference_asks():
    """A path in the repository shows nothing; README gives the line, since only a Space knows its owner."""
    for thumbnail in re.findall(r"\bthumbnail: *(\S+)", README):
        assert thumbnail.startswith("https://huggingface.co/spaces/")
        assert (ROOT / thumbnail.split("/resolve/main/")[1].rstrip("`.")).exists()


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A fresh folder with nothing but this package, installed from its wheel."""
    folder = tmp_path_factory.mktemp("package")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", str(ROOT), "--no-deps", "--wheel-dir", str(folder)]
    if importlib.util.find_spec("hatchling"):  # of tests/requirements.txt; else pip fetches it
        build.append("--no-build-isolation")
    done = subprocess.run([*pip, *build], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [wheel] = folder.glob("*.whl")
    into = ["install", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel)]
    subprocess.run([*pip, *into], check=True, capture_output=True)
    return folder


def test_the_wheel_carries_every_asset_and_nothing_beside_the_package(installed):
    [wheel] = installed.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assets = [path.relative_to(ROOT / "assets").as_posix()
              for path in (ROOT / "assets").rglob("*") if path.is_file()]  # fmt: skip
    assert len(assets) > 50 and {f"attention/_assets/{name}" for name in assets} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"attention"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_what_is_installed_runs_a_chapter_and_the_page(installed):
    code = """
import attention
from attention.assets import assets
from attention.classifier import classify, load_classifier
from attention.recommender import MEAN, load_recommender, recommend
from attention.seq2seq.translation import load, trained_path
from attention.ui import build
from attention.ui.page.texts import ASSETS, lesson, words_for
from attention.ui.page.view import own_files

assert assets() == ASSETS and ASSETS.parent.name == "attention", ASSETS
assert classify(load_classifier(), "not bad").label == "positive"
assert len(recommend(load_recommender(), [1, 2]).ranking) == 62
assert load_recommender(MEAN)
assert load("additive") is not None
assert lesson("masks", "zh") and words_for("en")("masks.title")
assert "AttentionMatchmaker" in own_files().files[own_files().named(".js")].decode()
print(attention.__file__, len(build().blocks))
"""
    environment = {**os.environ, "PYTHONPATH": str(installed / "site"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=installed, env=environment,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    where, blocks = done.stdout.split()
    assert Path(where).is_relative_to(installed / "site") and int(blocks) > 100
