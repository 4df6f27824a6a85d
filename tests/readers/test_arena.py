"""Answer files of MT-bench with the questions beside them, and battles of two models."""

from __future__ import annotations

import json
from pathlib import Path

from logs import FIXTURES, Reading, spoken
from traces import fixture


def test_answers_follow_their_questions() -> None:
    reading = fixture("mt_bench")
    first = reading.by_id("aA1")
    assert spoken(first) == [
        ("user", "Describe a harbour."),
        ("assistant", "Boats lie at the quay."),
        ("user", "Now in one line."),
        ("assistant", "Boats at rest."),
    ]
    assert (first.model, first.task, first.metadata["question_id"]) == ("orion-2", "writing", 1)
    questions = next(file for file in reading.files if file.path.endswith("question.jsonl"))
    assert (questions.left_out, questions.skipped) == ({"question, told with its answers": 2}, ())


def test_questions_that_nobody_answered_are_no_transcripts(tmp_path: Path) -> None:
    (tmp_path / "question.jsonl").write_bytes((FIXTURES / "mt_bench" / "question.jsonl").read_bytes())
    assert Reading(tmp_path).skips == ["no_transcripts"]


def test_each_of_several_answers_is_a_transcript() -> None:
    reading = fixture("mt_bench")
    assert [message.text for message in reading.by_id("aA2/0").messages] == ["Two and two?", "4", "Twice that?", "8"]
    assert [message.text for message in reading.by_id("aA2/1").messages] == ["Two and two?", "Four."]


def test_a_question_that_is_not_there_and_a_failed_answer_are_told() -> None:
    reading = fixture("mt_bench")
    assert reading.warnings == {"prompt_missing": 1, "failed_sample": 1}
    assert spoken(reading.by_id("aA9")) == [("assistant", "No question is known of this.")]
    alone = fixture("mt_bench/model_answer")
    assert alone.warnings["prompt_missing"] == 4
    assert "question.jsonl" in alone.file.warnings[0].detail
    given = FIXTURES / "mt_bench" / "question.jsonl"
    assert Reading(FIXTURES / "mt_bench" / "model_answer", prompt=given).warnings == {"failed_sample": 1}


def test_the_sides_of_a_battle_are_transcripts_of_their_models() -> None:
    reading = fixture("arena/battles.jsonl")
    said = [(transcript.model, transcript.messages[-1].text) for transcript in reading.transcripts]
    assert said == [("orion-2", "5"), ("lyra", "4"), ("vega", "4"), ("vega", "Hi"), ("orion-2", "Hello.")]
    for transcript in reading.transcripts:
        assert transcript.model not in transcript.id
        assert transcript.id.startswith(f"{transcript.metadata['question_id']}/")


def test_an_answer_that_met_several_others_is_told_once_with_what_came_of_each() -> None:
    reading = fixture("arena/battles.jsonl")
    lyra = next(transcript for transcript in reading.transcripts if transcript.model == "lyra")
    assert [(given["value"], given["explanation"]) for given in lyra.metadata["scores"]] == [
        (True, "against orion-2, judge user_3, turn 1"),
        ("tie", "against vega, judge gpt-9 pair, turn 1"),
    ]
    orion = reading.transcripts[0]
    assert [given["value"] for given in orion.metadata["scores"]] == [False]
    assert "scores" not in reading.transcripts[-1].metadata
    assert reading.file.left_out == {"answer told with an earlier battle": 1}


def test_an_outcome_that_is_told_otherwise_is_kept(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    row = {"conversation_a": said, "conversation_b": said[:1], "model_a": "m", "model_b": "n", "winner": {"m": 0.7}}
    (tmp_path / "battle.json").write_text(json.dumps(row))
    scores = [found.metadata["scores"][0]["value"] for found in Reading(tmp_path / "battle.json").transcripts]
    assert scores == [{"m": 0.7}, {"m": 0.7}]
