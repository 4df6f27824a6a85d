"""The last step of every reader: messages and fields → a Transcript that can be stored, cited and compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

import msgspec

from grader.readers.given import Fields, apply_given
from grader.readers.pairing import pair_results
from grader.readers.placeholders import SECRET_KEYS, without_data_uris, without_secrets
from grader.readers.report import Report
from grader.readers.source import Source
from grader.readers.threads import MAIN
from grader.text import storable
from grader.transcript import Block, Message, Transcript, renumber, transcript_digest

__all__ = ["derived_id", "finish", "score"]


def finish(
    source: Source,
    report: Report,
    messages: Iterable[Message],
    *,
    format: str,
    id: str | None = None,
    model: object = None,
    task: object = None,
    condition: object = None,
    epoch: object = None,
    threads: Mapping[str, Mapping[str, Any]] | None = None,
    scores: Sequence[Mapping[str, Any]] = (),
    models: Iterable[str] = (),
    metadata: Mapping[str, Any] | None = None,
    row: int | None = None,
    member: str | None = None,
    has_results: bool = True,
) -> Transcript:
    """Cleans the text, pairs results with calls, numbers the messages, derives digest and id, applies what the caller gave.

    `id` is the source's own; without one it is derived from format and digest. `models`: every model seen, kept in the
    metadata when there are several. `row`: line or position in a file of several transcripts; `member`: entry of an archive
    that the format itself is. `has_results`: whether the format keeps results of tools at all, so that a call without one
    is worth a word.
    """
    kept_messages, has_tools = _clean(messages, report)
    cleaned = renumber(pair_results(kept_messages, report) if has_tools and has_results else kept_messages)
    digest = transcript_digest(cleaned)
    if not cleaned:
        report.warn("no_messages", line=row)
    kept = {key: value for key, value in (metadata or {}).items() if value not in (None, "", [], {})}
    several = list(dict.fromkeys([storable(name)[0] for name in models if name]))
    fields = Fields(
        id=_text(id) or derived_id(format, digest, report),
        model=_text(model) or (several[0] if len(several) == 1 else None),
        task=_text(task),
        condition=_text(condition),
        epoch=epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None,
        metadata=_clean_metadata(kept),
    )
    if len(several) > 1:
        fields.metadata["models"] = several
    if scores:
        fields.metadata["scores"] = _clean_metadata(list(scores))
    entries = {str(key): dict(entry) for key, entry in (threads or {}).items()}
    for message in cleaned:
        if message.thread not in entries and (entries or message.thread != "main"):
            kind = "main" if message.thread == "main" else "subagent"
            entries[message.thread] = {"kind": kind, "parent": None if kind == "main" else "main", "actor": None}
    if entries:
        fields.metadata["threads"] = {storable(key)[0]: _clean_metadata(entry) for key, entry in entries.items()}
    apply_given(fields, source)
    return Transcript(
        id=fields.id,
        digest=digest,
        source=_place(source, row, member),
        format=format,
        messages=cleaned,
        model=fields.model,
        task=fields.task,
        condition=fields.condition,
        epoch=fields.epoch,
        metadata=fields.metadata,
    )


def _place(source: Source, row: int | None, member: str | None) -> str:
    label = f"{source.label}!{member}" if member else source.label
    return label if row is None else f"{label}:{row}"


def score(name: object, value: object, *, answer: object = None, explanation: object = None) -> dict[str, Any]:
    """An entry of `metadata.scores`; None stays None: missing is not negative."""
    return {"name": str(name), "value": value, "answer": answer, "explanation": explanation}


def derived_id(format: str, digest: str, report: Report) -> str:
    """`h-` and 16 hex of SHA-256 over format and digest; `-n` for the n-th equal transcript of a file."""
    import hashlib

    short = "h-" + hashlib.sha256(f"{format}\n{digest}".encode()).hexdigest()[:16]
    report.derived_ids[short] += 1
    count = report.derived_ids[short]
    return short if count == 1 else f"{short}-{count}"


def _clean(messages: Iterable[Message], report: Report) -> tuple[list[Message], bool]:
    """The messages as they may be stored, and whether any holds a call or a result.

    Blank blocks go, data URIs become placeholders, what cannot be stored is replaced and counted.
    """
    cleaned: list[Message] = []
    replaced = 0
    has_tools = False
    for message in messages:
        blocks = message.blocks
        meta, name, thread = message.meta, message.name, message.thread
        is_clean = (
            bool(blocks)
            and (name is None or _is_plain(name))
            and (thread == MAIN or _is_plain(thread))
            and (not meta or _is_plain_meta(meta))
        )
        for block in blocks:
            kind, text = block.kind, block.text
            if kind == "text" or kind == "reasoning":
                if not text or text.isspace():
                    is_clean = False
            elif kind != "media":
                has_tools = True
            # Nearly all stay as they are: this has to be fast, and a semicolon is found ten times faster than "64,".
            if is_clean and (
                "\x00" in text
                or (";" in text and "64," in text)
                or not (text.isascii() or _is_plain(text))
                or ((name := block.name) is not None and not _is_plain(name))
                or ((call_id := block.call_id) is not None and not _is_plain(call_id))
                or ((error := block.error) and not _is_plain(error))
                or ((meta := block.meta) and not _is_plain_meta(meta))
            ):
                is_clean = False
        if is_clean and ((source_id := message.source_id) is None or _is_plain(source_id)):
            cleaned.append(message)
        else:
            message, count = _cleaned(message)
            cleaned.append(message)
            replaced += count
    if replaced:
        report.warn("unstorable_characters", count=replaced)
    return cleaned, has_tools


def _cleaned(message: Message) -> tuple[Message, int]:
    """The message as it may be stored, and how many characters were replaced.

    An assistant that is left without any block was broken off: `partial`.
    """
    changes: dict[str, Any] = {}
    results = [_cleaned_block(block) for block in message.blocks]
    replaced = sum(count for _, count in results)
    if any(block is not old for (block, _), old in zip(results, message.blocks, strict=True)):
        changes["blocks"] = tuple(block for block, _ in results if block is not None)
    for name, value in (("name", message.name), ("source_id", message.source_id), ("thread", message.thread)):
        if value and not _is_plain(value):
            changes[name], count = storable(value)
            replaced += count
    if message.meta and (meta := _clean_metadata(message.meta)) != message.meta:  # else there would be two of it
        changes["meta"] = meta
    if message.role == "assistant" and not changes.get("blocks", message.blocks):  # a turn that was broken off
        changes["flags"] = tuple(sorted({*message.flags, "partial"}))
    return (msgspec.structs.replace(message, **changes) if changes else message), replaced


def _is_plain(text: str) -> bool:
    """Whether text holds neither NUL, lone surrogates nor (what may be) a data URI."""
    if "\x00" in text or (";" in text and "64," in text):
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_plain_meta(meta: dict[str, Any]) -> bool:
    """Whether cleaning would change nothing: numbers and short text under harmless names, as nearly all is."""
    for key, value in meta.items():
        if type(key) is not str or not key.isascii() or "\x00" in key or key in SECRET_KEYS:
            return False
        kind = type(value)
        if kind is str:
            if len(value) >= 200 or not value.isascii() or "\x00" in value or ";" in value:
                return False
        elif kind is float:
            if not isfinite(value):
                return False
        elif not (kind is int or kind is bool or value is None):
            return False
    return True


def _cleaned_block(block: Block) -> tuple[Block | None, int]:
    """The block as it may be stored, None where it is blank, and how many characters were replaced."""
    text, replaced = storable(block.text)
    text = without_data_uris(text)
    if block.kind in ("text", "reasoning") and not text.strip() and not (block.meta and block.meta.get("redacted")):
        return None, replaced
    changes: dict[str, Any] = {} if text is block.text else {"text": text}
    for name, value in (("name", block.name), ("call_id", block.call_id), ("error", block.error)):
        if value and not _is_plain(value):
            clean, count = storable(value)
            changes[name] = without_data_uris(clean)
            replaced += count
    if block.meta:
        changes["meta"] = {key: _storable_value(value) for key, value in block.meta.items()}
    return (msgspec.structs.replace(block, **changes) if changes else block), replaced


def _clean_metadata(value: Any, depth: int = 40) -> Any:
    """`value` without secrets, as it may be stored."""
    if value is None or value is True or value is False or isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) < 200 and value.isascii() and "\x00" not in value and ";" not in value:
        return value  # nearly all of it is short and plain
    if isinstance(value, dict) and depth:
        return {
            storable(str(key))[0]: _clean_metadata(item, depth - 1)
            for key, item in value.items()
            if key not in SECRET_KEYS
        }
    if isinstance(value, list | tuple) and depth:
        return [_clean_metadata(item, depth - 1) for item in value]
    return _storable_value(without_secrets(value, depth))


def _storable_value(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)[0]
    if isinstance(value, dict):
        return {storable(str(key))[0]: _storable_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_value(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # NaN and Infinity are no JSON
    if isinstance(value, bytes):  # a column of a table
        return f"[{len(value)} bytes]"
    if isinstance(value, date):  # times too
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float) else storable(str(value))[0]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    text = storable(str(value))[0].strip()
    return text or None
