"""Files at a URL: `s3://`, `gs://`, `https://` and whatever else fsspec opens."""

from __future__ import annotations

import glob
import io
import re
from collections.abc import Iterator
from pathlib import Path, PosixPath
from typing import IO, Any, Final, cast
from urllib.parse import unquote, urlsplit

from grader.errors import BadInput
from grader.readers.options import ReadOptions
from grader.readers.report import Skip
from grader.readers.source import Source

__all__ = ["is_url", "local_path", "remote_sources", "url_path"]

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]+(::[a-z][a-z0-9+.-]+)*://", re.IGNORECASE)
_BUFFER: Final = 1 << 20


def is_url(path: str) -> bool:
    """Whether `path` names a scheme: one letter is none, but a drive of Windows'."""
    return _URL.match(path) is not None


def local_path(url: str) -> str | None:
    """The path in a `file://` URL; None where it is another one."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets of a host that is none
        return None
    return (
        unquote(parts.path) if parts.scheme.lower() in ("file", "local") and parts.netloc in ("", "localhost") else None
    )


def remote_sources(url: str, options: ReadOptions) -> Iterator[Source]:
    """The file at `url`, those under it where it is a folder, or those a pattern matches, in sorted order.

    Raises Skip("needs_extra") without fsspec or the library of its scheme, BadInput when nothing is there or it cannot be
    reached.
    """
    try:
        import fsspec
    except ImportError:
        raise Skip("needs_extra", 'URLs need fsspec: pip install "grader[remote]"') from None
    try:
        system, start = fsspec.core.url_to_fs(url)
        found = _listed(system, start)
    except ImportError as error:  # s3fs, gcsfs, …: fsspec says which
        raise Skip("needs_extra", str(error)) from None
    except Exception as error:  # each scheme's library raises its own: credentials, network, an unknown scheme
        scheme = url.partition(":")[0]
        if scheme not in fsspec.available_protocols():
            raise BadInput(f"fsspec opens no {scheme}://; is it misspelt?", path=url) from error
        raise BadInput(f"cannot be opened: {_said(error)}", path=url) from error
    if not found:
        raise _why_nothing(system, start, url)
    for name, size in found:
        yield _source(system, name, size, options)


def url_path(url: str) -> Path:
    """`url` where a path is wanted: as text it is the URL still."""
    return _UrlPath(url)


class _UrlPath(PosixPath):
    """A path that keeps the two slashes after its scheme, so that it can be shown and opened again."""

    def __str__(self) -> str:
        return re.sub(r"^([A-Za-z][A-Za-z0-9+.:-]+):/(?!/)", r"\1://", super().__str__())


def _listed(system: Any, start: str) -> list[tuple[str, int | None]]:
    """(name, bytes) of the files, sorted by name."""
    if glob.has_magic(start) and not system.exists(start):
        entries = system.glob(start, detail=True)
    elif system.isfile(start):
        entries = {start: system.info(start)}
    else:
        entries = system.find(start, detail=True)
    found = {name: entry for name, entry in entries.items() if entry.get("type", "file") == "file"}
    return [(name, size if isinstance(size := found[name].get("size"), int) else None) for name in sorted(found)]


def _why_nothing(system: Any, start: str, url: str) -> BadInput:
    """Why there is nothing to read: some libraries find nothing where they were not let in, or could not get through."""
    try:
        if system.info(start).get("type") == "directory":
            return BadInput("no file in this folder", path=url)
    except FileNotFoundError as error:
        cause = error.__cause__
        if cause is not None and getattr(cause, "status", None) != 404:
            return BadInput(f"cannot be opened: {_said(cause)}", path=url)
    except Exception as error:  # each scheme's library raises its own
        raise BadInput(f"cannot be opened: {_said(error)}", path=url) from error
    return BadInput("nothing matches this pattern" if glob.has_magic(start) else "no such file or folder", path=url)


def _source(system: Any, name: str, size: int | None, options: ReadOptions) -> Source:
    def opened() -> IO[bytes]:
        return cast(IO[bytes], io.BufferedReader(_Stream(system, name), _BUFFER))

    return Source(url_path(system.unstrip_protocol(name)), options, opened, size=size)


class _Stream(io.RawIOBase):
    """A remote file whose failures are OSErrors, as those of files on disk are."""

    def __init__(self, system: Any, name: str) -> None:
        self._name = name
        self._file = self._tried(lambda: system.open(name, "rb"))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._tried(lambda: self._file.seek(offset, whence)))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        data = self._tried(lambda: self._file.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    def _tried(self, act: Any) -> Any:
        try:
            return act()
        except OSError:
            raise
        except Exception as error:  # each scheme's library raises its own
            raise OSError(f"{self._name}: {_said(error)}") from error


def _said(error: BaseException) -> str:
    words = str(getattr(error, "strerror", None) or error or "").strip() or type(error).__name__
    return words.splitlines()[0]
