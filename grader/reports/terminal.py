"""What people see on a terminal: consoles, progress on stderr, tables. Untrusted text comes in through `plain` only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from grader.pipeline.progress import Progress
from grader.text import one_line, sanitise

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = ["console", "plain", "print_rows", "progress_bars", "table", "warn", "whoever_reads"]


def console(*, stderr: bool = False) -> Console:
    """A console that writes data as it is: no markup, no emoji codes, no highlighting, colour only on a terminal.

    Width: the terminal's; into a file or pipe 200 columns at least, so that nothing is cut.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None
    if not stream.isatty():
        width = int(os.environ["COLUMNS"]) if os.environ.get("COLUMNS", "").isdigit() else 200

    class Kept(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # the reader has gone, which is no failure: the command line ends with 0

    return Kept(stderr=stderr, markup=False, emoji=False, highlight=False, width=width, soft_wrap=False)


def plain(value: object, style: str = "", *, limit: int | None = None) -> Text:
    """Untrusted text on one line, never parsed as markup."""
    from rich.text import Text

    return Text(one_line("" if value is None else value, limit), style=style)


def paragraph(value: str, style: str = "") -> Text:
    """Untrusted text with its line breaks."""
    from rich.text import Text

    return Text(sanitise(value).expandtabs(4), style=style)


def table(*columns: str, title: str | None = None, numbers: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """An empty table in the house's manner: a header, a rule, no boxes; columns in `numbers` are set right.

    Where there is not room for all, columns in `whole` keep their lines (an interval in two lines cannot be read).
    """
    from rich import box
    from rich.table import Table

    made = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False
    )
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in numbers else "left",
            overflow="fold",
            header_style="bold",
            no_wrap=column in whole,
        )
    return made


def print_rows(out: Console, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str]) -> bool:
    """`table` with these cells, untrusted ones included, in a fortieth of its time; nothing, and False, where a row has no
    room on one line.
    """
    from rich.cells import cell_len, set_cell_size

    cells = [[one_line("" if value is None else value) for value in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    if sum(widths) + len(_GAP) * (len(widths) - 1) > out.width:
        return False
    rights = [name in numbers for name in columns]

    def line(row: Sequence[str]) -> str:
        return _GAP.join(
            " " * (width - cell_len(cell)) + cell if right else set_cell_size(cell, width)
            for cell, width, right in zip(row, widths, rights, strict=True)
        )

    out.print(plain(line(columns), style="bold"))
    out.print("─" * (sum(widths) + len(_GAP) * (len(widths) - 1)))
    for row in cells:
        out.file.write(f"{line(row)}\n")
    return True


_GAP = "   "


def warn(text: str) -> None:
    """One line of narration on stderr; nothing where its reader has gone."""
    try:
        print(one_line(text), file=sys.stderr)
    except BrokenPipeError:
        sys.stderr = _nowhere()


@contextmanager
def whoever_reads() -> Iterator[None]:
    """What is printed inside may be piped to a reader that leaves early; the exit code after it is the work's all the same."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = _nowhere()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # stays open until the end


@contextmanager
def progress_bars(*, quiet: bool = False) -> Iterator[Progress | None]:
    """A progress callback that draws one bar a step, with rate and time left, on stderr; None when that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description:<6}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", markup=False),
        console=console(stderr=True),
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def report(step: str, done: int, total: int | None, note: str = "") -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(step, total=total, note="")
        bars.update(tasks[step], completed=done, total=total, note=one_line(note, 50))

    with bars:
        yield report
