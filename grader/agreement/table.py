"""Ratings from CSV tables, long (item, rater, value a row) or wide (an item a row, a rater a column), as people really write them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grader.agreement.ratings import Ratings, from_codes
from grader.agreement.weights import Level
from grader.errors import BadInput, UsageError
from grader.spreadsheet import has_moved, read_text, sheet
from grader.text import one_line

__all__ = ["Table", "read_long", "read_wide"]

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "."})


@dataclass(frozen=True, slots=True)
class Table:
    """A table read: the ratings, and what the report says about them."""

    ratings: Ratings
    numeric: bool
    """Every value is a number."""
    warnings: tuple[str, ...]
    cluster_column: str | None = None
    declared: bool = False
    """The caller said which values there could be, in order."""


def read_long(
    path: str | Path,
    *,
    item: str = "item",
    rater: str = "rater",
    value: str = "label",
    level: Level = "nominal",
    categories: Sequence[str] | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    missing: Sequence[str] = (),
    delimiter: str | None = None,
) -> Table:
    """One rating a row; `item` may join several columns, `benchmark,task`. Spaces around cells are not part of them; an empty value (or NA, or
    one of `missing`) is missing.

    A repeated (item, rater) counts once if equal. Raises BadInput with the line for two different values, a value outside
    `categories`, a column that is not there, and items whose cluster or weight changes.
    """
    builder = _Builder(path, missing)
    header, rows = _read(path, delimiter)
    about_places = _item_columns(header, item, path)
    places = [_column(header, name, path) for name in (rater, value)]
    extra = {name: _column(header, name, path) for name in (cluster, weight) if name}
    last = max((*about_places, *places, *extra.values()))
    for line, row in rows:
        if last >= len(row):
            # half a row would be a rater's name cut short, or a rating taken for missing
            raise BadInput(
                f"{len(row)} cells: the row ends before this column", path=path, line=line, field=header[last]
            )
        who, what = _cell(row, places[0]), _cell(row, places[1])
        about = " / ".join(_cell(row, place) for place in about_places)
        if not about.strip(" /"):
            raise BadInput("no item in this row", path=path, line=line, field=item)
        position = builder.item(about)
        if cluster is not None:
            builder.attach(
                builder.clusters, position, _cluster(row, extra[cluster], path, line, cluster), line, cluster
            )
        if weight is not None:
            builder.attach(builder.weights, position, _cell(row, extra[weight]), line, weight)
        if builder.is_missing(what):
            if who:
                builder.rater(who)
            continue
        if not who:
            raise BadInput("no rater in this row", path=path, line=line, field=rater)
        builder.rating(position, builder.rater(who), what, line, value)
    return builder.table(level, categories, cluster, weight)


def read_wide(
    path: str | Path,
    *,
    level: Level = "nominal",
    categories: Sequence[str] | None = None,
    cluster: str | None = None,
    weight: str | None = None,
    missing: Sequence[str] = (),
    delimiter: str | None = None,
) -> Table:
    """First column the item, one column a rater; an empty cell (or NA) is missing. `cluster` and `weight` name further columns."""
    builder = _Builder(path, missing)
    header, rows = _read(path, delimiter)
    if len(header) < 2:
        raise BadInput("a wide table needs an item column and a column for each rater", path=path, line=1)
    special = {name: _column(header, name, path) for name in (cluster, weight) if name}
    columns = [place for place in range(1, len(header)) if place not in special.values()]
    names = [header[place] or f"column {place + 1}" for place in columns]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise BadInput("two columns have this name; a rater needs one", path=path, line=1, field=repeated)
    for name in names:
        builder.rater(name)
    for line, row in rows:
        about = _cell(row, 0)
        if not about:
            raise BadInput("no item in this row", path=path, line=line, field=header[0])
        position = builder.item(about)
        if cluster is not None:
            builder.attach(
                builder.clusters, position, _cluster(row, special[cluster], path, line, cluster), line, cluster
            )
        if weight is not None:
            builder.attach(builder.weights, position, _cell(row, special[weight]), line, weight)
        for rater, place in enumerate(columns):
            what = _cell(row, place)
            if not builder.is_missing(what):
                builder.rating(position, rater, what, line, names[rater])
    return builder.table(level, categories, cluster, weight)


class _Builder:
    """Collects ratings as integers; names and values get their codes as they come."""

    def __init__(self, path: str | Path, missing: Sequence[str]) -> None:
        self.path = path
        self._missing = _MISSING | {value.strip().lower() for value in missing}
        self.items: dict[str, int] = {}
        self.raters: dict[str, int] = {}
        self.values: dict[str, int] = {}
        self.first_line: list[int] = []
        self.given: dict[tuple[int, int], int] = {}
        self.clusters: dict[int, str] = {}
        self.weights: dict[int, str] = {}
        self.repeated = 0

    def is_missing(self, value: str) -> bool:
        return value.lower() in self._missing

    def item(self, name: str) -> int:
        return self.items.setdefault(name, len(self.items))

    def rater(self, name: str) -> int:
        return self.raters.setdefault(name, len(self.raters))

    def rating(self, item: int, rater: int, value: str, line: int, field: str) -> None:
        code = self.values.get(value)
        if code is None:
            code = self.values[value] = len(self.values)
            self.first_line.append(line)
        place = (item, rater)
        earlier = self.given.get(place)
        if earlier is None:
            self.given[place] = code
        elif earlier == code:
            self.repeated += 1
        else:
            names, known = list(self.values), list(self.items)
            raise BadInput(
                f"{_quoted(list(self.raters)[rater])} already rated {_quoted(known[item])} {_quoted(names[earlier])}, "
                f"now {_quoted(value)}; keep one of them",
                path=self.path, line=line, field=field,
            )  # fmt: skip

    def attach(self, store: dict[int, str], item: int, cell: str, line: int, field: str) -> None:
        if store.setdefault(item, cell) != cell:
            raise BadInput(
                f"{_quoted(list(self.items)[item])} has {_quoted(store[item])} in an earlier row and {_quoted(cell)} here",
                path=self.path, line=line, field=field,
            )  # fmt: skip

    def table(self, level: Level, categories: Sequence[str] | None, cluster: str | None, weight: str | None) -> Table:
        names = list(self.values)
        codes, declared, numeric = self._coded(names, categories, level)
        scores = [float(name) for name in declared] if numeric and declared else None
        if level in ("interval", "ratio") and not numeric:
            self._not_a_number(names)
        if level == "ratio" and scores and min(scores) < 0:
            raise BadInput("level ratio needs values of 0 or more", path=self.path)
        item_names = sorted(self.items, key=_natural)
        new_place = {self.items[name]: place for place, name in enumerate(item_names)}
        rater_names = sorted(self.raters, key=_natural)
        rater_place = {self.raters[name]: place for place, name in enumerate(rater_names)}
        ratings = from_codes(
            [new_place[u] for u, _ in self.given],
            [rater_place[g] for _, g in self.given],
            [codes[code] for code in self.given.values()],
            n_items=len(item_names),
            raters=rater_names,
            values=declared,
            level=level,
            scores=scores,
            cluster=None if cluster is None else [self.clusters[self.items[name]] for name in item_names],
            weight=None if weight is None else [self._weight(self.items[name], weight) for name in item_names],
            item_ids=item_names,
        )
        warnings = (f"repeated_ratings:{self.repeated}",) if self.repeated else ()
        if level == "ordinal" and not numeric and categories is None and len(declared) > 2:
            warnings = (*warnings, "alphabetical_order")
        if not numeric and len({value.casefold() for value in declared}) < len(declared):
            # "Yes" beside "yes" is most often one value typed twice, but that is not ours to decide
            warnings = (*warnings, "values_differ_by_case")
        return Table(ratings, numeric, warnings, cluster, categories is not None)

    def _coded(
        self, names: list[str], categories: Sequence[str] | None, level: Level
    ) -> tuple[list[int], list[str], bool]:
        numbers = [_number(name) for name in names]
        numeric = bool(names) and all(number is not None for number in numbers)
        if categories is not None:
            declared = [category.strip() for category in categories]
            if len(set(declared)) < len(declared) or not all(declared):
                raise UsageError("--categories: each value once, none empty")
            wanted = [_number(category) for category in declared]
            numeric = numeric and all(number is not None for number in wanted)
            place = {(wanted[i] if numeric else name): i for i, name in enumerate(declared)}
            codes = [place.get(numbers[i] if numeric else name, -1) for i, name in enumerate(names)]
            unknown = next((i for i, code in enumerate(codes) if code < 0), None)
            if unknown is not None:
                raise BadInput(
                    f"{_quoted(names[unknown])} is none of the categories {one_line(', '.join(declared), 120)}",
                    path=self.path, line=self.first_line[unknown],
                )  # fmt: skip
            return codes, declared, numeric
        if numeric:
            # 1 and 1.0 are one value; two long numbers that are one float are two.
            exact = [Decimal(name) for name in names]
            ordered = sorted(set(exact))
            place_of = {number: code for code, number in enumerate(ordered)}
            return [place_of[number] for number in exact], [_shown(number) for number in ordered], True
        ordered_names = sorted(names)
        position = {name: code for code, name in enumerate(ordered_names)}
        return [position[name] for name in names], ordered_names, False

    def _not_a_number(self, names: list[str]) -> None:
        for name, line in zip(names, self.first_line, strict=True):
            if _number(name) is None:
                raise BadInput(f"{_quoted(name)} is not a number, which this level needs", path=self.path, line=line)

    def _weight(self, item: int, field: str) -> float:
        number = _number(self.weights[item])
        if number is None or number <= 0:
            name = _quoted(list(self.items)[item])
            raise BadInput(
                f"the weight of {name} must be a number above 0, not {_quoted(self.weights[item])}",
                path=self.path,
                field=field,
            )
        return number


def _read(path: str | Path, delimiter: str | None) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    header, rows = sheet(read_text(path), path, delimiter)
    return header, _fitting(rows, len(header), path)


def _fitting(rows: Iterator[tuple[int, list[str]]], width: int, path: str | Path) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if has_moved(row, width):
            raise BadInput(f"{len(row)} cells in a table of {width} columns", path=path, line=line)
        yield line, row


def _column(header: list[str], name: str, path: str | Path) -> int:
    places = [place for place, column in enumerate(header) if column == name]
    places = places or [place for place, column in enumerate(header) if column.lower() == name.lower()]
    if len(places) != 1:
        found = "twice" if places else "not"
        shown = one_line(", ".join(header), 120)
        raise BadInput(f"column {_quoted(name)} is {found} in the header ({shown})", path=path, line=1, field=name)
    return places[0]


def _item_columns(header: list[str], name: str, path: str | Path) -> list[int]:
    """The column of the item, or several joined by commas where no column has the whole name."""
    if "," in name and name not in header:
        return [_column(header, part.strip(), path) for part in name.split(",")]
    return [_column(header, name, path)]


def _cell(row: list[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _cluster(row: list[str], place: int, path: str | Path, line: int, field: str) -> str:
    """The item's cluster; items without one are not one cluster together."""
    found = _cell(row, place)
    if not found:
        raise BadInput("no cluster in this row", path=path, line=line, field=field)
    return found


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _shown(number: Decimal) -> str:
    if abs(number) < 10**40 and number == number.to_integral_value():
        return str(int(number))
    short = repr(float(number))
    return short if Decimal(short) == number else str(number)


def _natural(name: str) -> tuple[int, float, str]:
    number = _number(name)
    return (0, number, name) if number is not None else (1, 0.0, name)


def _quoted(text: str) -> str:
    return f"'{one_line(text, 60)}'"
