"""What holds for every format of agent logs beyond what holds for all (test_every_format): each is told from every other
one, keys it does not know change nothing, and neither a cut nor the wrong `--format` raises."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from logs import FIXTURES, Reading
from mutations import damaged

from grader.readers.options import ReadOptions
from grader.readers.registry import families, recognise
from grader.readers.source import Source

FORMATS = (
    *("agentdojo", "atif", "bloom", "codex", "gemini_cli", "managed_agents", "mini_swe", "openclaw", "openhands_eval"),
    *("openhands_events", "openhands_sdk", "palisade", "petri", "pi", "swe_agent", "tau", "tau2", "toolcalls"),
)
CASES = [path for name in FORMATS for path in sorted((FIXTURES / name).rglob("*")) if path.is_file()]
EVERY_FIXTURE = [path for path in sorted(FIXTURES.rglob("*")) if path.is_file() and "prompts" not in path.parts]
GENERIC = {"chat", "response_only", "table"}
"""They describe shapes that others have too, stand last, and are asked last."""
CIPHERTEXT = re.compile(r"[A-Za-z0-9+/=_-]{200,}")
OPAQUE = {"arguments", "args", "input", "params", "metadata", "info", "extra", "value", "injections", "scores", "edit"}
"""Under these every key counts: arguments of calls, and what goes into the metadata whole."""


def named(path: Path) -> str:
    return str(path.relative_to(FIXTURES))


def format_of(path: Path) -> str:
    return path.relative_to(FIXTURES).parts[0]


each_case = pytest.mark.parametrize("path", CASES, ids=named)


@each_case
def test_no_other_format_takes_it_for_its_own(path: Path, tmp_path: Path) -> None:
    nameless = tmp_path / "log"
    nameless.write_bytes(path.read_bytes())
    source = Source(nameless, ReadOptions(), lambda: nameless.open("rb"))
    own = recognise(source)
    others = [family for family in families() if family is not own and family.module not in GENERIC]
    assert [family.module for family in others if family.load().sniff(source.head)] == []


@pytest.mark.parametrize("path", EVERY_FIXTURE, ids=named)
def test_takes_no_log_of_another_format(path: Path) -> None:
    source = Source(path, ReadOptions(), lambda: path.open("rb"))
    wrong = [
        family.module
        for family in families()
        if set(family.formats) & set(FORMATS)
        and format_of(path) not in family.formats
        and family.load().sniff(source.head)
    ]
    assert wrong == []


@each_case
def test_keeps_no_ciphertext_in_any_block(path: Path) -> None:
    for transcript in Reading(path).transcripts:
        for message in transcript.messages:
            for block in message.blocks:
                assert not CIPHERTEXT.search(block.text)
                assert not CIPHERTEXT.search(json.dumps(block.meta or {}))


@each_case
def test_unknown_keys_change_nothing(path: Path, tmp_path: Path) -> None:
    changed = tmp_path / path.name
    changed.write_text(_rewritten(path, _with_unknown_keys), "utf-8")
    assert [(item.id, item.digest, item.model) for item in Reading(changed).transcripts] == [
        (item.id, item.digest, item.model) for item in Reading(path).transcripts
    ]


@each_case
def test_rows_are_messages_or_named_leftovers(path: Path) -> None:
    """Where a row is a message: what was read and what was left out adds up to the rows of the file."""
    reading = Reading(path)
    whole = path.name in (
        "exec.jsonl",
        "exec_events.jsonl",
        "first.json",
    )  # an item with call and result, and a session in one object
    if whole or format_of(path) not in (
        "codex",
        "managed_agents",
        "openhands_events",
        "openhands_sdk",
        "pi",
        "toolcalls",
    ):
        assert reading.file.rows == _count_of_records(path)
        return
    left = sum(reading.file.left_out.values()) + reading.file.malformed_rows
    assert reading.file.rows == reading.file.messages + left == _count_of_records(path)


@each_case
def test_a_cut_never_raises(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    cut = tmp_path / path.name
    for length in sorted(random.Random(7).sample(range(len(data)), k=15)):
        cut.write_bytes(data[:length])
        reading = Reading(cut)
        assert reading.file.transcripts or reading.file.skipped


@each_case
def test_damage_never_raises_when_the_format_is_given(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    for seed in range(12):
        copy.write_bytes(damaged(path.read_bytes(), seed))
        reading = Reading(copy, format=format_of(path))
        assert reading.file.transcripts or reading.file.skipped


@pytest.mark.parametrize("format", FORMATS)
def test_any_log_may_be_read_as_any_format(format: str) -> None:
    for path in CASES:
        reading = Reading(path, format=format)
        assert reading.file.transcripts or reading.file.skipped


def _records(path: Path) -> tuple[Any, bool]:
    text = path.read_text("utf-8")
    try:
        return json.loads(text), False
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()], True


def _count_of_records(path: Path) -> int:
    records, _ = _records(path)
    return len(records) if isinstance(records, list) else 1


def _rewritten(path: Path, change: Callable[[Any], Any]) -> str:
    records, rows = _records(path)
    changed = change(records)
    return "".join(json.dumps(record) + "\n" for record in changed) if rows else json.dumps(changed)


def _with_unknown_keys(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_with_unknown_keys(item, key) for item in value]
    if not isinstance(value, dict):
        return value
    if key in OPAQUE or str(value.get("type", "")).endswith(("_call", "_search_output")):  # its arguments, tools
        return value
    changed = {name: _with_unknown_keys(item, name) for name, item in value.items()}
    counted = "type" in value or "role" in value or "id" in value
    return {**changed, "zz_unknown": {"a": [1]}} if counted else changed


@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("petri/listed.json", {"metadata": {"transcript_id": "none"}, "messages": []}),
        ("atif/calls.json", {"schema_version": "ATIF-v1.6", "steps": []}),
        ("swe_agent/actions.traj", {"history": [7], "trajectory": []}),
        ("mini_swe/calls.traj.json", {"messages": [], "trajectory_format": "mini-swe-agent-1.1"}),
        ("agentdojo/run.json", {"suite_name": "banking", "user_task_id": "user_task_9", "messages": []}),
        ("tau2/one_simulation.json", {"task_id": "t", "ticks": []}),
    ],
)
def test_an_empty_transcript_does_not_lose_its_neighbours(name: str, empty: dict[str, Any], tmp_path: Path) -> None:
    good = json.loads((FIXTURES / name).read_text("utf-8"))
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in (good, empty, good)), "utf-8")
    reading = Reading(rows)
    assert len(reading.transcripts) == 2
    assert reading.file.rows == 3
    assert reading.warnings or reading.file.left_out
