"""LangSmith: posted and patched runs are put together, and the calls of a trace become one conversation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from logs import Reading
from traces import fixture, turns

from grader.readers import Limits


def test_a_patch_without_an_id_completes_the_run_with_its_dotted_order() -> None:
    transcript = fixture("langsmith/batch.json").only
    assert (transcript.id, transcript.model, transcript.condition) == ("r1", "o-mini", "murder_swap-x_none")
    assert turns(transcript) == [
        ("user", ("text", None, None, "Write a script.")),
        ("assistant", ("text", None, None, "echo hi")),
    ]
    assert transcript.messages[1].timestamp == "2026-01-01T00:00:00Z"


def test_exported_runs_in_any_order_become_one_conversation_a_trace() -> None:
    reading = fixture("langsmith/runs.jsonl")
    transcript = reading.by_id("root")
    assert turns(transcript) == [
        ("user", ("text", None, None, "Find the log.")),
        ("assistant", ("tool_call", "find", "f1", "name: log")),
        ("tool", ("tool_result", "find", "f1", "/var/log")),
        ("assistant", ("reasoning", None, None, "It is there."), ("text", None, None, "In /var/log.")),
    ]
    assert transcript.condition == "base"
    assert transcript.metadata["scores"][0]["name"] == "helpful"
    assert transcript.metadata["scores"][0]["value"] == 0.5
    assert reading.file.left_out == {"chain run": 1, "tool run shown in a call": 1}


def test_a_chain_that_holds_messages_is_read_where_there_is_no_call() -> None:
    assert [message.text for message in fixture("langsmith/runs.jsonl").by_id("solo").messages] == ["Hi", "Hello."]


def test_a_tool_that_only_its_run_answers_is_told_after_its_call(write: Callable[..., Path]) -> None:
    call = {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "add", "arguments": '{"a": 1}'}}]}
    runs = [
        {"id": "1", "trace_id": "t", "run_type": "llm", "name": "m", "start_time": "2026-01-01T00:00:01",
         "inputs": {"messages": [{"role": "user", "content": "Add"}]}, "outputs": {"choices": [{"message": call}]}},
        {"id": "2", "trace_id": "t", "run_type": "tool", "name": "add", "start_time": "2026-01-01T00:00:02",
         "inputs": {"a": 1}, "outputs": {"output": 2}, "error": None},
        {"id": "3", "trace_id": "t", "run_type": "tool", "name": "unasked", "start_time": "2026-01-01T00:00:03",
         "inputs": {}, "outputs": {"output": 2}},
    ]  # fmt: skip
    reading = Reading(write(runs, "runs.jsonl", rows=True))
    assert turns(reading.only)[-1] == ("tool", ("tool_result", "add", "c", "2"))
    assert reading.file.left_out == {"tool run that no call asked for": 1}


def test_runs_nested_in_their_parents_are_found(write: Callable[..., Path]) -> None:
    inner = {
        "id": "2",
        "run_type": "llm",
        "inputs": {"prompts": ["Say it."]},
        "outputs": {"generations": [[{"text": "It."}]]},
    }
    outer = {"id": "1", "trace_id": "t", "run_type": "chain", "inputs": {"x": 1}, "outputs": {}, "child_runs": [inner]}
    assert [message.text for message in Reading(write(outer)).only.messages] == ["Say it.", "It."]


def test_a_run_patched_in_a_later_file_is_one_transcript(write: Callable[..., Path]) -> None:
    run = {"id": "1", "trace_id": "t", "dotted_order": "2026Z1"}
    posted = {**run, "run_type": "llm", "inputs": {"messages": [{"role": "user", "content": "Hi"}]}, "outputs": {}}
    write({"post": [posted], "patch": []}, "1.json")
    patched = {**run, "outputs": {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}}
    reading = Reading(write({"post": [], "patch": [patched]}, "2.json").parent)
    assert [message.text for message in reading.only.messages] == ["Hi", "Hello"]
    assert reading.skips == []
    assert [file.transcripts for file in reading.files] == [1, 0]


def test_real_batches_agree_with_an_independent_look(shared_data: Path) -> None:
    for path in sorted((shared_data / "transcripts" / "langsmith_runs").glob("*.json")):
        raw = json.loads(path.read_text("utf-8"))
        posted, patched = raw["post"][0], raw["patch"][0]
        transcript = Reading(path).only
        assert transcript.id == posted["trace_id"]
        assert transcript.model == posted["extra"]["metadata"]["ls_model_name"]
        assert [(message.role, message.text) for message in transcript.messages] == [
            *((message["role"], message["content"]) for message in posted["inputs"]["messages"]),
            ("assistant", patched["outputs"]["choices"][0]["message"]["content"]),
        ]


def test_odd_names_and_times_in_a_large_batch_do_no_harm(write: Callable[..., Path]) -> None:
    run = {
        "id": "r1",
        "trace_id": "t1",
        "name": [True, 1],
        "start_time": [["then"]],
        "run_type": "llm",
        "inputs": {"messages": [{"role": "user", "content": "And?"}]},
        "outputs": {"choices": [{"message": {"role": "assistant", "content": "So."}}]},
        "tags": ["a"],
    }
    reading = Reading(write({"padding": "x" * 300, "post": [run]}), limits=Limits(document=200))
    assert [message.text for message in reading.only.messages] == ["And?", "So."]
    json.dumps(reading.only.metadata)


@pytest.mark.parametrize("key", ["runs", "traces"])
def test_exports_hold_runs_in_a_list_with_those_below_them(key: str, write: Any) -> None:
    asked, said = {"type": "human", "content": "Hi."}, {"type": "ai", "content": "Ho."}
    below = {"id": "2", "run_type": "llm", "inputs": {"messages": [asked]}, "outputs": {"messages": [said]}}
    run = {"id": "1", "trace_id": "1", "run_type": "chain", "inputs": {"x": 1}, "child_runs": [below]}
    reading = Reading(write({"export_metadata": {"limit": 1}, key: [run]}))
    assert reading.only.id == "1"
    assert [(message.role, message.text) for message in reading.only.messages] == [
        ("user", "Hi."),
        ("assistant", "Ho."),
    ]
