"""Tasks of Cline and its kin."""

from __future__ import annotations

import shutil
from pathlib import Path

from agent_logs import log, results, said
from logs import FIXTURES, Reading, blocks

HISTORY = "cline/1780000000000/api_conversation_history.json"
SHOWN = "cline/shown/ui_messages.json"


def test_calls_in_tags_are_calls_and_what_answers_them_results() -> None:
    reading = log(HISTORY)
    transcript = reading.only
    assert (transcript.id, transcript.model) == ("1780000000000", "orion-2")
    mention = "```\n<execute_command>\n<command>knot</command>\n</execute_command>\n```"
    assert said(transcript.messages) == [
        ("user", [("text", "<task>\nMend the net.\n</task>")]),
        ("user", [("text", "<environment_details>\n# Time\nnoon\n</environment_details>")]),
        ("assistant", [("reasoning", "Where is it torn?"), ("text", "I look."), ("tool_call", "path: net.txt")]),
        ("tool", [("tool_result", "torn at row 3")]),
        ("user", [("text", "<environment_details>\n# Time\nnoon\n</environment_details>")]),
        (
            "assistant",
            [
                ("text", f"I write it down. Use it like this:\n{mention}"),
                ("tool_call", "path: log.txt\ncontent: <b>row</b> 3"),
            ],
        ),
        ("tool", [("tool_result", "The user denied this operation.")]),
        ("user", [("text", "<feedback>\nNo logs.\n</feedback>")]),
        ("user", [("media", "[image image/png 8 B]")]),
        ("assistant", [("text", "Row 3 is torn.")]),
        ("assistant", [("reasoning", "")]),
        ("assistant", [("tool_call", "command: knot 3")]),
        ("tool", [("tool_result", "tied")]),
        ("user", [("text", "<environment_details>\n# Time\nnoon\n</environment_details>")]),
        ("assistant", [("tool_call", "<result>\nMended")]),
    ]
    assert [name for name, _, _ in results(transcript)] == ["read_file", "write_to_file", "execute_command"]
    assert reading.warnings == {}


def test_surroundings_are_meta_and_a_summary_is_flagged() -> None:
    transcript = log(HISTORY).only
    assert [message.flags for message in transcript.messages if "environment" in message.text] == [("meta",)] * 3
    assert [message.text for message in transcript.messages if "summary" in message.flags] == ["Row 3 is torn."]
    assert (blocks(transcript, "tool_call")[-1].meta or {})["unclosed"] is True


def test_what_the_interface_showed_is_read_where_it_stands_alone() -> None:
    reading = log(SHOWN)
    assert said(reading.only.messages) == [
        ("user", [("text", "Mend the net.")]),
        ("assistant", [("reasoning", "Where?")]),
        ("assistant", [("text", "I look.")]),
        ("assistant", [("tool_call", "tool: readFile\npath: net.txt")]),
        ("assistant", [("tool_call", "command: knot 3")]),
        ("tool", [("tool_result", "tied\ntwice")]),
        ("user", [("text", "Thanks.")]),
        ("assistant", [("text", "Mended.")]),
    ]
    assert results(reading.only) == [("command", "command", "tied\ntwice")]
    assert reading.file.left_out == {"api_req_started": 1, "completion_result": 1, "row of the same message": 1}


def test_beside_the_history_what_was_shown_is_left_out(tmp_path: Path) -> None:
    for name in (HISTORY, SHOWN):
        shutil.copy(FIXTURES / name, tmp_path)
    reading = Reading(tmp_path)
    assert len(reading.transcripts) == 1
    assert reading.skips == []
    assert reading.files[1].left_out == {"message of the task in the file beside it": 11}


def test_results_in_words_answer_the_calls_of_their_tool_by_id() -> None:
    transcript = log("cline/1780000000001/api_conversation_history.json").only
    assert results(transcript) == [
        ("read_file", "r1", "red"),
        ("read_file", "r2", "blue"),
        ("use_subagents", "s1", "Total: 1"),
        ("ask_followup_question", "q2", "<answer>\nyes\n</answer>"),
    ]
    heard = [message for message in transcript.messages if message.role == "user" and "meta" not in message.flags]
    answer = "New message to respond to with plan_mode_respond tool:\n<user_message>\nBoth.\n</user_message>"
    assert said(heard) == [
        ("user", [("text", "<task>\nCoil the rope.\n</task>")]),
        ("user", [("text", answer)]),
        ("user", [("text", "[tide table] Result: low")]),
    ]
