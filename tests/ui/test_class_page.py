"""The page for teachers: answers to steps marked again, a class collated, the assignments that ship."""

from __future__ import annotations

import base64
import json
import time

import pytest

from attention.course import Answer, Assignment, HandIn, Question, Step, mark, read_assignment, to_text
from attention.course.__main__ import answers, main
from attention.ui import page_answers
from attention.ui.course.answers import task_of
from attention.ui.course.pages import ask_assignment, ask_class
from attention.ui.course.shipped import SHIPPED, opened, shipped
from attention.ui.page.guard import Refusal
from attention.ui.page.steps import lesson_of
from attention.ui.page.texts import LANGUAGES

LEAK = Question("leak", "task", "How much leaks?", view="?tab=masks&step=1", task="leak")
HALF = Question("half", "task", "Make half leak", view="?tab=masks&step=2", task="half")
SHARE = Question("share", "number", "Four equal scores: each weight?", answer=0.25)
WHO = Question("who", "choice", "Which?", choices=("keys", "values"), answer=0)
TEXT = Question("why", "text", "Why?")
LESSON = Assignment(
    "Masks <b>",
    steps=(Step(LEAK.view, question="leak"), Step(HALF.view, question="half"), Step("?", question="share")),
    questions=(LEAK, HALF, SHARE, WHO, TEXT),
)


def leak() -> float:
    return task_of(page_answers.tasks(page_answers.view(LEAK.view)), "leak")["answer"]


def at(view: str) -> dict[str, str]:
    return {"view": view}


def hand_in(name: str, guess: str, who: str = "0") -> HandIn:
    given = (
        Answer("leak", guess, at(LEAK.view), 2, ("1",)),
        Answer("half", "", at("?tab=masks&step=2&extra=5")),
        Answer("share", "0.25"),
        Answer("who", who),
        Answer("why", "=1+1"),
    )
    return HandIn(LESSON, name, given)


def asked(language: str, sources: list[tuple[str, str]]):
    state = base64.b64encode(json.dumps(sources).encode()).decode()
    return ask_class(language, page_answers, {"state": state})


@pytest.mark.parametrize(("question", "given", "view", "verdict"), [
    (LEAK, "right", "?tab=masks&step=1", "right"),
    (LEAK, "1", "?tab=masks&step=1", "wrong"),
    (LEAK, "right", "?tab=masks&step=1&extra=8", "unreadable"),  # nobody may move it in this step
    (LEAK, "right", "?tab=masks&step=4", "unreadable"),
    (LEAK, "right", "?tab=nowhere", "unreadable"),
    (LEAK, "abc", "?tab=masks&step=1", "unreadable"),
    (HALF, "", "?tab=masks&step=2&extra=5", "right"),
    (HALF, "", "?tab=masks&step=2", "wrong"),
    (HALF, "", "?tab=masks&step=2&extra=1", "wrong"),
    (HALF, "", "?tab=masks&step=2&mask=causal", "unreadable"),
])  # fmt: skip
def test_an_answer_to_a_step_is_marked_again_from_its_view(question, given, view, verdict):
    given = f"{leak():.1f}" if given == "right" else given
    assert mark(question, Answer(question.id, given, at(view)), page_answers).verdict == verdict


def test_a_choice_and_a_cell_are_marked_as_the_page_does():
    choice = Question("c", "task", "?", view="?tab=masks&step=5", task="empty")
    task = task_of(page_answers.tasks(page_answers.view(choice.view)), "empty")
    for place in range(len(task["options"])):
        got = mark(choice, Answer("c", str(place), at(choice.view)), page_answers).verdict
        assert got == ("right" if place == task["answer"] else "wrong")
    cell = Question("p", "task", "?", view="?tab=heads&step=1", task="look")
    row, column = task_of(page_answers.tasks(page_answers.view(cell.view)), "look")["cells"][0]
    for given, verdict in (
        (f"{row},{column}", "right"),
        (f"{row},{column + 1}", "wrong"),
        ("x", "unreadable"),
    ):
        assert mark(cell, Answer("p", given, at(cell.view)), page_answers).verdict == verdict


def test_the_class_on_the_page_is_that_of_the_command_line(tmp_path, capsys):
    """One text, two ways: the same marks, the same CSV; what is refused is told in both languages."""
    right = f"{leak():.1f}"
    sources = [(f"f:{i}", to_text(hand_in(name, guess, who))) for i, (name, guess, who) in enumerate(
        [("Mei", right, "0"), ("Ann <script>", "50", "1"), ("Bo", "50", "0")], 1)]  # fmt: skip
    bad = [("f:4", "h1.AAAA"), ("f:5", sources[0][1])]
    path, out = tmp_path / "f", tmp_path / "out.csv"
    path.write_text("\n".join(text for _, text in sources + bad), "utf-8")
    assert main(["collate", str(path), "--csv", str(out)]) == 0
    printed = capsys.readouterr().out
    found = asked("en", sources + bad)
    assert found["csv"].encode() == out.read_bytes()
    assert [one["right"] for one in found["learners"]] == [4, 2, 3]
    assert [[cell["verdict"] for cell in one["cells"]][:2] for one in found["learners"]] == [
        ["right", "right"], ["wrong", "right"], ["wrong", "right"]]  # fmt: skip
    bars = {one["label"]: (one["count"], one["right"]) for one in found["questions"][0]["bars"]}
    assert bars == {"1": (3, False), "50": (2, False), right: (1, True)}
    assert {one["label"]: one["count"] for one in found["questions"][3]["bars"]} == {"keys": 2, "values": 1}
    assert len(found["refused"]) == 2 and printed.count("refused f:") == 0
    assert "'=1+1" in found["csv"]
    whys = [one["why"] for one in asked("zh", sources + bad)["refused"]]
    assert whys[1] == "已经收过了" and whys[0] != found["refused"][0]["why"]


