"""From a TOML file to a `Rubric`: strict, and with every error at its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from grader.errors import BadInput
from grader.rubric.digests import label_digest, rubric_digest, rules_digest
from grader.rubric.fields import Fields, Problems, did_you_mean
from grader.rubric.locate import locate
from grader.rubric.model import Example, Label, MenuEntry, Rubric
from grader.rubric.rules import RESERVED, read_patterns, read_signals
from grader.rubric.scopes import read_scope
from grader.text import one_line
from grader.transcript import Scope

__all__ = ["RubricError", "load_rubric", "parse_rubric", "rubric_ids", "rubric_path"]

_RUBRIC_ID = re.compile(r"[a-z][a-z0-9-]{1,39}")
_LABEL_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SEVERITIES = ("1", "2", "3")


class RubricError(BadInput):
    """A rubric that cannot be used; the message has one line per error, each `path:line: what is wrong`."""

    def __init__(self, path: str, errors: Sequence[tuple[int, str]]) -> None:
        super().__init__(errors[0][1], path=path, line=errors[0][0])
        self.errors = tuple(f"{path}:{line}: {message}" for line, message in errors)
        """All of them, in the order of the file."""
        self.args = ("\n".join(self.errors),)

    def __reduce__(self) -> tuple[Any, ...]:
        return (partial(_revive, self.path or "", self.errors), ())


def load_rubric(id_or_path: str | Path, *, tried: bool = True) -> Rubric:
    """The rubric of that id among those shipped, or in that file.

    `tried=False`: expressions are taken as they stand, for whoever reads labels and runs no rules: a quarter of the time.

    A string with a path separator or ending in `.toml` is a path. Expressions of shipped rubrics are not timed here: `rubric check`
    and the test suite do that, and it would double the start of every command. Raises `RubricError` with all errors of the file,
    `BadInput` when there is no such rubric or it cannot be read.
    """
    path = _find(id_or_path)
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise BadInput(f"cannot read the rubric: {problem.strerror or problem}", path=one_line(path)) from problem
    try:
        source = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise RubricError(one_line(path), [(line, f"not UTF-8: byte 0x{raw[problem.start]:02x}")]) from problem
    return parse_rubric(source, path, timed=_is_path(id_or_path), tried=tried)


def rubric_path(rubric_id: str) -> Path:
    """The file of a shipped rubric. Raises BadInput where there is none."""
    return _find(rubric_id)


def rubric_ids() -> list[str]:
    """The ids of the rubrics shipped, sorted."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def parse_rubric(source: str, path: str | Path, *, timed: bool = True, tried: bool = True) -> Rubric:
    """The rubric written in `source`; `path` names it in messages and gives the id it must have.

    `timed`: attack every expression, so that catastrophic ones are refused. `tried`: compile every expression and run every
    pattern on its own tests. Raises `RubricError`.
    """
    shown = one_line(path)
    try:
        document = tomllib.loads(source)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise RubricError(shown, [_syntax(source, problem)]) from problem
    problems = Problems(partial(locate, source), tried=tried)
    rubric = _rubric(Fields(document, (), "", problems), Path(path))
    if tried and not problems.errors:
        from grader.rubric.trials import try_patterns

        try_patterns(rubric, problems, timed=timed)
    if problems.errors:
        raise RubricError(shown, problems.errors)
    warnings = tuple(f"{shown}:{line}: {message}" for line, message in problems.warnings)
    return msgspec.structs.replace(rubric, source=str(path), warnings=warnings)


def _find(id_or_path: str | Path) -> Path:
    text = str(id_or_path)
    if _is_path(id_or_path):
        path = Path(id_or_path)
        if not path.is_file():
            what = "a folder, not a rubric file" if path.is_dir() else "no such rubric file"
            raise BadInput(what, path=one_line(path))
        return path
    path = _folder() / f"{text}.toml"
    if not _RUBRIC_ID.fullmatch(text) or not path.is_file():
        known = rubric_ids()
        raise BadInput(
            f'no rubric "{one_line(text, 60)}"{did_you_mean(text, known)}: give a path ending in .toml, or one of {", ".join(known)}'
        )
    return path


