"""Each stage against all others in every figure, and where most are lost: one error over the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.results.hiding import SMALL_BASE, SUPPRESS_BELOW
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.voice.stages.stage_measures import StageMeasure

#: Fewest customers of a side, in customers of equal weight, whose scatter tells an error.
LEAST_CUSTOMERS = 30
#: Draws of the largest of all comparisons; its quantiles are known to two decimals.
_DRAWS = 20_000
WORST = "where most are lost"
NOISE, BETTER, WORSE, UNJUDGED, HIDDEN = "within noise", "better", "worse", "not judged", "not shown"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Contrasts of a page after the correction for all of them.

    Attributes
    ----------
    table : DataFrame
        One row a figure and stage.
    lost_p : float
        Corrected p-value of the passage where most are lost being that in truth; NaN where it is not judged.
    reach : float
        Errors a difference must exceed to be named.
    comparisons : int
        How many were judged.
    """

    table: pd.DataFrame
    lost_p: float
    reach: float
    comparisons: int


def stage_contrasts(
    measures: Sequence[StageMeasure],
    stages: Sequence[str],
    *,
    lost: pd.DataFrame,
    level: float,
    seed: int = 0,
) -> Judged:
    """Judge each stage against all others in every figure, and the largest loss against the next.

    Parameters
    ----------
    measures : sequence of StageMeasure
    stages : sequence of str
    lost : DataFrame
        Of `passages`: ``lost, se``.
    level : float
        1 - level is the chance that any comparison of the page is named where there is no difference at all.
    seed : int
        Of the draws.

    Notes
    -----
    Figures are ratios of sums over customers, errors linearised and linked within customers. The largest
    ``|t|`` is held against that of normal draws with the same correlations (single-step max-t: Hothorn, Bretz
    and Westfall 2008, doi:10.1002/bimj.200810425). Sides of fewer than 30 answers or 30 customers are shown
    and not judged.
    """
    rows, effects = _all_rows(measures, stages, level)
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    judged = table["p_value"].notna().to_numpy()
    correlation = _correlation([effect for effect, able in zip(effects, judged, strict=True) if able])
    lost_z = _largest_loss(lost)
    z = stats.norm.isf(table.loc[judged, "p_value"].to_numpy(dtype=np.float64) / 2)
    if not np.isnan(lost_z):
        # What is lost on the way shares customers with the scores, in unknown measure: taken as apart.
        correlation = _with_one_apart(correlation)
        z = np.append(z, lost_z)
    if not len(z):
        verdicts = table.assign(p_adjusted=np.nan, verdict=UNJUDGED)
        return Judged(table=verdicts, lost_p=float("nan"), reach=normal_quantile(level), comparisons=0)
    largest = _largest_draws(correlation, seed)
    # p of the family: share of draws whose largest comparison is at least as large (one added to both).
    p_values = (1 + (largest[None, :] >= z[:, None] - 1e-12).sum(axis=1)) / (1 + len(largest))
    table["p_adjusted"] = np.nan
    count = int(judged.sum())
    table.loc[judged, "p_adjusted"] = p_values[:count]
    table["verdict"] = _verdicts(table, level)
    lost_p = float("nan")
    if len(p_values) > count:
        lost_p = float(p_values[-1])
    reach = float(np.quantile(largest, level))
    return Judged(table=table, lost_p=lost_p, reach=reach, comparisons=len(z))


_COLUMNS = (
    *("measure", "label", "unit", "good", "stage", "n", "customers", "value", "low", "high"),
    *("difference", "difference_low", "difference_high", "se", "p_value", "small_base", "suppressed"),
)


def _all_rows(
    measures: Sequence[StageMeasure], stages: Sequence[str], level: float
) -> tuple[list[dict[str, Any]], list[Floats]]:
    rows: list[dict[str, Any]] = []
    effects: list[Floats] = []
    for measure in measures:
        for place, stage in enumerate(stages):
            if not measure.n[place]:
                continue
            row, effect = _contrast(measure, place, level)
            about = {"measure": measure.name, "label": measure.label, "unit": measure.unit.value}
            rows.append(about | {"good": measure.good, "stage": stage} | row)
            effects.append(effect)
    return rows, effects


