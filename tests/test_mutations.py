"""The mutations still find the text they break (``python -m tests.mutations`` runs them)."""

import pytest

from tests.mutations import MUTATIONS, ROOT, applied


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_finds_its_place_and_its_tests(name):
    mutation = MUTATIONS[name]
    text = (ROOT / mutation.file).read_text("utf-8")
    changed = applied(text, mutation)
    assert changed != text
    compile(changed, mutation.file, "exec")
    assert all((ROOT / test).exists() for test in mutation.tests if test.endswith(".py"))


def test_a_text_that_moved_is_an_error():
    with pytest.raises(ValueError, match="must hold the text once, got 0 times"):
        applied("nothing", MUTATIONS["missing sqrt"])
