"""The linear model equals statsmodels where both answer, and holds its level for rare columns."""

import numpy as np
import pytest
import statsmodels.api as sm

from cxresearch.errors import DataError
from cxresearch.stats.models.linear import linear_fit


def test_it_equals_statsmodels_hc2_where_every_row_is_a_customer() -> None:
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(80), rng.normal(size=80), rng.random(80) < 0.1])
    y = rng.normal(size=80) * (1 + X[:, 2])
    mine = linear_fit(X, y, cluster=np.arange(80))
    theirs = sm.OLS(y, X).fit(cov_type="HC2")
    assert mine.coefficients == pytest.approx(theirs.params, abs=1e-10)
    assert mine.se == pytest.approx(theirs.bse, abs=1e-10)


def test_repeated_rows_of_a_customer_buy_no_precision() -> None:
    rng = np.random.default_rng(2)
    X = np.column_stack([np.ones(60), rng.normal(size=60)])
    y = rng.normal(size=60)
    once = linear_fit(X, y, cluster=np.arange(60))
    thrice = linear_fit(np.repeat(X, 3, axis=0), np.repeat(y, 3), cluster=np.repeat(np.arange(60), 3))
    assert thrice.coefficients == pytest.approx(once.coefficients)
    assert thrice.se == pytest.approx(once.se, rel=0.05)


def test_a_column_that_repeats_others_is_refused() -> None:
    X = np.column_stack([np.ones(10), np.arange(10.0), 2 * np.arange(10.0)])
    with pytest.raises(DataError, match="repeats"):
        linear_fit(X, np.arange(10.0), cluster=np.arange(10))


@pytest.mark.slow
def test_level_for_a_rare_column_and_linked_rows() -> None:
    rng = np.random.default_rng(3)
    for ones in (10, 15, 30, 100):
        rejected = 0
        for _ in range(2_000):
            who = rng.integers(0, 400, 600)
            y = rng.normal(size=400)[who] + rng.normal(size=600)
            column = np.zeros(600)
            column[rng.choice(600, ones, replace=False)] = 1
            rejected += linear_fit(np.column_stack([np.ones(600), column]), y, cluster=who).p_values[1] < 0.05
        print(ones, rejected / 2_000)
        assert 0.035 <= rejected / 2_000 <= 0.065
