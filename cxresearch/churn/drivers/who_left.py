"""``who_left``: what goes with having left, where a list of customers has no dates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import check_level
from cxresearch.churn.classifier.leak_alarms import column_alarms
from cxresearch.churn.drivers.snapshot_rows import snapshot_rows
from cxresearch.churn.drivers.who_left_result import WhoLeft
from cxresearch.data.snapshot import CAUTION
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.estimate import Estimate
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.stats.intervals.proportions import wilson
from cxresearch.stats.prediction.delong import delong
from cxresearch.wording import listed

if TYPE_CHECKING:
    from cxresearch.data.study import Study

#: With fewer leavers or stayers nothing is said.
LEAST_SIDE = 5
#: Smaller groups of a text column are taken together; a column with more groups than this is no grouping.
LEAST_GROUP, MOST_GROUPS = 30, 50
OTHERS = "(smaller groups)"
_OWN = ("customer_id", "left")
#: Tenure ends with leaving, so leavers have less of it whatever made them leave.
_TENURE = "tenure stops when a customer leaves, so that leavers have less of it says nothing"
_COLUMNS = [
    *("column", "group", "auc", "low", "high", "se", "higher", "share", "share_low", "share_high"),
    *("n", "leavers", "n_missing", "p_value", "p_adjusted", "alarm"),
]


def who_left(study: Study, columns: Sequence[str] | None = None, *, level: float = 0.95) -> WhoLeft:
    """Say what goes with having left, in a study declared as a snapshot.

    Estimand: for each number, and each group of a text column as 0 or 1, the chance that a leaver has more of
    it than a stayer (AUC, ties one half), among the customers of the list who have a value. A question with a
    declared scale is turned so that above .5 means that the unhappy left. Nothing here is a forecast: whether
    a column changed before or after leaving is not in the data.

    Parameters
    ----------
    study : Study
        With ``[study] kind = "snapshot"``.
    columns : sequence of str, optional
        By default all but ids and those that state the outcome.
    level : float
        Confidence level; p-values are corrected by Holm over all rows.

    Returns
    -------
    WhoLeft

    Raises
    ------
    ArgumentError
        If the study has dates, or a column is unknown.
    DataError
        If fewer than 5 left or stayed.
    StudyError
        If rows break rules and the limits of the study do not allow them to be set aside.

    Notes
    -----
    A missing value is left out of the rows of its column and counted. Groups of fewer than 30 are taken
    together. Leak alarms are those of :func:`cxresearch.classifier.leak_alarms`. See docs/study-file.md.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), doi:10.2307/2531595; Mann and Whitney (1947),
    doi:10.1214/aoms/1177730491; Kaufman et al. (2012), doi:10.1145/2382577.2382579.

    Examples
    --------
    >>> import cxresearch as cx
    >>> rng = np.random.default_rng(1)
    >>> customers = pd.DataFrame({"customer_id": range(800), "calls": rng.poisson(2, 800)})
    >>> customers["left"] = np.where(rng.random(800) < 0.1 + 0.08 * customers["calls"], "yes", "no")
    >>> study = cx.Study.from_snapshot(customers)
    >>> found = cx.study.who_left(study)
    >>> found.table.loc[0, "higher"]
    'leavers'
    """
    check_level(level)
    rows = snapshot_rows(study)
    left = rows["left"].to_numpy() == 1
    fewer = int(min(left.sum(), (~left).sum()))
    if fewer < LEAST_SIDE:
        raise DataError(
            f"{int(left.sum()):,} of {len(left):,} customers left",
            wanted=f"at least {LEAST_SIDE} who left and {LEAST_SIDE} who stayed",
        )
    chosen, aside = _chosen(study, rows, columns)
    alarms = _alarms(rows, chosen)
    lines = [line for name in chosen for line in _lines(study, rows[name], left, alarms.get(name, ""), level)]
    return WhoLeft(
        table=_table(lines, level),
        share=_share(left, level),
        smallest_auc=_smallest(left, max(len(lines), 1), level),
        left_aside=tuple(aside),
        caution=CAUTION,
        level=level,
        n=len(left),
        leavers=int(left.sum()),
    )


def _chosen(study: Study, rows: pd.DataFrame, columns: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Columns looked at, and the others with the reason."""
    there = [name for name in rows.columns if name not in _OWN]
    unknown = [name for name in columns or () if name not in there]
    if unknown:
        raise ArgumentError(f"no column {listed(unknown)}", wanted=f"one of {listed(there)}")
    if columns is not None:
        return list(columns), []
    chosen, aside = [], []
    for name in there:
        reason = ""
        if name in study.outcomes:
            reason = "states the outcome"
        elif rows[name].nunique() < 2:
            reason = "one value"
        elif not _is_number(rows[name]) and rows[name].nunique() > MOST_GROUPS:
            reason = "more than 50 groups"
        if reason:
            aside.append(f"{name} ({reason})")
        else:
            chosen.append(name)
    return chosen, aside


def _is_number(column: pd.Series[Any]) -> bool:
    return column.dtype.kind in "fiub"


