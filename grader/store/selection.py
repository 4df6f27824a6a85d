"""The one selector: `--where "model=x condition=y round=main judge.leak=present"`, as SQL over transcripts and annotations."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable
from typing import Any

import msgspec

from grader.errors import UsageError
from grader.text import one_line

__all__ = ["Selection", "Term", "of_keys", "parse_where"]

_COLUMNS = {
    "id": "t.id",
    "digest": "t.digest",
    "source": "t.source",
    "path": "t.path",
    "format": "t.format",
    "model": "t.model",
    "task": "t.task",
    "condition": "t.condition",
    "epoch": "t.epoch",
    "n_messages": "t.n_messages",
    "n_chars": "t.n_chars",
}
_KEYS = "key"
"""Not for people: store keys, as `of_keys` makes them."""
_NUMBERS = frozenset({"epoch", "n_messages", "n_chars"})
_ANNOTATION_FIELDS = frozenset({"round", "rater", "view", "label", "rubric"})
_KINDS = frozenset({"rules", "judge", "human", "adjudicator"})
_OPERATORS = ("!=", ">=", "<=", "=", "~", ">", "<")
_TERM = re.compile(r"(?s)([^=!<>~\s]+)(!=|>=|<=|=|~|>|<)(.*)")


class Term(msgspec.Struct, frozen=True):
    """One condition: field, operator, the values any of which will do."""

    field: str
    operator: str
    values: tuple[str, ...]


class Selection(msgspec.Struct, frozen=True):
    """Parsed conditions, all of which must hold. Empty: every current transcript that is not excluded."""

    terms: tuple[Term, ...] = ()
    text: str = ""
    revisions: bool = False
    """Superseded revisions too."""

    def transcript_sql(self) -> tuple[str, list[Any]]:
        """A condition on `transcripts t` and its parameters: current revisions, exclusions left out unless asked for."""
        parts, parameters = ["1" if self.revisions else "t.superseded_by IS NULL"], []
        if not any(term.field == "excluded" for term in self.terms):
            parts.append(f"NOT {_EXCLUDED}")
        for term in self.terms:
            sql, values = _term_sql(term)
            parts.append(sql)
            parameters += values
        return " AND ".join(f"({part})" for part in parts), parameters

    def annotation_sql(self) -> tuple[str, list[Any]]:
        """The conditions on `annotations a` itself (round, rater, view, label, rubric), for queries that join raters r, labels l."""
        parts, parameters = ["1"], []
        for term in self.terms:
            if term.field in _ANNOTATION_FIELDS:
                sql, values = _annotation_term(term)
                parts.append(sql)
                parameters += values
        return " AND ".join(f"({part})" for part in parts), parameters

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label the selection names, so that a caller with a rubric can refuse a misspelt one."""
        named = [term.field.partition(".")[2] for term in self.terms if _names_a_label(term.field)]
        named += [value for term in self.terms if term.field == "label" for value in term.values]
        return tuple(named)

    def with_term(self, field: str, *values: str) -> Selection:
        """The same and one more: `field` is one of `values`."""
        return Selection((*self.terms, Term(field, "=", values)), self.text)


def of_keys(keys: Iterable[int]) -> Selection:
    """The transcripts with these store keys."""
    return Selection((Term(_KEYS, "=", tuple(map(str, keys))),))


def parse_where(text: str | None) -> Selection:
    """Read a selector. Conditions are separated by spaces, values with spaces are quoted, `a,b` means either.

    Fields: id digest source path format model task condition epoch n_messages n_chars excluded, `condition.<part>`,
    `metadata.<path>`, round rater view label rubric, `<kind>.<label>` and `<rater>.<label>` (value of the transcript,
    rolled up; `missing` where nobody answered). Operators: = != ~ (glob) and for numbers > >= < <=.
    Raises UsageError.
    """
    if not text or not text.strip():
        return Selection()
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--where {one_line(text)!r}: {error}") from error
    return Selection(tuple(_parse_term(word) for word in words), text)


def _parse_term(word: str) -> Term:
    found = _TERM.fullmatch(word)
    if found is None:
        raise UsageError(
            f"--where: {one_line(word)!r} is no condition; write field=value, as in model=x or judge.leak=present"
        )
    field, operator, value = found.groups()
    _check_field(field)
    values = tuple(value.split(",")) if operator in ("=", "!=") else (value,)
    numeric = field in _NUMBERS
    if operator in (">", ">=", "<", "<=") and not (numeric or field.startswith("metadata.")):
        raise UsageError(f"--where: {operator} compares numbers; {one_line(field)} is text")
    if numeric and operator != "~":
        for item in values:
            if not re.fullmatch(r"-?\d+", item):
                raise UsageError(f"--where: {field} takes a whole number, not {one_line(item)!r}")
    if field == "excluded" and (operator != "=" or value not in ("yes", "no", "any")):
        raise UsageError("--where: excluded=yes, excluded=no or excluded=any")
    return Term(field, operator, values)


def _check_field(field: str) -> None:
    head, dot, rest = field.partition(".")
    if field in _COLUMNS or field in _ANNOTATION_FIELDS or field == "excluded":
        return
    if dot and rest and (head in ("condition", "metadata") or _names_a_label(field)):
        return
    known = [*_COLUMNS, *sorted(_ANNOTATION_FIELDS), "excluded"]
    close = difflib.get_close_matches(field, known, 1)
    hint = (
        f" (did you mean {close[0]}?)" if close else f"; there are {', '.join(known)}, metadata.<key>, <kind>.<label>"
    )
    raise UsageError(f"--where: unknown field {one_line(field)!r}{hint}")


