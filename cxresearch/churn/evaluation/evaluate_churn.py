"""``evaluate_churn``: a churn model on customers and landmarks it has never seen, against simple rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from cxresearch.checks import check_columns, check_level, check_number
from cxresearch.churn.churn_kinds import one_against_others
from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.training_rows import (
    followed_through,
    held_out,
    outcome_rows,
    require_both_sides,
)
from cxresearch.churn.evaluation.evaluation_result import ChurnEvaluation
from cxresearch.churn.evaluation.evaluation_tables import (
    Judged,
    calibration_line,
    calibration_table,
    ends,
    gains_table,
    group_row,
    ranking,
    resampled,
)
from cxresearch.churn.risk.churn_risk import check_same_kind, require_horizon, risk_of
from cxresearch.data.landmarks.landmarks import Landmarks, require_landmarks
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.contrast import Contrast
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.prediction.ipcw import PredictionMetric, ipcw_auc, ipcw_brier

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DRIFT = ["n", "cases", "observed", "predicted", "auc", "auc_low", "auc_high", "brier"]


def evaluate_churn(
    model: ChurnModel,
    marks: Landmarks,
    *,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
    runs: int = 200,
    seed: int = 0,
) -> ChurnEvaluation:
    """Judge a churn model on the held-out rows of these landmarks.

    Parameters
    ----------
    model : ChurnModel
    marks : Landmarks
        The landmarks the model was fitted on, or later ones of the same study: only rows of customers on the
        test side, at landmarks of the test period, are used; the split is stored in the model.
    by : str or sequence of str, optional
        Segments to report on one by one; by default all segments of the landmarks.
    level : float
        Confidence level.
    runs : int
        Bootstrap runs for average precision, gains and lift.
    seed : int
        Of the bootstrap.

    Returns
    -------
    ChurnEvaluation

    Raises
    ------
    DataError
        If hardly anybody is held out, or the rows are not of the model's kind.
    ArgumentError
        If the horizon differs from the model's, or a segment does not exist.

    Notes
    -----
    Intervals take the fitted models as given: they tell how well *these* models do on customers like the
    held-out ones. Rows of one customer are one cluster.

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=6_000)
    >>> evaluation = cx.evaluate_churn(cx.fit_churn(marks, members=0), marks, runs=50)
    >>> evaluation.better_than_chance
    True
    """
    require_landmarks(marks)
    check_level(level)
    check_number("runs", runs, at_least=20)
    require_horizon(model, marks)
    segments = tuple(marks.segments)
    if by is not None:
        segments = check_columns("by", by)
    if set(segments) - set(marks.segments):
        raise ArgumentError(
            f"by is {segments!r}", wanted="segments of the landmarks: " + ", ".join(marks.segments)
        )
    check_same_kind(model, marks)
    frame, rows, table = held_out_rows(model, marks)
    risks = {"model": rows.risk}
    # The simple rules were fitted on the same training rows.
    risks |= {name: fit.predict_proba(table)[:, 1] for name, fit in model.baselines.items()}
    metrics, contrasts = _metrics(risks, rows, level)
    ranked, gains = _ranked(risks, rows, level=level, runs=int(runs), seed=seed)
    # Flagged are the riskiest tenth of all held-out rows.
    threshold = float(np.quantile(rows.risk, 0.9))
    return ChurnEvaluation(
        model=model.model,
        kind=model.kind,
        horizon_days=model.horizon_days,
        n=int((rows.weight > 0).sum()),
        customers=len(np.unique(rows.customer[rows.weight > 0])),
        cases=int((rows.left & (rows.weight > 0)).sum()),
        censored=int((rows.weight == 0).sum()),
        risk=float(np.average(rows.left, weights=rows.weight)),
        predicted=float(np.average(rows.risk, weights=rows.weight)),
        table=_in_order(pd.concat([metrics, ranked], ignore_index=True), list(risks)),
        contrasts=contrasts,
        calibration=calibration_table(rows, level=level),
        gains=gains,
        by_segment=_by_segment(frame, rows, segments, level=level, threshold=threshold),
        drift=_drift(frame, rows, level=level, threshold=threshold),
        level=level,
        split=str(model.split),
        name=model.name,
    )


def held_out_rows(model: ChurnModel, marks: Landmarks) -> tuple[pd.DataFrame, Judged, pd.DataFrame]:
    """Return the held-out rows: of the frame, with outcomes and risks, and as the model reads them."""
    # Customers of the test side at landmarks of the test period, followed through.
    chosen = held_out(model.split, marks.frame) & followed_through(marks)
    frame = marks.frame[chosen]
    if not len(frame):
        raise DataError(
            "no row of these landmarks is held out",
            where=str(model.split),
            next_step="fit with test_share above 0, on landmarks far enough apart",
        )
    held = outcome_rows(
        frame,
        numbers=model.numbers,
        categories=model.categories,
        kind=model.kind,
        horizon=model.horizon_days,
    )
    require_both_sides(held, "held-out rows", kind=model.kind)
    event = frame["event"].to_numpy(dtype=np.int64)
    rows = Judged(
        risk=risk_of(model, held.table),
        duration=frame["duration_days"].to_numpy(dtype=np.float64),
        event=one_against_others(event, model.kind),
        left=held.left,
        weight=held.weight,
        customer=held.customer,
        horizon=model.horizon_days,
    )
    return frame, rows, held.table


def _metrics(
    risks: dict[str, NDArray[np.float64]], rows: Judged, level: float
) -> tuple[pd.DataFrame, tuple[Contrast, ...]]:
    """AUC and Brier of all, calibration of the model, and the paired differences of AUC."""
    names = list(risks)
    auc = ipcw_auc(rows.duration, rows.event, list(risks.values()), [rows.horizon])
    brier = ipcw_brier(rows.duration, rows.event, [[risk] for risk in risks.values()], [rows.horizon])
    table = [
        *values_with_ends(auc, names, rows, level),
        *values_with_ends(brier, [*names, "prevalence"], rows, level),
    ]
    table.append(("prevalence", "auc", 0.5, 0.5, 0.5))
    table += [("model", name, *ends_of_line) for name, ends_of_line in calibration_line(rows, level).items()]
    frame = pd.DataFrame(table, columns=["contestant", "metric", "value", "low", "high"])
    return frame, auc_contrasts(auc, names, rows, level=level, pairs=[("model", name) for name in names[1:]])


def values_with_ends(
    prediction: PredictionMetric, names: list[str], rows: Judged, level: float
) -> list[tuple[str, str, float, float, float]]:
    """Return (contestant, metric, value, low, high) of each contestant, clustered by customer."""
    # Wald, from influence functions summed by customer.
    z = normal_quantile(level)
    se = prediction.standard_errors(clusters=rows.customer)[:, 0]
    metric = {"AUC": "auc"}.get(prediction.name, "brier")
    return [
        (name, metric, float(value), max(0.0, float(value - z * s)), min(1.0, float(value + z * s)))
        for name, value, s in zip(names, prediction.value[:, 0], se, strict=True)
    ]


def auc_contrasts(
    auc: PredictionMetric, names: list[str], rows: Judged, *, level: float, pairs: list[tuple[str, str]]
) -> tuple[Contrast, ...]:
    """Contrast pairs of contestants on the same rows, clustered by customer."""
    covariance = auc.covariance(clusters=rows.customer)
    contrasts = []
    for first, second in pairs:
        a, b = names.index(first), names.index(second)
        # Paired on the same rows: Var(a - b) = Var a + Var b - 2 Cov(a, b).
        variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
        difference, se = float(auc.value[a, 0] - auc.value[b, 0]), float(np.sqrt(max(variance, 0.0)))
        contrasts.append(
            _contrast((first, second), difference, se, n=int((rows.weight > 0).sum()), level=level)
        )
    return tuple(contrasts)


def _contrast(sides: tuple[str, str], difference: float, se: float, *, n: int, level: float) -> Contrast:
    z = normal_quantile(level)
    # Without an error the difference is no evidence.
    statistic = difference / se if se > 0 else 0.0
    return Contrast(
        name="AUC",
        first=sides[0],
        second=sides[1],
        difference=difference,
        low=difference - z * se,
        high=difference + z * se,
        level=level,
        se=se,
        statistic=statistic,
        p_value=float(2 * norm.sf(abs(statistic))),
        n=n,
        unit=Unit.AUC,
        test="paired Wald test of two AUCs on held-out rows",
        method="influence functions with censoring weights, summed by customer",
    )


def _ranked(
    risks: dict[str, NDArray[np.float64]], rows: Judged, *, level: float, runs: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Average precision and top-decile lift of all contestants, and the gains of the model."""
    table, gains = [], pd.DataFrame()
    for name, risk in risks.items():
        statistic = ranking(risk, rows.left, rows.weight)
        point = statistic(np.ones(len(risk)))
        drawn = resampled(rows.customer, statistic, runs=runs, seed=seed)
        low, high = ends(drawn[:, 0], level)
        table.append((name, "average_precision", point[0], float(low), float(high)))
        gained = gains_table(point[1:], drawn[:, 1:], level)
        top = gained[gained["share"] == 0.1].iloc[0]
        table.append((name, "lift_top_decile", top["lift"], top["lift_low"], top["lift_high"]))
        if name == "model":
            gains = gained
    # The average precision of a ranking by chance is the share of cases.
    base = float(np.average(rows.left, weights=rows.weight))
    table.append(("prevalence", "average_precision", base, base, base))
    return pd.DataFrame(table, columns=["contestant", "metric", "value", "low", "high"]), gains


