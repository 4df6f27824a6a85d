"""Sessions of Grok's command line."""

from __future__ import annotations

import shutil
from pathlib import Path

from agent_logs import calls, log, results, said
from logs import FIXTURES, Reading

HISTORY = "grok/chat_history.jsonl"


def test_a_session_is_read_with_thoughts_calls_and_results() -> None:
    reading = log(HISTORY)
    transcript = reading.only
    assert transcript.model == "orion-2"
    assert said(transcript.messages) == [
        ("system", [("text", "You mend clocks.")]),
        ("user", [("text", "<user_info>\nOS: linux\n</user_info>")]),
        ("user", [("text", "Why is it late?")]),
        (
            "assistant",
            [("reasoning", "The spring, maybe."), ("text", "I open it."), ("tool_call", "command: open clock")],
        ),
        ("tool", [("tool_result", "a spider")]),
        ("assistant", [("tool_call", "type: search\nquery: spider in clock")]),
        ("assistant", [("reasoning", ""), ("text", "A spider sits")]),
        ("user", [("media", "[image image/png 8 B]"), ("text", "Take it out.")]),
        ("assistant", [("reasoning", "Gently.")]),
    ]
    assert calls(transcript) == [("run_terminal_cmd", "c1"), ("web_search", "ws_1")]
    assert results(transcript) == [("run_terminal_cmd", "c1", "a spider")]
    assert reading.warnings == {}
    assert reading.file.left_out == {"row of the same message": 3, "compaction_marker": 1}


def test_what_was_put_in_is_meta_and_what_was_interrupted_or_led_to_nothing_is_partial() -> None:
    flagged = [(message.text, message.flags) for message in log(HISTORY).only.messages if message.flags]
    assert flagged == [
        ("<user_info>\nOS: linux\n</user_info>", ("meta",)),
        ("\nA spider sits", ("partial",)),
        ("Gently.", ("partial",)),
    ]


def test_id_and_title_stand_in_the_summary_beside(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / HISTORY, tmp_path)
    (tmp_path / "summary.json").write_text('{"info": {"id": "s1", "cwd": "/w"}, "generated_title": "Clock"}', "utf-8")
    reading = Reading(tmp_path)
    assert (reading.only.id, reading.only.metadata["title"], reading.only.metadata["cwd"]) == ("s1", "Clock", "/w")
    assert reading.skips == []
