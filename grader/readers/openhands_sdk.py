"""Events of the OpenHands software agent SDK: rows with a `kind` that ends in Event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.readers.contained import one_file, take_rows
from grader.readers.content import content_blocks, plain_text, reasoning_block, result_block
from grader.readers.entry_tree import EntryTree
from grader.readers.event_files import Part, read_folder, state_beside
from grader.readers.evidence import Head
from grader.readers.finish import finish, score
from grader.readers.jsontext import compact
from grader.readers.openhands_events import shell_words
from grader.readers.placeholders import without_secrets
from grader.readers.report import Report, Skip
from grader.readers.roles import role_of
from grader.readers.source import Source
from grader.readers.toolcall import tool_call
from grader.readers.turns import turn
from grader.transcript import Block, Message, Transcript

__all__ = ["RECOGNISED_BY", "SUPPORT", "SdkEvents", "is_sdk_event", "read", "read_together", "sniff"]

SUPPORT = "-rCs"
RECOGNISED_BY = "`kind` …`Event`, `source`"

_CONDENSING = ("Condensation", "CondensationRequest")
_RESULTS = frozenset(["ObservationEvent", "AgentErrorEvent", "UserRejectObservation"])


def sniff(head: Head) -> bool:
    """An event: `kind` and `source`; or what a session keeps of its state beside them."""
    return any(is_sdk_event(record) for record in head.record_objects) or _is_state(head)


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The file is one conversation."""
    if _is_state(source.head):  # it is looked up from the events
        report.leave_out("state of a session")
        report.told_elsewhere = True
        return
    events = SdkEvents(report)
    take_rows(source, events.report, events.take, "an event")
    yield _transcript(source, report, events, source)


def read_together(parts: Sequence[Part]) -> Iterator[tuple[Source, Transcript]]:
    """The SDK keeps an event a file: those of a folder are one conversation, its state stands above them."""
    yield from read_folder(parts, read, _joined)


def _joined(parts: Sequence[Part]) -> Transcript:
    first, report = parts[0]
    events = SdkEvents(report)
    for source, events.report in parts:
        with one_file(events.report):
            take_rows(source, events.report, events.take, "an event")
        source.release()
    return _transcript(first, report, events, first)


def _transcript(source: Source, report: Report, events: SdkEvents, beside: Source) -> Transcript:
    messages, threads = events.threads()
    if not messages:
        raise Skip("no_text", "events without messages")
    state = state_beside(beside, "base_state.json", "id", "agent") if beside.head.kind == "object" else {}
    own = state.get("id")
    return finish(
        source,
        report,
        messages,
        format="openhands_sdk",
        id=own if isinstance(own, str) else None,
        models=[*_models({"value": state}), *events.models],
        threads=threads,
        scores=events.scores,
    )


@dataclass(slots=True)
class SdkEvents:
    """Takes events in order and keeps the messages they make; an event makes one message or none."""

    report: Report
    models: list[str] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    _tree: EntryTree = field(default_factory=EntryTree)
    _calls: dict[str, str] = field(default_factory=dict)
    """Call of an agent behind ACP → its entry: each change of its state is an event of its own."""

    def take(self, event: dict[str, Any], line: int | None = None) -> None:
        if event.get("kind") == "ACPToolCallEvent":
            self._acp(event, line)
            return
        message = _message(event, self.report, line)
        self._add(event, message)
        if message is None:
            self.report.leave_out(event.get("kind") or "event without kind")
            self.models += _models(event)
        else:
            self.scores += _critic(event)

    def threads(self) -> tuple[list[Message], dict[str, dict[str, Any]]]:
        """The messages, and `metadata.threads`: what a session went back behind is a branch."""
        return self._tree.threads()

    def _add(self, event: dict[str, Any], message: Message | None) -> str:
        return self._tree.add(event.get("id"), event.get("parent_id"), message, names_parent=_names_parent(event))

    def _acp(self, event: dict[str, Any], line: int | None) -> None:
        said: dict[str, Any] = {"time": event.get("timestamp"), "source_id": event.get("id")}
        key = event.get("tool_call_id")
        call = tool_call(event.get("title") or event.get("tool_kind"), event.get("raw_input"), call_id=key)
        known = self._calls.get(str(key))
        if known is None:
            self._calls[str(key)] = self._add(event, turn("assistant", [call], **said))
        elif event.get("raw_input"):
            self._tree.exchange(known, call)
        if event.get("status") in ("completed", "failed"):
            content = event.get("raw_output")
            if content is None:
                content = (
                    [_acp_text(item) for item in event["content"]] if isinstance(event.get("content"), list) else None
                )
            elif not isinstance(content, str):
                content = plain_text(content) or compact(content)
            error = event.get("is_error") or event.get("status") == "failed"
            blocks = result_block(content, self.report, name=call.name, call_id=key, error=error, line=line)
            self._tree.add(None, None, turn("tool", blocks, **said), names_parent=False)
        elif known is not None:
            self.report.leave_out("earlier state of a call")


def _names_parent(event: dict[str, Any]) -> bool:
    """Only newer versions write what an event follows, and not for every kind."""
    return isinstance(event.get("parent_id"), str)


def _acp_text(item: Any) -> str:
    """What a block of a call's content shows: text, or the file a diff makes."""
    if isinstance(item, dict):
        inner = item.get("content")
        return plain_text(inner) or plain_text(item) or compact(without_secrets(item))
    return plain_text(item)


