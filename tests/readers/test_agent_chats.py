"""Threads of Amp, sessions of Goose and of Continue."""

from __future__ import annotations

from agent_logs import calls, log, results, said
from logs import blocks

AMP = "amp/T-0f3c0000-0000-4000-8000-000000000001.json"


def test_a_thread_of_amp_is_read_with_what_its_tools_ran() -> None:
    reading = log(AMP)
    transcript = reading.only
    assert (transcript.id, transcript.model) == ("T-0f3c0000-0000-4000-8000-000000000001", "orion-2")
    assert (transcript.metadata["title"], transcript.metadata["cwd"]) == ("The leak", "file:///srv/dam")
    assert said(transcript.messages)[1] == (
        "assistant",
        [
            ("reasoning", "At the gate."),
            ("text", "I look."),
            ("tool_call", "cmd: gate --log"),
            ("tool_call", "path: /srv/dam/a"),
            ("tool_call", "prompt: Look below."),
        ],
    )
    assert results(transcript) == [
        ("Bash", "toolu_1", "gate 3 drips"),
        ("edit_file", "toolu_2", "not now"),
        ("Task", "toolu_3", "too dark"),
    ]
    assert [block.error for block in blocks(transcript, "tool_result")] == [None, "not now", "too dark"]
    assert [(message.text, message.flags) for message in transcript.messages[-2:]] == [
        ("Gate 3 drips.", ("summary",)),
        ("Gate 3 dr", ("partial",)),
    ]
    assert reading.warnings == {}


def test_a_session_of_goose_is_known_by_its_file_and_read_with_its_results() -> None:
    reading = log("goose/20260601_120000.jsonl")
    transcript = reading.only
    assert (transcript.id, transcript.metadata["cwd"]) == ("20260601_120000", "/srv/geese")
    assert said(transcript.messages) == [
        ("user", [("text", "Feed the geese.")]),
        (
            "assistant",
            [
                ("reasoning", "Corn."),
                ("text", "I fetch corn."),
                ("tool_call", "command: fetch corn"),
                ("tool_call", ""),
            ],
        ),
        ("tool", [("tool_result", "a sack")]),
        ("tool", [("tool_result", "no such tool")]),
        ("user", [("text", "It is noon.")]),
        ("assistant", [("reasoning", ""), ("text", "They are fed.")]),
    ]
    assert calls(transcript) == [("developer__shell", "c1"), (None, "c2")]
    assert transcript.messages[4].flags == ("meta",)
    assert reading.file.left_out == {"session": 1, "toolConfirmationRequest": 1}
    assert reading.warnings == {}


def test_an_export_of_goose_is_read_alike() -> None:
    transcript = log("goose/export.json").only
    assert (transcript.id, transcript.metadata["title"]) == ("20260601_9", "Feeding")
    assert results(transcript) == [("developer__shell", "c1", "a sack"), (None, "c2", "torn")]
    assert [block.error for block in blocks(transcript, "tool_result")] == [None, "error"]


def test_a_session_of_continue_is_read_with_context_thoughts_and_what_calls_came_to() -> None:
    reading = log("continue/session.json")
    transcript = reading.only
    assert (transcript.id, transcript.model) == ("0f1e0000-0000-4000-8000-000000000001", "orion-2")
    assert said(transcript.messages) == [
        ("user", [("text", "```\nBess\n```")]),
        ("user", [("text", "Rename the cow.")]),
        ("assistant", [("reasoning", "Which cow?")]),
        (
            "assistant",
            [("text", "I look."), ("tool_call", "filepath: cow.txt"), ("tool_call", "filepath: cow.txt")],
        ),
        ("tool", [("tool_result", "The user said no.")]),
        ("tool", [("tool_result", "Bess")]),
        ("assistant", [("text", "She stays Bess.")]),
    ]
    assert transcript.messages[0].flags == ("meta",)
    assert results(transcript) == [("edit", "c2", "The user said no."), ("read_file", "c1", "Bess")]
    assert blocks(transcript, "tool_result")[0].error == "canceled"
    assert reading.warnings == {}
