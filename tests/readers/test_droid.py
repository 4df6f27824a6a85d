"""Factory's Droid."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from agent_logs import calls, log, results, said, shape, thread
from logs import FIXTURES, Reading, blocks

SESSION = "d0d0d0d0-0000-4000-8000-000000000001"
KEPT = f"droid/{SESSION}.jsonl"


def test_a_session_is_read_with_its_calls_and_results() -> None:
    reading = log(KEPT)
    transcript = reading.only
    assert transcript.id == SESSION
    assert {key: transcript.metadata[key] for key in ("title", "cwd", "parent", "parent_call")} == {
        "title": "worker: oil the hinge",
        "cwd": "/srv/door",
        "parent": "d0d0d0d0-0000-4000-8000-000000000000",
        "parent_call": "toolu_9",
    }
    assert shape(thread(transcript))[:4] == [
        ("user", ["text"]),
        ("user", ["text"]),
        ("assistant", ["reasoning", "text", "tool_call"]),
        ("tool", ["tool_result"]),
    ]
    assert results(transcript) == [("Execute", "call_1", "hinge\noil")]
    assert reading.file.left_out == {"session_start": 1, "todo_state": 1, "agent_turn_outcome": 1}
    assert reading.warnings == {}


def test_what_the_session_went_back_behind_is_a_branch_and_rows_without_a_parent_are_none() -> None:
    transcript = log(KEPT).only
    assert [message.text for message in thread(transcript, "branch-1")] == ["I pour all of it."]
    assert [message.text for message in thread(transcript)][4:] == [
        *("Less!", "Error: Connection error.", "One drop.", "The hinge wants one drop."),
        *("<system-reminder>tools and skills</system-reminder>", "Does it creak?", "No."),
    ]


def test_what_is_for_the_model_or_the_user_alone_is_meta_and_summaries_are_flagged() -> None:
    flagged = [(message.role, message.text, message.flags) for message in log(KEPT).only.messages if message.flags]
    assert flagged == [
        ("user", "<system-reminder>tools and skills</system-reminder>", ("meta",)),
        ("system", "Error: Connection error.", ("meta",)),
        ("user", "The hinge wants one drop.", ("summary",)),
        ("user", "<system-reminder>tools and skills</system-reminder>", ("meta",)),
    ]


def test_the_model_stands_in_the_settings_beside(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / KEPT, tmp_path)
    (tmp_path / f"{SESSION}.settings.json").write_text('{"model": "acme/orion-2"}', "utf-8")
    reading = Reading(tmp_path)
    assert reading.only.model == "acme/orion-2"
    assert reading.skips == []
    assert log(KEPT).only.model is None


def test_the_model_that_a_message_names_is_the_one(write: Any, tmp_path: Path) -> None:
    (tmp_path / "s.settings.json").write_text('{"model": "acme/comet"}', "utf-8")
    rows = [
        {"type": "session_start", "id": "s"},
        {"type": "message", "message": {"role": "assistant", "modelId": "acme/orion-2", "content": "Yes."}},
    ]
    assert Reading(write(rows, "s.jsonl", rows=True)).only.model == "acme/orion-2"


def test_a_session_in_which_nothing_was_said_yet_is_named() -> None:
    reading = Reading(FIXTURES / "droid" / "unused.jsonl")
    assert reading.skips == ["no_text"]
    assert reading.file.format == "droid"


def test_what_is_printed_is_read_and_the_last_answer_once() -> None:
    transcript = log("droid/printed.jsonl").only
    assert (transcript.id, transcript.model) == ("d0d0d0d0-0000-4000-8000-000000000002", "acme/orion-2")
    assert said(transcript.messages) == [
        ("user", [("text", "Is the door shut?")]),
        ("assistant", [("reasoning", "I ask the lock.")]),
        ("assistant", [("tool_call", "command: lock --state")]),
        ("tool", [("tool_result", '{"stdout":"shut\\n","exitCode":0}')]),
        ("assistant", [("tool_call", "file_path: /nowhere")]),
        ("tool", [("tool_result", "no such file")]),
        ("assistant", [("text", "It is shut.")]),
    ]
    assert calls(transcript) == [("Execute", "call_1"), ("Read", "call_2")]
    assert blocks(transcript, "tool_result")[1].error == "no such file"


def test_an_answer_that_only_the_end_tells_is_read(write: Any) -> None:
    rows = [
        {"type": "message", "session_id": "s", "role": "user", "text": "Go."},
        {"type": "completion", "session_id": "s", "finalText": "Gone."},
    ]
    assert [message.text for message in Reading(write(rows, rows=True)).only.messages] == ["Go.", "Gone."]
