"""From a study, landmarks, a frame or arrays to checked survival input by group: one place for all curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_columns, check_number
from cxresearch.churn.churn_kinds import KIND_NAMES
from cxresearch.churn.curves.survival_sample import SurvivalInput, conditional_on, in_unit
from cxresearch.churn.curves.timeline import as_day, carried, timeline, under_observation
from cxresearch.data.engine import EVERY, collect, days_between, lazy, period_start
from cxresearch.data.landmarks.followed_outcome import refuse_other_outcomes
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.units import Unit
from cxresearch.scales import DETRACTORS, PROMOTERS
from cxresearch.stats.survival.risk_table import SurvivalRows, survival_rows
from cxresearch.stats.survival.survival_groups import group_codes
from cxresearch.units_of_time import DAYS_A_MONTH

UNKNOWN = "unknown"
_PARTS = ("duration", "event", "entry", "weight", "cluster", "count")


def survival_input(
    source: Any,
    *,
    by: Any = None,
    unit: str = "days",
    axis: str = "tenure",
    observed_from: date | str | None = None,
    given: float = 0,
    strata: Any = None,
) -> SurvivalInput:
    """Read whatever a churn curve can be made of.

    Parameters
    ----------
    source : Study, Landmarks, frame, or (duration, event) arrays
        A frame (of any engine) has columns duration and event, and optionally entry, weight, cluster (or
        customer_id, where a customer has several rows) and count.
    by : str, sequence of str, or array-like, optional
        Column or columns that make the groups; an array of labels where ``source`` is arrays. Studies also
        know ``started_month``, ``started_quarter`` and ``started_year``; landmarks their scores, by band.
    unit : {"days", "months"}
        Durations of studies and landmarks are converted from days (30.4375 a month); for frames and arrays it
        only says what they are.
    axis : {"tenure", "calendar"}
        For a study: time since each customer's start, or since the first customer's start with later ones
        entering late.
    observed_from : date or str, optional
        For a study whose ends are recorded only from a day on.
    given : float
        Time already stayed, in ``unit``.
    strata : str or array-like, optional
        As ``by``.
    """
    check_choice("unit", unit, ("days", "months"))
    check_choice("axis", axis, ("tenure", "calendar"))
    given = check_number("given", given, at_least=0)
    if not isinstance(source, Study) and (axis == "calendar" or observed_from is not None):
        raise ArgumentError(
            "axis='calendar' and observed_from need a study",
            wanted="a Study as the source",
            next_step="for a frame, give a column entry",
        )
    if isinstance(source, tuple):
        return conditional_on(in_unit(_from_arrays(source, by, strata), 1.0, Unit(unit)), given)
    columns = _Columns(by=check_columns("by", by), strata=check_columns("strata", strata))
    days_a_unit = DAYS_A_MONTH if unit == "months" else 1.0
    if isinstance(source, Study):
        rows = _from_study(source, columns, axis, observed_from)
    elif isinstance(source, Landmarks):
        rows = _from_landmarks(source, columns)
    else:
        rows = _from_frame(source, columns)
        days_a_unit = 1.0
    return conditional_on(in_unit(rows, days_a_unit, Unit(unit)), given)


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """Columns of the user that make groups and strata, and the neutral names under which they travel."""

    by: tuple[str, ...]
    strata: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, once."""
        return tuple(dict.fromkeys((*self.by, *self.strata)))

    @property
    def neutral(self) -> dict[str, str]:
        """Neutral name of each."""
        return {name: carried(place) for place, name in enumerate(self.names)}

    def labels(self, table: pd.DataFrame, names: tuple[str, ...]) -> Any:
        """Return one label a row from some of them; None where there are none."""
        return _labels(table, [self.neutral[name] for name in names])


