"""From metrics to tables: values and paired differences with intervals and tests, and what to conclude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.headtohead.contest.contest_metrics import AUC, definition_of, measured
from cxresearch.headtohead.contest.verdicts import Pair, finding, needed_rows, verdict
from cxresearch.headtohead.contest.weighed_rows import HorizonRows
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import simultaneous_critical
from cxresearch.stats.prediction.ipcw import PredictionMetric, Sides

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Ints
    from cxresearch.headtohead.contest.contest_rows import ContestRows
    from cxresearch.stats.prediction.few_leavers import Reference

SUSPICIOUS = 0.95


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is settled before anybody looks: the pairs, the primary one first, level and margin."""

    pairs: tuple[tuple[str, str], ...]
    level: float
    margin: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The tables of a contest; columns as in :class:`cxresearch.headtohead.contest.comparison.Comparison`.

    Attributes
    ----------
    table, contrasts : DataFrame
        The AUC of each score, and its paired differences with verdicts.
    metrics, metric_contrasts : DataFrame
        What else was measured, and its paired differences.
    n_cases : int
        Leavers within the primary horizon.
    """

    table: pd.DataFrame
    contrasts: pd.DataFrame
    metrics: pd.DataFrame
    metric_contrasts: pd.DataFrame
    n_cases: int


def judge(contest: Sequence[HorizonRows], names: Sequence[str], rule: Rule) -> Judgement:
    """Measure and judge the AUC and every further metric.

    Intervals and tests are Student's t, by the fewest of leavers, stayers and clusters, or by as many
    clusters as unequal ones are worth; see :class:`cxresearch.stats.prediction.few_leavers.Reference`.

    Parameters
    ----------
    contest : sequence of HorizonRows
        The primary horizon first.
    names : sequence of str
        Further metrics, in the order of the tables.
    rule : Rule
    """
    auc, *further = [_judged(contest, name, rule) for name in (AUC, *names)]
    return Judgement(
        table=_auc_table(contest, auc, level=rule.level),
        contrasts=_with_verdicts(auc, rule, n=contest[0].rows.fit.n, outcome=contest[0].rows.outcome.noun),
        metrics=_stacked([part.values for part in further], _METRIC_COLUMNS),
        metric_contrasts=_stacked([part.contrasts for part in further], _METRIC_CONTRAST_COLUMNS),
        n_cases=int(auc.cases[0]),
    )


_METRIC_COLUMNS = ["metric", "score", "label", "horizon_days", "value", "low", "high", "se"]
_METRIC_CONTRAST_COLUMNS = [
    *("metric", "first", "second", "horizon_days", "difference", "low", "high", "se"),
    *("p_value", "p_equivalence"),
]


def _stacked(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Put the tables of several metrics one below the other, within each by horizon as it was asked."""
    ordered = []
    for part in parts:
        horizons = list(dict.fromkeys(part["horizon_days"]))
        place = part["horizon_days"].map(horizons.index)
        ordered.append(part.loc[place.sort_values(kind="stable").index, columns])
    if not ordered:
        return pd.DataFrame(columns=columns)
    return pd.concat(ordered, ignore_index=True)


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """One metric by score and by pair, with the rows counted on either side at each horizon.

    Attributes
    ----------
    values : DataFrame
        ``metric, score, label, horizon_days, value, low, high, low_joint, high_joint, se``.
    contrasts : DataFrame
        ``metric, first, second, first_label, second_label, horizon_days, difference, low, high, low_joint,
        high_joint, se, statistic, p_value, p_equivalence, half_equivalence``: pairs outermost, the primary
        contrast first. The last two are NaN for metrics that are no AUC, whose margin it is.
    references : list of Reference
        What the error of each value is judged by.
    cases, controls : array of int, shape (h,)
    """

    values: pd.DataFrame
    contrasts: pd.DataFrame
    references: list[Reference]
    cases: Ints
    controls: Ints


