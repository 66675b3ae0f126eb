"""How large a change a search could have seen."""

from __future__ import annotations

import numpy as np

from cxresearch.stats.change_points.dated_sums import DatedSums
from cxresearch.stats.change_points.split_scan import SplitScan


def visible_change(
    sums: DatedSums, scan: SplitScan, *, critical: float, share: float = 0.5, power: float = 0.8
) -> float:
    """Return the size of a step that the search would have found with a given power.

    Parameters
    ----------
    sums : DatedSums
        The series.
    scan : SplitScan
        Its scan.
    critical : float
        What the largest statistic of the family must exceed.
    share : float
        Share of the base before the step.
    power : float

    Returns
    -------
    float
        In the series' own unit; NaN where no split is judged.

    Notes
    -----
    A step d at split k is found with probability Phi(d / se - critical), at least, since other splits may
    find it too. The standard error of the scan is taken about one common level, so the step itself widens it:
    d = c se / sqrt(1 - c^2 / G) with c = critical + z and G the number of clusters.
    """
    from scipy.stats import norm

    judged = np.flatnonzero(scan.judged)
    if not len(judged) or not np.isfinite(critical):
        return float("nan")
    split = judged[np.argmin(np.abs(scan.share[judged] - share))]
    # c = critical + z(power); d = c se / sqrt(1 - c^2 / G), infinite where c^2 reaches G
    reach = critical + float(norm.ppf(power))
    clusters = float(sums.bb.sum()) + len(np.unique(sums.linked_who))
    left = 1 - reach**2 / clusters
    if left <= 0:
        return float("inf")
    return float(reach * scan.se_of_change[split] / np.sqrt(left))
