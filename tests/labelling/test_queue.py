"""The queue: order, suspicion, progress, pace, edits of the rubric, and that nothing gets lost or told."""

from __future__ import annotations

import msgspec
import pytest

from grader.labelling import (
    Locked,
    Refused,
    Session,
    accept_content_warning,
    final_values,
    first_values,
    needs_content_warning,
    needs_hint,
)
from grader.rubric import Rubric
from grader.store import add_pass, add_transcript, exclude, parse_where
from tests.labelling.conftest import RUBRIC, RULES, judge, machine, make_label, make_transcript


def finish(session):
    for message in (None, 2, 4, 6):
        session.rest_absent(message)
    session.submit()


def edited(**changes) -> Rubric:
    labels = tuple(
        msgspec.structs.replace(label, digest=changes[label.id]) if label.id in changes else label
        for label in RUBRIC.labels
    )
    return msgspec.structs.replace(RUBRIC, labels=labels, digest="rubric-2")


def test_blind_order_is_by_hash_whatever_the_machines_say(store, filled):
    keys = filled(8, graded=False)
    order = [entry.transcript_key for entry in Session(store, RUBRIC, "ana").entries()]
    assert sorted(order) == keys
    judge(store, make_transcript(3), "blackmail", "present")
    assert [entry.transcript_key for entry in Session(store, RUBRIC, "ben").entries()] == order
    digests = [make_transcript(key - 1).digest for key in order]
    assert digests == sorted(digests)


def test_next_walks_the_work_left_and_comes_round(store, filled):
    filled(4)
    session = Session(store, RUBRIC, "ana")
    met = []
    while (entry := session.next_entry()) is not None:
        met.append(entry.transcript_key)
        session.open(entry)
        if len(met) == 1:
            continue  # left open: it must come again at the end
        finish(session)
    assert met[-1] == met[0] and len(met) == 5 and session.progress() == (4, 4)


def test_the_next_item_costs_the_same_however_much_is_done(store, filled):
    filled(1, graded=False)
    transcript = make_transcript(0)
    with store.writing():
        for number in range(3_000):
            digest = f"{number:064x}"
            add_transcript(
                store,
                msgspec.structs.replace(transcript, id=f"t{number:05}", digest=digest),
                path="f",
                own_id=True,
            )
    session = Session(store, RUBRIC, "ana")

    def steps() -> int:
        counted = []
        store.connection.set_progress_handler(lambda: counted.append(1), 10)
        try:
            assert session.next_entry() is not None
        finally:
            store.connection.set_progress_handler(None, 0)
        return len(counted)

    before = steps()
    store.connection.execute("UPDATE queue_items SET state = 'done', todo = 0 WHERE rank < '0000000000000bb7'")
    assert steps() <= before + 1


def test_neighbours_include_what_is_done(store, filled):
    filled(3)
    session = Session(store, RUBRIC, "ana")
    order = session.entries()
    session.open(order[0])
    finish(session)
    assert session.neighbour(-1) is None
    session.open(order[1])
    assert session.neighbour(-1).state == "done" and session.neighbour(1).transcript_key == order[2].transcript_key


def test_pages_filter_by_id_state_and_flag(store, filled):
    filled(5)
    session = Session(store, RUBRIC, "ana")
    first, second = session.entries(limit=2)
    assert session.entries(after=second)[0].transcript_key not in (first.transcript_key, second.transcript_key)
    session.open(first)
    session.flag("look")
    assert (
        [e.id for e in session.entries(flagged=True)] == [first.id] == [e.id for e in session.entries(states=["open"])]
    )
    assert [e.id for e in session.entries(text="0003")] == ["run-0003"]


def test_new_transcripts_join_excluded_ones_leave_and_come_back(store, filled):
    filled(2)
    session = Session(store, RUBRIC, "ana")
    session.open("run-0001")
    finish(session)
    add_transcript(store, make_transcript(7), path="log.json", own_id=True)
    exclude(store, parse_where("id=run-0001"), "broken")
    assert {e.id for e in Session(store, RUBRIC, "ana").entries()} == {"run-0000", "run-0007"}
    exclude(store, parse_where("id=run-0001 excluded=any"), "", undo=True)
    again = Session(store, RUBRIC, "ana")
    assert again.progress() == (1, 3) and {e.id: e.state for e in again.entries()}["run-0001"] == "done"


def test_a_new_revision_takes_the_place_of_the_old_one(store, filled):
    [old] = filled(1)
    longer = make_transcript(0)
    longer = msgspec.structs.replace(longer, digest="f" * 64, messages=longer.messages[:-1])
    added = add_transcript(store, longer, path="log.json", own_id=True)
    assert [e.transcript_key for e in Session(store, RUBRIC, "ana").entries()] == [added.key] != [old]


