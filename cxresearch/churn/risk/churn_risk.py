"""Scoring rows with a churn model: refused where the rows are not of the kind the model learnt from."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from cxresearch.churn.churn_kinds import noun_for, words_for
from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.classifiers import one_thread
from cxresearch.churn.classifier.training_rows import table_of
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.errors import ArgumentError, CxWarning, DataError
from cxresearch.stats.intervals.normal_quantile import normal_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A feature whose 1 % to 99 % range is this many times wider or narrower than in training changed its unit.
SPREAD_FACTOR = 10.0
#: Rows scored at a time: they fit the processor's cache, which halves the time of boosting.
CHUNK_ROWS = 50_000
#: A column's range is judged by about this many rows, evenly spaced.
JUDGED_ROWS = 100_000
#: Fewer rows than this are too few to judge a column's range by.
LEAST_ROWS = 100


def churn_risk(model: ChurnModel, marks: Landmarks) -> NDArray[np.float64]:
    """Return the risk of leaving within the horizon for each row.

    Parameters
    ----------
    model : ChurnModel
        From ``cx.fit_churn`` or ``cx.classifier.load_churn_model``.
    marks : Landmarks
        New rows, with the columns the model was fitted on and on the same scales.

    Returns
    -------
    ndarray, shape (n,)
        In the order of ``marks.frame``.

    Warns
    -----
    CxWarning
        If a category was never seen in training; its rows are scored as the rarest categories are.

    Raises
    ------
    DataError
        If a column is missing or was never seen, an instrument has another scale, or a feature's values
        show another unit (see ``drifted_features``).

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=3_000)
    >>> risk = cx.classifier.churn_risk(cx.fit_churn(marks, members=0), marks)
    >>> bool(((risk > 0) & (risk < 1)).all())
    True
    """
    check_same_kind(model, marks)
    return risk_of(model, table_of(marks.frame, model.numbers, model.categories))


def risk_of(model: ChurnModel, table: pd.DataFrame) -> NDArray[np.float64]:
    """Risk for rows already in the model's own columns and types."""
    parts = [table.iloc[at : at + CHUNK_ROWS] for at in range(0, max(len(table), 1), CHUNK_ROWS)]
    with one_thread():
        return np.concatenate([model.classifier.predict_proba(part)[:, 1] for part in parts])


