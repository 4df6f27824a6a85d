"""Expressions without a literal that could be looked for, such as `[A-Z]{5,}`: google-re2 says in which texts they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from grader.raters.rules.relax import plain_bytes, relax

__all__ = ["Unlettered"]

_TOGETHER = 12
"""Expressions in one automaton: its states multiply with what it must remember."""

_MEMORY = 64 << 20
"""Bytes an automaton may use; it forgets and begins anew when full."""

_CANARY = b"\n\x00grader canary\x00"
"""Ends every text. A set reports failure as "no match"; when the canary is not reported, nothing may be ruled out."""


class Unlettered:
    """Some expressions, by their relaxed forms; see `relax`."""

    def __init__(self, regexes: Mapping[int, str]) -> None:
        self._regexes = list(regexes.items())
        self._automata: dict[bool, list[_Automaton]] = {}

    def candidates(self, text: str) -> list[int]:
        """The numbers of the expressions that may match in the text."""
        plain = text.isascii()
        if plain not in self._automata:
            self._automata[plain] = [
                _Automaton(self._regexes[first : first + _TOGETHER], ascii_only=plain)
                for first in range(0, len(self._regexes), _TOGETHER)
            ]
        raw = plain_bytes(text) + _CANARY
        return [number for automaton in self._automata[plain] for number in automaton.candidates(raw)]


class _Automaton:
    def __init__(self, regexes: Iterable[tuple[int, str]], *, ascii_only: bool) -> None:
        import re2

        options = re2.Options()
        options.max_mem = _MEMORY
        options.log_errors = False
        found: Any = re2.Set.SearchSet(options)
        self._always: list[int] = []
        self._numbers: list[int] = []
        for number, regex in regexes:
            relaxed = relax(regex, ascii_only=ascii_only)
            try:
                if relaxed is None:
                    raise re2.error
                found.Add(relaxed)
                self._numbers.append(number)
            except re2.error:
                self._always.append(number)
        self._canary = found.Add(r"\n\x00grader canary\x00")
        found.Compile()
        self._match: Callable[[bytes], list[int] | None] = found.Match

    def candidates(self, raw: bytes) -> list[int]:
        matched = self._match(raw)
        if matched is None or self._canary not in matched:
            return self._always + self._numbers
        return self._always + [self._numbers[index] for index in matched if index != self._canary]
