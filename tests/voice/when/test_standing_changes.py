"""A change stays on the page until it ends: the planted company, eight months later."""

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.voice import standing_changes


def test_eight_months_later_the_first_line_names_the_country_and_the_day(planted: cx.Study) -> None:
    """The scorecard of the month sees nothing: the month before was as bad."""
    found = standing_changes(planted, draws=199)
    first = found.finding.split(". ")[0]
    assert first.startswith("Since 1") and "March 2025" in first and "customers in DE are unhappy" in first
    row = found.table.iloc[0]
    assert row["since_low"] <= pd.Timestamp("2025-03-15") <= row["since_high"]
    assert row["before"] == pytest.approx(25, abs=6) and row["after"] == pytest.approx(-26, abs=8)
    assert "price rise" in row["events"]
    # All customers fall too, but less, and only because of that country.
    assert found.table["echo"].tolist() == [False, True] and found.table["group"].tolist()[1] == "all"
    assert found.finding.endswith("In the same days, and less: all customers.")
    groups = found.table[found.table["column"] == "country"]
    assert groups["group"].tolist() == ["country DE"]
    (told,) = found.watched["changes"]
    assert told["since"].startswith("2025-03-1") and told["group"] == "country DE"
    card = cx.scorecard(planted, by="country")
    assert "did not move beyond noise" in card.finding


def test_a_change_of_all_groups_is_said_once() -> None:
    rng = np.random.default_rng(5)
    moments = pd.date_range("2025-01-01", periods=360).repeat(12)
    country = rng.choice(["DE", "FR", "IT"], len(moments))
    happy = rng.random(len(moments)) < np.where(moments < "2025-08-01", 0.7, 0.45)
    ids = np.arange(len(moments))
    people = pd.DataFrame({"customer_id": ids, "started_at": "2024-01-01", "country": country})
    answers = {"customer_id": ids, "instrument": "nps", "responded_at": moments}
    rows = pd.DataFrame(answers).assign(score=np.where(happy, 10, 5))
    study = cx.Study.from_frames(
        {"customers": people, "responses": rows}, observed_until="2025-12-26", instruments={"nps": cx.NPS}
    )
    found = standing_changes(study, draws=199)
    assert found.table["shared"].sum() == 3 and len(found.named) == 1
    assert found.named["group"].tolist() == ["all"] and "customers are" in found.finding
    assert "countr" not in found.finding


def test_nothing_that_stands_says_what_would_have_been_seen() -> None:
    rng = np.random.default_rng(6)
    moments = pd.date_range("2025-01-01", periods=300).repeat(4)
    ids = np.arange(len(moments))
    people = pd.DataFrame({"customer_id": ids, "started_at": "2024-01-01"})
    people = people.assign(plan=rng.choice(["a", "b"], 1200))
    rows = pd.DataFrame({"customer_id": ids, "instrument": "nps", "responded_at": moments})
    rows = rows.assign(score=rng.choice([10, 8, 5], 1200))
    study = cx.Study.from_frames(
        {"customers": people, "responses": rows}, observed_until="2025-10-27", instruments={"nps": cx.NPS}
    )
    found = standing_changes(study, draws=199)
    assert not len(found.table) and found.finding.startswith("No change stands.")
    assert "would have been seen four times in five" in found.finding
    assert found.watched == {"names": [["nps", "NPS"]], "changes": []}


def test_two_questions_of_one_customer_are_not_two_customers_of_one_code() -> None:
    """Codes of customers are those of a question: in the pool no two questions share one."""
    from cxresearch.voice.when.metric_series import metric_series
    from cxresearch.voice.when.standing_changes import _Family

    days = pd.date_range("2025-01-01", periods=50)
    rows = pd.concat(
        pd.DataFrame({"customer_id": np.arange(50) % 20 + shift, "instrument": name, "score": 5.0}).assign(
            responded_at=days
        )
        for shift, name in ((0, "nps"), (7, "ces"))
    )
    people = pd.DataFrame({"customer_id": np.arange(30), "started_at": "2024-01-01"})
    study = cx.Study.from_frames(
        {"customers": people, "responses": rows},
        observed_until="2025-10-27",
        instruments={"nps": cx.NPS, "ces": cx.CES2},
    )
    family = _Family([metric_series(study, name) for name in ("nps", "ces")], scores_only=True, error=0.05)
    assert family._first_code(0) == 0 and family._first_code(1) > 10**9