def risk_interval(
    model: ChurnModel, table: pd.DataFrame, *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper end of each row's risk, shape (n,) each; NaN if the model has no members.

    The interval is for the risk that customers like this one have, not for what one customer will do. It is
    normal on the logit scale with the spread of the model's refits on resampled customers, put through the
    model's calibration; it leaves out the choice of settings and any change of the world.
    """
    z = normal_quantile(level)
    if len(model.members) < 2 or not len(table):
        return np.full(len(table), np.nan), np.full(len(table), np.nan)
    # logit(p) +- z sd over the members; a member fitted on a sample of the rows spreads more.
    middle = logit(np.clip(risk_of(model, table), 1e-12, 1 - 1e-12))
    spread = member_logits(model, table).std(axis=0, ddof=1) * model.member_scale
    return expit(middle - z * spread), expit(middle + z * spread)


def member_logits(model: ChurnModel, table: pd.DataFrame) -> NDArray[np.float64]:
    """Calibrated logits by each member, shape (members, n)."""
    X = np.asarray(model.classifier[:-1].transform(table), dtype=np.float64)
    sigmoid = model.classifier[-1].calibrated_classifiers_[0].calibrators[0]
    raw = np.array([member.decision_function(X) for member in model.members])
    # Platt (1999): p = 1 / (1 + exp(a f + b)), so logit p = -(a f + b).
    return np.asarray(-(sigmoid.a_ * raw + sigmoid.b_))


def check_same_kind(model: ChurnModel, marks: Landmarks) -> None:
    """Refuse rows that are not of the kind the model learnt from; warn about new categories."""
    if marks.followed is not words_for(model.kind):
        raise DataError(
            f"the rows follow {marks.followed.noun}, and the model learnt {noun_for(model.kind)}",
            next_step=f"take cx.landmark(..., outcome={words_for(model.kind).name!r}, ...)",
        )
    present = set(marks.frame.columns)
    lost = [name for name in model.columns if name not in present]
    if lost:
        raise DataError(
            "the rows lack columns the model reads: " + ", ".join(lost),
            next_step="build the landmarks from a study with the same tables and the same settings",
        )
    known = {*model.columns, *model.left_out, *model.passed_over}
    strange = [name for name in marks.instruments if name not in model.instruments]
    strange += [name for name in marks.features if name not in known]
    if strange:
        raise DataError(
            "the rows have columns the model never saw: " + ", ".join(strange),
            next_step="fit the model again with them, or leave them out of the landmarks",
        )
    for name, scale in marks.instruments.items():
        learnt = model.instruments[name]
        if (scale.low, scale.high, scale.direction) != (learnt.low, learnt.high, learnt.direction):
            raise DataError(
                f"{name} runs from {scale.low} to {scale.high} ({scale.direction}) in these rows",
                wanted=f"{learnt.low} to {learnt.high} ({learnt.direction}), as the model learnt it",
                next_step="fit the model again on answers to this question",
            )
    drifted = drifted_features(model, marks)
    if len(drifted):
        raise DataError(
            "features have another range than in training: " + "; ".join(drifted["detail"]),
            next_step="check their units; if the world has changed this much, fit the model again",
        )
    _warn_of_new_levels(model, marks)


def drifted_features(model: ChurnModel, marks: Landmarks) -> pd.DataFrame:
    """List the numbers whose values show another unit or another world than in training.

    A column is listed if its median lies outside the whole range of the training rows, or if the width from
    its 1 % to its 99 % quantile is over 10 times, or under a tenth, of that in training. Ages,
    tenure and days since something are not judged by their median: they grow with the calendar.

    Returns
    -------
    DataFrame
        Columns ``feature, detail``. Empty with fewer than 100 rows.
    """
    drifted = []
    for row in model.ranges.to_dict("records"):
        name = str(row["feature"])
        values = marks.frame[name].to_numpy(dtype=np.float64)
        values = values[:: max(1, len(values) // JUDGED_ROWS)]
        values = values[~np.isnan(values)]
        if len(values) < LEAST_ROWS or name in model.instruments:
            continue
        q01, median, q99 = np.quantile(values, [0.01, 0.5, 0.99])
        width, learnt = q99 - q01, float(row["q99"]) - float(row["q01"])
        grows = name == "tenure_days" or name.endswith("_age_days") or name.startswith("days_since_")
        if not grows and not row["low"] <= median <= row["high"]:
            drifted.append(
                (name, f"{name} has median {median:g}, training {row['low']:g} to {row['high']:g}")
            )
        elif learnt > 0 and width > 0 and not 1 / SPREAD_FACTOR < width / learnt < SPREAD_FACTOR:
            drifted.append((name, f"{name} spreads over {width:g}, in training over {learnt:g}"))
    return pd.DataFrame(drifted, columns=["feature", "detail"])


def _warn_of_new_levels(model: ChurnModel, marks: Landmarks) -> None:
    for name, levels in model.levels.items():
        values = marks.frame[name]
        text = values.astype(object).where(values.notna(), "").astype(str)
        new = sorted(set(text.unique()) - set(levels))
        if new:
            rows = int(text.isin(new).sum())
            warnings.warn(
                f"{name} has categories the model never saw: {', '.join(map(repr, new[:5]))} "
                f"({rows:,} rows). They are scored as the rarest categories are.",
                CxWarning,
                stacklevel=4,
            )


def require_horizon(model: ChurnModel, marks: Landmarks) -> None:
    """Refuse rows asked about another horizon than the model's."""
    if float(marks.horizon_days) != model.horizon_days:
        raise ArgumentError(
            f"the landmarks ask about {marks.horizon_days:g} days",
            wanted=f"the model's horizon of {model.horizon_days:g} days",
            next_step="landmark with the same horizon_days, or fit another model",
        )