def test_two_hundred_hand_ins_are_one_question():
    """In under two seconds on a machine of its own; here only that they all come through."""
    sources = [(str(i), to_text(hand_in(f"learner {i}", str(i % 9)))) for i in range(200)]
    start = time.perf_counter()
    found = asked("en", sources)
    print(f"200 hand-ins: {time.perf_counter() - start:.2f} s")
    assert found["count"] == 200 and len(found["learners"]) == 200 and not found["refused"]


HOSTILE = [
    # these open, elsewhere than the question asks
    "?step=" + "1" * 900, "?tab=masks&extra=²", "?tab=masks&text=" + "(" * 900,
    "?tab=nowhere", "?" + "[" * 1900, "?tab=masks&extra=" + "9" * 400, "?%ff%fe=%ed%a0%80",
    "?tab=model&scene=copy&sequence=ß1", "?tab=cost&scene=nowhere", "?tab=cost&window=NaN",
    "?tab=heads&text=%00&layer=" + "9" * 30, "?tab=model&scene=why&layer=-1",
    "?tab=matchmaker&people=" + "[" * 900, "?tab=applications&app=²",
]  # fmt: skip


def test_a_hostile_view_is_unreadable_and_changes_nothing_for_the_others(caplog):
    def given(name, view):
        return name, to_text(HandIn(LESSON, f"\u202e{name}", (Answer("leak", "secret", at(view)),)))

    sources = [given(str(i), view) for i, view in enumerate(HOSTILE)] + [
        ("good", to_text(hand_in("Mei", "1")))
    ]
    found = asked("zh", sources)
    assert found["count"] == len(sources) and not found["refused"]
    assert [one["cells"][0]["verdict"] for one in found["learners"]] == ["unreadable"] * len(HOSTILE) + [
        "wrong"
    ]
    assert all(one["name"].startswith("□") for one in found["learners"][:-1]) and not caplog.records


def test_a_hostile_step_opens_no_assignment(caplog):
    for view in HOSTILE[3:]:
        told = ask_assignment("en", page_answers, {"assignment": to_text(Assignment("A", (Step(view),)))})
        assert set(told) == {"error"}, view
    assert not caplog.records


@pytest.mark.parametrize("request_", [
    None, {}, {"state": 3}, {"state": "!!"}, {"state": base64.b64encode(b"[").decode()},
    {"state": base64.b64encode(b'[["a"]]').decode()}, {"state": base64.b64encode(b'[["a", 1]]').decode()},
    {"state": base64.b64encode(b"\xff\xfe").decode()},
])  # fmt: skip
def test_a_hostile_question_is_refused_in_a_sentence(request_):
    told = ask_class("en", page_answers, request_)
    assert set(told) == {"error"} and "reference" not in told["error"]


@pytest.mark.parametrize("given", [
    None, 3, "", "nothing", "a1.AAAA", "x" * 40_000,
    to_text(Assignment("A", steps=(Step("?tab=nowhere"),))),
    to_text(Assignment("A", steps=(Step("?tab=masks&extra=99"),))),
])  # fmt: skip
def test_an_assignment_that_does_not_open_is_refused_in_a_sentence(given):
    for language in LANGUAGES:
        told = ask_assignment(language, page_answers, {"assignment": given})
        assert set(told) == {"error"} and "reference" not in told["error"]
    with pytest.raises(Refusal):
        opened(given, page_answers, "en")


def test_an_assignment_opens_with_the_inputs_of_its_steps():
    found = opened(to_text(LESSON), page_answers, "en")
    assert read_assignment(json.dumps(found["assignment"])) == LESSON
    assert [place and (place["tab"], place["step"]) for place in found["places"]] == [
        ("masks", 1), ("masks", 2), None]  # fmt: skip
    view = page_answers.view("?tab=masks&extra=3")
    assert view.inputs["extra"] == 3 and view.step == len(lesson_of(view.tab, "en")) + 1


@pytest.mark.parametrize("name", SHIPPED)
def test_every_step_of_a_shipped_assignment_opens_and_asks_what_the_page_asks(name):
    both = [shipped(name, language) for language in LANGUAGES]
    assert [step.view for step in both[0].steps] == [step.view for step in both[1].steps]
    assert [(q.id, q.kind, q.view, q.task, q.answer) for q in both[0].questions] == [
        (q.id, q.kind, q.view, q.task, q.answer) for q in both[1].questions]  # fmt: skip
    assert both[0].title != both[1].title and len(both[0].steps) >= 8
    for language, found in zip(LANGUAGES, both, strict=True):
        assert len(opened(name, page_answers, language)["places"]) == len(found.steps)
        questions = {question.id: question for question in found.questions}
        assert {step.question for step in found.steps} == set(questions)
        for step in found.steps:
            question = questions[step.question]
            if question.kind != "task":
                continue
            view = page_answers.view(step.view)
            assert question.view == step.view
            if view.step <= len(lesson_of(view.tab, "en")):
                assert lesson_of(view.tab, "en")[view.step - 1].task == question.task
            assert task_of(page_answers.tasks(view, language), question.task)["question"] == question.prompt


def test_the_command_line_marks_sheets_and_steps():
    assert answers({"seed": 3}).number("weight", 0, 0) == page_answers({"seed": 3}).number("weight", 0, 0)
    assert answers(at(LEAK.view)).judge(LEAK.view, "leak", f"{leak():.1f}")
