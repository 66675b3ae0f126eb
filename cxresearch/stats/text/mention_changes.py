"""Which themes rise or fade: each period against all before it, one error over all themes and periods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse, stats

from cxresearch.checks import check_same_length
from cxresearch.stats.scan.exchanged_customers import CustomerExchange

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Times that whole customers change places behind the largest deviation that chance brings.
DRAWS = 999
#: A change is judged where so many texts stand on a side, and so many mentions are expected in the period.
LEAST_TEXTS, LEAST_EXPECTED = 30, 5.0
#: Periods that a first judged one is compared with.
LEAST_BEFORE = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class MentionChanges:
    """Changes of shares, one for each theme and period that can be judged; arrays of shape (m,).

    Attributes
    ----------
    theme, period : ndarray of int
    share, before, difference, low, high : ndarray
        Share of texts in the period and before it; the interval of their difference is that of one change.
    statistic : ndarray
        Difference over its standard error under no change.
    p_value, p_adjusted : ndarray
        Of one change by itself, and over all themes and periods together.
    n, n_before : ndarray of int
        Texts in the period and before it.
    """

    theme: NDArray[np.int64]
    period: NDArray[np.int64]
    share: Floats
    before: Floats
    difference: Floats
    low: Floats
    high: Floats
    statistic: Floats
    p_value: Floats
    p_adjusted: Floats
    n: NDArray[np.int64]
    n_before: NDArray[np.int64]


def mention_changes(
    flags: NDArray[np.bool_],
    period: NDArray[np.int64],
    cluster: NDArray[np.int64],
    *,
    level: float = 0.95,
    seed: int = 0,
) -> MentionChanges:
    """Compare each period with all before it, theme by theme.

    Parameters
    ----------
    flags : ndarray of bool, shape (n, themes)
        Which themes each text mentions.
    period : ndarray of int, shape (n,)
        Number of its period, in the order of time.
    cluster : ndarray of int, shape (n,)
        Number of its customer, 0 to clusters - 1.
    level, seed
        Of the intervals, and of the exchanges.

    Notes
    -----
    The statistic is the difference over its binomial error at the share of both sides. Its law under no
    change comes from letting whole customers change places: the mentions of one are given to another who
    wrote as often, so that what one customer says stays together (Westfall and Young 1993, the largest
    absolute statistic over all themes and periods). Intervals are normal, linked within customers.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> period = np.repeat([0, 1, 2, 3], 200)
    >>> flags = rng.random((800, 1)) < np.where(period == 3, 0.4, 0.1)[:, None]
    >>> changes = mention_changes(flags, period, np.arange(800))
    >>> changes.period[changes.p_adjusted < 0.05]
    array([3])
    """
    check_same_length(flags=flags, period=period, cluster=cluster)
    pairs, influence, table = _contrasts(flags, period)
    if not pairs:
        empty = np.empty(0)
        whole = np.empty(0, dtype=np.int64)
        fields = dict.fromkeys(
            ("share", "before", "difference", "low", "high", "statistic", "p_value", "p_adjusted"), empty
        )
        return MentionChanges(theme=whole, period=whole, n=whole, n_before=whole, **fields)
    size = int(cluster.max()) + 1
    to_customer = sparse.csr_matrix(
        (np.ones(len(cluster)), (cluster, np.arange(len(cluster)))), shape=(size, len(cluster))
    )
    own = sparse.csc_matrix(to_customer @ influence)
    half = stats.norm.ppf(0.5 + level / 2) * np.sqrt(np.asarray(own.multiply(own).sum(axis=0)).ravel())
    theme = np.array([theme for theme, _ in pairs], dtype=np.int64)
    at = np.array([at for _, at in pairs], dtype=np.int64)
    share, before, n, n_before = table.T
    difference = share - before
    statistics = _permuted(flags, period, cluster, (theme, at), np.random.default_rng(seed))
    statistic = statistics[0]
    chance = np.abs(statistics[1:])
    reached = chance >= np.abs(statistic) - 1e-12
    largest = chance.max(axis=1)[:, None] >= np.abs(statistic) - 1e-12
    return MentionChanges(
        theme=theme,
        period=at,
        share=share,
        before=before,
        difference=difference,
        low=difference - half,
        high=difference + half,
        statistic=statistic,
        p_value=(1 + reached.sum(axis=0)) / (1 + len(chance)),
        p_adjusted=(1 + largest.sum(axis=0)) / (1 + len(chance)),
        n=n.astype(np.int64),
        n_before=n_before.astype(np.int64),
    )


def _contrasts(
    flags: NDArray[np.bool_], period: NDArray[np.int64]
) -> tuple[list[tuple[int, int]], sparse.csc_matrix, Floats]:
    """What can be judged; influence of texts on each difference; share, share before, texts, texts before."""
    pairs: list[tuple[int, int]] = []
    influence: list[sparse.csc_matrix] = []
    numbers: list[tuple[float, float, int, int]] = []
    for at in range(LEAST_BEFORE, int(period.max(initial=-1)) + 1):
        inside, before = period == at, period < at
        n, m = int(inside.sum()), int(before.sum())
        if min(n, m) < LEAST_TEXTS:
            continue
        weight = inside / n - before / m
        for theme in range(flags.shape[1]):
            said = flags[:, theme]
            share, earlier = float(said[inside].mean()), float(said[before].mean())
            pooled = (n * share + m * earlier) / (n + m)
            if n * min(pooled, 1 - pooled) < LEAST_EXPECTED:
                continue
            expected = np.where(inside, share, earlier)
            pairs.append((theme, at))
            influence.append(sparse.csc_matrix((weight * (said - expected))[:, None]))
            numbers.append((share, earlier, n, m))
    if not pairs:
        return pairs, sparse.csc_matrix(np.zeros((len(flags), 0))), np.empty((0, 4))
    return pairs, sparse.hstack(influence, format="csc"), np.array(numbers, dtype=np.float64)


def _permuted(
    flags: NDArray[np.bool_],
    period: NDArray[np.int64],
    cluster: NDArray[np.int64],
    judged: tuple[NDArray[np.int64], NDArray[np.int64]],
    rng: np.random.Generator,
) -> Floats:
    """Statistics of the texts as they are, then with customers in other places: shape (1 + draws, m)."""
    exchange = CustomerExchange(cluster, period)
    themes, periods = flags.shape[1], int(period.max()) + 1
    text, theme = np.nonzero(flags)
    totals = np.bincount(period, minlength=periods).astype(np.float64)
    moments = period
    rows = []
    for draw in range(1 + DRAWS):
        if draw:
            moments = period[exchange.draw(rng)]
        counts = np.bincount(moments[text] * themes + theme, minlength=periods * themes)
        rows.append(_statistics(counts.reshape(periods, themes).astype(np.float64), totals, judged))
    return np.array(rows)


def _statistics(
    counts: Floats, totals: Floats, judged: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Floats:
    theme, at = judged
    before = np.cumsum(counts, axis=0) - counts
    earlier = np.cumsum(totals) - totals
    n, m = totals[at], earlier[at]
    x, y = counts[at, theme], before[at, theme]
    pooled = (x + y) / (n + m)
    # z = (x/n - y/m) / sqrt(p (1 - p) (1/n + 1/m))
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / n + 1 / m))
    return np.asarray((x / n - y / m) / error)
