"""SWE-agent and mini-swe-agent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent_logs import calls, log, results, said, shape, thread
from logs import FIXTURES, Reading, blocks

from grader.readers.options import Limits


def test_calls_of_the_api_keep_name_and_id() -> None:
    transcript = log("swe_agent/calls.traj").only
    assert transcript.model == "gpt-4o"
    assert calls(transcript) == [("find_file", "call_A")]
    assert results(transcript) == [("find_file", "call_A", "Found 1 match")]
    assert transcript.metadata["scores"][0]["value"] == "submitted"


def test_each_agent_has_its_thread() -> None:
    transcript = log("swe_agent/calls.traj").only
    assert said(thread(transcript, "reviewer")) == [
        ("user", [("text", "Review this.")]),
        ("assistant", [("text", "Fine.")]),
    ]
    assert transcript.metadata["threads"]["reviewer"]["actor"] == "reviewer"


def test_an_action_is_a_call_its_fence_is_cut_and_the_next_turn_answers_it() -> None:
    transcript = log("swe_agent/actions.traj").only
    assert said(transcript.messages)[3:] == [
        ("assistant", [("text", "Look at the files.\n```python\nprint(1)\n```\nthen"), ("tool_call", "ls -F")]),
        ("tool", [("tool_result", "setup.py\n(Current directory: /app)\nbash-$")]),
        ("assistant", [("text", "Edit it."), ("tool_call", "edit 1:1\nround(x)\nend_of_edit")]),
        ("tool", [("tool_result", "edited")]),
        ("assistant", [("text", "No command here.")]),
        ("user", [("text", "Your output was not formatted correctly.")]),
    ]
    assert calls(transcript) == [("shell", None), ("shell", None)]
    assert transcript.messages[1].flags == ("demo",)


def test_an_action_that_stands_in_the_text_as_a_call_is_that_call(write: Any) -> None:
    wrote = "I look.\n\n<function=bash>\n<parameter=command>ls -a</parameter>\n</function>"
    acts = {"role": "assistant", "content": wrote, "action": "ls -a", "agent": "main", "message_type": "action"}
    history = [
        {"role": "user", "content": "Mend it.", "agent": "main"},
        {**acts, "thought": "I look.", "tool_calls": None},
        {"role": "user", "content": "OBSERVATION:\na", "agent": "main", "message_type": "observation"},
    ]
    called = ("assistant", [("text", "I look.\n\n"), ("tool_call", "command: ls -a")])
    reading = Reading(write({"history": history, "trajectory": [], "info": {}}, name="x.traj"))
    assert said(reading.only.messages) == [
        ("user", [("text", "Mend it.")]),
        called,
        ("tool", [("tool_result", "OBSERVATION:\na")]),
    ]
    assert results(reading.only) == [("bash", None, "OBSERVATION:\na")]
    assert reading.warnings == {}
    steps = [{"response": wrote, "action": "ls -a", "observation": "a", "query": [history[0]]}]
    only_steps = Reading(write({"history": [], "trajectory": steps, "info": {}, "environment": "e"}, name="y.traj"))
    assert said(only_steps.only.messages)[1:] == [called, ("tool", [("tool_result", "a")])]
    assert only_steps.warnings == {}


def test_without_a_history_the_steps_are_the_transcript() -> None:
    transcript = log("swe_agent/steps.traj").only
    assert said(transcript.messages) == [
        ("system", [("text", "SETTING")]),
        ("user", [("text", "ISSUE")]),
        ("assistant", [("text", "First."), ("tool_call", "ls")]),
        ("tool", [("tool_result", "a b")]),
        ("assistant", [("text", "I give up.")]),
    ]


def test_mini_takes_the_last_fence_for_the_command() -> None:
    transcript = log("mini_swe/turns.json").only
    assert said(transcript.messages)[2:5] == [
        ("assistant", [("text", "For example:\n```bash\necho no\n```\nNow really:"), ("tool_call", "cat a.py\nls")]),
        ("tool", [("tool_result", "<returncode>0</returncode>\n<output>\nx = 1\n</output>")]),
        ("assistant", [("text", "No command at all.")]),
    ]
    assert calls(transcript) == [("bash", None), ("bash", None)]


def test_mini_reads_calls_tags_and_the_exit() -> None:
    reading = log("mini_swe/calls.traj.json")
    transcript = reading.only
    assert (transcript.model, transcript.task) == ("anthropic/claude-z", "owner__repo-1")
    assert shape(transcript.messages)[2:] == [
        ("assistant", ["reasoning", "text", "tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_result"]),
    ]
    assert [block.text for block in blocks(transcript, "tool_call")] == ["command: ls", "cat a"]
    assert transcript.metadata["exit_status"] == "Submitted"
    assert transcript.messages[2].timestamp == "2024-01-23T08:53:20Z"
    assert reading.file.left_out == {"exit": 1}


def test_mini_over_the_responses_api() -> None:
    transcript = log("mini_swe/responses.traj.json").only
    assert shape(transcript.messages)[2:] == [
        ("assistant", ["reasoning", "tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", ["text"]),
    ]
    assert results(transcript) == [("bash", "f1", "<returncode>0</returncode>")]


def test_real_trajectories_agree_with_their_history(shared_data: Path) -> None:
    for path in sorted((shared_data / "transcripts" / "swe_agent_traj").glob("*.traj")):
        history = json.loads(path.read_text("utf-8"))["history"]
        transcript = Reading(path).only
        assert len(transcript.messages) == len(history)
        found = blocks(transcript, "tool_call")
        acted = [row for row in history if row.get("action")]
        assert len(found) == len(acted)
        for call, row in zip(found, acted, strict=True):
            if row.get("tool_calls"):
                assert (call.name, call.call_id) == (
                    row["tool_calls"][0]["function"]["name"],
                    row["tool_calls"][0]["id"],
                )
            else:
                assert (call.name, call.text) == ("shell", row["action"].removesuffix("\n"))
        for position, (message, row) in enumerate(zip(transcript.messages, history, strict=True)):
            before = history[position - 1] if position else {}
            role = "tool" if before.get("action") else row["role"]
            assert message.role == role
            text = "".join(block.text for block in message.blocks if block.kind in ("text", "tool_result"))
            if row["role"] == "assistant":
                assert text.strip() == row["thought"].strip()
            else:
                assert text == row["content"]


def test_real_mini_trajectories_agree_with_their_turns(shared_data: Path) -> None:
    for path in sorted((shared_data / "transcripts" / "mini_swe_agent").glob("*.json")):
        rows = json.loads(path.read_text("utf-8"))
        transcript = Reading(path).only
        answers = [row["content"].startswith("<returncode>") for row in rows]
        assert [message.role for message in transcript.messages] == [
            "tool" if answer else row["role"] for row, answer in zip(rows, answers, strict=True)
        ]
        commands = [
            row["content"].split("```mswea_bash_command\n")[-1].split("\n```")[0]
            for row in rows
            if row["role"] == "assistant"
        ]
        assert [block.text for block in blocks(transcript, "tool_call")] == commands
        assert [text for _, _, text in results(transcript)] == [
            row["content"] for row, answer in zip(rows, answers, strict=True) if answer
        ]


def test_of_a_large_file_the_history_is_enough(tmp_path: Path) -> None:
    large = tmp_path / "large.traj"
    raw = json.loads((FIXTURES / "swe_agent/actions.traj").read_text("utf-8"))
    steps = [{**raw["trajectory"][0], "query": [{"role": "system", "content": "x" * 5_000_000}]}]
    large.write_text(json.dumps({**raw, "trajectory": steps}))
    streamed, whole = Reading(large, limits=Limits(document=1000)).only, log("swe_agent/actions.traj").only
    assert (streamed.digest, streamed.metadata) == (whole.digest, whole.metadata)


def test_tags_without_end_are_read_in_time(tmp_path: Path) -> None:
    rows = [{"role": "assistant", "agent": "m", "action": "ls", "content": "</command>" + "<command>" * 60_000}]
    path = tmp_path / "a.traj"
    path.write_text(json.dumps({"history": rows}))
    assert shape(Reading(path).only.messages) == [("assistant", ["text", "tool_call"])]


def test_mini_tells_what_went_wrong_before_the_code_and_keeps_answers_without_a_command(write: Any) -> None:
    turns = [
        {"role": "user", "content": "Mend it."},
        {
            "role": "user",
            "content": "Format error: no action found.",
            "extra": {"interrupt_type": "FormatError", "n_actions": 0, "model_response": "I would rather talk."},
        },
        {"role": "assistant", "content": "So be it.\n\n```mswea_bash_command\nsleep 99\n```"},
        {
            "role": "user",
            "content": "<exception>timed out after <60> s</exception>\n<returncode>-1</returncode>\n<output>\n</output>",
            "extra": {"returncode": -1, "raw_output": ""},
        },
    ]
    log = {"info": {"exit_status": "Submitted"}, "messages": turns, "trajectory_format": "mini-swe-agent-1.1"}
    transcript = Reading(write(log)).only
    assert said(transcript.messages) == [
        ("user", [("text", "Mend it.")]),
        ("assistant", [("text", "I would rather talk.")]),
        ("user", [("text", "Format error: no action found.")]),
        ("assistant", [("text", "So be it."), ("tool_call", "sleep 99")]),
        ("tool", [("tool_result", turns[3]["content"])]),
    ]


def test_attempts_that_were_not_chosen_are_branches(write: Any) -> None:
    def attempt(text: str) -> dict[str, Any]:
        history = [
            {"role": "user", "content": "Mend it.", "agent": "main"},
            {"role": "assistant", "content": text, "agent": "main"},
        ]
        return {"trajectory": [], "history": history, "info": {"exit_status": "submitted"}}

    tried = [attempt("With glue."), attempt("With tape.")]
    chosen = Reading(write({"attempts": tried, **tried[0]}, "chosen.traj")).only
    assert [(message.thread, message.text) for message in chosen.messages] == [
        ("main", "Mend it."),
        ("main", "With glue."),
        ("attempt-2", "Mend it."),
        ("attempt-2", "With tape."),
    ]
    assert chosen.thread_kind("attempt-2") == "branch"
    undecided = Reading(write({"attempts": tried}, "undecided.traj")).only
    assert [message.text for message in undecided.messages if message.thread == "main"] == ["Mend it.", "With tape."]
    assert undecided.metadata["exit_status"] == "submitted"


def test_the_command_that_ends_a_run_is_not_called_unanswered_and_others_are(write: Any) -> None:
    def run(command: str, status: str) -> Reading:
        said = {"role": "assistant", "content": f"So:\n\n```bash\n{command}\n```"}
        rows = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}, said]
        return Reading(
            write({"trajectory_format": "mini-swe-agent-1", "messages": rows, "info": {"exit_status": status}})
        )

    assert run("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT", "").warnings == {}
    assert run("my-own-way-out", "Submitted").warnings == {}
    assert run("make", "LimitsExceeded").warnings == {"unanswered_call": 1}


def test_a_call_that_is_only_spoken_of_does_not_hide_the_action_taken(write: Any) -> None:
    said = {"role": "assistant", "content": "Like <function=edit> I look first.", "action": "cat lamp.py\n"}
    history = [{"role": "user", "content": "Mend it."}, said, {"role": "user", "content": "on = False"}]
    document = {"history": history, "trajectory": [{"response": said["content"], "action": said["action"]}], "info": {}}
    transcript = Reading(write({**document, "agent": "main"})).only
    [*_, taken] = blocks(transcript, "tool_call")
    assert (taken.name, taken.text) == ("shell", "cat lamp.py")
    assert [(block.name, block.text) for block in blocks(transcript, "tool_result")] == [("shell", "on = False")]
