"""Reading the fields of a TOML table strictly: every unknown, missing or mistyped one is noted with its line, none stops the rest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from grader.rubric.locate import Place
from grader.text import one_line

__all__ = ["Fields", "Problems", "did_you_mean"]

_T = TypeVar("_T")


class Problems:
    """What is wrong with a file, gathered; `errors` and `warnings` in the order of its lines."""

    def __init__(self, locate: Callable[[], Place], *, tried: bool = True) -> None:
        self._locate = locate
        self.tried = tried
        """Whether expressions are compiled and run on their tests."""
        self._errors: list[tuple[int, str]] = []
        self._warnings: list[tuple[int, str]] = []

    @cached_property
    def _place(self) -> Place:
        return self._locate()  # lines are looked for only where something is wrong

    def error(self, path: Sequence[str | int], message: str) -> None:
        self._errors.append((self._place.line(*path), message))

    def warn(self, path: Sequence[str | int], message: str) -> None:
        self._warnings.append((self._place.line(*path), message))

    @property
    def errors(self) -> list[tuple[int, str]]:
        return sorted(self._errors, key=lambda found: found[0])

    @property
    def warnings(self) -> list[tuple[int, str]]:
        return sorted(self._warnings, key=lambda found: found[0])


class Fields:
    """One table and the name it is called by in messages. Reading a field twice is harmless; `finish` reports what nobody read."""

    def __init__(self, table: Mapping[str, Any], path: tuple[str | int, ...], name: str, problems: Problems) -> None:
        self._table = table
        self._known: set[str] = set()
        self._wrong: set[str] = set()
        self.path = path
        self.name = name
        self.problems = problems

    def error(self, key: str | None, message: str) -> None:
        """Note `message`, at the line of `key` or of the table itself."""
        said = f"{self.name}: {message}" if self.name else message
        self.problems.error(self.path if key is None else (*self.path, key), said)

    def has(self, key: str) -> bool:
        return key in self._table

    def misplaced(self, key: str, message: str) -> None:
        """Note that `key`, a field of the format, does not belong here."""
        self._known.add(key)
        self._wrong.add(key)
        self.error(key, message)

    def passed_over(self, key: str) -> None:
        """Note that `key` is a field of the format and cannot be judged: what it hangs on is wrong already."""
        self._known.add(key)

    def wrong(self, key: str) -> bool:
        """Whether `key` is missing though required, or was already reported: checks built on it would only repeat that."""
        return key in self._wrong

    def text(self, key: str, default: str | None = None, *, blank: bool = False) -> str:
        """A string; without `default` it is required. Blank ones are refused unless `blank`."""
        value = self._read(key, default)
        if value is None:
            return ""
        if not isinstance(value, str):
            return self._mistyped(key, "a string", value, default or "")
        if not value.strip() and not blank:
            self.error(key, f'"{key}" is empty')
            self._wrong.add(key)
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of `allowed`; the first of them where the file's is not."""
        value = self.text(key, default)
        if value in allowed:
            return value
        if key not in self._wrong:
            self.error(
                key, f'{key} "{one_line(value, 60)}" is none of {", ".join(allowed)}{did_you_mean(value, allowed)}'
            )
            self._wrong.add(key)
        return default if default is not None else allowed[0]

    def flag(self, key: str, default: bool) -> bool:
        value = self._read(key, default)
        return value if isinstance(value, bool) else self._mistyped(key, "true or false", value, default)

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """An integer from `low` to `high`."""
        value = self._read(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            return self._mistyped(key, "a whole number", value, default)
        if low <= value <= high:
            return value
        self.error(key, f"{key} {value} is out of range: {low} to {high}")
        return default

    def number(self, key: str, low: float, high: float) -> float:
        """A required number from `low` to `high`."""
        value = self._read(key, None)
        if value is None:
            return low
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._mistyped(key, "a number", value, low)
        if low <= value <= high:  # NaN is not
            return float(value)
        self.error(key, f"{key} {value:g} is out of range: {low:g} to {high:g}")
        return low

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of strings that are not blank; required ones need at least one."""
        value = self._read(key, None if required else [])
        if value is None:
            return ()
        if not isinstance(value, list):
            return self._mistyped(key, "a list of strings", value, ())
        if required and not value:
            self.error(key, f'"{key}" is empty')
            self._wrong.add(key)
        for position, entry in enumerate(value):
            if not isinstance(entry, str) or not entry.strip():
                self._wrong.add(key)
                self.at(
                    (key, position), f'"{key}" takes strings that are not blank, entry {position + 1} is {_type(entry)}'
                )
        return tuple(entry for entry in value if isinstance(entry, str) and entry.strip())

    def table(self, key: str) -> Fields | None:
        """The fields of an inline table, or None where there is none."""
        value = self._read(key, {})
        if not isinstance(value, dict):
            return self._mistyped(key, "a table", value, None)
        return (
            Fields(value, (*self.path, key), f"{self.name}: {key}" if self.name else key, self.problems)
            if self.has(key)
            else None
        )

    def tables(self, key: str, called: str = "") -> list[Fields]:
        """The tables of an array of tables, each called by `called` and its `id`, or by its place."""
        value = self._read(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            return self._mistyped(
                key,
                f"a list of tables ([[{'.'.join(part for part in (*self.path, key) if isinstance(part, str))}]])",
                value,
                [],
            )
        found = []
        for position, entry in enumerate(value):
            own = entry.get("id")
            name = (
                f'{called or key} "{one_line(own, 60)}"'
                if isinstance(own, str) and own
                else f"{called or key} {position + 1}"
            )
            name = f"{self.name}: {name}" if self.name else name
            found.append(Fields(entry, (*self.path, key, position), name, self.problems))
        return found

    def keys(self) -> Iterable[str]:
        """Every key of the table, for tables whose keys are data; nothing of it is reported as unknown."""
        self._known.update(self._table)
        return self._table.keys()

    def at(self, path: Sequence[str | int], message: str) -> None:
        """Note `message` at a place inside this table."""
        self.problems.error((*self.path, *path), f"{self.name}: {message}" if self.name else message)

    def finish(self, also: Sequence[str] = ()) -> None:
        """Report the fields nobody read; `also` names fields that exist but not here, for the suggestion only."""
        for key in self._table:
            if key not in self._known:
                self.error(key, f'unknown field "{one_line(key, 60)}"{did_you_mean(key, [*self._known, *also])}')

    def _read(self, key: str, default: Any) -> Any:
        self._known.add(key)
        if key not in self._table and default is None:
            if key not in self._wrong:
                self.error(None, f'missing field "{key}"')
            self._wrong.add(key)
        return self._table.get(key, default)

    def _mistyped(self, key: str, expected: str, value: object, instead: _T) -> _T:
        self._wrong.add(key)
        self.error(key, f'"{key}" must be {expected}, it is {_type(value)}')
        return instead


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean "x"?)` for the nearest of `known`, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f' (did you mean "{near[0]}"?)' if near else ""


def _type(value: object) -> str:
    if isinstance(value, str):
        return "a blank string" if not value.strip() else "a string"
    names = {bool: "true or false", int: "a whole number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), f"a {type(value).__name__}")
