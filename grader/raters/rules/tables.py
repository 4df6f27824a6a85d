"""Labelled tables to measure rules on: CSV, TSV, JSON, JSONL, with the columns named by the caller."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from grader.errors import BadInput, UsageError
from grader.spreadsheet import has_moved, read_text, sheet
from grader.text import one_line, storable

__all__ = ["Row", "read_table", "read_tables"]

_TRUE = frozenset({"1", "1.0", "true", "yes", "y", "t", "present", "positive"})
_JSON = (".json", ".jsonl", ".ndjson")
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


class Row(NamedTuple):
    """A text and whether the label is present in it; `line` is the line or element of `file`, from 1.

    `item`: where a path goes through a list (`chat.*.text`), the element of that list, from 1; else 0.
    """

    text: str
    positive: bool
    line: int
    file: str = ""
    item: int = 0


def read_table(
    path: str | Path,
    *,
    text: str = "text",
    label: str | None = "label",
    positive: Sequence[str] = (),
    negative: Sequence[str] = (),
    where: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[Row]:
    """The rows of the table, blank texts left out.

    `text` and `label` name columns; in JSON they may be dotted paths, and a part `*` goes through a list
    (`chat_logs.*.text`). `positive` are the label's values that mean present; none given: 1, true, yes, present, positive. With `negative` instead, all
    other values mean present.
    `label=None`: no row is positive, every hit is a false alarm. `where` keeps only rows whose columns have one of those values.
    Raises BadInput with file and line, UsageError for an unknown column.
    """
    file = Path(path)
    wanted = frozenset(value.strip().lower() for value in positive) or _TRUE
    if (positive or negative) and label is None:
        raise UsageError("values that mean present or absent need a label column")
    if positive and negative:
        raise UsageError("give the values that mean present, or those that mean absent, not both")
    unwanted = _lower(negative)
    for line, record in _records(file):
        for number, item in _items(record, text, label, where or {}):
            said = _value(item, text, file, line)
            found = "" if label is None else _value(item, label, file, line)
            if any(
                _value(item, key, file, line).strip().lower() not in _lower(values)
                for key, values in (where or {}).items()
            ):
                continue
            if said.strip():
                known = found.strip().lower()
                present = known not in unwanted if unwanted else known in wanted
                yield Row(storable(said)[0], label is not None and present, line, str(file), number)


def read_tables(
    paths: Sequence[str | Path],
    *,
    text: str = "text",
    label: str | None = "label",
    positive: Sequence[str] = (),
    negative: Sequence[str] = (),
    where: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[Row]:
    """`read_table` over several; of a folder every table in it, at any depth, in sorted order. Files without the columns are errors
    when named, and left out when found in a folder."""
    for path in paths:
        folder = Path(path)
        if not folder.is_dir():
            yield from read_table(folder, text=text, label=label, positive=positive, negative=negative, where=where)
            continue
        found = sorted(
            file for file in folder.rglob("*") if file.suffix.lower() in (*_DELIMITERS, *_JSON) and file.is_file()
        )
        for file in found:
            try:
                yield from read_table(file, text=text, label=label, positive=positive, negative=negative, where=where)
            except _NoColumn:
                continue


class _NoColumn(BadInput):
    """A row that lacks a column asked for."""


def _lower(values: Sequence[str]) -> frozenset[str]:
    return frozenset(value.strip().lower() for value in values)


def _records(file: Path) -> Iterator[tuple[int, object]]:
    suffix = file.suffix.lower()
    try:
        if suffix in _DELIMITERS:
            yield from _rows(file, _DELIMITERS[suffix])
        elif suffix in _JSON[1:]:
            with file.open(encoding="utf-8-sig") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield number, _json(line, file, number)
        elif suffix == ".json":
            loaded = _json(file.read_text("utf-8-sig"), file, 1)
            yield from enumerate(loaded if isinstance(loaded, list) else [loaded], 1)
        else:
            raise BadInput("cannot tell the kind of table: name it .csv, .tsv, .json or .jsonl", path=file)
    except OSError as problem:
        raise BadInput(f"cannot read the table: {problem.strerror or problem}", path=file) from problem
    except UnicodeDecodeError as problem:
        raise BadInput(f"not UTF-8: byte {problem.start}", path=file) from problem


def _rows(file: Path, delimiter: str) -> Iterator[tuple[int, object]]:
    text = read_text(file)
    # many a .csv is written with semicolons or tabs
    header, rows = sheet(text, file, delimiter if delimiter in text.partition("\n")[0] else None)
    for line, cells in rows:
        if has_moved(cells, len(header)):
            raise BadInput(f"{len(cells)} cells in a table of {len(header)} columns", path=file, line=line)
        yield line, dict(zip_longest(header, cells[: len(header)], fillvalue=""))


def _json(source: str, file: Path, line: int) -> object:
    try:
        return json.loads(source)
    except (ValueError, RecursionError) as problem:
        at = problem.lineno + line - 1 if isinstance(problem, json.JSONDecodeError) else line
        raise BadInput(f"not JSON: {problem}", path=file, line=at) from problem


def _items(
    record: object, text: str, label: str | None, where: Mapping[str, Sequence[str]]
) -> Iterator[tuple[int, dict[str, object]]]:
    """The columns of a record as flat dictionaries: one (0), or one per element (from 1) of the list the paths go through with `*`."""
    columns = [text, *([label] if label else []), *where]
    starred = {column.partition(".*.")[0] for column in columns if ".*." in column} | {
        "" for column in columns if column.startswith("*.")
    }
    if not starred:
        yield 0, {column: _column(record, column) for column in columns}
        return
    if len(starred) > 1:
        raise UsageError(f"columns go through different lists: {', '.join(sorted(starred))}")
    stem = starred.pop()
    elements = record if not stem else _dig(record, stem)
    prefix = f"{stem}.*." if stem else "*."
    for number, element in enumerate(elements if isinstance(elements, list) else [], 1):
        yield (
            number,
            {
                column: _column(element, column[len(prefix) :])
                if column.startswith(prefix)
                else _column(record, column)
                for column in columns
            },
        )


class _Missing(NamedTuple):
    """What stands for a column that is not there, with those that are."""

    known: tuple[str, ...]


_MISSING = _Missing(())


def _column(record: object, column: str) -> object:
    value = _dig(record, column)
    return value if value is not _MISSING else _Missing(tuple(map(str, record)) if isinstance(record, dict) else ())


def _dig(node: object, path: str) -> object:
    if isinstance(node, dict) and path in node:
        return node[path]
    for part in path.split("."):
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        else:
            return _MISSING
    return node


def _value(item: Mapping[str, object], column: str, file: Path, line: int) -> str:
    value = item[column]
    if isinstance(value, _Missing):
        known = f"; there is: {one_line(', '.join(value.known), 200)}" if value.known else ""
        raise _NoColumn(f'no column "{one_line(column, 60)}" here{known}', path=file, line=line)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
