"""What few leavers, few stayers or few customers do to an interval: a t reference, never overconfident."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Distribution that an estimated AUC, or a difference of two, is judged by.

    An influence-function variance divides by the number of cases and of controls, not by that number less
    one, and a normal quantile takes it as known. With k independent cases, m controls and g clusters the
    error is therefore judged by Student's t with ``min(k, m, g) - 1`` degrees of freedom, and stretched by
    ``sqrt(min / (min - 1))``. With many of each this is the normal interval. With fewer than two on a side
    nothing is known about the error, and every answer is NaN.

    Attributes
    ----------
    smallest : int
        The smallest of the independent cases, controls and clusters, all counted in customers.

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

    @property
    def _stretch(self) -> float:
        if self.smallest < 2:
            return math.nan
        # An influence-function variance divides by k where k - 1 is due: sqrt(k / (k - 1)).
        return math.sqrt(self.smallest / (self.smallest - 1))

    def critical(self, level: float) -> float:
        """Standard errors from the estimate to either end of a two-sided interval."""
        if self.smallest < 2:
            return math.nan
        return float(stats.t.ppf(0.5 + level / 2, self.smallest - 1)) * self._stretch

    def p_value(self, difference: float, se: float) -> float:
        """Two-sided p-value of no difference; NaN where the error is not known."""
        if self.smallest < 2 or not se > 0:
            return math.nan
        return float(2 * stats.t.sf(abs(difference) / (se * self._stretch), self.smallest - 1))

    def p_equivalence(self, difference: float, se: float, margin: float) -> float:
        """P-value of a difference as large as the margin, by two one-sided tests; NaN where not known."""
        if self.smallest < 2 or not se > 0:
            return math.nan
        # Schuirmann (1987), doi:10.1007/BF01068419: the larger of the two one-sided p-values.
        return float(stats.t.sf((margin - abs(difference)) / (se * self._stretch), self.smallest - 1))