def _judged(contest: Sequence[HorizonRows], name: str, rule: Rule) -> _Judged:
    metric = measured(contest, name)
    is_auc = definition_of(name).is_auc
    contrasts = _contrasts(contest[0].rows, metric, rule)
    covariance = metric.covariance(clusters=contest[0].rows.clusters)
    # Contrast k is c_k'v with +1 at its first and -1 at its second value: Cov(Cv) = C Cov(v) C'.
    pick = np.zeros((len(contrasts), metric.value.size))
    pick[np.arange(len(contrasts)), contrasts["value_first"]] = 1
    pick[np.arange(len(contrasts)), contrasts["value_second"]] = -1
    spread = pick @ covariance @ pick.T
    joint_values = joint_contrasts = float("nan")
    if name == AUC:
        single = normal_quantile(rule.level)
        # Max-t (Hothorn, Bretz and Westfall 2008): all intervals of a table hold together.
        joint_values = simultaneous_critical(covariance, level=rule.level) / single
        joint_contrasts = simultaneous_critical(spread, level=rule.level) / single
    # One line a value, scores outermost, and one a contrast.
    influence = metric.influence.reshape(metric.value.size, -1)
    at = [contest[place % len(metric.horizons)] for place in range(metric.value.size)]
    references = [side.reference_of(effect) for side, effect in zip(at, influence, strict=True)]
    of_contrasts = [
        at[i].reference_of(influence[i] - influence[j])
        for i, j in zip(contrasts["value_first"], contrasts["value_second"], strict=True)
    ]
    return _Judged(
        values=_values(contest, metric, covariance, references, rule, joint=joint_values, is_auc=is_auc),
        contrasts=_tested(
            metric, contrasts, spread, of_contrasts, rule, joint=joint_contrasts, is_auc=is_auc
        ),
        references=references,
        cases=metric.cases,
        controls=metric.controls,
    )


def _contrasts(rows: ContestRows, metric: PredictionMetric, rule: Rule) -> pd.DataFrame:
    """Lay out the contrasts, pairs outermost, with the places of their two values."""
    size = len(metric.horizons)
    parts = []
    for first, second in rule.pairs:
        i, j = rows.names.index(first), rows.names.index(second)
        part = {
            "metric": metric.name,
            "first": first,
            "second": second,
            "first_label": rows.labels[i],
            "second_label": rows.labels[j],
            "horizon_days": metric.horizons,
            "horizon": np.arange(size),
            "value_first": i * size + np.arange(size),
            "value_second": j * size + np.arange(size),
            "identical": np.array_equal(rows.codes[i], rows.codes[j]),
        }
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def _values(
    contest: Sequence[HorizonRows],
    metric: PredictionMetric,
    covariance: Floats,
    references: Sequence[Reference],
    rule: Rule,
    *,
    joint: float,
    is_auc: bool,
) -> pd.DataFrame:
    """Values with intervals; ``joint`` widens those that hold together."""
    rows, horizons = contest[0].rows, len(metric.horizons)
    score, horizon = np.divmod(np.arange(metric.value.size), horizons)
    value = metric.value.ravel()
    se = np.sqrt(np.diag(covariance))
    # Student's t with (fewest - 1) degrees of freedom, stretched by fewest / (fewest - 1); see Reference.
    half = np.array([reference.critical(rule.level) for reference in references]) * se
    lowest, highest = -np.inf, np.inf
    if is_auc:
        half[~(half > 0)] = np.nan  # all pairs are told apart: no error is no evidence of certainty
        lowest, highest = 0.0, 1.0
    return pd.DataFrame(
        {
            "metric": metric.name,
            "score": [rows.names[i] for i in score],
            "label": [rows.labels[i] for i in score],
            "horizon_days": metric.horizons[horizon],
            "value": value,
            "low": np.maximum(value - half, lowest),
            "high": np.minimum(value + half, highest),
            "low_joint": np.maximum(value - joint * half, lowest),
            "high_joint": np.minimum(value + joint * half, highest),
            "se": se,
        }
    )


def _tested(
    metric: PredictionMetric,
    contrasts: pd.DataFrame,
    spread: Floats,
    references: Sequence[Reference],
    rule: Rule,
    *,
    joint: float,
    is_auc: bool,
) -> pd.DataFrame:
    """Add differences with intervals and tests to the contrasts laid out."""
    value = metric.value.ravel()
    difference = value[contrasts["value_first"]] - value[contrasts["value_second"]]
    se = np.sqrt(np.diag(spread).clip(0))
    se[se < 1e-12] = 0.0
    identical = contrasts["identical"].to_numpy()
    half = np.array([reference.critical(rule.level) for reference in references]) * se
    half[(se == 0) & ~identical] = np.nan  # an error of zero decides nothing unless the rankings are equal
    p_value = np.array([r.p_value(d, s) for r, d, s in zip(references, difference, se, strict=True)])
    p_value[identical] = 1.0
    table = contrasts.drop(columns=["horizon", "value_first", "value_second", "identical"]).assign(
        difference=difference,
        low=difference - half,
        high=difference + half,
        low_joint=difference - joint * half,
        high_joint=difference + joint * half,
        se=se,
        statistic=np.divide(difference, se, out=np.where(identical, 0.0, np.nan), where=se > 0),
        p_value=p_value,
        p_equivalence=np.nan,
        half_equivalence=np.nan,
    )
    if not is_auc:
        return table
    # Schuirmann (1987): two one-sided tests at 1 - level are an interval of level 2 level - 1.
    p_equivalence = np.array(
        [r.p_equivalence(d, s, rule.margin) for r, d, s in zip(references, difference, se, strict=True)]
    )
    p_equivalence[identical] = 0.0
    # The interval of the two tests, of level 2 level - 1.
    critical = np.array([reference.critical(2 * rule.level - 1) for reference in references])
    return table.assign(p_equivalence=p_equivalence, half_equivalence=critical * se)


