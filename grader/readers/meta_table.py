"""The CSV of `--meta`: what is given for single transcripts, and which of its rows were of no use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from grader.errors import BadInput
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

    Raises BadInput where it cannot be read or names no transcripts.
    """

    def __init__(self, path: Path) -> None:
        self._rows: dict[str, dict[str, str]] = {}
        self._unmet: dict[str, int] = {}
        """Name → line, as long as no transcript of that name was met."""
        self._unnamed: list[int] = []
        self._replaced: list[tuple[int, str]] = []
        """Lines and names of rows that a later one of that name replaces."""
        header, rows = sheet(read_text(path), path)
        key = next((name for name in _KEYS if name in header), None)
        if key is None:
            raise BadInput(f"needs a column {' or '.join(_KEYS)}", path=path, line=1)
        for line, cells in rows:
            if has_moved(cells, len(header)):
                raise BadInput(f"{len(cells)} cells in a table of {len(header)} columns", path=path, line=line)
            self._keep(line, dict(zip(header, cells, strict=False)), key)

    def _keep(self, line: int, row: dict[str, str], key: str) -> None:
        name = row.get(key)
        if not name:
            self._unnamed.append(line)
            return
        if name in self._rows:
            self._replaced.append((self._unmet[name], name))
        self._unmet[name] = line
        self._rows[name] = {field: value for field, value in row.items() if field and field != key and value}

    def fields(self, names: Iterable[str]) -> dict[str, str]:
        """What the row says that is called as the first of `names` for which there is one; {} where there is none."""
        for name in names:
            if name in self._rows:
                self._unmet.pop(name, None)
                return self._rows[name]
        return {}

    def useless(self) -> list[Useless]:
        """Rows that no transcript was met for so far, that name none, or that a later one of the same name replaces."""
        found = [
            ("meta_without_transcript", list(self._unmet.values()), _some(self._unmet)),
            ("meta_without_name", self._unnamed, ""),
            (
                "meta_replaced",
                [line for line, _ in self._replaced],
                _some(dict.fromkeys(name for _, name in self._replaced)),
            ),
        ]
        return [Useless(reason, lines[0], len(lines), names) for reason, lines, names in found if lines]


def _some(names: Collection[str]) -> str:
    shown = ", ".join([one_line(name, 60) for name in names][:_NAMED])
    return f"{shown}, …" if len(names) > _NAMED else shown
