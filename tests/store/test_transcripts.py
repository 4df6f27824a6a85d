"""Identity of transcripts: unchanged, changed, collided; loading whole and in part."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import StoreError
from grader.store import (
    BlockOutline,
    MessageOutline,
    Store,
    add_transcript,
    entries,
    entry,
    exclude,
    load,
    load_messages,
    load_outline,
    open_store,
    parse_where,
)
from grader.store.outline import read_outline
from grader.transcript import Block, Message, Scope, Transcript, in_scope, renumber, transcript_digest

Make = Callable[..., Transcript]
LONG = "I have thought about the schedule and will move the backup to Tuesday, as the two of you asked me to do. " * 2


def ids(store: Store, where: str = "") -> list[str]:
    return [found.id for found in entries(store, parse_where(where))]


def test_a_known_transcript_is_unchanged_from_any_path(store: Store, transcript: Make) -> None:
    first = transcript("a", "hi", "hello")
    assert add_transcript(store, first, path="log.json", own_id=True).outcome == "new"
    again = add_transcript(store, first, path="elsewhere.json", own_id=True)
    assert (again.outcome, again.updated) == ("unchanged", False)
    assert load(store, "a").messages == first.messages


def test_new_scores_of_an_unchanged_transcript_are_kept_and_said(store: Store, transcript: Make) -> None:
    add_transcript(store, transcript("a", "hi", "hello", model="m"), path="l", own_id=True)
    scored = transcript("a", "hi", "hello", metadata={"scores": [{"name": "s", "value": 1}]})
    assert add_transcript(store, scored, path="l", own_id=True).updated
    found = entry(store, "a")
    assert found.metadata["scores"][0]["value"] == 1
    assert found.model == "m"


def test_a_grown_log_is_a_new_revision_and_the_old_one_stays(store: Store, transcript: Make) -> None:
    old = transcript("a", "hi", "hello")
    first = add_transcript(store, old, path="l", own_id=True)
    grown = add_transcript(store, transcript("a", "hi", "hello", "more"), path="other", own_id=True)
    assert grown.outcome == "changed"
    assert ids(store) == ["a"]
    assert load(store, first.key).digest == old.digest
    assert add_transcript(store, old, path="l", own_id=True).outcome == "unchanged"


def test_the_same_path_with_other_words_is_a_new_revision(store: Store, transcript: Make) -> None:
    add_transcript(store, transcript("a", "hi", "hello"), path="l", own_id=True)
    assert add_transcript(store, transcript("a", "hi", "good day"), path="l", own_id=True).outcome == "changed"


def test_another_transcript_under_a_known_id_is_kept_under_a_longer_one(store: Store, transcript: Make) -> None:
    add_transcript(store, transcript("a", "hi", "hello"), path="l", own_id=True)
    other = transcript("a", "bye", "good night")
    added = add_transcript(store, other, path="m", own_id=True)
    assert added.collision and added.id == f"a~{other.digest[:8]}"
    assert add_transcript(store, other, path="m", own_id=True).outcome == "unchanged"
    assert ids(store) == ["a", added.id]


def test_the_beginning_of_a_known_transcript_is_no_other_one_whichever_comes_first(
    store: Store, transcript: Make
) -> None:
    begun, grown = transcript("a", "hi", "hello"), transcript("a", "hi", "hello", "more", "yes")
    for first, second in ((begun, grown), (grown, begun)):
        with open_store(":memory:") as fresh:
            add_transcript(fresh, first, path="l", own_id=True)
            key = add_transcript(fresh, second, path="m", own_id=True).key
            assert (
                ids(fresh) == ["a"]
                and load(fresh, "a").digest == grown.digest
                and load(fresh, key).digest == grown.digest
            )
            again = [add_transcript(fresh, one, path=path, own_id=True) for one, path in ((first, "l"), (second, "m"))]
            assert [added.outcome for added in again] == ["unchanged", "unchanged"]
            assert [added.superseded for added in again] == [first is begun, second is begun]


def test_a_changed_row_without_an_id_is_a_new_transcript(store: Store, transcript: Make) -> None:
    one = transcript("h-0000000000000001", "hi", "hello", source="l.jsonl#3")
    two = transcript("h-0000000000000002", "hi", "other", source="l.jsonl#3")
    add_transcript(store, one, path="l.jsonl", own_id=False)
    added = add_transcript(store, two, path="l.jsonl", own_id=False)
    assert added.outcome == "new" and added.row_changed
    assert len(ids(store)) == 2


def test_equal_and_nearly_equal_transcripts_are_named(store: Store, transcript: Make) -> None:
    add_transcript(store, transcript("a", "hi", LONG), path="l", own_id=True)
    equal = add_transcript(store, transcript("b", "hi", LONG), path="l", own_id=True)
    near = add_transcript(store, transcript("c", "hi!", LONG.upper().replace(" ", "  ")), path="l", own_id=True)
    other = add_transcript(store, transcript("d", "hi", LONG + "But first I ask."), path="l", own_id=True)
    assert (equal.equal_to, equal.near) == ("a", None)
    assert (near.equal_to, near.near) == (None, "a")
    assert (other.equal_to, other.near) == (None, None)


def test_runs_that_share_only_the_prompt_are_not_look_alikes(store: Store, transcript: Make) -> None:
    add_transcript(store, transcript("a", "x" * 9000, LONG), path="l", own_id=True)
    added = add_transcript(store, transcript("b", "x" * 9000, LONG[::-1]), path="l", own_id=True)
    assert added.near is None


def test_exclusion_takes_out_and_back_in_without_deleting(store: Store, transcript: Make) -> None:
    for name in ("a", "b"):
        add_transcript(store, transcript(name, name, name * 2, model=name), path="l", own_id=True)
    assert [found.id for found in exclude(store, parse_where("model=a"), "broken run")] == ["a"]
    assert ids(store) == ["b"]
    assert ids(store, "excluded=any") == ["a", "b"]
    assert next(entries(store, parse_where("excluded=yes"))).excluded == "broken run"
    exclude(store, parse_where("excluded=yes"), "was fine", undo=True)
    assert ids(store) == ["a", "b"]


def test_a_name_may_be_shortened_while_it_is_unambiguous(store: Store, transcript: Make) -> None:
    for name in ("run_1", "run_2", "run-1"):
        add_transcript(store, transcript(name, name), path="l", own_id=True)
    assert entry(store, "run-").id == "run-1"
    with pytest.raises(StoreError, match="several transcripts"):
        entry(store, "run")
    with pytest.raises(StoreError, match="no such transcript"):
        entry(store, "runx")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=400), max_size=30)
)
def test_what_is_loaded_is_what_was_stored(texts: list[str]) -> None:
    messages = renumber([Message(0, "user", (Block("text", text * 400),)) for text in texts])
    whole = Transcript("a", transcript_digest(messages), "f", "chat", messages)
    with open_store(":memory:") as store:
        key = add_transcript(store, whole, path="f", own_id=True).key
        assert load(store, key) == whole
        outline = load_outline(store, key)
        assert [item.blocks[0].n_chars for item in outline] == [len(m.blocks[0].text) for m in messages]
        assert [item.blocks[0].n_lines for item in outline] == [m.blocks[0].text.count("\n") for m in messages]
        if messages:
            middle = len(messages) // 2 + 1
            some = load_messages(store, key, middle, middle)
            assert messages[middle - 1] in some
            assert list(some) == list(messages[some[0].index - 1 : some[-1].index])


def test_an_outline_says_what_the_messages_are_also_as_databases_had_it_before(store: Store) -> None:
    messages = renumber(
        [
            Message(0, "user", (Block("text", "a\nb"),)),
            Message(0, "assistant", (Block("reasoning", "hm"), Block("tool_call", "{}", name="send")), flags=("demo",)),
            Message(0, "tool", (Block("tool_result", "x" * 700, name="send"),), name="send", thread="side"),
            Message(0, "assistant", ()),
        ]
    )
    whole = Transcript("a", transcript_digest(messages), "f", "chat", messages)
    key = add_transcript(store, whole, path="f", own_id=True).key
    told = [
        MessageOutline(
            message.role, message.name, message.thread, message.flags,
            tuple(BlockOutline(block.kind, block.name, len(block.text), block.text.count("\n")) for block in message.blocks),
        )
        for message in messages
    ]  # fmt: skip
    for outline in (load_outline(store, key), read_outline(msgspec.msgpack.encode(told))):
        assert list(outline) == told and outline[1:3] == told[1:3] and outline[-1] == told[-1]
        for scope in (Scope(), Scope(roles=("user", "tool"), blocks=("text", "tool_result"))):
            expected = {message.index: blocks for message, blocks in in_scope(whole, scope)}
            assert outline.scope(whole.thread_kind, scope) == expected
    assert len(read_outline(msgspec.msgpack.encode([]))) == 0
