"""Numbers of a view in an assignment: reached, typed, drawn from a name; QR codes; the two tests."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import zxingcpp

from attention.course import (
    Answer,
    Assignment,
    HandIn,
    Question,
    Step,
    Target,
    collate,
    mark,
    read_assignment,
    read_hand_in,
    to_text,
)
from attention.course.collate import report
from attention.course.format import asks_the_same, seed_for
from attention.misconceptions import make_test
from attention.ui import TABS, page_answers
from attention.ui.course.asks import LONGEST_QR, ask_number, ask_numbers, ask_qr, ask_test
from attention.ui.course.pages import ask_assignment
from attention.ui.course.shipped import SHIPPED, shipped
from attention.ui.course.table import as_table
from attention.ui.page.steps import free_play, lesson_of
from attention.ui.page.texts import words_for
from attention.ui.shares import main, screens, words_in

FREE = "?tab=matchmaker&step=free"
SHARP = Question(
    "sharp", "target", "Ann at least 0.99", target=Target("weights", 0, 0, "at least", 0.99), view=FREE
)
BO = Question("bo", "number", "Bo's weight?", target=Target("weights", 0, 1, "equal", 0.0), view=FREE)
OWN = Assignment(
    "Own", steps=(Step(FREE, question="sharp"), Step(FREE, question="bo")), questions=(SHARP, BO),
    own_numbers=True,
)  # fmt: skip


def bo_of(view: str) -> float:
    """Bo's share by hand, from the people of the view."""
    people = page_answers.view(view).inputs["people"]
    scores = np.array(people["keys"]) @ np.array(people["query"])
    return float(np.exp(scores)[1] / np.exp(scores).sum())


def handed_in(name: str, given_view: str | None = None) -> tuple[str, str]:
    view = given_view or page_answers.drawn(FREE, seed_for(OWN, name))
    answers = (
        Answer("sharp", "", {"view": f"{view}&temperature=0.1"}),
        Answer("bo", f"{bo_of(view):.3f}", {"view": view}),
    )
    return name, to_text(HandIn(OWN, name, answers))


@pytest.mark.parametrize(("view", "verdict"), [
    ("?tab=matchmaker&temperature=0.3", "right"),
    ("?tab=matchmaker&temperature=0.9", "wrong"),
    (FREE, "wrong"),
    ("?tab=matchmaker&step=1", "unreadable"),  # another step
    ("?tab=masks&step=free", "unreadable"),
])  # fmt: skip
def test_what_is_to_happen_is_computed_from_the_inputs(view, verdict):
    assert mark(SHARP, Answer("sharp", "0.99", {"view": view}), page_answers).verdict == verdict


def test_what_stood_there_was_not_made_to_happen():
    low = dataclasses.replace(SHARP, target=Target("weights", 0, 0, "at least", 0.5))
    assert mark(low, Answer("sharp", "", {"view": FREE}), page_answers).verdict == "wrong"
    assert (
        mark(low, Answer("sharp", "", {"view": f"{FREE}&temperature=0.9"}), page_answers).verdict == "right"
    )


def test_a_number_of_the_picture_is_marked_for_the_inputs_shown():
    for view in (FREE, "?tab=matchmaker&temperature=1&scale=1"):
        found = page_answers({"view": view}).number("weights", 0, 1)
        assert mark(BO, Answer("bo", f"{found:.3f}", {"view": view}), page_answers).verdict == "right"
        assert mark(BO, Answer("bo", f"{found + 0.02:.3f}", {"view": view}), page_answers).verdict == "wrong"
    assert page_answers({"view": FREE}).number("weights", 0, 1) == pytest.approx(bo_of(FREE))
    for panel, row, column in (("nothing", 0, 0), ("weights", 1, 0), ("weights", 0, 3)):
        with pytest.raises(ValueError, match="number|rows"):
            page_answers({"view": FREE}).number(panel, row, column)


def test_every_name_has_numbers_of_its_own_and_collation_knows_them():
    names = ["Mei", "Zoë Müller", "王小明"]
    views = {page_answers.drawn(FREE, seed_for(OWN, name)) for name in names}
    assert len(views) == 3
    found = collate([handed_in(name) for name in names], page_answers, drawn=page_answers.drawn)
    assert [one.own_seed for one in found.learners] == [True] * 3
    assert all(got.verdict == "right" for one in found.learners for got in one.marks.values())
    copied = handed_in("Bob", page_answers.drawn(FREE, seed_for(OWN, "Mei")))
    found = collate([copied], page_answers, drawn=page_answers.drawn)
    assert not found.learners[0].own_seed and "not the numbers of this name" in report(found)


