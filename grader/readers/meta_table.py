"""The table of `--meta`: what is given for single transcripts, and which of its rows were of no use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from grader.errors import BadInput
from grader.readers.given import FIELDS
from grader.spreadsheet import has_moved, read_text, sheet
from grader.text import one_line

__all__ = ["MetaTable", "Useless"]

_KEYS = ("id", "transcript", "path", "file", "source")
_NAMED = 5


class Useless(NamedTuple):
    """Rows that changed nothing."""

    reason: str
    line: int
    """Of the first one."""
    rows: int
    names: str
    """What the first few of them are called."""


class MetaTable:
    """The rows of a file by the id or path of the transcript that each is about.

    Raises BadInput where it cannot be read, names no transcripts, or a row may not mean what it says.
    """

    def __init__(self, path: Path) -> None:
        self._rows: dict[str, dict[str, str]] = {}
        self._unmet: dict[str, int] = {}
        """Name → line, as long as no transcript of that name was met."""
        self._unnamed: list[int] = []
        header, rows = sheet(read_text(path), path)
        known = {name.casefold(): place for place, name in reversed(list(enumerate(header)))}
        key = next((known[name] for name in _KEYS if name in known), None)
        if key is None:
            raise BadInput(f"needs a column {' or '.join(_KEYS)}", path=path, line=1)
        fields = [name.casefold() if name.casefold() in FIELDS else name for name in header]
        for line, cells in rows:
            if has_moved(cells, len(header)):
                raise BadInput(f"{len(cells)} cells in a table of {len(header)} columns", path=path, line=line)
            self._keep(path, line, fields, cells, key)

    def _keep(self, path: Path, line: int, fields: list[str], cells: list[str], key: int) -> None:
        name = cells[key] if key < len(cells) else ""
        if not name:
            self._unnamed.append(line)
            return
        given = {
            field: cell
            for place, (field, cell) in enumerate(zip(fields, cells, strict=False))
            if field and cell and place != key
        }
        if "epoch" in given and not given["epoch"].strip().isdecimal():
            raise BadInput(f"must be a whole number, not {given['epoch']!r}", path=path, line=line, field="epoch")
        if self._rows.setdefault(name, given) != given:
            raise BadInput(f"{name!r} has another row that says something else", path=path, line=line)
        self._unmet.setdefault(name, line)

    def fields(self, names: Iterable[str]) -> dict[str, str]:
        """What the row says that is called as the first of `names` for which there is one; {} where there is none."""
        for name in names:
            if name in self._rows:
                self._unmet.pop(name, None)
                return self._rows[name]
        return {}

    def useless(self) -> list[Useless]:
        """Rows that no transcript was met for so far, or that name none."""
        found = [
            ("meta_without_transcript", list(self._unmet.values()), _some(self._unmet)),
            ("meta_without_name", self._unnamed, ""),
        ]
        return [Useless(reason, lines[0], len(lines), names) for reason, lines, names in found if lines]


def _some(names: Collection[str]) -> str:
    shown = ", ".join([one_line(name, 60) for name in names][:_NAMED])
    return f"{shown}, …" if len(names) > _NAMED else shown
