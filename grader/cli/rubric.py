"""`rubric check`, `show`, `diff`, `new`, `eval`: what is asked, and how good its rules are."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.options import common, database_path, json_option, open_project, project_rubric
from grader.errors import BadInput, UsageError
from grader.text import json_text, one_line

__all__ = ["rubric_command"]


@click.group("rubric", short_help="Check, show, compare, start and evaluate rubrics.")
def rubric_command() -> None:
    """Check, show, compare, start and evaluate rubrics."""


@rubric_command.command("check")
@click.argument("files", metavar="[ID|FILE]…", nargs=-1)
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@json_option
@common
def check_command(files: tuple[str, ...], strict: bool, as_json: bool) -> int:
    """Read rubrics strictly and run their patterns' self-tests; without names, all that are shipped.

    Every error is one line, file:line: what. Exits 1 when there is any.
    """
    from grader.reports import rubrics

    checks = rubrics.check(files)
    failed = any(found.errors or (strict and found.warnings) for found in checks)
    if as_json:
        print(json_text([found.plain() for found in checks], indent=2))
    else:
        rubrics.print_checks(checks)
    return 1 if failed else 0


@rubric_command.command("show")
@click.argument("name", metavar="[ID|FILE]", required=False)
@click.option("--label", "labels", metavar="LABEL", multiple=True, help="Only this label; may be repeated.")
@click.option("--rules", is_flag=True, help="With signals and patterns.")
@json_option
@common
def show_command(name: str | None, labels: tuple[str, ...], rules: bool, as_json: bool) -> None:
    """Show a rubric as raters read it: questions, what is required and excluded, examples, severity."""
    from grader.reports import rubrics
    from grader.rubric import load_rubric

    rubric = load_rubric(name) if name else project_rubric()
    for label in labels:
        if label not in {known.id for known in rubric.labels}:
            raise UsageError(
                f"rubric {rubric.id} has no label {label}: {', '.join(known.id for known in rubric.labels)}"
            )
    if as_json:
        print(json_text(rubrics.rubric_json(rubric, labels), indent=2))
    else:
        rubrics.print_rubric(rubric, labels, rules=rules)


@rubric_command.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@json_option
@common
def diff_command(old: str, new: str, as_json: bool) -> None:
    """Name the labels that differ between two rubrics, and the annotations their change makes stale.

    Annotations are counted in the project database (--db) where there is one.
    """
    from grader.reports import rubrics
    from grader.rubric import load_rubric
    from grader.rubric.comparison import compare
    from grader.store import read_annotations

    was, is_now = load_rubric(old), load_rubric(new)
    changes = compare(was, is_now)
    if Path(database_path()).exists():
        with open_project() as store:
            kept = read_annotations(store, rubric=was.id)
            changes.count((one.label, one.label_digest, one.rater_kind == "rules") for one in kept)
    if as_json:
        print(json_text(rubrics.changes_json(changes), indent=2))
    else:
        rubrics.print_changes(changes)


@rubric_command.command("new")
@click.argument("file", metavar="FILE.toml", type=click.Path(path_type=Path))
def new_command(file: Path) -> None:
    """Write a template to start a rubric from; its id is the file's name."""
    from grader.rubric.template import template

    if file.suffix != ".toml":
        raise UsageError(f"{file}: name it .toml")
    written = template(file.stem)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(written)
    except FileExistsError:
        raise BadInput("there is such a file already; it is left as it is", path=file) from None
    except OSError as problem:
        raise BadInput(f"cannot write it: {problem.strerror or problem}", path=file) from problem
    print(file)


@rubric_command.command("eval")
@click.option(
    "--data",
    "data",
    metavar="FILE",
    multiple=True,
    required=True,
    help="A table (.csv, .tsv, .json, .jsonl) or a folder of them; may be repeated.",
)
@click.option(
    "--rule",
    "labels",
    metavar="LABEL",
    multiple=True,
    help="The label whose rules are measured; default: each that has rules.",
)
@click.option(
    "--text",
    "text_column",
    metavar="COLUMN",
    default="text",
    show_default=True,
    help="The texts; in JSON also a path, chat.*.text.",
)
@click.option(
    "--label",
    "label_column",
    metavar="COLUMN",
    default="label",
    show_default=True,
    help="What says whether the label is present; `none`: it is in no row.",
)
@click.option(
    "--positive",
    metavar="VALUE",
    multiple=True,
    help="A value that means present (default 1, true, yes, present, positive).",
)
@click.option(
    "--negative", metavar="VALUE", multiple=True, help="A value that means absent; all others then mean present."
)
@click.option(
    "--only", metavar="COLUMN=VALUE", multiple=True, help="Only such rows; a column's values are alternatives."
)
@click.option("--min-chars", type=click.IntRange(1), default=1, help="Only texts of at least so many characters.")
@click.option("--unsure", is_flag=True, help="Count unsure as a hit.")
@click.option(
    "--block",
    type=click.Choice(["text", "tool_call", "reasoning"]),
    help="What the texts are (default: what the label reads).",
)
@click.option(
    "--list",
    "shown",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Misses and false hits shown, of each.",
)
@json_option
@common
def eval_command(
    data: tuple[str, ...],
    labels: tuple[str, ...],
    text_column: str,
    label_column: str,
    positive: tuple[str, ...],
    negative: tuple[str, ...],
    only: tuple[str, ...],
    min_chars: int,
    unsure: bool,
    block: str | None,
    shown: int,
    as_json: bool,
) -> None:
    """Measure rules on labelled texts: precision, recall, F1, each pattern's share, what they get wrong.

    Each text is read as one message of the target. Intervals are Wilson's at 95 %.
    """
    from grader.raters.rules.evaluate import evaluate
    from grader.raters.rules.tables import read_tables
    from grader.reports.rule_quality import evaluation_json, print_evaluations

    rubric = project_rubric()
    rows = read_tables(
        data,
        text=text_column,
        label=None if label_column.lower() == "none" else label_column,
        positive=positive,
        negative=negative,
        where=_conditions(only),
    )
    kept = [row for row in rows if len(row.text) >= min_chars]
    if not kept:
        raise BadInput("no rows to measure on", path=data[0])
    if label_column.lower() != "none" and not any(row.positive for row in kept):
        click.echo(
            f"no row is positive: no value of {one_line(label_column, 60)} means present (--positive VALUE says which does;"
            " --label none, if there is none to find)",
            err=True,
        )
    measured = labels or tuple(label.id for label in rubric.labels if label.patterns)
    if not measured:
        raise UsageError(f"rubric {rubric.id} has no rules to measure")
    results = [evaluate(kept, rubric, label, unsure=unsure, kind=block) for label in measured]
    if as_json:
        print(json_text(evaluation_json(results, rubric, shown), indent=2))
    else:
        print_evaluations(results, rubric, shown)


def _conditions(only: tuple[str, ...]) -> dict[str, list[str]]:
    where: dict[str, list[str]] = {}
    for condition in only:
        column, equals, value = condition.partition("=")
        if not equals or not column:
            raise UsageError(f"--only {condition}: say COLUMN=VALUE")
        where.setdefault(column, []).append(value)
    return where
