"""Annotations for other tools. Files are written aside and renamed, with a manifest; nothing half-written is left behind."""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import msgspec

from grader import __version__
from grader.annotation import Annotation
from grader.errors import GraderError
from grader.rubric import Rubric
from grader.store import Selection, Store, entries, now, read_annotations
from grader.store.annotation_log import current_ids
from grader.text import json_text, one_line, spreadsheet_cell

__all__ = ["CSV_COLUMNS", "annotation_json", "export_annotations", "write_annotations_jsonl"]

CSV_COLUMNS = [
    "transcript",
    "transcript_digest",
    "model",
    "condition",
    "message",
    "label",
    "value",
    "first_value",
    "severity",
    "confidence",
    "rater",
    "rater_kind",
    "round",
    "view",
    "rubric",
    "rubric_digest",
    "label_digest",
    "quotes",
    "note",
    "created",
    "current",
    "id",
    "first_id",
    "first_created",
    "spans",
    "action",
    "reason",
    "claimed",
    "flags",
    "active_ms",
]


_Row: TypeAlias = tuple[Annotation, str | None, str | None, bool, Annotation | None]
"""An annotation, model and condition of its transcript, whether it holds now, and its rater's last blind one there."""


def annotation_json(item: Annotation, model: str | None, condition: str | None, current: bool) -> dict[str, Any]:
    """One line of `export jsonl`."""
    return {
        "id": item.id,
        "transcript": item.transcript,
        "transcript_digest": item.transcript_digest,
        "model": model,
        "condition": condition,
        "message": item.message,
        "label": item.label,
        "value": item.value,
        "severity": item.severity,
        "spans": [msgspec.to_builtins(span) for span in item.spans],
        "confidence": item.confidence,
        "note": item.note,
        "rater": item.rater,
        "rater_kind": item.rater_kind,
        "round": item.round,
        "view": item.view,
        "rubric": item.rubric,
        "rubric_digest": item.rubric_digest,
        "label_digest": item.label_digest,
        "created": item.created,
        "current": current,
    } | {name: value for name in _MORE if (value := getattr(item, name)) not in (None, ())}


_MORE = ("action", "reason", "claimed", "flags", "active_ms")


def export_annotations(
    store: Store,
    target: Path | None,
    form: str,
    *,
    where: Selection | None = None,
    rubric: str | None = None,
    history: bool = False,
) -> int:
    """Write annotations as `jsonl` or `csv` to `target` (None: stdout) and return how many.

    Current ones; with `history` the whole log, earlier revisions of transcripts included, what no longer holds marked
    `current: false`.
    """
    rows = _rows(store, where or Selection(), rubric, history)
    return _write(target, form, rows, store)


def write_annotations_jsonl(store: Store, target: Path, *, rubric: Rubric, keys: Sequence[int]) -> int:
    """The current annotations of one run's transcripts under `rubric`, as `grade --out` writes them."""
    facts = {found.key: (found.model, found.condition) for found in entries(store)}

    def rows() -> Iterator[_Row]:
        for key in keys:
            for item in read_annotations(store, transcript_key=key, rubric=rubric.id):
                yield item, *facts.get(key, (None, None)), True, None

    return _write(target, "jsonl", rows(), store)


def _rows(store: Store, where: Selection, rubric: str | None, history: bool) -> Iterator[_Row]:
    where = msgspec.structs.replace(where, revisions=history)
    chosen = list(entries(store, where))
    facts = {(found.id, found.digest): (found.model, found.condition) for found in chosen}
    earlier = {(found.id, found.digest) for found in chosen if found.superseded}
    first: dict[tuple[Any, ...], Annotation] = {}
    for item in read_annotations(store, where, current=False, kinds=("human",), rubric=rubric):
        if item.view == "blind":
            first[_item(item)] = item
    now_true = current_ids(store) if history else None
    for item in read_annotations(store, where, current=not history, rubric=rubric):
        about = (item.transcript, item.transcript_digest)
        holds = now_true is None or (item.id in now_true and about not in earlier)
        yield item, *facts.get(about, (None, None)), holds, first.get(_item(item))


def _item(item: Annotation) -> tuple[Any, ...]:
    return item.transcript, item.transcript_digest, item.message, item.label, item.rater, item.round, item.rubric


def _write(
    target: Path | None,
    form: str,
    rows: Iterable[_Row],
    store: Store,
) -> int:
    write = {"jsonl": _write_jsonl, "csv": _write_csv}[form]
    if target is None:
        return write(sys.stdout, rows)
    count = write_aside(target, lambda stream: write(stream, rows))
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    manifest = {
        "file": target.name,
        "format": form,
        "annotations": count,
        "sha256": digest,
        "grader": __version__,
        "created": now(),
    }
    manifest["rubrics"] = [{"id": name, "version": version, "digest": d} for name, version, d in _rubrics(store)]
    write_aside(
        target.with_name(target.name + ".manifest.json"),
        lambda stream: stream.write(json_text(manifest, indent=2) + "\n"),
    )
    return count


def _rubrics(store: Store) -> list[tuple[str, str, str]]:
    from grader.store import stored_rubrics

    return stored_rubrics(store)


def write_aside(target: Path, write: Callable[[TextIO], int]) -> int:
    """Let `write` fill a temporary file beside `target`, then rename it. Raises GraderError when that is not possible."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with aside.open("w", encoding="utf-8", newline="") as stream:
            count = write(stream)
        aside.replace(target)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise GraderError(f"{one_line(target)}: cannot be written ({error.strerror or error})") from error
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
    return count


def _write_jsonl(stream: TextIO, rows: Iterable[_Row]) -> int:
    count = 0
    for item, model, condition, current, _ in rows:
        stream.write(json_text(annotation_json(item, model, condition, current)) + "\n")
        count += 1
    return count


def _write_csv(stream: TextIO, rows: Iterable[_Row]) -> int:
    out = csv.writer(stream, lineterminator="\n")
    out.writerow(CSV_COLUMNS)
    count = 0
    for item, model, condition, current, first in rows:
        cells = annotation_json(item, model, condition, current)
        cells["quotes"] = " | ".join(span.quote for span in item.spans)
        cells["spans"] = " ".join(f"M{span.message}.{span.block}:{span.start}-{span.end}" for span in item.spans)
        cells["flags"] = " ".join(item.flags)
        if first is not None:
            cells |= {"first_value": first.value, "first_id": first.id, "first_created": first.created}
        out.writerow([cell(cells.get(name)) for name in CSV_COLUMNS])
        count += 1
    return count


def cell(value: object) -> str:
    """A spreadsheet cell: sanitised, and never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return spreadsheet_cell(str(value))