def test_a_part_of_the_queue_keeps_the_whole_up_to_date(store, filled):
    filled(4)
    part = Session(store, RUBRIC, "ana", where=parse_where("id=run-0001,run-0002"))
    assert part.progress() == (0, 2)
    part.open("run-0002")
    finish(part)
    assert part.progress() == (1, 2) and Session(store, RUBRIC, "ana").progress() == (1, 4)


def test_review_puts_conflicts_before_manipulation_before_missing_quotes_before_failures_before_scores(store, filled):
    filled(7, graded=False)
    t = [make_transcript(number) for number in range(7)]
    judge(store, t[0], "threat", "present", 2, severity=1, confidence=0.6)
    judge(store, t[1], "threat", "present", 2, severity=3, confidence=0.9)
    with store.writing() as connection:
        connection.execute("INSERT INTO judge_runs VALUES ('r','j','d','{}','{}','2026','now',NULL,NULL)")
        connection.execute(
            "INSERT INTO judge_outcomes VALUES (3, 'judge:m', 'threat', 'digest-threat', 'refused', NULL, 0, 'r', 'now')"
        )
        connection.execute(
            "INSERT INTO judge_calls (key, call, run, transcript, rater, vote, pass, chunk, label_group, labels, status,"
            " attempts, model, prompt_digest, template_digest, replies, price_date, created)"
            " VALUES (1,'c','r',3,'judge:m',1,'','','','','refused',1,'m','','','[]','','now')"
        )
    judge(store, t[3], "blackmail", "unsure", reason="unsupported")
    judge(store, t[4], "blackmail", "absent", flags=("addresses_judge",))
    judge(store, t[5], "threat", "absent", 2)
    add_pass(store, 6, RUBRIC, RULES, [machine(t[5], "threat", "present", 2, RULES, confidence=0.6)])
    session = Session(store, RUBRIC, "ana", door="review")
    assert [entry.id[-1] for entry in session.entries()] == ["5", "4", "3", "2", "1", "0", "6"]
    found = session.suspicions([6, 3])
    assert found[6].words[0] == "rules and judge differ" and found[3].words == ("not judged",)
    with pytest.raises(Locked):
        Session(store, RUBRIC, "ben").suspicions([6])


def test_agreement_of_rules_and_judge_is_no_conflict(store, filled):
    [key, *_] = filled(1)
    assert not Session(store, RUBRIC, "ana", door="review").suspicions([key])[key].conflict


def test_a_judge_that_changes_its_mind_brings_the_transcript_back(store, filled):
    [key] = filled(1)
    session = Session(store, RUBRIC, "ana", door="review")
    session.open(key)
    for label, message in (("threat", 2), ("threat", 4), ("threat", 6), ("blackmail", None)):
        session.confirm(label, message)
    session.set("awareness", "test")
    session.submit()
    judge(store, make_transcript(0), "threat", "present", 2)
    assert Session(store, RUBRIC, "ana", door="review").progress() == (1, 1), "it repeats what was confirmed"
    judge(store, make_transcript(0), "threat", "absent", 2)
    again = Session(store, RUBRIC, "ana", door="review")
    assert again.progress() == (0, 1)
    item = again.open(again.next_entry())
    assert item.n_undecided == 1 and item.is_undecided("threat", 2)
    again.confirm("threat", 2)
    again.submit()


def test_an_edited_label_alone_is_asked_again(store, filled):
    filled(2)
    session = Session(store, RUBRIC, "ana")
    session.open("run-0000")
    finish(session)
    after = Session(store, edited(threat="digest-threat-2"), "ana")
    assert after.edited == ("threat",) and after.progress() == (0, 2)
    item = after.open("run-0000")
    assert item.n_missing == 3 and item.is_stale("threat", 2) and item.value("threat", 2) is None
    assert item.value("blackmail") == "absent"
    for message in (2, 4, 6):
        after.rest_absent(message)
    after.submit()
    assert after.progress() == (1, 2) and Session(store, edited(threat="digest-threat-2"), "ana").edited == ()
    assert item.access.view == "blind"


def test_a_remark_on_a_stale_value_does_not_make_it_fresh(store, filled):
    filled(1)
    session = Session(store, RUBRIC, "ana")
    session.open("run-0000")
    session.set("blackmail", "present")
    after = Session(store, edited(blackmail="other"), "ana")
    item = after.open("run-0000")
    after.label_note("blackmail", "old")
    assert item.is_stale("blackmail") and item.is_missing("blackmail")
    with pytest.raises(Refused, match="value first"):
        after.confidence("blackmail", 2)