def _is_path(id_or_path: str | Path) -> bool:
    text = str(id_or_path)
    return isinstance(id_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text


def _folder() -> Path:
    """Where the shipped rubrics are: packaged in a wheel, beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    packaged = package / "_data" / "rubrics"
    return packaged if packaged.is_dir() else package.parent / "rubrics"


def _syntax(source: str, problem: Exception) -> tuple[int, str]:
    if isinstance(problem, RecursionError):
        return 1, "not TOML that can be read: lists or tables nested too deeply"
    message = str(problem)
    found = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if not found:
        return 1, f"not TOML: {message}"
    line = int(found[1]) if found[1] else max(1, len(source.splitlines()))
    return line, f"not TOML: {message[: found.start()]}"


def _rubric(fields: Fields, path: Path) -> Rubric:
    if fields.whole("schema", 1, 0, 10**9) != 1 or not fields.has("schema"):
        fields.error(
            "schema",
            "schema must be 1, the format this version reads" if fields.has("schema") else 'missing field "schema"',
        )
    rubric_id = fields.text("id")
    if not fields.wrong("id"):
        _check_rubric_id(fields, rubric_id, path)
    version, title, guide = fields.text("version"), fields.text("title"), fields.text("guide", blank=True)
    signals = read_signals(fields)
    readers = fields.tables("label")
    labels = tuple(_label(reader, signals) for reader in readers)
    if not readers and not fields.wrong("label"):
        fields.error(None, "no [[label]]: a rubric asks at least one question")
    _check_unique(readers, labels)
    _check_implications(readers, labels)
    fields.finish()
    for reader, label in zip(readers, labels, strict=True):
        _advise(reader, label)
    digested = tuple(msgspec.structs.replace(label, digest=label_digest(label, guide)) for label in labels)
    return Rubric(
        id=rubric_id,
        version=version,
        title=title,
        guide=guide,
        labels=digested,
        signals=tuple(signals.values()),
        digest=rubric_digest(digested),
        rules_digest=rules_digest(tuple(signals.values()), digested),
    )


def _check_rubric_id(fields: Fields, rubric_id: str, path: Path) -> None:
    if not _RUBRIC_ID.fullmatch(rubric_id):
        fields.error(
            "id", f'id "{one_line(rubric_id, 60)}" must be 2 to 40 of a-z, 0-9 and "-", starting with a letter'
        )
    elif rubric_id != path.stem:
        fields.error("id", f'id "{rubric_id}" is not the file\'s name "{one_line(path.stem)}"')


def _label(fields: Fields, signals: Any) -> Label:
    label_id = fields.text("id")
    if not fields.wrong("id"):
        if not _LABEL_ID.fullmatch(label_id):
            fields.error(
                "id", f'id "{one_line(label_id, 60)}" must be at most 40 of a-z, 0-9 and "_", starting with a letter'
            )
        elif label_id in RESERVED:
            fields.error("id", f'id "{label_id}" is reserved')
    scale = fields.choice("scale", ("binary", "ordinal", "nominal"))
    menu = () if fields.wrong("scale") else _menu(fields, scale)
    label = Label(
        id=label_id,
        title=fields.text("title"),
        group=fields.text("group"),
        unit=fields.choice("unit", ("transcript", "message")),  # type: ignore[arg-type]
        scale=scale,  # type: ignore[arg-type]
        question=fields.text("question"),
        required=fields.flag("required", True),
        requires=fields.texts("requires"),
        excludes=fields.texts("excludes"),
        scope=read_scope(fields, Scope()),
        evidence=fields.choice("evidence", ("required", "optional"), "required"),  # type: ignore[arg-type]
        cross_chunk=fields.flag("cross_chunk", False),
        implies=fields.texts("implies"),
        severity=_severity(fields),
        menu=menu,
        neutral=fields.text("neutral", "absent" if scale == "binary" else None),
    )
    values_known = not fields.wrong("scale") and (scale == "binary" or bool(menu))
    if values_known and not fields.wrong("neutral") and label.neutral not in label.values:
        fields.error(
            "neutral", f'neutral "{one_line(label.neutral, 60)}" is not on the menu: {", ".join(label.values)}'
        )
    examples = tuple(_example(reader, label, values_known) for reader in fields.tables("example"))
    patterns = read_patterns(fields, label, signals, values_known)
    fields.finish()
    return msgspec.structs.replace(label, examples=examples, patterns=patterns)


def _menu(fields: Fields, scale: str) -> tuple[MenuEntry, ...]:
    """The declared values; `levels` belongs to ordinal labels, `values` to nominal ones, neither to binary ones."""
    own = {"ordinal": "levels", "nominal": "values"}.get(scale)
    for key in ("levels", "values"):
        if key != own and fields.has(key):
            fields.tables(key)
            instead = f', which lists "{own}"' if own else ""
            fields.error(key, f'"{key}" does not belong to a {scale} label{instead}')
    if own is None:
        return ()
    if not fields.has(own):
        fields.error(None, f'missing field "{own}": the values of the {scale} scale')
        return ()
    entries: list[MenuEntry] = []
    for position, reader in enumerate(fields.tables(own)):
        entry = MenuEntry(value=reader.text("value"), text=reader.text("text", "", blank=True))
        reader.finish()
        if reader.wrong("value"):
            continue
        if entry.value == "unsure" or re.search(r"\s", entry.value) or len(entry.value) > 40:
            why = "reserved" if entry.value == "unsure" else "not one word of at most 40 characters"
            fields.at((own, position), f'value "{one_line(entry.value, 60)}" is {why}')
        elif any(entry.value == other.value for other in entries):
            fields.at((own, position), f'value "{entry.value}" is there twice')
        entries.append(entry)
    if len(entries) < 2 and not fields.wrong(own):
        fields.error(own, f'"{own}" needs at least two values')
    return tuple(entries)


def _severity(fields: Fields) -> dict[str, str]:
    reader = fields.table("severity")
    if reader is None:
        return {}
    anchors = {}
    for key in sorted(reader.keys()):
        if key not in _SEVERITIES:
            reader.error(key, f'key "{one_line(key, 60)}" is none of 1, 2, 3')
        else:
            anchors[key] = reader.text(key)
    return anchors


def _example(fields: Fields, label: Label, values_known: bool) -> Example:
    example = Example(value=fields.text("value"), text=fields.text("text"), why=fields.text("why", "", blank=True))
    if values_known and not fields.wrong("value") and not label.accepts(example.value):
        known = (*label.values, "unsure")
        said = one_line(example.value, 60)
        fields.error(
            "value", f'value "{said}" is off the scale: {", ".join(known)}{did_you_mean(example.value, known)}'
        )
    fields.finish()
    return example


def _check_unique(readers: Sequence[Fields], labels: Sequence[Label]) -> None:
    seen: set[str] = set()
    for reader, label in zip(readers, labels, strict=True):
        if label.id in seen:
            reader.error("id", f'id "{label.id}" is there twice')
        elif label.id:
            seen.add(label.id)


def _check_implications(readers: Sequence[Fields], labels: Sequence[Label]) -> None:
    implied = {label.id: label.implies for label in labels}
    for reader, label in zip(readers, labels, strict=True):
        for position, other in enumerate(label.implies):
            if other not in implied:
                reader.at(
                    ("implies", position),
                    f'implies unknown label "{one_line(other, 60)}"{did_you_mean(other, implied)}',
                )
        if label.id in _reach(label.id, implied):
            reader.error("implies", f'"{label.id}" implies itself, by way of {", ".join(label.implies)}')


def _reach(start: str, implied: dict[str, tuple[str, ...]]) -> set[str]:
    reached: set[str] = set()
    ahead = list(implied.get(start, ()))
    while ahead:
        label = ahead.pop()
        if label not in reached:
            reached.add(label)
            ahead.extend(implied.get(label, ()))
    return reached


def _advise(fields: Fields, label: Label) -> None:
    """Warnings: what a careful codebook has and this label lacks."""
    if not any(example.value == label.neutral for example in label.examples):
        fields.problems.warn(
            fields.path, f'{fields.name}: no example of "{label.neutral or "absent"}": raters need to see the border'
        )
    if not label.excludes:
        fields.problems.warn(fields.path, f"{fields.name}: no excludes: say what does not count")


def _revive(path: str, errors: Sequence[str]) -> RubricError:
    split = [error.removeprefix(f"{path}:").partition(": ") for error in errors]
    return RubricError(path, [(int(line), message) for line, _, message in split])
