"""Every result of churn and contest has its table, notes and finding, and shows them safely."""

from collections.abc import Callable
from typing import Any

import pytest

import cxresearch as cx
from cxresearch.results.result import Result


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    study = cx.synthetic.company_study(seed=3, customers=700)
    marks = cx.landmark(study, every="quarter", horizon_days=180, keep_silent=True)
    return {"study": study, "marks": marks, "model": cx.fit_churn(marks, members=2)}


RESULTS: dict[str, Callable[[dict[str, Any]], Result]] = {
    "compare": lambda p: cx.compare(p["marks"], ["ces", "nps"], metrics=()),
    "sensitivity": lambda p: cx.contest.sensitivity(p["marks"], ("ces", "nps")),
    "nonresponse": lambda p: cx.contest.nonresponse(p["marks"], ("ces", "nps")),
    "added_information": lambda p: cx.contest.added_information(p["marks"], ["ces", "nps"]),
    "one_score": lambda p: cx.contest.score_vs_churn(p["marks"], "nps"),
    "segments": lambda p: cx.contest.compare_segments(p["marks"], ("ces", "nps"), by="segment", min_cases=2),
    "power": lambda p: cx.contest.power_compare(difference=0.03),
    "claims": lambda p: cx.contest.audit_claims(p["study"], marks=p["marks"]),
    "model": lambda p: p["model"],
    "card": lambda p: cx.classifier.model_card(p["model"]),
    "evaluation": lambda p: cx.evaluate_churn(p["model"], p["marks"], runs=20),
    "added_value": lambda p: cx.classifier.added_value(p["marks"]),
    "effect": lambda p: cx.classifier.effect_curve(p["model"], p["marks"], "nps", points=4),
    "odds": lambda p: cx.classifier.churn_odds(p["marks"]),
    "list": lambda p: cx.at_risk(p["model"], p["study"], top=5),
    "profit": lambda p: cx.classifier.profit_curve(
        p["model"], p["marks"], contact_cost=5.0, success_rate=0.2, runs=20
    ),
    "drivers": lambda p: cx.key_drivers(p["marks"], "csat", ["ces", "nps"], runs=20),
    "curve": lambda p: cx.churn_curve(p["study"], by="segment"),
    "incidence": lambda p: cx.curves.cumulative_incidence(p["study"], by="segment"),
    "comparison": lambda p: cx.compare_curves(p["study"], by="segment"),
    "lifetime": lambda p: cx.curves.expected_lifetime(p["study"], by="segment", horizon=2_000),
    "hazard": lambda p: cx.curves.hazard_model(p["study"], scores=["nps"]),
    "after": lambda p: cx.curves.after_event(p["study"], event="detractor"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_has_its_table_notes_and_finding(name: str, parts: dict[str, Any]) -> None:
    result = RESULTS[name](parts)
    assert result.finding.endswith(".") and len(result.finding) < 400, result.finding
    assert all(isinstance(note, str) and note for note in result.notes)
    table = result.to_frame()
    assert len(table)
    spec = result.spec()
    named = {column.name for column in spec.columns} | spec.ends()
    assert named <= set(table.columns), named - set(table.columns)
    assert set(result.specs) >= {"table"}
    assert result.caption() or not result.specs["table"].title
    plain = result.to_dict()
    assert plain
    page = result._repr_html_()
    assert "<script" not in page
    assert "cx-result" in page
    assert str(result)
