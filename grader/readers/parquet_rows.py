"""A table in Parquet as the rows of JSON that it holds, so that whatever reads rows reads them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

import msgspec

from grader.readers.chunks import chunk_stream
from grader.readers.jsontext import decode_json
from grader.readers.report import Skip
from grader.readers.source import Source

__all__ = ["parquet_rows", "parquet_table"]

_LISTS = frozenset(["messages", "conversations", "conversation", "chosen", "rejected", "traj", "trajectory", "history"])
"""Columns whose lists some writers keep as text."""
_BATCH = 16
"""Rows decoded at a time: a transcript may have megabytes."""


def parquet_table(stream: IO[bytes], source: Source) -> Any:
    """The table in `stream`. Raises Skip: without pyarrow "needs_extra", damaged "unreadable"."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Skip("needs_extra", 'Parquet needs pyarrow: pip install "grader[parquet]"') from None
    try:
        plain = stream if stream.seekable() and source.member is None else io.BytesIO(stream.read())
        return pyarrow.parquet.ParquetFile(plain)
    except pyarrow.lib.ArrowException as error:
        raise Skip("unreadable", f"not a readable Parquet file: {str(error)[:200]}") from None


def parquet_rows(source: Source) -> Source:
    """The same file or member, as if each row of its table were a line of JSON."""

    def opened() -> IO[bytes]:
        stream = source.open()
        return chunk_stream(_encoded(parquet_table(stream, source)), stream.close)

    return Source(source.path, source.options, opened, member=source.member, root=source.root)


def _encoded(table: Any) -> Iterator[bytes]:
    """The rows, encoded as they are asked for."""
    import pyarrow

    has_bytes = "binary" in str(table.schema_arrow)
    as_text = [name for name in table.schema_arrow.names if name in _LISTS]
    try:
        for batch in table.iter_batches(batch_size=_BATCH):
            for row in batch.to_pylist():
                row |= {name: _unpacked(row[name]) for name in as_text}
                yield msgspec.json.encode(_without_bytes(row) if has_bytes else row, enc_hook=str) + b"\n"
    except (pyarrow.lib.ArrowException, UnicodeError) as error:
        raise Skip("unreadable", f"not a readable Parquet file: {str(error)[:200]}") from None


def _unpacked(cell: Any) -> Any:
    """A list of JSON out of its text."""
    if not isinstance(cell, str) or not cell.startswith("["):
        return cell
    try:
        return decode_json(cell)
    except ValueError:
        return cell


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if isinstance(value, dict):
        return {key: _without_bytes(item) for key, item in value.items()}
    return [_without_bytes(item) for item in value] if isinstance(value, list) else value
