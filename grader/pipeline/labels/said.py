"""One answer as it stands in a foreign file, and how it is taken out of a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from grader.text import from_spreadsheet_cell

__all__ = ["Said", "cell"]


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


def cell(row: Mapping[str, Any], column: str | None) -> str:
    """The text under a column or a dotted path, "" where there is none."""
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
