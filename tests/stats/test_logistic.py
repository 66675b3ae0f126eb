"""The one logistic regression, against statsmodels over twelve orders of magnitude, and against itself."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import expit

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.models.logistic import logistic_fit


def data(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    y = rng.random(n) < 1 / (1 + np.exp(1 - X[:, 1] + 0.5 * X[:, 2]))
    return X, y, rng.integers(0, 90, n)


def statsmodels_fit(X: np.ndarray, y: np.ndarray, **choices: object) -> sm.GLM:
    model = sm.GLM(y.astype(float), X, family=sm.families.Binomial(), **choices)
    return model.fit(tol=1e-14, maxiter=200)


@given(
    seed=st.integers(0, 2**32 - 1),
    exponents=st.tuples(*[st.floats(-6, 6)] * 3),
    weighted=st.booleans(),
    shifted=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_any_scale_agrees_with_statsmodels(
    seed: int, exponents: tuple[float, float, float], weighted: bool, shifted: bool
) -> None:
    """Coefficients, errors, log-likelihood; statsmodels sees columns of unit scale, ours those as drawn."""
    rng = np.random.default_rng(seed)
    X = np.column_stack(
        [np.ones(200), rng.normal(size=200), rng.integers(0, 11, 200), rng.exponential(size=200)]
    )
    y = rng.random(200) < expit(-0.5 + X[:, 1] - 0.1 * X[:, 2])
    weights = rng.integers(0, 4, 200).astype(float) if weighted else None
    offset = rng.normal(size=200) if shifted else None
    scales = np.array([1.0, *(10.0**e for e in exponents)])
    fit = logistic_fit(X * scales, y, weights=weights, offset=offset)
    known = np.ones(200, dtype=bool) if weights is None else weights > 0
    expected = statsmodels_fit(
        X[known],
        y[known],
        freq_weights=None if weights is None else weights[known],
        offset=None if offset is None else offset[known],
    )
    np.testing.assert_allclose(fit.coefficients * scales, expected.params, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(fit.se * scales, expected.bse, rtol=1e-7)
    assert fit.loglik == pytest.approx(expected.llf, rel=1e-10)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_statsmodels_on_the_same_columns_says_the_same(scale: float) -> None:
    X, y, _ = data(11)
    X = X * [1, scale, 1]  # both at once, 1e-6 and 1e6, cost statsmodels four digits
    fit = logistic_fit(X, y)
    expected = statsmodels_fit(X, y)
    np.testing.assert_allclose(fit.coefficients, expected.params, rtol=1e-6)
    np.testing.assert_allclose(fit.se, expected.bse, rtol=1e-6)
    assert fit.aic == pytest.approx(expected.aic, rel=1e-10)
    assert fit.bic == pytest.approx(expected.bic_llf, rel=1e-10)


@pytest.mark.parametrize("origin", [0.0, 2_000.0, 1.7e9])
def test_columns_far_from_zero_are_sound_data(origin: float) -> None:
    """A plain year, or seconds since 1970, beside ones: only the intercept hangs on where zero is."""
    rng = np.random.default_rng(3)
    year = rng.integers(15, 25, 500).astype(float)
    y = rng.random(500) < expit(-4 + 0.2 * year)
    expected = statsmodels_fit(sm.add_constant(year - 20), y)
    fit = logistic_fit(np.c_[np.ones(500), origin + year], y)
    digits = 1e-16 * max(1.0, origin) / year.std()  # what the column itself has lost by its origin
    assert fit.coefficients[1] == pytest.approx(expected.params[1], rel=1e-8 + 100 * digits)
    assert fit.se[1] == pytest.approx(expected.bse[1], rel=1e-8 + 100 * digits)
    assert fit.loglik == pytest.approx(expected.llf, rel=1e-10)


def test_a_narrow_column_with_a_steep_slope_fits() -> None:
    """Clipped Newton steps on unscaled columns called these data "no finite fit"."""
    x = np.linspace(-1.46, -1.42, 200)
    y = np.random.default_rng(1).random(200) < expit(400 * (x + 1.44))
    fit = logistic_fit(np.c_[np.ones(200), x], y)
    centred = statsmodels_fit(sm.add_constant((x + 1.44) * 100), y)
    assert fit.coefficients[1] == pytest.approx(100 * centred.params[1], rel=1e-8)
    assert fit.se[1] == pytest.approx(100 * centred.bse[1], rel=1e-8)


@pytest.mark.parametrize("seed", [1, 2])
def test_clusters_equal_statsmodels(seed: int) -> None:
    X, y, cluster = data(seed)
    ours = logistic_fit(X, y, clusters=cluster)
    theirs = sm.GLM(y.astype(float), X, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": cluster}
    )
    np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-8)
    np.testing.assert_allclose(ours.se, theirs.bse, rtol=1e-8)
    assert ours.clusters == len(np.unique(cluster))


def test_weight_two_is_the_row_twice_within_its_cluster() -> None:
    X, y, cluster = data(4)
    times = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), times)
    weighted = logistic_fit(X, y, weights=times.astype(float), clusters=cluster)
    repeated = logistic_fit(X[rows], y[rows], clusters=cluster[rows])
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, rtol=1e-8)
    small = (weighted.n - 1) / (weighted.n - 3) * (repeated.n - 3) / (repeated.n - 1)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance * small, rtol=1e-8)


def test_shares_with_their_sizes_are_the_rows_they_count() -> None:
    levels = np.arange(5.0)
    cases, total = np.array([3.0, 5, 9, 12, 20]), np.array([50.0, 40, 45, 30, 35])
    counted = logistic_fit(np.c_[np.ones(5), levels], cases / total, weights=total)
    level = np.repeat(levels, total.astype(int))
    outcome = np.concatenate([np.arange(n) < c for c, n in zip(cases, total, strict=True)])
    listed = logistic_fit(np.c_[np.ones(len(level)), level], outcome)
    np.testing.assert_allclose(counted.coefficients, listed.coefficients, rtol=1e-9)
    np.testing.assert_allclose(counted.covariance, listed.covariance, rtol=1e-9)


def test_a_ridge_is_the_maximum_of_the_penalised_likelihood() -> None:
    X, y, _ = data(6)
    fit = logistic_fit(X, y, ridge=3.0)

    def loss(b: np.ndarray) -> float:
        linear = X @ b
        return float(-(y * linear - np.logaddexp(0, linear)).sum() + 1.5 * (b[1:] ** 2).sum())

    best = optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(fit.coefficients, best.x, atol=1e-5)


def test_repeated_columns_and_columns_that_tell_the_outcome_are_refused_by_name() -> None:
    X, y, cluster = data(5)
    with pytest.raises(DataError, match=r"a column repeats others.*drop the column"):
        logistic_fit(np.column_stack([X, 2 * X[:, 1] - 3]), y, clusters=cluster)
    with pytest.raises(DataError, match="a column repeats others"):
        logistic_fit(np.column_stack([X, np.zeros(len(y))]), y)
    with pytest.raises(DataError, match=r"separates cases from controls.*drop the column"):
        logistic_fit(np.column_stack([X, y.astype(float)]), y, clusters=cluster)
    repeated = logistic_fit(np.column_stack([X, X[:, 1]]), y, ridge=1.0)
    assert np.isfinite(repeated.coefficients).all()


def test_bad_arguments_are_refused() -> None:
    X, y, _ = data(7)
    with pytest.raises(DataError, match="nobody is a case"):
        logistic_fit(X, np.zeros(len(y)))
    with pytest.raises(DataError, match="everyone is a case"):
        logistic_fit(X, np.ones(len(y)), ridge=1.0)
    with pytest.raises(DataError, match="one customer only"):
        logistic_fit(X, y, clusters=np.zeros(len(y)))
    with pytest.raises(ArgumentError, match="missing"):
        logistic_fit(np.where(X > 2, np.nan, X), y)
    with pytest.raises(ArgumentError, match="offset has missing"):
        logistic_fit(X, y, offset=np.full(len(y), np.nan))
    with pytest.raises(ArgumentError, match="negative"):
        logistic_fit(X, y, weights=-np.ones(len(y)))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_separation_is_said_at_any_scale(scale: float) -> None:
    x = np.column_stack([np.ones(8), scale * np.arange(8.0)])
    with pytest.raises(DataError, match="separates"):
        logistic_fit(x, np.arange(8) > 3)
    assert np.isfinite(logistic_fit(x, np.arange(8) > 3, ridge=1.0).coefficients).all()


def test_a_rare_group_without_cases_is_separation_among_many_rows() -> None:
    rng = np.random.default_rng(2)
    n = 300_000
    rare = np.zeros(n)
    rare[:3] = 1
    y = rng.random(n) < 0.2
    y[:3] = False
    with pytest.raises(DataError, match="separates"):
        logistic_fit(np.c_[np.ones(n), rare], y)


@pytest.mark.parametrize("seed", [5, 10])
def test_an_extreme_covariate_is_no_separation(seed: int) -> None:
    """A heavy-tailed covariate: the score equations hold at the fit, with linear predictors beyond 30."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(400), rng.standard_t(1.5, 400)])
    y = (rng.uniform(size=400) < 1 / (1 + np.exp(3.5 - 0.5 * np.clip(x[:, 1], -8, 8)))).astype(float)
    linear = x @ logistic_fit(x, y).coefficients
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
