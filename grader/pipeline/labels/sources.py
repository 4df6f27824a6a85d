"""Where labels come from: rows of any table, Scout's validation CSV, Label Studio's JSON, scores in the logs themselves."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from grader.errors import BadInput
from grader.pipeline.labels.mapping import LabelMap
from grader.store import Entry
from grader.text import from_spreadsheet_cell, one_line

__all__ = ["Said", "is_native", "said_in_file", "said_in_scores"]


class Said(msgspec.Struct, frozen=True):
    """One answer as it stands outside, not yet checked."""

    line: int
    """Line or row number, for messages."""
    transcript: str
    label: str
    value: str
    message: str = ""
    rater: str = ""
    severity: str = ""
    confidence: str = ""
    note: str = ""
    quotes: tuple[str, ...] = ()
    time: str = ""
    round: str = ""
    flat_message: int | None = None
    """Message index where the source counts turns from 0 in its own way (Label Studio paragraphs)."""


def is_native(path: Path) -> bool:
    """Whether the file holds what `export jsonl` writes."""
    try:
        with path.open("r", encoding="utf-8-sig", errors="replace") as stream:
            first = stream.readline(1_000_000)
        row = json.loads(first)
    except (OSError, ValueError):
        return False
    return isinstance(row, dict) and {"transcript_digest", "label_digest", "rater", "label"} <= row.keys()


def said_in_file(path: Path, how: LabelMap) -> Iterator[Said]:
    """Every answer in a CSV, TSV, JSON or JSONL file, Label Studio's exports included. Raises BadInput on an unusable file."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})", path=path) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8 text ({error.reason} at byte {error.start})", path=path) from error
    rows = list(_records(path, text))
    if not rows:
        raise BadInput("holds no rows", path=path)
    if all(isinstance(row.get("annotations"), list) and "data" in row for _, row in rows):
        yield from _label_studio(rows, how)
        return
    columns = rows[0][1].keys()
    wide = dict(how.columns) or _scout_columns(columns, how)
    if not wide and how.label is not None and how.label_name is None and how.label not in columns:
        raise BadInput(
            f"no column {how.label!r}; say in --map which column is the label (label = …), or which columns are labels ([columns])",
            path=path,
            field=how.label,
        )
    for line, row in rows:
        if any(_cell(row, column) in wanted for column, wanted in how.skip.items()):
            continue
        if str(row.get("current", "")).lower() == "false":
            continue  # our own export with --history: what no longer holds
        pairs = (
            [(label, _cell(row, column)) for column, label in wide.items()]
            if wide
            else [(how.label_name or _cell(row, how.label), _cell(row, how.value))]
        )
        for label, value in pairs:
            if value.strip():
                yield _said(line, row, how, label, value)


def _said(line: int, row: Mapping[str, Any], how: LabelMap, label: str, value: str) -> Said:
    quotes = _cell(row, how.quote) or _cell(row, "quotes")
    transcript = _cell(row, how.transcript) or (_cell(row, "id") if how.transcript == "transcript" else "")
    return Said(
        line=line,
        transcript=transcript,
        label=label,
        value=value,
        message=_cell(row, how.message),
        rater=how.rater_name or _cell(row, how.rater),
        severity=_cell(row, how.severity),
        confidence=_cell(row, how.confidence),
        note=_cell(row, how.note),
        quotes=tuple(part for part in quotes.split(" | ") if part.strip()),
        time=_cell(row, how.time),
        round=_cell(row, how.round),
    )


def _scout_columns(columns: Iterable[str], how: LabelMap) -> dict[str, str]:
    """Inspect Scout's validation sets: `id`, `target` or `target_*`/`label_*` columns, `split`."""
    names = list(columns)
    if "id" not in names or how.label in names:
        return {}
    found = {name: name.partition("_")[2] for name in names if name.startswith(("label_", "target_"))}
    if not found and "target" in names and how.label_name is not None:
        found = {"target": how.label_name}
    return found


def _records(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    start = text.lstrip()[:1]
    if start == "[":
        try:
            items = json.loads(text)
        except ValueError as error:
            raise BadInput(f"not JSON: {one_line(error)}", path=path) from error
        yield from ((number, item) for number, item in enumerate(items, 1) if isinstance(item, dict))
        return
    if start == "{":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise BadInput(f"not JSON: {one_line(error)}", path=path, line=number) from error
                if isinstance(row, dict):
                    yield number, row
        return
    first = text.partition("\n")[0]
    delimiter = "\t" if first.count("\t") > first.count(",") else ";" if first.count(";") > first.count(",") else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    for row in reader:
        yield reader.line_num, {(name or "").strip(): cell for name, cell in row.items() if isinstance(cell, str)}


def _cell(row: Mapping[str, Any], column: str | None) -> str:
    if column is None:
        return ""
    value: Any = row.get(column)
    if value is None and "." in column:
        value = row
        for step in column.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return from_spreadsheet_cell(value if isinstance(value, str) else json.dumps(value))


def _label_studio(rows: list[tuple[int, dict[str, Any]]], how: LabelMap) -> Iterator[Said]:
    for line, task in rows:
        held = task.get("data")
        data: dict[str, Any] = held if isinstance(held, dict) else {}
        place = {"data": data, **task}
        transcript = _cell(place, how.transcript) or _cell(data, how.transcript) or _cell(data, "id")
        for annotation in task["annotations"]:
            if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
                continue
            who = annotation.get("completed_by")
            rater = how.rater_name or str(who.get("email") or who.get("id") if isinstance(who, dict) else who or "")
            for result in annotation.get("result") or ():
                if isinstance(result, dict):
                    yield from _label_studio_result(line, transcript, rater, annotation, result, data, how)


def _label_studio_result(
    line: int,
    transcript: str,
    rater: str,
    annotation: Mapping[str, Any],
    result: Mapping[str, Any],
    data: Mapping[str, Any],
    how: LabelMap,
) -> Iterator[Said]:
    value = result.get("value")
    if not isinstance(value, dict):
        return
    time = str(annotation.get("created_at") or "")
    name = str(result.get("from_name") or "")
    marked = value.get("paragraphlabels") or value.get("labels") or value.get("hypertextlabels")
    if not isinstance(marked, list):
        for kind in ("choices", "rating", "number", "text", "taxonomy"):
            if kind in value:
                given = value[kind]
                for item in given if isinstance(given, list) else [given]:
                    answer = item if isinstance(item, str) else json.dumps(item)
                    yield Said(line, transcript, name, answer, message=_cell(data, how.message), rater=rater, time=time)
                return
        return
    quote = value.get("text")
    for label in marked:
        start = value.get("start")
        turn = (
            int(start) if isinstance(start, str | int) and str(start).isdigit() and "paragraphlabels" in value else None
        )
        yield Said(
            line,
            transcript,
            str(label),
            "present",
            message="" if turn is not None else _cell(data, how.message),
            rater=rater,
            quotes=(quote,) if isinstance(quote, str) and quote.strip() else (),
            time=time,
            flat_message=turn,
        )


def said_in_scores(found: Iterable[Entry], how: LabelMap) -> Iterator[Said]:
    """Scores that the logs themselves carry, for the names that `[scores]` maps to labels."""
    for number, item in enumerate(found, 1):
        for score in item.metadata.get("scores") or ():
            if not isinstance(score, dict) or str(score.get("name")) not in how.scores:
                continue
            value = score.get("value")
            raw = value if isinstance(value, str) else json.dumps(value)
            note = str(score.get("explanation") or "")
            yield Said(number, item.id, how.scores[str(score["name"])], raw, rater=how.rater_name or "", note=note)
