"""Who among the silent is likely unhappy: a calibrated model, cross-fitted, that says when it cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from cxresearch.churn.classifier.classifiers import one_thread, preparation
from cxresearch.churn.classifier.training_rows import readable_columns, table_of
from cxresearch.data.landmarks.landmark import landmark
from cxresearch.errors import DataError
from cxresearch.stats.prediction.delong import delong

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study
    from cxresearch.results.estimate import Estimate
    from cxresearch.scales import Scale

    Floats = NDArray[np.float64]

#: Unhappy and other answers that a model needs at least.
LEAST_SIDE = 30
FOLDS = 5
#: Columns about having answered: what parts the silent from the others cannot tell them apart.
_ABOUT_ANSWERING = ("answers_", "days_since_answer", "response_rate_", "invitations_")
_EDGE = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class SilentModel:
    """Chance of being unhappy of customers who did not answer lately.

    Attributes
    ----------
    table : DataFrame
        ``customer_id`` and ``chance``; empty where the model cannot tell.
    silent : int
        Active customers without an answer in the window.
    auc : Estimate or None
        How well the model tells unhappy from other customers among those who answered, on rows it was not
        fitted on.
    expected : float
        Sum of the chances over the share the model was calibrated to: unhappy customers among the silent.
    reason : str
        Why there is no table, or an empty text.
    """

    table: pd.DataFrame
    silent: int
    auc: Estimate | None
    expected: float
    reason: str


def silent_customers(
    study: Study, instrument: str, scale: Scale, *, window_days: float, level: float, seed: int = 0
) -> SilentModel:
    """Return the chance of being unhappy of each active customer who did not answer within a window.

    Parameters
    ----------
    study : Study
        With customers.
    instrument, scale
        The question.
    window_days : float
        Whoever answered within so many days before the data cut is not silent, and is learnt from.
    level : float
        Of the interval of the AUC.
    seed : int
        Of the folds.

    Notes
    -----
    A ridge logistic model of tenure, revenue, tickets, usage and segments at the data cut; no column about
    answers. Five folds: each customer who answered is judged by the four others. The logits of these
    judgements are recalibrated (Cox 1958: intercept and slope); where the lower end of the AUC's interval
    does not exceed 1/2, or the slope is not above 0, the model cannot tell and no chances are given.
    """
    try:
        marks = landmark(
            study,
            every=[study.observed_until - timedelta(seconds=1)],
            horizon_days=1.0,
            window_days=window_days,
            stacked=True,
            keep_silent=True,
        )
    except DataError as error:
        return _unknown(0, f"no active customer to look at: {error.problem}")
    frame = marks.frame
    score = frame[instrument].to_numpy(dtype=np.float64)
    answered = ~np.isnan(score)
    unhappy = np.isin(score, list(map(float, scale.bottom)))
    silent = int((~answered).sum())
    if min(unhappy.sum(), (answered & ~unhappy).sum()) < LEAST_SIDE:
        return _unknown(
            silent,
            f"{int(unhappy.sum()):,} unhappy and {int((answered & ~unhappy).sum()):,} other customers "
            f"answered in {window_days:g} days: at least {LEAST_SIDE} of each are needed to learn from",
        )
    scores = tuple(f"{name}" for name in marks.instruments)
    # what is about answering parts the silent from the others, and cannot tell them apart
    about = [name for name in frame.columns if name.startswith((*scores, *_ABOUT_ANSWERING))]
    left_out = [name for name in about if name in (*marks.features, *marks.instruments)]
    numbers, categories = readable_columns(marks, left_out, within=frame[answered])
    numbers = tuple(name for name in numbers if name not in about)
    if not numbers and not categories:
        return _unknown(silent, "nothing is known of customers besides their answers")
    columns = table_of(frame, numbers, categories)
    chance, auc = _cross_fitted(columns, answered, unhappy, numbers, categories, level=level, seed=seed)
    if chance is None:
        return SilentModel(
            table=_no_rows(), silent=silent, auc=auc, expected=float("nan"), reason="the model cannot tell"
        )
    table = pd.DataFrame({"customer_id": frame["customer_id"].to_numpy()[~answered], "chance": chance})
    return SilentModel(table=table, silent=silent, auc=auc, expected=float(chance.sum()), reason="")


def _cross_fitted(
    columns: pd.DataFrame,
    answered: NDArray[np.bool_],
    unhappy: NDArray[np.bool_],
    numbers: tuple[str, ...],
    categories: tuple[str, ...],
    *,
    level: float,
    seed: int,
) -> tuple[Floats | None, Estimate]:
    """Chances of the silent, or None where the model cannot tell, and its AUC on rows left out."""
    rows = columns[answered].reset_index(drop=True)
    target = unhappy[answered].astype(int)
    others = columns[~answered].reset_index(drop=True)
    # a ridge: the chances of a table with more columns than it bears lie too far from the middle
    model = make_pipeline(
        preparation("logistic", numbers, categories), LogisticRegression(C=0.1, max_iter=1_000)
    )
    held_out = np.empty(len(target))
    beyond = np.zeros(len(others))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with one_thread():
        for training, test in folds.split(rows, target):
            fitted = clone(model).fit(rows.iloc[training], target[training])
            held_out[test] = _logits(fitted, rows.iloc[test])
            # the silent are in no fold: their logit is the mean of the models'
            if len(others):
                beyond += _logits(fitted, others) / FOLDS
        # logit(chance) = a + b logit(held out), Cox (1958), doi:10.1093/biomet/45.3-4.562
        line = LogisticRegression(C=np.inf).fit(held_out[:, None], target)
    auc = delong(target, {"being unhappy": held_out}, level=level).estimate("being unhappy")
    slope = float(line.coef_[0, 0])
    if not auc.low > 0.5 or slope <= 0:
        return None, auc
    return np.asarray(expit(line.intercept_[0] + slope * beyond)), auc


def _logits(fitted: Any, rows: pd.DataFrame) -> Floats:
    chance = np.clip(fitted.predict_proba(rows)[:, 1], _EDGE, 1 - _EDGE)
    return np.asarray(logit(chance))


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"customer_id": pd.Series(dtype=object), "chance": pd.Series(dtype=float)})


def _unknown(silent: int, reason: str) -> SilentModel:
    return SilentModel(table=_no_rows(), silent=silent, auc=None, expected=float("nan"), reason=reason)
