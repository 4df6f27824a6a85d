"""Wrapping on source offsets: rows are pairs of offsets into the text, never copies of it.

All functions take sanitised text (`grader.text.sanitise`), where every control character but `\\n` and `\\t` has a glyph.
Widths are those of `rich.cells`, because the strips that carry the rows to the terminal are measured with it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TypeAlias

__all__ = ["TAB", "Row", "boundary_after", "boundary_before", "column_of", "offset_at", "pieces", "wrap"]

Row: TypeAlias = tuple[int, int]
"""Offsets of the first code point of a row and of the one after its last."""

TAB = 4
"""Tab stops are every so many cells from the start of a row."""


def wrap(text: str, width: int) -> list[Row]:
    """The rows of `text` in `width` cells (at least `TAB`), greedy at spaces and around wide characters.

    Rows lie in order and no row is wider than `width`. What no row holds is line breaks (with the sign of a carriage return
    before one), and the one space at which a row was broken where it did not fit. No row begins inside a grapheme. A text always has at least one row.
    """
    width = max(TAB, width)
    rows: list[Row] = []
    start = 0
    while True:
        end = text.find("\n", start)
        if end < 0:
            end = len(text)
        windows = start < end < len(text) and text[end - 1] == "␍"
        _wrap_paragraph(text, start, end - windows, width, rows)
        if end == len(text):
            return rows
        start = end + 1


def column_of(text: str, row: Row, offset: int) -> int:
    """The cell, from 0, at which the code point at `offset` is painted in `row`; offsets outside are clipped to it."""
    start, end = row
    offset = min(max(offset, start), end)
    if _is_plain(text[start:end]):
        return offset - start
    column = 0
    for _first, last, width in _clusters(text, start, end):
        if offset < last:
            return column
        column += width
    return column


def offset_at(text: str, row: Row, column: int) -> int:
    """The offset of the grapheme painted over `column` of `row`; past the end, the row's end."""
    start, end = row
    if _is_plain(text[start:end]):
        return min(max(start + column, start), end)
    at = 0
    for first, _last, width in _clusters(text, start, end):
        at += width
        if column < at:
            return first
    return end


def pieces(text: str, row: Row, cuts: Sequence[int]) -> list[tuple[str, int]]:
    """What `row` shows, cut at the ascending offsets `cuts`, as (text to paint, cells); tabs are spaces by now.

    There are `len(cuts) + 1` pieces, some empty; a cut inside a grapheme moves to its start.
    """
    start, end = row
    if _is_plain(text[start:end]):
        edges = [start, *(min(max(cut, start), end) for cut in cuts), end]
        return [(text[a:b], b - a) for a, b in pairwise(edges)]
    found: list[tuple[str, int]] = []
    shown: list[str] = []
    cells = 0
    waiting = iter(cuts)
    cut = next(waiting, None)
    for first, last, width in _clusters(text, start, end):
        while cut is not None and cut < last:
            found.append(("".join(shown), cells))
            shown, cells = [], 0
            cut = next(waiting, None)
        shown.append(" " * width if text[first] == "\t" else text[first:last])
        cells += width
    found.append(("".join(shown), cells))
    return found + [("", 0)] * (len(cuts) + 1 - len(found))


def boundary_before(text: str, offset: int) -> int:
    """The start of the grapheme before `offset`, 0 at the beginning."""
    if offset <= 1 or text[offset - 2 : offset].isascii():
        return max(0, offset - 1)
    start = max(0, offset - _LONGEST_GRAPHEME)
    return [first for first, _last, _width in _clusters(text, start, offset)][-1]


def boundary_after(text: str, offset: int) -> int:
    """The end of the grapheme at `offset`, `len(text)` at the end."""
    if offset >= len(text) or text[offset : offset + 2].isascii():
        return min(len(text), offset + 1)
    end = min(len(text), offset + _LONGEST_GRAPHEME)
    return next(last for _first, last, _width in _clusters(text, offset, end))


# Long enough for every emoji sequence; what is longer is somebody stacking accents for effect.
_LONGEST_GRAPHEME = 64


def _wrap_paragraph(text: str, start: int, end: int, width: int, rows: list[Row]) -> None:
    paragraph = text[start:end]
    if _is_plain(paragraph):
        _wrap_plain(text, start, end, width, rows)
    elif "\t" in paragraph:
        _wrap_tabbed(paragraph, start, width, rows)
    else:
        _wrap_measured(paragraph, start, width, rows)


def _wrap_plain(text: str, start: int, end: int, width: int, rows: list[Row]) -> None:
    while end - start > width:
        space = text.rfind(" ", start, start + width + 1)
        if space <= start or (text[start] == " " and not text[start:space].strip(" ")):
            cut = following = start + width  # nothing to break at but indentation
        elif space == start + width:
            cut, following = space, space + 1
        else:
            cut = following = space + 1
        rows.append((start, cut))
        start = following
    rows.append((start, end))


def _wrap_measured(paragraph: str, origin: int, width: int, rows: list[Row]) -> None:
    classes = _classify(paragraph)
    widths, joined = _measure(classes)
    _make_room(paragraph, widths)
    classes = _SPACE_UNDER_ACCENT.sub("a", classes)
    ends = [0, *accumulate(widths)]
    start, length = 0, len(paragraph)
    while ends[length] - ends[start] > width:
        limit = bisect_right(ends, ends[start] + width) - 1
        while limit > start and joined[limit]:
            limit -= 1
        if limit == start:  # no grapheme is wider than a row; progress all the same
            limit = start + 1
        cut, following = _break(classes, joined, start, limit)
        rows.append((origin + start, origin + cut))
        start = following
    rows.append((origin + start, origin + length))


