"""The sanitiser: hostile text in, showable text out, one code point for one."""

from __future__ import annotations

import json
import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from grader.text import from_spreadsheet_cell, json_text, one_line, sanitise, spreadsheet_cell, storable

ANY = st.text(st.characters(codec=None), max_size=60)
KEPT_FORMAT = {0x200C, 0x200D, *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}


def hostile(char: str) -> bool:
    code = ord(char)
    return (
        (code < 0x20 and char not in "\n\t")
        or 0x7F <= code < 0xA0
        or 0xD800 <= code < 0xE000
        or code in (0x2028, 0x2029)
        or (unicodedata.category(char) == "Cf" and code not in KEPT_FORMAT)
    )


def test_every_code_point_of_unicode_is_either_kept_or_made_harmless() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = sanitise(everything)
    assert len(shown) == len(everything)
    for before, after in zip(everything, shown, strict=True):
        assert not hostile(after)
        assert hostile(before) or before == after
    for code in range(sys.maxunicode + 1):
        if hostile(chr(code)):
            assert sanitise(f"plain {chr(code)} text") != f"plain {chr(code)} text"


@given(ANY)
def test_sanitising_keeps_length_and_is_idempotent(text: str) -> None:
    once = sanitise(text)
    assert len(once) == len(text)
    assert sanitise(once) == once


def test_control_characters_become_their_pictures() -> None:
    assert sanitise("\x1b]52;c;x\x07\r\x7f") == "\u241b]52;c;x\u2407\u240d\u2421"
    assert sanitise("a\u202eb\u200bc") == "a\ufffdb\ufffdc"
    assert sanitise("tab\tline\n") == "tab\tline\n"


def test_one_line_is_one_line_and_cut_to_size() -> None:
    assert one_line("a\nb\tc\x1b") == "a b c\u241b"
    assert one_line("abcdef", 4) == "abc…"


@given(ANY)
def test_storable_text_can_be_stored_and_keeps_its_length(text: str) -> None:
    repaired, count = storable(text)
    repaired.encode()
    assert "\x00" not in repaired
    assert len(repaired) == len(text)
    assert count == sum(a != b for a, b in zip(text, repaired, strict=True))


@given(st.dictionaries(ANY, st.one_of(ANY, st.floats(), st.none(), st.integers())))
def test_json_text_reads_back_the_same_and_carries_nothing_hostile(value: dict[str, object]) -> None:
    text = json_text(value)
    assert sanitise(text) == text
    expected = {key: None if isinstance(item, float) and item - item != 0 else item for key, item in value.items()}
    assert json.loads(text) == expected


@given(st.text(alphabet="'=+-@\t\r ab\n\x1b"))
def test_a_spreadsheet_cell_is_no_formula_and_can_be_taken_back(text: str) -> None:
    cell = spreadsheet_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert from_spreadsheet_cell(cell) == sanitise(text)
