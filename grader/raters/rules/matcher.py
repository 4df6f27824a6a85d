"""Finding where expressions match in texts. `re` defines a match; a back end only says where it need not look."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import cached_property, lru_cache
from importlib.util import find_spec
from typing import Literal, TypeAlias

from grader.errors import UsageError
from grader.raters.rules.budget import OutOfTime
from grader.raters.rules.folding import folded, plain
from grader.raters.rules.literals import clauses
from grader.raters.rules.sieve import LONG, Sieve, Stretch, compiled_automaton, plain_automaton
from grader.raters.rules.unlettered import Unlettered
from grader.rubric.hits import Extent
from grader.rubric.regexes import compile_regex

__all__ = ["BACKENDS", "Backend", "Matcher", "Sifted"]

Backend: TypeAlias = Literal["auto", "re2", "literal", "re"]
BACKENDS: tuple[Backend, ...] = ("auto", "re2", "literal", "re")


_NONE: list[Extent] = []


class Sifted:
    """A text and the expressions that may match in it; where they do is found when asked for."""

    __slots__ = ("_anywhere", "_data", "_known", "_late", "_matcher", "_stretches", "numbers", "text")

    def __init__(
        self,
        matcher: Matcher,
        text: str,
        candidates: Set[int],
        data: bytes = b"",
        stretches: dict[int, list[Stretch]] | None = None,
    ) -> None:
        """`candidates`, `data` and `stretches` as `Sieve` has them."""
        self.text = text
        self.numbers = sorted({number if number >= 0 else ~number for number in candidates})
        """The expressions, ascending."""
        self._anywhere = {~number for number in candidates if number < 0}
        self._matcher = matcher
        self._data = data
        self._stretches = stretches
        self._known: dict[int, list[Extent] | None] = dict.fromkeys(self.numbers)
        self._late: set[int] = set()

    def spans(self, number: int) -> list[Extent]:
        """The matches of an expression: those of `re.finditer`. Raises OutOfTime, and again when asked again."""
        known = self._known.get(number, _NONE)
        if known is None:
            if number in self._late:
                raise OutOfTime
            try:
                known = self._known[number] = self._found(number)
            except OutOfTime:
                self._late.add(number)
                raise
        return known

    def _found(self, number: int) -> list[Extent]:
        compiled = self._matcher.compiled[number]
        if number in self._anywhere:
            return [found.span() for found in compiled.finditer(self.text)]
        stretches = [Stretch(0, len(self.text))] if self._stretches is None else self._stretches[number]
        found = []
        match, text, position = compiled.match, self.text, 0
        for start in self._matcher.starts(number, self._data, stretches):
            if start >= position and (one := match(text, start)):
                found.append(one.span())
                position = one.end()
        return found


class Matcher:
    """A list of regular expressions, compiled once; spans are always those of `re.finditer` with `re.IGNORECASE`."""

    def __init__(self, regexes: Sequence[str], backend: Backend = "auto") -> None:
        if backend not in BACKENDS:
            raise UsageError(f'no engine "{backend}": {", ".join(BACKENDS)}')
        if backend == "re2" and not _is_installed("re2"):
            raise UsageError("google-re2 is not installed: pip install google-re2, or take the literal engine")
        self._regexes = tuple(regexes)
        self.backend = (
            "re" if backend == "re" else "re2" if backend != "literal" and _is_installed("re2") else "literal"
        )
        """The back end in use: re2, literal or re."""
        compiled = backend != "literal" and _is_installed("ahocorasick_rs")
        self._automaton = compiled_automaton if compiled else plain_automaton

    @cached_property
    def compiled(self) -> tuple[re.Pattern[str], ...]:
        return tuple(compile_regex(regex) for regex in self._regexes)

    @cached_property
    def _sieve(self) -> Sieve | None:
        # made when first used: of a rubric's lists some are for kinds of blocks that a log does not have
        return None if self.backend == "re" else Sieve([clauses(regex) for regex in self._regexes], self._automaton)

    @cached_property
    def _unlettered(self) -> Unlettered | None:
        if self.backend != "re2" or self._sieve is None or not self._sieve.always:
            return None
        return Unlettered({~number: self._regexes[~number] for number in self._sieve.always})

    def prepare(self) -> None:
        """Make now what else is made when first needed."""
        _ = self.compiled, self._sieve

    def sift(self, texts: Sequence[str]) -> list[Sifted | None]:
        """Each text with its candidates, or None: nothing can match in it."""
        if self._sieve is None:
            everything = {~number for number in range(len(self._regexes))}
            return [Sifted(self, text, everything) for text in texts]
        found: list[Sifted | None] = [None] * len(texts)
        longest = max(map(len, texts), default=0)
        long = [place for place, text in enumerate(texts) if len(text) > LONG] if longest > LONG else []
        short = [text if len(text) <= LONG else "" for text in texts] if long else texts
        for place, data, numbers in self._sieve.candidates(short):
            found[place] = self._sifted(texts[place], data, numbers, None)
        for place in long:
            data = folded(plain(texts[place]))
            stretches = self._sieve.stretches(data)
            found[place] = self._sifted(texts[place], data, set(stretches), stretches)
        return found

    def candidates(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """For each text the numbers of the expressions that may match in it, ascending."""
        return [() if one is None else tuple(one.numbers) for one in self.sift(texts)]

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """(expression, start, end) of every match of every expression, expression by expression."""
        return self.spans_of([text])[0]

    def spans_of(self, texts: Sequence[str]) -> list[list[tuple[int, int, int]]]:
        """`spans` for each text; faster than one by one."""
        return [
            [] if one is None else [(number, *span) for number in one.numbers for span in one.spans(number)]
            for one in self.sift(texts)
        ]

    def starts(self, number: int, data: bytes, stretches: Sequence[Stretch]) -> list[int]:
        """See `Sieve.starts`."""
        return [] if self._sieve is None else self._sieve.starts(number, data, stretches)

    def _sifted(
        self, text: str, data: bytes, numbers: set[int], stretches: dict[int, list[Stretch]] | None
    ) -> Sifted | None:
        if self._unlettered is not None and self._sieve is not None:
            numbers = numbers - self._sieve.always | {~number for number in self._unlettered.candidates(text)}
        return Sifted(self, text, numbers, data, stretches) if numbers else None


@lru_cache
def _is_installed(module: str) -> bool:
    return find_spec(module) is not None
