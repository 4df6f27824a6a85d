"""Rows that are no lines: as `jq .` prints them, or glued together where line ends were lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from logs import Reading

from grader.readers import FileResult

FIXTURES = Path(__file__).parent / "fixtures"


def told(path: Path) -> tuple[object, ...]:
    reading = Reading(path)
    file: FileResult = reading.file
    found = [(transcript.id, transcript.digest, transcript.format) for transcript in reading.transcripts]
    return found, file.rows, file.malformed_rows, file.left_out, reading.warnings


@pytest.mark.parametrize(
    "name", ["codex/rollout.jsonl", "claude_code/told.jsonl", "pi/tree.jsonl", "chat/openai.jsonl"]
)
def test_they_are_read_as_lines_are(tmp_path: Path, name: str) -> None:
    rows = [json.loads(line) for line in (FIXTURES / name).read_text("utf-8").splitlines() if line.strip()]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    as_lines = told(path)
    assert as_lines[0]
    path.write_text("\n".join(json.dumps(row, indent=2) for row in rows))
    assert told(path) == as_lines
    path.write_text("".join(json.dumps(row) for row in rows))
    assert told(path) == as_lines


def test_what_comes_before_a_cut_is_read_and_the_cut_named(tmp_path: Path) -> None:
    rows = [{"id": name, "messages": [{"role": "user", "content": "Go on."}]} for name in "abc"]
    path = tmp_path / "rows.json"
    path.write_text("\n".join(json.dumps(row, indent=2) for row in rows)[:-9])
    reading = Reading(path)
    assert [transcript.id for transcript in reading.transcripts] == ["a", "b"]
    (bad,) = reading.file.malformed
    assert (reading.file.rows, bad.line, bad.reason) == (3, 3, "not valid JSON: the document breaks off")


def test_a_document_with_something_after_it_is_no_file_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text('{\n "messages": [\n  {"role": "user", "content": "Go on."}]\n}\n oops')
    assert Reading(path).file.skipped[0].reason == "unreadable"
