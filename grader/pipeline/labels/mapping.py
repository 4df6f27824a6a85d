"""The small TOML file that says how a table of labels is to be read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from operator import ge, gt, le, lt
from pathlib import Path
from typing import Any

import msgspec

from grader.errors import BadInput
from grader.text import one_line

__all__ = ["LabelMap", "load_map"]


class LabelMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which column holds what. Dotted names reach into nested objects (`data.run_id`)."""

    transcript: str = "transcript"
    """Column with the transcript's id, or eight letters or more of its digest."""
    message: str | None = "message"
    """Column with the message's index; empty means the transcript as a whole."""
    message_base: int = 1
    """What the first message is called there: 1 as here, or 0."""
    rater: str | None = "rater"
    rater_name: str | None = None
    """The rater of every row, whatever the column says."""
    label: str | None = "label"
    """Long tables: the column that names the label."""
    label_name: str | None = None
    """The label of every row, whatever the column says."""
    value: str = "value"
    severity: str | None = "severity"
    confidence: str | None = "confidence"
    note: str | None = "note"
    quote: str | None = "quote"
    """Words that are evidence; looked up in the transcript, its offsets kept."""
    time: str | None = "created"
    round: str | None = "round"
    skip: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """Column → values: rows that have one of them are left out (and counted)."""
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    """Wide tables: column → label."""
    scores: dict[str, str] = msgspec.field(default_factory=dict)
    """Score name in the logs → label."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Name there → label here. Empty string: no answer, as a field for comments."""
    raters: dict[str, str] = msgspec.field(default_factory=dict)
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    """Value there → value here, for all labels, or under a label's name for that one. Empty string: no answer.

    Numbers also by comparison (`">=5" = "present"`); the first that holds counts, after a value named as it is.
    """

    def named_columns(self) -> list[str]:
        """The columns of long tables, as they are called there."""
        return [name for field in _COLUMNS if (name := getattr(self, field)) is not None]

    def fitted(self, columns: Sequence[str]) -> LabelMap:
        """This map with its columns as the table writes them: a spreadsheet's `Note` is `note`, where that is not there."""
        theirs = {name.casefold(): name for name in columns}
        changes = {
            field: theirs[name.casefold()]
            for field in _COLUMNS
            if (name := getattr(self, field)) is not None and name not in columns and name.casefold() in theirs
        }
        return msgspec.structs.replace(self, **changes) if changes else self

    def value_of(self, label: str, raw: str) -> str:
        """What `raw` means for `label` here; unchanged where the map says nothing."""
        own = self.values.get(label)
        found = _meaning(own, raw) if isinstance(own, Mapping) else None
        if found is None:
            found = _meaning(self.values, raw)
        return raw if found is None else found


_COLUMNS = (
    "transcript",
    "message",
    "rater",
    "label",
    "value",
    "severity",
    "confidence",
    "note",
    "quote",
    "time",
    "round",
)
_COMPARISON = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {"<=": le, ">=": ge, "<": lt, ">": gt}


def _meaning(values: Mapping[str, Any], raw: str) -> str | None:
    for name in (raw, raw.removesuffix(".0"), raw.casefold()):
        if name in values and not isinstance(values[name], Mapping):
            return str(values[name])
    try:
        number = float(raw)
    except ValueError:
        return None
    for name, meaning in values.items():
        compared = _COMPARISON.fullmatch(name.strip())
        if compared and _COMPARED[compared[1]](number, float(compared[2])):
            return str(meaning)
    return None


def load_map(path: Path) -> LabelMap:
    """Read the file. Raises BadInput: unreadable, not TOML (with its line), an unknown or mistyped field."""
    try:
        with path.open("rb") as stream:
            raw = tomllib.load(stream)
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not TOML: {error}", path=path) from error
    known = LabelMap.__struct_fields__
    for name in raw:
        if name not in known:
            close = get_close_matches(name, known, 1)
            raise BadInput(
                f"unknown field {one_line(name)!r}"
                + (f" (did you mean {close[0]}?)" if close else f"; there are {', '.join(known)}"),
                path=path,
            )
    try:
        return msgspec.convert(raw, LabelMap)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise BadInput(_in_words(what), path=path, field=where.strip(".`").replace("[...]", "") or None) from error


def _in_words(what: str) -> str:
    """msgspec's complaint in TOML's own words."""
    for theirs, word in (("object", "table"), ("array", "list"), ("str", "text"), ("int", "whole number")):
        what = what.replace(f"`{theirs}`", f"a {word}")
    return one_line(what[:1].lower() + what[1:])
