"""Do two labellings agree: precision, recall, kappa and Krippendorff's alpha, each with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cxresearch.checks import check_choice, check_level, check_same_length
from cxresearch.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

#: Draws behind an interval.
DRAWS = 4_000
Measurement = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How well marks agree with a reference, each figure as (value, low, high); NaN where nothing tells.

    Attributes
    ----------
    precision : tuple of float
        Share of the marked that the reference has too.
    recall : tuple of float
        Share of the reference's that were marked.
    kappa : tuple of float
        Agreement beyond what the two shares would bring by chance (Cohen 1960).
    alpha : tuple of float
        The same with one pooled share (Krippendorff), corrected for small n.
    marked_share, reference_share : float
        Shares of rows with a mark, in the population that the weights stand for.
    n, n_effective : float
        Rows, and what they are worth with their weights.
    """

    precision: tuple[float, float, float]
    recall: tuple[float, float, float]
    kappa: tuple[float, float, float]
    alpha: tuple[float, float, float]
    marked_share: float
    reference_share: float
    n: int
    n_effective: float


def binary_agreement(
    marked: ArrayLike,
    reference: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    marked_share: float | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Compare yes-or-no marks with a reference.

    Parameters
    ----------
    marked, reference : array-like of bool, shape (n,)
        Without missing values.
    weights : array-like, shape (n,), optional
        How many rows of the population each stands for, in a stratified sample.
    marked_share : float, optional
        Share of marked rows in the population, where it is known (the marks of a machine are, for all rows);
        else it is that of the rows, and uncertain.
    level : float
        Of the intervals.
    seed : int
        Of the draws behind them.

    Returns
    -------
    Agreement

    Raises
    ------
    DataError
        If there are no rows.

    Notes
    -----
    The two rates that decide all four figures, ``P(reference | marked)`` and ``P(reference | not marked)``,
    are drawn from Beta distributions with Jeffreys' prior at the effective number of rows (Brown, Cai and
    DasGupta 2001, doi:10.1214/ss/1009213286); intervals are quantiles of what follows from each draw. So
    perfect agreement in 20 rows is not printed as certain. Values are the plain weighted ones.

    References
    ----------
    Cohen (1960), doi:10.1177/001316446002000104; Krippendorff (2011), Computing Krippendorff's
    alpha-reliability.

    Examples
    --------
    >>> marks = binary_agreement([1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 1])
    >>> [round(value, 3) for value in (marks.precision[0], marks.recall[0], marks.kappa[0])]
    [0.667, 0.667, 0.467]
    """
    check_level(level)
    x, y = np.asarray(marked, dtype=bool), np.asarray(reference, dtype=bool)
    weight = np.ones(len(x))
    if weights is not None:
        weight = np.asarray(weights, dtype=np.float64)
    check_same_length(marked=x, reference=y, weights=weight)
    if not len(x):
        raise DataError("there are no labelled rows", wanted="some rows with both labels")
    rng = np.random.default_rng(seed)
    rate_of_marked, draws_of_marked = _rate(y[x], weight[x], rng)
    rate_of_others, draws_of_others = _rate(y[~x], weight[~x], rng)
    share, share_draws = _share(x, weight, marked_share, rng)
    n_effective = float(weight.sum() ** 2 / (weight**2).sum())
    values = _figures(share, rate_of_marked, rate_of_others, n_effective)
    drawn = _figures(share_draws, draws_of_marked, draws_of_others, n_effective)
    return Agreement(
        precision=_interval(values["precision"], drawn["precision"], level),
        recall=_interval(values["recall"], drawn["recall"], level),
        kappa=_interval(values["kappa"], drawn["kappa"], level),
        alpha=_interval(values["alpha"], drawn["alpha"], level),
        marked_share=float(share),
        reference_share=float(values["reference"]),
        n=len(x),
        n_effective=n_effective,
    )


def _interval(value: Floats, draws: Floats, level: float) -> tuple[float, float, float]:
    if not np.isfinite(value):
        return float("nan"), float("nan"), float("nan")
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(value), float(low), float(high)


def _rate(hits: NDArray[np.bool_], weight: Floats, rng: np.random.Generator) -> tuple[float, Floats]:
    """Weighted share of hits (NaN without rows) and draws of it."""
    total = weight.sum()
    if not total:
        return float("nan"), rng.beta(0.5, 0.5, DRAWS)
    rate = float((weight * hits).sum() / total)
    n_effective = total**2 / (weight**2).sum()  # Kish 1965
    return rate, rng.beta(n_effective * rate + 0.5, n_effective * (1 - rate) + 0.5, DRAWS)


def _share(
    x: NDArray[np.bool_], weight: Floats, given: float | None, rng: np.random.Generator
) -> tuple[float, Floats]:
    if given is not None:
        return given, np.full(DRAWS, given)
    return _rate(x, weight, rng)


def _figures(
    share: float | Floats, hit: float | Floats, missed: float | Floats, n: float
) -> dict[str, Floats]:
    """All figures of a 2 x 2 table of shares: marked, P(reference | marked), P(reference | not marked)."""
    marked, both_rate, miss_rate = (np.asarray(value, dtype=np.float64) for value in (share, hit, missed))
    both = np.where(marked > 0, marked * np.nan_to_num(both_rate), 0.0)
    only_reference = np.where(marked < 1, (1 - marked) * np.nan_to_num(miss_rate), 0.0)
    reference = both + only_reference
    observed = both + (1 - marked - only_reference)
    # kappa = (observed - chance) / (1 - chance), chance from each one's own share
    chance = marked * reference + (1 - marked) * (1 - reference)
    # alpha = 1 - D_observed / D_expected, D_expected from the pooled share of 2 n values without replacement
    pooled = (marked + reference) / 2
    expected = 2 * pooled * (1 - pooled) * 2 * n / (2 * n - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": both_rate,
            "recall": both / reference,
            "kappa": (observed - chance) / (1 - chance),
            "alpha": 1 - (1 - observed) / expected,
            "reference": reference,
        }


def krippendorff_alpha(
    codes: ArrayLike,
    *,
    measurement: Measurement = "nominal",
    level: float = 0.95,
    seed: int = 0,
    draws: int = 1_000,
) -> tuple[float, float, float]:
    """Return Krippendorff's alpha of several coders, with an interval by drawing units again.

    Parameters
    ----------
    codes : array-like, shape (units, coders)
        Numbers; NaN where a coder did not code a unit. Units with fewer than two codes are left out.
    measurement : {"nominal", "ordinal", "interval"}
        What a difference of two codes counts.
    level, seed, draws
        Of the interval, a bootstrap over units.

    Returns
    -------
    value, low, high : float
        NaN where all codes are the same: nothing could have disagreed.

    Raises
    ------
    DataError
        If no unit has two codes.

    References
    ----------
    Krippendorff (2004), doi:10.1111/j.1468-2958.2004.tb00738.x; Krippendorff (2011), whose example of four
    coders and twelve units the tests follow.

    Examples
    --------
    >>> value, low, high = krippendorff_alpha([[1, 1], [2, 2], [1, 2], [2, 2], [1, 1]])
    >>> round(value, 4)
    0.64
    """
    check_choice("measurement", measurement, ("nominal", "ordinal", "interval"))
    check_level(level)
    table = np.asarray(codes, dtype=np.float64)
    table = table[(~np.isnan(table)).sum(axis=1) >= 2]
    if not len(table):
        raise DataError("no unit was coded twice", wanted="two or more codes on some units")
    values, flat = np.unique(table, return_inverse=True)
    values = values[~np.isnan(values)]
    place = flat.reshape(table.shape)
    counts = np.stack([(place == at).sum(axis=1) for at in range(len(values))], axis=1).astype(np.float64)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=draws)
    value = _alpha(counts, np.ones(len(counts)), values, measurement)
    if np.isnan(value):
        return value, float("nan"), float("nan")
    drawn = [_alpha(counts, row.astype(np.float64), values, measurement) for row in times]
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return value, float(low), float(high)


def _alpha(counts: Floats, times: Floats, values: Floats, measurement: str) -> float:
    size = counts.sum(axis=1)
    # coincidences o_ck: pairs within a unit, each unit weighted by 1 / (its codes - 1)
    share = times / (size - 1)
    coincidences = (counts * share[:, None]).T @ counts - np.diag((counts * share[:, None]).sum(axis=0))
    totals = coincidences.sum(axis=1)
    n = totals.sum()
    distance = _distance(values, totals, measurement)
    expected = (np.outer(totals, totals) * distance).sum() / (n - 1)
    if expected <= 0:
        return float("nan")
    return float(1 - (coincidences * distance).sum() / expected)


def _distance(values: Floats, totals: Floats, measurement: str) -> Floats:
    if measurement == "nominal":
        return 1.0 - np.eye(len(values))
    if measurement == "interval":
        return np.asarray((values[:, None] - values[None, :]) ** 2)
    # ordinal: (sum of totals from c to k, less half of both ends) squared
    reached = np.cumsum(totals) - totals / 2
    return np.asarray((reached[:, None] - reached[None, :]) ** 2)
