"""Correlation of answers: Fisher's interval where it holds, wider where the answers are skewed."""

import numpy as np
import pytest
from scipy import stats

from cxresearch.errors import ArgumentError
from cxresearch.stats.intervals.correlation import correlation


def test_flat_answers_give_fisher() -> None:
    """Uniform values have lighter tails than normal ones, so Fisher's interval is the wider of the two."""
    rng = np.random.default_rng(5)
    x = rng.uniform(size=200)
    y = x + rng.uniform(size=200)
    found, peer = correlation(x, y), stats.pearsonr(x, y)
    assert found.value == pytest.approx(peer.statistic)
    np.testing.assert_allclose((found.low, found.high), peer.confidence_interval(0.95), rtol=1e-9)


def test_skewed_answers_give_the_influence_function() -> None:
    """The jackknife, an independent estimate of the same error, agrees; Fisher's is too short."""
    rng = np.random.default_rng(8)
    common = rng.normal(size=400)
    x, y = (np.searchsorted([-2.0, -1.5, -1.2, -0.5], common + rng.normal(size=400)) for _ in range(2))
    found = correlation(x, y)
    keep = ~np.eye(400, dtype=bool)
    left_out = np.array([np.arctanh(np.corrcoef(x[row], y[row])[0, 1]) for row in keep])
    jackknife = np.sqrt(399 / 400 * ((left_out - left_out.mean()) ** 2).sum())
    half = (np.arctanh(found.high) - np.arctanh(found.low)) / 2
    assert half == pytest.approx(stats.t.ppf(0.975, 398) * jackknife, rel=0.03)
    assert half > 1.1 * 1.96 / np.sqrt(397)


def test_what_is_not_known() -> None:
    assert np.isnan(correlation([1, 2, 3], [1, 2, 3])[:3]).all()
    assert np.isnan(correlation([5, 5, 5, 5, 5], [1, 2, 3, 4, 5]).value)
    missing = correlation([1, 2, 3, 4, np.nan], [2, 1, 4, 3, 5])
    assert missing.n == 4
    with pytest.raises(ArgumentError, match="lengths differ"):
        correlation([1, 2], [1, 2, 3])


def test_perfect_agreement_stays_within_bounds() -> None:
    found = correlation([1, 2, 3, 4, 5], [2, 4, 6, 8, 10])
    assert 0.99 < found.low <= found.value <= 1
    swapped = correlation([1, 3, 2, 5], [9, 1, 4, 4])
    mirrored = correlation([1, 3, 2, 5], [-9, -1, -4, -4])
    assert (mirrored.low, mirrored.high) == pytest.approx((-swapped.high, -swapped.low))