def _in_order(metrics: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    ranks = {name: rank for rank, name in enumerate([*names, "prevalence"])}
    return metrics.sort_values("contestant", key=lambda c: c.map(ranks), kind="stable", ignore_index=True)


def _by_segment(
    frame: pd.DataFrame, rows: Judged, segments: Sequence[str], *, level: float, threshold: float
) -> pd.DataFrame:
    lines = []
    for segment in segments:
        # A missing value is a group of its own.
        values = frame[segment].astype(object).where(frame[segment].notna(), "(missing)").astype(str)
        for value in sorted(values.unique()):
            figures = group_row(rows.take((values == value).to_numpy()), level=level, threshold=threshold)
            lines.append({"segment": segment, "value": value, **figures})
    columns = ["segment", "value", *_DRIFT, "flagged", "hit_rate", "false_alarm_rate"]
    return pd.DataFrame(lines, columns=columns)


def _drift(frame: pd.DataFrame, rows: Judged, *, level: float, threshold: float) -> pd.DataFrame:
    dates = frame["landmark_at"]
    lines = []
    for date in sorted(dates.dropna().unique()):
        figures = group_row(rows.take((dates == date).to_numpy()), level=level, threshold=threshold)
        lines.append({"landmark_at": date, **figures})
    return pd.DataFrame(lines, columns=["landmark_at", *_DRIFT])
