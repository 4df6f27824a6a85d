"""The one sanitiser: hostile text becomes showable, one code point for one, so that span offsets stay valid.

Everything that leaves the program (terminal, HTML, CSV cell, error message, file name in a warning) goes through
`sanitise` or `one_line`. The stored text is never touched; `storable` alone repairs what SQLite and UTF-8 cannot hold.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from functools import lru_cache

__all__ = ["from_spreadsheet_cell", "json_text", "one_line", "path_text", "sanitise", "spreadsheet_cell", "storable"]

_REPLACEMENT = "\ufffd"

# ASCII, Latin, Greek and Cyrillic letters, general punctuation, arrows, signs, boxes: blocks without a Cf in any Unicode.
_BEYOND_PLAIN = re.compile(
    "[^\t\n -~\xa1-\xac\xae-\u02ff\u0370-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u27ff]"
)

# Cf that stays: joiners that scripts and emoji need, and the format characters that have a glyph of their own.
_VISIBLE_FORMAT = frozenset(
    [0x200C, 0x200D, *range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD]
)


def sanitise(text: str) -> str:
    """`text` with every control, bidi, invisible and surrogate code point replaced by one visible code point.

    `\\n` and `\\t` stay. The result has the same length as the input, and sanitising twice changes nothing.
    """
    # Most text holds nothing but these, and finding that out needs no table of Unicode, which takes 15 ms to make once.
    if not _BEYOND_PLAIN.search(text):
        return text
    # A class of ranges finds the rare hit ten times faster than translating everything.
    return text.translate(_table()) if _hostile().search(text) else text


def one_line(text: object, limit: int | None = None) -> str:
    """`text` sanitised for one line of output: line breaks and tabs become spaces, cut to `limit` code points with `…`."""
    flat = sanitise(str(text)).replace("\n", " ").replace("\t", " ")
    return flat if limit is None or len(flat) <= limit else flat[: max(0, limit - 1)] + "…"


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def spreadsheet_cell(text: str) -> str:
    """`text` sanitised, and marked with an apostrophe where it (or it behind apostrophes of its own) would be a formula."""
    shown = sanitise(text)
    return f"'{shown}" if shown.lstrip("'").startswith(_FORMULA) else shown


def from_spreadsheet_cell(cell: str) -> str:
    """The text that `spreadsheet_cell` made the cell of."""
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'").startswith(_FORMULA) else cell


def storable(text: str) -> tuple[str, int]:
    """`text` with lone surrogates and NUL replaced by U+FFFD one for one, and how many were replaced (0: same object)."""
    if text.isascii():
        found = text.count("\x00")
        return (text.replace("\x00", _REPLACEMENT), found) if found else (text, 0)
    try:
        text.encode()  # several times faster than looking for surrogates, which are rare
    except UnicodeEncodeError:
        return _UNSTORABLE.subn(_REPLACEMENT, text)
    return _UNSTORABLE.subn(_REPLACEMENT, text) if "\x00" in text else (text, 0)


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def path_text(path: object) -> str:
    """A path as text that can be stored and shown: a byte of a name that is no UTF-8 becomes `\\xff`, so that names stay apart."""
    text = str(path)
    return text if text.isascii() else storable(_UNDECODED.sub(lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", text))[0]


_UNDECODED = re.compile("[\udc80-\udcff]")


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    table = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
    table[0x7F] = "\u2421"
    hidden = [*range(0x80, 0xA0), *range(0xD800, 0xE000), 0x2028, 0x2029]
    hidden += [
        code
        for code in (*range(0x20000), *range(0xE0000, 0xE1000))  # every Cf lies here (a test looks everywhere)
        if unicodedata.category(chr(code)) == "Cf" and code not in _VISIBLE_FORMAT
    ]
    table.update(dict.fromkeys(hidden, _REPLACEMENT))
    return table


@lru_cache(maxsize=1)
def _hostile() -> re.Pattern[str]:
    codes = sorted(_table())
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return re.compile("[" + "".join(f"{_escape(low)}-{_escape(high)}" for low, high in ranges) + "]")


def _escape(code: int) -> str:
    return f"\\U{code:08x}"


def json_text(value: object, *, indent: int | None = None) -> str:
    """`value` as strict JSON on the way out: NaN and infinities become null, hostile code points are written as escapes.

    Reading it back gives the very same strings; showing it does nothing to a terminal. Unknown types are written as `str`.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=_plain)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent, default=_plain)
    return _hostile().sub(_escaped, text) if _hostile().search(text) else text


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _plain(value: object) -> object:
    fields = getattr(value, "__struct_fields__", None)
    if fields is not None:
        return {name: getattr(value, name) for name in fields}
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
