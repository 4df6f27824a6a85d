"""The CSV that `export` writes, row by row as the annotations it holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader.errors import BadInput
from grader.pipeline.labels.file_text import first_line
from grader.text import from_spreadsheet_cell

__all__ = ["exported_rows", "is_exported_table"]

_TELLING = frozenset(["transcript_digest", "label_digest", "rubric_digest", "rater", "rater_kind", "label", "id"])
_NUMBERS = {"message": int, "severity": int, "confidence": float, "active_ms": int}


def is_exported_table(text: str) -> bool:
    """Whether it is a table with the columns of an export."""
    try:
        return set(next(csv.reader([first_line(text)]), ())) >= _TELLING
    except csv.Error:
        return False


def exported_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, fields of an annotation) of each row of `text`; before one whose rater had said something else while blind, that.

    `spans` stay as text. Raises BadInput where it is no CSV.
    """
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        for cells in reader:
            row = {name: from_spreadsheet_cell(cell) for name, cell in cells.items() if isinstance(name, str) and cell}
            yield from ((reader.line_num, fields) for fields in _annotations(row))
    except csv.Error as error:
        raise BadInput(f"cannot be read ({error})", path=path) from error


def _annotations(row: dict[str, str]) -> Iterator[dict[str, Any]]:
    fields: dict[str, Any] = {}
    for name, text in row.items():
        kind = _NUMBERS.get(name)
        fields[name] = text if kind is None else _number(text, kind)
    fields["flags"] = row.get("flags", "").split()
    fields["spans"] = row.get("spans", "")
    first, own = row.get("first_id"), row.get("id")
    if first and own and first != own:
        kept = ("transcript", "transcript_digest", "message", "label", "rater", "round")
        yield {
            **{name: fields[name] for name in (*kept, "rubric", "rubric_digest", "label_digest") if name in fields},
            "value": row.get("first_value"),
            "view": "blind",
            "id": first,
            "created": row.get("first_created"),
        }
    yield fields


def _number(text: str, kind: type[int] | type[float]) -> int | float | str:
    """The number of a cell, also as a spreadsheet writes one; what is none stays and is refused with its row."""
    try:
        return kind(text.removesuffix(".0")) if kind is int else float(text)
    except ValueError:
        return text
