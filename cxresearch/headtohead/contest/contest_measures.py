"""What is measured besides the AUC: accuracy of calibrated risks, lift, net benefit and concordance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.headtohead.contest.contest_judgement import references
from cxresearch.headtohead.contest.contest_rows import ContestRows
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import influence_covariance
from cxresearch.stats.models.spline import category_basis, linear_basis, spline_basis
from cxresearch.stats.prediction.concordance import concordance_of
from cxresearch.stats.prediction.cross_fitted_risk import cross_fitted
from cxresearch.stats.prediction.few_leavers import Reference
from cxresearch.stats.prediction.follow_up import censoring_term, follow_up, inverse_weights
from cxresearch.stats.prediction.integrated_brier import time_shares
from cxresearch.stats.prediction.ipcw import (
    Sides,
    auc_at,
    brier_at,
    marginal_risk,
    mean_at,
    sides,
    split_weights,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Found = tuple[float, Array]  # value and influence, sorted as the rows' FollowUp

#: Steps of time over which the Brier score is averaged.
STEPS = 12
#: Name of each measure and what it is.
MEASURES = {
    "auc_all": "AUC, involuntary leavers counted as stayers",
    "brier": "Brier score of calibrated risks",
    "ibs": "Brier score of calibrated risks, averaged over the time up to the primary horizon",
    "ipa": "index of prediction accuracy (1 - Brier/Brier of the average risk)",
    "lift": "lift of the riskiest tenth",
    "net_benefit": "net benefit at the average risk",
    "calibration": "observed minus predicted risk",
    "uno_c": "Uno's C up to the primary horizon, involuntary leavers censored",
    "harrell_c": "Harrell's C up to the primary horizon, involuntary leavers censored",
}
_Measured = dict[tuple[str, int, int], "Found"]


def risks_of(rows: ContestRows, at: Sides, *, form: str) -> list[Array]:
    """Cross-fitted risk of each contestant at one horizon, sorted rows.

    Five folds by customer: nobody's risk comes from a model that saw this customer. Logistic in the score,
    or in a natural cubic spline of it; each level its own risk in forms with few levels.
    """
    fold = rows.folds
    known = at.case + at.control
    found = []
    for code, levels in zip(rows.codes, rows.levels, strict=True):
        if form == "spline":
            basis = spline_basis(levels, np.bincount(code, weights=rows.fit.weight).astype(float))
        elif form in ("top_box", "categories"):
            basis = category_basis(levels)
        else:
            basis = linear_basis(levels)
        found.append(cross_fitted(code, fold, at.case, known, basis)[code, fold])
    return found


def average_risk(rows: ContestRows, at: Sides) -> Array:
    """Risk of everybody in the other folds: the prediction without any score."""
    fold = rows.folds
    known = at.case + at.control
    nothing = np.zeros(len(fold), dtype=np.intp)
    return np.asarray(cross_fitted(nothing, fold, at.case, known, np.ones((1, 1)))[nothing, fold])


def lift_at(rows: ContestRows, code: NDArray[np.intp], at: Sides, *, depth: float = 0.1) -> Found:
    """Churn among the riskiest share of customers over churn among all; ties are drawn at random.

    ``lift = captured / depth`` with ``captured = P(S > s | case) + f P(S = s | case)``, where s and f are
    such that ``P(S > s) + f P(S = s) = depth``. The influence includes the estimation of s and f; where
    levels are many, the ratio of cases to customers at s is taken over the neighbouring 2 % of customers.
    """
    fit, size = rows.fit, int(code.max()) + 1
    everybody = np.bincount(code, weights=fit.weight, minlength=size) / fit.n
    case = np.bincount(code, weights=at.case, minlength=size) / at.case.sum()
    above = everybody[::-1].cumsum()[::-1] - everybody
    place = int(np.flatnonzero(above < depth)[0])
    share = (depth - above[place]) / everybody[place]
    captured = case[place + 1 :].sum() + share * case[place]
    taken = np.where(code > place, 1.0, np.where(code == place, share, 0.0))
    effect = at.case * (taken - captured) * (fit.n / at.case.sum())
    near = np.abs(above + everybody / 2 - (above[place] + everybody[place] / 2)) <= 0.01
    near[place] = True
    ratio = case[near].sum() / everybody[near].sum()
    own = -ratio * fit.weight * (taken - depth)
    return captured / depth, (effect + censoring_term(fit, effect, at.horizon) + own) / depth


def net_benefit_at(rows: ContestRows, at: Sides, risk: Array, threshold: float) -> Found:
    """Net benefit of acting on risks of at least the threshold (Vickers and Elkin 2006)."""
    act = (risk >= threshold).astype(float)
    return mean_at(rows.fit, at, act, -act * threshold / (1 - threshold))


def measured(rows: ContestRows, at: Sequence[Sides], wanted: Sequence[str], *, form: str) -> _Measured:
    """Compute the wanted measures: {(measure, contestant, horizon): (value, sorted influence)}."""
    found: _Measured = {}
    for h, side in enumerate(at):
        everyone = sides(rows.fit, side.horizon, controls="all")
        if {"brier", "ipa", "net_benefit", "calibration"} & set(wanted):
            found |= _of_risks(rows, everyone, h, wanted, form=form)
        for i, code in enumerate(rows.codes):
            if "auc_all" in wanted:
                found["auc_all", i, h] = auc_at(rows.fit, code, everyone)
            if "lift" in wanted:
                found["lift", i, h] = lift_at(rows, code, side)
    if "ibs" in wanted:
        found |= _integrated(rows, at[0].horizon, form=form)
    return found | _concordances(rows, at[0].horizon, wanted)


def _integrated(rows: ContestRows, horizon: float, *, form: str) -> _Measured:
    """Average of the Brier score by the trapezoid rule; it is 0 as long as nobody has left."""
    value, effect = np.zeros(len(rows.names)), np.zeros((len(rows.names), rows.fit.n))
    times = np.linspace(0, horizon, STEPS + 1)[1:]
    for time, share in zip(times, time_shares(list(times), rule="trapezoid"), strict=True):
        everyone = split_weights(rows.fit, inverse_weights(rows.fit, time), time)
        if not everyone.case.any():
            continue
        for i, risk in enumerate(risks_of(rows, everyone, form=form)):
            score, pull = brier_at(rows.fit, everyone, risk)
            value[i] += share * score
            effect[i] += share * pull
    return {("ibs", i, 0): (float(value[i]), effect[i]) for i in range(len(rows.names))}


def _of_risks(rows: ContestRows, at: Sides, h: int, wanted: Sequence[str], *, form: str) -> _Measured:
    found: _Measured = {}
    threshold = marginal_risk(rows.fit, at)
    null, null_effect = brier_at(rows.fit, at, average_risk(rows, at))
    for i, risk in enumerate(risks_of(rows, at, form=form)):
        brier, effect = brier_at(rows.fit, at, risk)
        if "brier" in wanted:
            found["brier", i, h] = brier, effect
        if "ipa" in wanted:
            found["ipa", i, h] = 1 - brier / null, (brier / null * null_effect - effect) / null
        if "net_benefit" in wanted:
            found["net_benefit", i, h] = net_benefit_at(rows, at, risk, threshold)
        if "calibration" in wanted:
            found["calibration", i, h] = mean_at(rows.fit, at, 1 - risk, -risk)
    return found


def _concordances(rows: ContestRows, horizon: float, wanted: Sequence[str]) -> _Measured:
    plans = {"uno_c": ("n/G2", True), "harrell_c": ("n", False)}
    found: _Measured = {}
    if not set(plans) & set(wanted):
        return found
    fit = rows.fit
    single = follow_up(fit.duration, (fit.event == 1).astype(int), weights=fit.weight)
    codes = [code[single.order] for code in rows.codes]
    for measure in set(plans) & set(wanted):
        weight, estimated = plans[measure]
        result = concordance_of(single, codes, time_weight=weight, horizon=horizon, estimated=estimated)
        for i in range(len(codes)):
            found[measure, i, 0] = float(result.value[i]), result.influence[i]
    return found


def measure_tables(
    rows: ContestRows, at: Sequence[Sides], found: _Measured, *, level: float, margin: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write measures, and their paired differences, with intervals judged as those of the AUC are."""
    import pandas as pd

    lines: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    judges = references(rows, list(at))
    for measure in (name for name in MEASURES if (name, 0, 0) in found):
        for h in (h for h in range(len(at)) if (measure, 0, h) in found):
            ours = [found[measure, i, h] for i in range(len(rows.names))]
            where = {"measure": measure, "horizon_days": at[h].horizon}
            spread = influence_covariance(
                np.stack([effect for _, effect in ours]), clusters=rows.clusters[rows.fit.order]
            )
            values = np.array([value for value, _ in ours])
            lines += [where | line for line in _values(rows, values, spread, judges[h].critical(level))]
            pairs += [where | line for line in _differences(rows, values, spread, judges[h], (level, margin))]
    table = pd.DataFrame(lines, columns=_VALUE_COLUMNS)
    gaps = pd.DataFrame(pairs, columns=_DIFFERENCE_COLUMNS)
    gaps.loc[gaps["measure"] != "auc_all", "p_equivalence"] = np.nan  # the margin is one of AUC
    return table, gaps


