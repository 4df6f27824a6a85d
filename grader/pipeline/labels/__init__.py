"""Labels made elsewhere become annotations of a named rater, each checked against transcript and rubric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from grader.annotation import MACHINE_KINDS, UNSURE, Annotation, rater_kind, rater_name
from grader.errors import GraderError, StoreError, UsageError
from grader.pipeline.labels.exported import is_exported_table
from grader.pipeline.labels.file_text import label_text
from grader.pipeline.labels.mapping import LabelMap, load_map
from grader.pipeline.labels.native import LabelImport, Rejected, import_annotations, take_exported
from grader.pipeline.labels.said import Said
from grader.pipeline.labels.sources import is_native, said_in_file, said_in_scores
from grader.quotes import find_quote
from grader.readers.times import utc_iso
from grader.rubric import Label, Rubric
from grader.store import (
    Entry,
    Selection,
    Store,
    add_annotations,
    entries,
    entry,
    load,
    read_annotations,
    register_rubric,
)
from grader.text import one_line, storable
from grader.transcript import Span, Transcript

__all__ = [
    "LabelImport",
    "LabelMap",
    "Rejected",
    "import_annotations",
    "import_labels",
    "import_scores",
    "load_map",
]

_DIGEST = 8
_YES = frozenset({"present", "yes", "true", "1", "1.0", "y", "t"})
_NO = frozenset({"absent", "no", "false", "0", "0.0", "n", "f"})


def import_labels(
    store: Store,
    path: Path,
    rubric: Rubric,
    how: LabelMap | None = None,
    *,
    view: Literal["blind", "assisted"] | None = None,
    round: str | None = None,
    rater: str | None = None,
) -> LabelImport:
    """Append the labels in `path` (`-`: standard input) to the log and say what became of each row; twice changes nothing.

    What `export` writes is taken as it is (its own rater, round, view and ids), and is a table like any other once `how` or
    `rater` says something of it. Any other table is read by `how`; `view` is what the importer states about it: only
    `blind` may enter agreement (None: assisted). `round` is that of rows that name none (None: main). Raises BadInput for
    an unusable file, UsageError for `view` or `round` of an export that is taken as it is.
    """
    if how is None:
        how = LabelMap()
    text = label_text(path)
    if how == LabelMap() and rater is None and (is_native(text) or is_exported_table(text)):
        if view is not None or round is not None:
            given = f"--{view}" if view is not None else "--round"
            raise UsageError(
                f"{path}: {given}: an export of grader says rater, round and view itself and is taken as it is; leave "
                f"{given} out, or make a table of it with --rater or --map"
            )
        return take_exported(store, path, text, rubric)
    if rater is not None:
        how = msgspec.structs.replace(how, rater_name=rater)
    left_out: Counter[str] = Counter()
    said = said_in_file(path, text, how, left_out)
    return _take(store, rubric, str(path), said, left_out, how, view or "assisted", round or "main")


def import_scores(
    store: Store,
    rubric: Rubric,
    how: LabelMap,
    *,
    where: Selection | None = None,
    view: Literal["blind", "assisted"] | None = None,
    round: str | None = None,
    rater: str | None = None,
) -> LabelImport:
    """The same for scores that the logs carry, by `how.scores`."""
    if not how.scores:
        raise GraderError('--scores needs a [scores] table in --map, as in [scores] "harmful" = "blackmail"')
    if rater is not None:
        how = msgspec.structs.replace(how, rater_name=rater)
    left_out: Counter[str] = Counter()
    said = said_in_scores(entries(store, where), how, left_out)
    return _take(store, rubric, "scores", said, left_out, how, view or "assisted", round or "main")


def _take(
    store: Store,
    rubric: Rubric,
    source: str,
    said: Iterable[Said],
    left_out: Counter[str],
    how: LabelMap,
    view: str,
    round: str,
) -> LabelImport:
    result = LabelImport(source)
    register_rubric(store, rubric)
    reader = _Reader(store, rubric, how, view, round)
    new: dict[_Cell, list[Annotation]] = {}
    for one in said:
        try:
            item = reader.annotation(one)
        except (ValueError, StoreError) as error:
            reason = str(error) if one.line else f"{one.transcript}: {error}"
            result.rejected.append(Rejected(one.line, one_line(reason, 240)))
            continue
        if item is None:
            left_out["answers that [labels] or [values] says are none"] += 1
            continue
        cell = new.setdefault(_cell(item), [])
        joined = _joined(cell[-1], item) if cell else None
        if joined is None:
            cell.append(item)
        else:
            cell[-1] = joined
            result.joined += 1
    left_out["times that are no ISO 8601 (that of the import stands for them)"] += reader.unread_times
    held = _Held(store, rubric)
    taken = [item for cell in new.values() for item in cell if not held.has(item)]
    add_annotations(store, taken)
    result.taken = len(taken)
    result.known = sum(map(len, new.values())) - len(taken)
    result.left_out = {kind: count for kind, count in left_out.items() if count}
    return result


_Cell: TypeAlias = tuple[object, ...]


def _cell(item: Annotation) -> _Cell:
    return (item.transcript_digest, item.message, item.label, item.rater, item.round)


def _joined(first: Annotation, second: Annotation) -> Annotation | None:
    """One annotation with the evidence and notes of both, where both give one answer; None where they differ in anything.

    Regions of one label in Label Studio, and rows of a table with a quote each, are evidence for one answer.
    """
    if (first.value, first.view) != (second.value, second.view):
        return None
    for one, other in ((first.severity, second.severity), (first.confidence, second.confidence)):
        if one is not None and other is not None and one != other:
            return None
    notes = dict.fromkeys(note for note in (first.note, second.note) if note)
    return msgspec.structs.replace(
        first,
        severity=first.severity if first.severity is not None else second.severity,
        confidence=first.confidence if first.confidence is not None else second.confidence,
        spans=tuple(dict.fromkeys(first.spans + second.spans)),
        note="; ".join(notes) or None,
    )


class _Held:
    """What the log holds already, rater by rater, what was said over since included: a file that is imported once more
    must not bring back what its rater has changed, in a later row of it or here."""

    def __init__(self, store: Store, rubric: Rubric) -> None:
        self._store, self._rubric = store, rubric
        self._said: dict[str, set[tuple[object, ...]]] = {}

    def has(self, item: Annotation) -> bool:
        if item.rater not in self._said:
            before = read_annotations(
                self._store, current=False, rater=item.rater, rubric=self._rubric.id, all_transcripts=True
            )
            self._said[item.rater] = {_words(one) for one in before}
        return _words(item) in self._said[item.rater]


def _words(item: Annotation) -> tuple[object, ...]:
    said = (item.value, item.view, item.label_digest, item.severity, item.confidence, item.note, item.spans)
    return (*_cell(item), *said)


class _Reader:
    """Turns outside answers into annotations; keeps the last transcript at hand, for tables are sorted by it."""

    def __init__(self, store: Store, rubric: Rubric, how: LabelMap, view: str, round: str) -> None:
        self._store, self._rubric, self._how, self._view, self._round = store, rubric, how, view, round
        self._labels = {label.id: label for label in rubric.labels}
        self._titles = {label.title.casefold(): label for label in rubric.labels}
        self._entries: dict[str, Entry] = {}
        self._loaded: tuple[str, Transcript] | None = None
        self.unread_times = 0

    def annotation(self, one: Said) -> Annotation | None:
        """None where the map says it is no answer. Raises ValueError or StoreError with the reason a row is not taken."""
        if one.fault:
            raise ValueError(one.fault)
        if not one.transcript.strip():
            raise ValueError(f"no transcript id (column {self._how.transcript!r})")
        found = self._entry(one.transcript)
        if self._how.labels.get(one.label) == "":
            return None
        label, given = self._question(one)
        value = self._value(label, given)
        if value is None:
            return None
        message = self._message(one, label, found)
        if not one.rater.strip():
            raise ValueError("no rater: name one with --rater or map its column")
        spans, note = self._spans(found, one, message, label)
        rater = rater_name(storable(self._how.raters.get(one.rater, one.rater))[0])
        return Annotation(
            transcript=found.id,
            transcript_digest=found.digest,
            label=label.id,
            value=value,
            rater=rater,
            rubric=self._rubric.id,
            rubric_digest=self._rubric.digest,
            label_digest=label.digest,
            message=message,
            severity=_severity(one.severity),
            spans=spans,
            confidence=_share(one.confidence),
            note=storable(note)[0] or None,
            round=one.round or self._round,
            view=None if rater_kind(rater) in MACHINE_KINDS else self._view,  # type: ignore[arg-type]
            created=self._time(one.time),
            action="import",
        )

    def _time(self, text: str) -> str:
        """In UTC as the log has it; "" (the time of the import) for what is none: 03/04/2024 is March or April."""
        told = utc_iso(text)
        self.unread_times += told is None and bool(text.strip())
        return "" if told is None else datetime.fromisoformat(told).replace(tzinfo=UTC).isoformat()

    def _entry(self, given: str) -> Entry:
        """By the whole id, or eight letters of the digest: of an id's beginning, row 2 would be about run 20 where 2 is not there."""
        name = given.strip()
        if name not in self._entries:
            found = entry(self._store, name)
            if found.id != name and not (len(name) >= _DIGEST and found.digest.startswith(name.lower())):
                raise ValueError(
                    f"{one_line(name, 80)}: no transcript is called so; one begins so, {one_line(found.id, 80)}"
                )
            self._entries[name] = found
        return self._entries[name]

    def _question(self, one: Said) -> tuple[Label, str]:
        """The label that is answered, and with what."""
        if one.may_be_label and self._known(one.label) is None:
            chosen = self._known(one.value)
            if chosen is not None:
                return chosen, "present"
        return self._label(one.label), one.value

    def _known(self, name: str) -> Label | None:
        mapped = self._how.labels.get(name, name).strip()
        return self._labels.get(mapped) or self._titles.get(mapped.casefold())

    def _label(self, name: str) -> Label:
        label = self._known(name)
        if label is not None:
            return label
        mapped = self._how.labels.get(name, name).strip()
        close = get_close_matches(mapped, self._labels, 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        if name in self._how.labels:
            raise ValueError(
                f"rubric {self._rubric.id} has no label {mapped!r}{hint}, which [labels] makes of {name!r}"
            )
        raise ValueError(f"rubric {self._rubric.id} has no label {mapped!r}{hint}; map it under [labels]")

    def _value(self, label: Label, raw: str) -> str | None:
        mapped = self._how.value_of(label.id, raw.strip())
        if not mapped:
            return None
        for value in (mapped, mapped.removesuffix(".0")):  # spreadsheets write 3 as 3.0
            if label.accepts(value):
                return value
        if label.scale == "binary" and mapped.casefold() in _YES | _NO:
            return "present" if mapped.casefold() in _YES else "absent"
        if mapped.casefold() in (UNSURE, "unclear", "?"):
            return UNSURE
        there = f"there are {', '.join(label.values)}, unsure"
        if mapped != raw.strip():
            raise ValueError(f"{label.id} has no value {mapped!r}, which [values] makes of {raw!r} ({there})")
        raise ValueError(f"{label.id} has no value {raw!r}; map it under [values] ({there})")

    def _message(self, one: Said, label: Label, found: Entry) -> int | None:
        if one.flat_message is not None:
            index: int | None = one.flat_message + 1
        elif one.message.strip():
            text = one.message.strip().removeprefix("M")
            if not text.removesuffix(".0").isdigit():
                raise ValueError(f"message {one.message!r} is no number")
            index = int(text.removesuffix(".0")) + 1 - self._how.message_base
        else:
            index = None
        if label.unit == "transcript":
            return None
        if index is None:
            raise ValueError(f"{label.id} is asked of messages, and no message is named (column {self._how.message!r})")
        if not 1 <= index <= found.n_messages:
            raise ValueError(f"{found.id} has messages 1 to {found.n_messages}, not {index}")
        return index

    def _spans(self, found: Entry, one: Said, message: int | None, label: Label) -> tuple[tuple[Span, ...], str]:
        if not one.quotes:
            return (), one.note
        if self._loaded is None or self._loaded[0] != found.id:
            self._loaded = (found.id, load(self._store, found))
        spans: list[Span] = []
        lost: list[str] = []
        at = message if message is not None else (one.flat_message + 1 if one.flat_message is not None else None)
        for quote in one.quotes:
            evidence = find_quote(self._loaded[1], quote, message=at, scope=label.scope)
            if evidence.verified:
                spans += evidence.spans
            else:
                lost.append(quote)
        note = "; ".join(filter(None, [one.note, *(f"quote not found: {quote}" for quote in lost)]))
        return tuple(spans), note


def _severity(text: str) -> int | None:
    clean = text.strip().removesuffix(".0")
    if not clean:
        return None
    if clean not in ("1", "2", "3"):
        raise ValueError(f"severity {text!r} is not 1, 2 or 3")
    return int(clean)


def _share(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"confidence {text!r} is no number") from None
    if not 0 <= value <= 1:
        raise ValueError(f"confidence {text!r} is not between 0 and 1")
    return value
