"""People use scales differently: differences within persons, and between groups at equal channels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cxresearch.checks import check_level, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.cell_estimates import unit_of_difference
from cxresearch.metrics.survey.score_measures import Measure, check_clusters, check_scores, measure_of
from cxresearch.results.contrast import Contrast
from cxresearch.scales import CES2, NPS, Scale

Floats = NDArray[np.float64]


def within_person_scores(scores: ArrayLike, customers: ArrayLike, *, scale: Scale) -> pd.DataFrame:
    """Return each answer as a departure from what its giver usually answers.

    Some people never give a 10. For those who answered at least twice, the person's own mean is taken out
    and the mean of all such answers put back, so that the adjusted scores keep the scale's level.

    Parameters
    ----------
    scores : array-like, shape (n,)
        Whole numbers on the scale; missing ones are dropped.
    customers : array-like, shape (n,)
        Who answered.
    scale : Scale
        The question.

    Returns
    -------
    DataFrame
        One row an answer, in order: customer_id, score, answers (how many the person gave), own_mean,
        adjusted (NaN for those who answered once: nothing is known about how they use the scale). A
        sensitivity analysis: it takes out real differences between people as well, and adjusted scores are
        no answers, so no NPS follows.

    Examples
    --------
    >>> found = within_person_scores([8, 9, 5, 6, 7], ["a", "a", "b", "b", "c"], scale=NPS)
    >>> found["adjusted"].tolist()
    [6.5, 7.5, 6.5, 7.5, nan]
    """
    values = check_scores(scores, scale)
    check_same_length(scores=values, customers=customers)
    answered = ~np.isnan(values)
    table = pd.DataFrame({"customer_id": check_clusters(customers)[answered], "score": values[answered]})
    people = table.groupby("customer_id", sort=False)["score"]
    table["answers"], table["own_mean"] = people.transform("size"), people.transform("mean")
    # One answer is its own mean: its departure is 0 by construction and would tell nothing.
    repeat = table["answers"] > 1
    level = table.loc[repeat, "score"].mean()
    # y - mean of the person + mean of all who answered twice.
    table["adjusted"] = (table["score"] - table["own_mean"] + level).where(repeat)
    return table


def within_person_difference(
    scores: ArrayLike,
    customers: ArrayLike,
    groups: ArrayLike,
    *,
    first: object,
    second: object,
    scale: Scale = NPS,
    measure: str = "mean",
    level: float = 0.95,
) -> Contrast:
    """Return the difference between two periods, channels or touchpoints within the same persons.

    Only people who answered in both groups tell anything: how they use the scale drops out.

    Parameters
    ----------
    scores : array-like, shape (n,)
        Whole numbers on the scale; missing ones are counted and dropped.
    customers, groups : array-like, shape (n,)
        Who answered, and in which group.
    first, second : label
        The two groups; other rows are left out.
    scale, measure, level
        As in :func:`survey_score`.

    Returns
    -------
    Contrast
        First minus second with t interval clustered by customer; the note gives the raw difference.

    Raises
    ------
    DataError
        If nobody answered in both groups.

    Examples
    --------
    >>> who, when = ["a", "b", "c", "d"] * 2, ["before"] * 4 + ["after"] * 4
    >>> found = within_person_difference([5, 6, 9, 7, 6, 8, 10, 7], who, when, first="after", second="before")
    >>> found.difference
    1.0
    """
    asked = _Asked(measure=measure_of(scale, measure), first=first, second=second, level=level)
    contrast = _within(scores, groups, customers, customers, asked=asked)
    return replace(contrast, method="within persons, clustered by person; sensitivity analysis")


def adjusted_difference(  # noqa: PLR0913 - choices of one door, by keyword
    scores: ArrayLike,
    groups: ArrayLike,
    adjust_by: ArrayLike,
    *,
    first: object,
    second: object,
    clusters: ArrayLike | None = None,
    scale: Scale = CES2,
    measure: str = "mean",
    level: float = 0.95,
) -> Contrast:
    """Return the difference between two groups at equal channels: is it age, or is it the phone.

    The mean difference within channels, each weighted by what it tells (a regression with an effect for each
    channel).

    Parameters
    ----------
    scores : array-like, shape (n,)
        Whole numbers on the scale; missing ones are counted and dropped.
    groups, adjust_by : array-like, shape (n,)
        The group of each answer, and the channel it came through.
    first, second : label
        The two groups; other rows are left out.
    clusters : array-like, shape (n,), optional
        Who answered.
    scale, measure, level
        As in :func:`survey_score`.

    Returns
    -------
    Contrast
        First minus second with robust t interval; the note gives the raw difference beside it. A sensitivity
        analysis: what else differs between the groups is not adjusted for.

    Raises
    ------
    DataError
        If no channel was used by both groups.

    Examples
    --------
    >>> channel = ["phone"] * 6 + ["app"] * 6
    >>> age = ["old", "old", "old", "old", "young", "young", "old", "old", "young", "young", "young", "young"]
    >>> scores = [2, 3, 2, 3, 3, 2, 6, 7, 6, 7, 7, 6]
    >>> found = adjusted_difference(scores, age, channel, first="young", second="old")
    >>> round(found.difference, 6), found.note
    (0.0, 'without adjustment +1.33; 2 of 2 strata tell')
    """
    asked = _Asked(measure=measure_of(scale, measure), first=first, second=second, level=level)
    contrast = _within(scores, groups, adjust_by, clusters, asked=asked)
    return replace(contrast, method="adjusted by strata, robust; sensitivity analysis")


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a comparison within strata is about: the measure, its two sides, the level."""

    measure: Measure
    first: object
    second: object
    level: float


