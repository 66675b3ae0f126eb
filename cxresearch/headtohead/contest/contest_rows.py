"""The rows a contest is fought on: complete, with scores turned so that higher means riskier."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.checks import as_numbers, check_number, check_same_length
from cxresearch.data.landmarks.landmark_outcomes import LandmarkOutcome
from cxresearch.errors import ArgumentError, DataError
from cxresearch.headtohead.contest.forms import agreement_cautions, coded_levels, in_form
from cxresearch.stats.models.clustered_covariance import cluster_codes
from cxresearch.stats.prediction.cross_fitted_risk import folds_of
from cxresearch.stats.prediction.follow_up import FollowUp, follow_up_of, tie_width

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from cxresearch.aliases import Floats, Places
    from cxresearch.data.landmarks.landmarks import Landmarks


@dataclass(frozen=True, kw_only=True)
class ContestRows:
    """Complete rows, ready for the statistics.

    Attributes
    ----------
    frame : DataFrame, shape (n, columns)
        The landmark rows where every contestant has an answer.
    fit : FollowUp
        Rows sorted by duration, with the censoring distribution.
    names, labels : tuple of str, length m
    risk : array, shape (m, n)
        Scores turned so that higher means riskier (likelier to have the outcome), in the order of `frame`.
    codes : tuple of m arrays of int, shape (n,)
        Level numbers of ``risk``, sorted by duration as `fit` is.
    levels : tuple of m arrays
        The distinct values of ``risk``, lowest first.
    clusters : array of int, shape (n,)
        In the order of `frame`.
    left_out : DataFrame
        ``reason, rows, customers``.
    cautions : tuple of str
        Scores that contradict each other, and alarms raised where the rows were made.
    fold_by : str
        Column whose rows stay together in cross-fitting.
    outcome : LandmarkOutcome
        What is predicted, in words.
    """

    frame: pd.DataFrame
    fit: FollowUp
    names: tuple[str, ...]
    labels: tuple[str, ...]
    risk: Floats
    codes: tuple[Places, ...]
    levels: tuple[Floats, ...]
    clusters: Places
    left_out: pd.DataFrame
    cautions: tuple[str, ...]
    fold_by: str
    outcome: LandmarkOutcome

    @property
    def n_customers(self) -> int:
        """Customers behind the rows."""
        return int(self.frame["customer_id"].nunique())

    @cached_property
    def folds(self) -> Places:
        """Fold of each row for cross-fitting, sorted as `fit` is: by customer, whatever the order of rows."""
        return folds_of(self.frame[self.fold_by])[self.fit.order]


def contestants(marks: Landmarks, scores: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the scores to compare, or say what is wrong with them."""
    if isinstance(scores, str):
        raise ArgumentError(f"scores is the text {scores!r}", wanted='a list such as ["ces", "nps"]')
    if not isinstance(scores, Iterable):
        raise ArgumentError(
            f"scores is a {type(scores).__name__}",
            wanted='a list such as ["ces", "nps"]',
            next_step="a plan frozen as a Protocol is held by plan.compare(marks)",
        )
    names = tuple(scores)
    if not marks.instruments:
        raise DataError(
            "there is no score to compare: the study has no table responses, or declares no instrument",
            wanted="customers' answers to two instruments, such as CES and NPS",
            next_step="add a [[sources]] with table = 'responses' to the study file, and the scales to "
            "[instruments]; `cxresearch check` says what else is missing",
        )
    unknown = [name for name in names if name not in marks.instruments]
    if unknown:
        raise ArgumentError(
            "unknown instrument " + ", ".join(map(repr, unknown)),
            wanted="from " + ", ".join(map(repr, marks.instruments)),
            next_step="name those to compare (in a report: --set contestants=a,b), or declare the instrument "
            "under [instruments] in the study file",
        )
    if len(names) < 2 or len(set(names)) < len(names):
        raise ArgumentError(
            f"scores is {list(names)}",
            wanted="two or more different instruments",
            next_step="one score alone is judged by cx.contest.score_vs_churn",
        )
    return names


