"""From landmarks to the matrix a classifier reads: columns, outcome, weights, and which side of the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.churn.churn_kinds import of_kind, words_for
from cxresearch.churn.classifier.churn_model import Split
from cxresearch.data.landmarks.landmarks import Landmarks, require_landmarks
from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.prediction.follow_up import follow_up, inverse_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingRows:
    """Landmark rows as arrays, n of them in the order of the frame.

    Attributes
    ----------
    table : DataFrame, shape (n, columns)
        What the model reads: floats (NaN missing) and strings ("" missing).
    left : ndarray of bool, shape (n,)
        Left within the horizon, by the kind of churn asked about.
    gone : ndarray of bool, shape (n,)
        Left within the horizon for whatever reason.
    weight : ndarray, shape (n,)
        Inverse probability of being observed; 0 for rows censored before the horizon. Mean 1.
    customer : ndarray of int, shape (n,)
        Code of the customer.
    """

    table: pd.DataFrame
    left: NDArray[np.bool_]
    gone: NDArray[np.bool_]
    weight: NDArray[np.float64]
    customer: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> TrainingRows:
        """Return some of the rows."""
        positions = np.arange(len(self.left))[chosen]
        return TrainingRows(
            table=self.table.iloc[positions],
            left=self.left[chosen],
            gone=self.gone[chosen],
            weight=self.weight[chosen],
            customer=self.customer[chosen],
        )


#: A number known in fewer rows than this is not worth reading.
LEAST_KNOWN = 30


def readable_columns(
    marks: Landmarks, leave_out: Sequence[str] = (), *, within: pd.DataFrame | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the number columns and the category columns a model may read.

    Numbers are scores, their ages, tenure and features; categories are segments. Columns that never vary, and
    numbers known in fewer than 30 rows, are passed over; ``within`` are the rows to look at (all of them).

    Raises
    ------
    ArgumentError
        If a column to leave out does not exist.
    """
    frame = marks.frame
    if within is not None:
        frame = within
    ages = [f"{name}_age_days" for name in marks.instruments]
    wanted = [*marks.instruments, *ages, "tenure_days", *marks.features]
    unknown = sorted(set(leave_out) - {*wanted, *marks.segments})
    if unknown:
        raise ArgumentError(
            "leave_out names " + ", ".join(map(repr, unknown)),
            wanted="columns of the landmarks: " + ", ".join([*marks.instruments, *marks.features]),
        )
    present = [name for name in dict.fromkeys(wanted) if name in frame.columns and name not in leave_out]
    numbers = [name for name in present if frame[name].notna().sum() >= LEAST_KNOWN]
    groups = [name for name in marks.segments if name not in leave_out]
    varied = [name for name in (*numbers, *groups) if frame[name].nunique(dropna=False) > 1]
    return tuple(n for n in numbers if n in varied), tuple(n for n in groups if n in varied)


def table_of(frame: pd.DataFrame, numbers: Sequence[str], categories: Sequence[str]) -> pd.DataFrame:
    """Return the columns in the types the classifier wants."""
    columns: dict[str, object] = {name: frame[name].to_numpy(dtype=np.float64) for name in numbers}
    for name in categories:
        text = frame[name].astype(object).where(frame[name].notna(), "")
        columns[name] = text.astype(str).to_numpy(dtype=object)
    return pd.DataFrame(columns, index=range(len(frame)))


def outcome_rows(
    frame: pd.DataFrame, *, numbers: Sequence[str], categories: Sequence[str], kind: str, horizon: float
) -> TrainingRows:
    """Turn landmark rows into what is learnt from or tested on.

    Censoring before the horizon is handled by inverse probability weights over these rows; another kind of
    leaving before the horizon counts as not having left by this one.

    Raises
    ------
    DataError
        If nobody is followed past the horizon.
    """
    duration = frame["duration_days"].to_numpy(dtype=np.float64)
    event = frame["event"].to_numpy(dtype=np.int64)
    fit = follow_up(duration, event)
    # 1/G(T-) for those who left, 1/G(horizon) for those followed past it, 0 for the censored.
    weight = fit.unsorted(inverse_weights(fit, horizon))
    # A time that differs from the horizon by rounding only lies on it.
    early = fit.unsorted(fit.duration) <= fit.reaching(horizon)
    return TrainingRows(
        table=table_of(frame, numbers, categories),
        left=of_kind(event, kind) & early,
        gone=(event > 0) & early,
        weight=weight,
        customer=pd.factorize(frame["customer_id"])[0].astype(np.int64),
    )


