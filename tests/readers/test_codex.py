"""Codex rollouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_logs import calls, json_rows, log, results, said, shape
from logs import Reading, blocks


def test_a_rollout_is_its_items_with_header_and_model() -> None:
    transcript = log("codex/rollout.jsonl").only
    assert (transcript.id, transcript.model) == ("0199-aa", "gpt-5-codex")
    assert shape(transcript.messages) == [
        ("system", ["text"]),
        ("system", ["text"]),
        ("user", ["text", "media"]),
        ("assistant", ["reasoning", "tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_result", "media"]),
        ("user", ["text"]),
        ("assistant", ["text", "tool_call"]),
    ]
    assert transcript.messages[0].text == "You are a coding agent."
    assert transcript.messages[2].timestamp == "2025-09-01T10:00:02Z"


def test_a_repeated_call_id_is_answered_first_unanswered_first() -> None:
    transcript = log("codex/rollout.jsonl").only
    assert calls(transcript) == [
        ("shell", "call_1"),
        ("apply_patch", "call_2"),
        ("local_shell", "call_1"),
        ("update_plan", "call_3"),
    ]
    assert [name for name, _, _ in results(transcript)] == ["shell", "apply_patch", "local_shell"]


def test_free_text_input_stays_as_it_is() -> None:
    patch = blocks(log("codex/rollout.jsonl").only, "tool_call")[1]
    assert patch.text == "*** Begin Patch\n+#include <x.h>\n*** End Patch"
    assert patch.meta is None


def test_ciphertext_gives_way_to_the_summary() -> None:
    (thought,) = blocks(log("codex/rollout.jsonl").only, "reasoning")
    assert thought.text == "Look at the log first."
    assert thought.meta == {"summary": True, "redacted": True}


def test_the_compacted_history_is_kept_as_its_summary_only() -> None:
    summary = next(message for message in log("codex/rollout.jsonl").only.messages if "summary" in message.flags)
    assert said([summary]) == [("user", [("text", "So far: header was missing.")])]


def test_events_that_repeat_messages_are_counted_not_read() -> None:
    left = log("codex/rollout.jsonl").file.left_out
    assert left == {"turn_context": 1, "event_msg": 2, "ghost_snapshot": 1, "joined with the row before": 2}


def test_old_rollouts_hold_bare_items_after_a_header() -> None:
    reading = log("codex/bare_items.jsonl")
    assert reading.only.id == "old-1"
    assert reading.only.metadata["git"] == {"branch": "main"}
    assert said(reading.only.messages) == [
        ("system", [("text", "Be brief.")]),
        ("user", [("text", "List the files.")]),
        ("assistant", [("reasoning", ""), ("tool_call", "command[0]: ls")]),
        ("tool", [("tool_result", "README")]),
        ("assistant", [("text", "One file: README.")]),
    ]
    assert reading.file.left_out["state"] == 2


def test_real_rollouts_agree_with_their_rows(shared_data: Path) -> None:
    for path in sorted((shared_data / "transcripts" / "codex_rollout_jsonl").glob("*.jsonl")):
        rows = json_rows(path)
        transcript = Reading(path).only
        items = [row["payload"] for row in rows if row["type"] == "response_item"]
        texts = [(item["role"], part["text"]) for item in items if "role" in item for part in item["content"]]
        assert [
            (message.role, block.text)
            for message in transcript.messages
            for block in message.blocks
            if block.kind == "text"
        ] == texts
        assert calls(transcript) == [
            (item["name"], item["call_id"]) for item in items if item.get("type") == "function_call"
        ]
        assert transcript.id == rows[0]["payload"]["id"]
        for item, call in zip(
            [item for item in items if "arguments" in item], blocks(transcript, "tool_call"), strict=False
        ):
            assert all(str(value) in call.text for value in item["arguments"].values())


def test_what_a_sub_agents_rollout_copies_from_its_parent_is_flagged(write: Any) -> None:
    rows = [
        {"type": "session_meta", "payload": {"id": "sub", "model": "m", "subagent_history_start_ordinal": 2}},
        {"type": "response_item", "ordinal": 1, "payload": {"type": "message", "role": "user", "content": "parent's"}},
        {"type": "response_item", "ordinal": 2, "payload": {"type": "message", "role": "user", "content": "its own"}},
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert [message.flags for message in transcript.messages] == [("copied",), ()]
    assert transcript.model == "m"


def test_what_the_first_codex_exec_printed_are_events_of_the_same_items() -> None:
    reading = log("codex/exec_events.jsonl")
    transcript = reading.only
    assert (transcript.id, transcript.model) == ("0198-exec", "gpt-x")
    assert transcript.metadata["cwd"] == "/work/lamp"
    assert said(transcript.messages) == [
        ("user", [("text", "Mend the lamp.")]),
        ("assistant", [("reasoning", "**Looking around**")]),
        ("assistant", [("tool_call", "command[0]: bash\ncommand[1]: -lc\ncommand[2]: pytest -q")]),
        ("tool", [("tool_result", "..F\nno plugin")]),
        ("assistant", [("tool_call", "changes.lamp.py.update.unified_diff: +on = True")]),
        ("tool", [("tool_result", "Updated lamp.py")]),
        ("assistant", [("tool_call", "q: lamp")]),
        ("tool", [("tool_result", "Two issues.")]),
        ("assistant", [("tool_call", "q: lamps")]),
        ("tool", [("tool_result", "")]),
        ("assistant", [("tool_call", "items[0].step: look\nitems[0].status: completed")]),
        ("assistant", [("text", "The lamp is mended.")]),
    ]
    assert [(name, call) for name, call, _ in results(transcript)] == [
        ("shell", "call_1"),
        ("apply_patch", "call_2"),
        ("tracker.search", "call_3"),
        ("tracker.search", "call_4"),
    ]
    assert [block.error for block in blocks(transcript, "tool_result")] == ["exit code 1", None, "failed", "timed out"]
    assert reading.warnings == {}
    assert reading.file.left_out == {
        "header": 1,
        "session_configured": 1,
        "task_started": 1,
        "earlier state of an item": 4,
        "token_count": 1,
        "task_complete": 1,
    }


def test_each_of_several_runs_in_one_output_keeps_what_it_was_asked(write: Any) -> None:
    def run(asked: str, answered: str) -> list[dict[str, Any]]:
        header = {"workdir": "/w", "model": "gpt-x", "provider": "openai"}
        return [header, {"prompt": asked}, {"id": "0", "msg": {"type": "agent_message", "message": answered}}]

    reading = Reading(
        write([*run("Look.", "A lamp."), *run("Mend it.", "Done."), {"id": "0", "msg": "odd"}], rows=True)
    )
    assert said(reading.only.messages) == [
        ("user", [("text", "Look.")]),
        ("assistant", [("text", "A lamp.")]),
        ("user", [("text", "Mend it.")]),
        ("assistant", [("text", "Done.")]),
    ]
    assert reading.file.left_out == {"header": 2, "row without type": 1}


def test_what_codex_exec_prints_is_its_items_each_once() -> None:
    reading = log("codex/exec.jsonl")
    transcript = reading.only
    assert transcript.id == "0199-exec"
    assert said(transcript.messages) == [
        ("assistant", [("reasoning", "**Looking around**")]),
        ("assistant", [("tool_call", "command: bash -lc 'pytest -q'")]),
        ("tool", [("tool_result", "..F\n")]),
        ("assistant", [("tool_call", "changes[0].path: lamp.py\nchanges[0].kind: update")]),
        ("assistant", [("tool_call", "q: lamp")]),
        ("tool", [("tool_result", "Two issues.")]),
        ("assistant", [("text", "The lamp is mended.")]),
        ("assistant", [("tool_call", "prompt: Look for a fuse.\nreceiver_thread_ids[0]: 0199-sub")]),
        ("tool", [("tool_result", "0199-sub.status: completed\n0199-sub.message: It is in the drawer.")]),
    ]
    assert calls(transcript) == [
        ("shell", "item_1"),
        ("apply_patch", "item_2"),
        ("tracker.search", "item_3"),
        ("wait", "item_6"),
    ]
    assert [block.error for block in blocks(transcript, "tool_result")] == ["exit code 1", None, None]
    assert reading.warnings == {"prompt_missing": 1}
    assert reading.file.left_out == {
        "thread.started": 1,
        "turn.started": 1,
        "earlier state of an item": 2,
        "error": 1,
        "turn.completed": 1,
    }


def test_the_first_codex_kept_one_object_a_session() -> None:
    transcript = log("codex/first.json").only
    assert transcript.id == "first-456"
    assert said(transcript.messages) == [
        ("system", [("text", "Answer in one line.")]),
        ("user", [("text", "Show what changed.")]),
        (
            "assistant",
            [("reasoning", "The repository comes first."), ("tool_call", "command[0]: git\ncommand[1]: diff")],
        ),
        ("tool", [("tool_result", '{"output":"-a\\n+b"}')]),
        ("assistant", [("text", "One letter.")]),
    ]


def test_counts_among_the_items_are_no_speech(write: Any) -> None:
    rows = [
        {"type": "session_meta", "payload": {"id": "c-1"}},
        {"type": "response_item", "role": "user", "content": "Mend it."},
        {"type": "response_item", "payload": {"type": "message", "role": "assistant", "content": "Mended."}},
        {"type": "response_item", "payload": {"type": "token_count", "input_tokens": 12}},
    ]
    reading = Reading(write(rows, rows=True))
    assert said(reading.only.messages) == [("user", [("text", "Mend it.")]), ("assistant", [("text", "Mended.")])]
    assert reading.warnings == {}


def test_turns_that_were_rolled_back_are_discarded_and_an_interrupted_one_is_partial(write: Any) -> None:
    def item(role: str, text: str) -> dict[str, Any]:
        return {"type": "response_item", "payload": {"type": "message", "role": role, "content": text}}

    def event(**payload: Any) -> dict[str, Any]:
        return {"type": "event_msg", "payload": payload}

    rows = [
        {"type": "session_meta", "payload": {"id": "r-1", "source": {"subagent": "review"}, "parent_thread_id": "r-0"}},
        item("user", "<environment_context>\n</environment_context>"),
        item("user", "one"),
        item("assistant", "1"),
        item("user", "two"),
        item("assistant", "2"),
        event(type="thread_rolled_back", num_turns=1),
        item("user", "three"),
        item("assistant", "3, no"),
        event(type="turn_aborted", reason="interrupted"),
    ]
    reading = Reading(write(rows, rows=True))
    transcript = reading.only
    assert [(message.thread, message.text) for message in transcript.messages[1:]] == [
        ("main", "one"),
        ("main", "1"),
        ("main", "three"),
        ("main", "3, no"),
        ("discarded-1", "two"),
        ("discarded-1", "2"),
    ]
    assert transcript.thread_kind("discarded-1") == "discarded"
    assert [message.flags for message in transcript.messages][4] == ("partial",)
    assert transcript.metadata["parent"] == "r-0"
    assert reading.file.left_out == {"session_meta": 1, "event_msg": 2}


def test_what_other_agents_send_is_not_the_models_speech() -> None:
    reading = log("codex/agents.jsonl")
    assert [(message.role, message.name, message.text) for message in reading.only.messages[4:7]] == [
        ("user", "/root/looker", "It is locked."),
        ("user", "/root/looker", "Message Type: MESSAGE\nPayload:\n"),
        ("user", "/root/looker", "I will break it."),
    ]
    assert calls(reading.only) == [("spawn_agent", "c1"), ("tool_search", "s1")]
    assert reading.warnings == {}
    assert "Z0FBQUFB" not in str(reading.only)
