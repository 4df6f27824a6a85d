"""How often a piece of text is to be expected in English prose and in agents' logs: near enough to tell rare from common."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["share"]

_COMMON = (
    (0.03, "the to and of a i you 0"),
    (0.01, "in is that for it we on with as are be this 00"),
    (0.005, "have not your my at or can will if me so from but by all they an he s t 000 0000"),
    (
        0.002,
        (
            "was do what would one about there her his which their our out up no when how like them some more make who just get know"
            " time could us been has had were she said then than into only new see use am data very now people take also here please"
            " need want think good other name file go because these first any give over should way well even let work after back may"
            " two most does did d m ll re ve price message user assistant system don help code used right yes"
        ),
    ),
)
"""Shares of common words among all words."""

_UNCOMMON = 3e-5
"""The share of any other word."""

_FOLLOWS = 0.15
"""How much rarer a literal becomes by each further word."""

_LETTERS = " etaoinshrdlucmfwypvbgkjqxz"
_PER_CENT = "18 10 7 6.5 6 6 5.5 5 5 5 3.5 3.3 2.3 2.2 2 1.8 1.9 1.6 1.6 .8 1.2 1.6 .6 .1 .1 .1 .1"
_SHARES = {ord(char): float(share) / 100 for char, share in zip(_LETTERS, _PER_CENT.split(" "), strict=True)}


@lru_cache(maxsize=65536)
def share(literals: frozenset[bytes]) -> float:
    """How many times a word of text one of the folded `literals` is found, roughly."""
    return sum(map(_share, literals))


@lru_cache(maxsize=65536)
def _share(literal: bytes) -> float:
    parts = literal.split(b" ")
    shares = [_of_part(part, place > 0, place < len(parts) - 1) for place, part in enumerate(parts) if part]
    return min(shares) * _FOLLOWS ** (len(shares) - 1)


@lru_cache(maxsize=65536)
def _of_part(part: bytes, begins: bool, ends: bool) -> float:
    """The share of a word, or of a piece with which one begins or ends."""
    if begins and ends:
        return _WHOLE.get(part, _UNCOMMON)
    share = 1.0
    for char in part:
        share *= 2.5 * _SHARES.get(char, 0.01)
    known = (_FIRST if begins else _LAST).get(part, 0.0)
    return max(known, min(share, 0.5), 2 * _UNCOMMON)  # a long piece is a word of its own


def _pieces() -> tuple[dict[bytes, float], dict[bytes, float], dict[bytes, float]]:
    """The shares of common words, of their beginnings and of their ends."""
    whole, first, last = dict[bytes, float](), dict[bytes, float](), dict[bytes, float]()
    for share, words in _COMMON:
        for word in words.encode().split():
            whole[word] = share
            for length in range(1, len(word) + 1):
                first[word[:length]] = first.get(word[:length], 0.0) + share
                last[word[-length:]] = last.get(word[-length:], 0.0) + share
    return whole, first, last


_WHOLE, _FIRST, _LAST = _pieces()
