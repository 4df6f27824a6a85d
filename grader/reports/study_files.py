"""The study as files: one self-contained HTML page, Markdown, a folder of CSV, pictures for papers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import msgspec

from grader.errors import GraderError
from grader.reports.exports import cell, write_aside
from grader.reports.figures import Picture, save
from grader.reports.sheets import Sheet
from grader.reports.study import Section, Study
from grader.text import one_line, sanitise

__all__ = ["study_json", "write_csv", "write_html", "write_markdown", "write_pictures"]

_MOST_ROWS = 60
"""Of a table in the page: a thousand disagreements are for a spreadsheet."""


def study_json(study: Study) -> dict[str, Any]:
    """The documents behind the report and its text, without pictures."""
    return {
        "schema": "grader/report/1",
        "title": study.title,
        "summary": list(study.summary),
        "glance": [msgspec.to_builtins(sheet) for sheet in study.glance],
        "agreement": study.agreement,
        "rates": study.rates,
        "sections": [
            {
                "id": section.id,
                "title": section.title,
                "text": list(section.text),
                "tables": [msgspec.to_builtins(sheet) for sheet in section.sheets],
                "examples": [msgspec.to_builtins(quote) for quote in section.quotes],
            }
            for section in study.sections
        ],
    }


def write_html(study: Study, target: Path) -> None:
    """One file that needs nothing else: no script, no network; printable, dark and light. Everything in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("grader.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=lambda value: sanitise(value) if type(value) is str else value,
    )
    sections = [
        {
            **{name: getattr(section, name) for name in ("id", "title", "text", "quotes")},
            "parts": [
                {"picture": one, "svg": Markup(one.svg(page=True))} if isinstance(one, Picture) else {"sheet": one}
                for one in section.parts
            ],
        }
        for section in study.sections
    ]
    text = environment.get_template("report.html").render(study=study, sections=sections, most=_MOST_ROWS)
    write_aside(target, lambda stream: stream.write(text))


def write_markdown(study: Study, target: Path) -> None:
    """The same without pictures."""
    write_aside(target, lambda stream: stream.write("\n".join(_markdown(study))))


def _markdown(study: Study) -> Iterator[str]:
    yield from (f"# {_md(study.title)}", "", _md(study.subtitle), "", "## Summary", "")
    for sheet in study.glance:
        yield from _markdown_table(sheet)
    for line in study.summary:
        yield from (_md(line), "")
    for section in study.sections:
        yield from _markdown_section(section)
    yield from ("---", "", _md(study.footer), "")


def _markdown_section(section: Section) -> Iterator[str]:
    yield from (f"## {_md(section.title)}", "")
    for text in section.text:
        yield from (_md(text), "")
    for sheet in section.sheets:
        yield from _markdown_table(sheet)
    for quote in section.quotes:
        yield f"> {_md(quote.before)}**{_md(quote.text)}**{_md(quote.after)}"
        yield from ("", f"{_md(quote.caption)} · {_md(quote.link)}", "")


def _markdown_table(sheet: Sheet) -> Iterator[str]:
    yield from (f"### {_md(sheet.title)}", "")
    yield "| " + " | ".join(map(_md, sheet.columns)) + " |"
    yield "|" + " --- |" * len(sheet.columns)
    for row in sheet.rows:
        yield "| " + " | ".join(map(_md, row)) + " |"
    yield ""
    if sheet.note:
        yield from (_md(sheet.note), "")


_MARKDOWN = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|!~$"})


def _md(text: str) -> str:
    return one_line(text).translate(_MARKDOWN)


def write_csv(study: Study, folder: Path) -> int:
    """Every table as a file of its own in `folder`; returns how many."""
    _make(folder)
    sheets = [*study.glance, *(sheet for section in study.sections for sheet in section.sheets)]
    for sheet in sheets:

        def rows(stream: TextIO, sheet: Sheet = sheet) -> int:
            out = csv.writer(stream, lineterminator="\n")
            out.writerow([cell(column) for column in sheet.columns])
            out.writerows([cell(value) for value in row] for row in sheet.rows)
            return len(sheet.rows)

        write_aside(folder / f"{sheet.id}.csv", rows)
    return len(sheets)


def write_pictures(study: Study, folder: Path) -> int:
    """Every picture as SVG and PNG; returns how many files."""
    _make(folder)
    return sum(len(save(picture, folder)) for section in study.sections for picture in section.pictures)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GraderError(f"{one_line(folder)}: cannot be made ({error.strerror})") from error
