"""Likelihood measures against statsmodels and closed form; Vuong against its definition."""

import numpy as np
import pytest
from scipy import stats

from cxresearch.stats.models.likelihood import adequacy, likelihood_ratio, vuong, wald
from cxresearch.stats.models.logistic import logistic_fit


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(400), rng.normal(size=(400, 2))])
    y = (rng.random(400) < 1 / (1 + np.exp(-(x @ [-1.0, 0.8, 0.0])))).astype(float)
    return x, y


def test_likelihood_ratio_and_adequacy(drawn: tuple) -> None:
    x, y = drawn
    small, large = logistic_fit(x[:, :2], y), logistic_fit(x, y)
    test = likelihood_ratio(small.loglik, large.loglik, 1)
    assert test.statistic == pytest.approx(2 * (large.loglik - small.loglik))
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 1))
    null = logistic_fit(x[:, :1], y)
    share = adequacy(null.loglik, small.loglik, large.loglik)
    assert 0.9 < share <= 1  # the second covariate is noise
    assert wald(large.coefficients, large.covariance, [2]).statistic == pytest.approx(
        test.statistic, rel=0.05
    )


def test_vuong_by_definition(drawn: tuple) -> None:
    x, y = drawn
    a = logistic_fit(x[:, [0, 1]], y).contributions
    b = logistic_fit(x[:, [0, 2]], y).contributions
    z, p_value = vuong(a, b)
    gap = a - b
    assert z == pytest.approx(gap.mean() / (gap.std(ddof=1) / np.sqrt(len(gap))))
    assert p_value == pytest.approx(2 * stats.norm.sf(abs(z)))
    assert vuong(b, a)[0] == pytest.approx(-z)
    doubled = vuong(np.repeat(a, 2), np.repeat(b, 2), clusters=np.repeat(np.arange(400), 2))
    assert doubled[0] == pytest.approx(z, rel=1e-9)
    assert np.isnan(vuong(a, a)[0])
