"""Likelihood measures against statsmodels and closed form; Vuong against its definition."""

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import expit

from cxresearch.errors import DataError
from cxresearch.stats.models.likelihood import adequacy, likelihood_ratio, logistic_fit, vuong, wald


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(400), rng.normal(size=(400, 2))])
    y = (rng.random(400) < 1 / (1 + np.exp(-(x @ [-1.0, 0.8, 0.0])))).astype(float)
    return x, y


def test_logistic_fit_against_statsmodels(drawn: tuple) -> None:
    import statsmodels.api as sm

    x, y = drawn
    expected = sm.Logit(y, x).fit(disp=0, tol=1e-12)
    found = logistic_fit(x, y)
    np.testing.assert_allclose(found.coefficients, expected.params, rtol=1e-8)
    np.testing.assert_allclose(found.covariance, expected.cov_params(), rtol=1e-6)
    assert found.loglik == pytest.approx(expected.llf, rel=1e-12)
    assert found.loglik_null == pytest.approx(expected.llnull, rel=1e-10)


def test_likelihood_ratio_and_adequacy(drawn: tuple) -> None:
    x, y = drawn
    small, large = logistic_fit(x[:, :2], y), logistic_fit(x, y)
    test = likelihood_ratio(small.loglik, large.loglik, 1)
    assert test.statistic == pytest.approx(2 * (large.loglik - small.loglik))
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 1))
    share = adequacy(large.loglik_null, small.loglik, large.loglik)
    assert 0.9 < share <= 1  # the second covariate is noise
    assert wald(large.coefficients, large.covariance, [2]).statistic == pytest.approx(
        test.statistic, rel=0.05
    )


def test_separation_is_said() -> None:
    x = np.column_stack([np.ones(8), np.arange(8.0)])
    with pytest.raises(DataError, match="separates"):
        logistic_fit(x, (np.arange(8) > 3).astype(float))
    assert np.isfinite(logistic_fit(x, (np.arange(8) > 3).astype(float), ridge=1.0).coefficients).all()
    with pytest.raises(DataError, match="nobody is a case"):
        logistic_fit(x, np.zeros(8))


@pytest.mark.parametrize("seed", [5, 10])
def test_an_extreme_covariate_is_no_separation(seed: int) -> None:
    """A heavy-tailed covariate: the score equations hold at the fit, with linear predictors beyond 30."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(400), rng.standard_t(1.5, 400)])
    y = (rng.uniform(size=400) < 1 / (1 + np.exp(3.5 - 0.5 * np.clip(x[:, 1], -8, 8)))).astype(float)
    found = logistic_fit(x, y)
    linear = x @ found.coefficients
    assert np.abs(linear).max() > 30
    np.testing.assert_allclose(x.T @ (y - expit(linear)), 0, atol=1e-5)


def test_separation_is_found_by_what_it_is() -> None:
    """Refused exactly where a linear programme finds a direction along which the likelihood never falls."""
    seen = {True: 0, False: 0}
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(5, 15))
        x = np.column_stack([np.ones(n), rng.integers(0, 4, n), rng.normal(size=n)])
        y = rng.integers(0, 2, n).astype(float)
        if y.min() == y.max() or np.linalg.matrix_rank(x) < 3:
            continue
        signed = x * (2 * y - 1)[:, None]
        best = optimize.linprog(-signed.sum(0), A_ub=-signed, b_ub=np.zeros(n), bounds=[(-1, 1)] * 3)
        separated = -best.fun > 1e-7
        seen[separated] += 1
        if separated:
            with pytest.raises(DataError, match="separates"):
                logistic_fit(x, y)
        else:
            assert np.isfinite(logistic_fit(x, y).coefficients).all()
    assert min(seen.values()) > 30


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
