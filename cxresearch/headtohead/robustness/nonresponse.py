"""Weights for non-response, silence as a predictor, and the contest in both populations side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from cxresearch.checks import check_columns, check_level, check_number
from cxresearch.data.landmarks.followed_outcome import refuse_other_outcomes
from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.data.landmarks.outcome_columns import columns_that_know
from cxresearch.errors import ArgumentError, DataError
from cxresearch.headtohead.contest.comparison import Comparison
from cxresearch.headtohead.contest.contest import compare
from cxresearch.headtohead.contest.contest_rows import contestants
from cxresearch.headtohead.contest.covariates import covariates
from cxresearch.headtohead.one_score.silence import answered_rows, asked_rows, churn_of, customer_codes
from cxresearch.headtohead.robustness.sensitivity import NonResponse
from cxresearch.results.units import Unit, format_value
from cxresearch.stats.intervals.normal_quantile import normal_quantile
from cxresearch.stats.models.clustered_covariance import cluster_codes, influence_covariance
from cxresearch.stats.models.logistic import logistic_fit
from cxresearch.stats.prediction.delong import z_test
from cxresearch.stats.prediction.follow_up import FollowUp, follow_up
from cxresearch.stats.prediction.ipcw import auc_at, sides

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cxresearch.data.landmarks.landmarks import Landmarks

#: Features that are themselves answers, or follow from having answered, and so cannot explain answering.
_OF_ANSWERS = ("answers_", "days_since_answer", "response_rate_")


def explaining_columns(marks: Landmarks) -> tuple[str, ...]:
    """Features and segments that may explain who answers: none made of answers, none that knows who left."""
    of_answers = tuple(f"{name}_" for name in marks.instruments) + _OF_ANSWERS
    features = [name for name in marks.features if not name.startswith(of_answers)]
    columns = (*features, *marks.segments)
    knowing = columns_that_know(marks, columns)
    return tuple(name for name in columns if name not in knowing)


def response_weights(
    marks: Landmarks,
    scores: Sequence[str],
    *,
    explained_by: str | Sequence[str] | None = None,
    truncate: tuple[float, float] = (0.01, 0.99),
) -> NDArray[np.float64]:
    """Weights that make those who answered stand for all landmark rows.

    Stabilised inverse probability ``P(answered) / P(answered | x)`` from a logistic regression on what was
    known at the landmark, truncated at two quantiles.

    Parameters
    ----------
    marks : Landmarks
        With the silent rows kept: ``cx.landmark(..., keep_silent=True)``.
    scores : sequence of str
        A row has answered if it has all of them.
    explained_by : str or sequence of str, optional
        Features and segments to explain answering by; by default all that are not made of answers.
    truncate : tuple of two float
        Quantiles of the weights beyond which they are cut; (0, 1) cuts nothing.

    Returns
    -------
    array, shape (rows of marks,)
        1 for rows that have not answered (a contest leaves them out).

    Raises
    ------
    DataError
        If everybody answered, or nobody, or nothing is known that could explain it.
    ArgumentError
        If an instrument or a column is unknown.

    Notes
    -----
    A light ridge keeps the model finite where nobody of a kind answered; nobody stands for such customers,
    who were perhaps never asked. Assumes that, given x, answering is independent of churn and of what would
    have been answered. Then, and
    only then, the weighted contest holds for all customers. Treating the estimated weights as known makes
    standard errors conservative (Robins, Rotnitzky and Zhao 1994, doi:10.1080/01621459.1994.10476818).

    References
    ----------
    Seaman and White (2013), doi:10.1177/0962280210395740; Cole and Hernan (2008), doi:10.1093/aje/kwn164.

    Examples
    --------
    >>> import cxresearch as cx
    >>> study = cx.synthetic.synthetic_study(customers=1_000, nonresponse=True)
    >>> marks = cx.landmark(study, every=["2023-01-01"], horizon_days=180, keep_silent=True)
    >>> weights = response_weights(marks, ["ces", "nps"])
    >>> len(weights) == len(marks.frame), bool(weights.min() > 0)
    (True, True)
    """
    require_landmarks(marks)
    low, high = (check_number("truncate", value, at_least=0) for value in truncate)
    if not low < high <= 1:
        raise ArgumentError(f"truncate is {truncate}", wanted="two quantiles such as (0.01, 0.99)")
    # A row has answered if it has every score.
    answered = answered_rows(marks, scores)
    share = answered.mean()
    if share in (0.0, 1.0):
        raise DataError(
            {1.0: "every row has answered", 0.0: "no row has answered"}[float(share)],
            next_step="keep the silent rows: cx.landmark(..., keep_silent=True)",
        )
    explaining = check_columns("explained_by", explained_by) or explaining_columns(marks)
    table = covariates(marks.frame, explaining)
    if not table.shape[1]:
        raise DataError("nothing is known that could explain who answers", wanted="features or segments")
    columns = table.to_numpy(dtype=np.float64)
    largest = np.abs(columns).max(axis=0).clip(1e-300)  # the ridge counts in units of the columns
    design = np.column_stack([np.ones(len(table)), columns / largest])
    fit = logistic_fit(design, answered, ridge=1.0)
    chance = expit(design @ fit.coefficients)
    weights = np.ones(len(answered))
    # Stabilised: P(answered) / P(answered | x), mean about 1 (Cole and Hernan 2008).
    raw = share / chance[answered]
    # Truncated (Cole and Hernan 2008): few rows may not stand for all.
    weights[answered] = np.clip(raw, *np.quantile(raw, [low, high]))
    return weights


def nonresponse(
    marks: Landmarks,
    scores: tuple[str, str],
    *,
    explained_by: str | Sequence[str] | None = None,
    truncate: tuple[float, float] = (0.01, 0.99),
    level: float = 0.95,
    margin: float = 0.02,
) -> NonResponse:
    """Show who answers, what silence tells, and the contest weighted to all customers.

    Parameters
    ----------
    marks : Landmarks
        With the silent rows kept.
    scores : tuple of two str
    explained_by, truncate
        As in :func:`response_weights`.
    level, margin : float

    Returns
    -------
    NonResponse

    Raises
    ------
    ArgumentError, DataError
        As :func:`response_weights` and :func:`cxresearch.compare`.

    Examples
    --------
    >>> import cxresearch as cx
    >>> study = cx.synthetic.synthetic_study(customers=1_000, nonresponse=True)
    >>> marks = cx.landmark(study, every=["2023-01-01"], horizon_days=180, keep_silent=True)
    >>> nonresponse(marks, ("ces", "nps")).contests["population"].tolist()[:2]
    ['those who answered', 'weighted to all customers']
    """
    import pandas as pd

    require_landmarks(marks)
    refuse_other_outcomes(marks, "the comparison with the silent")
    level = check_level(level)
    names = contestants(marks, scores)
    answered = answered_rows(marks, names)
    parts = {"all customers": np.ones(len(answered), dtype=bool), "answered": answered, "silent": ~answered}
    asked = asked_rows(marks)
    if asked is not None:
        parts["known to have been asked"] = asked
    # Unweighted first: the contest among those who answered.
    plain = compare(marks, names, level=level, margin=margin, metrics=())
    contests = [_contest("those who answered", plain, np.ones(int(answered.sum())))]
    notes, silence = [], [_silence("all customers", marks, answered, level)]
    populations: dict[str, tuple[Landmarks, NDArray[np.bool_]]] = {"all customers": (marks, answered)}
    if asked is not None and 0 < (asked & answered).sum() < asked.sum():
        contacted = dataclasses.replace(marks, frame=marks.frame[asked])
        populations["those who were asked"] = (contacted, answered[asked])
        silence.append(_silence("those who were asked", contacted, answered[asked], level))
    for population, (part, replied) in populations.items():
        weights = response_weights(part, names, explained_by=explained_by, truncate=truncate)
        contest = compare(part, names, level=level, margin=margin, weights=weights, metrics=())
        contests.append(_contest(f"weighted to {population}", contest, weights[replied]))
        notes.append(_weights_line(population, weights[replied]))
    table = pd.DataFrame([_churn(group, marks, part, level) for group, part in parts.items() if part.any()])
    rate = float(answered.mean())
    rate_asked = float("nan")
    if asked is not None:
        rate_asked = float(answered[asked].mean())
    return NonResponse(
        finding=_finding(rate, table, contests),
        table=table,
        silence=pd.DataFrame(silence),
        response_rate=rate,
        response_rate_asked=rate_asked,
        contests=pd.DataFrame(contests),
        weights=pd.DataFrame(notes),
        horizon_days=float(marks.horizon_days),
        level=level,
    )


def _followed(marks: Landmarks, part: NDArray[np.bool_]) -> tuple[FollowUp, NDArray[np.intp]]:
    rows = marks.frame[part]
    fit = follow_up(rows["duration_days"], rows["event"])
    return fit, cluster_codes(rows["customer_id"])[fit.order]


def _churn(group: str, marks: Landmarks, part: NDArray[np.bool_], level: float) -> dict[str, Any]:
    horizon = float(marks.horizon_days)
    codes = customer_codes(marks.frame)
    churn = churn_of(marks, group, part, codes=codes, horizon_days=horizon, level=level)
    return {name: getattr(churn, name) for name in ("group", "rows", "customers", "churn", "low", "high")}


def _limits(value: float, se: float, level: float) -> tuple[float, float]:
    """Wald limits; NaN where the standard error is 0, which is no evidence that a value is certain."""
    if not se > 0:
        return float("nan"), float("nan")
    half = normal_quantile(level) * se
    return value - half, value + half


def _silence(population: str, marks: Landmarks, answered: NDArray[np.bool_], level: float) -> dict[str, Any]:
    fit, clusters = _followed(marks, np.ones(len(answered), dtype=bool))
    silent = (~answered).astype(np.intp)[fit.order]
    # Silence as a score of two values: silent is the riskier.
    value, effect = auc_at(fit, silent, sides(fit, float(marks.horizon_days), controls="event_free"))
    se = float(np.sqrt(influence_covariance(effect[None, :], clusters=clusters)[0, 0]))
    low, high = _limits(value, se, level)
    return {
        "population": population,
        "auc": value,
        "low": low,
        "high": high,
        "se": se,
        "p_chance": z_test(value - 0.5, se)[1],
        "n": fit.n,
    }


def _contest(population: str, contest: Comparison, weights: NDArray[np.float64]) -> dict[str, Any]:
    row = contest.contrasts.iloc[0]
    return {
        "population": population,
        "n": contest.n,
        "first_auc": contest.auc(contest.primary[0]).value,
        "second_auc": contest.auc(contest.primary[1]).value,
        **{key: row[key] for key in ("difference", "low", "high", "se", "p_value", "verdict")},
        # Kish: (sum w)^2 / sum w^2 rows of equal weight would be as precise.
        "n_effective": float(weights.sum() ** 2 / (weights**2).sum()),
    }


def _weights_line(population: str, weights: NDArray[np.float64]) -> dict[str, Any]:
    ends = weights.min(), weights.max()
    return {
        "population": population,
        "smallest": float(ends[0]),
        "largest": float(ends[1]),
        "truncated": int((weights == ends[0]).sum() + (weights == ends[1]).sum()),
        "n_effective": float(weights.sum() ** 2 / (weights**2).sum()),
    }


def _finding(rate: float, table: pd.DataFrame, contests: list[dict[str, Any]]) -> str:
    churn = table.set_index("group")["churn"]
    text = f"{100 * rate:.0f} % answered; {format_value(churn['answered'], Unit.SHARE)} of them left"
    if "silent" in churn.index:
        text += f", and {format_value(churn['silent'], Unit.SHARE)} of the silent"
    moved = contests[1]["difference"] - contests[0]["difference"]
    by = format_value(moved, Unit.AUC_DIFFERENCE)
    return f"{text}. Weighting to all customers moves the difference by {by}."