def answered_scores(marks: Landmarks) -> tuple[str, ...]:
    """Return the instruments that anybody answered within the window, CES, NPS and CSAT first.

    The contestants where none are named: a study may declare a question that nobody has answered yet.

    Parameters
    ----------
    marks : Landmarks
        Rows with one column for each instrument.

    Returns
    -------
    tuple of str
        Those of ``ces, nps, csat`` with an answer if there are two or more, else all with an answer.

    Examples
    --------
    >>> import pandas as pd
    >>> from cxresearch.data.landmarks.landmarks import Landmarks
    >>> from cxresearch.scales import CES2, CSAT, NPS
    >>> rows = {"customer_id": ["a", "b"], "duration_days": [400, 30], "event": [0, 1]}
    >>> scores = {"nps": [9, 3], "ces": [7, None], "csat": [None, None]}
    >>> scales = {"nps": NPS, "ces": CES2, "csat": CSAT}
    >>> marks = Landmarks.from_frame(pd.DataFrame(rows | scores), instruments=scales, horizon_days=180)
    >>> answered_scores(marks)
    ('ces', 'nps')
    """
    answered = tuple(name for name in marks.instruments if marks.frame[name].notna().any())
    usual = tuple(name for name in ("ces", "nps", "csat") if name in answered)
    if len(usual) > 1:
        return usual
    return answered


def horizons_of(marks: Landmarks, horizon_days: float | Sequence[float] | None) -> tuple[float, ...]:
    """Return the horizons, the primary one first."""
    if horizon_days is None:
        return (float(marks.horizon_days),)
    given = np.atleast_1d(np.asarray(horizon_days, dtype=object)).tolist()
    if not given:
        raise ArgumentError("horizon_days is empty", wanted="one or more numbers of days")
    horizons = tuple(check_number("horizon_days", value, above=0) for value in given)
    if len(set(horizons)) < len(horizons):
        raise ArgumentError(f"horizon_days repeats a horizon: {list(horizons)}", wanted="different horizons")
    return horizons


def complete_rows(
    marks: Landmarks,
    names: tuple[str, ...],
    horizons: tuple[float, ...],
    *,
    clusters: str | None = "customer_id",
    form: str = "raw",
    weights: str | ArrayLike | None = None,
) -> ContestRows:
    """Take the rows with an answer to every contestant, and count the others by reason.

    Parameters
    ----------
    clusters : str or None
        Column whose rows depend on each other; None treats every row as a customer of its own.
    weights : str, or array-like of shape (rows of marks,), optional
        Positive row weights, or the column that holds them.

    Raises
    ------
    DataError
        If no row is complete, or a score has one distinct value.
    """
    frame = marks.frame
    if clusters is not None and clusters not in frame.columns:
        raise ArgumentError(f"clusters names the column {clusters!r}, which is not there", wanted="a column")
    raw = frame[list(names)].to_numpy(dtype=np.float64, na_value=np.nan)
    complete = ~np.isnan(raw).any(axis=1)
    if not complete.any():
        raise _nobody_complete(names, raw)
    rows = frame.loc[complete]
    # Without clusters every row is a customer of its own.
    codes = np.arange(len(rows), dtype=np.intp)
    if clusters:
        codes = cluster_codes(rows[clusters])
    left_out, alarms = _left_out(marks, names, raw), _alarms(marks)
    duration = known_at_horizon(rows, horizons)
    scales = [marks.instruments[name] for name in names]
    answers = np.ascontiguousarray(raw[complete].T)
    risk = in_form(answers, scales, form) * marks.followed.sign
    coded = [coded_levels(name, values) for name, values in zip(names, risk, strict=True)]
    cautions = agreement_cautions(dict(zip(names, answers, strict=True)), dict(marks.instruments))
    weight = np.ones(len(rows))
    every_weight = row_weights(marks, weights)
    if every_weight is not None:
        weight = every_weight[complete]
    # Landmarks have checked their durations and events; the weights are checked in row_weights.
    fit = follow_up_of(duration, rows["event"].to_numpy(dtype=np.int64), weight)
    return ContestRows(
        frame=rows,
        fit=fit,
        names=names,
        labels=tuple(scale.label for scale in scales),
        risk=risk,
        codes=tuple(code[fit.order] for code, _ in coded),
        levels=tuple(levels for _, levels in coded),
        clusters=codes,
        left_out=left_out,
        fold_by=clusters or "customer_id",
        cautions=(*cautions, *alarms),
        outcome=marks.followed,
    )


