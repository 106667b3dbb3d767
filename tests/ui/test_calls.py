"""Calls in two steps: what waits is a question, never an answer, and not for long."""

from __future__ import annotations

import asyncio
import json

from attention.ui.page import calls
from attention.ui.page.calls import Question, Waiting, call_stream, session_stream


def test_a_question_is_fetched_once():
    waiting = Waiting()
    name = waiting.put(Question("masks", b"[]"))
    assert waiting.take(name).data == b"[]"
    assert waiting.take(name) is None


def test_what_waits_is_bounded_in_number_in_bytes_and_in_time(monkeypatch):
    waiting = Waiting()
    names = [waiting.put(Question("masks", b"[]")) for _ in range(3 * calls.KEPT)]
    assert len(waiting) == calls.KEPT and waiting.take(names[0]) is None and waiting.take(names[-1])
    waiting = Waiting()
    for _ in range(100):
        waiting.put(Question("masks", b" " * 120_000))
    assert len(waiting) <= calls.BYTES // 120_000
    monkeypatch.setattr(calls, "SECONDS", 0.0)
    assert waiting.of("") is None and len(waiting) == 0


def test_a_session_hears_its_own_answers_in_order_and_then_the_end():
    waiting = Waiting()
    for session, data in (("mine", b"1"), ("other", b"2"), ("mine", b"3")):
        waiting.put(Question("masks", data, session))

    async def compute(name, data):
        return data != b"3", json.loads(data)

    async def hear():
        return [json.loads(part[6:]) async for part in session_stream("mine", waiting, compute)]

    first, second, end = asyncio.run(hear())
    assert first["output"] == {"data": 1} and first["success"]
    assert second["output"]["error"] == 3 and not second["success"]
    assert end["msg"] == "close_stream" and len(waiting) == 1


def test_a_failure_is_an_event_with_a_sentence():
    async def compute(name, data):
        return False, "a\nsentence"

    async def hear():
        return [part async for part in call_stream(Question("masks", b"[]"), compute)]

    assert asyncio.run(hear()) == [b'event: error\ndata: "a\\nsentence"\n\n']
