"""A zip archive that is read one member at a time, within the caps of a reading."""

from __future__ import annotations

import io
from functools import cached_property
from stat import S_ISLNK
from typing import IO, Any, Self

from grader.readers.first_bytes import read_up_to
from grader.readers.options import Limits
from grader.readers.report import Skip
from grader.readers.streams import Capped, open_zip

__all__ = ["Archive"]

_AT_ONCE = 32 << 20
_BUFFER = 1 << 18


class Archive:
    """The members of a zip by name, where a name stands more than once the last of it; a context manager.

    Raises one of READ_ERRORS where `stream` is no zip.
    """

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self._zip = open_zip(stream)
        self._limits = limits
        self._unpacked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __contains__(self, name: object) -> bool:
        return name in self._zip.NameToInfo

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The members in the order of the archive. Raises Skip("too_large") where they are too many."""
        names = tuple(self._zip.namelist())
        if len(names) > self._limits.members:
            raise Skip("too_large", f"an archive of more than {self._limits.members:,} members")
        return names

    def size(self, name: str) -> int:
        """Bytes of a member as the archive declares them; no more come out."""
        return int(self._zip.getinfo(name).file_size)

    def packed_size(self, name: str) -> int:
        """Bytes of a member as stored."""
        return int(self._zip.getinfo(name).compress_size)

    def data(self, name: str) -> bytes:
        """The bytes of one member. Raises Skip("too_large"), ("encrypted") or ("not_regular")."""
        info = self._zip.getinfo(name)
        limit = self._limits.held_at_once(info.compress_size)
        if info.file_size <= min(limit, _AT_ONCE):  # no more than that comes out, whatever it holds
            _check(info)
            with self._zip.open(info) as member:
                data = bytes(member.read(info.file_size + 1))
        else:
            with self.stream(name, limit) as stream:
                data = read_up_to(stream, limit + 1, info.file_size)
        self._unpacked += len(data)
        if self._unpacked > self._limits.archive:
            raise Skip("too_large", f"the archive unpacks to more than {self._limits.archive:,} bytes")
        return data

    def stream(self, name: str, limit: int | None = None) -> IO[bytes]:
        """A stream over one member that raises Skip("too_large") past the caps. Raises Skip where it is no file to be read."""
        info = self._zip.getinfo(name)
        _check(info)
        packed = max(1, info.compress_size)
        most = self._limits.archive if limit is None else limit
        return io.BufferedReader(Capped(self._zip.open(info), most, packed=packed, limits=self._limits), _BUFFER)


def _check(info: Any) -> None:
    if info.flag_bits & 0x1:
        raise Skip("encrypted", info.filename)
    if S_ISLNK(info.external_attr >> 16):
        raise Skip("not_regular", "a link")
