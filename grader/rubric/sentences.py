"""Where sentences begin, for windows: rough, fast, and bounded however long a line is."""

from __future__ import annotations

import re

__all__ = ["LONGEST", "sentence_starts"]

LONGEST = 600
"""Characters; text without an end of sentence is cut into pieces of at most this size, so that a window stays a window."""

_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]*_]*+(?=\s)|[。！？]|\n")  # a run of stops is read once
_INK = re.compile(r"\S")
_GOES_ON = re.compile(r"[ \t]*(?![\w.\[\]-]+:\s)[^\W\d_A-Z]")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|e\.g|i\.e|no|inc|ltd|approx)|(?<![\w.])(?-i:[A-Z]))\.$", re.IGNORECASE
)


def sentence_starts(text: str) -> list[int]:
    """The offset of each sentence of `text`, ascending, the first 0. A blank or ended line ends a sentence too."""
    starts, start = [0], 0
    ink = -1
    """The first character from `start` on that is not blank."""
    for end in _END.finditer(text):
        if end[0] == "\n":
            if ink < start:
                found = _INK.search(text, start)
                ink = len(text) if found is None else found.start()
            if ink >= end.start():
                continue  # blank lines are no sentences
        if not _ends(text, end, start):
            continue
        _cut(text, starts, start, end.end())
        start = end.end()
        if start < len(text) and start != starts[-1]:
            starts.append(start)
    _cut(text, starts, start, len(text))
    return starts


def _ends(text: str, end: re.Match[str], start: int) -> bool:
    if end[0] == "\n":
        # A line that stops without a stop, and goes on in lower case, was wrapped, not ended.
        return text[max(start, end.start() - 1) : end.start()] in ("", ":", ";") or not _GOES_ON.match(text, end.end())
    return end[0] != "." or not _ABBREVIATION.search(text, max(start, end.start() - 6), end.end())


def _cut(text: str, starts: list[int], start: int, end: int) -> None:
    """Starts for the pieces of an overlong sentence, at a blank where there is one in the last quarter."""
    while end - start > LONGEST:
        blank = text.rfind(" ", start + LONGEST * 3 // 4, start + LONGEST)
        start = blank + 1 if blank > 0 else start + LONGEST
        starts.append(start)