def _is_state(head: Head) -> bool:
    return head.kind == "object" and {"id", "agent", "execution_status"} <= head.keys and "kind" not in head.keys


def is_sdk_event(record: dict[str, Any]) -> bool:
    """Whether `record` is an event of the SDK."""
    kind = record.get("kind")
    known = isinstance(kind, str) and (kind.endswith(("Event", "Observation")) or kind in _CONDENSING)
    return known and isinstance(record.get("source"), str)


def _message(event: dict[str, Any], report: Report, line: int | None) -> Message | None:
    kind = event.get("kind")
    said: dict[str, Any] = {"time": event.get("timestamp"), "source_id": event.get("id")}
    if kind == "SystemPromptEvent":
        blocks = content_blocks(event.get("system_prompt"), "system", report, line=line)
        # What varies between conversations is sent as a second part of the same message.
        return turn("system", [*blocks, *content_blocks(event.get("dynamic_context"), "system", report)], **said)
    if kind == "MessageEvent":
        return _spoken(event, report, line, said)
    if kind == "ActionEvent":
        return turn("assistant", [*_thought(event, event.get("thought"), report, line), _call(event)], **said)
    if kind in _RESULTS:
        return turn("tool", _result(event, report, line), **said)
    if kind in _CONDENSING and (summary := plain_text(event.get("summary"))).strip():
        return turn("user", content_blocks(summary, "user", report), flags=("summary",), **said)
    return None


def _spoken(event: dict[str, Any], report: Report, line: int | None, said: dict[str, Any]) -> Message:
    message = event["llm_message"] if isinstance(event.get("llm_message"), dict) else {}
    raw = message.get("role")
    if raw is None:
        raw = "assistant" if event.get("source") == "agent" else "user"
    role, name = role_of(raw, report, line=line)
    if role == "assistant":
        blocks = _thought(message, message.get("content"), report, line)
    else:
        blocks = content_blocks(message.get("content"), role, report, line=line)
    blocks += content_blocks(event.get("extended_content"), role, report, line=line)
    return turn(role, blocks, name=name, **said)


def _thought(holder: dict[str, Any], content: object, report: Report, line: int | None) -> list[Block]:
    """Reasoning and text. The same reasoning stands in up to three fields and is kept once."""
    item = holder.get("responses_reasoning_item")
    item = item if isinstance(item, dict) else {}
    candidates = [
        reasoning_block(plain_text(holder.get("reasoning_content"))),
        reasoning_block(
            plain_text(item.get("content")), summary=item.get("summary"), redacted=bool(item.get("encrypted_content"))
        ),
        *content_blocks(holder.get("thinking_blocks") or None, "assistant", report, line=line),
        *content_blocks(content, "assistant", report, line=line),
    ]
    blocks: list[Block] = []
    seen: set[str] = set()
    for block in candidates:
        if block is None:
            continue
        if block.kind == "reasoning":
            if block.text.strip() in seen or (not block.text.strip() and seen):
                continue
            seen.add(block.text.strip())
        blocks.append(block)
    return blocks


def _call(event: dict[str, Any]) -> Block:
    call = event["tool_call"] if isinstance(event.get("tool_call"), dict) else {}
    function = call["function"] if isinstance(call.get("function"), dict) else call
    arguments = function.get("arguments")
    if arguments is None and isinstance(event.get("action"), dict):
        arguments = {key: value for key, value in event["action"].items() if key != "kind"}
    name = event.get("tool_name") or function.get("name")
    return tool_call(name, arguments, call_id=event.get("tool_call_id") or call.get("id"))


def _result(event: dict[str, Any], report: Report, line: int | None) -> list[Block]:
    seen = event.get("observation")
    error: object = None
    if isinstance(seen, dict):
        error = shell_words(seen.get("metadata")) or seen.get("is_error")
        content = next((seen[key] for key in ("content", "output", "text", "message") if seen.get(key)), None)
        if content is None and "content" not in seen:
            content = compact({key: value for key, value in seen.items() if key != "kind"})
    else:
        content = seen
    if event.get("kind") == "AgentErrorEvent":
        content, error = event.get("error"), True
    elif event.get("kind") == "UserRejectObservation":
        content, error = event.get("rejection_reason"), "rejected"
    return result_block(
        content, report, name=event.get("tool_name"), call_id=event.get("tool_call_id"), error=error, line=line
    )


def _models(event: dict[str, Any]) -> list[str]:
    """The agent's model stands only in what the log keeps of the conversation's state."""
    value = event.get("value")
    if not isinstance(value, dict):
        return []
    usage = value.get("usage_to_metrics")
    agent = value.get("agent")
    if isinstance(usage, dict):
        used: dict[str, Any] = next(
            (usage[key] for key in ("agent", "default") if isinstance(usage.get(key), dict)), {}
        )
        name = used.get("model_name")
    else:
        llm = agent.get("llm") if isinstance(agent, dict) else None
        name = llm.get("model") if isinstance(llm, dict) else None
    return [name] if isinstance(name, str) and name else []


def _critic(event: dict[str, Any]) -> list[dict[str, Any]]:
    result = event.get("critic_result")
    if not isinstance(result, dict) or result.get("score") is None:
        return []
    return [score("critic", result["score"], explanation=result.get("message"))]
