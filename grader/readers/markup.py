"""Pseudo-markup in what an assistant wrote: tags for reasoning and for calls, segmented into blocks of their own kind.

Without this a plan in a scratchpad reads as speech, and a mail that was sent reads as talk about a mail.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from grader.readers.jsontext import decode_json
from grader.readers.toolcall import arguments_text
from grader.transcript import Block

__all__ = ["has_markup", "segment"]

_REASONING = "scratchpad_reasoning|scratchpad|thinking|think|reasoning"
_OPENING = re.compile(
    rf"<(?P<reasoning>{_REASONING})\s*>"
    r"|<(?P<tool_use>tool_use:(?P<use_name>[^\s<>:/]{1,200}))\s*>"
    r"|<(?P<tool_call>tool_call)\s*>"
    r"|<(?P<function>function)=(?P<function_name>[^\s<>]{1,200})\s*>"
    r"|<(?P<invoke>invoke)\s+name\s*=\s*\"(?P<invoke_name>[^\"<>]{1,200})\"\s*>"
    r"|</(?P<lone>think|thinking)\s*>",
    re.IGNORECASE,
)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)")
_INLINE = re.compile(r"(?<!`)(`+)(?!`)[^`\n](?:[^\n]{0,2000}?[^`\n])?\1(?!`)")
_PARAMETER = re.compile(
    r"<parameter(?:=(?P<bare>[^\s<>]+)|\s+name\s*=\s*\"(?P<quoted>[^\"<>]+)\")[^<>]*>(?P<value>.*?)(?:</parameter>|(?=<parameter)|\Z)",
    re.DOTALL | re.IGNORECASE,
)

_NAMED = re.compile(r"\s*([\w.:/-]{1,200})\s*(<arg_key>.*)\Z", re.DOTALL)
_PAIR = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|\Z)", re.DOTALL)
"""How GLM writes a call: its name, then keys and values in turn."""


def has_markup(text: str) -> bool:
    """Whether `segment` would find more than text."""
    return "<" in text and _OPENING.search(text) is not None


def segment(text: str) -> list[Block]:
    """`text` as text, reasoning and tool_call blocks, in order; blank pieces of text are left out.

    The outermost tag wins, an unclosed one runs to the end (`meta.unclosed`), and a tag inside inline code or a fence is
    a mention. `meta.tag` names the tag.
    """
    if not has_markup(text):
        return [Block(kind="text", text=text)] if text and not text.isspace() else []
    code = _code_spans(text) if "`" in text or "~~~" in text else []
    blocks: list[Block] = []
    done = 0
    for match in _OPENING.finditer(text):
        if match.start() < done or _inside(code, match.start()):
            continue
        if match["lone"]:
            if not blocks and done == 0:  # the opening tag was part of the prompt
                blocks.append(Block(kind="reasoning", text=_trim(text[: match.start()]), meta={"tag": match["lone"]}))
                done = match.end()
            continue
        if text[done : match.start()].strip():
            blocks.append(Block(kind="text", text=text[done : match.start()]))
        inner, done, closed = _inner(text, match, code)
        blocks.append(_block(match, inner, closed))
    if text[done:].strip():
        blocks.append(Block(kind="text", text=text[done:]))
    return blocks


def _inner(text: str, opening: re.Match[str], code: list[tuple[int, int]]) -> tuple[str, int, bool]:
    """The text inside, where the element ends, and whether it was closed."""
    tag = next(
        opening[group] for group in ("reasoning", "tool_use", "tool_call", "function", "invoke") if opening[group]
    )
    starts = r"[\s=>]" if tag.lower() in ("function", "invoke") else r"\s*>"
    depth = 1
    for match in re.compile(rf"<(/?){re.escape(tag)}(?:\s*>|{starts})", re.IGNORECASE).finditer(text, opening.end()):
        if _inside(code, match.start()):
            continue
        depth += -1 if match[1] else 1
        if depth == 0:
            return text[opening.end() : match.start()], match.end(), True
    # Nested or stray openings must not swallow an element that is closed: the first closing tag then ends it.
    closing = re.compile(rf"</{re.escape(tag)}\s*>", re.IGNORECASE).search(text, opening.end())
    if closing:
        return text[opening.end() : closing.start()], closing.end(), True
    return text[opening.end() :], len(text), False


def _block(opening: re.Match[str], inner: str, closed: bool) -> Block:
    meta: dict[str, object] = {} if closed else {"unclosed": True}
    if opening["reasoning"]:
        return Block(kind="reasoning", text=_trim(inner), meta={"tag": opening["reasoning"], **meta})
    if opening["tool_use"]:
        return Block(
            kind="tool_call", text=_trim(inner), name=opening["use_name"], meta={"tag": opening["tool_use"], **meta}
        )
    if opening["tool_call"]:
        return _json_call(inner, meta)
    name = opening["function_name"] or opening["invoke_name"]
    tag = (opening["function"] or opening["invoke"]).lower()
    return Block(kind="tool_call", text=_parameters(inner), name=name, meta={"tag": tag, **meta})


def _json_call(inner: str, meta: dict[str, object]) -> Block:
    nested = _OPENING.match(inner.strip())
    if nested and (nested["function"] or nested["invoke"]):
        body, _, closed = _inner(inner.strip(), nested, [])
        call = _block(nested, body, closed)
        return Block(kind="tool_call", text=call.text, name=call.name, meta={"tag": "tool_call", **meta})
    try:
        call_json = decode_json(inner.strip())
    except ValueError:
        call_json = None
    if not isinstance(call_json, dict) or not isinstance(call_json.get("name"), str):
        named = _NAMED.match(inner)
        if named and not _PAIR.sub("", named[2]).strip():
            pairs = [(match[1].strip(), _trim(match[2])) for match in _PAIR.finditer(named[2])]
            return Block("tool_call", _lines(pairs), named[1], meta={"tag": "tool_call", **meta})
        return Block(kind="tool_call", text=_trim(inner), meta={"tag": "tool_call", "unparsed_arguments": True, **meta})
    arguments, parsed = arguments_text(call_json.get("arguments", call_json.get("parameters")))
    if not parsed:
        meta = {**meta, "unparsed_arguments": True}
    return Block(kind="tool_call", text=arguments, name=call_json["name"], meta={"tag": "tool_call", **meta})


def _parameters(inner: str) -> str:
    found = [(match["bare"] or match["quoted"], _trim(match["value"])) for match in _PARAMETER.finditer(inner)]
    return _lines(found) if found else _trim(inner)


def _lines(pairs: list[tuple[str, str]]) -> str:
    return "\n".join(f"{key}:\n{value}" if "\n" in value else f"{key}: {value}" for key, value in pairs)


def _trim(text: str) -> str:
    """`text` less one line break at each end."""
    text = text[2:] if text.startswith("\r\n") else text[1:] if text.startswith("\n") else text
    return text[:-2] if text.endswith("\r\n") else text[:-1] if text.endswith("\n") else text


def _code_spans(text: str) -> list[tuple[int, int]]:
    """Fences that are closed, and inline code outside them, in order and apart from each other."""
    fences: list[tuple[int, int]] = []
    opened: tuple[int, str] | None = None
    position = 0
    for line in text.split("\n"):
        mark = _FENCE.fullmatch(line.rstrip("\r"))
        if mark and opened is None:
            opened = position, mark[1]
        elif mark and opened is not None and mark[1].startswith(opened[1]) and not mark[2].strip(" \t"):
            fences.append((opened[0], position + len(line)))
            opened = None
        position += len(line) + 1
    inline = (match.span() for match in _INLINE.finditer(text))
    return sorted([*fences, *(span for span in inline if not _inside(fences, span[0]))])


def _inside(spans: list[tuple[int, int]], position: int) -> bool:
    place = bisect_right(spans, (position, len(spans) and spans[-1][1])) - 1
    return place >= 0 and spans[place][0] <= position < spans[place][1]
