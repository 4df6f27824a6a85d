"""From an expression of `re` to one of RE2 that finds at least as much: a sieve, never the definition.

Made from `re`'s own parse tree. What RE2 reads differently (`\\b`, `\\w`, `\\s`, case, `$`) is written out or widened, what it does
not have (look-around, back-references) is dropped, what would blow up its automaton (`.{0,80}`) is widened to any number.

Two forms of each: for ASCII text, where classes can be exact; for other text as `plain_bytes` writes it, where one byte stands for
all of non-ASCII, and each class holds it unless it is known to hold no such character.
"""

from __future__ import annotations

from functools import lru_cache

from grader.raters.rules.folding import Node, look_alikes_written, members
from grader.rubric.regexes import ASCII, Nodes, flags_within, parse_regex

__all__ = ["plain_bytes", "relax"]

_NEVER = r"[^\x00-\x{10FFFF}]"
_BEYOND = ord("?")
"""What stands for every other non-ASCII character. One byte for all keeps automata small: written as ranges of UTF-8 they were
read at a fiftieth of the speed."""
_MOST_COPIES = 4
_SINGLE = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY"})
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_WORD = frozenset(ord(char) for char in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def plain_bytes(text: str) -> bytes:
    """`text` in ASCII, character by character: those four letters as what they match, all others beyond ASCII as `?`."""
    return (text if text.isascii() else look_alikes_written(text)).encode("ascii", "replace")


def relax(regex: str, *, ascii_only: bool) -> str | None:
    """An RE2 expression found in every text `regex` is found in; None where nothing useful can be said.

    With `ascii_only` this holds for ASCII text, else for any text after `plain_bytes`; in both cases also when the text is one
    line-separated part of a longer one.
    """
    nodes, flags = parse_regex(regex)
    return _sequence(nodes, flags, ascii_only) if _least(nodes) > 0 else None


def _sequence(nodes: Nodes, flags: int, ascii_only: bool) -> str:
    return "".join(_node(nodes, position, flags, ascii_only) for position in range(len(nodes)))


def _node(nodes: Nodes, position: int, flags: int, ascii_only: bool) -> str:
    operator, argument = nodes[position]
    name = str(operator)
    if name in _SINGLE:
        return _single(operator, argument, flags, ascii_only)
    if name in _REPEATS:
        return _repeat(argument, flags, ascii_only)
    if name == "SUBPATTERN":
        inner = argument[3]
        return f"(?:{_sequence(list(inner), flags_within(flags, argument), ascii_only)})"
    if name == "BRANCH":
        return "(?:" + "|".join(_sequence(list(branch), flags, ascii_only) for branch in argument[1]) + ")"
    if name == "AT":
        return _position(str(argument), nodes, position, flags, ascii_only)
    if name in ("ASSERT", "ASSERT_NOT"):
        return ""
    if name == "ATOMIC_GROUP":
        return f"(?:{_sequence(list(argument), flags, ascii_only)})"
    if name == "GROUPREF_EXISTS":
        _, yes, no = argument
        return f"(?:{_sequence(list(yes), flags, ascii_only)}|{_sequence(list(no), flags, ascii_only) if no else ''})"
    if name == "FAILURE":
        return _NEVER
    return r"(?s:.)*"  # a back-reference, or what a later Python adds: anything


def _single(operator: object, argument: object, flags: int, ascii_only: bool) -> str:
    if isinstance(argument, int) and str(operator) == "LITERAL":
        return _letter(argument, flags, ascii_only)
    return _written(_members(operator, argument, flags), ascii_only)


@lru_cache(maxsize=8192)
def _letter(code: int, flags: int, ascii_only: bool) -> str:
    """A literal: nearly all of any expression, so what it is written as is remembered."""
    from re import _constants as names  # type: ignore[attr-defined]

    return _written(_members(names.LITERAL, code, flags), ascii_only)


def _written(known: tuple[frozenset[int], bool], ascii_only: bool) -> str:
    found, beyond = known
    if beyond and not ascii_only:
        found |= {_BEYOND}
    return _class(found) if found else _NEVER


def _members(operator: object, argument: object, flags: int) -> tuple[frozenset[int], bool]:
    return members(Node(operator, argument), flags), _may_be_beyond(str(operator), argument)


def _may_be_beyond(name: str, argument: object) -> bool:
    if name == "LITERAL":
        return isinstance(argument, int) and argument >= 128
    if name != "IN" or not isinstance(argument, list):
        return True
    for operator, value in argument:
        known = (str(operator) == "LITERAL" and value < 128) or (str(operator) == "RANGE" and value[1] < 128)
        if not known:
            return True
    return False


def _class(codes: frozenset[int]) -> str:
    if len(codes) == 1:
        return f"\\x{min(codes):02x}"
    ranges: list[list[int]] = []
    for code in sorted(codes):
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return (
        "[" + "".join(f"\\x{low:02x}" if low == high else f"\\x{low:02x}-\\x{high:02x}" for low, high in ranges) + "]"
    )


def _repeat(argument: tuple[int, int, Nodes], flags: int, ascii_only: bool) -> str:
    low, high, body = int(argument[0]), int(argument[1]), f"(?:{_sequence(list(argument[2]), flags, ascii_only)})"
    if high == 0:
        return ""
    if body == "(?:)":
        return ""
    if high <= _MOST_COPIES:
        return f"{body}{{{low},{high}}}"
    return {0: f"{body}*", 1: f"{body}+"}.get(low, f"{body}{{{min(low, _MOST_COPIES)},}}")


def _position(kind: str, nodes: Nodes, position: int, flags: int, ascii_only: bool) -> str:
    if kind in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
        return "(?m:^)"
    if kind in ("AT_END", "AT_END_STRING"):
        return "(?m:$)"
    if kind not in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
        return ""
    sign = r"\b" if kind == "AT_BOUNDARY" else r"\B"
    if ascii_only:
        return sign
    # RE2's boundary knows ASCII words only. Beside a character that is surely an ASCII letter or digit it still holds
    # wherever Python's does; elsewhere it would lose real hits.
    sure = _begins_with_word(nodes[position + 1 :], flags) or _ends_with_word(nodes[:position], flags)
    return sign if kind == "AT_BOUNDARY" and sure and not flags & ASCII else ""


def _begins_with_word(nodes: Nodes, flags: int) -> bool:
    """Whether every match of `nodes` surely begins with an ASCII word character."""
    return _edge(nodes, flags, first=True)


def _ends_with_word(nodes: Nodes, flags: int) -> bool:
    return _edge(nodes[::-1], flags, first=False)


def _edge(nodes: Nodes, flags: int, *, first: bool) -> bool:
    for operator, argument in nodes:
        name = str(operator)
        if name == "AT":
            continue
        if name in _SINGLE:
            found, beyond = _members(operator, argument, flags)
            return not beyond and found <= _WORD
        if name in _REPEATS:
            inner = list(argument[2])
            if not _edge(inner if first else inner[::-1], flags, first=first):
                return False
            if int(argument[0]) > 0:
                return True
            continue
        if name == "SUBPATTERN" and _least(list(argument[3])) > 0:
            inner = list(argument[3])
            return _edge(inner if first else inner[::-1], flags_within(flags, argument), first=first)
        if name == "BRANCH":
            return all(
                _least(list(branch)) > 0 and _edge(list(branch) if first else list(branch)[::-1], flags, first=first)
                for branch in argument[1]
            )
        return False
    return False


def _least(nodes: Nodes) -> int:
    """The least number of characters the relaxed form of `nodes` needs."""
    total = 0
    for operator, argument in nodes:
        name = str(operator)
        if name in _SINGLE:
            total += 1
        elif name in _REPEATS:
            total += min(int(argument[0]), _MOST_COPIES) * _least(list(argument[2]))
        elif name == "SUBPATTERN":
            total += _least(list(argument[3]))
        elif name == "ATOMIC_GROUP":
            total += _least(list(argument))
        elif name == "BRANCH":
            total += min(_least(list(branch)) for branch in argument[1])
        elif name == "GROUPREF_EXISTS":
            total += min(_least(list(argument[1])), _least(list(argument[2])) if argument[2] else 0)
        elif name == "FAILURE":
            total += 1
    return total
