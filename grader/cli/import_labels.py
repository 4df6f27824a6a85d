"""`import-labels`: labels made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from grader.cli.options import common, json_option, open_project, project_rubric, selection, where_option
from grader.errors import BadInput, GraderError, UsageError
from grader.text import json_text, one_line

if TYPE_CHECKING:
    from grader.pipeline.labels import LabelImport

__all__ = ["import_labels_command"]


@click.command("import-labels", short_help="Read existing human labels and scores as annotations of a rater.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE…]")
@click.option(
    "--map",
    "map_",
    type=click.Path(path_type=Path),
    metavar="F.toml",
    help="Which column holds what, and what names and values mean here.",
)
@click.option("--rater", metavar="NAME", help="Whose labels they are, whatever the file says.")
@click.option(
    "--round",
    "round_",
    help="The round they belong to, where the file does not say (default main).",
)
@click.option("--blind", "view", flag_value="blind", help="They were made without seeing any machine's label.")
@click.option(
    "--assisted",
    "view",
    flag_value="assisted",
    help="They were not, or it is not known (the default): kept out of agreement.",
)
@click.option("--scores", is_flag=True, help="Take the scores the logs carry, by the [scores] table of --map.")
@click.option("--strict", is_flag=True, help="Exit 1 when any file or row was not taken.")
@where_option
@json_option
@common
def import_labels_command(
    paths: tuple[Path, ...],
    map_: Path | None,
    rater: str | None,
    round_: str | None,
    view: Literal["blind", "assisted"] | None,
    scores: bool,
    strict: bool,
    where: str | None,
    as_json: bool,
) -> int:
    """Read existing human labels and scores as annotations of a rater.

    FILE is what `grader export` writes, Inspect Scout's validation CSV, Label Studio's JSON, or any table --map explains;
    - is standard input. An export says itself whose labels it holds; with --rater or --map it is a table like any other.
    """
    from grader.pipeline.labels import LabelImport, LabelMap, Rejected, import_labels, import_scores, load_map
    from grader.reports.terminal import console, plain, warn, whoever_reads

    if not paths and not scores:
        raise UsageError("import-labels: name a file, or --scores for the scores the logs carry")
    if where is not None and not scores:
        raise UsageError("--where: only with --scores; a file says itself which transcripts it is about")
    rubric = project_rubric()
    how = load_map(map_) if map_ is not None else LabelMap()
    with open_project() as store:
        done: list[LabelImport] = []
        misused: list[UsageError] = []
        for path in paths:
            try:
                done.append(import_labels(store, path, rubric, how, view=view, round=round_, rater=rater))
            except UsageError as error:  # the other files are read all the same
                misused.append(error)
            except BadInput as error:
                if len(paths) == 1:
                    raise
                done.append(LabelImport(str(path), rejected=[Rejected(error.line or 0, one_line(error.reason))]))
        if scores:
            done.append(import_scores(store, rubric, how, where=selection(where), view=view, round=round_, rater=rater))
    for result in done:
        for bad in result.rejected:
            warn(f"{result.path}{f':{bad.line}' if bad.line else ''}: not taken: {bad.reason}")
    for refused in misused:
        warn(str(refused))
    with whoever_reads():
        if as_json:
            print(json_text(done, indent=2))
        else:
            for result in done:
                console().print(plain(_line(result)))
    if misused:
        return misused[0].exit_code
    if not any(result.taken or result.known for result in done):
        raise GraderError("no label was taken; the lines above say why")
    return 1 if strict and any(result.rejected for result in done) else 0


def _line(result: LabelImport) -> str:
    parts = [f"{result.taken} taken", f"{result.known} known already", f"{len(result.rejected)} not taken"]
    if result.joined:
        parts.append(f"{result.joined} joined with the same answer of their rater")
    left_out = ", ".join(f"{count} {kind}" for kind, count in result.left_out.items())
    return f"{result.path}: {', '.join(parts)}" + (f"; left out: {left_out}" if left_out else "")