def test_drawn_people_keep_their_order_so_that_what_was_asked_can_be_reached():
    for seed in range(60):
        people = page_answers.view(page_answers.drawn(FREE, seed)).inputs["people"]
        scores = np.array(people["keys"]) @ np.array(people["query"])
        assert (np.diff(scores) < 0).all()  # Ann, Bo, Cai, as they were collected


def test_steps_keep_their_numbers_and_every_view_that_is_drawn_opens():
    assert page_answers.drawn("?tab=matchmaker&step=2", 5) == "?tab=matchmaker&step=2"
    for tab in TABS:
        view = page_answers.drawn(f"?tab={tab.id}&step=free", 77_777)
        assert page_answers.view(view).step == free_play(tab), tab.id
    assert page_answers.drawn("?tab=kernel&step=free", 1234).endswith("seed=234")
    assert page_answers.view(page_answers.drawn("?tab=kernel&step=free", 1000)).inputs["seed"] == 0


def test_an_assignment_opens_with_the_numbers_of_a_seed():
    text = to_text(OWN)
    first, second = (
        ask_assignment("en", page_answers, {"assignment": text, "seed": seed}) for seed in (1, 2)
    )
    assert first["places"][0]["inputs"]["people"] != second["places"][0]["inputs"]["people"]
    assert first["assignment"] == second["assignment"]
    assert set(ask_assignment("en", page_answers, {"assignment": text, "seed": -1})) == {"error"}


@pytest.mark.parametrize("name", SHIPPED)
def test_one_assignment_in_two_languages_is_one_table(name):
    english, chinese = (shipped(name, language) for language in ("en", "zh"))
    assert english != chinese and asks_the_same(english, chinese)
    sources = [(who, to_text(HandIn(one, who))) for who, one in (("Ann", english), ("小明", chinese))]
    found = collate(sources, page_answers)
    assert len(found.learners) == 2 and not found.refused
    asked = [one["prompt"] for one in as_table(found, page_answers, words_for("zh"))["questions"]]
    tasks = [q.kind == "task" for q in chinese.questions]
    assert all(a == q.prompt for a, q, task in zip(asked, chinese.questions, tasks, strict=True) if task)


def test_questions_of_ones_own_tell_assignments_apart():
    other = dataclasses.replace(BO, prompt="Something else?")
    assert not asks_the_same(OWN, dataclasses.replace(OWN, questions=(SHARP, other)))
    assert asks_the_same(OWN, dataclasses.replace(OWN, title="Otherwise"))
    assert not asks_the_same(OWN, dataclasses.replace(OWN, seed=1))


def test_the_builder_is_offered_the_numbers_of_a_view():
    found = ask_numbers("zh", page_answers, {"view": FREE})
    weights = next(one for one in found["panels"] if one["id"] == "weights")
    assert weights["columns"] == ["Ann", "Bo", "Cai"] and found["draws"] is True
    assert ask_numbers("en", page_answers, {"view": "?tab=matchmaker&step=1"})["draws"] is False
    training = ask_numbers("en", page_answers, {"view": "?tab=matchmaker&mode=training"})
    assert "error" not in training  # a player's frames are no numbers to ask for
    for request in (None, {}, {"view": "?tab=nowhere"}, {"view": 3}):
        assert set(ask_numbers("en", page_answers, request)) == {"error"}


def test_a_number_is_told_with_whether_it_was_moved():
    ask = {"view": f"{FREE}&temperature=0.3", "base": FREE, "panel": "weights", "row": 0, "column": 0}
    found = ask_number("en", page_answers, ask)
    assert (
        found["value"] >= 0.99
        and found["moved"]
        and found["own"]
        and {"weights", "match"} <= set(found["shown"])
    )
    assert not ask_number("en", page_answers, ask | {"view": FREE})["moved"]
    held = ask | {"view": "?tab=matchmaker&step=1", "base": FREE}
    assert not ask_number("en", page_answers, held)["own"]
    for broken in ({"panel": "x"}, {"row": -1}, {"row": 9}, {"view": "?tab=x"}, {"base": None}):
        assert set(ask_number("en", page_answers, ask | broken)) == {"error"}


