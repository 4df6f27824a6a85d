"""One answer as it stands in a foreign file, and how it is taken out of a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from grader.text import from_spreadsheet_cell, storable

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
    may_be_label: bool = False
    """The value may be the name of a label that is present: one of the choices of a question "which of these"."""
    fault: str = ""
    """Why the row cannot be read at all."""


def cell(row: Mapping[str, Any], column: str | None) -> str:
    """The text under a column or a dotted path (of a list by place, `accept.0`), "" where there is none; as it may be stored."""
    if column is None:
        return ""
    value: Any = row.get(column)
    if value is None and "." in column:
        value = row
        for step in column.split("."):
            if isinstance(value, list):
                value = value[int(step)] if step.isdecimal() and int(step) < len(value) else None
            else:
                value = value.get(step) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = storable(value.replace("\r\n", "\n"))[0] if isinstance(value, str) else json.dumps(value)
    return from_spreadsheet_cell(text)
