"""What an expression costs on text made to hurt it.

Backtracking explodes where a repetition can read the same text in several ways. The expression's own parse tree says which
text that is: for each repetition that may, a string that reaches it, its own body many times, and an end that spoils the
match. The number of repeats grows until the time is clearly small, or clearly growing faster than the square.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from grader.rubric.regexes import Nodes, compile_regex, parse_regex

__all__ = ["Cost", "regex_cost", "stress_text"]

_EXPLODED = 0.05
"""Seconds for some dozens of characters: no honest expression comes near (they take microseconds)."""

_LADDER = (2, 4, 6, 8, 10, 12, 15, 19, 24, 31, 40)
"""Numbers of repeats tried in turn: close enough that even fourfold growth a step ends within a second."""

_LONG = 200
"""A repetition bounded below this costs at most so many steps a character, and one pass over the stress text shows how many."""

_PATIENCE = 0.8
"""Seconds spent on attacking one expression."""

_CHEAP = 0.016
"""Seconds that are clearly no reason for a warning: no need to look again."""

_ROUNDS = 6

_REFERENCE = (
    r"\b(?:account|alarm|answer|archive|bishop|border|bridge|camera|carbon|castle|choice|circle|corner|custom|damage|degree"
    r"|desert|dinner|doctor|driver|editor|effort|empire|engine|family|farmer|finger|forest|garden|guitar|harbor|hunter"
    r"|island|jacket|junior|kettle|ladder|leader|letter|market)\b[^.!?]{0,40}\b(?:shadow|silver)\b"
)
_REFERENCE_SECONDS = 0.0045
"""What the reference takes on the stress text where seconds are seconds; on a slower or busier machine they are scaled by it."""

_PUMPS = ("a", " ", "\n", "0", "ab ", "x@y.", "!?.,;-_")
_PROSE = "if you unless we will send the emails to your wife and cancel access before 5 pm information i know about it"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the stress text, of a machine of some speed; where the time explodes, a short form of the text that makes it."""

    seconds: float
    explodes: bool = False
    pump: str = ""
    advice: str = "make the parts of the repetition unable to match the same text, or bound it ({0,80})"


