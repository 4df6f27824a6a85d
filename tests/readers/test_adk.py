"""Google's Agent Development Kit: sessions in both spellings, and sets of cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from logs import FIXTURES, Reading, kinds
from traces import fixture, turns


def test_a_session_with_authors_reasoning_and_the_instructions_of_each_agent() -> None:
    transcript = fixture("adk/session.json").only
    assert turns(transcript) == [
        ("system", ("text", None, None, "You are root.")),
        ("user", ("text", None, None, "Lamp off."), ("media", None, None, "[image image/png 260 B]")),
        ("assistant", ("reasoning", None, None, "The lamp is on."), ("tool_call", "lamp", "fc1", "on: false")),
        ("tool", ("tool_result", "lamp", "fc1", "off")),
        ("system", ("text", None, None, "You are helper.")),
        ("assistant", ("text", None, None, "It is off.")),
    ]
    assert [message.name for message in transcript.messages] == [None, None, "root", "root", None, "helper"]
    assert (transcript.id, transcript.metadata["models"]) == ("se-1", ["gemini-r", "gemini-h"])
    assert transcript.messages[1].timestamp == "2024-12-01T09:01:26.800000Z"


def test_a_session_of_the_service_in_camel_case() -> None:
    reading = fixture("adk/service_session.json")
    transcript = reading.only
    assert (transcript.id, transcript.model, transcript.condition) == ("se-2", "gemini-s", "warm")
    assert [message.role for message in transcript.messages] == ["user", "assistant", "tool", "assistant", "assistant"]
    assert transcript.messages[2].blocks[0].error == "no legs"
    assert transcript.messages[3].flags == ("partial",)
    assert [block.kind for block in transcript.messages[4].blocks] == ["tool_call", "tool_result", "text"]
    assert reading.file.left_out == {"partial event": 1, "event without content": 1}
    assert reading.warnings == {"failed_request": 1}


def test_each_case_of_a_set_is_a_transcript() -> None:
    first, second = fixture("adk/eval_set.json").transcripts
    assert turns(first) == [
        ("user", ("text", None, None, "Off.")),
        ("assistant", ("tool_call", "lamp", None, "on: false")),
        ("tool", ("tool_result", "lamp", None, "off")),
        ("assistant", ("text", None, None, "Working.")),
        ("assistant", ("text", None, None, "It is off.")),
    ]
    assert first.messages[3].name == "helper"
    assert (first.id, second.id) == ("case-1", "case-2")
    assert [message.role for message in second.messages] == ["user", "assistant", "tool", "assistant"]


def test_real_sessions_and_cases_agree_with_an_independent_look(shared_data: Path) -> None:
    for path in sorted((shared_data / "transcripts" / "adk_gemini_contents").glob("*.json")):
        raw = json.loads(path.read_text("utf-8"))
        reading = Reading(path)
        expected = {raw["id"]: _session(raw)} if "events" in raw else {}
        for case in raw.get("eval_cases", []):
            expected[case["eval_id"]] = [part for turn in case["conversation"] for part in _invocation(turn)]
        told = {
            transcript.id: [
                (message.role, block.kind, block.name if block.kind != "text" else block.text)
                for message in transcript.messages
                for block in message.blocks
                if message.role != "system"
            ]
            for transcript in reading.transcripts
        }
        assert told == expected


def _session(raw: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [part for event in raw["events"] for part in _parts(event["content"])]


def _invocation(turn: dict[str, Any]) -> list[tuple[str, str, str]]:
    calls = [("assistant", "tool_call", use["name"]) for use in turn["intermediate_data"]["tool_uses"]]
    return [*_parts(turn["user_content"]), *calls, *_parts(turn["final_response"])]


def _parts(content: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = []
    for part in content["parts"]:
        if part.get("text"):
            found.append(("user" if content["role"] == "user" else "assistant", "text", part["text"]))
        elif part.get("function_call"):
            found.append(("assistant", "tool_call", part["function_call"]["name"]))
        elif part.get("function_response"):
            found.append(("tool", "tool_result", part["function_response"]["name"]))
    return found


def test_older_cases_are_turns_with_their_expected_calls() -> None:
    reading = Reading(FIXTURES / "adk/older_case.json")
    assert [(message.role, kinds(message), message.text) for message in reading.only.messages] == [
        ("user", [("text", None)], "Good day."),
        ("assistant", [("text", None)], "Good day to you."),
        ("user", [("text", None)], "Turn the lamp off."),
        ("assistant", [("tool_call", "switch")], "lamp: hall\non: false"),
        ("assistant", [("text", None)], "I switch it."),
        ("assistant", [("text", None)], "It is off."),
    ]
    assert reading.warnings == {}
    assert [transcript.id for transcript in Reading(FIXTURES / "adk/older_cases.json").transcripts] == ["one", "two"]


def test_events_as_they_come_are_one_session(write: Any) -> None:
    said = [
        {"author": "user", "invocationId": "i", "id": "1", "content": {"role": "user", "parts": [{"text": "Hi."}]}},
        {"author": "lamps", "invocationId": "i", "id": "2", "content": {"role": "model", "parts": [{"text": "Ho."}]}},
    ]
    for rows in (True, False):
        reading = Reading(write(said, rows=rows))
        assert [(message.role, message.name, message.text) for message in reading.only.messages] == [
            ("user", None, "Hi."),
            ("assistant", "lamps", "Ho."),
        ]
        assert (reading.only.format, reading.file.rows) == ("adk", 2)
