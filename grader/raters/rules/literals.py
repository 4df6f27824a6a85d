"""Literals that every match of an expression holds, and those it begins with, read off `re`'s own parse tree.

They are looked for in folded text. What is said here is never more than the expression demands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

from grader.raters.rules.folding import FOLD, Literals, characters
from grader.raters.rules.frequency import share
from grader.rubric.regexes import ASCII, Nodes, flags_within, may_be_empty, parse_regex

__all__ = ["LONGEST", "NEAR", "Clause", "Factor", "clauses"]

_SINGLE = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY"})
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})

_ENDS = frozenset({"AT_BEGINNING", "AT_BEGINNING_STRING", "AT_END", "AT_END_STRING"})
"""Where a text or line begins or ends: beside it stands a blank."""

_EDGE = b"\x01"
"""In strings not yet finished: a word boundary."""

_BLANKS = b"\x02"
"""In strings not yet finished: any number of blanks, or none."""

_BLANK: Literals = frozenset([b" "])

_ANYTHING: Literals = frozenset([b""])
"""What any text holds."""

_MOST = 48
"""Strings of a set; larger ones are cut short."""

LONGEST = 16
"""Characters of a string."""

_CLAUSES = 160
"""Alternatives of an expression that are told apart."""

_KEPT = 3
"""Factors kept of a clause."""

NEAR = 400
"""Characters from the beginning of a match within which a factor is near: it is looked for in one piece of a long text."""


class Factor(NamedTuple):
    """Strings one of which is in every match, ending at most `reach` characters after its beginning."""

    share: float
    """Of the words of English text, roughly."""
    reach: float
    literals: Literals


class Clause(NamedTuple):
    """One alternative of an expression: every match of it begins with one of `prefix` and has each of `factors`."""

    prefix: Literals | None
    """None: nothing is known."""
    led: bool
    """Whether blanks before `prefix` may belong to the match: then it begins at one of them or behind them."""
    factors: tuple[Factor, ...]
    """The rarest, and the rarest near ones, ascending; none: nothing is known."""


@lru_cache(maxsize=4096)
def clauses(regex: str) -> tuple[Clause, ...]:
    """The alternatives of `regex`: each match is one of one of them."""
    if may_be_empty(regex):
        return (Clause(None, False, ()),)
    nodes, flags = parse_regex(regex)
    return tuple(dict.fromkeys(_clause(state) for state in _fold(nodes, flags, [_NO_MORE], _BEGIN)))


class _State(NamedTuple):
    """What is known of the rest of a match, read from its end."""

    prefix: Literals
    """Unfinished strings one of which it begins with."""
    factors: tuple[Factor, ...]


class _Place(NamedTuple):
    """A place in an expression."""

    offset: float
    """Characters of a match before it, at most."""
    blank: bool
    """Whether the character before it is surely folded to a blank."""


_BEGIN = _Place(0, False)
_NO_MORE = _State(_ANYTHING, ())


def _clause(state: _State) -> Clause:
    led = any(string.lstrip(_EDGE)[:1] in (b" ", _BLANKS) for string in state.prefix)
    return Clause(_finished(state.prefix), led, _kept(state, _BEGIN))


def _fold(nodes: Nodes, flags: int, states: list[_State], place: _Place) -> list[_State]:
    """The states before `nodes`, which stand at `place`, from those after them."""
    places = [place]
    for node in nodes:
        place = _Place(place.offset + _width(*node), _after_blank(node, flags, place.blank))
        places.append(place)
    last = len(nodes)
    while last:
        first = last
        while first and _is_letter(nodes[first - 1]):
            first -= 1
        if first < last:
            word = frozenset([b"".join([FOLD[code : code + 1] for _, code in nodes[first:last]])])
            states = [_joined(word, state, places[last]) for state in states]
        else:
            first -= 1
            states = _before(nodes[first], flags, states, places[first], places[last])
        last = first
    return states


def _is_letter(node: tuple[Any, Any]) -> bool:
    return bool(node[0].name == "LITERAL" and node[1] < 128)


def _before(node: tuple[Any, Any], flags: int, states: list[_State], start: _Place, end: _Place) -> list[_State]:
    """`_fold` for one node."""
    if (strings := _exact([node], flags)) is not None:
        return [_joined(strings, state, end) for state in states]
    operator, argument = node
    name = operator.name
    if name == "SUBPATTERN":
        return _fold(argument[3].data, flags_within(flags, argument), states, start)
    if name == "ATOMIC_GROUP":
        return _fold(argument.data, flags, states, start)
    if name in _REPEATS:
        body = argument[2].data
        if _exact(body, flags) == _BLANK:
            blanks = frozenset([b" " + _BLANKS if argument[0] > 0 else _BLANKS])
            return [_joined(blanks, state, end) for state in states]
        first = _union(one.prefix for one in _fold(body, flags, [_NO_MORE], start))
        again = [_State(_cut(first | state.prefix), _kept(state, end)) for state in states]
        return _fold(body, flags, again, start) if argument[0] > 0 else again
    branches = _branches(name, argument)
    if not branches:
        return [_State(_ANYTHING, _kept(state, end)) for state in states]
    if len(branches) * len(states) <= _CLAUSES:
        forked = [one for branch in branches for one in _fold(branch, flags, states, start)]
        if len(forked) <= _CLAUSES:
            return forked
    if len(branches) * len(states) <= 4 * _CLAUSES:
        return [
            _merged([one for branch in branches for one in _fold(branch, flags, [state], start)], start)
            for state in states
        ]
    alone = [one for branch in branches for one in _fold(branch, flags, [_NO_MORE], start)]
    prefix = _cut(_union(one.prefix for one in alone))
    factors = _one_of(alone, start)
    return [_State(prefix, _rarest((*_kept(state, end), *factors))) for state in states]


def _merged(states: list[_State], place: _Place) -> _State:
    """What holds of each of the states."""
    common = set(states[0].factors).intersection(*(state.factors for state in states))
    prefix = _cut(_union(state.prefix for state in states))
    return _State(prefix, _rarest((*common, *_one_of(states, place))))


def _branches(name: str, argument: Any) -> list[Nodes]:
    if name == "BRANCH":
        return [branch.data for branch in argument[1]]
    if name == "GROUPREF_EXISTS":
        return [branch.data if branch else [] for branch in argument[1:]]
    return []


def _joined(strings: Literals, state: _State, end: _Place) -> _State:
    """The state before `strings`."""
    if len(strings) * len(state.prefix) <= _MOST:
        return _State(
            frozenset([(left + right)[:LONGEST] for left in strings for right in state.prefix]), state.factors
        )
    prefix = frozenset(string for string in strings if string.strip(_EDGE + _BLANKS))
    if len(prefix) < len(strings):
        prefix |= state.prefix
    return _State(_cut(prefix), _kept(state, end))


def _one_of(states: Sequence[_State], place: _Place) -> tuple[Factor, ...]:
    """The rarest factor of each, one of which must be there; nothing where one has none."""
    rarest = [next(iter(_kept(state, place)), None) for state in states]
    known = [factor for factor in rarest if factor is not None]
    if len(known) < len(rarest):
        return ()
    literals = _union(factor.literals for factor in known)
    return (Factor(share(literals), max((factor.reach for factor in known), default=0), literals),)


def _kept(state: _State, place: _Place) -> tuple[Factor, ...]:
    """The factors, and what the rest, which stands at `place`, begins with: it is about to be forgotten."""
    prefix = frozenset([b" " + string for string in state.prefix]) if place.blank else state.prefix
    finished = _finished(prefix)
    if not finished:
        return state.factors
    reach = inf if any(_BLANKS in string for string in prefix) else place.offset + LONGEST + 1
    return _rarest((*state.factors, Factor(share(finished), reach, finished)))


def _rarest(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    ordered = sorted(dict.fromkeys(factors), key=lambda factor: factor.share)
    if len(ordered) <= _KEPT:
        return tuple(ordered)
    near = [factor for factor in ordered[_KEPT:] if factor.reach <= NEAR]
    missing = 2 - sum(factor.reach <= NEAR for factor in ordered[:_KEPT])
    return (*ordered[:_KEPT], *near[: max(0, missing)])


def _union(sets: Iterable[Literals]) -> Literals:
    return frozenset[bytes]().union(*sets)


def _cut(strings: Literals) -> Literals:
    """The strings cut short until they are few."""
    if b"" in strings:
        return _ANYTHING
    length = LONGEST
    while len(strings) > _MOST and length > 3:
        length -= 1
        strings = frozenset([string[:length] for string in strings])
    return strings if len(strings) <= _MOST else _ANYTHING


def _exact(nodes: Nodes, flags: int) -> Literals | None:
    """All strings the nodes match, where they are few."""
    found = [b""]
    word = b""
    for operator, argument in nodes:
        name = operator.name
        strings: Literals | None
        if name == "LITERAL" and argument < 128:
            word += FOLD[argument : argument + 1]
            continue
        if name in _SINGLE:
            strings = characters(operator, argument, flags)
        elif name == "AT":
            edge = str(argument) in _ENDS or (
                # of ASCII words alone nothing is said: a look-alike beside the boundary counts there as no letter
                str(argument) == "AT_BOUNDARY" and not flags & ASCII
            )
            strings = frozenset([_EDGE]) if edge else _ANYTHING
        elif name in ("ASSERT", "ASSERT_NOT"):
            continue
        elif name == "SUBPATTERN":
            strings = _exact(argument[3].data, flags_within(flags, argument))
        elif name == "ATOMIC_GROUP":
            strings = _exact(argument.data, flags)
        elif name in _REPEATS:
            strings = _copies(argument[0], argument[1], argument[2].data, flags)
        elif branches := _branches(name, argument):
            strings = _either(branches, flags)
        else:
            return None
        if strings is None or len(found) * len(strings) > _MOST:
            return None
        found = [left + word + right for left in found for right in strings]
        word = b""
    return frozenset([string + word for string in found] if word else found)


def _either(branches: list[Nodes], flags: int) -> Literals | None:
    found = set[bytes]()
    for branch in branches:
        strings = _exact(branch, flags) if len(branches) <= _MOST else None
        if strings is None or len(found) + len(strings) > _MOST:
            return None
        found |= strings
    return frozenset(found)


def _copies(low: int, high: int, body: Nodes, flags: int) -> Literals | None:
    if high > 3 or (strings := _exact(body, flags)) is None:
        return None
    found: Literals = frozenset()
    copies = _ANYTHING
    for count in range(high + 1):
        if count >= low:
            found |= copies
        copies = frozenset([left + right for left in copies for right in strings])
        if len(copies) > _MOST:
            return None
    return found


def _width(operator: Any, argument: Any) -> float:
    """The most characters a node spans."""
    name = operator.name
    if name in _SINGLE:
        return 1
    if name in ("AT", "ASSERT", "ASSERT_NOT", "FAILURE"):
        return 0
    if name == "SUBPATTERN":
        most = argument[3].getwidth()[1]
    elif name == "ATOMIC_GROUP":
        most = argument.getwidth()[1]
    elif name in _REPEATS:
        most = argument[2].getwidth()[1] * argument[1]
    elif name == "BRANCH":
        most = max(branch.getwidth()[1] for branch in argument[1])
    else:
        return inf
    return int(most) if most < 100_000 else inf


def _after_blank(node: tuple[Any, Any], flags: int, blank: bool) -> bool:
    """Whether a blank stands before what follows the node; `blank`: whether one stands before it."""
    operator, argument = node
    name = operator.name
    if name in _SINGLE:
        return characters(operator, argument, flags) == _BLANK
    if name == "AT":
        return blank or str(argument) in ("AT_BEGINNING", "AT_BEGINNING_STRING")
    if name in ("ASSERT", "ASSERT_NOT"):
        return blank
    if name == "SUBPATTERN":
        return _all_after_blank(argument[3].data, flags_within(flags, argument), blank)
    if name in _REPEATS:
        return (blank or argument[0] > 0) and _all_after_blank(argument[2].data, flags, blank)
    branches = _branches(name, argument)
    return bool(branches) and all(_all_after_blank(branch, flags, blank) for branch in branches)


def _all_after_blank(nodes: Nodes, flags: int, blank: bool) -> bool:
    for node in nodes:
        blank = _after_blank(node, flags, blank)
    return blank


@lru_cache(maxsize=16384)
def _finished(strings: Literals) -> Literals | None:
    """The strings with their boundaries as blanks; None where one of them says nothing."""
    found: list[bytes] = []
    for string in sorted(filter(None, map(_bounded, strings))):
        if not string.strip():
            return None
        if not found or not string.startswith(found[-1]):
            found.append(string)
    return frozenset(found) or None


def _bounded(string: bytes) -> bytes | None:
    """Each boundary as a blank where a letter or digit stands on one side of it; None: no text has it."""
    if _BLANKS in string:
        core = string.lstrip(_EDGE + _BLANKS + b" ")
        head = string.removesuffix(core)
        if _BLANKS in head:
            string = (b" " if b" " in head else head[-1:].strip(_BLANKS)) + core
        string = string.partition(_BLANKS)[0]
    first, *parts = re.split(rb"\x01+", string)
    done = first
    for part in parts:
        before, after = done[-1:].strip(), part[:1].strip()
        if before and after:
            return None
        if (before and not part) or (after and not done):
            done += b" "
        done += part
    return done or b" "
