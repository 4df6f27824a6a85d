"""What `codex exec --json` prints."""

from __future__ import annotations

from typing import Any

from agent_logs import calls, log, results, said
from logs import Reading, blocks


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


def test_a_printed_call_that_never_ended_has_no_result(write: Any) -> None:
    running = {"type": "command_execution", "command": "sleep 9", "aggregated_output": "", "status": "in_progress"}
    printed = Reading(
        write(
            [
                {"type": "thread.started", "thread_id": "t-1"},
                {
                    "type": "item.started",
                    "item": {"id": "i0", "type": "mcp_tool_call", "tool": "q", "status": "in_progress"},
                },
                {"type": "item.started", "item": {"id": "i1", **running}},
                {"type": "item.updated", "item": {"id": "i2", **running, "aggregated_output": "half"}},
                {"type": "turn.failed", "error": {"message": "stream closed"}},
            ],
            rows=True,
        )
    )
    assert results(printed.only) == [("shell", "i2", "half")]
    assert printed.warnings["unanswered_call"] == 2
    begun = {"type": "exec_command_begin", "call_id": "c1", "command": ["sleep", "9"]}
    first = Reading(write([{"prompt": "Wait."}, {"id": "0", "msg": begun}], rows=True))
    assert results(first.only) == []
    assert first.warnings["unanswered_call"] == 1
