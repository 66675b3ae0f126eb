"""Staying on, given that one has stayed so long: chances, and where a curve falls steeply."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.survival.limits import probability_limits
from cxresearch.stats.survival.survival_curve import KaplanMeier, step_values
from cxresearch.units_of_time import DAYS_A_YEAR

if TYPE_CHECKING:
    from cxresearch.aliases import Floats

#: The stretch over which a fall is judged: about a month.
_STRETCH = {Unit.DAYS: 30.0, Unit.MONTHS: 1.0}
_YEAR = {Unit.DAYS: DAYS_A_YEAR, Unit.MONTHS: 12.0}
#: A fall is steep if even its lower limit is so many times the usual one.
_STEEP = 3.0
_MOST_FALLS = 3


def conditional_survival(curve: KaplanMeier, stayed: Floats, further: float) -> pd.DataFrame:
    """Chance to stay ``further`` longer for those who have stayed so long; see `ChurnCurve.conditional`.

    Parameters
    ----------
    curve : KaplanMeier
        Time to leaving.
    stayed : ndarray, shape (m,)
        Times already stayed, in the unit of the curve, 0 or more.
    further : float
        How much longer, in the same unit, above 0.

    Returns
    -------
    DataFrame
        One row a time: columns ``stayed, further, at_risk`` (just after ``stayed``), ``survival, se, low,
        high, note``. Survival and all after it are NaN beyond the follow-up and where nobody is left, and
        ``note`` says so; with weights or clusters ``se, low, high`` are NaN. Nothing is checked here.

    Examples
    --------
    >>> from cxresearch.stats.survival.kaplan_meier import kaplan_meier
    >>> curve = kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0])
    >>> conditional_survival(curve, np.array([1.0]), 1.0)[["at_risk", "survival"]].round(3).iloc[0].tolist()
    [3.0, 0.667]
    """
    start = step_values(curve.time, curve.survival, stayed, 1.0)
    end = step_values(curve.time, curve.survival, stayed + further, 1.0)
    # Greenwood's terms d / (n (n - d)) of the steps between: var log(S(s + t) / S(s)).
    terms = np.where(
        curve.events < curve.at_risk,
        curve.events / (curve.at_risk * np.maximum(curve.at_risk - curve.events, 1e-300)),
        np.inf,
    )
    variance = step_values(curve.time, np.cumsum(terms), stayed + further, 0.0)
    with np.errstate(invalid="ignore"):
        variance = variance - step_values(curve.time, np.cumsum(terms), stayed, 0.0)
    beyond = (stayed + further > curve.follow_up) & (curve.survival[-1] > 0)
    gone = start <= 0
    value = np.where(beyond | gone, np.nan, end / np.where(gone, 1.0, start))
    robust = curve.variance != "Greenwood"
    se = np.where((value > 0) & ~robust, value * np.sqrt(np.maximum(variance, 0)), np.nan)
    low, high = probability_limits(value, se, level=curve.level)
    note = np.where(gone, "nobody is left by then", np.where(beyond, "beyond the follow-up", ""))
    return pd.DataFrame(
        {
            "stayed": stayed,
            "further": further,
            "at_risk": curve.at_risk_at(np.nextafter(stayed, np.inf)),
            "survival": value,
            "se": se,
            "low": low,
            "high": high,
            "note": np.where((note == "") & robust, "se by churn_curve(..., given=)", note),
        }
    )


def steep_falls(curve: KaplanMeier) -> pd.DataFrame:
    """Find the months in which far more leave than in a usual month, as at the end of yearly contracts.

    The curve is cut into months (30 days where the unit is days) as far as enough people are followed. One
    is listed if even the lower limit of the share leaving in it is above 1 % and three times the usual share:
    the median over all months, or the mean of the middle half of them where that is more.

    Parameters
    ----------
    curve : KaplanMeier
        Time to leaving, in days or months.

    Returns
    -------
    DataFrame
        Columns ``start, left, low, high, usual``, steepest first, three at most; empty where time has another
        unit, for fewer than four months, and with weights or clusters (there are no limits then).

    Notes
    -----
    Months are judged by limits corrected for the number of months looked at (Bonferroni); ``low`` and
    ``high`` are those of the one month at the level of the curve. Where few leave the median month may have
    nobody leaving, hence the mean of the middle half. How often a steady curve is said to fall is in
    docs/validation.md.

    Examples
    --------
    >>> from cxresearch.stats.survival.kaplan_meier import kaplan_meier
    >>> when = [1.5] * 9 + [2.5] * 9 + [3.5] * 9 + [4.5] * 200 + [9] * 673
    >>> falls = steep_falls(kaplan_meier(when, [1] * 227 + [0] * 673, unit=Unit.MONTHS))
    >>> falls["start"].tolist(), falls["left"].round(3).tolist()
    ([4.0], [0.229])
    """
    columns = ["start", "left", "low", "high", "usual"]
    stretch = _STRETCH.get(curve.unit, float("inf"))
    months = int(curve.readable_until / stretch)
    if months < 4:
        return pd.DataFrame(columns=columns, dtype=float)
    starts = stretch * np.arange(months, dtype=np.float64)
    table = conditional_survival(curve, starts, stretch)
    falls = pd.DataFrame(
        {
            "start": table["stayed"],
            "left": 1 - table["survival"],
            "low": 1 - table["high"],
            "high": 1 - table["low"],
        }
    )
    falls["usual"] = float(falls["left"].median())
    # Mean of the middle half, for where the median month loses nobody.
    middle_mean = float(np.sort(falls["left"])[months // 4 : months - months // 4].mean())
    # Bonferroni over the months looked at.
    strict = conditional_survival(replace(curve, level=1 - (1 - curve.level) / months), starts, stretch)
    bar = np.maximum(_STEEP * np.maximum(falls["usual"], middle_mean), 0.01)
    steep = falls[1 - strict["high"] > bar]
    return steep.sort_values("left", ascending=False, kind="stable").head(_MOST_FALLS).reset_index(drop=True)


def falls_words(curve: KaplanMeier, falls: pd.DataFrame) -> str:
    """Say in a sentence when the curve falls steeply; empty where it does not."""
    if not len(falls):
        return ""
    starts = [f"{start:g}" for start in sorted(falls["start"])]
    when = " and ".join(part for part in (", ".join(starts[:-1]), starts[-1]) if part)
    years = falls["start"] / _YEAR[curve.unit]
    near_whole = (years - years.round()).abs() < 0.09
    why = ""
    if near_whole.all() and (years.round() >= 1).all():
        why = ", as if yearly contracts ended then"
    return f"Many leave at once after {when} {curve.unit}{why}."


def falls_figures(curve: KaplanMeier, falls: pd.DataFrame) -> str:
    """Say how many leave where the curve falls steeply, with intervals; empty where it does not."""
    if not len(falls):
        return ""
    stretch = "30 days"
    if curve.unit is Unit.MONTHS:
        stretch = "month"
    figures = [
        format_estimate(row["left"], row["low"], row["high"], Unit.SHARE)
        + f"{' leave' * (not place)} in the {stretch} after {row['start']:g} {curve.unit}"
        for place, row in enumerate(falls.sort_values("start").to_dict("records"))
    ]
    usual = format_value(float(falls["usual"].iloc[0]), Unit.SHARE)
    told = " and ".join(part for part in (", ".join(figures[:-1]), figures[-1]) if part)
    return f"Of those still there, {told}; in the median {stretch} it is {usual}."
