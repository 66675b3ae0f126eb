"""No row is lost: those of a file are valid, set aside or left out, each counted by itself."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cxresearch as cx

DAYS = st.sampled_from(
    ["2024-02-01", "2024-06-30 12:00", "2025-03-01", "", "0001-01-01", "soon", "2023-13-45"]
)
SCORES = st.sampled_from(["0", "9", "10", "11", "-1", "7.5", "", "N/A", "nine"])
IDS = st.sampled_from(["c0", "c1", "c2", "c9", "", " c1"])
KINDS = st.sampled_from(["live", "Test ", "preview", "", "TEST"])
ANSWERS = st.lists(st.tuples(IDS, SCORES, DAYS, KINDS), min_size=1, max_size=30)
PEOPLE = st.lists(st.tuples(DAYS, DAYS), min_size=3, max_size=3)

STUDY = """
[study]
observed_until = 2024-12-31
after_cut = "{after_cut}"
[instruments]
nps = "nps"
[limits]
max_reject_share = 1.0
[[sources]]
table = "customers"
file = "customers.csv"
date_format = ["%Y-%m-%d", "%Y-%m-%d %H:%M"]
columns = {{ customer_id = "id", started_at = "from", ended_at = "to" }}
[[sources]]
table = "responses"
file = "answers.csv"
date_format = ["%Y-%m-%d", "%Y-%m-%d %H:%M"]
where = {{ kind = {{ not = ["test", "preview"] }} }}
columns = {{ customer_id = "id", instrument = {{ constant = "nps" }}, score = "score", responded_at = "at" }}
"""


def written(folder: Path, people: list[Any], answers: list[Any], after_cut: str) -> pd.DataFrame:
    customers = pd.DataFrame(people, columns=["from", "to"]).assign(id=["c0", "c1", "c2"])
    customers.to_csv(folder / "customers.csv", index=False)
    table = pd.DataFrame(answers, columns=["id", "score", "at", "kind"])
    table.to_csv(folder / "answers.csv", index=False)
    (folder / "study.toml").write_text(STUDY.format(after_cut=after_cut), encoding="utf-8")
    return table


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(people=PEOPLE, answers=ANSWERS, after_cut=st.sampled_from(["reject", "leave_out"]))
def test_rows_of_a_file_are_valid_or_set_aside_or_left_out(
    people: list[Any], answers: list[Any], after_cut: str
) -> None:
    with TemporaryDirectory() as folder:
        table = written(Path(folder), people, answers, after_cut)
        study = cx.read_study(folder)
        counts = study.counts().set_index("table")
        for name, rows in (("customers", 3), ("responses", len(table))):
            valid = len(study.checked.valid(name).collect())
            aside = len(study.rejects(name))
            assert counts.loc[name, ["rows", "valid", "rejected"]].tolist() == [rows, valid, aside]
            assert counts.loc[name, "left_out"] == rows - valid - aside
        unwanted = table["kind"].str.strip().str.lower().isin(["test", "preview"])
        late = ~unwanted & (table["at"] > "2025") & (after_cut == "leave_out")
        assert counts.loc["responses", "left_out"] == int(unwanted.sum()) + int(
            (late & (table["at"] != "soon")).sum()
        )


CELLS = st.lists(st.tuples(IDS, DAYS, SCORES, SCORES, KINDS), min_size=1, max_size=20)
WIDE = """
[study]
observed_until = 2024-12-31
[instruments]
nps = "nps"
csat = {{ low = 0, high = 10, direction = "high_is_good" }}
[limits]
max_reject_share = 1.0
[[sources]]
table = "responses"
file = "wide.csv"
date_format = ["%Y-%m-%d", "%Y-%m-%d %H:%M"]
blank_scores = "{blank}"
where = {{ kind = {{ not = ["test", "preview"] }} }}
columns = {{ customer_id = "id", responded_at = "at" }}
scores = {{ nps = "q1", csat = "q2" }}
"""


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cells=CELLS, blank=st.sampled_from(["reject", "not_asked"]))
def test_cells_of_a_wide_file_are_valid_or_set_aside_or_left_out(cells: list[Any], blank: str) -> None:
    with TemporaryDirectory() as folder:
        table = pd.DataFrame(cells, columns=["id", "at", "q1", "q2", "kind"])
        table.to_csv(Path(folder) / "wide.csv", index=False)
        Path(folder, "study.toml").write_text(WIDE.format(blank=blank), encoding="utf-8")
        study = cx.read_study(folder)
        counts = study.counts().iloc[0]
        valid = len(study.checked.valid("responses").collect())
        answered = pd.concat([table["q1"], table["q2"]]).str.strip() != ""
        asked = 2 * len(table)
        if blank == "not_asked":
            asked = int(answered.sum())
        assert counts[["rows", "valid", "rejected"]].tolist() == [asked, valid, len(study.rejects())]
        unwanted = table["kind"].str.strip().str.lower().isin(["test", "preview"])
        cells_left_out = pd.concat([unwanted, unwanted])
        if blank == "not_asked":
            cells_left_out &= answered
        assert counts["left_out"] == int(cells_left_out.sum())
