"""Assignments and hand-ins travel in text; marks are computed again; hostile text is refused."""

from __future__ import annotations

import base64
import dataclasses
import time
import zlib

import pytest

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
    to_json,
    to_text,
)
from attention.course.__main__ import main
from attention.course.collate import harmless, report, to_csv
from attention.course.format import seed_for
from attention.mistakes import wrong_tables
from attention.paper import draw

WEIGHT = Target("weight", 0, 0, "equal", 0.0)
LESSON = Assignment(
    "Scores first",
    steps=(Step("?tab=matchmaker&step=2", "look at row 0"), Step("?tab=masks")),
    questions=(
        Question("why", "text", "Why divide by the root of d?"),
        Question("w", "number", "The first weight?", target=WEIGHT),
        Question("who", "choice", "Who gets most?", choices=("Ann", "Ben"), answer=1),
        Question("sharp", "target", "Make it 0.5", target=Target("weight", 0, 0, "at least", 0.5)),
    ),
    veiled=("weights",),
    seed=7,
    own_numbers=True,
    marks="at the end",
)
# kept: version 1 as first written; later versions must open it
OLD_ASSIGNMENT = (
    '{"version":1,"title":"Old","questions":[{"id":"a","kind":"number","prompt":"?","answer":2}]}'
)
OLD_HAND_IN = (
    f'{{"version":1,"assignment":{OLD_ASSIGNMENT},"name":"Mei","answers":[{{"question":"a","given":"2"}}]}}'
)


def hand_in(name: str = "Mei", given: str = "0.5", **changes) -> HandIn:
    seed = seed_for(LESSON, name)
    answers = (Answer("w", given, {"seed": seed}), Answer("who", "1"), Answer("why", "smaller <b>"))
    return HandIn(LESSON, name, answers, **changes)