def _make_room(paragraph: str, widths: bytearray) -> None:
    """Count two more cells for a skin tone, which tmux up to 3.3 paints beside the hand: else the end of its row is covered."""
    for tone in _SKIN_TONE.finditer(paragraph):
        if not widths[tone.start()]:
            widths[tone.start()] = 2


_SKIN_TONE = re.compile("[\U0001f3fb-\U0001f3ff]")


def _break(classes: str, joined: bytearray, start: int, limit: int) -> Row:
    """Where a row that starts at `start` and holds at most up to `limit` ends, and where the next one starts."""
    if classes[limit] == " ":
        return limit, limit + 1
    if classes[limit] == "w":
        return limit, limit
    space = classes.rfind(" ", start, limit)
    if space >= 0 and not classes[start:space].strip(" "):
        space = -1
    wide = classes.rfind("w", start, limit)
    after_wide = -1
    if wide >= 0:
        after_wide = wide + 1
        while after_wide < limit and joined[after_wide]:
            after_wide += 1
    cut = max(space + 1, after_wide)
    return (cut, cut) if cut > start else (limit, limit)


def _wrap_tabbed(paragraph: str, origin: int, width: int, rows: list[Row]) -> None:
    widths, joined = _measure(_classify(paragraph))
    _make_room(paragraph, widths)
    start = column = grapheme = 0
    breakable = -1
    position, length = 0, len(paragraph)
    while position < length:
        character = paragraph[position]
        cells = TAB - column % TAB if character == "\t" else widths[position]
        if not joined[position]:
            grapheme = position
        if column + cells > width and grapheme > start:
            cut = breakable if breakable > start else grapheme
            rows.append((origin + start, origin + cut))
            start = position = cut
            column, breakable = 0, -1
            continue
        column += cells
        position += 1
        if character in " \t" and (position == length or not joined[position]):
            breakable = position
    rows.append((origin + start, origin + length))


def _clusters(text: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The graphemes of one row as (first offset, offset after the last, cells)."""
    widths, joined = _measure(_classify(text[start:end]))
    first = column = cells = 0
    for position, width in enumerate(widths):
        if position and not joined[position]:
            yield start + first, start + position, cells
            column += cells
            first, cells = position, 0
        cells += TAB - column % TAB if text[start + position] == "\t" else width
    if end > start:
        yield start + first, end, cells


def _is_plain(text: str) -> bool:
    """Whether each code point takes one cell and stands alone."""
    return ("\t" not in text) if text.isascii() else not _complex().search(text)


class _Classes(dict[int, str]):
    """Code point → class, looked up once each: a plain, w wide, z zero, n narrow until U+FE0F follows, r regional indicator."""

    def __init__(self) -> None:
        super().__init__({0x20: " ", 0x09: "t", 0x200D: "j", 0xFE0F: "v"})
        self.update(dict.fromkeys(range(127462, 127488), "r"))

    def __missing__(self, code: int) -> str:
        from rich.cells import get_character_cell_size

        character = chr(code)
        width = get_character_cell_size(character)
        found = "z" if width == 0 else "w" if width == 2 else "n" if character in _narrow_to_wide() else "a"
        self[code] = found
        return found


_CLASSES = _Classes()
_WIDTHS = bytes.maketrans(b"a ntrwzjv", bytes([1, 1, 1, 0, 1, 2, 0, 0, 0]))
_JOINED = bytes.maketrans(b"a ntrwzjv", bytes([0, 0, 0, 0, 0, 0, 1, 1, 1]))


_SPACE_UNDER_ACCENT = re.compile(" (?=[zjv])")


def _classify(text: str) -> str:
    return text.translate(_CLASSES)


def _measure(classes: str) -> tuple[bytearray, bytearray]:
    """Cells of each code point, and 1 for those that continue the grapheme before them."""
    codes = classes.encode("ascii")
    widths, joined = bytearray(codes.translate(_WIDTHS)), bytearray(codes.translate(_JOINED))
    if "r" in classes:
        for flag in re.finditer("rr", classes):
            joined[flag.start() + 1] = 1
    if "j" in classes or "v" in classes:
        _join(classes, widths, joined)
    if joined:
        joined[0] = 0
    return widths, joined


def _join(classes: str, widths: bytearray, joined: bytearray) -> None:
    """The rules of `rich.cells`: a joiner swallows what follows it, U+FE0F widens the last visible narrow symbol."""
    position, length = 0, len(classes)
    last = "-"
    while position < length:
        code = classes[position]
        if code == "j" and position + 1 < length:
            position += 1
            widths[position], joined[position] = 0, 1
        elif code == "v":
            widths[position] = 1 if last == "n" else 0
            last = "-"
        elif widths[position]:
            last = code
        position += 1


@lru_cache(maxsize=1)
def _narrow_to_wide() -> frozenset[str]:
    from rich._unicode_data import load

    return load("auto").narrow_to_wide


@lru_cache(maxsize=1)
def _complex() -> re.Pattern[str]:
    """A class of the tab and all code points that are not one cell wide or touch their neighbours, or might.

    Everything beyond the basic plane counts: its 250 ranges would be tried one by one at every code point (hundred
    times slower), and measuring what is there after all is merely slower than not.
    """
    from rich._unicode_data import load

    ranges = [(low, high) for low, high, width in load("auto").widths if width != 1 and 0x7F < low <= high < 0x10000]
    ranges += [(ord(character), ord(character)) for character in _narrow_to_wide() if 0x7F < ord(character) < 0x10000]
    ranges += [(0x80, 0x9F), (0x200D, 0x200D), (0xFE0F, 0xFE0F), (0x10000, 0x10FFFF)]
    return re.compile("[\t" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges) + "]")
