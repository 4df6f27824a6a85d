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


def test_what_the_agent_prints_is_a_session_with_thoughts_calls_and_results() -> None:
    reading = log("cursor/printed.jsonl")
    transcript = reading.only
    assert (transcript.id, transcript.model) == ("c0c0c0c0-0000-4000-8000-000000000001", "Orion 2")
    assert transcript.metadata["cwd"] == "/srv/loom"
    assert said(transcript.messages) == [
        ("user", [("text", "Is the loom set?")]),
        ("assistant", [("reasoning", "I have to look."), ("text", "I look at it."), ("tool_call", "path: loom.txt")]),
        ("assistant", [("tool_call", "command: loom --check")]),
        ("tool", [("tool_result", "warp: yes")]),
        ("tool", [("tool_result", '{"reason":"not allowed"}')]),
        ("assistant", [("tool_call", "q: weft")]),
        ("tool", [("tool_result", '{"rows":2}')]),
        ("assistant", [("text", "It is set.")]),
    ]
    assert [name for name, _ in calls(transcript)] == ["read", "shell", "mcp_ask"]
    assert results(transcript)[1][:2] == ("shell", "c2")
    assert reading.warnings == {}


def test_answers_that_come_whole_are_told_apart(write: Any) -> None:
    def row(text: str) -> dict[str, Any]:
        return {"type": "assistant", "message": {"role": "assistant", "content": [{"type": "text", "text": text}]}}

    rows = [
        {"type": "system", "subtype": "init", "apiKeySource": "env", "session_id": "s"},
        {"type": "user", "message": {"role": "user", "content": "Go."}},
        row("One."),
        row("Two."),
        {"type": "result", "subtype": "success", "result": "One.Two."},
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert transcript.format == "cursor"
    assert [message.text for message in transcript.messages] == ["Go.", "One.", "Two."]