def _contrast(measure: StageMeasure, place: int, level: float) -> tuple[dict[str, Any], Floats]:
    """One stage, and its difference from all others together."""
    n = int(measure.n[place])
    n_rest = int(measure.n.sum()) - n
    above, below = measure.above[:, place], measure.below[:, place]
    above_rest, below_rest = measure.above.sum(axis=1) - above, measure.below.sum(axis=1) - below
    customers = int((below > 0).sum())
    row: dict[str, Any] = dict.fromkeys(_COLUMNS[7:15], float("nan"))
    row |= {
        "n": n,
        "customers": customers,
        "small_base": n < SMALL_BASE,
        "suppressed": 0 < n < SUPPRESS_BELOW,
    }
    effect = np.zeros(len(above))
    worth = _worth(below)
    if n < SUPPRESS_BELOW or customers < 2 or worth < 1.5:
        return row, effect
    value, influence = _ratio(above, below)
    half = _quantile(level, worth) * _error(influence)
    row |= {"value": value, "low": value - half, "high": value + half}
    # The smaller side tells how well the scatter is known, answers of one customer being linked.
    fewer = min(worth, _worth(below_rest))
    if min(n, n_rest) < SMALL_BASE or fewer < LEAST_CUSTOMERS:
        return row, effect
    rest, influence_rest = _ratio(above_rest, below_rest)
    effect = influence - influence_rest
    se = _error(effect)
    if se == 0:
        return row, effect
    difference = value - rest
    reach = _quantile(level, fewer) * se
    row |= {
        "difference": difference,
        "difference_low": difference - reach,
        "difference_high": difference + reach,
        "se": se,
        # Student's t with the customers of the smaller side, less one, as degrees of freedom.
        "p_value": 2 * float(stats.t.sf(abs(difference) / se, fewer - 1)),
    }
    return row, effect


def _ratio(above: Floats, below: Floats) -> tuple[float, Floats]:
    """Ratio of two sums and what each customer adds to its error."""
    total = float(below.sum())
    value = float(above.sum()) / total
    # Woodruff (1971): the ratio less its true value is the mean of (y - R x) / mean of x.
    influence = (above - value * below) / total
    # G / (G - 1) with the customers that G unequal ones are worth: residuals add up to nought in each side.
    worth = _worth(below)
    return value, influence * np.sqrt(worth / (worth - 1))


def _worth(below: Floats) -> float:
    """How many customers of equal weight these are worth: (sum of n)^2 / sum of n^2 (Kish 1965)."""
    squares = float((below**2).sum())
    if squares == 0:
        return 0.0
    return float(below.sum()) ** 2 / squares


def _error(effect: Floats) -> float:
    """Standard error of a sum over customers of effects that add up to zero."""
    # Customers are the clusters: root of the sum of squares.
    return float(np.sqrt((effect**2).sum()))


def _quantile(level: float, customers: float) -> float:
    return float(stats.t.ppf((1 + level) / 2, customers - 1))


def _correlation(effects: list[Floats]) -> Floats:
    if not effects:
        return np.zeros((0, 0))
    stacked = np.stack(effects)
    covariance = stacked @ stacked.T
    scale = np.sqrt(np.diag(covariance))
    return np.asarray(covariance / np.outer(scale, scale))


def _with_one_apart(correlation: Floats) -> Floats:
    size = len(correlation) + 1
    wider = np.eye(size)
    wider[:-1, :-1] = correlation
    return wider


def _largest_draws(correlation: Floats, seed: int) -> Floats:
    """Largest |z| of normal draws with these correlations, shape (draws,)."""
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(correlation)
    # R = V diag(values) V': differences from the rest add up to nought, so that some values are 0.
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(np.abs(root @ rng.standard_normal((len(correlation), _DRAWS))).max(axis=0))


def _largest_loss(lost: pd.DataFrame) -> float:
    """Difference between the largest loss and the next over its error; NaN with fewer than two losses."""
    rows = lost[lost["lost"].notna() & ~lost["small_base"]].sort_values("lost", ascending=False)
    if len(rows) < 2:
        return float("nan")
    first, second = rows.iloc[0], rows.iloc[1]
    # The same customers pass both: |Cov| <= se1 se2 (Cauchy, Schwarz), so that this error is never too small.
    se = float(first["se"] + second["se"])
    if se == 0:
        return float("nan")
    return float((first["lost"] - second["lost"]) / se)


def _verdicts(table: pd.DataFrame, level: float) -> list[str]:
    verdicts = []
    for row in table.to_dict("records"):
        verdict = NOISE
        if row["suppressed"]:
            verdict = HIDDEN
        elif np.isnan(row["p_adjusted"]):
            verdict = UNJUDGED
        elif row["p_adjusted"] < 1 - level:
            verdict = BETTER
            if (row["difference"] > 0) != (row["good"] == "high"):
                verdict = WORSE
        verdicts.append(verdict)
    return verdicts


def seen_four_times_in_five(rows: pd.DataFrame, reach: float) -> float:
    """Return the difference that would have been seen in 80 % of studies as these, in the typical stage."""
    errors = rows["se"].dropna()
    if not len(errors):
        return float("nan")
    # Power: (reach + z_0.8) errors, z_0.8 = 0.8416.
    return float((reach + stats.norm.ppf(0.8)) * errors.median())
