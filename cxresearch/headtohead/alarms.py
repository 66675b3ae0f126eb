"""Alarms about leaks that show in the landmark rows themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.errors import DataError
from cxresearch.results.landmarks import require_landmarks
from cxresearch.stats.censoring import follow_up
from cxresearch.stats.ipcw import auc_at, level_codes, sides

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cxresearch.results.landmarks import Landmarks

SUSPICIOUS = 0.95
_ENOUGH = 30
_COLUMNS = ["column", "alarm", "auc", "rows", "detail"]


def leak_alarms(marks: Landmarks, *, suspicious: float = SUSPICIOUS) -> pd.DataFrame:
    """List scores and features that know too much about who will leave.

    Parameters
    ----------
    marks : Landmarks
    suspicious : float
        AUC from which a column is under suspicion; below one minus it, likewise.

    Returns
    -------
    DataFrame
        ``column, alarm, auc, rows, detail``, and the flags raised where the rows were made. Alarms:
        ``"too good"`` (AUC of .95 or more), ``"ends with the customer"`` (missingness tells who leaves),
        ``"follows churn"`` (the score is no use when old but nearly perfect in the 30 days before churn).

    Raises
    ------
    DataError
        If nobody left, or nobody is followed past the horizon.

    References
    ----------
    Kaufman et al. (2012), Leakage in data mining, doi:10.1145/2382577.2382579.

    Examples
    --------
    >>> import cxresearch as cx
    >>> leak_alarms(cx.synthetic_landmarks(customers=2_000)).empty
    True
    """
    import pandas as pd

    require_landmarks(marks)

    lines: list[dict[str, Any]] = [
        {"column": "", "alarm": row["flag"], "auc": np.nan, "rows": row["rows"], "detail": row["detail"]}
        for row in marks.flags.to_dict("records")
    ]
    for name in dict.fromkeys([*marks.instruments, *marks.features]):
        values = marks.frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        missing = np.isnan(values)
        if _ENOUGH <= missing.sum() <= len(values) - _ENOUGH:
            auc = _auc(marks, missing.astype(float), np.ones(len(values), dtype=bool))
            if _extreme(auc, suspicious):
                detail = f"whether {name} is known tells almost surely who leaves"
                lines.append(_line(name, "ends with the customer", auc, len(values), detail))
        auc = _auc(marks, values, ~missing)
        if _extreme(auc, suspicious):
            detail = f"{name} alone tells leavers from stayers: no honest survey does"
            lines.append(_line(name, "too good", auc, int((~missing).sum()), detail))
    for name in marks.instruments:
        lines += _follows(marks, name)
    return pd.DataFrame(lines, columns=_COLUMNS)


def _line(column: str, alarm: str, auc: float, rows: int, detail: str) -> dict[str, Any]:
    return {"column": column, "alarm": alarm, "auc": auc, "rows": rows, "detail": detail}


def _extreme(auc: float, suspicious: float) -> bool:
    return bool(auc >= suspicious or auc <= 1 - suspicious)


def _auc(
    marks: Landmarks, values: NDArray[np.float64], keep: NDArray[np.bool_], horizon: float | None = None
) -> float:
    """AUC of the column on the rows kept; NaN where they hold no case, no control or a single value."""
    until = float(marks.horizon_days) if horizon is None else horizon
    known = values[keep]
    if len(known) < _ENOUGH or known.min() == known.max():
        return float("nan")
    rows = marks.frame[keep]
    try:
        fit = follow_up(rows["duration_days"], rows["event"])
        at = sides(fit, until, controls="event_free")
    except DataError:
        return float("nan")
    if np.count_nonzero(at.case) < 10:
        return float("nan")
    code, _ = level_codes("column", known)
    return auc_at(fit, code[fit.order], at)[0]


def _follows(marks: Landmarks, name: str) -> list[dict[str, Any]]:
    """Compare how a score tells churn of the next 30 days with how it tells churn after those."""
    if marks.horizon_days <= 60:
        return []
    values = marks.frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    values = values * marks.instruments[name].risk_sign
    known = ~np.isnan(values)
    duration = marks.frame["duration_days"].to_numpy(dtype=np.float64)
    soon = _auc(marks, values, known, 30.0)
    later = _auc(marks, values, known & (duration > 30))
    if soon >= 0.85 and later < 0.6:
        detail = (
            f"{name} tells churn of the next 30 days (AUC {soon:.2f}) but hardly later churn ({later:.2f}): "
            "it may have been answered on the way out"
        )
        return [_line(name, "follows churn", soon, int(known.sum()), detail)]
    return []
