"""Which expressions may match in which texts, and where their matches may begin: by literals, all looked for at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from grader.raters.rules.folding import folded, plain
from grader.raters.rules.frequency import share
from grader.raters.rules.literals import LONGEST, NEAR, Clause, Factor

__all__ = ["LONG", "Automaton", "Sieve", "Stretch", "compiled_automaton", "plain_automaton"]

LONG = 4000
"""Characters from which a text is sifted in pieces: nearly every expression may match somewhere in a text that is long enough."""

_PIECE = 2000
"""Characters of a piece, beside what is near its end."""

_BLOCK = 1 << 13
"""Characters of short texts looked through at once."""

_FREQUENT = 0.02
"""The share from which a literal that is not an expression's rarest is not looked for: it is found more often than it helps."""

_EVERYWHERE = 0.3
"""The share from which places where a match may begin are not listed: there would be as many as words."""

_BLANK = ord(" ")

_SLOW = 50
"""Literals from which looking for them one by one takes longer than `re` does."""

_FEW = 2000
"""Literals up to which the automaton may take the space to be twice as fast."""

Automaton: TypeAlias = Callable[[bytes], Sequence[tuple[int, int, int]]]
"""Finds all its literals in a folded text: (number of the literal, begin, end), overlapping ones too, by their ends."""


def compiled_automaton(literals: Sequence[bytes]) -> Automaton:
    """Aho and Corasick's, in Rust. Raises ImportError."""
    from ahocorasick_rs import BytesAhoCorasick, Implementation

    few = len(literals) <= _FEW
    found = BytesAhoCorasick(literals, implementation=Implementation.DFA if few else Implementation.ContiguousNFA)
    return lambda data: found.find_matches_as_indexes(data, overlapping=True)


def plain_automaton(literals: Sequence[bytes]) -> Automaton:
    """The same by the standard library alone: literal by literal, where the words it holds are there."""
    held = [max(literal.split(b" ")[1:-1], key=len, default=b"") for literal in literals]

    def search(data: bytes) -> list[tuple[int, int, int]]:
        words = {b"", *data.split()}
        found = []
        for number, literal in enumerate(literals):
            if held[number] in words:
                begin = data.find(literal)
                while begin >= 0:
                    found.append((begin + len(literal), number, begin))
                    begin = data.find(literal, begin + 1)
        return [(number, begin, end) for end, number, begin in sorted(found)]

    return search


class Stretch(NamedTuple):
    """Where a match may begin: at the characters `first` to before `last`."""

    first: int
    last: int


class _Index:
    """Clauses by the literals of their rarest factor."""

    def __init__(self, numbered: Iterable[tuple[int, Sequence[Factor]]], ids: dict[bytes, int]) -> None:
        self.always: set[int] = set()
        """The expressions with a clause of which nothing is known."""
        self._clauses: list[list[tuple[int, tuple[frozenset[int], ...]]]] = [[] for _ in ids]
        """For each literal the clauses to which it is the rarest: expression, and the other literals, one of each needed."""
        for number, factors in dict.fromkeys(numbered):
            if not factors:
                self.always.add(number)
                continue
            first, *others = (
                frozenset([ids[literal] for literal in factor.literals]) for factor in _looked_for(factors)
            )
            clause = (number, tuple(others))
            for literal in first:
                self._clauses[literal].append(clause)
        self._firsts = frozenset(number for number, clauses in enumerate(self._clauses) if clauses)

    def candidates(self, present: set[int]) -> set[int]:
        """The expressions that may match where just these literals are."""
        found = set(self.always)
        if self._firsts.isdisjoint(present):
            return found
        for literal in present:
            for number, needed in self._clauses[literal]:
                if number not in found:
                    for choices in needed:
                        if choices.isdisjoint(present):
                            break
                    else:
                        found.add(number)
        return found


