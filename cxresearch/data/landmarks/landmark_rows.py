"""The rows of one landmark: the engine joins what was known, NumPy counts the days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from cxresearch.data.landmarks.known_by_then import Past
from cxresearch.data.landmarks.landmark_features import Part, feature_parts, scores
from cxresearch.data.landmarks.landmark_outcomes import (
    CHURN,
    ELIGIBLE,
    HAPPENED,
    LandmarkOutcome,
    outcome_columns,
)
from cxresearch.errors import StudyError
from cxresearch.wording import shown

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Frame = nw.LazyFrame[Any]

_OWN_COLUMNS = (
    "customer_id",
    "landmark_at",
    "duration_days",
    "event",
    "tenure_days",
    "started_at",
    "ended_at",
    "churned_at",
    "churn_kind",
)
NO_ANSWER = "no answer by then"
OLD_ANSWER = "last answer older than the window"
#: Ids of the customers left out at one landmark for want of an answer, by reason.
Silent = Mapping[str, "pd.Series[str]"]


def rows_at(
    past: Past,
    people: Frame,
    *,
    window_days: float,
    features: bool,
    outcome: LandmarkOutcome = CHURN,
    happened: Frame | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the customers at risk at one landmark, with scores, features and outcome.

    Parameters
    ----------
    past : Past
        The study as it was known at the landmark.
    people : LazyFrame
        ``customer_id, started_at, churned_at, churn_kind`` and segments.
    window_days : float
        Older answers are blanked.
    features : bool
        Whether to compute features.
    outcome : LandmarkOutcome
        What is followed.
    happened : LazyFrame, optional
        From `outcome_at`; not needed for churn.

    Returns
    -------
    rows : DataFrame
        The columns of `Landmarks`, and ``_silence``: 0 with an answer in the window, 1 with older ones
        only, 2 with none; for outcomes other than churn also ``_eligible``, missing for customers who cannot
        have it. Sorted by customer.
    names : tuple of str
        The feature columns.
    """
    study, churned = past.study, nw.col("churned_at")
    asked = past.has("responses") and bool(study.instruments)
    parts = []
    if asked:
        parts.append(scores(past, study.instruments, features=features))
    if features:
        parts += feature_parts(past)
    _refuse_clashes(past, parts)
    rows = people.filter((nw.col("started_at") <= past.at) & (churned.is_null() | (churned > past.at)))
    wanted = ["customer_id", "started_at", "churned_at", "churn_kind", *study.segments]
    for part in parts:
        rows = rows.join(part.frame, on="customer_id", how="left")
        wanted += part.fetched
    if happened is not None:
        rows = rows.join(happened, on="customer_id", how="left")
        wanted += [HAPPENED, ELIGIBLE]
    fetched = _fetch(rows.select(wanted).sort("customer_id"), ["customer_id", *study.segments])
    columns, names = _columns(past, fetched, parts, outcome, window_days if asked else None)
    if happened is not None:
        columns[ELIGIBLE] = fetched[ELIGIBLE]
    return _frame({**columns, **{name: fetched[name] for name in study.segments}}), names


def _refuse_clashes(past: Past, parts: Sequence[Part]) -> None:
    """Refuse segments and instruments called like a column of the rows; engines do not tell a from A."""
    instruments = past.study.instruments
    made = [column for part in parts for column in (*part.names, *part.fetched) if column not in instruments]
    taken = {name.casefold() for name in (*_OWN_COLUMNS, *made)}
    made = [f"{name}{end}" for name in instruments for end in ("_age_days", "_change")]
    asked = [("instrument", name) for name in instruments] + [("column", name) for name in made]
    for kind, name in [*asked, *(("segment", name) for name in past.study.segments)]:
        if name.casefold() in taken:
            raise StudyError(
                f"{kind} {shown(name)} has the name of another column of the landmark rows",
                wanted="names that differ, in more than capital letters",
                next_step="give it another name in the study file, or choose other segments",
            )
        taken.add(name.casefold())


