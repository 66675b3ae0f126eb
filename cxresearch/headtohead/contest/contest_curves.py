"""Curves of a contest, weighted for censoring: ROC, lift, churn by answer and net benefit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import influence_covariance

if TYPE_CHECKING:
    from cxresearch.aliases import Floats, Places
    from cxresearch.headtohead.contest.weighed_rows import HorizonRows

#: A curve has at most so many points.
MOST_POINTS = 400
#: Scores with more levels than this are shown by tenths.
MOST_LEVELS = 11


def roc_points(contest: Sequence[HorizonRows]) -> pd.DataFrame:
    """Return the ROC curve of each score at each horizon, from (0, 0) to (1, 1).

    A customer is called at risk if the risk is at least ``threshold``. A score with more than 400 levels is
    thinned to 400 thresholds.
    """
    parts = []
    for score, levels in enumerate(contest[0].rows.levels):
        points = _thinned(len(levels) + 1)
        for at in contest:
            part = _labelled(at, score, len(points)).assign(
                threshold=np.r_[np.inf, levels[::-1]][points],
                false_positive_rate=_from_the_top(at, score, at.followed.control)[points],
                true_positive_rate=_from_the_top(at, score, at.followed.case)[points],
            )
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def lift_points(contest: Sequence[HorizonRows]) -> pd.DataFrame:
    """Return the share of leavers found among the riskiest share of customers, for each score and horizon."""
    parts = []
    for score, levels in enumerate(contest[0].rows.levels):
        points = _thinned(len(levels) + 1)
        for at in contest:
            part = _labelled(at, score, len(points)).assign(
                depth=_from_the_top(at, score, at.rows.fit.weight)[points],
                captured=_from_the_top(at, score, at.followed.case)[points],
            )
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _labelled(at: HorizonRows, score: int, size: int) -> pd.DataFrame:
    names = {
        "score": at.rows.names[score],
        "label": at.rows.labels[score],
        "horizon_days": at.horizon_days,
    }
    return pd.DataFrame(names, index=range(size))


def _from_the_top(at: HorizonRows, score: int, weight: Floats) -> Floats:
    """Share of the weight at or above each level, from none of the levels to all, shape (levels + 1,)."""
    by_level = np.bincount(at.rows.codes[score], weights=weight, minlength=len(at.rows.levels[score]))
    cumulative = np.r_[0.0, by_level[::-1].cumsum()]
    return np.asarray(cumulative / cumulative[-1])


def _thinned(size: int) -> Places:
    """Return positions of at most `MOST_POINTS` of ``size`` points, both ends among them."""
    if size <= MOST_POINTS:
        return np.arange(size)
    return np.unique(np.linspace(0, size - 1, MOST_POINTS).round().astype(np.intp))


def calibration_table(at: HorizonRows, *, level: float) -> pd.DataFrame:
    """Churn by answer: predicted (cross-fitted) and observed (weighted for censoring), with intervals.

    Scores with more than 11 levels are shown by tenths.
    """
    rows, everyone = at.rows, at.everyone
    weight = rows.fit.weight
    z = normal_quantile(level)
    clusters = rows.clusters[rows.fit.order]
    parts = []
    for score, risk in enumerate(at.risks):
        group, labels = _answers(rows.codes[score], rows.levels[score])
        given = np.unique(group)
        # P(answer), and P(left, answer) weighted for censoring.
        share = np.bincount(group, weights=weight)[given] / weight.sum()
        left = np.bincount(group, weights=everyone.case)[given] / rows.fit.n
        observed = left / share
        influence = np.empty((len(given), rows.fit.n))
        for line, answer in enumerate(given):
            # A ratio of means, R = P(left, answer) / P(answer): psi = (w left - R v) / P(answer) where the
            # answer was given, w the inverse weight and v the row's own.
            member = group == answer
            effect = everyone.case * member / share[line]
            influence[line] = at.influence(effect, direct=-observed[line] * weight * member / share[line])
        se = np.sqrt(np.diag(influence_covariance(influence, clusters=clusters)))
        part = pd.DataFrame(
            {
                "score": rows.names[score],
                "label": rows.labels[score],
                "horizon_days": at.horizon_days,
                "answer": [labels[answer] for answer in given],
                "n": np.bincount(group)[given],
                "share": share,
                "predicted": np.bincount(group, weights=weight * risk)[given] / (share * weight.sum()),
                "observed": observed,
                "low": np.clip(observed - z * se, 0, 1),
                "high": np.clip(observed + z * se, 0, 1),
                "se": se,
            }
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _answers(code: Places, levels: Floats) -> tuple[Places, list[str]]:
    """Return the group of each row, and the names of the groups: answers, or tenths of many."""
    if len(levels) <= MOST_LEVELS:
        return code, [f"{abs(level):g}" for level in levels]
    share = np.bincount(code, minlength=len(levels)).cumsum() / len(code)
    tenth = np.minimum((share * 10 - 1e-9).astype(np.intp), 9)
    return tenth[code], [f"tenth {number}" for number in range(1, 11)]


def decision_curve(at: HorizonRows, *, points: int = 20) -> pd.DataFrame:
    """Net benefit of acting on each score, and on everybody, by threshold up to three times the average risk.

    References
    ----------
    Vickers and Elkin (2006), doi:10.1177/0272989X06295361.
    """
    average = at.prevalence
    thresholds = np.linspace(average / points, min(3 * average, 0.9), points)
    odds = thresholds / (1 - thresholds)
    # NB(t) = P(leaver, risk >= t) - P(stayer, risk >= t) t / (1 - t); acting on all has both risks >= t.
    curves = {"everybody": average - (1 - average) * odds}
    for label, risk in zip(at.rows.labels, at.risks, strict=True):
        order = np.argsort(risk)
        first = np.searchsorted(risk[order], thresholds, side="left")
        hits = _weight_from(at.everyone.case[order])[first] / at.rows.fit.n
        misses = _weight_from(at.everyone.control[order])[first] / at.rows.fit.n
        curves[label] = hits - misses * odds
    parts = [
        pd.DataFrame(
            {"label": label, "horizon_days": at.horizon_days, "threshold": thresholds, "net_benefit": curve}
        )
        for label, curve in curves.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _weight_from(weight: Floats) -> Floats:
    """Sum of the weight from each position on, and 0 at the end, shape (n + 1,)."""
    return np.append(weight[::-1].cumsum()[::-1], 0.0)