def _within(
    scores: ArrayLike,
    groups: ArrayLike,
    strata: ArrayLike,
    clusters: ArrayLike | None,
    *,
    asked: _Asked,
) -> Contrast:
    """Return the difference of two groups within strata: the slope of a regression with stratum effects."""
    check_level(asked.level)
    rows, n_missing = _rows(scores, groups, strata, clusters, asked=asked)
    strata_of = rows.groupby("stratum")
    # Within-stratum transformation (Frisch and Waugh 1933): x and y less their means in the stratum.
    x = rows["x"] - strata_of["x"].transform("mean")
    y = rows["y"] - strata_of["y"].transform("mean")
    information = float((x**2).sum())
    if not information > 0:
        raise DataError("no stratum holds both groups", wanted="people or channels with answers in both")
    # beta = sum x y / sum x^2
    slope = float((x * y).sum()) / information
    # Liang and Zeger (1986): the score of each cluster, sum of x (y - beta x) over its answers.
    cluster_scores = (x * (y - slope * x)).groupby(rows["cluster"]).sum()
    if len(cluster_scores) < 2:
        raise DataError("all answers come from one customer", wanted="two customers or more")
    # Only strata with both sides carry information: elsewhere x less its mean is 0.
    telling = rows[strata_of["x"].transform("nunique") == 2]
    free = _free_rows(rows, clustered=clusters is not None)
    se = _clustered_se(cluster_scores, information, n=len(rows), free=free)
    df = free
    if clusters is not None:  # as many independent pieces as clusters that tell, less one
        df = telling["cluster"].nunique() - 1
    return _contrast(rows, telling, asked, slope=slope, se=se, df=df, n_missing=n_missing)


def _free_rows(rows: pd.DataFrame, *, clustered: bool) -> int:
    """Rows less the slope and the effects of strata; effects nested in clusters cost none, as in fixest."""
    nested = clustered and bool((rows.groupby("cluster")["stratum"].nunique() == 1).all())
    if nested:
        effects = 0
    else:
        effects = rows["stratum"].nunique()
    return len(rows) - 1 - int(effects)


def _clustered_se(cluster_scores: pd.Series[float], information: float, *, n: int, free: int) -> float:
    """Return the clustered standard error of the slope with its small-sample factor."""
    clusters = len(cluster_scores)
    # var = m / (m - 1) (n - 1) / free sum u_c^2 / (sum x^2)^2, Stata's and fixest's factor
    factor = clusters / (clusters - 1) * (n - 1) / free
    return float(np.sqrt(factor * (cluster_scores**2).sum())) / information


def _contrast(
    rows: pd.DataFrame,
    telling: pd.DataFrame,
    asked: _Asked,
    *,
    slope: float,
    se: float,
    df: int,
    n_missing: int,
) -> Contrast:
    """Return the difference with its t interval, and the raw difference in the note."""
    reach, p_value = float("nan"), float("nan")
    statistic = _statistic(slope, se)
    if df > 0:
        reach = float(stats.t.ppf((1 + asked.level) / 2, df)) * se
        p_value = float(2 * stats.t.sf(abs(statistic), df))
    first, second = (rows.loc[rows["x"] == side, "y"].mean() for side in (1, 0))
    factor = asked.measure.factor
    raw = factor * float(first - second)
    strata = f"{telling['stratum'].nunique():,} of {rows['stratum'].nunique():,} strata tell"
    return Contrast(
        name=asked.measure.label,
        first=str(asked.first),
        second=str(asked.second),
        difference=factor * slope,
        low=factor * (slope - reach),
        high=factor * (slope + reach),
        level=asked.level,
        se=factor * se,
        statistic=statistic,
        p_value=p_value,
        n=len(telling),
        n_missing=n_missing,
        unit=unit_of_difference(asked.measure.unit),
        test=f"t on {df} degrees of freedom",
        method="",
        note=f"without adjustment {raw:+.2f}; {strata}",
    )


def _statistic(slope: float, se: float) -> float:
    """Return t = beta / se; infinite where answers leave no doubt at all."""
    if se > 0:
        return slope / se
    if slope == 0:
        return 0.0
    return float(np.copysign(np.inf, slope))


def _rows(
    scores: ArrayLike,
    groups: ArrayLike,
    strata: ArrayLike,
    clusters: ArrayLike | None,
    *,
    asked: _Asked,
) -> tuple[pd.DataFrame, int]:
    """Return answers of the two sides as y, x (1 for the first), stratum and cluster; and the missing."""
    sides = (asked.first, asked.second)
    scale, worth = asked.measure.scale, asked.measure.array
    values = check_scores(scores, scale)
    check_same_length(scores=values, groups=groups, strata=strata, clusters=clusters)
    group = check_clusters(groups)
    used = np.isin(group.astype(object), np.array(sides, dtype=object))
    for side in sides:
        if not (group == side).any():
            raise ArgumentError(f"no row is in group {side!r}", wanted="one of the labels in groups")
    answered = used & ~np.isnan(values)
    codes = (values[answered] - scale.low).astype(np.int64)
    who = np.arange(len(codes))
    if clusters is not None:
        who = check_clusters(clusters)[answered]
    rows = pd.DataFrame(
        {
            "y": worth[codes],
            "x": (group[answered] == sides[0]).astype(np.float64),
            "stratum": pd.factorize(check_clusters(strata)[answered])[0],
            "cluster": pd.factorize(who)[0],
        }
    )
    return rows, int(used.sum() - answered.sum())