def _names_a_label(field: str) -> bool:
    head, dot, _ = field.rpartition(".")
    return bool(dot) and (head in _KINDS or (head.partition(":")[0] in _KINDS and ":" in head))


_EXCLUDED = "coalesce((SELECT x.excluded FROM exclusions x WHERE x.transcript = t.key ORDER BY x.key DESC LIMIT 1), 0)"


def _term_sql(term: Term) -> tuple[str, list[Any]]:
    if term.field == _KEYS:
        return "t.key IN (SELECT value FROM json_each(?))", [f"[{','.join(term.values)}]"]
    if term.field == "excluded":
        return {"yes": _EXCLUDED, "no": f"NOT {_EXCLUDED}", "any": "1"}[term.values[0]], []
    if term.field in _ANNOTATION_FIELDS:
        sql, values = _annotation_term(term)
        rows = "annotations a JOIN raters r ON r.key = a.rater JOIN labels l ON l.key = a.label"
        return f"EXISTS (SELECT 1 FROM {rows} WHERE a.transcript = t.key AND {sql})", values
    if _names_a_label(term.field):
        return _label_term(term)
    if term.field in _COLUMNS:
        return _compare(_COLUMNS[term.field], term)
    head, _, rest = term.field.partition(".")
    steps = (["condition_parts"] if head == "condition" else []) + rest.split(".")
    path = "$" + "".join(f'."{step}"' for step in steps)
    sql, values = _compare("CAST(json_extract(t.metadata, ?) AS TEXT)", term)
    if term.operator in (">", ">=", "<", "<="):
        sql, values = f"json_extract(t.metadata, ?) {term.operator} CAST(? AS REAL)", [term.values[0]]
    return sql, [path.replace("\x00", ""), *values]


def _compare(column: str, term: Term) -> tuple[str, list[Any]]:
    if term.operator == "~":
        return f"{column} GLOB ?", [term.values[0]]
    if term.operator in ("=", "!="):
        marks = ", ".join("?" * len(term.values))
        positive = f"coalesce({column}, '') IN ({marks})"
        values: list[Any] = list(term.values)
        if term.field in _NUMBERS:
            positive, values = f"{column} IN ({marks})", [int(value) for value in term.values]
        return (f"coalesce(NOT ({positive}), 1)" if term.operator == "!=" else positive), values
    return f"{column} {term.operator} ?", [int(term.values[0])]


def _annotation_term(term: Term) -> tuple[str, list[Any]]:
    column = {
        "round": "a.round",
        "rater": "r.name",
        "view": "coalesce(a.view, '')",
        "label": "l.label",
        "rubric": "l.rubric",
    }[term.field]
    values = term.values
    if term.field == "rater":
        # `ana` is human:ana; a kind alone (`judge`) is every rater of that kind
        values = tuple(
            value if ":" in value else f"{value}:*" if value in _KINDS else f"human:{value}" for value in values
        )
        condition = " OR ".join(["r.name GLOB ?"] * len(values))
        values = tuple(value.replace("[", "[[]") for value in values)
        return (f"NOT ({condition})" if term.operator == "!=" else f"({condition})"), list(values)
    return _compare(column, msgspec.structs.replace(term, values=values))


def _label_term(term: Term) -> tuple[str, list[Any]]:
    who, _, label = term.field.rpartition(".")
    rater = "r.kind = ?" if who in _KINDS else "r.name = ?"
    conditions, parameters = [], []
    for value in term.values:
        sql, values = _rolled_up(rater, who, label, value)
        conditions.append(f"({sql})")
        parameters += values
    joined = " OR ".join(conditions)
    if term.operator not in ("=", "!="):
        raise UsageError(f"--where: {one_line(term.field)} takes = or !=")
    return (f"NOT ({joined})" if term.operator == "!=" else f"({joined})"), parameters


def _rolled_up(rater: str, who: str, label: str, value: str) -> tuple[str, list[Any]]:
    """A label of messages, read for the whole transcript: present if any is, absent if all are."""
    said = (
        "EXISTS (SELECT 1 FROM current_annotations a JOIN raters r ON r.key = a.rater JOIN labels l ON l.key = a.label"
        f" WHERE a.transcript = t.key AND {rater} AND l.label = ?"
    )
    scanned = (
        f"EXISTS (SELECT 1 FROM passes p JOIN raters r ON r.key = p.rater WHERE p.transcript = t.key AND {rater}"
        " AND instr(p.answers, ?) > 0 AND p.key = (SELECT max(q.key) FROM passes q WHERE q.transcript = p.transcript AND q.rater = p.rater))"
    )
    word = f" {label} "
    if value == "missing":
        return f"NOT {said}) AND NOT {scanned}", [who, label, who, word]
    if value == "absent":
        return (
            f"NOT {said} AND a.value <> 'absent') AND ({said} AND a.value = 'absent') OR {scanned})",
            [who, label, who, label, who, word],
        )
    if value == "unsure":
        return f"{said} AND a.value = 'unsure') AND NOT {said} AND a.value = 'present')", [who, label, who, label]
    return f"{said} AND a.value = ?)", [who, label, value]
