"""What a rubric's rules need, worked out once: per role and kind of block, which patterns, and which expressions they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.raters.rules.budget import OutOfTime, TimeBudget
from grader.raters.rules.matcher import Backend, Matcher, Sifted
from grader.rubric.hits import Extent, Passage
from grader.rubric.model import Label, Pattern, Rubric, Signal
from grader.rubric.phrases import phrase_spans
from grader.transcript import BLOCK_KINDS, ROLES

__all__ = ["Plan", "Rule", "plans"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern with the label it belongs to."""

    label: Label
    pattern: Pattern


class Plan:
    """The rules for one kind of block, and in which order to ask whether they can hit.

    Sources are signals and the patterns that have expressions or phrases of their own, by number. A rule needs one source for
    each part of its pattern. Sets of parts are integers, with a bit for part p of rule r at p * rules + r: texts are many, and
    which rules are left where some sources are is told by a few operations on these.
    """

    def __init__(self, rules: Sequence[Rule], signals: dict[str, Signal], backend: Backend) -> None:
        self.rules = tuple(rules)
        self.signals = signals
        self._sources = _sources(self.rules, signals)
        self._place = {id(source): place for place, source in enumerate(self._sources)}
        regexes = dict.fromkeys(regex for source in self._sources for regex in source.regex)
        self.matcher = Matcher(tuple(regexes), backend)
        atoms = {regex: number for number, regex in enumerate(regexes)}
        self._numbers = [tuple(dict.fromkeys(atoms[regex] for regex in source.regex)) for source in self._sources]
        self._holders: list[list[int]] = [[] for _ in regexes]
        for place, numbers in enumerate(self._numbers):
            for number in numbers:
                self._holders[number].append(place)
        self._phrased = frozenset(place for place, source in enumerate(self._sources) if source.phrases)
        parts = [self._parts(rule.pattern) for rule in self.rules]
        self._most = max(map(len, parts), default=0)
        self._all = (1 << len(self.rules)) - 1
        self._meets = [0] * len(self._sources)
        """For each source the parts it meets."""
        self._given = 0
        """The parts that are none, met anyway."""
        self._rules_of = [0] * len(self._sources)
        for number, needed in enumerate(parts):
            for part in range(self._most):
                bit = 1 << part * len(self.rules) + number
                if part >= len(needed):
                    self._given |= bit
                    continue
                for place in needed[part]:
                    self._meets[place] |= bit
                    self._rules_of[place] |= 1 << number
        self._looks = [2] * len(self._sources)
        self._met = [1] * len(self._sources)
        self.always = bool(self._left(self._phrased))
        """Whether some rule may hit without any expression: then texts without candidates are looked at too."""

    def feasible(self, sifted: Sifted | None, budget: TimeBudget) -> list[Rule]:
        """The rules that can hit in a text: those of whose parts each has a source there. A source whose search ran out of
        time may be there."""
        there: dict[int, list[int]] = {place: [] for place in self._phrased}
        for number in sifted.numbers if sifted is not None else ():
            for place in self._holders[number]:
                there.setdefault(place, []).append(number)
        left = self._left(there)
        if sifted is None or not left:
            return self._named(left)
        met, looks = self._met, self._looks
        # The rarest first: where it is not, most rules are done with.
        for place in sorted(there, key=lambda place: met[place] / looks[place]):
            if not self._rules_of[place] & left or place in self._phrased:
                continue
            looks[place] += 1
            if self._occurs(there[place], sifted, budget):
                met[place] += 1
                continue
            del there[place]
            left = self._left(there)
            if not left:
                break
        return self._named(left)

    def extents(self, source: Pattern | Signal, sifted: Sifted | None, passage: Passage) -> list[Extent]:
        """The matches of a signal or pattern in a text, ascending."""
        numbers = self._numbers[self._place[id(source)]]
        if sifted is None:
            found = []
        elif len(numbers) == 1 and not source.phrases:
            return sifted.spans(numbers[0])
        else:
            found = [span for number in numbers for span in sifted.spans(number)]
        for phrase in source.phrases:
            found += phrase_spans(phrase, passage.folded, source.threshold)
        return sorted(set(found))

    def _occurs(self, numbers: Sequence[int], sifted: Sifted, budget: TimeBudget) -> bool:
        budget.start(len(sifted.text))
        try:
            return any(map(sifted.spans, numbers))
        except OutOfTime:
            return True
        finally:
            budget.stop()

    def _left(self, there: Iterable[int]) -> int:
        """The rules, a bit each, that can hit where these sources are."""
        parts = self._given
        for place in there:
            parts |= self._meets[place]
        left = self._all
        for part in range(self._most):
            left &= parts >> part * len(self.rules)
        return left

    def _named(self, left: int) -> list[Rule]:
        return [rule for number, rule in enumerate(self.rules) if left >> number & 1] if left else []

    def _parts(self, pattern: Pattern) -> list[tuple[int, ...]]:
        """For each part of the pattern the sources one of which it takes."""
        if pattern.kind != "combine":
            return [(self._place[id(pattern)],)]
        return [tuple(self._place[id(self.signals[choice])] for choice in choices) for choices in pattern.all]


def _sources(rules: Sequence[Rule], signals: dict[str, Signal]) -> list[Pattern | Signal]:
    """Signals and patterns with expressions or phrases of their own, each once."""
    found: dict[int, Pattern | Signal] = {}
    for rule in rules:
        pattern = rule.pattern
        named = (
            [signals[choice] for choices in pattern.all for choice in choices]
            if pattern.kind == "combine"
            else [pattern]
        )
        found.update((id(source), source) for source in named)
    return list(found.values())


def plans(rubric: Rubric, backend: Backend) -> dict[tuple[str, str], Plan]:
    """The plan for each (role, block kind) that some pattern is about; equal rule sets share one plan."""
    signals = {signal.id: signal for signal in rubric.signals}
    shared: dict[tuple[tuple[str, str], ...], Plan] = {}
    found: dict[tuple[str, str], Plan] = {}
    for role in ROLES:
        for kind in BLOCK_KINDS:
            rules = tuple(
                Rule(label, pattern)
                for label in rubric.labels
                for pattern in label.patterns
                for scope in (pattern.scope or label.scope,)
                if role in scope.roles and kind in scope.blocks
            )
            if rules:
                key = tuple((rule.label.id, rule.pattern.id) for rule in rules)
                if key not in shared:
                    shared[key] = Plan(rules, signals, backend)
                found[role, kind] = shared[key]
    return found
