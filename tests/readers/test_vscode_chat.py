"""Copilot's chats in VS Code."""

from __future__ import annotations

from agent_logs import calls, log, said, thread
from logs import blocks

CHAT = "vscode_chat/chat.json"


def test_rounds_are_what_the_model_said_and_called_and_was_answered() -> None:
    transcript = log(CHAT).only
    assert transcript.id == "5c5c5c5c-0000-4000-8000-000000000001"
    assert (transcript.model, transcript.metadata["title"]) == ("copilot/orion-2", "The ferry")
    assert said(transcript.messages)[1:5] == [
        (
            "assistant",
            [
                ("reasoning", "The plan first."),
                ("text", "I read the plan."),
                ("tool_call", "filePath: /srv/ferry/plan.md"),
                ("tool_call", "query: ebb"),
            ],
        ),
        ("tool", [("tool_result", "Ebb is at six.")]),
        ("tool", [("tool_result", "2 matches\nplan.md:3 ebb")]),
        ("assistant", [("text", "The ferry leaves at ebb.")]),
    ]


def test_the_prompt_is_what_the_model_was_given() -> None:
    assert log(CHAT).only.messages[0].text.startswith("<context>\nToday is Friday.")


def test_without_rounds_the_pieces_of_the_response_are_read() -> None:
    assert said(log(CHAT).only.messages)[5:13] == [
        ("user", [("text", "Write it into the plan."), ("media", "[file plan.md]")]),
        (
            "assistant",
            [
                ("reasoning", "Where does it go?"),
                ("text", "See `plan.md`: I write it.\n"),
                ("tool_call", "command: tide --today"),
            ],
        ),
        ("tool", [("tool_result", "ebb 06:00")]),
        ("assistant", [("tool_call", "q: ebb?")]),
        ("tool", [("tool_result", "Aye.")]),
        (
            "assistant",
            [
                ("tool_call", "message: Reading plan.md"),
                ("tool_call", "path: /srv/ferry/plan.md\ntext:\nEbb: six.\nGo."),
                ("text", "Done."),
            ],
        ),
        ("user", [("text", "And back?")]),
        ("assistant", [("text", "At fl")]),
    ]
    assert calls(log(CHAT).only)[2:] == [
        ("run_in_terminal", "c3"),
        ("Ask", "c4"),
        ("copilot_readFile", "c5"),
        ("textEditGroup", None),
    ]
    assert [block.name for block in blocks(log(CHAT).only, "tool_result")] == [
        *("read_file", "grep_search", "run_in_terminal", "Ask")
    ]


def test_an_answer_that_was_cancelled_or_failed_is_partial() -> None:
    flagged = [(message.text, message.meta) for message in log(CHAT).only.messages if message.flags == ("partial",)]
    assert flagged == [("At fl", {"stop_reason": "cancelled"}), ("", {"error": "The network is down."})]


def test_what_is_left_out_is_named() -> None:
    reading = log(CHAT)
    assert reading.file.left_out == {"mcpServersStarting": 1, "undoStop": 1, "request without message": 1}
    assert reading.warnings == {"unanswered_call": 2}


def test_the_log_of_a_sessions_changes_is_replayed_and_what_was_taken_back_is_discarded() -> None:
    reading = log("vscode_chat/log.jsonl")
    transcript = reading.only
    assert transcript.id == "6d6d6d6d-0000-4000-8000-000000000001"
    assert (transcript.model, transcript.metadata["title"]) == ("copilot/orion-2", "Knots")
    assert said(thread(transcript)) == [
        ("user", [("text", "Which knot?")]),
        ("assistant", [("text", "A bowline.")]),
        ("user", [("text", "Untie it.")]),
        ("assistant", [("tool_call", "knot: bowline")]),
        ("tool", [("tool_result", "done")]),
        ("assistant", [("text", "It is loose.")]),
    ]
    assert [message.text for message in thread(transcript, "discarded-1")] == ["Cut it.", "I cut it."]
    assert transcript.thread_kind("discarded-1") == "discarded"
    assert reading.file.malformed_rows == 1  # of a request that is not there
    assert reading.file.left_out == {"state of the session": 1, "change of the session": 9}
