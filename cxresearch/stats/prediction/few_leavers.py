"""What few leavers, few stayers or few customers do to an interval: a t reference, never overconfident."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cxresearch.stats.models.clustered_covariance import cluster_sums

if TYPE_CHECKING:
    from cxresearch.aliases import Bools, Floats, Places


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Distribution that an estimated AUC, or a difference of two, is judged by.

    An influence-function variance divides by the number of cases and of controls, not by that number less
    one, and a normal quantile takes it as known. With k independent cases, m controls and g clusters the
    error is therefore judged by Student's t with ``min(k, m, g) - 1`` degrees of freedom, and stretched by
    ``sqrt(min / (min - 1))``. With many of each this is the normal interval. With fewer than two on a side
    nothing is known about the error, and every answer is NaN. Clusters of very unequal size are worth fewer
    than they are, and their error is too small: :meth:`by_clusters` takes both from the estimate itself.

    Attributes
    ----------
    smallest : int
        The smallest of the independent cases, controls and clusters, all counted in customers.
    stretch : float
        Error of leaving clusters out over the plain clustered one; at least ``sqrt(min / (min - 1))`` counts.
    df : float
        Degrees of freedom of that error; at most ``min - 1`` count.

    References
    ----------
    Bell and McCaffrey (2002), https://www150.statcan.gc.ca/n1/en/catalogue/12-001-X20020029058, for degrees
    of freedom of few clusters; simulated rejection of a true null in docs/validation.md.

    Examples
    --------
    >>> few, many = Reference(smallest=5), Reference(smallest=5_000)
    >>> round(few.critical(0.95), 2), round(many.critical(0.95), 2)
    (3.1, 1.96)
    """

    smallest: int
    stretch: float = 1.0
    df: float = math.inf

    def by_clusters(self, influence: Floats, share: Floats, codes: Places) -> Reference:
        """Reference of one estimate whose rows belong to clusters.

        Parameters
        ----------
        influence : array, shape (n,)
            ``estimate - truth = mean(influence)`` to first order.
        share : array, shape (n,)
            How much of the row's side (all cases, all controls, or all rows) its cluster holds.
        codes : array of int, shape (n,)
            Cluster of each row.

        Returns
        -------
        Reference
            The same where the estimate does not vary.

        Notes
        -----
        ``sqrt(sum of s_g^2)`` with s the sums of :func:`without_own_cluster`, over the plain clustered error,
        and Satterthwaite's degrees of freedom of that sum.
        """
        clusters = int(codes.max()) + 1
        plain = cluster_sums(influence[None, :], codes)[0]
        # Liang and Zeger (1986): G / (G - 1) sum of (s - mean)^2.
        variance = float(plain.var() * clusters**2 / max(clusters - 1, 1))
        if not variance > 0:
            return self
        # A cluster that holds a whole side leaves nothing to compare with when it is left out.
        left_out = cluster_sums((influence / np.maximum(1 - share, 1e-12))[None, :], codes)[0]
        stretch = math.sqrt(float((left_out**2).sum()) / variance)
        return Reference(smallest=self.smallest, stretch=stretch, df=effective_df(left_out))

    @property
    def _stretch(self) -> float:
        if self.smallest < 2:
            return math.nan
        # An influence-function variance divides by k where k - 1 is due: sqrt(k / (k - 1)).
        return max(self.stretch, math.sqrt(self.smallest / (self.smallest - 1)))

    @property
    def _df(self) -> float:
        return min(self.smallest - 1.0, self.df)

    def critical(self, level: float) -> float:
        """Standard errors from the estimate to either end of a two-sided interval."""
        if self.smallest < 2:
            return math.nan
        return float(stats.t.ppf(0.5 + level / 2, self._df)) * self._stretch

    def p_value(self, difference: float, se: float) -> float:
        """Two-sided p-value of no difference; NaN where the error is not known."""
        if self.smallest < 2 or not se > 0:
            return math.nan
        return float(2 * stats.t.sf(abs(difference) / (se * self._stretch), self._df))

    def p_equivalence(self, difference: float, se: float, margin: float) -> float:
        """P-value of a difference as large as the margin, by two one-sided tests; NaN where not known."""
        if self.smallest < 2 or not se > 0:
            return math.nan
        # Schuirmann (1987), doi:10.1007/BF01068419: the larger of the two one-sided p-values.
        return float(stats.t.sf((margin - abs(difference)) / (se * self._stretch), self._df))


def without_own_cluster(influence: Floats, case: Bools, codes: Places) -> Floats:
    """Sum the influence of rows by cluster, each as if its cluster had not helped to make the estimate.

    The sums of large clusters are too small, for such a cluster draws the estimate towards itself. Divided by
    one less its share of the cases (of the controls), each row has about the influence that leaving its
    cluster out shows, as in the CR3 or jackknife covariance.

    Parameters
    ----------
    influence : array, shape (m, n)
        ``estimate - truth = sum(influence)`` to first order.
    case : array of bool, shape (n,)
        Rows that are cases; the others are controls.
    codes : array of int, shape (n,)
        Cluster of each row.

    Returns
    -------
    array, shape (m, clusters)
        Their products add up to the covariance.

    References
    ----------
    Bell and McCaffrey (2002), https://www150.statcan.gc.ca/n1/en/catalogue/12-001-X20020029058.

    Examples
    --------
    >>> both = np.array([True, False, True, False])
    >>> without_own_cluster(np.array([[0.5, -0.5, -0.5, 0.5]]), both, np.array([0, 0, 1, 1]))
    array([[0., 0.]])
    """
    share = np.empty(len(case))
    for side in (case, ~case):
        counts = np.bincount(codes[side], minlength=int(codes.max()) + 1)
        share[side] = counts[codes[side]] / side.sum()
    # A cluster that holds a whole side leaves nothing to compare with when it is left out.
    return cluster_sums(influence / np.maximum(1 - share, 1e-12), codes)


def effective_df(sums: Floats) -> float:
    """Degrees of freedom of a variance that is a sum of squares over clusters, by Satterthwaite's rule.

    Clusters less one where all are alike; few where a few large clusters carry the sum.

    Parameters
    ----------
    sums : array, shape (clusters,)
        Influence summed by cluster.

    References
    ----------
    Satterthwaite (1946), doi:10.2307/3002019.

    Examples
    --------
    >>> round(effective_df(np.append(np.ones(98), [7.0, -7.0])), 1)
    17.0
    """
    # V = sum s^2 with var V = sum s^4 - V^2 / G, and df = 2 V^2 / var V.
    variance = float((sums**2).sum())
    if not variance > 0:
        return math.nan
    spread = float((sums**4).sum()) - variance**2 / len(sums)
    most = max(len(sums) - 1.0, 1.0)
    if spread <= 0:
        return most
    return min(max(2 * variance**2 / spread, 1.0), most)
