"""The text of a file of labels, or of standard input."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from grader.spreadsheet import decoded, read_text

__all__ = ["first_line", "label_text", "text_lines"]

_FIRST = 1_000_000
"""Most characters of a first line that a format is told by."""


def label_text(path: Path) -> str:
    """The whole text, line ends as they are; `-` is standard input. Raises BadInput where it cannot be read or is no text."""
    return decoded(sys.stdin.buffer.read(), path) if str(path) == "-" else read_text(path)


def first_line(text: str) -> str:
    """The first line, to tell the format by."""
    return next(text_lines(text[:_FIRST]), "")


def text_lines(text: str) -> io.StringIO:
    """The lines one by one. Only line feeds and carriage returns end them: JSON may hold U+2028 as it is."""
    return io.StringIO(text, newline=None)
