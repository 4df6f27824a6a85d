"""Chat messages that are texts, calls with texts as arguments and their results, as most are: read, cleaned and paired in bulk.

It gives what `openai_message`, `clean_messages` and `pair_results` give one after the other, in a third of the time; of
anything else nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, count, filterfalse, islice
from operator import itemgetter
from typing import Any, Final, final

import msgspec

from grader.readers.cleaning import is_plain
from grader.readers.markup import has_markup
from grader.readers.roles import ROLES
from grader.readers.toolcall import flat_lines
from grader.transcript import Block, BlockKind, Message, Role

__all__ = ["Paired", "Settled", "are_plain_texts", "conversation", "plain_message", "settled", "text_blocks"]

_BATCH: Final = 256
_ROLE, _CONTENT = itemgetter("role"), itemgetter("content")
_ARGUMENTS = msgspec.json.Decoder(dict[str, str]).decode
_STRINGS: Final = frozenset([str])
_TEXT: Final = partial(Block, "text")
_KINDS: Final[dict[Role, BlockKind]] = {
    role: "tool_result" if role == "tool" else "text" for role in ("system", "user", "assistant", "tool")
}
_MOST_TOGETHER: Final = 1 << 18


@final
class Paired:
    """What pairing has seen of a conversation."""

    def __init__(self) -> None:
        self.asked: dict[str | None, str] = {}
        """Call id → name of the tool, of the calls that have no answer yet."""
        self.orphans = 0
        """Results without a call."""


@final
class Settled(tuple[Message, ...]):
    """A main thread of messages that are clean, paired and numbered."""

    paired: Paired


def conversation(
    rows: Iterable[Any],
    otherwise: Callable[[Iterable[Any]], list[Message]],
    *,
    speaker: Callable[[Any], Any] = _ROLE,
    content: Callable[[Any], Any] = _CONTENT,
) -> Sequence[Message]:
    """The messages of `rows`, for `finish`: Settled where all are plain; where one is not, what `otherwise` makes of it and the rest.

    `speaker` and `content` give what is called `role` and `content` in a chat.
    """
    paired = Paired()
    messages: list[Message] = []
    rows = iter(rows)
    while batch := list(islice(rows, _BATCH)):
        plain = _plain_messages(batch, len(messages) + 1, paired, speaker, content)
        if plain is None:
            return messages + otherwise(chain(batch, rows))
        messages += plain
    return settled(messages, paired)


def settled(messages: Iterable[Message], paired: Paired) -> Settled:
    """The messages of a conversation, and what pairing saw of them."""
    known = Settled(messages)
    known.paired = paired
    return known


def _plain_messages(
    rows: Sequence[Any], first: int, paired: Paired, speaker: Callable[[Any], Any], content: Callable[[Any], Any]
) -> list[Message] | None:
    """The messages of `rows`, numbered from `first`; None where one of them is not plain.

    A result is named after the call it answers. What is said in `paired` counts only where all rows are plain.
    """
    try:
        roles = list(map(ROLES.__getitem__, map(speaker, rows)))
        texts = list(map(content, rows))
        if set(map(len, rows)) == {2} and not paired.asked:
            if not are_plain_texts(roles, texts):
                return None
            paired.orphans += roles.count("tool")
            return list(map(Message, count(first), roles, text_blocks(roles, texts)))
        if None in texts:  # calls alone
            texts = ["" if text is None else text for text in texts]
        if not _STRINGS.issuperset(map(type, texts)):
            return None
        said = list(texts)
        blocks = [
            (_TEXT(text),) if len(row) == 2 and text and role != "tool" else _blocks(row, role, text, paired, said)
            for row, role, text in zip(rows, roles, texts, strict=True)
        ]
        if () in blocks or not _are_plain(roles, texts, said):
            return None
    except (LookupError, TypeError, ValueError):  # TypeError: also where a name or an id is no text
        return None
    return list(map(Message, count(first), roles, blocks))


def are_plain_texts(roles: Sequence[Role], texts: Sequence[Any], more: Iterable[str] = ()) -> bool:
    """Whether each of `texts` says something, may be stored as it is, and holds no pseudo-markup where an assistant wrote it.

    `more`: names and ids, which have to be storable too. Raises TypeError where these are no texts.
    """
    return _STRINGS.issuperset(map(type, texts)) and all(texts) and _are_plain(roles, texts, [*texts, *more])


def text_blocks(roles: Sequence[Role], texts: Iterable[str]) -> Iterator[tuple[Block]]:
    """The one block of each message: a result where a tool says it."""
    return zip(map(Block, map(_KINDS.__getitem__, roles), texts))


def plain_message(row: dict[str, Any], index: int, thread: str, flags: tuple[str, ...]) -> Message | None:
    """What `openai_message` gives for one plain row, neither cleaned nor paired; None for every other."""
    try:
        role, text = ROLES[row["role"]], row["content"]
        if type(text) is not str or text.isspace() or (role == "assistant" and has_markup(text)):
            return None
        told: list[str] = []
        blocks = _blocks(row, role, text, Paired(), told)
        "".join(told)
    except (LookupError, TypeError, ValueError):
        return None
    return Message(index, role, blocks, None, thread, None, None, flags) if blocks else None


def _are_plain(roles: Sequence[Role], texts: Sequence[str], said: Sequence[str]) -> bool:
    """Whether none of `texts` is blank or an assistant's with pseudo-markup, and all of `said` may be stored."""
    if True in map(str.isspace, texts):
        return False
    # Looked at as one, they take a third of the time; of much that is not ASCII the whole would be wide.
    wide = list(filterfalse(str.isascii, said))
    together = "\n".join(wide) if sum(map(len, wide)) < _MOST_TOGETHER else None
    if wide and not (all(map(is_plain, wide)) if together is None else is_plain(together)):
        return False
    if not is_plain("\n".join(filter(str.isascii, said))):
        return False
    for text in [text for text in texts if "<" in text]:
        if has_markup(text) and "assistant" in [role for role, told in zip(roles, texts, strict=True) if told is text]:
            return False
    return True


def _blocks(row: dict[str, Any], role: Role, text: str, paired: Paired, said: list[str]) -> tuple[Block, ...]:
    """The blocks of a row, () where it is not plain; their names and ids, and what calls say, are added to `said`."""
    size = len(row)
    if role == "tool":
        return _answered(text, row["tool_call_id"] if size == 3 else None, paired, said) if text and size < 4 else ()
    if size == 2:
        return (Block("text", text),) if text else ()
    if size > 3 or role != "assistant":
        return ()
    calls = row["tool_calls"]
    if type(calls) is not list:
        return () if calls or not text else (Block("text", text),)
    blocks = [Block("text", text)] if text else []
    asked = paired.asked
    for call in calls:
        function, call_id = call["function"], call["id"]
        name = function["name"]
        if not name or not call_id or call_id in asked or len(call) > 3:
            return ()
        told = flat_lines(_ARGUMENTS(function["arguments"]))
        asked[call_id] = name
        said += (name, call_id, told)
        blocks.append(Block("tool_call", told, name, call_id))
    return tuple(blocks)


def _answered(text: str, call_id: Any, paired: Paired, said: list[str]) -> tuple[Block, ...]:
    name = paired.asked.pop(call_id, None)
    if name is None:
        if call_id is None:
            if paired.asked:  # it answers the first of them
                return ()
        elif not call_id:
            return ()
        else:
            said.append(call_id)
        paired.orphans += 1
    return (Block("tool_result", text, name, call_id),)
