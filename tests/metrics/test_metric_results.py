"""Every result of the storey has a table, notes and a finding, and says what its columns mean."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.metrics.base.example_study import example_study

HOSTILE = "<script>alert(1)</script>"


def breakdown() -> Any:
    frame = pd.DataFrame({"score": [9, 7, 3] * 20, "team": ["a", HOSTILE] * 30})
    return cx.survey.score_breakdown(frame, "nps", by="team")


def index() -> Any:
    answers = {"csat": [5, 4, 4, 2, 5, 3], HOSTILE: [7, 6, 5, 2, 6, 5]}
    return cx.survey.composite_index(answers, {"csat": cx.CSAT, HOSTILE: cx.CES2})


RESULTS: dict[str, Callable[[], Any]] = {
    "bridge": lambda: cx.revenue.mrr_bridge(example_study(), by="plan"),
    "cohorts": lambda: cx.revenue.cohort_retention(example_study(), of="revenue"),
    "ageing": lambda: cx.support.ticket_ageing(example_study(), by="channel"),
    "breakdown": breakdown,
    "index": index,
    "scorecard": lambda: cx.scorecard(example_study(), by="plan"),
}
FINDINGS = {
    "bridge": "2024-02: recurring revenue went from 100 to 90 EUR a month; 0 customers joined, 1 left.",
    "cohorts": "Of the revenue of 2024-01, 90 % [60, 141] are left after 1 month.",
    "ageing": "1 open tickets on 2024-03-05 23:59 UTC; 0 of them over 30 d old.",
    "index": "Index 7",
    "breakdown": "NPS lies between ",
    "scorecard": "2024-02: ",
}


@pytest.mark.parametrize("name", RESULTS)
def test_table_notes_and_finding(name: str) -> None:
    result = RESULTS[name]()
    assert isinstance(result.table, pd.DataFrame)
    assert result.finding.startswith(FINDINGS[name])
    assert all(isinstance(note, str) and note for note in result.notes)
    pd.testing.assert_frame_equal(result.to_frame(), result.table)
    assert json.loads(json.dumps(result.to_dict()))
    page = result._repr_html_()
    assert HOSTILE not in page
    assert name == "scorecard" or result.finding.split()[0] in page


@pytest.mark.parametrize("name", sorted(set(RESULTS) - {"scorecard"}))
def test_the_spec_names_columns_that_are_there_and_all_of_them(name: str) -> None:
    result = RESULTS[name]()
    spec = type(result).specs.get("table") or result.spec()
    named = {column.name for column in spec.columns} | spec.ends()
    groups = set(getattr(result, "by", ()))
    assert named <= set(result.table)
    assert set(result.table) - named - groups <= {"n_effective", "suppressed"}
    assert all(column.meaning for column in spec.columns)
