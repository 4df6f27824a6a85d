"""Training conversations and preference pairs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from logs import Reading
from traces import fixture, turns


def test_calls_observations_and_reasoning_in_a_conversation() -> None:
    transcript = fixture("sharegpt/conversations.json").by_id("sg-1")
    assert turns(transcript) == [
        ("system", ("text", None, None, "Cook.")),
        ("user", ("text", None, None, "A recipe?")),
        ("assistant", ("tool_call", "search", None, "q: soup")),
        ("tool", ("tool_result", "search", None, '{"found": 1}')),
        ("assistant", ("reasoning", None, None, "Soup then."), ("text", None, None, "Soup.")),
    ]


def test_several_calls_at_once_an_unknown_speaker_and_an_empty_turn() -> None:
    reading = fixture("sharegpt/conversations.json")
    transcript = reading.transcripts[1]
    assert transcript.condition == "drawn"
    assert [block.name for block in transcript.messages[2].blocks] == ["a", "b"]
    assert [message.role for message in transcript.messages[3:]] == ["tool", "tool", "user", "assistant"]
    assert transcript.messages[5].name == "narrator"
    assert transcript.messages[6].blocks == ()
    assert reading.warnings == {"unknown_role": 1, "malformed_tool_call": 1, "unanswered_call": 1}


def test_a_call_that_is_no_json_stays_as_it_was_written() -> None:
    block = fixture("sharegpt/conversations.json").transcripts[3].messages[1].blocks[0]
    assert (block.kind, block.text, block.meta) == ("tool_call", "call nobody", {"unparsed_arguments": True})


def test_calls_and_results_kept_as_in_chats_are_told_whatever_stands_beside_them(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": "soup"}'}}
    rows = [
        {"from": "gpt", "value": "I look.", "tool_calls": [call]},
        {"from": "tool", "value": "one", "tool_call_id": "c1"},
    ]
    for more in ([], [{"from": "gpt", "value": "Soup.", "weight": 1}]):
        (tmp_path / "log.json").write_text(json.dumps([{"conversations": [*rows, *more]}]))
        assert turns(Reading(tmp_path / "log.json").only)[:2] == [
            ("assistant", ("text", None, None, "I look."), ("tool_call", "search", "c1", "q: soup")),
            ("tool", ("tool_result", "search", "c1", "one")),
        ]


def test_labels_of_a_row_are_scores() -> None:
    transcript = fixture("sharegpt/conversations.json").transcripts[2]
    assert transcript.metadata["scores"] == [{"name": "label", "value": True, "answer": None, "explanation": None}]


def test_a_preference_gives_two_transcripts() -> None:
    chosen, rejected, whole, other = fixture("sharegpt/preferences.jsonl").transcripts
    assert chosen.id.startswith("7/") and rejected.id.startswith("7/") and chosen.id != rejected.id
    assert not any(word in item.id + item.source for item in (chosen, rejected) for word in ("chosen", "rejected")), (
        "whoever labels blind sees ids"
    )
    assert [message.text for message in chosen.messages] == ["Help.", "Which?", "The left."]
    assert [message.text for message in rejected.messages] == ["Help.", "Which?", "Either."]
    assert [message.text for message in whole.messages] == ["Which?", "Left."]
    assert [given["name"] for given in whole.metadata["scores"]] == ["preference", "score"]
    assert [given["name"] for given in other.metadata["scores"]] == ["preference"]
    assert whole.source != other.source


def test_a_preference_among_answers_to_an_instruction_has_the_instruction(tmp_path: Path) -> None:
    row = {"instruction": "Greet.", "input": "in German", "chosen": "Hallo.", "rejected": "Hi."}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(row))
    for transcript in Reading(tmp_path / "pairs.jsonl").transcripts:
        assert transcript.messages[0].text == "Greet.\n\nin German"


def test_dialogues_as_text() -> None:
    chosen, rejected, *rest = fixture("hh/pairs.jsonl").transcripts
    assert [(message.role, message.text) for message in chosen.messages] == [
        ("user", "Hello"),
        ("assistant", "Hi."),
        ("user", "Bye"),
        ("assistant", "See you\n\nsoon."),
    ]
    assert rejected.messages[3].blocks == ()
    assert [[message.text for message in transcript.messages] for transcript in rest] == [
        ["How?", "So."],
        ["How?", "Not so."],
        ["Why?", "Because."],
        ["Why?", "No reason."],
    ]


def test_real_conversations_agree_with_an_independent_look(shared_data: Path) -> None:
    roles = {
        "human": "user",
        "gpt": "assistant",
        "system": "system",
        "function_call": "assistant",
        "observation": "tool",
    }
    for path in sorted((shared_data / "transcripts" / "sharegpt").glob("*.json")):
        expected = []
        for row in json.loads(path.read_text("utf-8")):
            endings = [[row[side]] for side in ("chosen", "rejected") if side in row] or [[]]
            expected += [
                [(roles[turn["from"]], _said(turn)) for turn in [*row["conversations"], *end]] for end in endings
            ]
        reading = Reading(path)
        assert [
            [(message.role, _told(message)) for message in transcript.messages] for transcript in reading.transcripts
        ] == expected
        assert reading.file.malformed_rows == 0


def test_real_dialogues_agree_with_an_independent_look(shared_data: Path) -> None:
    path = shared_data / "transcripts" / "hh_plaintext" / "hh_harmless_test_first300.jsonl"
    expected = []
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        for side in ("chosen", "rejected"):
            text = row[side].replace("\n\nHuman:", "\0user\0").replace("\n\nAssistant:", "\0assistant\0")
            pieces = text.split("\0")[1:]
            expected.append([(role, said.strip()) for role, said in zip(pieces[::2], pieces[1::2], strict=True)])
    found = Reading(path).transcripts
    assert [[(message.role, message.text) for message in transcript.messages] for transcript in found] == expected


def _said(turn: dict[str, Any]) -> str:
    if turn["from"] == "function_call":
        return str(json.loads(turn["value"])["name"])
    return re.sub(r"data:image/png;base64,[\w+/=]*", "[image]", turn["value"].strip())


def _told(message: Any) -> str:
    said = "".join(block.name if block.kind == "tool_call" else block.text for block in message.blocks).strip()
    return re.sub(r"\[image image/png [\d.]+ k?B\]", "[image]", said)
