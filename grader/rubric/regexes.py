"""What a regular expression of a rubric may be: something `re` compiles and that never matches nothing."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any, TypeAlias

__all__ = [
    "ASCII",
    "FLAGS",
    "VERBOSE",
    "Nodes",
    "compile_nodes",
    "compile_regex",
    "may_be_empty",
    "parse_regex",
    "regex_fault",
]

FLAGS = int(re.IGNORECASE)
"""Flags are plain integers throughout: with an `re.RegexFlag` each of a hundred thousand tests of one costs ten times as much."""

ASCII, UNICODE, VERBOSE = int(re.ASCII), int(re.UNICODE), int(re.VERBOSE)
_KINDS = int(re.ASCII | re.UNICODE | re.LOCALE)

Nodes: TypeAlias = list[tuple[Any, Any]]
"""A sequence of `re`'s parse tree: (operator, argument) pairs, the operators comparable by `str`."""


@lru_cache(maxsize=4096)
def compile_regex(regex: str) -> re.Pattern[str]:
    """`regex` as rules use it: `re.IGNORECASE` on the text as it stands. Raises `re.error`."""
    from re import _compiler  # type: ignore[attr-defined]

    compiled: re.Pattern[str] = _compiler.compile(
        _tree(regex), FLAGS
    )  # parsing it again would take as long as the rest
    return compiled


def regex_fault(regex: str) -> str | None:
    """Why `regex` cannot be used, or None."""
    try:
        compiled = compile_regex(regex)
    except re.error as problem:
        where = "" if problem.pos is None else f" at character {problem.pos + 1}"
        return f"is not a regular expression: {problem.msg}{where}"
    except (OverflowError, RecursionError) as problem:
        return f"is too large: {problem}"
    if not compiled.flags & re.UNICODE:
        return "must not switch to ASCII matching: offsets and letters are those of the text"
    if may_be_empty(regex):
        return "matches the empty string: it would hit everywhere"
    return None


def parse_regex(regex: str) -> tuple[Nodes, int]:
    """The parse tree of `regex` as `re` reads it, and its flags.

    The parser is not a public interface of Python, so it is touched here alone; the differential tests hold on to it.
    """
    tree = _tree(regex)
    return list(tree), int(tree.state.flags) | FLAGS | UNICODE


def flags_within(flags: int, group: Any) -> int:
    """The flags inside a group of the tree (number, added, removed, nodes): `(?a:…)` takes Unicode away, as `re` does."""
    added, removed = int(group[1]), int(group[2])
    return ((flags & ~_KINDS if added & _KINDS else flags) | added) & ~removed


def compile_nodes(nodes: Nodes, flags: int) -> re.Pattern[str]:
    """A compiled expression of part of a parse tree; it must not hold groups."""
    from re import _compiler, _parser  # type: ignore[attr-defined]

    state = _parser.State()
    state.flags = flags
    state.str = ""
    compiled: re.Pattern[str] = _compiler.compile(_parser.SubPattern(state, list(nodes)), flags)
    return compiled


def may_be_empty(regex: str) -> bool:
    """Whether the shortest match has no characters, in whatever surroundings (`\\b` alone, `x*`, `(?=x)`)."""
    return bool(_tree(regex).getwidth()[0] == 0)


@lru_cache(maxsize=4096)
def _tree(regex: str) -> Any:
    from re import _parser  # type: ignore[attr-defined]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return _parser.parse(regex, FLAGS)