def _auc_table(contest: Sequence[HorizonRows], judged: _Judged, *, level: float) -> pd.DataFrame:
    """AUC of each score at each horizon, with how many rows it rests on and how it reads."""
    rows = contest[0].rows
    table = judged.values.drop(columns="metric").rename(columns={"value": "auc"})
    horizons = len(contest)
    at = [contest[line % horizons] for line in range(len(table))]
    score = [line // horizons for line in range(len(table))]
    values = list(zip(judged.references, table["auc"], table["se"], strict=True))
    return table.assign(
        p_chance=[reference.p_value(value - 0.5, se) for reference, value, se in values],
        n=rows.fit.n,
        customers=rows.n_customers,
        cases=np.tile(judged.cases, len(rows.names)),
        controls=np.tile(judged.controls, len(rows.names)),
        levels=[len(rows.levels[i]) for i in score],
        tie_share=[_tie_share(rows, i, side.followed) for i, side in zip(score, at, strict=True)],
        reading=[_reading(value, reference.critical(level) * se) for reference, value, se in values],
    )


def _tie_share(rows: ContestRows, score: int, sides: Sides) -> float:
    """Share of leaver-stayer pairs that a score cannot tell apart: ``sum_s P(s | case) P(s | control)``."""
    code, size = rows.codes[score], len(rows.levels[score])
    # A leaver and a stayer tie where both have level s: sum over s of P(s | leaver) P(s | stayer).
    case = np.bincount(code, weights=sides.case, minlength=size)
    control = np.bincount(code, weights=sides.control, minlength=size)
    return float(case @ control / (case.sum() * control.sum()))


def _reading(auc: float, half: float) -> str:
    """Put an AUC and half the width of its interval into words."""
    if auc >= SUSPICIOUS:
        return "suspiciously good"
    if auc + half < 0.5:
        return "runs backwards"
    if auc - half > 0.5:
        return "predicts"
    return "no better than chance"


def _with_verdicts(judged: _Judged, rule: Rule, *, n: int, outcome: str) -> pd.DataFrame:
    """Add verdicts to the contrasts of AUC: the primary one by its own p-values, the others by Holm's."""
    values = judged.values.set_index(["score", "horizon_days"])["value"]
    table = judged.contrasts.drop(columns="metric")
    table = table.assign(
        primary=np.arange(len(table)) == 0,
        p_adjusted=_holm_of_others(table["p_value"]),
        p_equivalence_adjusted=_holm_of_others(table["p_equivalence"]),
    )
    pairs = [
        Pair(
            first=row["first_label"],
            second=row["second_label"],
            first_auc=float(values[row["first"], row["horizon_days"]]),
            second_auc=float(values[row["second"], row["horizon_days"]]),
            difference=row["difference"],
            low=row["low"],
            high=row["high"],
            se=row["se"],
            p_value=row["p_adjusted"],
            p_equivalence=row["p_equivalence_adjusted"],
            n=n,
            half_equivalence=row["half_equivalence"],
            family=1 if row["primary"] else len(table) - 1,
            margin=rule.margin,
            level=rule.level,
            outcome=outcome,
        )
        for row in table.to_dict("records")
    ]
    return table.drop(columns="half_equivalence").assign(
        verdict=[verdict(pair) for pair in pairs],
        rows_to_decide=[needed_rows(pair) for pair in pairs],
        finding=[finding(pair) for pair in pairs],
    )


def _holm_of_others(p_values: pd.Series) -> Floats:
    """Adjust all p-values but the first, the primary one; NaN are no part of the family.

    Own code, four lines: statsmodels collects garbage at each ``multipletests``, a tenth of a contest.
    """
    adjusted = p_values.to_numpy(dtype=np.float64, copy=True)
    others = np.flatnonzero(~np.isnan(adjusted[1:])) + 1
    rising = others[np.argsort(adjusted[others], kind="stable")]
    # Holm (1979): the k-th smallest of m p-values times m - k + 1, made monotone and at most 1.
    steps = adjusted[rising] * np.arange(len(rising), 0, -1)
    adjusted[rising] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
