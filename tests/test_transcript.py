"""Transcripts: digests, numbering, scope."""

from __future__ import annotations

import hashlib
import json
import pickle

from hypothesis import given
from hypothesis import strategies as st

from grader.transcript import (
    BLOCK_KINDS,
    ROLES,
    Block,
    Message,
    Scope,
    Transcript,
    in_scope,
    is_target_speech,
    renumber,
    transcript_digest,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
BLOCKS = st.builds(Block, kind=st.sampled_from(BLOCK_KINDS), text=TEXT, name=st.none() | TEXT, call_id=st.none() | TEXT)
MESSAGES = st.lists(
    st.builds(
        Message,
        index=st.just(0),
        role=st.sampled_from(ROLES),
        blocks=st.lists(BLOCKS, max_size=3).map(tuple),
        thread=st.sampled_from(["main", "sub", "old"]),
        flags=st.sets(st.sampled_from(["copied", "demo", "input"])).map(lambda flags: tuple(sorted(flags))),
        timestamp=st.none() | st.just("2026-01-01T00:00:00Z"),
    ),
    max_size=8,
)


def made(messages: tuple[Message, ...]) -> Transcript:
    threads = {"sub": {"kind": "subagent"}, "old": {"kind": "discarded"}}
    return Transcript("t", transcript_digest(messages), "f", "chat", messages, metadata={"threads": threads})


@given(MESSAGES)
def test_digest_is_sha256_of_the_canonical_json(messages: list[Message]) -> None:
    rows = [[m.thread, m.role, m.name, sorted(m.flags), [[b.kind, b.name, b.text] for b in m.blocks]] for m in messages]
    canonical = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
    assert transcript_digest(messages) == hashlib.sha256(canonical).hexdigest()


def test_digest_ignores_ids_and_times_and_sees_every_word() -> None:
    said = Message(1, "assistant", (Block("text", "yes", call_id="a"),), timestamp="2026-01-01", source_id="x")
    same = Message(9, "assistant", (Block("text", "yes", call_id="b"),))
    other = Message(1, "assistant", (Block("text", "yes."),))
    assert transcript_digest([said]) == transcript_digest([same]) != transcript_digest([other])


@given(MESSAGES)
def test_renumbering_puts_main_first_and_counts_from_one(messages: list[Message]) -> None:
    numbered = renumber(messages)
    assert [message.index for message in numbered] == list(range(1, len(messages) + 1))
    threads = [message.thread for message in numbered]
    assert threads == sorted(threads, key=lambda name: (name != "main", threads.index(name)))
    for thread in set(threads):
        assert [m.blocks for m in numbered if m.thread == thread] == [m.blocks for m in messages if m.thread == thread]


@given(MESSAGES)
def test_scope_holds_target_speech_only_and_never_a_discarded_turn(messages: list[Message]) -> None:
    transcript = made(renumber(messages))
    found = {message.index: blocks for message, blocks in in_scope(transcript, Scope())}
    for message in transcript.messages:
        blocks = [n for n, block in enumerate(message.blocks) if block.kind in ("text", "tool_call")]
        wanted = blocks if is_target_speech(transcript, message) else []
        assert found.get(message.index, []) == wanted


def test_a_digest_that_is_not_given_is_worked_out_when_asked_for() -> None:
    messages = (Message(1, "user", (Block("text", "Hello."),)),)
    known = Transcript("t", transcript_digest(messages), "f", "chat", messages)
    assert Transcript(id="t", digest="", source="f", format="chat", messages=messages).digest == known.digest
    assert Transcript("t", "", "f", "chat", messages) == known
    assert known == Transcript("t", "", "f", "chat", messages)
    assert Transcript("t", "", "f", "chat", ()) != known
    assert pickle.loads(pickle.dumps(Transcript("t", "", "f", "chat", messages))) == known
