"""AgentDojo, Palisade's logs, control-arena's calls."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from agent_logs import calls, log, results, said, shape
from logs import Reading, blocks, spoken


def test_an_agentdojo_run_is_named_by_model_suite_tasks_and_attack() -> None:
    transcript = log("agentdojo/run.json").only
    assert transcript.id == "claude-3-opus/banking/user_task_0/injection_task_1/important_instructions"
    assert (transcript.model, transcript.task) == ("claude-3-opus", "banking")
    assert {entry["name"]: entry["value"] for entry in transcript.metadata["scores"]} == {
        "utility": False,
        "security": True,
    }
    assert transcript.metadata["injections"] == {"bill": "send it"}


def test_agentdojo_thinking_calls_and_errors() -> None:
    transcript = log("agentdojo/run.json").only
    assert said(transcript.messages)[2] == (
        "assistant",
        [
            ("reasoning", "Read it first."),
            ("reasoning", ""),
            ("reasoning", "which file?"),
            ("text", "I read the bill."),
            ("tool_call", "path: bill.txt"),
        ],
    )
    assert calls(transcript) == [("read_file", "d1"), ("send_money", "d2")]
    assert [(block.name, block.call_id, block.error) for block in blocks(transcript, "tool_result")] == [
        ("read_file", "d1", None),
        ("send_money", "d2", "ValueError: no balance"),
    ]


def test_agentdojo_rows_follow_a_summary() -> None:
    reading = log("agentdojo/rows.jsonl")
    assert [transcript.id for transcript in reading.transcripts] == [
        "gpt-4o/banking/user_task_1/none/none",
        "gpt-4o/slack/user_task_2/injection_task_3/direct",
    ]
    assert reading.file.left_out == {"summary": 1}
    missing = {entry["name"]: entry["value"] for entry in reading.transcripts[0].metadata["scores"]}["security"]
    assert missing is None  # not judged is not secure


def test_palisade_rows_with_an_event_are_the_conversation() -> None:
    reading = log("palisade/run.jsonl")
    transcript = reading.only
    assert transcript.model == "grok-4"
    assert shape(transcript.messages) == [
        ("system", ["text"]),
        ("user", ["text", "media"]),
        ("assistant", ["text", "reasoning", "tool_call", "tool_call"]),
        ("tool", ["tool_result"]),
        ("tool", ["tool_result"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", []),
    ]
    assert reading.file.left_out == {"log_noise": 5}


def test_palisade_thoughts_are_reasoning_and_results_find_their_call() -> None:
    transcript = log("palisade/run.jsonl").only
    assert [block.text for block in blocks(transcript, "reasoning")] == ["Avoid the button."]
    assert [block.text for block in blocks(transcript, "tool_call")] == ["cmd: left 90", "", "cmd: ls"]
    assert results(transcript) == [
        ("bash_tool", "p1", "Shutting down..."),
        ("submit", "p2", ""),
        ("bash_tool", None, "nobody announced this"),
    ]


def test_palisade_warnings_and_errors_of_the_program_are_scores() -> None:
    assert [(entry["name"], entry["value"]) for entry in log("palisade/run.jsonl").only.metadata["scores"]] == [
        ("WARNING", "Host shutdown detected"),
        ("ERROR", "Shutdown bypassed"),
    ]


def test_rows_of_calls_are_one_transcript() -> None:
    reading = log("toolcalls/calls.jsonl")
    transcript = reading.only
    assert "unanswered_call" not in reading.warnings  # no file of the kind has any result
    assert calls(transcript) == [("bash", "call_1"), ("submit", "call_2"), ("noop", None)]
    assert [message.text for message in transcript.messages] == ["cmd: ls", "answer:\nline one\nline two", ""]
    assert {message.role for message in transcript.messages} == {"assistant"}


def test_scout_tables_are_rows_of_inspect_messages(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    spoken = [
        {"role": "user", "content": "Go."},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "reasoning": "Fine."}, {"type": "text", "text": "Gone."}],
            "tool_calls": [{"id": "c", "function": "bash", "arguments": {"cmd": "ls"}}],
        },
        {"role": "tool", "content": "a", "tool_call_id": "c", "function": "bash"},
    ]
    called = [{"event": "model", "input": spoken[:1], "output": {"choices": [{"message": spoken[1]}]}}]
    table = pyarrow.table(
        {
            "transcript_id": ["one", "two", "three"],
            "task_set": ["suite", "suite", "suite"],
            "task_id": ["s1", "s2", "s3"],
            "task_repeat": [1, 2, 3],
            "model": ["m", "m", "m"],
            "score": ["0.5", None, '"C"'],
            "messages": [json.dumps(spoken), "[]", "[]"],
            "events": ["[]", json.dumps(called), "[]"],
            "metadata": [json.dumps({"condition": "calm", "score_x": 1}), None, "not json"],
        }
    )
    path = tmp_path / "transcripts"
    parquet.write_table(table, path)
    reading = Reading(path)
    first, second = reading.transcripts
    assert (first.id, first.format, first.model, first.task, first.epoch) == ("one", "scout_parquet", "m", "suite", 1)
    assert first.condition == "calm"
    assert [(entry["name"], entry["value"]) for entry in first.metadata["scores"]] == [("score", 0.5), ("x", 1)]
    assert shape(first.messages) == [
        ("user", ["text"]),
        ("assistant", ["reasoning", "text", "tool_call"]),
        ("tool", ["tool_result"]),
    ]
    assert shape(second.messages) == shape(first.messages)[:2]
    assert reading.file.left_out == {"row without messages": 1}


def test_columns_of_a_scout_table_that_json_does_not_know_are_words(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table(
        {
            "transcript_id": ["one"],
            "date": [datetime(2026, 1, 2, 3, 4, 5)],
            "source_id": [b"\xff\x00"],
            "messages": [json.dumps([{"role": "assistant", "content": "Gone."}])],
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    metadata = Reading(tmp_path).only.metadata
    assert (metadata["date"], metadata["source_id"]) == ("2026-01-02T03:04:05", "[2 bytes]")


def test_other_parquet_files_are_named(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"price": [1]}), tmp_path / "t.parquet")
    (tmp_path / "u.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-9])
    reading = Reading(tmp_path)
    assert [file.skipped[0].reason for file in reading.files] == ["unrecognised", "unreadable"]


def test_parquet_without_its_extra_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "t").write_bytes(b"PAR1 and more")
    reading = Reading(tmp_path / "t")
    assert reading.skips == ["needs_extra"]
    assert "grader[parquet]" in reading.file.skipped[0].detail


def test_scout_spreads_metadata_over_columns_and_pools_what_its_events_repeat(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    pool = [{"role": "user", "content": "Go."}, {"role": "user", "content": "Now."}]
    said_last = {"role": "assistant", "content": "Gone."}
    called = [
        {"event": "model", "input": [], "input_refs": [[0, 1]], "output": {"choices": []}},
        {
            "event": "model",
            "input": [],
            "input_refs": [[0, 2], [5, 9]],
            "output": {"choices": [{"message": said_last}]},
        },
    ]
    table = pyarrow.table(
        {
            "transcript_id": ["one", "two"],
            "model": ["m", "m"],
            "task_set": ["suite", "suite"],
            "messages": [None, json.dumps(pool)],
            "events": [json.dumps(called), None],
            "events_data": [json.dumps({"messages": pool, "calls": []}), None],
            "timelines": ["[]", "[]"],
            "total_tokens": [12, 13],
            "sample_metadata": [json.dumps({"condition_id": "blackmail_explicit-america_replacement"}), "{}"],
            "task_args": [json.dumps({"tools": True, "level": "low"}), json.dumps({"tools": False})],
            "score_harmful": [1.0, 0.0],
            "error": ["", "stopped"],
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    reading = Reading(tmp_path / "t.parquet")
    one, two = reading.by_id("one"), reading.by_id("two")
    assert [message.text for message in one.messages] == ["Go.", "Now.", "Gone."]
    assert one.condition == "blackmail_explicit-america_replacement"
    assert one.metadata["condition_parts"]["scenario"] == "blackmail"
    assert one.metadata["scores"] == [{"name": "harmful", "value": 1.0, "answer": None, "explanation": None}]
    assert one.metadata["task_args"] == {"tools": True, "level": "low"}
    assert "error" not in one.metadata and "total_tokens" not in one.metadata
    assert (two.condition, two.metadata["error"]) == ("tools=false", "stopped")
    assert reading.warnings == {"unresolved_reference": 1}


def test_scout_scores_have_their_explanations_and_only_the_target_is_the_target(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    spoken = [
        {"role": "assistant", "content": "Who are you?", "model": "judge-2"},
        {"role": "assistant", "content": "A model.", "model": "small-1"},
    ]
    roles = {"target": {"model": "x/small-1"}, "auditor": {"model": "x/judge-2"}}
    scores = {"honest": {"value": "C", "answer": "A model.", "explanation": "It says so.", "history": []}}
    table = pyarrow.table(
        {
            "transcript_id": ["one", "two"],
            "model": ["none/none", "m"],
            "messages": [json.dumps(spoken), json.dumps(spoken)],
            "score": ["C", "0.5"],
            "score_explanation": ["It says so.", "Half of it."],
            "scores": [json.dumps(scores), None],
            "score_honest": ["C", None],
            "score_brief": ["1", None],
            "model_roles": [json.dumps(roles), "{}"],
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    parquet.write_table(table.drop_columns(["messages"]), tmp_path / "u.idx")
    reading = Reading(tmp_path / "t.parquet")
    one, two = reading.transcripts
    assert (one.model, one.metadata["model_roles"]) == ("x/small-1", {"target": "x/small-1", "auditor": "x/judge-2"})
    assert [(message.role, message.name) for message in one.messages] == [("user", "auditor"), ("assistant", None)]
    assert [tuple(entry.values()) for entry in one.metadata["scores"]] == [
        ("honest", "C", "A model.", "It says so."),
        ("brief", 1, None, None),
    ]
    assert (two.model, {message.role for message in two.messages}) == ("m", {"assistant"})
    assert [tuple(entry.values()) for entry in two.metadata["scores"]] == [("score", 0.5, None, "Half of it.")]
    assert Reading(tmp_path / "u.idx").skips == ["no_transcripts"]


def test_scout_rows_have_the_threads_that_only_their_events_hold(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    main = [{"id": "u", "role": "user", "content": "Go."}, {"id": "a", "role": "assistant", "content": "Gone."}]
    asked = {"id": "b", "role": "user", "content": "Search the drawer."}
    found = {"id": "c", "role": "assistant", "content": "I took the letter."}
    judged = {"role": "assistant", "content": "GRADE: I"}
    events = [
        {"event": "span_begin", "id": "s1", "type": "agent", "name": "searcher"},
        {
            "event": "model",
            "span_id": "s1",
            "input": [],
            "input_refs": [[2, 3]],
            "output": {"choices": [{"message": found}]},
        },
        {"event": "span_end", "id": "s1"},
        {"event": "model", "input": [], "input_refs": [[0, 1]], "output": {"choices": [{"message": main[1]}]}},
        {"event": "span_begin", "id": "s2", "type": "scorers", "name": "scorers"},
        {"event": "model", "span_id": "s2", "input": [asked], "output": {"choices": [{"message": judged}]}},
    ]
    columns = {
        "transcript_id": ["one"],
        "messages": [json.dumps(main)],
        "events": [json.dumps(events)],
        "events_data": [json.dumps({"messages": [*main, asked], "calls": []})],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    reading = Reading(tmp_path / "t.parquet")
    assert [(message.thread, message.role, message.text) for message in reading.only.messages] == [
        ("main", "user", "Go."),
        ("main", "assistant", "Gone."),
        ("searcher", "user", "Search the drawer."),
        ("searcher", "assistant", "I took the letter."),
    ]
    assert reading.only.metadata["threads"]["searcher"] == {"kind": "subagent", "parent": "main", "actor": "searcher"}
    assert reading.warnings == {}


def test_palisades_tags_beside_the_logs_are_scores(tmp_path: Path) -> None:
    row = {"logger": "l", "event": "user_message", "user_payload": {"role": "user", "content": "Patrol."}}
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(json.dumps(row) + "\n")
    (tmp_path / "tags.json").write_text(json.dumps({"a.jsonl": ["avoided", "mock"]}))
    reading = Reading(tmp_path)
    scores = [
        [(score["name"], score["value"]) for score in found.metadata.get("scores", [])] for found in reading.transcripts
    ]
    assert scores == [[("avoided", True), ("mock", True)], []]
    assert reading.skips == []


def test_tables_of_rows_that_other_formats_know_and_of_spans_are_read_as_those(write: Any, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def table(**columns: list[Any]) -> Path:
        parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
        return tmp_path / "t.parquet"

    said = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Ho."}]
    for messages in (said, json.dumps(said)):
        reading = Reading(table(id=["a", "b"], messages=[messages, messages], image=[b"\x00", b"\x01"]))
        assert [(found.format, found.id) for found in reading.transcripts] == [("chat", "a"), ("chat", "b")]
        assert spoken(reading.transcripts[1]) == [("user", "Hi."), ("assistant", "Ho.")]
    turns = table(chat=["a"], turns=[[{"who": "human", "words": "Hi."}, {"who": "ai", "words": "Ho."}]])
    assert Reading(turns).skips == ["unrecognised"]
    mapped = write('id = "chat"\nmessages = "turns"\nrole = "who"\ntext = "words"\n', "map.toml")
    assert spoken(Reading(turns, map=mapped).only) == [("user", "Hi."), ("assistant", "Ho.")]
    asked = [[{"message.role": "user", "message.content": "Hi."}]]
    answered = [[{"message.role": "assistant", "message.content": "Ho."}]]
    spans = {"context.trace_id": ["t"], "context.span_id": ["s"], "span_kind": ["LLM"]}
    path = table(**spans, **{"attributes.llm.input_messages": asked, "attributes.llm.output_messages": answered})
    assert (Reading(path).only.format, spoken(Reading(path).only)[1]) == ("openinference", ("assistant", "Ho."))