def packed(plain: str, prefix: str = "h1.") -> str:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = squeeze.compress(plain.encode()) + squeeze.flush()
    return prefix + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_a_link_and_a_file_give_back_what_was_put_in():
    for text in (to_text(LESSON), to_json(LESSON)):
        assert read_assignment(text) == LESSON
    for text in (to_text(hand_in()), to_json(hand_in())):
        assert read_hand_in(text) == hand_in()
    link = to_text(hand_in())
    assert set(link[3:]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(link) < 900


def test_version_one_still_opens():
    assert read_assignment(OLD_ASSIGNMENT).title == "Old"
    found = collate([("old", OLD_HAND_IN)])
    assert found.learners[0].marks["a"].verdict == "right"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with h1."),
        ("h1.", "cut off"),
        ("h1.!!!!", "cut off"),
        (to_text(LESSON), "begins with h1."),
        (to_text(hand_in())[:-9], "cut off"),
        ("[" * 100_000, "begins with h1."),
        ('{"version":1,"name":' + "[" * 100_000, "nested"),
        (OLD_HAND_IN.replace('"version":1,"ass', '"version":2,"ass'), "reads version 1"),
        (OLD_HAND_IN.replace('"version":1,"ass', '"version":true,"ass'), "reads version 1"),
        (OLD_HAND_IN.replace('"given":"2"', '"given":"2","attempts":1000000'), "attempts must be a whole"),
        (OLD_HAND_IN.replace('"given":"2"', '"given":"2","attempts":NaN'), "finite"),
        (OLD_HAND_IN.replace('"given":"2"', '"given":2'), "an answer must be text"),
        (OLD_HAND_IN.replace('"given":"2"', '"given":"2","inputs":{"a":{"b":1}}'), "finite number"),
        (OLD_HAND_IN.replace('"given":"2"', '"given":"2","inputs":[1]'), "named inputs"),
        (OLD_HAND_IN.replace('"given":"2"', '"given":"2","mark":"right"'), "has no 'mark'"),
        (OLD_HAND_IN.replace('"question":"a"', '"question":"b"'), "one answer to each"),
        (OLD_HAND_IN.replace('"name":"Mei"', '"name":"Mei","name":"Ann"'), "stands twice"),
        (OLD_HAND_IN.replace('"Mei"', '"' + "M" * 201 + '"'), "0 to 200 characters"),
        (OLD_HAND_IN.replace('"Mei"', "9" * 5000), "at most 20 digits"),
        (OLD_HAND_IN.replace('"answer":2', '"answer":1e999'), "finite number"),
        (OLD_HAND_IN.replace('"name"', '"did":[' + '"x",' * 200 + '"x"],"name"'), "at most 200 of kind str"),
        (OLD_HAND_IN.replace('"name"', '"did":"all","name"'), "did must be a list"),
        (OLD_HAND_IN.replace('"name"', '"did":["' + "x" * 201 + '"],"name"'), "0 to 200 characters"),
        ('{"version":1}', "needs its assignment"),
        ('{"version":1,"assignment":[]}', "must be a JSON object"),
        (packed("x" * 100_000_000), "at most 1000000 bytes"),
        (packed("[1]"), "one JSON object"),
        ("{" + "1" * 3_000_000, "at most 2000000 characters"),
    ],
)  # fmt: skip
def test_hostile_text_is_refused_in_one_sentence(text, says):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=says) as caught:
        read_hand_in(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert time.perf_counter() - start < 5


def test_nothing_hides_in_what_was_typed():
    assert read_hand_in(OLD_HAND_IN.replace('"Mei"', '"\\ud800"')).name == "□"
    hidden = "\u202eMei\u200b"
    made = dataclasses.replace(LESSON, title=hidden, steps=(Step("?tab=masks", hidden),), veiled=(hidden,))
    back = read_hand_in(to_text(HandIn(made, hidden, (Answer("why", hidden, guesses=(hidden,)),))))
    typed = [back.name, back.assignment.title, back.assignment.steps[0].note, back.assignment.veiled[0],
             back.answers[0].given, back.answers[0].guesses[0]]  # fmt: skip
    assert typed == ["□Mei□"] * 6
    assert seed_for(LESSON, hidden) == seed_for(LESSON, back.name)
    assert read_hand_in(to_text(back)) == back and read_assignment(to_json(made)) == back.assignment


def test_a_script_in_a_name_is_only_text():
    name = "<script>alert(1)</script>\x1b[2J"
    found = collate([("a", to_text(hand_in(name)))])
    assert found.learners[0].name == name.replace("\x1b", "□")
    assert "\x1b" not in report(found) and "<script>" in report(found)


@pytest.mark.parametrize("key", ["no_scale", "scale_by_d_model", "softmax_axis"])
def test_a_number_from_a_known_mistake_is_named(key):
    seed = seed_for(LESSON, "Mei")
    wrong = wrong_tables(draw(seed), key)["weight"][0, 0].item()
    found = mark(LESSON.questions[1], Answer("w", f"{wrong:.4f}", {"seed": seed}))
    assert (found.verdict, found.mistake) == ("wrong", key)


def test_marks_are_computed_from_inputs_through_what_is_plugged_in():
    class Page:
        def __init__(self, number):
            self.found = number

        def number(self, panel, row, column):
            assert (panel, row, column) == ("weight", 0, 0)
            return self.found

        def misconception(self, panel, row, column, given):
            return "own"

    def page(inputs):
        return Page(inputs["x"])

    number, target = LESSON.questions[1], LESSON.questions[3]
    assert mark(number, Answer("w", "0.25", {"x": 0.251}), page).verdict == "right"
    assert mark(number, Answer("w", "0.26", {"x": 0.251}), page).mistake == "own"
    assert mark(target, Answer("sharp", "", {"x": 0.5}), page).verdict == "right"
    assert mark(target, Answer("sharp", "", {"x": 0.49}), page).verdict == "wrong"
    assert mark(target, Answer("sharp", "", {"x": float("1e9")}), page).verdict == "right"


def test_what_cannot_be_read_says_why():
    found = mark(LESSON.questions[1], Answer("w", "abc", {"seed": 1}))
    assert found.verdict == "unreadable" and "'abc'" in found.why
    assert mark(LESSON.questions[1], Answer("w", "0.5", {"seed": -1})).verdict == "unreadable"
    assert mark(LESSON.questions[1], Answer("w", "0.5", {"seed": 1, "kind": "x"})).verdict == "unreadable"
    assert mark(LESSON.questions[2], Answer("who", "7")).verdict == "unreadable"
    assert mark(LESSON.questions[0], Answer("why", "anything")).verdict == "to read"


def test_each_name_has_numbers_of_its_own_however_it_is_typed():
    assert seed_for(LESSON, "Mei Li") == seed_for(LESSON, " ｍｅｉ  li ") != seed_for(LESSON, "Ann")
    assert seed_for(dataclasses.replace(LESSON, own_numbers=False), "Mei") == 7


def class_of(count: int) -> list[tuple[str, str]]:
    found = []
    for place in range(count):
        name = f"=learner{place}"
        table = wrong_tables(draw(seed_for(LESSON, name)), "no_scale")["weight"]
        found.append((name, to_text(hand_in(name, f"{table[0, 0].item():.4f}"))))
    return found


def test_a_class_shows_its_commonest_misconception_and_the_guesses():
    sources = class_of(6)
    bad = ("bad.json", OLD_HAND_IN.replace('"given":"2"', '"given":"2","attempts":1000000'))
    found = collate([*sources[:3], bad, *sources, ("old", OLD_HAND_IN)])
    assert len(found.learners) == 6
    assert found.misconceptions("w").most_common(1)[0][0] == "no_scale"
    assert found.guesses("who") == {"1": 6}
    assert [why.split(",")[0] for _, why in found.refused][1:4] == ["this hand-in is here already"] * 3
    assert "another assignment" in found.refused[-1][1]
    assert "commonest misconception: no_scale" in report(found)


def test_numbers_of_another_name_are_told():
    borrowed = dataclasses.replace(hand_in("Mei"), name="Ann")
    assert [
        one.own_seed for one in collate([("a", to_text(hand_in())), ("b", to_text(borrowed))]).learners
    ] == [
        True,
        False,
    ]


def test_csv_starts_no_formula():
    table = to_csv(collate(class_of(2)))
    assert all(not line.startswith(("=", "+", "-", "@")) for line in table.splitlines())
    assert "'=learner0" in table
    assert [harmless(x) for x in ("-0.5", "-1+1", " =A1", "@x", "0.5")] == [
        "-0.5",
        "'-1+1",
        "' =A1",
        "'@x",
        "0.5",
    ]


def test_two_hundred_hand_ins_collate_completely():
    found = collate(class_of(200))
    assert len(found.learners) == 200 and not found.refused
    assert all(one.own_seed for one in found.learners)


def test_the_command_reads_files_and_links(tmp_path, capsys):
    (tmp_path / "one.json").write_text(to_json(hand_in("Mei")), "utf-8")
    lines = [to_text(hand_in("Ann")), "https://example.org/?handin=" + to_text(hand_in("Bo")), "junk"]
    (tmp_path / "links.txt").write_text("\n".join(lines), "utf-8")
    out = tmp_path / "class.csv"
    arguments = ["collate", str(tmp_path / "one.json"), str(tmp_path / "links.txt"), "--csv", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("Mei", "Ann", "Bo", "links.txt:3"))
    assert len(out.read_text("utf-8").splitlines()) == 4
    assert main(["collate", str(tmp_path / "missing")]) == 1


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Step("https://elsewhere.example"),
        lambda: Question("a", "choice", "?", choices=("x",), answer=0),
        lambda: Question("a", "choice", "?", choices=("x", "y"), answer=2),
        lambda: Question("a", "number", "?"),
        lambda: Question("a", "target", "?"),
        lambda: Target("w", 0, 0, "about", 1.0),
        lambda: Assignment("", ()),
        lambda: Assignment("x", questions=(LESSON.questions[0],) * 2),
        lambda: Assignment("x", seed=-1),
        lambda: Assignment("x", names="yes"),
        lambda: Assignment("x", id="i" * 41),
    ],
)
def test_an_assignment_that_makes_no_sense_is_refused(broken):
    with pytest.raises(ValueError):
        broken()
