"""Files into the store, where several of them tell of one session."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.errors import BadInput
from grader.pipeline import import_paths
from grader.readers import ReadOptions
from grader.readers.reasons import in_words
from grader.store import Store, entries, load


def _written(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def _session(said: str) -> list[dict[str, Any]]:
    """What Claude Code keeps of a session: the prompt, an answer with a call, and the last word."""
    call = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}
    return [
        {"type": "user", "uuid": "1", "sessionId": "s", "message": {"role": "user", "content": "List."}},
        {
            "type": "assistant",
            "uuid": "2",
            "sessionId": "s",
            "message": {"id": "m", "role": "assistant", "content": [call]},
        },
        {
            "type": "assistant",
            "uuid": "3",
            "sessionId": "s",
            "message": {"id": "n", "role": "assistant", "content": said},
        },
    ]


def _printed(said: str) -> list[dict[str, Any]]:
    """What it prints of the same: no prompt."""
    return [
        {"type": "system", "subtype": "init", "session_id": "s"},
        {"type": "assistant", "session_id": "s", "message": {"id": "n", "role": "assistant", "content": said}},
    ]


@pytest.mark.parametrize("names", [("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")], ids=["session first", "last"])
def test_a_session_and_what_its_program_printed_of_it_are_one_transcript(
    names: tuple[str, str], store: Store, tmp_path: Path
) -> None:
    _written(tmp_path, names[0], _session("Two files."))
    _written(tmp_path, names[1], _printed("Two files."))
    for summary in (import_paths(store, [tmp_path]), import_paths(store, [tmp_path])):
        reasons = {warned.reason for warned in summary.warnings}
        assert "id_collision" not in reasons
        assert summary.transcripts == 2 == summary.new + summary.unchanged + len(summary.changed)
        assert [found.id for found in entries(store)] == ["s"]
        assert [message.text for message in load(store, "s").messages] == ["List.", "command: ls", "Two files."]


def test_sessions_of_one_id_that_say_different_things_are_both_kept(store: Store, tmp_path: Path) -> None:
    _written(tmp_path, "a.jsonl", _session("Two files."))
    _written(tmp_path, "b.jsonl", _printed("Three files."))
    summary = import_paths(store, [tmp_path])
    assert [warned.reason for warned in summary.warnings if warned.reason != "unanswered_call"] == ["id_collision"]
    assert len(list(entries(store))) == 2


def test_ids_of_other_formats_are_not_those_of_one_session(store: Store, tmp_path: Path) -> None:
    asked, said = {"role": "user", "content": "Yes?"}, {"role": "assistant", "content": "Yes."}
    _written(tmp_path, "a.jsonl", [{"id": "q1", "messages": [asked, said]}])
    _written(tmp_path, "b.jsonl", [{"id": "q1", "messages": [{"role": "system", "content": "Be evil."}, asked, said]}])
    summary = import_paths(store, [tmp_path])
    assert [warned.reason for warned in summary.warnings] == ["id_collision"]
    assert len(list(entries(store))) == 2


def test_rows_of_a_table_of_fields_that_are_of_no_use_are_counted_and_named(store: Store, tmp_path: Path) -> None:
    _written(
        tmp_path, "a.jsonl", [{"id": name, "messages": [{"role": "user", "content": name}]} for name in ("r1", "r2")]
    )
    table = tmp_path / "runs.csv"
    table.write_text("id,condition\nr1,calm\nr9,\x1b[2Jhot\nr2,hot\n,calm\nr1,calm\nr8\x1b[2J,hot\n")
    summary = import_paths(store, [tmp_path / "a.jsonl"], ReadOptions(meta=table))
    assert {found.id: found.condition for found in entries(store)} == {"r1": "calm", "r2": "hot"}
    told = {warned.reason: (warned.path, warned.line, warned.count, warned.detail) for warned in summary.warnings}
    assert told == {
        "meta_without_transcript": (str(table), 3, 2, "r9, r8␛[2J"),
        "meta_without_name": (str(table), 5, 1, ""),
    }
    assert all(in_words(reason) for reason in told)


def test_many_rows_of_no_transcript_are_named_by_the_first_few(store: Store, tmp_path: Path) -> None:
    _written(tmp_path, "a.jsonl", [{"id": "r1", "messages": [{"role": "user", "content": "Go."}]}])
    (tmp_path / "runs.csv").write_text("path,arm\na.jsonl,x\n" + "".join(f"b{number},y\n" for number in range(8)))
    [told] = import_paths(store, [tmp_path / "a.jsonl"], ReadOptions(meta=tmp_path / "runs.csv")).warnings
    assert (told.count, told.detail) == (8, "b0, b1, b2, b3, b4, …")


def test_a_path_that_is_not_there_is_said_before_anything_is_read(store: Store, tmp_path: Path) -> None:
    _written(tmp_path, "a.jsonl", _session("Two files."))
    for missing, said in (("nothing.jsonl", "no such file"), ("nothing*.jsonl", "nothing matches")):
        with pytest.raises(BadInput, match=said):
            import_paths(store, [tmp_path / "a.jsonl", tmp_path / missing])
    assert not list(entries(store))


def test_an_earlier_state_of_a_session_counts_as_what_it_became(store: Store, tmp_path: Path) -> None:
    """As in a folder with a copy of a session beside the session that went on."""
    for name, rows in (("a.jsonl", _session("Two files.")[:2]), ("b.jsonl", _session("Two files."))):
        _written(tmp_path, name, rows)
    first, again = import_paths(store, [tmp_path]), import_paths(store, [tmp_path])
    current = [found.key for found in entries(store)]
    assert (first.new, first.changed, again.unchanged) == (1, ["s"], 2)
    assert first.keys == again.keys == import_paths(store, [tmp_path / "a.jsonl"]).keys == current
    assert [warned.reason for warned in again.warnings if warned.path.endswith("a.jsonl")] == [
        "earlier_revision",
        "unanswered_call",
    ]


def test_a_member_may_have_a_longer_name_than_a_file_can(store: Store, tmp_path: Path) -> None:
    rows = "".join(json.dumps(row) + "\n" for row in _session("Two files."))
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as packed:
        packed.writestr("n" * 300 + ".jsonl", rows)
        packed.writestr("f" * 300 + "/a.jsonl", rows)
    summary = import_paths(store, [tmp_path / "runs.zip"])
    assert (summary.new, summary.unchanged, summary.skipped) == (1, 1, [])
    with pytest.raises(BadInput, match="too long"):
        import_paths(store, ["n" * 300])
