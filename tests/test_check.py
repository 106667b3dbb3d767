"""The checker: the reference passes, each seeded wrong program is told by name, a crash by its line."""

from __future__ import annotations

import pytest
import torch

from attention.check.__main__ import check_file, main
from attention.check.cases import COUNT, REFERENCE, draw
from attention.check.run import judge
from attention.check.words import SAYS, describe
from attention.check.wrong import pairs, single

SEEDED = [(name, fault) for name in REFERENCE for fault in single(name)]


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_passes(name):
    found = judge(name, REFERENCE[name], seed=1)
    assert (found.state, found.right) == ("right", COUNT) and len(draw(name)) == COUNT


@pytest.mark.parametrize(("name", "fault"), SEEDED)
def test_each_seeded_wrong_program_is_told_by_name(name, fault):
    found = judge(name, single(name)[fault], seed=2)
    assert (found.state, found.mistakes) == ("wrong", (fault,))
    for lang in ("en", "zh"):
        assert len(describe(found, lang).splitlines()) == 2


def test_two_mistakes_at_once_are_both_named():
    found = judge("attend", pairs("attend")["no_scale+wrong_value_row"])
    assert set(found.mistakes) == {"no_scale", "wrong_value_row"}


def test_a_detached_answer_has_no_gradient():
    def detached(*inputs):
        return REFERENCE["attend"](*inputs).detach()

    assert judge("attend", detached).state == "gradient"


def test_an_unknown_mistake_gets_no_name():
    found = judge("attend", lambda q, k, v, mask=None: REFERENCE["attend"](q, k, v, mask) + 0.1)
    assert (found.state, found.mistakes, found.right) == ("wrong", (), 0)


def test_every_sentence_stands_in_both_languages():
    for english, chinese in SAYS.values():
        assert english and any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


def test_a_file_of_a_learner(tmp_path, capsys):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "import torch\nprint('hello')\n"
        "def attend(q, k, v, mask=None):\n    return missing_name\n"
        "def split_heads(x, num_heads):\n    b, n, w = x.shape\n"
        "    return x.reshape(b, num_heads, n, w // num_heads)\n"
        "def masked_mean(x, mask):\n    while True: pass\n"
        "def online_softmax(s, v):\n    return torch.softmax(torch.cat(s), 0) @ torch.cat(v)\n"
    )
    found = {verdict.name: verdict for verdict in check_file(str(mine), limit=2)}
    assert set(found) == set(REFERENCE)
    assert (found["attend"].state, found["attend"].line) == ("crash", 4)
    assert found["attend"].code == "return missing_name" and "NameError" in found["attend"].error
    assert found["split_heads"].mistakes == ("no_transpose",)
    assert found["masked_mean"].state == "timeout"
    assert found["online_softmax"].state == "right"
    assert found["Cache"].state == "absent"


def test_start_writes_stubs_once_and_a_broken_file_shows_its_line(tmp_path, capsys):
    path = tmp_path / "mine.py"
    assert main(["--start", str(path)]) == 0
    assert all(name in path.read_text("utf-8") for name in REFERENCE)
    with pytest.raises(SystemExit):
        main(["--start", str(path)])
    path.write_text("x = 1\ndef attend(:\n")
    capsys.readouterr()
    assert main([str(path), "--lang", "zh"]) == 1
    printed = capsys.readouterr().out
    assert "第 2 行" in printed and "SyntaxError" in printed


def test_a_case_is_the_same_for_a_seed_and_torch_is_left_alone():
    state = torch.random.get_rng_state()
    one, two = draw("attend", 5), draw("attend", 5)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(one, two, strict=True))
    assert torch.equal(torch.random.get_rng_state(), state)
