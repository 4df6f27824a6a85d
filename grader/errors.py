"""The one tree of errors. Every message is one line that says where, what was expected, and what to do."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BadInput", "GraderError", "Interrupted", "StoreError", "UsageError"]


class GraderError(Exception):
    """Anything the user can be told in one line. `exit_code` is what a command ends with."""

    exit_code = 1


class UsageError(GraderError):
    """The command or call was put wrongly: an unknown label in `--where`, a bad number, options that exclude each other."""

    exit_code = 2


class BadInput(GraderError):
    """A file that cannot be used. The message reads `path:line: field: what was wrong`.

    `path` is the file on disk, `line` counts from 1, `field` is the key or column, each None where there is none; `reason`
    is the message without the place.
    """

    def __init__(
        self, message: str, *, path: str | Path | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        self.path = None if path is None else str(path)
        self.line = line
        self.field = field
        self.reason = ": ".join(part for part in (field, message) if part)
        # the one line, whatever a file is called
        where = ":".join(" ".join(str(part).splitlines()) for part in (self.path, line) if part is not None)
        super().__init__(f"{where}: {self.reason}" if where else self.reason)


class StoreError(GraderError):
    """The project database cannot be opened, read or written; nothing that was acknowledged is lost."""


class Interrupted(GraderError):
    """Ctrl-C: what was committed stays, the same command resumes."""

    exit_code = 130
