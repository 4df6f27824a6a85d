"""Claude Code: what stands beside its sessions, and whose model a transcript has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from logs import Reading


def _rows(path: Path, *rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _said(agent: str | None, model: str, text: str) -> dict[str, Any]:
    message = {"role": "assistant", "model": model, "content": [{"type": "text", "text": text}]}
    side = {"isSidechain": True, "agentId": agent} if agent else {"isSidechain": False}
    return {"type": "assistant", "sessionId": "s", **side, "message": message}


def test_the_model_is_that_of_the_main_thread_where_a_sub_agent_uses_another(tmp_path: Path) -> None:
    ask = {"type": "user", "sessionId": "s", "message": {"role": "user", "content": "Look."}}
    rows = [
        ask,
        _said(None, "orion-2", "I ask."),
        _said("a1", "lyra-small", "Here."),
        _said(None, "<synthetic>", "Limit."),
    ]
    _rows(tmp_path / "s.jsonl", *rows)
    transcript = Reading(tmp_path / "s.jsonl").only
    assert (transcript.model, transcript.metadata["models"]) == ("orion-2", ["orion-2", "lyra-small"])
    _rows(tmp_path / "s.jsonl", *rows, _said(None, "orion-3", "Found."))
    transcript = Reading(tmp_path / "s.jsonl").only
    assert (transcript.model, transcript.metadata["models"]) == (None, ["orion-2", "lyra-small", "orion-3"])


def _journal(folder: Path) -> None:
    about = {"key": "v2:0a1b", "agentId": "a1"}
    _rows(
        folder / "journal.jsonl",
        {"type": "launched"},
        {"type": "started", **about, "label": "check", "phase": "Check"},
        {"type": "result", **about, "result": {"verdict": "sound"}},
        {"type": "failed", "key": "v2:2c3d", "agentId": "a2"},
    )


def test_a_workflows_journal_is_told_by_the_files_of_its_agents(tmp_path: Path) -> None:
    _journal(tmp_path)
    said = {"role": "assistant", "model": "orion-2", "content": [{"type": "text", "text": "It is sound."}]}
    _rows(
        tmp_path / "agent-a1.jsonl",
        {"type": "assistant", "sessionId": "s", "agentId": "a1", "isSidechain": True, "message": said},
    )
    reading = Reading(tmp_path)
    assert [transcript.id for transcript in reading.transcripts] == ["s/a1"]
    journal = next(file for file in reading.files if file.path.endswith("journal.jsonl"))
    assert (journal.format, journal.skipped) == ("claude_code", ())
    assert journal.left_out == {"row of a workflow's journal; its agents' files tell it": 3, "launched": 1}


def test_a_journal_whose_agents_are_not_there_is_skipped_by_name(tmp_path: Path) -> None:
    _journal(tmp_path)
    reading = Reading(tmp_path)
    assert reading.skips == ["no_transcripts"]
    assert "3 row of a workflow's journal; its agents' files tell it left out" in reading.file.skipped[0].detail
