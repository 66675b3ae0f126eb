"""Leak alarms: columns of landmark rows that know the outcome better than anything known by then could."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from cxresearch.churn.churn_kinds import words_for
from cxresearch.churn.classifier.training_rows import (
    LEAST_KNOWN,
    TrainingRows,
    outcome_rows,
    readable_columns,
)
from cxresearch.data.landmarks.landmarks import require_landmarks
from cxresearch.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cxresearch.data.landmarks.landmarks import Landmarks
    from cxresearch.scales import Scale

#: One column alone that ranks this well is a suspicion, not a triumph.
AUC_ALONE = 0.95
#: A column with two values that ranks this well nearly repeats the outcome.
AUC_TWO_VALUES = 0.75
#: A column that sounds like the outcome is reported from this AUC on.
AUC_NAMED = 0.70
#: An end of a column in which this share left, where at most half of all did.
PURE_SHARE = 0.95
#: A score that tells churn of the next 30 days so well, and later churn hardly, was asked on the way out.
AUC_SOON, AUC_LATER, SOON_DAYS = 0.85, 0.60, 30.0
_SOUNDS_LIKE = re.compile(
    r"status|churn|cancel|ended|end_|inactive|is_active|exit|terminat|attrit|closed_at|left_", re.IGNORECASE
)
_MOST_ROWS = 200_000
#: Fewer leavers or stayers tell nothing about a column.
_LEAST_SIDE = 10
_COLUMNS = ["column", "alarm", "auc", "rows", "detail"]


class _Alarm(NamedTuple):
    column: str
    alarm: str
    auc: float
    rows: int
    detail: str


def leak_alarms(marks: Landmarks, *, suspicious: float = AUC_ALONE) -> pd.DataFrame:
    """List columns of landmark rows that know too much about who will leave of their own accord.

    Parameters
    ----------
    marks : Landmarks
        Scores, their ages, tenure, features and segments are looked at.
    suspicious : float
        AUC of one column alone from which it is under suspicion, whichever way it ranks.

    Returns
    -------
    DataFrame
        ``column, alarm, auc, rows, detail``: the flags raised where the rows were made (without a column),
        then the alarms of `column_alarms`. No alarm about a column is raised where fewer than 10 customers
        left, or stayed, within the horizon.

    Raises
    ------
    ArgumentError
        If these are no landmarks.

    References
    ----------
    Kaufman et al. (2012), Leakage in data mining, doi:10.1145/2382577.2382579.

    Examples
    --------
    >>> import cxresearch as cx
    >>> leak_alarms(cx.synthetic.synthetic_landmarks(customers=2_000)).empty
    True
    """
    require_landmarks(marks)
    raised = [
        _Alarm("", row["flag"], float("nan"), int(row["rows"]), row["detail"])
        for row in marks.flags.to_dict("records")
    ]
    numbers, categories = readable_columns(marks)
    alarms = column_alarms(
        marks.frame,
        numbers=numbers,
        categories=categories,
        instruments=marks.instruments,
        horizon=marks.horizon_days,
        kind="voluntary" if marks.outcome == "churn" else marks.followed.name,
        suspicious=suspicious,
    )
    if not raised:
        return alarms
    flags = pd.DataFrame(raised, columns=_COLUMNS)
    if alarms.empty:
        return flags
    return pd.concat([flags, alarms], ignore_index=True)


def column_alarms(
    frame: pd.DataFrame,
    *,
    numbers: Sequence[str],
    categories: Sequence[str],
    instruments: Mapping[str, Scale],
    horizon: float,
    kind: str,
    suspicious: float = AUC_ALONE,
    seed: int = 0,
) -> pd.DataFrame:
    """Look at each column alone and report those that look as if measured after the fact.

    Six rules, each a suspicion for a person to judge, and for each column the first that applies:

    - ``ends with the customer``: whether it is known ranks with an AUC of .95 or more;
    - ``too good``: alone it ranks with an AUC of .95 or more, in either direction;
    - ``follows churn``: a score that tells churn of the next 30 days (AUC .85) but hardly later churn (.60);
    - ``pure end``: its lowest or highest value (or the extreme 1 % of a fine scale), at least 20 rows and 1 %
      of all, in which 95 % left for whatever reason, where at most half of all did;
    - ``next to the outcome``: two values and an AUC of .75 or more;
    - ``named like the outcome``: a name that sounds like it and an AUC of .70 or more.

    Parameters
    ----------
    frame : DataFrame
        Rows of `Landmarks`; beyond 200,000 a sample drawn by ``seed`` is looked at.
    numbers, categories : sequence of str
        Its columns to look at. A category counts as the churn share that its level has among other customers.
    instruments : Mapping of str to Scale
        Which of the columns are scores.
    horizon : float
        Days ahead.
    kind : {"any", "voluntary", "involuntary"} or the name of an outcome
        Leavers of another kind within the horizon are neither leavers nor stayers.
    suspicious : float
        The .95 of the first two rules.
    seed : int
        Of the sample drawn from a large frame; the same seed gives the same alarms.

    Returns
    -------
    DataFrame
        ``column, alarm, auc, rows, detail``, highest AUC first. The AUC is weighted for censoring and turned
        to be at least .5, a missing value ranking below all others or left out, whichever ranks better.
        ``rows`` are those that know the column. No alarms where too few left or stayed to judge.
    """
    alarms: list[_Alarm] = []
    rows = _sides(frame, numbers=numbers, categories=categories, horizon=horizon, kind=kind, seed=seed)
    if rows is None:
        return pd.DataFrame(alarms, columns=_COLUMNS)
    for name in rows.table.columns:
        late = ""
        if name in instruments:
            late = _follows(frame, name, instruments[name], horizon, kind)
        alarm = _first_alarm(name, rows, suspicious, late)
        if alarm is not None:
            alarms.append(alarm)
    return pd.DataFrame(alarms, columns=_COLUMNS).sort_values("auc", ascending=False, ignore_index=True)


def _sides(
    frame: pd.DataFrame,
    *,
    numbers: Sequence[str],
    categories: Sequence[str] = (),
    horizon: float,
    kind: str,
    seed: int = 0,
) -> TrainingRows | None:
    """Rows whose outcome is known; nothing where too few left or stayed."""
    try:
        rows = outcome_rows(frame, numbers=numbers, categories=categories, kind=kind, horizon=horizon)
    except DataError:
        return None
    known = np.flatnonzero(rows.weight > 0)
    if len(known) > _MOST_ROWS:
        known = np.sort(np.random.default_rng(seed).choice(known, _MOST_ROWS, replace=False))
    rows = rows.take(known)
    fewer_side = min(rows.left.sum(), (~rows.gone).sum())
    if fewer_side < _LEAST_SIDE or len(known) < LEAST_KNOWN:
        return None
    return rows


def _first_alarm(name: str, rows: TrainingRows, suspicious: float, late: str) -> _Alarm | None:
    """Return the first rule that a column breaks, in the order of `column_alarms`; None if it breaks none.

    Parameters
    ----------
    name : str
        The column.
    rows : TrainingRows
    suspicious : float
        AUC from which a column alone is suspected.
    late : str
        In words, that it tells churn of the next days but hardly later churn; empty if not.
    """
    values, distinct = _as_number(rows, name)
    known = ~np.isnan(values)
    n_known = int(known.sum())
    # Who left by another kind of churn is on neither side.
    judged = rows.left | ~rows.gone
    left, weight = rows.left[judged], rows.weight[judged]
    if min(n_known, len(known) - n_known) >= LEAST_KNOWN:
        auc = _turned(known[judged].astype(np.float64), left, weight)
        if auc >= suspicious:
            detail = f"whether {name} is known tells almost surely who leaves (AUC {auc:.3f})"
            return _Alarm(name, "ends with the customer", auc, n_known, detail)
    auc = _auc_alone(values[judged], left, weight)
    pure = _pure_end(values, rows)
    rules = (
        (
            "too good",
            auc >= suspicious,
            f"alone it ranks with AUC {auc:.3f}; it may be measured after the fact",
        ),
        ("follows churn", bool(late), late),
        ("pure end", bool(pure), pure),
        (
            "next to the outcome",
            distinct == 2 and auc >= AUC_TWO_VALUES,
            f"two values that alone rank with AUC {auc:.3f}: nearly the outcome itself",
        ),
        (
            "named like the outcome",
            bool(_SOUNDS_LIKE.search(name)) and auc >= AUC_NAMED,
            f"sounds like the outcome and alone ranks with AUC {auc:.3f}",
        ),
    )
    for alarm, is_broken, detail in rules:
        if is_broken:
            return _Alarm(name, alarm, auc, n_known, detail)
    return None


def _as_number(rows: TrainingRows, name: str) -> tuple[NDArray[np.float64], int]:
    """Values, a category as its level's churn share in the other half of customers, and how many there are.

    Taken from the same customers, the shares of many small levels would know the outcome by themselves.
    """
    column = rows.table[name]
    distinct = int(column.nunique(dropna=False))
    if column.dtype.kind == "f":
        return column.to_numpy(), distinct
    code, half = pd.factorize(column)[0], rows.customer % 2
    share = np.empty(len(code))
    for side in (0, 1):
        mine, other = half == side, half != side
        if not other.any():
            other = mine
        weight = np.bincount(code[other], weights=rows.weight[other], minlength=code.max() + 1)
        cases = np.bincount(code[other], weights=(rows.weight * rows.left)[other], minlength=code.max() + 1)
        # A level that the other half does not have gets the share of all there.
        overall = float(cases.sum() / max(weight.sum(), 1e-300))
        level = np.divide(cases, weight, out=np.full(len(weight), overall), where=weight > 0)
        share[mine] = level[code[mine]]
    return share, distinct


def _auc_alone(values: NDArray[np.float64], left: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """Return the weighted AUC of one column, turned to be at least .5."""
    known = ~np.isnan(values)
    if known.sum() < 2 or len(np.unique(values[known])) + (not known.all()) < 2:
        return 0.5
    lowest = np.where(known, values, values[known].min() - 1)
    best = _turned(lowest, left, weight)
    if not known.all() and 0 < left[known].sum() < known.sum() and known.mean() > 0.01:
        best = max(best, _turned(values[known], left[known], weight[known]))
    return best


def _turned(values: NDArray[np.float64], left: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    # A column that ranks the wrong way round knows as much: turned, its AUC is 1 - AUC.
    auc = float(roc_auc_score(left, values, sample_weight=weight))
    return max(auc, 1 - auc)


def _pure_end(values: NDArray[np.float64], rows: TrainingRows) -> str:
    overall = np.average(rows.gone, weights=rows.weight)
    known = ~np.isnan(values)
    if overall > 0.5 or not known.any():
        return ""
    for side, limit in (
        ("lowest", np.quantile(values[known], 0.01)),
        ("highest", np.quantile(values[known], 0.99)),
    ):
        extreme = known & (values <= limit)
        if side == "highest":
            extreme = known & (values >= limit)
        if extreme.sum() < max(20, 0.01 * len(values)) or extreme.all():
            continue
        share = float(np.average(rows.gone[extreme], weights=rows.weight[extreme]))
        if share >= PURE_SHARE:
            return (
                f"of the {int(extreme.sum()):,} rows at its {side} values {share:.0%} left "
                f"({overall:.0%} overall); it may be measured after the fact"
            )
    return ""


def _follows(frame: pd.DataFrame, name: str, scale: Scale, horizon: float, kind: str) -> str:
    """Say that a score tells churn of the next 30 days and hardly what comes after; empty if it does not."""
    if horizon <= 2 * SOON_DAYS:
        return ""
    answered = frame[frame[name].notna()]
    soon = _score_auc(answered, name, scale, SOON_DAYS, kind)
    if not soon >= AUC_SOON:
        return ""
    later = _score_auc(answered[answered["duration_days"] > SOON_DAYS], name, scale, horizon, kind)
    if not later < AUC_LATER:
        return ""
    return (
        f"{name} tells churn of the next {SOON_DAYS:.0f} days (AUC {soon:.2f}) but hardly later churn "
        f"({later:.2f}): it may have been answered on the way out"
    )


def _score_auc(frame: pd.DataFrame, name: str, scale: Scale, horizon: float, kind: str) -> float:
    """AUC of a score in its declared direction; NaN where too few left or stayed."""
    rows = _sides(frame, numbers=[name], horizon=horizon, kind=kind)
    if rows is None:
        return float("nan")
    judged = rows.left | ~rows.gone
    values = rows.table[name].to_numpy() * scale.risk_sign * words_for(kind).sign
    return float(roc_auc_score(rows.left[judged], values[judged], sample_weight=rows.weight[judged]))
