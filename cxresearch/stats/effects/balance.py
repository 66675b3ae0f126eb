"""How alike two arms are in what was known before, without weights and under overlap weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxresearch.aliases import Bools, Floats

#: A standardised difference below this is customarily called balanced.
BALANCED = 0.1


def balance_table(design: Floats, treated: Bools, chance: Floats, names: Sequence[str]) -> pd.DataFrame:
    """Return the standardised difference of each column between the arms, before weights and after.

    Parameters
    ----------
    design : ndarray, shape (n, p)
    treated : ndarray of bool, shape (n,)
    chance : ndarray, shape (n,)
        Chance of treatment e; the treated weigh 1 - e, the others e.
    names : sequence of str, length p

    Returns
    -------
    DataFrame
        Columns ``column, treated, untreated`` (plain means), ``before, after`` (differences in standard
        deviations, the pooled one before weights). Constant columns have 0.

    References
    ----------
    Austin and Stuart (2015), doi:10.1002/sim.6607.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [1.0], [2.0]])
    >>> arm = np.array([False, False, True, True])
    >>> balance_table(x, arm, np.full(4, 0.5), ["severity"])["before"].round(2).tolist()
    [1.41]
    """
    weight = np.where(treated, 1 - chance, chance)
    means = {}
    weighted = {}
    spreads = {}
    for arm, rows in (("treated", treated), ("untreated", ~treated)):
        means[arm] = design[rows].mean(axis=0)
        weighted[arm] = np.average(design[rows], axis=0, weights=weight[rows])
        spreads[arm] = design[rows].var(axis=0, ddof=1)
    # d = (mean1 - mean0) / sqrt((s1^2 + s0^2) / 2), the denominator the same after weighting
    pooled = np.sqrt((spreads["treated"] + spreads["untreated"]) / 2)
    scale = np.where(pooled > 0, pooled, np.inf)
    return pd.DataFrame(
        {
            "column": list(names),
            "treated": means["treated"],
            "untreated": means["untreated"],
            "before": (means["treated"] - means["untreated"]) / scale,
            "after": (weighted["treated"] - weighted["untreated"]) / scale,
        }
    )


def overlap_table(treated: Bools, chance: Floats, *, classes: int = 10) -> pd.DataFrame:
    """Count rows of both arms by classes of the chance of treatment.

    Returns
    -------
    DataFrame
        Columns ``low, high`` (of the chance), ``treated, untreated`` (rows).

    Examples
    --------
    >>> overlap_table(np.array([True, False]), np.array([0.2, 0.9]), classes=2)["treated"].tolist()
    [1, 0]
    """
    edges = np.linspace(0, 1, classes + 1)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "treated": np.histogram(chance[treated], edges)[0],
            "untreated": np.histogram(chance[~treated], edges)[0],
        }
    )
