"""Lists of transcripts and of search hits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from grader.errors import UsageError
from grader.reports.terminal import console, plain, print_rows
from grader.rubric import Rubric
from grader.store import Entry, Selection, Store, entries, iter_transcripts
from grader.store.rollup import roll_up, standings
from grader.text import sanitise

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Hit", "hit_json", "list_json", "print_hits", "print_list", "search"]


class Hit(msgspec.Struct, frozen=True):
    """A place where the text was found."""

    transcript: str
    message: int
    block: int
    start: int
    end: int
    role: str
    quote: str
    before: str
    after: str


def list_json(store: Store, rubric: Rubric, where: Selection, limit: int | None) -> list[dict[str, Any]]:
    """The document of `list --json`: transcripts without messages, with the rolled-up value of each label by rater."""
    found = list(entries(store, where))[:limit]
    said = _labels(store, rubric, found)
    return [
        {
            "id": item.id,
            "digest": item.digest,
            "source": item.source,
            "format": item.format,
            "model": item.model,
            "task": item.task,
            "condition": item.condition,
            "epoch": item.epoch,
            "metadata": item.metadata,
            "n_messages": item.n_messages,
            "n_chars": item.n_chars,
            "labels": said.get(item.key, {}),
            "excluded": item.excluded,
        }
        for item in found
    ]


def _labels(store: Store, rubric: Rubric, found: list[Entry]) -> dict[int, dict[str, dict[str, str]]]:
    labels = {label.id: label for label in rubric.labels}
    said: dict[int, dict[str, dict[str, str]]] = {}
    for standing in standings(store, rubric, [item.key for item in found]):
        value = roll_up(labels[standing.label], standing)
        if value is not None:
            said.setdefault(standing.transcript_key, {}).setdefault(standing.label, {})[standing.rater] = value
    return said


def print_list(store: Store, rubric: Rubric, where: Selection, *, labels: bool, limit: int | None) -> None:
    """A table; with `labels` a column of what is present according to whom. Where its lines would have to be broken each
    transcript has its id on a line of its own, to be copied whole, and the rest under it.
    """
    found = list(entries(store, where))
    shown = found[:limit]
    out = console()
    if not found:
        hint = (
            "no transcript is selected by --where" if where.terms else "nothing is loaded yet; next: grader import LOGS"
        )
        out.print(plain(hint))
        return
    columns = ["id", "model", "condition", "format", "messages", *(["present"] if labels else [])]
    said = _labels(store, rubric, shown) if labels else {}
    present = [_present(said.get(item.key, {})) for item in shown]
    rows = [
        [item.id, item.model, item.condition, item.format, item.n_messages, *([words] if labels else [])]
        for item, words in zip(shown, present, strict=True)
    ]
    if not print_rows(out, columns, rows, numbers=("messages",)):
        for item, words in zip(shown, present, strict=True):
            _print_stacked(out, item, words)
    more = f" (of {len(found)}; --limit {limit})" if len(shown) < len(found) else ""
    out.print(plain(f"{_count(len(shown), 'transcript')}{more}"))


def _print_stacked(out: Console, item: Entry, present: str) -> None:
    from rich.padding import Padding

    out.print(plain(item.id, style="bold"), soft_wrap=True)
    facts = [
        item.model,
        item.condition and f"condition {item.condition}",
        item.format,
        _count(item.n_messages, "message"),
    ]
    for line in (" · ".join(str(fact) for fact in facts if fact), present and f"present: {present}"):
        if line:
            out.print(Padding(plain(line), (0, 0, 0, 2)))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _present(said: dict[str, dict[str, str]]) -> str:
    parts = []
    for label, by_rater in said.items():
        who = sorted({rater.partition(":")[0] for rater, value in by_rater.items() if value == "present"})
        if who:
            parts.append(f"{label} ({', '.join(who)})")
    return ", ".join(parts)


def search(store: Store, where: Selection, text: str, *, regex: bool, role: str | None, limit: int) -> list[Hit]:
    """At most `limit` places, transcript by transcript. Case counts only where `text` has a capital. Raises UsageError."""
    flags = 0 if any(letter.isupper() for letter in text) else re.IGNORECASE
    try:
        pattern = re.compile(text if regex else re.escape(text), flags)
    except re.error as error:
        raise UsageError(f"search {text!r}: not a regular expression ({error})") from error
    found: list[Hit] = []
    for hit in _hits(store, where, pattern, role):
        found.append(hit)
        if len(found) >= limit:
            break
    return found


def _hits(store: Store, where: Selection, pattern: re.Pattern[str], role: str | None) -> Iterator[Hit]:
    for item, transcript in iter_transcripts(store, where):
        for message in transcript.messages:
            if role is not None and message.role != role:
                continue
            for position, block in enumerate(message.blocks):
                for match in pattern.finditer(block.text):
                    start, end = match.span()
                    if start < end:
                        yield Hit(
                            item.id,
                            message.index,
                            position,
                            start,
                            end,
                            message.role,
                            block.text[start:end],
                            block.text[max(0, start - 60) : start],
                            block.text[end : end + 60],
                        )


def hit_json(hit: Hit) -> dict[str, Any]:
    """One entry of `search --json`."""
    plain_hit = msgspec.to_builtins(hit)
    assert isinstance(plain_hit, dict)
    return plain_hit


def print_hits(hits: list[Hit], limit: int) -> None:
    """One line a hit, the words found set off."""
    from rich.text import Text

    out = console()
    for hit in hits:
        line = Text()
        line.append(f"{sanitise(hit.transcript)} [M{hit.message}] ", style="bold")
        line.append(_flat(hit.before))
        line.append(_flat(hit.quote), style="bold reverse")
        line.append(_flat(hit.after))
        out.print(line)
    if not hits:
        out.print(plain("not found"))
    elif len(hits) >= limit:
        out.print(plain(f"the first {limit} hits; --limit shows more", style="dim"))


def _flat(text: str) -> str:
    return sanitise(text).replace("\n", " ").replace("\t", " ")