def _fetch(rows: Frame, text: Sequence[str]) -> pd.DataFrame:
    """Run the engine; texts come back on Arrow, which a million customers need, numbers as floats."""
    import pandas as pd
    import pyarrow as pa

    kinds = {pa.string(): pd.StringDtype("pyarrow"), pa.large_string(): pd.StringDtype("pyarrow")}
    table = rows.collect("pyarrow").to_native()
    fetched: pd.DataFrame = table.to_pandas(types_mapper=kinds.get, split_blocks=True, self_destruct=True)
    kind = {True: "datetime64[us]", False: "float64"}
    exact = {name: kind[name.endswith("_at")] for name in fetched.columns if name not in text}
    typed: pd.DataFrame = fetched.astype(exact)
    return typed


def _frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(dict(columns), copy=False)


def _columns(
    past: Past,
    fetched: pd.DataFrame,
    parts: Sequence[Part],
    outcome: LandmarkOutcome,
    window_days: float | None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Turn moments into days, blank answers older than the window, and name the columns."""
    columns: dict[str, Any] = {
        "customer_id": fetched["customer_id"],
        "landmark_at": np.full(len(fetched), np.datetime64(past.at, "us")),
    }
    if window_days is not None:
        columns |= _answers(past, fetched, window_days)
    columns |= _outcome(past, fetched, outcome)
    known: dict[str, Any] = {"tenure_days": _days_since(past, fetched["started_at"])}
    for part in parts:
        for name in part.names:
            if name in part.ages:
                known[name] = _days_since(past, fetched[part.ages[name]])
            elif name in part.ahead:
                known[name] = -_days_since(past, fetched[part.ahead[name]])
            else:
                # No row means that nothing happened only for counts over a window the table covers.
                known[name] = fetched[name]
                if name in part.zero:
                    known[name] = fetched[name].fillna(0.0)
    for name in past.study.instruments:
        if f"{name}_previous" in known:
            known[f"{name}_change"] = columns[name] - known[f"{name}_previous"].to_numpy()
    return {**columns, **known}, tuple(known)


def _days_since(past: Past, moments: pd.Series) -> NDArray[np.float64]:
    return np.asarray((past.at - moments).dt.total_seconds(), dtype=np.float64) / 86_400


def _outcome(past: Past, fetched: pd.DataFrame, outcome: LandmarkOutcome) -> dict[str, Any]:
    cut = past.study.observed_until
    left = (fetched["churned_at"] <= cut).to_numpy()
    # Follow-up from the landmark s: min(T, C) - s, with C the data cut; event 0 is censored at the cut.
    followed = (cut - past.at) / timedelta(days=1)
    if outcome is not CHURN:
        left_days = np.where(left, -_days_since(past, fetched["churned_at"]), np.nan)
        happened_days = -_days_since(past, fetched[HAPPENED])
        return outcome_columns(outcome, happened_days, left_days, followed_days=followed)
    return {
        "duration_days": np.where(left, -_days_since(past, fetched["churned_at"]), followed),
        "event": np.where(left, fetched["churn_kind"].to_numpy(), 0).astype(np.int8),
    }


def _answers(past: Past, fetched: pd.DataFrame, window_days: float) -> dict[str, Any]:
    """Scores and ages within the window, and ``_silence``."""
    columns: dict[str, Any] = {}
    silence = np.full(len(fetched), 2, dtype=np.int8)
    for name in past.study.instruments:
        age = _days_since(past, fetched[f"_{name}_at"])
        fresh = age <= window_days
        columns[name] = np.where(fresh, fetched[name].to_numpy(), np.nan)
        columns[f"{name}_age_days"] = np.where(fresh, age, np.nan)
        if f"{name}_weight" in fetched:
            columns[f"{name}_weight"] = np.where(fresh, fetched[f"{name}_weight"].to_numpy(), np.nan)
        # 0 answered within the window, 1 earlier, 2 never; over several questions the most recent counts.
        silence = np.minimum(silence, np.where(fresh, 0, np.where(np.isnan(age), 2, 1)))
    return {**columns, "_silence": silence}


def split_silent(rows: pd.DataFrame, *, keep: bool) -> tuple[pd.DataFrame, Silent]:
    """Part the rows without an answer in the window: the rows kept, and the ids of the others by reason."""
    if "_silence" not in rows:
        return rows, {}
    # Who was silent at a landmark is left out there alone: the same customer may answer by the next.
    silence, ids = rows.pop("_silence").to_numpy(), rows["customer_id"]
    if keep or not silence.any():
        return rows, {}
    return rows[silence == 0], {NO_ANSWER: ids[silence == 2], OLD_ANSWER: ids[silence == 1]}