def choose_split(marks: Landmarks, *, test_share: float, seed: int) -> Split:
    """Place the border in time so that the held-out period holds about ``test_share`` of the usable rows."""
    require_landmarks(marks)
    dates = marks.frame["landmark_at"]
    ended = followed_through(marks)
    days, counts = np.unique(dates[ended].dropna().to_numpy(), return_counts=True)
    # In microseconds, for a horizon may be a fraction of a day.
    horizon = np.timedelta64(int(float(marks.horizon_days) * 86_400_000_000), "us")
    # Trained on: landmarks whose horizon ended by the border. Tested on: landmarks from the border on.
    options = []
    for border in days:
        before, after = int(counts[days + horizon <= border].sum()), int(counts[days >= border].sum())
        if before and after:
            options.append((abs(after / (before + after) - test_share), border))
    at = None
    if options and test_share > 0:
        at = pd.Timestamp(min(options)[1]).to_pydatetime()
    return Split(test_share=test_share, seed=seed, test_from=at)


def followed_through(marks: Landmarks) -> NDArray[np.bool_]:
    """Tell which rows lie a whole horizon before the data cut; all of them where dates or cut are unknown.

    Whole landmarks are left out rather than weighted: customers at a recent landmark would all be censored
    at once, and weights would let the few who left at once speak for them.
    """
    dates = marks.frame["landmark_at"]
    if marks.observed_until is None or dates.isna().all():
        return np.ones(len(dates), dtype=bool)
    horizon = pd.Timedelta(days=float(marks.horizon_days))
    # Rows of recent landmarks would all be censored at once; weights could not make up for it.
    ended = (dates + horizon <= pd.Timestamp(marks.observed_until)).to_numpy()
    return ended if ended.any() else np.ones(len(dates), dtype=bool)


def held_out(split: Split, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which rows are held out: customers of the test side, landmarks of the test period."""
    chosen = _on_test_side(split, frame)
    if split.test_from is not None:
        chosen &= (frame["landmark_at"] >= split.test_from).to_numpy()
    return chosen


def trained_on(split: Split, frame: pd.DataFrame, horizon: float) -> NDArray[np.bool_]:
    """Tell which rows train: the other customers, at landmarks whose horizon ended before the test period."""
    chosen = ~_on_test_side(split, frame)
    if split.test_from is not None:
        known = frame["landmark_at"] + pd.Timedelta(days=float(horizon)) <= pd.Timestamp(split.test_from)
        chosen &= known.to_numpy()
    return chosen


def _on_test_side(split: Split, frame: pd.DataFrame) -> NDArray[np.bool_]:
    key = f"{split.seed % 10**16:016d}"
    hashed = pd.util.hash_pandas_object(frame["customer_id"].astype(object), index=False, hash_key=key)
    # A hash of the id, so that a customer is on the same side in this data and in any other.
    return np.asarray(hashed.to_numpy() % 10_000 < round(split.test_share * 10_000))


def require_both_sides(rows: TrainingRows, what: str, least: int = 10, *, kind: str = "any") -> None:
    """Refuse rows with hardly anybody on one side.

    Raises
    ------
    DataError
        Naming the numbers.
    """
    known = rows.weight > 0
    cases, others = int((rows.left & known).sum()), int((~rows.left & known).sum())
    if min(cases, others) < least:
        raise DataError(
            f"{what}: {cases:,} rows {words_for(kind).happened} within the horizon and {others:,} did not",
            wanted=f"at least {least} of each",
            next_step="take a longer horizon, more landmarks, or kind='any'",
        )
