"""The messages of a transcript as the store keeps them: in compressed slices, each of which is read by itself."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence

import msgspec

from grader.store.database import Store, read_all
from grader.transcript import Message

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["add_slices", "compressed", "expanded", "load_messages", "load_slice"]

_SLICE_CHARS = 256_000
"""Text of one compressed slice: small enough to open in a few milliseconds, large enough to compress well."""

_WORTH_COMPRESSING = 512
_LEVEL = 1
"""Half again as fast as the usual 3 for 5 % more on disk."""

_THREAD = threading.local()
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PACK = msgspec.msgpack.Encoder()
_MESSAGES = msgspec.msgpack.Decoder(tuple[Message, ...])


def add_slices(store: Store, key: int, messages: Sequence[Message], sizes: Sequence[int]) -> None:
    """Stores the messages of the transcript with that key; `sizes`: the characters of each."""
    pieces = ((key, *piece) for piece in _slices(messages, sizes))  # never all of a huge transcript at once
    store.connection.executemany("INSERT INTO slices (transcript, first, last, data) VALUES (?,?,?,?)", pieces)


def load_messages(store: Store, key: int, first: int = 1, last: int | None = None) -> tuple[Message, ...]:
    """Messages `first` to `last` (both included, from 1) of the transcript with that key, and those that share their slices."""
    rows = read_all(
        store,
        "SELECT data FROM slices WHERE transcript = ? AND last >= ? AND first <= ? ORDER BY first",
        (key, first, last if last is not None else 1 << 60),
    )
    return tuple(message for row in rows for message in _MESSAGES.decode(expanded(row[0])))


def load_slice(store: Store, key: int, first: int) -> tuple[Message, ...]:
    """The messages stored together with message `first`, which begins their slice; empty where none begins there."""
    rows = read_all(store, "SELECT data FROM slices WHERE transcript = ? AND first = ?", (key, first))
    return tuple(_MESSAGES.decode(expanded(rows[0][0]))) if rows else ()


def compressed(data: bytes) -> bytes:
    """`data`, packed where that is worth it."""
    if len(data) < _WORTH_COMPRESSING:
        return data
    # a compressor's tables are as large as most of what is compressed: one is used for frame after frame
    compressor = getattr(_THREAD, "compressor", None) or zstd.ZstdCompressor(level=_LEVEL)
    _THREAD.compressor = None  # not after a frame that failed
    frame = bytes(compressor.compress(data, zstd.ZstdCompressor.FLUSH_FRAME))
    _THREAD.compressor = compressor
    return frame


def expanded(data: bytes) -> bytes:
    """What `compressed` was given."""
    # MessagePack of a list never begins like a zstd frame
    return bytes(zstd.decompress(data)) if data[:4] == _ZSTD_MAGIC else data


def _slices(messages: Sequence[Message], sizes: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
    """(first, last, data) of messages that are stored together, of about as many characters each."""
    start = held = 0
    for position, size in enumerate(sizes):
        held += size + 64
        if held >= _SLICE_CHARS:
            yield start + 1, position + 1, _compress(messages[start : position + 1])
            start, held = position + 1, 0
    if start < len(messages):
        yield start + 1, len(messages), _compress(messages[start:])


def _compress(messages: Sequence[Message]) -> bytes:
    return compressed(_PACK.encode(messages))
