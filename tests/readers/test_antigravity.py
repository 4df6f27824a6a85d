"""Antigravity's transcripts."""

from __future__ import annotations

from agent_logs import log, results, said
from logs import blocks

TRANSCRIPT = "antigravity/brain/4d4d4d4d-0000-4000-8000-000000000001/logs/transcript.jsonl"


def test_steps_are_turns_and_answers_come_in_the_order_of_their_calls() -> None:
    reading = log(TRANSCRIPT)
    transcript = reading.only
    assert (transcript.id, transcript.model) == ("4d4d4d4d-0000-4000-8000-000000000001", "orion-2")
    assert said(transcript.messages) == [
        ("user", [("text", "<USER_REQUEST>\nList the sails.\n</USER_REQUEST>")]),
        (
            "assistant",
            [
                ("reasoning", "A listing."),
                ("text", "I look."),
                ("tool_call", "DirectoryPath: /srv/sails\nDepth: 2"),
                ("tool_call", 'CommandLine: wind "now"'),
            ],
        ),
        ("tool", [("tool_result", "main\nfore")]),
        ("tool", [("tool_result", "no such command")]),
        ("tool", [("tool_result", "Created file:///srv/a")]),
        ("user", [("text", "# Sails were listed.")]),
        ("system", [("text", "<SYSTEM_MESSAGE>Mind the wind.</SYSTEM_MESSAGE>")]),
        ("assistant", [("text", "Two sails.")]),
    ]
    assert [name for name, _, _ in results(transcript)] == ["list_dir", "run_command", "code_action"]
    assert [block.error for block in blocks(transcript, "tool_result")] == [None, "error", None]
    assert [message.flags for message in transcript.messages[5:7]] == [("summary",), ("meta",)]


def test_what_is_cut_or_told_again_or_says_nothing_is_named() -> None:
    reading = log(TRANSCRIPT)
    assert reading.warnings == {"cut_by_recorder": 1, "orphan_result": 1}
    assert reading.file.left_out == {
        "CONVERSATION_HISTORY": 1,
        "earlier state of a step": 1,
        "PLANNER_RESPONSE without content": 1,
    }
