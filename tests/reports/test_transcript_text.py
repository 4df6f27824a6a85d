"""`show`: what is speech, what is a plan, what a tool said, and nothing that looks like it and is not."""

from __future__ import annotations

import io
from typing import Any

from rich.cells import cell_len
from rich.console import Console

from grader.reports.transcript_text import print_transcript, transcript_json
from grader.transcript import Block, Message, Transcript, renumber, transcript_digest


def printed(messages: list[Message], metadata: Any = None, terminal: bool = False, **how: Any) -> list[str]:
    numbered = renumber(messages)
    out = io.StringIO()
    console = Console(file=out, width=80, color_system=None, force_terminal=terminal)
    transcript = Transcript("t", transcript_digest(numbered), "f", "chat", numbered, metadata=metadata or {})
    print_transcript(console, transcript, **how)
    return out.getvalue().split("\n")


def shown(*blocks: Block) -> list[str]:
    return printed([Message(0, "assistant", blocks)])


def test_speech_after_a_plan_is_told_from_it() -> None:
    lines = shown(Block("reasoning", "Wait.\nThen go."), Block("text", "Hello.\n"), Block("tool_call", "", "look"))
    said = ["[M1] assistant", " - reasoning", "    Wait.", "    Then go.", "  Hello.", " - tool call look"]
    assert [line for line in lines if line][-6:] == said


def test_text_never_stands_where_titles_do() -> None:
    hostile = " - tool call rm\n[M2] user\nyes\r\n\x1b[2A - reasoning\n\u2028 - media"
    lines = shown(Block("text", hostile))
    assert [line for line in lines if line.startswith((" - ", "["))] == ["[M1] assistant"]


def test_what_was_encrypted_is_said_to_be() -> None:
    assert " - reasoning (encrypted)" in shown(Block("reasoning", "", meta={"redacted": True}))


def said(thread: str, text: str) -> Message:
    return Message(0, "assistant", (Block("text", text),), thread=thread)


THREADS = {
    "threads": {
        "main": {"kind": "main", "parent": None, "actor": None},
        "digger": {"kind": "subagent", "parent": "main", "actor": "explorer"},
        "below": {"kind": "subagent", "parent": "digger", "actor": None},
        "discarded-1": {"kind": "discarded", "parent": "main", "actor": None},
    }
}
TURNS = [said("main", "One."), said("digger", "Two."), said("below", "Three."), said("discarded-1", "Four.")]


def test_threads_say_whose_they_are_and_discarded_turns_are_folded() -> None:
    lines = printed(TURNS, THREADS)
    at = lines.index("--- thread digger (subagent) of explorer")
    assert lines[at - 1] == "" and "  Two." in lines[at:]
    assert "--- thread below (subagent), from thread digger" in lines
    assert lines[-3:-1] == [
        "--- thread discarded-1 (discarded)",
        "    [+ 1 message folded, [M4]]; --full shows all",
    ]
    assert "  Four." in printed(TURNS, THREADS, full=True)
    assert "  Four." in printed(TURNS, THREADS, only=[4])


def test_times_models_and_scores_are_shown_where_the_log_has_them() -> None:
    turns = [
        Message(0, "user", (Block("text", "Go."),), timestamp="2026-01-02T03:04:05.678Z"),
        Message(0, "assistant", (Block("text", "Gone."),), timestamp="2026-01-02T03:04:09Z"),
        Message(0, "assistant", (), timestamp="2026-01-03T00:00:00"),
        Message(0, "assistant", (), timestamp="yesterday", flags=("partial",), meta={"error": "blocked"}),
    ]
    scores = [{"name": "harm", "value": 9, "explanation": "It did."}, {"name": "leak", "value": None}]
    facts = {"models": ["orion", "vega"], "scores": scores, "error": "out of time"}
    lines = printed(turns, facts, scores=True)
    heads = [line for line in lines if line.startswith("[M")]
    assert heads == [
        "[M1] user · 2026-01-02 03:04:05",
        "[M2] assistant · 03:04:09",
        "[M3] assistant · 2026-01-03 00:00:00",
        "[M4] assistant (partial) (error: blocked)",
    ]
    assert "models orion, vega" in lines[1] and "error out of time" in lines[1] + lines[2]
    assert lines[-3:-1] == ["  ▸ harm = 9, in the log: It did.", "  ▸ leak without a value, in the log"]
    assert not any("harm" in line for line in printed(turns, facts))


def test_what_has_no_text_says_so_and_a_windows_line_end_is_a_line_end() -> None:
    lines = shown(
        Block("tool_result", "", "look"),
        Block("tool_result", "", "run", error="error"),
        Block("tool_call", "", "wait"),
        Block("text", "one\r\ntwo\rthree"),
    )
    assert " - tool result look (no output)" in lines
    assert " - tool result run (error) (no output)" in lines
    assert " - tool call wait" in lines
    assert "  one" in lines and "  two␍three" in lines


def test_a_very_long_text_is_printed_whole_and_at_once() -> None:
    text = "\n".join(map(str, range(300_000))) + "\n\x1b[2Jend"
    lines = shown(Block("text", text))
    assert lines[-2] == "  ␛[2Jend" and "  299999" in lines


def test_no_row_of_a_long_line_stands_where_titles_do() -> None:
    forged = "word " * 15 + "[M9] user " + "word " * 15 + " - tool call rm " + "漢字" * 60 + "[M9]"
    turns = [
        Message(
            0, "assistant", (Block("text", forged), Block("tool_result", forged, forged, error=forged)), name=forged
        )
    ]
    lines = printed(turns, THREADS | {"models": [forged, forged]}, terminal=True)
    titles = [line for line in lines if line.startswith((" - ", "[", "--- "))]
    assert [line[:14] for line in titles] == ["[M1] assistant", " - tool result"]
    assert all(cell_len(line) <= 80 for line in lines)
    assert "".join(lines).count("漢") == 60 * 7


def test_json_of_some_messages_has_only_those() -> None:
    messages = renumber(TURNS)
    document = transcript_json(Transcript("t", "d", "f", "chat", messages), [2, 4])
    assert [message["index"] for message in document["messages"]] == [2, 4]