def test_a_qr_code_is_read_back_by_another_program():
    for link in (
        "http://127.0.0.1:7860/zh?assignment=lesson&from=3",
        "https://x.org/?assignment=a1." + "Zz9_-" * 240,
    ):
        rows = ask_qr("en", page_answers, {"link": link})["rows"]
        dark = np.array([[bit == "1" for bit in row] for row in rows])
        assert not dark[:4].any() and not dark[:, -4:].any()  # a quiet edge, or cameras miss it
        picture = np.kron(np.where(dark, 0, 255), np.ones((4, 4))).astype(np.uint8)
        assert zxingcpp.read_barcodes(picture)[0].text == link
    told = ask_qr("en", page_answers, {"link": "https://x.org/?" + "a" * LONGEST_QR})
    assert set(told) == {"error"} and "file" in told["error"]
    for request in (None, {}, {"link": "javascript:alert(1)"}, {"link": 3}):
        assert set(ask_qr("en", page_answers, request)) == {"error"}


@pytest.mark.parametrize("after", [False, True])
def test_the_test_of_the_page_is_that_of_the_chapter(after):
    shown = ask_test("en", page_answers, {"seed": 3, "after": after})["items"]
    for item, one in zip(make_test(3, after), shown, strict=True):
        assert float(one["choices"][one["right"]]["text"]) == pytest.approx(item.right_number, abs=5e-4)
        assert [choice["mistake"] for choice in one["choices"]] == [choice.mistake for choice in item.choices]
        assert all(bool(choice["says"]) == bool(choice["mistake"]) for choice in one["choices"])
        assert [[float(x) for x in row] for row in one["tables"]["key"]] == [
            list(row) for row in item.sheet.key
        ]
    assert set(ask_test("en", page_answers, {"seed": -1})) == {"error"}