def _nobody_complete(names: tuple[str, ...], raw: Floats) -> DataError:
    """Say that no row has every answer, and which of them nobody gave."""
    silent = [name for name, answers in zip(names, raw.T, strict=True) if np.isnan(answers).all()]
    nobody = ""
    if silent:
        nobody = f"; nobody answered {', '.join(silent)}"
    return DataError(
        "no row has an answer to every one of " + ", ".join(names) + nobody,
        where=f"{len(raw):,} landmark rows",
        next_step="widen window_days, or compare scores that the same customers answered",
    )


def row_weights(marks: Landmarks, weights: str | ArrayLike | None) -> Floats | None:
    """Return the weights of all landmark rows, shape (rows,), or None where there are none.

    Raises
    ------
    ArgumentError
        If the column is not there, or the weights are of another number than the rows.
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        if weights not in marks.frame.columns:
            raise ArgumentError(
                f"weights names the column {weights!r}, which is not there", wanted="a column, or an array"
            )
        weights = marks.frame[weights]
    values = as_numbers("weights", weights)
    check_same_length(marks=marks.frame["customer_id"], weights=values)
    return values


def known_at_horizon(rows: pd.DataFrame, horizons: tuple[float, ...]) -> Floats:
    """Durations, with a customer followed to the very end of a horizon counted as followed past it.

    Somebody censored at exactly ``h`` was seen not to leave within ``h``; the statistics ask for ``T > h``.
    """
    duration = rows["duration_days"].to_numpy(dtype=np.float64).copy()
    censored = rows["event"].to_numpy() == 0
    width = tie_width(np.unique(duration))
    for horizon in horizons:
        at_its_end = censored & (np.abs(duration - horizon) <= width)
        duration[at_its_end] = horizon + 3 * width  # beyond any tie
    return duration


def _left_out(marks: Landmarks, names: tuple[str, ...], raw: Floats) -> pd.DataFrame:
    """Count rows without an answer, by which answers are missing, after those the landmark left out."""
    # Bit k of a row's pattern says that answer k is missing.
    pattern = np.isnan(raw) @ (1 << np.arange(len(names)))
    counts = []
    for value in np.unique(pattern[pattern > 0]):
        incomplete = pattern == value
        lacking = [marks.instruments[name].label for bit, name in enumerate(names) if value >> bit & 1]
        counts.append(
            {
                "reason": "no answer to " + " nor ".join(lacking),
                "rows": int(incomplete.sum()),
                "customers": int(marks.frame.loc[incomplete, "customer_id"].nunique()),
            }
        )
    columns = ["reason", "rows", "customers"]
    silent = pd.DataFrame(counts, columns=columns)
    parts = [part for part in (marks.excluded[columns], silent) if len(part)]
    if not parts:
        return silent
    return pd.concat(parts, ignore_index=True)


def _alarms(marks: Landmarks) -> tuple[str, ...]:
    """Alarms raised where the rows were made."""
    alarms = []
    for row in marks.flags.to_dict("records"):
        flag, detail = str(row["flag"]), str(row["detail"])
        if not set(flag.split()) <= set(re.findall(r"\w+", detail)):
            detail = f"{flag}: {detail}"
        alarms.append(detail)
    return tuple(alarms)
