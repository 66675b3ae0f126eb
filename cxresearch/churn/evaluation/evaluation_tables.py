"""Tables of an evaluation: gains, calibration, segments and drift, from arrays of held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import logit

from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.logistic import LogisticFit, logistic_fit
from cxresearch.stats.prediction.ipcw import ipcw_auc, ipcw_brier

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Shares of customers contacted at which gains are reported.
GAIN_SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
#: A group smaller than this, or with fewer on a side, shows no rates.
LEAST_ROWS, LEAST_SIDE = 30, 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Held-out rows with risks, n of them.

    Attributes
    ----------
    risk, duration, weight : ndarray of float, shape (n,)
    event : ndarray of int, shape (n,)
        1 for the cause asked about, 2 for another end, 0 censored.
    left : ndarray of bool, shape (n,)
    customer : ndarray of int, shape (n,)
    horizon : float
    """

    risk: NDArray[np.float64]
    duration: NDArray[np.float64]
    event: NDArray[np.int64]
    left: NDArray[np.bool_]
    weight: NDArray[np.float64]
    customer: NDArray[np.int64]
    horizon: float

    def take(self, chosen: NDArray[np.bool_]) -> Judged:
        """Return some of the rows."""
        return Judged(
            risk=self.risk[chosen],
            duration=self.duration[chosen],
            event=self.event[chosen],
            left=self.left[chosen],
            weight=self.weight[chosen],
            customer=self.customer[chosen],
            horizon=self.horizon,
        )