def _from_study(
    study: Study, columns: _Columns, axis: str, observed_from: date | str | None
) -> SurvivalInput:
    periods: dict[str, Any] = {
        name: name.removeprefix("started_") for name in columns.names if _is_start_period(name)
    }
    # Periods of the start are made here; they hold the places of their names meanwhile.
    carry = ["started_at" if name in periods else name for name in columns.names]
    people = timeline(study, carry=carry)
    for name, every in periods.items():
        began = period_start(nw.col("started_at"), every, study.timezone).dt.to_string("%Y-%m-%d")
        people = people.with_columns(began.alias(columns.neutral[name]))
    label, late = "start of the relationship", axis == "calendar" or observed_from is not None
    people = people.with_columns(entry=_entry(observed_from))
    if axis == "calendar":
        first: Any = collect(people.select(nw.col("started_at").min())).iloc[0, 0]
        # On the calendar everybody is at risk from their own start on: delayed entry.
        shift = days_between(nw.lit(first), nw.col("started_at"))
        people = people.with_columns(duration=nw.col("duration") + shift, entry=nw.col("entry") + shift)
        label = f"day the first customer started ({first:%Y-%m-%d})"
    # Counted on the engine: customers of the same time, end and groups are one row with a count.
    keys = ["duration", "event", *columns.neutral.values()]
    if late:
        keys.append("entry")
    table = collect(people.group_by(keys).agg(nw.len().alias("count")))
    notes: tuple[str, ...] = ()
    if late:
        table, notes = under_observation(table)
    rows = _from_table(table, columns, label)
    return replace(rows, name=study.name, kinds=KIND_NAMES, notes=notes)


def _is_start_period(name: str) -> bool:
    return name.startswith("started_") and name.removeprefix("started_") in EVERY


def _entry(observed_from: date | str | None) -> nw.Expr:
    """Days from the start of the relationship until a customer was under observation."""
    if observed_from is None:
        return nw.lit(0.0)
    since = days_between(nw.col("started_at"), nw.lit(as_day(observed_from)))
    return nw.when(since > 0).then(since).otherwise(nw.lit(0.0))


def _from_landmarks(marks: Landmarks, columns: _Columns) -> SurvivalInput:
    refuse_other_outcomes(marks, "a survival curve")
    frame = marks.frame
    table = frame[["duration_days", "event"]].rename(columns={"duration_days": "duration"})
    for name, neutral in columns.neutral.items():
        if name in marks.instruments:
            table[neutral] = score_bands(frame[name], marks.instruments[name])
        elif name in frame.columns:
            table[neutral] = frame[name]
        else:
            known = (*marks.instruments, *marks.segments, *marks.features, "landmark_at")
            raise ArgumentError(f"the landmarks have no column {name!r}", wanted="one of " + ", ".join(known))
    if frame["customer_id"].duplicated().any():
        table["cluster"] = frame["customer_id"]
    labels = [marks.instruments[name].label if name in marks.instruments else name for name in columns.by]
    rows = _from_table(table, columns, "landmark")
    return replace(rows, name=marks.name, kinds=KIND_NAMES, by=" and ".join(labels))


def score_bands(scores: pd.Series[Any], scale: Any) -> pd.Series[Any]:
    """Name the band of each answer: the three of an NPS, else the top answers against the others."""
    if scale.name == "nps" and (scale.low, scale.high) == (0, 10):
        names = ["detractors", "passives", "promoters"]
        # Detractors 0 to 6, promoters 9 and 10 (Reichheld 2003).
        band = np.select([scores.isin(DETRACTORS), scores.isin(PROMOTERS)], [0, 2], 1)
    else:
        ends = f"{min(scale.top)}-{max(scale.top)}"
        names = [f"other {scale.label}", f"top {scale.label} ({ends})"]
        band = np.where(scores.isin(scale.top), 1, 0)
    names = [*names, "no answer"]
    band = np.where(scores.isna(), len(names) - 1, band).astype(np.int64)
    labels = pd.Categorical.from_codes(band, pd.Index(names), ordered=True)
    return pd.Series(labels, index=scores.index)


def _from_arrays(source: tuple[Any, ...], by: Any, strata: Any) -> SurvivalInput:
    if len(source) != 2:
        raise ArgumentError(
            f"source has {len(source)} arrays",
            wanted="(duration, event)",
            next_step="put entry, weight, cluster or count beside them in a frame",
        )
    rows = survival_rows(*source)
    return _grouped(rows, by, strata, "start", "by")


