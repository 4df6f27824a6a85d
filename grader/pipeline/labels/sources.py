"""Where labels come from: rows of any table, Scout's validation CSV, scores in the logs themselves, Label Studio's JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from grader.errors import BadInput
from grader.pipeline.labels.file_text import first_line, text_lines
from grader.pipeline.labels.label_studio import are_tasks, said_in_tasks
from grader.pipeline.labels.mapping import LabelMap
from grader.pipeline.labels.said import Said, cell
from grader.spreadsheet import has_moved, sheet
from grader.store import Entry
from grader.text import one_line

__all__ = ["is_native", "said_in_file", "said_in_scores"]


def is_native(text: str) -> bool:
    """Whether it is what `export jsonl` writes."""
    try:
        row = json.loads(first_line(text))
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and {"transcript_digest", "label_digest", "rater", "label"} <= row.keys()


def said_in_file(path: Path, text: str, how: LabelMap, left_out: Counter[str]) -> Iterator[Said]:
    """Every answer in `text`, a CSV, TSV, JSON or JSONL file, Label Studio's exports included; rows that hold none are counted.

    Raises BadInput on an unusable file, and for a column of the map that no row has.
    """
    rows = list(_records(path, text, left_out))
    if not rows:
        raise BadInput("holds no rows", path=path)
    if are_tasks(rows):
        yield from said_in_tasks(rows, how, left_out)
        return
    columns = [name for name in rows[0][1] if name != _MOVED]
    how = how.fitted(columns)
    wide = dict(how.columns) or _scout_columns(columns, how)
    read = {*how.named_columns(), *wide, *how.skip, "id", "quotes", "current"}
    if twice := next((name for name in columns if name.endswith(_TWICE) and name.removesuffix(_TWICE) in read), None):
        raise BadInput("two columns are called so", path=path, line=1, field=twice.removesuffix(_TWICE))
    if isinstance(rows[0][1].get("spans"), list):  # their quotes are
        read.add("spans")
    unread = [
        name.removesuffix(_TWICE)
        for name in columns
        if name and name not in read and name.partition(".")[0] not in _roots(read)
    ]
    if unread:
        left_out[f"columns that nothing reads ({one_line(', '.join(unread), 200)})"] += len(unread)
    for column in _needed(how, wide):
        if not any(cell(row, column) or column in row for _, row in rows):
            raise BadInput(_no_such(column, columns), path=path, field=column)
    for line, row in rows:
        if _MOVED in row:
            yield Said(line, "", "", "", fault=row[_MOVED])
            continue
        if any(cell(row, column) in wanted for column, wanted in how.skip.items()):
            left_out["rows left out by [skip]"] += 1
            continue
        if str(row.get("current", "")).lower() == "false":  # our own export with --history
            left_out["rows that no longer hold"] += 1
            continue
        pairs = (
            [(label, cell(row, column)) for column, label in wide.items()]
            if wide
            else [(how.label_name or cell(row, how.label), cell(row, how.value))]
        )
        answered = [(label, value) for label, value in pairs if value.strip()]
        left_out["rows without a value"] += not answered
        for label, value in answered:
            yield _said(line, row, how, label, value)


def _roots(columns: Iterable[str]) -> set[str]:
    """What dotted paths begin with."""
    return {column.partition(".")[0] for column in columns if "." in column}


def _needed(how: LabelMap, wide: Mapping[str, str]) -> list[str]:
    """The columns without which no row holds an answer."""
    if wide:
        return list(wide)
    return [how.value] if how.label_name is not None or how.label is None else [how.label, how.value]


def _no_such(column: str, columns: Iterable[str]) -> str:
    close = get_close_matches(column, columns, 1)
    if close:
        return f"no such column (did you mean {one_line(close[0], 60)}?)"
    there = one_line(", ".join(columns), 200)
    return (
        f"no such column among {there}; say in --map which column is the label (label = …, or label_name = … for all "
        "rows) and which the value (value = …), or which columns are labels ([columns])"
    )


def _said(line: int, row: Mapping[str, Any], how: LabelMap, label: str, value: str) -> Said:
    transcript = cell(row, how.transcript) or (cell(row, "id") if how.transcript == "transcript" else "")
    return Said(
        line=line,
        transcript=transcript,
        label=label,
        value=value,
        message=cell(row, how.message),
        rater=how.rater_name or cell(row, how.rater),
        severity=cell(row, how.severity),
        confidence=cell(row, how.confidence),
        note=cell(row, how.note),
        quotes=_quotes(row, how),
        time=cell(row, how.time),
        round=cell(row, how.round),
    )


def _quotes(row: Mapping[str, Any], how: LabelMap) -> tuple[str, ...]:
    spans = row.get("spans")
    if isinstance(spans, list):  # what `export jsonl` writes
        return tuple(str(span["quote"]) for span in spans if isinstance(span, dict) and span.get("quote"))
    quotes = cell(row, how.quote) or cell(row, "quotes")
    return tuple(part for part in quotes.split(" | ") if part.strip())


def _scout_columns(columns: Iterable[str], how: LabelMap) -> dict[str, str]:
    """Inspect Scout's validation sets: `id`, `target` or `target_*`/`label_*` columns, `split`."""
    names = list(columns)
    if "id" not in names or how.label in names:
        return {}
    found = {name: name.partition("_")[2] for name in names if name.startswith(("label_", "target_"))}
    if not found and "target" in names and how.label_name is not None:
        found = {"target": how.label_name}
    return found


