"""Names of features as a reader sees them."""

from __future__ import annotations

import pytest

import cxresearch as cx
from cxresearch.churn.risk.feature_words import feature_words


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("usage_30d", "usage in the last 30 days"),
        ("first_reply_minutes_90d_mean", "mean minutes to the first reply, last 90 days"),
        ("unresolved_tickets", "unresolved tickets"),
        ("tenure_days", "time as a customer"),
        ("days_since_usage", "days since the last usage"),
        ("seats", "seats"),
        ("seats_30d_max", "seats max, last 30 days"),
        ("log_ins_7d", "log ins in the last 7 days"),
    ],
)
def test_words_of_a_column(column: str, words: str) -> None:
    assert feature_words(column) == words


def test_no_feature_of_a_landmark_keeps_its_underscores() -> None:
    marks = cx.landmark(cx.synthetic.company_study(seed=1, customers=300), horizon_days=180, keep_silent=True)
    said = [feature_words(name) for name in marks.features]
    assert len(set(said)) == len(said)
    assert not any("_" in text or (text.endswith("d") and text[-2].isdigit()) for text in said)
