"""Tables of labels as colleagues send them: encodings, cells that moved, quotes that do not close, dates of any make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import BadInput
from grader.pipeline import import_paths
from grader.pipeline.labels import LabelImport, LabelMap, import_labels
from grader.rubric import load_rubric
from grader.store import Store, load, read_annotations

RUBRIC = load_rubric("agentic-misalignment")
Study = Callable[..., LabelImport]


@pytest.fixture
def study(store: Store, tmp_path: Path) -> Study:
    """Takes in a table of labels, by its text or bytes, about the transcripts a and b."""
    rows = [{"id": name, "messages": [{"role": "assistant", "content": f"Hello. {name}"}]} for name in ("a", "b")]
    (tmp_path / "logs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    import_paths(store, [tmp_path / "logs.jsonl"])

    def labelled(table: str | bytes, **how: object) -> LabelImport:
        (tmp_path / "table").write_bytes(table if isinstance(table, bytes) else table.encode())
        return import_labels(store, tmp_path / "table", RUBRIC, LabelMap(**how), view="blind")

    return labelled


def test_a_spreadsheet_in_semicolons_with_its_own_capitals_is_read(study: Study, store: Store) -> None:
    text = 'sep=;\r\nTranscript;Label;Value;Rater;Note\r\na;Leak;Yes;Ana Müller;"one\r\n""two""; three"\r\nb;Leak;No;ben;\r\n'
    for table in (text, "\ufeff" + text, text.encode("utf-16"), text.encode("utf-16-le")):
        done = study(table)
        assert (done.taken + done.known, done.rejected) == (2, [])
    first, second = read_annotations(store)
    assert (first.rater, first.value, first.note) == ("human:Ana Müller", "present", 'one\n"two"; three')
    assert (second.rater, second.value, second.note) == ("human:ben", "absent", None)
    with pytest.raises(BadInput, match=r"not UTF-8 at byte \d+; save the table as UTF-8"):
        study(text.encode("cp1252"))


def test_a_row_whose_cells_have_moved_is_named_and_its_neighbours_are_taken(study: Study, store: Store) -> None:
    done = study("transcript,label,value,rater,note\na,leak,yes,ana,well, not sure\nb,leak,no,ana,,,\n")
    [bad] = done.rejected
    assert (bad.line, bad.reason) == (2, "6 cells in a table of 5 columns")
    assert [found.transcript for found in read_annotations(store)] == ["b"]


def test_a_quote_that_does_not_close_swallows_no_rows(study: Study, store: Store) -> None:
    with pytest.raises(BadInput, match=r"table:3: not a CSV row: a quotation mark that opens in this row"):
        study(
            'transcript,label,value,rater,note\na,leak,yes,ana,"1\n2"\nb,leak,no,ana,"open\na,leak,no,ben,x\n'.replace(
                "\n2", ""
            )
        )
    assert not list(read_annotations(store))


def test_two_columns_of_one_name_are_refused_where_they_matter(study: Study) -> None:
    with pytest.raises(BadInput, match="table:1: value: two columns are called so"):
        study("transcript,label,value,value,rater\na,leak,yes,no,ana\n")
    done = study("transcript,x,x,label,value,rater\na,1,2,leak,no,ana\n")
    assert (done.taken, done.left_out) == (1, {"columns that nothing reads (x, x)": 2})


def test_json_nested_beyond_measure_is_no_internal_error(study: Study, store: Store, tmp_path: Path) -> None:
    for table, place in (("[" * 100_000, "table"), ('{"a":' * 100_000, "table:1")):
        with pytest.raises(BadInput, match=rf"{place}: not JSON: maximum recursion"):
            study(table)
    known = '{"transcript_digest": "", "label_digest": "", "rater": "", "label": ""}\n'
    (tmp_path / "export").write_text(known + '{"a":' * 100_000)
    assert [bad.line for bad in import_labels(store, tmp_path / "export", RUBRIC).rejected] == [1, 2]


def test_a_cell_of_any_length_and_columns_that_nothing_reads(study: Study) -> None:
    done = study(f"transcript,label,value,rater,text,Team\na,leak,yes,ana,{'x' * 200_000},red\n")
    assert (done.taken, done.left_out) == (1, {"columns that nothing reads (text, Team)": 2})


def test_dates_are_read_where_they_are_plain_and_counted_where_they_are_not(
    study: Study, store: Store, grader: Callable, tmp_path: Path
) -> None:
    """One that no calendar knows once made every number of the project impossible."""
    rows = ["2024-03-05", "2024-03-05T10:00:00+02:00", "1709600000", "01.03.2024 14:00", "45356.58", "yesterday"]
    table = "transcript,label,value,rater,created\n" + "".join(
        f"a,leak,yes,r{n},{text}\nb,leak,no,r{n},{text}\n" for n, text in enumerate(rows)
    )
    done = study(table)
    assert done.taken == 12
    assert done.left_out == {"times that are no ISO 8601 (that of the import stands for them)": 6}
    made = [found.created for found in read_annotations(store)][::2]
    assert made[:3] == ["2024-03-05T00:00:00+00:00", "2024-03-05T08:00:00+00:00", "2024-03-05T00:53:20+00:00"]
    assert len({moment[:10] for moment in made[3:]}) == 1
    (tmp_path / "l.csv").write_text(table)
    grader("import", "logs.jsonl")
    grader("import-labels", "l.csv", "--blind")
    assert "leak" in grader("agreement").out.lower()
    exported = grader("export", "jsonl").out
    (tmp_path / "back.jsonl").write_text(
        exported.replace("2024-03-05T08:00:00+00:00", "5.3.2024").replace('"id"', '"was"')
    )
    [bad, _] = grader("import-labels", "back.jsonl", "--json").json[0]["rejected"]
    assert "created '5.3.2024' is no time" in bad["reason"]


def test_one_unusable_file_does_not_keep_the_others_out(grader: Callable, tmp_path: Path, study: Study) -> None:
    grader("import", "logs.jsonl")
    (tmp_path / "good.csv").write_text("transcript,label,value,rater\na,leak,yes,ana\n")
    (tmp_path / "bad.csv").write_bytes("transcript,label,value,rater\na,leak,yes,Zoë\n".encode("latin-1"))
    ran = grader("import-labels", "bad.csv", "none.csv", "good.csv", "--json")
    assert [(done["taken"], len(done["rejected"])) for done in ran.json] == [(0, 1), (0, 1), (1, 0)]
    assert "bad.csv: not taken: not UTF-8 at byte" in ran.err and "none.csv: not taken: cannot be read" in ran.err
    grader("import-labels", "bad.csv", "good.csv", "--strict", code=1)


def test_paths_reach_into_lists_as_prodigy_and_doccano_keep_their_answers(study: Study, store: Store) -> None:
    rows = [{"meta": {"run": "a"}, "accept": ["present"], "answer": "accept"}, {"meta": {"run": "b"}, "accept": []}]
    done = study(
        "\n".join(map(json.dumps, rows)),
        transcript="meta.run",
        value="accept.0",
        label_name="leak",
        rater_name="x\0",
    )
    assert (done.taken, done.left_out["rows without a value"]) == (1, 1)
    [found] = read_annotations(store)
    assert (found.transcript, found.value, found.rater) == ("a", "present", "human:x\ufffd")


def test_choices_that_are_labels_are_present_and_fields_for_comments_can_be_left_out(
    study: Study, store: Store
) -> None:
    def chosen(name: str, *values: str) -> dict[str, object]:
        return {"type": "choices", "from_name": name, "value": {"choices": list(values)}}

    comment = {"type": "textarea", "from_name": "comment", "value": {"text": ["a remark"]}}
    answers = [chosen("behaviour", "leak", "Blackmail"), chosen("sabotage", "no"), comment]
    tasks = [{"data": {"id": "a"}, "drafts": [{}], "annotations": [{"completed_by": 1, "result": answers}]}]
    done = study(json.dumps(tasks), labels={"comment": ""})
    assert (done.taken, done.rejected) == (3, [])
    assert done.left_out == {"drafts": 1, "answers that [labels] or [values] says are none": 1}
    assert {(found.label, found.value) for found in read_annotations(store)} == {
        ("leak", "present"),
        ("blackmail", "present"),
        ("sabotage", "absent"),
    }


def test_what_is_asked_of_a_region_in_label_studio_belongs_to_its_answer(study: Study, store: Store) -> None:
    def region(name: str, place: str, **value: object) -> dict[str, object]:
        return {"id": place, "from_name": name, "value": {"start": "0", "startOffset": 0, "text": "Hello.", **value}}

    results = [
        region("why", "r1", text=["first", "second"]),
        region("spans", "r1", paragraphlabels=["threat"]),
        region("how bad", "r1", rating=3),
        {"id": "c", "from_name": "leak", "value": {"choices": ["no"]}},
        {"id": "w", "from_name": "why", "value": {"text": ["on the whole"]}},
        region("how bad", "r9", rating=2),
    ]
    tasks = [
        {"data": {"id": "a"}, "annotations": [{"completed_by": 1, "result": results}]},
        {"data": {"id": "b"}, "annotations": [{"completed_by": 1, "result": [results[4]]}]},
    ]
    done = study(json.dumps(tasks), note="why", severity="how bad")
    [alone] = done.rejected
    assert "no label 'how bad'" in alone.reason, "of a region that says nothing"
    assert done.left_out == {"notes without an answer": 1}
    said = {(found.label, found.message, found.severity, found.note) for found in read_annotations(store)}
    assert said == {("threat", 1, 3, "first; second; on the whole"), ("leak", None, None, None)}


def test_space_around_a_name_makes_no_second_rater(study: Study, store: Store) -> None:
    done = study("transcript,label,value,rater\na,leak,yes,ana\nb,leak,no,ana \na,sabotage,no,  \n")
    assert {found.rater for found in read_annotations(store)} == {"human:ana"}
    assert [bad.reason for bad in done.rejected] == ["no rater: name one with --rater or map its column"]


def test_a_row_is_about_the_transcript_it_names_and_no_longer_one(store: Store, tmp_path: Path) -> None:
    rows = [{"id": name, "messages": [{"role": "assistant", "content": f"Hello. {name}"}]} for name in ("20", "Run-1")]
    (tmp_path / "logs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    import_paths(store, [tmp_path / "logs.jsonl"])
    digest = load(store, "20").digest
    (tmp_path / "l.csv").write_text(
        "transcript,label,value,rater\n2,leak,yes,ana\nrun-1,leak,yes,ana\n"
        f" 20 ,leak,yes,ana\n{digest[:8]},sabotage,yes,ana\n{digest[:4]},deception,yes,ana\n"
    )
    done = import_labels(store, tmp_path / "l.csv", RUBRIC)
    assert [bad.line for bad in done.rejected] == [2, 3, 6]
    assert done.rejected[0].reason == "2: no transcript is called so; one begins so, 20"
    assert {found.label for found in read_annotations(store)} == {"leak", "sabotage"}
