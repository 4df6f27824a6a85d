"""Annotations from outside into the log: what `export` writes as JSONL and as CSV, checked one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from grader.annotation import Annotation
from grader.pipeline.labels.exported import exported_rows, is_exported_table
from grader.pipeline.labels.file_text import label_text, text_lines
from grader.rubric import Rubric
from grader.store import Store, add_annotations, annotation_by_id, load_messages, register_rubric
from grader.text import one_line, storable

__all__ = ["LabelImport", "Rejected", "import_annotations", "take_exported"]

_PLACE = re.compile(r"M(\d{1,9})\.(\d{1,9}):(\d{1,12})-(\d{1,12})")


class Rejected(msgspec.Struct, frozen=True):
    """A line that was not taken, and why."""

    line: int
    """From 1; 0 where the answer stood in no file (scores in logs)."""
    reason: str


class LabelImport(msgspec.Struct):
    """What became of a file of annotations."""

    path: str
    taken: int = 0
    known: int = 0
    """Already in the log: under the same id, or word for word by the same rater."""
    stale: int = 0
    """Taken, but they answer another wording of the label than the rubric at hand has."""
    joined: int = 0
    """Answers that only added evidence or a note to the same answer in the file."""
    left_out: dict[str, int] = msgspec.field(default_factory=dict)
    """What in the file is no answer: kind → count."""
    rejected: list[Rejected] = msgspec.field(default_factory=list)


def import_annotations(store: Store, path: Path, rubric: Rubric) -> LabelImport:
    """Append the annotations of an exported JSONL or CSV file to the log, ids and times kept, in one transaction.

    Importing twice changes nothing. A line about an unknown transcript revision, message, label or value, whose quote does
    not stand where its span says, or that says of a known id something else, is rejected by line number; the rest is
    taken. A CSV's `first_value` becomes the annotation it was. Raises BadInput when nothing can be read.
    """
    return take_exported(store, path, label_text(path), rubric)


def take_exported(store: Store, path: Path, text: str, rubric: Rubric) -> LabelImport:
    """The same for the text of such a file; `path` is what messages call it."""
    result = LabelImport(str(path))
    register_rubric(store, rubric)
    labels = {label.id: label for label in rubric.labels}
    taken: list[Annotation] = []
    texts: dict[int, Any] = {}
    rows = exported_rows(path, text) if is_exported_table(text) else _rows(text, result)
    for number, row in rows:
        try:
            if isinstance(row.get("spans"), str):
                row["spans"] = _spans(store, row, texts)
            item = _annotation(row)
            label = labels.get(item.label)
            if label is None or (item.value is not None and not label.accepts(item.value)):
                raise ValueError(f"rubric {rubric.id} has no {item.label} = {item.value}")
            _check_place(store, item, texts)
        except (ValueError, KeyError, TypeError) as error:
            result.rejected.append(Rejected(number, one_line(error, 200)))
            continue
        known = annotation_by_id(store, item.id) if item.id else None
        if known is not None and (known.value, known.severity) != (item.value, item.severity):
            reason = f"{item.id} is in the log as {known.value}; a change is a row without an id"
            result.rejected.append(Rejected(number, one_line(reason, 200)))
            continue
        if known is not None:
            result.known += 1
            continue
        if item.created and not _is_moment(item.created):
            result.rejected.append(
                Rejected(number, one_line(f"created {item.created!r} is no time as in 2026-01-31T12:00:00+00:00", 200))
            )
            continue
        result.stale += item.label_digest != label.digest
        taken.append(item)
    add_annotations(store, taken)
    result.taken = len(taken)
    return result


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _rows(text: str, result: LabelImport) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text_lines(text), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            result.rejected.append(Rejected(number, f"not JSON: {one_line(error, 120)}"))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            result.rejected.append(Rejected(number, "not an object"))


def _annotation(row: dict[str, Any]) -> Annotation:
    fields = {
        name: storable(value)[0] if isinstance(value, str) else value
        for name in Annotation.__struct_fields__
        if (value := row.get(name)) is not None
    }
    fields.setdefault("value", None)
    return msgspec.convert(fields, Annotation)


def _spans(store: Store, row: dict[str, Any], texts: dict[int, Any]) -> list[dict[str, Any]]:
    """The spans of a table's row, which names their places alone."""
    places = [_PLACE.fullmatch(place) for place in row["spans"].split()]
    if not places:
        return []
    found = store.connection.execute(
        "SELECT key FROM transcripts WHERE id = ? AND digest = ?", (row.get("transcript"), row.get("transcript_digest"))
    ).fetchone()
    spans: list[dict[str, Any]] = []
    for place in places:
        if place is None:
            raise ValueError(f"spans {row['spans']!r} are not as in M2.0:15-32")
        if found is None:
            return []  # why is said of the row
        message, block, start, end = map(int, place.groups())
        text = _text(_messages(store, int(found[0]), texts), message, block)
        if not start < end <= len(text):
            raise ValueError(f"span in M{message}: {start}-{end} is no place in its {len(text):,} characters")
        spans.append({"message": message, "block": block, "start": start, "end": end, "quote": text[start:end]})
    return spans


def _messages(store: Store, key: int, texts: dict[int, Any]) -> Any:
    """The messages of one transcript; the last one is kept, for rows are sorted by it."""
    if key not in texts:
        texts.clear()
        texts[key] = load_messages(store, key)
    return texts[key]


def _text(messages: Any, message: int, block: int) -> str:
    if not 1 <= message <= len(messages) or block >= len(messages[message - 1].blocks):
        raise ValueError(f"span in M{message} block {block}, which is not there")
    return str(messages[message - 1].blocks[block].text)


def _check_place(store: Store, item: Annotation, texts: dict[int, Any]) -> int:
    row = store.connection.execute(
        "SELECT key, n_messages FROM transcripts WHERE id = ? AND digest = ?", (item.transcript, item.transcript_digest)
    ).fetchone()
    if row is None:
        raise ValueError(
            f"transcript {item.transcript} with digest {item.transcript_digest[:8]} is not in the database"
        )
    key, messages = row
    if item.message is not None and not 1 <= item.message <= messages:
        raise ValueError(f"{item.transcript} has no message {item.message}")
    for span in item.spans:
        if _text(_messages(store, key, texts), span.message, span.block)[span.start : span.end] != span.quote:
            raise ValueError(f"span in M{span.message}: the quote does not stand there")
    return int(key)
