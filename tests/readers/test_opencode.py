"""OpenCode's sessions: exported, printed, and in the files of its storage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from agent_logs import calls, log, results, shape, thread
from logs import FIXTURES, Reading, blocks

EXPORT = "opencode/export.json"
STORED = "ses_3a2b3c4d5e6fAaBbCcDdEeFf00"


def test_an_export_is_read_step_by_step() -> None:
    transcript = log(EXPORT).only
    assert transcript.id == "ses_1a2b3c4d5e6fAaBbCcDdEeFf00"
    assert transcript.metadata["models"] == ["orion-2", "comet"]
    assert {key: transcript.metadata[key] for key in ("title", "cwd", "version", "parent")} == {
        "title": "The red pump",
        "cwd": "/srv/well",
        "version": "1.2.20",
        "parent": "ses_1a2b3c4d5e6fParent0000000",
    }
    assert shape(thread(transcript))[4:10] == [
        ("assistant", ["reasoning", "text", "tool_call", "tool_call"]),
        ("tool", ["tool_result"]),
        ("tool", ["tool_result"]),
        ("assistant", ["reasoning", "tool_call"]),
        ("tool", ["tool_result"]),
        ("assistant", ["text"]),
    ]
    assert calls(transcript) == [("read", "c1"), ("bash", "c2"), ("task", "c3"), ("bash", "c4")]
    assert results(transcript)[1] == ("bash", "c2", "permission denied")
    assert blocks(transcript, "tool_result")[1].error == "permission denied"


def test_what_the_program_adds_to_a_prompt_is_meta_and_what_the_model_never_saw_is_left_out() -> None:
    reading = log(EXPORT)
    told = [(message.role, message.text, message.flags) for message in reading.only.messages[:4]]
    assert told == [
        ("system", "You tend the well.", ()),
        ("user", "Why is @pump.log red?", ()),
        ("user", "Called the Read tool with the following input: pump.log", ("meta",)),
        ("user", "[image image/png 8 B pump.png]", ()),
    ]
    assert reading.file.left_out["ignored text"] == 1


def test_ciphertext_is_not_kept_but_that_there_was_reasoning_is() -> None:
    assert [(block.text, block.meta) for block in blocks(log(EXPORT).only, "reasoning")] == [
        ("The log will say.", None),
        ("", {"redacted": True}),
    ]


def test_the_session_of_a_sub_agent_is_named_with_its_call() -> None:
    assert log(EXPORT).only.metadata["subagents"] == {"ses_1a2b3c4d5e6fChild00000000": "c3"}


def test_summaries_and_what_was_interrupted_are_flagged() -> None:
    flagged = [(message.text, message.flags) for message in log(EXPORT).only.messages if message.role == "assistant"]
    assert ("Valve 3 is stuck; the keeper may open it.", ("summary",)) in flagged
    assert ("I call\ncommand: call keeper", ("partial",)) in flagged
    interrupted = next(message for message in log(EXPORT).only.messages if "partial" in message.flags)
    assert interrupted.meta is not None
    assert interrupted.meta["error"] == "MessageAbortedError: The operation was aborted."


def test_what_was_taken_back_is_discarded_from_its_part_on() -> None:
    transcript = log(EXPORT).only
    assert thread(transcript)[-1].text.startswith("The keeper comes.")
    assert [message.text for message in thread(transcript, "discarded-1")] == ["And brings a hammer.", "A hammer?"]
    assert transcript.thread_kind("discarded-1") == "discarded"


def test_a_part_that_nobody_knows_is_kept_and_named() -> None:
    assert log(EXPORT).warnings == {"unknown_content": 1, "unanswered_call": 1}


def test_a_list_of_messages_is_a_session() -> None:
    transcript = log("opencode/messages.json").only
    assert transcript.id == "ses_1a2b3c4d5e6fAaBbCcDdEeFf00"
    assert [message.text for message in transcript.messages] == ["Go.", "Gone."]


def test_the_line_before_an_export_is_passed_over() -> None:
    assert log("opencode/banner.json").only.messages[0].text == "Go on."


def test_what_is_printed_is_read_and_the_prompt_can_be_given(tmp_path: Path) -> None:
    reading = log("opencode/printed.jsonl")
    assert [(message.role, message.text, message.flags) for message in reading.only.messages] == [
        ("assistant", "A listing.\nI list.\ncommand: ls", ()),
        ("tool", "a.txt", ()),
        ("assistant", "One file.", ("partial",)),
    ]
    assert reading.warnings == {"prompt_missing": 1}
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("What is here?", "utf-8")
    assert log("opencode/printed.jsonl", prompt=prompt).only.messages[0].text == "What is here?"


def test_the_files_of_the_storage_are_one_session() -> None:
    reading = log("opencode/storage")
    transcript = reading.only
    assert (transcript.id, transcript.model) == (STORED, "orion-2")
    assert (transcript.metadata["title"], transcript.metadata["cwd"]) == ("Kept in files", "/srv/well")
    assert [(message.role, message.text) for message in transcript.messages] == [
        ("user", "Count."),
        ("assistant", "One.\ncommand: seq 2 3"),
        ("tool", "2\n3"),
        ("assistant", "That is all."),
    ]
    assert reading.skips == []
    assert sum(file.left_out.get("read with another file", 0) for file in reading.files) == 6


def test_a_part_that_is_damaged_is_named_and_loses_no_other(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    shutil.copytree(FIXTURES / "opencode" / "storage", storage)
    parts = sorted((storage / "part" / "msg_32").iterdir())
    parts[1].write_text('{"type": "text", ', "utf-8")
    parts[2].write_text("[1, 2]", "utf-8")
    reading = Reading(storage)
    assert [message.text for message in reading.only.messages] == ["Count.", "That is all."]
    assert reading.warnings == {"malformed_part": 1, "unknown_content": 1}


def test_messages_without_the_folder_of_their_parts_say_so() -> None:
    reading = log(f"opencode/storage/message/{STORED}")
    assert reading.transcripts == []
    assert set(reading.skips) == {"no_text"}
    assert "message/ and part/" in reading.files[0].skipped[0].detail


def test_an_id_is_never_a_path(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    shutil.copytree(FIXTURES / "opencode" / "storage", storage)
    message = next((storage / "message" / STORED).glob("msg_31.json"))
    stored: dict[str, Any] = json.loads(message.read_text("utf-8"))
    message.write_text(json.dumps({**stored, "id": "../../../etc"}), "utf-8")
    assert Reading(storage).only.messages[0].text == "Count."  # by the name of the file
