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


def test_a_copy_of_the_parents_rows_is_told_by_its_turns_where_rows_have_no_number(write: Any) -> None:
    """The turns of the copy are older than the sub-agent, as their ids tell; so is the parent's model not the sub-agent's."""

    def moment(number: int) -> str:
        return f"019ff8f{number}-0000-7000-8000-000000000000"

    def spoke(role: str, text: str, turn_id: str | None = None) -> dict[str, Any]:
        about = {"internal_chat_message_metadata_passthrough": {"turn_id": turn_id}} if turn_id else {}
        return {"type": "response_item", "payload": {"type": "message", "role": role, "content": text, **about}}

    def began(turn_id: str, model: str) -> list[dict[str, Any]]:
        return [
            {"type": "event_msg", "payload": {"type": "task_started", "turn_id": turn_id}},
            {"type": "turn_context", "payload": {"turn_id": turn_id, "model": model}},
        ]

    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": moment(1)}}}
    task = {
        "type": "agent_message",
        "author": "/root",
        "recipient": "/root/helper",
        "content": [
            {"type": "input_text", "text": "Find the fuse."},
            {"type": "encrypted_content", "encrypted_content": "gAAAAA"},
        ],
    }
    rows = [
        {"type": "session_meta", "payload": {"id": moment(5), "forked_from_id": moment(1), "source": spawned}},
        {"type": "session_meta", "payload": {"id": moment(1), "source": "exec"}},
        spoke("user", "Mend the lamp.", moment(2)),
        *began(moment(2), "m-parent"),
        spoke("assistant", "I look."),
        {"type": "compacted", "payload": {"message": "The lamp is dark."}},
        *began(moment(6), "m-own"),
        {"type": "response_item", "payload": task},
        {**spoke("user", "Mind the cable."), "metadata": {"inherited_user_message": True}},
        spoke("assistant", "It is blown.", moment(6)),
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert [(message.text, message.flags) for message in transcript.messages] == [
        ("Mend the lamp.", ("copied",)),
        ("I look.", ("copied",)),
        ("The lamp is dark.", ("copied", "summary")),
        ("Find the fuse.\n[6 base64 characters]", ()),
        ("Mind the cable.", ("copied",)),
        ("It is blown.", ()),
    ]
    assert (transcript.model, transcript.metadata["parent"]) == ("m-own", moment(1))
    rows[0]["payload"]["source"] = "cli"  # the same agent goes on in a fork of its session
    forked = Reading(write(rows, rows=True)).only
    assert {message.flags for message in forked.messages} == {(), ("summary",)}


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
        ("user", "/root/looker", "Message Type: MESSAGE\nPayload:\n\n[8 base64 characters]"),
        ("user", "/root/looker", "I will break it."),
    ]
    assert calls(reading.only) == [("spawn_agent", "c1"), ("tool_search", "s1")]
    assert reading.warnings == {}
    assert "Z0FBQUFB" not in str(reading.only)


def test_what_nobody_says_and_what_is_ciphertext_is_known(write: Any) -> None:
    items: list[dict[str, Any]] = [
        {"type": "function_call", "name": "wait_agent", "arguments": "{}", "call_id": "c1"},
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": [
                {"type": "input_text", "text": "It is done."},
                {"type": "encrypted_content", "encrypted_content": "gAAAAA"},
            ],
        },
        {"type": "configuration_update", "reasoning": {"effort": "high"}},
        {
            "type": "image_generation_call",
            "id": "i1",
            "status": "completed",
            "revised_prompt": "A lamp.",
            "result": "iVBORw==",
        },
    ]
    rows = [
        {"type": "session_meta", "payload": {"id": "r-1"}},
        *({"type": "response_item", "payload": item} for item in items),
    ]
    sent = {"author": "/root", "recipient": "/root/a", "content": "", "encrypted_content": "gAAA"}
    reading = Reading(write([*rows, {"type": "inter_agent_communication", "payload": sent}], rows=True))
    assert [message.text for message in reading.only.messages] == [
        "",
        "It is done.\n[6 base64 characters]",
        "revised_prompt: A lamp.\n[image image/png 4 B]",
        "[4 base64 characters]",
    ]
    assert reading.warnings == {}
    assert reading.file.left_out == {"session_meta": 1, "configuration_update": 1}


def test_what_was_spoken_is_said(write: Any) -> None:
    def realtime(key: str, **content: str) -> dict[str, Any]:
        return {"type": "realtime_item", "payload": {"id": key, "realtime_session_id": "v-1", **content}}

    rows = [
        {"type": "session_meta", "payload": {"id": "r-1"}},
        realtime("v1", type="realtime_session_started"),
        realtime("v2", type="transcript_segment", role="user", text="Is the lamp on?"),
        realtime("v3", type="transcript_segment", role="assistant", text="I look."),
        realtime("v4", type="realtime_session_closed", outcome="ended"),
    ]
    reading = Reading(write(rows, rows=True))
    assert said(reading.only.messages) == [
        ("user", [("text", "Is the lamp on?")]),
        ("assistant", [("text", "I look.")]),
    ]
    assert reading.file.left_out == {"session_meta": 1, "realtime_item": 2}


def test_what_clients_tell_the_model_is_no_prompt_that_could_be_taken_back(write: Any) -> None:
    """Newer ones say that a turn was interrupted as a user, before they log it; other words of theirs stand between."""

    def item(role: str, text: str) -> dict[str, Any]:
        content = [{"type": "input_text", "text": text}]
        return {"type": "response_item", "payload": {"type": "message", "role": role, "content": content}}

    def event(**payload: Any) -> dict[str, Any]:
        return {"type": "event_msg", "payload": payload}

    rows = [
        {"type": "session_meta", "payload": {"id": "r-1"}},
        item("user", "one"),
        item("assistant", "1"),
        item("user", "two"),
        item("assistant", "2, perh"),
        item("user", "<subagent_notification>{}</subagent_notification>"),
        item("user", "<turn_aborted>\nOn purpose.\n</turn_aborted>"),
        event(type="turn_aborted", reason="interrupted"),
        event(type="thread_rolled_back", num_turns=1),
        item("user", "three"),
    ]
    transcript = Reading(write(rows, rows=True)).only
    assert [(message.text[:8], message.flags) for message in transcript.messages if message.thread == "main"] == [
        ("one", ()),
        ("1", ()),
        ("three", ()),
    ]
    assert [(message.text[:8], message.flags) for message in transcript.messages if message.thread != "main"] == [
        ("two", ()),
        ("2, perh", ("partial",)),
        ("<subagen", ()),
        ("<turn_ab", ()),
    ]
    everything = [rows[0], item("developer", "Be brief."), *rows[1:4], event(type="thread_rolled_back", num_turns=9)]
    first, *taken = Reading(write(everything, rows=True)).only.messages
    assert (first.text, first.thread) == ("Be brief.", "main")
    assert {message.thread for message in taken} == {"discarded-1"}
