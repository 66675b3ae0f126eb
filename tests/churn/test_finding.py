"""What a churn curve says in words: never at a time with too few followed, and with its steep falls."""

from __future__ import annotations

import re

import numpy as np
import pytest

import cxresearch as cx
from cxresearch.results.units import Unit
from cxresearch.stats.survival.conditional_survival import falls_figures, falls_words, steep_falls
from cxresearch.stats.survival.kaplan_meier import kaplan_meier


def yearly(customers: int = 2_000, renewal: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """One in a hundred leaves each month, a fifth just after 12 months; all are followed for 30."""
    rng = np.random.default_rng(3)
    month = rng.geometric(0.01, customers) - 0.5
    month = np.where((rng.random(customers) < renewal) & (month > 12), 12.02, month)
    return np.minimum(month, 30.0), (month < 30.0).astype(int)


def test_the_renewal_is_found_with_its_share() -> None:
    curve = kaplan_meier(*yearly(), unit=Unit.MONTHS)
    falls = steep_falls(curve)
    assert falls["start"].tolist() == [12.0]
    assert falls["low"].iloc[0] < 0.208 < falls["high"].iloc[0]  # 1 - .8 * .99
    assert falls["usual"].iloc[0] == pytest.approx(0.01, abs=0.004)
    said = "Many leave at once after 12 months, as if yearly contracts ended then."
    assert falls_words(curve, falls) == said
    assert re.search(
        r"\[[\d.]+ %, [\d.]+ %\] leave in the month after 12 months;", falls_figures(curve, falls)
    )


def test_days_and_months_find_the_same_fall() -> None:
    months, left = yearly()
    in_days = kaplan_meier(months * 30, left, unit=Unit.DAYS)
    assert steep_falls(in_days)["start"].tolist() == [360.0]


def test_a_steady_curve_has_no_steep_fall() -> None:
    assert not len(steep_falls(kaplan_meier(*yearly(renewal=0.0), unit=Unit.MONTHS)))
    assert not len(steep_falls(kaplan_meier([1.0, 2.0], [1, 0], unit=Unit.MONTHS)))


@pytest.mark.parametrize(("customers", "most"), [(40, 0.12), (60, 0.05), (200, 0.01)])
def test_few_customers_make_no_steep_fall(customers: int, most: float) -> None:
    """One in a hundred leaves each month: in most months nobody of 60, in some two, by chance."""
    rng, said = np.random.default_rng(customers), 0
    for _ in range(300):
        month = rng.geometric(0.01, customers) - 0.5
        curve = kaplan_meier(np.minimum(month, 30.0), (month < 30).astype(int), unit=Unit.MONTHS)
        said += len(steep_falls(curve)) > 0
    print(f"{customers} customers, a steady curve: a steep fall in {said / 300:.3f}")
    assert said / 300 <= most


def test_a_renewal_of_a_hundred_customers_is_found() -> None:
    curve = kaplan_meier(*yearly(customers=100), unit=Unit.MONTHS)
    assert 12.0 in steep_falls(curve)["start"].tolist()


def test_nothing_is_quoted_where_fewer_than_thirty_are_followed() -> None:
    curve = cx.churn_curve(yearly(), unit="months")
    assert curve["all"].readable_until == 30.0
    when = np.r_[np.full(300, 5.0), np.full(25, 40.0)]
    few = cx.churn_curve((when, (when < 6) * (np.arange(when.size) < 100)), unit="months")
    assert few["all"].readable_until == 5.0
    assert "after 5 months" in few.finding
    assert "after 5 months" in few.finding_at(20)
    assert re.search(r"\(95 % interval [\d.]+ % to [\d.]+ %, n 325\)", few.finding)


def test_the_finding_names_time_interval_and_n() -> None:
    said = cx.churn_curve(yearly(), unit="months").finding_at(13)
    assert re.match(r"[\d.]+ % of customers are still there after 13 months \(95 % interval", said)
    assert "n 2,000" in said
    assert "after 12 months, as if yearly" in said