def resampled(
    customer: NDArray[np.int64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    runs: int,
    seed: int,
) -> NDArray[np.float64]:
    """Evaluate a weighted statistic with each customer counted a Poisson(1) number of times.

    Returns
    -------
    ndarray, shape (runs, ...)
    """
    # Poisson bootstrap: n independent Poisson(1) counts stand for a draw of n with replacement.
    rng = np.random.default_rng(seed)
    size = int(customer.max()) + 1
    return np.array([statistic(rng.poisson(1.0, size)[customer].astype(float)) for _ in range(runs)])


def ends(values: NDArray[np.float64], level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper percentile of resampled values along the first axis."""
    limits = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.asarray(limits[0]), np.asarray(limits[1])


def ranking(
    risk: NDArray[np.float64], left: NDArray[np.bool_], weight: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return a function of row multipliers giving average precision, then the captured shares of GAIN_SHARES.

    Rows of equal risk are contacted together; between distinct risks the captured share is a straight line.
    """
    levels, code = np.unique(-risk, return_inverse=True)
    shares = np.array(GAIN_SHARES)
    case, size = weight * left, len(levels)

    def statistic(times: NDArray[np.float64]) -> NDArray[np.float64]:
        cases_there = np.bincount(code, weights=times * case, minlength=size)
        cases = np.cumsum(cases_there)
        rows = np.cumsum(np.bincount(code, weights=times * weight, minlength=size))
        if not cases[-1] > 0:
            return np.full(1 + len(shares), np.nan)
        # AP = sum over levels of risk of (cases there) x (precision down to there) / cases.
        precision = np.divide(cases, rows, out=np.zeros(size), where=rows > 0)
        # A straight line between distinct risks: whoever ties is contacted at random.
        captured = np.interp(shares, np.r_[0, rows / rows[-1]], np.r_[0, cases / cases[-1]])
        return np.concatenate([[float(cases_there @ precision) / cases[-1]], captured])

    return statistic


def gains_table(point: NDArray[np.float64], runs: NDArray[np.float64], level: float) -> pd.DataFrame:
    """Lay out captured shares and lift with intervals; ``point`` and columns of ``runs`` are by share."""
    low, high = ends(runs, level)
    shares = np.array(GAIN_SHARES)
    return pd.DataFrame(
        {
            "share": shares,
            "captured": point,
            "captured_low": low,
            "captured_high": high,
            "lift": point / shares,
            "lift_low": low / shares,
            "lift_high": high / shares,
        }
    )


def calibration_table(rows: Judged, *, level: float, groups: int = 10) -> pd.DataFrame:
    """Compare predicted and observed risk by quantile group of the predicted; SE linearised by customer."""
    # Tenths of the predicted risk; equal risks stay together.
    edges = np.unique(np.quantile(rows.risk, np.linspace(0, 1, groups + 1)))
    group = np.clip(np.searchsorted(edges, rows.risk, side="right") - 1, 0, max(len(edges) - 2, 0))
    z = normal_quantile(level)
    lines = []
    for index in np.unique(group):
        part = rows.take((group == index) & (rows.weight > 0))
        if not len(part.risk):
            continue
        observed = float(np.average(part.left, weights=part.weight))
        # Linearised ratio: se^2 = sum over customers of (sum w (y - mean))^2 / (sum w)^2.
        error = part.weight * (part.left - observed)
        by_customer = np.bincount(np.unique(part.customer, return_inverse=True)[1], weights=error)
        se = float(np.sqrt((by_customer**2).sum()) / part.weight.sum())
        lines.append(
            {
                "predicted": float(np.average(part.risk, weights=part.weight)),
                "observed": observed,
                "low": max(0.0, observed - z * se),
                "high": min(1.0, observed + z * se),
                "n": len(part.risk),
            }
        )
    return pd.DataFrame(lines)


def calibration_line(rows: Judged, level: float) -> dict[str, tuple[float, float, float]]:
    """Fit intercept (slope held at 1) and slope of the outcome on the logit of the risk, robust by customer.

    Returns
    -------
    dict
        ``calibration_intercept`` and ``calibration_slope``: value, low, high. NaN where all risks are equal.

    References
    ----------
    Cox (1958), Biometrika 45, 562; Van Calster et al. (2019), doi:10.1186/s12916-019-1466-7.
    """
    known = rows.take(rows.weight > 0)
    score = logit(np.clip(known.risk, 1e-6, 1 - 1e-6))
    nothing = (float("nan"), float("nan"), float("nan"))
    if np.ptp(score) < 1e-9:
        return {"calibration_intercept": nothing, "calibration_slope": nothing}
    ones = np.ones((len(score), 1))
    weight, cluster = known.weight, known.customer
    # Intercept a in logit P = a + logit(risk); slope b in logit P = a + b logit(risk) (Cox 1958).
    shift = logistic_fit(ones, known.left, weights=weight, clusters=cluster, offset=score)
    line = logistic_fit(np.c_[ones, score], known.left, weights=weight, clusters=cluster)
    return {
        "calibration_intercept": _wald(shift, 0, level),
        "calibration_slope": _wald(line, 1, level),
    }


def _wald(fit: LogisticFit, at: int, level: float) -> tuple[float, float, float]:
    # b +- z se, robust by customer.
    value, reach = float(fit.coefficients[at]), float(normal_quantile(level) * fit.se[at])
    return value, value - reach, value + reach


def group_row(rows: Judged, *, level: float, threshold: float) -> dict[str, float]:
    """Figures of one group of rows; rates are NaN where the group is too small."""
    known = rows.weight > 0
    cases = int((rows.left & known).sum())
    row: dict[str, float] = {"n": int(known.sum()), "cases": cases}
    names = ["observed", "predicted", "auc", "auc_low", "auc_high", "brier"]
    names += ["flagged", "hit_rate", "false_alarm_rate"]
    if known.sum() < LEAST_ROWS or min(cases, int(known.sum()) - cases) < LEAST_SIDE:
        return row | dict.fromkeys(names, float("nan"))
    if not (rows.duration > rows.horizon).any():
        return row | dict.fromkeys(names, float("nan"))
    auc = ipcw_auc(rows.duration, rows.event, [rows.risk], [rows.horizon])
    value, se = float(auc.value[0, 0]), float(auc.standard_errors(clusters=rows.customer)[0, 0])
    brier = ipcw_brier(rows.duration, rows.event, [[rows.risk]], [rows.horizon])
    z = normal_quantile(level)
    # Hit rate P(flagged | left) and false alarms P(flagged | stayed).
    flag, left, weight = rows.risk[known] >= threshold, rows.left[known], rows.weight[known]
    return row | {
        "observed": float(np.average(left, weights=weight)),
        "predicted": float(np.average(rows.risk[known], weights=weight)),
        "auc": value,
        "auc_low": max(0.0, value - z * se),
        "auc_high": min(1.0, value + z * se),
        "brier": float(brier.value[0, 0]),
        "flagged": float(np.average(flag, weights=weight)),
        "hit_rate": float(np.average(flag[left], weights=weight[left])),
        "false_alarm_rate": float(np.average(flag[~left], weights=weight[~left])),
    }
