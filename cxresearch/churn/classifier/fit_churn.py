"""``fit_churn``: a calibrated churn classifier, split by customer and by time before anything is fitted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from cxresearch.checks import check_choice, check_number
from cxresearch.churn.churn_kinds import asked_about
from cxresearch.churn.classifier.churn_model import ChurnModel, ModelKind, Training
from cxresearch.churn.classifier.classifiers import (
    calibrate,
    candidates,
    one_column_model,
    one_thread,
    preparation,
    resampled_members,
    tune,
)
from cxresearch.churn.classifier.leak_alarms import column_alarms
from cxresearch.churn.classifier.training_rows import (
    TrainingRows,
    choose_split,
    followed_through,
    outcome_rows,
    readable_columns,
    require_both_sides,
    trained_on,
)
from cxresearch.data.landmarks.landmarks import Landmarks, require_landmarks
from cxresearch.data.landmarks.outcome_columns import columns_that_know
from cxresearch.errors import CxWarning, DataError


def fit_churn(
    marks: Landmarks,
    *,
    model: ModelKind = "logistic",
    kind: str = "any",
    leave_out: Sequence[str] = (),
    test_share: float = 0.3,
    balance: Literal["none", "weights"] = "none",
    members: int = 20,
    seed: int = 0,
) -> ChurnModel:
    """Fit a churn classifier on the training side of a split by customer and by time.

    Parameters
    ----------
    marks : Landmarks
        From ``cx.landmark``, or ``Landmarks.from_frame`` for rows prepared elsewhere. Rows at several dates
        are split by time and by customer: the test period starts where about ``test_share`` of the rows
        follow, training landmarks end a horizon before it, and customers on the test side are never trained
        on. Rows at one date, or without dates, are split by customer only, and the model says so.
    model : {"logistic", "boosting"}
        Logistic regression (interpretable) or gradient boosting. Both are tuned by log loss over folds of
        customers within the training side, then calibrated by a sigmoid on out-of-fold predictions.
    kind : {"any", "voluntary", "involuntary"}
        What counts as leaving within the horizon: ``"any"`` unless asked otherwise, as everywhere;
        ``"voluntary"`` where the scores are to be of use. Rows censored before the horizon count through
        inverse probability of censoring weights; an end of another kind counts as not having left by this.
        Landmarks that follow another outcome (``cx.landmark(..., outcome="expansion")``) are learnt as that,
        and leaving before it counts as not having it.
    leave_out : sequence of str
        Columns the model must not read.
    test_share : float
        Share of customers and, about, of the period held out; 0 trains on everything and leaves nothing to
        evaluate on.
    balance : {"none", "weights"}
        Weigh the rarer side up while fitting. Rows are never invented; risks stay calibrated either way.
    members : int
        Refits on resampled customers for the interval of a risk; 0 for none.
    seed : int
        Of the split, the folds and the resampling.

    Returns
    -------
    ChurnModel

    Warns
    -----
    CxWarning
        If a feature looks as if it knew the outcome; see ``model.alarms``.

    Raises
    ------
    DataError
        If a side has fewer than 10 rows that left or stayed, or there is no column to read.

    Notes
    -----
    Columns that know who left (by their values or their name: a status, a churn flag) are named in
    ``model.alarms`` and left out, whatever their AUC. Missing answers are kept as missing: that somebody did
    not answer is itself known at the landmark. Assumes that censoring does not depend on the features.

    References
    ----------
    Vock et al. (2016), doi:10.1016/j.jbi.2016.03.009 (machine learning with censoring weights);
    Platt (1999) and Niculescu-Mizil and Caruana (2005), doi:10.1145/1102351.1102430 (calibration).

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=3_000)
    >>> model = cx.fit_churn(marks, members=0)
    >>> model.split.test_from is None  # one landmark: split by customer only
    True
    """
    check_choice("model", model, ("logistic", "boosting"))
    require_landmarks(marks)
    kind = asked_about(marks, kind)
    check_choice("balance", balance, ("none", "weights"))
    check_number("test_share", test_share, at_least=0, below=1)
    check_number("members", members, at_least=0)
    split = choose_split(marks, test_share=test_share, seed=seed)
    side = trained_on(split, marks.frame, marks.horizon_days) & followed_through(marks)
    frame = marks.frame[side]
    if not len(frame):
        raise DataError("no row is left to train on", next_step="take a smaller test_share")
    offered = readable_columns(marks, leave_out, within=frame)
    knowing = columns_that_know(marks, [*offered[0], *offered[1]])
    numbers, categories = (tuple(name for name in names if name not in knowing) for names in offered)
    if not numbers + categories:
        raise DataError(
            "; ".join(["no column varies, so there is nothing to learn from", *knowing.values()]),
            wanted="scores, features or segments in the landmarks that were known before anybody left",
        )
    # Inverse probability of censoring weights (Vock et al. 2016); rows censored before the horizon weigh 0.
    every = outcome_rows(frame, numbers=numbers, categories=categories, kind=kind, horizon=marks.horizon_days)
    require_both_sides(every, "training rows", kind=kind)
    rows = every.take(every.weight > 0)
    with one_thread():
        fitted = _fit(rows, numbers, categories, model, balance=balance, members=members, seed=seed)
        fitted["baselines"] = _baselines(rows, numbers, marks)
    # Of all columns offered, those left out for what they know among them.
    alarms = column_alarms(
        frame,
        numbers=offered[0],
        categories=offered[1],
        instruments=marks.instruments,
        horizon=marks.horizon_days,
        # Of customers lost otherwise a leak may know nothing, so they would only hide it.
        kind="voluntary" if kind == "any" else kind,
        seed=seed,
    )
    alarms = alarms.rename(columns={"column": "feature", "alarm": "rule"}).drop(columns="rows")
    alarms = _with_knowing(alarms, knowing)
    if len(alarms):
        warnings.warn(
            "features that look as if they knew the outcome: "
            + "; ".join(f"{row.feature} ({row.detail})" for row in alarms.itertuples())
            + ". Next: check when each is measured; those that know who left are left out, leave out the "
            "others if that is after the landmark.",
            CxWarning,
            stacklevel=2,
        )
    return ChurnModel(
        model=model,
        horizon_days=float(marks.horizon_days),
        kind=kind,
        numbers=numbers,
        categories=categories,
        instruments=dict(marks.instruments),
        split=split,
        training=_training(frame, every),
        ranges=_ranges(rows.table, numbers),
        levels={name: tuple(rows.table[name].value_counts().index) for name in categories},
        alarms=alarms,
        window_days=float(marks.window_days),
        left_out=(*leave_out, *knowing),
        passed_over=tuple(n for n in marks.features if n not in (*numbers, *leave_out, *knowing)),
        seed=seed,
        name=marks.name,
        **fitted,
    )


def _with_knowing(alarms: pd.DataFrame, knowing: Mapping[str, str]) -> pd.DataFrame:
    """Alarms with the columns that know who left first, which the model does without."""
    lines = [
        {"feature": name, "rule": "knows who left", "auc": np.nan, "detail": f"{told}; left out"}
        for name, told in knowing.items()
    ]
    if not lines:
        return alarms
    known_auc = alarms.drop_duplicates("feature").set_index("feature")["auc"]
    first = pd.DataFrame(lines)
    first["auc"] = first["feature"].map(known_auc).astype(np.float64)
    others = alarms[~alarms["feature"].isin(list(knowing))]
    if others.empty:
        return first[list(alarms.columns)]
    return pd.concat([first[list(alarms.columns)], others], ignore_index=True)


def _fit(
    rows: TrainingRows,
    numbers: tuple[str, ...],
    categories: tuple[str, ...],
    model: ModelKind,
    *,
    balance: str,
    members: int,
    seed: int,
) -> dict[str, Any]:
    """Prepare, tune, calibrate and resample; returns those fields of the model."""
    prepare = preparation(model, numbers, categories).fit(rows.table)
    X = np.asarray(prepare.transform(rows.table), dtype=np.float64)
    options = candidates(model, balance=balance, seed=seed)
    tuning = tune(options, X, rows, seed=seed)
    chosen = options[int(np.argmax(tuning["chosen"]))][1]
    # Refits on resampled customers spread as the model would from sample to sample.
    refits, scale = resampled_members(chosen, X, rows, members=int(members), seed=seed)
    return {
        "classifier": Pipeline([("prepare", prepare), ("classify", calibrate(chosen, X, rows, seed=seed))]),
        "table": tuning,
        "members": refits,
        "member_scale": scale,
    }


def _baselines(rows: TrainingRows, numbers: tuple[str, ...], marks: Landmarks) -> dict[str, Any]:
    """One smooth curve in tenure and in each score alone, on the same training rows."""
    singles = {"tenure only": "tenure_days"}
    singles |= {f"{scale.label} only": name for name, scale in marks.instruments.items()}
    return {label: one_column_model(name, rows) for label, name in singles.items() if name in numbers}


def _training(frame: pd.DataFrame, rows: TrainingRows) -> Training:
    known = rows.weight > 0
    dates = frame["landmark_at"].dropna()
    first = last = None
    if len(dates):
        first, last = dates.min().to_pydatetime(), dates.max().to_pydatetime()
    return Training(
        rows=int(known.sum()),
        customers=len(np.unique(rows.customer[known])),
        cases=int((rows.left & known).sum()),
        censored=int((~known).sum()),
        risk=float(np.average(rows.left, weights=rows.weight)),
        first=first,
        last=last,
    )


def _ranges(table: pd.DataFrame, numbers: tuple[str, ...]) -> pd.DataFrame:
    part = table[list(numbers)]
    quantiles = part.quantile([0.0, 0.01, 0.5, 0.99, 1.0]).T
    quantiles.columns = pd.Index(["low", "q01", "median", "q99", "high"])
    ranges = quantiles.assign(missing=part.isna().mean())
    return ranges.rename_axis("feature").reset_index()