def _records(path: Path, text: str, left_out: Counter[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    start = text.lstrip()[:1]
    if start == "[":
        try:
            items = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"not JSON: {one_line(error)}", path=path) from error
        left_out["items that are no objects"] += sum(not isinstance(item, dict) for item in items)
        yield from ((number, item) for number, item in enumerate(items, 1) if isinstance(item, dict))
        return
    if start == "{":
        for number, line in enumerate(text_lines(text), 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise BadInput(
                        f"not JSON: {one_line(error)}; wanted a list of rows, or one row on each line",
                        path=path,
                        line=number,
                    ) from error
                if isinstance(row, dict):
                    yield number, row
                else:
                    left_out["items that are no objects"] += 1
        return
    header, lines = sheet(text, path)
    header = [f"{name}{_TWICE}" if name and name in header[:place] else name for place, name in enumerate(header)]
    for number, cells in lines:
        row = dict(zip(header, cells, strict=False))
        if has_moved(cells, len(header)):
            row[_MOVED] = f"{len(cells)} cells in a table of {len(header)} columns"
        yield number, row


_MOVED = "\0"
"""Under this, which is no name of a column, a row says why its cells stand in the wrong ones."""
_TWICE = "\0twice"


def said_in_scores(found: Iterable[Entry], how: LabelMap, left_out: Counter[str]) -> Iterator[Said]:
    """Scores that the logs themselves carry, for the names that `[scores]` maps to labels; `line` is 0.

    Raises BadInput for a name that no log has.
    """
    met: set[str] = set()
    for item in found:
        for score in item.metadata.get("scores") or ():
            if not isinstance(score, dict):
                continue
            name, value = str(score.get("name")), score.get("value")
            met.add(name)
            if name not in how.scores:
                continue
            if value is None:
                left_out["scores without a value"] += 1
                continue
            raw = value if isinstance(value, str) else json.dumps(value)
            note = str(score.get("explanation") or "")
            yield Said(0, item.id, how.scores[name], raw, rater=how.rater_name or "", note=note)
    for name in how.scores:
        if name not in met:
            there = f"there are {one_line(', '.join(sorted(met)), 300)}" if met else "they carry no scores at all"
            raise BadInput(f"no log carries a score of this name; {there}", field=f"[scores] {one_line(name, 60)!r}")
