"""A stream of bytes made of what an iterator gives."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import IO, Any

__all__ = ["chunk_stream"]


def chunk_stream(chunks: Iterator[bytes], close: Callable[[], None]) -> IO[bytes]:
    """`chunks` one after the other; none of them is asked for before it is needed. `close` is called with the stream's own."""
    return io.BufferedReader(_Chunks(chunks, close), 1 << 18)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None]) -> None:
        self._chunks = chunks
        self._close = close
        self._ready = memoryview(b"")
        self._failed: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._failed is not None:  # a generator that failed looks as if it had ended
            raise self._failed
        try:
            while not self._ready:
                self._ready = memoryview(next(self._chunks))
        except StopIteration:
            return 0
        except BaseException as error:
            self._failed = error
            raise
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._close()
        super().close()
