"""Exports of ChatGPT and claude.ai: the way to the current message is the conversation, other ends are branches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from logs import Reading
from traces import fixture, turns


def node(parent: str | None, role: str, text: str) -> dict[str, Any]:
    return {
        "parent": parent,
        "message": {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}},
    }


def test_the_current_branch_with_thoughts_code_and_images() -> None:
    transcript = fixture("chatgpt_export/conversations.json").by_id("conv-1")
    assert turns(transcript)[1:] == [
        ("user", ("text", None, None, "Plot this."), ("media", None, None, "[image file-service://file-1]")),
        ("assistant", ("reasoning", None, None, "Planning\nI will use Python.")),
        ("assistant", ("tool_call", "python", None, "plot([1, 2])")),
        ("tool", ("tool_result", "python", None, "<Figure>")),
        ("assistant", ("tool_call", "dalle.text2im", None, "prompt: a cat")),
        (
            "tool",
            ("tool_result", "dalle.text2im", None, ""),
            ("media", None, None, "[image file-service://file-2]"),
        ),
        ("assistant", ("text", None, None, "Here it is.")),
    ]
    assert transcript.messages[0].flags == ("meta",)
    assert transcript.messages[7].flags == ("partial",)
    assert transcript.metadata["models"] == ["gpt-4", "o3"]


def test_other_answers_are_a_branch() -> None:
    reading = fixture("chatgpt_export/conversations.json")
    transcript = reading.by_id("conv-1")
    assert [turn[1][3] for turn in turns(transcript, "branch-1")] == ["First try.", "No, again."]
    assert transcript.metadata["threads"]["branch-1"] == {"kind": "branch", "parent": "main", "actor": None}
    assert reading.by_id("conv-2").model == "gpt-4"
    assert reading.file.left_out == {"node without message": 1}


def test_without_a_current_node_the_last_leaf_is_it(write: Callable[..., Path]) -> None:
    mapping = {"a": node(None, "user", "One"), "b": node("a", "assistant", "Old"), "c": node("a", "assistant", "New")}
    reading = Reading(write({"mapping": mapping, "conversation_id": "x"}))
    assert [message.text for message in reading.only.messages if message.thread == "main"] == ["One", "New"]
    assert reading.warnings == {"unresolved_reference": 1}


def test_nodes_in_a_ring_are_read_once(write: Callable[..., Path]) -> None:
    mapping = {"a": node("b", "user", "One"), "b": node("a", "assistant", "Two")}
    transcript = Reading(write({"mapping": mapping, "current_node": "b"})).only
    assert [message.text for message in transcript.messages] == ["One", "Two"]


def test_claude_content_attachments_and_tools() -> None:
    transcript = fixture("claude_export/conversations.json").by_id("cl-1")
    assert turns(transcript) == [
        (
            "user",
            ("text", None, None, "Summarise."),
            ("media", None, None, "[file txt letter.txt]"),
            ("text", None, None, "Dear Sir"),
            ("media", None, None, "[file scan.png]"),
        ),
        (
            "assistant",
            ("reasoning", None, None, "A letter."),
            ("tool_call", "repl", None, "code: 1"),
            ("tool_result", "repl", None, "1"),
            ("text", None, None, "It says Dear Sir."),
        ),
        ("user", ("text", None, None, "Only text")),
    ]
    assert transcript.messages[0].timestamp == "2026-01-01T00:00:01Z"


def test_claude_messages_with_parents_are_a_tree() -> None:
    transcript = fixture("claude_export/conversations.json").by_id("cl-2")
    assert [(message.thread, message.text) for message in transcript.messages] == [
        ("main", "One"),
        ("main", "Second"),
        ("branch-1", "First"),
    ]


def test_a_chatgpt_export_without_parents_is_in_the_order_of_its_children_or_of_its_nodes(
    write: Callable[..., Path],
) -> None:
    def node(key: str, text: str, *children: str) -> dict[str, Any]:
        message = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": [text]}}
        return {"id": key, "message": message, **({"children": list(children)} if children else {})}

    told = {"c": node("c", "three"), "a": node("a", "one", "b"), "b": node("b", "two", "c")}
    flat = {"a": node("a", "one"), "b": node("b", "two"), "c": node("c", "three")}
    for mapping in (told, flat):
        transcript = Reading(write({"conversation_id": "k", "mapping": mapping, "current_node": "c"})).only
        assert [message.text for message in transcript.messages] == ["one", "two", "three"]
        assert "threads" not in transcript.metadata


def test_what_claude_notes_for_itself_is_left_out_and_what_was_spoken_is_text(write: Any) -> None:
    said = [{"type": "token_budget"}, {"type": "voice_note", "text": "Hello."}, {"type": "text", "text": "Well."}]
    rows = [{"sender": "human", "content": [{"type": "text", "text": "Hi."}]}, {"sender": "assistant", "content": said}]
    reading = Reading(write([{"conversation_id": "c", "chat_messages": rows}, {"uuid": "e", "chat_messages": []}]))
    assert reading.only.id == "c"
    assert [block.text for block in reading.only.messages[1].blocks] == ["Hello.", "Well."]
    assert reading.file.left_out == {"token_budget": 1, "conversation without messages": 1}
    assert reading.warnings == {"no_messages": 1}


def test_pages_screens_and_output_of_chatgpts_tools_are_results(write: Any) -> None:
    contents = [
        {"content_type": "sonic_webpage", "title": "T", "url": "https://x", "text": "page"},
        {
            "content_type": "computer_output",
            "state": {"url": "https://y"},
            "screenshot": {"content_type": "image_asset_pointer", "asset_pointer": "s://1"},
        },
        {"content_type": "citable_code_output", "output_str": "42"},
    ]
    nodes = {
        str(at): {
            "parent": str(at - 1) if at else None,
            "message": {"author": {"role": "tool", "name": "t"}, "content": content},
        }
        for at, content in enumerate(contents)
    }
    transcript = Reading(write({"mapping": nodes, "current_node": "2"})).only
    assert [[block.text for block in message.blocks] for message in transcript.messages] == [
        ["T\nhttps://x\npage"],
        ["https://y", "[image s://1]"],
        ["42"],
    ]


def test_a_long_export_is_read_as_a_short_one(tmp_path: Path) -> None:
    """What is passed undecoded in a long one is nothing that is read of a short one."""
    node_metadata = {"model_slug": "gpt-4", "is_visually_hidden_from_conversation": False, "citations": [{"a": 1}]}

    def conversations(count: int) -> list[dict[str, Any]]:
        chatgpt = {
            "conversation_id": "g",
            "title": "t",
            "mapping": {
                "a": {"id": "a", "parent": None, "message": None, "children": ["b"]},
                "b": {
                    "parent": "a",
                    "message": {
                        **node("a", "assistant", "Hello.")["message"],
                        "metadata": node_metadata,
                        "create_time": 1767225601.5,
                        "status": "in_progress",
                        "weight": 1.0,
                    },
                },
            },
        }
        claude = {
            "uuid": "c",
            "name": "n",
            "account": {"uuid": "x"},
            "chat_messages": [
                {
                    "uuid": "m",
                    "sender": "human",
                    "text": "Only here.",
                    "content": [],
                    "files": [{"file_name": "a.txt"}],
                },
                {"uuid": "n", "sender": "assistant", "text": "x", "content": [{"type": "text", "text": "Both."}]},
            ],
        }
        found = [{**chatgpt, "conversation_id": f"g{number}"} for number in range(count)]
        found += [{**claude, "uuid": f"c{number}", "padding": "x" * 1000} for number in range(count)]
        return found

    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(conversations(2000)))
    long = Reading(path)
    path.write_text(json.dumps(conversations(1)))
    short = Reading(path)
    for name in ("g0", "c0"):
        assert list(long.by_id(name).messages) == list(short.by_id(name).messages)
        assert long.by_id(name).metadata == short.by_id(name).metadata
        assert long.by_id(name).model == short.by_id(name).model
    assert [message.text for message in short.by_id("c0").messages] == ["Only here.\n[file a.txt]", "Both."]
    assert len(long.transcripts) == 4000
