"""Weighted logistic regression with clustered errors, against statsmodels and against itself."""

import numpy as np
import pytest
import statsmodels.api as sm

from cxresearch.errors import DataError
from cxresearch.stats.models.logistic import logit_fit


def data(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    y = rng.random(n) < 1 / (1 + np.exp(1 - X[:, 1] + 0.5 * X[:, 2]))
    return X, y, rng.integers(0, 90, n)


@pytest.mark.parametrize("seed", [1, 2])
def test_unweighted_equals_statsmodels_clustered(seed: int) -> None:
    X, y, cluster = data(seed)
    ours = logit_fit(X, y, weight=np.ones(len(y)), cluster=cluster)
    theirs = sm.GLM(y.astype(float), X, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": cluster}
    )
    np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-8)
    np.testing.assert_allclose(ours.se, theirs.bse, rtol=1e-8)


def test_offset_equals_statsmodels() -> None:
    X, y, cluster = data(3)
    ours = logit_fit(X[:, :1], y, weight=np.ones(len(y)), cluster=cluster, offset=X[:, 1])
    theirs = sm.GLM(y.astype(float), X[:, :1], family=sm.families.Binomial(), offset=X[:, 1]).fit()
    np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-8)


def test_weight_two_is_the_row_twice_within_its_cluster() -> None:
    X, y, cluster = data(4)
    times = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), times)
    weighted = logit_fit(X, y, weight=times.astype(float), cluster=cluster)
    repeated = logit_fit(X[rows], y[rows], weight=np.ones(len(rows)), cluster=cluster[rows])
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, rtol=1e-8)
    small = (weighted.n - 1) / (weighted.n - 3) * (repeated.n - 3) / (repeated.n - 1)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance * small, rtol=1e-8)


def test_separation_and_repeated_columns_are_refused() -> None:
    X, y, cluster = data(5)
    for bad in (np.column_stack([X, X[:, 1]]), np.column_stack([X, y.astype(float)])):
        with pytest.raises(DataError, match="no finite logistic fit"):
            logit_fit(bad, y, weight=np.ones(len(y)), cluster=cluster)
