"""Gemini CLI sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent_logs import calls, log, results, said, shape, thread
from logs import Reading, blocks


def test_a_session_has_thoughts_text_calls_and_results() -> None:
    transcript = log("gemini_cli/session.json").only
    assert transcript.id == "g-1"
    assert transcript.metadata["models"] == ["gemini-2.5-pro", "gemini-2.5-flash"]
    assert shape(transcript.messages) == [
        ("system", ["text"]),
        ("user", ["text", "media"]),
        ("assistant", ["reasoning", "reasoning", "text", "tool_call", "tool_call", "tool_call"]),
        ("tool", ["tool_result"]),
        ("tool", ["tool_result"]),
        ("tool", ["tool_result"]),
        ("system", ["text"]),
        ("assistant", ["text"]),
    ]
    assert [block.text for block in blocks(transcript, "reasoning")] == [
        "Plan\nOpen the file, then answer.",
        "Keep it short.",
    ]


def test_results_are_what_the_tool_said_or_what_was_shown() -> None:
    transcript = log("gemini_cli/session.json").only
    assert results(transcript) == [
        ("read_file", "read_file-1", "buy milk"),
        ("run_shell_command", "shell-2", "[Operation Cancelled]"),
        ("web_fetch", "web-3", "Fetched 3 kB"),
    ]
    assert [block.error for block in blocks(transcript, "tool_result")] == [None, "[Operation Cancelled]", None]


def test_notices_of_the_program_are_not_the_models_words() -> None:
    notices = [message for message in log("gemini_cli/session.json").only.messages if message.role == "system"]
    assert [(message.flags, message.meta) for message in notices] == [
        (("meta",), {"notice": "info"}),
        (("meta",), {"notice": "error"}),
    ]


def test_rows_are_the_last_state_of_each_message_and_a_rewind_discards() -> None:
    reading = log("gemini_cli/rows.jsonl")
    transcript = reading.only
    assert said(thread(transcript)) == [
        ("user", [("text", "second try")]),
        ("assistant", [("text", "a right answer")]),
    ]
    assert said(thread(transcript, "discarded-1")) == [
        ("user", [("text", "first try")]),
        ("assistant", [("text", "a wrong answer")]),
    ]
    assert transcript.thread_kind("discarded-1") == "discarded"
    assert reading.file.left_out == {"session": 1, "earlier state of a message": 1, "$set": 1, "$rewindTo": 1}


def test_real_sessions_agree_with_their_messages(shared_data: Path) -> None:
    roles = {"user": "user", "gemini": "assistant", "info": "system", "error": "system", "warning": "system"}
    for path in sorted((shared_data / "transcripts" / "gemini_cli_session").glob("*.json")):
        raw = json.loads(path.read_text("utf-8"))
        transcript = Reading(path).only
        assert transcript.id == raw["sessionId"]
        assert [(message.role, message.timestamp) for message in transcript.messages] == [
            (roles[row["type"]], row["timestamp"]) for row in raw["messages"]
        ]
        for message, row in zip(transcript.messages, raw["messages"], strict=True):
            assert [block.text for block in message.blocks if block.kind == "text"] == [row["content"]]
            assert len([block for block in message.blocks if block.kind == "reasoning"]) == len(row.get("thoughts", []))
        assert [name for name, _ in calls(transcript)] == [
            call["name"] for row in raw["messages"] for call in row.get("toolCalls", [])
        ]


def test_older_sessions_tell_no_project() -> None:
    transcript = log("gemini_cli/older.json").only
    assert (transcript.id, transcript.model) == ("older-1", "gemini-2.5-pro")
    assert said(transcript.messages) == [
        ("user", [("text", "Is the plan sound?")]),
        ("assistant", [("text", "It is.")]),
    ]


def test_a_shortened_history_loses_nothing_that_was_said(write: Any) -> None:
    def row(id: str, kind: str, *parts: Any) -> dict[str, Any]:
        return {"id": id, "type": kind, "timestamp": "2026-03-01T10:00:00Z", "content": list(parts)}

    answer = {"functionResponse": {"id": "c1", "name": "ls", "response": {"output": "a"}}}
    shortened = [row("s1", "user", {"text": "So far: greetings."}), row("s2", "user", answer), row("m2", "gemini")]
    rows = [
        {"sessionId": "g-1", "projectHash": "p", "startTime": "2026-03-01T10:00:00Z"},
        row("m1", "user", {"text": "Hello."}),
        row("m2", "gemini", {"text": "Good day."}),
        {"$set": {"messages": shortened}},
        row("m3", "user", {"text": "Go on."}),
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert [(message.text, message.flags) for message in transcript.messages] == [
        ("Hello.", ()),
        ("Good day.", ()),
        ("So far: greetings.", ("summary",)),
        ("Go on.", ()),
    ]


def test_results_are_told_once_and_a_session_may_begin_with_its_surroundings(write: Any) -> None:
    def row(id: str, kind: str, *parts: Any, **more: Any) -> dict[str, Any]:
        return {"id": id, "type": kind, "timestamp": "2026-03-01T10:00:00Z", "content": list(parts), **more}

    def answer(id: str, text: str) -> dict[str, Any]:
        return {"functionResponse": {"id": id, "name": "ls", "response": {"output": text}}}

    calls = [
        {"id": "c1", "name": "ls", "args": {"path": "."}, "status": "success", "result": [answer("c1", "a.txt")]},
        {"id": "c2", "name": "ls", "args": {"path": "x"}, "status": "cancelled"},
        {"id": "c3", "name": "ls", "args": {"path": "y"}, "status": "scheduled"},
    ]
    surroundings = row("m0", "user", {"text": "<session_context>\nlinux\n</session_context>"})
    rows = [
        {"sessionId": "g-1", "projectHash": "p", "startTime": "2026-03-01T10:00:00Z"},
        {"$set": {"messages": [surroundings, "no message"]}},
        row("m1", "user", {"text": "Look."}),
        row("m2", "gemini", {"text": "I look."}, toolCalls=calls),
        row("m3", "user", answer("c1", "a.txt"), answer("c3", "late")),
        row("m4", "gemini", {"text": "Done."}),
    ]
    reading = Reading(write(rows, rows=True))
    told = [(message.role, message.text.split("\n")[0], message.flags) for message in reading.only.messages]
    assert told == [
        ("user", "<session_context>", ("meta",)),
        ("user", "Look.", ()),
        ("assistant", "I look.", ()),
        ("tool", "a.txt", ()),
        ("tool", "", ()),
        ("tool", "late", ()),
        ("assistant", "Done.", ()),
    ]
    assert reading.warnings == {}
    assert reading.file.left_out["result that stands at its call"] == 1


def test_a_result_that_is_masked_later_stays_as_the_model_was_given_it(write: Any) -> None:
    def state(output: str | None) -> dict[str, Any]:
        call: dict[str, Any] = {"id": "read-1", "name": "read_file", "args": {"path": "a"}, "status": "success"}
        if output is not None:
            call["result"] = [{"functionResponse": {"id": "read-1", "response": {"output": output}}}]
        return {"id": "m2", "type": "gemini", "content": "I look.", "toolCalls": [call]}

    masked = "<tool_output_masked>\nline 1\n[39 lines omitted]\n</tool_output_masked>"
    rows = [
        {"sessionId": "g-9", "projectHash": "p"},
        {"id": "m1", "type": "user", "content": "Read it."},
        *map(state, (None, "line 1\nline 2", masked)),
        {"id": "m3", "type": "gemini", "content": "Read.", "toolCalls": []},
    ]
    reading = Reading(write(rows, rows=True))
    assert results(reading.only) == [("read_file", "read-1", "line 1\nline 2")]
    assert reading.file.left_out == {"session": 1, "earlier state of a message": 2}
    cut = {"$patch": {"id": "m2", "toolCalls": [{"id": "read-1", "result": None}], "removeIds": ["m1"]}}
    patched = Reading(write([*rows[:4], cut], rows=True))
    assert results(patched.only) == [("read_file", "read-1", "line 1\nline 2")]
    assert len(patched.only.messages) == 3
    assert (patched.warnings, patched.file.left_out["$patch"]) == ({}, 1)
    only_masked = Reading(write([rows[0], rows[1], state(masked)], rows=True))
    assert results(only_masked.only) == [("read_file", "read-1", masked)]


def test_what_the_program_prints_is_a_session_too() -> None:
    reading = log("gemini_cli/stream.jsonl")
    transcript = reading.only
    assert (transcript.id, transcript.model) == ("gs-1", "gemini-q")
    assert said(transcript.messages) == [
        ("user", [("text", "Mend the harbour lamp.")]),
        (
            "assistant",
            [
                ("text", "I look at the wires."),
                ("tool_call", "path: wires.txt"),
                ("tool_call", "command: lamp --test"),
            ],
        ),
        ("tool", [("tool_result", "red, blue")]),
        ("tool", [("tool_result", "no such lamp")]),
        ("assistant", [("tool_call", "path: .")]),
        ("tool", [("tool_result", "lamps/")]),
        ("assistant", [("text", "The blue wire was loose.")]),
    ]
    assert [message.blocks[0].error for message in transcript.messages if message.role == "tool"] == [
        None,
        "no such lamp",
        None,
    ]
    assert transcript.messages[1].timestamp == "2026-03-01T10:00:02Z"
    joined = 3  # a piece of the sentence before, two calls that belong to it
    assert reading.file.left_out == {"init": 1, "error": 1, "result": 1, "joined with the row before": joined}


def test_several_printed_runs_are_several_transcripts(write: Any) -> None:
    def run(id: str, *contents: str) -> list[dict[str, Any]]:
        spoken = [{"type": "message", "role": "user", "content": content} for content in contents]
        return [{"type": "init", "session_id": id, "model": "gemini-q"}, *spoken]

    reading = Reading(write([*run("a", "One."), *run("b"), *run("c", "Two.", "Three.")], rows=True))
    assert [(found.id, found.model, len(found.messages)) for found in reading.transcripts] == [
        ("a", "gemini-q", 1),
        ("c", "gemini-q", 2),
    ]
    assert Reading(write(run("d"), rows=True)).skips == ["no_text"]
    asked = {"type": "message", "role": "user", "content": "What the program was asked, by who ran it."}
    preceded = Reading(write([asked, *run("e", "Four."), *run("f", "Five.")], rows=True))
    assert [(found.id, found.format, len(found.messages)) for found in preceded.transcripts] == [
        ("e", "gemini_cli", 2),
        ("f", "gemini_cli", 1),
    ]
    assert preceded.transcripts[0].messages[0].text == asked["content"]


def test_sub_agents_name_the_session_in_whose_folder_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "chats" / "parent-1" / "child-1.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"sessionId":"child-1","projectHash":"p","kind":"subagent"}\n{"id":"1","type":"user","content":"Look."}\n'
    )
    assert Reading(path).only.metadata["parent"] == "parent-1"


def test_a_models_name_can_be_stored_whatever_stands_in_it(write: Any) -> None:
    rows = [
        {"id": "1", "type": "user", "content": "Go."},
        {"id": "2", "type": "gemini", "content": "Yes.", "model": "m\ud800"},
    ]
    session = {"sessionId": "g", "projectHash": "p", "messages": rows}
    assert Reading(write(session)).only.model == "m\ufffd"
    rows.append({"id": "3", "type": "gemini", "content": "No.", "model": "n\x00"})
    assert Reading(write(session)).only.metadata["models"] == ["m\ufffd", "n\ufffd"]