def _alarms(rows: pd.DataFrame, chosen: Sequence[str]) -> dict[str, str]:
    """What looks as if it knew the outcome: the alarms of landmarks, over rows that all end on one day."""
    # Neutral names where a user's column has one that the rows of landmarks need.
    neutral = {name: f"{name} of the list" for name in ("duration_days", "event") if name in chosen}
    frame = rows.rename(columns=neutral)
    # Leavers left before the horizon of one day, stayers were followed past it: no weights, no censoring.
    frame["duration_days"] = np.where(rows["left"] == 1, 0.5, 2.0)
    frame["event"] = rows["left"].astype("int64")
    names = [neutral.get(name, name) for name in chosen if name != "tenure"]
    numbers = [name for name in names if _is_number(frame[name])]
    found = column_alarms(
        frame,
        numbers=numbers,
        categories=[name for name in names if name not in numbers],
        instruments={},
        horizon=1.0,
        kind="any",
    )
    back = {new: name for name, new in neutral.items()}
    alarms = {
        back.get(str(row["column"]), str(row["column"])): f"{row['alarm']}: {row['detail']}"
        for row in found.to_dict("records")
    }
    return alarms | {name: _TENURE for name in chosen if name == "tenure"}


def _lines(
    study: Study, column: pd.Series[Any], left: np.ndarray[Any, Any], alarm: str, level: float
) -> Iterator[dict[str, Any]]:
    """The rows of one column: itself, or one for each of its groups."""
    name = str(column.name)
    given = column.notna().to_numpy()
    common = {"column": name, "n_missing": int((~given).sum()), "alarm": alarm}
    values, gone = column[given], left[given]
    if _is_number(column):
        scores = values.to_numpy(dtype=np.float64)
        if name in study.instruments:
            scores = scores * study.instruments[name].risk_sign
        if len(np.unique(scores)) > 1:
            yield {**common, "group": "", **_told(scores, gone, level)}
        return
    sizes = values.value_counts()
    small = sizes.index[sizes < LEAST_GROUP]
    if len(small) > 1:
        values = values.where(~values.isin(small), OTHERS)
    groups = sorted(values.astype(str).unique())
    if len(groups) == 2:
        groups = groups[1:]  # the other one is its mirror
    for group in groups:
        within = (values.astype(str) == group).to_numpy()
        share = wilson(int(gone[within].sum()), int(within.sum()), level=level)
        line = _told(within.astype(np.float64), gone, level)
        line |= {"share": gone[within].mean(), "share_low": float(share.low), "share_high": float(share.high)}
        yield {**common, "group": group, **line}


def _told(scores: np.ndarray[Any, Any], gone: np.ndarray[Any, Any], level: float) -> dict[str, Any]:
    """AUC of one score with its interval, and the test of no difference."""
    sides = {"n": len(gone), "leavers": int(gone.sum())}
    if min(gone.sum(), (~gone).sum()) < 2:
        return {**sides, "auc": np.nan, "low": np.nan, "high": np.nan, "se": np.nan, "p_value": np.nan}
    estimate = delong(gone.astype(np.float64), {"score": scores}, level=level).estimate("score")
    # Mann and Whitney's test is that of AUC = .5, with the variance that holds if it is true.
    test = stats.mannwhitneyu(scores[gone], scores[~gone], method="asymptotic")
    ends = {"auc": estimate.value, "low": estimate.low, "high": estimate.high, "se": estimate.se}
    return {**sides, **ends, "p_value": float(test.pvalue)}


def _table(lines: list[dict[str, Any]], level: float) -> pd.DataFrame:
    table = pd.DataFrame(lines, columns=_COLUMNS)
    table["p_adjusted"] = holm(table["p_value"])
    sure = table["p_adjusted"] < 1 - level
    sides = [sure & (table["auc"] > 0.5), sure & (table["auc"] < 0.5)]
    table["higher"] = np.select(sides, ["leavers", "stayers"], default="not told apart")
    sharpness = (table["auc"] - 0.5).abs()
    return table.loc[sharpness.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def _share(left: np.ndarray[Any, Any], level: float) -> Estimate:
    bounds = wilson(int(left.sum()), len(left), level=level)
    share = float(left.mean())
    return Estimate(
        name="share who left",
        value=share,
        se=float(np.sqrt(share * (1 - share) / len(left))),  # se^2 = p (1 - p) / n
        low=float(bounds.low),
        high=float(bounds.high),
        level=level,
        n=len(left),
        unit=Unit.SHARE,
        method="Wilson",
    )


def _smallest(left: np.ndarray[Any, Any], lines: int, level: float) -> float:
    """The AUC seen with a power of 80 % at the first step of Holm's correction."""
    cases, controls = int(left.sum()), int((~left).sum())
    # Without ties and if AUC = .5: var = (m + n + 1) / (12 m n) (Mann and Whitney 1947).
    se = np.sqrt((cases + controls + 1) / (12 * cases * controls))
    reach = stats.norm.ppf(1 - (1 - level) / (2 * lines)) + stats.norm.ppf(0.8)
    return float(min(0.5 + reach * se, 1.0))
