"""A transcript as text for a terminal, a pipe or a screen reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from grader.annotation import Annotation
from grader.reports.terminal import paragraph, plain
from grader.transcript import Block, Message, Transcript

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_transcript", "transcript_json"]

_FOLD_LINES = 20
_FOLD_CHARS = 4_000
_STYLES = {"system": "dim", "user": "cyan", "assistant": "bold yellow", "tool": "green"}


def transcript_json(transcript: Transcript) -> dict[str, Any]:
    """The document of `show ID --json`, with what else a block or message carries under further names."""
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
        "messages": [_message_json(message) for message in transcript.messages],
    }


def _message_json(message: Message) -> dict[str, Any]:
    return {
        "index": message.index,
        "role": message.role,
        "name": message.name,
        "thread": message.thread,
        "timestamp": message.timestamp,
        "flags": list(message.flags),
        "source_id": message.source_id,
        "blocks": [_block_json(block) for block in message.blocks],
    }


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
    only: Sequence[int] | None = None,
    labels: Iterable[Annotation] = (),
) -> None:
    """The transcript, message by message, each cited as [M12]. Long tool output and reasoning is folded unless `full`.

    `only`: just these messages. `labels`: annotations to print under the message (or at the end) they speak of.
    """
    said: dict[int, list[Annotation]] = {}
    for item in labels:
        said.setdefault(item.message or 0, []).append(item)
    if only is None:
        _head(out, transcript)
    thread = "main"
    for message in transcript.messages:
        if only is not None and message.index not in only:
            continue
        if message.thread != thread:
            thread = message.thread
            out.print(plain(f"--- thread {thread} ({transcript.thread_kind(thread)})", style="dim"))
        _message(out, message, full)
        for item in said.get(message.index, ()):
            out.print(_label_line(item))
    if said.get(0) and only is None:
        out.print(plain("transcript", style="bold"))
        for item in said[0]:
            out.print(_label_line(item))


def _head(out: Console, transcript: Transcript) -> None:
    out.print(plain(transcript.id, style="bold"))
    facts = {
        "model": transcript.model,
        "condition": transcript.condition,
        "task": transcript.task,
        "format": transcript.format,
        "source": transcript.source,
        "messages": len(transcript.messages),
    }
    out.print(plain(" · ".join(f"{name} {value}" for name, value in facts.items() if value is not None), style="dim"))


def _message(out: Console, message: Message, full: bool) -> None:
    out.print()
    who = message.role + (f" {message.name}" if message.name else "")
    marks = f" ({', '.join(message.flags)})" if message.flags else ""
    out.print(plain(f"[M{message.index}] {who}{marks}", style=_STYLES.get(message.role, "")))
    for block in message.blocks:
        _block(out, block, full)


def _block(out: Console, block: Block, full: bool) -> None:
    """Plain text two columns in; any other block under a title that begins a column before, where no text ever does."""
    is_text = block.kind == "text"
    if not is_text:
        title = block.kind.replace("_", " ") + (f" {block.name}" if block.name else "")
        title += " (encrypted)" if block.meta and block.meta.get("redacted") and not block.text else ""
        out.print(plain(f" - {title}{f' (error: {block.error})' if block.error else ''}", style="dim"))
    shown, hidden = (block.text, "") if full or is_text else _folded(block.text)
    shown = shown.strip("\n")
    if shown.strip():
        out.print(paragraph(_indented(shown, 2 if is_text else 4)), soft_wrap=not out.is_terminal)
    if hidden:
        out.print(plain(f"    {hidden}; --full shows all", style="dim"))


def _folded(text: str) -> tuple[str, str]:
    lines = text.split("\n")
    if len(lines) <= _FOLD_LINES and len(text) <= _FOLD_CHARS:
        return text, ""
    kept = "\n".join(lines[: _FOLD_LINES // 2])[:_FOLD_CHARS]
    return kept, f"[+ {max(0, len(lines) - _FOLD_LINES // 2)} lines, {len(text) - len(kept):,} characters folded]"


def _indented(text: str, columns: int) -> str:
    return "\n".join(" " * columns + line if line else line for line in text.split("\n"))


def _label_line(item: Annotation) -> Any:
    score = f" {item.confidence:.2f}" if item.confidence is not None else ""
    quotes = "; ".join(f"“{span.quote}”" for span in item.spans)
    return plain(f"  ▸ {item.label} = {item.value}{score} by {item.rater} {quotes}", style="magenta", limit=400)
