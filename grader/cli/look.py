"""`list`, `show`, `search`, `status`: look at what is there."""

from __future__ import annotations

import re
from typing import Any

import click

from grader.cli.options import common, database_path, json_option, open_project, project_rubric, selection, where_option
from grader.errors import StoreError, UsageError
from grader.text import json_text

__all__ = ["list_command", "search_command", "show_command", "status_command"]


@click.command("list", short_help="List transcripts with their labels.")
@where_option
@click.option("--labels", is_flag=True, help="Show what machines and people said (not for annotators who work blind).")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@json_option
@common
def list_command(where: str | None, labels: bool, limit: int | None, as_json: bool) -> None:
    """List transcripts with their labels."""
    from grader.reports import listing

    rubric = project_rubric()
    with open_project() as store:
        chosen = selection(where, rubric)
        if as_json:
            print(json_text(listing.list_json(store, rubric, chosen, limit), indent=2))
        else:
            listing.print_list(store, rubric, chosen, labels=labels, limit=limit)


@click.command("show", short_help="Show one transcript.")
@click.argument("name", metavar="ID")
@click.option("--full", is_flag=True, help="Unfold long tool output, reasoning, branches and discarded turns.")
@click.option("--raw", is_flag=True, help="The canonical text alone, block after block, nothing folded or indented.")
@click.option("--message", "messages", metavar="N|N-M", multiple=True, help="Only these messages.")
@click.option(
    "--labels",
    is_flag=True,
    help="With what machines, people and the log's scores said, and people's notes and flags (not for annotators who work blind).",
)
@json_option
@common
def show_command(name: str, full: bool, raw: bool, messages: tuple[str, ...], labels: bool, as_json: bool) -> None:
    """Show one transcript.

    ID is the id, an unambiguous beginning of it or of the digest, or a link such as run-7#M12/threat.
    """
    from grader.reports.terminal import console
    from grader.reports.transcript_text import print_transcript, transcript_json
    from grader.store import load, read_annotations
    from grader.store.remarks import remarks
    from grader.text import sanitise

    with open_project() as store:
        found, linked = _follow(store, name)
        transcript = load(store, found)
        only = _numbers(messages or linked, len(transcript.messages)) if messages or linked else None
        if as_json:
            print(json_text(transcript_json(transcript, only), indent=2))
            return
        if raw:
            for message in transcript.messages:
                if only is None or message.index in only:
                    for block in message.blocks:
                        print(sanitise(block.text))
            return
        said = list(read_annotations(store, transcript_key=found.key)) if labels else []
        left = remarks(store, transcript_key=found.key) if labels else []
        print_transcript(console(), transcript, full=full, only=only, labels=said, remarks=left, scores=labels)


def _follow(store: Any, name: str) -> tuple[Any, tuple[str, ...]]:
    """The transcript, and the message where `name` is a link to one."""
    from grader.store import entry

    if not name.strip():
        raise UsageError("give a transcript's id; `grader list` shows the ids")
    try:
        return entry(store, name), ()
    except StoreError:
        link = re.fullmatch(r"(.+)#M(\d+)(?:/\w+)?", name)
        if link is None:
            raise
        return entry(store, link[1]), (link[2],)


def _numbers(given: tuple[str, ...], last: int) -> set[int]:
    found: set[int] = set()
    for text in given:
        bounds = re.fullmatch(r"M?(\d+)(?:-M?(\d+))?", text.strip(), re.IGNORECASE)
        if bounds is None:
            raise UsageError(f"--message {text!r}: write 12 or 10-14")
        low, high = int(bounds[1]), int(bounds[2] or bounds[1])
        if not 1 <= low <= high <= last:
            raise UsageError(f"message {text}: the transcript has messages 1 to {last}")
        found.update(range(low, high + 1))
    return found


@click.command("search", short_help="Find text in all transcripts.")
@click.argument("text")
@where_option
@click.option("--regex", is_flag=True, help="TEXT is a regular expression.")
@click.option("--role", type=click.Choice(["system", "user", "assistant", "tool"]), help="Only what this role says.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many hits.")
@json_option
@common
def search_command(text: str, where: str | None, regex: bool, role: str | None, limit: int, as_json: bool) -> None:
    """Find text in all transcripts.

    Lower case finds any case; a capital in TEXT makes it exact.
    """
    from grader.reports import listing

    if not text:
        raise UsageError("search: give some text to look for")
    with open_project() as store:
        hits = listing.search(store, selection(where), text, regex=regex, role=role, limit=limit)
        if as_json:
            print(json_text([listing.hit_json(hit) for hit in hits], indent=2))
        else:
            listing.print_hits(hits, limit)


@click.command("status", short_help="Say where the project stands and what to do next.")
@json_option
@common
def status_command(as_json: bool = False) -> None:
    """Say where the project stands and what to do next."""
    from pathlib import Path

    from grader.reports import standing

    path = database_path()
    if not Path(path).exists():
        if as_json:
            print(json_text({"database": path, "transcripts": 0, "next": "grader grade LOGS"}, indent=2))
        else:
            standing.print_beginning(path)
        return
    rubric = project_rubric()
    with open_project() as store:
        facts = standing.project_status(store, rubric)
    if as_json:
        print(json_text(facts, indent=2))
    else:
        standing.print_status(facts)