class Sieve:
    """Which of some expressions may match in a text: none that does is missing.

    An expression is named by its number n, or by ~n when of the clauses in question one tells nothing of where its matches begin.
    """

    def __init__(self, known: Sequence[tuple[Clause, ...]], automaton: Callable[[Sequence[bytes]], Automaton]) -> None:
        self._automaton = automaton
        self._starts: dict[int, _Starts] = {}
        self._begun = [[clause for clause in clauses if _is_begun(clause, automaton)] for clauses in known]
        whole = [
            (number if clause in begun else ~number, clause.factors)
            for number, (clauses, begun) in enumerate(zip(known, map(set, self._begun), strict=True))
            for clause in clauses
        ]
        near = [(number, tuple(factor for factor in factors if factor.reach <= NEAR)) for number, factors in whole]
        literals = dict.fromkeys(
            literal for _, factors in (*whole, *near) for factor in _looked_for(factors) for literal in factor.literals
        )
        ids = {literal: number for number, literal in enumerate(literals)}
        self._search: Automaton = automaton(list(literals)) if literals else lambda _data: ()
        self._whole = _Index(whole, ids)
        self._near = partial(_Index, near, ids)

    @cached_property
    def _pieces(self) -> _Index:
        """For pieces of long texts, with the factors that are surely in the piece a match begins in."""
        return self._near()

    @property
    def always(self) -> frozenset[int]:
        """The expressions of which nothing is known: they may match anywhere."""
        return frozenset(self._whole.always)

    def candidates(self, texts: Sequence[str]) -> Iterator[tuple[int, bytes, set[int]]]:
        """(number of the text, the text folded, expressions that may match in it), for the texts where any may."""
        first = size = 0
        for number, text in enumerate(texts):
            size += len(text)
            if size >= _BLOCK or number == len(texts) - 1:
                yield from self._block(texts[first : number + 1], first)
                first, size = number + 1, 0

    def _block(self, texts: Sequence[str], first: int) -> Iterator[tuple[int, bytes, set[int]]]:
        data = folded("\n".join(map(plain, texts)))
        ends = list(accumulate([len(text) + 1 for text in texts], initial=1))
        # A literal of a text ends after its begin and at most behind the line end that follows it.
        there: dict[int, set[int]] = {place: set() for place in range(len(texts))} if self._whole.always else {}
        limit = 0
        present = set[int]()
        for literal, _, end in self._search(data):
            if end > limit:
                place = bisect_left(ends, end) - 1
                limit = ends[place + 1]
                present = there.setdefault(place, set())
            present.add(literal)
        for place, present in there.items():
            if found := self._whole.candidates(present):
                yield first + place, data[ends[place] - 1 : ends[place + 1]], found

    def stretches(self, data: bytes) -> dict[int, list[Stretch]]:
        """Where in a long folded text matches of each expression may begin, ascending and apart."""
        found: dict[int, list[Stretch]] = {}
        length = len(data) - 2
        for first in range(0, length, _PIECE):
            last = min(length, first + _PIECE)
            present = {literal for literal, _, _ in self._search(data[first : last + NEAR + 2])}
            for number in self._pieces.candidates(present):
                before = found.setdefault(number, [])
                if before and before[-1].last == first:
                    before[-1] = Stretch(before[-1].first, last)
                else:
                    before.append(Stretch(first, last))
        return found

    def starts(self, number: int, data: bytes, stretches: Sequence[Stretch]) -> list[int]:
        """The characters of a folded text at which a match of an expression that is not ~n may begin, ascending."""
        if number not in self._starts:
            self._starts[number] = _Starts(self._begun[number], self._automaton)
        return self._starts[number].within(data, stretches)


class _Starts:
    """The places where matches of one expression may begin."""

    def __init__(self, clauses: Iterable[Clause], automaton: Callable[[Sequence[bytes]], Automaton]) -> None:
        led: dict[bytes, bool] = {}
        for clause in clauses:
            for literal in clause.prefix or ():
                led[literal] = led.get(literal, False) or clause.led
        self._search = automaton(list(led))
        self._led = list(led.values())
        self._any_led = any(self._led)
        self._blanks = [len(literal) - len(literal.lstrip()) for literal in led]

    def within(self, data: bytes, stretches: Sequence[Stretch]) -> list[int]:
        if self._any_led:  # what it is known by may come long after the blanks it begins with
            return sorted(self._led_to(data))
        blanks = self._blanks
        starts = []
        for first, last in stretches:
            # byte n is character n - 1, and the blank before a boundary no part of the match
            found = {
                begin + blanks[literal] - 1 for literal, begin, _ in self._search(data[first : last + LONGEST + 2])
            }
            starts += sorted([first + start for start in found if 0 <= start < last - first])
        return starts

    def _led_to(self, data: bytes) -> set[int]:
        found = set()
        for literal, begin, _ in self._search(data):
            at = begin + self._blanks[literal]
            found.add(at - 1)
            while self._led[literal] and at > 1 and data[at - 1] == _BLANK and at - 2 not in found:
                at -= 1
                found.add(at - 1)
        return found


def _is_begun(clause: Clause, automaton: Callable[[Sequence[bytes]], Automaton]) -> bool:
    """Whether it can be listed where the clause's matches may begin."""
    if clause.prefix is None or share(clause.prefix) > _EVERYWHERE:
        return False
    return automaton is not plain_automaton or len(clause.prefix) < _SLOW


def _looked_for(factors: Sequence[Factor]) -> list[Factor]:
    return [factor for factor in factors if factor is factors[0] or factor.share < _FREQUENT]