def _from_frame(native: Any, columns: _Columns) -> SurvivalInput:
    _need(lazy(native), ("duration", "event", *columns.names), "the frame")
    frame = lazy(_arrow(native, (*_PARTS, "customer_id", *columns.names)))
    present = frame.collect_schema().names()
    if columns.names:
        frame = frame.with_columns(**{neutral: nw.col(name) for name, neutral in columns.neutral.items()})
    parts = [name for name in _PARTS if name in present]
    if "cluster" not in parts and "customer_id" in present:
        # A customer with several rows is a cluster.
        seen = collect(frame.select(rows=nw.len(), people=nw.col("customer_id").n_unique()))
        if int(seen["people"].iloc[0]) < int(seen["rows"].iloc[0]):
            frame = frame.with_columns(cluster=nw.col("customer_id"))
            parts.append("cluster")
    groups = list(columns.neutral.values())
    if "weight" in parts or "cluster" in parts:
        return _from_table(collect(frame.select(*parts, *groups)), columns, "start")
    keys = [name for name in parts if name != "count"]
    people = nw.len()
    if "count" in parts:
        people = nw.col("count").sum()
    # Counted under a neutral name, for the frame's own column may be called `count`.
    table = collect(frame.group_by([*keys, *groups]).agg(people.alias("people")))
    return _from_table(table.rename(columns={"people": "count"}), columns, "start")


def _arrow(native: Any, columns: tuple[str, ...]) -> Any:
    """Hand a pandas frame to Arrow, which counts millions of rows by group several times faster."""
    import pyarrow as pa

    if not isinstance(native, pd.DataFrame):
        return native
    try:
        used = [name for name in native.columns if name in columns]
        return pa.Table.from_pandas(native, columns=used, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a column of mixed objects: pandas takes it as it is
        return native


def _need(frame: Any, wanted: tuple[str, ...], where: str) -> None:
    columns = frame.collect_schema().names()
    lost = [name for name in wanted if name not in columns]
    if not lost:
        return
    step = ""
    if lost[0] in ("duration", "event"):
        step = 'rename columns, or give two: (frame["months"], frame["left"])'
    raise ArgumentError(
        f"there is no column {lost[0]!r}",
        where=where,
        wanted="one of " + ", ".join(map(repr, columns)),
        next_step=step,
    )


def _from_table(table: pd.DataFrame, columns: _Columns, axis: str) -> SurvivalInput:
    if not len(table):
        raise DataError("no rows to build a survival curve from", next_step="check the filter or the group")
    rows = survival_rows(
        table["duration"],
        table["event"],
        entry=table.get("entry"),
        weights=table.get("weight"),
        clusters=table.get("cluster"),
        counts=table.get("count"),
    )
    by, strata = columns.labels(table, columns.by), columns.labels(table, columns.strata)
    return _grouped(rows, by, strata, axis, " and ".join(columns.by))


def _labels(table: pd.DataFrame, columns: Sequence[str]) -> Any:
    """One label a row; missing values become a group of their own."""
    if not columns:
        return None
    if len(columns) == 1 and str(table[columns[0]].dtype) == "category":
        column = table[columns[0]]
        if not column.isna().any():
            return column
    # A missing value is a group, called unknown.
    filled = [table[name].astype(object).where(table[name].notna(), UNKNOWN) for name in columns]
    if len(filled) == 1 and not filled[0].isin([UNKNOWN]).any():
        return filled[0]
    texts = [column.map(str) for column in filled]
    label = texts[0]
    for text in texts[1:]:
        label = label + ", " + text
    return label


def _grouped(rows: SurvivalRows, by: Any, strata: Any, axis: str, label: str) -> SurvivalInput:
    groups: tuple[str, ...] = ("all",)
    codes = np.zeros(rows.duration.size, dtype=np.int64)
    stratum = None
    if by is not None:
        groups, codes = group_codes("by", by, rows)
    else:
        label = ""
    if strata is not None:
        stratum = group_codes("strata", strata, rows)[1]
    return SurvivalInput(
        rows=rows,
        group=codes,
        groups=groups,
        strata=stratum,
        unit=Unit.DAYS,
        by=label,
        axis=axis,
        name="",
        kinds=_kinds_of(rows),
    )


def _kinds_of(rows: SurvivalRows) -> dict[int, str]:
    codes = [int(code) for code in np.unique(rows.event) if code > 0]
    return {code: KIND_NAMES.get(code, f"kind {code}") for code in codes or [1]}
