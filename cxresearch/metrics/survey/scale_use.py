"""People use scales differently: differences within persons, and between groups at equal channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cxresearch.checks import check_level, check_same_length
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.survey.score_measures import Measure, check_clusters, check_scores, measure_of
from cxresearch.results.contrast import Contrast
from cxresearch.results.units import Unit
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
    repeat = table["answers"] > 1
    level = table.loc[repeat, "score"].mean()
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
    found = _within(
        scores,
        groups,
        customers,
        customers,
        first=first,
        second=second,
        scale=scale,
        measure=measure,
        level=level,
    )
    return replace(found, method="within persons, clustered by person; sensitivity analysis")


def adjusted_difference(
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
    found = _within(
        scores,
        groups,
        adjust_by,
        clusters,
        first=first,
        second=second,
        scale=scale,
        measure=measure,
        level=level,
    )
    return replace(found, method="adjusted by strata, robust; sensitivity analysis")


def _within(
    scores: ArrayLike,
    groups: ArrayLike,
    strata: ArrayLike,
    clusters: ArrayLike | None,
    *,
    first: object,
    second: object,
    scale: Scale,
    measure: str,
    level: float,
) -> Contrast:
    check_level(level)
    chosen = measure_of(scale, measure)
    rows, n_missing = _rows(scores, groups, strata, clusters, chosen=chosen, sides=(first, second))
    y, x = (rows[name] - rows.groupby("stratum")[name].transform("mean") for name in ("y", "x"))
    information = float((x**2).sum())
    telling = rows[rows.groupby("stratum")["x"].transform("nunique") == 2]
    if not information > 0:
        raise DataError("no stratum holds both groups", wanted="people or channels with answers in both")
    b = float((x * y).sum()) / information
    pieces = (x * (y - b * x)).groupby(rows["cluster"]).sum()
    if len(pieces) < 2:
        raise DataError("all answers come from one customer", wanted="two customers or more")
    m, n, k = len(pieces), len(rows), rows["stratum"].nunique()
    nested = bool((rows.groupby("cluster")["stratum"].nunique() == 1).all()) and clusters is not None
    free = n - 1 - (0 if nested else k)
    se = float(np.sqrt(m / (m - 1) * (n - 1) / free * (pieces**2).sum())) / information
    df = (telling["cluster"].nunique() if clusters is not None else free + 1) - 1
    t = float(stats.t.ppf((1 + level) / 2, df)) if df > 0 else float("nan")
    raw = float(rows.loc[rows["x"] == 1, "y"].mean() - rows.loc[rows["x"] == 0, "y"].mean())
    statistic = b / se if se > 0 else (0.0 if b == 0 else np.copysign(np.inf, b))
    factor = chosen.factor
    return Contrast(
        name=chosen.label,
        first=str(first),
        second=str(second),
        difference=factor * b,
        low=factor * (b - t * se),
        high=factor * (b + t * se),
        level=level,
        se=factor * se,
        statistic=float(statistic),
        p_value=float(2 * stats.t.sf(abs(statistic), df)) if df > 0 else float("nan"),
        n=len(telling),
        n_missing=n_missing,
        unit=Unit.SHARE_DIFFERENCE if chosen.unit is Unit.SHARE else chosen.unit,
        test=f"t on {df} degrees of freedom",
        method="",
        note=f"without adjustment {factor * raw:+.2f}; {telling['stratum'].nunique():,} of {k:,} strata tell",
    )


def _rows(
    scores: ArrayLike,
    groups: ArrayLike,
    strata: ArrayLike,
    clusters: ArrayLike | None,
    *,
    chosen: Measure,
    sides: tuple[object, object],
) -> tuple[pd.DataFrame, int]:
    values = check_scores(scores, chosen.scale)
    check_same_length(scores=values, groups=groups, strata=strata, clusters=clusters)
    group = check_clusters(groups)
    used = np.isin(group.astype(object), np.array(sides, dtype=object))
    for side in sides:
        if not (group == side).any():
            raise ArgumentError(f"no row is in group {side!r}", wanted="one of the labels in groups")
    answered = used & ~np.isnan(values)
    codes = (values[answered] - chosen.scale.low).astype(np.int64)
    who = np.arange(int(answered.sum())) if clusters is None else check_clusters(clusters)[answered]
    rows = pd.DataFrame(
        {
            "y": chosen.array[codes],
            "x": (group[answered] == sides[0]).astype(np.float64),
            "stratum": pd.factorize(check_clusters(strata)[answered])[0],
            "cluster": pd.factorize(who)[0],
        }
    )
    return rows, int(used.sum() - answered.sum())
