"""Kimi Code and Kimi CLI."""

from __future__ import annotations

import shutil
from pathlib import Path

from agent_logs import calls, log, results, said, shape, thread
from logs import FIXTURES, Reading, blocks

SESSION = "session_5a5a5a5a-0000-4000-8000-000000000001"
CODE = f"kimi/code/{SESSION}/agents/main/wire.jsonl"
CLI = "kimi/cli/6b6b6b6b-0000-4000-8000-000000000002/wire.jsonl"
CONTEXT = "kimi/context/7c7c7c7c-0000-4000-8000-000000000003/context.jsonl"


def test_a_step_is_what_was_said_and_called_and_then_what_the_tools_answered() -> None:
    transcript = log(CODE).only
    assert (transcript.id, transcript.model, transcript.metadata["cwd"]) == (SESSION, "orion-2", "/srv/kiln")
    assert shape(transcript.messages) == [
        ("system", ["text"]),
        ("user", ["text"]),
        ("user", ["text"]),
        ("assistant", ["reasoning", "text", "tool_call", "tool_call"]),
        ("tool", ["tool_result"]),
        ("tool", ["tool_result"]),
        ("assistant", ["reasoning", "text"]),
        ("user", ["text"]),
        ("user", ["text"]),
        ("assistant", ["text"]),
    ]
    assert calls(transcript) == [("Bash", "Bash_0"), ("Agent", "Agent_0")]
    assert results(transcript) == [("Bash", "Bash_0", "900 C"), ("Agent", "Agent_0", "the potter is out")]
    assert blocks(transcript, "tool_result")[1].error == "the potter is out"


def test_thoughts_come_in_pieces_and_ciphertext_is_not_kept() -> None:
    assert [(block.text, block.meta) for block in blocks(log(CODE).only, "reasoning")] == [
        ("I read the gauge.", None),
        ("", {"redacted": True}),
    ]


def test_injections_summaries_and_what_was_cancelled_are_flagged() -> None:
    flagged = [(message.text, message.flags) for message in log(CODE).only.messages if message.flags]
    assert flagged == [
        ("<system-reminder>Mind the gloves.</system-reminder>", ("meta",)),
        ("What follows is a summary: the kiln is hot.", ("summary",)),
        ("I open the", ("partial",)),
    ]


def test_a_sub_agent_is_known_by_its_folder() -> None:
    agent = next(found for found in log(f"kimi/code/{SESSION}").transcripts if found.metadata.get("agent_id"))
    assert (agent.id, agent.metadata["parent"]) == (f"{SESSION}/agent-0", SESSION)
    assert said(agent.messages) == [
        ("user", [("text", "Ask the potter.")]),
        ("assistant", [("text", "Nobody answers.")]),
    ]
    assert agent.messages[0].flags == ()


def test_the_title_stands_in_the_state_of_the_session(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "kimi" / "code" / SESSION, tmp_path / SESSION)
    (tmp_path / SESSION / "state.json").write_text('{"title": "Hot", "workDir": "/else"}', "utf-8")
    main = Reading(tmp_path).by_id(SESSION)
    assert (main.metadata["title"], main.metadata["cwd"]) == ("Hot", "/srv/kiln")


def test_the_wire_of_the_cli_is_read_with_its_sub_agents() -> None:
    reading = log(CLI)
    transcript = reading.only
    assert transcript.id == "6b6b6b6b-0000-4000-8000-000000000002"
    assert said(thread(transcript)) == [
        ("user", [("text", "Fire the pots.")]),
        (
            "assistant",
            [
                ("reasoning", "Slowly."),
                ("text", "I light it."),
                ("tool_call", "command: light"),
                ("tool_call", "prompt: Count the pots."),
            ],
        ),
        ("tool", [("tool_result", "no matches left")]),
        ("tool", [("tool_result", "Twelve.")]),
        ("assistant", [("text", "Twelve pots, and no fire.")]),
        ("user", [("text", "Use the lighter.")]),
        ("assistant", [("text", "I take")]),
    ]
    assert transcript.metadata["threads"]["agent-call_2"] == {
        "kind": "subagent",
        "parent": "main",
        "actor": "explore",
    }
    assert [message.text for message in thread(transcript, "agent-call_2")] == ["Twelve."]
    assert thread(transcript)[-1].flags == ("partial",)
    assert reading.warnings == {}


def test_an_attempt_that_was_made_again_is_discarded_and_a_question_aside_is_a_branch() -> None:
    transcript = log(CLI).only
    assert [message.text for message in thread(transcript, "discarded-1")] == ["Twelve po"]
    assert transcript.thread_kind("discarded-1") == "discarded"
    assert [message.text for message in thread(transcript, "aside-b1")] == ["What is a kiln?", "An oven."]
    assert transcript.thread_kind("aside-b1") == "branch"


def test_a_context_is_read_where_it_stands_alone() -> None:
    reading = log(CONTEXT)
    assert said(reading.only.messages) == [
        ("system", [("text", "You are Kimi.")]),
        ("user", [("text", "Stack the wood.")]),
        ("assistant", [("reasoning", "Where?"), ("text", "I look."), ("tool_call", "command: ls")]),
        ("tool", [("tool_result", "shed")]),
        ("assistant", [("text", "In the shed.")]),
    ]
    assert reading.file.left_out == {"_checkpoint": 1, "_usage": 1}


def test_beside_its_wire_a_context_gives_the_system_prompt_alone(tmp_path: Path) -> None:
    folder = tmp_path / "6b6b6b6b-0000-4000-8000-000000000002"
    folder.mkdir()
    shutil.copy(FIXTURES / CLI, folder)
    shutil.copy(FIXTURES / CONTEXT, folder)
    reading = Reading(tmp_path)
    assert [message.text for message in reading.only.messages][:2] == ["You are Kimi.", "Fire the pots."]
    assert reading.skips == []
    assert reading.files[0].left_out == {"row of the session in the file beside it": 7}