_VALUE_COLUMNS = ["measure", "score", "label", "horizon_days", "value", "low", "high", "se"]
_DIFFERENCE_COLUMNS = [
    *("measure", "first", "second", "horizon_days", "difference", "low", "high", "se"),
    *("p_value", "p_equivalence"),
]


def _values(rows: ContestRows, values: Array, spread: Array, critical: float) -> Iterator[dict[str, Any]]:
    for i, (name, label) in enumerate(zip(rows.names, rows.labels, strict=True)):
        se = float(np.sqrt(spread[i, i]))
        yield {"score": name, "label": label} | _interval("value", float(values[i]), se, critical)


def _differences(
    rows: ContestRows, values: Array, spread: Array, judge: Reference, rule: tuple[float, float]
) -> Iterator[dict[str, Any]]:
    level, margin = rule
    for i, j in combinations(range(len(rows.names)), 2):
        gap = float(values[i] - values[j])
        se = float(np.sqrt(max(spread[i, i] + spread[j, j] - 2 * spread[i, j], 0.0)))
        se = se if se > 1e-12 else 0.0
        same = np.array_equal(rows.codes[i], rows.codes[j])
        yield {
            "first": rows.names[i],
            "second": rows.names[j],
            **_interval("difference", gap, se, judge.critical(level) if se or same else np.nan),
            "p_value": 1.0 if same else judge.p_value(gap, se),
            "p_equivalence": 0.0 if same else judge.p_equivalence(gap, se, margin),
        }


