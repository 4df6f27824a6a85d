"""A transcript as text for a terminal, a pipe or a screen reader."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from grader.annotation import MACHINE_KINDS, Annotation, rater_kind
from grader.reports.terminal import paragraph, plain
from grader.store.remarks import Remark
from grader.transcript import Block, Message, Transcript

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["print_transcript", "transcript_json"]

_FOLD_LINES = 20
_FOLD_CHARS = 4_000
_FOLDED_THREADS = ("branch", "discarded")
_WITHOUT_TEXT = {"tool_result": " (no output)", "reasoning": " (no text)"}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)")
_STYLES = {"system": "dim", "user": "cyan", "assistant": "bold yellow", "tool": "green"}


def transcript_json(transcript: Transcript, only: Collection[int] | None = None) -> dict[str, Any]:
    """The document of `show ID --json`, with what else a block or message carries under further names; `only` these messages."""
    return {
        "id": transcript.id,
        "digest": transcript.digest,
        "source": transcript.source,
        "format": transcript.format,
        "model": transcript.model,
        "task": transcript.task,
        "condition": transcript.condition,
        "epoch": transcript.epoch,
        "metadata": transcript.metadata,
        "messages": [
            _message_json(message) for message in transcript.messages if only is None or message.index in only
        ],
    }


def _message_json(message: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "index": message.index,
        "role": message.role,
        "name": message.name,
        "thread": message.thread,
        "timestamp": message.timestamp,
        "flags": list(message.flags),
        "source_id": message.source_id,
        "blocks": [_block_json(block) for block in message.blocks],
    }
    if message.meta:
        shown["meta"] = message.meta
    return shown


def _block_json(block: Block) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": block.kind, "text": block.text, "name": block.name, "call_id": block.call_id}
    if block.error is not None:
        shown["error"] = block.error
    if block.meta:
        shown["meta"] = block.meta
    return shown


def print_transcript(
    out: Console,
    transcript: Transcript,
    *,
    full: bool = False,
    only: Collection[int] | None = None,
    labels: Iterable[Annotation] = (),
    remarks: Iterable[Remark] = (),
    scores: bool = False,
) -> None:
    """The transcript, message by message, each cited as [M12].

    Long tool output and reasoning, branches and discarded turns are folded unless `full`. `only`: just these messages.
    `labels`, `remarks`: to be printed under the message (or at the end) they speak of. `scores`: also what the log's own
    graders said.
    """
    said: dict[int, list[Text]] = {}
    for item in labels:
        said.setdefault(item.message or 0, []).append(_label_line(item))
    for remark in remarks:
        said.setdefault(remark.message or 0, []).append(_remark_line(remark))
    if only is None:
        _head(out, transcript)
    date = ""
    for thread, messages in groupby(transcript.messages, key=lambda message: message.thread):
        shown = [message for message in messages if only is None or message.index in only]
        if shown and (thread != "main" or (shown[0].index > 1 and only is None)):
            out.print()
            _say(out, plain(_thread_line(transcript, thread), style="dim"), rest=4)
        if shown and only is None and not full and transcript.thread_kind(thread) in _FOLDED_THREADS:
            marked = sum(len(said.get(message.index, ())) for message in shown)
            _say(out, plain(_hidden_messages(shown, marked), style="dim"), lead="    ", rest=4)
            continue
        for message in shown:
            date = _message(out, message, full, date)
            for line in said.get(message.index, ()):
                _say(out, line, lead="  ▸ ", rest=4)
    if only is not None:
        return
    if said.get(0):
        out.print(plain("transcript", style="bold"))
        for line in said[0]:
            _say(out, line, lead="  ▸ ", rest=4)
    if scores:
        _scores(out, transcript)


def _head(out: Console, transcript: Transcript) -> None:
    _say(out, plain(transcript.id, style="bold"))
    models = transcript.metadata.get("models")
    several = isinstance(models, list) and len(models) > 1
    facts = {
        "models" if several else "model": ", ".join(map(str, models)) if several else transcript.model,  # type: ignore[arg-type]
        "condition": transcript.condition,
        "task": transcript.task,
        "epoch": transcript.epoch,
        "format": transcript.format,
        "source": transcript.source,
        "messages": len(transcript.messages),
        "error": transcript.metadata.get("error"),
    }
    _say(out, plain(" · ".join(f"{name} {value}" for name, value in facts.items() if value is not None), style="dim"))


def _thread_line(transcript: Transcript, thread: str) -> str:
    threads = transcript.metadata.get("threads")
    entry = threads.get(thread) if isinstance(threads, Mapping) else None
    about = entry if isinstance(entry, Mapping) else {}
    said = f"--- thread {thread} ({transcript.thread_kind(thread)})"
    said += f" of {about['actor']}" if about.get("actor") else ""
    return said + (f", from thread {about['parent']}" if about.get("parent") not in (None, "main") else "")


def _hidden_messages(messages: Sequence[Message], marked: int) -> str:
    which = f"[M{messages[0].index}]" + (f" to [M{messages[-1].index}]" if len(messages) > 1 else "")
    labels = f", labels on them: {marked}" if marked else ""
    return f"[+ {len(messages)} message{'s' if len(messages) > 1 else ''} folded, {which}{labels}]; --full shows all"


def _message(out: Console, message: Message, full: bool, date: str) -> str:
    """Prints it; returns the day it was said on, `date` where it has no time."""
    out.print()
    who = message.role + (f" {message.name}" if message.name else "")
    marks = f" ({', '.join(message.flags)})" if message.flags else ""
    if message.meta and message.meta.get("error"):
        marks += f" (error: {message.meta['error']})"
    title = f"[M{message.index}] {who}{marks}"
    when = _TIME.match(message.timestamp or "")
    if when:
        title += f" · {when[2]}" if when[1] == date else f" · {when[1]} {when[2]}"
        date = when[1]
    _say(out, plain(title, style=_STYLES.get(message.role, "")), rest=4)
    for block in message.blocks:
        _block(out, block, full)
    return date


def _block(out: Console, block: Block, full: bool) -> None:
    """Plain text two columns in; any other block under a title that begins a column before, where no text ever does."""
    is_text = block.kind == "text"
    if not is_text:
        title = block.kind.replace("_", " ") + (f" {block.name}" if block.name else "")
        if block.error is not None:
            title += " (error)" if block.error in ("", "error") else f" (error: {block.error})"
        if not block.text:
            title += " (encrypted)" if block.meta and block.meta.get("redacted") else _WITHOUT_TEXT.get(block.kind, "")
        _say(out, plain(title, style="dim"), lead=" - ", rest=4)
    shown, hidden = (block.text, "") if full or is_text else _folded(block.text)
    shown = shown.replace("\r\n", "\n").strip("\n")
    if shown.strip():
        columns = 2 if is_text else 4
        _say(out, paragraph(shown), lead=" " * columns, rest=columns)
    if hidden:
        _say(out, plain(f"{hidden}; --full shows all", style="dim"), lead="    ", rest=4)


def _say(out: Console, text: Text, *, lead: str = "", rest: int = 2) -> None:
    """Prints `text` behind `lead`; what does not fit in the terminal's width goes on `rest` columns in.

    So no row of a text stands where titles do, however long its line. In a file or pipe lines stay whole, and past rich,
    which takes 20 s for a million of them.
    """
    if not out.is_terminal:
        whole = lead + text.plain.replace("\n", "\n" + " " * rest)
        print("\n".join(line if line.strip() else "" for line in whole.split("\n")), file=out.file)
        return
    rows = [row.plain for row in text.wrap(out, max(10, out.width - rest))]
    lines = [(" " * rest if number else lead) + row if row.strip() else "" for number, row in enumerate(rows)]
    out.print(type(text)("\n".join(lines), style=text.style), soft_wrap=True)


def _folded(text: str) -> tuple[str, str]:
    lines = text.split("\n")
    if len(lines) <= _FOLD_LINES and len(text) <= _FOLD_CHARS:
        return text, ""
    kept = "\n".join(lines[: _FOLD_LINES // 2])[:_FOLD_CHARS]
    return kept, f"[+ {max(0, len(lines) - _FOLD_LINES // 2)} lines, {len(text) - len(kept):,} characters folded]"


def _label_line(item: Annotation) -> Text:
    score = f" {item.confidence:.2f}" if item.confidence is not None else ""
    quotes = "; ".join(f"“{span.quote}”" for span in item.spans)
    note = f" note: {item.note}" if item.note and rater_kind(item.rater) not in MACHINE_KINDS else ""
    return plain(f"{item.label} = {item.value}{score} by {item.rater} {quotes}{note}", style="magenta", limit=400)


def _remark_line(remark: Remark) -> Text:
    what = {"flag": "flagged for the lead", "note": "note", "skip": "skipped"}[remark.kind]
    return plain(f"{what} by {remark.rater} ({remark.round}): {remark.text}", style="magenta", limit=4_000)


def _scores(out: Console, transcript: Transcript) -> None:
    scores = transcript.metadata.get("scores")
    for score in scores if isinstance(scores, list) else ():
        if isinstance(score, Mapping):
            value = " without a value" if score.get("value") is None else f" = {score['value']}"
            answer = "" if score.get("answer") is None else f" (answer {score['answer']})"
            why = f": {score['explanation']}" if score.get("explanation") else ""
            told = f"{score.get('name')}{value}{answer}, in the log{why}"
            _say(out, plain(told, style="magenta", limit=400), lead="  ▸ ", rest=4)
