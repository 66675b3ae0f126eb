"""A risk set that is empty before everybody has entered makes no certainty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxresearch.churn.curves.compare_curves import compare_curves
from cxresearch.errors import CxWarning
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.rmst import restricted_mean

TIME, EVENT, ENTRY = [1, 10, 12, 15, 20], [1, 1, 0, 1, 0], [0, 5, 5, 5, 5]


def test_an_early_empty_risk_set_gives_no_interval() -> None:
    with pytest.warns(CxWarning, match="leaves at 1, before others enter"):
        found = restricted_mean(TIME, EVENT, entry=ENTRY, horizon=18)
    assert found.value == 1
    assert np.isnan([found.low, found.high, found.se]).all()
    assert "before others enter" in found.note


def test_the_curve_warns_too() -> None:
    with pytest.warns(CxWarning, match="leaves at 1, before others enter"):
        assert np.isnan(kaplan_meier(TIME, EVENT, entry=ENTRY).high[0])


def test_a_curve_that_ends_for_good_is_as_before() -> None:
    kaplan_meier([1, 10, 12], [1, 1, 1], entry=[0, 0.5, 0.5])  # a warning would be an error
    before = restricted_mean(TIME, EVENT, entry=ENTRY, horizon=1)
    assert (before.value, before.note) == (1, "")


def test_a_difference_of_groups_says_so() -> None:
    rows = pd.DataFrame(
        {
            "duration": [*TIME, 3, 6, 9, 14, 19],
            "event": [*EVENT, 1, 1, 0, 1, 0],
            "entry": [*ENTRY, 0, 0, 0, 0, 0],
            "group": list("aaaaabbbbb"),
        }
    )
    with pytest.warns(CxWarning, match="before others enter"):
        row = compare_curves(rows, by="group", horizon=18, at=12).table.iloc[0]
    assert np.isnan(row[["rmst_se", "rmst_low", "rmst_p", "survival_low", "survival_p"]].astype(float)).all()
    assert "before others enter" in row["note"]
