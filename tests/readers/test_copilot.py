"""Sessions of GitHub Copilot CLI."""

from __future__ import annotations

from typing import Any

from agent_logs import calls, log, results, said, shape, thread
from logs import Reading, blocks

KEPT = "copilot/events.jsonl"
PRINTED = "copilot/printed.jsonl"


def event(kind: str, number: int, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": kind, "id": f"e{number}", "parentId": f"e{number - 1}", "data": data, **more}


def test_a_session_is_read_with_its_calls_and_results() -> None:
    transcript = log(KEPT).only
    assert transcript.id == "5e550000-0000-4000-8000-000000000001"
    assert transcript.metadata["models"] == ["acme/orion-2", "acme/comet"]
    assert {key: transcript.metadata[key] for key in ("cwd", "version", "title")} == {
        "cwd": "/srv/mill",
        "version": "1.0.9",
        "title": "The slow mill",
    }
    assert shape(thread(transcript))[:5] == [
        ("system", ["text"]),
        ("user", ["text", "media"]),
        ("assistant", ["reasoning", "text", "tool_call", "tool_call"]),
        ("tool", ["tool_result", "media"]),
        ("tool", ["tool_result"]),
    ]
    assert calls(transcript) == [("bash", "c1"), ("apply_patch", "c2"), ("task", "c3"), ("bash", "u1"), ("view", "c4")]
    assert results(transcript)[:2] == [
        ("bash", "c1", "gear 1 ok\ngear 2 worn"),
        ("apply_patch", "c2", "The patch is empty"),
    ]
    assert blocks(transcript, "tool_result")[1].error == "The patch is empty"
    assert log(KEPT).warnings == {}


def test_the_prompt_is_what_the_model_was_given() -> None:
    assert log(KEPT).only.messages[1].text.startswith("<current_datetime>2026-05-01T10:03:00Z</current_datetime>")


def test_reasoning_is_told_once_and_ciphertext_never() -> None:
    reasoning = blocks(log(KEPT).only, "reasoning")
    assert [(block.text, block.meta) for block in reasoning] == [
        ("The gears, probably.", None),
        ("Another pair of eyes helps.", None),
        ("", {"redacted": True}),
    ]
    assert [block.text for block in blocks(log(PRINTED).only, "reasoning")] == ["Counting."]


def test_what_the_program_puts_in_is_meta_and_a_skill_is_told_once() -> None:
    flagged = [(message.role, message.text) for message in log(KEPT).only.messages if message.flags == ("meta",)]
    assert flagged == [
        ("user", '<skill-context name="gears">\nTurn gears by hand.\n</skill-context>'),
        ("user", "Oil is on the shelf."),
        ("system", "<system_notification>Shell 1 ended.</system_notification>"),
    ]
    assert log(KEPT).file.left_out["skill.invoked"] == 1


def test_a_sub_agent_has_a_thread() -> None:
    transcript = log(KEPT).only
    assert transcript.metadata["threads"]["agent-c3"] == {"kind": "subagent", "parent": "main", "actor": "critic"}
    assert shape(thread(transcript, "agent-c3")) == [
        ("assistant", ["reasoning", "tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", ["text"]),
    ]


def test_what_was_gone_back_behind_is_discarded() -> None:
    transcript = log(KEPT).only
    assert transcript.thread_kind("discarded-1") == "discarded"
    assert [message.text for message in thread(transcript, "discarded-1")] == [
        "Take it out with the saw.",
        "I fetch the saw.",
    ]
    assert [message.text for message in thread(transcript)][-5] == "Take it out with a wrench."


def test_a_sub_agent_of_what_was_gone_back_behind_is_discarded_too(write: Any) -> None:
    rows = [
        event("user.message", 1, {"content": "Go."}),
        event("assistant.message", 2, {"messageId": "m1", "content": "Gone.", "toolRequests": []}),
        event("assistant.message", 3, {"messageId": "m2", "content": "Below."}, agentId="a"),
        event("session.snapshot_rewind", 4, {"upToEventId": "e2"}),
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert [message.text for message in thread(transcript)] == ["Go."]
    assert transcript.thread_kind("agent-a") == "discarded"


def test_a_tool_that_the_user_ran_is_the_users() -> None:
    transcript = log(KEPT).only
    assert said(thread(transcript))[12] == ("user", [("tool_call", "command: ls /srv/tools")])


def test_a_call_that_no_message_asks_for_is_read_from_its_start(write: Any) -> None:
    rows = [
        event("user.message", 1, {"content": "Go."}),
        event("tool.execution_start", 2, {"toolCallId": "a", "toolName": "bash", "arguments": {"command": "ls"}}),
        event("tool.execution_start", 3, {"toolCallId": "b", "toolName": "view", "arguments": {"path": "x"}}),
        event("assistant.message", 4, {"content": "Both.", "toolRequests": [{"toolCallId": "b", "name": "view"}]}),
    ]
    assert calls(Reading(write(rows, rows=True)).only) == [("bash", "a"), ("view", "b")]


def test_the_summary_of_a_compaction_is_flagged() -> None:
    flagged = [message.text for message in log(KEPT).only.messages if message.flags == ("summary",)]
    assert flagged == ["Gear 2 is worn and comes out with a wrench."]


def test_what_is_printed_is_a_session_and_what_broke_off_is_partial() -> None:
    reading = log(PRINTED)
    assert reading.only.id == "5e550000-0000-4000-8000-000000000002"
    assert reading.only.model == "acme/orion-2"
    assert [(message.text, message.flags) for message in reading.only.messages] == [
        ("Count to three.", ()),
        ("Counting.\nOne, two, three.", ()),
        ("Instructions from AGENTS.md.", ("meta",)),
        ("And then fo", ("partial",)),
    ]
    assert reading.file.left_out["assistant.message_delta"] == 5


def test_pieces_that_came_whole_under_another_id_are_not_told_twice(write: Any) -> None:
    rows = [
        event("user.message", 1, {"content": "Go."}),
        event("assistant.message_delta", 2, {"messageId": "x", "deltaContent": "Gone."}),
        event("assistant.message", 3, {"messageId": "y", "content": "Gone."}),
    ]
    assert [message.text for message in Reading(write(rows, rows=True)).only.messages] == ["Go.", "Gone."]
