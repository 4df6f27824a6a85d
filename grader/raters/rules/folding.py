"""Text as literals are looked for in it: one byte a character, letters in lower case, every digit as 0, and a blank for all else.

So a word boundary is a blank beside a letter or digit, and offsets are those of the text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeAlias

from grader.rubric.regexes import VERBOSE, compile_nodes

__all__ = ["FOLD", "LOOK_ALIKES", "Literals", "Node", "characters", "folded", "look_alikes_written", "members", "plain"]

Literals: TypeAlias = frozenset[bytes]
"""Folded strings one of which must be there."""

LOOK_ALIKES = {"\u017f": "s", "\u212a": "k", "\u0130": "i", "\u0131": "i"}
"""The non-ASCII letters that `re.IGNORECASE` takes for ASCII ones: all there are (a test looks at every code point)."""

_FOREIGN_DIGITS = re.compile(r"[^\D0-9]")
_MAY_BE_DIGITS = re.compile("[\u0660-\u1fff\ua620-\U0010ffff]")
"""Asked first: dashes, curly quotes and the like are most of what is beyond ASCII, and among them is no digit."""

FOLD = (
    bytes(
        ord("0" if char.isdigit() else char.lower() if char.isalpha() or char == "_" else " ")
        for char in map(chr, range(128))
    )
    + b" " * 128
)
"""What each byte is folded to."""


_CHOICES = 5
"""Members of a character class up to which each is written out."""


def plain(text: str) -> str:
    """`text` in ASCII, character by character: letters that match ASCII ones as these, digits as 0, all else as `?`."""
    if text.isascii():
        return text
    text = look_alikes_written(text)
    if _MAY_BE_DIGITS.search(text):
        text = _FOREIGN_DIGITS.sub("0", text)
    return text.encode("ascii", "replace").decode()


def look_alikes_written(text: str) -> str:
    """`text` with the letters that match ASCII ones written as these."""
    for letter, ascii_letter in LOOK_ALIKES.items():
        if letter in text:
            text = text.replace(letter, ascii_letter)
    return text


def folded(plain: str) -> bytes:
    """A `plain` text as literals are looked for in it, with a blank on either side: character `n` is byte `n + 1`."""
    return f" {plain} ".encode().translate(FOLD)


def characters(operator: Any, argument: Any, flags: int) -> Literals | None:
    """What the characters that a one-character node of `re`'s tree matches are folded to, where it is few."""
    if operator.name == "LITERAL" and argument < 128:
        return frozenset([FOLD[argument : argument + 1]])
    return _characters(Node(operator, argument), flags)


class Node:
    """A node of `re`'s tree, comparable by its contents, which hold unhashable lists."""

    __slots__ = ("argument", "operator", "text")

    def __init__(self, operator: object, argument: object) -> None:
        self.operator, self.argument, self.text = operator, argument, f"{operator} {argument}"

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.text == other.text


@lru_cache(maxsize=8192)
def members(node: Node, flags: int) -> frozenset[int]:
    """The codes of the ASCII characters that a one-character node matches, and of those that its look-alikes are written as."""
    matches = compile_nodes([(node.operator, node.argument)], flags & ~VERBOSE).fullmatch
    found = {code for code in range(128) if matches(chr(code))}
    return frozenset(found | {ord(written) for letter, written in LOOK_ALIKES.items() if matches(letter)})


@lru_cache(maxsize=8192)
def _characters(node: Node, flags: int) -> Literals | None:
    found = {FOLD[code] for code in members(node, flags)}
    found.update(_beyond(str(node.operator), node.argument))
    return frozenset(bytes([byte]) for byte in found) if len(found) <= _CHOICES else None


def _beyond(name: str, argument: object) -> bytes:
    """What other characters beyond ASCII that the node may match are folded to."""
    if name == "LITERAL":
        return _beyond("IN", [(name, argument)])
    if name != "IN" or not isinstance(argument, list):
        return b" 0"
    found = ""
    for operator, value in argument:
        name = str(operator)
        if name == "LITERAL":
            found += "" if value < 128 else "0" if chr(value).isdecimal() else " "
        elif name == "CATEGORY":
            found += {"CATEGORY_DIGIT": "0", "CATEGORY_SPACE": " "}.get(str(value), " 0")
        elif name != "RANGE" or value[1] >= 128:
            found += " 0"
    return found.encode()
