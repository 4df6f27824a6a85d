"""Tables as spreadsheets save them: their encodings, what separates the cells, quotes that do not close."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.errors import BadInput

__all__ = ["decoded", "has_moved", "read_text", "sheet"]


def read_text(path: str | Path) -> str:
    """The file's text: UTF-8, or the UTF-16 of a spreadsheet's "Unicode text". Raises BadInput where it is neither."""
    try:
        return decoded(Path(path).read_bytes(), path)
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror or error})", path=path) from error


def decoded(data: bytes, path: str | Path) -> str:
    """The same for what was read already; `path` is what messages call it."""
    try:
        return data.decode(_encoding(data)).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"not {error.encoding.upper()} at byte {error.start}; save the table as UTF-8 (in Excel: CSV UTF-8)",
            path=path,
        ) from error


def sheet(
    text: str, path: str | Path, delimiter: str | None = None
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and of each row that is not blank the line it begins on and its cells.

    Without a `delimiter` what a first line `sep=;` says, else what stands in the header most often. Raises BadInput for a
    table without a header, and at a row whose quotes do not fit: where the next row begins nobody knows then.
    """
    first = text.partition("\n")[0].strip(" \r")
    declared = first[4] if len(first) == 5 and first.lower().startswith("sep=") else None
    separator = delimiter or declared or max(",;\t|", key=first.count)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a note of ten megabytes is no reason to refuse it
    rows = _rows(text, separator, path)
    if declared is not None:
        next(rows, None)
    _, header = next(rows, (1, []))
    if not header:
        raise BadInput("the table is empty: expected a header line", path=path, line=1)
    return [cell.strip() for cell in header], rows


def has_moved(cells: Sequence[str], width: int) -> bool:
    """Whether a row has more cells than the header has columns, empty ones at its end aside: then cells have moved."""
    return any(cell.strip() for cell in cells[width:])


def _encoding(data: bytes) -> str:
    """UTF-16 may be without a mark: a header's ASCII leaves every other byte empty."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if len(data) > 1 and 0 in data[:2]:
        return "utf-16-be" if data[0] == 0 else "utf-16-le"
    return "utf-8"


def _rows(text: str, separator: str, path: str | Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        what = "a quotation mark that opens in this row is never closed" if "end of data" in str(error) else str(error)
        raise BadInput(f"not a CSV row: {what}", path=path, line=line) from error
