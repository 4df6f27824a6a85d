"""The text of a file of labels, or of standard input."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from grader.errors import BadInput

__all__ = ["first_line", "label_text", "text_lines"]

_FIRST = 1_000_000
"""Most characters of a first line that a format is told by."""


def label_text(path: Path) -> str:
    """The whole text, line ends as they are; `-` is standard input. Raises BadInput where it cannot be read or is no UTF-8."""
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})", path=path) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8 text ({error.reason} at byte {error.start})", path=path) from error


def first_line(text: str) -> str:
    """The first line, to tell the format by."""
    return next(text_lines(text[:_FIRST]), "")


def text_lines(text: str) -> io.StringIO:
    """The lines one by one. Only line feeds and carriage returns end them: JSON may hold U+2028 as it is."""
    return io.StringIO(text, newline=None)
