"""Qwen Code's sessions, whose rows are Claude Code's but for a few things."""

from __future__ import annotations

from agent_logs import calls, log, results, shape, thread
from logs import blocks

SESSION = "claude_code/qwen.jsonl"


def test_pieces_of_a_message_are_one_message_and_a_copy_is_none() -> None:
    reading = log(SESSION)
    assert shape(thread(reading.only))[1] == ("assistant", ["reasoning", "text", "tool_call"])
    assert reading.file.left_out["row of the same message"] == 1
    assert reading.file.left_out["repeated row"] == 1
    assert calls(reading.only) == [("shell", "k1")]
    assert results(reading.only) == [("shell", "k1", "no such command")]
    assert blocks(reading.only, "tool_result")[0].error == "no such command"
    assert reading.warnings == {}


def test_what_was_rewound_is_a_branch() -> None:
    transcript = log(SESSION).only
    assert [message.text for message in thread(transcript, "branch-1")] == ["Nine, I guess."]
    assert [message.text for message in thread(transcript)][3:] == [
        "Do not guess.",
        "Task 3 has ended.",
        "<state_snapshot>Lamps are being counted.</state_snapshot>",
        "I cannot count them.",
    ]


def test_what_nobody_typed_is_meta_and_the_summary_of_what_was_compressed_is_flagged() -> None:
    flagged = [(message.text, message.flags) for message in log(SESSION).only.messages if message.flags]
    assert flagged == [
        ("Task 3 has ended.", ("meta",)),
        ("<state_snapshot>Lamps are being counted.</state_snapshot>", ("summary",)),
    ]


def test_the_title_is_the_sessions() -> None:
    assert log(SESSION).only.metadata["title"] == "Lamps"