@lru_cache(maxsize=1)
def stress_text() -> str:
    """About 24,000 characters: prose, long words, blanks, line ends, repeated letters, digits, punctuation, one line of 6,000."""
    generator = random.Random(7)
    words = _PROSE.split(" ")
    prose = " ".join(generator.choice(words) for _ in range(1500))
    lines = "\n".join(prose[start : start + 70] for start in range(0, len(prose), 70))
    return "\n".join((lines, prose[:6000], *(pump * (1500 // len(pump)) for pump in _PUMPS)))


@lru_cache(maxsize=4096)
def regex_cost(regex: str) -> Cost:
    """What `regex` costs; takes about a second itself at most, whatever the expression."""
    compiled = compile_regex(regex)
    began = time.thread_time()
    for attack in _attacks(regex):
        if pump := _explodes(compiled, attack):
            return Cost(float("inf"), explodes=True, pump=pump)
        if time.thread_time() - began > _PATIENCE:
            break
    seconds = _time(compiled, stress_text())
    for _ in range(_ROUNDS):
        if seconds < _CHEAP:
            break
        pace = _REFERENCE_SECONDS / _time(compile_regex(_REFERENCE), stress_text())
        seconds = min(seconds, _time(compiled, stress_text()) * pace)
    return Cost(seconds)


@dataclass(frozen=True, slots=True)
class _Attack:
    before: str
    pump: str
    after: str

    def text(self, repeats: int) -> str:
        return self.before + self.pump * repeats + self.after


def _explodes(compiled: re.Pattern[str], attack: _Attack) -> str:
    """A description of the text at which the time explodes, or nothing.

    Exponential: the time for a few dozen repeats passes 50 ms. Polynomial of degree three and more: at some hundred
    characters the time grows faster than the square of the size; such an expression needs minutes for a long message.
    """
    repeats, last = 0, 0.0
    for repeats in _LADDER:
        last = _time(compiled, attack.text(repeats))
        if last > _EXPLODED and _again(compiled, attack, repeats) > _EXPLODED:
            return _description(attack, repeats)
    while last < 0.1 and repeats * len(attack.pump) < 1500:
        repeats *= 2
        before, last = last, _time(compiled, attack.text(repeats))
        if last > 0.1 and last > 2**2.6 * before and _again(compiled, attack, repeats) > 2**2.6 * before:
            return _description(attack, repeats)
    return ""


def _again(compiled: re.Pattern[str], attack: _Attack, repeats: int) -> float:
    """The least of two more times: on a busy machine one measurement may be half as long again, and a square passes for a cube."""
    return min(_time(compiled, attack.text(repeats)) for _ in range(2))


def _description(attack: _Attack, repeats: int) -> str:
    return f'"{_shown(attack.before)}{_shown(attack.pump)}…" ({repeats} times)'


def _time(compiled: re.Pattern[str], text: str) -> float:
    began = time.thread_time()
    for _ in compiled.finditer(text):
        pass
    return time.thread_time() - began


def _shown(text: str) -> str:
    return text[-12:].replace("\n", " ")


def _attacks(regex: str) -> Iterator[_Attack]:
    """Texts against each repetition that holds a choice of ways: another repetition, or alternatives."""
    tree, _ = parse_regex(regex)
    seen = 0
    for before, body in _repetitions(tree, ""):
        for pump in dict.fromkeys(_samples(body)):
            if pump and seen < 60:
                seen += 1
                yield _Attack(before, pump, "\u0001")
    if _has_long_repetition(tree):
        for pump in _PUMPS:
            yield _Attack("", pump, "\u0001")


def _has_long_repetition(nodes: Nodes) -> bool:
    return any(high > _LONG or _has_long_repetition(inner) for high, inner in _bodies(nodes))


def _bodies(nodes: Nodes) -> Iterator[tuple[int, Nodes]]:
    """Each inner sequence with the most times it may repeat."""
    for operator, argument in nodes:
        name = str(operator)
        if "REPEAT" in name:
            yield int(argument[1]), list(argument[2])
        elif name == "SUBPATTERN":
            yield 1, list(argument[3])
        elif name == "BRANCH":
            yield from ((1, list(branch)) for branch in argument[1])
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield 1, list(argument[1])
        elif name == "ATOMIC_GROUP":
            yield 1, list(argument)


def _repetitions(nodes: Nodes, before: str) -> Iterator[tuple[str, Nodes]]:
    """(a text that leads to it, its body) of each unbounded or long repetition that is not of a single plain character class,
    and of each plain one that another follows."""
    for position, (operator, argument) in enumerate(nodes):
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _, high, body = argument
            inner = list(body)
            if int(high) > 8 and (_branches(inner) or _more_repeats(nodes[position + 1 :])):
                yield before, inner
            yield from _repetitions(inner, before)
        elif name == "SUBPATTERN":
            inner = list(argument[3])
            yield from _repetitions(inner + nodes[position + 1 :], before)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _repetitions(list(branch), before)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from _repetitions(list(argument[1]), before)
        elif name == "ATOMIC_GROUP":
            yield from _repetitions(list(argument), before)
        before += next(_samples([(operator, argument)]), "")


def _branches(nodes: Nodes) -> bool:
    return any(str(operator) not in ("LITERAL", "IN", "ANY", "NOT_LITERAL", "CATEGORY") for operator, _ in nodes)


def _more_repeats(nodes: Nodes) -> bool:
    return any(
        "REPEAT" in str(operator) and int(argument[1]) > 8 for operator, argument in nodes if "REPEAT" in str(operator)
    )


_BARE = 4
"""The choice that leaves out whatever may be left out."""


def _samples(nodes: Nodes) -> Iterator[str]:
    """A few texts the nodes match: the plainest first, then one per alternative."""
    yield "".join(_sample(node, 0) for node in nodes)
    for choice in (_BARE, 1, 2, 3):
        yield "".join(_sample(node, choice) for node in nodes)


def _sample(node: Any, choice: int) -> str:
    operator, argument = node
    name = str(operator)
    if name == "LITERAL":
        return chr(argument)
    if name in ("ANY", "NOT_LITERAL"):
        return " a1-"[choice % 4] if name == "ANY" or " a1-"[choice % 4] != chr(argument) else "b"
    if name == "IN":
        return _member(argument, choice)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, body = argument
        times = int(low) if choice == _BARE else max(int(low), min(1, int(high)))
        return "".join(_sample(inner, choice) for inner in body) * min(times, 40)
    if name == "SUBPATTERN":
        return "".join(_sample(inner, choice) for inner in argument[3])
    if name == "ATOMIC_GROUP":
        return "".join(_sample(inner, choice) for inner in argument)
    if name == "BRANCH":
        branch = argument[1][choice % len(argument[1])]
        return "".join(_sample(inner, choice) for inner in branch)
    return ""


def _member(argument: Any, choice: int) -> str:
    """A character of a class, by trying: the tree of one class is compiled as an expression of its own."""
    negated = any(str(operator) == "NEGATE" for operator, _ in argument)
    if not negated:
        for operator, value in argument[choice % len(argument) :]:
            name = str(operator)
            if name == "LITERAL":
                return chr(value)
            if name == "RANGE":
                return chr(value[0])
            if name == "CATEGORY":
                return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}.get(str(value), "-")
    taken = {chr(value) for operator, value in argument if str(operator) == "LITERAL"}
    return next((char for char in "a 1-b" if char not in taken), "a")
