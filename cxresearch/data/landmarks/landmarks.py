"""Customers at landmarks: what was known on a day, and how long each stayed afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cxresearch.data.landmarks.landmark_checks import (
    check_dates,
    check_rows,
    check_scores,
    check_shape,
    check_spans,
    dates_of,
    floats_of,
    need_columns,
)
from cxresearch.data.landmarks.landmark_outcomes import CHURN, LandmarkOutcome, outcome_named
from cxresearch.data.snapshot import snapshot_refusal
from cxresearch.errors import ArgumentError
from cxresearch.results.result import Result, as_plain
from cxresearch.scales import Scale
from cxresearch.wording import only_if

if TYPE_CHECKING:
    import pandas as pd

#: Meaning of the codes in column ``event``; where another outcome is followed, 1 is that and 2 is leaving.
EVENTS = {0: "censored", 1: "voluntary churn", 2: "involuntary churn"}


def _empty_excluded() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "reason": pd.Series(dtype=object),
            "rows": pd.Series(dtype="int64"),
            "customers": pd.Series(dtype="int64"),
        }
    )


def _empty_flags() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "flag": pd.Series(dtype=object),
            "rows": pd.Series(dtype="int64"),
            "detail": pd.Series(dtype=object),
        }
    )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Landmarks(Result):
    """One row for each customer and landmark: scores and features known by then, and what followed.

    Attributes
    ----------
    frame : DataFrame
        Columns ``customer_id`` (string), ``landmark_at`` (naive UTC; NaT where a frame without dates was
        given), one float column for each instrument, named as the instrument (the raw answer, NaN where there
        is no answer in the window), ``<instrument>_age_days`` where known, ``<instrument>_weight`` where
        answers have weights, ``duration_days`` (above 0, from
        the landmark to churn or censoring), ``event`` (int8: 0 censored, 1 voluntary, 2 involuntary churn),
        then the columns named in ``features`` (floats, NaN where not known) and ``segments``.
    instruments : Mapping of str to Scale
        The scales of the score columns; empty in a study without responses.
    horizon_days : float
        The question asked of each row: did the customer leave within this many days?
    window_days : float
        Greatest age of an answer that still counts; infinite where nobody set one.
    every : str
        How landmarks were placed: ``"quarter"``, ``"given dates"`` ...
    observed_until : datetime or None
        The data cut, naive UTC.
    features, segments : tuple of str
        Columns of ``frame`` known at the landmark; never the scores themselves.
    stacked : bool
        Landmarks of one customer may lie closer together than the horizon, so that rows share outcomes.
    excluded : DataFrame
        Columns ``reason, rows, customers``: candidate rows (a customer at a landmark) left out, each under
        its first reason.
    flags : DataFrame
        Columns ``flag, rows, detail``: alarms about leaks, for a person to judge, and rows set aside.
    name : str
        Name of the study.
    outcome : str
        What ``event`` 1 is: ``"churn"``, or another outcome (`followed` has its words); then 2 is leaving.

    Raises
    ------
    DataError
        If the frame contradicts itself: a column is missing, a score lies outside its scale, a duration is
        not above zero, an event code is unknown, a customer has two rows at one landmark.

    Examples
    --------
    >>> import pandas as pd
    >>> from cxresearch.scales import NPS
    >>> rows = {"customer_id": ["a", "b"], "nps": [9, 3], "duration_days": [400, 30], "event": [0, 1]}
    >>> marks = Landmarks.from_frame(pd.DataFrame(rows), instruments={"nps": NPS}, horizon_days=180)
    >>> marks.n_rows, marks.n_events()
    (2, 1)
    """

    frame: pd.DataFrame
    instruments: Mapping[str, Scale]
    horizon_days: float
    window_days: float = float("inf")
    every: str = "given rows"
    observed_until: datetime | None = None
    features: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    stacked: bool = False
    excluded: pd.DataFrame = field(default_factory=_empty_excluded)
    flags: pd.DataFrame = field(default_factory=_empty_flags)
    name: str = ""
    outcome: str = "churn"

    def __post_init__(self) -> None:
        outcome_named(self.outcome)
        check_spans(self.horizon_days, self.window_days)
        check_shape(self.frame, [*self.instruments, *self.features, *self.segments])
        check_rows(self.frame, EVENTS)
        check_scores(self.frame, self.instruments, self.window_days)
        check_dates(self.frame, self.observed_until)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        instruments: Mapping[str, Scale],
        horizon_days: float,
        features: Sequence[str] = (),
        segments: Sequence[str] = (),
        **more: Any,
    ) -> Landmarks:
        """Build landmarks from rows prepared elsewhere.

        Parameters
        ----------
        frame : DataFrame, shape (n, columns)
            Needs ``customer_id``, ``duration_days``, ``event`` and a column for each instrument;
            ``landmark_at`` if a customer has several rows. It is copied, with types made canonical.
        instruments : Mapping of str to Scale
            The score columns and their scales.
        horizon_days : float
            Days ahead that the rows are asked about.
        features, segments : sequence of str
            Further columns to keep.
        **more
            Other attributes of the class: ``window_days``, ``every``, ``observed_until``, ``stacked``,
            ``excluded``, ``flags``, ``name``, ``outcome``.
        """
        import pandas as pd

        wanted = ["customer_id", "duration_days", "event", *instruments, *features, *segments]
        need_columns(frame, wanted)
        of_answers = [f"{name}_{what}" for name in instruments for what in ("age_days", "weight")]
        of_answers = [name for name in of_answers if name in frame.columns]
        rows = pd.DataFrame(index=range(len(frame)))
        rows["customer_id"] = frame["customer_id"].astype("string[pyarrow]").array
        dated = "landmark_at" in frame.columns
        rows["landmark_at"] = dates_of(frame["landmark_at"]) if dated else pd.Timestamp("NaT").as_unit("us")
        for column in dict.fromkeys([*instruments, *of_answers, "duration_days", "event", *features]):
            rows[column] = floats_of(frame, column)
        if rows["event"].isin(list(EVENTS)).all():
            rows["event"] = rows["event"].astype("int8")
        for column in segments:
            rows[column] = frame[column].array
        return cls(
            frame=rows,
            instruments=dict(instruments),
            horizon_days=horizon_days,
            features=tuple(features),
            segments=tuple(segments),
            **more,
        )

    @property
    def followed(self) -> LandmarkOutcome:
        """What is followed, in words."""
        return outcome_named(self.outcome)

    @property
    def event_names(self) -> dict[int, str]:
        """Names of the codes 1 and 2 of column ``event``."""
        if self.followed is CHURN:
            return {1: "voluntary churn", 2: "involuntary churn"}
        return {1: self.followed.noun, 2: "leaving before it"}

    @property
    def n_rows(self) -> int:
        """Rows: pairs of customer and landmark."""
        return len(self.frame)

    @property
    def n_customers(self) -> int:
        """Distinct customers, the clusters of every standard error."""
        return int(self.frame["customer_id"].nunique())

    @property
    def n_candidates(self) -> int:
        """Rows looked at: those kept and those counted in ``excluded``."""
        return self.n_rows + int(self.excluded["rows"].sum())

    def n_events(self, kind: int | None = 1) -> int:
        """Rows that end within the horizon by one kind of event (1 voluntary, 2 involuntary, None both)."""
        event = self.frame["event"]
        of_kind = event > 0
        if kind is not None:
            of_kind = event == kind
        return int((of_kind & (self.frame["duration_days"] <= self.horizon_days)).sum())

    def complete(self, instruments: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the rows of ``frame`` where every one of these instruments has an answer."""
        columns = list(instruments or ())
        if instruments is None:
            columns = list(self.instruments)
        need_columns(self.frame, columns)
        rows: pd.DataFrame = self.frame[self.frame[columns].notna().all(axis=1)]
        return rows

    def summary(self) -> dict[str, str]:
        """Return what the display prints: label and text, without any customer's id."""
        dates = self.frame["landmark_at"].dropna()
        lines = {"Rows": f"{self.n_rows:,} of {self.n_customers:,} customers"}
        if len(dates):
            first, last = f"{dates.min():%Y-%m-%d}", f"{dates.max():%Y-%m-%d}"
            spread = " to ".join(dict.fromkeys((first, last)))
            lines["Landmarks"] = f"{dates.nunique():,} ({spread}), {self.every}"
        overlap = only_if(self.stacked, "; landmarks of a customer overlap")
        lines["Horizon"] = f"{self.horizon_days:g} days{overlap}"
        early = (self.frame["event"] == 0) & (self.frame["duration_days"] < self.horizon_days)
        counts = f"{self.n_events(1):,} voluntary and {self.n_events(2):,} involuntary churn"
        if self.followed is not CHURN:
            counts = ", ".join(f"{self.n_events(code):,} {name}" for code, name in self.event_names.items())
        lines["Within it"] = f"{counts}, {int(early.sum()):,} censored before it ends"
        for name, scale in self.instruments.items():
            known = int(self.frame[name].notna().sum())
            lines[scale.label] = f"{known:,} answers ({known / self.n_rows:.1%} of rows)"
        lines["Features"] = f"{len(self.features)}"
        if self.segments:
            lines["Segments"] = f"{', '.join(self.segments)}, as the data have them today at every landmark"
        for row in self.excluded.itertuples():
            lines[f"Left out: {row.reason}"] = f"{row.rows:,} rows"
        for row in self.flags.itertuples():
            lines[f"Flag: {row.flag}"] = f"{row.detail}"
        return lines

    def __str__(self) -> str:
        title = "Landmarks" + only_if(self.name, f" of {self.name}")
        return "\n".join([title, *(f"  {label}: {text}" for label, text in self.summary().items())])

    __repr__ = __str__

    @property
    def finding(self) -> str:
        """How many rows of how many customers, and how many left, or had the outcome, within the horizon."""
        title = "Landmarks" + only_if(self.name, f" of {self.name}")
        happened = self.followed.happened + only_if(self.followed is CHURN, " of their own accord")
        return (
            f"{title}: {self.n_rows:,} rows of {self.n_customers:,} customers; {self.n_events(1):,} "
            f"{happened} within {self.horizon_days:g} days."
        )

    @property
    def table(self) -> pd.DataFrame:
        """What the rows are and who was left out, one fact a line; the rows themselves are ``frame``."""
        import pandas as pd

        facts = self.summary()
        return pd.DataFrame({"fact": list(facts), "figure": list(facts.values())})

    @property
    def notes(self) -> tuple[str, ...]:
        """Flags of the rows, in words."""
        return tuple(str(detail) for detail in self.flags["detail"])

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and settings as plain values; rows of customers stay out of it."""
        frames = {"frame", "instruments"}
        kept = [item.name for item in fields(self) if item.name not in frames]
        plain = {key: as_plain(getattr(self, key)) for key in kept}
        return plain | {
            "instruments": as_plain(dict(self.instruments)),
            "rows": self.n_rows,
            "customers": self.n_customers,
            "candidates": self.n_candidates,
        }


def require_landmarks(marks: object) -> None:
    """Refuse what is no landmarks, such as the study itself or a data frame.

    Raises
    ------
    ArgumentError
        If ``marks`` is not what `cx.landmark` returns.
    """
    if getattr(marks, "kind", "") == "snapshot":
        raise snapshot_refusal(str(getattr(marks, "name", "")))
    if not isinstance(marks, Landmarks):
        raise ArgumentError(
            f"this takes landmarks, not a {type(marks).__name__}",
            wanted="what cx.landmark returns",
            next_step="marks = cx.landmark(study, horizon_days=180)",
        )
