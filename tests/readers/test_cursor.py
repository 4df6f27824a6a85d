"""Cursor's agent transcripts."""

from __future__ import annotations

from typing import Any

from agent_logs import calls, log, results, said, shape
from logs import Reading

SESSION = "0a1b2c3d-1111-4222-8333-444455556666"
FOLDER = f"cursor/agent-transcripts/{SESSION}"


def test_a_session_is_known_by_the_name_of_its_file_and_a_sub_agent_by_its_folder() -> None:
    session, agent = log(FOLDER).transcripts
    assert (session.id, session.metadata.get("parent")) == (SESSION, None)
    assert agent.id == f"{SESSION}/77778888-9999-4aaa-8bbb-ccccddddeeee"
    assert agent.metadata["parent"] == SESSION
    assert agent.metadata["agent_id"] == "77778888-9999-4aaa-8bbb-ccccddddeeee"


def test_a_name_that_is_no_id_is_none(write: Any) -> None:
    rows = [{"role": "user", "message": {"content": "Go."}}]
    assert Reading(write(rows, "today.jsonl", rows=True)).only.id.startswith("h-")


def test_the_mark_of_hidden_reasoning_is_reasoning_and_no_speech() -> None:
    session = log(FOLDER).transcripts[0]
    assert shape(session.messages)[1:4] == [
        ("assistant", ["text", "reasoning", "tool_call", "tool_call"]),
        ("assistant", ["reasoning", "tool_call"]),
        ("assistant", ["text"]),
    ]
    hidden = session.messages[1].blocks[1]
    assert (hidden.text, hidden.meta) == ("", {"redacted": True})
    assert session.messages[1].blocks[0].text == "I look at the log first."
    assert session.messages[3].text.endswith("masks its key as [REDACTED], so I cannot say which.")


def test_the_time_stands_in_what_the_user_says() -> None:
    session = log(FOLDER).transcripts[0]
    stamps = [message.timestamp for message in session.messages if message.role == "user"]
    assert stamps == ["2026-08-03T06:40:00Z", "2026-08-03T06:52:00Z"]


def test_a_turn_that_ended_badly_is_partial_and_says_why() -> None:
    reading = log(FOLDER)
    last = reading.transcripts[0].messages[-1]
    assert last.flags == ("partial",)
    assert last.meta == {"stop_reason": "error", "error": "User aborted request"}
    assert reading.files[0].left_out == {"turn_ended": 2}


def test_calls_are_not_missed_an_answer_where_the_log_has_none() -> None:
    assert log(FOLDER).warnings == {}


def test_results_and_reasoning_are_read_where_they_are_logged() -> None:
    reading = log("cursor/with_results.jsonl")
    assert said(reading.only.messages)[1][1][0] == ("reasoning", "A listing will do.")
    assert calls(reading.only) == [("Shell", "t1")]
    assert results(reading.only) == [("Shell", "t1", "a.txt\nb.txt")]
    assert reading.only.messages[3].text == "Two files."
    assert reading.file.malformed_rows == 1
    assert reading.file.left_out == {"row without message": 1}
