"""pi sessions and OpenClaw events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_logs import calls, log, results, said, shape, thread
from logs import FIXTURES, Reading, blocks


def test_a_session_without_ids_is_read_in_file_order() -> None:
    transcript = log("pi/linear.jsonl").only
    assert transcript.id == "pi-1"
    assert transcript.metadata["models"] == ["claude-a", "claude-b"]
    assert shape(transcript.messages) == [
        ("user", ["text", "media"]),
        ("assistant", []),
        ("assistant", ["reasoning", "text", "tool_call"]),
        ("tool", ["tool_result"]),
        ("user", ["tool_call", "tool_result"]),
        ("assistant", ["text"]),
    ]
    assert results(transcript) == [("read", "toolu_1", "ENOENT"), ("bash", None, "a.md")]
    assert blocks(transcript, "tool_result")[0].error == "error"


def test_an_aborted_turn_stays_and_is_partial() -> None:
    aborted = log("pi/linear.jsonl").only.messages[1]
    assert (aborted.flags, aborted.blocks) == (("partial",), ())
    assert aborted.meta == {"stop_reason": "aborted", "error": "Request was aborted"}


def test_the_way_to_the_last_entry_is_main_and_the_rest_are_branches() -> None:
    transcript = log("pi/tree.jsonl").only
    assert [message.text for message in thread(transcript)] == [
        *("question", "first answer", "Tried the left.", "other way", "right branch", "Everything so far."),
        *("injected", "the end"),
    ]
    assert [message.text for message in thread(transcript, "branch-1")] == ["no", "left branch"]
    assert [message.text for message in thread(transcript, "branch-2")] == ["third way"]
    assert transcript.thread_kind("branch-1") == "branch"


def test_summaries_and_injected_messages_are_flagged() -> None:
    flagged = [(message.text, message.flags) for message in log("pi/tree.jsonl").only.messages if message.flags]
    assert flagged == [
        ("Tried the left.", ("summary",)),
        ("Everything so far.", ("summary",)),
        ("injected", ("meta",)),
    ]


def test_a_long_chain_of_entries_is_no_recursion(write: Any) -> None:
    rows: list[dict[str, Any]] = [{"type": "session", "id": "long"}]
    for number in range(3000):
        message = {"role": "user", "content": str(number)}
        rows.append({"type": "message", "id": str(number), "parentId": str(number - 1), "message": message})
    assert len(thread(Reading(write(rows, rows=True)).only)) == 3000


def test_entries_that_are_their_own_ancestors_are_read_once(write: Any) -> None:
    rows: list[dict[str, Any]] = [
        {"type": "session", "id": "loop"},
        {"type": "message", "id": "a", "parentId": "b", "message": {"role": "user", "content": "one"}},
        {"type": "message", "id": "b", "parentId": "a", "message": {"role": "user", "content": "two"}},
    ]
    assert [message.text for message in Reading(write(rows, rows=True)).only.messages] == ["one", "two"]


def test_openclaw_merges_the_histories_that_each_run_repeats() -> None:
    transcript = log("openclaw/events.jsonl").only
    assert transcript.metadata["session_key"] == "agent:main:main"
    assert [message.text for message in thread(transcript)] == [
        *("[Telegram ana] book a table", "command: curl", "ok", "Booked.", "Your table is at eight."),
        *("thanks", "Welcome.", "and crashed"),
    ]
    assert calls(transcript) == [("exec", "z1")]


def test_openclaw_runs_that_only_start_are_told_by_the_next_history_and_the_channel() -> None:
    reading = log("openclaw/starts_only.jsonl")
    transcript = reading.only
    assert said(thread(transcript)) == [
        ("user", [("text", "list the files")]),
        ("assistant", [("tool_call", "command: ls")]),
        ("tool", [("tool_result", "a.txt")]),
        ("assistant", [("text", "One file.")]),
        ("user", [("text", "[Inter-session message] two lines")]),
        ("assistant", [("text", "It has two lines.")]),
        ("user", [("text", "[Heartbeat] anything due?")]),
    ]
    assert said(thread(transcript, "agent:main:subagent:a1")) == [
        ("user", [("text", "count the lines")]),
        ("assistant", [("tool_call", "command: wc")]),
        ("tool", [("tool_result", "")]),
    ]
    assert reading.file.left_out == {
        "agent.start, repeated": 4,
        "agent.start": 1,
        "message.in": 1,
        "message.out": 1,
        "tool.start": 1,
        "tool.end": 1,
    }


def test_openclaw_sub_agents_are_threads() -> None:
    transcript = log("openclaw/events.jsonl").only
    key = "agent:main:subagent:77"
    assert said(thread(transcript, key)) == [
        ("user", [("text", "find the number")]),
        ("assistant", [("text", "555")]),
    ]
    assert transcript.metadata["threads"][key]["kind"] == "subagent"
    assert (transcript.model, transcript.metadata["models"]) == ("m-4", ["m-4", "m-5"])


def test_openclaw_counts_what_the_histories_say_already() -> None:
    assert log("openclaw/events.jsonl").file.left_out == {
        "agent.start": 2,
        "agent.end, merged": 3,
        "message.in": 1,
        "tool.start": 1,
        "tool.end": 1,
        "message.sending": 1,
    }


def test_openclaw_sessions_without_histories_are_their_events() -> None:
    reading = log("openclaw/channel_only.jsonl")
    assert said(reading.only.messages) == [
        ("user", [("text", "hello")]),
        ("assistant", [("tool_call", "path: a")]),
        ("tool", [("tool_result", "")]),
        ("assistant", [("text", "hi")]),
    ]
    assert blocks(reading.only, "tool_result")[0].error == "ENOENT"
    assert reading.file.left_out == {"message.out": 1}


def test_openclaw_sessions_of_one_file_are_transcripts_of_their_own(write: Any) -> None:
    rows = [
        {"type": "message.in", "sessionKey": f"agent:main:{name}", "content": f"hello from {name}"}
        for name in ("ana", "bo", "ana")
    ]
    path: Path = write(rows, rows=True)
    assert [[message.text for message in item.messages] for item in Reading(path).transcripts] == [
        ["hello from ana"],
        ["hello from bo"],
    ]


def test_what_the_gateway_wrote_in_the_models_place_is_not_the_models(write: Any) -> None:
    def row(role: str, text: str, **more: Any) -> dict[str, Any]:
        return {"type": "message", "message": {"role": role, "content": [{"type": "text", "text": text}], **more}}

    rows = [
        {"type": "session", "version": 3, "id": "oc-1", "cwd": "/w"},
        row("assistant", "Agent failed before reply.", provider="openclaw", model="gateway-injected"),
        row("user", "Hello."),
        row("assistant", "Good day.", provider="p", model="m-1"),
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert transcript.model == "m-1"
    assert [(message.role, message.flags) for message in transcript.messages] == [
        ("system", ("meta",)),
        ("user", ()),
        ("assistant", ()),
    ]


def test_what_was_delivered_to_a_channel_is_a_copy_beside_the_conversation(write: Any) -> None:
    def row(key: str, parent: str | None, role: str, *content: dict[str, Any], **more: Any) -> dict[str, Any]:
        message = {"role": role, "content": list(content), **more}
        return {"type": "message", "id": key, "parentId": parent, "message": message}

    def text(said: str) -> dict[str, Any]:
        return {"type": "text", "text": said}

    mirror = {"provider": "openclaw", "model": "delivery-mirror", "stopReason": "stop"}
    sent = {"type": "toolCall", "id": "c1", "name": "message", "arguments": {"message": "The room is booked."}}
    rows = [
        {"type": "session", "version": 3, "id": "oc-2", "cwd": "/w"},
        row("a", None, "assistant", text("New session started"), **mirror),
        row("b", "a", "user", text("Book the room and tell Ana.")),
        row("c", "b", "assistant", sent, model="m-1"),
        row("d", "c", "assistant", text("The room is booked."), **mirror),
        row("e", "c", "toolResult", text("sent"), toolCallId="c1", toolName="message"),
        row("f", "e", "assistant", text("Done."), model="m-1"),
        row("g", "e", "assistant", text("Done."), provider="openclaw", model="gateway-injected"),
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert transcript.model == "m-1"
    assert "models" not in transcript.metadata
    assert "threads" not in transcript.metadata
    assert [(message.text, message.role, message.flags) for message in transcript.messages] == [
        ("New session started", "assistant", ("copied",)),
        ("Book the room and tell Ana.", "user", ()),
        ("message: The room is booked.", "assistant", ()),
        ("The room is booked.", "assistant", ("copied",)),
        ("sent", "tool", ()),
        ("Done.", "assistant", ()),
        ("Done.", "system", ("meta",)),
    ]


def test_what_was_delivered_stays_where_it_stands_before_the_branch_that_it_follows(write: Any) -> None:
    def row(key: str, parent: str | None, role: str, said: str, model: str | None = None) -> dict[str, Any]:
        message = {"role": role, "content": [{"type": "text", "text": said}], "model": model}
        return {"type": "message", "id": key, "parentId": parent, "message": message}

    rows = [
        {"type": "session", "version": 3, "id": "oc-3"},
        row("a", None, "user", "Tell Ana."),
        row("copy", "b", "assistant", "Told.", "delivery-mirror"),
        row("b", "a", "assistant", "I tell her.", "m-1"),
        row("c", "a", "assistant", "I will tell her.", "m-1"),
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert [message.text for message in thread(transcript)] == ["Tell Ana.", "I will tell her."]
    assert sorted(message.text for message in transcript.messages if message.thread != "main") == [
        "I tell her.",
        "Told.",
    ]


def test_what_openclaw_puts_aside_or_in_is_neither_a_branch_nor_a_persons(write: Any) -> None:
    """An entry appended to the side moves nothing; the context of the run is the program's; a full answer is cut off."""

    def row(key: str, parent: str | None, role: str, said: str, **more: Any) -> dict[str, Any]:
        about = {name: more.pop(name) for name in ("runtimeContext", "stopReason") if name in more}
        return {
            "type": "message",
            "id": key,
            "parentId": parent,
            **more,
            "message": {"role": role, "content": said, **about},
        }

    rows = [
        {"type": "session", "version": 4, "id": "oc-5"},
        row("a", None, "user", "It is night.", runtimeContext=True),
        row("b", "a", "user", "Tell me a story."),
        row("s", "b", "user", "Came meanwhile.", appendMode="side"),
        row("c", "b", "assistant", "Once upon", stopReason="length"),
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert [(message.text, message.flags) for message in thread(transcript)] == [
        ("It is night.", ("meta",)),
        ("Tell me a story.", ()),
        ("Came meanwhile.", ()),
        ("Once upon", ("partial",)),
    ]
    assert "threads" not in transcript.metadata


def test_what_another_session_sent_is_in_its_name_and_hidden_thoughts_are_told(write: Any) -> None:
    sent = {"kind": "inter_session", "sourceSessionKey": "agent:main:main", "sourceTool": "sessions_send"}
    hidden = {
        "type": "thinking",
        "thinking": "",
        "thinkingSignature": '{"type":"reasoning","encrypted_content":"gAAAA"}',
    }
    messages = [
        {"role": "user", "content": "Book it.", "provenance": sent},
        {"role": "assistant", "content": [hidden, {"type": "text", "text": "Booked."}], "model": "m"},
    ]
    rows = [{"type": "session", "id": "oc-3"}, *({"type": "message", "message": message} for message in messages)]
    asked, answered = Reading(write(rows, rows=True)).only.messages
    assert (asked.role, asked.name, asked.text) == ("user", "agent:main:main", "Book it.")
    assert [(block.kind, block.text, block.meta) for block in answered.blocks] == [
        ("reasoning", "", {"redacted": True}),
        ("text", "Booked.", None),
    ]


def test_the_programs_json_output_is_a_session_too(write: Any) -> None:
    asked = {"role": "user", "content": [{"type": "text", "text": "Look."}], "timestamp": 1769900000000}
    call = {"type": "toolCall", "id": "c1", "name": "bash", "arguments": {"command": "ls"}}
    piece = {"role": "assistant", "content": [{"type": "text", "text": "I l"}], "model": "m"}
    whole = {"role": "assistant", "content": [{"type": "text", "text": "I look."}, call], "model": "m"}
    result = {"role": "toolResult", "toolCallId": "c1", "toolName": "bash", "content": [{"type": "text", "text": "a"}]}
    rows = [
        {"type": "session", "version": 3, "id": "p-1", "timestamp": "2026-02-01T10:00:00Z", "cwd": "/w"},
        {"type": "agent_start"},
        {"type": "message_start", "message": asked},
        {"type": "message_end", "message": asked},
        {"type": "message_start", "message": piece},
        {"type": "message_update", "message": piece, "assistantMessageEvent": {"type": "text_delta"}},
        {"type": "message_end", "message": whole},
        {"type": "message_end", "message": result},
        {"type": "turn_end", "message": whole, "toolResults": [result]},
        {"type": "agent_end", "messages": [asked, whole, result]},
    ]
    reading = Reading(write(rows, rows=True))
    transcript = reading.only
    assert (transcript.id, transcript.format, transcript.model) == ("p-1", "pi", "m")
    assert said(transcript.messages) == [
        ("user", [("text", "Look.")]),
        ("assistant", [("text", "I look."), ("tool_call", "command: ls")]),
        ("tool", [("tool_result", "a")]),
    ]
    assert results(transcript) == [("bash", "c1", "a")]
    assert reading.warnings == {}
    headless = Reading(write(rows[1:], rows=True)).only  # as earlier versions print it
    assert (headless.format, headless.digest) == ("pi", transcript.digest)


def test_openclaw_trajectories_tell_each_run_by_its_history() -> None:
    reading = log("openclaw/run.trajectory.jsonl")
    assert reading.only.id == "s-1"
    assert said(reading.only.messages) == [
        ("system", [("text", "You run in OpenClaw.")]),
        ("user", [("text", "List the files.")]),
        ("assistant", [("reasoning", "Use ls."), ("tool_call", "command: ls")]),
        ("tool", [("tool_result", "a.txt")]),
        ("assistant", [("text", "One file: a.txt.")]),
        ("user", [("text", "Remove it.")]),
        ("assistant", [("text", "I will not.")]),
        ("user", [("text", "Remove it now.")]),
    ]
    assert reading.file.left_out["later system prompt"] == 1


def test_openclaw_calls_that_no_history_has_stand_after_the_prompt_and_cut_histories_are_told() -> None:
    reading = log("openclaw/harness.trajectory.jsonl")
    assert [message.text for message in reading.only.messages if message.role != "tool"] == [
        *("Developer's word.", "Count.", "path: a", "It is not there.", "Try b.", "path: b", "Twelve."),
    ]
    assert results(reading.only) == [("wc", "k1", "no such file"), ("wc", "k2", "12")]
    assert reading.warnings == {"cut_by_recorder": 2}


def test_openclaw_sessions_go_on_after_a_compaction() -> None:
    transcript = log("openclaw/compacted.trajectory.jsonl").only
    assert "threads" not in transcript.metadata
    assert [message.text for message in transcript.messages if message.role != "tool"] == [
        *(
            "List the files.",
            "Use ls.\ncommand: ls",
            "One file: a.txt.",
            "They listed files.",
            "Go on.",
            "Done.",
            "Bye.",
            "",
        ),
    ]
    assert transcript.messages[-1].flags == ("partial",)


def test_openclaw_bundles_are_the_session_they_export() -> None:
    reading = log("openclaw/bundle.jsonl")
    assert shape(reading.only.messages) == [
        *(("system", ["text"]), ("user", ["text"]), ("user", ["text"])),
        *(("assistant", ["reasoning", "tool_call"]), ("tool", ["tool_result"]), ("assistant", ["text"])),
        ("user", ["text"]),
    ]
    assert calls(reading.only) == [("exec", "c1")]


def test_an_openclaw_trajectory_beside_its_session_is_left_out(tmp_path: Path) -> None:
    rows = '{"type":"session","id":"s-1"}\n{"type":"message","message":{"role":"user","content":"List the files."}}\n'
    (tmp_path / "run.jsonl").write_text(rows)
    (tmp_path / "run.trajectory.jsonl").write_bytes((FIXTURES / "openclaw/run.trajectory.jsonl").read_bytes())
    reading = Reading(tmp_path)
    assert [transcript.format for transcript in reading.transcripts] == ["pi"]
    assert [sum(file.left_out.values()) for file in reading.files] == [1, 12]
    assert reading.skips == []