def _interval(name: str, value: float, se: float, z: float) -> dict[str, float]:
    return {name: value, "low": value - z * se, "high": value + z * se, "se": se}


def calibration_table(rows: ContestRows, at: Sides | None, *, form: str, level: float) -> pd.DataFrame:
    """Churn by answer: predicted (cross-fitted) and observed (weighted for censoring), with intervals.

    Scores with more than 11 levels are shown by tenths. Without a horizon the table is empty.
    """
    import pandas as pd

    if at is None:
        return pd.DataFrame()

    z, clusters = normal_quantile(level), rows.clusters[rows.fit.order]
    everyone = sides(rows.fit, at.horizon, controls="all")
    lines: list[dict[str, Any]] = []
    for i, risk in enumerate(risks_of(rows, everyone, form=form)):
        group, labels = _groups(rows.codes[i], rows.levels[i])
        for value in range(int(group.max()) + 1):
            here = (group == value).astype(float)
            if not here.any():
                continue
            share, share_effect = float(np.average(here, weights=rows.fit.weight)), rows.fit.weight * here
            hit, effect = mean_at(rows.fit, everyone, here, np.zeros(rows.fit.n))
            observed = hit / share
            effect = (effect - observed * (share_effect - share)) / share
            se = float(np.sqrt(influence_covariance(effect[None, :], clusters=clusters)[0, 0]))
            lines.append(
                {
                    "score": rows.names[i],
                    "label": rows.labels[i],
                    "horizon_days": at.horizon,
                    "answer": labels[value],
                    "n": int(here.sum()),
                    "share": share,
                    "predicted": float(np.average(risk, weights=rows.fit.weight * here)),
                    **_interval("observed", observed, se, z),
                }
            )
    table = pd.DataFrame(lines)
    return table.assign(low=table["low"].clip(0, 1), high=table["high"].clip(0, 1))


def _groups(code: NDArray[np.intp], levels: Array) -> tuple[NDArray[np.intp], list[str]]:
    if len(levels) <= 11:
        return code, [f"{abs(level):g}" for level in levels]
    share = np.bincount(code, minlength=len(levels)).cumsum() / len(code)
    tenth = np.minimum((share * 10 - 1e-9).astype(np.intp), 9)
    return tenth[code], [f"tenth {i + 1}" for i in range(10)]


def decision_curve(rows: ContestRows, at: Sides | None, *, form: str, points: int = 20) -> pd.DataFrame:
    """Net benefit of acting on each score, and on everybody, by threshold up to three times the average risk.

    References
    ----------
    Vickers and Elkin (2006), doi:10.1177/0272989X06295361.
    """
    import pandas as pd

    if at is None:
        return pd.DataFrame()
    everyone = sides(rows.fit, at.horizon, controls="all")
    average = marginal_risk(rows.fit, everyone)
    thresholds = np.linspace(average / points, min(3 * average, 0.9), points)
    odds = thresholds / (1 - thresholds)
    curves = {"everybody": average - (1 - average) * odds}
    for label, risk in zip(rows.labels, risks_of(rows, everyone, form=form), strict=True):
        order = np.argsort(risk)
        first = np.searchsorted(risk[order], thresholds, side="left")
        hits, misses = (
            np.append(weight[order][::-1].cumsum()[::-1], 0.0)[first] / rows.fit.n
            for weight in (everyone.case, everyone.control)
        )
        curves[label] = hits - misses * odds
    return pd.DataFrame(
        [
            {"label": label, "horizon_days": at.horizon, "threshold": float(t), "net_benefit": float(benefit)}
            for label, curve in curves.items()
            for t, benefit in zip(thresholds, curve, strict=True)
        ]
    )
