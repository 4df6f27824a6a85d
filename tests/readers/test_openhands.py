"""OpenHands: events, evaluation output, SDK events."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from agent_logs import calls, json_rows, log, results, said, shape
from logs import Reading, blocks


def test_actions_are_text_and_call_observations_are_results() -> None:
    transcript = log("openhands_events/events.json").only
    assert transcript.model == "claude-3-5"
    assert shape(transcript.messages) == [
        ("system", ["text"]),
        ("user", ["text", "media"]),
        ("assistant", ["reasoning", "text", "tool_call"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_result"]),
        ("tool", ["tool_result"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_result", "media"]),
        ("tool", ["tool_result"]),
        ("assistant", ["text"]),
    ]
    assert said(transcript.messages)[2] == (
        "assistant",
        [("reasoning", "Move, then look."), ("text", "I rename the file."), ("tool_call", "command: mv a b")],
    )
    assert transcript.messages[-1].text == "All done!"


def test_a_result_belongs_to_the_action_that_caused_it() -> None:
    assert results(log("openhands_events/events.json").only) == [
        ("str_replace_editor", "t2", "b"),
        ("execute_bash", "t1", ""),
        ("think", "t3", "Your thought has been logged."),
        ("browse_interactive", "12", "A page"),
        (None, None, "The action failed."),
    ]


def test_times_without_a_zone_stay_naive_and_states_are_counted() -> None:
    reading = log("openhands_events/events.json")
    assert reading.only.messages[0].timestamp == "2025-01-27T22:44:56.900854"
    assert reading.file.left_out == {"agent_state_changed": 1, "recall": 1, "null": 1}


def test_evaluation_rows_are_instances_with_their_scores() -> None:
    reading = log("openhands_eval/output.jsonl")
    assert [(item.id, item.model, item.task) for item in reading.transcripts] == [
        ("django__django-1", "gpt-4o", "swe-lite"),
        ("django__django-2", "gpt-4o", None),
    ]
    assert [item.metadata["scores"][0]["value"] for item in reading.transcripts] == [True, False]
    assert reading.transcripts[1].metadata["error"] == "timeout"
    assert reading.file.left_out["instance without history"] == 1


def test_old_histories_are_pairs_of_flat_items() -> None:
    assert said(log("openhands_eval/output.jsonl").transcripts[1].messages) == [
        ("user", [("text", "Try.")]),
        ("assistant", [("text", "I list."), ("tool_call", "command: ls")]),
        ("tool", [("tool_result", "a.py")]),
    ]


def test_an_issue_is_named_by_owner_repository_and_number() -> None:
    transcript = log("openhands_eval/issue.json").only
    assert transcript.id == "acme/tool/7"
    assert transcript.metadata["scores"] == [
        {"name": "success", "value": False, "answer": None, "explanation": "not fixed"}
    ]
    assert transcript.messages[-1].text == "I could not.\nSorry."


def test_sdk_events_keep_reasoning_that_stands_in_three_fields_once() -> None:
    transcript = log("openhands_sdk/events.jsonl").only
    assert transcript.model == "proxy/m-2"
    assert [block.text for block in blocks(transcript, "reasoning")] == ["Start with the log.\n", "Wrap up."]
    assert said(transcript.messages)[2] == (
        "assistant",
        [("reasoning", "Start with the log.\n"), ("text", "\n\nI begin."), ("tool_call", "command: ls")],
    )


def test_sdk_results_errors_and_rejections_answer_their_calls() -> None:
    transcript = log("openhands_sdk/events.jsonl").only
    assert calls(transcript) == [("terminal", "k1"), ("file_editor", "k2"), ("terminal", "k3")]
    assert results(transcript) == [
        ("terminal", "k1", "a.py"),
        ("file_editor", "k2", "no such tool"),
        ("terminal", "k3", "too dangerous"),
    ]
    assert [block.error for block in blocks(transcript, "tool_result")] == [None, "error", "rejected"]
    assert blocks(transcript, "tool_call")[2].meta == {"unparsed_arguments": True}
    assert transcript.metadata["scores"][0]["value"] == 0.7


def test_real_events_agree_with_the_file(shared_data: Path) -> None:
    for path in sorted((shared_data / "transcripts" / "openhands_events").glob("*.json")):
        events = json.loads(path.read_text("utf-8"))
        transcript = Reading(path).only
        assert [message.source_id for message in transcript.messages] == [str(event["id"]) for event in events]
        for message, event in zip(transcript.messages, events, strict=True):
            if "observation" in event:
                assert message.role == "tool"
                assert message.text == event["content"]
            elif event["action"] in ("message", "finish"):
                assert (message.role, message.text) == (
                    "user" if event["source"] == "user" else "assistant",
                    event["message"],
                )
            else:
                call = event["tool_call_metadata"]["model_response"]["choices"][0]["message"]["tool_calls"][0]
                (block,) = [block for block in message.blocks if block.kind == "tool_call"]
                assert (block.name, block.call_id) == (call["function"]["name"], call["id"])
                for value in json.loads(call["function"]["arguments"]).values():
                    assert str(value) in block.text


def test_real_sdk_events_agree_with_the_rows(shared_data: Path) -> None:
    path = shared_data / "transcripts" / "openhands_sdk_events" / "events.jsonl"
    if not path.exists():
        return
    rows = [row for row in json_rows(path) if row["kind"] != "ConversationStateUpdateEvent"]
    transcript = Reading(path).only
    assert [message.source_id for message in transcript.messages] == [row["id"] for row in rows]
    assert calls(transcript) == [
        (row["tool_name"], row["tool_call_id"]) for row in rows if row["kind"] == "ActionEvent"
    ]
    assert [text for _, _, text in results(transcript)] == [
        "\n".join(part["text"] for part in row["observation"]["content"]) for row in rows if "observation" in row
    ]
    thoughts = [row["reasoning_content"].strip() for row in rows if row.get("reasoning_content")]
    assert [block.text.strip() for block in blocks(transcript, "reasoning")] == thoughts


def _sdk_events() -> list[dict[str, Any]]:
    return [
        {
            "kind": "SystemPromptEvent",
            "id": "e0",
            "timestamp": "2026-02-01T10:00:00.1",
            "source": "agent",
            "system_prompt": {"type": "text", "text": "Be of use."},
            "tools": [],
            "dynamic_context": {"type": "text", "text": "The host is blue."},
        },
        {
            "kind": "MessageEvent",
            "id": "e1",
            "timestamp": "2026-02-01T10:00:01.1",
            "source": "user",
            "llm_message": {"role": "user", "content": [{"type": "text", "text": "List."}]},
        },
        {
            "kind": "ActionEvent",
            "id": "e2",
            "timestamp": "2026-02-01T10:00:02.1",
            "source": "agent",
            "thought": [{"type": "text", "text": "I list."}],
            "tool_name": "terminal",
            "tool_call_id": "k1",
            "tool_call": {"id": "k1", "name": "terminal", "arguments": '{"command": "ls"}', "origin": "completion"},
        },
        {
            "kind": "ObservationEvent",
            "id": "e3",
            "timestamp": "2026-02-01T10:00:03.1",
            "source": "environment",
            "tool_name": "terminal",
            "tool_call_id": "k1",
            "action_id": "e2",
            "observation": {"kind": "TerminalObservation", "content": [{"type": "text", "text": "a.py"}]},
        },
    ]


_SDK_SAID = [
    ("system", [("text", "Be of use."), ("text", "The host is blue.")]),
    ("user", [("text", "List.")]),
    ("assistant", [("text", "I list."), ("tool_call", "command: ls")]),
    ("tool", [("tool_result", "a.py")]),
]


def _conversation(folder: Path, events: list[dict[str, Any]]) -> Path:
    """As the SDK keeps it: the state above, an event a file."""
    (folder / "events").mkdir(parents=True)
    for place, event in enumerate(events):
        (folder / "events" / f"event-{place:05d}-{event['id']}.json").write_text(json.dumps(event), "utf-8")
    state = {"id": "conv-7", "agent": {"llm": {"model": "m-7"}}, "execution_status": "finished"}
    (folder / "base_state.json").write_text(json.dumps(state), "utf-8")
    return folder


def test_a_folder_of_events_is_one_conversation(tmp_path: Path) -> None:
    reading = Reading(_conversation(tmp_path / "c", _sdk_events()))
    transcript = reading.only
    assert (transcript.id, transcript.model, transcript.format) == ("conv-7", "m-7", "openhands_sdk")
    assert said(transcript.messages) == _SDK_SAID
    assert [file.messages for file in reading.files] == [0, 4, 0, 0, 0]
    assert reading.files[0].left_out == {"state of a session": 1}
    assert reading.skips == []


def test_a_folder_of_events_in_a_zip_is_one_conversation_too(tmp_path: Path) -> None:
    folder = _conversation(tmp_path / "c", _sdk_events())
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        for path in sorted(folder.rglob("*.json")):
            archive.write(path, str(path.relative_to(tmp_path)))
    assert said(Reading(tmp_path / "c.zip").only.messages) == _SDK_SAID


def test_the_older_file_store_is_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    said_in_turn = [f"part {number}" for number in range(12)]
    folder = tmp_path / "sessions" / "s-1" / "events"
    folder.mkdir(parents=True)
    for number, text in enumerate(said_in_turn):
        event = {
            "id": number,
            "timestamp": "2025-03-01T10:00:00.0",
            "source": "user" if number % 2 == 0 else "agent",
            "action": "message",
            "args": {"content": text, "wait_for_response": True},
        }
        (folder / f"{number}.json").write_text(json.dumps(event), "utf-8")
    about = {"conversation_id": "s-1", "llm_model": "m-3", "title": "Parts"}
    (folder.parent / "metadata.json").write_text(json.dumps(about), "utf-8")
    transcript = Reading(tmp_path).only
    assert [message.text for message in transcript.messages] == said_in_turn
    assert (transcript.id, transcript.model, transcript.format) == ("s-1", "m-3", "openhands_events")


def test_an_evaluation_may_hold_the_events_of_the_sdk(tmp_path: Path) -> None:
    row = {
        "instance_id": "acme__tool-9",
        "attempt": 1,
        "test_result": {"git_patch": ""},
        "metadata": {"llm": {"model": "m-9"}, "dataset": "bench"},
        "history": _sdk_events(),
        "error": None,
    }
    (tmp_path / "output.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    transcript = Reading(tmp_path / "output.jsonl").only
    assert (transcript.id, transcript.model, transcript.format) == ("acme__tool-9", "m-9", "openhands_eval")
    assert said(transcript.messages) == _SDK_SAID


def test_steps_of_a_viewer_are_no_evaluation(tmp_path: Path) -> None:
    steps = [{"type": "thought", "thought": "I look."}, {"type": "action", "action": "ls"}]
    (tmp_path / "web.json").write_text(json.dumps([{"instance_id": "a-1", "history": steps}]), "utf-8")
    assert Reading(tmp_path / "web.json").skips == ["unrecognised"]


def test_calls_of_an_agent_behind_acp_are_told_once(tmp_path: Path) -> None:
    call = {"kind": "ACPToolCallEvent", "source": "agent", "tool_call_id": "t1", "title": "Read a.py"}
    states = [
        {**call, "id": "s1", "status": "pending", "raw_input": None},
        {**call, "id": "s2", "status": "in_progress", "raw_input": {"path": "a.py"}},
        {**call, "id": "s3", "status": "completed", "raw_input": {"path": "a.py"}, "raw_output": "print(1)"},
    ]
    events = [*_sdk_events()[:2], *states]
    (tmp_path / "events.json").write_text(json.dumps(events), "utf-8")
    reading = Reading(tmp_path / "events.json")
    assert said(reading.only.messages)[2:] == [
        ("assistant", [("tool_call", "path: a.py")]),
        ("tool", [("tool_result", "print(1)")]),
    ]
    assert results(reading.only) == [("Read a.py", "t1", "print(1)")]
    assert reading.file.left_out == {"earlier state of a call": 1}


def test_what_a_session_went_back_behind_is_a_branch(tmp_path: Path) -> None:
    system, asked, acted, seen = _sdk_events()
    again = {**asked, "id": "e4", "llm_message": {"role": "user", "content": [{"type": "text", "text": "No, stop."}]}}
    linked = [
        {**event, "parent_id": parent}
        for event, parent in ((system, None), (asked, "e0"), (acted, "e1"), (seen, "e2"), (again, "e0"))
    ]
    transcript = Reading(_conversation(tmp_path / "c", linked)).only
    assert [(message.thread, message.text) for message in transcript.messages] == [
        ("main", "Be of use.\nThe host is blue."),
        ("main", "No, stop."),
        ("branch-1", "List."),
        ("branch-1", "I list.\ncommand: ls"),
        ("branch-1", "a.py"),
    ]
    assert transcript.thread_kind("branch-1") == "branch"


def test_what_was_said_beside_a_thought_that_was_called_for_is_kept(write: Any) -> None:
    def thinks(number: int, thought: str, *, answered: bool) -> dict[str, Any]:
        function = {"name": "think", "arguments": json.dumps({"thought": "It is the fuse.\nI check it."})}
        answer = {"role": "assistant", "tool_calls": [{"id": f"t{number}", "function": function}]}
        response = {"model": "m", "choices": [{"message": answer}]} if answered else None
        metadata = {"function_name": "think", "tool_call_id": f"t{number}", "model_response": response}
        event = {"id": number, "source": "agent", "action": "think", "args": {"thought": thought}}
        return {**event, "tool_call_metadata": metadata}

    whole = "The lamp is dark.\n\nIt is the fuse.\nI check it."
    rows = [
        thinks(0, "It is the fuse.\nI check it.", answered=True),
        thinks(1, whole, answered=True),
        thinks(2, whole, answered=False),
    ]
    called = ("tool_call", "thought:\nIt is the fuse.\nI check it.")
    assert said(Reading(write(rows)).only.messages) == [
        ("assistant", [called]),
        ("assistant", [("text", "The lamp is dark."), called]),
        ("assistant", [("tool_call", f"thought:\n{whole}")]),
    ]


def test_what_stands_for_the_forgotten_is_a_summary(write: Any, tmp_path: Path) -> None:
    condensed = {"id": 5, "source": "agent", "action": "condensation", "message": "Summary: Half is done."}
    old = Reading(
        write(
            [
                {"id": 0, "source": "user", "action": "message", "args": {"content": "Mend it."}},
                {**condensed, "args": {"forgotten_events_start_id": 1, "summary": "Half is done."}},
                {**condensed, "id": 6, "args": {"forgotten_event_ids": [2]}},
            ]
        )
    )
    assert [(message.text, message.flags) for message in old.only.messages] == [
        ("Mend it.", ()),
        ("Half is done.", ("summary",)),
    ]
    assert old.file.left_out == {"condensation": 1}
    events = _sdk_events()
    summary = {"kind": "Condensation", "id": "e-9", "source": "environment", "summary": "Half is done."}
    asked = {"kind": "CondensationRequest", "id": "e-8", "source": "environment"}
    reading = Reading(_conversation(tmp_path / "c", [*events[:2], asked, summary, *events[2:]]))
    assert [message.text for message in reading.only.messages if message.flags == ("summary",)] == ["Half is done."]
    assert len(reading.only.messages) == len(_SDK_SAID) + 1
    assert reading.skips == []


def test_what_the_shell_says_of_a_command_is_told_with_its_result(write: Any, tmp_path: Path) -> None:
    """That a command was never started stands beside its output, which is empty."""
    idle = {
        "prefix": "[Below is the output of the previous command.]\n",
        "suffix": '\n[Your command "ls" is NOT executed.]',
    }
    told = '[Below is the output of the previous command.]\n[Your command "ls" is NOT executed.]'
    well = {"prefix": "", "suffix": "\n[The command completed with exit code 0.]"}
    badly = {"suffix": "\n[The command completed with exit code 2.]"}
    ran = {"id": 1, "source": "agent", "action": "run", "args": {"command": "ls"}}
    seen = {"source": "agent", "observation": "run", "cause": 1}
    rows = [
        ran,
        {**seen, "id": 2, "content": "", "extras": {"metadata": idle}},
        {**seen, "id": 3, "content": "a.py", "extras": {"metadata": well}},
        {**seen, "id": 4, "content": "no", "extras": {"metadata": badly}},
        {**seen, "id": 5, "content": "b.py", "extras": {"metadata": {"prefix": "", "suffix": None}}},
    ]
    shown = [block for message in Reading(write(rows)).only.messages for block in message.blocks][1:]
    assert [(block.text, block.error) for block in shown] == [
        ("", told),
        ("a.py", None),
        ("no", "[The command completed with exit code 2.]"),
        ("b.py", None),
    ]
    system, asked, acted, answer = _sdk_events()
    answer["observation"] = {
        "kind": "TerminalObservation",
        "content": [{"type": "text", "text": "50 %"}],
        "metadata": idle,
        "is_error": True,
    }
    new = Reading(_conversation(tmp_path / "c", [system, asked, acted, answer])).only
    [result] = [block for message in new.messages for block in message.blocks if block.kind == "tool_result"]
    assert (result.text, result.error) == ("50 %", told)
