"""Rows of landmarks that users bring: what is required of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cxresearch.errors import DataError
from cxresearch.scales import Scale

if TYPE_CHECKING:
    import pandas as pd

_NEXT = "build it with cx.landmark(study), or correct the frame given to Landmarks.from_frame"


def need_columns(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse rows that lack a column."""
    lost = [column for column in dict.fromkeys(columns) if column not in frame.columns]
    if lost:
        raise DataError(
            "the landmark rows lack " + ", ".join(map(repr, lost)),
            where=f"columns: {', '.join(map(str, frame.columns))}",
            next_step=_NEXT,
        )


def dates_of(values: pd.Series) -> Any:
    """Return moments as naive UTC."""
    import pandas as pd

    dates = pd.to_datetime(values)
    if getattr(dates.dt, "tz", None) is not None:
        dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
    return dates.astype("datetime64[us]").array


def floats_of(frame: pd.DataFrame, column: str) -> Any:
    """Return a column as floats, missing values as NaN."""
    import numpy as np
    import pandas as pd

    try:
        return pd.to_numeric(frame[column], errors="raise").to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"column {column!r} holds something that is not a number: {error}", next_step=_NEXT
        ) from None


def check_spans(horizon_days: float, window_days: float) -> None:
    """Refuse a horizon that is not finite, and spans of no days."""
    if not 0 < float(horizon_days) < float("inf") or not float(window_days) > 0:
        raise DataError(
            f"horizon_days is {horizon_days!r} and window_days {window_days!r}",
            wanted="a finite horizon and a window, both above 0 days",
        )


def check_shape(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse columns that appear twice or are missing, and a frame without rows."""
    if frame.columns.has_duplicates:
        twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise DataError("columns appear twice: " + ", ".join(twice), next_step=_NEXT)
    need_columns(frame, ["customer_id", "landmark_at", "duration_days", "event", *columns])
    if not len(frame):
        raise DataError("there is no landmark row", next_step="see what was left out and why")


def _refuse(broken: Any, what: str, wanted: str) -> None:
    """Name the number of rows that break a rule and the position of the first; never the customer."""
    import numpy as np

    broken = np.asarray(broken, dtype=bool)
    if broken.any():
        raise DataError(
            f"{int(broken.sum()):,} landmark rows {what}",
            where=f"first at row position {int(np.argmax(broken))}",
            wanted=wanted,
            next_step=_NEXT,
        )


def check_rows(frame: pd.DataFrame, events: Collection[int]) -> None:
    """Refuse rows without a customer, with an unknown event or duration, or of one customer and day twice."""
    _refuse(frame["customer_id"].isna(), "have no customer_id", "an id in every row")
    _refuse(~frame["event"].isin(list(events)), "have an unknown event code", "0, 1 or 2")
    duration = frame["duration_days"].to_numpy(dtype=float, na_value=float("nan"))
    # A duration of 0 days would leave before the landmark, where nobody is at risk any more.
    usable = (duration > 0) & (duration < float("inf"))
    _refuse(~usable, "have a duration that is missing or not above 0", "days after the landmark")
    _refuse(
        frame.duplicated(["customer_id", "landmark_at"]),
        "repeat a customer at the same landmark",
        "one row for each customer and landmark_at",
    )


def check_scores(frame: pd.DataFrame, instruments: Mapping[str, Scale], window_days: float) -> None:
    """Refuse answers outside their scale or their window."""
    for name, scale in instruments.items():
        scores = frame[name].to_numpy(dtype=float, na_value=float("nan"))
        outside = (scores < scale.low) | (scores > scale.high)
        _refuse(outside, f"have a {name} outside the scale", f"{scale.low} to {scale.high}, or missing")
        age = f"{name}_age_days"
        if age in frame.columns:
            days = frame[age].to_numpy(dtype=float, na_value=float("nan"))
            late = (days < 0) | (days > window_days)
            _refuse(late, f"have a {name} from after the landmark or before the window", "0 to window_days")


def check_dates(frame: pd.DataFrame, observed_until: datetime | None) -> None:
    """Refuse rows that last beyond the data cut."""
    dates = frame["landmark_at"]
    if observed_until is None or dates.isna().all():
        return
    # Nobody is watched past the data cut: duration <= C - s, but for rounding.
    followed = (observed_until - dates).dt.total_seconds() / 86_400
    over = frame["duration_days"].to_numpy(dtype=float) > followed.to_numpy() + 1e-6
    _refuse(over, "last beyond observed_until", "durations that end at the data cut")
