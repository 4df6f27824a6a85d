"""Reading signals and patterns."""

from __future__ import annotations

import re
from collections.abc import Mapping

from grader.rubric.fields import Fields, did_you_mean
from grader.rubric.model import GUARDS, Label, Pattern, Signal
from grader.rubric.regexes import regex_fault
from grader.rubric.scopes import read_scope
from grader.text import one_line

__all__ = ["RESERVED", "read_patterns", "read_signals"]

RESERVED = frozenset({"unsure", "present", "absent", "all"})
_RULE_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_LEAST_PHRASE = 12
_OWN_FIELDS = {"regex": ("regex",), "phrase": ("phrases", "threshold"), "combine": ("all", "window", "within")}


def read_signals(fields: Fields) -> dict[str, Signal]:
    """The `[[signal]]` tables by id, in the order of the file."""
    signals: dict[str, Signal] = {}
    for reader in fields.tables("signal"):
        signal_id = _rule_id(reader, signals)
        regex, phrases = _regexes(reader), _phrases(reader)
        if not regex and not phrases and not reader.wrong("regex") and not reader.wrong("phrases"):
            reader.error(None, 'needs "regex" or "phrases"')
        threshold = reader.whole("threshold", 90, 80, 100)
        negatable, anywhere = reader.flag("negatable", True), reader.flag("anywhere", False)
        reader.finish()
        signals.setdefault(signal_id, Signal(signal_id, regex, phrases, threshold, negatable, anywhere))
    return signals


def read_patterns(
    fields: Fields, label: Label, signals: Mapping[str, Signal], values_known: bool
) -> tuple[Pattern, ...]:
    """The label's `[[label.pattern]]` tables."""
    patterns: dict[str, Pattern] = {}
    for reader in fields.tables("pattern"):
        pattern_id = _rule_id(reader, patterns)
        kind = reader.choice("kind", ("regex", "phrase", "combine"))
        own = () if reader.wrong("kind") else _OWN_FIELDS[kind]
        for key in (key for keys in _OWN_FIELDS.values() for key in keys):
            if not own:
                reader.passed_over(key)
            elif key not in own and reader.has(key):
                reader.misplaced(key, f'"{key}" does not belong to kind "{kind}"')
        pattern = Pattern(
            id=pattern_id,
            kind=kind,  # type: ignore[arg-type]
            weight=reader.number("weight", 0, 1),
            why=reader.text("why"),
            value=_value(reader, label, values_known),
            regex=_regexes(reader, required=True) if "regex" in own else (),
            phrases=_phrases(reader, required=True) if "phrases" in own else (),
            threshold=reader.whole("threshold", 90, 80, 100) if "threshold" in own else 90,
            all=_entries(reader, signals) if "all" in own else (),
            window=reader.whole("window", 2, 1, 20) if "window" in own else 2,
            within=reader.whole("within", 4, 0, 50) if "within" in own and reader.has("within") else None,
            guards=_guards(reader),
            scope=read_scope(reader, label.scope, within=label.scope) if reader.has("scope") else None,
            match=reader.texts("match"),
            nomatch=reader.texts("nomatch"),
        )
        reader.finish(also=("window", "within", "threshold", "phrases", "regex", "all"))
        patterns.setdefault(pattern_id, pattern)
    return tuple(patterns.values())


def _rule_id(reader: Fields, taken: Mapping[str, object]) -> str:
    rule_id = reader.text("id")
    if reader.wrong("id"):
        return rule_id
    if not _RULE_ID.fullmatch(rule_id):
        reader.error(
            "id", f'id "{one_line(rule_id, 60)}" must be at most 40 of a-z, 0-9, "_" and "-", starting with a letter'
        )
    elif rule_id in RESERVED:
        reader.error("id", f'id "{rule_id}" is reserved')
    elif rule_id in taken:
        reader.error("id", f'id "{rule_id}" is there twice')
    return rule_id


def _regexes(reader: Fields, *, required: bool = False) -> tuple[str, ...]:
    regexes = reader.texts("regex", required=required)
    for position, regex in enumerate(regexes):
        if reader.problems.tried and (fault := regex_fault(regex)):
            reader.at(("regex", position), f"regex '{one_line(regex, 80)}' {fault}")
    return regexes


def _phrases(reader: Fields, *, required: bool = False) -> tuple[str, ...]:
    phrases = reader.texts("phrases", required=required)
    for position, phrase in enumerate(phrases):
        if len(phrase.strip()) < _LEAST_PHRASE:
            reader.at(
                ("phrases", position),
                f'phrase "{one_line(phrase)}" is under {_LEAST_PHRASE} characters: too short to be fuzzy, use a regex',
            )
    return phrases


def _value(reader: Fields, label: Label, values_known: bool) -> str:
    value = reader.text("value", "present" if label.scale == "binary" else None)
    if values_known and not reader.wrong("value") and value not in label.values:
        said = one_line(value, 60)
        reader.error(
            "value", f'value "{said}" is off the scale: {", ".join(label.values)}{did_you_mean(value, label.values)}'
        )
    return value


def _guards(reader: Fields) -> tuple[str, ...]:
    if not reader.has("guards"):
        reader.texts("guards")
        return GUARDS
    given = reader.texts("guards")
    for position, guard in enumerate(given):
        if guard not in GUARDS:
            reader.at(
                ("guards", position),
                f'unknown guard "{one_line(guard, 60)}"{did_you_mean(guard, GUARDS) or ": " + ", ".join(GUARDS)}',
            )
    return tuple(guard for guard in GUARDS if guard in given)


def _entries(reader: Fields, signals: Mapping[str, Signal]) -> tuple[tuple[str, ...], ...]:
    entries = []
    for position, entry in enumerate(reader.texts("all", required=True)):
        choices = tuple(choice.strip() for choice in entry.split("|"))
        for choice in choices:
            if choice not in signals:
                reader.at(
                    ("all", position), f'undefined signal "{one_line(choice, 60)}"{did_you_mean(choice, signals)}'
                )
        entries.append(choices)
    return tuple(entries)
