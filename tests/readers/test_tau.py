"""tau-bench and tau2."""

from __future__ import annotations

import json
import re
from pathlib import Path

from agent_logs import calls, json_rows, log, results, said, shape
from logs import FIXTURES, Reading, blocks

from grader.readers.options import Limits


def test_a_result_is_its_trajectory_with_the_reward_as_score() -> None:
    first, second = log("tau/results.json").transcripts
    assert (first.task, first.epoch) == ("0", 0)
    assert first.metadata["scores"][0]["value"] == 1.0
    assert shape(first.messages) == [
        ("system", ["text"]),
        ("user", ["text"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", ["text"]),
        ("user", ["text"]),
    ]
    assert results(first) == [("get_user", "c1", '{"name": "Mia"}')]
    assert said(second.messages)[1] == ("assistant", [("reasoning", "refuse"), ("text", "No.")])


def test_displayed_messages_continue_to_the_next_role_and_none_is_empty() -> None:
    first, second = log("tau/display.jsonl").transcripts
    assert said(first.messages) == [
        ("user", [("text", "Cancel it.")]),
        ("assistant", []),
        ("tool", [("tool_result", "Error: user not found\n\ndetails: none")]),
        ("assistant", [("text", "Who are you?\nI cannot find you.")]),
        ("user", [("text", "Amelia ###STOP###")]),
    ]
    assert len(second.messages) == 2


def test_a_simulation_pairs_the_users_own_tools_too() -> None:
    reading = log("tau2/simulations.json")
    transcript = reading.by_id("sim-1")
    assert (transcript.model, transcript.task, transcript.epoch) == ("gpt-4.1", "t1", 1)
    assert transcript.messages[0].text == "# Telecom policy"
    assert calls(transcript) == [("get_line", "a1"), ("get_bill", "a2"), ("toggle_airplane_mode", "u1")]
    assert results(transcript) == [
        ("get_line", "a1", "active"),
        ("get_bill", "a2", "not found"),
        ("toggle_airplane_mode", "u1", "off"),
    ]
    assert [block.error for block in blocks(transcript, "tool_result")] == [None, "error", None]
    assert [message.role for message in transcript.messages if message.meta] == ["user", "tool"]
    assert blocks(transcript, "reasoning")[0].text == "Check the line."
    assert [entry["name"] for entry in transcript.metadata["scores"]] == ["reward", "reward.DB"]


def test_ticks_become_turns_even_where_both_speak_at_once() -> None:
    transcript = log("tau2/simulations.json").by_id("sim-2")
    assert said(transcript.messages) == [
        ("assistant", [("text", "Hello, who is there? Hello?")]),
        ("user", [("text", "Uhuh, me.")]),
        ("assistant", [("tool_call", "who: me")]),
        ("tool", [("tool_result", "found")]),
        ("assistant", [("text", "Found you.")]),
    ]


def test_a_simulation_without_words_is_named() -> None:
    reading = log("tau2/simulations.json")
    assert [transcript.id for transcript in reading.transcripts] == ["sim-1", "sim-2"]
    assert reading.warnings["no_text"] == 1


def test_a_file_without_words_is_skipped(tmp_path: Path) -> None:
    silent = tmp_path / "silent.json"
    silent.write_text(json.dumps({"task_id": "t", "ticks": [{"agent_chunk": {"is_audio": True, "content": "AAAA"}}]}))
    assert Reading(silent).skips == ["no_text"]


def test_real_results_agree_with_their_trajectories(shared_data: Path) -> None:
    path = shared_data / "transcripts" / "tau_bench" / "gpt-4o-airline_first18.json"
    raw = json.loads(path.read_text("utf-8"))
    transcripts = Reading(path).transcripts
    assert [transcript.metadata["scores"][0]["value"] for transcript in transcripts] == [run["reward"] for run in raw]
    for transcript, run in zip(transcripts, raw, strict=True):
        assert [message.role for message in transcript.messages] == [row["role"] for row in run["traj"]]
        assert [message.text for message in transcript.messages if message.role != "assistant"] == [
            row["content"] for row in run["traj"] if row["role"] != "assistant"
        ]
        assert [block.text for block in blocks(transcript, "text")] == [
            row["content"] for row in run["traj"] if row["role"] != "tool" and (row["content"] or "").strip()
        ]
        assert calls(transcript) == [
            (call["function"]["name"], call["id"]) for row in run["traj"] for call in row.get("tool_calls") or []
        ]


def test_real_few_shot_rows_agree_with_their_display(shared_data: Path) -> None:
    for path in sorted((shared_data / "transcripts" / "tau_bench").glob("*few_shot.jsonl")):
        for transcript, row in zip(Reading(path).transcripts, json_rows(path), strict=True):
            parts = re.split(r"(?:^|\n)(user|assistant|tool): ?", row["messages_display"])[1:]
            assert [message.role for message in transcript.messages] == parts[::2]
            assert [message.text for message in transcript.messages] == [
                "" if text == "None" else text for text in parts[1::2]
            ]


def test_a_large_file_of_simulations_is_read_one_by_one_and_alike(tmp_path: Path) -> None:
    small = FIXTURES / "tau2/simulations.json"
    large = tmp_path / "large.json"
    raw = json.loads(small.read_text("utf-8"))
    large.write_text(json.dumps({"tasks": ["x" * 5_000_000], **raw, "tasks2": []}))
    streamed, whole = Reading(large, limits=Limits(document=1000)), Reading(small)
    assert [(item.id, item.digest, item.model) for item in streamed.transcripts] == [
        (item.id, item.digest, item.model) for item in whole.transcripts
    ]
    assert streamed.warnings == whole.warnings


def test_a_simulation_in_a_file_of_its_own_takes_the_model_from_the_results_beside(tmp_path: Path) -> None:
    (tmp_path / "simulations").mkdir()
    single = tmp_path / "simulations" / "one.json"
    single.write_bytes((FIXTURES / "tau2/one_simulation.json").read_bytes())
    (tmp_path / "results.json").write_text(json.dumps({"timestamp": "t", "info": {"agent_info": {"llm": "gpt-4.1"}}}))
    assert Reading(tmp_path).only.model == "gpt-4.1"
    assert Reading(single).only.model is None  # outside of what was given to read


def test_simulations_with_files_of_their_own_take_their_model_from_the_file_beside_them(tmp_path: Path) -> None:
    info = {"agent_info": {"implementation": "llm_agent", "llm": "m-1"}, "environment_info": {"domain_name": "mock"}}
    (tmp_path / "simulations").mkdir()
    (tmp_path / "results.json").write_text(json.dumps({"timestamp": "t", "info": info, "tasks": [{"id": "1"}]}))
    run = {"id": "s-1", "task_id": "1", "termination_reason": "user_stop", "reward_info": {"reward": 1.0}}
    said = [{"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Bye."}]
    (tmp_path / "simulations" / "s-1.json").write_text(json.dumps({**run, "messages": said}))
    reading = Reading(tmp_path)
    assert (reading.only.format, reading.only.id, reading.only.model) == ("tau2", "s-1", "m-1")
    assert reading.only.metadata["domain"] == "mock"
    assert reading.skips == []