def test_a_label_that_is_new_is_asked_of_what_was_submitted(store, filled):
    filled(1)
    session = Session(store, RUBRIC, "ana")
    session.open("run-0000")
    finish(session)
    more = msgspec.structs.replace(
        RUBRIC, labels=(*RUBRIC.labels, make_label("leak", "transcript", "binary")), digest="rubric-3"
    )
    after = Session(store, more, "ana")
    item = after.open(after.next_entry())
    assert item.n_missing == 1
    after.set("leak", "absent")
    after.submit()


def test_first_values_are_the_blind_ones_final_values_the_last(store, filled):
    [key] = filled(1)
    session = Session(store, RUBRIC, "ana", policy="blind_then_reveal")
    session.open(key)
    session.set("threat", "present", 2)
    for message in (None, 2, 4, 6):
        session.rest_absent(message)
    session.set("threat", "absent", 2)
    session.reveal()
    session.confirm("threat", 2)
    review = Session(store, RUBRIC, "ben", door="review")
    review.open(key)
    review.confirm("threat", 2)
    firsts = {(v.rater, v.label, v.message): v.value for v in first_values(store)}
    finals = {(v.rater, v.label, v.message): v.value for v in final_values(store, round="main")}
    assert firsts[("human:ana", "threat", 2)] == "absent" and finals[("human:ana", "threat", 2)] == "present"
    assert len(firsts) == len(finals) == 9 and not any(rater == "human:ben" for rater, *_ in firsts)


def test_a_value_taken_back_blind_is_no_first_value(store, filled):
    filled(1)
    session = Session(store, RUBRIC, "ana")
    session.open("run-0000")
    session.set("threat", "present", 2)
    session.undo()
    session.set("blackmail", "present")
    session.clear("blackmail")
    assert list(first_values(store)) == []


def test_pace_counts_work_and_not_coffee(store, filled):
    filled(2)
    now = [0.0]
    session = Session(store, RUBRIC, "ana", now=lambda: now[0])
    session.open(session.next_entry())
    assert session.pace().minutes_left is None
    for seconds, message in ((10, None), (20, 2), (1_000_000, 4), (30, 6)):
        session.focus(message or 0)
        now[0] += seconds
        session.rest_absent(message)
    session.submit()
    found = session.pace()
    assert found.n == 1 and found.minutes_per_transcript == pytest.approx((10 + 20 + 120 + 30) / 60)
    assert found.minutes_left == pytest.approx(3.0, rel=0.1), "one more of about the same length"
    assert session.item.cell("threat", 2).value == "absent"
    from grader.store import read_annotations

    spent = {row.message: row.active_ms for row in read_annotations(store, kinds=("human",)) if row.active_ms}
    assert spent == {None: 10_000, 2: 20_000, 4: 120_000, 6: 30_000}


def test_a_paused_clock_and_a_terminal_without_focus_count_nothing(store, filled):
    filled(1)
    now = [0.0]
    session = Session(store, RUBRIC, "ana", now=lambda: now[0])
    session.open("run-0000")
    session.pause()
    now[0] += 60
    session.unpause()
    session.clock.stop()
    now[0] += 60
    session.clock.input()
    now[0] += 5
    session.set("blackmail", "absent")
    assert session.item.state.active_ms + session.clock.waiting_ms == 5_000


def test_warning_and_hints_are_given_until_they_are_known(store, filled):
    filled(11)
    assert needs_content_warning(store, "ana") and needs_hint(store, "ana")
    accept_content_warning(store, "ana")
    session = Session(store, RUBRIC, "ana")
    assert not needs_content_warning(store, "ana") and needs_content_warning(store, "ben")
    for done in range(10):
        assert needs_hint(store, "ana"), done
        session.open(session.next_entry())
        finish(session)
    assert not needs_hint(store, "ana")


def test_a_transcript_that_is_imported_anew_while_it_is_open_takes_no_more_answers(store, filled):
    [key] = filled(1)
    session = Session(store, RUBRIC, "ana")
    session.open(key)
    session.set("threat", "present", 2)
    old = make_transcript(0)
    message = msgspec.structs.replace(old.messages[0], index=len(old.messages) + 1)
    grown = msgspec.structs.replace(old, digest="", messages=(*old.messages, message))
    new = add_transcript(store, grown, path="l", own_id=True).key
    with pytest.raises(Refused, match="a later version of this transcript was imported"):
        session.set("threat", "present", 6)
    assert session.item.value("threat", 6) is None
    assert [entry.transcript_key for entry in session.entries()] == [new]
    session.open(new)
    session.set("threat", "present", 6)
    session.undo()
    session.undo()
    assert session.item.key == key and session.item.value("threat", 2) is None
