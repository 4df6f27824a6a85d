"""Cells of tables that an export made safe for spreadsheets."""

from __future__ import annotations

__all__ = ["unmarked"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def unmarked(text: str) -> str:
    """`text` without the mark that keeps a cell from looking like a formula."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text
