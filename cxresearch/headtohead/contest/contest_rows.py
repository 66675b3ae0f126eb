"""The rows a contest is fought on: complete, with scores turned so that higher means riskier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cxresearch.checks import check_number
from cxresearch.errors import ArgumentError, DataError
from cxresearch.headtohead.contest.forms import agreement_cautions, check_levels, in_form
from cxresearch.stats.models.clustered_covariance import cluster_codes
from cxresearch.stats.prediction.cross_fitted_risk import folds_of
from cxresearch.stats.prediction.follow_up import FollowUp, follow_up, tie_width
from cxresearch.stats.prediction.ipcw import level_codes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

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
        Scores turned so that higher means riskier, in the order of `frame`.
    codes : tuple of m arrays of int, shape (n,)
        Level numbers of ``risk``, sorted by duration as `fit` is.
    levels : tuple of m arrays
        The distinct values of ``risk``, lowest first.
    clusters : array of int, shape (n,)
        In the order of `frame`.
    left_out : DataFrame
        ``reason, rows, customers``.
    cautions : tuple of str
        Scores that contradict each other.
    fold_by : str
        Column whose rows stay together in cross-fitting.
    """

    frame: pd.DataFrame
    fit: FollowUp
    names: tuple[str, ...]
    labels: tuple[str, ...]
    risk: NDArray[np.float64]
    codes: tuple[NDArray[np.intp], ...]
    levels: tuple[NDArray[np.float64], ...]
    clusters: NDArray[np.intp]
    left_out: pd.DataFrame
    cautions: tuple[str, ...]
    fold_by: str

    @cached_property
    def folds(self) -> NDArray[np.intp]:
        """Fold of each row for cross-fitting, sorted as `fit` is: by customer, whatever the order of rows."""
        return folds_of(self.frame[self.fold_by])[self.fit.order]


def contestants(marks: Landmarks, scores: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the scores to compare, or say what is wrong with them."""
    if isinstance(scores, str):
        raise ArgumentError(f"scores is the text {scores!r}", wanted='a list such as ["ces", "nps"]')
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
        raise ArgumentError(f"scores is {list(names)}", wanted="two or more different instruments")
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
    found = tuple(name for name in marks.instruments if marks.frame[name].notna().any())
    usual = tuple(name for name in ("ces", "nps", "csat") if name in found)
    return usual if len(usual) > 1 else found


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
    weights: NDArray[np.float64] | None = None,
) -> ContestRows:
    """Take the rows with an answer to every contestant, and count the others by reason.

    Parameters
    ----------
    clusters : str or None
        Column whose rows depend on each other; None treats every row as a customer of its own.
    weights : array, shape (rows of marks,), optional
        Positive row weights.

    Raises
    ------
    DataError
        If no row is complete, or a score has one distinct value.
    """
    frame = marks.frame
    raw = frame[list(names)].to_numpy(dtype=np.float64, na_value=np.nan)
    keep = ~np.isnan(raw).any(axis=1)
    if not keep.any():
        silent = [name for name, missing in zip(names, np.isnan(raw).all(axis=0), strict=True) if missing]
        nobody = f"; nobody answered {', '.join(silent)}" if silent else ""
        raise DataError(
            "no row has an answer to every one of " + ", ".join(names) + nobody,
            where=f"{len(frame):,} landmark rows",
            next_step="widen window_days, or compare scores that the same customers answered",
        )
    rows = frame.loc[keep]
    if clusters is not None and clusters not in frame.columns:
        raise ArgumentError(f"clusters names the column {clusters!r}, which is not there", wanted="a column")
    scales = [marks.instruments[name] for name in names]
    answers = np.ascontiguousarray(raw[keep].T)
    risk = in_form(answers, scales, form)
    fit = follow_up(
        _known_at_horizon(rows, horizons),
        rows["event"].to_numpy(dtype=np.int64),
        weights=None if weights is None else weights[keep],
    )
    codes, levels = _levels(names, risk)
    group = cluster_codes(rows[clusters]) if clusters else np.arange(len(rows), dtype=np.intp)
    return ContestRows(
        frame=rows,
        fit=fit,
        names=names,
        labels=tuple(marks.instruments[name].label for name in names),
        risk=risk,
        codes=tuple(code[fit.order] for code in codes),
        levels=levels,
        clusters=group,
        left_out=_left_out(marks, names, raw),
        fold_by=clusters or "customer_id",
        cautions=agreement_cautions(dict(zip(names, answers, strict=True)), dict(marks.instruments)),
    )


def _known_at_horizon(rows: pd.DataFrame, horizons: tuple[float, ...]) -> NDArray[np.float64]:
    """Durations, with a customer followed to the very end of a horizon counted as followed past it.

    Somebody censored at exactly ``h`` was seen not to leave within ``h``; the statistics ask for ``T > h``.
    """
    duration = rows["duration_days"].to_numpy(dtype=np.float64).copy()
    censored = rows["event"].to_numpy() == 0
    width = tie_width(np.unique(duration))
    for horizon in horizons:
        duration[censored & (np.abs(duration - horizon) <= width)] = horizon + 3 * width  # beyond any tie
    return duration


def _levels(
    names: tuple[str, ...], risk: NDArray[np.float64]
) -> tuple[tuple[NDArray[np.intp], ...], tuple[NDArray[np.float64], ...]]:
    found = [level_codes(name, values) for name, values in zip(names, risk, strict=True)]
    for name, (_, levels) in zip(names, found, strict=True):
        check_levels(name, levels, risk.shape[1])
    return tuple(code for code, _ in found), tuple(levels for _, levels in found)


def _left_out(marks: Landmarks, names: tuple[str, ...], raw: NDArray[np.float64]) -> pd.DataFrame:
    """Count rows without an answer, by which answers are missing, after those the landmark left out."""
    import pandas as pd

    missing = np.isnan(raw)
    counts = []
    pattern = missing @ (1 << np.arange(len(names)))
    for value in np.unique(pattern[pattern > 0]):
        here = pattern == value
        lacking = [marks.instruments[n].label for bit, n in enumerate(names) if value >> bit & 1]
        counts.append(
            {
                "reason": "no answer to " + " nor ".join(lacking),
                "rows": int(here.sum()),
                "customers": int(marks.frame.loc[here, "customer_id"].nunique()),
            }
        )
    own = pd.DataFrame(counts, columns=["reason", "rows", "customers"])
    parts = [part for part in (marks.excluded[["reason", "rows", "customers"]], own) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else own
