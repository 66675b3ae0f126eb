"""Proportional-odds regression: what moves an answer up or down its scale, with errors by customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtr

from cxresearch.checks import as_numbers, check_level, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_p_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import cluster_codes, cluster_sums

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats, Ints

#: Newton steps at most, and halvings of a step that overshoots.
MOST_STEPS, MOST_HALVINGS = 50, 40
#: A step that moves no parameter by more than this, relative to its size, is the last one.
SETTLED = 1e-10
#: Fewest answers on a level; rarer ones say too little about where the level begins.
LEAST_ANSWERS = 2


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class OrdinalFit(Result):
    """Odds ratios of a higher answer.

    Attributes
    ----------
    names : tuple of str, length p
        Drivers.
    coefficient : ndarray, shape (p,)
        Log odds ratio of an answer above any cut, for one unit more.
    thresholds : ndarray, shape (levels - 1,)
        Log odds of an answer up to each level but the highest, where all drivers are 0.
    covariance : ndarray, shape (p + levels - 1, p + levels - 1)
        Of coefficients and thresholds: inverse observed information, or clustered.
    levels : tuple of float
        Answers that were given, lowest first.
    loglik_null, loglik : float
        Log-likelihood without drivers and at the estimate.
    n, n_clusters : int
        Answers, and customers (answers, where there are no clusters).
    clustered : bool
    level : float
        Confidence level.
    """

    names: tuple[str, ...]
    coefficient: Floats
    thresholds: Floats
    covariance: Floats
    levels: tuple[float, ...]
    loglik_null: float
    loglik: float
    n: int
    n_clusters: int
    clustered: bool
    level: float

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Odds ratios of a higher answer with {level} intervals; {n:,} answers",
            columns=(
                Column(name="name", label="driver", meaning="the driver, one unit more of it"),
                Column(
                    name="odds_ratio",
                    label="odds ratio",
                    meaning="odds of an answer above any cut, for one unit more",
                    unit=Unit.RATIO,
                    low="low",
                    high="high",
                ),
                Column(name="coefficient", label="log ratio", meaning="logarithm of the odds ratio"),
                Column(name="se", label="SE", meaning="standard error of the log ratio"),
                Column(name="p_value", label="p", meaning="Wald test that the ratio is 1", unit=Unit.P_VALUE),
            ),
        ),
        "criteria": TableSpec(
            title="How well the model fits",
            columns=(
                Column(name="loglik", label="log-likelihood", meaning="at the estimate"),
                Column(name="loglik_null", label="without drivers", meaning="log-likelihood of the shares"),
                Column(name="parameters", label="parameters", meaning="coefficients and thresholds"),
                Column(name="aic", label="AIC", meaning="Akaike's criterion: lower predicts better"),
                Column(name="bic", label="BIC", meaning="Schwarz' criterion, with the number of answers"),
            ),
        ),
    }

    @property
    def se(self) -> Floats:
        """Standard errors of the coefficients, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))[: len(self.names)]

    @property
    def table(self) -> pd.DataFrame:
        """One row a driver: name, coefficient, se, odds_ratio, low, high, z, p_value."""
        # Wald: b / SE against the standard normal, exp(b +- z SE) as interval of the ratio.
        statistic = self.coefficient / self.se
        half = normal_quantile(self.level) * self.se
        return pd.DataFrame(
            {
                "name": self.names,
                "coefficient": self.coefficient,
                "se": self.se,
                "odds_ratio": np.exp(self.coefficient),
                "low": np.exp(self.coefficient - half),
                "high": np.exp(self.coefficient + half),
                "z": statistic,
                "p_value": 2 * ndtr(-np.abs(statistic)),
            }
        )

    @property
    def criteria(self) -> pd.DataFrame:
        """One row: loglik, loglik_null, parameters, aic, bic; they assume independent answers."""
        return pd.DataFrame(
            {
                "loglik": [self.loglik],
                "loglik_null": [self.loglik_null],
                "parameters": [len(self.covariance)],
                "aic": [self.aic],
                "bic": [self.bic],
            }
        )

    @property
    def aic(self) -> float:
        """Akaike's criterion, thresholds counted as R's ``polr`` does."""
        return 2 * len(self.covariance) - 2 * self.loglik

    @property
    def bic(self) -> float:
        """Schwarz' criterion with the number of answers."""
        return float(np.log(self.n) * len(self.covariance) - 2 * self.loglik)

    @property
    def finding(self) -> str:
        """What was fitted, and the driver that says most against chance."""
        errors = "answers taken as independent"
        if self.clustered:
            errors = f"errors over {self.n_clusters:,} customers"
        row = self.table.sort_values("p_value").iloc[0]
        ratio = format_estimate(row["odds_ratio"], row["low"], row["high"], Unit.RATIO)
        return (
            f"Proportional-odds regression of {self.n:,} answers on {len(self.levels)} levels, {errors}; "
            f"{row['name']} has the odds ratio {ratio} of a higher answer, {format_p_value(row['p_value'])}."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the model takes for granted."""
        return ("One odds ratio for every cut of the scale; what goes with a score need not cause it.",)


def proportional_odds(
    score: ArrayLike,
    drivers: pd.DataFrame,
    *,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> OrdinalFit:
    """Regress an answer on drivers by proportional odds: ``P(Y <= k) = expit(threshold_k - x b)``.

    A score is ordered and no more: this regression uses the order of the answers and neither their distances,
    as a linear regression does, nor a single cut, as a logistic one does.

    Parameters
    ----------
    score : array-like, shape (n,)
        Answers as numbers, higher meaning more; missing values are refused.
    drivers : DataFrame, shape (n, p)
        Numbers, without a column of ones. Missing values are refused.
    clusters : array-like, shape (n,), optional
        Usually the customer; several answers of one may depend on each other in any way.
    level : float
        Confidence level.

    Returns
    -------
    OrdinalFit
        With two answers it is the logistic regression.

    Raises
    ------
    ArgumentError
        If lengths differ or values are missing.
    DataError
        If all answers are alike, a level has a single answer, columns repeat each other, drivers separate the
        answers so that no finite coefficients exist, or there is one cluster only.

    Notes
    -----
    Newton's method with exact derivatives (the log-likelihood is concave). The derivatives of statsmodels'
    ``OrderedModel`` are numerical, and it agrees to its own precision; R's ``ordinal::clm`` agrees to 1e-8.
    The clustered covariance has the factor ``G/(G-1) (n-1)/(n-q)`` of :func:`logistic_fit`. Guide:
    ``docs/statistics.md``.

    References
    ----------
    McCullagh (1980), doi:10.1111/j.2517-6161.1980.tb01109.x; Liang and Zeger (1986),
    doi:10.1093/biomet/73.1.13.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> wait = rng.integers(1, 9, 400)
    >>> answer = np.digitize(-0.3 * wait + rng.logistic(size=400), [-4, -2, -1, 1]) + 1
    >>> fit = proportional_odds(answer, pd.DataFrame({"wait": wait}))
    >>> bool(fit.table["low"].iloc[0] < np.exp(-0.3) < fit.table["high"].iloc[0])
    True
    """
    check_level(level)
    rows = _answers(score, drivers)
    null = _maximum(rows, np.empty((rows.n, 0)))
    centre = rows.x.mean(axis=0)
    spread = rows.x.std(axis=0)
    _check_columns(rows.x, centre, spread)
    standard = (rows.x - centre) / spread
    best = _maximum(rows, standard)
    # Back to the units given: b = c / s, and threshold = threshold' + centre b.
    p = len(spread)
    back = np.eye(p + len(rows.levels) - 1)
    back[:p, :p] = np.diag(1 / spread)
    back[p:, :p] = centre / spread
    information, scores = _derivatives(best.theta, rows, standard)
    bread = np.linalg.inv(information)
    covariance = bread
    groups = rows.n
    if clusters is not None:
        check_same_length(score=rows.code, clusters=clusters)
        summed = cluster_sums(scores.T, cluster_codes(clusters))
        groups = summed.shape[1]
        if groups < 2:
            raise DataError("there is one customer only", wanted="several, to tell how much they differ")
        # Liang and Zeger (1986), with Stata's factor for few clusters.
        factor = groups / (groups - 1) * (rows.n - 1) / (rows.n - len(bread))
        covariance = factor * bread @ (summed @ summed.T) @ bread
    theta = back @ best.theta
    return OrdinalFit(
        names=tuple(map(str, drivers.columns)),
        coefficient=theta[:p],
        thresholds=theta[p:],
        covariance=np.asarray(back @ covariance @ back.T),
        levels=tuple(rows.levels.tolist()),
        loglik_null=null.loglik,
        loglik=best.loglik,
        n=rows.n,
        n_clusters=groups,
        clustered=clusters is not None,
        level=level,
    )


@dataclass(frozen=True, kw_only=True)
class _Answers:
    """Places of the answers among the levels (n,), the levels, and the drivers (n, p)."""

    code: Ints
    levels: Floats
    x: Floats

    @property
    def n(self) -> int:
        return len(self.code)


def _answers(score: ArrayLike, drivers: pd.DataFrame) -> _Answers:
    y = as_numbers("score", score)
    check_same_length(score=y, drivers=drivers)
    if not drivers.shape[1]:
        raise ArgumentError("drivers has no column", wanted="one or more")
    columns = [as_numbers(str(name), drivers[name], booleans=True) for name in drivers.columns]
    levels, code = np.unique(y, return_inverse=True)
    if len(levels) < 2:
        raise DataError("all answers are alike", wanted="answers on two or more levels")
    counts = np.bincount(code)
    if counts.min() < LEAST_ANSWERS:
        rare = levels[int(counts.argmin())]
        raise DataError(
            f"the answer {rare:g} was given once", next_step="join it with its neighbour, or leave it out"
        )
    return _Answers(code=code.astype(np.int64), levels=levels, x=np.column_stack(columns).astype(np.float64))


def _check_columns(x: Floats, centre: Floats, spread: Floats) -> None:
    constant = spread <= 1e-12 * (1 + np.abs(centre))
    if constant.any() or np.linalg.cond(np.corrcoef(x, rowvar=False).reshape(x.shape[1], -1)) > 1e12:
        raise DataError(
            "a driver repeats others or is the same in all rows",
            wanted="columns none of which follows from the others",
            next_step="drop the column that repeats others",
        )


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    theta: Floats
    loglik: float


def _cuts(theta: Floats, rows: _Answers, x: Floats) -> tuple[Floats, Floats]:
    """P(Y <= answer) and P(Y <= answer below it) of each row, both of shape (n,)."""
    p = x.shape[1]
    ends = np.concatenate([[-np.inf], theta[p:], [np.inf]])
    linear = x @ theta[:p]
    return expit(ends[rows.code + 1] - linear), expit(ends[rows.code] - linear)


def _loglik(theta: Floats, rows: _Answers, x: Floats) -> float:
    if (np.diff(theta[x.shape[1] :]) <= 0).any():
        return -np.inf
    upto, below = _cuts(theta, rows, x)
    with np.errstate(divide="ignore"):
        return float(np.log(upto - below).sum())


def _derivatives(theta: Floats, rows: _Answers, x: Floats) -> tuple[Floats, Floats]:
    """Observed information (q, q) and the score of each row (n, q): coefficients first, then thresholds."""
    upto, below = _cuts(theta, rows, x)
    share = upto - below
    density = upto * (1 - upto)
    density_below = below * (1 - below)
    p, q, places = x.shape[1], len(theta), np.arange(rows.n)
    top, bottom = p + rows.code, p + rows.code - 1
    has_top, has_bottom = rows.code < q - p, rows.code > 0
    # McCullagh (1980): d log P / d linear = F_k + F_{k-1} - 1; by the threshold above f_k / P, by the one
    # below -f_{k-1} / P.
    scores = np.zeros((rows.n, q))
    scores[:, :p] = x * (upto + below - 1)[:, None]
    scores[places[has_top], top[has_top]] = (density / share)[has_top]
    scores[places[has_bottom], bottom[has_bottom]] -= (density_below / share)[has_bottom]
    # Minus the second derivatives: f' = f (1 - 2 F) for the logistic.
    curve = -(density * (1 - 2 * upto) / share - (density / share) ** 2)
    curve_below = density_below * (1 - 2 * below) / share + (density_below / share) ** 2
    mixed = -density * density_below / share**2
    information = np.zeros((q, q))
    information[:p, :p] = (x * (density + density_below)[:, None]).T @ x
    for k in range(q - p):
        above, under = rows.code == k, rows.code == k + 1
        cross = -(x[above].T @ density[above] + x[under].T @ density_below[under])
        information[:p, p + k] = information[p + k, :p] = cross
        information[p + k, p + k] = curve[above].sum() + curve_below[under].sum()
        if k:
            # An answer between two thresholds ties them.
            information[p + k, p + k - 1] = information[p + k - 1, p + k] = mixed[above].sum()
    return information, scores


def _maximum(rows: _Answers, x: Floats) -> _Fitted:
    """Climb by Newton's steps, halved until the likelihood rises; refuse drivers that separate answers."""
    below = np.cumsum(np.bincount(rows.code))[:-1] / rows.n
    theta = np.concatenate([np.zeros(x.shape[1]), logit(below)])
    value = _loglik(theta, rows, x)
    for _ in range(MOST_STEPS):
        information, scores = _derivatives(theta, rows, x)
        try:
            step = np.linalg.solve(information, scores.sum(axis=0))
        except np.linalg.LinAlgError:
            break
        for _ in range(MOST_HALVINGS):
            reached = _loglik(theta + step, rows, x)
            if reached >= value - 1e-13 * abs(value):
                break
            step = step / 2
        theta = theta + step
        value = reached
        if np.abs(step).max() < SETTLED * (1 + np.abs(theta).max()):
            return _Fitted(theta=theta, loglik=value)
    raise DataError(
        "no finite fit exists: a combination of drivers separates the answers",
        wanted="drivers that leave several answers possible",
        next_step="drop the driver that tells the answer, or one that few rows have",
    )