DRAWN = (
    "?tab=matchmaker&people=%7B%22names%22%3A%5B%22Ann%22%2C%22Bo%22%2C%22Cai%22%5D%2C%22query%"
    "22%3A%5B0.5%2C0.5%2C1.0%5D%2C%22keys%22%3A%5B%5B0.5%2C1.5%2C1.5%5D%2C%5B2.0%2C-0.5%2C1.0%5"
    "D%2C%5B0.0%2C0.0%2C1.0%5D%5D%2C%22values%22%3A%5B%5B0.7%2C0.9%2C0.3%5D%2C%5B0.2%2C0.8%2C0."
    "4%5D%2C%5B0.4%2C0.3%2C0.7%5D%5D%7D"
)
KEPT = json.dumps({
    "version": 1, "name": "Zoë", "did": ["1 temperature=0.1", "2 open weights.0.1"],
    "assignment": {
        "version": 1, "title": "One of each", "own_numbers": True, "seed": 7, "names": False, "id": "kept",
        "marks": "at the end", "veiled": ["bo", "weights"],
        "steps": [{"view": FREE, "question": "sharp"}, {"view": FREE, "question": "bo"},
                  {"view": "?tab=masks&step=1", "note": "n", "question": "leak"},
                  {"view": "?", "question": "why"}],
        "questions": [
            {"id": "sharp", "kind": "target", "prompt": "p", "view": FREE,
             "target": {"panel": "weights", "row": 0, "column": 0, "relation": "at least", "value": 0.99}},
            {"id": "bo", "kind": "number", "prompt": "p", "view": FREE,
             "target": {"panel": "weights", "row": 0, "column": 1, "relation": "equal", "value": 0}},
            {"id": "leak", "kind": "task", "prompt": "p", "view": "?tab=masks&step=1", "task": "leak"},
            {"id": "why", "kind": "text", "prompt": "p"},
            {"id": "who", "kind": "choice", "prompt": "p", "choices": ["a", "b"], "answer": 1},
            {"id": "half", "kind": "number", "prompt": "p", "answer": 0.5, "tolerance": 0.1},
            {"id": "cell", "kind": "number", "prompt": "p",
             "target": {"panel": "weight", "row": 2, "column": 0, "relation": "equal", "value": 0}}]},
    "answers": [
        {"question": "sharp", "given": "0.999", "inputs": {"view": DRAWN + "&temperature=0.1"}},
        {"question": "bo", "given": "0.1", "inputs": {"view": DRAWN}, "attempts": 2, "guesses": ["0.2"]},
        {"question": "leak", "given": "60", "inputs": {"view": "?tab=masks&step=1"}},
        {"question": "why", "given": "because"}, {"question": "who", "given": "1"},
        {"question": "half", "given": "0.55"}, {"question": "cell", "given": "0.25", "inputs": {"seed": 5}}],
})  # fmt: skip
# the same as a link's text, kept as this version wrote it
KEPT_LINK = (
    "h1.7VRBbtswEPyKQMA5qYakRHVswChi5957i6Cg5bVFiCIVkrJrBH5Rn9GPdUlKsqQ0CdJce6HN5exqOLPcJ0K1ZntRgjBk8"
    "UQMMxzIgnwVEMhdADTLSUi0gUqTxfcncmBwxOMvhm6WJTVZXtIC1JUFLHcKAMGPNWjDpECYzqmqyDl8b95G_iVJF9rjYwQLa"
    "SxNMczjQItB5vD4mJ_I-eES8ldi245pSAom7NZQtQeD-0rJskJliD1soihTRQVwWxHYPjcaz5TED0YhySSvS-H-KuC0-TI1A"
    "XLTtuKB8hqpR9P5_By-rYu9jWOImnT0RF1uQH2EXjygB4815T1u7yLmRO8pp4sxsVd8dPCeca6i9elSEH6OjOjheppkuWQZj"
    "D_to9ZoQnG7IWg_FfqI6i3irlBO-e4tddusaJoibclBUZE5Iy91MuD8X11qTUpe6qFnJtlWPgDjsLXXc_3RGo4nGmx8FhJ5F"
    "D88FZTBqBpCUlJVaN-WJocAkC4-KVpaoXaUa4S4-xRQuZbFVMcBb-pgePRN_v7VqeIf0rOHH5I9O4Dd226f456JqkZ6ixcHQ"
    "gWy4rCczFaTJHGM8HdyfTdJbeBOCLtN1riuZPd3TZn9n977LfJQpy4N_cKwX-Np1KEKOPVqt7i4Wz0uXSWYk6w_jQvYhMgVj"
    "i7xtrazaFR95sBzt173iiQucuvWm178pkHaddYUn91fGSgrbD1TK1hi65Gzbb7h6OzLHv8X_eOi48TBp2KVtzLiA93jh7SfK"
    "liLPIw8aCZi68Ln6BUTetNwbKUfg22VDWS01n7uDkB9w-PxcTPZLg2RpmNIM7QukCQd8PWDJHXjZsvcrImDcRuGJAlkBSJoJ"
    "tDUBh8Go-MP"
)


def test_a_hand_in_of_every_kind_of_this_version_opens_in_later_ones():
    """Whoever changes the format keeps these two texts as they are, and makes them open."""
    for text in (KEPT, KEPT_LINK):
        found = read_hand_in(text)
        assert found.name == "Zoë" and len(found.answers) == 7 and found.did[1] == "2 open weights.0.1"
        assert read_assignment(to_text(found.assignment)) == found.assignment
        learner = collate([("kept", text)], page_answers, drawn=page_answers.drawn).learners[0]
        verdicts = {name: got.verdict for name, got in learner.marks.items()}
        assert verdicts | {"bo": "", "leak": ""} == {
            "sharp": "right", "bo": "", "leak": "", "why": "to read", "who": "right", "half": "right",
            "cell": "wrong"}  # fmt: skip
        assert learner.marks["cell"].mistake == "minus_1e9" and learner.marks["bo"].verdict != "unreadable"


def test_what_the_lessons_show_is_counted(capsys):
    """By hand: in the masks' first step every weight opens, and the veiled picture makes it ask first."""
    assert words_in(r"Two words \( a + b \) here", "en") == 4 and words_in("两个字 \\( a \\)", "zh") == 4
    first = next(iter(screens(TABS[2])))
    view = page_answers.numbers(page_answers.view("?tab=masks&step=1"))
    cells = sum(view[id].table().values.size for id in lesson_of(TABS[2], "en")[0].panels if id in view)
    assert first.asks and first.first and first.numbers >= cells and 0 < first.opened <= first.numbers
    assert main(["masks"]) == 0 and main(["nowhere"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split()[:2] == ["masks", str(len(lesson_of(TABS[2], "en")))]
