"""`grader agreement` on tables of ratings."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.cli import agreement as command

S = {"value", "low", "high", "level", "method", "n", "reason", "warn"}
L = {
    "label", "title", "unit", "scale", "measurement", "label_digest", "values", "warnings", "counts", "prevalence", "coefficients",
    "coefficients_unsure_category", "icc", "pairs", "leave_one_out", "retest", "drift", "spans", "consensus", "judges", "anchoring",
    "plan", "disagreements",
}  # fmt: skip
DOCUMENT = {
    "schema", "version", "created", "rubric", "rubric_digest", "source", "level", "replicates", "seed", "cluster", "weighted",
    "unsure", "rounds", "warnings", "labels", "raters", "excluded",
}  # fmt: skip
C = {
    "percent", "kappa", "kappa_linear", "kappa_quadratic", "scott", "fleiss", "conger", "light", "brennan_prediger", "ac1",
    "ac2_quadratic", "ac2_ordinal", "alpha", "specific",
}  # fmt: skip
LONG = "item,rater,label\n1,ana,yes\n1,bo,yes\n2,ana,no\n2,bo,no\n3,ana,yes\n3,bo,no\n4,ana,no\n4,bo,no\n"


def _table(folder: Path, text: str) -> Path:
    path = folder / "ratings.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_json_document_keeps_its_contract(tmp_path: Path, grader: Callable[..., Any]) -> None:
    document = grader("agreement", "--table", _table(tmp_path, LONG), "--json")
    assert set(document) == DOCUMENT and document["schema"] == "grader/agreement/1"
    [label] = document["labels"]
    assert set(label) == L and set(label["coefficients"]) == C and set(label["prevalence"]) == S
    assert set(label["pairs"][0]) == {
        "a", "b", "kinds", "n", "table", "percent", "kappa", "kappa_linear", "kappa_quadratic", "ac1", "pi", "bi", "pabak",
        "specific", "mcnemar",
    }  # fmt: skip
    assert label["coefficients"]["percent"]["value"] == 0.75
    assert label["prevalence"]["value"] == pytest.approx(0.375)
    assert [one["transcript"] for one in label["disagreements"]] == ["3"]


def test_long_and_wide_and_other_column_names_agree(tmp_path: Path, grader: Callable[..., Any]) -> None:
    one = grader("agreement", "--table", _table(tmp_path, LONG), "--json")["labels"]
    wide = _table(tmp_path, "id,ana,bo\n1,yes,yes\n2,no,no\n3,yes,no\n4,no,no\n")
    assert grader("agreement", "--wide", wide, "--json")["labels"] == one
    renamed = _table(tmp_path, LONG.replace("item,rater,label", "doc,who,says"))
    said = grader("agreement", "--table", renamed, "--item", "doc", "--rater", "who", "--value", "says", "--json")
    assert said["labels"] == one


def test_the_terminal_shows_value_interval_and_n_and_never_a_verdict(
    tmp_path: Path, grader: Callable[..., Any]
) -> None:
    said = grader("agreement", "--table", _table(tmp_path, LONG))
    assert "Krippendorff alpha" in said and "Gwet AC1" in said and "Light kappa" not in said
    assert "substantial" not in said and "moderate" not in said
    assert "Light kappa" in grader("agreement", "--table", _table(tmp_path, LONG), "--all")


def test_weights_level_categories_and_analytic_intervals(tmp_path: Path, grader: Callable[..., Any]) -> None:
    table = _table(tmp_path, "item,a,b\n1,1,1\n2,2,3\n3,3,3\n4,4,4\n5,1,2\n6,2,2\n")
    document = grader(
        "agreement", "--wide", table, "--level", "ordinal", "--weights", "quadratic", "--categories", "1,2,3,4,5", "--ci", "analytic",
        "--confidence", "0.9", "--json",
    )  # fmt: skip
    [label] = document["labels"]
    assert label["values"] == ["1", "2", "3", "4", "5"] and label["icc"]["2"]["method"] == "f"
    assert label["coefficients"]["fleiss"]["method"] == "analytic-gwet" and document["level"] == 0.9
    assert label["coefficients"]["percent"]["value"] > label["pairs"][0]["percent"]["value"]


def test_every_item_by_rater_entry_of_the_reference_through_the_command(
    tmp_path: Path, shared_data: Path, grader: Callable[..., Any]
) -> None:
    names = {
        "krippendorff_alpha": "alpha", "cohen_kappa": "kappa", "fleiss_kappa": "fleiss", "conger_kappa": "conger", "light_kappa": "light",
        "percent_agreement": "percent", "gwet_ac": "ac1", "brennan_prediger": "brennan_prediger", "scott_pi": "scott",
        "cohen_kappa_weighted": "",
    }  # fmt: skip
    entries = json.loads((shared_data / "agreement" / "reference.json").read_text())["entries"]
    checked = 0
    for entry in entries:
        metric, level = entry["metric"], entry["level"]
        if metric not in names:
            continue
        path = tmp_path / "wide.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["item", *(f"r{g}" for g in range(len(entry["data"][0])))])
            writer.writerows(
                [f"i{u}", *("" if value is None else value for value in row)] for u, row in enumerate(entry["data"])
            )
        options = ["--level", level] if metric == "krippendorff_alpha" else []
        weighted = metric not in ("krippendorff_alpha", "cohen_kappa_weighted") and level != "nominal"
        options += ["--weights", level] if weighted else []
        document = grader("agreement", "--wide", path, *options, "--replicates", "2", "--json")
        found = document["labels"][0]["coefficients"][names[metric] or f"kappa_{level}"]
        if entry["expected"] is None:
            assert found["value"] is None and found["reason"]
        else:
            assert found["value"] == pytest.approx(entry["expected"], abs=entry["tolerance"]), entry["name"]
        checked += 1
    assert checked == 65


def test_clusters_of_a_column_are_resampled(tmp_path: Path, grader: Callable[..., Any]) -> None:
    rows = "".join(
        f"{u},{rater},{'x' if (u + g * (u % 5 == 0)) % 2 else 'y'},{u // 4}\n"
        for u in range(60)
        for g, rater in enumerate("ab")
    )
    document = grader(
        "agreement", "--table", _table(tmp_path, "item,rater,label,run\n" + rows), "--cluster", "run", "--json"
    )
    assert document["cluster"] == "column"
    assert document["labels"][0]["coefficients"]["alpha"]["method"] == "cluster-bootstrap"
    assert document["labels"][0]["counts"]["clusters"] == 15


def test_why_lists_what_is_behind_a_number(tmp_path: Path, grader: Callable[..., Any]) -> None:
    rows = grader("agreement", "--table", _table(tmp_path, LONG), "--why", "table", "--json")["items"]
    assert rows[2] == {"link": "3", "cluster": "3", "weight": None, "values": {"ana": "yes", "bo": "no"}}


@pytest.mark.parametrize(
    ("text", "options", "code", "message"),
    [
        ("item,rater,label\n1,a,x\n1,a,y\n", [], 1, "ratings.csv:3: label: 'a' already rated '1' 'x', now 'y'"),
        ("item,rater,label\n1,a,x\n", ["--categories", "y,z"], 1, "none of the categories"),
        ("item,rater,label\n1,a,x\n", ["--cluster", "run"], 1, "column 'run' is not in the header"),
        (LONG, ["--where", "model=x"], 2, "not about a table"),
        (LONG, ["--level", "likert"], 2, "likert"),
        (LONG, ["--wide", "other.csv"], 2, "not both"),
        ("item,rater,label,run\n1,a,x,1\n1,b,x,1\n2,a,y,1\n", ["--cluster", "run", "--ci", "analytic"], 2, "unclustered"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, grader: Callable[..., Any], text: str, options: list[str], code: int, message: str
) -> None:
    said = grader("agreement", "--table", _table(tmp_path, text), *options, code=code)
    assert message in said and said.count("\n") == 1


def test_a_table_needs_no_database_and_a_missing_one_is_named(
    tmp_path: Path, grader: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    grader("agreement", "--table", _table(tmp_path, LONG), "--json")
    assert "nothing.csv" in grader("agreement", "--table", "nothing.csv", code=1)
    assert not (tmp_path / "grader.db").exists()


def test_the_command_knows_the_same_levels_and_weights_as_the_statistics() -> None:
    from grader.agreement import LEVELS, WEIGHTS

    assert (command.LEVELS, command.WEIGHTS) == (LEVELS, WEIGHTS)


@pytest.mark.parametrize(
    "text",
    ["item,a,b\n", "item,a,b\n1,,\n2,,\n", "item,a\n1,x\n2,y\n", "item,a,b\n1,x,x\n2,x,x\n", "item,a,b\n1,x,\n2,,y\n"],
    ids=["empty", "all missing", "one rater", "one value", "never overlapping"],
)
def test_degenerate_tables_have_a_reason_for_everything(tmp_path: Path, grader: Callable[..., Any], text: str) -> None:
    document = grader("agreement", "--wide", _table(tmp_path, text), "--json")
    alpha = document["labels"][0]["coefficients"]["alpha"]
    assert alpha["value"] is None and alpha["reason"]
    grader("agreement", "--wide", _table(tmp_path, text))
