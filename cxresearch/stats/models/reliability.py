"""How well the items of an index hang together: Cronbach's alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cxresearch.checks import check_choice, check_level
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from cxresearch.aliases import Floats


class Alpha(NamedTuple):
    """Cronbach's alpha: raw, of standardised items, its asymptotic error and an interval of the raw one."""

    value: float
    standardised: float
    se: float
    low: float
    high: float
    n: int


def alpha_of(
    items: ArrayLike, *, method: Literal["feldt", "duhachek"] = "feldt", level: float = 0.95
) -> Alpha:
    """Return Cronbach's alpha of items that all point the same way.

    Parameters
    ----------
    items : array-like, shape (n, items)
        Answers; NaN where an item was not answered. Covariances use all rows that answered both items.
    method : {"feldt", "duhachek"}
        Feldt's exact interval for parallel normal items, which never exceeds 1; or alpha +- z SE with the
        error of Duhachek and Iacobucci, as R's psych prints. ``se`` is the latter either way.
    level : float
        Confidence level.

    Returns
    -------
    Alpha
        ``n`` counts the rows that answered any item.

    Raises
    ------
    ArgumentError
        If there are fewer than two items.
    DataError
        If an item never varies, or no two rows answered two items.

    References
    ----------
    Feldt, L. S. (1965). Psychometrika 30, 357-370. doi:10.1007/BF02289499.
    Duhachek, A., & Iacobucci, D. (2004). Alpha's standard error (ASE). Journal of Applied Psychology 89,
    792-808. doi:10.1037/0021-9010.89.5.792

    Examples
    --------
    >>> answers = [[1, 2, 1], [2, 2, 3], [3, 4, 3], [4, 4, 5], [5, 4, 5]]
    >>> round(alpha_of(answers).value, 3)
    0.936
    """
    check_choice("method", method, ("feldt", "duhachek"))
    check_level(level)
    table = np.asarray(items, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ArgumentError(
            f"items has shape {table.shape}", wanted="a row for each person, two items or more"
        )
    n = int((~np.isnan(table)).any(axis=1).sum())
    k = table.shape[1]
    c = _pairwise_covariance(table)
    if not np.isfinite(c).all() or (np.diag(c) <= 0).any():
        raise DataError(
            "an item never varies, or too few rows answered two items", next_step="drop that item"
        )
    total = float(c.sum())
    trace = float(np.trace(c))
    # Cronbach (1951): k / (k - 1) (1 - tr C / 1'C1); of standardised items by their mean correlation r.
    value = k / (k - 1) * (1 - trace / total)
    spread = np.sqrt(np.diag(c))
    r = float((c / np.outer(spread, spread)).sum() - k) / (k * (k - 1))
    se = _standard_error(c, n)
    tail = (1 - level) / 2
    if method == "duhachek":
        half = normal_quantile(level) * se
        low = value - half
        high = value + half
    else:
        # Feldt (1965): (1 - alpha) / (1 - estimate) is F with n - 1 and (n - 1)(k - 1) degrees of freedom.
        df = (n - 1, (n - 1) * (k - 1))
        low = 1 - (1 - value) * float(stats.f.ppf(1 - tail, *df))
        high = 1 - (1 - value) * float(stats.f.ppf(tail, *df))
    return Alpha(value, k * r / (1 + (k - 1) * r), se, low, high, n)


def _standard_error(c: Floats, n: int) -> float:
    """Asymptotic error of alpha; NaN where pairwise covariances contradict each other."""
    k = len(c)
    total = float(c.sum())
    trace = float(np.trace(c))
    square = c @ c
    # Duhachek and Iacobucci (2004): 2k^2 / ((k-1)^2 s^3) (s (tr C^2 + tr^2 C) - 2 tr C 1'C^2 1), s = 1'C1.
    q = 2 * k**2 / ((k - 1) ** 2 * total**3)
    q *= total * (float(np.trace(square)) + trace**2) - 2 * trace * float(square.sum())
    if q < 0:
        return float("nan")
    return float(np.sqrt(q / n))


def _pairwise_covariance(table: Floats) -> Floats:
    """Covariance of each pair of items over the rows that have both, each with its own means."""
    answered = (~np.isnan(table)).astype(np.float64)
    filled = np.nan_to_num(table)
    n = answered.T @ answered
    sums = filled.T @ answered  # of the first item, over the rows of the pair
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((filled.T @ filled - sums * sums.T / n) / (n - 1))
