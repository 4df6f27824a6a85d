"""`report`: the lead's report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.agreement import design_of, interval_options, rates_options, versus_of
from grader.cli.options import (
    common,
    json_option,
    open_project,
    project_rubric,
    selection,
    spelled_out,
    where_option,
)
from grader.errors import GraderError, UsageError
from grader.text import json_text

if TYPE_CHECKING:
    from grader.reports.study import Quote

__all__ = ["report_command"]

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("report", short_help="Write the lead's report as HTML, Markdown, CSV or JSON.")
@click.option(
    "--html", type=_FILE, metavar="FILE", help="One self-contained page: no network, printable, dark and light."
)
@click.option("--md", type=_FILE, metavar="FILE", help="Markdown.")
@click.option("--csv", "csv_", type=_FOLDER, metavar="DIR", help="Every table as a CSV file.")
@click.option("--figures", type=_FOLDER, metavar="DIR", help="Every picture as SVG and PNG (extra `report`).")
@click.option(
    "--by",
    multiple=True,
    default=("model", "condition"),
    show_default=True,
    metavar="FIELDS",
    help="Breakdowns of the rates; a,b crosses.",
)
@click.option(
    "--examples", "examples_of", multiple=True, metavar="LABEL", help="Show quotes of this label in their context."
)
@click.option("--n", "number", type=click.IntRange(1, 200), default=10, show_default=True, help="How many examples.")
@rates_options
@interval_options
@where_option
@json_option
@common
@click.pass_context
def report_command(
    ctx: click.Context,
    /,
    html: Path | None,
    md: Path | None,
    csv_: Path | None,
    figures: Path | None,
    by: tuple[str, ...],
    examples_of: tuple[str, ...],
    number: int,
    vs: str | None,
    labels: tuple[str, ...],
    judge: str | None,
    pool_gold: bool,
    calibration: Path | None,
    confidence: float,
    replicates: int,
    seed: int,
    where: str | None,
    as_json: bool,
) -> None:
    """Write the lead's report as HTML, Markdown, CSV or JSON.

    Agreement, rates and the judge against people, with every interval and n, what was left out, and a methods paragraph. With
    --examples alone: quotes of a label, on the terminal.
    """
    from grader.reports import study_files
    from grader.reports.figures import can_draw
    from grader.reports.study import examples, make_study
    from grader.reports.terminal import warn

    targets = [target for target in (html, md, csv_, figures) if target is not None]
    if figures is not None and not can_draw():
        raise GraderError("--figures needs the extra: pip install 'grader[report]'")
    rubric = project_rubric()
    chosen = selection(where, rubric)
    with open_project() as store:
        if examples_of and not targets and not as_json:
            for name in examples_of:
                _print_examples(examples(store, rubric, chosen, name, number))
            return
        if not targets and not as_json:
            raise UsageError(
                "report: say where to: --html FILE, --md FILE, --csv DIR, --figures DIR, --json, or --examples LABEL"
            )
        from grader.reports.calibrations import load_errors

        study = make_study(
            store,
            rubric,
            chosen,
            by=by,
            versus=versus_of(vs),
            labels=labels,
            judge=judge,
            pool_gold=pool_gold,
            calibration=None if calibration is None else load_errors(calibration, rubric),
            design=design_of(confidence, replicates, seed),
            examples_of=examples_of,
            number=number,
            command=spelled_out(ctx),
        )
    if html is not None:
        study_files.write_html(study, html)
    if md is not None:
        study_files.write_markdown(study, md)
    if csv_ is not None:
        warn(f"{study_files.write_csv(study, csv_)} tables in {csv_}")
    if figures is not None:
        warn(f"{study_files.write_pictures(study, figures)} files in {figures}")
    for target in (html, md):
        if target is not None:
            warn(f"wrote {target}")
    if as_json:
        print(json_text(study_files.study_json(study), indent=2))


def _print_examples(quotes: Sequence[Quote]) -> None:
    from rich.text import Text

    from grader.reports.terminal import console, plain
    from grader.text import one_line

    out = console()
    for quote in quotes:
        out.print(plain(quote.link, style="bold"))
        shown = Text("  " + one_line(quote.before))
        shown.append(f"▸{one_line(quote.text)}◂", style="bold reverse")
        shown.append(one_line(quote.after))
        out.print(shown)
        out.print(plain(f"  {quote.caption}", style="dim"))
    if not quotes:
        out.print(plain("no evidence is recorded for this label"))
